"""Every setting of MCF: defaults are the paper's, gaps filled from its ancestors; presets, rows."""

from dataclasses import dataclass

from vireid.methods.base import Method
from vireid.methods.dcl import LIGHT, M3SVD, TINY
from vireid.methods.mcf.phases import Phases

CHOICES = {  # field -> what it may be
    "clustering": ("intra", "joint", "oracle"),
    "ca_memory": ("shared", "own"),
    "identity_mode": ("ratio", "difference"),
    "combine": ("alternate", "sum"),
    "reduction": ("pair", "query"),
    "um_group": ("partner", "linked"),
}
WEIGHTS = (
    "identity_weight diversity alpha beta vra_weight vrnl_weight um_weight um_weight_late "
    "maal_warmup"
)
RANGES = (  # fields, what fits (None is always allowed), what to do
    ("k1 k2 joint_k1 joint_k2 min_samples", lambda v: v >= 1, "give a whole number >= 1"),
    ("eps", lambda v: 0 < v <= 1, "Jaccard distances lie in (0, 1]; usual is 0.2 to 0.6"),
    (WEIGHTS, lambda v: v >= 0, "give a number >= 0; 0 is off"),
    ("temperature classifier_lr local_eps", lambda v: v > 0, "give a number > 0"),
    ("rho", lambda v: 0 < v <= 1, "give a share in (0, 1]"),
    ("momentum shared_momentum", lambda v: 0 <= v <= 1, "give a weight in [0, 1]"),
    ("max_matches min_regions instances", lambda v: v >= 1, "give a whole number >= 1"),
    ("identities infrared_identities", lambda v: v >= 2, "contrast needs at least 2"),
)
JOINT_REGDB = {"joint_k1": 38, "joint_k2": 18}
OFF = {"pa_cbam": False, "maal": False, "vra": False, "vrnl": False, "um": False}
SGD = {"optimiser": "sgd"}
PAPER = SGD | {"recipe": "mcf_paper"}
TOKENMATCHER = SGD | {
    "infrared_identities": 8,
    "max_matches": 2,
    "lr_floor": (1e-6, 1e-7),
    "recipe": "mcf",
    "stage2_recipe": "mcf_stage2",
}


def _small(settings: dict, **changes) -> dict:
    """The light settings of stage 1 without what this method has not, and a light opponent."""
    kept = {k: v for k, v in settings.items() if k != "subset_ratio"}
    return kept | {"classifier": "light", "stage2_lr": settings["lr"] / 2} | changes


@dataclass(kw_only=True)
class Settings(Method):
    """Settings of the multi-module collaborative framework.

    Parameters
    ----------
    k1, k2, eps, min_samples : Jaccard neighbourhoods and DBSCAN of one modality
    clustering, joint_k1, joint_k2 : "intra" clusters each modality alone; "joint" their union with
        the balanced distance (joint_k1, joint_k2) and splits every cluster by modality; "oracle"
        takes true identities and true partners (an upper bound, not unsupervised)
    centring : subtract each modality's mean before matching and joint clustering (our control)
    temperature : tau of all contrasts
    momentum, shared_momentum : weight of the old prototype, of one modality's and of shared ones
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
    vra, vra_weight, max_matches : greedy matching with shared memories; alpha_1; mu
    vrnl, vrnl_weight, rho, min_regions : regional neighbours; alpha_2; see ``neighbour_sets``
    combine, reduction : see ``vrnl_terms`` and ``neighbour``
    camera_filter, local_eps : strike same-camera neighbours of another local cluster
    um, um_weight, delta, um_group : merging; alpha_3; weights of the sides; see ``merge_groups``
    um_weight_late : alpha_3 from epoch 35 of stage 2 on; None = no change
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
    centring: bool = False
    temperature: float = 0.05
    momentum: float = 0.2
    shared_momentum: float = 0.8
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
    stage2_lr: float = 3.5e-5
    lr_floor: tuple[float, float] | None = None
    stage2_recipe: str | None = None

    presets = {
        "official": TOKENMATCHER | {"um_weight_late": 0.12},
        "official_regdb": TOKENMATCHER
        | {"epochs": (35, 35), "iterations": 100, "eps": 0.2, "lr": 3.5e-5, "momentum": 0.8}
        | {"vrnl_weight": 0.1, "um_weight": 0.01, "lr_floor": (1e-7, 1e-7)}
        | JOINT_REGDB,
        "paper": PAPER,
        "paper_regdb": PAPER | {"iterations": 100} | JOINT_REGDB,
        "light": _small(LIGHT),
        "tiny": _small(TINY),
        "m3svd": _small(M3SVD),
    }
    rows = {  # the ablation in the paper's text; its table is lost: what adds to what is inferred
        "R1": OFF,
        "R2": OFF | {"pa_cbam": True},
        "R3": OFF | {"pa_cbam": True, "um": True},
        "R4": OFF | {"pa_cbam": True, "vrnl": True},
        "R5": OFF | {"pa_cbam": True, "maal": True, "vra": True},
        "R6": OFF | {"pa_cbam": True, "maal": True, "vra": True, "vrnl": True},
        "R7": {"pa_cbam": True, "maal": True, "vra": True, "vrnl": True, "um": True},
        "prolonged": {"vra": False, "vrnl": False, "um": False},
        "centred": {"centring": True},
        "oracle": {"clustering": "oracle"},
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
    ranges = RANGES

    def __post_init__(self):
        super().__post_init__()
        if len(self.delta) != 2 or min(self.delta) < 0 or sum(self.delta) <= 0:
            raise ValueError(f"delta={self.delta}: give two weights >= 0 that are not all 0")
        self.schedule = Phases.of(self.schedule, stage2_lr=self.stage2_lr, lr_floor=self.lr_floor)
