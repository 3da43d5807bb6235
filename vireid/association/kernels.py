"""The two arithmetic of Sinkhorn: scale rows and columns by products, or by sums of logarithms."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

CHUNK = 2**24  # numbers of a temporary
CACHE = 2**18  # numbers of a block that is still in a core's cache when it is used again
LARGE = 2**22  # numbers of a kernel from which the compiled pass is worth loading


@dataclass(frozen=True)
class SinkhornInfo:
    """How a Sinkhorn run ended.

    Parameters
    ----------
    steps : row and column scalings done
    error : what the stopping rule looked at last
    residual : L1 distance of the plan's row sums from their target; column sums are exact
    converged : error is within the tolerance
    domain : "scaling" or "log"
    """

    steps: int
    error: float
    residual: float
    converged: bool
    domain: str


def spread_limit(dtype: torch.dtype) -> float:
    """Largest lam * (shifted cost) for which products neither under- nor overflow."""
    return 600.0 if dtype == torch.float64 else 80.0


class ScalingKernel:
    """K = exp(-lam C); a scaling is a factor.

    Takes over the memory of C (n, m), from whose columns ``shift`` (m,) has been subtracted.
    ``start`` is the column scaling to begin with, 1 / m for the cost as it was.
    """

    domain = "scaling"

    def __init__(self, c: Tensor, lam: float, shift: Tensor):
        self.k = c.mul_(-lam).exp_()
        self.start = (-lam * shift).exp() / len(shift)

    def rows(self, v: Tensor, a: Tensor) -> Tensor:
        """Row scaling that makes row sums a."""
        return a / (self.k @ v)

    def sweep(self, v: Tensor, a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
        """Row scaling for row sums a, then column scaling for column sums b, by blocks in cache."""
        if a.device.type == "cpu" and self.k.numel() >= LARGE:
            u, mass = _compiled_pass(self.k, v, a)
            return u, b / mass
        if a.device.type != "cpu" or self.k.numel() <= CACHE:
            u = a / (self.k @ v)
            return u, b / (self.k.T @ u)
        size = max(1, CACHE // len(b))
        u, mass = torch.empty_like(a), torch.zeros_like(b)
        for k, own, target in zip(*(x.split(size) for x in (self.k, u, a)), strict=True):
            torch.div(target, k @ v, out=own)
            mass.addmv_(k.T, own)
        return u, b / mass

    @staticmethod
    def ratio(before: Tensor, after: Tensor) -> Tensor:
        """Factor between two scalings."""
        return before / after

    def plan(self, u: Tensor, v: Tensor) -> Tensor:
        """diag(u) K diag(v), in place of K."""
        return self.k.mul_(u[:, None]).mul_(v[None])


def _compiled_pass(k: Tensor, v: Tensor, a: Tensor) -> tuple[Tensor, Tensor]:
    """(a / (K v), K' of that), each thread its rows; the same numbers to rounding as by blocks."""
    from vireid.association import loops
    from vireid.compiled import in_threads

    workers = torch.get_num_threads()
    u, mass = torch.empty_like(a), v.new_empty(workers, len(v), dtype=torch.float64)
    ends = [len(a) * w // workers for w in range(workers + 1)]
    flat = [x.detach().numpy() for x in (k, v, a, u)]
    parts = [(*flat[:3], (ends[w], ends[w + 1]), flat[3], mass[w].numpy()) for w in range(workers)]
    in_threads(loops.sweep, parts)
    return u, mass.sum(0).to(v.dtype)


class LogKernel:
    """log K = -lam C; a scaling is a logarithm. Otherwise as ``ScalingKernel``."""

    domain = "log"

    def __init__(self, c: Tensor, lam: float, shift: Tensor):
        self.k = c.mul_(-lam)
        self.start = -lam * shift - math.log(len(shift))

    def rows(self, v: Tensor, a: Tensor) -> Tensor:
        """As ``ScalingKernel.rows``."""
        return a.log() - _log_sums(self.k, v)

    def sweep(self, v: Tensor, a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
        """As ``ScalingKernel.sweep``, in two passes."""
        u = self.rows(v, a)
        return u, b.log() - _log_sums(self.k.T, u)

    @staticmethod
    def ratio(before: Tensor, after: Tensor) -> Tensor:
        """As ``ScalingKernel.ratio``."""
        return (before - after).exp()

    def plan(self, u: Tensor, v: Tensor) -> Tensor:
        """As ``ScalingKernel.plan``."""
        return self.k.add_(u[:, None]).add_(v[None]).exp_()


def _log_sums(k: Tensor, v: Tensor) -> Tensor:
    """Log of sum_j exp(k_ij + v_j), some rows at a time."""
    rows = max(1, CHUNK // k.shape[1])
    return torch.cat([torch.logsumexp(part + v, 1) for part in k.split(rows)])
