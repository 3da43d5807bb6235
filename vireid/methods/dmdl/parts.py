"""What only DMDL needs: memories that lack some of the labels, and the truth as labels."""

import numpy as np
import torch
from torch import Tensor

from vireid.arguments import LabelError
from vireid.clustering import consecutive, prototypes
from vireid.memory import Memory
from vireid.types import Embeddings


class PartialMemory(Memory):
    """Prototypes of one modality under labels of both, of which it may lack some.

    Parameters
    ----------
    x : (n, d) this modality's features ; label : (n,) shared labels, 0..clusters-1, no outliers
    clusters : K of the shared label space
    momentum, moves : as in ``Memory``

    Attributes: ``ids`` (k,) the labels it has, ascending, and ``prototypes`` (k, d).
    """

    def __init__(self, x: Tensor, label: Tensor, *, clusters: int, **options):
        self.ids = label.unique()
        self.place = label.new_full((clusters,), -1)
        self.place[self.ids] = torch.arange(len(self.ids), device=label.device)
        super().__init__(prototypes(x, self.place[label]), **options)

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

    def move(self, x: Tensor, label: Tensor, **options) -> None:
        """Move prototypes towards features (b, d) with shared labels (b,)."""
        super().move(x, self.local(label), **options)


def named(train: Embeddings, own_rows: list[np.ndarray]) -> list[np.ndarray]:
    """Numbers of the known identities, one list a modality, -1 for who is unknown: the oracle's."""
    label = consecutive(train.identity.numpy())
    return [label[rows] for rows in own_rows]
