"""What only DMDL needs: memories that lack labels, the truth as labels, a check of matches."""

import numpy as np
import torch
from torch import Tensor

from vireid.arguments import LabelError
from vireid.association import regdb_mix
from vireid.clustering import NoClustersError, consecutive, prototypes
from vireid.data.sampler import too_few
from vireid.memory import Memory
from vireid.types import Embeddings, Modality, PseudoLabels


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

    def known(self, label: Tensor) -> Tensor:
        """Shared labels (b,), -1 in the place of those that the memory lacks."""
        place = self.place[label.to(self.place.device)].to(label.device)
        return torch.where(place < 0, -1, label)

    def move(self, x: Tensor, label: Tensor, **options) -> None:
        """Move prototypes towards features (b, d) with shared labels (b,)."""
        super().move(x, self.local(label), **options)


def named(train: Embeddings, own_rows: list[np.ndarray]) -> list[np.ndarray]:
    """Numbers of the known identities, one list a modality, -1 for who is unknown: the oracle's."""
    label = consecutive(train.identity.numpy())
    return [label[rows] for rows in own_rows]


def check_matched(method, labels: dict[str, PseudoLabels], found, e: int) -> None:
    """NoClustersError unless matching left two labels to either modality; ``e`` is of stage 2.

    Parameters
    ----------
    labels : each modality's clusters, by its word
    found : visible and infrared images' labels in one space, -1 none

    One cluster in either modality is none of the matching's making: of that batches tell.
    """
    kinds = {own: len(set(y[y >= 0].tolist())) for own, y in zip(Modality, found, strict=True)}
    own, matching = min(kinds, key=kinds.get), method.matching
    single = [m.word for m in Modality if labels[m.word].clusters < 2]
    if kinds[own] >= 2:
        return
    if not kinds[own]:
        told = f"no {own.word} image has a label after matching={matching!r}"
        advice = "try a larger eps or matching='cluster'"
    elif matching == "oracle":
        told = f"{own.word} images have one known identity in all, and a batch compares two"
        advice = "take pictures of more people, or another row"
    elif len(single) == 2:
        return
    elif single:
        told, advice = f"{single[0]} images", too_few(1, labels[single[0]].label)
    else:
        by_image = _by_image(method, e)
        told = (
            f"matching={matching!r} gave all {own.word} images one label"
            if by_image
            else f"matching={matching!r} gave all {labels[own.word].clusters} {own.word} clusters "
            "one partner"
        )
        other = "cluster" if by_image else "sample"
        more = "" if method.centring else " or centring=True"
        advice = f"a batch compares two labels; try matching={other!r}{more}"
    raise NoClustersError(f"epoch {e} of stage 2: {told}; {advice}")


def _by_image(method, e: int) -> bool:
    """Whether an epoch matches image by image, not cluster by cluster."""
    mixed = method.matching == "regdb_mix"
    return (regdb_mix(e) if mixed else method.matching) == "sample"
