"""What ADCA, PGM and N-ULC share: stage 2 pairs the clusters of both modalities, every epoch."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from vireid.association import pgm, voted
from vireid.clustering import consecutive, prototypes
from vireid.data.augment import RECIPES, Recipe
from vireid.methods.controls import Controlled, controls
from vireid.methods.dcl import DCL, SOURCES
from vireid.types import Embeddings, Modality, PseudoLabels

ABSENT = ("memory", "hinge", "subset_ratio")  # of dual contrast, and not of these
PAIRED_SOURCES = {k: v for k, v in SOURCES.items() if k not in ABSENT} | {
    "stage2_recipe": "code",
    "pairs": "paper and code",
    "centring": "ours, a control",
}
CONTROLS = controls(prolonged={"pairs": "none"}, oracle={"pairs": "oracle"})


def small(settings: dict, **changes) -> dict:
    """The small worlds' settings; stage 2 takes as many steps as BMIL's two a batch."""
    kept = {k: v for k, v in settings.items() if k not in ABSENT}
    return kept | {"stage2_iterations": 2 * kept["iterations"]} | changes


@dataclass(kw_only=True)
class Paired(Controlled, DCL):
    """Dual contrast, with partners across the gap in stage 2.

    Parameters
    ----------
    pairs : how clusters find their partners: "voted" (ADCA's way) or "pgm" (PGM's), "oracle" (true
        identities, an upper bound, not unsupervised), or "none": stage 1's losses go on, with stage
        2's recipe and, in PGM and N-ULC, its memory rule
    centring : as in ``Controlled``, before partners are found
    stage2_recipe : augmentation of stage 2, a name of ``data.augment.RECIPES``; None = no change
    """

    # What dual contrast can do and these methods do not: no fields here.
    memory: ClassVar[str] = "single"
    hinge: ClassVar[float] = 0.0
    subset_ratio: ClassVar[float] = 1.0

    pairs: str = "oracle"
    stage2_recipe: str | None = None

    choices = {"pairs": ("oracle", "none"), "stage2_recipe": (None, *RECIPES)}
    stage2_fields = frozenset({"pairs", "centring", "stage2_recipe"})
    later = frozenset({"centring"})
    sources = PAIRED_SOURCES

    @property
    def unsupervised(self) -> bool:
        """False where true identities pair the clusters."""
        return self.pairs != "oracle"

    def augmentation(self, epoch: int) -> Recipe:
        """The recipe of the epoch's stage."""
        changed = self.crosses(epoch) and self.stage2_recipe
        return RECIPES[self.stage2_recipe] if changed else super().augmentation(epoch)

    def crosses(self, epoch: int) -> bool:
        """Whether an epoch is one of stage 2."""
        return self.schedule.stage_of(epoch)[0] == 2

    def relabel(self, train: Embeddings, epoch: int) -> dict[str, PseudoLabels]:
        """Labels within the modalities; in stage 2 the clusters' partners, and both as one."""
        labels = super().relabel(train, epoch)
        self.partner = None
        if self.crosses(epoch) and self.pairs != "none":
            seen = self.compared(train)
            own = {m: (seen.of(m), labels[m.word].label[self.modality == m]) for m in Modality}
            sizes = [1 + label.max(initial=-1) for _, label in own.values()]
            self.partner = dict(zip(Modality, checked(self.find_partners(own), sizes), strict=True))
            labels["global"] = self.as_one(labels)
        return labels

    def find_partners(self, own: dict) -> tuple[np.ndarray, np.ndarray]:
        """(v2r, r2v) of modality -> (embeddings, labels), as ``pairs`` says."""
        if self.pairs in PAIRINGS:
            return PAIRINGS[self.pairs](own)
        sides, labels = zip(*own.values(), strict=True)
        number = consecutive(np.concatenate([side.identity.numpy() for side in sides]))
        people = 1 + number.max(initial=-1)
        person = np.eye(people + 2, dtype=np.float32)  # a column for each modality's unknown
        parts = np.split(number, [len(sides[0])])
        named = [person[np.where(part < 0, people + m, part)] for m, part in enumerate(parts)]
        return voted(*named, *labels)

    def as_one(self, labels: dict[str, PseudoLabels]) -> PseudoLabels:
        """One number for all clusters that are linked by partners: what the pairing claims."""
        number = dict(zip(Modality, linked(*self.partner.values()), strict=True))
        label = np.full(len(self.modality), -1)
        for own in Modality:
            kept = labels[own.word].kept
            label[kept] = number[own][labels[own.word].label[kept]]
        return PseudoLabels(label)


def checked(partners, sizes: list[int]) -> list[np.ndarray]:
    """(v2r, r2v) as arrays; ``sizes`` are the numbers of visible and infrared clusters.

    Raises ValueError unless each cluster has one of the other modality's, or -1.
    """
    tables = [np.asarray(t) for t in partners] if isinstance(partners, tuple | list) else []
    for own, table in zip(Modality, tables, strict=False):
        n, others = sizes[own], sizes[own.other]
        if table.shape != (n,) or table.dtype.kind not in "iu":
            told = f"shape {table.shape} and {table.dtype} numbers"
        elif n and not -1 <= table.min() <= table.max() < others:
            told = f"numbers from {table.min()} to {table.max()}"
        else:
            continue
        raise ValueError(
            f"find_partners gives a table with {told} for the {own.word} clusters; give each of "
            f"the {n} one of the {others} {own.other.word} clusters, counted from 0, or -1 for none"
        )
    if len(tables) != len(sizes):
        raise ValueError(f"find_partners gives {len(tables)} tables; give two, (v2r, r2v)")
    return tables


def by_votes(own: dict, **options) -> tuple[np.ndarray, np.ndarray]:
    """(v2r, r2v) of modality -> (embeddings, labels) by votes of close images, as in ADCA."""
    (v, y_v), (r, y_r) = own.values()
    return voted(v.x.numpy(), r.x.numpy(), y_v, y_r, **options)


def by_matching(own: dict, **options) -> tuple[np.ndarray, np.ndarray]:
    """(v2r, r2v) of modality -> (embeddings, labels): clusters' centroids matched, as in PGM."""
    return pgm(*(prototypes(side.x, label).numpy() for side, label in own.values()), **options)


PAIRINGS = {"voted": by_votes, "pgm": by_matching}


def linked(v2r: np.ndarray, r2v: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Numbers from 0 for (visible, infrared) clusters, equal where partners link them."""
    edges = [(i, len(v2r) + j) for i, j in enumerate(v2r) if j >= 0]
    edges += [(i, len(v2r) + j) for j, i in enumerate(r2v) if i >= 0]
    row, column = np.array(edges, dtype=np.int64).reshape(-1, 2).T
    n = len(v2r) + len(r2v)
    graph = coo_array((np.ones(len(row), np.int8), (row, column)), shape=(n, n))
    number = connected_components(graph, directed=False)[1]
    return number[: len(v2r)], number[len(v2r) :]
