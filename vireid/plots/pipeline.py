"""The map of the workbook: from pictures to scores, and which paper changes which box."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from vireid.plots.base import FAINT, INK, PALETTE, canvas

PAPERS = {
    paper: PALETTE[i]
    for paper, i in zip(("BMIL", "MULT", "DMDL", "MCF"), (2, 3, 4, 5), strict=True)
}


@dataclass(frozen=True)
class Box:
    """A step of the pipeline.

    Parameters
    ----------
    name : as the library's room or the notebooks call it
    place : (column, row), row 0 on top
    notebooks : where it is taught
    changes : paper -> what it does there
    """

    name: str
    place: tuple[int, int]
    notebooks: str
    changes: dict[str, str]


BOXES = (
    Box("pictures", (0, 0), "00, 01, 09", {"DMDL": "pseudo-colour"}),
    Box("features", (1, 0), "02, 12", {"MCF": "regions, PA-CBAM"}),
    Box(
        "neighbours", (2, 0), "03, 04, 05, 12, 13",
        {"BMIL": "balanced lists", "MCF": "by region (VRNL)"},
    ),
    Box("clusters", (3, 0), "03, 04", {}),
    Box(
        "association", (3, 1), "10, 11, 12, 13, 15",
        {"DMDL": "iMCA", "MULT": "label transfer", "MCF": "greedy (VRA)"},
    ),
    Box(
        "memory", (2, 1), "06, 08, 09, 13",
        {"BMIL": "a prototype per modality", "DMDL": "adaptive momentum"},
    ),
    Box(
        "losses", (1, 1), "06, 07, 08, 09, 11, 12, 13, 15",
        {"BMIL": "multi-positive", "MULT": "MIRL, OCLR", "DMDL": "CAI, alignment",
         "MCF": "MAAL, UM"},
    ),
    Box("evaluation", (0, 1), "00, 02, 07, 14, 16", {"MULT": "CMRR"}),
)  # fmt: skip
NAMES = tuple(box.name for box in BOXES)
WIDE, HIGH, STEP = 2.0, 1.5, (2.55, 2.35)


def pipeline(ax: Axes, *, here: Sequence[str] = ()) -> Axes:
    """Boxes from pictures to evaluation, each with its notebooks and what the papers change in it.

    Parameters
    ----------
    here : names of boxes to frame, of ``NAMES``: where the reader is

    Raises ValueError for a box that is not there.
    """
    if unknown := [name for name in here if name not in NAMES]:
        raise ValueError(f"here={unknown}; the map has {', '.join(NAMES)}")
    for before, after in pairwise(BOXES):
        _arrow(ax, before, after)
    losses, features = (BOXES[NAMES.index(name)] for name in ("losses", "features"))
    _arrow(ax, losses, features, "one step of training")
    for box in BOXES:
        _box(ax, box, framed=box.name in here)
    ax.set(xlim=(-1.15, 3 * STEP[0] + 1.15), ylim=(-STEP[1] - 0.95, 0.95), aspect="equal")
    ax.axis("off")
    return ax


def pipeline_map(*here: str) -> Figure:
    """The map as a figure of its own, with a legend of the four papers.

    Raises ValueError as ``pipeline``.
    """
    figure, ax = canvas(width=9.4, height=4.6)
    pipeline(ax, here=here)
    for paper, colour in PAPERS.items():
        ax.plot([], [], "s", ms=8, color=colour, label=paper)
    ax.legend(
        loc="upper center", bbox_to_anchor=(0.5, 0.0), ncols=len(PAPERS), frameon=False, fontsize=9
    )
    return figure


def _centre(box: Box) -> tuple[float, float]:
    return box.place[0] * STEP[0], -box.place[1] * STEP[1]


def _box(ax: Axes, box: Box, *, framed: bool) -> None:
    x, y = _centre(box)
    edge = {"edgecolor": INK, "linewidth": 3.2 if framed else 1.0}
    corner = (x - WIDE / 2, y - HIGH / 2)
    look = {"boxstyle": "round,pad=0.02,rounding_size=0.12", "facecolor": "#F4F4F4"}
    ax.add_patch(FancyBboxPatch(corner, WIDE, HIGH, zorder=2, **look, **edge))
    ax.text(x, y + 0.6, box.name, ha="center", va="center", fontsize=10, weight="bold", zorder=3)
    where = f"notebooks {box.notebooks.replace(',', '')}"
    ax.text(x, y + 0.37, where, ha="center", va="center", fontsize=7, zorder=3)
    for line, (paper, what) in enumerate(box.changes.items()):
        low = y + 0.13 - 0.23 * line
        ax.plot(x - 0.88, low, "s", ms=5, color=PAPERS[paper], zorder=3)
        ax.text(x - 0.78, low, what, ha="left", va="center", fontsize=7.5, color=INK, zorder=3)


def _arrow(ax: Axes, before: Box, after: Box, word: str = "") -> None:
    (x, y), (x2, y2) = _centre(before), _centre(after)
    gap = (WIDE / 2 + 0.05, HIGH / 2 + 0.05)
    sign = [(b > a) - (b < a) for a, b in ((x, x2), (y, y2))]
    start = (x + sign[0] * gap[0], y + sign[1] * gap[1])
    end = (x2 - sign[0] * gap[0], y2 - sign[1] * gap[1])
    look = {"arrowstyle": "-|>", "color": INK, "linewidth": 1.3, "mutation_scale": 12}
    ax.annotate("", end, start, arrowprops=look)
    if word:
        middle = ((start[0] + end[0]) / 2, (start[1] + end[1]) / 2)
        beside = (0, 0.12) if sign[0] else (0.08, 0)
        ax.text(
            middle[0] + beside[0], middle[1] + beside[1], word, fontsize=7, color=INK,
            ha="center" if sign[0] else "left", va="bottom" if sign[0] else "center",
            bbox={"facecolor": "white", "edgecolor": FAINT, "pad": 1},
        )  # fmt: skip
