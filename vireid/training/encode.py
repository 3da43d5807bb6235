"""A batch through the network as a method sees it: in parts, in bfloat16, on the device."""

from collections.abc import Callable
from contextlib import contextmanager, nullcontext

import torch
from torch import Tensor

from vireid.models import Output
from vireid.models.recompute import standing
from vireid.training.parallel import joined, own_parts
from vireid.types import Batch, Modality


def encoder(
    model: torch.nn.Module,
    pictures: dict[int, Tensor],
    *,
    chunks: int = 1,
    device: torch.device,
    amp: bool = False,
) -> Callable[..., Output]:
    """What a method calls to see its batch, or some positions of it, through the network.

    Parameters
    ----------
    pictures : id(batch) -> (b, 3, h, w) network input
    chunks : parts that batch norm sees each by itself, see ``shares``; running statistics move with
        the first; ranks share them. Source: what ``chunks`` cards did in the released runs.
        ValueError naming bn_chunks for a part of one picture, which batch norm refuses
    amp : the network in bfloat16, its answers in float32
    """

    def forward(batch: Batch, at: Tensor) -> Output:
        modality = torch.as_tensor(batch.modality)[at].to(device)
        given = pictures[id(batch)][at].to(device)
        with torch.autocast(device.type, torch.bfloat16, enabled=amp):
            out = model(given, modality)
        return Output(*(part if part is None or not amp else part.float() for part in out))

    def encode(batch: Batch, at: Tensor | slice = slice(None)) -> Output:
        at = torch.arange(len(batch))[at]
        if chunks == 1:
            return forward(batch, at)
        parts, found = shares(batch.modality[at.numpy()], chunks), []
        own, start = own_parts(parts)
        for part in own:
            with nullcontext() if part is parts[0] else standing(model), _alone(part, at, chunks):
                found.append(forward(batch, at[part]))
        back = torch.cat(parts).argsort().to(device)
        columns = zip(*found, strict=True)
        return Output(
            *(None if c[0] is None else joined(torch.cat(c), start)[back] for c in columns)
        )

    return encode


@contextmanager
def _alone(part: Tensor, whole: Tensor, chunks: int):
    """Where batch norm refuses a part of one picture, say which setting cuts it so small."""
    try:
        yield
    except ValueError as error:
        if len(part) > 1 or "more than 1 value" not in str(error):
            raise
        raise ValueError(
            f"bn_chunks={chunks}: a part of a batch of {len(whole)} pictures holds one picture, "
            "and batch norm needs two; give fewer parts, or more identities or instances"
        ) from error


def shares(modality, chunks: int) -> list[Tensor]:
    """Positions (b,) of a batch in so many parts, each a consecutive share of either modality."""
    modality = torch.as_tensor(modality)
    sides = [(modality == own).nonzero().squeeze(1).tensor_split(chunks) for own in Modality]
    return [part for share in zip(*sides, strict=True) if len(part := torch.cat(share))]
