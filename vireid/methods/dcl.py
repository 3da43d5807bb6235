"""Dual contrastive learning: cluster each modality by itself and contrast with its prototypes.

Stage 1 of every method in this workbook, and the control that all of them must beat.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn.functional import normalize

from vireid.clustering import NoClustersError, dbscan, prototypes
from vireid.data import sampler
from vireid.jaccard import jaccard_distance
from vireid.losses import cluster_contrast, hinged_contrast
from vireid.memory import HybridMemory, Memory
from vireid.methods import limits
from vireid.methods.base import VIEWS, Method
from vireid.types import Batch, Embeddings, Modality, PseudoLabels

# Settings for the small worlds, shared by every method whose stage 1 this is. k1 stays near the
# number of images an identity has in one modality; the sources are docs/synthvi.md and docs/log.md.
LIGHT = {
    "epochs": (6, 7),
    "iterations": 34,
    "lr": 1e-3,
    "optimiser": "adamw",
    "milestones": (4,),
    "decay": 0.2,
    "k1": 16,
    "k2": 4,
    "eps": 0.55,
    "identities": 9,
    "instances": 4,
    "subset_ratio": 1.0,
}
TINY = LIGHT | {
    "epochs": (2, 3),
    "iterations": 10,
    "k1": 8,
    "k2": 2,
    "min_samples": 3,
    "identities": 6,
}
M3SVD = LIGHT | {"epochs": (5, 6), "iterations": 20, "k1": 8, "k2": 2, "lr": 3.5e-4}
REGDB = {"iterations": 100, "eps": 0.3}  # what every released script of this line changes there
ADCA = {"epochs": (50, 0), "recipe": "adca", "infrared_identities": 16, "bn_chunks": 4}

SOURCES = {  # field -> where its value comes from; N-ULC, PGM and BMIL share these with ADCA
    "epochs": "paper and code: 50 a stage",
    "iterations": "code --iters 200, RegDB 100",
    "stage2_iterations": "code: as many as stage 1",
    "lr": "code --lr 3.5e-4",
    "milestones": "code --step-size 20, begun anew in stage 2",
    "decay": "code StepLR gamma 0.1",
    "optimiser": "code Adam",
    "weight_decay": "code --weight-decay 5e-4",
    "k1": "code --k1 30",
    "k2": "code --k2 6",
    "eps": "paper and code: 0.6, RegDB 0.3",
    "min_samples": "code DBSCAN min_samples=4",
    "temperature": "paper and code --temp 0.05",
    "momentum": "paper and code --momentum 0.1",
    "memory": "code ClusterMemory without --use-hard",
    "hinge": "BMIL's code, CMhybrid r = 0.2; no part of a single bank",
    "identities": "code: visible batch 128 = 8 x 16, shown twice",
    "infrared_identities": "code -b 256 = 16 x 16",
    "instances": "code --num-instances 16",
    "camera_aware_sampling": "code RandomMultipleGallerySampler",
    "subset_ratio": "BMIL's; ADCA clusters all images",
    "recipe": "code: exchange without jitter",
    "bn_chunks": "code: DataParallel on 4 cards",
    "moves": "ours; the code moves memories during the backward pass",
    "write_order": "code: plain and augmented visible in one call; infrared apart",
}


@dataclass(kw_only=True)
class DCL(Method):
    """Cluster contrast in each modality, with channel exchange as the bridge between them.

    Parameters
    ----------
    k1, k2, eps, min_samples : Jaccard neighbourhoods and DBSCAN of one modality
    temperature : of the contrast, tau
    momentum : weight of the old prototype in a memory update, mu
    memory : "single" bank moved sample by sample, or "hybrid": a mean and a hard bank
    hinge : margin under which the mean bank's loss stops pulling (hybrid only), nats
    identities, instances : clusters per batch and modality, images of each
    infrared_identities : infrared clusters per batch; None = as many
    camera_aware_sampling : prefer mates from other cameras than the anchor's
    subset_ratio : share of the visible images clustered in an epoch; 1 = all of them

    Of ``write_order`` only who comes last of v and a matters here: infrared has its own memory.
    "official" is ADCA's first stage; no script of it knows LLCM, whose preset is SYSU's.
    Source: Yang et al. 2022 (ADCA, dual contrastive learning); Dai et al. 2022 (ClusterNCE).
    """

    name = "dcl"
    title = "stage 1 (dual contrastive learning)"
    source = "ADCA, ACM MM 2022"
    networks = {"agw": ("agw", {"non_local": False})}  # built with no_local "down", which is off
    sources = SOURCES

    k1: int = 30
    k2: int = 6
    eps: float = 0.6
    min_samples: int = 4
    temperature: float = 0.05
    momentum: float = 0.1
    memory: str = "single"
    hinge: float = 0.2
    identities: int = 8
    instances: int = 16
    infrared_identities: int | None = None
    camera_aware_sampling: bool = True
    subset_ratio: float = 1.0

    presets = {
        "official": ADCA,
        "official_regdb": ADCA | REGDB,
        "official_llcm": ADCA,
        "light": LIGHT | {"epochs": (6, 0)},
        "tiny": TINY | {"epochs": (2, 0)},
        "m3svd": M3SVD | {"epochs": (5, 0)},
    }

    choices = {"memory": ("single", "hybrid")}
    ranges = (
        (
            "k1 k2 min_samples identities instances infrared_identities",
            lambda v: v >= 1,
            "give a whole number >= 1",
        ),
        limits.RADIUS,
        ("temperature", lambda v: v > 0, "give a number > 0; usual is 0.05"),
        ("momentum", lambda v: 0 < v <= 1, "give a weight of the old prototype in (0, 1]"),
        ("hinge", lambda v: v >= 0, "give a number of nats >= 0; 0.2 is BMIL's"),
    )
    relations = (limits.LISTS, limits.SECOND_VIEW)

    def __post_init__(self):
        super().__post_init__()
        if not (self.subset_ratio == 1 or 0 < self.subset_ratio <= 0.5):
            raise ValueError(
                f"subset_ratio={self.subset_ratio}: use 1 (all images) or at most 0.5, because the "
                "global clustering needs a second block that shares no image with the first"
            )

    def relabel(self, train: Embeddings, epoch: int) -> dict[str, PseudoLabels]:
        """Cluster visible and infrared images apart; start each memory from the centroids."""
        modality = train.modality.numpy()
        self.modality, self.camera = modality, train.camera.numpy()
        self.blocks = subset_blocks(
            np.flatnonzero(modality == Modality.VISIBLE), self.subset_ratio, self.rng(epoch, 1)
        )
        self.memories, labels = {}, {}
        for own in Modality:
            rows = self.blocks[0] if own is Modality.VISIBLE else np.flatnonzero(modality == own)
            label = np.full(len(train), -1)
            handed = self.handed(rows, epoch)
            if own is Modality.VISIBLE and self.subset_ratio < 1:
                self.check_subset(modality, least=1 if handed is not None else self.min_samples + 1)
            label[rows] = self.cluster_own(train.x[rows], own, epoch) if handed is None else handed
            labels[own.word] = PseudoLabels(label)
            self.memories[own] = self.new_memory(train.x[label >= 0], label[label >= 0])
        return labels

    def check_subset(self, modality: np.ndarray, *, least: int) -> None:
        """ValueError for a block of fewer visible images than two clusters can be made of."""
        if (size := len(self.blocks[0])) < least:
            raise ValueError(
                f"subset_ratio={self.subset_ratio:g} leaves {size} of "
                f"{(modality == Modality.VISIBLE).sum()} visible images, and clusters need {least} "
                f"(min_samples={self.min_samples}); give a larger share up to 0.5, or 1 for all"
            )

    def cluster_own(self, x: torch.Tensor, own: Modality, epoch: int) -> np.ndarray:
        """Labels of one modality's images."""
        distance = self.distance(x, own, epoch)
        label = dbscan(distance, eps=self.eps, min_samples=self.min_samples)
        if label.max(initial=-1) < 0:
            raise NoClustersError(
                f"epoch {epoch}: DBSCAN called all {len(x)} {own.word} images noise "
                f"(eps={self.eps}, k1={self.k1_of(own, epoch)}, min_samples={self.min_samples}); "
                "try a larger eps, or begin from pre-trained weights"
            )
        return label

    def distance(self, x: torch.Tensor, own: Modality, epoch: int):
        """What one modality's images are clustered by: their vanilla Jaccard distance."""
        return jaccard_distance(x, k1=self.k1_of(own, epoch), k2=self.k2, eps=self.eps)

    def k1_of(self, own: Modality, epoch: int) -> int:
        """Length of the neighbour lists of a modality in an epoch."""
        return self.k1

    def new_memory(self, x: torch.Tensor, label: np.ndarray) -> Memory | HybridMemory:
        """A memory that starts at the centroids of x (n, d)."""
        bank = HybridMemory if self.memory == "hybrid" else Memory
        start = prototypes(x, torch.as_tensor(label))
        return bank(start, momentum=self.momentum, moves=self.moves)

    def batches(self, labels: dict[str, PseudoLabels], epoch: int) -> Iterator[Batch]:
        """Visible pictures twice (plain, channel-exchanged), infrared once; drawn apart."""
        return self.intra_batches(labels, epoch, stream=2)

    def intra_batches(self, labels, epoch: int, stream: int) -> Iterator[Batch]:
        """Batches of both modalities, each in its own label space."""
        space = [labels[own.word].label for own in Modality]
        return two_modality_batches(self, space, epoch, stream=stream)

    def loss_weights(self, epoch: int) -> dict[str, float]:
        """Both modalities count alike."""
        return {f"{own.word} contrast": 1.0 for own in Modality}

    def losses(self, batch: Batch, encode, epoch: int):
        """One step: contrast each modality with its own memory."""
        yield from self.intra_step(batch, encode)

    def intra_step(self, batch: Batch, encode):
        """Yield the contrast of both modalities; move the memories after the step."""
        x = normalize(encode(batch).x)
        seen = {own: (x[at], batch.label[at].to(x.device)) for own, at in self.written_calls(batch)}
        yield {
            f"{own.word} contrast": self.contrast(*seen[own], self.memories[own])
            for own in Modality
        }
        for own, (features, label) in seen.items():
            self.memories[own].update(features.detach(), label)

    def written_calls(self, batch: Batch) -> list[tuple[Modality, torch.Tensor]]:
        """(modality, positions of its views), first written first: one call of a memory each.

        Losses call memories the other way round, so that ``moves="during"`` writes in this order.
        """
        views = {}
        for letter, at in self.written(batch):
            views.setdefault(VIEWS[letter][0], []).append(at)
        return [(own, torch.cat(at)) for own, at in views.items()]

    def contrast(self, x: torch.Tensor, target: torch.Tensor, memory) -> torch.Tensor:
        """Loss of one modality's features against its memory."""
        bank = memory.seen_by(target)
        if isinstance(memory, HybridMemory):
            return hinged_contrast(x, target, *bank, temperature=self.temperature, hinge=self.hinge)
        return cluster_contrast(x, target, bank, temperature=self.temperature)


