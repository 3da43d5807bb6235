"""What phase 2 of MCF knows across the gap during one epoch: partners, neighbours, groups."""

from dataclasses import dataclass, field

import numpy as np
from torch import Tensor

from vireid.association import (
    camera_filter,
    cross_label,
    greedy_regions,
    local_clusters,
    neighbour_sets,
    shared_prototypes,
)
from vireid.losses import merge_groups, vrnl_terms
from vireid.memory import Memory
from vireid.methods.mcf.sides import Side
from vireid.types import Modality

LETTER = {"v": Modality.VISIBLE, "r": Modality.INFRARED}


@dataclass
class Links:
    """What crosses from image to image and cluster to cluster; empty where switched off.

    Parameters
    ----------
    shared : modality -> memory of its clusters pooled with their partners' images (VRA)
    cross : modality -> (n,) label of its images in the other's label space, -1 none (VRA)
    groups : modality -> clusters that share a partner (UM)
    sets : "vv", "rr", "vr", "rv" -> a neighbour set for each image of the first modality (VRNL)
    """

    shared: dict[Modality, Memory] = field(default_factory=dict)
    cross: dict[Modality, Tensor] = field(default_factory=dict)
    groups: dict[Modality, list] = field(default_factory=dict)
    sets: dict[str, list] = field(default_factory=dict)


def link(settings, sides: dict[Modality, Side], similarity, *, epoch: int, regions: int) -> Links:
    """Find partners, shared memories, groups and neighbours of an epoch, as ``settings`` (MCF) say.

    ``similarity`` (K_v, K_r) of clusters is what is matched; None when a modality has no clusters.
    ``epoch`` counts from 0 within phase 2.
    """
    links = Links()
    if similarity is not None and (settings.vra or settings.um):
        matched = greedy_regions(similarity, max_matches=settings.max_matches)
        if settings.um:
            groups = merge_groups(*matched, similarity, group=settings.um_group)
            links.groups = dict(zip(Modality, groups, strict=True))
            if settings.um_sides == "larger":
                links.groups.pop(fewer(sides))
        if settings.vra:
            share(settings, links, sides, matched)
    if settings.vrnl:
        for name in vrnl_terms(epoch, combine=settings.combine):
            links.sets[name] = near(settings, sides, name, regions)
    return links


def fewer(sides: dict[Modality, Side]) -> Modality:
    """The modality with fewer clusters; infrared when there are as many."""
    visible, infrared = (len(sides[own].memory) for own in Modality)
    return Modality.VISIBLE if infrared > visible else Modality.INFRARED


def share(settings, links: Links, sides: dict[Modality, Side], matched) -> None:
    """Cross labels of all images, and each modality's prototypes pooled with its partners."""
    for own, partners in zip(Modality, matched, strict=True):
        links.cross[own] = cross_label(sides[own].label, partners)
    for own in Modality:
        side, other = sides[own], sides[own.other]
        phi = shared_prototypes(
            side.x, side.label, other.x, links.cross[own.other], clusters=len(side.memory)
        )
        links.shared[own] = Memory(phi, momentum=settings.shared_momentum, moves=settings.moves)


def near(settings, sides: dict[Modality, Side], name: str, regions: int) -> list[Tensor]:
    """Neighbour sets of one family, e.g. "vr": of visible images among infrared ones."""
    own, other = (sides[LETTER[letter]] for letter in name)
    sets = neighbour_sets(
        own.x, other.x, regions=regions, rho=settings.rho, min_regions=settings.min_regions
    )
    if own is not other or not settings.camera_filter:
        return sets
    local = local_clusters(
        own.x,
        own.camera,
        eps=settings.local_eps,
        k1=settings.k1,
        k2=settings.k2,
        min_samples=settings.min_samples,
    )
    return camera_filter(sets, own.camera, own.camera, local, local)


def joint_label(sides: dict[Modality, Side], links: Links, n: int) -> np.ndarray:
    """(n,) labels of all images in the infrared label space; -1 outliers, unmatched clusters."""
    label = np.full(n, -1)
    visible, infrared = (sides[m] for m in Modality)
    label[visible.rows] = links.cross[Modality.VISIBLE].cpu()
    label[infrared.rows] = infrared.label.cpu()
    return label
