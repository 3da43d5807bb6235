"""Same person or not: one ROC curve for all gallery draws of a test."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from vireid.arguments import as_array
from vireid.evaluation.given import table
from vireid.evaluation.retrieval import roc


@dataclass(frozen=True, eq=False)
class TrialROC:
    """The ROC of all trials' pairs in one pool, and the area of each trial by itself.

    Parameters
    ----------
    fpr, tpr : (points,) of the pooled pairs, fractions, from (0, 0) to (1, 1)
    areas : (trials,) area under each trial's own curve
    pairs, same : how many pairs the pool holds, and how many of them show one person
    """

    fpr: np.ndarray
    tpr: np.ndarray
    areas: np.ndarray
    pairs: int
    same: int

    @property
    def auc(self) -> float:
        """Mean of the trials' areas; the area of the pool mixes scales that no trial has."""
        return float(self.areas.mean())

    @property
    def auc_std(self) -> float:
        """Sample standard deviation of the areas over trials; 0 for a single trial."""
        return float(self.areas.std(ddof=1)) if len(self.areas) > 1 else 0.0


def roc_over_trials(trials: Iterable[tuple]) -> TrialROC:
    """Pool every trial's query-gallery pairs into one ROC; areas are of single trials.

    Parameters
    ----------
    trials : (similarity (q, g), query identity (q,), gallery identity (g,), keep) of each; ``keep``
        (q, g) bool or None as in ``roc``, e.g. of ``kept_pairs``

    Raises ValueError when there is no trial, and as ``roc`` does. Source: multi-module framework,
    Fig. 5; the paper says neither how trials are joined nor which pairs count.
    """
    from sklearn.metrics import roc_curve

    areas, same, scores = [], [], []
    for similarity, query, gallery, keep in trials:
        similarity, query, gallery = table(similarity, query, gallery)
        areas.append(roc(similarity, query, gallery, keep=keep).auc)
        equal = query[:, None] == gallery[None]
        kept = np.ones(equal.shape, dtype=bool) if keep is None else as_array(keep).astype(bool)
        same.append(equal[kept])
        scores.append(similarity[kept])
    if not areas:
        raise ValueError("trials is empty: give at least one gallery draw")
    same, scores = np.concatenate(same), np.concatenate(scores)
    fpr, tpr, _ = roc_curve(same, scores)
    return TrialROC(fpr, tpr, np.array(areas), len(same), int(same.sum()))
