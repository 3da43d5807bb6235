"""Every figure of the workbook, drawn again by one command: ``vireid figures``.

Pictures show synthetic people only. Curves and bars come from the committed run records of SynthVI
small; maps, neighbours and sheets from a network that is trained on SynthVI tiny on the spot.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from vireid import bias, experiment, plots, warm_start
from vireid.data import synthvi
from vireid.features import extract
from vireid.jaccard import jaccard_distance
from vireid.paths import CHECKOUT
from vireid.runs import Run, ladders

TITLES = {
    "stage1": "stage 1",
    "prolonged": "stage 1 prolonged",
    "M2": "naive global (M2)",
    "centred": "naive, centred",
    "M3": "balanced clusters (M3)",
    "M3+MIRL": "BMIL (M3 + MIRL)",
    "M6": "BMIL + subsets (M6)",
    "oracle": "oracle (true identities)",
}
PAPER_ROWS = {"stage1": "M1", "M2": "M2", "M3": "M3", "M6": "M6"}


@dataclass(frozen=True)
class Drawing:
    """One figure: its file name, what it shows, the figure of which paper it redraws, the code."""

    name: str
    shows: str
    after: str
    draw: Callable


DRAWINGS: list[Drawing] = []


def drawing(shows: str, after: str = "") -> Callable:
    """Register a function that returns a matplotlib figure."""

    def register(draw: Callable) -> Callable:
        DRAWINGS.append(Drawing(draw.__name__, shows, after, draw))
        return draw

    return register


def draw_all(out: Path | None = None, only: list[str] | None = None) -> list[Path]:
    """Draw all figures (or those named) into a folder and write its index page."""
    out = Path(out or CHECKOUT / "figures")
    out.mkdir(parents=True, exist_ok=True)
    written, missing = [], []
    for item in DRAWINGS:
        if only and item.name not in only:
            continue
        figure = item.draw()
        if figure is None:
            missing.append(item.name)
            continue
        path = out / f"{item.name}.png"
        path.write_bytes(plots.png(figure))
        written.append(path)
        print(f"drew {path.name}")
    if not only:
        (out / "README.md").write_text(index(missing))
    return written


def index(missing: list[str]) -> str:
    """The index page: every figure with its command."""
    lines = [
        "# Figures",
        "All are drawn again by `vireid figures` (or one by `vireid figures --only NAME`). People",
        "are synthetic; numbers are of SynthVI and say nothing about methods on real data.",
    ]
    for item in DRAWINGS:
        after = f" After {item.after}." if item.after else ""
        lines += ["", f"## {item.name}", f"{item.shows}{after}", ""]
        if item.name in missing:
            lines.append("*Not drawn: the run records it needs are not in `data/runs/`.*")
        else:
            lines.append(f"![{item.shows}]({item.name}.png)")
        lines += ["", f"`vireid figures --only {item.name}`"]
    return "\n".join(lines) + "\n"


@cache
def tiny() -> experiment.Experiment:
    """The tiny world, prepared once."""
    return experiment.prepare("synthvi", preset="tiny", trials=3)


@cache
def trained(stage: int):
    """The network and its training embeddings after stage 1 or BMIL's stage 2 on the tiny world."""
    model, _ = warm_start.trained(tiny(), None if stage == 1 else "M3+MIRL")
    return model, extract(model, tiny().train)


def ladder() -> dict[str, list[Run]]:
    """Row -> its committed records of SynthVI small, one per seed."""
    found = ladders().get("synthvi_small", {})
    return {row: found[row] for row in TITLES if row in found}


@drawing("Six synthetic people, each in visible light and in infrared.")
def synthvi_people():
    """Six people of the small world."""
    return people_sheet("small", 6)


def people_sheet(preset: str, people: int):
    """A contact sheet: a person a row, six visible pictures, then six infrared ones."""
    table = synthvi.load(preset, "train")
    rows = [
        np.flatnonzero((table.identity == p) & (table.modality == m))[:6]
        for p in np.unique(table.identity)[:people]
        for m in (0, 1)
    ]
    figure, ax = plots.canvas(width=8.0, height=1.24 * people)
    plots.contact_sheet(table, ax, rows=np.concatenate(rows), columns=12)
    return figure


