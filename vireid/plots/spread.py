"""Labels spreading over a graph of images, affinities as pictures, distances of right and wrong."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PatchCollection
from matplotlib.patches import Circle, Patch, Wedge

from vireid.arguments import as_array
from vireid.plots.base import (
    COLOURS,
    FAINT,
    INK,
    MODALITY_COLOUR,
    MODALITY_LINE,
    dress,
    filled,
    finite,
    legend,
    legend_below,
)
from vireid.types import Modality

RADIUS, HOLE, RIM = 0.4, 0.22, 0.46  # of a mark, in steps from one image to the next
REACH = 8.0  # steps between the two columns
LEAST = 0.08  # share of a row's affinity below which an edge is not drawn


def label_graph(
    labels: Mapping[Modality, np.ndarray],
    people: Mapping[Modality, Sequence[int]],
    within: Mapping[Modality, np.ndarray],
    across,
    ax: Axes,
    *,
    clusters: Sequence[int] | None = None,
    title: str = "",
) -> Axes:
    """Soft labels as rings, affinities as edges: visible images left, infrared ones right.

    Parameters
    ----------
    labels : modality -> (n, K) soft labels, K <= 8; a ring's arcs are a row's shares, the number in
        it is the largest one
    people : modality -> (n,) identity each label is to be judged by, and that images are sorted by
    within : modality -> (n, n) affinities of its images, drawn as arcs beside the column
    across : (n_v, n_r) affinities, drawn as lines between the columns
    clusters : (K,) identity each label stands for; images whose largest label is another person's
        get a cross

    An edge is the thicker the larger its share of the row's affinity; under 8 % it is left out.
    Raises ValueError for more than eight labels.
    """
    width = labels[Modality.VISIBLE].shape[1]
    if width > len(COLOURS):
        raise ValueError(f"labels have {width} columns; there are {len(COLOURS)} colours to tell")
    order = {m: np.argsort(as_array(people[m]), kind="stable") for m in Modality}
    place = {m: np.argsort(order[m]) for m in Modality}  # height of each image
    _across(as_array(across), place, ax)
    for m in Modality:
        _arcs(as_array(within[m]), place[m], m, ax)
        _rings(as_array(labels[m]), place[m], m, ax)
        _groups(as_array(people[m])[order[m]], clusters, m, ax)
        if clusters is not None:
            wrong = as_array(clusters)[as_array(labels[m]).argmax(1)] != as_array(people[m])
            _crosses(place[m][wrong], m, ax)
    rows = max(map(len, place.values()))
    ax.set(xlim=(-4.2, REACH + 4.2), ylim=(rows + 0.5, -1.5), aspect="equal")
    ax.set_axis_off()
    named = [Patch(facecolor=COLOURS[k], label=f"label {k}") for k in range(width)]
    look = {"ncols": width, "columnspacing": 1.2, "handletextpad": 0.5}
    legend(ax, handles=named, loc="lower center", **look)
    ax.set_title(title, loc="left", fontsize=9, color=INK)
    return ax


def _shares(s: np.ndarray) -> np.ndarray:
    total = s.sum(1, keepdims=True)
    return s / np.where(total > 0, total, 1)


def _across(s: np.ndarray, place, ax: Axes) -> None:
    share = np.maximum(_shares(s), _shares(s.T).T)
    i, j = np.nonzero(share >= LEAST)
    ends = np.stack([np.full(len(i), RIM), place[0][i], np.full(len(j), REACH - RIM)], 1)
    ends = np.concatenate([ends, place[1][j][:, None]], 1).reshape(-1, 2, 2)
    ax.add_collection(
        LineCollection(ends, colors="#9A9A9A", linewidths=0.3 + 2.2 * share[i, j], zorder=1)
    )


def _arcs(s: np.ndarray, place, m: Modality, ax: Axes) -> None:
    share = np.triu(np.maximum(_shares(s), _shares(s.T)), 1)
    i, j = np.nonzero(share >= LEAST)
    middle, tall = (place[i] + place[j]) / 2, np.abs(place[i] - place[j])
    turn = np.linspace(-np.pi / 2, np.pi / 2, 17)
    out = np.minimum(0.55 * tall, 3)[:, None] * np.cos(turn)  # (edges, 17)
    x = -RIM - out if m == Modality.VISIBLE else REACH + RIM + out
    y = middle[:, None] + tall[:, None] / 2 * np.sin(turn)
    ends = np.stack([x, y], axis=2)
    widths = 0.3 + 2.2 * share[i, j]
    ax.add_collection(LineCollection(ends, colors="#9A9A9A", linewidths=widths, zorder=1))


def _rings(y: np.ndarray, place, m: Modality, ax: Axes) -> None:
    x, wedges, colours = REACH * m, [], []
    for row, height in zip(y, place, strict=True):
        ends = 90 - 360 * np.concatenate([[0], np.cumsum(row)])
        for k, (start, end) in enumerate(pairwise(ends)):
            if start - end > 0.5:
                wedges.append(Wedge((x, height), RADIUS, end, start, width=RADIUS - HOLE))
                colours.append(COLOURS[k])
        ax.text(x, height, str(row.argmax()), fontsize=8, ha="center", va="center", zorder=4)
    ax.add_collection(PatchCollection(wedges, facecolors=colours, edgecolors="none", zorder=3))
    rims = [Circle((x, height), RIM) for height in place]
    ax.add_collection(
        PatchCollection(
            rims, facecolors="white", edgecolors=MODALITY_COLOUR[m], linestyles=MODALITY_LINE[m],
            linewidths=1.3, zorder=2,
        )
    )  # fmt: skip
    ax.text(x, -1.1, m.word, ha="center", fontsize=9, color=MODALITY_COLOUR[m], weight="bold")


def _crosses(heights: np.ndarray, m: Modality, ax: Axes) -> None:
    x = REACH * m + (0.8 if m == Modality.INFRARED else -0.8)
    ax.plot(np.full(len(heights), x), heights, "x", color=INK, ms=5, mew=1.6, zorder=4)


def _groups(people: np.ndarray, clusters, m: Modality, ax: Axes) -> None:
    """Names of the people, with the label that stands for them, and a rule between two people."""
    label = {
        p: f"\nlabel {k}"
        for k, p in reversed(list(enumerate(as_array([] if clusters is None else clusters))))
    }
    outside = -4.1 if m == Modality.VISIBLE else REACH + 4.1
    for person in np.unique(people):
        at = np.flatnonzero(people == person)
        ax.text(
            outside, at.mean(), f"person {person}{label.get(person, '')}", fontsize=7,
            va="center", rotation=90, ha="left" if m == Modality.VISIBLE else "right",
        )  # fmt: skip
        if at[0]:
            inside = 0.9 * (1 if m == Modality.VISIBLE else -1) + REACH * m
            ax.plot([outside, inside], [at[0] - 0.5] * 2, color=FAINT, lw=0.8, zorder=0)


def affinities(
    s, people_rows, people_columns, ax: Axes, *, words: tuple[str, str], title: str = ""
) -> Axes:
    """Affinities as a picture, images sorted by person; dark is near, lines part the people.

    Parameters
    ----------
    s : (n, m) affinities >= 0, dense; shown is the root of each row's share of its largest entry
    people_rows, people_columns : (n,) and (m,) identities
    words : what rows and columns are, for the axes

    The title ends with the share of the rows' affinity that lies on the right person, oneself
    included, or says that no row has any. Raises ValueError for shapes that do not fit and for an
    empty s.
    """
    s, rows, columns = map(as_array, (s, people_rows, people_columns))
    if s.shape != (len(rows), len(columns)):
        raise ValueError(f"s is {s.shape} for {len(rows)} rows and {len(columns)} columns")
    filled(s=s)
    right = right_share(s, rows, columns)
    by_row, by_column = (np.argsort(p, kind="stable") for p in (rows, columns))
    shown = s[by_row][:, by_column]
    shown = shown / np.maximum(shown.max(1, keepdims=True), np.finfo(float).tiny)
    ax.imshow(np.sqrt(shown), cmap="Greys", vmin=0, vmax=1, interpolation="nearest", aspect="auto")
    n, m = s.shape
    for line, people, end in ((ax.hlines, rows[by_row], m), (ax.vlines, columns[by_column], n)):
        edges = np.flatnonzero(np.diff(people)) + 0.5
        line(edges, -0.5, end - 0.5, color=COLOURS[0], lw=0.4, alpha=0.6)
    told = "no row has any affinity" if np.isnan(right) else f"{right:.0%} on the right person"
    columns_told, rows_told = f"{words[1]} images, by person", f"{words[0]} images"
    dress(ax, title=f"{title}: {told}", xlabel=columns_told, ylabel=rows_told)
    ax.grid(visible=False)
    ax.set(xticks=[], yticks=[])
    return ax


def right_share(s, people_rows, people_columns) -> float:
    """Mean over the rows of the share of a row's affinity that lies on columns of its person.

    Rows without affinity are left out; NaN when there are only such.
    """
    s, rows, columns = map(as_array, (s, people_rows, people_columns))
    share = np.where(rows[:, None] == columns[None], s, 0).sum(1)
    total = s.sum(1)
    return float(np.mean(share[total > 0] / total[total > 0])) if (total > 0).any() else np.nan


def pair_densities(
    same,
    different,
    ax: Axes,
    *,
    xlabel: str,
    bins: int = 50,
    span=None,
    counts=None,
    title: str = "",
) -> Axes:
    """Distances of crossing pairs of one person against those of two, as densities.

    Parameters
    ----------
    same, different : (p,) and (q,) distances
    span : the drawn range (default: that of the data)
    counts : numbers of pairs that the distances stand for (default: each for itself)

    The title ends with the share of the smaller area that both have in common: 0 is told apart.
    Raises ValueError for a group that is empty or lies outside the span, and for NaN.
    Source: MULT (arXiv 2402.00672), Fig. 5.
    """
    same, different = as_array(same), as_array(different)
    filled(same=same, different=different)
    finite(same=same, different=different)
    ends = [float(f([f(same), f(different)])) for f in (np.min, np.max)]
    edges = np.histogram_bin_edges(ends, bins, span)
    for name, part in (("same", same), ("different", different)):
        if not ((part >= edges[0]) & (part <= edges[-1])).any():
            raise ValueError(f"no distance of {name} lies in span={span}")
    density = [np.histogram(part, edges, density=True)[0] for part in (same, different)]
    looks = (("one person", COLOURS[0], "-", "////"), ("two people", COLOURS[1], "--", ""))
    counts = counts or (len(same), len(different))
    for (word, colour, line, hatch), height, n in zip(looks, density, counts, strict=True):
        ax.stairs(
            height, edges, fill=True, alpha=0.35, color=colour, hatch=hatch, lw=0,
            label=f"{word} (n = {n:,})",
        )  # fmt: skip
        ax.stairs(height, edges, color=colour, lw=1.4, ls=line)
    common = float((np.minimum(*density) * np.diff(edges)).sum())
    dress(ax, title=f"{title}: {common:.0%} in common", xlabel=xlabel, ylabel="density")
    legend_below(ax)
    return ax
