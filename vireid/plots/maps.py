"""Two-dimensional maps of features, and of prototypes among them. Layouts are cached on disk."""

import hashlib
import os
import warnings
from contextlib import suppress
from itertools import combinations

import numpy as np
from matplotlib.axes import Axes

from vireid.arguments import as_array
from vireid.paths import cache_folder
from vireid.plots.base import (
    COLOURS,
    FAINT,
    INK,
    MODALITY_COLOUR,
    MODALITY_MARKER,
    dress,
    legend_below,
    modality_groups,
    same_length,
)
from vireid.types import Modality

METHODS = ("pca", "tsne", "umap")
SCATTERED = 8  # rows that differ: fewer have no neighbourhoods to keep together
LABEL = (17.0, 12.0)  # width and height that a person's number takes, in points
ROUNDED = 6  # decimals, relative to the largest number, in which rows must differ


def project(x, method: str = "umap", *, seed: int = 0, around: int = 15, cache: bool = True):
    """Lay features out in the plane; the same input gives the same numbers.

    Parameters
    ----------
    x : (n, d) features
    method : "pca" (instant, linear), "tsne" or "umap"; both of these keep neighbours together and
        say nothing with the size of, or the distance between, far-apart groups
    around : neighbours per point for umap, perplexity for tsne (at most (n - 1) / 3)
    cache : keep the layout on disk under a name made of the content of x and of the settings

    Equal rows get one place. Where fewer than ``SCATTERED`` rows differ there is nothing to
    scatter: all methods then give the linear map.

    Returns (n, 2) float32. Raises ValueError for an unknown method, NaN, or fewer than 4 rows.
    """
    x = np.ascontiguousarray(as_array(x), dtype=np.float32)
    if method not in METHODS:
        raise ValueError(f"method={method!r}; known: {', '.join(METHODS)}")
    if x.ndim != 2 or len(x) < 4 or not x.shape[1]:
        raise ValueError(f"x has shape {x.shape}; a map needs at least 4 rows of features")
    if bad := np.flatnonzero(~np.isfinite(x).all(axis=1))[:5].tolist():
        raise ValueError(f"x has NaN or infinite features in rows {bad}; look at the model first")
    around = max(2, min(int(around), (len(x) - 1) // 3))
    layout = {"pca": _pca, "tsne": _tsne, "umap": _umap}[method]
    if not 1e-6 < (scale := np.abs(x).max() or 1.0) < 1e6:  # squares would leave float32's range
        x = x / scale
    if x.shape[1] == 1:
        x = np.pad(x, ((0, 0), (0, 1)))  # a plane needs two
    if method == "pca":
        return _pca(x, seed, around)
    if not cache:
        return _each_place_once(layout, x, seed, around)
    key = hashlib.sha256(x.tobytes() + f"{x.shape} {method} {seed} {around} 2".encode())
    path = cache_folder() / "maps" / f"{key.hexdigest()[:24]}.npy"
    if (kept := _kept(path, len(x))) is not None:
        return kept
    points = _each_place_once(layout, x, seed, around)
    with suppress(OSError):  # a map that cannot be kept is drawn anew next time
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(f".{os.getpid()}.npy")
        np.save(partial, points)
        partial.replace(path)  # two kernels may write the same map at once
    return points


def _kept(path, n):
    """The map of n rows that lies at a path; None when there is none or it is damaged."""
    try:
        points = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    return points if points.shape == (n, 2) and points.dtype == np.float32 else None


def _each_place_once(layout, x, seed, around):
    """The layout of the rows that differ by more than rounding: t-SNE dies of a table of copies."""
    rounded = np.round(x / (np.abs(x).max() or 1.0), ROUNDED)
    _, first, inverse = np.unique(rounded, axis=0, return_index=True, return_inverse=True)
    if len(first) < SCATTERED:
        return _pca(x, seed, around)
    if len(first) == len(x):
        return layout(x, seed, around)
    order = np.sort(first)
    place = np.searchsorted(order, first)[inverse.ravel()]  # of each row's first copy
    return layout(x[order], seed, max(2, min(around, (len(order) - 1) // 3)))[place]


def _pca(x, seed, around):
    centred = (x - x.mean(axis=0)).astype(np.float64)
    _, axes = np.linalg.eigh(centred.T @ centred)  # ascending
    axes = axes[:, :-3:-1]
    axes *= np.sign(axes[np.abs(axes).argmax(axis=0), [0, 1]])  # eigenvectors have no sign; fix one
    return (centred @ axes).astype(np.float32)


def _tsne(x, seed, around):
    from sklearn.manifold import TSNE

    tsne = TSNE(perplexity=around, init="pca", random_state=seed, metric="cosine", n_jobs=1)
    return tsne.fit_transform(x).astype(np.float32)


def _umap(x, seed, around):
    from umap import UMAP

    from vireid.neighbours import nearest

    index, similarity = (as_array(a) for a in nearest(x, around))
    known = (index.astype(np.int64), np.maximum(1 - similarity, 0).astype(np.float32), None)
    with warnings.catch_warnings():  # it warns that a fixed seed means one job, and of our own k-NN
        warnings.simplefilter("ignore", UserWarning)
        umap = UMAP(
            n_neighbors=around, metric="cosine", random_state=seed, n_jobs=1, precomputed_knn=known
        )
        return np.asarray(umap.fit_transform(x), dtype=np.float32)


def embedding_map(
    points,
    modality,
    ax: Axes,
    *,
    identity=None,
    people: int = 6,
    title: str = "",
    axis: str = "map",
) -> Axes:
    """Every image as a mark at its place: colour and shape are the modality.

    Parameters
    ----------
    points : (n, 2) from ``project``
    identity : (n,) to pick out ``people`` persons (the most photographed), each joined to the
        centre of its own images in that modality, where its number stands, so that one sees
        whether a person is in one place or two; -1 is nobody's name and picked out never
    axis : the word for the axes ("PCA", "UMAP", ...); the units of a map have no meaning
    """
    points, modality = _in_the_plane(points), as_array(modality)
    known = {} if identity is None else {"identity": identity}
    same_length(points=points, modality=modality, **known)
    for m, rows in modality_groups(modality):
        ax.scatter(
            *points[rows].T, s=14, marker=MODALITY_MARKER[m], color=MODALITY_COLOUR[m], lw=0,
            alpha=0.55 if identity is None else 0.25, label=f"{m.word} (n = {len(rows):,})",
        )  # fmt: skip
    if identity is not None:
        _pick_out(points, modality, as_array(identity), people, ax)
    dress(ax, title=title, xlabel=f"{axis} 1 (no unit)", ylabel=f"{axis} 2 (no unit)")
    ax.set_xticks([])
    ax.set_yticks([])
    legend_below(ax, columns=3, drop=0.08)
    return ax


def _in_the_plane(points) -> np.ndarray:
    """``points`` as (n, 2), or ValueError."""
    points = as_array(points)
    if points.ndim != 2 or points.shape[1] != 2:
        raise ValueError(f"points has shape {points.shape}; give (n, 2), as from plots.project")
    return points


def _pick_out(points, modality, identity, people, ax):
    names, counts = np.unique(identity[identity != -1], return_counts=True)
    chosen = names[np.argsort(-counts, kind="stable")[:people]]
    numbers = []
    for i, person in enumerate(chosen):
        colour = COLOURS[i % len(COLOURS)]
        for m, rows in modality_groups(np.where(identity == person, modality, -1)):
            centre = points[rows].mean(axis=0)
            for point in points[rows]:
                ax.plot(*np.stack([point, centre]).T, color=colour, lw=0.6, alpha=0.7, zorder=1)
            ax.scatter(
                *points[rows].T, s=26, marker=MODALITY_MARKER[m], color=colour, ec=INK, lw=0.4
            )
            numbers.append((str(person), centre, colour))
    _number(numbers, ax)


def _number(numbers, ax):
    """The (word, centre, colour) of each picked-out group, moved where one would cover another."""
    if not numbers:
        return
    ax.autoscale_view()
    size = np.array(ax.get_window_extent().size) * 72 / ax.figure.dpi
    low, high = np.array([ax.get_xlim(), ax.get_ylim()]).T
    centres = np.array([centre for _, centre, _ in numbers])
    places = (centres - low) / (high - low) * size + (7, 5)  # in points, from the axes' corner
    for (word, centre, colour), offset in zip(
        numbers, apart(places) - places + (7, 5), strict=True
    ):
        ax.annotate(
            word, centre, fontsize=7, weight="bold", color=INK, ha="left", va="bottom",
            xytext=tuple(offset), textcoords="offset points",
            bbox={"boxstyle": "round,pad=0.15", "fc": "white", "ec": colour, "lw": 0.8},
        )  # fmt: skip


def apart(places, box: tuple[float, float] = LABEL, *, rounds: int = 200) -> np.ndarray:
    """Places of equal boxes, each moved as little as leaves none upon another.

    Parameters
    ----------
    places : (n, 2) corners of the boxes; box : their width and height

    In every round the two of each covering pair part by half of what they share, along the axis on
    which that is less; equal places part upwards, by their order. The same places give the same.
    """
    places, box = np.array(places, dtype=float), np.asarray(box)
    for _ in range(rounds):
        moved = False
        for i, j in combinations(range(len(places)), 2):
            gap = places[j] - places[i]
            shared = box - np.abs(gap)
            if (shared > 1e-6).all():
                axis = int(np.argmin(shared / box))
                step = (shared[axis] / 2 + 1e-3) * (1 if gap[axis] >= 0 else -1)
                places[i, axis] -= step
                places[j, axis] += step
                moved = True
        if not moved:
            break
    return places


def prototypes(
    points, modality, label, proxies, proxy_label, ax: Axes, *, proxy_modality=None, title: str = ""
) -> Axes:
    """Members of a few clusters and what stands for them: one prototype each, or one per modality.

    Parameters
    ----------
    points : (n, 2) places of the images, label : (n,) their clusters (-1 is left out)
    proxies : (p, 2) places of the prototypes, proxy_label : (p,) their clusters
    proxy_modality : (p,) 0 or 1 when a prototype stands for one modality; None when for both

    The two prototypes of one cluster are joined by a line.
    """
    points, modality, label = _in_the_plane(points), as_array(modality), as_array(label)
    proxies, proxy_label = _in_the_plane(proxies), as_array(proxy_label)
    same_length(points=points, modality=modality, label=label)
    same_length(proxies=proxies, proxy_label=proxy_label)
    for m, rows in modality_groups(np.where(label >= 0, modality, -1)):
        ax.scatter(
            *points[rows].T, s=16, marker=MODALITY_MARKER[m], color=MODALITY_COLOUR[m], lw=0,
            alpha=0.45, label=f"{m.word} images (n = {len(rows):,})",
        )  # fmt: skip
    for cluster in np.unique(proxy_label):
        members, own = points[label == cluster], proxies[proxy_label == cluster]
        for point in members:
            near = own[np.linalg.norm(own - point, axis=1).argmin()]
            ax.plot(*np.stack([point, near]).T, color=FAINT, lw=0.6, zorder=0)
        if len(own) > 1:
            ax.plot(*own.T, color=INK, lw=1.4, ls="--", zorder=3)
        ax.annotate(
            str(cluster), own.mean(axis=0), fontsize=8, xytext=(7, 5), textcoords="offset points"
        )
    kinds = np.full(len(proxies), -1) if proxy_modality is None else as_array(proxy_modality)
    for kind in np.unique(kinds):
        whole = kind == -1
        ax.scatter(
            *proxies[kinds == kind].T, s=120, zorder=4, ec=INK, lw=1.2,
            marker="D" if whole else MODALITY_MARKER[Modality(int(kind))],
            color=COLOURS[2] if whole else MODALITY_COLOUR[Modality(int(kind))],
            label="prototype" if whole else f"{Modality(int(kind)).word} prototype",
        )  # fmt: skip
    dress(ax, title=title, xlabel="map 1 (no unit)", ylabel="map 2 (no unit)")
    ax.set_xticks([])
    ax.set_yticks([])
    legend_below(ax, drop=0.08)
    return ax
