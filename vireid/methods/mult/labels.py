"""An epoch's labels in both label spaces, by whichever association MULT trains with.

A *label space* is one modality's clusters: its own images carry intra labels there, the other
modality's cross labels. Everything is written for one pair (own, other) and called for both.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from scipy.sparse import csr_array
from torch import Tensor

from vireid.association import (
    bccm,
    cluster_sinkhorn,
    cross_label,
    dotla,
    hungarian,
    initial_labels,
    mbccm,
    mult,
    one_hot,
    otla,
    pgm,
)
from vireid.clustering import prototypes
from vireid.neighbours import nearest
from vireid.types import Embeddings, Modality

ASSOCIATIONS = (
    "mult",
    "hungarian",
    "pgm",
    "bccm",
    "mbccm",
    "otla",
    "dotla",
    "sinkhorn",
    "oracle",
)


@dataclass(frozen=True)
class SpaceLabels:
    """Labels of all training images in one label space.

    Parameters
    ----------
    soft : (n, K) rows sum to 1; a row of zeros belongs to an image without label
    hard : (n,) the largest entry (ties: the first), -1 without label
    """

    soft: Tensor
    hard: np.ndarray

    @classmethod
    def of(cls, n: int, parts: Iterable[tuple[np.ndarray, Tensor]]) -> "SpaceLabels":
        """From (rows of the training table, their soft labels), nothing for all other rows."""
        parts = list(parts)
        soft = torch.zeros(n, parts[0][1].shape[1])
        for rows, table in parts:
            soft[torch.as_tensor(rows)] = table.to(soft)
        hard = torch.where(soft.any(1), soft.argmax(1), -1)
        return cls(soft, hard.numpy())

    @classmethod
    def of_hard(cls, label: np.ndarray) -> "SpaceLabels":
        """From hard labels (n,), -1 without."""
        return cls(table(label, int(label.max()) + 1), label)


@dataclass(frozen=True)
class Side:
    """One modality's images that take part in an association.

    Parameters
    ----------
    rows : (m,) row numbers of the training table
    x : (m, d) unit rows
    cluster : (m,) what DBSCAN said, -1 noise
    distance : (m, m) their Jaccard distance, for those who need it
    identity : (m,) the truth, for the oracle only
    """

    rows: np.ndarray
    x: Tensor
    cluster: Tensor
    distance: csr_array | None = None
    identity: np.ndarray | None = None

    @property
    def clusters(self) -> int:
        """How many clusters there are, K."""
        return int(self.cluster.max()) + 1

    @cached_property
    def prototypes(self) -> Tensor:
        """(K, d) unit means of the clusters' images, noise left out."""
        return prototypes(self.x, self.cluster)

    @cached_property
    def label(self) -> Tensor:
        """(m,) clusters, noise having gone to the nearest prototype."""
        noise, label = self.cluster < 0, self.cluster.clone()
        if noise.any():
            label[noise] = nearest(self.x[noise], 1, among=self.prototypes)[0][:, 0]
        return label


def make_side(
    train: Embeddings,
    own: Modality,
    cluster: np.ndarray,
    *,
    drop_noise: bool,
    distance: csr_array | None = None,
    device: torch.device | str = "cpu",
) -> Side:
    """The images of one modality, ``cluster`` (n,) being labels of the whole table."""
    rows = np.flatnonzero(train.modality.numpy() == own)
    if drop_noise:
        kept = cluster[rows] >= 0
        rows = rows[kept]
        distance = None if distance is None else csr_array(distance[kept][:, kept])
    return Side(
        rows=rows,
        x=train.x[rows].to(device),
        cluster=torch.as_tensor(cluster[rows], device=device),
        distance=distance,
        identity=None if train.identity is None else train.identity.numpy()[rows],
    )


