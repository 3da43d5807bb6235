"""Two things only DMDL needs: memories that lack labels, and batches normalised in parts."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor
from torch.nn.modules.batchnorm import _BatchNorm

from vireid.clustering import prototypes
from vireid.memory import LabelError, Memory
from vireid.types import Batch, Modality


class PartialMemory(Memory):
    """Prototypes of one modality under labels of both, of which it may lack some.

    Parameters
    ----------
    x : (n, d) this modality's features ; label : (n,) shared labels, 0..clusters-1, no outliers
    clusters : K of the shared label space
    momentum : as in ``Memory``

    Attributes: ``ids`` (k,) the labels it has, ascending, and ``prototypes`` (k, d).
    """

    def __init__(self, x: Tensor, label: Tensor, *, clusters: int, momentum: float):
        self.ids = label.unique()
        self.place = label.new_full((clusters,), -1)
        self.place[self.ids] = torch.arange(len(self.ids), device=label.device)
        super().__init__(prototypes(x, self.place[label]), momentum=momentum)

    @property
    def bank(self) -> tuple[Tensor, Tensor]:
        """(ids, prototypes), as ``losses.cai`` takes it."""
        return self.ids, self.prototypes

    def local(self, label: Tensor) -> Tensor:
        """Rows of the memory that shared labels stand for; LabelError when it lacks one."""
        place = self.place[label.to(self.place.device)]
        if (place < 0).any():
            missing = label[(place < 0).to(label.device)].unique().tolist()
            raise LabelError(f"label: {missing} are not in this modality's memory of {len(self)}")
        return place

    def update(self, x: Tensor, label: Tensor, **options) -> None:
        """Move prototypes towards features (b, d) with shared labels (b,)."""
        super().update(x, self.local(label), **options)


def features(model: torch.nn.Module, batch: Batch, encode, *, chunks: int) -> Tensor:
    """(b, d) features of a batch, normalised (by batch norm) in so many parts.

    Each part holds a consecutive share of either modality; the network's running statistics move
    with the first part only. Source: what DMDL's released code does on ``chunks`` GPUs.
    """
    if chunks == 1:
        return encode(batch).x
    shares = zip(*(batch.of(own).tensor_split(chunks) for own in Modality), strict=True)
    parts = [torch.cat(share) for share in shares]
    found = []
    for i, at in enumerate(parts):
        with running_statistics(model, moving=i == 0):
            found.append(encode(batch, at).x)
    x = torch.cat(found)
    return x[torch.cat(parts).argsort().to(x.device)]


@contextmanager
def running_statistics(model: torch.nn.Module, *, moving: bool) -> Iterator[None]:
    """Inside, batch norms keep their running statistics unless they are ``moving``."""
    norms = [part for part in model.modules() if isinstance(part, _BatchNorm)]
    usual = [norm.momentum for norm in norms]
    try:
        for norm in norms:
            norm.momentum = norm.momentum if moving else 0.0
        yield
    finally:
        for norm, momentum in zip(norms, usual, strict=True):
            norm.momentum = momentum
