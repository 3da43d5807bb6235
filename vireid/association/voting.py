"""Clusters paired by votes: how many close pairs of images two clusters share across the gap."""

import numpy as np
import torch
from torch import Tensor

from vireid.association.rows import images, like

BLOCK = 1024  # visible rows compared at a time


def voted(
    x_visible, x_infrared, labels_visible, labels_infrared, *, threshold: float = 0.5
) -> tuple:
    """Pair clusters one to one, most votes first; a vote is a pair of images at least this alike.

    Ties are won by the clusters that hold the most alike pair. Clusters without a vote, or whose
    voters are all taken, stay single.

    Parameters
    ----------
    x_visible, x_infrared : (n_v, d) and (n_r, d) features
    labels_visible, labels_infrared : (n_v,) and (n_r,) clusters; -1 outliers, who have no vote
    threshold : smallest cosine of a vote, in [-1, 1]

    Returns (v2r (K_v,), r2v (K_r,)), int64 like x_visible in kind, -1 for single clusters.
    Raises ValueError for a threshold out of range, wrong shapes and bad rows.
    Source: Yang et al. 2022 (ADCA), cross-modality memory aggregation. Differs: unit features; the
    released ones are flip averages of norm <= 1, so their threshold is a little stricter.
    """
    if not -1 <= threshold <= 1:
        raise ValueError(f"threshold={threshold}: a cosine lies in [-1, 1]; ADCA's code has 0.5")
    votes, alike = _votes(
        *images(x_visible, x_infrared, labels_visible, labels_infrared), threshold
    )
    maps = [np.full(k, -1, dtype=np.int64) for k in votes.shape]
    for flat in np.lexsort((-alike.ravel(), -votes.ravel())):
        i, j = np.unravel_index(flat, votes.shape)
        if not votes[i, j]:
            break
        if maps[0][i] < 0 and maps[1][j] < 0:
            maps[0][i], maps[1][j] = j, i
    return like(maps[0], x_visible), like(maps[1], x_visible)


def _votes(v: Tensor, r: Tensor, y_v: Tensor, y_r: Tensor, threshold: float):
    """Votes and the largest cosine (K_v, K_r) of each two clusters."""
    v, r, y_v, y_r = v[y_v >= 0], r[y_r >= 0], y_v[y_v >= 0], y_r[y_r >= 0]
    size = [int(y.max()) + 1 if len(y) else 0 for y in (y_v, y_r)]
    votes, alike = v.new_zeros(size), v.new_full(size, -torch.inf)
    if 0 in size:
        return votes.cpu().numpy(), alike.cpu().numpy()
    for start in range(0, len(v), BLOCK):
        own, label = v[start : start + BLOCK], y_v[start : start + BLOCK, None]
        cosine, column = own @ r.T, y_r.expand(len(own), -1)
        of_row = v.new_zeros(len(own), size[1])
        count = of_row.scatter_add(1, column, (cosine >= threshold).to(v))
        best = (of_row - torch.inf).scatter_reduce(1, column, cosine, "amax")
        label = label.expand(-1, size[1])
        votes, alike = (
            votes.scatter_add(0, label, count),
            alike.scatter_reduce(0, label, best, "amax"),
        )
    return votes.cpu().numpy(), alike.cpu().numpy()
