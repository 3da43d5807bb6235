"""Training over ranks: each puts its part of a batch through the network, all go on with the whole.

Every rank holds the same network, memories and labels. Losses are computed on all features by every
rank, alike; their gradients of a rank's own features go back through its own network, and the sum
over ranks is the gradient of the whole batch. A plain sum after ``backward`` and not torch's
DistributedDataParallel: that one takes means, and expects one forward a backward pass that uses
every parameter, while methods here see the network several times a step.
"""

import hashlib

import torch
import torch.distributed as dist
from torch import Tensor

from vireid import sharding


class _Joined(torch.autograd.Function):
    """The parts (m, ...) of all ranks below each other; a rank's gradient is that of its rows."""

    @staticmethod
    def forward(ctx, x: Tensor, start: int) -> Tensor:
        ctx.rows = slice(start, start + len(x))
        return sharding.gathered(x)

    @staticmethod
    def backward(ctx, gradient: Tensor):
        return gradient[ctx.rows], None


def joined(x: Tensor, start: int) -> Tensor:
    """All ranks' rows; this rank's begin at ``start``. One rank's rows are all rows."""
    return _Joined.apply(x, start) if sharding.place()[1] > 1 else x


def own_parts(parts: list[Tensor]) -> tuple[list[Tensor], int]:
    """The consecutive parts of a batch that are this rank's, and how many rows come before.

    Raises ValueError when the parts do not go round.
    """
    rank, size = sharding.place()
    if len(parts) % size:
        raise ValueError(
            f"a batch in {len(parts)} parts for {size} ranks: show at least {size} pictures of a "
            f"modality at a time, and give bn_chunks={size} or a multiple"
        )
    per = len(parts) // size
    return parts[rank * per : (rank + 1) * per], sum(map(len, parts[: rank * per]))


def check_ranks(chunks: int) -> None:
    """ValueError unless batch norm's parts can be shared among the ranks."""
    size = sharding.place()[1]
    if chunks % size:
        raise ValueError(
            f"bn_chunks={chunks} with {size} ranks: batch norm sees each rank's part of a batch by "
            f"itself; build the method with bn_chunks={size} or a multiple"
        )


def sum_gradients(model: torch.nn.Module) -> None:
    """Give every rank the sum of all ranks' gradients, in one message."""
    if sharding.place()[1] == 1:
        return
    weights = [p for p in model.parameters() if p.requires_grad]
    used = torch.tensor([float(p.grad is not None) for p in weights], device=weights[0].device)
    flat = torch.cat([_gradient(p).flatten() for p in weights] + [used])
    dist.all_reduce(flat)
    sums = flat.split([p.numel() for p in weights] + [len(used)])
    for p, total, by in zip(weights, sums, sums[-1].tolist(), strict=False):
        p.grad = total.view_as(p).to(p.dtype) if by else None


def _gradient(p: Tensor) -> Tensor:
    return torch.zeros_like(p) if p.grad is None else p.grad


def share_network(model: torch.nn.Module, *, weights: bool = False) -> None:
    """Give every rank the first one's running statistics, and its weights if so wished."""
    if sharding.place()[1] == 1:
        return
    for tensor in (*model.buffers(), *(model.parameters() if weights else ())):
        dist.broadcast(tensor.data, 0)


def check_agreement(what: str, tensors: list[Tensor]) -> None:
    """RuntimeError on all ranks unless they hold the same numbers."""
    digest = hashlib.sha256()
    for tensor in tensors:
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    if len(set(sharding.exchanged(digest.hexdigest()))) > 1:
        raise RuntimeError(
            f"ranks disagree about {what}; run them on machines of one kind, with the same number "
            "of threads"
        )
