"""Whole settings of MCF by name: which source each one is, says ``NOTES``.

MCF's own code is not released. Its text lacks what its equations and tables said; that is filled in
from its ancestor TokenMatcher, which is released and is a method of its own.
"""

from vireid.methods.dcl import LIGHT, M3SVD, TINY

SGD = {"optimiser": "sgd", "bn_chunks": 4}  # four cards: TokenMatcher's scripts, the paper's text
JOINT_REGDB = {"joint_k1": 38, "joint_k2": 18}
REGDB = JOINT_REGDB | {"iterations": 100, "lr": 3.5e-5}
PAPER = SGD | {
    "recipe": "mcf_paper",
    "combine": "sum",
    "reduction": "query",
    "diversity": 0.0,
}
TOKENMATCHER = SGD | {
    "pa_cbam": False,
    "maal": False,
    "infrared_identities": 8,
    "max_matches": 2,
    "delta": (1.0, 1.0),
    "um_sides": "larger",
    "lr_floor": (1e-6, 1e-7),
    "recipe": "mcf",
    "stage2_recipe": "mcf_jittered",
}
TOKENMATCHER_REGDB = (
    TOKENMATCHER
    | REGDB
    | {"epochs": (35, 35), "eps": 0.2, "momentum": 0.8, "stage2_momentum": 0.2}
    | {"vrnl_weight": 0.1, "um_weight": 0.01, "lr_floor": (1e-7, 1e-7), "recipe": "mcf_jittered"}
)
LATE = {"um_weight_late": 0.12}  # in TokenMatcher's SYSU script only
LLCM = {"local_eps": 0.5}  # the radii by camera number are SYSU's


def small(settings: dict) -> dict:
    """The light settings of stage 1 without what this method has not, and a light opponent."""
    kept = {k: v for k, v in settings.items() if k != "subset_ratio"}
    return kept | {"classifier": "light", "stage2_lr": settings["lr"] / 2}


PRESETS = {
    "official": TOKENMATCHER | LATE,
    "official_regdb": TOKENMATCHER_REGDB,
    "official_llcm": TOKENMATCHER | LATE | LLCM,
    "paper": PAPER,
    "paper_regdb": PAPER | REGDB,
    "paper_llcm": PAPER | LLCM,
    "light": small(LIGHT),
    "tiny": small(TINY),
    "m3svd": small(M3SVD),
}
NOTES = {
    "official": "TokenMatcher's released code for SYSU-MM01, not MCF, whose code is not released: "
    "no PA-CBAM, no MAAL, pairs merge on the larger side",
    "official_regdb": "TokenMatcher's released script for RegDB, as it is meant (it imports two "
    "trainers that are not there, and gives VRNL camera numbers for image numbers)",
    "official_llcm": "ours: TokenMatcher's settings for SYSU-MM01; neither source has LLCM",
    "paper": "MCF by its text for SYSU-MM01; what the text lost is TokenMatcher's",
    "paper_regdb": "MCF by its text for RegDB; what the text lost is TokenMatcher's",
    "paper_llcm": "ours: the paper's settings for SYSU-MM01; neither source has LLCM",
    "light": "ours: MCF for SynthVI, small network and few steps",
    "tiny": "ours: MCF for SynthVI's smallest world",
    "m3svd": "ours: MCF for M3SVD-Persons",
}
