"""How much a score depends on a hyperparameter."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes

from vireid.plots.base import COLOURS, INK, dress, legend_below
from vireid.plots.looks import looks

CLOSE = 0.07  # of the axis: values that stand nearer than that get slanted labels


def sensitivity(
    points: Mapping[object, Sequence[float]],
    ax: Axes,
    *,
    xlabel: str,
    ylabel: str,
    chosen=None,
    title: str = "",
) -> Axes:
    """A dot per seed and a line through the means, over evenly spaced values.

    Parameters
    ----------
    points : value -> one score per seed, in the unit of ``ylabel``; drawn in this order
    chosen : the value to mark as the one in use

    Raises ValueError for no points, a value without scores, or a ``chosen`` that is no point.
    Source: after the multi-module framework's Fig. 6, whose axis is not to scale either.
    """
    values = list(points)
    if not values or not all(len(scores) for scores in points.values()):
        raise ValueError("points needs at least one value, and at least one score for each")
    if chosen is not None and chosen not in values:
        raise ValueError(f"chosen={chosen!r} is no point; points: {values}")
    means = [float(np.mean(scores)) for scores in points.values()]
    ax.plot(means, color=COLOURS[0], lw=1.6, marker="o", ms=5, label="mean over seeds")
    seeds = [(x, score) for x, scores in enumerate(points.values()) for score in scores]
    ax.plot(*zip(*seeds, strict=True), "o", ms=3.5, mfc="none", color=INK, label="one seed", ls="")
    if chosen is not None:
        ax.axvline(values.index(chosen), color=INK, lw=0.8, ls=":", label="in use")
    counts = {len(scores) for scores in points.values()}
    n = f"n = {min(counts)}" if len(counts) == 1 else f"n = {min(counts)} to {max(counts)}"
    dress(ax, title=title, xlabel=f"{xlabel} ({n})", ylabel=ylabel)
    ax.set_xticks(range(len(values)), [_text(v) for v in values])
    ax.margins(x=0.08, y=0.12)
    legend_below(ax, columns=3)
    return ax


def dial(
    found: Mapping[str, Mapping[float, Sequence[float]]],
    ax: Axes,
    *,
    xlabel: str,
    ylabel: str,
    title: str = "",
    names: Iterable[str] | None = None,
) -> Axes:
    """A line per name over the values of a dial, to scale: means over draws, and their range.

    Parameters
    ----------
    found : name -> value of the dial -> one score per seed or draw; names may lack values
    names : those of all panels that share a legend, so that a name looks the same in each; by
        default found's

    Where a name lacks a value between two of its own that others have, its line is thin.

    Raises ValueError when there is no score at all.
    """
    counts = [len(scores) for line in found.values() for scores in line.values()]
    if not counts or min(counts) < 1:
        raise ValueError("found needs at least one name, and at least one score for each value")
    look = looks(found if names is None else names)
    measured = sorted({value for line in found.values() for value in line})
    for name, points in found.items():
        colour, line, marker = look[name]
        values = [v for v in measured if points and min(points) <= v <= max(points)]
        mean, low, high = (
            [pick(points[v]) if v in points else np.nan for v in values]
            for pick in (np.mean, min, max)
        )
        ax.plot(values, mean, color=colour, ls=line, marker=marker, lw=1.6, ms=4, label=name)
        if len(values) > len(points):
            known = sorted(points)
            ax.plot(known, [np.mean(points[v]) for v in known], color=colour, lw=0.6, alpha=0.6)
        ax.fill_between(values, low, high, color=colour, alpha=0.12, lw=0)
    n = f"n = {min(counts)}" if len(set(counts)) == 1 else f"n = {min(counts)} to {max(counts)}"
    dress(ax, title=title, xlabel=f"{xlabel} ({n})", ylabel=ylabel)
    close = len(measured) > 1 and min(np.diff(measured)) < CLOSE * (measured[-1] - measured[0])
    turned = {"rotation": 45, "ha": "right", "rotation_mode": "anchor"} if close else {}
    ax.set_xticks(measured, [f"{value:.2g}" for value in measured], **turned)
    return ax


def _text(value) -> str:
    if isinstance(value, tuple):
        return " / ".join(map(_text, value))
    plain = isinstance(value, (int, float)) and not isinstance(value, bool)
    return f"{value:g}" if plain else str(value)
