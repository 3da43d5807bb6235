"""Pictures of bias-free training: colour tables, trusted labels, moving prototypes, two clouds."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import NullFormatter

from vireid.arguments import as_array
from vireid.plots.base import (
    COLOURS,
    FAINT,
    INK,
    MODALITY_COLOUR,
    PALETTE,
    dress,
    finite,
    legend_below,
    same_length,
)
from vireid.plots.causal import RIGHT, WRONG
from vireid.types import Modality

ROUNDING = 0.01  # what cosines of rows in half precision may exceed 1 by


def colour_tables(tables, ax: Axes, *, chosen: tuple[int, int, int], title: str = "") -> Axes:
    """Which grey becomes which value in the three channels of a pseudo-colour.

    Parameters
    ----------
    tables : (3, options, 256) as ``data.pseudo_colour.TABLES``; chosen : option of each channel
    """
    tables = as_array(tables)
    looks = ((COLOURS[1], "-", "1st"), (COLOURS[0], "--", "2nd"), (COLOURS[3], "-.", "3rd"))
    for channel, (colour, line, word) in enumerate(looks):
        for option, values in enumerate(tables[channel]):
            mine = option == chosen[channel]
            ax.plot(
                values, color=colour if mine else FAINT, ls=line, lw=2 if mine else 1,
                zorder=2 + mine, label=f"{word} channel" if mine else None,
            )  # fmt: skip
    dress(ax, title=title, xlabel="infrared grey level", ylabel="pseudo-colour level")
    ax.set(xlim=(0, 255), ylim=(0, 258), xticks=(0, 128, 255), yticks=(0, 128, 255))
    legend_below(ax, columns=3)
    return ax


def trust(loss, certainty, ax: Axes, *, right=None, xlabel: str = "loss", title: str = "") -> Axes:
    """Losses of labels, the two Gaussians they were split into, and each label's certainty.

    Parameters
    ----------
    loss, certainty : (n,) as from ``losses.label_loss`` and ``losses.label_certainty``
    right : (n,) bool, the label is right (known to us only); a histogram each

    The Gaussians are those that the certainty, as a soft split, belongs to (the M-step of EM).
    Source: DMDL eq. 10.
    """
    loss, w = as_array(loss).astype(float), as_array(certainty).astype(float)
    n = same_length(loss=loss, certainty=w)
    edges = np.histogram_bin_edges(loss, 30)
    groups = {"labels": (np.ones(n, bool), (COLOURS[4], ""))}
    if right is not None:
        right = as_array(right).astype(bool)
        groups = {"right labels": (right, RIGHT), "wrong labels": (~right, WRONG)}
    most = 1
    for word, (rows, (colour, hatch)) in groups.items():
        count = np.histogram(loss[rows], edges)[0]
        label = f"{word} (n = {rows.sum():,})"
        ax.stairs(count, edges, baseline=0.1, fill=True, color=colour, alpha=0.4,
                  hatch=hatch or None, lw=0, label=label)  # fmt: skip
        ax.stairs(count, edges, baseline=0.1, color=colour, lw=1.4)
        most = max(most, count.max())
    grid = np.linspace(edges[0], edges[-1], 300)
    for name, part, line in (("trusted", w, "-"), ("doubted", 1 - w, "--")):
        density = _component(loss, part, grid)
        if density is not None:
            ax.plot(grid, density * np.diff(edges)[0], color=INK, ls=line, lw=1.6, label=name)
    dress(ax, title=title, xlabel=xlabel, ylabel="labels per bin")
    ax.set_yscale("log")
    ax.yaxis.set_minor_formatter(NullFormatter())  # its labels would push the axis' own off
    ax.set_ylim(0.3, 2 * most)
    twin = ax.twinx()
    order = np.argsort(loss, kind="stable")
    twin.plot(loss[order], w[order], ".", ms=3, color=PALETTE[4], label="certainty")
    twin.set(ylim=(-0.03, 1.08), ylabel="certainty w", yticks=(0, 0.5, 1))
    twin.tick_params(labelsize=8)
    twin.yaxis.label.set_fontsize(9)
    twin.spines[["top", "left"]].set_visible(False)
    handles, names = ax.get_legend_handles_labels()
    extra = twin.get_legend_handles_labels()
    legend_below(ax, columns=3, handles=handles + extra[0], labels=names + extra[1])
    return ax


def _component(loss: np.ndarray, part: np.ndarray, grid: np.ndarray) -> np.ndarray | None:
    """One Gaussian's count density on a grid; None when it has no weight or no width."""
    total = part.sum()
    if total < 1e-6:
        return None
    mean = (part * loss).sum() / total
    variance = (part * (loss - mean) ** 2).sum() / total
    if variance <= 1e-12:
        return None
    height = total / np.sqrt(2 * np.pi * variance)
    return height * np.exp(-((grid - mean) ** 2) / (2 * variance))


