"""Figures of modality bias: whose neighbours images are, how far pairs lie, what an encoding is."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Patch

from vireid.arguments import as_array
from vireid.plots.base import (
    COLOURS,
    INK,
    MODALITY_COLOUR,
    MODALITY_LINE,
    dress,
    filled,
    finite,
    legend_below,
    modality_groups,
    same_length,
)
from vireid.plots.pictures import caption, modality_frame, same_person, sheet, thumbnail
from vireid.types import Images, Modality

HATCH = {Modality.VISIBLE: "", Modality.INFRARED: "////"}


def histogram(
    values,
    ax: Axes,
    *,
    xlabel: str,
    modality=None,
    reference: float | None = None,
    bins: int | Sequence[float] = 20,
    title: str = "",
) -> Axes:
    """Shares of images per bin, one outline per modality when given; dashed line at a reference.

    Parameters
    ----------
    values : (n,) one number per image; modality : (n,) 0 visible, 1 infrared
    reference : what one would see if, for instance, features ignored modality

    Raises ValueError for NaN and infinite values: they would be counted and not drawn.
    """
    values = as_array(values)
    finite(values=values)
    if modality is None:
        groups = [(None, np.arange(len(values)))]
    else:
        same_length(values=values, modality=as_array(modality))
        groups = modality_groups(modality)
    edges = np.histogram_bin_edges(values, bins)
    for m, rows in groups:
        share = np.histogram(values[rows], edges)[0] / max(1, len(rows))
        colour = INK if m is None else MODALITY_COLOUR[m]
        ax.stairs(
            share, edges, fill=True, alpha=0.35, color=colour, hatch=HATCH.get(m), lw=0,
            label=f"{'images' if m is None else m.word} (n = {len(rows):,})",
        )  # fmt: skip
        ax.stairs(share, edges, color=colour, lw=1.4, ls="-" if m is None else MODALITY_LINE[m])
    if reference is not None:
        ax.axvline(reference, color=INK, ls=":", lw=1.4, label=f"chance {reference:.2f}")
    dress(ax, title=title, xlabel=xlabel, ylabel="share of images")
    legend_below(ax)
    return ax


def paired(x, y, ax: Axes, *, xlabel: str, ylabel: str, title: str = "") -> Axes:
    """One mark per person: a quantity in visible light against the same in infrared.

    The legend gives Pearson's correlation r and n; the line is the least-squares one.
    """
    x, y = as_array(x).astype(float), as_array(y).astype(float)
    n = same_length(x=x, y=y)
    if n < 3 or not (x.std() and y.std()):
        raise ValueError(
            f"{n} pairs, or values that do not vary: a correlation needs three or more"
        )
    r = np.corrcoef(x, y)[0, 1]
    ax.scatter(x, y, s=16, color=COLOURS[0], lw=0, alpha=0.7, label=f"r = {r:+.2f} (n = {n})")
    ends = np.array([x.min(), x.max()])
    ax.plot(ends, y.mean() + r * y.std() / x.std() * (ends - x.mean()), color=INK, lw=1)
    dress(ax, title=title, xlabel=xlabel, ylabel=ylabel)
    legend_below(ax)
    return ax


def modality_ratio(ratio, modality, ax: Axes, *, k: int, title: str = "") -> Axes:
    """Histogram of each image's share of own-modality images among its k nearest.

    Parameters
    ----------
    ratio : (n,) in [0, 1]; the image itself is not counted among its neighbours

    Dotted lines stand where features that ignore modality would put each modality: at its share
    of the other images. Raises ValueError for NaN. Source: BMIL (AAAI 2026), Fig. 1a.
    """
    ratio, modality = as_array(ratio), as_array(modality)
    same_length(ratio=ratio, modality=modality)
    finite(ratio=ratio)
    each = (k + 33) // 33  # possible values j / k in a bin: one, or as few as 33 bins take
    bins = (np.arange(0, k + 1 + each, each) - 0.5) / k
    histogram(
        ratio, ax, modality=modality, bins=bins, title=title,
        xlabel=f"own-modality share of the {k} nearest images",
    )  # fmt: skip
    chance = {m: (len(r) - 1) / max(1, len(ratio) - 1) for m, r in modality_groups(modality)}
    for m, share in chance.items():  # of as many pictures, one line for both
        colour = INK if len(set(chance.values())) == 1 else MODALITY_COLOUR[m]
        ax.axvline(share, color=colour, ls=":", lw=1.4)
    ax.plot([], [], color=INK, ls=":", lw=1.4, label="if modality did not matter")
    ax.set_xlim(-0.02 - 0.5 / k, 1.02 + 0.5 / k)
    legend_below(ax)
    return ax


def distances(
    distance,
    crossing,
    ax: Axes,
    *,
    xlabel: str = "cosine distance",
    bins: int = 50,
    span: tuple[float, float] | None = None,
    title: str = "",
) -> Axes:
    """Two histograms of pair distances: pairs of one modality, pairs that cross the gap.

    Parameters
    ----------
    distance : (pairs,) ; crossing : (pairs,) bool, True for a visible-infrared pair
    span : the drawn range of distances (default: that of the data)

    Bias shows as two peaks, no bias as one. Raises ValueError when there is no pair, and for NaN.
    Source: BMIL (AAAI 2026), Fig. 3.
    """
    distance, crossing = as_array(distance), as_array(crossing).astype(bool)
    same_length(distance=distance, crossing=crossing)
    filled(distance=distance)
    finite(distance=distance)
    ends = [float(distance.min()), float(distance.max())]
    edges = np.histogram_bin_edges(ends, bins, span)
    for cross, word, colour, line, hatch in (
        (False, "same modality", "#555555", "-", ""),
        (True, "visible-infrared", "#CC79A7", "--", "////"),
    ):
        group = distance[crossing == cross]
        if not len(group):
            continue
        share = np.histogram(group, edges)[0] / len(group)
        label = f"{word} pairs (n = {len(group):,})"
        ax.stairs(share, edges, fill=True, alpha=0.35, color=colour, hatch=hatch, lw=0, label=label)
        ax.stairs(share, edges, color=colour, lw=1.4, ls=line)
        ax.axvline(float(np.median(group)), color=colour, lw=1.2, ls=":")
    ax.plot([], [], color=INK, ls=":", lw=1.2, label="medians")
    dress(ax, title=title, xlabel=xlabel, ylabel="share of pairs")
    legend_below(ax)
    return ax


def encoding(weights, modality, ax: Axes, *, others: int = 0, title: str = "") -> Axes:
    """The non-zero entries of one image's encoding, largest first, coloured by modality.

    Parameters
    ----------
    weights : (n,) the image's row of V or of its query-expanded form; sums to 1
    modality : (n,)
    others : draw at most this many bars (0: all) and say in the title how many there are
    """
    weights, modality = as_array(weights).ravel(), as_array(modality)
    same_length(weights=weights, modality=modality)
    order = np.argsort(-weights, kind="stable")
    order = order[weights[order] > 0]
    shown = order[: others or None]
    handles = []
    for m in Modality:
        at = np.flatnonzero(modality[shown] == m)
        share = weights[modality == m].sum() / max(weights.sum(), 1e-12)
        look = {"facecolor": MODALITY_COLOUR[m], "hatch": HATCH[m] or None, "edgecolor": "white"}
        ax.bar(at, weights[shown[at]], width=0.85, lw=0, **look)
        handles.append(Patch(label=f"{m.word} {share:.0%}", **look))
    note = f"{len(order)} images carry weight"
    dress(ax, title=title or note, xlabel="images, heaviest first", ylabel="weight")
    ax.set_xlim(-1, max(len(shown), 8))
    ax.xaxis.get_major_locator().set_params(integer=True)
    legend_below(ax, handles=handles)
    return ax


def neighbours(
    images: Images,
    query: int,
    found,
    ax: Axes,
    *,
    columns: int = 8,
    captions: Sequence[str] | None = None,
    title: str = "",
) -> Axes:
    """One picture (left) and its neighbours in order, each framed by modality.

    Parameters
    ----------
    found : (k,) row numbers, nearest first; when identities are known, same-person neighbours carry
        a tick (-1, unknown, is the same as nobody)
    captions : one short text per neighbour (default its rank)
    """
    found = as_array(found)
    cells = [thumbnail(images, int(i)) for i in found]
    lines = [cells[i : i + columns] for i in range(0, len(cells), columns)] or [[]]
    lines = [[None if r else thumbnail(images, query), *line] for r, line in enumerate(lines)]
    places = sheet(ax, lines, above=14, lead=24)
    modality_frame(ax, places[0][0], images.modality[query])
    caption(ax, places[0][0], "this image")
    flat = [place for line in places for place in line[1:]]
    for j, i in enumerate(found):
        modality_frame(ax, flat[j], images.modality[i])
        text = str(j + 1) if captions is None else captions[j]
        caption(ax, flat[j], f"{text} ✓" if same_person(images, query, i) else text, size=7)
    ax.set_title(title, loc="left", fontsize=10, color=INK)
    return ax
