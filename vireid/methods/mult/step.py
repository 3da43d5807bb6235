"""What one step of MULT looks at: views of pictures, memories, and what these say of those."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from vireid.losses import oclr
from vireid.losses.contrast import check_target, scores
from vireid.memory import Memory
from vireid.methods.mult.labels import SpaceLabels
from vireid.types import Modality

PARTNER = {"v": "a", "a": "v", "r": "r"}  # the same images' other view; infrared has one view


@dataclass(frozen=True)
class View:
    """One view of one modality's images in a batch, and what the network says of it.

    Parameters
    ----------
    letter : as in ``write_order``
    modality : of its images
    rows : (s,) of the training table
    x : (s, d) features
    weight : of its losses
    """

    letter: str
    modality: Modality
    rows: np.ndarray
    x: Tensor
    weight: float


@dataclass(frozen=True)
class Bank:
    """A memory, the labels in its space, and the views that are written into it, in this order."""

    memory: Memory
    labels: SpaceLabels
    views: list[View]

    def hard(self, view: View) -> Tensor:
        """(s,) row of the memory that a view's images belong to, -1 without label."""
        return torch.as_tensor(self.labels.hard[view.rows], device=view.x.device)

    def scores(self, temperature: float) -> dict[str, Tensor]:
        """What the memory says of its views: letter -> logits (s, K).

        A backward pass runs from the last call to the first, so the view that is written first is
        asked about last.
        """
        return {
            view.letter: scores(view.x, self.memory.seen_by(self.hard(view)), temperature)
            for view in reversed(self.views)
        }

    def contrast(self, said: dict[str, Tensor]) -> Tensor:
        """Soft-label contrast of its views' logits, over the images that have a label."""
        loss = self.memory.prototypes.new_zeros(())
        for view in self.views:
            y, score = self.labels.soft[view.rows].to(view.x), said[view.letter]
            if (has := y.any(1)).any():
                target = check_target(y[has], score[has])
                loss = loss + view.weight * cross_entropy(score[has], target)
        return loss

    def move(self) -> None:
        """Write the views that have a label, one after the other."""
        for view in self.views:
            label = self.hard(view)
            self.memory.update(view.x[label >= 0].detach(), label[label >= 0])


def consistency(shared: dict[str, Tensor], banks, said, views: list[View], method) -> Tensor:
    """The shared memory about a view, against both others about the image's other view (eq. 19).

    Parameters
    ----------
    shared : the shared memory's logits of each view
    banks, said : the two other memories, and their logits of the views that are written into them;
        of all other views they are asked here, and do not move for it
    method : for ``temperature``, ``sharpen`` and ``detach_target``
    """
    seen, total = {view.letter: view for view in views}, 0
    for view in views:
        partner = seen[PARTNER[view.letter]]
        for bank, logits in zip(banks, said, strict=True):
            target = logits.get(partner.letter)
            if target is None:
                target = scores(partner.x, bank.memory.prototypes, method.temperature)
            term = oclr(
                shared[view.letter], target, sharpen=method.sharpen, detach=method.detach_target
            )
            total = total + view.weight * term
    return total
