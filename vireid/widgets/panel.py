"""The pattern of every widget: controls above, a redrawn picture below, a still for readers."""

import base64
import os
import time
from collections.abc import Callable
from html import escape

import ipywidgets as W
from matplotlib.figure import Figure

from vireid.plots.base import bundle, png

Drawing = tuple[Figure, str]  # a figure and the alt text that says what it shows


def show(widget: W.Widget, figure: Figure, alt: str) -> None:
    """Display a live widget and a still picture of it as one output.

    A live front end picks the widget, everything else the picture (``workbook.clean`` then keeps
    only that). ``alt`` says in a sentence or two what the picture shows.
    """
    from IPython.display import display

    data, metadata = bundle(figure, alt)
    live = widget._repr_mimebundle_() or {}
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


class Panel:
    """Controls over one picture.

    Parameters
    ----------
    draw : called with the controls' values by name; returns (figure, alt text). Calls should stay
        under 0.3 s: compute beforehand what does not depend on the controls
    controls : name -> an ipywidgets control with a ``value``; all can be reached with the keyboard
    player : name of the control that plays a course step by step. Its still is the step that was
        asked for; live, a student's copy (VIREID_PLAYERS=first) begins at the first

    Attributes
    ----------
    widget : the whole thing; seconds : how long the last redraw took
    """

    def __init__(
        self, draw: Callable[..., Drawing], controls: dict[str, W.Widget], player: str = ""
    ):
        self.draw, self.controls, self.player = draw, controls, player
        self.picture, self.seconds = Picture(), 0.0
        for control in controls.values():
            control.observe(self.redraw, names="value")
        row = W.HBox(list(controls.values()), layout=W.Layout(flex_flow="row wrap"))
        self.widget = W.VBox([row, self.picture])
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
            self.picture.put(*self.draw(**self.values))
        except Exception as error:
            self.picture.say(f"{type(error).__name__}: {error}")
            raise
        self.seconds = time.perf_counter() - start

    def show(self) -> None:
        """Display the widget with a still of its present state."""
        still = self.draw(**self.values)
        if self.player and os.environ.get("VIREID_PLAYERS") == "first":
            control = self.controls[self.player]
            options = getattr(control, "options", None)  # a selection slider's
            control.value = options[0] if options else control.min
        show(self.widget, *still)
