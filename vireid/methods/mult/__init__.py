"""MULT: labels that spread within and across modalities, and memories that must agree on them.

Stage 1 clusters each modality alone. In stage 2 every image gets a soft label in both label spaces
(``labels``); epochs take the visible and the infrared label space in turns. MIRL contrasts
images with memories of their own modality (IM) and with a shared one (CM); OCLR asks the shared
memory to predict what the others say. Any association can take the place of the label transfer.
"""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from vireid.clustering import NoClustersError
from vireid.data.augment import Recipe
from vireid.jaccard import jaccard_distance
from vireid.losses import cluster_contrast, oclr
from vireid.losses.contrast import scores
from vireid.memory import Memory
from vireid.methods.mult.labels import SpaceLabels, associate, make_side
from vireid.methods.mult.pictures import strong
from vireid.methods.mult.settings import Settings
from vireid.types import Batch, Embeddings, Modality, PseudoLabels


@dataclass(frozen=True)
class Stream:
    """One view of one modality's images in a batch: where it stands, what the network says."""

    modality: Modality
    rows: np.ndarray  # (s,) of the training table
    x: Tensor  # (s, d)
    x_partner: Tensor  # (s, d) the same images' other view; of infrared images there is one view
    weight: float


@dataclass(kw_only=True)
class MULT(Settings):
    """Modality-unified label transfer and modality-invariant learning; switches: ``Settings``.

    Raises ValueError for settings out of range, and in ``relabel`` NoClustersError when a modality
    is noise only, in ``batches`` when no label has images of both modalities.
    Source: MULT (arXiv 2402.00672) eq. 1-20. Differs: losses see the memories as they were before
    the step; stage 2 has an optimiser of its own. Features are averaged with those of the mirrored
    picture, and the usual network of the real data sets has non-local blocks, as for all methods.
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
            return found
        sides = {
            own: make_side(
                train,
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
        self.shared, self.crossed = (Memory(start, momentum=self.momentum) for _ in range(2))
        return self.pseudo_labels()

    def cluster_own(self, x: Tensor, own: Modality, epoch: int) -> np.ndarray:
        """DBSCAN's labels, or the oracle's: numbers of the known identities."""
        if self.truth is None:
            return super().cluster_own(x, own, epoch)
        identity = self.truth.numpy()[self.modality == own]
        label = np.full(len(identity), -1)
        known = identity >= 0
        label[known] = np.unique(identity[known], return_inverse=True)[1]
        return label

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
        iterations = self.schedule.iterations_of(epoch)
        if not self.crossing:
            return self.intra_batches(labels, epoch, stream=2)
        rows_of = {space: _rows_of(self.labels[space], self.modality) for space in self.spaces}
        parts = self.parts_of({space: len(found) for space, found in rows_of.items()}, epoch)
        return self.paired_batches(rows_of, parts, iterations, self.rng(epoch, 2))

    def parts_of(self, shared: dict[Modality, int], epoch: int) -> dict[Modality, int]:
        """How many of a batch's classes come from each space: half, or all from the only one."""
        usable = [space for space, count in shared.items() if count]
        if not usable:
            raise NoClustersError(
                f"epoch {epoch}: association={self.association!r} left no label that images of "
                "both modalities share; try a larger eps, noise='assign' or another association"
            )
        half = self.identities // len(usable)
        parts = dict.fromkeys(usable, half)
        parts[usable[-1]] = self.identities - half * (len(usable) - 1)
        for space in set(shared) - set(usable):
            warnings.warn(
                f"epoch {epoch}: no label of {space.word} space has images of both modalities; all "
                f"{self.identities} classes of a batch come from the other space",
                stacklevel=2,
            )
        for space, wanted in parts.items():
            if shared[space] < wanted:
                warnings.warn(
                    f"epoch {epoch}: only {shared[space]} labels of {space.word} space have images "
                    f"of both modalities, batches take {wanted}: drawn with replacement",
                    stacklevel=2,
                )
        return parts

    def paired_batches(self, rows_of, parts, iterations: int, rng) -> Iterator[Batch]:
        """``instances`` images per class and modality; visible pictures in two views."""
        for _ in range(iterations):
            drawn, classes = ([], []), []
            for space, count in parts.items():
                found = list(rows_of[space].items())
                for i in rng.choice(len(found), count, replace=len(found) < count):
                    label, members = found[i]
                    classes.append(label)
                    for own in Modality:
                        rows = members[own]
                        few = len(rows) <= self.instances
                        drawn[own].append(rng.choice(rows, self.instances, replace=few))
            visible, infrared = map(np.concatenate, drawn)
            sizes = [len(visible), len(visible), len(infrared)]
            yield Batch(
                rows=np.concatenate([visible, visible, infrared]),
                view=np.repeat([0, 1, 0], sizes),
                modality=np.repeat([0, 0, 1], sizes),
                label=torch.as_tensor(np.tile(np.repeat(classes, self.instances), 3)),
            )

    # Steps

    def loss_weights(self, epoch: int) -> dict[str, float]:
        """The infrared stream's; either of the two visible streams has ``visible_weight`` of it."""
        stage, _ = self.schedule.stage_of(epoch)
        if stage == 1 or not self.crosses:
            return {"visible contrast": 2 * self.visible_weight, "infrared contrast": 1.0}
        found = {"visible contrast": 1.0, "infrared contrast": 1.0}
        found |= {"cross memory": 1.0} if self.im else {}
        found |= {"shared memory": 1.0} if self.cm else {}
        return found | ({"oclr": 1.0} if self.oclr else {})

    def losses(self, batch: Batch, encode, epoch: int):
        """One step on all terms; then the memories move, whichever terms are on."""
        if not self.crossing:
            for terms in self.intra_step(batch, encode):
                terms["visible contrast"] = terms["visible contrast"] * 2 * self.visible_weight
                yield terms
            return
        streams = self.streams(batch, encode(batch).x)
        yield self.terms(streams)
        for bank, seen, space in self.banks(streams):
            for stream in seen:
                label = torch.as_tensor(self.labels[space].hard[stream.rows], device=self.device)
                bank.update(stream.x[label >= 0].detach(), label[label >= 0])

    def streams(self, batch: Batch, x: Tensor) -> list[Stream]:
        """Visible, visible augmented, infrared."""
        first, second, infrared = (batch.of(m, view) for m, view in ((0, 0), (0, 1), (1, 0)))
        return [
            Stream(Modality(m), batch.rows[at], x[at], x[other], weight)
            for m, at, other, weight in (
                (0, first, second, self.visible_weight),
                (0, second, first, self.visible_weight),
                (1, infrared, infrared, 1.0),
            )
        ]

    def banks(self, streams: list[Stream]) -> list[tuple[Memory, list[Stream], Modality]]:
        """Memories with the streams that they learn from and the label space of their rows."""
        of = {own: [s for s in streams if s.modality is own] for own in Modality}
        return [
            *((self.memories[own], of[own], own) for own in Modality),
            (self.crossed, of[self.space.other], self.space),
            (self.shared, streams, self.space),
        ]

    def terms(self, streams: list[Stream]) -> dict[str, Tensor]:
        """Contrast within the modalities, and what is switched on of IM, CM and OCLR."""
        names = ("visible contrast", "infrared contrast", "cross memory", "shared memory")
        on = (True, True, self.im, self.cm)
        terms = {
            name: self.contrast_with(*bank)
            for name, bank, wanted in zip(names, self.banks(streams), on, strict=True)
            if wanted
        }
        return terms | ({"oclr": self.consistency(streams)} if self.oclr else {})

    def contrast_with(self, bank: Memory, streams: list[Stream], space: Modality) -> Tensor:
        """Soft-label contrast of streams with a memory, over the images that have a label."""
        loss = streams[0].x.new_zeros(())
        for stream in streams:
            y = self.labels[space].soft[stream.rows].to(stream.x)
            if (has := y.any(1)).any():
                loss = loss + stream.weight * cluster_contrast(
                    stream.x[has], y[has], bank.prototypes, temperature=self.temperature
                )
        return loss

    def consistency(self, streams: list[Stream]) -> Tensor:
        """The shared memory about an image, against both others about its other view (eq. 19)."""
        total = 0
        for stream in streams:
            p = scores(stream.x, self.shared.prototypes, self.temperature)
            for bank in (self.memories[self.space], self.crossed):
                target = scores(stream.x_partner, bank.prototypes, self.temperature)
                term = oclr(p, target, sharpen=self.sharpen, detach=self.detach_target)
                total = total + stream.weight * term
        return total


def _rows_of(labels: SpaceLabels, modality: np.ndarray) -> dict[int, list[np.ndarray]]:
    """Label -> rows of its visible and of its infrared images, for labels that have both."""
    label = labels.hard
    both = set(label[modality == 0]) & set(label[modality == 1]) - {-1}
    return {
        int(k): [np.flatnonzero((label == k) & (modality == m)) for m in Modality]
        for k in sorted(both)
    }
