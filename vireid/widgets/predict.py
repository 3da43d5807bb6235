"""Predict first: a guess is taken and kept, and shown later beside what was measured."""

from collections.abc import Sequence
from html import escape

import ipywidgets as W

from vireid import progress as kept
from vireid.plots import canvas, prediction
from vireid.plots import progress as progress_bars
from vireid.plots import show as show_figure
from vireid.widgets.panel import Drawing, Picture, show

READABLE = {"button_color": "#0B4F8A", "text_color": "white"}  # the theme's blue is too pale


class Prediction:
    """A slider and a button that keep one guess on this machine.

    Parameters
    ----------
    name : under which the guess is kept, "NN-word", NN the notebook
    question : what is to be guessed
    low, high : ends of the slider ; unit : of the number, e.g. "%"

    ``show()`` takes the guess, ``reveal(measured)`` shows it beside the measured value.
    """

    def __init__(self, name: str, question: str, *, low: float, high: float, unit: str = ""):
        if not low < high:
            raise ValueError(f"low={low} and high={high}: the slider needs low < high")
        self.name, self.question, self.span, self.unit = name, question, (low, high), unit
        middle, told = (low + high) / 2, f"your guess ({unit})" if unit else "your guess"
        self.slider = W.FloatSlider(
            value=middle if self.guess is None else min(max(self.guess, low), high), min=low,
            max=high, step=(high - low) / 100, description=told,
            style={"description_width": "initial"}, layout=W.Layout(width="460px"),
        )  # fmt: skip
        self.button = W.Button(description="Keep my guess", style=READABLE)
        self.told = W.HTML(self._told())
        self.button.on_click(self.keep)
        row = W.HBox([self.slider, self.button], layout=W.Layout(flex_flow="row wrap"))
        self.widget = W.VBox([W.HTML(f"<strong>{question}</strong>"), row, self.told])
        self.widget.add_class("vireid-prediction")

    @property
    def guess(self) -> float | None:
        """The guess that is kept, None before there is one."""
        return kept.load()["guesses"].get(self.name)

    def keep(self, button=None) -> None:
        """Keep what the slider says, or say why it cannot be kept."""
        refused = _put("guesses", self.name, round(self.slider.value, 6))
        self.told.value = _status(escape(refused)) if refused else self._told()

    def _told(self) -> str:
        if self.guess is None:
            return _status("no guess is kept yet")
        return _status(f"kept: {self.guess:.3g} {self.unit}")

    def show(self) -> None:
        """Display the slider, with a still for readers; the still never shows a guess."""
        figure, ax = canvas(width=5.4, height=0.9)
        prediction(self.span, ax, unit=self.unit)
        low, high = self.span
        alt = f"{self.question} A slider from {low:g} to {high:g} {self.unit} takes your guess."
        show(self.widget, figure, alt)

    def reveal(self, measured: float) -> None:
        """Show the guess beside the measured value; both are kept for notebook 00."""
        guess = self.guess
        refused = "" if guess is None else _put("measured", self.name, float(measured))
        figure, ax = canvas(width=5.4, height=1.35)
        prediction(self.span, ax, guess=guess, measured=float(measured), unit=self.unit)
        mine = "no guess was kept" if guess is None else f"your guess was {guess:.3g} {self.unit}"
        mine += f" ({refused})" * bool(refused)
        show_figure(figure, f"{self.question} Measured: {measured:.3g} {self.unit}; {mine}.")


class Progress:
    """How many exercises of each notebook are solved, the guesses made, and a reset.

    Parameters
    ----------
    names : of all exercises, as ``vireid.checks.exercises()`` gives them
    """

    def __init__(self, names: Sequence[str]):
        self.names, self.picture, self.guesses = list(names), Picture(), W.HTML()
        self.again = W.Button(description="Look again")
        self.sure = W.Checkbox(description="forget everything", indent=False)
        self.reset = W.Button(description="Reset", disabled=True)
        self.sure.observe(self._arm, names="value")
        self.again.on_click(self.redraw)
        self.reset.on_click(self._forget)
        row = W.HBox([self.again, self.sure, self.reset])
        self.widget = W.VBox([self.picture, self.guesses, row])
        self.redraw()

    def counts(self) -> dict[str, tuple[int, int, int]]:
        """Notebook -> (solved, tried but not solved, all)."""
        outcomes = kept.load()["exercises"]
        found = {}
        for notebook in sorted({name[:2] for name in self.names}):
            mine = [outcomes.get(n) for n in self.names if n.startswith(notebook)]
            right = mine.count("right")
            found[notebook] = right, len(mine) - mine.count(None) - right, len(mine)
        return found

    def draw(self) -> Drawing:
        """The figure and what it says."""
        counts = self.counts()
        figure, ax = canvas(width=5.4, height=4.0)
        progress_bars(counts, ax)
        right, tried, of = (sum(column) for column in zip(*counts.values(), strict=True))
        return figure, f"Exercises by notebook: {right} of {of} solved, {tried} tried."

    def redraw(self, button=None) -> None:
        """Read again what is kept, and show it."""
        self.picture.put(*self.draw())
        record = kept.load()
        rows = "".join(
            f"<tr><td>{name}</td><td>{guess:.3g}</td>"
            f"<td>{_number(record['measured'].get(name))}</td></tr>"
            for name, guess in sorted(record["guesses"].items())
        )
        head = "<tr><th>prediction</th><th>your guess</th><th>measured</th></tr>"
        self.guesses.value = f"<table>{head}{rows}</table>" if rows else "no predictions kept yet"

    def show(self) -> None:
        """Display it with a still."""
        show(self.widget, *self.draw())

    def _arm(self, change) -> None:
        self.reset.disabled = not change["new"]

    def _forget(self, button=None) -> None:
        kept.reset()
        self.sure.value = False
        self.redraw()


def _put(kind: str, name: str, value: float) -> str:
    """Keep a number; the reason, where this machine refuses."""
    try:
        kept.keep(kind, name, value)
    except OSError as error:
        return f"not kept: {error}"
    return ""


def _status(text: str) -> str:
    return f'<span role="status">{text}</span>'


def _number(value: float | None) -> str:
    return "not yet" if value is None else f"{value:.3g}"


def predict(
    name: str, question: str, *, low: float = 0, high: float = 100, unit: str = "%"
) -> Prediction:
    """A ``Prediction``; ``.show()`` takes the guess, ``.reveal(measured)`` answers it."""
    return Prediction(name, question, low=low, high=high, unit=unit)
