"""How much features know about the modality a picture was taken in: measures of modality bias.

A fair network would put a person's visible and infrared pictures side by side. Here one asks who
the neighbours are, whether distances have two peaks, and whether the modality can be read off.
"""

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import torch
from scipy.sparse import issparse
from torch.nn.functional import normalize

from vireid.arguments import as_array, widened
from vireid.evaluation import cross_modality_scores
from vireid.neighbours import others
from vireid.pairs import pairs_between, pairs_inside
from vireid.types import Embeddings, Modality


@dataclass(frozen=True, eq=False)
class NeighbourRatio:
    """Share of own-modality images among each image's k nearest, oneself left out.

    Parameters
    ----------
    own : (n,) in [0, 1] ; modality : (n,) 0 visible, 1 infrared
    """

    own: torch.Tensor
    modality: torch.Tensor
    k: int

    @property
    def mean(self) -> float:
        """Mean over all images."""
        return float(self.own.mean())

    @property
    def chance(self) -> float:
        """What the mean would be if neighbours were drawn at random from the other images."""
        counts = torch.bincount(self.modality, minlength=2).double()
        return float((counts * (counts - 1)).sum() / (len(self.own) * (len(self.own) - 1)))

    def of(self, modality: Modality) -> float:
        """Mean over the images of one modality."""
        return float(self.own[self.modality == modality].mean())


def neighbour_modality_ratio(embeddings: Embeddings, *, k: int = 30) -> NeighbourRatio:
    """Whose neighbours are the k nearest images by cosine: the own modality's, or the other's?

    Raises ValueError when k is not in 1..n-1, and for NaN or zero rows.
    Source: BMIL (AAAI 2026), Fig. 1a (k = 30).
    """
    own = 1 - crossing_share(others(embeddings.x, k), embeddings.modality)
    return NeighbourRatio(own, embeddings.modality, k)


def crossing_share(index, modality) -> torch.Tensor:
    """Share of the other modality among each image's neighbours.

    Parameters
    ----------
    index : (n, k) row numbers, as from ``others`` or ``neighbours.nearest``; the row itself and -1
        (no neighbour) are not counted
    modality : (n,) 0 visible, 1 infrared

    Returns (n,) in [0, 1]; NaN where nobody is counted. Raises ValueError when shapes do not fit.
    """
    index = torch.as_tensor(index)
    modality = torch.as_tensor(modality, device=index.device)
    if index.ndim != 2 or modality.shape != index.shape[:1]:
        raise ValueError(
            f"index has shape {tuple(index.shape)}, modality {tuple(modality.shape)}; "
            "give one row of neighbours per image"
        )
    counted = (index >= 0) & (index != torch.arange(len(index), device=index.device)[:, None])
    crosses = counted & (modality[index] != modality[:, None])  # (n, k)
    return crosses.sum(1) / counted.sum(1)


class PairDistances(NamedTuple):
    """Distance (p,) of pairs of images, whether a pair crosses the gap (p,), row numbers (p, 2)."""

    distance: np.ndarray
    crossing: np.ndarray
    pairs: np.ndarray


def pair_distances(
    embeddings: Embeddings,
    group,
    *,
    inside: bool = True,
    distance=None,
    limit: int = 50_000,
    seed: int = 0,
) -> PairDistances:
    """Distances of pairs inside a group, or between groups.

    Parameters
    ----------
    group : (n,) identities or cluster labels; images with -1 take part in no pair
    inside : pairs within a group, or (False) of two different groups
    distance : (n, n) dense, or sparse with absent pairs at distance 1, as ``jaccard_distance``
        gives without eps; default 1 - cosine, of half precision in float32
    limit : with more pairs than this, as many random ones (with replacement) instead of all
    seed : of that draw

    Raises ValueError for wrong shapes, a graph cut at an eps, and when there is no such pair.
    Source: BMIL (AAAI 2026), Fig. 3; MULT (IJCV 2024), Fig. 5.
    """
    group = as_array(group)
    if group.shape != (len(embeddings),):
        raise ValueError(f"group has shape {group.shape} for {len(embeddings)} images")
    if distance is not None and distance.shape != (len(group), len(group)):
        raise ValueError(f"distance has shape {distance.shape} for {len(group)} images")
    if (eps := getattr(distance, "eps", 1)) < 1:
        raise ValueError(
            f"distance: this graph was cut at eps={eps}, and pairs beyond it are not at "
            "distance 1; leave eps out where it is computed"
        )
    pairs = (pairs_inside if inside else pairs_between)(group, limit, np.random.default_rng(seed))
    if not len(pairs):
        where = "inside a group" if inside else "between groups"
        raise ValueError(f"group has {len(np.unique(group))} values and no pair {where}")
    modality = as_array(embeddings.modality)
    crossing = modality[pairs[:, 0]] != modality[pairs[:, 1]]
    return PairDistances(_lookup(embeddings.x, distance, pairs), crossing, pairs)


def _lookup(x: torch.Tensor, distance, pairs: np.ndarray) -> np.ndarray:
    """(p,) distance of each pair."""
    i, j = pairs.T
    if issparse(distance):  # 1 - d is the matrix whose absent entries really are 0
        alike = distance.tocsr(copy=True)
        alike.data = 1 - alike.data
        return 1 - np.asarray(alike[i, j]).ravel()
    if distance is not None:
        return as_array(distance)[i, j]
    x = normalize(widened(x.detach()))
    first, second = torch.as_tensor(i, device=x.device), torch.as_tensor(j, device=x.device)
    blocks = zip(first.split(4096), second.split(4096), strict=True)
    return torch.cat([1 - (x[a] * x[b]).sum(1) for a, b in blocks]).cpu().numpy()


