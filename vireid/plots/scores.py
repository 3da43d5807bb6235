"""Scores: curves of runs, bars beside the papers' numbers, CMC and ROC."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes

from vireid.arguments import as_array
from vireid.plots import lecture
from vireid.plots.base import COLOURS, FAINT, INK, dress, legend, legend_below
from vireid.plots.looks import looks


def curve(
    runs: Mapping[str, Sequence[Sequence[float]]],
    ax: Axes,
    *,
    ylabel: str,
    stage2: int | None = None,
    reference: Mapping[str, float] | None = None,
    names: Iterable[str] | None = None,
    title: str = "",
) -> Axes:
    """A quantity over epochs, one line per name; several seeds give their mean and their range.

    Parameters
    ----------
    runs : name -> one sequence per seed, one value per epoch (None or NaN: not measured then)
    stage2 : the first epoch of stage 2, marked by a line
    reference : name -> value, drawn as a dotted horizontal line (the true number of people, ...)
    names : all names of a row of panels, so that each looks the same in every one
    """
    look = looks(runs if names is None else names)
    for name, seeds in runs.items():
        colour, line, marker = look[name]
        epochs = max(map(len, seeds), default=0)
        table = np.full((len(seeds), epochs), np.nan)
        for s, values in enumerate(seeds):
            table[s, : len(values)] = np.array(values, dtype=float)
        at = np.flatnonzero(np.isfinite(table).any(axis=0))
        if not len(at):
            raise ValueError(f"run {name!r} has no value of {ylabel}; choose a curve it recorded")
        many = f" ({len(seeds)} seeds)" if len(seeds) > 1 else ""
        kept = table[:, at]
        ax.plot(
            at, np.nanmean(kept, axis=0), color=colour, ls=line, lw=1.6, marker=marker, ms=4,
            label=name + many,
        )  # fmt: skip
        if len(seeds) > 1:
            low, high = np.nanmin(kept, axis=0), np.nanmax(kept, axis=0)
            ax.fill_between(at, low, high, color=colour, alpha=0.15, lw=0)
    for name, value in (reference or {}).items():
        ax.axhline(value, color=INK, ls=":", lw=1.2, label=f"{name}: {value:.4g}")
    if stage2 is not None:
        ax.axvline(stage2 - 0.5, color=INK, lw=0.8)
        ax.annotate(
            " stage 2",
            (stage2 - 0.5, 1.0),
            xycoords=("data", "axes fraction"),
            fontsize=7,
            va="bottom",
        )
    dress(ax, title=title, xlabel="epoch", ylabel=ylabel)
    ax.xaxis.get_major_locator().set_params(integer=True)
    legend_below(ax, columns=3)
    return ax


def bars(
    scores: Mapping[str, Sequence[float]],
    ax: Axes,
    *,
    xlabel: str = "rank-1 (%)",
    paper: Mapping[str, float] | None = None,
    paper_name: str = "paper, SYSU-MM01",
    title: str = "",
    each: str = "one seed",
    without: str = "",
) -> Axes:
    """A bar per name at the mean over seeds, a dot per seed, and the paper's number as a diamond.

    Behind ± stands the standard deviation over seeds, that of a sample, and the legend says so.

    Parameters
    ----------
    scores : name -> one score per seed, in the unit of ``xlabel``; NaN, undefined, is left out
    paper : name -> the published number; it is of another data set, so compare the *order* only
    each : what a dot is
    without : words in place of the bar where a name has no score, which is an error otherwise

    Raises ValueError when there is no name.
    """
    names, paper = list(scores), paper or {}
    if not names:
        raise ValueError("scores is empty; give a name and its scores")
    scores = {name: _defined(values) for name, values in scores.items()}
    told = next((name for name in names if len(scores[name])), None)  # what the legend is of
    spread = any(len(seeds) > 1 for seeds in scores.values())
    words = "mean ± sample sd" if spread else f"mean over {each.removeprefix('one ')}s"
    for y, name in enumerate(names):
        seeds = scores[name]
        if not len(seeds):
            if not without:
                raise ValueError(
                    f"scores[{name!r}] is empty or all NaN; give at least one seed's score"
                )
            ax.text(0, y, f"  {without}", va="center", fontsize=8, color=INK)
            continue
        label = f"ours: {words}" if name == told else None
        ax.barh(y, seeds.mean(), height=0.6, color=COLOURS[3], alpha=0.7, label=label)
        ax.plot(
            seeds,
            np.full(len(seeds), y),
            "o",
            ms=4,
            color=INK,
            label=each if name == told else None,
        )
        spread = f" ± {seeds.std(ddof=1):.1f}" if len(seeds) > 1 else ""
        right = max(seeds.max(), paper.get(name, 0))
        text = f"  {seeds.mean():.1f}{spread} (n = {len(seeds)})"
        ax.annotate(
            text, (right, y), va="center", fontsize=8, xytext=(5, 0), textcoords="offset points"
        )
    if known := [name for name in names if name in paper]:
        ax.plot(
            [paper[n] for n in known], [names.index(n) for n in known], "D", ms=6, mfc="white",
            mec=COLOURS[1], mew=1.6, label=paper_name,
        )  # fmt: skip
    dress(ax, title=title, xlabel=xlabel)
    ax.set_yticks(range(len(names)), names, fontsize=8)
    ax.set_ylim(max(len(names), 4) - 0.5, -0.5)
    ax.grid(axis="y", visible=False)
    ax.grid(axis="x", color=FAINT, linewidth=0.6)
    _room_for_numbers([*(x for s in scores.values() for x in s), *paper.values()], ax, xlabel)
    if ax.get_legend_handles_labels()[0]:
        legend_below(ax, columns=3, drop=0.2 if len(names) < 6 else 0.12)
    return ax


def _defined(values: Sequence[float]) -> np.ndarray:
    values = as_array(values).astype(float)
    return values[~np.isnan(values)]


def _room_for_numbers(values: Sequence[float], ax: Axes, xlabel: str) -> None:
    """Limits and ticks from the least value, or 0, on; the room to the right is for the numbers."""
    low, top = (float(f([0, *values])) for f in (min, max))
    span = top - low
    if not span:
        ax.set_xticks([0] if len(values) else [])
    elif "(%)" in xlabel and span >= 40:  # with a few only, matplotlib's own ticks are closer
        ax.set_xticks(range(20 * int(low // 20), 101, 20))
    if low < 0:
        ax.axvline(0, color=INK, lw=0.8)
    more = 0.5 * lecture.larger() ** 2 * (span or 1)
    ax.set_xlim(low - 0.05 * span if low < 0 else 0, top + more)


def shifts(
    pairs: Mapping[str, tuple[float, float]], ax: Axes, *, xlabel: str, title: str = ""
) -> Axes:
    """An arrow per name from one value to another, with the difference beside it.

    Parameters
    ----------
    pairs : name -> (where the arrow starts, where it ends), in the unit of ``xlabel``
    """
    for y, (start, end) in enumerate(pairs.values()):
        ax.plot(start, y, "o", ms=6, color=COLOURS[3])
        arrow = {"arrowstyle": "-|>", "color": COLOURS[6], "lw": 1.8, "shrinkA": 0, "shrinkB": 0}
        if abs(end - start) > 0.05:
            ax.annotate("", (end, y), (start, y), arrowprops=arrow)
        ax.annotate(
            f"{end - start:+.1f}", (max(start, end), y), va="center", fontsize=8, xytext=(8, 0),
            textcoords="offset points",
        )  # fmt: skip
    dress(ax, title=title, xlabel=xlabel)
    ax.set_yticks(range(len(pairs)), pairs, fontsize=8)
    ax.set_ylim(len(pairs) - 0.5, -0.5)
    low, high = (f(v for pair in pairs.values() for v in pair) for f in (min, max))
    room = 0.12 * (high - low or 1)
    ax.set_xlim(low - room, high + room)
    ax.grid(axis="y", visible=False)
    ax.grid(axis="x", color=FAINT, linewidth=0.6)
    return ax


def cmc(
    curves: Mapping[str, Sequence[float]], ax: Axes, *, upto: int = 20, title: str = ""
) -> Axes:
    """Cumulative match: for each rank, the share of queries answered right by then.

    Parameters
    ----------
    curves : name -> (ranks,) fractions in [0, 1], rank 1 first (``evaluate(...).cmc``)
    """
    for name, (colour, line, marker) in looks(curves).items():
        values = 100 * as_array(curves[name])[:upto]
        ax.plot(
            np.arange(1, len(values) + 1), values, color=colour, lw=1.6, ms=3.5, ls=line,
            marker=marker, label=f"{name}: rank-1 {values[0]:.1f} %",
        )  # fmt: skip
    dress(ax, title=title, xlabel="rank", ylabel="queries answered by then (%)")
    ax.set_ylim(0, 103)
    ax.xaxis.get_major_locator().set_params(integer=True)
    legend(ax, loc="lower right")
    return ax


def roc(records: Mapping[str, object], ax: Axes, *, title: str = "") -> Axes:
    """True against false positives over all thresholds of pair similarity; dotted: chance.

    Parameters
    ----------
    records : name -> record with fpr, tpr (fractions) and auc, as ``vireid.evaluation.roc`` gives
    """
    for name, (colour, line, _) in looks(records).items():
        record = records[name]
        ax.plot(
            100 * as_array(record.fpr), 100 * as_array(record.tpr), lw=1.6, color=colour, ls=line,
            label=f"{name}: area {record.auc:.3f}",
        )  # fmt: skip
    ax.plot([0, 100], [0, 100], color=INK, ls=":", lw=1)
    dress(ax, title=title, xlabel="other people accepted (%)", ylabel="same person accepted (%)")
    legend(ax, loc="lower right")
    return ax


def sweep(
    x: Sequence[float],
    lines: Mapping[str, Sequence[float]],
    ax: Axes,
    *,
    xlabel: str,
    ylabel: str,
    chosen: float | None = None,
    reference: Mapping[str, float] | None = None,
    title: str = "",
) -> Axes:
    """Quantities over a parameter, one line per name; a vertical line at the chosen value.

    Parameters
    ----------
    x : (k,) values of the parameter; lines : name -> (k,) (NaN: undefined there)
    reference : name -> value, drawn as a dotted horizontal line
    """
    for name, (colour, line, marker) in looks(lines).items():
        values = lines[name]
        if len(values) != len(x):
            raise ValueError(f"lines[{name!r}] has {len(values)} values and x {len(x)}")
        ax.plot(x, values, color=colour, ls=line, marker=marker, lw=1.6, ms=4, label=name)
    for name, value in (reference or {}).items():
        ax.axhline(value, color=INK, ls=":", lw=1.2, label=f"{name}: {value:.4g}")
    if chosen is not None:
        ax.axvline(chosen, color=INK, lw=0.8, label=f"in use: {chosen:g}")
    dress(ax, title=title, xlabel=xlabel, ylabel=ylabel)
    legend_below(ax, columns=3)
    return ax
