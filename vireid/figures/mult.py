"""Figures of MULT from committed records: its two ladders, pair quality, distances."""

import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from vireid import plots
from vireid.figures import swept
from vireid.figures.records import noted, records
from vireid.figures.registry import drawing
from vireid.figures.subject import named
from vireid.paths import COMMITTED
from vireid.runs import Run, rank1, same_seeds

LADDER, LONE = "synthvi_small_mult", "m3svd_mult_lone"
TABLE2 = {
    "stage1": "stage 1 alone",
    "1": "1 baseline (DCL)",
    "2": "2 CM",
    "3": "3 IM + CM",
    "4": "4 OCLR",
    "5": "5 IM + OCLR",
    "6": "6 CM + OCLR",
    "7": "7 IM + CM + OCLR",
}
TABLE3 = {  # association -> its name; of these the paper compares five
    "none": "none (baseline)",
    "hungarian": "Hungarian",
    "pgm": "PGM matching",  # PGM by itself is the method
    "bccm": "BCCM",
    "mbccm": "MBCCM",
    "sinkhorn": "cluster Sinkhorn",
    "otla": "OTLA",
    "dotla": "DOTLA",
    "mult": "MULT",
    "oracle": "true identities",
}
SAME = {"none": "1", "mult": "3", "mult+oclr": "7"}  # rows of Table 3 that Table 2 has as well
INTRA = ("visible/precision", "infrared/precision")
CROSS = ("visible space/cross_{}", "infrared space/cross_{}")


def table2(found: dict[str, list[Run]]) -> dict[str, list[Run]]:
    """Rows of Table 2 that a ladder has, in order, by their titles, of the seeds that all have."""
    return same_seeds({title: found[row] for row, title in TABLE2.items() if row in found})


def table3(found: dict[str, list[Run]], *, oclr: bool) -> dict[str, list[Run]]:
    """Associations of Table 3 that a ladder has, in order, by name, of the seeds that all have."""
    rows = {name: a + "+oclr" * oclr for a, name in TABLE3.items()}
    rows = {name: row if row in found else SAME.get(row) for name, row in rows.items()}
    return same_seeds({name: found[row] for name, row in rows.items() if row in found})


def published(table: str) -> dict[tuple[str, str], float]:
    """(method, note) -> rank-1 that the paper prints for SYSU-MM01, all search."""
    rows = plots.paper_table(
        paper="MULT", table=table, dataset="SYSU-MM01", mode="all", metric="rank1"
    )
    return {(row["method"], row["note"]): row["value"] for row in rows}


def published2() -> dict[str, float]:
    """Title of a row of Table 2 -> the paper's rank-1."""
    value = {method: number for (method, _), number in published("Table 2").items()}
    named = {title: f"row {row}" for row, title in TABLE2.items()}
    return {title: value[method] for title, method in named.items() if method in value}


def published3(*, oclr: bool) -> dict[str, float]:
    """Name of an association -> the paper's rank-1 in Table 3."""
    notes = ("with OCLR",) if oclr else ("baseline", "without OCLR")
    names = {"Baseline": TABLE3["none"], "w/ MULT (Ours)": TABLE3["mult"], "w/ PGM": TABLE3["pgm"]}
    value = {
        names.get(method, method.removeprefix("w/ ")): number
        for (method, said), number in published("Table 3").items()
        if said in notes
    }
    return {name: value[name] for name in TABLE3.values() if name in value}


def quality(run: Run, keys: Iterable[str]) -> list[float]:
    """Mean of some curves in per cent, an epoch at a time; NaN where none was measured."""
    rows = [[row[k] for k in keys if row.get(k) is not None] for row in run.curves]
    return [100 * float(np.mean(values)) if values else np.nan for values in rows]


@drawing(
    "MULT's losses one by one: rank-1 on SynthVI small over the seeds that all have; diamonds are "
    "the paper's SYSU-MM01 rows.",
    "MULT, Table 2",
)
def mult_ladder():
    """The ladder of losses."""
    rows = table2(records(LADDER))
    if not rows:
        return None
    paper = published2()
    figure, ax = plots.canvas(width=7.2, height=1.4 + 0.38 * len(rows))
    plots.bars(rank1(noted(rows)), ax, paper={k: v for k, v in paper.items() if k in rows})
    return figure


@drawing(
    "One training, eight associations: rank-1 on SynthVI small over the seeds that all have, "
    "without and with OCLR; diamonds are the paper's SYSU-MM01 rows. The last row is given the "
    "true identities.",
    "MULT, Table 3",
)
def association_ladder():
    """The ladder of associations."""
    found = records(LADDER)
    halves = {oclr: table3(found, oclr=oclr) for oclr in (False, True)}
    if not any(halves.values()):
        return None
    height = 1.4 + 0.38 * max(4, *map(len, halves.values()))
    figure, axes = plots.canvas(2, width=11.0, height=height)
    for ax, (oclr, rows) in zip(axes, halves.items(), strict=True):
        if not rows:
            ax.set_axis_off()
            continue
        paper = {k: v for k, v in published3(oclr=oclr).items() if k in rows}
        title = "with OCLR" if oclr else "without OCLR"
        plots.bars(rank1(noted(rows)), ax, paper=paper, title=title)
    right = max(ax.get_xlim()[1] for ax in axes)
    for ax in axes:
        ax.set_xlim(0, right)
    return figure


