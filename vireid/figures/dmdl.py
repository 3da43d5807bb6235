"""Figures of DMDL: ladder, variants, sweeps and labels from records; maps and cosines on tiny."""

from vireid import plots
from vireid.experiment.rows import STAGE1
from vireid.figures import swept
from vireid.figures.records import noted, records
from vireid.figures.registry import drawing
from vireid.figures.subject import after
from vireid.figures.worlds import NUMBERS, retrievals
from vireid.runs import Run, rank1, same_seeds
from vireid.types import Modality

LADDER = "synthvi_small_dmdl"
ROWS = {
    "stage1": "stage 1 alone",
    "1": "1 baseline",
    "2": "2 CAI",
    "3": "3 CAI + data",
    "4": "4 CAI + data + labels",
    "5": "5 CAI + data + features",
    "6": "6 data + labels + features",
    "7": "7 all (DMDL)",
}
VARIANTS = {  # Fig. 5
    "7": "DMDL",
    "random-aug": "random augmentation",
    "no-exchange": "without exchange",
    "no-adaptive": "without adaptive memory",
    "mmd": "MMD of the modalities",
}
TRIPLETS = {
    "1": "growing from 0 to 1",
    "triplet-0": "none",
    "triplet-0.25": "fixed at 0.25",
    "triplet-1": "fixed at 1",
}
LAMBDAS = {
    "lambda1": ("cai_weight", "lambda 1 (weight of CAI)"),
    "lambda2": ("alignment_weight", "lambda 2 (weight of alignment)"),
}
PLAIN = {"stage1_cbt": False}  # as the committed ladder's common stage 1


def titled(rows: dict[str, str]) -> dict[str, list[Run]]:
    """Rows that have committed records, by their titles, of the seeds that all have."""
    found = records(LADDER)
    return same_seeds({title: found[row] for row, title in rows.items() if row in found})


def published() -> dict[str, float]:
    """Title of a row of Table 3 -> the paper's rank-1 on SYSU-MM01, all search, in per cent."""
    listed = plots.paper_table(paper="DMDL", table="Table 3", mode="all", metric="rank1")
    value = {row["method"].removeprefix("index "): row["value"] for row in listed}
    return {title: value[row] for row, title in ROWS.items() if row in value}


@drawing(
    "Rank-1 on SynthVI small over the seeds that all have, rows of the ablation; diamonds are the "
    "paper's on SYSU-MM01.",
    "DMDL, Table 3",
)
def dmdl_ladder():
    """The ablation ladder: bars with spread."""
    found = titled(ROWS)
    if not found:
        return None
    known = {title: value for title, value in published().items() if title in found}
    figure, ax = plots.canvas(width=7.6, height=1.4 + 0.42 * len(found))
    plots.bars(rank1(noted(found)), ax, paper=known)
    return figure


@drawing(
    "Homogeneity and ARI of the common labels over stage 2 on SynthVI small, outliers left out: "
    "the baseline, with CAI, with collaborative bias-free training (data, labels, features), with "
    "both. Mean and range over the seeds that all have.",
    "DMDL, Fig. 8",
)
def label_homogeneity():
    """Quality of the unified labels per epoch."""
    rows = {row: title for row, title in ROWS.items() if row in "1267"}  # more hide each other
    found = {t: r for t, r in titled(rows).items() if r[0].curve("global/homogeneity")[1]}
    if not found:
        return None
    keys = {"global/homogeneity": "homogeneity of labels", "global/ari": "ARI of labels"}
    noted(found)
    figure, axes = plots.canvas(2, width=10.4, height=4.4)
    for ax, (key, name) in zip(axes, keys.items(), strict=True):
        lines = {title: [run.along(key) for run in runs] for title, runs in found.items()}
        plots.curve(lines, ax, ylabel=name)
    plots.share_legend(figure, columns=3)
    return figure


