"""The encoding and the distance by compiled loops; the same results as ``plain``."""

import numpy as np
import torch
from scipy.sparse import csr_array

from vireid.jaccard.lists import Lists
from vireid.jaccard.plain import blocks, from_similarity, index_kind, stack

ROWS = 2**14  # rows encoded by one call
CHUNK = 2**22  # pairs (stored weight, entry of its column) met by one call, at most


def encode(source, lists: Lists) -> csr_array:
    """(n, n) encodings V before any averaging; see ``plain.encode``."""
    from vireid.compiled import in_threads
    from vireid.jaccard import loops

    near, known = (np.ascontiguousarray(a, dtype=np.int32) for a in (lists.near, lists.known))
    half = near[:, :0] if lists.half is None else lists.half
    half = np.ascontiguousarray(half, dtype=np.int32)
    n = len(near)
    step = max(1, min(ROWS, -(-n // torch.get_num_threads())))
    parts = [(start, min(start + step, n)) for start in range(0, n, step)]
    mutual, half_mutual = (np.zeros(a.shape, dtype=bool) for a in (near, half))
    in_threads(loops.reciprocal, [(near, rows, mutual) for rows in parts])
    in_threads(loops.reciprocal, [(half, rows, half_mutual) for rows in parts])
    similarity = np.ascontiguousarray(lists.similarity)
    # a half set joins with at most a third of its members
    most = 1 + near.shape[1] * (1 + max(half.shape[1] - 1, 0) // 3)

    def rows_of(*rows):
        size = np.empty(rows[1] - rows[0], dtype=np.int64)
        member = np.empty(most * len(size), dtype=np.int32)
        value = np.empty(most * len(size), dtype=similarity.dtype)
        tables = (near, mutual), (half, half_mutual), (known, similarity)
        loops.sets(*tables, rows, size, member, value)
        stop = size.sum()
        return _block(size, member[:stop].copy(), value[:stop].copy(), n)

    e = stack(in_threads(rows_of, parts), n).tocsc().tocsr()  # there and back sorts the rows
    if not lists.weighted:
        return csr_array((np.ones(e.nnz), e.indices, e.indptr), shape=e.shape)
    row = np.repeat(np.arange(n), np.diff(e.indptr))
    missing = np.isnan(e.data)
    e.data[missing] = source.pairs(row[missing], e.indices[missing])
    return from_similarity(e, row)


def _block(size, indices, data, n: int) -> csr_array:
    return csr_array((data, indices, np.append(0, size.cumsum())), shape=(len(size), n))


def shared_mass(v: csr_array, mass: np.ndarray, limit: np.float32) -> csr_array:
    """Distances of all pairs with common support; see ``plain.shared_mass``."""
    from vireid.compiled import in_threads
    from vireid.jaccard import loops

    n = v.shape[0]
    by_column = v.tocsc()
    by_row = by_column.tocsr()  # sorted
    tables = [(m.indptr, m.indices, m.data) for m in (by_row, by_column)]
    met = np.diff(by_column.indptr)[by_row.indices]
    work = np.add.reduceat(np.append(met, 0), by_row.indptr[:-1])

    def rows_of(*rows):
        size = np.empty(rows[1] - rows[0], dtype=np.int64)
        most = int(np.minimum(work[slice(*rows)], n - np.arange(*rows)).sum()) + 1
        partner, distance = np.empty(most, dtype=np.int32), np.empty(most, dtype=np.float32)
        loops.overlaps(*tables, mass, limit, rows, size, partner, distance)
        stop = size.sum()
        return _block(size, partner[:stop].copy(), distance[:stop].copy(), n)

    upper = stack(in_threads(rows_of, blocks(work, CHUNK)), n)
    return _mirrored(upper)


def _mirrored(upper: csr_array) -> csr_array:
    """Both triangles from one; an addition of sparse matrices would drop explicit zeros."""
    from vireid.jaccard import loops

    lower = upper.tocsc()  # column j of the upper triangle is row j of the lower one, and sorted
    kind = index_kind(2 * upper.nnz)
    left = np.diff(lower.indptr)
    size = left + np.diff(upper.indptr) - 1
    indptr = np.append(0, size.cumsum(dtype=np.int64)).astype(kind)
    indices, data = np.empty(indptr[-1], dtype=kind), np.empty(indptr[-1], dtype=np.float32)
    tables = lower.indptr, lower.indices, lower.data
    loops.mirror(tables, indptr[:-1] + left.astype(kind), indptr, indices, data)
    return csr_array((data, indices, indptr), shape=upper.shape)
