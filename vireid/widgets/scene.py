"""What an association is given, how that can be spoilt, and what the association makes of it."""

import warnings
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch.nn.functional import normalize

from vireid.arguments import as_array
from vireid.association import mbccm
from vireid.clustering import dbscan
from vireid.data.absence import absentees, remaining
from vireid.evaluation import cross_modality_scores
from vireid.jaccard import jaccard_distance
from vireid.methods.mult.labels import ASSOCIATIONS, Side, associate, make_side
from vireid.types import Embeddings, Modality

NAMES = tuple(name for name in ASSOCIATIONS if name != "oracle")


@dataclass(frozen=True)
class Scene:
    """Images of both modalities and each modality's own clusters.

    Parameters
    ----------
    features : (n) images with identities; associations are not shown these
    label : (n,) clusters, counted from 0 in each modality by itself, -1 outlier

    Raises ValueError when identities are missing or unknown (-1), lengths differ, or a modality has
    no cluster.
    """

    features: Embeddings
    label: np.ndarray

    def __post_init__(self):
        if self.features.identity is None:
            raise ValueError("features have no identity; the truth is what links are judged by")
        if unknown := int((self.features.identity == -1).sum()):
            raise ValueError(
                f"{unknown} images are of unknown people (-1), whose links nobody can judge; leave "
                "them out with features.rows(features.identity != -1)"
            )
        object.__setattr__(self, "label", as_array(self.label))
        if np.shape(self.label) != (len(self.features),):
            raise ValueError(
                f"label has shape {np.shape(self.label)} for {len(self.features)} images"
            )
        for own in Modality:
            if self.of(own).max(initial=-1) < 0:
                raise ValueError(f"label has no {own.word} cluster; try a larger eps")

    def of(self, own: Modality) -> np.ndarray:
        """Clusters of one modality's images."""
        return self.label[self.features.modality.numpy() == own]

    def people(self, own: Modality) -> np.ndarray:
        """(K,) the identity that most images of a cluster show; of several the smallest number."""
        identity, label = self.features.of(own).identity.numpy(), self.of(own)
        members = (identity[label == k] for k in range(label.max() + 1))
        counted = (np.unique(m, return_counts=True) for m in members)
        return np.array([names[counts.argmax()] for names, counts in counted])

    def side(self, own: Modality) -> Side:
        """As MULT's associations are called with it."""
        return make_side(self.features, own, self.label, drop_noise=False)


def own_clusters(features: Embeddings, method) -> np.ndarray:
    """DBSCAN in each modality by itself with a method's k1, k2, eps, min_samples: (n,) labels."""
    label = np.full(len(features), -1)
    for own in Modality:
        rows = (features.modality == own).numpy()
        distance = jaccard_distance(features.x[rows], k1=method.k1, k2=method.k2)
        label[rows] = dbscan(distance, eps=method.eps, min_samples=method.min_samples)
    return label


def disturbed(
    scene: Scene,
    *,
    gap: float = 1.0,
    noise: float = 0.0,
    missing: int = 0,
    absent: float = 0.0,
    split: int = 0,
    seed: int = 0,
) -> Scene:
    """The same scene made easier or harder; needs the truth, so it is for experiments only.

    Parameters
    ----------
    gap : each person's infrared images are shifted until their mean is this share of the way from
        that of his visible ones to where it was; 1 leaves them, 0 closes the gap
    noise : length of the random vector added to each unit row; 0 leaves them
    missing : so many people lose all their infrared images
    absent : this share of the people loses its images of one modality, half of them of either
        (``data.absent``)
    split : so many visible clusters are cut in two along their longest axis
    seed : which people, which clusters, which noise

    Raises ValueError when nobody would be left, or fewer clusters can be split.
    """
    rng = np.random.default_rng(seed)
    features = _closer(scene.features, gap)
    dimension = features.x.shape[1]
    drawn = torch.as_tensor(rng.normal(size=(len(features), dimension)), dtype=features.x.dtype)
    features = replace(features, x=normalize(features.x + noise * drawn / dimension**0.5))
    kept = _without(features, missing, rng)
    lost = absentees(features, absent, seed=seed)
    kept = kept[remaining(features, lost)[kept]]
    label = _numbered(scene.label[kept], features.modality.numpy()[kept])
    features = features.rows(kept)
    return Scene(features, _halved(features, label, split, rng))


def _closer(features: Embeddings, gap: float) -> Embeddings:
    x, identity, modality = features.x.clone(), features.identity, features.modality
    for person in identity.unique():
        visible, infrared = ((identity == person) & (modality == m) for m in Modality)
        if visible.any() and infrared.any():
            x[infrared] += (1 - gap) * (x[visible].mean(0) - x[infrared].mean(0))
    return replace(features, x=normalize(x))


