"""Which pictures a batch of MULT shows: classes drawn anew for each, so many images of each class.

Source: MULT, released code (both samplers). Differs: where that code stops because there are fewer
classes than a batch wants, stage 1 takes all there are and stage 2 draws with replacement.
"""

import warnings
from collections.abc import Iterator

import numpy as np
import torch

from vireid.clustering import NoClustersError
from vireid.methods.dcl import show
from vireid.types import Batch, Modality

Members = dict[int, np.ndarray]  # label -> rows of the training table


def members(label: np.ndarray, kept: np.ndarray) -> Members:
    """Rows of each label among the kept images."""
    return {int(k): np.flatnonzero((label == k) & kept) for k in np.unique(label[kept]) if k >= 0}


def apart(labels, method, epoch: int, rng) -> Iterator[Batch]:
    """Stage 1: classes of either modality, drawn by themselves.

    ``labels[m]`` are the (n,) labels of modality m's images, -1 elsewhere.
    """
    rows_of = [members(label, label >= 0) for label in labels]
    for own, found in zip(Modality, rows_of, strict=True):
        if len(found) < method.identities:
            warnings.warn(
                f"epoch {epoch}: {len(found)} {own.word} clusters, batches want "
                f"{method.identities}: they take all there are",
                stacklevel=2,
            )
    return _apart(rows_of, labels, method, epoch, rng)


def _apart(rows_of: list[Members], labels, method, epoch: int, rng) -> Iterator[Batch]:
    for _ in range(method.schedule.iterations_of(epoch)):
        drawn = []
        for found in rows_of:
            chosen = rng.choice(list(found), min(method.identities, len(found)), replace=False)
            drawn.append(np.concatenate([pick(found[k], method.instances, rng) for k in chosen]))
        yield show(drawn, labels, (2, 1))


def paired(labels, modality, method, epoch: int, rng) -> Iterator[Batch]:
    """Stage 2: the same classes of both modalities, half of them from each label space.

    ``labels[space]`` are the hard labels of all images there; a class that lacks one of the
    modalities is never shown. Raises NoClustersError when there is no other.
    """
    rows_of = {}
    for space, hard in labels.items():
        found = [members(hard, modality == own) for own in Modality]
        rows_of[space] = {k: [side[k] for side in found] for k in found[0] if k in found[1]}
    parts = parts_of({s: len(found) for s, found in rows_of.items()}, method, epoch)
    return _paired(rows_of, parts, method, epoch, rng)


def _paired(rows_of, parts, method, epoch: int, rng) -> Iterator[Batch]:
    for _ in range(method.schedule.iterations_of(epoch)):
        drawn, classes = ([], []), []
        for space, count in parts.items():
            found = rows_of[space]
            for k in rng.choice(list(found), count, replace=len(found) < count):
                classes.append(k)
                for own in Modality:
                    drawn[own].append(pick(found[k][own], method.instances, rng))
        visible, infrared = map(np.concatenate, drawn)
        sizes = [len(visible), len(visible), len(infrared)]
        yield Batch(
            rows=np.concatenate([visible, visible, infrared]),
            view=np.repeat([0, 1, 0], sizes),
            modality=np.repeat([0, 0, 1], sizes),
            label=torch.as_tensor(np.tile(np.repeat(classes, method.instances), 3)),
        )


def parts_of(shared: dict[Modality, int], method, epoch: int) -> dict[Modality, int]:
    """How many of a batch's classes come from each space: half, or all from the only one.

    ``shared`` counts a space's labels that images of both modalities have.
    """
    usable = [space for space, count in shared.items() if count]
    if not usable:
        raise NoClustersError(
            f"epoch {epoch}: association={method.association!r} left no label that images of "
            "both modalities share; try a larger eps, noise='assign' or another association"
        )
    half = method.identities // len(usable)
    parts = dict.fromkeys(usable, half)
    parts[usable[-1]] = method.identities - half * (len(usable) - 1)
    for space in set(shared) - set(usable):
        warnings.warn(
            f"epoch {epoch}: no label of {space.word} space has images of both modalities; all "
            f"{method.identities} classes of a batch come from the other space",
            stacklevel=2,
        )
    for space, wanted in parts.items():
        if shared[space] < wanted:
            warnings.warn(
                f"epoch {epoch}: only {shared[space]} labels of {space.word} space have images "
                f"of both modalities, batches take {wanted}: drawn with replacement",
                stacklevel=2,
            )
    return parts


def pick(rows: np.ndarray, instances: int, rng) -> np.ndarray:
    """So many of a class's rows; with replacement unless there are more than that."""
    return rng.choice(rows, instances, replace=len(rows) <= instances)
