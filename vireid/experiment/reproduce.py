"""Everything that a published table needs, run part by part and kept; missing cells say so.

One network is trained for each row and training split; it is scored in every mode of the table
(search of SYSU-MM01, direction of RegDB and LLCM). Each score is a small file beside the network.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from vireid import methods
from vireid.arguments import check_seed
from vireid.experiment.facts import Facts, facts
from vireid.experiment.setup import Experiment, prepare, preset_of, size_of
from vireid.experiment.train import CHOICE, identity_of, setting, train
from vireid.files.write import put
from vireid.identity import digest
from vireid.models import load_weights
from vireid.papers import paper_table
from vireid.runs import Run, refuse_another
from vireid.training import check_choice
from vireid.training.checkpoint import NETWORK, RECORD

NAMES = {"sysu": "SYSU-MM01", "regdb": "RegDB", "llcm": "LLCM"}
METRICS = ("rank1", "mAP", "mINP")
FULL = "full"  # the row of a table that shows the method as it is


@dataclass(frozen=True, kw_only=True)
class Reproduction:
    """A table of a paper on a data set.

    Parameters
    ----------
    method, data, preset : as in ``experiment.plan``
    table : of the method's paper; "Table 1" is the method as it is, others are its ablation rows
    root, out : folder of the pictures; folder of the runs
    seed : of training
    data_preset : of SynthVI
    switches : changes to the preset, e.g. epochs for a rehearsal
    fitting : options of ``training.fit``
    given : other options of ``prepare``, e.g. ``weights`` and ``size``
    """

    method: str
    data: str
    preset: str = "official"
    table: str = "Table 1"
    root: Path | None = None
    out: Path = Path("runs/reproduce")
    seed: int = 0
    data_preset: str | None = None
    switches: dict = field(default_factory=dict)
    fitting: dict = field(default_factory=dict)
    given: dict = field(default_factory=dict)

    @property
    def facts(self) -> Facts:
        """Modes, splits and draws of the data set."""
        return facts(self.data)

    @property
    def rows(self) -> dict[str, str | None]:
        """Name in the table -> row of the method's table; the method as it is has none."""
        if self.table == "Table 1":
            return {FULL: None}
        rows, told = methods.kind(self.method).rows, self._names_in_table()
        listed = [r for r in rows if self._published_name(r) in told]
        if not listed:
            tables = sorted({line["table"] for line in paper_table(paper=self.method.upper())})
            raise ValueError(
                f"table={self.table!r}: no row of {self.method} stands in it; published tables: "
                f"{', '.join(tables) or 'none'}"
            )
        return {r: r for r in listed}

    def check(self) -> None:
        """ValueError for what no part can be trained with; needs no pictures.

        A file of weights may be missing: what was trained from it can be shown without.
        """
        check_seed(self.seed)
        check_choice(**{k: v for k, v in self.fitting.items() if k in CHOICE})
        if not str(weights := self.given.get("weights", "default")):
            raise ValueError(f"weights={weights!r}: give a file or a name; none = random")
        if (size := self.given.get("size")) and min(size) < 1:
            raise ValueError(f"size={tuple(size)}: height and width of a picture are at least 1")
        for row in self.rows.values():
            methods.build(self.method, preset=self.chosen_preset, row=row, **self.switches)

    def run(self, *, rows=None, splits=None, progress: bool = False) -> None:
        """Train and score what is missing; ValueError for rows and splits that do not exist."""
        chosen = self._chosen(rows, self.rows, "rows")
        for split in self._chosen(splits, self.facts.splits, "splits"):
            for row in chosen:
                self._train(row, split, progress)

    def scores(self, row: str) -> dict[str, dict[str, list[float]]]:
        """Mode -> metric -> a score per split that has run, in per cent."""
        found: dict[str, dict[str, list[float]]] = {}
        for split in self.facts.splits:
            for mode in self.facts.modes:
                file = self.folder(row, split) / f"scores-{mode}.json"
                if file.exists():
                    told = json.loads(file.read_text())["scores"]
                    for metric in METRICS:
                        by_metric = found.setdefault(mode, {})
                        by_metric.setdefault(metric, []).append(100 * told[metric])
        return found

    def shown(self) -> str:
        """The table in words, ours beside the published numbers."""
        import pandas as pd

        rows = []
        for row in self.rows:
            ours = self.scores(row)
            for mode in self.facts.modes:
                line = {"row": row, "mode": mode, "splits": self._count(ours, mode)}
                for metric in METRICS:
                    line[metric] = _mean(ours.get(mode, {}).get(metric))
                    line[f"{metric} (paper)"] = self._published(row, mode, metric)
                rows.append(line)
        head = f"{self.method} on {self.data}, {self.table}, preset {self.chosen_preset}"
        head += "".join(f", {k}={v}" for k, v in (self.changes | self.fitted).items())
        return f"{head}, seed {self.seed}\n{pd.DataFrame(rows).to_string(index=False)}"

    @property
    def changes(self) -> dict:
        """What is otherwise than the preset and the usual weights and sizes."""
        given = {k: str(v) if isinstance(v, Path) else v for k, v in self.given.items()}
        given = {k: v for k, v in given.items() if v not in (None, "default")}
        return self.switches | given

    @property
    def fitted(self) -> dict:
        """Options of ``fit`` that can change a score."""
        return {k: v for k, v in self.fitting.items() if k not in ("device", "workers")}

    @property
    def chosen_preset(self) -> str:
        """The method's preset for the data set."""
        data_preset = size_of(self.data, self.data_preset)
        return preset_of(self.method, self.data, self.preset, data_preset)

    def folder(self, row: str, split: int) -> Path:
        """Where one network and its scores lie."""
        name = methods.file_name(self.method)
        parts = [name, self.data, self.data_preset, self.chosen_preset, f"seed{self.seed}"]
        parts.append(digest(self.changes | {"fitting": self.fitted})[:6])
        split_name = f"split{split}" if len(self.facts.splits) > 1 else ""
        return self.out / "-".join(filter(None, parts)) / row / split_name

    def _experiment(self, split: int, mode: str) -> Experiment:
        options = dict(self.facts.modes[mode])
        if self.data == "synthvi":
            options = {"preset": self.data_preset}
        if len(self.facts.splits) > 1:
            options["trial"] = split
        return prepare(
            self.data,
            root=self.root,
            method=self.method,
            method_preset=self.chosen_preset,
            **options,
            **self.given,
        )

    def _train(self, row: str, split: int, progress: bool) -> None:
        folder, modes = self.folder(row, split), list(self.facts.modes)
        ready = self._experiment(split, modes[0])
        if ready.test is None:
            raise ValueError(
                f"{ready.train.name}: nobody on its test pictures is known, so no table can be "
                "filled; train with vireid train"
            )
        wanted = {"row": self.rows[row], "switches": self.switches}
        model = ready.model(self.seed)
        now = identity_of(
            ready, setting(ready, self.method, **wanted), model, seed=self.seed, **self.fitting
        )
        if (folder / NETWORK).exists():
            refuse_another(Run.load(folder / RECORD), now, folder)
            load_weights(model, folder / NETWORK)
        else:
            train(
                ready, self.method, seed=self.seed, model=model, out=folder, resume=True,
                progress=progress, **wanted, **self.fitting,
            )  # fmt: skip
        for mode in modes:
            self._score(model, folder / f"scores-{mode}.json", split, mode, digest(now))

    def _score(self, model, file: Path, split: int, mode: str, run: str) -> None:
        """Score the network in one mode, unless these are its scores already."""
        if file.exists() and json.loads(file.read_text())["run"] == run:
            return
        ready = self._experiment(split, mode)
        device = self.fitting.get("device", "auto")
        found = ready.test.score(*ready.test.embed(model, device=device))
        told = {"run": run, "mode": mode, "split": split, "scores": found}
        put(file, json.dumps(told, indent=1) + "\n")

    def _count(self, ours: dict, mode: str) -> str:
        done = len(ours.get(mode, {}).get(METRICS[0], ()))
        return f"{done} of {len(self.facts.splits)}"

    @staticmethod
    def _chosen(given, known, name: str) -> list:
        if unknown := [v for v in given or () if v not in known]:
            raise ValueError(f"{name}={unknown}; known: {', '.join(map(str, known))}")
        return list(known if given is None else given)

    def _published_name(self, row: str) -> str:
        return methods.kind(self.method).published.get(row, row)

    def _names_in_table(self) -> set[str]:
        told = paper_table(paper=self.method.upper(), table=self.table)
        return {_named(line) for line in told}

    def _published(self, row: str, mode: str, metric: str) -> str:
        """The paper's number, or "-"."""
        name = self.method.upper() if row == FULL else self._published_name(row)
        where = {"table": self.table, "dataset": NAMES.get(self.data, ""), "mode": mode}
        lines = paper_table(paper=self.method.upper(), metric=metric, **where)
        told = [line["value"] for line in lines if name in (line["method"], _named(line))]
        return f"{told[0]:g}" if told else "-"


def _named(line: dict) -> str:
    """A published row's name, with what the table notes of it."""
    noted = line["note"] if line["setting"] == "association" else ""
    return ", ".join(filter(None, [line["method"], noted]))


def _mean(values: list[float] | None) -> str:
    """Mean, with the sd over splits where there are several; "not run" without values."""
    if not values:
        return "not run"
    if len(values) == 1:
        return f"{values[0]:.1f}"
    return f"{np.mean(values):.1f} ({np.std(values, ddof=1):.1f})"
