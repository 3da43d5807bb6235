"""Run records: what was trained, on what, with what result; small JSON files that plots read."""

import json
import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from vireid import files
from vireid.files.write import put
from vireid.identity import differences
from vireid.paths import COMMITTED

FORMAT = 1
ABOUT, SCORES = "about.json", "scores-"  # beside records: of an export, of vireid reproduce
RECORDED = {"method": str, "config": dict, "data": dict, "model": dict, "identity": dict}
RECORDED |= {"plan": dict, "before": dict, "result": dict, "curves": list}
RECORDED |= {"source": dict, "versions": dict, "seed": int}


@dataclass(repr=False)
class Run:
    """One training run.

    Parameters
    ----------
    method, row, preset : names in the method table
    config : every hyperparameter, flat
    seed : of training (sampling, augmentation, order)
    data : name, fingerprint and size of the training table
    model : name of the network, its parameters and where its first weights came from
    unsupervised : False when identities were given to the method (upper bounds)
    select, select_by : "last" or "best_test" by "rank1" or "mAP"; ``selected_epoch`` is the epoch
        whose network is the result, ``stage1_epoch`` the one whose network began stage 2 where one
        was chosen
    identity : everything that can change the result, see ``vireid.identity``
    source : the data set, its options and starting weights, as ``experiment.prepare`` takes them
    plan : what was going to run, see ``vireid.experiment.plan``
    before, result : scores before the first and of the selected epoch, fractions in [0, 1]; None =
        undefined, as the centred control of a single query
    curves : one dict per epoch
    steps : optimiser steps taken
    seconds, cpu_seconds : that the epochs took on the clock, and of all threads; 0 = not measured
    """

    method: str
    config: dict
    seed: int
    row: str | None = None
    preset: str | None = None
    data: dict = field(default_factory=dict)
    model: dict = field(default_factory=dict)
    unsupervised: bool = True
    select: str = "last"
    select_by: str = "rank1"
    selected_epoch: int | None = None
    stage1_epoch: int | None = None
    before: dict = field(default_factory=dict)
    result: dict = field(default_factory=dict)
    curves: list[dict] = field(default_factory=list)
    steps: int = 0
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    versions: dict = field(default_factory=dict)
    identity: dict = field(default_factory=dict)
    source: dict = field(default_factory=dict)
    plan: dict = field(default_factory=dict)
    format: int = FORMAT

    def __repr__(self) -> str:
        what = " ".join(filter(None, [self.method, self.row]))
        score = self.result.get("rank1")
        end = "not scored" if score is None else f"rank-1 {score:.3f}"
        data = self.data.get("name", "?")
        return f"Run({what}, seed {self.seed}, {data!r}: {len(self.curves)} epochs, {end})"

    @property
    def on_cpu(self) -> bool:
        """Trained on a CPU: only then ``cpu_seconds`` is all of the work."""
        return self.identity.get("device", "cpu") == "cpu"

    def curve(self, key: str) -> tuple[list[int], list[float]]:
        """(epochs, values) of one curve, where it was measured."""
        rows = [row for row in self.curves if row.get(key) is not None]
        return [row["epoch"] for row in rows], [row[key] for row in rows]

    def along(self, key: str) -> list[float | None]:
        """One curve over all epochs, None where it was not measured."""
        return [row.get(key) for row in self.curves]

    def summary(self) -> str:
        """What a person wants to know of the run, in a few lines."""

        def line(name: str, scores: dict) -> str:
            keys = [k for k in ("rank1", "mAP", "mINP", "own_share_k") if k in scores]
            return f"{name:7s}" + "".join(f"  {k} {100 * scores[k]:.1f} %" for k in keys)

        what = " ".join(filter(None, [self.method, self.row]))
        head = f"{what} on {self.data['name']}, seed {self.seed}, {self.steps} steps"
        if not self.unsupervised:
            head += " (was given the true identities: an upper bound)"
        tail = f"network of epoch {self.selected_epoch}, chosen by select={self.select}"
        return "\n".join([head, line("before", self.before), line("after", self.result), tail])

    def save(self, path: Path) -> None:
        """Write the record as JSON, atomically."""
        put(path, self.text())

    def text(self) -> str:
        """The record as JSON: one line for each field, and one for each epoch of the curves."""
        fields = [f"{json.dumps(name)}: {_lines(value)}" for name, value in asdict(self).items()]
        return "{\n" + ",\n".join(fields) + "\n}\n"

    @classmethod
    def load(cls, path: Path) -> "Run":
        """Read a record; ValueError naming the file when it is none."""
        return cls.parse(files.text(path, "run record"), str(path))

    @classmethod
    def parse(cls, text: str, where: str) -> "Run":
        """The record of a JSON text; ValueError saying ``where`` when it is none."""
        try:
            record = json.loads(text)
            if record["format"] != FORMAT:
                raise ValueError(f"format {record['format']}, this version reads {FORMAT}")
            run = cls(**record)
        except (RecursionError, KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{where} is no run record: {error}") from error
        for name, kind in RECORDED.items():
            if not isinstance(getattr(run, name), kind):
                raise ValueError(f"{where} is no run record: its {name} is no {kind.__name__}")
        return run


def _lines(value: object) -> str:
    """JSON of a field on one line without spaces; of a list, one line for each entry."""
    if isinstance(value, list):
        return "[" + ",".join("\n" + _lines(entry) for entry in value) + "\n]"
    return json.dumps(value, default=float, separators=(",", ":"))


def refuse_another(run: Run, now: dict, folder: Path, *, anywhere: bool = False) -> None:
    """ValueError when a kept run is another one than ``now``, an identity; it says in what.

    ``anywhere``: it may have been trained on another machine.
    """
    if not run.identity:
        raise ValueError(
            f"{folder} holds a run of an older version, which did not note what it was made of; "
            "use another folder, or delete this one to train it again"
        )
    if other := differences(run.identity, now, anywhere=anywhere):
        told = "; ".join(f"{k}: {old} there, {new} now" for k, (old, new) in other.items())
        raise ValueError(
            f"{folder} holds a run with another {', '.join(other)} ({told}); use another folder, "
            "or delete this one to train it again"
        )


def load_all(folder: Path | None = None) -> list[Run]:
    """All records of a folder and its subfolders, by file name; by default the committed ones.

    Exports of runs (``vireid export``) and scores that stand beside records are left out.
    """
    folder = COMMITTED / "runs" if folder is None else Path(folder)
    exports = {path.parent for path in folder.rglob(ABOUT)}
    paths = [path for path in sorted(folder.rglob("*.json")) if path.parent not in exports]
    return [Run.load(path) for path in paths if not path.name.startswith(SCORES)]


def ladders(folder: Path | None = None) -> dict[str, dict[str, list[Run]]]:
    """Comparisons on disk: name -> row -> its records by seed.

    ``vireid compare --records <folder>/<name>`` puts them in ``seed<k>/<row>.json`` there; the
    default folder is the committed ``data/runs``. "stage1" comes first in each; an empty folder
    gives an empty dict.
    """
    folder = COMMITTED / "runs" if folder is None else Path(folder)
    found: dict[str, dict[str, list[Run]]] = {}
    paths = sorted(folder.glob("*/seed*/*.json"), key=lambda p: (p.stem != "stage1", p))
    for path in paths:
        rows = found.setdefault(path.parts[-3], {})
        rows.setdefault(path.stem, []).append(Run.load(path))
    for rows in found.values():
        for runs in rows.values():
            runs.sort(key=lambda run: run.seed)
    return dict(sorted(found.items()))


def rank1(found: dict[str, list[Run]]) -> dict[str, list[float]]:
    """Name -> rank-1 of each of its records in per cent."""
    return {name: [100 * run.result["rank1"] for run in runs] for name, runs in found.items()}


def processor() -> str:
    """The CPU's name and the instructions that torch uses on it: its sums depend on both."""
    from torch.backends.cpu import get_cpu_capability

    known = Path("/proc/cpuinfo")
    lines = known.read_text(encoding="utf-8").splitlines() if known.exists() else []
    told = {k.strip(): v.strip() for k, _, v in (line.partition(":") for line in lines)}
    name = told.get("model name") or platform.processor() or platform.machine()
    kind = [told[word] for word in ("cpu family", "model") if word in told]
    return " ".join([name, *kind, get_cpu_capability()])


def versions() -> dict[str, str]:
    """Versions of what decides the numbers, and the processor."""
    found = {"python": platform.python_version(), "processor": processor()}
    for name in ("vireid", "torch", "numpy", "scikit-learn", "faiss-cpu"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def same_seeds(rows: Mapping) -> dict:
    """The same rows, key -> records, of the seeds that all have; no row where none is."""
    kept = [{run.seed for run in runs} for runs in rows.values()]
    if not kept or not (seeds := set.intersection(*kept)):
        return {}
    return {value: [run for run in runs if run.seed in seeds] for value, runs in rows.items()}


def gained(own: list[Run], base: list[Run]) -> list[float]:
    """Differences in rank-1, in points, in the seeds that both have."""
    start = {run.seed: run.result["rank1"] for run in base}
    return [100 * (r.result["rank1"] - start[r.seed]) for r in own if r.seed in start]


def table(
    runs: dict[str, list[Run]],
    keys: tuple[str, ...] = ("rank1", "mAP", "mINP"),
    base: str | None = None,
):
    """Rows by name, mean and sd over seeds in percent, and the gain over ``base`` in each seed.

    Parameters
    ----------
    runs : name -> its records, one per seed
    base : the name that gains are over (default the first); seeds it lacks are left out

    Returns a pandas DataFrame; sd is the sample standard deviation over seeds. A score that is None
    in a record, undefined there, is left out of both; NaN where it is in all.
    """
    import pandas as pd

    base = next(iter(runs)) if base is None else base
    rows = {}
    for name, found in runs.items():
        values = 100 * pd.DataFrame(
            [{k: run.result[k] for k in keys} for run in found], dtype=float
        )
        row = {"seeds": len(found), "steps": found[0].steps, "unsupervised": found[0].unsupervised}
        for key in keys:
            row |= {key: values[key].mean(), f"{key} sd": values[key].std()}
        over = gained(found, runs[base])
        row["rank1 gain by seed"] = " ".join(f"{gain:+.1f}" for gain in over)
        rows[name] = row
    return pd.DataFrame.from_dict(rows, orient="index").round(1)
