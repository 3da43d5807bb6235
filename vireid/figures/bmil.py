"""Figures of BMIL from its committed run records."""

from vireid import plots
from vireid.figures.records import noted, records
from vireid.figures.registry import drawing
from vireid.figures.subject import USUAL
from vireid.runs import Run, rank1, same_seeds

TITLES = {
    "stage1": "stage 1",
    "M1": "within the modalities (M1)",
    "prolonged": "stage 1 prolonged",
    "M2": "naive global (M2)",
    "centred": "naive, centred",
    "M3": "balanced clusters (M3)",
    "M3+MIRL": "BMIL (M3 + MIRL)",
    "M4": "M3, subsets (M4)",
    "M5": "naive, subsets, MIRL (M5)",
    "M6": "BMIL, subsets (M6)",
    "oracle": "oracle (true identities)",
}
PAPER_ROWS = ("M1", "M2", "M3", "M4", "M5", "M6")
HALVES = ("M4", "M5", "M6")  # rows that cluster half of the visible pictures


def ladder() -> dict[str, list[Run]]:
    """Row -> its committed records, of the seeds that all rows have."""
    found = records(USUAL) | records(f"{USUAL}_bmil")
    return same_seeds({row: found[row] for row in TITLES if row in found})


@drawing(
    "Rank-1 on SynthVI small over the seeds that all rows have, with controls; diamonds are the "
    "paper's SYSU-MM01 rows.",
    "BMIL, Table 2",
)
def bmil_ladder():
    """The ablation ladder with its controls."""
    found = ladder()
    if not found:
        return None
    scores = rank1(noted({TITLES[row]: runs for row, runs in found.items()}))
    published = {
        row["method"].split()[0]: float(row["value"])
        for row in plots.paper_table(paper="BMIL", table="Table 2", metric="rank1", mode="all")
    }
    paper = {TITLES[r]: published[r] for r in PAPER_ROWS if r in found and r in published}
    figure, ax = plots.canvas(width=7.2, height=3.8)
    plots.bars(scores, ax, paper=paper)
    return figure


@drawing(
    "Agreement of the labels with the truth over the epochs of stage 2 on SynthVI small, within "
    "the modalities and across; mean and range over the seeds that all rows have. Rows that "
    "cluster half of the visible pictures are left out: the other half has no label to agree. "
    "The axes differ and do not begin at 0.",
    "BMIL, Fig. 4",
)
def label_quality():
    """ARI within the modalities and pair-ARI across them."""
    found = ladder()
    if not found:
        return None
    keys = {
        "visible/ari": "visible ARI",
        "infrared/ari": "infrared ARI",
        "global/cross_ari": "cross-modality pair-ARI",
    }
    shown = [row for row in found if row not in ("stage1", "oracle", *HALVES)]
    names = [TITLES[row] for row in shown]
    noted({row: found[row] for row in shown})
    figure, axes = plots.canvas(3, width=12.0, height=4.0)
    for ax, (key, name) in zip(axes, keys.items(), strict=True):
        lines = {
            TITLES[row]: [run.along(key) for run in found[row]]
            for row in shown
            if found[row][0].curve(key)[1]
        }
        plots.curve(lines, ax, ylabel=name, names=names)
    plots.share_legend(figure, columns=3)
    return figure
