"""A figure for the room: ``mode("lecture")`` makes type larger, lines thicker, and 150 dpi.

Plots are drawn as always, but for the room that ``larger`` type needs; a figure is enlarged once,
when it becomes a picture.
"""

import os

from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.text import Text

DPI = {"page": 100, "lecture": 150}
TYPE, LINES = 1.3, 1.6  # how much larger and thicker in a lecture
_chosen: list[str] = []  # the mode set by hand; else the environment's VIREID_MODE, else "page"


def mode(name: str | None = None) -> str:
    """The mode of all figures from here on, "page" or "lecture"; without a name, the present one.

    The environment variable VIREID_MODE sets it for a whole session.
    Raises ValueError for an unknown name.
    """
    if name is not None:
        _chosen[:] = [_known(name, "name")]
    return _chosen[0] if _chosen else _known(os.environ.get("VIREID_MODE") or "page", "VIREID_MODE")


def dpi() -> int:
    """Dots per inch of pictures in the present mode."""
    return DPI[mode()]


def larger() -> float:
    """How much larger type will be in the present mode: plots leave so much more room for it."""
    return 1.0 if mode() == "page" else TYPE


def enlarge(figure: Figure) -> None:
    """In a lecture, enlarge type and lines of a finished figure; a second call changes nothing."""
    if mode() == "page" or figure.get_gid() == "lecture":
        return
    figure.set_gid("lecture")
    for text in figure.findobj(Text):
        text.set_fontsize(larger() * text.get_fontsize())
    for line in figure.findobj(lambda artist: isinstance(artist, Line2D | Patch)):
        line.set_linewidth(LINES * line.get_linewidth())


def _known(name: str, what: str) -> str:
    if name not in DPI:
        raise ValueError(f"{what}={name!r}; known: {', '.join(DPI)}")
    return name
