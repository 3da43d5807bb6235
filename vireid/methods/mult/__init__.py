"""MULT: labels that spread within and across modalities, and memories that must agree on them.

Stage 1 clusters each modality alone. In stage 2 every image gets a soft label in both label spaces
(``labels``); epochs take the visible and the infrared label space in turns. MIRL contrasts
images with memories of their own modality (IM) and with a shared one (CM); OCLR asks the shared
memory to predict what the others say. Any association can take the place of the label transfer.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from vireid.clustering import consecutive
from vireid.data.augment import Recipe
from vireid.jaccard import jaccard_distance
from vireid.memory import Memory
from vireid.methods.mult import draws
from vireid.methods.mult.labels import SpaceLabels, associate, make_side
from vireid.methods.mult.pictures import strong
from vireid.methods.mult.settings import Settings
from vireid.methods.mult.step import Bank, View, consistency
from vireid.types import Batch, Embeddings, Modality, PseudoLabels

OWN = {own: f"{own.word} contrast" for own in Modality}  # terms, and the memories that give them
CROSSED, SHARED = "cross memory", "shared memory"


@dataclass(kw_only=True)
class MULT(Settings):
    """Modality-unified label transfer and modality-invariant learning; switches: ``Settings``.

    Raises ValueError for settings out of range, and in ``relabel`` NoClustersError when a modality
    is noise only, in ``batches`` when no label has images of both modalities.
    Source: MULT (arXiv 2402.00672) eq. 1-20; docs/papers.md tells the flow step by step. Differs:
    losses see the memories as they were before the step (``moves``), and the features that are
    clustered are averaged with those of the mirrored picture, as for all methods.
    """

    name = "mult"
    title = "MULT"
    source = "MULT, IJCV 2024"

    @property
    def crosses(self) -> bool:
        """Whether anything in stage 2 looks across the gap."""
        return self.im or self.cm or self.oclr

    @property
    def unsupervised(self) -> bool:
        """False for the oracle, which is given the true identities."""
        return not (self.crosses and self.association == "oracle")

    @property
    def spaces(self) -> tuple[Modality, ...]:
        """Label spaces in which images of the other modality have labels."""
        return (Modality.VISIBLE,) if self.association == "otla" else tuple(Modality)

    def start(self, model: torch.nn.Module, seed: int) -> None:
        """Memories live, and labels spread, where the network is."""
        super().start(model, seed)
        self.device = next(model.parameters()).device

    def augmentation(self, epoch: int) -> Recipe:
        """The recipe, made stronger in stage 1."""
        stage, _ = self.schedule.stage_of(epoch)
        recipe = super().augmentation(epoch)
        return strong(recipe) if stage == 1 and self.strong_stage1 else recipe

    # Labels

    def relabel(self, train: Embeddings, epoch: int) -> dict[str, PseudoLabels]:
        """Each modality's clusters; in stage 2 all images' labels in both spaces, and memories."""
        stage, e = self.schedule.stage_of(epoch)
        self.crossing = stage == 2 and self.crosses
        self.graphs = {}
        self.truth = train.identity if self.crossing and not self.unsupervised else None
        found = super().relabel(train, epoch)
        if not self.crossing:
            self.labels = {own: SpaceLabels.of_hard(found[own.word].label) for own in Modality}
            return found
        seen = self.compared(train)
        sides = {
            own: make_side(
                seen,
                own,
                found[own.word].label,
                drop_noise=self.noise == "drop" or not self.unsupervised,
                distance=self.graphs.pop(own, None),
                device=self.device,
            )
            for own in Modality
        }
        self.labels = associate(self, sides, len(train), self.rng(epoch, 3))
        self.space = self.spaces[e % len(self.spaces)]
        start = self.memories[self.space].prototypes
        self.shared, self.crossed = (
            Memory(start, momentum=self.momentum, moves=self.moves) for _ in range(2)
        )
        return self.pseudo_labels()

    def cluster_own(self, x: Tensor, own: Modality, epoch: int) -> np.ndarray:
        """DBSCAN's labels, or the oracle's: numbers of the known identities."""
        if self.truth is None:
            return super().cluster_own(x, own, epoch)
        return consecutive(self.truth.numpy()[self.modality == own])

    def distance(self, x: Tensor, own: Modality, epoch: int):
        """The Jaccard distance; not cut at eps, and kept, when labels are to spread along it."""
        spread = self.association == "mult" and self.affinity == "vanilla"
        if not (self.crossing and spread):
            return super().distance(x, own, epoch)
        self.graphs[own] = jaccard_distance(x, k1=self.k1, k2=self.k2)
        return self.graphs[own]

    def new_memory(self, x: Tensor, label: np.ndarray) -> Memory:
        """A memory on the network's device."""
        return super().new_memory(x.to(self.device), label)

    def pseudo_labels(self) -> dict[str, PseudoLabels]:
        """Hard labels: of each modality in its own space, of all images in both spaces, and
        ("global") in the one that this epoch's shared memory lives in.
        """
        hard = {own: self.labels[own].hard for own in Modality}
        intra = {m.word: np.where(self.modality == m, hard[m], -1) for m in Modality}
        whole = {f"{m.word} space": hard[m] for m in self.spaces}
        return {
            k: PseudoLabels(v) for k, v in (intra | whole | {"global": hard[self.space]}).items()
        }

    # Batches

    def batches(self, labels: dict[str, PseudoLabels], epoch: int) -> Iterator[Batch]:
        """Stage 1: both modalities drawn apart. Stage 2: the same labels of both."""
        if self.crossing:
            hard = {space: self.labels[space].hard for space in self.spaces}
            return draws.paired(hard, self.modality, self, epoch, self.rng(epoch, 2))
        if self.stage1_draw == "turns":
            return self.intra_batches(labels, epoch, stream=2)
        return draws.apart(
            [labels[own.word].label for own in Modality], self, epoch, self.rng(epoch, 2)
        )

    # Steps

    def loss_weights(self, epoch: int) -> dict[str, float]:
        """Of each view in a term; in all of them a visible view has ``visible_weight``."""
        stage, _ = self.schedule.stage_of(epoch)
        found = {OWN[Modality.VISIBLE]: self.visible_weight, OWN[Modality.INFRARED]: 1.0}
        on = {CROSSED: self.im, SHARED: self.cm, "oclr": self.oclr}
        return found | ({k: 1.0 for k, v in on.items() if v} if stage == 2 else {})

    def losses(self, batch: Batch, encode, epoch: int):
        """One step on all terms; then the memories move, whichever terms are on."""
        views = self.seen(batch, encode(batch).x)
        banks = self.banks(views)
        yield self.terms(banks, views)
        for bank in banks.values():
            bank.move()

    def seen(self, batch: Batch, x: Tensor) -> list[View]:
        """The views of a batch in the order in which memories are written."""
        found = []
        for letter, at in self.written(batch):
            own = Modality(int(batch.modality[at[0]]))
            weight = self.visible_weight if own is Modality.VISIBLE else 1.0
            found.append(View(letter, own, batch.rows[at], x[at], weight))
        return found

    def banks(self, views: list[View]) -> dict[str, Bank]:
        """The memories of this epoch, by the term that each gives."""
        of = {own: [view for view in views if view.modality is own] for own in Modality}
        found = {OWN[m]: Bank(self.memories[m], self.labels[m], of[m]) for m in Modality}
        if not self.crossing:
            return found
        labels = self.labels[self.space]
        return found | {
            CROSSED: Bank(self.crossed, labels, of[self.space.other]),
            SHARED: Bank(self.shared, labels, views),
        }

    def terms(self, banks: dict[str, Bank], views: list[View]) -> dict[str, Tensor]:
        """Contrast within the modalities, and what is switched on of IM, CM and OCLR."""
        said = {name: bank.scores(self.temperature) for name, bank in banks.items()}
        off = {CROSSED: not self.im, SHARED: not self.cm}
        terms = {k: bank.contrast(said[k]) for k, bank in banks.items() if not off.get(k)}
        if self.crossing and self.oclr:
            both = (OWN[self.space], CROSSED)
            targets = [banks[k] for k in both], [said[k] for k in both]
            terms["oclr"] = consistency(said[SHARED], *targets, views, self)
        return terms
