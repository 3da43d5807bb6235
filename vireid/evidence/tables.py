"""Numbers of the store as tables: what is kept, equal terms, steps of the papers' ladders."""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from vireid import methods
from vireid.evidence.gains import Chance, Gain, gain
from vireid.evidence.make import minutes
from vireid.evidence.pairs import Found, size_of_chance
from vireid.evidence.plan import Evidence
from vireid.evidence.store import KEPT, State
from vireid.evidence.texts import (
    SURE,
    interval,
    mean_gain,
    mean_sd,
    seeds_of,
    student,
)
from vireid.experiment.rows import STAGE1
from vireid.papers import paper_table
from vireid.runs import Run, gained
from vireid.training.checkpoint import NETWORK

METRICS = ("rank1", "mAP", "mINP")
NOT_RUN = "not run"
ANOTHER_START = "‡"  # begun from another training of the stage 1 that is kept


def coverage(states: Iterable[State]) -> pd.DataFrame:
    """A row a study: runs planned, kept, of another identity, CPU minutes still to spend."""
    states, rows = list(states), {}
    for name in dict.fromkeys(s.cell.study.name for s in states):
        own = [s for s in states if s.cell.study.name == name]
        counts = {v: sum(s.verdict == v for s in own) for v in (KEPT, "another")}
        rows[name] = {"planned": len(own)} | counts | {"CPU minutes left": round(minutes(own))}
    return pd.DataFrame.from_dict(rows, orient="index")


def equal_terms(rows: list[dict], found: Found) -> pd.DataFrame:
    """A line for each row of ``plan.equal`` or ``plan.real``: scores, gain, share of the way up.

    Columns: seeds, steps, then of each metric mean and sd, and of rank-1 the 95 % bootstrap
    interval of the mean, the network that the test set would have chosen (``best_test``), the gain
    over "base" in each seed that both have, its mean, sd and 95 % interval (Student), the share of
    the way from "base" to "top", CPU minutes with stage 1. Scores in per cent; rows without records
    say "not run".
    """
    runs = {row["title"]: found.get(row["study"], {}).get(row["row"], []) for row in rows}
    role = {row["role"]: row["title"] for row in rows if "role" in row}
    lines = {}
    for row in rows:
        own, stage1 = runs[row["title"]], found.get(row["study"], {}).get("stage1", [])
        if not own:
            lines[row["title"]] = {"seeds": NOT_RUN}
            continue
        whole = row.get("whole", False)
        line = {"seeds": seeds_of(own), "steps": _with_stage1(own, stage1, "steps", whole)}
        for metric in METRICS:
            line[metric] = mean_sd(own, metric)
        line["95 % of the mean"] = interval(own)
        line["best on the test set"] = mean_sd(own, "rank1", best=True)
        base, top = (runs.get(role.get(name), []) for name in ("base", "top"))
        start = [] if own is base else base
        added = gain(own, start, Chance())
        line["gain by seed"] = added.told
        line["mean gain"] = mean_gain(added.points)
        line["95 % of the gain"] = student(added.points)
        line["way to the top"] = _share(own, base, top)
        line["CPU minutes"] = cpu_minutes(row, found)
        lines[row["title"]] = line | {"note": row.get("note", "")}
    return pd.DataFrame.from_dict(lines, orient="index").fillna("")


def against_paper(plan: Evidence, found: Found) -> pd.DataFrame:
    """A row for each step of ``plan.ladders``: its gain in rank-1 by seed beside the paper's.

    Where the paper tells no number, its sign alone, if the plan has it. "agrees" is yes or no where
    every seed has one sign, else "mixed"; "level" where the mean is no more than chance makes of
    such a pair (``Chance.of``); "too few seeds" for fewer than three, "not run" for none.
    """
    rows, size = [], size_of_chance(plan, found)
    for ladder, (low, high, what, *told) in (
        (one, step) for one in plan.ladders for step in one["steps"]
    ):
        study = found.get(ladder["study"], {})
        ends = study.get(high, []), study.get(low, [])
        added = gain(*ends, size)
        paper = _published_gain(ladder, low, high)
        sign = "".join(told) if paper is None else f"{paper:+.1f}"
        rows.append({
            "method": ladder["method"], "step": what, "rows": f"{low} to {high}",
            "gain by seed": added.told or NOT_RUN,
            "mean": f"{added.mean:+.1f}" if added.points else "",
            "95 % of the gain": student(added.points),
            "paper": sign,
            "agrees": _verdict(added, sign),
        })  # fmt: skip
    return pd.DataFrame(rows)


