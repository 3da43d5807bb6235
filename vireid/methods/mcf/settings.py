"""Every setting of MCF: its modules, diversity and neighbours as TokenMatcher has them; rows.

Presets are in ``presets``, where each setting comes from in ``sources``.
"""

from dataclasses import dataclass

from vireid.data.augment import RECIPES
from vireid.methods import limits
from vireid.methods.base import Method
from vireid.methods.controls import Controlled, controls
from vireid.methods.mcf.phases import Phases
from vireid.methods.mcf.presets import NOTES, PRESETS
from vireid.methods.mcf.sources import SOURCES
from vireid.models.modality_classifier import WIDTHS

CHOICES = {  # field -> what it may be
    "clustering": ("intra", "joint", "oracle"),
    "ca_memory": ("shared", "own"),
    "identity_mode": ("ratio", "difference"),
    "combine": ("alternate", "sum"),
    "classifier": tuple(WIDTHS),
    "reduction": ("pair", "query"),
    "um_group": ("partner", "linked"),
    "um_sides": ("both", "larger"),
    "stage2_recipe": (None, *RECIPES),
}
WEIGHTS = "identity_weight diversity alpha beta vrnl_weight maal_warmup"
RANGES = (  # fields, what fits (None is always allowed), what to do
    ("k1 k2 joint_k1 joint_k2 min_samples", lambda v: v >= 1, "give a whole number >= 1"),
    limits.RADIUS,
    (WEIGHTS, lambda v: v >= 0, "give a number >= 0; 0 is off"),
    (
        "vra_weight um_weight um_weight_late",
        lambda v: v >= 0,
        "give a number >= 0; vra=False, um=False switch them off, 0 still writes into memories",
    ),
    ("temperature classifier_lr", lambda v: v > 0, "give a number > 0"),
    ("rho", lambda v: 0 < v <= 1, "give a share in (0, 1]"),
    (
        "momentum shared_momentum stage2_momentum",
        lambda v: 0 < v <= 1,
        "give a weight of the old prototype in (0, 1]",
    ),
    ("max_matches min_regions instances", lambda v: v >= 1, "give a whole number >= 1"),
    ("identities infrared_identities", lambda v: v >= 2, "contrast needs at least 2"),
)
RELATIONS = (  # fields, what fits the whole method, what to do
    limits.LISTS,
    limits.SECOND_VIEW,
    (
        "joint_k1 joint_k2",
        lambda s: s.clustering != "joint" or s.joint_k2 <= s.joint_k1,
        "joint_k2 encodings are averaged out of a list of joint_k1; give joint_k2 from 1 to that",
    ),
)
OFF = {"pa_cbam": False, "maal": False, "vra": False, "vrnl": False, "um": False}
STAGE2 = frozenset(  # what nothing reads before stage 2
    "vra vra_weight max_matches shared_momentum own_last vrnl vrnl_weight rho min_regions combine "
    "reduction camera_filter local_eps um um_weight um_weight_late delta um_group um_sides "
    "stage2_momentum stage2_lr stage2_recipe stage2_iterations".split()
)
JOINT = ("joint_k1", "joint_k2", "centring")  # stage 1 reads them with clustering="joint" alone


