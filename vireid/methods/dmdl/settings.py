"""Every setting of DMDL: what it may be, and which of them stage 1 reads."""

from dataclasses import dataclass
from typing import ClassVar

from vireid.data.augment import RECIPES
from vireid.data.pseudo_colour import MAPS
from vireid.data.views import legal_area
from vireid.losses.alignment import ESTIMATORS
from vireid.losses.metric import triplet_weight
from vireid.losses.refine import KINDS
from vireid.methods.controls import Controlled
from vireid.methods.dcl import DCL
from vireid.methods.dmdl.presets import PRESETS, ROWS, WORDS
from vireid.methods.dmdl.sources import SOURCES

CHOICES = {  # field -> what it may be
    "matching": ("cluster", "sample", "regdb_mix", "oracle", "none"),
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


def _erasing_fits(settings) -> bool:
    """Whether both largest shares fit the recipe's smallest."""
    smallest = RECIPES[settings.recipe].erasing_area[0]
    return all(legal_area((smallest, largest)) for largest in settings.erasing_max or ())


RELATIONS = (  # fields, what fits the whole method, what to do
    (
        "alternate_k1 k2",
        lambda s: s.matching == "none" or s.alternate_k1 is None or s.alternate_k1 >= s.k2,
        "k2 encodings are averaged out of a list of alternate_k1; give alternate_k1 >= k2, or None "
        "for k1",
    ),
    (
        "erasing_max recipe",
        _erasing_fits,
        "give the largest share of a picture in stages 1 and 2, each from 0.02 (the recipes' "
        "smallest) to below 1; erasing='none' erases nothing",
    ),
)
# What stage 1 reads only with CBT, with refined labels, and with alignment there
OF_CBT = frozenset("data alignment refine".split())
OF_REFINING = frozenset(
    "exchange certainty_loss certainty_scope gmm_include_noise stage1_topk".split()
)
OF_ALIGNMENT = frozenset("estimator stage1_alignment_weight".split())


@dataclass(kw_only=True)
class Settings(Controlled, DCL):
    """Settings of DMDL. Epochs count from 0 within a stage; None switches a schedule off.

    Parameters
    ----------
    k1, k2, eps, min_samples, temperature, momentum, identities, instances,
    camera_aware_sampling : as in ``DCL``
    alternate_k1 : k1 in stage 2 of the modality whose clusters are renamed; None = k1
    camera_clustering, camera_temperature, camera_eps : cluster by similarity to each camera's own
        clusters (appendix D); tau_c; DBSCAN radius within a camera
    matching : "cluster", "sample" or "regdb_mix", see ``imca_labels``; "oracle": true identities
        (an upper bound, not unsupervised); "none": nothing, and stage 2 does what stage 1 did
        from its first epoch on (the triplet's weight grows anew)
    centring : as in ``Controlled``, before the matching
    in_modality_term : contrast with the own modality's memory in stage 2
    cai, cai_weight : causal adjustment over both memories, or (False) the likelihood under the
        shared memory; lambda 1 of either, 0 is off
    prior : p(m) by "count" of labelled images, or "uniform"
    semi_cross : images also move the memory of the label space's modality, not only their own
    shared_order : views in the order in which they are written into the shared memory
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
    Source: DMDL (arXiv 2512.03745); defaults are the released code's for SYSU-MM01, but for
    ``bn_chunks`` (4 in the preset) and ``moves``.
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
    shared_order: str = "rpva"
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

    presets = PRESETS
    rows = ROWS
    later = frozenset({"centring"})
    words = WORDS
    published = {str(i): f"index {i}" for i in range(1, 8)}
    switches = {
        "cai": (True, False),
        "data": CHOICES["data"],
        "refine": (True, False),
        "exchange": (True, False),
        "adaptive": (True, False),
        "alignment": CHOICES["alignment"],
        "matching": ("cluster", "sample", "oracle", "none"),
        "centring": (False, True),
    }

    choices = CHOICES
    ranges, relations = RANGES, RELATIONS
    views = "varp"
    networks = {"agw": ("agw", {"stem": "shared"})}
    sources: ClassVar[dict[str, str]] = SOURCES
    stage2_fields = frozenset(
        "shared_order alternate_k1 matching centring in_modality_term cai cai_weight prior "
        "semi_cross triplet_starts_2 adaptive delta warmup predict_topk alignment_weight "
        "aligned_phase_start".split()
    )

    def __post_init__(self):
        super().__post_init__()
        for stage, name in ((1, "triplet_starts"), (2, "triplet_starts_2")):
            try:
                triplet_weight(0, stage=stage, starts=getattr(self, name))
            except ValueError as error:
                raise ValueError(f"{name}: {error}") from error
        if not self.in_modality_term and not self.cai_weight:
            raise ValueError("in_modality_term=False and cai_weight=0 leave stage 2 without labels")

    def stage1_config(self) -> dict:
        """Without what other settings keep stage 1 from reading."""
        config = super().stage1_config()
        if self.erasing_max is not None:
            config["erasing_max"] = 2 * [self.erasing_max[0]]
        return {k: v for k, v in config.items() if k not in self._unread_in_stage1()}

    def _unread_in_stage1(self) -> set[str]:
        cbt, refined = self.stage1_cbt, self.stage1_cbt and self.refine
        unread = {
            *(OF_CBT if not cbt else ()),
            *(OF_REFINING if not refined or self.stage1_refine_start is None else ()),
            *(OF_ALIGNMENT if not cbt or self.alignment == "none" else ()),
        }
        unread |= {"stage1_refine_start"} if not refined else set()
        unread |= {"colour_maps"} if not cbt or self.data != "pseudo_colour" else set()
        unread |= {"triplet_starts"} if self.triplet is not None else set()
        return unread | (set() if self.camera_clustering else {"camera_temperature", "camera_eps"})
