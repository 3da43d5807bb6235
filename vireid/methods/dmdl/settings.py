"""Every setting of DMDL with its source; the presets, Table 3's rows and the figures' variants."""

from dataclasses import dataclass
from typing import ClassVar

from vireid.data.pseudo_colour import MAPS
from vireid.losses.alignment import ESTIMATORS
from vireid.losses.metric import triplet_weight
from vireid.losses.refine import KINDS
from vireid.methods.dcl import DCL, LIGHT, M3SVD, TINY

CHOICES = {  # field -> what it may be
    "matching": ("cluster", "sample", "regdb_mix"),
    "prior": ("count", "uniform"),
    "data": ("pseudo_colour", "random", "none"),
    "colour_maps": MAPS,
    "certainty_loss": KINDS,
    "certainty_scope": ("cluster", "global"),
    "alignment": ("views", "modalities", "none"),
    "estimator": ESTIMATORS,
    "erasing": (None, "constant", "noise", "none"),
}
RANGES = (  # fields, test, what to give; None passes where a field may be None
    ("temperature camera_temperature", lambda v: v > 0, "give a number > 0; usual is 0.05"),
    ("momentum delta", lambda v: 0 < v <= 1, "give a number in (0, 1]; usual is 0.2"),
    (
        "cai_weight alignment_weight stage1_alignment_weight triplet triplet_margin",
        lambda v: v >= 0,
        "give a number >= 0; a weight of 0 is off",
    ),
    (
        "warmup stage1_refine_start aligned_phase_start",
        lambda v: v >= 0,
        "epochs of a stage count from 0",
    ),
    (
        "alternate_k1 predict_topk stage1_topk",
        lambda v: v >= 1,
        "give a whole number >= 1",
    ),
)
REGDB = {"eps": 0.3, "iterations": 100}
FOUR_CARDS = {"bn_chunks": 4}
LLCM = {"k1": 25}
PAPER = {
    "identities": 16,
    "camera_aware_sampling": False,
    "erasing": "constant",
    "erasing_max": (0.4, 0.4),
    "colour_maps": "sampled",
    "alternate_k1": None,
    "semi_cross": False,
    "certainty_loss": "ce",
    "certainty_scope": "global",
    "gmm_include_noise": False,
    "warmup": 0,
    "predict_topk": None,
    "stage1_cbt": False,
    "aligned_phase_start": None,
}
PLAIN = {"data": "none", "refine": False, "alignment": "none"}
# The paper's cross-modality loss without CAI is L_c alone; the released L_in + 0.5 CAI, with L_c in
# CAI's place, is what the controlled rows keep so that they differ from rows 2 and 7 in CAI only.
LIKELIHOOD = {"cai": False, "in_modality_term": False, "cai_weight": 1.0}
CONTROLLED = {"cai": False}


def _from_plain_stage_1(rows: dict[str, dict]) -> dict[str, dict]:
    """The paper's tables and figures start from a stage 1 without painting and alignment."""
    return {name: {"stage1_cbt": False} | changes for name, changes in rows.items()}


def _small(settings: dict, **changes) -> dict:
    """The small worlds' settings of stage 1, without what this method has not.

    Stage 2 has twice the batches per epoch: one step each here, where BMIL and its controls take
    two steps per batch, so that all take as many.
    """
    kept = {k: v for k, v in settings.items() if k != "subset_ratio"}
    return kept | {"stage2_iterations": 2 * kept["iterations"]} | changes