def momentum(ax: Axes, *, delta: float, marked=None, title: str = "") -> Axes:
    """How much of the old prototype stays, over the confidence in the new picture's label.

    Parameters
    ----------
    delta : confidence threshold ; marked : name -> confidence to mark

    Source: DMDL eq. 13.
    """
    y = np.linspace(0, 1, 401)
    rule = delta / np.maximum(y, delta)
    ax.plot(y, rule, color=INK, lw=2, label=f"delta = {delta:g}")
    ax.axhline(delta, color=INK, ls=":", lw=1.2, label="fixed at delta")
    for i, (name, value) in enumerate((marked or {}).items()):
        ax.plot(value, delta / max(value, delta), "os^D"[i % 4], ms=8, color=COLOURS[i],
                label=name, zorder=5)  # fmt: skip
    dress(
        ax, title=title, xlabel="refined p of the hard label", ylabel="weight of the old prototype"
    )
    ax.set(xlim=(0, 1.02), ylim=(0, 1.05))
    legend_below(ax, columns=2)
    return ax


def clouds(
    x, y, ax: Axes, *, arrows=None, names: tuple[str, str] = ("features", "augmented"),
    title: str = "",
) -> Axes:  # fmt: skip
    """Two sets of points in the plane, each point with the step that a loss makes it take.

    Parameters
    ----------
    x, y : (n, 2) ; arrows : two (n, 2), drawn as they are
    names : "visible" and "infrared" have their own colours
    """
    looks = {m.word: MODALITY_COLOUR[m] for m in Modality}
    for i, points in enumerate((as_array(x), as_array(y))):
        colour = looks.get(names[i], COLOURS[3 * i])
        ax.scatter(*points.T, s=26, marker="o^"[i], color=colour, lw=0, label=names[i], zorder=3)
        if arrows is not None:
            ax.quiver(*points.T, *as_array(arrows[i]).T, angles="xy", scale_units="xy", scale=1,
                      width=0.004, color=colour, alpha=0.8)  # fmt: skip
    dress(ax, title=title, xlabel="feature 1 (no unit)", ylabel="feature 2 (no unit)")
    legend_below(ax)
    return ax


def cosines(positive, negative, ax: Axes, *, bins: int = 40, title: str = "") -> Axes:
    """Cosines of visible-infrared pairs: of one person, and of two; dotted lines are the means.

    Rounding beyond -1 and 1 is drawn there. One of the two may be empty. Raises ValueError
    when both are, for NaN, and for what is no cosine. Source: DMDL (arXiv 2512.03745), Fig. 7.
    """
    groups = {"positive": as_array(positive), "negative": as_array(negative)}
    finite(**groups)
    if not any(map(len, groups.values())):
        raise ValueError("positive and negative are empty; there is nothing to draw")
    for name, values in groups.items():
        if (most := np.abs(values).max(initial=0)) > 1 + ROUNDING:
            raise ValueError(f"{name} holds {most:.6g} in size; a cosine is at most 1")
    positive, negative = (np.clip(values, -1, 1) for values in groups.values())
    edges = np.linspace(-1, 1, 2 * bins + 1)
    for word, values, (colour, hatch) in (
        ("one person", positive, RIGHT), ("two people", negative, WRONG)
    ):  # fmt: skip
        share = np.histogram(values, edges)[0] / max(1, len(values))
        label = f"{word} (n = {len(values):,})"
        ax.stairs(share, edges, fill=True, alpha=0.4, color=colour, hatch=hatch or None, lw=0,
                  label=label)  # fmt: skip
        ax.stairs(share, edges, color=colour, lw=1.4)
        if len(values):
            ax.axvline(float(values.mean()), color=colour, ls=":", lw=1.4)
    ax.plot([], [], color=INK, ls=":", lw=1.4, label="means")
    dress(ax, title=title, xlabel="cosine of visible-infrared pairs", ylabel="share of pairs")
    ax.set_xlim(max(-1, min(positive.min(initial=1), negative.min(initial=1)) - 0.05), 1)
    legend_below(ax)
    return ax
