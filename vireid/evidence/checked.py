"""A plan looked over before anything is trained: a slip in its last line costs no night."""

from collections.abc import Iterator
from inspect import signature
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING

from vireid import data, experiment
from vireid.arguments import check_count, check_seed
from vireid.experiment.setup import DEFAULTS
from vireid.experiment.train import CHOICE
from vireid.training import check_choice

if TYPE_CHECKING:
    from vireid.evidence.plan import Evidence, Study

ROW = {"title", "study", "row"}, {"role", "whole", "control", "note"}
PAIR = {"method", "other", "rows", "word"}
ENTRIES = {  # table of a plan file -> what an entry must tell, and what it may
    "equal": ROW,
    "real": ROW,
    "ladder": ({"method", "study", "table", "steps"}, {"names"}),
    "order": (PAIR | {"released"}, set()),
    "again": (PAIR | {"kept"}, set()),
    "beside": ({"title", "study", "base", "rows"}, {"names"}),
}
GIVEN = {"name", "preset", "root", "method", "method_preset", "options"}  # a study tells these


def check(plan: "Evidence") -> None:
    """ValueError for the first study that cannot be trained, or entry that no page can show.

    It names the study or entry. Needs no pictures; what only they can refuse, the value of an
    option of theirs, is not looked at.
    """
    for study in plan.studies:
        try:
            _check_study(study)
        except ValueError as error:
            raise ValueError(f"study {study.name}: {error}") from error
    planned: dict[str, set[str]] = {}
    for study in plan.studies:
        planned.setdefault(study.name, set()).update(study.labels)
    tables = plan.equal, plan.real, plan.ladders, plan.orders, plan.again, plan.beside
    for (table, keys), entries in zip(ENTRIES.items(), tables, strict=True):
        for number, entry in enumerate(entries, 1):
            try:
                _check_keys(entry, *keys)
                _check_ends(entry, planned)
            except ValueError as error:
                raise ValueError(f"[[{table}]] {number}: {error}") from error


def _check_study(study: "Study") -> None:
    for name in (study.name, *study.labels):
        plain = isinstance(name, str) and Path(name).name == name and "\\" not in name
        if not plain or name == "..":
            raise ValueError(f"{name!r} is no name of a folder or record: leave out slashes")
    if not isinstance(study.seeds, list) or not study.seeds:
        raise ValueError(f"seeds={study.seeds!r}; give a list of whole numbers, at least one")
    for seed in study.seeds:
        check_seed(seed)
    minutes = study.minutes
    if not isinstance(minutes, Real) or not 0 < minutes < float("inf"):
        raise ValueError(f"minutes={minutes!r}; give the CPU minutes of a run, more than 0")
    check_count(study.threads, "threads", "of at least 1")
    if study.data not in DEFAULTS:
        raise ValueError(f"data={study.data!r} is unknown; known: {', '.join(DEFAULTS)}")
    _among("options", study.options, _options(study.data))
    _among("fitting", study.fitting, {*CHOICE, "amp"})
    check_choice(**{name: v for name, v in study.fitting.items() if name in CHOICE})
    list(study.trainings)  # ValueError for rows and settings that its method does not know


def _options(name: str) -> set[str]:
    """What ``experiment.prepare`` takes for a data set, beside what a study tells by itself."""
    absence = {"absent", "absent_side", "absent_seed"}
    return data.options_of(name) | absence | {*signature(experiment.prepare).parameters} - GIVEN


def _among(what: str, given: dict, known: set[str]) -> None:
    if unknown := sorted(set(given) - known):
        raise ValueError(f"{what} {', '.join(unknown)}: unknown; known: {', '.join(sorted(known))}")


def _check_keys(entry: dict, must: set[str], may: set[str]) -> None:
    if lacking := sorted(must - set(entry)):
        raise ValueError(f"it lacks {', '.join(lacking)}")
    _among("its", entry, must | may)
    for name in {"rows", "steps"} & set(entry):
        if not isinstance(entry[name], list):
            raise ValueError(f"{name}={entry[name]!r}; give a list")


def _check_ends(entry: dict, planned: dict[str, set[str]]) -> None:
    """ValueError for a study or row that the plan does not train: its page would say "not run"."""
    for study, row in _ends(entry):
        if study not in planned:
            raise ValueError(f"study {study!r} is not in the plan")
        if row not in planned[study]:
            raise ValueError(
                f"study {study} has no row {row!r}; it has {', '.join(planned[study])}"
            )


def _ends(entry: dict) -> Iterator[tuple[str, str]]:
    """Studies and rows that an entry names."""
    if "row" in entry:
        yield entry["study"], entry["row"]
    for step in entry.get("steps", ()):
        if not isinstance(step, list) or len(step) not in (3, 4):
            raise ValueError(
                f"{step!r} is no step: give two rows, what it adds, and perhaps a sign"
            )
        yield from ((entry["study"], row) for row in step[:2])
    if "base" in entry:
        yield from ((entry["study"], row) for row in (entry["base"], *entry["rows"]))
    for end in {"released", "other", "kept"} & set(entry):
        yield from ((entry[end], row) for row in entry["rows"])
