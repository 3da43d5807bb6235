"""The only room that reads identities: retrieval under three protocols, clusters against truth."""

from vireid.evaluation.clusters import cluster_scores, cross_modality_scores
from vireid.evaluation.reranking import cmrr
from vireid.evaluation.retrieval import (
    ROC,
    Retrieval,
    TrialMean,
    evaluate,
    kept_pairs,
    mean_over_trials,
    roc,
)
from vireid.evaluation.scenes import scene_scores
from vireid.evaluation.verification import TrialROC, roc_over_trials

__all__ = [
    "ROC",
    "Retrieval",
    "TrialMean",
    "TrialROC",
    "cluster_scores",
    "cmrr",
    "cross_modality_scores",
    "evaluate",
    "kept_pairs",
    "mean_over_trials",
    "roc",
    "roc_over_trials",
    "scene_scores",
]
