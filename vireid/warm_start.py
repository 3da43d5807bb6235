"""A trained network for a notebook: trained once on a machine, afterwards read from a cache.

The name of a kept run is made of everything that decides it: starting weights, pictures, settings,
seed, torch's version and this package's own code. Change one and it is trained again.
"""

import hashlib
import shutil
import tempfile
from collections.abc import Callable
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import torch

from vireid import methods, models
from vireid.experiment import Experiment, preset_for, train
from vireid.paths import cache_folder
from vireid.runs import Run

# Code that decides what a training gives; a change of a plot trains nothing again.
CODE = (
    "association",
    "data",
    "files",
    "models",
    "jaccard",
    "losses",
    "methods",
    "evaluation",
    "neighbours",
)
FILES = ("clustering", "memory", "features", "bias", "curves", "test_set", "training", "experiment")


def stage_one(experiment: Experiment, **options) -> tuple[torch.nn.Module, Run]:
    """The network after stage 1 alone, and its record; ``options`` as for ``trained``."""
    return trained(experiment, **options)


def trained(
    experiment: Experiment,
    row: str | None = None,
    *,
    method: str = "bmil",
    seed: int = 0,
    switches: dict | None = None,
    on_step: Callable[[int, int], None] | None = None,
) -> tuple[torch.nn.Module, Run]:
    """Stage 1 of a two-stage method, or, with a ``row`` of its ablation, stage 2 on top of it.

    Parameters
    ----------
    experiment : from ``experiment.prepare``; tiny worlds take seconds, real data hours
    row : name in the method's ``rows``; None for stage 1 alone
    method : a name of the method table
    seed : of the new layers and of training
    switches : settings of the method other than the preset's, in both stages
    on_step : as in ``fit``; called only while something is trained, may raise to cancel

    Training uses one thread, so that the same machine always gives the same numbers, and scores
    every epoch. Rows share one stage 1, as in ``experiment.compare``. Raises ValueError for an
    unknown method or row.
    """
    preset, other = preset_for(experiment, method), switches or {}
    first, second = methods.build(method, preset=preset, **other).schedule.epochs
    other = other | {"epochs": (first, 0) if row is None else (0, second)}
    settings = methods.build(method, preset=preset, row=row, **other)
    if row is None:
        model = experiment.model(seed)
    else:
        common = {"method": method, "seed": seed, "switches": switches, "on_step": on_step}
        model, _ = trained(experiment, **common)
    folder = cache_folder() / "runs" / _key(experiment, model, settings, seed)
    if not folder.exists():
        with one_thread():
            model, run = train(
                experiment, method, seed=seed, row=row, model=model, switches=other,
                evaluate_every=1, on_step=on_step,
            )  # fmt: skip
        _keep(folder, model, run)
    return models.load_weights(model, folder / "model.safetensors"), Run.load(folder / "run.json")


@contextmanager
def one_thread():
    """One torch thread inside: sums then always run in the same order."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _keep(folder: Path, model: torch.nn.Module, run: Run) -> None:
    """Write a finished run; of two processes that do so at once, the first wins."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(dir=folder.parent))
    models.save(model, partial / "model.safetensors")
    run.save(partial / "run.json")
    try:
        partial.rename(folder)
    except OSError:
        shutil.rmtree(partial)
        if not folder.exists():
            raise


def _key(experiment: Experiment, model: torch.nn.Module, settings, seed: int) -> str:
    digest = hashlib.sha256(_code().encode())
    test = experiment.test
    parts = (
        torch.__version__, seed, settings.name, sorted(settings.config().items()),
        experiment.network, experiment.train.fingerprint, test.query.fingerprint,
        test.gallery.fingerprint, len(test.trials), test.protocol,
    )  # fmt: skip
    digest.update(repr(parts).encode())
    for name, value in model.state_dict().items():
        digest.update(name.encode())
        digest.update(value.detach().cpu().numpy().tobytes())
    return digest.hexdigest()[:24]


@cache
def _code() -> str:
    """Digest of the code that decides a training."""
    package = Path(__file__).parent
    files = [package / f"{name}.py" for name in FILES]
    for room in CODE:
        files += sorted((package / room).rglob("*.py"))
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()
