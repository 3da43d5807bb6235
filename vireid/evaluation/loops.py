"""Compiled loops of the rankings. Import this inside functions only: numba costs a second."""

import numpy as np

from vireid.compiled import compiled


@compiled
def place(value, at):
    """1-based rank of an entry: how many are larger, or equal and not later."""
    mine, larger, equal = value[at], 0, 0
    for j in range(len(value)):  # whole rows: the processor compares eight or more at once
        larger += value[j] > mine
        equal += value[j] == mine
    if equal == 1:
        return larger + 1
    for j in range(at + 1):
        larger += value[j] == mine
    return larger


@compiled
def people_before(value, at, identity, seen, mark):
    """How many identities have an image that ranks before an entry; ``seen`` takes the mark."""
    people = 0
    for j in range(len(value)):
        if value[j] > value[at] or (value[j] == value[at] and j < at):
            people += seen[identity[j]] != mark
            seen[identity[j]] = mark
    return people


@compiled
def rankings(similarity, identities, keys, columns, rows, distinct, result):
    """Fill (first, AP, INP) of the queries r0..r1; see ``retrieval.evaluate``.

    keys: a query is not compared with the gallery images of its number. columns: (start, column),
    the gallery images of each identity in gallery order.
    """
    (query, gallery), (query_key, gallery_key), (start, column) = identities, keys, columns
    first, precision, penalty = result
    left_out = similarity.dtype.type(-np.inf)
    value = np.empty_like(similarity[0])
    places = np.empty(len(gallery), dtype=np.int64)
    seen = np.full(len(start), -1)
    for i in range(rows[0], rows[1]):
        for j in range(len(value)):
            value[j] = similarity[i, j] if gallery_key[j] != query_key[i] else left_out
        hits, best = 0, -1
        for t in range(start[query[i]], start[query[i] + 1]):
            j = column[t]
            if value[j] > left_out:
                places[hits] = place(value, j)
                if best < 0 or value[j] > value[best]:
                    best = j
                hits += 1
        if hits:
            found = np.sort(places[:hits])
            for t in range(hits):
                precision[i] += (t + 1) / found[t] / hits
            penalty[i] = hits / found[-1]
            before = people_before(value, best, gallery, seen, i) if distinct else found[0] - 1
            first[i] = before + 1
