"""Rows of an ablation: each trained whole, or from a stage 1 that several share."""

import json
from pathlib import Path

from vireid import models
from vireid.experiment.setup import Experiment, preset_for
from vireid.experiment.train import identity_of, setting, train
from vireid.identity import digest
from vireid.runs import Run, refuse_another
from vireid.training.checkpoint import NETWORK, RECORD

STAGE1 = "stage1"


def compare(
    experiment: Experiment,
    name: str,
    rows: list[str] | dict[str, dict],
    *,
    seed: int,
    out: Path,
    preset: str | None = None,
    switches: dict | None = None,
    whole: bool | None = None,
    **options,
) -> dict[str, Run]:
    """Train ablation rows of a two-stage method; rows whose stage 1 is the same share it.

    ``rows`` are names in the method's table, or a dict: any name -> what it changes, fields and
    "row" for a row of the table. Two rows share a stage 1 when all settings that it reads are equal
    (``Method.stage1_config``); ``whole`` trains every row from the start; None = where the method
    carries more than a network into stage 2. Every finished run is kept under ``out/<row>/``, stage
    1 of the setting without a row under ``out/stage1/``, those of other rows beside it; calling
    again goes on where it stopped. ``options`` go to ``fit``.

    Returns row -> record, with "stage1" first when a row shares it or when there are no rows.
    Raises ValueError, before anything is trained, for rows that cannot be built, and for a kept run
    of another identity.
    """
    job = _Job(experiment, name, seed, Path(out), preset, switches or {}, options)
    if not isinstance(rows, dict):
        rows = {label: {"row": label} for label in rows if label != STAGE1}
    built = {label: job.setting(changes) for label, changes in rows.items()}
    plain = job.setting({})
    found = {}
    if not rows or any(not _whole(m, whole) and _same(m, plain) for m in built.values()):
        found[STAGE1] = job.stage1(plain, {}, STAGE1)
    for label, changes in rows.items():
        method = built[label]
        if _whole(method, whole):
            found[label] = job.run(label, changes)
            continue
        common = STAGE1
        if not _same(method, plain):
            common = _name(method)
            job.stage1(method, _stage1_changes(method, plain), common)
        second = (0, method.schedule.epochs[1])
        found[label] = job.run(label, changes | {"epochs": second}, common)
    return found


def _whole(method, whole: bool | None) -> bool:
    """Whether a row is trained from the start, and stage 2 with it."""
    alone = 0 in method.schedule.epochs
    return alone or (method.carries if whole is None else whole)


def _same(method, other) -> bool:
    return method.stage1_config() == other.stage1_config()


def _stage1_changes(method, plain) -> dict:
    """What a row's stage 1 has otherwise than the plain setting's."""
    usual, left = plain.config(), ("epochs", "stage2_iterations")
    own = method.stage1_config().items()
    return {k: v for k, v in own if usual[k] != v and k not in left}


def _name(method) -> str:
    """Folder of a stage 1 that is not the plain setting's."""
    return f"{STAGE1}-{digest(json.loads(json.dumps(method.stage1_config())))[:8]}"


class _Job:
    """Runs of one ``compare`` on disk."""

    def __init__(self, experiment, name, seed, out, preset, switches, options):
        self.experiment, self.name, self.seed, self.out = experiment, name, seed, out
        self.preset = preset or preset_for(experiment, name)
        self.switches, self.options = switches, options

    def setting(self, changes: dict):
        """The method of a row."""
        row, switches = self.split(changes)
        return setting(self.experiment, self.name, row=row, preset=self.preset, switches=switches)

    def split(self, changes: dict) -> tuple[str | None, dict]:
        """(row of the table, switches) of what a row changes."""
        own = self.switches | changes
        return own.pop("row", None), own

    def stage1(self, method, changes: dict, label: str) -> Run:
        """Stage 1 alone; nothing that only stage 2 reads is among ``changes``."""
        return self.run(label, changes | {"epochs": (method.schedule.epochs[0], 0)})

    def run(self, label: str, changes: dict, begin: str | None = None) -> Run:
        """A finished run from disk, or a trained one, from the network of ``begin`` if any."""
        folder, (row, switches) = self.out / label, self.split(changes)
        model = self.experiment.model(self.seed)
        if begin:
            models.load_weights(model, self.out / begin / NETWORK)
        if (folder / NETWORK).exists():
            run = Run.load(folder / RECORD)
            now = identity_of(
                self.experiment, self.setting(changes), model, seed=self.seed, **self.options
            )
            refuse_another(run, now, folder)
            return run
        return train(
            self.experiment,
            self.name,
            seed=self.seed,
            row=row,
            preset=self.preset,
            model=model,
            switches=switches,
            out=folder,
            resume=True,
            began=f"{begin}/{NETWORK}" if begin else None,
            **self.options,
        )[1]
