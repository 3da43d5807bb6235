"""Compiled loops of the encoding and the distance. Import this inside functions only (numba)."""

import numpy as np

from vireid.compiled import compiled


@compiled
def reciprocal(lists, rows, mutual):
    """mutual[i, p]: whether i stands in the list of its p-th neighbour, for rows r0..r1."""
    for i in range(rows[0], rows[1]):
        for p in range(lists.shape[1]):
            j = lists[i, p]
            if j < 0:
                continue
            for q in range(lists.shape[1]):
                if lists[j, q] == i:
                    mutual[i, p] = True
                    break


@compiled
def grow(member, start, stop, half, in_r, in_e, i):
    """Add to the set member[start:stop] the half sets that overlap it enough; the new stop.

    in_r and in_e hold i where an image is in R_i or already in E_i.
    """
    lists, mutual = half
    for t in range(start, stop):  # the range stays that of R_i while the set grows
        c = member[t]
        width, overlap = 0, 0
        for q in range(lists.shape[1]):
            if mutual[c, q]:
                width += 1
                overlap += in_r[lists[c, q]] == i
        if 3 * overlap > 2 * width:
            for q in range(lists.shape[1]):
                if mutual[c, q] and in_e[lists[c, q]] != i:
                    member[stop] = lists[c, q]
                    in_e[member[stop]] = i
                    stop += 1
    return stop


@compiled
def sets(near, half, known, rows, size, member, value):
    """The sets E_i of rows r0..r1, one after the other; see ``plain.expanded``.

    near, half: lists and whether their members are mutual; known: lists and similarities. size:
    members of each row; value: their similarity as far as known, else NaN. Arrays marked with the
    number of the row that last touched them need no clearing.
    """
    n = len(near[0])
    in_r, in_e, listed = np.full(n, -1), np.full(n, -1), np.full(n, -1)
    found = np.empty(n, dtype=value.dtype)
    stop = 0
    for i in range(rows[0], rows[1]):
        start = stop
        for p in range(near[0].shape[1]):
            if near[1][i, p]:
                member[stop] = near[0][i, p]
                in_r[member[stop]] = in_e[member[stop]] = i
                stop += 1
        stop = grow(member, start, stop, half, in_r, in_e, i)
        if stop == start:
            member[stop] = i
            stop += 1
        for q in range(known[0].shape[1]):
            if known[0][i, q] >= 0:
                listed[known[0][i, q]] = i
                found[known[0][i, q]] = known[1][i, q]
        for t in range(start, stop):
            value[t] = found[member[t]] if listed[member[t]] == i else np.nan
        size[i - rows[0]] = stop - start


@compiled
def place_of(i, row, low, high):
    """Where i stands in the ascending row[low:high]."""
    while low < high:
        middle = (low + high) // 2
        if row[middle] < i:
            low = middle + 1
        else:
            high = middle
    return low


@compiled
def overlaps(v, columns, mass, limit, rows, size, partner, distance):
    """Distances of rows r0..r1 to partners j >= i that are <= limit; partners in no order.

    v, columns: (indptr, indices, data) of the encodings by row and by column, both sorted. Each sum
    runs over ascending columns, so the order of the images does not change it. partner and distance
    need one place more than there are results: where to write is never in doubt, only whether to
    move on, which spares the processor from guessing.
    """
    indptr, indices, data = v
    first, row, weight = columns
    n = len(mass)
    shared = np.zeros(n)
    touched = np.empty(n + 1, dtype=partner.dtype)
    start = np.full(n, -1)  # where row i stands in a column; rows before it are done
    at = 0
    for i in range(rows[0], rows[1]):
        count, before = 0, at
        for t in range(indptr[i], indptr[i + 1]):
            mine, g = data[t], indices[t]
            if start[g] < 0:
                start[g] = place_of(i, row, first[g], first[g + 1])
            for u in range(start[g], first[g + 1]):
                j = row[u]
                so_far = shared[j]
                touched[count] = j
                count += so_far == 0
                shared[j] = so_far + min(mine, weight[u])
            start[g] += 1
        for t in range(count):
            j = touched[t]
            d = max(1 - shared[j] / (mass[i] + mass[j] - shared[j]), 0) if j != i else 0.0
            shared[j] = 0
            partner[at] = j
            distance[at] = d
            at += distance[at] <= limit
        size[i - rows[0]] = at - before


@compiled
def mirror(lower, place, indptr, indices, data):
    """Full rows from a lower triangle with the diagonal, sorted.

    place: where the part right of the diagonal begins in each row. It fills in ascending order, as
    the rows of the lower triangle come by.
    """
    for j in range(len(place)):
        at = indptr[j]
        for t in range(lower[0][j], lower[0][j + 1]):
            i, d = lower[1][t], lower[2][t]
            indices[at], data[at] = i, d
            at += 1
            if i < j:
                indices[place[i]], data[place[i]] = j, d
                place[i] += 1
