"""How time and memory of the pseudo-label step grow, from the last full ``vireid bench``."""

import json

import numpy as np
from matplotlib.ticker import FuncFormatter, NullFormatter

from vireid.bench.report import GROWTH_GOALS
from vireid.figures.registry import drawing
from vireid.paths import CHECKOUT
from vireid.plots.base import COLOURS, INK, canvas, dress, share_legend

NUMBERS = CHECKOUT / "docs/benchmarks.json"
SIDES = {  # name, colour, marker, line
    "plain": ("straightforward reference", COLOURS[4], "s", "--"),
    "ours": ("vireid", COLOURS[0], "o", "-"),
}
PANELS = {"cpu": "CPU time (s)", "memory": "memory beyond the features (GB)"}


def measured() -> list[dict]:
    """Rows of the benchmark's growth by number of images; empty where no full run is kept."""
    return json.loads(NUMBERS.read_text())["scaling"] if NUMBERS.exists() else []


@drawing(
    "Time and memory of features (2048 numbers an image) to DBSCAN labels by number of images, one "
    "thread, one round a point; both axes are logarithmic. Crosses are the goals at 34,167 images, "
    "SYSU-MM01's training set. Below some 5,000 images the points are no measure of growth: the "
    "first holds one-time costs of a process, and the peak of a small call hides in memory that is "
    "held already (none is drawn where all of it does). Numbers: `docs/benchmarks.json`.",
    of_any=False,
)
def scaling():
    """Growth of both costs, reference and library."""
    rows = measured()
    if not rows:
        return None
    figure, axes = canvas(2, width=8.4, height=3.8)
    for ax, (cost, unit) in zip(axes, PANELS.items(), strict=True):
        for side, (name, colour, marker, line) in SIDES.items():
            # the peak of a small call hides in memory that is held already
            known = [(r["n"], r[f"{cost}_{side}"]) for r in rows if r.get(f"{cost}_{side}", 0) > 0]
            if known:
                ax.plot(*zip(*known, strict=True), line, color=colour, marker=marker, label=name)
                _label(ax, known[-1], colour)
        goal, _ = GROWTH_GOALS[f"{cost}_ours"]
        ax.plot(rows[-1]["n"], goal, "x", color=INK, ms=8, mew=2, label="goal")
        _axes(ax, [r["n"] for r in rows], unit)
    share_legend(figure, columns=3)
    return figure


def _label(ax, point: tuple[float, float], colour: str) -> None:
    """The value beside the last point of a line."""
    ax.annotate(
        f"{point[1]:.3g}", point, xytext=(7, 0), textcoords="offset points", fontsize=8,
        color=colour, va="center",
    )  # fmt: skip


def _axes(ax, sizes: list[int], unit: str) -> None:
    ax.set_xscale("log")
    ax.set_yscale("log")
    dress(ax, xlabel="images N", ylabel=unit)
    ax.set_xlim(sizes[0] * 0.85, sizes[-1] * 1.6)  # room for the values on the right
    apart = np.flatnonzero(np.diff(np.log(sizes), prepend=-np.inf) > 0.5)
    ax.set_xticks([sizes[i] for i in apart])
    ax.xaxis.set_major_formatter(FuncFormatter(lambda n, _: f"{n:,.0f}"))
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
