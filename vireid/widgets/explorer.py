"""The neighbour explorer: pick a picture and a rule, see its neighbours and its encoding."""

from collections.abc import Mapping
from dataclasses import dataclass

import ipywidgets as W
import numpy as np
from scipy import sparse

from vireid.arguments import as_array
from vireid.plots import canvas, encoding, neighbours
from vireid.types import Images, Modality
from vireid.widgets.panel import Drawing, Panel


@dataclass(frozen=True)
class View:
    """How one rule sees the images.

    Parameters
    ----------
    nearest : (n, k) row numbers, nearest first, the image itself left out; -1 where there are fewer
    distance : (n, k) the distance to each
    weights : (n, n) sparse encoding whose row i tells how image i describes itself, or None
    """

    nearest: np.ndarray
    distance: np.ndarray
    weights: sparse.csr_array | None = None


def view(distance, k: int, *, weights=None) -> View:
    """The k nearest of every image by a distance matrix.

    Parameters
    ----------
    distance : (n, n) dense, or sparse as ``jaccard_distance`` gives it: absent pairs at distance 1
    weights : the encoding behind it, if there is one

    Of a sparse table, neighbours at distance 1 share nothing with the image and are left out.
    """
    table = distance if sparse.issparse(distance) else _near(as_array(distance))
    table = sparse.csr_array(table)
    n = table.shape[0]
    nearest, far = np.full((n, k), -1), np.ones((n, k))
    for i in range(n):
        at = slice(table.indptr[i], table.indptr[i + 1])
        found, values = table.indices[at], table.data[at]
        keep = (found != i) & (values < 1 if sparse.issparse(distance) else True)
        found, values = found[keep], values[keep]
        order = np.lexsort((found, values))[:k]
        nearest[i, : len(order)], far[i, : len(order)] = found[order], values[order]
    return View(nearest, far, None if weights is None else sparse.csr_array(weights))


def views(x, rules=("cosine", "vanilla", "modality"), *, k: int = 16, **options) -> dict[str, View]:
    """A ``View`` of each rule of features x (n, d): "cosine", or a rule of ``jaccard_distance``.

    ``options`` go to the Jaccard distance (k1, k2, modality, camera). The encoding shown under
    "cosine" is even: 1 / k on each of the k nearest, which is what one has before any rule.
    """
    from vireid.jaccard import encoding as encode
    from vireid.jaccard import encoding_distance
    from vireid.neighbours import nearest

    found = {}
    for rule in rules:
        if rule != "cosine":
            weights = encode(x, rule=rule, **options)
            found[rule] = view(encoding_distance(weights), k, weights=weights)
            continue
        index, similarity = (as_array(a)[:, 1:] for a in nearest(x, k + 1))
        rows = np.repeat(np.arange(len(index)), index.shape[1])
        even = np.full(index.size, 1 / index.shape[1])
        weights = sparse.csr_array((even, (rows, index.ravel())), shape=(len(index),) * 2)
        found[rule] = View(index, 1 - similarity, weights)
    return found


def _near(distance: np.ndarray) -> sparse.csr_array:
    """A dense matrix as a sparse one that stores every pair, zeros included."""
    n = len(distance)
    return sparse.csr_array(
        (distance.ravel(), np.tile(np.arange(n), n), np.arange(0, n * n + 1, n)), shape=(n, n)
    )


def explorer(
    images: Images, views: Mapping[str, View], *, start: int = 0, shown: int = 16
) -> Panel:
    """A slider over the images and a choice of rule; the picture follows within 0.3 s.

    Parameters
    ----------
    images : the table the views are of; with identities, neighbours of the same person get a tick,
        those of unknown people (-1) none
    views : name of the rule -> ``view(...)`` of it
    start : the picture to begin with
    shown : how many neighbours to show

    Raises ValueError when a view is of another number of images.
    """
    for name, seen in views.items():
        if len(seen.nearest) != len(images):
            raise ValueError(
                f"views[{name!r}] is of {len(seen.nearest)} images and images has {len(images)}; "
                "make both from the same table"
            )

    def draw(image: int, rule: str) -> Drawing:
        return _draw(images, views[rule], rule, image, shown)

    slider = W.IntSlider(
        start, 0, len(images) - 1, description="image", layout=W.Layout(width="420px")
    )
    rules = W.Dropdown(options=list(views), description="rule")
    return Panel(draw, {"image": slider, "rule": rules})


def _draw(images: Images, seen: View, rule: str, image: int, shown: int) -> Drawing:
    found = seen.nearest[image, :shown]
    found = found[found >= 0]
    own = Modality(int(images.modality[image]))
    kin = int((images.modality[found] == own).sum())
    title = f"{rule}: {kin} of {len(found)} neighbours {own.word} too"
    told = f"{rule}: {kin} of {len(found)} neighbours are {own.word} too"
    if images.identity is not None and images.identity[image] != -1:
        same = int((images.identity[found] == images.identity[image]).sum())
        title += f", {same} the same person"
        told += f", {same} show the same person"
    alt = f"Image {image} ({own.word}) and its {len(found)} nearest by {told}."
    wide = seen.weights is not None
    margins = {"left": 0.01, "right": 0.985 if wide else 0.99, "top": 0.91, "wspace": 0.12}
    figure, axes = canvas(
        1 + wide, width=9.6 if wide else 6.4, height=3.0, ratios=[2, 1][: 1 + wide],
        margins=margins | {"bottom": 0.24 if wide else 0.02},
    )  # fmt: skip
    sheet, bars = axes if wide else (axes, None)
    neighbours(
        images, image, found, sheet, title=title,
        captions=[f"{d:.2f}" for d in seen.distance[image, : len(found)]],
    )  # fmt: skip
    if wide:
        row = seen.weights[[image]].toarray().ravel()
        encoding(row, images.modality, bars, others=40)
        alt += f" Its encoding puts weight on {int((row > 0).sum())} images."
    return figure, alt
