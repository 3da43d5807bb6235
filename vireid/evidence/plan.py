"""The plan of the evidence: every run of the committed store, one by one, from one text file."""

import tomllib
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from vireid.evidence.checked import ENTRIES, check
from vireid.experiment.rows import STAGE1, Training, trainings
from vireid.paths import COMMITTED

PLAN = COMMITTED / "evidence.toml"


@dataclass(frozen=True, kw_only=True)
class Study:
    """Rows of one method on one data set, over seeds.

    Parameters
    ----------
    name : folder of its records; several studies may share one
    data, preset, method, method_preset : as on the command line
    rows : labels in the method's table; "stage1" is kept beside those that go on from it
    changes : more labels -> {"row": of the table, field: value, ...}
    options : of ``experiment.prepare``, e.g. ``absent``; a plan file may turn them over values,
        ``over = { absent = [0.5, 1.0] }``, which makes a study of each
    fitting : of ``training.fit``, e.g. ``evaluate_every``
    whole : as for ``experiment.compare``
    begins : name of a study whose stage 1 these rows go on from, and ``stage1_switches`` that
        study's, where they are not these rows'; threads : of its rows' trainings
    minutes : CPU minutes that a run is expected to take, until runs have been measured
    """

    name: str
    data: str
    method: str
    method_preset: str
    seeds: list[int]
    minutes: float
    preset: str | None = None
    rows: list[str] = field(default_factory=list)
    changes: dict[str, dict] = field(default_factory=dict)
    switches: dict = field(default_factory=dict)
    options: dict = field(default_factory=dict)
    fitting: dict = field(default_factory=dict)
    whole: bool | None = None
    begins: str = ""
    stage1_switches: dict | None = None
    threads: int = 1

    @property
    def asked(self) -> dict[str, dict]:
        """Label -> what it changes, without stage 1, as ``compare`` takes it."""
        return {label: {"row": label} for label in self.rows if label != STAGE1} | self.changes

    @property
    def labels(self) -> list[str]:
        """Names of its records."""
        return [*self.rows, *self.changes]

    def drawn(self, seed: int) -> dict:
        """``options`` with what a seed draws: SynthVI's people, elsewhere who is missing."""
        if self.data == "synthvi":
            return {"seed": seed} | self.options
        return self.options | ({"absent_seed": seed} if seed and self.options.get("absent") else {})

    @cached_property
    def trainings(self) -> dict[str, Training]:
        """Label -> how it is trained; ValueError for rows and settings that do not exist."""
        steps = trainings(
            self.method,
            self.asked,
            preset=self.method_preset,
            switches=self.switches,
            whole=self.whole,
            stage1_switches=self.stage1_switches,
        )
        found = {step.label: step for step in steps}
        if lacking := [label for label in self.labels if label not in found]:
            raise ValueError(f"study {self.name}: nothing trains {', '.join(lacking)} by itself")
        return found


@dataclass(frozen=True)
class Cell:
    """One run of the store."""

    study: Study
    label: str
    seed: int

    @property
    def file(self) -> Path:
        """Its record, from the store's folder."""
        return Path(self.study.name, f"seed{self.seed}", f"{self.label}.json")

    def __str__(self) -> str:
        return str(self.file.with_suffix(""))


@dataclass(frozen=True)
class Evidence:
    """The plan file, read.

    ``equal`` lists the rows of the table on equal terms, ``real`` those of the same table on real
    people, ``ladders`` the pairs of rows whose difference a paper claims, ``orders`` the rows
    trained in two orders of writing, ``again`` the rows trained twice alike, ``beside`` the rows
    that are set beside a base which lost the same people, each as in the file.
    """

    studies: list[Study]
    equal: list[dict]
    ladders: list[dict]
    orders: list[dict] = field(default_factory=list)
    real: list[dict] = field(default_factory=list)
    again: list[dict] = field(default_factory=list)
    beside: list[dict] = field(default_factory=list)

    @property
    def cells(self) -> list[Cell]:
        """All runs, in the plan's order: study by study, seed by seed."""
        return [Cell(s, label, k) for s in self.studies for k in s.seeds for label in s.labels]


def _turned(over: dict[str, list] | None = None, **told) -> list[Study]:
    """A study, or one for each value of each option in ``over``, one option turned at a time.

    A turned one is called after its option and value: "NAME_absent_0.5", "NAME_shots_12-4".
    """
    options, found = told.pop("options", {}), []
    if not over:
        return [Study(**told, options=_hashable(options))]
    for option, values in over.items():
        for value in values:
            words = "-".join(map(str, value)) if isinstance(value, list) else value
            one = told | {"name": f"{told['name']}_{option}_{words}"}
            found.append(Study(**one, options=_hashable(options | {option: value})))
    return found


def _hashable(options: dict) -> dict:
    """Options with tuples for a plan's lists."""
    return {k: tuple(v) if isinstance(v, list) else v for k, v in options.items()}


def _begun(studies: list[Study], file: str | Path) -> list[Study]:
    """Studies that begin from another with that study's switches, where they differ."""
    own = {s.name: s.switches for s in studies if not s.begins}
    if lost := sorted({s.begins for s in studies} - {"", *own}):
        raise ValueError(f"{file}: studies begin from {', '.join(lost)}, which trains no stage 1")
    return [
        replace(s, stage1_switches=own[s.begins]) if s.begins and own[s.begins] != s.switches else s
        for s in studies
    ]


def read(file: str | Path = PLAN) -> Evidence:
    """Read a plan; ValueError naming the file when it is none, or when two runs share a record.

    Also for what ``checked.check`` finds: studies that cannot be trained, entries of nothing that
    is planned. A study that ``begins`` from another takes that one's switches for its stage 1.
    """
    try:
        told = tomllib.loads(Path(file).read_text(encoding="utf-8"))
        if unknown := sorted(set(told) - {"study", *ENTRIES}):
            raise KeyError(f"unknown: {', '.join(unknown)}")
        studies = [study for entry in told["study"] for study in _turned(**entry)]
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, KeyError, TypeError) as error:
        raise ValueError(
            f"{file} is no plan of evidence ({error}); data/evidence.toml is"
        ) from error
    made = Evidence(
        _begun(studies, file),
        *(told.get(k, []) for k in ("equal", "ladder", "order", "real", "again", "beside")),
    )
    try:
        check(made)
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from error
    files = [str(cell) for cell in made.cells]
    if double := sorted({name for name in files if files.count(name) > 1}):
        raise ValueError(f"{file} lists {', '.join(double)} twice")
    return made
