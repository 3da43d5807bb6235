"""P x K batches from pseudo-labels: P clusters a batch, K pictures of each."""

import warnings
from collections.abc import Iterator, Sequence
from itertools import cycle, islice

import numpy as np


def draw(
    label: np.ndarray,
    camera: np.ndarray | None,
    *,
    identities: int = 8,
    instances: int = 16,
    iterations: int,
    camera_aware: bool = True,
    rng: np.random.Generator,
) -> Iterator[np.ndarray]:
    """Batches of row numbers, ``instances`` consecutive rows a cluster, its anchor first.

    Clusters come in a random order without repeats until fewer than ``identities`` are left; then
    a fresh order starts. Of each cluster one anchor is drawn, and its mates from the pictures of
    other cameras if there are any (``camera_aware``), else from the rest of the cluster: without
    replacement when at least ``instances`` candidates exist, else with. A cluster of one picture
    repeats it.

    Parameters
    ----------
    label : (n,) pseudo-labels >= 0; rows with -1 are never drawn
    camera : (n,) camera of each row; may be None when not ``camera_aware``
    identities, instances : P and K
    iterations : how many batches

    Returns
    -------
    iterator over (P * K,) int64 row numbers

    Raises ValueError for fewer than two clusters or arguments that do not fit. With fewer clusters
    than ``identities`` batches shrink to what there is, with one warning.
    Source: Zhong et al. 2020 (arXiv 1908.01683, their released sampler); Ye et al., DMDL and BMIL
    use it unchanged. Differs: theirs emits a one-picture cluster once and so shifts every later
    group; ours repeats the picture.
    """
    label = np.asarray(label, dtype=np.int64)
    camera = _checked_camera(label, camera, camera_aware)
    rows_of = list(_rows_of(label).values())
    identities = _at_most(identities, len(rows_of), instances, label=label)
    return _batches(rows_of, camera, identities, instances, iterations=iterations, rng=rng)


def draw_aligned(
    labels: Sequence[np.ndarray],
    camera: np.ndarray | None,
    *,
    identities: int = 8,
    instances: int = 16,
    iterations: int,
    camera_aware: bool = True,
    rng: np.random.Generator,
) -> Iterator[tuple[np.ndarray, ...]]:
    """Tuples of row numbers, one array a side, that show the same clusters on every side.

    The clusters of all sides together are put in a random order and cut into batches, the rest left
    out; a side without one of them shows a random one of all its clusters, whether or not the batch
    has it already. The sequence is drawn once and replayed until there are ``iterations`` batches.

    Parameters
    ----------
    labels : one (n,) row of labels per side, in one label space; -1 elsewhere
    camera, identities, instances, iterations, camera_aware : as in ``draw``

    Raises ValueError and warns as ``draw``.
    Source: DMDL, released code, the last epochs of stage 2; not in the paper.
    """
    labels = np.asarray(labels, dtype=np.int64)
    camera = [_checked_camera(label, camera, camera_aware) for label in labels].pop()
    sides = [_rows_of(label) for label in labels]
    for side, label in zip(sides, labels, strict=True):
        _at_most(2, len(side), instances, label=label)
    union = sorted(set().union(*sides))
    identities = _at_most(identities, len(union), instances, label=labels.max(0))
    order = rng.permutation(union)
    batches = order[: len(order) - len(order) % identities].reshape(-1, identities)
    sequence = [
        tuple(
            np.concatenate(
                [_group(side[k], camera, instances, rng) for k in _shown(chosen, side, rng)]
            )
            for side in sides
        )
        for chosen in batches
    ]
    return islice(cycle(sequence), iterations)


def _shown(chosen: np.ndarray, side: dict, rng: np.random.Generator) -> list[int]:
    """The chosen clusters, those that a side lacks replaced by any of that side."""
    return [int(k) if k in side else int(rng.choice(list(side))) for k in chosen]


def _rows_of(label: np.ndarray) -> dict[int, np.ndarray]:
    """Cluster -> its rows, ascending."""
    return {int(k): np.flatnonzero(label == k) for k in np.unique(label[label >= 0])}


def _at_most(identities: int, clusters: int, instances: int, *, label: np.ndarray) -> int:
    """How many identities a batch can have; ValueError when it cannot have two."""
    for name, value in (("identities", identities), ("instances", instances)):
        if value < 1:
            raise ValueError(f"{name}={value}; give at least 1")
    if clusters < 2:
        raise ValueError(too_few(clusters, label))
    if clusters < identities:
        warnings.warn(
            f"only {clusters} clusters for batches of {identities} identities: batches shrink to "
            f"{clusters * instances} images",
            stacklevel=3,
        )
    return min(identities, clusters)


def _checked_camera(label, camera, camera_aware: bool) -> np.ndarray | None:
    if label.ndim != 1 or (label < -1).any():
        raise ValueError("label must be one row of numbers >= -1")
    if not camera_aware:
        return None
    if camera is None:
        raise ValueError("camera is missing; give one number per image or camera_aware=False")
    camera = np.asarray(camera)
    if camera.shape != label.shape:
        raise ValueError(f"camera has shape {camera.shape} for {len(label)} labels")
    return camera


def _batches(rows_of, camera, identities, instances, *, iterations, rng) -> Iterator[np.ndarray]:
    order = np.empty(0, dtype=np.int64)
    for _ in range(iterations):
        if len(order) < identities:
            order = rng.permutation(len(rows_of))
        chosen, order = order[:identities], order[identities:]
        yield np.concatenate([_group(rows_of[k], camera, instances, rng) for k in chosen])


def _group(rows: np.ndarray, camera, instances: int, rng) -> np.ndarray:
    """An anchor and its instances - 1 mates out of one cluster's rows."""
    anchor = rng.choice(rows)
    mates = rows[rows != anchor]
    if camera is not None and (elsewhere := camera[rows] != camera[anchor]).any():
        mates = rows[elsewhere]
    if not len(mates):
        return np.repeat(anchor, instances)
    replace = len(mates) < instances
    return np.concatenate([[anchor], rng.choice(mates, instances - 1, replace=replace)])


def too_few(clusters: int, label) -> str:
    """That labels (n,) have not the two clusters that a batch needs, and what to do."""
    return (
        f"{clusters} cluster(s) in {len(label)} images: a batch needs two to compare; "
        f"{few_clusters(label)}"
    )


def few_clusters(label) -> str:
    """Why labels (n,) have fewer than two clusters, and what to do: the two causes are opposite."""
    label = np.asarray(label)
    kept, n = int((label >= 0).sum()), len(label)
    if kept > n / 4 and label.max() == label[label >= 0].min():  # n may count both modalities
        return f"one cluster has swallowed {kept} of {n} images: lower eps"
    return (
        f"{kept} of {n} images are in a cluster: raise eps, lower min_samples, "
        "or begin from pre-trained weights"
    )
