"""Rows of an ablation: each trained whole, or from a stage 1 that several share."""

import json
from dataclasses import dataclass
from pathlib import Path

from vireid import methods, models
from vireid.experiment.setup import Experiment, preset_for
from vireid.experiment.train import identity_of, setting, train
from vireid.identity import digest
from vireid.runs import Run, refuse_another
from vireid.training.checkpoint import NETWORK, RECORD

STAGE1 = "stage1"


def compare(  # noqa: PLR0913
    experiment: Experiment,
    name: str,
    rows: list[str] | dict[str, dict],
    *,
    seed: int,
    out: Path,
    preset: str | None = None,
    switches: dict | None = None,
    whole: bool | None = None,
    stage1: Path | None = None,
    stage1_switches: dict | None = None,
    **options,
) -> dict[str, Run]:
    """Train ablation rows of a two-stage method; rows whose stage 1 is the same share it.

    ``rows`` are names in the method's table, or a dict: any name -> what it changes, fields and
    "row" for a row of the table. Two rows share a stage 1 when all settings that it reads are equal
    (``Method.stage1_config``); ``whole`` trains every row from the start; None = where the method
    carries more than a network into stage 2. Every finished run is kept under ``out/<row>/``, stage
    1 of the setting without a row under ``out/stage1/``, those of other rows beside it; calling
    again goes on where it stopped. ``stage1`` is the folder of one that is there already, trained
    on any machine; rows with a stage 1 of their own train that all the same. With
    ``stage1_switches`` all rows go on from one stage 1 of these settings (in place of ``switches``
    and of a row's own): what of a gain is stage 1's, what stage 2's? ``options`` go to ``fit``.

    Returns row -> record, with "stage1" first when a row shares it, when it is one of the rows, or
    when there are none. Raises ValueError, before anything is trained, for rows that cannot be
    built or that are trained whole where ``stage1_switches`` are given, for a kept run of another
    identity (a row's once its stage 1 is there), and for a ``stage1`` that is none, or none of
    these settings.
    """
    preset = preset or preset_for(experiment, name)
    told = {"preset": preset, "switches": switches, "whole": whole}
    steps = trainings(name, rows, **told, stage1_switches=stage1_switches)
    given = {}
    if stage1 is not None:
        first = STAGE1 if stage1_switches is None else steps[-1].begins
        given[first] = _finished(Path(stage1))
    job = _Job(experiment, name, seed, Path(out), preset, options, given)
    kept = {step.label: job.kept(step) for step in steps}
    found = {step.label: kept[step.label] or job.run(step) for step in steps}
    return {step.label: found[step.label] for step in steps if step.asked}


@dataclass(frozen=True)
class Training:
    """One training of a comparison.

    Parameters
    ----------
    label : name of its row and of its folder
    row, switches : row of the method's table and changes to the preset, the stage's epochs too
    begins : label of the training whose network it goes on from, or None
    asked : whether the comparison returns it; False for a stage 1 that only other rows need
    """

    label: str
    row: str | None
    switches: dict
    begins: str | None = None
    asked: bool = True


def trainings(
    name: str,
    rows: list[str] | dict[str, dict],
    *,
    preset: str,
    switches: dict | None = None,
    whole: bool | None = None,
    stage1_switches: dict | None = None,
) -> list[Training]:
    """What ``compare`` trains for these rows, in its order; needs no pictures.

    Raises ValueError for rows that cannot be built, for one name in the place of a list, and where
    no row goes on from the stage 1 of ``stage1_switches``.
    """
    if isinstance(rows, str):
        raise ValueError(f"rows={rows!r}: give a list, [{rows!r}]")

    def split(changes: dict) -> tuple[str | None, dict]:
        own = (switches or {}) | changes
        return own.pop("row", None), own

    def build(changes: dict):
        row, own = split(changes)
        return methods.build(name, preset=preset, row=row, **own)

    def step(label: str, changes: dict, *more) -> Training:
        return Training(label, *split(changes), *more)

    alone = not rows
    if not isinstance(rows, dict):
        alone |= STAGE1 in rows
        rows = {label: {"row": label} for label in rows if label != STAGE1}
    built, plain = {label: build(changes) for label, changes in rows.items()}, build({})
    usual = step(STAGE1, {"epochs": (plain.schedule.epochs[0], 0)})
    other = None if stage1_switches is None else _another(name, preset, **stage1_switches)

    def stage1(method) -> Training:
        same = _same(method, plain)
        own = usual if same else step(_name(method), _stage1_changes(method, plain), None, False)
        return other or own

    begun = {label: stage1(m) for label, m in built.items() if not _whole(m, whole)}
    if other and not begun:
        raise ValueError(
            "stage1_switches: no row goes on from that stage 1. Name rows of two stages, and "
            "whole=False for a method that carries more than a network into stage 2"
        )
    found = {STAGE1: usual} if alone or usual in begun.values() else {}
    for label, changes in rows.items():
        if label not in begun:
            found[label] = step(label, changes)
            continue
        first, second = begun[label], {"epochs": (0, built[label].schedule.epochs[1])}
        found.setdefault(first.label, first)
        found[label] = step(label, changes | second, first.label)
    return list(found.values())


