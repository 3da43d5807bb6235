"""Measures as pictures: what clusters are made of, and a quantity over two settings at once."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from vireid.arguments import as_array
from vireid.plots.base import COLOURS, INK, MODALITY_COLOUR, dress, legend_below, same_length
from vireid.plots.bias import HATCH
from vireid.types import Modality


def composition(label, modality, ax: Axes, *, title: str = "") -> Axes:
    """A bar per cluster: its visible images upwards, its infrared ones downwards.

    Parameters
    ----------
    label : (n,) clusters, -1 outliers (left out and counted in the title)
    modality : (n,) 0 visible, 1 infrared

    Clusters stand in order of balance, those of both modalities first; the title counts them.
    """
    label, modality = as_array(label), as_array(modality)
    same_length(label=label, modality=modality)
    kept = label >= 0
    names, place = np.unique(label[kept], return_inverse=True)  # numbers without images are none
    clusters = len(names)
    if not clusters:
        raise ValueError("label holds outliers only; there is no cluster to draw")
    counts = np.stack(
        [np.bincount(place[modality[kept] == m], minlength=clusters) for m in Modality]
    )
    order = np.lexsort((-counts.sum(0), -counts[0], -counts.min(0)))
    for m, sign in zip(Modality, (1, -1), strict=True):
        ax.bar(
            np.arange(clusters), sign * counts[m][order], width=0.85, color=MODALITY_COLOUR[m],
            hatch=HATCH[m] or None, edgecolor="white", lw=0, label=f"{m.word} images",
        )  # fmt: skip
    mixed = int((counts.min(0) > 0).sum())
    if 0 < mixed < clusters:
        ax.axvline(mixed - 0.5, color=INK, ls=":", lw=1.2)
    ax.axhline(0, color=INK, lw=0.8)
    told = f"{clusters} clusters, {mixed} of both modalities, {int((label < 0).sum())} outliers"
    dress(ax, title=f"{title}: {told}" if title else told, xlabel="cluster", ylabel="images")
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.yaxis.get_major_locator().set_params(integer=True)
    ax.yaxis.set_major_formatter(lambda value, _: f"{abs(value):g}")
    legend_below(ax)
    return ax


def heat(
    values,
    ax: Axes,
    *,
    rows: tuple[str, Sequence],
    columns: tuple[str, Sequence],
    chosen: tuple | None = None,
    limits: tuple[float, float] | None = None,
    title: str = "",
) -> Axes:
    """A quantity over two settings: a field per pair, shaded and with its number in per cent.

    Parameters
    ----------
    values : (rows, columns) fractions; NaN (undefined) stays white with a dash
    rows, columns : name and values of the two settings
    chosen : (row, column) settings to frame
    limits : of the shades (default: of the data); darker is less
    """
    values = as_array(values).astype(float)
    (ylabel, rows), (xlabel, columns) = rows, columns
    if values.shape != (len(rows), len(columns)):
        raise ValueError(
            f"values has shape {values.shape} for {len(rows)} rows and {len(columns)} columns"
        )
    known = values[np.isfinite(values)]
    low, high = limits or ((known.min(), known.max()) if len(known) else (0, 1))
    ax.imshow(values, cmap="cividis", vmin=low, vmax=high, aspect="auto", origin="lower")
    for (r, c), value in np.ndenumerate(values):
        bright = not np.isfinite(value) or value > low + 0.55 * (high - low)
        text = f"{round(100 * value)}" if np.isfinite(value) else "–"
        ax.text(c, r, text, ha="center", va="center", fontsize=8, color=INK if bright else "white")
    dress(ax, title=title, xlabel=xlabel, ylabel=ylabel)
    ax.grid(visible=False)
    ax.set_xticks(range(len(columns)), map(_tick, columns))
    ax.set_yticks(range(len(rows)), map(_tick, rows))
    if chosen is not None:
        r, c = list(rows).index(chosen[0]), list(columns).index(chosen[1])
        box = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1], [-1, -1]]) * 0.46
        ax.plot(c + box[:, 0], r + box[:, 1], color=COLOURS[1], lw=2.4)
    return ax


def _tick(value) -> str:
    return f"{value:g}" if isinstance(value, (int, float)) else str(value)
