"""Every setting of MULT with its source; the presets, and the rows of Tables 2 and 3."""

from dataclasses import dataclass
from typing import ClassVar

from vireid.methods.controls import Controlled, controls
from vireid.methods.dcl import DCL, LIGHT, M3SVD, TINY
from vireid.methods.mcf.phases import Phases
from vireid.methods.mult.labels import ASSOCIATIONS
from vireid.methods.mult.sources import SOURCES

CHOICES = {  # field -> what it may be
    "association": ASSOCIATIONS,
    "noise": ("assign", "drop"),
    "affinity": ("vanilla", "binary"),
    "transfer": ("code", "paper"),
    "stop": ("code", "converged"),
    "prototypes": ("mean", "unit"),
    "stage1_draw": ("anew", "turns"),
}
RANGES = (  # fields, what fits (None passes), what to do
    ("alpha beta", lambda v: 0 <= v <= 1, "give a weight in [0, 1]"),
    ("lam sharpen reg visible_weight stage2_lr", lambda v: v > 0, "it must be positive"),
    ("max_rounds otla_steps pgm_rounds", lambda v: v >= 1, "give a whole number >= 1"),
    ("identities", lambda v: v >= 2, "give a whole number >= 2: half come from each label space"),
    ("tol", lambda v: v >= 0, "give a share >= 0; 0 plays on until nothing moves"),
)
BASELINE = {"im": False, "cm": False, "oclr": False}
CODE = {"epochs": (40, 50), "iterations": 300, "stage2_iterations": 200, "bn_chunks": 2}
REGDB = CODE | {"iterations": 100, "stage2_iterations": 100, "eps": 0.3}
LLCM = CODE  # ours: neither text nor code has LLCM, these are SYSU-MM01's
PAPER = {  # what the text says otherwise; where it says nothing, the code's
    "affinity": "binary",
    "transfer": "paper",
    "tol": 1e-6,
    "max_rounds": 200,
    "stop": "converged",
    "prototypes": "unit",
    "visible_weight": 0.5,
}


def _small(settings: dict) -> dict:
    """The small worlds' settings without what this method has not; stage 2 starts slower."""
    kept = {k: v for k, v in settings.items() if k != "subset_ratio"}
    stage1 = {"recipe": "pgm", "strong_stage1": False, "stage1_draw": "turns"}  # as all methods'
    return kept | stage1 | {"stage2_lr": settings["lr"] / 2}


