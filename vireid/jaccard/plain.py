"""The encoding and the distance with scipy alone: the reference for the compiled loops."""

import numpy as np
from scipy.sparse import csr_array

from vireid.jaccard.lists import Lists

INT32 = np.iinfo(np.int32).max
CHUNK = 2**16  # pairs (stored weight, entry of its column) handled at once, within the caches


def membership(index: np.ndarray) -> csr_array:
    """(n, n) with a 1 where j stands in row i of a list (n, w), -1 = nobody."""
    n = len(index)
    row, place = (index >= 0).nonzero()
    ones = np.ones(len(row), dtype=np.int32)
    return csr_array((ones, (row, index[row, place])), shape=(n, n))


def reciprocal(index: np.ndarray) -> csr_array:
    """(n, n) with a 1 where i and j stand in each other's list.

    Source: Zhong et al. 2017, eq. 2.
    """
    a = membership(index)
    return a.multiply(a.T).tocsr()


def expanded(r: csr_array, half: np.ndarray | None) -> csr_array:
    """Pattern of the sets E_i: R_i and the half sets H_c that overlap it in more than 2/3.

    c runs over R_i as it was; nobody's set is empty (it holds oneself at least).
    """
    e = r
    if half is not None:
        h = reciprocal(half)
        overlap = (r @ h.T).multiply(r).tocsr()  # (i, c): |R_i and H_c|
        size = np.diff(h.indptr)
        overlap.data = (3 * overlap.data > 2 * size[overlap.indices]).astype(np.int32)
        overlap.eliminate_zeros()
        e = r + overlap @ h
    empty = np.diff(e.indptr) == 0
    if empty.any():
        i = np.flatnonzero(empty)
        e = e + csr_array((np.ones_like(i), (i, i)), shape=e.shape)
    e = csr_array(e)
    e.sort_indices()
    return e


def weights(e: csr_array, source, lists: Lists) -> csr_array:
    """V: softmax of -(2 - 2 similarity) over each set, zero elsewhere; rows sum to 1."""
    row = np.repeat(np.arange(len(lists.known)), np.diff(e.indptr))
    similarity = _look_up(row, e.indices, source, lists)
    return from_similarity(csr_array((similarity, e.indices, e.indptr), shape=e.shape), row)


def from_similarity(s: csr_array, row: np.ndarray) -> csr_array:
    """Softmax of -(2 - 2 s) over each row's stored entries; ``row`` numbers their rows."""
    value = np.exp(2 * s.data.astype(np.float64) - 2)
    total = np.bincount(row, value, minlength=s.shape[0])
    return csr_array((value / total[row], s.indices, s.indptr), shape=s.shape)


def _look_up(row, column, source, lists: Lists) -> np.ndarray:
    """Similarities of pairs: what the search found, the rest from the source; float64."""
    n = len(lists.known)
    known_row, place = (lists.known >= 0).nonzero()
    key = pair_key(known_row, lists.known[known_row, place], n)
    order = np.argsort(key)
    key, value = key[order], lists.similarity[known_row, place][order]
    wanted = pair_key(row, column, n)
    at = np.minimum(np.searchsorted(key, wanted), len(key) - 1)
    found = key[at] == wanted
    similarity = np.empty(len(row))
    similarity[found] = value[at[found]]
    similarity[~found] = source.pairs(row[~found], column[~found])
    return similarity


def pair_key(row, column, n: int) -> np.ndarray:
    """One int64 per pair; row * n overflows 32 bits from 46,341 images on."""
    return np.asarray(row, dtype=np.int64) * n + column


def encode(source, lists: Lists) -> csr_array:
    """(n, n) encodings V before any averaging: rows sum to 1, or count a set when unweighted."""
    e = expanded(reciprocal(lists.near), lists.half)
    if not lists.weighted:
        return csr_array((np.ones(e.nnz), e.indices, e.indptr), shape=e.shape)
    return weights(e, source, lists)


def shared_mass(v: csr_array, mass: np.ndarray, limit: np.float32) -> csr_array:
    """Distances <= limit of all pairs with common support; mass: (n,) sums of the rows of V.

    By an inverted index: every stored weight meets the other weights of its column.
    """
    n = v.shape[0]
    by_column = v.tocsc()
    v = by_column.tocsr()  # ascending columns: the two sums of a pair then run in one order
    length = np.diff(by_column.indptr)
    work = np.add.reduceat(np.append(length[v.indices], 0), v.indptr[:-1])
    parts = []
    for start, stop in blocks(np.maximum(work, n), CHUNK):
        entries = slice(v.indptr[start], v.indptr[stop])
        met = length[v.indices[entries]]  # how many rows share each weight's column
        first = by_column.indptr[v.indices[entries]]
        place = np.arange(met.sum()) + np.repeat(first - np.cumsum(met) + met, met)
        share = np.minimum(by_column.data[place], np.repeat(v.data[entries], met))
        row = np.repeat(np.arange(stop - start), np.diff(v.indptr[start : stop + 1]))
        key = pair_key(np.repeat(row, met), by_column.indices[place], n)
        s = np.bincount(key, share, minlength=(stop - start) * n).reshape(stop - start, n)
        i, j = s.nonzero()
        s = s[i, j]
        d = np.maximum(1 - s / (mass[i + start] + mass[j] - s), 0).astype(np.float32)
        d[i + start == j] = 0
        keep = d <= limit
        parts.append(csr_array((d[keep], (i[keep], j[keep])), shape=(stop - start, n)))
    return stack(parts, n)


def blocks(work: np.ndarray, budget: int):
    """Cut rows into (start, stop) of about ``budget`` work each, at least one row."""
    done = np.cumsum(work, dtype=np.int64)
    start = 0
    while start < len(work):
        base = done[start - 1] if start else 0
        stop = max(start + 1, int(np.searchsorted(done, base + budget, side="right")))
        yield start, stop
        start = stop


def index_kind(largest: int) -> type:
    """The narrower integer that still counts so far."""
    return np.int64 if largest > INT32 else np.int32


def stack(parts: list[csr_array], n: int) -> csr_array:
    """Row blocks on top of each other, explicit zeros kept, 64-bit indices where needed."""
    nnz = sum(p.nnz for p in parts)
    kind = index_kind(max(nnz, n))
    indptr = (
        np.concatenate([[0], *(np.diff(p.indptr) for p in parts)]).astype(kind).cumsum(dtype=kind)
    )
    indices = np.concatenate([p.indices.astype(kind, copy=False) for p in parts])
    return csr_array((np.concatenate([p.data for p in parts]), indices, indptr), shape=(n, n))
