"""Pictures of causal adjustment: the graph, predictions over labels, a mixture of two memories."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Circle, FancyArrowPatch

from vireid.arguments import as_array
from vireid.plots.base import COLOURS, FAINT, INK, MODALITY_COLOUR, PALETTE, dress, legend_below
from vireid.plots.bias import HATCH
from vireid.types import Modality

RIGHT, WRONG = (PALETTE[2], ""), (PALETTE[3], "////")  # colour and hatch
NODES = {"M": (0.5, 0.82, "light"), "X": (0.12, 0.22, "picture"), "Y": (0.88, 0.22, "label")}


def causal_graph(ax: Axes, *, tie: float = 1.0, cut: bool = False, title: str = "") -> Axes:
    """Modality M, picture X, label Y; the way X <- M -> Y stands open, or is cut at X by do(X).

    Parameters
    ----------
    tie : in [0, 1], the width of the arrow from modality to label
    cut : draw the graph under do(X): no arrow leads into X any more

    Source: DMDL (arXiv 2512.03745), causal graph of CAI.
    """
    ax.set_axis_off()
    ax.set(xlim=(-0.05, 1.05), ylim=(-0.05, 1.05), aspect="equal")
    arrows = {("X", "Y"): (2.2, INK), ("M", "Y"): (0.4 + 4.6 * tie, COLOURS[1])}
    if not cut:
        arrows["M", "X"] = (2.2, COLOURS[1])
    for (start, end), (width, colour) in arrows.items():
        ax.add_patch(
            FancyArrowPatch(
                NODES[start][:2], NODES[end][:2], arrowstyle="-|>", mutation_scale=18, lw=width,
                color=colour, shrinkA=24, shrinkB=24,
            )
        )  # fmt: skip
    for name, (x, y, word) in NODES.items():
        ax.add_patch(Circle((x, y), 0.12, fc="white", ec=INK, lw=1.4, zorder=3))
        ax.text(x, y + 0.025, name, ha="center", va="center", fontsize=12, zorder=4)
        ax.text(x, y - 0.06, word, ha="center", va="center", fontsize=7, zorder=4)
    if cut:
        ax.text(0.12, 0.42, "do(X)", ha="center", va="bottom", fontsize=9, color=INK)
    ax.set_title(title, loc="left", fontsize=10, color=INK)
    return ax


def beliefs(
    parts: Mapping[str, Sequence[float]],
    ax: Axes,
    *,
    names: Sequence[str],
    right: int | None = None,
    stacked: bool = False,
    ylabel: str = "probability",
    title: str = "",
) -> Axes:
    """Predictions over labels, a bar per label and part: side by side, or on top of each other.

    Parameters
    ----------
    parts : name -> (labels,) probabilities; a name that starts with "visible" or "infrared" has
        that modality's colour and hatch; "right" and "wrong" have theirs
    names : (labels,) what stands below the bars
    right : the label that gets a tick
    stacked : the parts add up to one prediction, as those of a mixture do
    """
    names, labels = list(names), np.arange(len(names))
    width = 0.8 if stacked else 0.8 / len(parts)
    floor, highest = np.zeros(len(names)), 0.0
    looks = {m.word: (MODALITY_COLOUR[m], HATCH[m]) for m in Modality}
    looks |= {"right": RIGHT, "wrong": WRONG}
    for i, (name, values) in enumerate(parts.items()):
        values = as_array(values).astype(float)
        if len(values) != len(names):
            raise ValueError(f"parts[{name!r}] has {len(values)} values for {len(names)} names")
        colour, hatch = looks.get(name.split()[0], (COLOURS[(i + 3) % len(COLOURS)], ""))
        at = labels if stacked else labels - 0.4 + width * (i + 0.5)
        ax.bar(
            at, values, width * 0.92, bottom=floor if stacked else 0, color=colour, alpha=0.75,
            hatch=hatch or None, edgecolor="white", lw=0, label=name,
        )  # fmt: skip
        floor = floor + values
        highest = max(highest, (floor if stacked else values).max(initial=0))
    dress(ax, title=title, ylabel=ylabel)
    ticks = [f"{name}\n✓" if i == right else name for i, name in enumerate(names)]
    ax.set_xticks(labels, ticks, fontsize=7)
    ax.set_ylim(0, max(1.0, highest) * 1.02)
    ax.yaxis.get_major_locator().set_params(nbins=4)
    if len(parts) > 1:
        legend_below(ax, columns=3)
    return ax


def adjustment(
    surprise: Sequence[float], ax: Axes, *, prior: float | None = None, title: str = ""
) -> Axes:
    """CAI's loss of one image over all priors, between the better memory's and the mean of both.

    Parameters
    ----------
    surprise : -log p(y | x, m) of the image's label in the visible and the infrared memory (nats)
    prior : p(visible) to mark

    The log of a mixture lies below the mixture of the logs (Jensen) and above the smaller one.
    Source: DMDL eq. 4-5.
    """
    first, second = (float(v) for v in surprise)
    if not np.isfinite([first, second]).all():
        raise ValueError(f"surprise={first}, {second}: both memories must know the label")
    p = np.linspace(0, 1, 201)
    loss = mixed_surprise(first, second, p)
    ax.plot(100 * p, p * first + (1 - p) * second, color=COLOURS[4], ls="--", lw=1.4,
            label="mean of both losses")  # fmt: skip
    ax.plot(100 * p, loss, color=INK, lw=2, label="CAI")
    ax.axhline(min(first, second), color=COLOURS[4], ls=":", lw=1.4, label="smaller loss")
    for m, at, value in ((Modality.VISIBLE, 100, first), (Modality.INFRARED, 0, second)):
        ax.plot(at, value, "o" if m == 0 else "^", ms=8, color=MODALITY_COLOUR[m], clip_on=False,
                zorder=5, label=f"{m.word} memory alone")  # fmt: skip
    if prior is not None:
        value = float(mixed_surprise(first, second, np.array([prior]))[0])
        ax.axvline(100 * prior, color=FAINT, lw=1.2, zorder=0)
        ax.plot(100 * prior, value, "s", ms=7, color=INK)
    dress(ax, title=title, xlabel="prior p(visible) (%)", ylabel="loss (nats)")
    ax.set_ylim(0, 1.08 * max(first, second, 0.1))
    legend_below(ax, columns=2)
    return ax


def mixed_surprise(first: float, second: float, prior: np.ndarray) -> np.ndarray:
    """-log of the mixture of two probabilities given as -log, weighed by prior and 1 - prior."""
    with np.errstate(divide="ignore"):
        return -np.logaddexp(np.log(prior) - first, np.log1p(-prior) - second)
