"""The loss terms of one iteration of MCF, named and weighted, and what it writes into memories.

A ``Call`` is one look at a memory: features that contrast with its prototypes and are then written
into it. ``calls`` lists them in the order of writing; losses are made from the last to the first,
because a memory that moves during the backward pass is written in reverse order of its losses.
"""

from dataclasses import dataclass

from torch import Tensor

from vireid.losses import (
    cluster_contrast,
    identity_consistency,
    merge_targets,
    neighbour,
    pulled,
    token_diversity,
    uniform_merging,
)
from vireid.memory import Memory
from vireid.methods.mcf.links import LETTER, Links
from vireid.methods.mcf.sides import Side
from vireid.types import Modality

Terms = dict[str, Tensor]
LATE = 36  # first epoch of stage 2 with the late weight of merging: TokenMatcher's SYSU script


@dataclass
class Part:
    """One modality's rows of a batch, view by view in the order of writing.

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


@dataclass(frozen=True)
class Call:
    """One look at a memory by one modality's rows.

    Parameters
    ----------
    kind : "contrast", "augmented contrast", "cross" or "merging"
    own : the modality of the rows
    memory : what they contrast with and are written into
    x, label : (p, D) features and (p,) their rows of the memory, in the order of writing
    share : (p,) of each in the loss; None = a mean
    """

    kind: str
    own: Modality
    memory: Memory
    x: Tensor
    label: Tensor
    share: Tensor | None = None

    def loss(self, temperature: float) -> Tensor:
        """Contrast with the memory as it is when asked."""
        bank = self.memory.seen_by(self.label)
        if self.share is None:
            return cluster_contrast(self.x, self.label, bank, temperature=temperature)
        return pulled(self.x, self.label, self.share, bank, temperature=temperature)


def calls(settings, parts, sides: dict[Modality, Side], links: Links, augmented, epoch) -> list:
    """The iteration's calls in the order of writing: merging, the other modality's, the own ones.

    With ``own_last=False`` the own ones come before the other modality's. ``epoch`` counts from 0
    within the stage; ``augmented`` is the memory of augmented pictures alone, or None.
    """
    own = [call for m, part in parts.items() for call in _own(m, part, sides, links, augmented)]
    cross = [
        Call("cross", m, links.shared[m.other], part.x[at], part.cross[at])
        for m, part in parts.items()
        if links.cross and (at := part.cross >= 0).any()
    ]
    merging = [_merging(m, parts[m], sides[m], groups, epoch) for m, groups in links.groups.items()]
    merging = [call for call in merging if len(call.x)]
    return [*merging, *cross, *own] if settings.own_last else [*merging, *own, *cross]


def _own(own: Modality, part: Part, sides, links: Links, augmented) -> list[Call]:
    """A modality's rows with its memory; augmented pictures with a memory of theirs if there is."""
    memory = links.shared.get(own, sides[own].memory)
    if augmented is None:
        return [Call("contrast", own, memory, part.x, part.label)]
    halves = (
        ("contrast", memory, ~part.augmented),
        ("augmented contrast", augmented, part.augmented),
    )
    return [Call(k, own, m, part.x[at], part.label[at]) for k, m, at in halves if at.any()]


def _merging(own: Modality, part: Part, side: Side, groups: list, epoch: int) -> Call:
    """A modality's rows whose turn it is, with the other clusters of their group."""
    row, target, weight = merge_targets(part.label, groups, epoch=epoch)
    share = weight / max(len(row.unique()), 1)
    return Call("merging", own, side.memory, part.x[row], target, share)


def contrast_terms(settings, found: list[Call], links: Links, epoch: int) -> Terms:
    """Losses of the calls, made from the last to be written to the first, named and weighted."""
    loss = {(call.kind, call.own): call.loss(settings.temperature) for call in reversed(found)}
    terms: Terms = {}
    for (kind, own), value in loss.items():
        if kind == "contrast":
            terms[f"{own.word} contrast"] = value
        elif kind == "cross":
            terms[f"{own.word} cross"] = settings.vra_weight * value
        elif kind == "augmented contrast":
            terms[kind] = value
    if links.groups:
        none = found[0].x.new_zeros(())
        halves = [loss.get(("merging", own), none) for own in Modality]
        terms["merging"] = um_weight(settings, epoch) * uniform_merging(
            *halves, delta=settings.delta
        )
    return terms


def neighbour_terms(settings, parts, sides: dict[Modality, Side], links: Links) -> Terms:
    """VRNL: the sum over the families of neighbours of this epoch."""
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
    return {"neighbours": settings.vrnl_weight * sum(found)} if found else {}


def um_weight(settings, epoch: int) -> float:
    """Weight of merging in an epoch of phase 2, counted from 0."""
    late = settings.um_weight_late is not None and epoch >= LATE
    return settings.um_weight_late if late else settings.um_weight
