"""Train what the store lacks: run after run or side by side, resumable, one thread each."""

import traceback
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch

from vireid import experiment
from vireid.evidence.plan import Cell
from vireid.evidence.store import ANOTHER, KEPT, STORE, State, prepared, state, states
from vireid.experiment.rows import STAGE1
from vireid.runs import Run
from vireid.training.checkpoint import NETWORK


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

    Runs and checkpoints lie under ``out``; stop and call again at will. ``jobs`` runs are trained
    side by side, those that train a stage 1 before those that go on from it; on a GPU they share
    it, and as many as there are CPU cores keep it busy with the small networks here. Raises
    ValueError, before anything is trained, for records of another identity, unless ``replace`` lets
    new ones take their place; of several jobs RuntimeError, when all have ended, for runs that
    failed. With ``progress`` each cell is printed as it begins, and with one job its bar.
    """
    found = states(cells, store)
    if (others := [s for s in found if s.verdict == ANOTHER]) and not replace:
        told = "\n  ".join(f"{s.cell} ({s.why})" for s in others[:5])
        raise ValueError(
            f"{len(others)} records of the store are not the plan's:\n  {told}\nTrain them anew "
            "with --replace (replace=True), or leave them out with --only"
        )
    todo = [s.cell for s in found if s.verdict != KEPT]
    given = {"out": Path(out), "store": Path(store), "root": root, "told": progress}
    if jobs == 1:
        for cell in todo:
            _train(cell, **given, progress=progress)
        return
    from joblib import Parallel

    first, others = _waves(todo)
    with Parallel(jobs) as side_by_side:
        failed = _side_by_side(side_by_side, first, **given)
        lacking = {_stage1(cell) for cell, _ in failed if not _begun(cell, Path(out))}
        left_out = [cell for cell in others if _stage1(cell) in lacking]
        failed += [(cell, "its stage 1 failed") for cell in left_out]
        ready = [cell for cell in others if _stage1(cell) not in lacking]
        failed += _side_by_side(side_by_side, ready, **given)
    if failed:
        told = "\n  ".join(f"{cell}: {why}" for cell, why in failed[:5])
        raise RuntimeError(
            f"{len(failed)} of {len(todo)} runs failed, all others are kept:\n  {told}"
        )


def _waves(cells: Iterable[Cell]) -> tuple[list[Cell], list[Cell]]:
    """Cells that train a stage 1 of their own or need none; those that begin from one of these."""
    first, others = {}, []
    for cell in cells:
        if first.setdefault(_stage1(cell), cell) is not cell:
            others.append(cell)
    return [*first.values()], others


def _stage1(cell: Cell) -> tuple[str, int, str]:
    """The training that a cell begins from, or is: studies of one name share a folder."""
    study, begins = cell.study, cell.study.trainings[cell.label].begins
    if begins and study.begins and (begins == STAGE1 or study.stage1_switches is not None):
        return study.begins, cell.seed, STAGE1
    return study.name, cell.seed, begins or cell.label


def _start(cell: Cell, out: Path) -> Path:
    """Folder of the training that a cell begins from, or is."""
    name, seed, begins = _stage1(cell)
    return out / name / f"seed{seed}" / begins


def _begun(cell: Cell, out: Path) -> bool:
    """Whether the network that a cell begins from is there."""
    return (_start(cell, out) / NETWORK).exists()


def _side_by_side(parallel, cells: list[Cell], **given) -> list[tuple[Cell, str]]:
    """Train cells; those that failed, and why."""
    from joblib import delayed

    ended = parallel(delayed(_tried)(cell, **given) for cell in cells)
    return [(cell, why) for cell, why in zip(cells, ended, strict=True) if why]


def _tried(cell: Cell, **given) -> str:
    """Train a cell; in a line what went wrong, its traceback to stderr: the others go on."""
    try:
        _train(cell, **given)
    except Exception as error:
        traceback.print_exc()
        return f"{type(error).__name__}: {error}"
    return ""


def _train(cell: Cell, *, out: Path, store: Path, root=None, told=False, progress=False) -> None:
    """Train one cell, and its stage 1 where it is not there yet; put its record into the store."""
    torch.backends.cudnn.allow_tf32 = False  # the plan's float32, on a GPU too
    study, seed = cell.study, cell.seed
    options = tuple(sorted(study.drawn(seed).items()))
    ready = prepared(study.data, study.preset, study.method, options, root)
    rows = {} if cell.label == STAGE1 else {cell.label: study.asked[cell.label]}
    if told:
        print(cell, flush=True)

    def trained(folder: str, rows: dict, **more) -> dict[str, Run]:
        return experiment.compare(
            ready, study.method, rows, seed=seed, out=out / folder / f"seed{seed}",
            preset=study.method_preset, whole=study.whole, progress=progress,
            **study.fitting, **more,
        )  # fmt: skip

    given, another = {"switches": study.switches}, study.stage1_switches
    if study.begins:
        torch.set_num_threads(1)
        if not _begun(cell, out):  # one that is there may be another machine's
            trained(study.begins, {}, switches=study.switches if another is None else another)
        given |= {"stage1": _start(cell, out), "stage1_switches": another}
    torch.set_num_threads(study.threads)
    run = trained(study.name, rows, **given)[cell.label]
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
