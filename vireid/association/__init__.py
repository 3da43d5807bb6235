"""Who is who across the gap: cluster matching, optimal transport and label transfer.

Maps name partners (``matching``, ``imca``, ``regions``), plans share mass (``transport``), labels
spread from image to image (``transfer``, ``mult``).
"""

from vireid.association.imca import imca, imca_labels, imca_samples, regdb_mix
from vireid.association.kernels import SinkhornInfo
from vireid.association.matching import bccm, hungarian, mbccm, pgm
from vireid.association.mult import MultLabels, affinity, mult
from vireid.association.neighbour_labels import neighbour_labels
from vireid.association.neighbour_sets import (
    camera_filter,
    intersect,
    local_clusters,
    neighbour_sets,
    regional_similarity,
)
from vireid.association.regions import greedy_regions
from vireid.association.rows import one_hot
from vireid.association.shared import cross_label, shared_prototypes
from vireid.association.transfer import (
    aggregate,
    exactly_smoothed,
    half_smoothed,
    initial_labels,
    label_transfer,
    transfer_limit,
    transfer_rounds,
)
from vireid.association.transport import cluster_sinkhorn, dotla, otla, sinkhorn
from vireid.association.voting import voted
from vireid.clustering import centroids

__all__ = [
    "MultLabels",
    "SinkhornInfo",
    "affinity",
    "aggregate",
    "bccm",
    "camera_filter",
    "centroids",
    "cluster_sinkhorn",
    "cross_label",
    "dotla",
    "exactly_smoothed",
    "greedy_regions",
    "half_smoothed",
    "hungarian",
    "imca",
    "imca_labels",
    "imca_samples",
    "initial_labels",
    "intersect",
    "label_transfer",
    "local_clusters",
    "mbccm",
    "mult",
    "neighbour_labels",
    "neighbour_sets",
    "one_hot",
    "otla",
    "pgm",
    "regdb_mix",
    "regional_similarity",
    "shared_prototypes",
    "sinkhorn",
    "transfer_limit",
    "transfer_rounds",
    "voted",
]