def rows(found: dict[str, list[Run]]) -> pd.DataFrame:
    """A row each of a study: seeds, steps, rank-1 by seed, mean and sd of all scores, per cent.

    A run is marked ‡ when the stage 1 that it began from is not the one that is kept beside it.
    """
    kept = {run.seed: run for run in found.get(STAGE1, [])}

    def told(run: Run) -> str:
        mark = ANOTHER_START if _began_elsewhere(run, kept.get(run.seed)) else ""
        return f"{100 * run.result['rank1']:.1f}{mark}"

    lines = {
        label: {
            "seeds": seeds_of(runs),
            "steps": runs[0].steps,
            "rank-1 by seed": " / ".join(map(told, runs)),
            **{metric: mean_sd(runs, metric) for metric in METRICS},
        }
        for label, runs in found.items()
    }
    return pd.DataFrame.from_dict(lines, orient="index")


def _began_elsewhere(run: Run, stage1: Run | None) -> bool:
    """Whether a run began from another training of the stage 1 that it names.

    Of one network a CPU and a GPU measure mAP to five digits alike; two trainings of one setting
    have never been that close.
    """
    if stage1 is None or run.source.get("weights") != f"{STAGE1}/{NETWORK}":
        return False
    return abs(run.before["mAP"] - stage1.result["mAP"]) > 1e-4


def _verdict(added: Gain, paper: str) -> str:
    """Whether gains have the sign that the paper's, "+2.5" or "+", begins with."""
    if not added.points or not paper:
        return "" if added.points else NOT_RUN
    if len(added.points) < SURE:
        return "too few seeds"
    if added.level:
        return "level"
    signs = {np.sign(points) for points in added.points}
    if len(signs) > 1:
        return "mixed"
    return "yes" if signs == {1 if paper.startswith("+") else -1} else "no"


def _published_gain(ladder: dict, low: str, high: str) -> float | None:
    """The paper's gain in rank-1 on SYSU-MM01, all search, or None where it gives no number."""
    names = methods.kind(ladder["method"]).published | ladder.get("names", {})
    where = {"table": ladder["table"], "dataset": "SYSU-MM01", "mode": "all", "metric": "rank1"}
    told = {
        key: line["value"]
        for line in paper_table(paper=ladder["method"].upper(), **where)
        for key in (line["method"], f"{line['method']}, {line['note']}")
    }
    ends = [told.get(names.get(row, row)) for row in (low, high)]
    return None if None in ends else ends[1] - ends[0]


def cpu_minutes(row: dict, found: Found) -> str:
    """Mean of a row of ``plan.equal`` with its stage 1, or "" where one is unknown.

    Over the seeds that were trained on a CPU: with an accelerator its time says something else.
    """
    study = found.get(row["study"], {})
    runs = {
        name: [run for run in study.get(name, []) if run.on_cpu] for name in (row["row"], "stage1")
    }
    own, stage1 = runs[row["row"]], runs["stage1"]
    return _with_stage1(own, stage1, "cpu_seconds", row.get("whole", False), 60) if own else ""


def _share(own: list[Run], base: list[Run], top: list[Run]) -> str:
    """Mean gain over the base as a share of the top's, in the seeds that all three have.

    "" where the top gains next to nothing (a tenth of its mean) in one of them: a share of that
    would be the other seeds' alone.
    """
    seeds = set.intersection(*({run.seed for run in runs} for runs in (own, base, top)))
    if not seeds or own is base or own is top:
        return ""
    kept = [[run for run in runs if run.seed in seeds] for runs in (own, base, top)]
    gain, whole = np.mean(gained(kept[0], kept[1])), gained(kept[2], kept[1])
    mean = np.mean(whole)
    return f"{100 * gain / mean:.0f} %" if min(whole) > 0.1 * mean > 0 else ""


def _with_stage1(
    runs: list[Run], stage1: list[Run], name: str, whole: bool, unit: float = 1
) -> str:
    """Mean of a run's number, with that of its seed's stage 1 unless it trained that itself.

    Over the seeds whose stage 1 is kept. "" where none is, or where a number was not measured; rows
    that began from another stage 1 than the one that is kept have none.
    """
    if any(run.source.get("weights", "").startswith("stage1-") for run in runs):
        return ""
    if whole or runs is stage1:
        first = {run.seed: 0 for run in runs}
    else:
        first = {run.seed: getattr(run, name) for run in stage1}
    values = [getattr(run, name) + first[run.seed] for run in runs if run.seed in first]
    return f"{np.mean(values) / unit:.0f}" if values and all(values) else ""
