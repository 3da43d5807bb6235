"""The board of a greedy matching: similarities shaded, moves marked in their order."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patheffects import withStroke

from vireid.arguments import as_array
from vireid.plots.base import COLOURS, INK, PALETTE, dress, legend_below

SPARSE = 8  # at most so many rows and columns get their numbers written into the fields
LOOKS = {  # kind of move: marker, colour, what the legend says
    "first": ("o", PALETTE[4], "match, pass A"),
    "second": ("s", COLOURS[0], "extra match, pass B"),
    "left over": ("D", COLOURS[1], "left over"),
    "full": ("x", INK, "refused: full"),
}


def matching_board(
    similarity, moves: Sequence, ax: Axes, *, rows: str, columns: str, title: str = ""
) -> Axes:
    """Similarities of clusters, brighter is more alike, and the moves that were played on them.

    Parameters
    ----------
    similarity : (rows, columns); moves : records with kind (a key of ``LOOKS``), row and column, in
        order; the last one is ringed, rows that are matched are dimmed
    rows, columns : what they are, for the axes
    """
    s = as_array(similarity).astype(float)
    ax.imshow(s, cmap="cividis", aspect="auto")
    taken = {m.row for m in moves if m.kind == "first"}
    for i in taken:
        ax.axhspan(i - 0.5, i + 0.5, color="white", alpha=0.45, lw=0)
    if max(s.shape) <= SPARSE:
        _numbers(s, taken, ax)
    for kind, (marker, colour, label) in LOOKS.items():
        at = [(m.column, m.row) for m in moves if m.kind == kind]
        if at:
            edge = {"mew": 2.0} if marker == "x" else {"mec": INK, "mew": 0.8}
            places = np.array(at, dtype=float).T
            ax.plot(*places, marker, ms=8, color=colour, label=label, ls="", **edge)
    if moves:
        ring = [withStroke(linewidth=5, foreground="white")]  # seen on dark fields, too
        at = moves[-1].column, moves[-1].row
        ax.plot(*at, "o", ms=17, mfc="none", mec=INK, mew=2.2, path_effects=ring)
    dress(ax, title=title, xlabel=columns, ylabel=rows)
    ax.grid(visible=False)
    for axis in (ax.xaxis, ax.yaxis):
        axis.get_major_locator().set_params(integer=True)
    if moves:
        legend_below(ax, columns=4, drop=0.5 / ax.figure.get_figheight())
    return ax


def _numbers(s: np.ndarray, taken: set, ax: Axes) -> None:
    """Each similarity in the corner of its field, so that a mark hides none."""
    low, high = s.min(), s.max()
    for (i, j), value in np.ndenumerate(s):
        bright = i in taken or value > low + 0.55 * (high - low)
        ax.text(
            j - 0.44, i - 0.3, f"{value:.2f}", ha="left", va="center", fontsize=8,
            color=INK if bright else "white",
        )  # fmt: skip
