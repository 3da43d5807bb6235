"""The loss terms of one DMDL step, named and weighted, and the targets they are told."""

from dataclasses import dataclass
from itertools import groupby

import torch
from torch import Tensor

from vireid.losses import (
    batch_hard_triplet,
    cai_of_logits,
    cluster_contrast,
    contrast_of_logits,
    feature_alignment,
    refined_targets,
    shared_prediction,
    triplet_weight,
)
from vireid.losses.contrast import scores
from vireid.methods.base import VIEWS
from vireid.types import Batch, Modality

Terms = dict[str, Tensor]


@dataclass(frozen=True)
class Part:
    """One modality's rows of a batch, view after view of the same images.

    Parameters
    ----------
    x : (b, d) features, not normalised
    label : (b,) pseudo-labels
    certainty : (b / views,) w of each image, or None for hard labels
    views : 1 or 2
    """

    x: Tensor
    label: Tensor
    certainty: Tensor | None
    views: int

    @property
    def images(self) -> int:
        """How many images there are."""
        return len(self.x) // self.views

    def view(self, i: int) -> Tensor:
        """(b / views, d) features of a view; the last one there is when i goes beyond."""
        return self.x.chunk(self.views)[min(i, self.views - 1)]


Parts = dict[Modality, Part]
Targets = dict[Modality, Tensor]
Logits = dict[tuple[Modality, Modality], Tensor]


def targets(method, parts: Parts, stage: int) -> Targets:
    """Hard labels (b,), or refined ones (b, K) where certainty is known this epoch (eq. 8)."""
    keep = method.stage1_topk if stage == 1 else method.predict_topk
    found = {}
    for own, part in parts.items():
        found[own] = part.label
        if part.certainty is not None:
            bank = (method.memories[own] if stage == 1 else method.shared).prototypes
            told = shared_prediction(part.x, bank, temperature=method.temperature, keep=keep)
            first, last = (told.chunk(part.views)[i] for i in (0, -1))
            first, last = (first, last) if method.exchange else (last, first)
            soft = refined_targets(part.label[: part.images], part.certainty, first, last)
            found[own] = torch.cat(soft[: part.views])
    return found


def logits(method, batch: Batch, x: Tensor, stage: int) -> Logits:
    """(own, bank) -> (b, k) logits of a modality's rows under a memory, as the losses need them.

    One call for all losses: a memory that moves in the backward pass does so once per feature. As
    that pass runs through the calls in reverse, the views written last are asked first.
    """
    asked: dict = {}
    runs = groupby(method.written(batch), lambda view: VIEWS[view[0]][0])
    for own, at in reversed([(m, torch.cat([at for _, at in views])) for m, views in runs]):
        label = batch.label[at].to(x.device)
        for bank in _asked(method, own, stage):
            memory = method.memories[bank]
            moves = bank in method.moved_by(own, stage)
            seen = memory.prototypes
            if moves:
                seen = memory.seen_by(method.rows_in(bank, own, label))
            asked.setdefault((own, bank), []).append((at, scores(x[at], seen, method.temperature)))
    return {pair: _in_batch_order(*zip(*found, strict=True)) for pair, found in asked.items()}


def _asked(method, own: Modality, stage: int) -> tuple[Modality, ...]:
    """Whose memories the losses of a modality need."""
    if stage == 2 and method.cai and method.cai_weight:
        return tuple(Modality)
    return (own,) if stage == 1 or method.in_modality_term else ()


def _in_batch_order(at: tuple[Tensor, ...], found: tuple[Tensor, ...]) -> Tensor:
    """Rows found at positions of the batch, by ascending position."""
    return torch.cat(found)[torch.cat(at).argsort().to(found[0].device)]


def stage1_terms(method, z: Logits, parts: Parts, target: Targets) -> Terms:
    """Each modality against its own memory (eq. 1)."""
    return {f"{own.word} contrast": contrast_of_logits(z[own, own], target[own]) for own in parts}


def stage2_terms(method, z: Logits, parts: Parts, target: Targets) -> Terms:
    """Hard labels in the own memory (L_in), and all labels across the gap (eq. 3, 4, 9)."""
    terms: Terms = {}
    for own, part in parts.items():
        if method.in_modality_term:
            place = method.memories[own].local(part.label)
            terms[f"{own.word} contrast"] = contrast_of_logits(z[own, own], place)
        if not method.cai_weight:
            continue
        if method.cai:
            found = causal(method, [z[own, bank] for bank in Modality], target[own])
            terms[f"{own.word} cai"] = method.cai_weight * found
        else:
            found = cluster_contrast(
                part.x, target[own], method.shared.prototypes, temperature=method.temperature
            )
            terms[f"{own.word} likelihood"] = method.cai_weight * found
    return terms


def causal(method, under: list[Tensor], target: Tensor) -> Tensor:
    """Surprise at the labels, by the logits under the visible and the infrared memory (CAI)."""
    ids = [method.memories[bank].ids for bank in Modality]
    return cai_of_logits(under, ids, target, prior=method.share)


def alignment_terms(method, parts: Parts, stage: int) -> Terms:
    """Discrepancy of the views of a modality (eq. 14), or of the modalities (eq. 16)."""
    if not (weight := weight_of_alignment(method, stage)):
        return {}
    if method.alignment == "modalities":
        own, other = (part.view(0) for part in parts.values())
        rows = min(len(own), len(other))  # differ when a modality has few clusters
        found = feature_alignment(own[:rows], other[:rows], estimator=method.estimator)
        return {"modality alignment": weight * found}
    return {
        f"{own.word} alignment": weight
        * feature_alignment(part.view(0), part.view(1), estimator=method.estimator)
        for own, part in parts.items()
        if part.views == 2
    }


def weight_of_triplets(method, stage: int, e: int) -> float:
    """A fixed weight, or one that grows with a stage's epochs and is 1 in the aligned phase."""
    if method.triplet is not None:
        return method.triplet
    if method.aligned(stage, e):
        return 1.0
    starts = method.triplet_starts if stage == 1 else method.triplet_starts_2
    return triplet_weight(e, stage=stage, starts=starts)


def weight_of_alignment(method, stage: int) -> float:
    """Weight of the alignment terms in a stage; 0 where there are none."""
    if method.alignment == "none" or (stage == 1 and not method.stage1_cbt):
        return 0.0
    return method.alignment_weight if stage == 2 else method.stage1_alignment_weight


def triplet_terms(method, parts: Parts, stage: int, e: int) -> Terms:
    """Batch-hard triplets in each modality, in the aligned phase also over both together."""
    joint, weight = method.aligned(stage, e), weight_of_triplets(method, stage, e)
    if not weight:
        return {}
    groups = {f"{own.word} triplet": (part.x, part.label) for own, part in parts.items()}
    if joint:
        both = zip(*groups.values(), strict=True)
        groups["joint triplet"] = tuple(torch.cat(v) for v in both)
    return {
        name: weight * batch_hard_triplet(x, label, margin=method.triplet_margin)
        for name, (x, label) in groups.items()
    }
