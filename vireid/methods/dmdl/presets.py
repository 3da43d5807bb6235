"""Whole settings of DMDL by data set and source; the rows of the paper's tables and figures."""

from vireid.methods.controls import controls
from vireid.methods.dcl import LIGHT, M3SVD, TINY

REGDB = {"eps": 0.3, "iterations": 100}
LLCM = {"k1": 25}
FOUR_CARDS = {"bn_chunks": 4}
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


def _small(settings: dict, **changes) -> dict:
    """The small worlds' settings of stage 1, without what this method has not.

    Stage 2 has twice the batches per epoch: one step each here, where BMIL and its controls take
    two steps per batch, so that all take as many. Stage 1 is plain, as the rows have it. Epoch
    numbers keep their share of a stage of 50, k1 its half in the renamed modality.
    """
    kept = {k: v for k, v in settings.items() if k != "subset_ratio"}
    kept |= {"stage1_cbt": False, "stage2_iterations": 2 * kept["iterations"]}
    return kept | changes


PRESETS = {
    "official": FOUR_CARDS,
    "official_regdb": FOUR_CARDS
    | REGDB
    | {"epochs": (30, 30), "alternate_k1": None, "matching": "regdb_mix"}
    | {"certainty_scope": "global", "erasing_max": (0.5, 0.6), "aligned_phase_start": 25},
    "official_llcm": FOUR_CARDS | LLCM,
    "paper": PAPER,
    "paper_regdb": PAPER | REGDB,
    "paper_llcm": PAPER | LLCM,
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

PLAIN = {"data": "none", "refine": False, "alignment": "none"}
# The paper's loss across modalities without CAI is L_c alone. The controlled rows put it in CAI's
# place in the released L_in + 0.5 CAI, so that they differ from rows 2 and 7 in CAI only.
LIKELIHOOD = {"cai": False, "in_modality_term": False, "cai_weight": 1.0}
CONTROLLED = {"cai": False}


def _from_plain_stage1(rows: dict[str, dict]) -> dict[str, dict]:
    """The paper's tables and figures start from a stage 1 without pseudo-colour and alignment."""
    return {name: {"stage1_cbt": False} | changes for name, changes in rows.items()}


ROWS = _from_plain_stage1(
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
        # Fig. C.1 beside row 1, which is dynamic; the paper's two fixed weights are lost, and 0 is
        # not among them
        "triplet-0": PLAIN | LIKELIHOOD | {"triplet": 0.0},
        "triplet-0.25": PLAIN | LIKELIHOOD | {"triplet": 0.25},
        "triplet-1": PLAIN | LIKELIHOOD | {"triplet": 1.0},
        # Fig. 6; the paper's grid is lost
        **{f"lambda1-{v}": {"cai_weight": v} for v in (0.0, 0.25, 0.5, 0.75, 1.0)},
        **{f"lambda2-{v}": {"alignment_weight": v} for v in (0.0, 0.5, 1.0, 1.5, 2.0)},
        **controls(prolonged={"matching": "none"}, oracle={"matching": "oracle"}),
    }
) | {"7-released": {"stage1_cbt": True}}
WORDS = {  # of the rows of Table 3 and of Fig. 5
    "1": "likelihood under the shared memory, nothing else",
    "2": "CAI",
    "3": "CAI, pseudo-colour",
    "4": "CAI, pseudo-colour, refined labels",
    "5": "CAI, pseudo-colour, alignment",
    "6": "pseudo-colour, refined labels, alignment; likelihood in CAI's place",
    "7": "CAI, pseudo-colour, refined labels, alignment: DMDL",
    "1-controlled": "row 2 without CAI, its in-modality term kept",
    "6-controlled": "row 7 without CAI, its in-modality term kept",
    "random-aug": "random jitter in place of pseudo-colour",
    "no-exchange": "predictions of the same view, not of the other",
    "no-adaptive": "the shared memory moves by one momentum",
    "mmd": "the two modalities aligned, not two views of one",
    "camera": "clusters by similarity to each camera's clusters",
    "7-released": "row 7, with CBT in stage 1, too, as the code has it",
}
