"""N-ULC: PGM's training with labels averaged over neighbours, and doubtful images weighted down.

Where an image's neighbours sit in its own modality's clusters, and where its neighbours across the
gap sit in the other's, says how much to trust its cluster and its partner.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch.nn.functional import one_hot

from vireid.association import neighbour_labels
from vireid.losses import cluster_contrast
from vireid.methods.dcl import LIGHT, M3SVD, TINY
from vireid.methods.paired import CONTROLS, small
from vireid.methods.pgm import BOTH, PGM, Call
from vireid.neighbours import nearest
from vireid.types import Batch, Embeddings, Modality, PseudoLabels

OFFICIAL_REGDB = BOTH | {"iterations": 100, "eps": 0.2, "neighbours": 20, "rounds": 2}


@dataclass(kw_only=True)
class NULC(PGM):
    """Relieving universal label noise by inferring from neighbours.

    Parameters
    ----------
    neighbours : images in a neighbourhood, of either modality; the image itself is one of its own
        modality's
    balance : share of the hard label in the target, in [0, 1]; 1 has hard targets
    strictness : how fast a sample's weight falls with its neighbours' disagreement; 0 = all weigh 1

    In stage 2 an image's target is balance x its (partner) cluster + (1 - balance) x its
    ``neighbour_labels`` p, its weight exp(-strictness (1 - p_y)^2).
    Source: N-ULC, AAAI 2025; defaults are the released code's for SYSU-MM01. Differs: as ``PGM``;
    an image whose neighbours are all outliers has a hard target. LLCM's preset is SYSU's.
    """

    name = "nulc"
    title = "N-ULC"
    source = "N-ULC, AAAI 2025"
    networks = {"agw": ("agw", {"non_local": False})}  # built with no_local "down", which is off

    pairs: str = "pgm"
    rounds: int | None = 3
    cross_weight: float = 3.0
    stage2_rule: str = "sequential"
    neighbours: int = 30
    balance: float = 0.7
    strictness: float = 10.0

    notes = {"official_llcm": "ours: the settings for SYSU-MM01; no released script has LLCM"}
    presets = {
        "official": BOTH,
        "official_regdb": OFFICIAL_REGDB,
        "official_llcm": BOTH,
        "light": small(LIGHT, neighbours=16),
        "tiny": small(TINY, neighbours=8),
        "m3svd": small(M3SVD, neighbours=8),
    }
    rows = {  # the parts one after the other; composed by us
        "dual contrast": {"pairs": "none"},
        "partners": {"balance": 1.0, "strictness": 0.0},
        "soft labels": {"strictness": 0.0},
        "weights": {"balance": 1.0},
        "soft labels, weights": {"balance": 0.7, "strictness": 10.0},
    } | CONTROLS
    switches = {
        "pairs": ("pgm", "none", "oracle"),
        "balance": (0.7, 1.0, 0.5),
        "strictness": (10.0, 0.0, 5.0),
        "cross": ("alternate", "both"),
        "centring": (False, True),
    }
    ranges = (
        ("neighbours", lambda v: v >= 1, "give a whole number >= 1"),
        ("balance", lambda v: 0 <= v <= 1, "give a share in [0, 1]"),
        ("strictness", lambda v: v >= 0, "give a number >= 0; 0 is off"),
    )
    stage2_fields = PGM.stage2_fields | {"neighbours", "balance", "strictness"}
    sources = PGM.sources | {
        "epochs": "code --epochs 50",
        "eps": "code: 0.6, RegDB's command --eps 0.2",
        "recipe": "code: jitter of the second visible view only",
        "stage2_recipe": "code: as stage 1",
        "rounds": "code: a third round where singles outnumber the smaller side; RegDB two",
        "cross_weight": "README --lambda1 3.0",
        "stage2_rule": "code without --use-hard",
        "neighbours": "README --neighbour 30, RegDB 20",
        "balance": "README --balance 0.7",
        "strictness": "README --coe 10.0",
    }

    def relabel(self, train: Embeddings, epoch: int) -> dict[str, PseudoLabels]:
        """Labels and partners as in ``PGM``; in stage 2 also what the neighbours say of them."""
        labels = super().relabel(train, epoch)
        self.told = {}
        if self.partner:
            self.place = np.zeros(len(train), dtype=np.int64)  # row of the table -> row of its side
            for own in Modality:
                self.place[self.modality == own] = np.arange((self.modality == own).sum())
            for own in Modality:
                for other in Modality:
                    self.told[own, other] = self.neighbourhood(train, labels, own, other)
        return labels

    def neighbourhood(self, train: Embeddings, labels, own: Modality, other: Modality):
        """Neighbour labels (n_own, K_other) of one modality's images in a modality's clusters."""
        x, base = train.of(own).x, train.of(other).x
        index = nearest(x, self.neighbours, among=None if own == other else base)[0]
        label = labels[other.word].label[self.modality == other]
        return neighbour_labels(index, label, clusters=len(self.memories[other]))

    def loss_of(self, x: torch.Tensor, call: Call, batch: Batch) -> torch.Tensor:
        """Weighted contrast with soft targets; in stage 1 as in ``DCL``."""
        if not self.told:
            return super().loss_of(x, call, batch)
        place, memory = self.place[batch.rows[call.at]], self.memories[call.memory]
        soft = self.told[call.own, call.memory][place].to(x.device)
        label = call.label.to(x.device)
        agreed = soft.gather(1, label[:, None])[:, 0]
        hard = one_hot(label, len(memory)).to(soft)
        soft = torch.where(soft.sum(1, keepdim=True) > 0, soft, hard)
        return cluster_contrast(
            x,
            self.balance * hard + (1 - self.balance) * soft,
            memory.seen_by(label),
            temperature=self.temperature,
            weight=(-self.strictness * (1 - agreed) ** 2).exp(),
        )
