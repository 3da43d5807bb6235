"""Train what the store lacks: study by study and seed by seed, resumable, one thread a run."""

from collections.abc import Iterable
from itertools import groupby
from pathlib import Path

import numpy as np
import torch

from vireid import experiment
from vireid.evidence.plan import Cell
from vireid.evidence.store import ANOTHER, KEPT, STORE, State, state, states
from vireid.experiment.rows import STAGE1


def make(
    cells: Iterable[Cell],
    *,
    out: Path,
    store: Path = STORE,
    jobs: int = 1,
    root: Path | None = None,
    replace: bool = False,
    progress: bool = False,
) -> None:
    """Train the missing cells and put their records into the store.

    Runs and checkpoints lie under ``out``; stop and call again at will. ``jobs`` groups (a study
    and a seed, which share a stage 1) are trained side by side. Raises ValueError, before anything
    is trained, for records of another identity, unless ``replace`` lets new ones take their place.
    With ``progress`` each cell is printed as it begins, and with one job its bar.
    """
    found = states(cells, store)
    if (others := [s for s in found if s.verdict == ANOTHER]) and not replace:
        told = "\n  ".join(f"{s.cell} ({s.why})" for s in others[:5])
        raise ValueError(
            f"{len(others)} records of the store are not the plan's:\n  {told}\nTrain them anew "
            "with --replace (replace=True), or leave them out with --only"
        )
    todo = [s.cell for s in found if s.verdict != KEPT]
    groups: dict[tuple[str, int], list[Cell]] = {}  # studies of one name share a folder
    for cell in todo:
        groups.setdefault((cell.study.name, cell.seed), []).append(cell)
    given = {"out": Path(out), "store": Path(store), "root": root, "told": progress}
    if jobs == 1:
        for group in groups.values():
            _group(group, **given, progress=progress)
        return
    from joblib import Parallel, delayed

    Parallel(jobs)(delayed(_group)(group, **given) for group in groups.values())


def _group(cells: list[Cell], **given) -> None:
    """Cells of one name and seed, study by study: they share a folder and its stage 1."""
    torch.set_num_threads(1)
    for _, own in groupby(cells, key=lambda cell: id(cell.study)):
        _study([*own], **given)


def _study(
    cells: list[Cell], *, out: Path, store: Path, root=None, told=False, progress=False
) -> None:
    """Train cells of one study and seed, and copy each record as soon as it is there."""
    study, seed = cells[0].study, cells[0].seed
    ready = experiment.prepare(
        study.data, preset=study.preset, root=root, method=study.method, **study.drawn(seed)
    )
    for cell in cells:
        rows = {} if cell.label == STAGE1 else {cell.label: study.asked[cell.label]}
        if told:
            print(cell, flush=True)
        run = experiment.compare(
            ready, study.method, rows, seed=seed, out=out / study.name / f"seed{seed}",
            preset=study.method_preset, switches=study.switches, whole=study.whole,
            progress=progress, **study.fitting,
        )[cell.label]  # fmt: skip
        run.save(store / cell.file)
        if (now := state(cell, store)).verdict != KEPT:
            raise RuntimeError(f"{cell} was trained, but is not the plan's: {now.why}")


def minutes(found: Iterable[State]) -> float:
    """CPU minutes that the missing runs will take, as the kept ones of their study did."""
    found, total = list(found), 0.0
    for study in {id(s.cell.study): s.cell.study for s in found}.values():
        own = [s for s in found if s.cell.study is study]
        runs = [s.run for s in own if s.run and s.run.on_cpu]
        measured = [run.cpu_seconds / 60 for run in runs if run.cpu_seconds]
        each = float(np.mean(measured)) if measured else study.minutes
        total += each * sum(s.verdict != KEPT for s in own)
    return total