@drawing(
    "How many of the image pairs that share a label are right, over the epochs of stage 2 on "
    "SynthVI small: within a modality, across, and the recall across. The axes differ and do not "
    "begin at 0.",
    "MULT, Fig. 4",
)
def pair_quality():
    """Pair precision and recall of the pseudo-labels."""
    rows = table3(records(LADDER), oclr=True)
    rows.pop(TABLE3["oracle"], None)
    panels = {
        "precision within a modality (%)": INTRA,
        "precision across (%)": [key.format("precision") for key in CROSS],
        "recall across (%)": [key.format("recall") for key in CROSS],
    }
    if not rows:
        return None
    noted(rows)
    figure, axes = plots.canvas(3, width=9.6, height=3.5)
    for ax, (label, keys) in zip(axes, panels.items(), strict=True):
        lines = {name: [quality(run, keys) for run in runs] for name, runs in rows.items()}
        plots.curve(lines, ax, ylabel=label)
    plots.share_legend(figure)
    return figure


@drawing(
    "Rank-1 and mAP on SynthVI small, mean and range over seeds, by alpha (what a picture keeps of "
    "its first label) and by beta (how much labels are sharpened).",
    "MULT, Fig. 3",
)
def mult_alpha_beta():
    """Scores over alpha and beta."""
    fields = {name: (name, name) for name in ("alpha", "beta")}
    return swept.panels(records(LADDER), fields, usual="7")


def lone_shares() -> dict[str, dict[str, list[float]]]:
    """Measure -> association -> per cent of each seed after the last epoch, M3SVD-Persons.

    Rows without OCLR. An association without a space has no values there; none at all, no records.
    """
    rows = table3(records(LONE), oclr=False)
    rows.pop(TABLE3["none"], None)
    noted(rows)
    measures = {
        "lone images linked, visible space (%)": ["visible space/lone"],
        "lone images linked, infrared space (%)": ["infrared space/lone"],
        "right pairs across, both spaces (%)": [key.format("precision") for key in CROSS],
    }
    found = {}
    for label, keys in measures.items() if rows else ():
        last = {name: [quality(run, keys)[-1] for run in runs] for name, runs in rows.items()}
        found[label] = {name: v if np.isfinite(v).all() else [] for name, v in last.items()}
    return found


@drawing(
    "M3SVD-Persons with infrared tracklets of people never seen in visible light, after the last "
    "epoch: how many of their images share a label with a visible one, and how many links are "
    "right. All associations without OCLR; real people, 30 of them.",
    of_any=False,
)
def lone_people():
    """What each association does with people of one modality."""
    shares = lone_shares()
    if not shares:
        return None
    figure, axes = plots.canvas(3, width=11.5, height=1.2 + 0.38 * max(map(len, shares.values())))
    for ax, (label, values) in zip(axes, shares.items(), strict=True):
        plots.bars(values, ax, xlabel=label, without="has no such space")
        ax.set_xlim(0, 185)  # with room for the longest number
        ax.set_xticks(range(0, 101, 25))
    return figure


def _kept_distances(row: str) -> list[Path]:
    return sorted((COMMITTED / "distances" / named(LADDER)).glob(f"seed*/{row}.json"))


def distances(row: str) -> tuple[np.ndarray, np.ndarray, tuple[int, int]] | None:
    """(same, different, (pairs, pairs)) squared crossing distances of a row's committed seeds."""
    seeds = [json.loads(file.read_text()) for file in _kept_distances(row)]
    if not seeds:
        return None
    same, different = (np.concatenate([seed[k] for seed in seeds]) for k in ("same", "different"))
    return same, different, tuple(np.sum([seed["n"] for seed in seeds], axis=0).tolist())


@drawing(
    "Squared distances of visible-infrared training pairs on SynthVI small, one "
    "person's (all of them) against two people's (a random draw), from 500 quantiles of each seed: "
    "after stage 1, then with MULT's labels without and with OCLR. In common: the area that lies "
    "under both densities, of 100% (0% is told apart).",
    "MULT, Fig. 5",
)
def crossing_distances():
    """Distance distributions of crossing pairs."""
    titles = {"stage1": "stage 1", "3": "MULT without OCLR", "7": "MULT"}
    found = {title: distances(row) for row, title in titles.items()}
    if not all(found.values()):
        return None
    noted({row: [int(file.parent.name[4:]) for file in _kept_distances(row)] for row in titles})
    figure, axes = plots.canvas(len(found), width=10.4, height=3.2)
    for ax, (title, (same, different, counts)) in zip(axes, found.items(), strict=True):
        look = {"xlabel": "squared distance across the gap", "span": (0, 3.2), "title": title}
        plots.pair_densities(same, different, ax, counts=counts, **look)
    top = max(ax.get_ylim()[1] for ax in axes)
    for ax in axes:
        ax.set_ylim(0, top)
    plots.share_legend(figure)
    return figure