def associate(method, sides: dict[Modality, Side], n: int, rng) -> dict[Modality, SpaceLabels]:
    """Label space -> labels of all n images in it, by ``method.association``.

    MULT's labels are soft, all others hard. Raises NoClustersError for a side of noise only, and
    ValueError as the associations do.
    """
    visible, infrared = sides[Modality.VISIBLE], sides[Modality.INFRARED]
    if method.association == "mult":
        tables = mult_tables(method, visible, infrared)
    else:
        crossed = cross_labels(method, visible, infrared, rng)
        tables = [
            (table(own.label, own.clusters), table(cross, own.clusters))
            for own, cross in zip((visible, infrared), crossed[::-1], strict=True)
        ]
    return {
        own: SpaceLabels.of(n, [(sides[own].rows, intra), (sides[own.other].rows, cross)])
        for own, (intra, cross) in zip(Modality, tables, strict=True)
    }


def mult_tables(method, visible: Side, infrared: Side) -> list[tuple[Tensor, Tensor]]:
    """(intra, cross) soft labels in visible, then in infrared clusters, by the label transfer."""
    given = None if visible.distance is None else (visible.distance, infrared.distance)
    found = mult(
        visible.x,
        infrared.x,
        visible.cluster,
        infrared.cluster,
        k1=method.k1,
        k2=method.k2,
        alpha=method.alpha,
        beta=method.beta,
        temperature=method.temperature,
        lam=method.lam,
        rule=method.affinity,
        schedule=method.transfer,
        stop=method.stop,
        tol=method.tol,
        max_rounds=method.max_rounds,
        prototypes=method.prototypes,
        distances=given if method.affinity == "vanilla" else None,
    )
    return [(found.visible_in_v, found.infrared_in_v), (found.infrared_in_r, found.visible_in_r)]


def cross_labels(method, visible: Side, infrared: Side, rng) -> tuple[Tensor, Tensor]:
    """Hard labels of visible images in infrared clusters, and the reverse; -1 without label."""
    nobody = torch.full_like(visible.cluster, -1)
    match method.association:
        case "oracle":
            return namesakes(visible, infrared), namesakes(infrared, visible)
        case "dotla":
            x, cluster = (visible.x, infrared.x), (visible.cluster, infrared.cluster)
            return dotla(*x, *cluster, lam=method.lam, stop=method.stop)
        case "otla":
            p = initial_labels(infrared.x, visible.prototypes, temperature=method.temperature)
            return nobody, otla(p, lam=method.lam, max_steps=method.otla_steps)[0]
    v2r, r2v = partners(method, visible.prototypes, infrared.prototypes, rng)
    return cross_label(visible.label, v2r), cross_label(infrared.label, r2v)


def partners(method, visible: Tensor, infrared: Tensor, rng) -> tuple:
    """Partner of each visible and of each infrared cluster, -1 for nobody."""
    match method.association:
        case "hungarian":
            return hungarian(visible, infrared)
        case "pgm":
            return pgm(visible, infrared, rounds=method.pgm_rounds)
        case "bccm":
            return bccm(visible, infrared)
        case "sinkhorn":
            return cluster_sinkhorn(visible, infrared, reg=method.reg)
        case "mbccm":
            mask = mbccm(visible, infrared).cpu().numpy()
            return tuple(
                np.array([rng.choice(np.flatnonzero(row)) for row in one]) for one in (mask, mask.T)
            )
    raise ValueError(f"association={method.association!r} has no partners; write how in partners")


def namesakes(side: Side, other: Side) -> Tensor:
    """Cluster of ``other`` that holds the image's identity, -1 for none; clusters are identities.

    Source: ours; the upper bound of all associations.
    """
    cluster = other.cluster.tolist()
    holder = {i: k for i, k in zip(other.identity.tolist(), cluster, strict=True) if k >= 0}
    return torch.tensor([holder.get(i, -1) for i in side.identity.tolist()])


def table(label: Tensor, clusters: int) -> Tensor:
    """Hard labels (m,) as rows (m, K) with a single 1, or of zeros for -1."""
    label = torch.as_tensor(label).cpu()
    soft, has = torch.zeros(len(label), clusters), label >= 0
    soft[has] = one_hot(label[has], clusters)
    return soft
