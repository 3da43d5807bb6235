"""What the ablation lab trains itself: on the tiny world, kept in the student's folder."""

import json
from pathlib import Path

from vireid import methods
from vireid.experiment.lookup import wanted
from vireid.identity import digest
from vireid.runs import Run
from vireid.training.checkpoint import NETWORK, RECORD
from vireid.widgets.live import Report

PRESET, SEED = "tiny", 0


def train(method: str, changes: dict, report: Report, *, folder: Path) -> Run:
    """Train a setting on SynthVI tiny, or go on where it was cancelled; a finished one is read.

    Parameters
    ----------
    changes : fields that differ from the method's tiny preset
    report : told (steps done, steps in all) of each part, stage 1 and what follows; may raise
    folder : what is kept lies below it, by method

    Settings whose stage 1 is the same share it, as in ``experiment.compare``. What was cancelled
    goes on after its last whole epoch. Raises as ``compare`` and what ``report`` raises.
    """
    from vireid import experiment, warm_start

    name = digest(json.loads(json.dumps(wanted(method, changes, preset=PRESET))))[:8]
    tiny = experiment.prepare("synthvi", preset=PRESET, method=method)
    with warm_start.one_thread():
        found = experiment.compare(
            tiny, method, {name: changes}, seed=SEED, out=_place(folder, method),
            evaluate_every=1, on_step=report,
        )  # fmt: skip
    return found[name]


def load(folder: Path, method: str) -> list[Run]:
    """Finished runs of a method that ``train`` has kept, by name."""
    kept = sorted(_place(folder, method).glob(f"*/{RECORD}"))
    return [Run.load(file) for file in kept if file.with_name(NETWORK).exists()]


def _place(folder: Path, method: str) -> Path:
    return folder / methods.file_name(method) / f"{PRESET}-seed{SEED}"
