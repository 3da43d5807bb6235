"""One equation, one function. A loss never writes: memories move in ``vireid.memory``."""

from vireid.losses.adversarial import Adversary, maal
from vireid.losses.alignment import feature_alignment
from vireid.losses.attention import identity_consistency
from vireid.losses.causal import cai, cai_of_logits, likelihood, log_mixture, modality_prior, nwgm
from vireid.losses.contrast import (
    cluster_contrast,
    contrast_of_logits,
    hinged_contrast,
    multi_positive,
)
from vireid.losses.diversity import token_diversity
from vireid.losses.merging import merge_groups, merge_targets, merging, pulled, uniform_merging
from vireid.losses.metric import batch_hard_triplet, triplet_weight
from vireid.losses.neighbour import neighbour, vrnl_terms
from vireid.losses.oclr import oclr
from vireid.losses.refine import (
    adaptive_momentum,
    label_certainty,
    label_loss,
    refined_targets,
    shared_prediction,
    truncated_softmax,
)

__all__ = [
    "Adversary",
    "adaptive_momentum",
    "batch_hard_triplet",
    "cai",
    "cai_of_logits",
    "cluster_contrast",
    "contrast_of_logits",
    "feature_alignment",
    "hinged_contrast",
    "identity_consistency",
    "label_certainty",
    "label_loss",
    "likelihood",
    "log_mixture",
    "maal",
    "merge_groups",
    "merge_targets",
    "merging",
    "modality_prior",
    "multi_positive",
    "neighbour",
    "nwgm",
    "oclr",
    "pulled",
    "refined_targets",
    "shared_prediction",
    "token_diversity",
    "triplet_weight",
    "truncated_softmax",
    "uniform_merging",
    "vrnl_terms",
]
