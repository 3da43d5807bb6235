"""Train something from a widget: progress, time left, cancel, go on; the kernel stays free."""

import threading
import time
from collections.abc import Callable
from html import escape
from typing import Any

import ipywidgets as W

TRAIN = "train it now"  # what the button says before anything was cancelled
Report = Callable[[int, int], None]  # (steps done, steps in all)


class Cancelled(Exception):
    """The reader pressed cancel."""


class Live:
    """Buttons, a progress bar and a line of text around a training in a thread of its own.

    Parameters
    ----------
    work : called in the thread with ``report``, to be told (steps done, steps in all) before each
        step; raises what ``report`` raises. Its result goes to ``take``
    take : called with the result; shows it
    start : called when the button is pressed; its result is given to ``work`` first

    Attributes
    ----------
    button, cancel, progress, status : the controls; row : all of them; thread : the running one
    """

    def __init__(
        self,
        work: Callable[[Any, Report], Any],
        take: Callable[[Any], None],
        start: Callable[[], Any] = lambda: None,
    ):
        self._work, self._take, self._start = work, take, start
        self.thread, self._stop, self._begun = None, threading.Event(), (0.0, 0)
        self.status = W.HTML()
        self.status.add_class("vireid-status")
        self.button = W.Button(description=TRAIN, icon="play")
        self.cancel = W.Button(description="cancel", icon="stop", disabled=True)
        self.progress = W.IntProgress(0, 0, 1, layout=W.Layout(width="260px"))
        self.button.on_click(self.begin)
        self.cancel.on_click(lambda _: self._stop.set())
        self.row = W.HBox(
            [self.button, self.progress, self.cancel, self.status],
            layout=W.Layout(flex_flow="row wrap", align_items="center"),
        )

    @property
    def running(self) -> bool:
        """Whether something is being trained."""
        return self.thread is not None

    def say(self, text: str) -> None:
        """Show a line; screen readers read it out."""
        self.status.value = f'<span role="status">{text}</span>'

    def reset(self) -> None:
        """Something else is to be trained now: the button offers to begin, nothing is said."""
        if not self.running and self.button.description != TRAIN:
            self.button.description = TRAIN
            self.say("")

    def begin(self, _=None) -> None:
        """Start the thread, unless one runs."""
        if self.running:
            return
        self._stop.clear()
        self.button.disabled, self.cancel.disabled = True, False
        self.progress.value, self.progress.description, self._begun = 0, "", (0.0, 0)
        self.say("training: loading, first features; cancel works from the first step on")
        self.thread = threading.Thread(target=self._run, args=(self._start(),), daemon=True)
        self.thread.start()

    def report(self, done: int, total: int) -> None:
        """Move the bar, tell the time left; raises ``Cancelled`` once cancel was pressed."""
        if self._stop.is_set():
            raise Cancelled
        now, (since, first) = time.monotonic(), self._begun
        if total != self.progress.max or done < self.progress.value or not since:
            self._begun = (now, done)  # another part of the training
        elif done > first:
            left = (total - done) * (now - since) / (done - first)
            self.say(f"training: about {left:.0f} s left in this part")
        self.progress.max, self.progress.value = total, done
        self.progress.description = f"{done}/{total}"

    def _run(self, given) -> None:
        try:
            found = self._work(given, self.report)
            self.progress.value = self.progress.max
            self._take(found)
        except Cancelled:
            self.say("cancelled")
            self.button.description = "go on"
        except Exception as error:  # a class of the reader's own can raise anything: say it
            self.say(escape(f"training stopped: {type(error).__name__}: {error}"))
            self.button.description = TRAIN
        else:
            self.button.description = TRAIN
        finally:
            self.cancel.disabled, self.button.disabled = True, False
            self.thread = None