@drawing(
    "Maps (t-SNE) of the training features and cosines of visible-infrared pairs of one person and "
    f"of two, baseline and DMDL on SynthVI tiny (seed 0). {NUMBERS}",
    "DMDL, Fig. 7",
)
def debiasing_maps():
    """t-SNE above, cosine histograms below."""
    figure, axes = plots.canvas(2, 2, width=9.4, height=7.6)
    for column, row in zip(axes.T, ("1", "7"), strict=True):
        _, train = after(row, "dmdl", **PLAIN)
        plots.embedding_map(
            plots.project(train.x, "tsne"), train.modality, column[0], identity=train.identity,
            title=ROWS[row], axis="t-SNE",
        )  # fmt: skip
        plots.cosines(*crossing_cosines(train), column[1])
    plots.share_limits(axes[1], x=True)
    return figure


def crossing_cosines(train):
    """Cosines of all visible-infrared pairs of one person, and of two people."""
    own, other = (train.of(m) for m in Modality)
    cosine = own.x @ other.x.T
    same = own.identity[:, None] == other.identity[None]
    return cosine[same], cosine[~same]


@drawing(
    "Rank-1 on SynthVI small over the seeds that all have: DMDL and variants of its parts.",
    "DMDL, Fig. 5",
)
def dmdl_variants():
    """Bars of the variants beside the full method."""
    found = titled(VARIANTS)
    if not set(found) - {VARIANTS["7"]}:
        return None
    figure, ax = plots.canvas(width=7.6, height=1.4 + 0.42 * len(found))
    plots.bars(rank1(noted(found)), ax)
    return figure


@drawing(
    "Rank-1 and mAP on SynthVI small, mean and range over seeds, by the weight of CAI (lambda 1, 0 "
    "is off) and of feature alignment (lambda 2).",
    "DMDL, Fig. 6",
)
def dmdl_lambdas():
    """Scores over lambda 1 and lambda 2."""
    return swept.panels(records(LADDER), LAMBDAS, usual="7")


@drawing(
    "Rank-1 on SynthVI small over the seeds that all have: the baseline with a growing triplet "
    "weight, with fixed ones and without the loss.",
    "DMDL, Fig. C.1",
)
def dmdl_triplets():
    """Bars of the triplet schedules."""
    found = titled(TRIPLETS)
    if not set(found) - {TRIPLETS["1"]}:
        return None
    figure, ax = plots.canvas(width=7.6, height=3.0)
    plots.bars(rank1(noted(found)), ax)
    return figure


@drawing(
    "Own-modality share of the 30 nearest neighbours over both stages on SynthVI small: what stage "
    "1 has learned of the modality goes on into stage 2. Dotted is what features that ignore the "
    "modality would give; stage 1 is shared by all rows. Mean and range over the seeds that all "
    "have.",
    "the motive of DMDL, Fig. 1, whose own panel is not in our copy",
)
def modality_bias():
    """How modality bias goes from stage 1 into stage 2."""
    found, key = records(LADDER), "own_share_30"
    found = same_seeds({row: runs for row, runs in found.items() if row in (STAGE1, *"1267")})
    start = {run.seed: run.along(key) for run in found.pop(STAGE1, ())}
    if not (start and found):
        return None
    lines = {
        ROWS[row]: [start[run.seed] + run.along(key) for run in runs] for row, runs in found.items()
    }
    noted(found)
    figure, ax = plots.canvas(width=7.2, height=3.8)
    words = "own-modality share of 30 neighbours"
    plots.curve(
        lines, ax, ylabel=words, stage2=min(map(len, start.values())), reference={"no bias": 0.5}
    )
    return figure


@drawing(
    "Infrared queries and their best visible answers, right ones framed green: DMDL's baseline "
    "left, DMDL right, on SynthVI tiny (seed 0).",
    "DMDL, Fig. 9",
)
def dmdl_retrieval():
    """Retrieval sheets before and after."""
    return retrievals({ROWS[row]: (row, "dmdl", PLAIN) for row in ("1", "7")})