@dataclass(kw_only=True)
class Settings(Controlled, DCL):
    """Settings of MULT.

    Parameters
    ----------
    k1, k2, eps, min_samples, temperature, momentum, identities, instances : as in ``DCL``
    write_order : as in ``Method``; the released code's ends on the plain visible view, in both
        stages and in every memory
    stage1_draw : classes of a batch of stage 1. "anew": drawn for each batch, released code;
        "turns": every class once before any comes again, as the other methods draw
    recipe, strong_stage1 : augmentation; stage 1 stronger than the recipe, see ``pictures``
    association : who gives labels in the other modality's space; all train alike. "mult": the label
        transfer; "hungarian", "pgm", "bccm", "mbccm", "sinkhorn": matched clusters (of "mbccm" one
        partner each, drawn anew every epoch); "dotla", "otla": transported images, with "otla" to
        visible clusters only, so that all epochs take that space; "oracle": true identities (an
        upper bound, not unsupervised)
    centring : as in ``Controlled``, before the association
    im : contrast with the other modality's own memory in this epoch's space. Contrast within the
        modalities stays when it is off, as the rows of Table 2 add to that baseline (inferred)
    cm : contrast of both modalities with the shared memory
    oclr, sharpen, detach_target : consistency of the shared memory's predictions with the others';
        temperature ratio of the targets; True stops the gradient through them
    noise : DBSCAN's outliers in stage 2. "assign": they are labelled, by the transfer ("mult") or
        by their nearest own prototype ahead of the association; "drop": they take no part in
        association and training, though distances were computed among all. Prototypes never hold
        them
    alpha, transfer, tol, max_rounds : as ``label_transfer`` (``transfer`` is its schedule)
    beta : share of the hard label in the soft one; see ``aggregate``
    lam, stop : of every Sinkhorn run over images; see ``sinkhorn``. "otla" has ``otla_steps``
        in the place of ``stop``
    affinity, prototypes : as ``association.mult`` (``affinity`` is its rule)
    pgm_rounds : see ``pgm``; 2 is the released code
    otla_steps : Sinkhorn steps of "otla" at most; its source has no cap
    reg : entropy of "sinkhorn"
    visible_weight : of each of the two visible streams. The released code weighs both like the
        infrared one; the equations write one visible stream, so 0.5
    stage2_lr : learning rate at the start of stage 2

    With im, cm and oclr all off, stage 1's losses go on in stage 2, on stage 2's pictures.
    Raises ValueError for settings out of range.
    Source: MULT (arXiv 2402.00672); defaults are the released code's for SYSU-MM01.
    """

    # What stage 1 of other methods can do and this one cannot: no fields here.
    memory: ClassVar[str] = "single"
    hinge: ClassVar[float] = 0.0
    subset_ratio: ClassVar[float] = 1.0
    infrared_identities: ClassVar[None] = None
    camera_aware_sampling: ClassVar[bool] = False  # MULT uses no cameras

    recipe: str = "adca"
    strong_stage1: bool = True
    write_order: str = "rav"
    stage1_draw: str = "anew"
    identities: int = 12
    instances: int = 12
    association: str = "mult"
    im: bool = True
    cm: bool = True
    oclr: bool = True
    sharpen: float = 0.2
    detach_target: bool = False
    noise: str = "assign"
    alpha: float = 0.2
    beta: float = 0.7
    lam: float = 25.0
    affinity: str = "vanilla"
    transfer: str = "code"
    tol: float = 1e-2
    max_rounds: int = 20
    stop: str = "code"
    prototypes: str = "mean"
    pgm_rounds: int | None = None
    otla_steps: int = 500
    reg: float = 5.0
    visible_weight: float = 1.0
    stage2_lr: float = 3.5e-5

    notes = {
        name: "ours: the settings for SYSU-MM01; neither text nor code has LLCM"
        for name in ("official_llcm", "paper_llcm")
    }
    presets = {
        "official": CODE,
        "official_regdb": REGDB,
        "official_llcm": LLCM,
        "paper": CODE | PAPER,
        "paper_regdb": REGDB | PAPER,
        "paper_llcm": LLCM | PAPER,
        "light": _small(LIGHT),
        "tiny": _small(TINY),
        "m3svd": _small(M3SVD),
    }
    rows = {
        # Table 2
        "1": BASELINE,
        "2": BASELINE | {"cm": True},
        "3": BASELINE | {"im": True, "cm": True},
        "4": BASELINE | {"oclr": True},
        "5": BASELINE | {"im": True, "oclr": True},
        "6": BASELINE | {"cm": True, "oclr": True},
        "7": {"im": True, "cm": True, "oclr": True},
        # Table 3, and the associations that it leaves out; its baseline is row 1
        **{a: {"association": a, "oclr": False} for a in ASSOCIATIONS},
        **{f"{a}+oclr": {"association": a} for a in ASSOCIATIONS},
    } | controls(prolonged=BASELINE, oracle={"association": "oracle", "oclr": False})
    words = {
        "1": "within the modalities alone: the baseline",
        "2": "shared memory (CM)",
        "3": "other modality's memory and shared one (IM, CM)",
        "4": "consistency (OCLR)",
        "5": "IM, OCLR",
        "6": "CM, OCLR",
        "7": "IM, CM, OCLR: MULT",
        **{a: f"labels by {a}; IM, CM" for a in ASSOCIATIONS if a != "oracle"},
        **{f"{a}+oclr": f"labels by {a}; IM, CM, OCLR" for a in ASSOCIATIONS},
    }
    published = {
        **{str(i): f"row {i}" for i in range(1, 8)},
        **{
            f"{a}{row}": f"w/ {a.upper()}, {words} OCLR"
            for a in ("pgm", "bccm", "dotla")
            for row, words in (("", "without"), ("+oclr", "with"))
        },
    }
    switches = {
        "association": ASSOCIATIONS,
        "im": (True, False),
        "cm": (True, False),
        "oclr": (True, False),
        "detach_target": (False, True),
        "noise": CHOICES["noise"],
        "centring": (False, True),
    }

    choices = CHOICES
    ranges = RANGES
    stage2_fields = frozenset(
        "association centring im cm oclr sharpen detach_target noise alpha beta lam affinity "
        "transfer tol max_rounds stop prototypes pgm_rounds otla_steps reg stage2_lr".split()
    )
    later = frozenset({"centring"})
    sources = SOURCES
    networks = {"agw": ("agw", {"non_local": False})}

    def __post_init__(self):
        super().__post_init__()
        self.schedule = Phases.of(self.schedule, stage2_lr=self.stage2_lr, lr_floor=None)
