"""UM: clusters with the same partner in the other modality are drawn together, taking turns."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from vireid.arguments import LabelError, check_labels, tensor_of
from vireid.association.shared import first_partner
from vireid.losses.contrast import scores
from vireid.memory import Moving

Groups = list[list[int]]


def merge_groups(
    v2r: Sequence, r2v: Sequence, similarity, *, group: str = "partner"
) -> tuple[Groups, Groups]:
    """Sort each modality's matched clusters into groups that share a partner.

    Parameters
    ----------
    v2r, r2v : partners of each visible and each infrared cluster: numbers with -1 unmatched, or
        lists, best first, as from ``vireid.association.greedy_regions``
    similarity : (K_v, K_r) that the matching was made from
    group : "partner" puts clusters with the same first partner together; "linked" all clusters that
        can be reached through any shared partner

    Returns (visible groups, infrared groups): every matched cluster is in one group; most similar
    to the partner first. Unmatched clusters are in none.
    Source: multi-module framework (UM). Differs: groups of any size generalise TokenMatcher's
    pairs; "linked" is a looser reading of the paper's text.
    """
    if group not in ("partner", "linked"):
        raise ValueError(f"group={group!r}; known: partner, linked")
    s = np.asarray(similarity.cpu() if isinstance(similarity, Tensor) else similarity, dtype=float)
    if s.shape != (len(v2r), len(r2v)):
        raise ValueError(f"similarity has shape {s.shape} for {len(v2r)} x {len(r2v)} clusters")
    if not np.isfinite(s).all():
        raise ValueError("similarity holds NaN or infinite entries")
    if group == "linked":
        return _linked(v2r, r2v, s)
    return _same_partner(first_partner(v2r), s), _same_partner(first_partner(r2v), s.T)


def _same_partner(partner: np.ndarray, similarity: np.ndarray) -> Groups:
    groups = []
    for p in np.unique(partner[partner >= 0]):
        members = np.flatnonzero(partner == p)
        groups.append(members[np.argsort(-similarity[members, p], kind="stable")].tolist())
    return groups


def _linked(v2r: Sequence, r2v: Sequence, similarity: np.ndarray) -> tuple[Groups, Groups]:
    """Connected components of the graph of all matches, visible and infrared members apart."""
    from scipy.sparse.csgraph import connected_components

    n_v, n_r = similarity.shape
    link = np.zeros((n_v + n_r, n_v + n_r), dtype=bool)
    for i, partners in enumerate(v2r):
        link[i, [n_v + j for j in np.atleast_1d(partners).tolist() if j >= 0]] = True
    for j, partners in enumerate(r2v):
        link[n_v + j, [i for i in np.atleast_1d(partners).tolist() if i >= 0]] = True
    link |= link.T
    _, component = connected_components(link, directed=False)
    best = np.where(link[:n_v, n_v:], similarity, -np.inf)  # only real matches count for the order
    sides = (
        (component[:n_v], best.max(1, initial=-np.inf)),
        (component[n_v:], best.max(0, initial=-np.inf)),
    )
    return tuple(_by_component(*side) for side in sides)


def _by_component(component: np.ndarray, best: np.ndarray) -> Groups:
    matched = np.isfinite(best)
    order = np.argsort(-best, kind="stable")
    return [
        order[(component[order] == c) & matched[order]].tolist()
        for c in np.unique(component[matched])
    ]


def merge_targets(label: Tensor, groups: Groups, *, epoch: int) -> tuple[Tensor, Tensor, Tensor]:
    """Which rows are pulled to which prototypes in this epoch (from 0).

    The member at position p of a group of g >= 2 clusters has its turn when p = epoch mod g; its
    images are pulled to the g - 1 others, with weight 1 / (g - 1) each.

    Returns (row (p,), target (p,), weight (p,)), rows ascending: what ``merging`` pulls and what
    the memory is updated at. Rows with label -1 or in no group never appear.
    """
    if epoch < 0:
        raise ValueError(f"epoch={epoch}; epochs count from 0")
    turn = {g[epoch % len(g)]: [k for i, k in enumerate(g) if i != epoch % len(g)] for g in groups}
    found = [
        (row, target, 1 / len(turn[y]))
        for row, y in enumerate(tensor_of(label).tolist())
        for target in turn.get(y, ())
    ]
    row, target, weight = zip(*found, strict=True) if found else ((), (), ())
    device = label.device if isinstance(label, Tensor) else None
    return (
        torch.tensor(row, dtype=torch.int64, device=device),
        torch.tensor(target, dtype=torch.int64, device=device),
        torch.tensor(weight, device=device),
    )


def merging(
    x: Tensor,
    label: Tensor,
    groups: Groups,
    prototypes: Tensor,
    *,
    epoch: int,
    temperature: float,
) -> Tensor:
    r"""Contrast active rows with the other clusters of their group; mean over active rows, nats.

    .. math:: L = \frac{1}{|A|} \sum_{i \in A} \frac{1}{g_i - 1} \sum_{k \in G(y_i) \setminus y_i}
              - \log \operatorname{softmax}(q_i \Phi^\top / \tau)_k

    Parameters
    ----------
    x : (b, d) features of one modality (visible with its channel-augmented copies), normalised
        inside
    label : (b,) own labels; groups : of ``merge_groups``, one side
    prototypes : (K, d) unit rows of the modality's *own* memory; a constant for gradients
    epoch : counted from 0; decides whose turn it is
    temperature : tau > 0

    No active row gives 0 with zero gradient. Raises ValueError for a wrong length or temperature,
    LabelError (also an IndexError) for outliers, labels and group members outside the memory.
    Source: multi-module framework (UM). Differs: its equation is lost; with groups of two this is
    TokenMatcher's rule (even epochs first to second, odd epochs second to first).
    """
    x = tensor_of(x)
    label = check_labels(label, len(x), len(prototypes), "label")
    if (highest := max(map(max, groups), default=-1)) >= len(prototypes):
        raise LabelError(f"groups hold cluster {highest} of {len(prototypes)} prototypes")
    row, target, weight = (v.to(x.device) for v in merge_targets(label, groups, epoch=epoch))
    if not len(row):
        return (scores(x, prototypes, temperature) * 0).sum()
    share = weight / len(row.unique())
    return pulled(x[row], target, share, prototypes, temperature=temperature)


def pulled(
    x: Tensor, target: Tensor, share: Tensor, prototypes: Tensor | Moving, *, temperature: float
) -> Tensor:
    """Contrast of features x (p, d) with their targets (p,), each by its share (p,) of the loss."""
    score = scores(x, prototypes, temperature)  # (p, K)
    surprise = cross_entropy(score, target, reduction="none")
    return (share.to(score.dtype) * surprise).sum()


def uniform_merging(
    visible: Tensor, infrared: Tensor, *, delta: tuple[float, float] = (0.6, 0.4)
) -> Tensor:
    """Weighted sum of the two sides' ``merging``; delta are the paper's delta_1 and delta_2.

    Raises ValueError for negative weights or weights that add up to 0.
    Source: multi-module framework, L_UM (0.5 / 0.5 was worse there).
    """
    if min(delta) < 0 or sum(delta) <= 0:
        raise ValueError(
            f"delta={delta}: weights must be >= 0 and not all 0; the paper's: (0.6, 0.4)"
        )
    return delta[0] * visible + delta[1] * infrared
