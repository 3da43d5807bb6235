"""The ablation widget: switch parts of a method on and off, see the run beside the paper's row."""

import threading
from collections.abc import Callable, Sequence

import ipywidgets as W

from vireid.methods import build, kind
from vireid.plots import canvas, paper_table
from vireid.runs import Run
from vireid.widgets.ablation_drawing import WORDS, draw_bars, draw_curves
from vireid.widgets.panel import Drawing, Panel, show

LINES = 7  # curves in one picture
Train = Callable[[dict, Callable[[int, int], None]], Run]


class Cancelled(Exception):
    """The reader pressed cancel."""


class Ablation:
    """Checkboxes and choices made from a method's ``switches``; scores and curves of that run.

    Parameters
    ----------
    runs : run records (``vireid.runs.load_all()``); runs with equal settings are seeds of one
    method : a name of the method table
    train : trains a combination that has no record yet: called with the switches' values and a
        function to report (steps done, steps in all) to, returns the record. Default: the tiny
        synthetic world

    Attributes
    ----------
    widget : the whole thing; panel : its picture with the controls; runs : all records, new ones
    included; thread : the running training or None
    """

    def __init__(self, runs: Sequence[Run], method: str = "bmil", *, train: Train | None = None):
        self.kind, self.method = kind(method), method
        self.runs = [run for run in runs if run.method == method and run.curves]
        self._rows = {
            row: {s: getattr(build(method, row=row), s) for s in self.kind.switches}
            for row in self.kind.rows
        }
        self.thread, self._stop, self._train = None, threading.Event(), train or self._train_tiny
        self.switches = {name: _control(name, v) for name, v in self.kind.switches.items()}
        self.data = W.Dropdown(options=self._worlds(), description="data set")
        self.curve = W.Dropdown(options=self._keys(), description="curve")
        self.score = W.Dropdown(
            options=[("rank-1", "rank1"), ("mAP", "mAP"), ("mINP", "mINP")], description="score"
        )
        self.status = W.HTML()
        self.status.add_class("vireid-status")
        self.button = W.Button(description="train it now", icon="play")
        self.cancel = W.Button(description="cancel", icon="stop", disabled=True)
        self.progress = W.IntProgress(0, 0, 1, layout=W.Layout(width="260px"))
        self.button.on_click(self._start)
        self.cancel.on_click(lambda _: self._stop.set())
        controls = {"world": self.data, "curve": self.curve, "score": self.score}
        if clash := set(controls) & set(self.switches):
            raise ValueError(f"{method}: a switch may not be called {', '.join(clash)}")
        self.panel = Panel(self._draw, self.switches | controls)
        row = W.HBox([self.button, self.progress, self.cancel, self.status])
        self.widget = W.VBox([self.panel.widget, row])

    def show(self) -> None:
        """Display the widget with a still of its present state."""
        show(self.widget, *self._draw(**self.panel.values))

    def chosen(self) -> dict:
        """The switches as they are set."""
        return {name: control.value for name, control in self.switches.items()}

    def groups(self, data: str) -> dict[str, list[Run]]:
        """Name -> the runs on one data set that differ in nothing but the seed."""
        kinds: dict[tuple, dict[tuple, Run]] = {}
        for run in self.runs:
            if run.data.get("name") == data:
                other = {k: repr(v) for k, v in run.config.items() if k not in self.switches}
                other["epochs"] = "stage 1" if run.config["epochs"][1] == 0 else "both"
                seeds = kinds.setdefault((self._name(run), tuple(sorted(other.items()))), {})
                seeds[run.seed, run.data.get("fingerprint")] = run  # trained again: the last counts
        return _told_apart({kind: list(seeds.values()) for kind, seeds in kinds.items()})

    def paper_row(self, switches: dict) -> str | None:
        """The row of the paper's ablation that has these switches."""
        return next((row for row, has in self._rows.items() if has == switches), None)

    def _name(self, run: Run) -> str:
        if run.config["epochs"][1] == 0:
            return "stage 1"
        switches = self._switches(run)
        return run.row or self.paper_row(switches) or self._beside(switches)

    def _beside(self, switches: dict) -> str:
        """A combination that is no row, by the row it is nearest to and what it does otherwise."""
        other = {
            row: {name: value for name, value in switches.items() if has[name] != value}
            for row, has in self._rows.items()
        }
        row = min(other, key=lambda name: len(other[name]), default=None)
        return _brief(switches) if row is None else f"{row}, {_brief(other[row])}"

    def _switches(self, run: Run) -> dict:
        return {name: run.config[name] for name in self.switches}

    def _worlds(self) -> list[str]:
        return sorted({run.data.get("name", "") for run in self.runs})

    def _keys(self) -> list[str]:
        keys = {key for run in self.runs for row in run.curves for key in row}
        keys -= {"epoch", "stage", "lr", "steps", "k"}
        return sorted(keys, key=lambda key: (key not in WORDS, key)) or ["rank1"]

    def _draw(self, world: str, curve: str, score: str, **switches) -> Drawing:
        groups = self.groups(world) if world else {}
        picked = next(
            (
                n
                for n, runs in groups.items()
                if n != "stage 1" and self._switches(runs[0]) == switches
            ),
            None,
        )
        row = self.paper_row(switches)
        self._tell(picked, row, switches, groups.get(picked, ()))
        if not groups:
            figure, ax = canvas(width=9.6, height=3.4)
            ax.set_axis_off()
            ax.text(0.5, 0.5, "no run yet: train one", ha="center", transform=ax.transAxes)
            return figure, "No run has been recorded yet."
        marked = {("▶ " if name == picked else "") + name: runs for name, runs in groups.items()}
        margins = {"left": 0.06, "right": 0.99, "bottom": 0.27, "top": 0.92, "wspace": 0.28}
        figure, (left, right) = canvas(2, width=9.6, height=4 + 0.1 * len(groups), margins=margins)
        draw_curves(self._beside_it(marked, switches), curve, left)
        alt = draw_bars(marked, score, self._paper(groups, score), right)
        right.set_title(world, loc="left", fontsize=9)
        chosen = picked or "not trained yet"
        return figure, f"Ablation of {self.kind.title} on {world}; chosen: {chosen}. {alt}"

    def _beside_it(self, groups: dict[str, list[Run]], switches: dict) -> dict[str, list[Run]]:
        """Stage 1 and, of the runs, those nearest to a combination, itself first; a few in all."""

        def far(name: str) -> int:
            if name.startswith("stage 1"):
                return -1
            own = self._switches(groups[name][0])
            return sum(own[s] != value for s, value in switches.items())

        return {name: groups[name] for name in sorted(groups, key=far)[:LINES]}

    def _paper(self, names, score: str) -> dict[str, float]:
        where = {"paper": self.kind.title, "dataset": "SYSU-MM01", "mode": "all", "metric": score}
        rows = paper_table(setting="ablation", **where)
        value = {row["method"]: row["value"] for row in rows}
        rows = paper_table(setting="association", **where)
        value |= {f"{row['method']}, {row['note']}": row["value"] for row in rows}
        bare = {name: name.split(" (")[0] for name in names}  # without what tells settings apart
        known = {name: self.kind.published.get(row, row) for name, row in bare.items()}
        return {name: value[listed] for name, listed in known.items() if listed in value}

    def _tell(self, picked, row, switches, runs) -> None:
        known = f"row {row}" if row else "no row of the paper"
        trained = f"{len(runs)} seed(s)" if picked else "not trained on this data yet"
        self.status.value = f"<code>{_brief(switches)}</code>: {known}, {trained}"
        self.button.disabled = self.thread is not None

    def _start(self, _) -> None:
        self._stop.clear()
        self.button.disabled, self.cancel.disabled = True, False
        self.progress.value, self.progress.description = 0, ""
        self.status.value = "training: loading, first features; cancel works from the first step on"
        self.thread = threading.Thread(target=self._work, args=(self.chosen(),), daemon=True)
        self.thread.start()

    def _work(self, switches: dict) -> None:
        def report(done: int, total: int) -> None:
            if self._stop.is_set():
                raise Cancelled
            self.progress.max, self.progress.value = total, done
            self.progress.description = f"{done}/{total}"

        try:
            self._take(self._train(switches, report))
        except Cancelled:
            self.status.value = "cancelled"
        except (ValueError, RuntimeError, ArithmeticError, OSError) as error:
            self.status.value = f"training stopped: {error}"
        finally:
            self.cancel.disabled, self.button.disabled = True, False
            self.thread = None

    def _take(self, run: Run) -> None:
        """Show a new record: its data set becomes the chosen one."""
        self.progress.value = self.progress.max
        self.runs.append(run)
        self.data.options = self._worlds()
        self.curve.options = self._keys()
        self.data.value = run.data["name"]
        self.panel.redraw()

    def _train_tiny(self, switches: dict, report: Callable[[int, int], None]) -> Run:
        from vireid import experiment, warm_start

        tiny = experiment.prepare("synthvi", preset="tiny", method=self.method)
        method = experiment.setting(tiny, self.method, switches=switches)
        first, second = method.schedule.epochs
        options = {"seed": 0, "on_step": report}
        if not (first and second) or method.carries:
            return experiment.train(
                tiny, self.method, switches=switches, evaluate_every=1, **options
            )[1]
        read = method.stage1_config()
        stage1 = {k: v for k, v in switches.items() if k in read}
        model, _ = warm_start.stage_one(tiny, method=self.method, switches=stage1, **options)
        switches = switches | {"epochs": (0, second)}
        with warm_start.one_thread():
            return experiment.train(
                tiny, self.method, model=model, switches=switches, evaluate_every=1, **options
            )[1]


def ablation(runs: Sequence[Run], method: str = "bmil", **options) -> Ablation:
    """An ``Ablation`` of a method's run records; see there."""
    return Ablation(runs, method, **options)


def _told_apart(kinds: dict[tuple, list[Run]]) -> dict[str, list[Run]]:
    """Name -> runs; names that stand for several settings get what the settings differ in."""
    settings: dict[str, list[dict]] = {}
    for name, other in kinds:
        settings.setdefault(name, []).append(dict(other))
    found = {}
    for (name, other), runs in kinds.items():
        same = settings[name]
        differ = [k for k, v in other if any(s.get(k) != v for s in same)]
        tail = ", ".join(f"{k}={dict(other)[k]}" for k in differ)
        found[f"{name} ({tail})" if tail else name] = runs
    return found


def _control(name: str, values: tuple) -> W.Widget:
    label = name.replace("_", " ")
    if set(values) == {True, False} and all(isinstance(v, bool) for v in values):
        return W.Checkbox(value=values[0], description=label)
    style = {"description_width": "initial"}
    return W.Dropdown(options=list(values), value=values[0], description=label, style=style)


def _brief(switches: dict) -> str:
    return ", ".join(f"{name}={value}" for name, value in switches.items())
