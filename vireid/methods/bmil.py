"""BMIL: cluster both modalities together with balanced neighbours, keep a prototype per modality.

Stage 1 is dual contrastive learning. Stage 2 adds, per iteration, a second step on clusters of the
union of both modalities: the modality-aware Jaccard distance lets neighbours cross the gap, split
prototypes and the multi-positive loss pull an image to its cluster's prototype of either modality.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn.functional import normalize

from vireid.clustering import NoClustersError, consecutive, dbscan, split_proxies
from vireid.data import looks
from vireid.data.augment import RECIPES, Recipe
from vireid.jaccard import RULES, voted_distance
from vireid.losses import cluster_contrast, multi_positive
from vireid.methods import limits
from vireid.methods.controls import Controlled, controls
from vireid.methods.dcl import DCL, LIGHT, M3SVD, REGDB, SOURCES, TINY, two_modality_batches
from vireid.types import Batch, Embeddings, Modality, PseudoLabels

OFFICIAL = {"recipe": "pgm_stage1", "stage2_recipe": "pgm", "bn_chunks": 2}
OFFICIAL_REGDB = REGDB | {
    "bn_chunks": 2,
    "subset_ratio": 1.0,
    "identities": 4,
    "infrared_identities": 8,
}
PAPER = {"memory": "single", "lqe_per_modality": 3, "lr": 3.5e-3, "camera_aware_sampling": False}


@dataclass(kw_only=True)
class BMIL(Controlled, DCL):
    """Modality-aware bias mitigation and invariance learning.

    Parameters
    ----------
    global_clusters : where the labels of the second step come from. "modality": balanced
        neighbours (the paper); "vanilla" or "lqe": the naive global baselines; "none": no second
        step; "intra": a second step within the modalities (stage 1 prolonged by as many steps);
        "oracle": true identities (an upper bound, not unsupervised)
    split_prototypes : one prototype per cluster and modality with the multi-positive loss, against
        one prototype per cluster with plain contrast
    lqe_per_modality : rows of each modality in the query expansion; None = k2 (released code)
    keep : entries of the multi-positive softmax, positives included
    global_eps : DBSCAN radius of the global clustering; None = eps
    centring : as in ``Controlled``, before the global clustering
    votes : looks of ``data.looks`` whose neighbours are averaged in the global clustering, a bridge
        of ours; ("plain",) is the papers'
    stage2_recipe : augmentation of stage 2, a name of ``data.augment.RECIPES``; None = no change

    Per iteration of stage 2 the second step's memory is written by both modalities' views, in two
    calls. With split prototypes they share no row, and a hybrid memory sees no order in a call:
    ``write_order`` then decides nothing but how far "during" moves are seen by gradients.
    Source: BMIL (AAAI 2026, arXiv 2512.07760), eq. 1-8, and its released code. No script of it
    knows LLCM; those presets are SYSU's.
    """

    name = "bmil"
    title = "BMIL"
    source = "BMIL, AAAI 2026"
    networks = {"agw": ("agw", {"inner": 1})}  # the code divides the reduction by itself

    memory: str = "hybrid"
    subset_ratio: float = 0.5
    global_clusters: str = "modality"
    split_prototypes: bool = True
    lqe_per_modality: int | None = None
    keep: int = 50
    global_eps: float | None = None
    stage2_recipe: str | None = None
    votes: tuple[str, ...] = ("plain",)

    later = frozenset({"votes"})
    notes = {
        name: "ours: the settings for SYSU-MM01; no released script has LLCM"
        for name in ("official_llcm", "paper_llcm")
    }
    presets = {
        "official": OFFICIAL,
        "official_regdb": OFFICIAL_REGDB,
        "official_llcm": OFFICIAL,
        "paper": PAPER,
        "paper_regdb": PAPER | REGDB | {"subset_ratio": 1.0},
        "paper_llcm": PAPER,
        "light": LIGHT | {"lqe_per_modality": 2},
        "tiny": TINY | {"lqe_per_modality": 1},
        "m3svd": M3SVD | {"lqe_per_modality": 1},
    }
    rows = {
        "M1": {"global_clusters": "none", "subset_ratio": 1.0},
        "M2": {"global_clusters": "vanilla", "split_prototypes": False, "subset_ratio": 1.0},
        "M2-lqe": {"global_clusters": "lqe", "split_prototypes": False, "subset_ratio": 1.0},
        "M3": {"split_prototypes": False, "subset_ratio": 1.0},
        "M4": {"split_prototypes": False, "subset_ratio": 0.5},
        "M5": {"global_clusters": "vanilla", "subset_ratio": 0.5},
        "M6": {"subset_ratio": 0.5},
        "M3+MIRL": {"subset_ratio": 1.0},
    } | controls(
        prolonged={"global_clusters": "intra", "subset_ratio": 1.0},
        centred={
            "global_clusters": "vanilla",
            "centring": True,
            "split_prototypes": False,
            "subset_ratio": 1.0,
        },
        oracle={"global_clusters": "oracle", "subset_ratio": 1.0},
    )
    words = {
        "M1": "within the modalities alone: the paper's baseline",
        "M2": "joint clusters by plain Jaccard, one prototype",
        "M2-lqe": "joint clusters by query expansion, one prototype",
        "M3": "balanced lists, one prototype",
        "M4": "M3 on half of the visible pictures",
        "M5": "plain Jaccard, a prototype per modality, half of the visible pictures",
        "M6": "balanced lists, a prototype per modality, half of the visible pictures",
        "M3+MIRL": "M6 on all visible pictures: BMIL",
    }
    switches = {
        "global_clusters": ("modality", "vanilla", "lqe", "none", "intra", "oracle"),
        "split_prototypes": (True, False),
        "subset_ratio": (1.0, 0.5),
        "centring": (False, True),
    }

    choices = {
        "global_clusters": switches["global_clusters"],
        "stage2_recipe": (None, *RECIPES),
    }
    ranges = (
        ("lqe_per_modality keep", lambda v: v >= 1, "give a whole number >= 1"),
        ("votes", lambda v: 0 < len(set(v)) == len(v), "give at least one look, each once"),
    )
    relations = limits.GLOBAL
    stage2_fields = frozenset(
        "global_clusters split_prototypes lqe_per_modality keep global_eps centring "
        "stage2_recipe votes".split()
    )
    sources = SOURCES | {
        "lr": "code --lr 3.5e-4 (args and logs); the paper prints 3.5e-3",
        "memory": "code -mb CMhybrid; the paper has one bank",
        "hinge": "code, CMhybrid r = 0.2; not in the paper",
        "identities": "code -b 128 = 8 x 16 visible, shown twice; RegDB 4 x 16",
        "infrared_identities": "code -b 128 = 8 x 16",
        "camera_aware_sampling": "code; the paper names no cameras, mates at random",
        "subset_ratio": "paper (SC) and code --sample_ratio 0.5; RegDB's script has none",
        "recipe": "code: SYSU's stage 1 jitters infrared too, by 0.5; paper: channel augmentation",
        "stage2_recipe": "code: no infrared jitter in stage 2",
        "bn_chunks": "code: DataParallel on 2 cards",
        "write_order": "code: v + a in one call before r; separate rows, see the class",
        "global_clusters": "paper eq. 4-6 (BMGC)",
        "split_prototypes": "paper eq. 7 (MIRL)",
        "lqe_per_modality": "code: k2 rows of each modality; the paper's eq. 6 has k2 / 2",
        "keep": "code bg_knn = 50; the paper leaves k open",
        "global_eps": "code: as within the modalities",
        "centring": "ours, a control",
        "votes": "ours, a bridge without pairs",
    }

    def __post_init__(self):
        super().__post_init__()
        looks.check(self.votes, tuple(looks.FIXED))
        if self.votes != ("plain",) and self.global_clusters not in RULES:
            raise ValueError(
                f"votes={self.votes}: none with global_clusters={self.global_clusters!r}"
            )
        if "vra" == self.write_order or "arv" == self.write_order:
            raise ValueError(
                f"write_order={self.write_order!r}: plain and augmented visible pictures are "
                "written in one call; put v and a side by side"
            )

    def augmentation(self, epoch: int) -> Recipe:
        """The recipe of the epoch's stage."""
        stage, _ = self.schedule.stage_of(epoch)
        name = self.stage2_recipe if stage == 2 and self.stage2_recipe else self.recipe
        return RECIPES[name]

    def looks(self, epoch: int) -> tuple[str, ...]:
        """What votes in stage 2 beside the pictures as they are."""
        stage, _ = self.schedule.stage_of(epoch)
        return tuple(name for name in self.votes if name != "plain") if stage == 2 else ()

    @property
    def unsupervised(self) -> bool:
        """False for the oracle row, which is given the true identities."""
        return self.global_clusters != "oracle"

    @property
    def steps(self) -> int:
        """Optimiser steps: one per iteration in stage 1, two (or one) in stage 2."""
        first = self.schedule.iterations_before(self.schedule.epochs[0])
        per_iteration = 1 if self.global_clusters == "none" else 2
        return first + per_iteration * (super().steps - first)

    def relabel(self, train: Embeddings, epoch: int) -> dict[str, PseudoLabels]:
        """Stage 1's labels, and in stage 2 those of the global clustering with its prototypes."""
        labels = super().relabel(train, epoch)
        stage, _ = self.schedule.stage_of(epoch)
        if stage == 2 and self.global_clusters not in ("none", "intra"):
            infrared = np.flatnonzero(train.modality.numpy() == Modality.INFRARED)
            rows = np.concatenate([self.blocks[1], infrared])
            label = np.full(len(train), -1)
            label[rows] = self.cluster_jointly(train.rows(rows), epoch)
            labels["global"] = PseudoLabels(label)
            self.build_proxies(train, label)
        return labels

    def cluster_jointly(self, pool: Embeddings, epoch: int) -> np.ndarray:
        """Labels of visible and infrared images together."""
        if self.global_clusters == "oracle":
            return consecutive(pool.identity.numpy())
        options = {}
        if self.global_clusters == "modality" and self.lqe_per_modality is not None:
            options["lqe_per_modality"] = self.lqe_per_modality
        eps = self.eps if self.global_eps is None else self.global_eps
        distance = voted_distance(
            [self.compared(looks.described(pool, name)).x for name in self.votes],
            rule=self.global_clusters,
            k1=self.k1,
            k2=self.k2,
            modality=pool.modality,
            eps=eps,
            **options,
        )
        label = dbscan(distance, eps=eps, min_samples=self.min_samples)
        if label.max(initial=-1) < 0:
            raise NoClustersError(
                f"epoch {epoch}: the global clustering called all {len(pool)} images noise "
                f"(rule={self.global_clusters}, eps={eps}, k1={self.k1}); try a larger global_eps"
            )
        return label

    def build_proxies(self, train: Embeddings, label: np.ndarray) -> None:
        """Start the global memory; remember each image's proxy and each proxy's cluster."""
        self.proxy, self.proxy_cluster = split_proxies(
            label, train.modality.numpy() if self.split_prototypes else np.zeros_like(label)
        )
        kept = self.proxy >= 0
        self.global_memory = self.new_memory(train.x[kept], self.proxy[kept])

    def batches(self, labels, epoch: int) -> Iterator[Batch | tuple[Batch, Batch]]:
        """Stage 1: one batch. Stage 2: (intra batch, separately sampled second batch)."""
        first = self.intra_batches(labels, epoch, stream=2)
        stage, _ = self.schedule.stage_of(epoch)
        if stage == 1 or self.global_clusters == "none":
            return first
        if self.global_clusters == "intra":
            return zip(first, self.intra_batches(labels, epoch, stream=3), strict=True)
        joint = labels["global"].label
        space = [np.where(self.modality == own, joint, -1) for own in Modality]
        second = two_modality_batches(self, space, epoch, stream=3)
        return zip(first, second, strict=True)

    def loss_weights(self, epoch: int) -> dict[str, float]:
        """Stage 1's; in stage 2 also a second step's, which halves either modality (eq. 8)."""
        stage, _ = self.schedule.stage_of(epoch)
        second = stage == 2 and self.global_clusters not in ("none", "intra")
        more = {f"{own.word} global": 0.5 for own in Modality} if second else {}
        return super().loss_weights(epoch) | more

    def losses(self, batch, encode, epoch: int):
        """One or two optimiser steps; the two losses are never added."""
        if isinstance(batch, Batch):
            yield from self.intra_step(batch, encode)
            return
        yield from self.intra_step(batch[0], encode)
        second = self.intra_step if self.global_clusters == "intra" else self.global_step
        yield from second(batch[1], encode)

    def global_step(self, batch: Batch, encode):
        """Yield half the sum of both modalities' global contrast (eq. 8); then move the proxies."""
        x = normalize(encode(batch).x)
        proxy = torch.as_tensor(self.proxy[batch.rows], device=x.device)
        calls = self.written_calls(batch)
        loss = {own: 0.5 * self.global_contrast(x[at], proxy[at]) for own, at in reversed(calls)}
        yield {f"{own.word} global": loss[own] for own in Modality}
        for _, at in calls:
            self.global_memory.update(x[at].detach(), proxy[at])

    def global_contrast(self, x: torch.Tensor, proxy: torch.Tensor) -> torch.Tensor:
        """Mean over the memory's banks of the multi-positive (or plain) contrast."""
        cluster = torch.as_tensor(self.proxy_cluster, device=x.device)
        banks = self.global_memory.seen_by(proxy)
        banks = banks if self.memory == "hybrid" else (banks,)
        losses = [
            multi_positive(
                x, cluster[proxy], bank, cluster, temperature=self.temperature, keep=self.keep
            )
            if self.split_prototypes
            else cluster_contrast(x, proxy, bank, temperature=self.temperature)
            for bank in banks
        ]
        return torch.stack(losses).mean()
