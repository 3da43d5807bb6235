"""A trained network for a notebook: trained once on a machine, afterwards read from a cache.

The name of a kept run is made of everything that decides it: starting weights, pictures, settings,
seed, torch's version and this package's own code. Change one and it is trained again.
"""

import shutil
import tempfile
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path

import torch

from vireid import models
from vireid.experiment import Experiment, identity_of, setting, train
from vireid.identity import digest
from vireid.paths import cache_folder
from vireid.runs import Run


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
    every epoch. Rows share a stage 1 as in ``experiment.compare``; those whose method carries more
    than a network into stage 2 are trained whole. Raises ValueError for an unknown method or row.
    """
    whole = setting(experiment, method, row=row, switches=switches)
    first, second = whole.schedule.epochs
    options = {"method": method, "seed": seed, "switches": switches, "on_step": on_step}
    if row is None:
        return _kept(experiment, experiment.model(seed), row, epochs=(first, 0), **options)
    if whole.carries:
        return _kept(experiment, experiment.model(seed), row, epochs=(first, second), **options)
    plain = setting(experiment, method, switches=switches)
    shared = None if plain.stage1_config() == whole.stage1_config() else row
    model, _ = _kept(experiment, experiment.model(seed), shared, epochs=(first, 0), **options)
    return _kept(experiment, model, row, epochs=(0, second), **options)


def _kept(
    experiment: Experiment, model, row: str | None, *, method, seed, switches, epochs, on_step
) -> tuple[torch.nn.Module, Run]:
    """A run from the cache, or trained and put there."""
    switches = (switches or {}) | {"epochs": epochs}
    settings = setting(experiment, method, row=row, switches=switches)
    folder = cache_folder() / "runs" / _key(experiment, model, settings, seed)
    if not folder.exists():
        with one_thread():
            model, run = train(
                experiment, method, seed=seed, row=row, model=model, switches=switches,
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
    with one_thread():
        found = identity_of(experiment, settings, model, seed=seed, device="cpu")
    return digest(found, loose=True)
