"""CMRR: re-rank a cross-modality search by whom query and gallery images have as neighbours.

The whole set of queries is used at once, so report its scores apart from those of plain ranking.
"""

import operator
import warnings

import numpy as np
import torch
from scipy.sparse import csr_array, hstack, vstack

from vireid.neighbours import as_rows

INTRA_K2, INTRA_WEIGHT = 6, 0.7  # of the classic re-ranking inside a modality


def cmrr(query, gallery, *, k: int = 15, eta: float = 0.1):
    r"""Distance of each query to each gallery image after cross-modality re-ranking.

    .. math:: (1 - \eta) J_{qg} + \eta \lVert x_q - x_g \rVert^2

    with J the Jaccard distance of ``cross_encoding``.

    Parameters
    ----------
    query, gallery : (q, d) and (g, d) features, normalised inside; tensors, arrays or lists
    k : width of neighbour lists besides the image itself; sides with fewer images warn
    eta : weight of the plain distance, in [0, 1]; 1 keeps the plain ranking

    Returns (q, g) in [0, 1 + 3 eta], like query in kind and device. ``cmrr(gallery, query)`` is its
    transpose.
    Raises ValueError for rows with NaN, infinity or only zeros, different widths, bad k or eta.
    Source: MULT (arXiv 2402.00672), CMRR, after Zhong et al., CVPR 2017. Differs: the released code
    rounds encodings and distances to 16 bits; an image nobody reciprocates divided by zero there.
    """
    if not 0 <= eta <= 1:
        raise ValueError(f"eta={eta}; give a weight in [0, 1], the released code's is 0.1")
    q, g = _unit_rows(query, gallery)
    v = _stacked(q, g, k)
    s = _overlap(v[: len(q)], v[len(q) :])
    distance = (1 - eta) * (1 - s / (2 - s)) + eta * _squared(q, g)
    if isinstance(query, torch.Tensor):
        kind = query.dtype if query.is_floating_point() else torch.float32
        return torch.as_tensor(distance, dtype=kind, device=query.device)
    kind = np.asarray(query).dtype
    return distance.astype(kind if kind.kind == "f" else np.float32)


def cross_encoding(query, gallery, *, k: int = 15) -> csr_array:
    """Who belongs to whose neighbourhood, in the own and in the other modality: (q + g, q + g).

    Rows and columns are queries, then gallery images. Within a modality neighbours are taken by
    re-ranked distance, across by plain distance; neighbourhoods are averaged over the k nearest of
    the own modality. Rows sum to 1, or are empty for an image that nobody reciprocates.

    Arguments, errors and source as ``cmrr``.
    """
    return _stacked(*_unit_rows(query, gallery), k)


def _unit_rows(query, gallery) -> tuple[np.ndarray, np.ndarray]:
    given = [x if isinstance(x, torch.Tensor) else np.asarray(x) for x in (query, gallery)]
    sides = [as_rows(x, name) for x, name in zip(given, ("query", "gallery"), strict=True)]
    q, g = ((x / norm[:, None]).double().cpu().numpy() for x, norm in sides)
    if q.shape[1] != g.shape[1]:
        raise ValueError(f"query rows are {q.shape[1]} wide, gallery rows {g.shape[1]}")
    return q, g


def _stacked(q: np.ndarray, g: np.ndarray, k: int) -> csr_array:
    k = _whole(k)
    if k + 1 > min(len(q), len(g)):
        warnings.warn(
            f"k={k} asks for {k + 1} images, but there are {len(q)} queries and {len(g)} gallery "
            "images: lists are cut",
            stacklevel=3,
        )
    d_qq, d_gg = (_by_column_maximum(_squared(x, x)) for x in (q, g))
    d_qg, d_gq = (_by_column_maximum(_squared(x, y)) for x, y in ((q, g), (g, q)))
    near_q, near_g = (_first(_reranked(d, k), k + 1) for d in (d_qq, d_gg))
    near_qg, near_gq = _first(d_qg, k + 1), _first(d_gq, k + 1)
    own_q = _encoded(d_qq, near_q, near_q, near_q, k)
    own_g = _encoded(d_gg, near_g, near_g, near_g, k)
    across_q = _encoded(d_qg, near_qg, near_gq, near_g, k)
    across_g = _encoded(d_gq, near_gq, near_qg, near_q, k)
    mean_q, mean_g = _average(near_q, k), _average(near_g, k)
    rows = (mean_q @ hstack([own_q, across_q]), mean_g @ hstack([across_g, own_g]))
    return _rows_to_one(csr_array(vstack(rows)))


