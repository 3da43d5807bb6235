"""Gains in pairs over seeds: what one setting has over another on the same people."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes

from vireid.plots.base import COLOURS, FAINT, INK, dress, legend_below


def gains(
    scores: Mapping[str, Mapping[int, float]],
    ax: Axes,
    *,
    base: str,
    xlabel: str = "gain in rank-1 (points)",
    title: str = "",
) -> Axes:
    """A line a name: a dot for each seed that the base has too, a diamond at their mean.

    Parameters
    ----------
    scores : name -> seed -> score; of seeds that only one of a pair has, no gain is drawn
    base : the name that all others are compared with

    A lone seed's gain is drawn hollow and called so: it cannot tell a gain from chance. Raises
    ValueError for a base without scores.
    """
    if not scores.get(base):
        raise ValueError(f"base={base!r} has no scores; names with some: {', '.join(scores)}")
    found = {
        name: [own[seed] - scores[base][seed] for seed in own if seed in scores[base]]
        for name, own in scores.items()
        if name != base
    }
    rows = {name: values for name, values in found.items() if values}
    for y, values in enumerate(rows.values()):
        alone = len(values) == 1
        ax.plot(values, [y] * len(values), "o", ms=5, color=INK, mfc="none" if alone else INK,
                label=None if y else "one seed")  # fmt: skip
        if not alone:
            ax.plot(np.mean(values), y, "D", ms=8, color=COLOURS[0], alpha=0.8,
                    label=None if y else "mean over seeds")  # fmt: skip
        told = "one seed only" if alone else f"{np.mean(values):+.1f} (n = {len(values)})"
        ax.annotate(told, (max(values), y), xytext=(8, 0), textcoords="offset points",
                    va="center", fontsize=8)  # fmt: skip
    ax.axvline(0, color=INK, lw=0.8)
    dress(ax, title=title, xlabel=f"{xlabel}, over {base}")
    ax.set_yticks(range(len(rows)), list(rows), fontsize=8)
    ax.set_ylim(max(len(rows), 3) - 0.5, -0.5)
    ax.grid(axis="y", visible=False)
    ax.grid(axis="x", color=FAINT, linewidth=0.6)
    ax.margins(x=0.25)
    if rows:
        legend_below(ax, columns=2, drop=0.2 if len(rows) < 6 else 0.12)
    return ax
