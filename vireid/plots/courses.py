"""A step of a matching: the numbers it works on, and the clusters with their links beside them."""

from math import isclose

from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from vireid.arguments import as_array
from vireid.plots.base import COLOURS, FAINT, INK, MODALITY_COLOUR, MODALITY_MARKER
from vireid.types import Modality

LETTER = {Modality.VISIBLE: "v", Modality.INFRARED: "r"}  # of clusters' names, as in the papers
LINKS = {  # kind of link: colour, line, width, what the legend says
    "kept": (COLOURS[0], "-", 2.4, "partners"),
    "new": (COLOURS[1], "-", 3.2, "new in this step"),
    "given up": (INK, ":", 1.6, "given up"),
    "one way": (COLOURS[0], "--", 2.0, "one way"),
}


def course_board(cost, step, board: Axes, sides: Axes, *, scale: float = 1.0, mass=None) -> None:
    """A step's table with the cost in the corners of its fields, and the links beside it.

    Parameters
    ----------
    cost : (K_v, K_r); step : a record with table, links, margins and idle (``widgets.Step``)
    scale : numbers are written as so many times the table
    mass : (K_v, K_r) in [0, 1] thin lines beside the links, the thicker the more; None = none
    """
    _fields(as_array(cost), step, board, scale)
    _clusters(step, as_array(cost).shape, sides, mass)


def _fields(cost, step, ax: Axes, scale: float) -> None:
    table = scale * as_array(step.table)
    plan = scale > 1
    shown = table if plan else -table  # brighter is the better pair
    ax.imshow(shown, cmap="cividis", aspect="auto")
    middle = (shown.min() + shown.max()) / 2
    for (i, j), value in _entries(table):
        ink = INK if shown[i, j] > middle else "white"
        bold = {"fontweight": "bold"} if not plan and value == 0 else {}
        ax.text(j, i + 0.08, f"{value:.{1 if plan else 2}f}", ha="center", va="center",
                fontsize=10, color=ink, **bold)  # fmt: skip
        if not isclose(step.table[i, j], cost[i, j], abs_tol=1e-9):
            ax.text(j - 0.46, i - 0.3, f"{cost[i, j]:.2f}", ha="left", va="center", fontsize=7,
                    color=ink)  # fmt: skip
    for (i, j), kind in step.links.items():
        colour, line, width, _ = LINKS[kind]
        ax.add_patch(_frame(i, j, edgecolor=colour, linestyle=line, linewidth=width))
    _rest(step.idle, ax)
    _ticks(step.margins, cost.shape, ax)


def _entries(table):
    return [((i, j), table[i, j]) for i in range(table.shape[0]) for j in range(table.shape[1])]


def _frame(i: int, j: int, **look):
    return Rectangle((j - 0.45, i - 0.44), 0.9, 0.88, fill=False, **look)


def _rest(idle, ax: Axes) -> None:
    """Whitened rows and columns of clusters that do not play."""
    for i in idle[0]:
        ax.axhspan(i - 0.5, i + 0.5, color="white", alpha=0.6, lw=0)
    for j in idle[1]:
        ax.axvspan(j - 0.5, j + 0.5, color="white", alpha=0.6, lw=0)


def _ticks(margins, shape, ax: Axes) -> None:
    names = [[f"{LETTER[m]}{k}" for k in range(shape[m])] for m in Modality]
    ax.set_yticks(range(shape[0]), names[0], fontsize=9, color=MODALITY_COLOUR[Modality.VISIBLE])
    ax.set_xticks(range(shape[1]), names[1], fontsize=9, color=MODALITY_COLOUR[Modality.INFRARED])
    ax.xaxis.tick_top()
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    for i, word in enumerate(margins[0]):
        ax.text(shape[1] - 0.42, i, word, ha="left", va="center", fontsize=8, color=INK)
    for j, word in enumerate(margins[1]):
        ax.text(j, shape[0] - 0.4, word, ha="center", va="top", fontsize=8, color=INK)


def _clusters(step, shape, ax: Axes, mass) -> None:
    tall = max(shape)
    height = [[(k + 0.5) * tall / count for k in range(count)] for count in shape]
    if mass is not None:
        for (i, j), share in _entries(as_array(mass)):
            ax.plot([0, 1], [height[0][i], height[1][j]], color=FAINT, lw=5 * share, zorder=1)
    for (i, j), kind in step.links.items():
        colour, line, width, _ = LINKS[kind]
        ax.plot([0, 1], [height[0][i], height[1][j]], color=colour, ls=line, lw=width, zorder=2)
    for m in Modality:
        for k, y in enumerate(height[m]):
            pale = 0.35 if k in step.idle[m] else 1.0
            ax.plot(m, y, MODALITY_MARKER[m], ms=11, color=MODALITY_COLOUR[m], alpha=pale, zorder=3)
            ax.text(m + (0.1 if m else -0.1), y, f"{LETTER[m]}{k}", va="center", fontsize=9,
                    ha="left" if m else "right", color=INK, alpha=pale)  # fmt: skip
    ax.set(xlim=(-0.3, 1.3), ylim=(tall, 0))
    ax.set_axis_off()


def course_legend() -> list[Line2D]:
    """What the lines mean, for ``Axes.legend``."""
    return [
        Line2D([], [], color=colour, ls=line, lw=width, label=word)
        for colour, line, width, word in LINKS.values()
    ]
