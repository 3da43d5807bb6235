"""The ablation lab: switch parts of a method on and off; records answer, or it is trained live."""

from collections.abc import Callable, Sequence
from pathlib import Path

import ipywidgets as W

from vireid.experiment.lookup import WHOLE, Answer, Setting, answer, in_words, settings, wanted
from vireid.methods import kind
from vireid.paths import student_folder
from vireid.plots import canvas, paper_table
from vireid.runs import Run
from vireid.widgets import ablation_live
from vireid.widgets.ablation_drawing import WORDS, draw_answers, draw_curves, in_figures
from vireid.widgets.live import Live, Report
from vireid.widgets.panel import Drawing, Panel, show

ROWS = 13  # settings in one picture
LINES = 7  # curves in one picture
SCORES = [("rank-1", "rank1"), ("mAP", "mAP"), ("mINP", "mINP")]
ANSWERS = "scores and gains"  # in place of a curve
Train = Callable[[dict, Report], Run]


class Ablation:
    """A start (the method as it is, a row of its paper, a control) and switches on top of it.

    The picture shows the scores of all settings that have records on a data set, and their gains in
    pairs of seeds over one of them; the chosen one is marked. What has no record can be trained on
    the tiny synthetic world; that is kept in the student's folder and shown again.

    Parameters
    ----------
    runs : run records (``vireid.runs.load_all()``); they are found by their settings
    method : a name of the method table, or "module:Class"
    train : trains what has no record: called with the changes to the preset and a function to
        report (steps done, steps in all) to, returns the record. Default: ``ablation_live.train``
    kept : folder of what is trained live (default: the student's)

    Attributes
    ----------
    widget : the whole thing; panel : its picture; start, switches, data, against, score, curve :
        the controls; live : the buttons of the training; runs : all records, live ones included
    """

    def __init__(
        self,
        runs: Sequence[Run],
        method: str = "bmil",
        *,
        train: Train | None = None,
        kept: Path | None = None,
    ):
        self.kind, self.method = kind(method), method
        self.kept = (kept or student_folder() / "lab").expanduser()
        own = ablation_live.load(self.kept, method)
        self.runs = [run for run in (*runs, *own) if run.method == method and run.curves]
        self.settings = {one.name: one for one in settings(method)}
        self._train, self._quiet = train or self._train_tiny, False
        self._wanted, self._answers, self._moved = {}, {}, {}
        self.live = Live(self._train, self._take, self.changes)
        self._make_controls()
        self.panel = Panel(self._draw, {
            "start": self.start, "world": self.data, "against": self.against,
            "score": self.score, "curve": self.curve,
        })  # fmt: skip
        self.switch_row = W.HBox(
            list(self.switches.values()), layout=W.Layout(flex_flow="row wrap")
        )
        row, picture = self.panel.widget.children
        self.panel.widget.children = (row, self.switch_row, self.told, picture)
        self.widget = W.VBox([self.panel.widget, self.live.row])

    def _make_controls(self) -> None:
        starts = [one for one in self.settings.values() if one.kind != "switch"]
        wide = {"style": {"description_width": "initial"}, "layout": W.Layout(width="430px")}
        self.start = W.Dropdown(
            options=[(_titled(one), one.name) for one in starts], description="start from", **wide,
            tooltip="a row of the paper, a control, or the whole method; switches then change it",
        )  # fmt: skip
        worlds = self._worlds()
        told = max(worlds, key=lambda world: self._kept(world, starts), default=None)
        self.data = W.Dropdown(options=worlds, value=told, description="data set")
        self.against = W.Dropdown(
            options=[one.name for one in starts], description="gain over",
            tooltip="each seed is compared with the same seed of this setting",
        )  # fmt: skip
        self.score = W.Dropdown(options=SCORES, description="score")
        self.curve = W.Dropdown(options=self._keys(), description="picture")
        self.switches = {
            name: _control(name, values, self.kind) for name, values in self.kind.switches.items()
        }
        self.told = W.HTML()
        self.told.add_class("vireid-chosen")
        self._elsewhere()
        self.data.observe(self._elsewhere, names="value")
        self.start.observe(self._restart, names="value")
        for control in self.switches.values():
            control.observe(self._switched, names="value")

    def show(self) -> None:
        """Display the widget with a still of its present state."""
        show(self.widget, *self._draw(**self.panel.values))

    def changes(self) -> dict:
        """What differs from the method's preset: the start's changes, and the switches as set."""
        return self.settings[self.start.value].changes | self._moved

    def preset(self, data: str) -> str:
        """The preset whose records a data set has most of, else the small worlds'."""
        told = [run.preset for run in self.runs if run.data.get("name") == data and run.preset]
        usual = "tiny" if "tiny" in data else "m3svd" if "M3SVD" in data else "light"
        return max(sorted(set(told)), key=told.count) if told else usual

    def config(self, data: str, changes: dict) -> dict:
        """Every hyperparameter of a setting, with the preset of a data set."""
        key = (self.preset(data), repr(sorted(changes.items())))
        if key not in self._wanted:
            self._wanted[key] = wanted(self.method, changes, preset=key[0])
        return self._wanted[key]

    def answer(self, data: str, changes: dict) -> Answer:
        """Records of a setting on a data set."""
        key = (data, repr(sorted(changes.items())))
        if key not in self._answers:
            here = (run for run in self.runs if run.data.get("name") == data)
            self._answers[key] = answer(here, self.method, self.config(data, changes))
        return self._answers[key]

    def _kept(self, data: str, starts: list[Setting]) -> tuple[int, int]:
        """Records on a data set: of the method as it is, of all starts together."""
        own = {one.name: len(self.answer(data, one.changes).runs) for one in starts}
        return own[WHOLE], sum(own.values())

    def name_of(self, data: str, changes: dict) -> str:
        """The row that has these settings, the start before others, else what they are."""
        own = self.config(data, changes)
        rows = [one for one in self.settings.values() if one.kind != "switch"]
        for one in sorted(rows, key=lambda one: (one.name != self.start.value, one.name == WHOLE)):
            if self.config(data, one.changes) == own:
                return one.name
        return f"{self.start.value}, {in_words(self._moved)}"

    def _values(self, changes: dict) -> dict:
        """The switches' values in a setting."""
        found = self.config(self.data.value or "", changes)
        return {name: found[name] for name in self.kind.switches}

    def _put_switches(self) -> None:
        """Set the switches to the start's values and what was moved, drawing nothing."""
        self._quiet = True
        for name, value in self._values(self.changes()).items():
            control = self.switches[name]
            if hasattr(control, "options") and value not in [v for _, v in control.options]:
                control.options = (*control.options, (str(value), value))
            control.value = value
        self._quiet = False

    def _elsewhere(self, change=None) -> None:
        """On another data set: a base that has records there; the whole method by its row."""
        world = self.data.value or ""
        rows = sorted(self.against.options, key=lambda name: (name != "prolonged", name == WHOLE))
        known = [n for n in rows if self.answer(world, self.settings[n].changes).runs]
        if change is None or self.against.value not in known:
            self.against.value = next(iter(known), rows[0])
        if self.start.value == WHOLE:
            whole, moved = self.config(world, {}), self._moved
            same = (n for n in rows if self.config(world, self.settings[n].changes) == whole)
            self.start.value = next((n for n in same if n != WHOLE), WHOLE)
            self._moved = moved  # the row is the same setting: what the reader moved stays
        self._put_switches()

    def _restart(self, change=None) -> None:
        self._moved = {}
        self._put_switches()
        self.live.reset()

    def _switched(self, change=None) -> None:
        if not self._quiet:
            usual = self._values(self.settings[self.start.value].changes)
            now = {name: control.value for name, control in self.switches.items()}
            self._moved = {name: value for name, value in now.items() if value != usual[name]}
            self.live.reset()
            self.panel.redraw()

    def _worlds(self) -> list[str]:
        return sorted({run.data.get("name", "") for run in self.runs})

    def _keys(self) -> list[tuple[str, str]]:
        keys = {key for run in self.runs for row in run.curves for key in row}
        keys -= {"epoch", "stage", "lr", "steps", "k"}
        found = sorted(keys, key=lambda key: (key not in WORDS, key))
        return [(ANSWERS, ANSWERS), *((f"curve: {WORDS.get(key, key)}", key) for key in found)]

    def _draw(self, start: str, world: str, against: str, score: str, curve: str) -> Drawing:
        chosen = self.changes()
        name = self.name_of(world or "", chosen)
        shown = self._shown(world or "", name, chosen, against)
        self._tell(name, chosen, shown, against=against, score=score)
        if not world:
            figure, ax = canvas(width=9.6, height=2.4)
            ax.set_axis_off()
            ax.text(0.5, 0.5, "no run yet: train one", ha="center", transform=ax.transAxes)
            return figure, "No run has been recorded yet."
        head = f"Ablation of {self.kind.title} on {world}; chosen: {name}"
        if curve != ANSWERS:
            margins = {"left": 0.08, "right": 0.99, "bottom": 0.27, "top": 0.92}
            figure, ax = canvas(width=9.6, height=4, margins=margins)
            lines = {n: list(one.runs) for n, one in shown.items() if one.runs}
            order = sorted(lines, key=lambda n: (n != name, n != against))
            told = draw_curves({n: lines[n] for n in order[:LINES]}, curve, ax)
            few = f"{LINES} of {len(order)} settings" if len(order) > LINES else ""
            ax.set_title(few, loc="right", fontsize=9)
            return figure, f"{head}. {few + ': ' if few else ''}{told}"
        paper = self._paper(shown, score)
        high = 1.35 + 0.29 * max(len(shown), 5)
        margins = {"left": 0.16, "right": 0.99, "bottom": 0.8 / high, "top": 1 - 0.3 / high}
        figure, axes = canvas(2, width=9.6, height=high, margins=margins | {"wspace": 0.06})
        alt = draw_answers(shown, axes, score=score, chosen=name, against=against, paper=paper)
        axes[0].set_title(world, loc="left", fontsize=9)
        return figure, f"{head}. {alt}"

    def _shown(self, world: str, name: str, chosen: dict, against: str) -> dict[str, Answer]:
        """Name -> records: the chosen setting, the base, and others that have some, in order."""
        rows = {n: one for n, one in self.settings.items() if one.kind != "switch"}
        first = [n for n in (name, against) if n in rows]
        kept, seen = {}, [self.config(world, chosen)] if name not in rows else []
        for n in [*first, *(n for n in rows if n != WHOLE), WHOLE]:
            config, found = self.config(world, rows[n].changes), self.answer(world, rows[n].changes)
            if n in first or (found.runs and config not in seen and len(kept) < ROWS):
                kept[n] = found
                seen.append(config)
        shown = {n: kept[n] for n in rows if n in kept}
        return shown if name in shown else {name: self.answer(world, chosen)} | shown

    def _paper(self, names, score: str) -> dict[str, float]:
        where = {"paper": self.kind.title, "dataset": "SYSU-MM01", "mode": "all", "metric": score}
        value = {r["method"]: r["value"] for r in paper_table(setting="ablation", **where)}
        rows = paper_table(setting="association", **where)
        value |= {f"{row['method']}, {row['note']}": row["value"] for row in rows}
        known = {name: self.kind.published.get(name, name) for name in names}
        return {name: value[listed] for name, listed in known.items() if listed in value}

    def _tell(
        self, name: str, chosen: dict, shown: dict[str, Answer], *, against: str, score: str
    ) -> None:
        one = self.settings.get(name)
        words = one.words if one else in_words(chosen)
        look = "max-width: 70em; line-height: 1.5"
        self.told.value = (
            f'<p role="status" style="{look}"><strong>▶ {name}</strong>: {words}<br>'
            f"{in_figures(shown, name, against=against, score=score)}</p>"
        )

    def _take(self, run: Run) -> None:
        """Show a new record: its data set becomes the chosen one."""
        self.runs.append(run)
        self._answers = {}
        self.live.say(f"kept in your folder and shown: rank-1 {100 * run.result['rank1']:.1f} %")
        self.data.options, self.curve.options = self._worlds(), self._keys()
        self.data.value = run.data["name"]
        self.panel.redraw()

    def _train_tiny(self, changes: dict, report: Report) -> Run:
        return ablation_live.train(self.method, changes, report, folder=self.kept)


def ablation(runs: Sequence[Run], method: str = "bmil", **options) -> Ablation:
    """An ``Ablation`` of a method's run records; see there."""
    return Ablation(runs, method, **options)


def _titled(one: Setting) -> str:
    return f"{one.name}: {one.words}" if one.words != one.name else one.name


def _control(name: str, values: tuple, cls: type) -> W.Widget:
    """A checkbox or a choice, with the setting's own words as its tooltip."""
    from vireid.experiment.plan import described

    label, tip = name.replace("_", " "), described(cls).get(name, "").replace("``", "")
    if set(values) == {True, False} and all(isinstance(v, bool) for v in values):
        layout = W.Layout(width="auto", margin="2px 18px 2px 6px")
        return W.Checkbox(
            value=values[0], description=label, tooltip=tip, indent=False, layout=layout
        )
    style, narrow = {"description_width": "initial"}, W.Layout(width="230px")
    options = [("none" if v is None else str(v), v) for v in values]
    return W.Dropdown(
        options=options, value=values[0], description=label, style=style, tooltip=tip, layout=narrow
    )
