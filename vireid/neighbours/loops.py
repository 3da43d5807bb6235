"""Compiled loops of the tiled search. Import this inside functions only: numba costs a second."""

import numpy as np

from vireid.compiled import compiled

CHUNK = 32  # scores compared with a threshold at once


@compiled(fastmath={"reassoc", "contract"})
def dot(a, b):
    """Inner product; equal for (a, b) and (b, a), and for equal rows wherever they stand."""
    total = np.float32(0)
    for t in range(len(a)):
        total += a[t] * b[t]
    return total


@compiled
def pairs(x, i, j, rows, out):
    """Inner products of rows i[t] and j[t] of x, for t in r0..r1."""
    for t in range(rows[0], rows[1]):
        out[t] = dot(x[i[t]], x[j[t]])


@compiled
def pack(score, member):
    """One integer per candidate; the larger the better, ties go to the lower number."""
    bits = np.int64(np.float32(score).view(np.int32))
    if bits < 0:
        bits ^= 0x7FFFFFFF
    return (bits << 32) | (0xFFFFFFFF - member)


@compiled
def score_of(key):
    """The score that was packed."""
    bits = key >> 32
    if bits < 0:
        bits ^= 0x7FFFFFFF
    return np.int32(bits).view(np.float32)


@compiled
def member_of(key):
    """The number that was packed."""
    return 0xFFFFFFFF - (key & 0xFFFFFFFF)


@compiled
def select(keys, m):
    """Move the m largest of different keys to the front (quickselect); returns the m-th."""
    low, high = 0, len(keys)
    while high - low > 2:
        a, b, c = keys[low], keys[(low + high) // 2], keys[high - 1]
        pivot = max(min(a, b), min(max(a, b), c))  # the middle one: some are larger, some smaller
        at = low
        for t in range(low, high):
            key = keys[t]
            keys[t] = keys[at]
            keys[at] = key
            at += key >= pivot
        if at >= m:
            high = at
        if at <= m:
            low = at
    if high - low == 2 and keys[low] < keys[low + 1]:
        keys[low], keys[low + 1] = keys[low + 1], keys[low]
    return keys[:m].min()


@compiled
def clear(keep, row):
    """Keep the better half of a row's candidates once its places are taken."""
    keys, taken, least = keep
    half = (keys.shape[1] - CHUNK) // 2
    if taken[row] >= 2 * half:
        least[row] = score_of(select(keys[row, : taken[row]], half))
        taken[row] = half


@compiled
def offer_columns(tile, bias, keep, rows, columns, corner):
    """Offer the columns c0..c1 of a tile to its rows r0..r1, which keep those above their least.

    corner: number of the tile's first row and column; bias: (n,) added per candidate.
    """
    keys, taken, least = keep
    for r in range(rows[0], rows[1]):
        mine = corner[0] + r
        for c in range(columns[0], columns[1], CHUNK):
            stop = min(c + CHUNK, columns[1])
            hits, limit = 0, least[mine]
            for q in range(c, stop):
                hits += tile[r, q] + bias[corner[1] + q] > limit
            if hits:
                at = taken[mine]
                for q in range(c, stop):  # written always, kept by moving on: nothing to guess
                    value = tile[r, q] + bias[corner[1] + q]
                    keys[mine, at] = pack(value, corner[1] + q)
                    at += value > limit
                taken[mine] = at
                clear(keep, mine)


@compiled
def offer_rows(tile, bias, keep, rows, columns, corner):
    """Offer the rows r0..r1 of a tile to its columns c0..c1."""
    keys, taken, _ = keep
    least = keep[2][corner[1] :]
    for r in range(rows[0], rows[1]):
        extra = bias[corner[0] + r]
        for c in range(columns[0], columns[1], CHUNK):
            stop = min(c + CHUNK, columns[1])
            hits = 0
            for q in range(c, stop):
                hits += tile[r, q] + extra > least[q]
            if hits:
                for q in range(c, stop):
                    if tile[r, q] + extra > least[q]:
                        mine = corner[1] + q
                        keys[mine, taken[mine]] = pack(tile[r, q] + extra, corner[0] + r)
                        taken[mine] += 1
                        clear(keep, mine)


@compiled
def insert(table, size, new):
    """Insert (rank, number, score) into a table of so many, by descending rank, then by number."""
    rank, number, score = table
    at = size
    while at:
        above = at - 1
        if rank[above] > new[0] or (rank[above] == new[0] and number[above] < new[1]):
            break
        rank[at], number[at], score[at] = rank[above], number[above], score[above]
        at = above
    rank[at], number[at], score[at] = new


@compiled
def settle(x, bias, table, keep, k, self_first, rows, result):
    """Score the candidates of the sorted rows r0..r1 exactly, and keep the k best in order.

    result: index and value, filled by original row, and doubt: whether somebody who was not kept
    could belong into the list. Candidates that are behind the k-th by more than the tiles'
    scores can be wrong are not scored. table: see ``tiles.Table``.
    """
    order, margin, shift, coarse, reach = table
    keys, taken, least = keep
    index, value, doubt = result
    width = keys.shape[1]
    found = np.empty(width + 1, dtype=np.int64)
    exact = np.empty(width + 1, dtype=np.float32)
    rank = np.empty(width + 1, dtype=np.float32)
    for row in range(rows[0], rows[1]):
        i = order[row]
        mine = keys[row, : taken[row]]
        full = least[row] > -np.inf  # somebody may have been turned away, with a score <= least
        wrong = margin[row]
        reachable = -np.inf
        if full:
            kth = score_of(select(mine, k))
            wrong += coarse * (max(abs(kth), abs(least[row])) + reach)
            reachable = kth - 2 * wrong
        n, seen = 0, not self_first
        for key in mine:
            if score_of(key) >= reachable:
                found[n] = order[member_of(key)]
                seen |= found[n] == i
                n += 1
        if not seen:  # more copies of this row than candidates
            found[n] = i
            n += 1
        for c in range(n):
            j = found[c]
            score = dot(x[i], x[j])
            place = np.float32(np.inf) if self_first and j == i else score + bias[j]
            insert((rank, found, exact), c, (place, j, score))
        for c in range(min(n, k)):
            index[i, c] = found[c]
            value[i, c] = exact[c]
        if full:
            doubt[row] = rank[k - 1] <= least[row] + wrong + shift[row]
