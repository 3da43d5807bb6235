"""Buttons that play a course step by step: reset, back, forward, play; all reached by keyboard."""

import ipywidgets as W

PACE = 1200  # ms between two steps


class Player(W.HBox):
    """Buttons for a slider over the steps of a course.

    Parameters
    ----------
    control : an ``IntSlider``, or a ``SelectionSlider`` over the steps that were kept

    ``W.Play`` keeps the time in the browser; its own buttons have no names, so it stays hidden.
    """

    def __init__(self, control: W.Widget):
        self.control = control
        self.trait = "index" if hasattr(control, "options") else "value"
        self.clock = W.Play(interval=PACE, layout=W.Layout(display="none"))
        self.play = W.ToggleButton(description="Play", icon="play")
        moves = {
            "Reset": ("fast-backward", lambda _: self.to(0)),
            "Back": ("step-backward", lambda _: self.to(self.at - 1)),
            "Forward": ("step-forward", lambda _: self.to(self.at + 1)),
        }
        self.buttons = {}
        for name, (icon, move) in moves.items():
            self.buttons[name] = W.Button(description=name, icon=icon)
            self.buttons[name].on_click(move)
        for button in (*self.buttons.values(), self.play):
            button.layout.width = "95px"
        super().__init__([*self.buttons.values(), self.play, self.clock])
        self.add_class("vireid-player")
        self.fit()
        W.jslink((self.play, "value"), (self.clock, "playing"))
        W.jslink((self.clock, "value"), (control, self.trait))

    @property
    def last(self) -> int:
        """Number of the last step."""
        options = getattr(self.control, "options", None)
        return self.control.max if options is None else len(options) - 1

    @property
    def at(self) -> int:
        """Number of the step that is shown."""
        return getattr(self.control, self.trait)

    def to(self, step: int) -> None:
        """Show this step, or the nearest there is."""
        setattr(self.control, self.trait, min(max(step, 0), self.last))

    def fit(self) -> None:
        """Let the clock run as far as the slider does."""
        self.clock.max, self.clock.value = self.last, self.at
