"""What an ablation may ask of a method, and the run records that answer: found by their settings.

Folders and rows' names do not count: a record answers when every hyperparameter is as asked.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, fields

from vireid import methods
from vireid.identity import numbers_of
from vireid.methods.base import Schedule
from vireid.methods.controls import CONTROLS
from vireid.runs import Run

WHOLE = "as it is"  # a method's preset without a row


@dataclass(frozen=True)
class Setting:
    """One thing to ask for.

    Parameters
    ----------
    name : of the row, or ``field=value``
    kind : "whole", "paper", "control" or "switch"
    words : what it is, in a line
    changes : fields that differ from the preset's
    """

    name: str
    kind: str
    words: str
    changes: dict


@dataclass(frozen=True)
class Answer:
    """Records of one setting on one data set, one a seed.

    Parameters
    ----------
    runs : by seed
    unsaid : hyperparameters that some record, of an older version, does not tell; they are taken to
        have been at their defaults
    """

    runs: tuple[Run, ...] = ()
    unsaid: tuple[str, ...] = ()

    def scores(self, key: str) -> dict[tuple, float]:
        """(seed, pictures) -> a score in per cent; runs of equal ones are compared in pairs."""
        told = {(r.seed, r.data.get("fingerprint")): r.result.get(key) for r in self.runs}
        return {pair: 100 * value for pair, value in told.items() if value is not None}


def settings(name: str) -> list[Setting]:
    """The method as it is, the paper's rows, the controls and all single switches, in this order.

    Raises ValueError for an unknown method.
    """
    cls = methods.kind(name)
    told = [Setting(WHOLE, "whole", f"{cls.title} with its preset", {})]
    known = CONTROLS | cls.words
    for kind in ("paper", "control"):
        told += [
            Setting(row, kind, known.get(row) or in_words(changes), changes)
            for row, changes in cls.rows.items()
            if (row in CONTROLS) == (kind == "control")
        ]
    for field, values in cls.switches.items():
        told += [
            Setting(f"{field}={value}", "switch", in_words({field: value}), {field: value})
            for value in values
        ]
    return told


def in_words(changes: dict) -> str:
    """Settings as people say them: "split prototypes off, global clusters vanilla"."""
    short = {True: "on", False: "off", None: "none"}
    return ", ".join(
        f"{field.replace('_', ' ')} {short.get(v, v) if isinstance(v, bool) or v is None else v}"
        for field, v in changes.items()
    )


def wanted(name: str, changes: dict, *, preset: str) -> dict:
    """Every field of a method's setting as plain values, also those that ``config`` leaves out."""
    method = methods.build(name, preset=preset, **changes)
    flat = {f.name: getattr(method, f.name) for f in fields(method) if f.name != "schedule"}
    flat |= {f.name: getattr(method.schedule, f.name) for f in fields(Schedule)}
    return json.loads(json.dumps(flat))


def answer(runs: Iterable[Run], name: str, config: dict) -> Answer:
    """The records, among ``runs``, of a method's setting (``wanted``).

    Stage 2 alone on a kept stage 1 answers as a whole run does. Records of older versions do not
    tell every setting: those that tell most answer, and no others beside them. Of several of a seed
    the last counts.
    """
    usual, found = _defaults(name), {}
    for run in runs:
        if run.method == name and run.result:
            unsaid = _unsaid(run, config, usual)
            if unsaid is not None:
                seeds = found.setdefault(tuple(unsaid), {})
                seeds[run.seed, run.data.get("fingerprint")] = run
    unsaid = min(found, key=len, default=())
    kept = found.get(unsaid, {})
    return Answer(tuple(kept[key] for key in sorted(kept, key=str)), unsaid)


def _unsaid(run: Run, config: dict, usual: dict) -> list[str] | None:
    """What a record of this setting does not tell; None for a record of another setting."""
    first, second = config["epochs"]
    said = run.config
    if said["epochs"][1] != second or said["epochs"][0] not in (0, first):
        return None
    fields_ = [field for field in config if field != "epochs"]
    if any(said.get(field, usual[field]) != config[field] for field in fields_):
        return None
    cls = methods.kind(run.method)
    numbers = run.identity.get("numbers")
    if numbers not in (None, numbers_of(cls)):
        return None  # the code has given other numbers since
    unsaid = [field for field in fields_ if field not in said and field not in cls.later]
    return unsaid + ["version of the numbers"] * (numbers is None)


def _defaults(name: str) -> dict:
    cls = methods.kind(name)
    flat = {f.name: f.default for c in (cls, Schedule) for f in fields(c) if f.name != "schedule"}
    return json.loads(json.dumps(flat))
