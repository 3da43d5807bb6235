"""Losses on distances between the images of a batch."""

import warnings

import torch
from torch import Tensor

from vireid.arguments import check_labels, check_rows
from vireid.losses.alignment import squared_distances


def batch_hard_triplet(x: Tensor, label: Tensor, *, margin: float = 0.3) -> Tensor:
    r"""An image's farthest mate should be nearer than its nearest stranger, by a margin.

    .. math:: \ell = \tfrac1b \sum_i \big[m + \max_{y_j = y_i} d_{ij}
              - \min_{y_j \ne y_i} d_{ij}\big]_+, \quad
              d_{ij} = \sqrt{\max(\lVert x_i - x_j \rVert^2, 10^{-12})}

    Parameters
    ----------
    x : (b, d) features of one modality, *not* normalised (the loss is not invariant to scale)
    label : (b,) clusters; views of one image repeat its label
    margin : m >= 0, in the unit of x

    Returns a scalar; a batch of one identity gives 0 with zero gradient, with a warning.
    Raises ValueError for NaN, wrong shapes, an empty batch, a margin that is not >= 0; LabelError
    for -1.
    Source: Hermans et al. 2017 (arXiv 1703.07737), as used in DMDL section 1.4.
    """
    x = check_rows(x, "x")
    if not margin >= 0 or not len(x):
        raise ValueError(f"margin={margin}, {len(x)} rows of x; need margin >= 0 and some rows")
    label = check_labels(label, len(x), None, "label").to(x.device)
    same = label[:, None] == label[None]  # (b, b)
    if same.all():
        warnings.warn("label: one identity in the batch, so no stranger; loss 0", stacklevel=2)
        return (x * 0).sum()
    distance = squared_distances(x).clamp(min=1e-12).sqrt()  # (b, b)
    farthest_mate = distance.masked_fill(~same, -torch.inf).amax(1)
    nearest_stranger = distance.masked_fill(same, torch.inf).amin(1)
    return (margin + farthest_mate - nearest_stranger).relu().mean()


TRIPLET_STEPS = {1: ((16, 0.25), (26, 0.5), (36, 1.0)), 2: ((11, 0.5), (21, 1.0))}


def triplet_weight(epoch: int, *, stage: int, starts: tuple[int, ...] | None = None) -> float:
    """Weight of the triplet term, growing as pseudo-labels become reliable: 0 first, 1 in the end.

    Parameters
    ----------
    epoch : counted from 0 within the stage ; stage : 1 or 2
    starts : first epochs of 0.25, 0.5 and 1 (stage 1), of 0.5 and 1 (stage 2), for stages of
        another length; None = 16, 26, 36 and 11, 21

    Raises ValueError for another stage, a negative epoch, or starts that do not fit the stage.
    Source: DMDL eq. C.1, numbers from the released code (the same for all data sets).
    """
    if stage not in TRIPLET_STEPS or epoch < 0:
        raise ValueError(f"epoch={epoch}, stage={stage}: epochs count from 0, stages are 1 and 2")
    usual, weights = zip(*TRIPLET_STEPS[stage], strict=True)
    starts = usual if starts is None else tuple(starts)
    if len(starts) != len(weights) or list(starts) != sorted(starts):
        raise ValueError(f"starts={starts}: give {len(weights)} ascending epochs for {weights}")
    return max((w for start, w in zip(starts, weights, strict=True) if epoch >= start), default=0.0)