def _whole(k) -> int:
    try:
        found = 0 if isinstance(k, bool) else operator.index(k)
    except TypeError:  # of fractions, 3.0 too, and text
        found = 0
    if found < 1:
        raise ValueError(f"k={k!r}; give a whole number of neighbours >= 1, usually 15")
    return found


def _squared(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Squared distances of unit rows (n, m), in [0, 4]."""
    d = np.maximum(2 - 2 * (x @ y.T), 0)
    if x is y:
        np.fill_diagonal(d, 0)
    return d


def _by_column_maximum(d: np.ndarray) -> np.ndarray:
    largest = d.max(0)
    return d / np.where(largest > 0, largest, 1)


def _first(d: np.ndarray, width: int) -> np.ndarray:
    """Column numbers of each row's smallest entries, ties by index (n, width or all)."""
    return np.argsort(d, axis=1, kind="stable")[:, :width]


def _reranked(d: np.ndarray, k: int) -> np.ndarray:
    """Classic k-reciprocal re-ranking inside one modality: 0.7 Jaccard + 0.3 distance."""
    d = _by_column_maximum(d).T
    near = _first(d, max(k + 1, INTRA_K2))
    own = near[:, : k + 1]
    v = _average(near, INTRA_K2) @ _encoded(d, own, own, own, k)
    s = _overlap(v, v)
    return INTRA_WEIGHT * np.maximum(1 - s / (2 - s), 0) + (1 - INTRA_WEIGHT) * d


def _encoded(d: np.ndarray, forward, backward, half, k: int) -> csr_array:
    """Weights exp(-d) on each row's expanded reciprocal set, (n, m); rows sum to 1 or are empty.

    ``forward`` (n, .) lists columns, ``backward`` (m, .) rows, ``half`` (m, .) columns for columns.
    """
    n, m = d.shape
    r = csr_array(_member(forward, m).multiply(_member(backward, n).T))
    short = _member(half[:, : round(k / 2) + 1], m)
    h = csr_array(short.multiply(short.T))
    overlap = csr_array((r @ h.T).multiply(r))  # (n, m): how much of c's set i has
    size = np.diff(h.indptr)
    overlap.data = (3 * overlap.data > 2 * size[overlap.indices]).astype(np.int32)
    i, j = (r + overlap @ h).nonzero()
    return _rows_to_one(csr_array((np.exp(-d[i, j]), (i, j)), shape=(n, m)))


def _member(lists: np.ndarray, m: int) -> csr_array:
    """(n, m) with a 1 where a column number stands in the row's list."""
    n, width = lists.shape
    ones = np.ones(lists.size, dtype=np.int32)
    return csr_array((ones, lists.ravel(), np.arange(n + 1) * width), shape=(n, m))


def _average(lists: np.ndarray, k: int) -> csr_array:
    """(n, n) that averages rows over the first k of each list."""
    return _rows_to_one(_member(lists[:, :k], len(lists)).astype(float))


def _rows_to_one(v: csr_array) -> csr_array:
    total = v.sum(1)
    return csr_array(v.multiply((1 / np.where(total > 0, total, 1))[:, None]))


def _overlap(a: csr_array, b: csr_array) -> np.ndarray:
    """Shared mass of all pairs of rows, sum_c min(a_ic, b_jc), dense (n, m)."""
    columns = b.tocsc()
    length = np.diff(columns.indptr)
    out = np.empty((a.shape[0], b.shape[0]))
    for i in range(a.shape[0]):
        own = slice(a.indptr[i], a.indptr[i + 1])
        c = a.indices[own]
        first = columns.indptr[c] - np.cumsum(length[c]) + length[c]
        at = np.arange(length[c].sum()) + np.repeat(first, length[c])
        share = np.minimum(columns.data[at], np.repeat(a.data[own], length[c]))
        out[i] = np.bincount(columns.indices[at], share, minlength=b.shape[0])
    return out
