"""Clusters of one modality meet clusters of the other: four ways to pair prototypes.

Prototypes are rows, normalised inside. A map names each cluster's partner, -1 for nobody.
"""

import numpy as np
from scipy.optimize import linear_sum_assignment

from vireid.association.rows import cosine, like


def hungarian(visible, infrared):
    r"""One partner each, at the least total cost; the rest of the larger side stays single.

    .. math:: \min_\pi \sum_i \lVert c^v_i - c^r_{\pi(i)} \rVert^2

    Parameters
    ----------
    visible, infrared : (K_v, d) and (K_r, d) prototypes, numpy or torch

    Returns (v2r (K_v,), r2v (K_r,)), int64 like visible in kind, -1 for unmatched.
    Raises ValueError for an empty side, rows with NaN, infinity or only zeros, different widths.
    Source: Kuhn 1955, as used in Wu & Ye, CVPR 2023, before its progressive rounds.
    """
    return _maps(2 - 2 * cosine(visible, infrared), 1, visible)


def pgm(visible, infrared, *, rounds: int | None = None):
    r"""Progressive graph matching: the larger side's singles play again until nobody is single.

    .. math:: C_{ij} = e^{-\cos(c^v_i, c^r_j)}

    Round 1 is a one-to-one assignment and all that the smaller side ever gets; in each further
    round the singles of the larger side are assigned one-to-one to all of the smaller side.

    Parameters
    ----------
    visible, infrared : (K_v, d) and (K_r, d) prototypes
    rounds : None plays until nobody is single; 2 is the released code, which leaves singles (-1)
        when one side has more than twice as many clusters as the other

    Returns (v2r (K_v,), r2v (K_r,)) as ``hungarian``.
    Raises ValueError as ``hungarian``, and for rounds < 1.
    Source: Wu & Ye, CVPR 2023 (progressive graph matching). Differs: the released second round
    mislabels when more rows are single than there are columns, and one of its scripts needs
    K_v >= K_r; neither is copied.
    """
    if rounds is not None and (rounds < 1 or rounds != int(rounds)):
        raise ValueError(f"rounds={rounds}; give 2 (as released), any other >= 1, or None for all")
    return _maps(np.exp(-cosine(visible, infrared)), rounds, visible)


def bccm(visible, infrared):
    r"""Many-to-one for the larger side, at most k to each, and one-to-one for the smaller side.

    The squared distances are repeated k = floor(K_big / K_small) + 1 times along the smaller side
    and assigned at least total cost; the smaller side's map is a plain one-to-one assignment.

    Parameters
    ----------
    visible, infrared : (K_v, d) and (K_r, d) prototypes

    Returns (v2r (K_v,), r2v (K_r,)) as ``hungarian``; both maps are total.
    Raises ValueError as ``hungarian``.
    Source: Cheng et al., ACM MM 2023 (MBCCM), in the form that MULT compares with. Differs: that
    code fails for K_v < K_r; here the sides swap roles.
    """
    distance = 2 - 2 * cosine(visible, infrared)
    big, small = _ordered(_repeated, distance)
    return like(big, visible), like(small, visible)


def mbccm(visible, infrared, *, official: bool = False):
    r"""Many-to-many: everyone at least as close as an assigned partner is a partner too.

    With the smaller side as rows of the squared distances D, pairs A are a one-to-one assignment
    and pairs B give every column one row, a row at most floor(K_big / K_small) + 1 columns.

    .. math:: \{(r, v') : D_{rv'} \le D_{rv},\ (r, v) \in A\} \cup
              \{(r', v) : D_{r'v} \le D_{rv},\ (r, v) \in B\}

    Parameters
    ----------
    visible, infrared : (K_v, d) and (K_r, d) prototypes
    official : True widens A along visible and B along infrared clusters even when infrared is the
        larger side, as released; the result then depends on which modality is called visible

    Returns bool (K_v, K_r), no row or column empty; if K_v = K_r, infrared clusters are D's rows.
    Raises ValueError as ``hungarian``.
    Source: Cheng et al., ACM MM 2023 (MBCCM), many-to-many matching. Differs: symmetric under a
    swap of the modalities unless ``official``.
    """
    distance = 2 - 2 * cosine(visible, infrared)  # (K_v, K_r)
    visible_is_few = distance.shape[0] < distance.shape[1]
    few = distance if visible_is_few else distance.T
    a, b = linear_sum_assignment(few), (_repeated(few.T)[0], np.arange(few.shape[1]))
    if official and visible_is_few:
        mask = _widened(few.T, a[::-1], b[::-1]).T
    else:
        mask = _widened(few, a, b)
    return like(np.ascontiguousarray(mask if visible_is_few else mask.T), visible)


def _widened(distance: np.ndarray, along_row, along_column) -> np.ndarray:
    """Mark what is at least as close as a pair, in its row or in its column."""
    mask = np.zeros(distance.shape, dtype=bool)
    for row, column in zip(*along_row, strict=True):
        mask[row] |= distance[row] <= distance[row, column]
    for row, column in zip(*along_column, strict=True):
        mask[:, column] |= distance[:, column] <= distance[row, column]
    return mask


def _ordered(solve, cost: np.ndarray, *arguments):
    """Call ``solve`` with the larger side as rows; (visible, infrared) maps come back."""
    if len(cost) >= cost.shape[1]:
        return solve(cost, *arguments)
    return solve(cost.T, *arguments)[::-1]


def _maps(cost: np.ndarray, rounds: int | None, given):
    maps = _ordered(_progressive, cost, rounds)
    return like(maps[0], given), like(maps[1], given)


def _progressive(cost: np.ndarray, rounds: int | None) -> tuple[np.ndarray, np.ndarray]:
    many, few = (np.full(k, -1, dtype=np.int64) for k in cost.shape)
    row, column = linear_sum_assignment(cost)
    many[row], few[column] = column, row
    played = 1
    while len(single := np.flatnonzero(many < 0)) and played != rounds:
        row, column = linear_sum_assignment(cost[single])
        many[single[row]] = column
        played += 1
    return many, few


def _repeated(cost: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows many-to-one on a cost repeated along its columns; columns one-to-one."""
    big, small = cost.shape
    many = linear_sum_assignment(np.tile(cost, big // small + 1))[1] % small
    return many, linear_sum_assignment(cost.T)[1]
