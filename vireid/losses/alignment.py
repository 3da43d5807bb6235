"""Two sets of features should look as if drawn from one distribution."""

import torch
from torch import Tensor

from vireid.arguments import check_rows

KERNELS = 5
ESTIMATORS = ("official", "biased")


def feature_alignment(x: Tensor, x_augmented: Tensor, *, estimator: str = "official") -> Tensor:
    r"""Squared maximum mean discrepancy with a sum of five Gaussian kernels.

    .. math:: D = \operatorname{mean} k(f, f') + \operatorname{mean} k(\hat f, \hat f')
              - 2 \operatorname{mean} k(f, \hat f), \quad
              k(z, z') = \sum_{u=0}^4 \exp(-\lVert z - z' \rVert^2 / (2^u b_0))

    with b_0 a quarter of the mean squared distance of different rows of both sets, a constant.

    Parameters
    ----------
    x, x_augmented : (b, d) features, *not* normalised, b >= 2. Rows are not paired: shuffling one
        set changes nothing
    estimator : "official" leaves equal rows (i, i) out within a set but not across, and so can be
        negative; "biased" takes all pairs, >= 0 and 0 for equal sets

    Returns a scalar; 0 with zero gradient when all rows are equal.
    Raises ValueError for NaN, sets of different shape, b < 2, and an unknown estimator.
    Source: DMDL eq. 14 (a view and its augmentation) and eq. 16 (visible and infrared); the
    official estimator is the released code's.
    """
    if estimator not in ESTIMATORS:
        raise ValueError(f"estimator={estimator!r}; known: {', '.join(ESTIMATORS)}")
    x, y = check_rows(x, "x"), check_rows(x_augmented, "x_augmented")
    b = len(x)
    if x.shape != y.shape or b < 2:
        raise ValueError(
            f"x has shape {tuple(x.shape)}, x_augmented {tuple(y.shape)}; need two equal shapes "
            "with at least 2 rows"
        )
    z = torch.cat([x, y.to(x)])  # (2 b, d)
    square = squared_distances(z)
    spread = square.detach().sum() / (2 * b * (2 * b - 1))
    if spread <= (8 * torch.finfo(z.dtype).eps) ** 2 * z.detach().square().sum(1).mean():
        return (z * 0).sum()
    kernel = sum((-square / (2**u * spread / 4)).exp() for u in range(KERNELS))  # (2 b, 2 b)
    within, across = (kernel[:b, :b], kernel[b:, b:]), kernel[:b, b:]
    if estimator == "biased":
        return within[0].mean() + within[1].mean() - 2 * across.mean()
    unequal = sum(block.sum() - block.diagonal().sum() for block in within)
    return unequal / (b * (b - 1)) - 2 * across.mean()


def squared_distances(z: Tensor) -> Tensor:
    """(n, n) squared Euclidean distances, >= 0; rows are centred first to keep digits."""
    z = z - z.mean(0)
    with torch.autocast(z.device.type, enabled=False):
        norm = z.square().sum(1)
        return (norm[:, None] + norm[None] - 2 * z @ z.T).clamp(min=0)