@drawing("Own-modality share of the nearest neighbours, before and after BMIL.", "BMIL, Fig. 1a")
def neighbour_modality():
    """Histograms of the neighbours' modality."""
    figure, axes = plots.canvas(2, width=9.0, height=3.4)
    for ax, stage in zip(axes, (1, 2), strict=True):
        _, train = trained(stage)
        k = 8
        ratio = bias.neighbour_modality_ratio(train, k=k)
        plots.modality_ratio(ratio.own, train.modality, ax, k=k, title=f"after stage {stage}")
    return figure


@drawing("Maps (t-SNE) of the training features after stage 1 and 2.", "BMIL, Fig. 1b and 5")
def maps():
    """t-SNE of both stages."""
    figure, axes = plots.canvas(2, width=9.0, height=4.2)
    for ax, stage in zip(axes, (1, 2), strict=True):
        _, train = trained(stage)
        plots.embedding_map(
            plots.project(train.x, "tsne"), train.modality, ax, identity=train.identity,
            title=f"after stage {stage}", axis="t-SNE",
        )  # fmt: skip
    return figure


@drawing(
    "Distances between pictures of one person: cosine has two peaks, the modality-aware Jaccard "
    "distance brings the far peak back.",
    "BMIL, Fig. 3",
)
def two_peaks():
    """Distances inside identities under three measures, stage-1 features."""
    _, train = trained(1)
    settings = {"k1": 8, "k2": 2, "modality": train.modality}
    measures = {
        "cosine": None,
        "vanilla Jaccard": jaccard_distance(train.x, rule="vanilla", **settings),
        "modality-aware Jaccard": jaccard_distance(train.x, rule="modality", **settings),
    }
    figure, axes = plots.canvas(3, width=11.0, height=3.4)
    for ax, (name, distance) in zip(axes, measures.items(), strict=True):
        found = bias.pair_distances(train, train.identity, distance=distance)
        plots.distances(found.distance, found.crossing, ax, xlabel=f"{name} distance")
    return figure


@drawing("Infrared queries and their best visible answers, stage 1 above, BMIL below.")
def retrieval():
    """Retrieval sheets of both stages."""
    figure, axes = plots.canvas(2, width=9.6, height=5.2)
    test = tiny().test
    rows = [np.flatnonzero(test.query.identity == p)[0] for p in np.unique(test.query.identity)[:5]]
    for ax, stage in zip(axes, (1, 2), strict=True):
        embedded = test.embed(trained(stage)[0])
        order = plots.best_answers(test, *embedded)
        plots.retrieval_sheet(test.query, test.gallery, order, ax, rows=rows)
        ax.set_title(f"after stage {stage}", loc="left", fontsize=10)
    return figure


@drawing(
    "Rank-1 on SynthVI small over seeds, with controls; diamonds are the paper's SYSU-MM01 rows.",
    "BMIL, Table 2",
)
def bmil_ladder():
    """The ablation ladder with its controls."""
    found = ladder()
    if not found:
        return None
    scores = {TITLES[r]: [100 * run.result["rank1"] for run in runs] for r, runs in found.items()}
    published = {
        row["method"].split()[0]: float(row["value"])
        for row in plots.paper_table(paper="BMIL", table="Table 2", metric="rank1", mode="all")
    }
    paper = {
        TITLES[r]: published[m] for r, m in PAPER_ROWS.items() if r in found and m in published
    }
    figure, ax = plots.canvas(width=7.2, height=3.8)
    plots.bars(scores, ax, paper=paper)
    return figure


@drawing("Agreement of the labels with the truth over the epochs of stage 2.", "BMIL, Fig. 4")
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
    # rows without a global clustering come last, so that a row keeps its colour in every panel
    found = dict(sorted(found.items(), key=lambda item: item[0] == "prolonged"))
    shown = set(found) - {"stage1", "oracle"}
    figure, axes = plots.canvas(1, 3, width=8.0, height=9.6)
    for ax, (key, name) in zip(axes, keys.items(), strict=True):
        lines = {
            TITLES[row]: [run.curve(key)[1] for run in runs]
            for row, runs in found.items()
            if row in shown and runs[0].curve(key)[1]
        }
        plots.curve(lines, ax, ylabel=name)
    return figure