def _another(name: str, preset: str, row: str | None = None, **switches) -> Training:
    """A stage 1 that is not of its rows' settings."""
    method = methods.build(name, preset=preset, row=row, **switches)
    own = switches | {"epochs": (method.schedule.epochs[0], 0)}
    return Training(_name(method), row, own, asked=False)


def _finished(stage1: Path) -> Path:
    """The folder; ValueError where it holds no finished stage 1."""
    if not _is_finished(stage1):
        raise ValueError(
            f"{stage1} holds no finished stage 1: no {NETWORK} in it, or a record without a result"
        )
    return stage1


def _is_finished(folder: Path) -> bool:
    """Whether a folder holds the network of its record, which may be on its way to more epochs."""
    return (folder / NETWORK).exists() and bool(Run.load(folder / RECORD).result)


def _whole(method, whole: bool | None) -> bool:
    """Whether a row is trained from the start, and stage 2 with it."""
    alone = 0 in method.schedule.epochs
    return alone or (method.carries if whole is None else whole)


def _same(method, other) -> bool:
    return method.stage1_config() == other.stage1_config()


def _stage1_changes(method, plain) -> dict:
    """What a row's stage 1 has otherwise than the plain setting's, and its epochs."""
    usual, left = plain.config(), ("epochs", "stage2_iterations")
    own = method.stage1_config().items()
    changes = {k: v for k, v in own if usual[k] != v and k not in left}
    return changes | {"epochs": (method.schedule.epochs[0], 0)}


def _name(method) -> str:
    """Folder of a stage 1 that is not the plain setting's."""
    return f"{STAGE1}-{digest(json.loads(json.dumps(method.stage1_config())))[:8]}"


class _Job:
    """Runs of one ``compare`` on disk."""

    def __init__(self, experiment, name, seed, out, preset, options, given):
        self.experiment, self.name, self.seed, self.out = experiment, name, seed, out
        self.preset, self.options = preset, options
        self.given = given  # label of a stage 1 -> the folder where it is already

    def folder(self, label: str) -> Path:
        """Where a training is kept."""
        return self.given.get(label, self.out / label)

    def kept(self, step: Training) -> Run | None:
        """A finished run from disk; None where it, or what it began with, is not there yet."""
        folder = self.folder(step.label)
        places = [folder, *([self.folder(step.begins)] if step.begins else ())]
        if not all(_is_finished(place) for place in places):
            return None
        run = Run.load(folder / RECORD)
        method = setting(self.experiment, self.name, **self.wanted(step))
        model = self.model(step)
        now = identity_of(self.experiment, method, model, seed=self.seed, **self.options)
        refuse_another(run, now, folder, anywhere=step.label in self.given)
        wanted = self.options.get("epochs") or sum(method.schedule.epochs)
        return run if len(run.curves) >= wanted or step.label in self.given else None

    def run(self, step: Training) -> Run:
        """A finished run from disk, or a trained one."""
        return (
            self.kept(step)
            or train(
                self.experiment,
                self.name,
                seed=self.seed,
                model=self.model(step),
                out=self.folder(step.label),
                resume=True,
                began=f"{step.begins}/{NETWORK}" if step.begins else None,
                **self.wanted(step),
                **self.options,
            )[1]
        )

    def model(self, step: Training):
        """The network that a training begins with."""
        model = self.experiment.model(self.seed)
        if step.begins:
            models.load_weights(model, self.folder(step.begins) / NETWORK)
        return model

    def wanted(self, step: Training) -> dict:
        """What decides a training's settings."""
        return {"row": step.row, "preset": self.preset, "switches": step.switches}