@dataclass(kw_only=True)
class Settings(Controlled, Method):
    """Settings of the multi-module collaborative framework.

    Parameters
    ----------
    k1, k2, eps, min_samples : Jaccard neighbourhoods and DBSCAN of one modality
    clustering, joint_k1, joint_k2 : "intra" clusters each modality alone; "joint" their union with
        the balanced distance (joint_k1, joint_k2) and splits every cluster by modality; "oracle"
        takes true identities and true partners (an upper bound, not unsupervised)
    centring : as in ``Controlled``, before matching and joint clustering
    temperature : tau of all contrasts
    momentum, shared_momentum : weight of the old prototype, of one modality's and of shared ones
    stage2_momentum : of one modality's in stage 2; None = momentum
    own_last : in a shared memory the own modality's images are written last, else the other's
    ca_memory : "shared", augmented pictures contrast with the visible memory; "own", with theirs
    identities, infrared_identities, instances : clusters per batch (None = as visible), images each
    camera_aware_sampling : in stage 1 prefer mates from other cameras than the anchor's
    pa_cbam : channel and place attention in the network, on or off
    identity_weight, identity_mode : lambda of the identity-consistency term and its form
    diversity : weight of the token-diversity term
    maal, alpha, beta : the modality game; weights of its two sides
    maal_warmup : epochs in which the game's classifier learns and the network is not yet told to
        fool it
    classifier, classifier_lr : "official" or "light" widths; rate of its SGD
    vra, vra_weight, max_matches : greedy matching with shared memories; alpha_1 (at 0 its images
        still move them); mu
    vrnl, vrnl_weight, rho, min_regions : regional neighbours; alpha_2; see ``neighbour_sets``
    combine, reduction : see ``vrnl_terms`` and ``neighbour``
    camera_filter, local_eps : strike same-camera neighbours of another local cluster
    um, um_weight, delta, um_group : merging; alpha_3; weights of the sides; see ``merge_groups``
    um_weight_late : alpha_3 from epoch 36 of stage 2 on, counted from 0; None = no change
    um_sides : "both", or the "larger": clusters of the modality that has more of them
    stage2_lr, lr_floor : see ``Phases``
    recipe, stage2_recipe : augmentation, a name of ``data.augment.RECIPES``; None = no change

    Raises ValueError for settings out of range.
    Source: multi-module framework; what its text lost is TokenMatcher's (TM), PCAL's or inferred.
    """

    k1: int = 30
    k2: int = 6
    eps: float = 0.6
    min_samples: int = 4
    clustering: str = "intra"
    joint_k1: int = 40
    joint_k2: int = 32
    temperature: float = 0.05
    momentum: float = 0.2
    shared_momentum: float = 0.8
    stage2_momentum: float | None = None
    own_last: bool = True
    ca_memory: str = "shared"
    identities: int = 4
    infrared_identities: int | None = None
    instances: int = 16
    camera_aware_sampling: bool = True
    pa_cbam: bool = True
    identity_weight: float = 0.1
    identity_mode: str = "ratio"
    diversity: float = 1.0
    maal: bool = True
    alpha: float = 1.0
    beta: float = 0.1
    maal_warmup: int = 0
    classifier: str = "official"
    classifier_lr: float = 0.01
    vra: bool = True
    vra_weight: float = 0.4
    max_matches: int = 3
    vrnl: bool = True
    vrnl_weight: float = 0.5
    rho: float = 0.9
    min_regions: int | None = None
    combine: str = "alternate"
    reduction: str = "pair"
    camera_filter: bool = True
    local_eps: float | None = None
    um: bool = True
    um_weight: float = 0.03
    um_weight_late: float | None = None
    delta: tuple[float, float] = (0.6, 0.4)
    um_group: str = "partner"
    um_sides: str = "both"
    stage2_lr: float = 3.5e-5
    lr_floor: tuple[float, float] | None = None
    stage2_recipe: str | None = None

    presets, notes = PRESETS, NOTES
    sources = SOURCES
    stage2_fields = STAGE2
    rows = {  # the ablation in the paper's text; its table is lost, whether PA-CBAM is in R6 too
        "R1": OFF,
        "R2": OFF | {"pa_cbam": True},
        "R3": OFF | {"um": True},
        "R4": OFF | {"vrnl": True},
        "R5": OFF | {"maal": True, "vra": True},
        "R6": OFF | {"maal": True, "vra": True, "vrnl": True},
        "R7": {"pa_cbam": True, "maal": True, "vra": True, "vrnl": True, "um": True},
    } | controls(
        prolonged={"vra": False, "vrnl": False, "um": False}, oracle={"clustering": "oracle"}
    )
    words = {
        "R1": "none of the modules",
        "R2": "attention (PA-CBAM)",
        "R3": "merging (UM)",
        "R4": "regional neighbours (VRNL)",
        "R5": "modality game and greedy matching (MAAL, VRA)",
        "R6": "MAAL, VRA, VRNL",
        "R7": "all modules: MCF",
    }
    switches = {
        "pa_cbam": (True, False),
        "maal": (True, False),
        "vra": (True, False),
        "vrnl": (True, False),
        "um": (True, False),
        "clustering": ("intra", "joint", "oracle"),
        "centring": (False, True),
    }

    choices = CHOICES
    ranges, relations = RANGES, RELATIONS

    def __post_init__(self):
        super().__post_init__()
        if len(self.delta) != 2 or min(self.delta) < 0 or sum(self.delta) <= 0:
            raise ValueError(f"delta={self.delta}: give two weights >= 0 that are not all 0")
        self.schedule = Phases.of(self.schedule, stage2_lr=self.stage2_lr, lr_floor=self.lr_floor)

    def stage1_config(self) -> dict:
        """Settings that stage 1 reads: of both floors its own, joint clustering's only with it."""
        config = super().stage1_config()
        if self.clustering != "joint":
            config = {k: v for k, v in config.items() if k not in JOINT}
        return config | {"lr_floor": self.lr_floor and [self.lr_floor[0]] * 2}
