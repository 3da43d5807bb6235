"""A trained network for a notebook: trained once on a machine, afterwards read from a cache.

The name of a kept run is made of everything that decides it: starting weights, pictures, settings,
seed, torch's version and this package's own code. Change one and it is trained again; two notebooks
that want one run at the same time train it once.
"""

import os
import tempfile
import threading
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path

import torch
from filelock import FileLock

from vireid import models
from vireid.experiment import Experiment, identity_of, setting, train
from vireid.features import pick_device
from vireid.identity import digest
from vireid.paths import cache_folder
from vireid.runs import Run

LENGTH = "VIREID_LESSON"  # in the environment; see ``length``
SHORT = "3 3 10"  # on real pictures: enough steps to see a curve move
RECORD, NETWORK = "run.json", "model.safetensors"
_ALONE = threading.RLock()


def length(experiment: Experiment, method) -> dict:
    """How long notebooks train a built ``method``, as switches.

    On SynthVI as long as its preset says, on real pictures at most 3 epochs a stage of 10
    iterations. ``VIREID_LESSON`` in the environment says otherwise: "full" is the preset's length
    everywhere, three numbers as "3 3 10" are the most epochs of stage 1, of stage 2, and the most
    iterations of an epoch. Raises ValueError for anything else.
    """
    asked = os.environ.get(LENGTH, "full" if experiment.name == "synthvi" else SHORT)
    if asked == "full":
        return {}
    words = asked.split()
    if len(words) != 3 or not all(word.isdecimal() for word in words):
        raise ValueError(f"{LENGTH}={asked!r}: write full, or three numbers as {SHORT}")
    *epochs, iterations = map(int, words)
    usual = method.schedule
    later = usual.stage2_iterations
    return {
        "epochs": tuple(map(min, usual.epochs, epochs)),
        "iterations": min(usual.iterations, iterations),
        "stage2_iterations": later and min(later, iterations),
    }


def stage_one(experiment: Experiment, **options) -> tuple[torch.nn.Module, Run]:
    """The network after stage 1 alone, and its record; ``options`` as for ``trained``."""
    return trained(experiment, **options)


@contextmanager
def one_thread():
    """One torch thread inside, so that sums always run in the same order.

    One caller at a time: torch's generator and its number of threads are the whole process's, and
    a training beside another draws other weights. Who comes second waits.
    """
    with _ALONE:
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            yield
        finally:
            torch.set_num_threads(threads)


@one_thread()
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
    experiment : from ``experiment.prepare``; ``length`` says how long it is trained
    row : name in the method's ``rows``; None for stage 1 alone
    method : a name of the method table
    seed : of the new layers and of training
    switches : settings of the method other than the preset's, in both stages
    on_step : as in ``fit``; called only while something is trained, may raise to cancel

    Training uses one thread, so that a CPU always gives the same numbers, and scores every epoch;
    each kind of device has its own kept runs. A second call in this process waits for it, and for a
    widget that trains. Rows share a stage 1 as in ``experiment.compare``; those whose method
    carries more than a network into stage 2 are trained whole. Raises ValueError for an unknown
    method or row.
    """
    usual = setting(experiment, method, row=row, switches=switches)
    switches = (switches or {}) | length(experiment, usual)
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
    switches = switches | {"epochs": epochs}
    settings = setting(experiment, method, row=row, switches=switches)
    device = str(pick_device("auto"))
    folder = cache_folder() / "runs" / _key(experiment, model, settings, seed, device)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{folder}.lock"):  # who comes second waits, then reads
        if not folder.exists():
            model, run = train(
                experiment, method, seed=seed, row=row, model=model, switches=switches,
                evaluate_every=1, on_step=on_step, device=device,
            )  # fmt: skip
            _keep(folder, model, run)
    return models.load_weights(model, folder / NETWORK), Run.load(folder / RECORD)


def _keep(folder: Path, model: torch.nn.Module, run: Run) -> None:
    """Write a finished run, whole or not at all."""
    with tempfile.TemporaryDirectory(dir=folder.parent, ignore_cleanup_errors=True) as place:
        models.save(model, Path(place, "run", NETWORK))
        run.save(Path(place, "run", RECORD))
        Path(place, "run").rename(folder)


def _key(experiment: Experiment, model: torch.nn.Module, settings, seed: int, device: str) -> str:
    return digest(identity_of(experiment, settings, model, seed=seed, device=device), loose=True)
