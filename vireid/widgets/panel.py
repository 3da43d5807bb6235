"""The pattern of every widget: controls above, a redrawn picture below, a still for readers."""

import base64
import gc
import time
from collections.abc import Callable
from functools import cache
from html import escape
from pathlib import Path

import anywidget
import ipywidgets as W
import numpy as np
from matplotlib.figure import Figure

from vireid.plots.base import bundle, png
from vireid.widgets.player import Player

Drawing = tuple[Figure, str]  # a figure and the alt text that says what it shows


class Names(anywidget.AnyWidget):
    """Unseen: gives the sliders beside it names, for screen readers."""

    _esm = Path(__file__).with_name("names.js")


def show(widget: W.Widget, figure: Figure, alt: str) -> None:
    """Display a live widget and a still picture of it as one output.

    A live front end picks the widget, everything else the picture (``workbook.clean`` then keeps
    only that). ``alt`` says in a sentence or two what the picture shows.
    """
    from IPython.display import display

    data, metadata = bundle(figure, alt)
    live = W.VBox([widget, Names()])._repr_mimebundle_() or {}
    display({**live, **data}, raw=True, metadata=metadata)


class Picture(W.HTML):
    """An image with alt text that can be exchanged for another."""

    def __init__(self):
        super().__init__()
        self.add_class("vireid-picture")

    def put(self, figure: Figure, alt: str) -> None:
        """Show this figure instead."""
        data = base64.b64encode(png(figure)).decode()
        self.value = (
            f'<img alt="{escape(alt, quote=True)}" src="data:image/png;base64,{data}"'
            ' style="max-width: 100%; height: auto">'
        )

    def say(self, text: str) -> None:
        """Show a message instead, read out by screen readers."""
        self.value = f'<p role="alert" style="max-width: 60em">{escape(text)}</p>'


@cache
def _spare_the_libraries() -> None:
    """Keep what is loaded by now out of garbage collections, whose quarter of a second a redraw in
    eight would have to wait for; once in a process.
    """
    gc.collect()
    gc.freeze()


class Panel:
    """Controls over one picture.

    Parameters
    ----------
    draw : called with the controls' values by name; returns (figure, alt text). Calls should stay
        under 0.3 s: compute beforehand what does not depend on the controls
    controls : name -> an ipywidgets control with a ``value``; all can be reached with the keyboard
    player : name of the control that plays a course step by step: it gets buttons (``Player``).
        The still shows the step that was asked for; live, a course begins at its first
    last : called with the other controls' values; number of the course's last step, None where no
        control changes it

    Attributes
    ----------
    widget : the whole thing; seconds : how long the last redraw took
    """

    def __init__(
        self,
        draw: Callable[..., Drawing],
        controls: dict[str, W.Widget],
        player: str = "",
        last: Callable[..., int] | None = None,
    ):
        _spare_the_libraries()
        self.draw, self.controls, self.course, self.last = draw, controls, player, last
        self.picture, self.seconds = Picture(), 0.0
        self.player = Player(controls[player]) if player else None
        for control in controls.values():
            control.observe(self.redraw, names="value")
            control.style.description_width = "initial"  # as wide as its words, in any type
        row = W.HBox(list(controls.values()), layout=W.Layout(flex_flow="row wrap"))
        self.widget = W.VBox([row, *([self.player] if player else []), self.picture])
        self.widget.add_class("vireid-panel")
        self.redraw()

    @property
    def values(self) -> dict:
        """The controls' values by name."""
        return {name: control.value for name, control in self.controls.items()}

    def redraw(self, change=None) -> None:
        """Draw for the controls as they are; an error is shown in its place and raised."""
        start = time.perf_counter()
        try:
            if self._ended_elsewhere():
                return  # the player has moved to the new end, which has drawn already
            self.picture.put(*self.draw(**self.values))
        except Exception as error:
            self.picture.say(f"{type(error).__name__}: {error}")
            raise
        self.seconds = time.perf_counter() - start

    def _ended_elsewhere(self) -> bool:
        """Let the player end where the course does; whether that moved it back."""
        if self.last is None:
            return False
        control = self.controls[self.course]
        before = control.value
        control.max = self.last(**{k: v for k, v in self.values.items() if k != self.course})
        self.player.fit()
        return control.value != before

    def show(self) -> None:
        """Display the widget with a still of its present state; a course then begins anew."""
        still = self.draw(**self.values)
        if self.player:
            self.player.to(0)
        show(self.widget, *still)


def people_told(identity) -> str:
    """How many people these are, as in "1 person" or "3 people, 4 pictures of unknown people"."""
    known = identity[identity != -1]
    people, unknown = len(np.unique(known)), len(identity) - len(known)
    told = f"{people} {'person' if people == 1 else 'people'}"
    if unknown:
        told += f", {unknown} picture{'s' if unknown > 1 else ''} of unknown people"
    return told
