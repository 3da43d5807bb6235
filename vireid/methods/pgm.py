"""PGM: clusters are paired by progressive graph matching, and images also learn their partners.

Stage 1 is ``dcl``. In stage 2 one modality's images are contrasted with the other's memory under
their cluster's partner, too: visible ones in even epochs, infrared ones in odd.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch.nn.functional import normalize

from vireid.clustering import prototypes
from vireid.memory import RULES, Memory
from vireid.methods.dcl import LIGHT, M3SVD, REGDB, TINY
from vireid.methods.paired import CONTROLS, PAIRED_SOURCES, Paired, by_matching, small
from vireid.types import Batch, Embeddings, Modality, PseudoLabels

BOTH = {"infrared_identities": 16, "bn_chunks": 4}
OFFICIAL = BOTH | {"recipe": "pgm_stage1", "stage2_recipe": "pgm"}
OFFICIAL_REGDB = (
    BOTH | REGDB | {"epochs": (30, 30), "milestones": (10, 20), "stage2_rule": "sequential"}
)


class Call(NamedTuple):
    """One use of a memory: by whose images, whose memory, positions in the batch, rows of it."""

    name: str
    weight: float
    own: Modality
    memory: Modality
    at: torch.Tensor
    label: torch.Tensor


@dataclass(kw_only=True)
class PGM(Paired):
    """Progressive graph matching and alternate learning.

    Parameters
    ----------
    pairs : "pgm" or another way, see ``Paired``
    rounds : of the matching "pgm", see ``association.pgm``; 1 is plain bipartite matching
    cross : who is contrasted with the partners: "alternate" (visible images in even epochs of stage
        2, infrared ones in odd), or "both" always
    cross_weight : of that contrast; at 0 it has no loss, but its images are still written into
        memories: ``pairs="none"`` switches it off
    stage2_rule : how memories move in stage 2, a rule of ``Memory``
    own_last : a memory's own modality is written after the other one

    Where a cluster is single, its images take no part in the contrast with partners.
    Source: Wu & Ye, CVPR 2023; defaults are the released code's for SYSU-MM01. Differs: that script
    trains without partners in an epoch with fewer visible than infrared clusters (the sides swap
    roles here, as in its RegDB script) and stops at a single cluster. LLCM's preset is SYSU's.
    """

    name = "pgm"
    title = "PGM"
    source = "PGM, CVPR 2023"
    networks = {"agw": ("agw", {"inner": 1})}  # the code divides the reduction by itself

    momentum: float = 0.2
    pairs: str = "pgm"
    rounds: int | None = 2
    cross: str = "alternate"
    cross_weight: float = 0.25
    stage2_rule: str = "hard"
    own_last: bool = True

    notes = {"official_llcm": "ours: the settings for SYSU-MM01; no released script has LLCM"}
    presets = {
        "official": OFFICIAL,
        "official_regdb": OFFICIAL_REGDB,
        "official_llcm": OFFICIAL,
        "light": small(LIGHT),
        "tiny": small(TINY),
        "m3svd": small(M3SVD),
    }
    rows = {  # the parts one after the other; composed by us
        "dual contrast": {"pairs": "none"},
        "bipartite": {"rounds": 1, "cross": "both"},
        "progressive": {"rounds": 2, "cross": "both"},
        "progressive, alternate": {"rounds": 2, "cross": "alternate"},
    } | CONTROLS
    switches = {
        "pairs": ("pgm", "none", "oracle"),
        "rounds": (2, 1, None),
        "cross": ("alternate", "both"),
        "stage2_rule": ("hard", "sequential", "mean"),
        "centring": (False, True),
    }
    choices = {
        "pairs": ("pgm", "voted", "oracle", "none"),
        "cross": ("alternate", "both"),
        "stage2_rule": tuple(RULES),
    }
    ranges = (
        ("rounds", lambda v: v >= 1, "give a whole number >= 1, or None for all"),
        ("cross_weight", lambda v: v >= 0, "give a number >= 0; pairs=none switches it off"),
    )
    stage2_fields = Paired.stage2_fields | {
        "rounds", "cross", "cross_weight", "stage2_rule", "own_last",
    }  # fmt: skip
    sources = PAIRED_SOURCES | {
        "epochs": "code --epochs 50 (its log: 70 in stage 2), RegDB 30",
        "milestones": "code --step-size 20, RegDB 10 (default and log), begun anew in stage 2",
        "momentum": "code --momentum, 0.2 where the command says nothing",
        "identities": "code: visible batch 128 = 8 x 16, shown twice",
        "recipe": "code: SYSU's stage 1 also jitters infrared by 0.5, RegDB's does not",
        "stage2_recipe": "code: no infrared jitter in stage 2",
        "pairs": "paper and code",
        "rounds": "code: two rounds",
        "cross": "paper and code (alternate learning)",
        "cross_weight": "code: 0.25",
        "stage2_rule": "code: use_hard=True on SYSU, off on RegDB",
        "own_last": "code: partners' call comes last and is written first",
    }

    def relabel(self, train: Embeddings, epoch: int) -> dict[str, PseudoLabels]:
        """Labels and partners as in ``Paired``; remembers the epoch of stage 2 for the memories."""
        self.rule = self.stage2_rule if self.crosses(epoch) else "sequential"
        return super().relabel(train, epoch)

    def new_memory(self, x: torch.Tensor, label: np.ndarray) -> Memory:
        """A memory at the centroids of x (n, d), with this stage's rule."""
        start = prototypes(x, torch.as_tensor(label))
        return Memory(start, momentum=self.momentum, rule=self.rule, moves=self.moves)

    def find_partners(self, own: dict) -> tuple[np.ndarray, np.ndarray]:
        """(v2r, r2v) of the clusters' centroids, or another way."""
        if self.pairs == "pgm":
            return by_matching(own, rounds=self.rounds)
        return super().find_partners(own)

    def sides(self, epoch: int) -> list[Modality]:
        """Whose images are contrasted with their partners in an epoch."""
        if not self.crosses(epoch) or self.pairs == "none":
            return []
        if self.cross == "both":
            return list(Modality)
        return [Modality(self.schedule.stage_of(epoch)[1] % 2)]

    def loss_weights(self, epoch: int) -> dict[str, float]:
        """Stage 1's, and those of the images that learn their partners."""
        more = {f"{own.word} with partners": self.cross_weight for own in self.sides(epoch)}
        return super().loss_weights(epoch) | more

    def losses(self, batch: Batch, encode, epoch: int):
        """One step: contrast with the own memories, and of some images with their partners."""
        x = normalize(encode(batch).x)
        calls = self.calls(batch, epoch)
        terms = {c.name: c.weight * self.loss_of(x[c.at], c, batch) for c in reversed(calls)}
        yield {c.name: terms[c.name] for c in calls}
        for c in calls:
            self.memories[c.memory].update(x[c.at].detach(), c.label.to(x.device))

    def calls(self, batch: Batch, epoch: int) -> list[Call]:
        """Every use of a memory in a step, in the order of writing."""
        groups = self.written_calls(batch)
        mine = [
            Call(f"{own.word} contrast", 1.0, own, own, at, batch.label[at]) for own, at in groups
        ]
        theirs, sides = [], self.sides(epoch)
        for own, at in groups:
            if own in sides:
                partner = torch.as_tensor(self.partner[own])[batch.label[at]]
                known = partner >= 0
                name = f"{own.word} with partners"
                call = Call(name, self.cross_weight, own, own.other, at[known], partner[known])
                theirs += [call] * bool(known.any())
        return theirs + mine if self.own_last else mine + theirs

    def loss_of(self, x: torch.Tensor, call: Call, batch: Batch) -> torch.Tensor:
        """Contrast of a call's features (b, d) with its memory."""
        return self.contrast(x, call.label.to(x.device), self.memories[call.memory])
