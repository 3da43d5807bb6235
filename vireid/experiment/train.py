"""One method on one data set: its setting, its identity, its run."""

from pathlib import Path

import torch

from vireid import methods
from vireid.experiment.facts import FACTS, counted
from vireid.experiment.plan import Plan
from vireid.experiment.setup import Experiment, preset_for
from vireid.features import pick_device
from vireid.identity import identity
from vireid.models.weights import SYNTHVI
from vireid.runs import Run
from vireid.training import GivenLabels, chosen_by, fit, given_by, precision
from vireid.types import Modality


def setting(
    experiment: Experiment,
    name: str,
    *,
    row: str | None = None,
    preset: str | None = None,
    switches: dict | None = None,
):
    """The method with its preset for the experiment (or ``preset``), a row and switches on top."""
    preset = preset or preset_for(experiment, name)
    return methods.build(name, preset=preset, row=row, **(switches or {}))


def identity_of(
    experiment: Experiment,
    method,
    model: torch.nn.Module,
    *,
    seed: int,
    amp: bool = False,
    device: str = "auto",
    labels: GivenLabels | None = None,
    **fitting,
) -> dict:
    """The identity that ``fit`` would give a run of this method from this network."""
    where = pick_device(device)
    return identity(
        model,
        method,
        experiment.train,
        seed=seed,
        device=where,
        test=experiment.test,
        precision=precision(amp, where),
        network={"name": experiment.network, "options": experiment.network_options},
        **given_by(labels),
        **chosen_by(**{k: v for k, v in fitting.items() if k in CHOICE}),
    )


USUAL_FILES = (SYNTHVI.name, "squeezenet1_1_imagenet.npz")  # found again by ``prepare`` itself
CHOICE = ("select", "select_by", "evaluate_every")  # of the network, among ``fit``'s arguments


def source(experiment: Experiment) -> dict:
    """What ``prepare`` made the experiment from, for a record; a weights file by its name alone.

    Where people are missing on one side, ``missing`` says who: modality -> identities.
    """
    named = "none" if experiment.weights is None else Path(str(experiment.weights)).name
    missing = {"missing": experiment.missing} if experiment.missing else {}
    return missing | {
        "data": experiment.name,
        "preset": experiment.preset,
        "options": experiment.options,
        "trials": experiment.test and len(experiment.test.trials),
        "size": list(experiment.train.size),
        "weights": "default" if named in USUAL_FILES else named,
    }


def train(
    experiment: Experiment,
    name: str,
    *,
    seed: int,
    row: str | None = None,
    preset: str | None = None,
    model: torch.nn.Module | None = None,
    switches: dict | None = None,
    began: str | None = None,
    **options,
) -> tuple[torch.nn.Module, Run]:
    """Train one method; ``options`` go to ``fit``. Returns the network and the record.

    ``began`` is what the record says of the weights of a ``model`` that is given.
    """
    method = setting(experiment, name, row=row, preset=preset, switches=switches)
    model = experiment.model(seed) if model is None else model
    about = {
        "row": row,
        "preset": preset or preset_for(experiment, name),
        "model": {
            "name": experiment.network,
            "options": experiment.network_options,
            "weights": Path(str(experiment.weights)).name,
        },
    }
    about["source"] = source(experiment) | {"evaluate_every": options.get("evaluate_every", 0)}
    if began:
        about["source"]["weights"] = about["model"]["weights"] = began
    if experiment.name in FACTS:
        given = (experiment.network, experiment.network_options, experiment.train.size)
        size = experiment.preset if experiment.name == "synthvi" else None
        planned = Plan(name, experiment.name, about["preset"], row, method, given, size)
        about["plan"] = planned.for_record()
        shown = counted(*((experiment.train.modality == m).sum() for m in Modality))
        about["plan"]["pictures"]["training pictures"] = shown
    run = fit(
        model, method, experiment.train, seed=seed, test=experiment.test, about=about, **options
    )
    return model, run