@dataclass(kw_only=True)
class Settings(DCL):
    """Settings of DMDL. Epochs count from 0 within a stage; None switches a schedule off.

    Parameters
    ----------
    k1, k2, eps, min_samples, temperature, momentum, identities, instances,
    camera_aware_sampling : as in ``DCL``
    alternate_k1 : k1 in stage 2 of the modality whose clusters are renamed; None = k1
    camera_clustering, camera_temperature, camera_eps : cluster by similarity to each camera's own
        clusters (appendix D); tau_c; DBSCAN radius within a camera
    matching : "cluster", "sample" or "regdb_mix", see ``imca_labels``
    in_modality_term : contrast with the own modality's memory in stage 2
    cai, cai_weight : causal adjustment over both memories, or (False) the likelihood under the
        shared memory; lambda 1 of either, 0 is off
    prior : p(m) by "count" of labelled images, or "uniform"
    semi_cross : images also move the memory of the label space's modality, not only their own
    triplet : a fixed weight; None = growing from 0 to 1
    triplet_starts, triplet_starts_2 : epochs at which it grows in stages 1 and 2; see
        ``triplet_weight``
    triplet_margin : margin of the triplet terms
    data : infrared's second view: "pseudo_colour", "random" jitter in its place, or "none" for no
        second view
    colour_maps : see ``pseudo_colour``
    erasing, erasing_max : kind, and largest share of the picture in stages 1 and 2; None = as in
        the recipe
    refine : soft labels from certainty and predictions (eq. 8-13), else hard ones
    exchange : predictions of the other view; False = of the same. A modality with one view has
        only its own
    adaptive, delta : a doubtful label moves the shared memory less (eq. 13), else all by
        ``momentum``; delta
    certainty_loss, certainty_scope : "neg_prob" or "ce"; a mixture per "cluster" or one "global"
    gmm_include_noise : outliers, as images of the last cluster, shift the scale of the losses and
        enter the global mixture
    warmup : first epoch of stage 2 with refined labels
    predict_topk : clusters in a prediction; None = all
    alignment, alignment_weight, estimator : "views" of one modality (eq. 14) or "modalities"
        (eq. 16); lambda 2, 0 is off; see ``feature_alignment``
    stage1_cbt : ``data``, ``refine`` and ``alignment`` also act in stage 1
    stage1_refine_start, stage1_topk, stage1_alignment_weight : there, with the own memory in the
        place of the shared one
    aligned_phase_start : epoch of stage 2 from which both modalities show the same clusters and a
        triplet over both is added, the triplets' growing weight being 1

    Raises ValueError for settings out of range.
    Source: DMDL (arXiv 2512.03745); defaults are the released code's for SYSU-MM01.
    """

    # What stage 1 of other methods can do and this one cannot: no fields here.
    memory: ClassVar[str] = "single"
    hinge: ClassVar[float] = 0.0
    subset_ratio: ClassVar[float] = 1.0
    infrared_identities: ClassVar[None] = None

    recipe: str = "dmdl"
    momentum: float = 0.2
    alternate_k1: int | None = 15
    camera_clustering: bool = False
    camera_temperature: float = 0.05
    camera_eps: float = 0.55
    write_order: str = "varp"
    matching: str = "cluster"
    in_modality_term: bool = True
    cai: bool = True
    cai_weight: float = 0.5
    prior: str = "count"
    semi_cross: bool = True
    triplet: float | None = None
    triplet_starts: tuple[int, ...] = (16, 26, 36)
    triplet_starts_2: tuple[int, ...] = (11, 21)
    triplet_margin: float = 0.3
    data: str = "pseudo_colour"
    colour_maps: str = "official"
    erasing: str | None = None
    erasing_max: tuple[float, float] | None = None
    refine: bool = True
    exchange: bool = True
    adaptive: bool = True
    delta: float = 0.2
    certainty_loss: str = "neg_prob"
    certainty_scope: str = "cluster"
    gmm_include_noise: bool = True
    warmup: int = 5
    predict_topk: int | None = 10
    alignment: str = "views"
    alignment_weight: float = 1.0
    estimator: str = "official"
    stage1_cbt: bool = True
    stage1_refine_start: int | None = 30
    stage1_topk: int | None = 3
    stage1_alignment_weight: float = 1.0
    aligned_phase_start: int | None = 40

    presets = {
        "official": FOUR_CARDS,
        "official_regdb": FOUR_CARDS
        | REGDB
        | {"epochs": (30, 30), "alternate_k1": None, "matching": "regdb_mix"}
        | {"certainty_scope": "global", "erasing_max": (0.5, 0.6), "aligned_phase_start": 25},
        "official_llcm": FOUR_CARDS | LLCM,
        "paper": PAPER,
        "paper_regdb": PAPER | REGDB,
        "paper_llcm": PAPER | LLCM,
        # Epoch numbers keep their share of a stage of 50, k1 its half in the renamed modality.
        "light": _small(
            LIGHT,
            alternate_k1=8,
            triplet_starts=(2, 4, 5),
            triplet_starts_2=(2, 3),
            warmup=1,
            stage1_refine_start=4,
            aligned_phase_start=6,
        ),
        "tiny": _small(
            TINY,
            alternate_k1=4,
            triplet_starts=(1, 2, 2),
            triplet_starts_2=(1, 2),
            warmup=1,
            stage1_refine_start=1,
            aligned_phase_start=2,
        ),
        "m3svd": _small(
            M3SVD,
            alternate_k1=4,
            triplet_starts=(2, 3, 4),
            triplet_starts_2=(2, 3),
            warmup=1,
            stage1_refine_start=3,
            aligned_phase_start=5,
        ),
    }
    rows = _from_plain_stage_1(
        {
            # Table 3
            "1": PLAIN | LIKELIHOOD,
            "2": PLAIN,
            "3": {"refine": False, "alignment": "none"},
            "4": {"alignment": "none"},
            "5": {"refine": False},
            "6": LIKELIHOOD,
            "7": {},
            "1-controlled": PLAIN | CONTROLLED,
            "6-controlled": CONTROLLED,
            # Fig. 5
            "random-aug": {"data": "random"},
            "no-exchange": {"exchange": False},
            "no-adaptive": {"adaptive": False},
            "mmd": {"alignment": "modalities"},
            # Appendix D
            "camera": {"camera_clustering": True},
            # Fig. C.1 beside row 1, which is dynamic; the paper's two fixed weights are lost
            "triplet-0.25": PLAIN | LIKELIHOOD | {"triplet": 0.25},
            "triplet-1": PLAIN | LIKELIHOOD | {"triplet": 1.0},
            # Fig. 6; the paper's grid is lost
            **{f"lambda1-{v}": {"cai_weight": v} for v in (0.0, 0.25, 0.5, 0.75, 1.0)},
            **{f"lambda2-{v}": {"alignment_weight": v} for v in (0.0, 0.5, 1.0, 1.5, 2.0)},
        }
    ) | {"7-released": {"stage1_cbt": True}}
    published = {str(i): f"index {i}" for i in range(1, 8)}
    switches = {
        "cai": (True, False),
        "data": CHOICES["data"],
        "refine": (True, False),
        "exchange": (True, False),
        "adaptive": (True, False),
        "alignment": CHOICES["alignment"],
    }

    choices = CHOICES
    ranges = RANGES
    views = "varp"
    networks = {"agw": ("agw", {"stem": "shared"})}

    def __post_init__(self):
        super().__post_init__()
        for stage, starts in ((1, self.triplet_starts), (2, self.triplet_starts_2)):
            triplet_weight(0, stage=stage, starts=starts)
        if not self.in_modality_term and not self.cai_weight:
            raise ValueError("in_modality_term=False and cai_weight=0 leave stage 2 without labels")
