"""Channel attention should say who it is: alike within an identity, different across identities."""

import torch
from torch import Tensor

from vireid.arguments import check_rows, tensor_of

EPSILON = 1e-6


def identity_consistency(attention: Tensor, label: Tensor, *, mode: str = "ratio") -> Tensor:
    r"""Spread of channel weights within identities, against the spread between identities.

    .. math:: W = \tfrac{1}{|B| C} \sum_i \lVert a_i - \bar a_{y_i} \rVert^2, \quad
              S = \tfrac{1}{|P| (|P| - 1) C} \sum_{p \ne p'} \lVert \bar a_p - \bar a_{p'} \rVert^2

    Parameters
    ----------
    attention : (b, c) channel weights in [0, 1]
    label : (b,) pseudo-labels of one label space; rows with -1 are left out
    mode : "ratio" gives W / (W + S + 1e-6), in [0, 1]; "difference" gives W - S

    Returns a scalar; 0 with zero gradient when fewer than two identities are left.
    Raises ValueError for NaN, when lengths differ or the mode is unknown.
    Source: multi-module framework, identity-guided term of PI-CA. Differs: the paper writes it
    inside the gate's activation, where it is no regulariser; here it is a loss. Its equations are
    lost.
    """
    attention = tensor_of(attention)
    label = tensor_of(label, device=attention.device)
    if attention.ndim != 2 or label.shape != attention.shape[:1]:
        raise ValueError(
            f"label has shape {tuple(label.shape)} for attention {tuple(attention.shape)}; "
            "give one label per row of a (b, c) attention"
        )
    if mode not in ("ratio", "difference"):
        raise ValueError(f"mode={mode!r}; known: ratio, difference")
    attention = check_rows(attention, "attention")
    kept = label >= 0
    weights, (identities, member) = attention[kept], torch.unique(label[kept], return_inverse=True)
    p = len(identities)
    if p < 2:
        return (attention * 0).sum()
    mean = weights.new_zeros(p, weights.shape[1]).index_add(0, member, weights)
    mean = mean / member.bincount(minlength=p)[:, None]  # (p, c)
    within = (weights - mean[member]).square().mean()
    # sum over ordered pairs of |a - b|^2 is 2 p times the sum of squares about the mean of means
    between = 2 * (mean - mean.mean(0)).square().sum() / ((p - 1) * mean.shape[1])
    return within - between if mode == "difference" else within / (within + between + EPSILON)
