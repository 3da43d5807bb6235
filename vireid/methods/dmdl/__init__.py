"""DMDL: one label space by nearest prototypes, then labels, data and features without modality.

Stage 1 clusters each modality alone. In stage 2 iMCA renames the clusters of one modality by those
of the other, in turns. CAI asks both modalities' memories about every image. CBT colours infrared
pictures, trusts a label as far as it fits, tells each view the other's prediction, and aligns
views. Every part is a switch; ``settings`` holds them.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from vireid.association import imca_labels
from vireid.clustering import prototypes
from vireid.data import sampler
from vireid.data.augment import Recipe, Stream
from vireid.jaccard import jaccard_distance
from vireid.losses import adaptive_momentum, label_certainty, label_loss, modality_prior
from vireid.memory import Memory
from vireid.methods.base import VIEWS
from vireid.methods.dcl import show, two_modality_batches
from vireid.methods.dmdl import terms
from vireid.methods.dmdl.camera import camera_prototypes, camera_similarity
from vireid.methods.dmdl.parts import PartialMemory, check_matched, named
from vireid.methods.dmdl.settings import Settings
from vireid.types import Batch, Embeddings, Modality, PseudoLabels


@dataclass(kw_only=True)
class DMDL(Settings):
    """Dual-level modality debiasing learning; see ``Settings`` for every switch.

    Raises ValueError for settings out of range, and in ``relabel`` for a modality without images
    and for features that are not finite; NoClustersError for one without clusters, and in stage 2
    for one that has not two labels to compare.
    Source: DMDL (arXiv 2512.03745), eq. 1-16, C.1, D.1-D.3; docs/papers.md has the flow. Differs:
    losses see the memories as they were before the step, unless ``moves`` is "during" as in the
    released code; the likelihood term (eq. 3) is a mean per modality, as CAI's is, so that swapping
    them changes no weight; without ``refine`` the shared memory moves by ``momentum``.
    """

    name = "dmdl"
    title = "DMDL"
    source = "DMDL, Pattern Recognition 176"

    def start(self, model: torch.nn.Module, seed: int) -> None:
        """Memories live where the network does."""
        super().start(model, seed)
        self.model, self.device = model, next(model.parameters()).device

    @property
    def unsupervised(self) -> bool:
        """False for the oracle, which is given the true identities."""
        return self.matching != "oracle"

    def stage_of(self, epoch: int) -> tuple[int, int]:
        """(stage, epoch within it); where nothing is matched, stage 2 goes on as stage 1."""
        stage, e = self.schedule.stage_of(epoch)
        return (1 if self.matching == "none" else stage), e

    # Pictures

    def augmentation(self, epoch: int) -> Recipe:
        """The recipe with this stage's second views and erasing."""
        stage, _ = self.stage_of(epoch)
        recipe = super().augmentation(epoch)
        if self.erasing is not None:
            recipe = replace(recipe, erasing=self.erasing)
        if self.erasing_max is not None:
            largest = self.erasing_max[stage - 1]
            recipe = replace(recipe, erasing_area=(recipe.erasing_area[0], largest))
        if self.infrared_views(stage) == 1:
            return recipe
        if self.data == "random":
            return replace(recipe, infrared_second=Stream(jitter=0.5))
        painted = Stream(pseudo_colour=True, colour_maps=self.colour_maps)
        return replace(recipe, infrared_second=painted)

    def batches(self, labels: dict[str, PseudoLabels], epoch: int) -> Iterator[Batch]:
        """Both modalities, drawn apart or, in the aligned phase, showing the same clusters."""
        stage, e = self.stage_of(epoch)
        views = (2, self.infrared_views(stage))
        if stage == 1:
            space = [labels[own.word].label for own in Modality]
        else:
            space = [np.where(self.modality == m, labels["global"].label, -1) for m in Modality]
        if not self.aligned(stage, e):
            return two_modality_batches(self, space, epoch, views=views)
        draws = sampler.draw_aligned(
            space,
            self.camera,
            identities=self.identities,
            instances=self.instances,
            iterations=self.schedule.iterations_of(epoch),
            camera_aware=self.camera_aware_sampling,
            rng=self.rng(epoch, 2),
        )
        return (show(drawn, space, views) for drawn in draws)

    def infrared_views(self, stage: int) -> int:
        """Infrared pictures have a second view when there is one to show."""
        return 2 if self.data != "none" and (stage == 2 or self.stage1_cbt) else 1

    def aligned(self, stage: int, e: int) -> bool:
        """Whether an epoch of a stage belongs to the aligned phase."""
        return stage == 2 and _reached(self.aligned_phase_start, e)

    # Labels

    def relabel(self, train: Embeddings, epoch: int) -> dict[str, PseudoLabels]:
        """Each modality's clusters; in stage 2 also one label space, its memories and certainty."""
        check_features(train, epoch)
        stage, e = self.stage_of(epoch)
        labels = super().relabel(train, epoch)
        self.certainty = None
        if stage == 2:
            labels["global"] = self.unify(train, labels, e)
            if self.refine and e >= self.warmup:
                self.certainty = self.trust(train.x, labels["global"].label, self.shared.prototypes)
        elif self.refine and self.stage1_cbt and _reached(self.stage1_refine_start, e):
            self.certainty = torch.zeros(len(train), dtype=train.x.dtype)
            for own in Modality:
                at = train.modality == own
                label, bank = labels[own.word].label[at.numpy()], self.memories[own].prototypes
                self.certainty[at] = self.trust(train.x[at], label, bank)
        return labels

    def k1_of(self, own: Modality, epoch: int) -> int:
        """Shorter lists in stage 2 for the modality whose clusters are renamed (even: visible)."""
        stage, e = self.stage_of(epoch)
        renamed = Modality.VISIBLE if e % 2 == 0 else Modality.INFRARED
        shorter = stage == 2 and own is renamed and self.alternate_k1 is not None
        return self.alternate_k1 if shorter else self.k1

    def distance(self, x: Tensor, own: Modality, epoch: int):
        """Jaccard distance of features, or of their similarity to each camera's clusters."""
        if not self.camera_clustering:
            return super().distance(x, own, epoch)
        lists = {"k1": self.k1_of(own, epoch), "k2": self.k2}
        banks = camera_prototypes(
            x,
            self.camera[self.modality == own],
            eps=self.camera_eps,
            min_samples=self.min_samples,
            **lists,
        )
        s = camera_similarity(x, banks, temperature=self.camera_temperature)
        return jaccard_distance(s, eps=self.eps, normalise=False, **lists)

    def new_memory(self, x: Tensor, label: np.ndarray) -> Memory:
        """A memory on the network's device."""
        return super().new_memory(x.to(self.device), label)

    def unify(self, train: Embeddings, labels: dict[str, PseudoLabels], e: int) -> PseudoLabels:
        """iMCA, then the memories phi of both modalities and Phi of both together, and p(m)."""
        own_rows = [self.modality == own for own in Modality]
        found = self.matched(train, labels, own_rows, e)
        check_matched(self, labels, found[:2], e)
        unified = np.full(len(train), -1)
        for rows, label in zip(own_rows, found[:2], strict=True):
            unified[rows] = label
        self.space = Modality[found[2].upper()]
        self.build_memories(train, unified)
        return PseudoLabels(unified)

    def matched(self, train: Embeddings, labels, own_rows: list[np.ndarray], e: int) -> tuple:
        """(visible labels, infrared labels, whose label space) of iMCA, or of the truth."""
        if self.matching == "oracle":
            return (*named(train, own_rows), ("infrared", "visible")[e % 2])
        x = self.compared(train).x
        return imca_labels(
            *(x[rows] for rows in own_rows),
            *(labels[m.word].label[r] for m, r in zip(Modality, own_rows, strict=True)),
            epoch=e,
            matching=self.matching,
        )

    def build_memories(self, train: Embeddings, unified: np.ndarray) -> None:
        """Everything that stage 2 compares images with, from labels in one space."""
        label, modality = torch.as_tensor(unified), train.modality
        self.share = modality_prior(label, modality, kind=self.prior)
        x, label = train.x.to(self.device), label.to(self.device)
        clusters, kept = int(label.max()) + 1, label >= 0
        options = {"clusters": clusters, "momentum": self.momentum, "moves": self.moves}
        for own in Modality:
            mine = kept & (modality == own).to(self.device)
            self.memories[own] = PartialMemory(x[mine], label[mine], **options)
        self.shared = Memory(prototypes(x[kept], label[kept]), momentum=self.momentum)

    def trust(self, x: Tensor, label: np.ndarray, bank: Tensor) -> Tensor:
        """(n,) certainty of labels by how well the bank predicts them; 0 for outliers."""
        label = torch.as_tensor(label)
        noise, clusters = label < 0, len(bank)
        guess = torch.where(noise, clusters - 1, label)
        loss = label_loss(
            x.to(bank), guess, bank, temperature=self.temperature, kind=self.certainty_loss
        ).cpu()
        by_cluster = self.certainty_scope == "cluster"
        groups = label.clone() if by_cluster else torch.zeros_like(label)
        # outliers in a mixture of their own still stretch the scale that all are brought to
        groups[noise] = -1 if not self.gmm_include_noise else clusters if by_cluster else 0
        return label_certainty(loss, groups=groups).masked_fill(noise, 0)

    # Steps

    def losses(self, batch: Batch, encode, epoch: int):
        """One step on all terms; then the memories move."""
        stage, e = self.stage_of(epoch)
        x = encode(batch).x
        parts = {own: self.part(batch, x, own) for own in Modality}
        target = terms.targets(self, parts, stage)
        z = terms.logits(self, batch, x, stage)
        main = terms.stage1_terms if stage == 1 else terms.stage2_terms
        found = main(self, z, parts, target) | terms.alignment_terms(self, parts, stage)
        yield found | terms.triplet_terms(self, parts, stage, e)
        if stage == 2:
            self.update_shared(batch, parts, target)
        self.update_memories(batch, x.detach(), stage)

    def loss_weights(self, epoch: int) -> dict[str, float]:
        """Of the terms that ``losses`` yields in an epoch."""
        stage, e = self.stage_of(epoch)
        views = {Modality.VISIBLE: 2, Modality.INFRARED: self.infrared_views(stage)}
        contrast = 1.0 if stage == 1 or self.in_modality_term else 0.0
        found = {f"{own.word} contrast": contrast for own in Modality}
        if stage == 2:
            name = "cai" if self.cai else "likelihood"
            found |= {f"{own.word} {name}": self.cai_weight for own in Modality}
        weight = terms.weight_of_alignment(self, stage)
        if self.alignment == "modalities":
            found["modality alignment"] = weight
        else:
            found |= {f"{own.word} alignment": weight for own in Modality if views[own] == 2}
        weight = terms.weight_of_triplets(self, stage, e)
        names = [own.word for own in Modality] + ["joint"] * self.aligned(stage, e)
        found |= {f"{name} triplet": weight for name in names}
        return {name: weight for name, weight in found.items() if weight}

    def part(self, batch: Batch, x: Tensor, own: Modality) -> terms.Part:
        """One modality's rows of a batch."""
        at, first = batch.of(own), batch.of(own, 0)
        certainty = None if self.certainty is None else self.certainty[batch.rows[first]].to(x)
        label = batch.label[at].to(x.device)
        return terms.Part(x=x[at], label=label, certainty=certainty, views=len(at) // len(first))

    def update_shared(self, batch: Batch, parts: terms.Parts, target: terms.Targets) -> None:
        """Move Phi view by view in ``shared_order`` (eq. 12)."""
        momentum = {own: self.shared_momentum(part, target[own]) for own, part in parts.items()}
        for letter, _ in self.written(batch, order=self.shared_order):
            own, view = VIEWS[letter]
            part, mine = parts[own], momentum[own].chunk(parts[own].views)[view]
            self.shared.update(part.view(view), part.label[: part.images], momentum=mine)

    def shared_momentum(self, part: terms.Part, target: Tensor) -> Tensor:
        """(b,) momentum of a modality's rows: large for doubtful labels (eq. 13), or all alike."""
        if not (self.refine and self.adaptive):
            return part.x.new_full(part.label.shape, self.momentum)
        if target.ndim == 1:  # hard labels are sure, for them eq. 13 gives delta
            return part.x.new_full(part.label.shape, self.delta)
        return adaptive_momentum(target, part.label, delta=self.delta)

    def update_memories(self, batch: Batch, x: Tensor, stage: int) -> None:
        """Move each modality's memory, and with ``semi_cross`` the label space's by both."""
        for letter, at in self.written(batch):
            own, label = VIEWS[letter][0], batch.label[at].to(x.device)
            for bank in self.moved_by(own, stage):
                row = self.rows_in(bank, own, label)
                self.memories[bank].update(x[at][row >= 0], row[row >= 0])

    def rows_in(self, bank: Modality, own: Modality, label: Tensor) -> Tensor:
        """Labels (b,) by which images move a memory; -1: the other modality's may lack them."""
        return label if bank is own else self.memories[bank].known(label)

    def moved_by(self, own: Modality, stage: int) -> tuple[Modality, ...]:
        """Whose memories a modality's images move."""
        crossing = stage == 2 and self.semi_cross and own is not self.space
        return (own, self.space) if crossing else (own,)


def check_features(train: Embeddings, epoch: int) -> None:
    """ValueError naming modality and epoch for no images, and for features without direction."""
    for own in Modality:
        x = train.of(own).x
        norm = x.norm(dim=1)
        bad = (~norm.isfinite() | (norm == 0)).nonzero().flatten()
        if not len(x):
            raise ValueError(f"epoch {epoch}: there are no {own.word} images; DMDL needs both")
        if len(bad):
            raise ValueError(
                f"epoch {epoch}: {len(bad)} of {len(x)} {own.word} features are zero, NaN or "
                f"infinite, first image {int(bad[0])}; the network has diverged: lower the rate"
            )


def _reached(start: int | None, e: int) -> bool:
    return start is not None and e >= start
