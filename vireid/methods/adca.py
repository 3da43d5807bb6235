"""ADCA: dual contrastive learning, then visible prototypes start near their infrared partners'.

Stage 1 is ``dcl``. At the start of every epoch of stage 2 clusters are paired by votes of close
images, and a paired visible prototype is drawn to the infrared one; the losses stay as they were.
"""

from dataclasses import dataclass

import numpy as np
import torch

from vireid.methods.dcl import ADCA as CODE
from vireid.methods.dcl import LIGHT, M3SVD, REGDB, TINY
from vireid.methods.paired import CONTROLS, PAIRED_SOURCES, Paired, by_votes, small
from vireid.types import Embeddings, Modality, PseudoLabels

OFFICIAL = CODE | {"epochs": (50, 50)}


@dataclass(kw_only=True)
class ADCA(Paired):
    """Augmented dual-contrastive aggregation learning.

    Parameters
    ----------
    pairs : "voted" (cross-modality memory aggregation) or another way, see ``Paired``
    threshold : smallest cosine of two images that is a vote for their clusters, with "voted"
    kept : weight that a paired visible prototype keeps of itself, in [0, 1]

    Source: Yang et al., ACM MM 2022; defaults are the released code's for SYSU-MM01. No script of
    it knows LLCM; that preset is SYSU's.
    """

    name = "adca"
    title = "ADCA"
    source = "ADCA, ACM MM 2022"

    pairs: str = "voted"
    threshold: float = 0.5
    kept: float = 0.1

    notes = {"official_llcm": "ours: the settings for SYSU-MM01; no released script has LLCM"}
    presets = {
        "official": OFFICIAL,
        "official_regdb": OFFICIAL | REGDB,
        "official_llcm": OFFICIAL,
        "light": small(LIGHT),
        "tiny": small(TINY),
        "m3svd": small(M3SVD),
    }
    rows = {  # the parts one after the other; composed by us
        "dual contrast": {"pairs": "none"},
        "CMA": {"pairs": "voted"},
    } | CONTROLS
    switches = {"pairs": ("voted", "none", "oracle"), "threshold": (0.5, 0.3, 0.7)}
    switches |= {"centring": (False, True)}
    choices = {"pairs": ("voted", "pgm", "oracle", "none")}
    ranges = (
        ("threshold", lambda v: -1 <= v <= 1, "a cosine lies in [-1, 1]"),
        ("kept", lambda v: 0 <= v <= 1, "give a weight in [0, 1]"),
    )
    stage2_fields = Paired.stage2_fields | {"threshold", "kept"}
    sources = PAIRED_SOURCES | {
        "stage2_recipe": "code: as stage 1",
        "pairs": "paper and code (CMA)",
        "threshold": "code dist_list >= 0.5",
        "kept": "code lamda_cm = 0.1",
    }

    def relabel(self, train: Embeddings, epoch: int) -> dict[str, PseudoLabels]:
        """Labels and memories as in ``Paired``; then the aggregation of paired prototypes."""
        labels = super().relabel(train, epoch)
        if self.partner:
            self.aggregate()
        return labels

    def find_partners(self, own: dict) -> tuple[np.ndarray, np.ndarray]:
        """(v2r, r2v) by votes of close images, or another way."""
        if self.pairs == "voted":
            return by_votes(own, threshold=self.threshold)
        return super().find_partners(own)

    def aggregate(self) -> None:
        """Mix infrared prototypes into their visible partners; no unit rows until they move.

        Source: the released code, which means to move both sides, but reads infrared's new value
        from the row that it writes: those rows stay.
        """
        v2r = torch.as_tensor(self.partner[Modality.VISIBLE])
        visible, infrared = (self.memories[own] for own in Modality)
        mixed = visible.prototypes.clone()
        to = infrared.prototypes[v2r[v2r >= 0]]
        mixed[v2r >= 0] = self.kept * mixed[v2r >= 0] + (1 - self.kept) * to
        visible.prototypes = mixed
