"""MULT's labels of one epoch: two label spaces, each spread over both modalities' images."""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array, issparse
from torch import Tensor
from torch.nn.functional import normalize

from vireid.association.kernels import SinkhornInfo
from vireid.association.rows import images, like, one_hot
from vireid.association.transfer import aggregate, initial_labels, label_transfer
from vireid.association.transport import sinkhorn, squared_distances, transport_labels
from vireid.clustering import centroids
from vireid.jaccard import jaccard_distance


@dataclass(frozen=True)
class MultLabels:
    """Soft labels of all images in both label spaces; the hard label is a row's argmax.

    Parameters
    ----------
    visible_in_v, infrared_in_v : (n_v, K_v) and (n_r, K_v), rows sum to 1: visible clusters
    infrared_in_r, visible_in_r : (n_r, K_r) and (n_v, K_r): infrared clusters
    rounds : of the transfer towards infrared images (V space) and towards visible ones (R space)
    plan : how the Sinkhorn run between all images ended
    """

    visible_in_v: np.ndarray | Tensor
    infrared_in_v: np.ndarray | Tensor
    infrared_in_r: np.ndarray | Tensor
    visible_in_r: np.ndarray | Tensor
    rounds: tuple[int, int]
    plan: SinkhornInfo


def mult(  # noqa: PLR0913
    x_visible,
    x_infrared,
    labels_visible,
    labels_infrared,
    *,
    k1: int = 30,
    k2: int = 6,
    alpha: float = 0.2,
    beta: float = 0.7,
    temperature: float = 0.05,
    lam: float = 25,
    rule: str = "vanilla",
    schedule: str = "code",
    stop: str = "code",
    tol: float = 1e-2,
    max_rounds: int = 20,
    prototypes: str = "mean",
    distances: tuple | None = None,
) -> MultLabels:
    r"""Homogeneous and heterogeneous consistent labels, computed afresh each epoch.

    For V space: :math:`\tilde y^v(0)` is a softmax over visible centroids, :math:`\hat y^r(0)` a
    one-hot transport of infrared images to them; then ``label_transfer`` with
    :math:`S^{ho} = 1 - J` and the plan between all images, then ``aggregate``. R space with the
    modalities exchanged.

    Parameters
    ----------
    x_visible, x_infrared : (n_v, d) and (n_r, d) features, normalised inside
    labels_visible, labels_infrared : DBSCAN labels; outliers (-1) form no centroid but are given
        labels by the transfer like everyone else
    k1, k2, rule : of the Jaccard distance; rule="binary" is the paper's eq. 5
    alpha, schedule, tol, max_rounds : as ``label_transfer``
    beta : as ``aggregate``; temperature as ``initial_labels``; lam, stop as ``sinkhorn``
    prototypes : "mean" takes centroids as they are, "unit" normalises them (the paper's memory)
    distances : (visible, infrared) Jaccard distances already at hand, sparse; saves computing them

    Returns ``MultLabels``, arrays like x_visible in kind and device.
    Raises NoClustersError (a ValueError) when a side has outliers only; ValueError for rows with
    NaN, infinity or only zeros, labels that do not fit, and as the functions named above.
    Memory: one (n_v, n_r) matrix, the two distances and as many affinities, some (n, K) tables.
    Source: MULT (arXiv 2402.00672) eq. 1-13. Differs: see the three functions.
    """
    v, r, y_v, y_r = images(x_visible, x_infrared, labels_visible, labels_infrared)
    if prototypes not in ("mean", "unit"):
        raise ValueError(f"prototypes={prototypes!r}; known: mean, unit")
    c_v, c_r = centroids(v, y_v, "labels_visible"), centroids(r, y_r, "labels_infrared")
    if prototypes == "unit":
        c_v, c_r = normalize(c_v), normalize(c_r)
    if any(getattr(graph, "eps", 1) < 1 for graph in distances or ()):
        raise ValueError(
            "distances were cut at eps; call jaccard_distance without eps, labels need all"
        )
    graphs = distances or (jaccard_distance(x, rule=rule, k1=k1, k2=k2) for x in (v, r))
    s_v, s_r = (affinity(graph) for graph in graphs)
    plan, info = sinkhorn(squared_distances(v, r), lam=lam, stop=stop, overwrite=True)

    def space(own, other, c, matrices):
        y0 = initial_labels(own, c, temperature=temperature)
        received, _ = transport_labels(other, c, lam=lam, stop=stop)
        r0 = one_hot(received, len(c), dtype=own.dtype)
        y, r, rounds = label_transfer(
            y0, r0, *matrices, alpha=alpha, schedule=schedule, tol=tol, max_rounds=max_rounds
        )
        return *(like(aggregate(s, beta=beta), x_visible) for s in (y, r)), rounds

    visible_in_v, infrared_in_v, rounds_v = space(v, r, c_v, (s_v, s_r, plan, plan.T))
    infrared_in_r, visible_in_r, rounds_r = space(r, v, c_r, (s_r, s_v, plan.T, plan))
    return MultLabels(
        visible_in_v, infrared_in_v, infrared_in_r, visible_in_r, (rounds_v, rounds_r), info
    )


def affinity(distance) -> csr_array:
    """1 - J as sparse affinities: pairs that a Jaccard distance does not store have none.

    Raises ValueError for a dense matrix, in which distance 0 would read as not stored.
    Source: MULT (arXiv 2402.00672), released code; eq. 5 with the binary distance.
    """
    if not issparse(distance):
        raise ValueError("distance is dense; give the sparse matrix that jaccard_distance returns")
    d = csr_array(distance)
    return csr_array((1 - d.data, d.indices, d.indptr), shape=d.shape)