class TwoPeaks(NamedTuple):
    """Pair distances of one modality against those across the gap; NaN for a missing kind.

    Parameters
    ----------
    gap : crossing_mean - own_mean
    separation : gap in units of the pooled spread (Ashman's D); above 2 the peaks stand apart
    mixing : chance that a crossing pair is nearer than a pair of one modality; 0.5 = no bias, 0 =
        two peaks that do not touch
    crossing_pairs : share of pairs that cross
    """

    own_mean: float
    own_std: float
    crossing_mean: float
    crossing_std: float
    gap: float
    separation: float
    mixing: float
    crossing_pairs: float


def two_peaks(found: PairDistances) -> TwoPeaks:
    """How far apart the two peaks of distances lie that a biased network makes.

    Source: BMIL (AAAI 2026), Fig. 3, which shows the peaks; the figures to measure them are ours.
    """
    from scipy.stats import mannwhitneyu

    sides = own, cross = found.distance[~found.crossing], found.distance[found.crossing]
    share = len(cross) / len(found.distance)
    if not (len(own) and len(cross)):
        (m, s), (mc, sc) = ((h.mean(), h.std()) if len(h) else (np.nan,) * 2 for h in sides)
        return TwoPeaks(*map(float, (m, s, mc, sc)), np.nan, np.nan, np.nan, share)
    gap, pooled = cross.mean() - own.mean(), np.sqrt((own.var() + cross.var()) / 2)
    separation = gap / pooled if pooled else np.copysign(np.inf, gap) if gap else 0.0
    nearer = mannwhitneyu(own, cross).statistic / (len(own) * len(cross))  # ties half
    peaks = own.mean(), own.std(), cross.mean(), cross.std(), gap, separation, nearer, share
    return TwoPeaks(*map(float, peaks))


class ClassifierAccuracy(NamedTuple):
    """Cross-validated accuracy, its standard deviation over folds, and the bigger class's share."""

    accuracy: float
    std: float
    chance: float


def modality_classifier_accuracy(
    embeddings: Embeddings, *, group=None, folds: int = 5, limit: int = 4_000, seed: int = 0
) -> ClassifierAccuracy:
    """Can a straight cut tell visible from infrared features? Logistic regression, cross-validated.

    Parameters
    ----------
    group : (n,) identities (or cameras): no group is both in training and in test folds
    folds : at least 2, with that many images of each modality, and that many groups
    limit : a random part of this size stands for a bigger table

    Raises ValueError when a modality has fewer images than there are folds, for a group of another
    shape, when there are fewer groups than folds, and when a modality has one group only.
    Source: ours; the classifier of the multi-module framework's L_mod asks the same in training.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold, cross_val_score
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    rows = np.random.default_rng(seed).permutation(len(embeddings))[:limit]
    x, modality = as_array(embeddings.x)[rows], as_array(embeddings.modality)[rows]
    counts = np.bincount(modality, minlength=2)
    if folds < 2 or counts.min() < folds:
        raise ValueError(
            f"folds={folds} with {counts[0]} visible and {counts[1]} infrared images; "
            "need at least 2 folds and as many images of each"
        )
    if group is not None:
        group = as_array(group)
        if group.shape != (len(embeddings),):
            raise ValueError(f"group has shape {group.shape} for {len(embeddings)} images")
        group = group[rows]
        _check_groups(group, modality, folds)
    kind = StratifiedKFold if group is None else StratifiedGroupKFold
    accuracy = cross_val_score(
        make_pipeline(StandardScaler(), LogisticRegression(max_iter=1_000)),
        x,
        modality,
        groups=group,
        cv=kind(folds, shuffle=True, random_state=seed),
    )
    return ClassifierAccuracy(
        float(accuracy.mean()), float(accuracy.std()), float(counts.max() / counts.sum())
    )


def _check_groups(group: np.ndarray, modality: np.ndarray, folds: int) -> None:
    if (there := len(np.unique(group))) < folds:
        raise ValueError(
            f"folds={folds} with {there} groups in {len(group)} images, and no group is divided; "
            "give fewer folds (at least 2), or more groups"
        )
    for own in Modality:
        if len(np.unique(group[modality == own])) < 2:
            raise ValueError(
                f"group: all {own.word} images are of one group, so one of folds={folds} trains "
                "without them; give at least 2 groups in each modality"
            )


def cross_pair_recall(label, identity, modality) -> float:
    """Share of all visible-infrared pairs of one person that the clusters put together.

    Outliers (-1) count as missed, so that leaving hard images out does not pay.
    Raises ValueError as ``evaluation.cross_modality_scores``, of which it is one number.
    """
    return cross_modality_scores(label, identity, modality, outliers="alone")["recall"]


class NoCentreError(ValueError):
    """A row equals its modality's mean, as a single image does: nothing is left to centre."""


def centre(embeddings: Embeddings) -> Embeddings:
    """Subtract each modality's mean feature and renormalise the rows: this project's control.

    It removes a gap that is one constant shift, without learning; a method has to beat it.
    Raises NoCentreError, a ValueError, when a row coincides with its modality's mean.
    """
    x = embeddings.x.clone()
    for own in Modality:
        rows = embeddings.modality == own
        if rows.any():
            x[rows] -= x[rows].mean(0)
    if lost := int((x.norm(dim=1) <= 1e-6 * embeddings.x.norm(dim=1)).sum()):
        raise NoCentreError(
            f"embeddings: {lost} of {len(x)} rows equal their modality's mean and have no "
            "direction left; a modality needs at least two different images"
        )
    return replace(embeddings, x=normalize(x))
