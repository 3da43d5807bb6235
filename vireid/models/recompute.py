"""Less memory for more arithmetic: parts of a network are computed again in the backward pass."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.checkpoint import checkpoint


def recomputed(part: nn.Module, *given: Tensor) -> Tensor:
    """``part(*given)``; only ``given`` is kept for the backward pass, which computes it again.

    Same result, same gradients; batch norms' running statistics move once.
    Source: Chen et al. 2016, Training Deep Nets with Sublinear Memory Cost (arXiv 1604.06174).
    """
    return checkpoint(
        part, *given, use_reentrant=False, context_fn=lambda: (nullcontext(), standing(part))
    )


@contextmanager
def standing(part: nn.Module) -> Iterator[None]:
    """Inside, nothing that batch norms keep from batch to batch moves: statistics and counts."""
    norms = [m for m in part.modules() if isinstance(m, _BatchNorm)]
    usual = [(norm.momentum, norm.num_batches_tracked.clone()) for norm in norms]
    try:
        for norm in norms:
            norm.momentum = 0.0
        yield
    finally:
        for norm, (momentum, count) in zip(norms, usual, strict=True):
            norm.momentum = momentum
            norm.num_batches_tracked.copy_(count)
