"""One ablation widget per method, behind one choice."""

from collections.abc import Sequence

import ipywidgets as W

from vireid.methods import TABLE, kind
from vireid.runs import Run
from vireid.widgets.ablation import Ablation
from vireid.widgets.panel import show


class Ablations:
    """A choice of methods, each with its own switches; a widget is made when it is first asked for.

    Parameters
    ----------
    runs : run records of any methods (``vireid.runs.load_all()``)
    methods : names; default: all of the method table that have switches, and those that runs of
        methods outside the package have
    data : what each widget shows first: the first data set whose name holds it
    first : the method that is shown first, where it has records; else the first that has

    Attributes
    ----------
    method : the choice; widget : the whole thing; made : name -> the ``Ablation`` shown so far
    """

    def __init__(
        self,
        runs: Sequence[Run],
        methods: Sequence[str] | None = None,
        *,
        data: str = "small",
        first: str = "bmil",
    ):
        names = [name for name in TABLE if kind(name).switches] if methods is None else methods
        if not names:
            raise ValueError("no method to show: name at least one of the method table")
        self.runs, self.made, self._first = list(runs), {}, data
        recorded = {run.method for run in self.runs}
        if methods is None:
            names += sorted(name for name in recorded if ":" in name)
        order = sorted(names, key=lambda name: name != first)
        begin = next((name for name in order if name in recorded), names[0])  # one with an answer
        titles = [(kind(name).title, name) for name in names]
        self.method = W.Dropdown(options=titles, value=begin, description="method")
        self.widget = W.VBox([])
        self.method.observe(self._swap, names="value")
        self._swap()

    @property
    def chosen(self) -> Ablation:
        """The widget of the chosen method."""
        return self.made[self.method.value]

    def show(self) -> None:
        """Display the choice and its widget with a still of its present state."""
        panel = self.chosen.panel
        show(self.widget, *panel.draw(**panel.values))

    def _swap(self, change=None) -> None:
        name = self.method.value
        if name not in self.made:
            self.made[name] = self._make(name)
        self.widget.children = [self.method, self.chosen.widget]

    def _make(self, name: str) -> Ablation:
        made = Ablation(self.runs, name)
        made.data.value = next((d for d in made.data.options if self._first in d), made.data.value)
        return made


def ablations(runs: Sequence[Run], methods: Sequence[str] | None = None, **options) -> Ablations:
    """An ``Ablations`` of run records; see there."""
    return Ablations(runs, methods, **options)
