"""The two sides of the gap in one epoch of MCF: each modality's images, clusters and memory."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from vireid.clustering import consecutive, dbscan, prototypes
from vireid.jaccard import jaccard_distance
from vireid.memory import Memory
from vireid.types import Embeddings, Modality


@dataclass(frozen=True)
class Side:
    """One modality's training images in an epoch.

    Parameters
    ----------
    rows : (n,) their rows in the training table, on the CPU
    x : (n, D) unit features, the bank that neighbours are picked from
    camera, label : (n,) camera numbers, and clusters of this modality (-1 outlier)
    memory : prototypes of these clusters; None when there are fewer than two
    """

    rows: np.ndarray
    x: Tensor
    camera: Tensor
    label: Tensor
    memory: Memory | None


def make_sides(
    settings, train: Embeddings, device: torch.device, *, momentum: float, epoch: int
) -> dict[Modality, Side]:
    """Cluster both modalities as ``settings`` (MCF) say and start their memories on ``device``."""
    sides, places = {}, [np.flatnonzero(train.modality.numpy() == own) for own in Modality]
    labels = [settings.handed(rows, epoch) for rows in places]
    if any(label is None for label in labels):
        labels = cluster(settings, train)
    for own, rows, label in zip(Modality, places, labels, strict=True):
        x, label = train.x[rows].to(device), torch.as_tensor(label, device=device)
        memory = None
        if label.max() > 0:  # one cluster alone has nothing to be far from: its loss is 0
            memory = Memory(prototypes(x, label), momentum=momentum, moves=settings.moves)
        sides[own] = Side(rows, x, train.camera[rows].to(device), label, memory)
    return sides


def cluster(settings, train: Embeddings) -> list[np.ndarray]:
    """Labels of visible and of infrared images, each 0..K-1 in its own space, -1 outliers."""
    if settings.clustering == "intra":
        return [
            _dbscan(settings, train.of(own).x, k1=settings.k1, k2=settings.k2) for own in Modality
        ]
    if settings.clustering == "oracle":
        joint = train.identity.numpy()
    else:
        pool = settings.compared(train)
        balanced = {"rule": "lqe", "modality": train.modality}
        joint = _dbscan(settings, pool.x, k1=settings.joint_k1, k2=settings.joint_k2, **balanced)
    parts = (joint[train.modality.numpy() == own] for own in Modality)
    return [consecutive(part) for part in parts]


def _dbscan(settings, x: Tensor, *, k1: int, k2: int, **options) -> np.ndarray:
    distance = jaccard_distance(x, k1=k1, k2=k2, eps=settings.eps, **options)
    return dbscan(distance, eps=settings.eps, min_samples=settings.min_samples)


def cluster_similarity(settings, train: Embeddings, sides: dict[Modality, Side]) -> Tensor | None:
    """S (K_v, K_r) = exp(cosine of prototypes), what clusters are matched by; None without both.

    Centred features when ``settings.centring``; with the oracle, true partners are far above all.
    """
    if not all(side.memory for side in sides.values()):
        return None
    x = settings.compared(train).x
    visible, infrared = (
        prototypes(x[side.rows], side.label.cpu()) for side in sides.values()
    )  # (K_v, D), (K_r, D)
    similarity = (visible @ infrared.T).exp()
    if settings.clustering == "oracle":
        truth = [train.identity[side.rows] for side in sides.values()]
        there = [torch.unique(identity[identity >= 0]) for identity in truth]
        similarity += 10.0 * (there[0][:, None] == there[1][None])
    return similarity
