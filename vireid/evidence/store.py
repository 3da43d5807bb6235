"""The store of records beside the plan: what is kept, what is missing, what belongs to another."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from vireid import experiment, methods
from vireid.evidence.plan import Cell
from vireid.experiment.train import identity_of
from vireid.identity import differences, numbers_of
from vireid.paths import COMMITTED
from vireid.runs import Run
from vireid.training import chosen_by
from vireid.training.checkpoint import NETWORK

STORE = COMMITTED / "runs"
KEPT, MISSING, ANOTHER = "kept", "missing", "another"
DECIDES = ("method", "settings", "seed", "numbers", "precision")
CHOSEN = ("select", "select_by", "evaluate_every")  # the last two where a best one is chosen


@dataclass(frozen=True)
class State:
    """What the store holds for a cell: ``verdict`` KEPT, MISSING or ANOTHER and why."""

    cell: Cell
    verdict: str
    run: Run | None = None
    why: str = ""


def state(cell: Cell, store: Path = STORE, *, pictures: bool = False) -> State:
    """Whether the record of a cell is there and is the plan's.

    It is when method, settings, seed, version of the numbers, data set, its options, the precision
    and the stage 1 that it begins from are the plan's; with ``pictures`` also the fingerprints of
    training and test pictures and the network, for which the data set must be at hand. Device,
    threads and versions stand in the record and may be others; a stage 1 that a row began from is
    told by its settings.
    """
    file = store / cell.file
    if not file.exists():
        return State(cell, MISSING)
    run = Run.load(file)
    if not run.identity:
        return State(cell, ANOTHER, run, "made by an older version, which noted no identity")
    told = _told(run) | {"source": _source(run.source)}
    wanted = _wanted(cell) | {"source": _source(_options(cell))}
    if begins := cell.study.trainings[cell.label].begins:
        told["begins"], wanted["begins"] = run.source.get("weights"), f"{begins}/{NETWORK}"
    if pictures:
        told |= {k: run.identity.get(k) for k in ("data", "test")} | {
            "network": _network(run.identity)
        }
        wanted |= _seen(cell)
    other = differences(told, wanted)
    why = "; ".join(f"{k}: {kept} kept, {now} planned" for k, (kept, now) in other.items())
    return State(cell, ANOTHER if other else KEPT, run, why)


def states(cells: Iterable[Cell], store: Path = STORE, **options) -> list[State]:
    """``state`` of each."""
    return [state(cell, store, **options) for cell in cells]


def found(states: Iterable[State]) -> dict[str, dict[str, list[Run]]]:
    """Study's name -> label -> its kept records by seed."""
    rows: dict[str, dict[str, list[Run]]] = {}
    for s in states:
        if s.verdict == KEPT:
            rows.setdefault(s.cell.study.name, {}).setdefault(s.cell.label, []).append(s.run)
    for runs in (runs for labels in rows.values() for runs in labels.values()):
        runs.sort(key=lambda run: run.seed)  # studies of one name may each train some of the seeds
    return rows


def _told(run: Run) -> dict:
    return {name: run.identity.get(name) for name in (*DECIDES, *CHOSEN)}


def _wanted(cell: Cell) -> dict:
    study, step = cell.study, cell.study.trainings[cell.label]
    method = methods.build(study.method, preset=study.method_preset, row=step.row, **step.switches)
    return {
        "method": study.method,
        "settings": json.loads(json.dumps(method.config())),
        "seed": cell.seed,
        "numbers": numbers_of(method),
        "precision": "bfloat16" if study.fitting.get("amp") else "float32",
        **dict.fromkeys(CHOSEN),
        **chosen_by(**{k: v for k, v in study.fitting.items() if k in CHOSEN}),
    }


def _options(cell: Cell) -> dict:
    study = cell.study
    return {"data": study.data, "preset": study.preset, "options": study.drawn(cell.seed)}


def _source(source: dict) -> dict:
    told = {name: source.get(name) for name in ("data", "preset", "options")}
    return json.loads(json.dumps(told))  # as a record keeps it: lists for tuples


def _network(identity: dict) -> dict:
    return {k: v for k, v in identity.get("network", {}).items() if k != "weights"}


@lru_cache(maxsize=1)
def prepared(
    data: str, preset: str | None, method: str, options: tuple, root: Path | None = None
) -> experiment.Experiment:
    """The data set of a study and seed; the last is kept, as the next cell mostly asks for it."""
    return experiment.prepare(data, preset=preset, root=root, method=method, **dict(options))


def _seen(cell: Cell) -> dict:
    told = _options(cell)
    ready = prepared(
        told["data"], told["preset"], cell.study.method, tuple(sorted(told["options"].items()))
    )
    method = experiment.setting(ready, cell.study.method, preset=cell.study.method_preset)
    full = identity_of(ready, method, ready.model(cell.seed), seed=cell.seed)
    return {k: full[k] for k in ("data", "test")} | {"network": _network(full)}
