"""Gains in pairs over seeds: what one setting has over another on the same people."""

from collections.abc import Collection, Hashable, Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes

from vireid.plots import lecture
from vireid.plots.base import COLOURS, FAINT, INK, dress, legend_below


def gains_over(base: str, scores: Mapping[str, Mapping[Hashable, float]]) -> dict[str, list[float]]:
    """Name -> its gains over the base in the seeds that both have; ``scores`` as for ``gains``.

    Raises ValueError for a base without scores.
    """
    if not scores.get(base):
        some = ", ".join(name for name, own in scores.items() if own) or "none"
        raise ValueError(f"base={base!r} has no scores; names with some: {some}")
    return {
        name: [own[seed] - scores[base][seed] for seed in own if seed in scores[base]]
        for name, own in scores.items()
        if name != base
    }


def gains(
    scores: Mapping[str, Mapping[Hashable, float]],
    ax: Axes,
    *,
    base: str,
    chosen: str | None = None,
    places: Sequence[str] | None = None,
    controls: Collection[str] = (),
    xlabel: str = "gain in rank-1 (points)",
    title: str = "",
) -> Axes:
    """A bar a name at its mean gain, a dot for each seed that the base has too, a line of one sd.

    Parameters
    ----------
    scores : name -> seed -> score; of seeds that only one of a pair has, no gain is drawn
    base : the name that all others are compared with
    chosen : the name that stands out
    places : names that each have a line, in this order, pairs or not (default: who has pairs)
    controls : names drawn in grey: controls, and parts of a method

    A lone seed's gain is drawn hollow and called so: it cannot tell a gain from chance. Raises
    ValueError for a base without scores.
    """
    found = gains_over(base, scores)
    if places is None:
        places = [name for name, values in found.items() if values]
    for y, name in enumerate(places):
        if found.get(name):
            colour = FAINT if name in controls else COLOURS[2 if name == chosen else 3]
            _row(ax, y, np.array(found[name]), colour=colour)
        else:
            _word(ax, 0, y, "what gains are over" if name == base else "no pairs")
    if set(controls) & set(places):
        ax.plot([], [], "s", ms=9, color=FAINT, label="controls and parts")
        if set(places) - {base, *controls}:
            ax.plot([], [], "s", ms=9, color=COLOURS[3], alpha=0.75, label="methods")
    _dress(ax, places, found, title=title, xlabel=f"{xlabel}, over {base}")
    return ax


def _row(ax: Axes, y: int, values: np.ndarray, *, colour: str) -> None:
    """One name: a filled bar with its spread, or a hollow one that warns."""
    mean, lone = values.mean(), len(values) == 1
    look = {"facecolor": "white", "hatch": "///"} if lone else {"facecolor": colour, "alpha": 0.75}
    ax.barh(y, mean, height=0.6, edgecolor=colour, linewidth=1.2, **look)
    ax.plot(values, np.full(len(values), y), "o", ms=4, color=INK, mfc="none" if lone else INK)
    told = "one seed only"
    if not lone:
        sd = values.std(ddof=1)
        ax.plot([mean - sd, mean + sd], [y + 0.2, y + 0.2], "-", lw=2.2, color=INK)
        told = f"{mean:+.1f} ± {sd:.1f} (n = {len(values)})"
    _word(ax, max(values.max(), mean, 0), y, told)


def _word(ax: Axes, x: float, y: int, text: str) -> None:
    ax.annotate(text, (x, y), va="center", fontsize=8, xytext=(6, 0), textcoords="offset points")


def _dress(ax: Axes, places: Sequence[str], found: dict, **words) -> None:
    """Axes, zero, room for the words on the right, a legend below."""
    ax.axvline(0, color=INK, lw=0.9)
    dress(ax, **words)
    ax.set_yticks(range(len(places)), places, fontsize=8)
    ax.set_ylim(max(len(places), 4) - 0.5, -0.5)
    every = [0.0, *(value for name in places for value in found.get(name, ()))]
    room = max(every) - min(every) or 1.0
    ax.set_xlim(min(every) - 0.1 * room, max(every) + 0.65 * lecture.larger() ** 2 * room)
    ax.grid(axis="y", visible=False)
    ax.grid(axis="x", color=FAINT, linewidth=0.6)
    if places:
        ax.plot([], [], "o", ms=4, color=INK, label="one seed")
        ax.plot([], [], "-", lw=2.2, color=INK, label="mean ± sd of the gains")
        legend_below(ax, columns=3, drop=0.2 if len(places) < 6 else 0.12)