def _without(features: Embeddings, missing: int, rng) -> np.ndarray:
    """Row numbers that stay when some people have no infrared images."""
    identity, infrared = features.identity.numpy(), features.modality.numpy() == Modality.INFRARED
    people = rng.permutation(np.unique(identity[infrared]))
    if not 0 <= missing < len(people):
        raise ValueError(f"missing={missing} of {len(people)} infrared people; leave at least one")
    return np.flatnonzero(~(infrared & np.isin(identity, people[:missing])))


def _numbered(label: np.ndarray, modality: np.ndarray) -> np.ndarray:
    """Clusters of each modality numbered without gaps again, in the same order."""
    label = label.copy()
    for own in Modality:
        rows = np.flatnonzero((modality == own) & (label >= 0))
        label[rows] = np.unique(label[rows], return_inverse=True)[1]
    return label


def _halved(features: Embeddings, label: np.ndarray, split: int, rng) -> np.ndarray:
    visible, label = features.modality.numpy() == Modality.VISIBLE, label.copy()
    size = np.bincount(label[visible & (label >= 0)])
    able = rng.permutation(np.flatnonzero(size >= 4))
    if not 0 <= split <= len(able):
        raise ValueError(f"split={split}, but {len(able)} visible clusters have four images")
    for new, cluster in enumerate(able[:split], start=len(size)):
        rows = np.flatnonzero(visible & (label == cluster))
        x = features.x[rows].double().numpy()
        along = np.linalg.svd(x - x.mean(0), full_matrices=False)[0][:, 0]
        label[rows[np.argsort(along, kind="stable")[len(rows) // 2 :]]] = new
    return label


@dataclass(frozen=True)
class Outcome:
    """What an association made of a scene.

    Parameters
    ----------
    forth, back : (K_v, K_r) and (K_r, K_v) share of a cluster's images that are labelled with a
        cluster of the other modality
    precision, recall : of visible-infrared image pairs that share a label, mean over the label
        spaces that hold both modalities; fractions
    lone : share of the images of people whom the other modality lacks that got a label there all
        the same; NaN where there is nobody like that
    """

    forth: np.ndarray
    back: np.ndarray
    precision: float
    recall: float
    lone: float


def outcomes(scene: Scene, method, names=NAMES, *, seed: int = 0) -> dict[str, Outcome]:
    """Name of an association -> what it makes of a scene, with the settings of a ``MULT`` method.

    ``seed`` draws MBCCM's one partner of several; its shares are the chances of that draw.
    """
    sides = {own: scene.side(own) for own in Modality}
    return {name: _outcome(scene, sides, replace(method, association=name), seed) for name in names}


def _outcome(scene: Scene, sides: dict[Modality, Side], method, seed: int) -> Outcome:
    with warnings.catch_warnings():  # OTLA's kernel p ** 25 rarely converges; its source has no cap
        warnings.filterwarnings("ignore", message="Sinkhorn stopped", category=RuntimeWarning)
        spaces = associate(method, sides, len(scene.features), np.random.default_rng(seed))
    identity, modality = scene.features.identity, scene.features.modality
    crossed = {own: spaces[own.other].hard[sides[own].rows] for own in Modality}
    shares = [_shares(scene.of(own), crossed[own], sides[own.other].clusters) for own in Modality]
    if method.association == "mbccm":
        mask = mbccm(*(sides[own].prototypes for own in Modality)).numpy().astype(float)
        shares = [side / side.sum(1, keepdims=True) for side in (mask, mask.T)]
    scores = [
        cross_modality_scores(spaces[own].hard, identity, modality, outliers="alone")
        for own in method.spaces
    ]
    precision, recall = (_mean([s[k] for s in scores]) for k in ("precision", "recall"))
    return Outcome(*shares, precision, recall, _lone(scene, crossed))


def _shares(label: np.ndarray, crossed: np.ndarray, others: int) -> np.ndarray:
    """(K, K_other) share of a cluster's images that carry a label of the other modality."""
    table = np.zeros((label.max() + 1, others))
    has = (label >= 0) & (crossed >= 0)
    np.add.at(table, (label[has], crossed[has]), 1)
    return table / np.bincount(label[label >= 0])[:, None]


def _lone(scene: Scene, crossed: dict[Modality, np.ndarray]) -> float:
    found = []
    for own in Modality:
        people, others = (scene.features.of(m).identity.numpy() for m in (own, own.other))
        found.append(crossed[own][~np.isin(people, others)] >= 0)
    return _mean(np.concatenate(found))


def _mean(values) -> float:
    return float(np.mean(values)) if len(values) else np.nan
