"""Figures of MCF: ladder and weights from committed records; ROC, answers and maps of networks."""

from vireid import plots
from vireid.figures import swept
from vireid.figures.records import noted, records
from vireid.figures.registry import drawing
from vireid.figures.subject import after, world
from vireid.figures.worlds import NUMBERS, retrievals, two_maps
from vireid.runs import rank1, same_seeds

NAME = "synthvi_small_mcf"
TITLES = {
    "stage1": "phase 1",
    "R1": "baseline (R1)",
    "R2": "PA-CBAM (R2)",
    "R3": "UM (R3)",
    "R4": "VRNL (R4)",
    "R5": "VRA, MAAL (R5)",
    "R6": "VRA, MAAL, VRNL (R6)",
    "R6, rho 0.5": "R6, rho 0.5 in place of 0.9",
    "R7": "MCF, everything (R7)",
    "prolonged": "phase 1 prolonged",
    "centred": "MCF, centred",
    "oracle": "oracle (true identities)",
}
WEIGHTS = {
    "lambda": ("identity_weight", "lambda (identity consistency)"),
    "beta": ("beta", "beta (modality game)"),
    "alpha1": ("vra_weight", "alpha 1 (VRA)"),
    "alpha2": ("vrnl_weight", "alpha 2 (VRNL)"),
    "alpha3": ("um_weight", "alpha 3 (UM)"),
    "rho": ("rho", "rho (threshold of VRNL)"),
}
ENDS = {row: TITLES[row] for row in ("R1", "R7")}  # what the paper's figures compare


@drawing(
    "Rank-1 of MCF's rows on SynthVI small over the seeds that all have, with controls. The "
    "paper's own table is lost; its diamond is the whole method on SYSU-MM01.",
    "MCF, the ablation of its text",
)
def mcf_ladder():
    """The seven rows of the paper's text with controls and the paper's number."""
    found = records(NAME)
    found = same_seeds({row: found[row] for row in TITLES if row in found})
    if not found:
        return None
    scores = rank1(noted({TITLES[row]: runs for row, runs in found.items()}))
    (whole,) = plots.paper_table(
        paper="MCF", dataset="SYSU-MM01", mode="all", metric="rank1", setting="unsupervised"
    )
    paper = {TITLES["R7"]: whole["value"]} if "R7" in found else None
    figure, ax = plots.canvas(width=7.4, height=2.0 + 0.32 * len(found))
    plots.bars(scores, ax, paper=paper)
    return figure


@drawing(
    "Rank-1 and mAP of MCF on SynthVI small, mean and range over seeds, by the weights of its "
    "parts and the threshold of its neighbours. The values of a panel were trained on one "
    "processor, but not all panels on the same: the setting in use reads differently in some, so "
    "compare within a panel only.",
    "MCF, Fig. 6",
)
def mcf_sweep():
    """A panel for each weight that has been turned."""
    return swept.panels(records(NAME), WEIGHTS, usual="R7", again=records("again_mcf"))


@drawing(
    "ROC curves of all pairs the protocol compares, MCF's baseline and MCF on SynthVI tiny "
    "(seed 0); the diagonal is chance. A training of seconds, so no evidence on either (whole "
    "trainings are compared in docs/log.md).",
    "MCF, Fig. 5",
)
def mcf_roc():
    """True against false positives of the baseline and of the whole method."""
    test = world().test
    found = {t: test.roc(*test.embed(after(row, "mcf")[0])) for row, t in ENDS.items()}
    pairs = next(iter(found.values()))
    figure, ax = plots.canvas(width=4.8, height=3.8)
    plots.roc(found, ax, title=f"{pairs.pairs:,} pairs, {pairs.same:,} of one person")
    return figure


@drawing(
    "Infrared queries and their best visible answers, right ones framed green: MCF's baseline "
    "left, MCF right, on SynthVI tiny (seed 0).",
    "MCF, Fig. 7",
)
def mcf_retrieval():
    """Ranked lists of the baseline and of the whole method."""
    return retrievals({title: (row, "mcf", {}) for row, title in ENDS.items()})


@drawing(
    "Maps (t-SNE) of the features of ten training people, MCF's baseline and MCF on SynthVI tiny "
    f"(seed 0). {NUMBERS}",
    "MCF, Fig. 8",
)
def mcf_maps():
    """t-SNE of the baseline and of the whole method."""
    return two_maps(ENDS, "mcf")
