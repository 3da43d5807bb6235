"""The loss terms of one iteration of MCF, named and weighted, and the memory updates after it."""

from dataclasses import dataclass

import torch
from torch import Tensor

from vireid.losses import (
    cluster_contrast,
    identity_consistency,
    merge_targets,
    merging,
    neighbour,
    token_diversity,
    uniform_merging,
)
from vireid.memory import Memory
from vireid.methods.mcf.links import LETTER, Links
from vireid.methods.mcf.sides import Side
from vireid.types import Modality

Terms = dict[str, Tensor]


@dataclass
class Part:
    """One modality's rows of a batch.

    Parameters
    ----------
    x : (b, D) features, not normalised; tokens, attention : of the same rows, or None
    label : (b,) own cluster
    place : (b,) row of the modality's ``Side``; cross : (b,) label in the other's space, or None
    augmented : (b,) True for channel-augmented pictures
    """

    x: Tensor
    tokens: Tensor | None
    attention: Tensor | None
    label: Tensor
    place: Tensor
    cross: Tensor | None
    augmented: Tensor


def attention_terms(settings, parts: dict[Modality, Part]) -> Terms:
    """Token diversity, summed over modalities, and identity consistency, averaged over them."""
    terms: Terms = {}
    tokens = [p.tokens for p in parts.values() if p.tokens is not None]
    if settings.diversity and tokens:
        terms["diversity"] = settings.diversity * sum(map(token_diversity, tokens))
    weighed = [p for p in parts.values() if p.attention is not None]
    if settings.identity_weight and weighed:
        mode = settings.identity_mode
        found = [identity_consistency(p.attention, p.label, mode=mode) for p in weighed]
        terms["identity"] = settings.identity_weight * sum(found) / len(found)
    return terms


def contrast_terms(settings, parts, memories: dict[Modality, Memory], augmented) -> Terms:
    """Each modality against its memory; augmented pictures with the visible, or with their own."""
    terms: Terms = {}
    for own, part in parts.items():
        at = ~part.augmented if augmented is not None else slice(None)
        terms[f"{own.word} contrast"] = cluster_contrast(
            part.x[at],
            part.label[at],
            memories[own].prototypes,
            temperature=settings.temperature,
        )
        if augmented is not None and part.augmented.any():
            at = part.augmented
            terms["augmented contrast"] = cluster_contrast(
                part.x[at], part.label[at], augmented.prototypes, temperature=settings.temperature
            )
    return terms


def phase2_terms(settings, parts, sides: dict[Modality, Side], links: Links, epoch: int) -> Terms:
    """VRA, VRNL and UM; ``epoch`` counts from 0 within phase 2."""
    terms: Terms = {}
    for own, part in parts.items():
        if links.cross and (at := part.cross >= 0).any():
            terms[f"{own.word} cross"] = settings.vra_weight * cluster_contrast(
                part.x[at],
                part.cross[at],
                links.shared[own.other].prototypes,
                temperature=settings.temperature,
            )
    found = [
        neighbour(
            parts[LETTER[name[0]]].x,
            sides[LETTER[name[1]]].x,
            [sets[i] for i in parts[LETTER[name[0]]].place.tolist()],
            temperature=settings.temperature,
            reduction=settings.reduction,
        )
        for name, sets in links.sets.items()
        if LETTER[name[0]] in parts
    ]
    if found:
        terms["neighbours"] = settings.vrnl_weight * sum(found)
    if links.groups:
        halves = [
            merge(settings, parts[own], sides[own], links.groups[own], epoch) for own in parts
        ]
        terms["merging"] = um_weight(settings, epoch) * uniform_merging(
            *halves, delta=settings.delta
        )
    return terms


def merge(settings, part: Part, side: Side, groups: list, epoch: int) -> Tensor:
    """One modality's merging loss, against its own memory."""
    return merging(
        part.x,
        part.label,
        groups,
        side.memory.prototypes,
        epoch=epoch,
        temperature=settings.temperature,
    )


def um_weight(settings, epoch: int) -> float:
    """Weight of merging in an epoch of phase 2. Source: TokenMatcher raises it after epoch 35."""
    late = settings.um_weight_late is not None and epoch >= 35
    return settings.um_weight_late if late else settings.um_weight


def update(parts, memories, augmented, sides, links: Links, epoch: int) -> None:
    """Move memories after the step: visible, infrared, the crossing queries, then merging."""
    for own, part in parts.items():
        at = ~part.augmented if augmented is not None else torch.ones_like(part.augmented)
        memories[own].update(part.x[at], part.label[at])
        if augmented is not None:
            augmented.update(part.x[~at], part.label[~at])
    for own in reversed(parts):  # infrared into visible first
        if links.cross:
            at = parts[own].cross >= 0
            links.shared[own.other].update(parts[own].x[at], parts[own].cross[at])
    for own, groups in links.groups.items():
        row, target, _ = merge_targets(parts[own].label, groups, epoch=epoch)
        sides[own].memory.update(parts[own].x[row], target)
