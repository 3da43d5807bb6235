"""Greedy matching with a cap: the most similar pair first, at most so many matches to a cluster."""

import warnings

import numpy as np
import torch

from vireid.association.rows import like


def greedy_regions(similarity, *, max_matches: int = 3):
    """Every cluster of the larger side takes its best partner that still has room.

    Pass A goes through all pairs from the most similar down (ties: row by row) and accepts a pair
    when the larger side's cluster is free and the other's list is shorter than ``max_matches``.
    Pass B gives clusters of the smaller side that nobody took a list of their own, again best pair
    first, a cluster of the larger side once at most; should those run out, the best one regardless.

    Parameters
    ----------
    similarity : (K_v, K_r) numpy or torch; only the order of its entries matters
    max_matches : cap on matches of one cluster of the smaller side, mu

    Returns
    -------
    v2r (K_v,) int64, -1 unmatched, like similarity in kind; r2v, for each infrared cluster a list
    of its visible partners, best first. With K_r > K_v the roles swap: the cap is on visible
    clusters, v2r names the first of a visible cluster's list, and r2v holds an infrared cluster's
    one choice, then visible clusters that got it in pass B. An empty matrix gives empty maps.

    Raises
    ------
    ValueError for NaN or infinite entries, a matrix that is not two-dimensional, max_matches < 1.
    Warns when the larger side is more than ``max_matches`` times as large: some stay unmatched.

    Source: multi-module framework (VRA) with TokenMatcher's released code. Differs: that code idles
    or adds a spurious pair when pass B runs out, and lacks the swap on SYSU.
    """
    given = similarity.detach().cpu().double() if torch.is_tensor(similarity) else similarity
    s = np.asarray(given, dtype=float)
    if s.ndim != 2:
        raise ValueError(f"similarity has shape {s.shape}; give a matrix (K_v, K_r)")
    if not np.isfinite(s).all():
        raise ValueError(f"similarity holds {int((~np.isfinite(s)).sum())} NaN or infinite entries")
    if max_matches < 1 or max_matches != int(max_matches):
        raise ValueError(f"max_matches={max_matches}; give a whole number >= 1, the paper's is 3")
    if len(s) >= s.shape[1]:
        v2r, r2v = _match(s, max_matches)
        return like(v2r, similarity), r2v
    r2v, lists = _match(s.T, max_matches)
    v2r = np.array([own[0] if own else -1 for own in lists], dtype=np.int64)
    chosen_by = [[] for _ in r2v]
    for j, i in enumerate(r2v):
        chosen_by[j] += [int(i)] if i >= 0 else []
    for i, own in enumerate(lists):
        for j in own:
            chosen_by[j] += [i] if i != r2v[j] else []
    return like(v2r, similarity), chosen_by


def _match(s: np.ndarray, cap: int) -> tuple[np.ndarray, list[list[int]]]:
    """Both passes with the larger side as rows: (partner of each row, list of each column)."""
    many, few = s.shape
    partner, lists = np.full(many, -1, dtype=np.int64), [[] for _ in range(few)]
    best_first = np.argsort(-s, axis=None, kind="stable")
    for i, j in _accepted(best_first, lists, many, cap, full=lambda: False):
        partner[i] = j
    if few and (partner < 0).any():
        warnings.warn(
            f"{int((partner < 0).sum())} of {many} clusters stay unmatched: the other modality has "
            f"{few} with room for max_matches={cap} each",
            stacklevel=3,
        )
    empty = {j for j, own in enumerate(lists) if not own}
    left = best_first[np.isin(best_first % few, list(empty))] if empty else best_first[:0]
    for _, j in _accepted(left, lists, many, cap, full=lambda: not empty):
        empty.discard(j)
    for j in empty:
        lists[j].append(int(s[:, j].argmax()))
    return partner, lists


def _accepted(pairs: np.ndarray, lists: list[list[int]], many: int, cap: int, *, full):
    """Walk pairs (flat numbers); book and yield those with a free row and room in the column."""
    free = np.ones(many, dtype=bool)
    for i, j in zip(*divmod(pairs, len(lists) or 1), strict=True):
        if full() or not free.any():
            return
        if free[i] and len(lists[j]) < cap:
            free[i] = False
            lists[j].append(int(i))
            yield int(i), int(j)
