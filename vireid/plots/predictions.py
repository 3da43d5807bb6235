"""A guess beside what was measured, and how far a student has come."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes

from vireid.plots.base import COLOURS, FAINT, INK, PALETTE, dress, legend_below


def prediction(
    span: tuple[float, float],
    ax: Axes,
    *,
    guess: float | None = None,
    measured: float | None = None,
    unit: str = "",
) -> Axes:
    """A line from low to high with a triangle at the guess and a diamond at the measured value.

    Parameters
    ----------
    span : (low, high) of what can be guessed; a value outside stretches the line
    guess, measured : None draws nothing
    """
    values = [v for v in (*span, guess, measured) if v is not None]
    low, high = min(values), max(values)
    ax.plot([low, high], [0, 0], color=FAINT, lw=5, solid_capstyle="round", zorder=0)
    marks = (("measured", measured, "D", PALETTE[2]), ("your guess", guess, "v", PALETTE[3]))
    for word, value, marker, colour in marks:
        if value is not None:
            told = f"{word}: {value:.3g}{unit and ' ' + unit}"
            ax.plot([value], [0], marker, ms=11, color=colour, mec=INK, ls="", label=told)
    dress(ax, xlabel=unit if guess is None and measured is None else "")
    ax.grid(visible=False)
    ax.spines["left"].set_visible(False)
    ax.set_yticks([])
    room = 0.04 * (high - low)
    ax.set(xlim=(low - room, high + room), ylim=(-1, 1))
    if guess is not None or measured is not None:
        legend_below(ax, drop=0.4, borderpad=1.3)  # the layout counts lines of text, not marks
    return ax


def progress(solved: Mapping[str, tuple[int, int, int]], ax: Axes) -> Axes:
    """A bar for each notebook: exercises solved, tried, and still to do.

    Parameters
    ----------
    solved : notebook -> (solved, tried but not solved, all)
    """
    place, counts = np.arange(len(solved)), np.array(list(solved.values())).reshape(-1, 3)
    right, tried, of = counts.T
    ax.barh(place, of, color=FAINT, label="to do")
    ax.barh(place, right, color=PALETTE[2], label="solved")
    ax.barh(place, tried, left=right, color=COLOURS[2], hatch="//", label="tried")
    for at, (done, _, total) in enumerate(counts):
        ax.text(total + 0.1, at, f"{done} of {total}", va="center", fontsize=8, color=INK)
    dress(ax, xlabel="exercises", ylabel="notebook")
    ax.set_yticks(place, list(solved))
    ax.set_xlim(0, max(of, default=1) + 1.2)
    ax.invert_yaxis()
    ax.grid(visible=False)
    legend_below(ax, columns=3, drop=0.14)
    return ax
