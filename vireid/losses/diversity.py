"""Region tokens start alike and would stay alike: this term pushes them apart."""

import torch
from torch import Tensor
from torch.nn.functional import normalize

from vireid.arguments import tensor_of


def token_diversity(tokens: Tensor) -> Tensor:
    r"""Mean over images of the soft maximum of |cosine| over all pairs of region tokens.

    .. math:: \kappa_{p} = |\cos(t_a, t_b)|, \quad
              L_{div} = \operatorname{mean}_B \sum_p \operatorname{softmax}(\kappa)_p \, \kappa_p

    Parameters
    ----------
    tokens : (b, regions, d) region features before the BN neck

    Returns a scalar in [0, 1]: 0 for orthogonal tokens, 1 for parallel ones, 0 for a single region.
    Raises ValueError when tokens are not 3-D.
    Source: TokenMatcher's released code (absent from the multi-module paper).
    """
    tokens = tensor_of(tokens)
    if tokens.ndim != 3:
        raise ValueError(f"tokens has shape {tuple(tokens.shape)}; give (b, regions, d)")
    b, n = tokens.shape[:2]
    if n < 2 or not b:
        return (tokens * 0).sum()
    unit = normalize(tokens, dim=2)
    row, column = torch.triu_indices(n, n, 1, device=tokens.device)
    cosine = (unit[:, row] * unit[:, column]).sum(2).abs()  # (b, pairs)
    return (cosine.softmax(1) * cosine).sum(1).mean()
