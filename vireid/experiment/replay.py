"""Train a run again from its record alone, and compare it curve by curve."""

from dataclasses import dataclass
from math import isnan
from pathlib import Path

import torch

from vireid import methods
from vireid.experiment.setup import Experiment, prepare
from vireid.identity import differences, weights_digest
from vireid.runs import Run
from vireid.training import fit
from vireid.training.checkpoint import NETWORK, RECORD


@dataclass(frozen=True)
class Comparison:
    """A run and its repetition.

    Parameters
    ----------
    kept, again : the two records
    identity : what is not the same of what decides a run, name -> (then, now)
    curves : name of a curve -> (first epoch that differs, largest difference); empty when all agree
    """

    kept: Run
    again: Run
    identity: dict[str, tuple]
    curves: dict[str, tuple[int, float]]

    @property
    def same(self) -> bool:
        """Every number of every epoch, and the result, bit for bit."""
        unfinished = not self.kept.result
        return not self.curves and (unfinished or self.kept.result == self.again.result)

    def __str__(self) -> str:
        head = "the same, bit for bit" if self.same else "NOT the same"
        lines = [f"{len(self.again.curves)} epochs trained again: {head}"]
        lines += [f"  {k}: {old} then, {new} now" for k, (old, new) in self.identity.items()]
        lines += [
            f"  {name}: first differs in epoch {epoch}, by up to {most:.3g}"
            for name, (epoch, most) in self.curves.items()
        ]
        return "\n".join(lines)


def replay(
    run: Run | str | Path, *, root: Path | None = None, weights: str | Path | None = None, **options
) -> Comparison:
    """Train a recorded run again on as many threads and compare.

    Parameters
    ----------
    run : a record, its file, or the run's folder
    root : folder of the pictures, for data sets that are read
    weights : starting weights, where the record names a file
    options : of ``fit`` beside what the record tells, e.g. ``out``, ``progress``

    Raises ValueError for a record of an older version, and what ``prepare`` and ``fit`` raise.
    """
    kept = run if isinstance(run, Run) else _read(Path(run))
    check_source(kept, "replayed")
    if "labels" in kept.identity:
        raise ValueError(
            f"the run of {kept.method}, seed {kept.seed}, was given labels, which its record does "
            "not hold; train it again with vireid train --labels"
        )
    _refuse_lost_weights(kept, weights)
    ready, threads = source_of(kept, root=root, weights=weights), torch.get_num_threads()
    model = ready.model(kept.seed)
    _refuse_other_material(kept, model, ready)
    torch.set_num_threads(kept.identity["threads"])
    try:
        again = fit(
            model,
            methods.again(kept.method, kept.config),
            ready.train,
            seed=kept.seed,
            test=ready.test,
            amp=kept.identity["precision"] == "bfloat16",
            evaluate_every=kept.source["evaluate_every"],
            select=kept.select,
            select_by=kept.select_by,
            epochs=len(kept.curves),
            about={"model": {k: kept.model[k] for k in ("name", "options")}},
            **options,
        )
    finally:
        torch.set_num_threads(threads)
    return Comparison(kept, again, differences(kept.identity, again.identity), _curves(kept, again))


def check_source(run: Run, what: str) -> None:
    """ValueError for a record of ``training.fit`` alone, which knows no data set by name."""
    if not run.source or not run.identity:
        raise ValueError(
            f"the record of {run.method}, seed {run.seed}, does not tell what it was made from; "
            f"only runs of vireid train and compare of this version can be {what}"
        )


def source_of(run: Run, *, root: Path | None = None, weights=None) -> Experiment:
    """The experiment that a record tells of."""
    told = run.source
    return prepare(
        told["data"],
        preset=told["preset"],
        root=root,
        network=run.model["name"],
        network_options=run.model["options"],
        weights=weights or told["weights"],
        trials=told["trials"],
        method=run.method,
        size=told["size"],
        **told["options"],
    )


def _refuse_lost_weights(kept: Run, given: str | Path | None) -> None:
    """ValueError when the run began with a stage 1 that nobody says the place of."""
    named = str(kept.source["weights"])
    if given is None and named.endswith(f"/{NETWORK}") and not Path(named).exists():
        raise ValueError(
            f"the run began from {named}, which is not here; give it with --weights: a row of "
            "compare begins from its stage 1's model.safetensors"
        )


def _refuse_other_material(kept: Run, model: torch.nn.Module, ready: Experiment) -> None:
    """ValueError, before anything is trained, for other starting weights or pictures."""
    now = weights_digest(model)
    if (then := kept.identity["network"]["weights"]) != now:
        raise ValueError(
            f"the run began from other weights ({kept.source['weights']}, {then}; here {now}); "
            "give them with --weights: a row of compare begins from its stage 1's model.safetensors"
        )
    if (then := kept.data["fingerprint"]) != ready.train.fingerprint:
        raise ValueError(
            f"the run was trained on other pictures ({then}; here {ready.train.fingerprint}); give "
            "their folder with --root"
        )


def _number(value) -> float:
    return float("nan") if value is None else value


def _read(path: Path) -> Run:
    return Run.load(path / RECORD if path.is_dir() else path)


def _curves(kept: Run, again: Run) -> dict[str, tuple[int, float]]:
    found: dict[str, tuple[int, float]] = {}
    for old, new in zip(kept.curves, again.curves, strict=True):
        for name in {**old, **new}:
            a, b = (_number(row.get(name)) for row in (old, new))
            if a != b and not (isnan(a) and isnan(b)):
                first, most = found.get(name, (old["epoch"], 0.0))
                found[name] = (first, max(most, abs(a - b)))
    return found
