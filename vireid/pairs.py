"""Pairs of images inside a group or between groups, as row numbers: all of them, or a fair draw.

``group`` is (n,) identities or cluster labels; images with a negative one take part in no pair.
"""

import numpy as np


def pairs_inside(group: np.ndarray, limit: int, rng: np.random.Generator) -> np.ndarray:
    """Pairs of two different images of one group (p, 2); p is 0 where no group has two.

    All pairs once, or ``limit`` random ones, with replacement, when there are more.
    """
    rows = np.flatnonzero(group >= 0)
    rows = rows[np.argsort(group[rows], kind="stable")]
    _, start, size = np.unique(group[rows], return_index=True, return_counts=True)
    if (size * (size - 1) // 2).sum() <= limit:
        parts = [np.stack(np.triu_indices(n, 1), 1) + s for s, n in zip(start, size, strict=True)]
        return rows[np.concatenate([np.empty((0, 2), dtype=np.int64), *parts])]
    of_row, size_of_row = np.repeat(start, size), np.repeat(size, size)
    weight = size_of_row - 1.0  # in how many pairs an image is
    first = rng.choice(len(rows), limit, p=weight / weight.sum())
    second = of_row[first] + rng.integers(0, size_of_row[first] - 1)
    second += second >= first  # skip oneself
    return rows[np.stack([first, second], 1)]


def pairs_between(group: np.ndarray, limit: int, rng: np.random.Generator) -> np.ndarray:
    """Pairs of images of two different groups (p, 2); p is 0 where there are not two groups.

    All pairs once, or ``limit`` random ones, with replacement, when there are more.
    """
    rows = np.flatnonzero(group >= 0)
    sizes = np.unique(group[rows], return_counts=True)[1]
    if len(sizes) < 2:
        return np.empty((0, 2), dtype=np.int64)
    if (len(rows) ** 2 - (sizes**2).sum()) // 2 <= limit:
        pairs = rows[np.stack(np.triu_indices(len(rows), 1), 1)]
        return pairs[group[pairs[:, 0]] != group[pairs[:, 1]]]
    found = np.empty((0, 2), dtype=np.int64)
    while len(found) < limit:
        drawn = rows[rng.integers(0, len(rows), (limit, 2))]
        found = np.concatenate([found, drawn[group[drawn[:, 0]] != group[drawn[:, 1]]]])
    return found[:limit]
