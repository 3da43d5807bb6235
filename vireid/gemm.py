"""Large float32 products on a CPU by oneDNN, whose kernels torch's own ``@`` leaves unused.

On AMD processors torch's BLAS keeps to older instructions; oneDNN, which comes with torch and is
called by ``torch.compile``, was measured about twice as fast there (docs/log.md).
"""

from functools import lru_cache

import torch
from torch import Tensor

LARGE = 2**24  # multiplications from which the choice of a kernel is worth anything


def times_transposed(a: Tensor, b: Tensor) -> Tensor:
    """All inner products of rows: a @ b.T for a (n, d), b (m, d), as (n, m); float32 throughout.

    ``b`` may be a transposed view. Small or double precision products, those that need gradients,
    other devices and builds of torch without oneDNN take ``@``; results agree to rounding of sums.
    """
    multiply = _onednn()
    suits = all(_suits(x) for x in (a, b)) and a.numel() * len(b) >= LARGE
    if multiply is None or not suits:
        return a @ b.T
    return multiply(a.contiguous(), b, None, "none", [], "")


def _suits(x: Tensor) -> bool:
    return x.dtype == torch.float32 and x.device.type == "cpu" and not x.requires_grad


@lru_cache(maxsize=1)
def _onednn():
    """Return the operator that ``torch.compile`` emits for linear layers, if this build has it."""
    if not torch.backends.mkldnn.is_available():
        return None
    return getattr(torch.ops.mkldnn, "_linear_pointwise", None)