def subset_blocks(rows: np.ndarray, ratio: float, rng: np.random.Generator) -> list[np.ndarray]:
    """Disjoint random blocks of ``ratio`` of the rows each; with ratio 1, all rows twice.

    Block 0 is clustered for the loss within a modality, block 1 enters the global clustering.
    Source: BMIL, subset clustering; the disjoint second block is in the released code only.
    """
    if ratio == 1:
        return [rows, rows]
    size = int(ratio * len(rows))
    order = rng.permutation(rows)
    return [np.sort(order[i * size : (i + 1) * size]) for i in range(int(1 / ratio))]


def two_modality_batches(
    method: DCL,
    space: list[np.ndarray],
    epoch: int,
    *,
    stream: int = 2,
    views: tuple[int, int] = (2, 1),
) -> Iterator[Batch]:
    """Pair draws of both modalities; ``space[m]`` holds the labels of modality m, -1 elsewhere."""
    rng = method.rng(epoch, stream)
    clusters = method.identities, method.infrared_identities or method.identities
    draws = [
        sampler.draw(
            label,
            method.camera,
            identities=identities,
            instances=method.instances,
            iterations=method.schedule.iterations_of(epoch),
            camera_aware=method.camera_aware_sampling,
            rng=np.random.default_rng(rng.integers(2**63)),
        )
        for label, identities in zip(space, clusters, strict=True)
    ]
    return (show(drawn, space, views) for drawn in zip(*draws, strict=True))


def show(drawn, space: list[np.ndarray], views: tuple[int, int]) -> Batch:
    """A batch of the ``drawn[m]`` rows of each modality m, each in ``views[m]`` views in turn."""
    rows = [np.tile(r, n) for r, n in zip(drawn, views, strict=True)]
    view = [np.repeat(np.arange(n), len(r)) for r, n in zip(drawn, views, strict=True)]
    label = [s[r] for s, r in zip(space, rows, strict=True)]
    return Batch(
        rows=np.concatenate(rows),
        view=np.concatenate(view),
        modality=np.repeat([0, 1], [len(r) for r in rows]),
        label=torch.as_tensor(np.concatenate(label)),
    )
