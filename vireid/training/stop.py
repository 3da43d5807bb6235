"""Ctrl-C and SIGTERM end a run at its next step, so that it can go on later."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SIGNALS = (signal.SIGINT, signal.SIGTERM)
USUAL = (signal.SIG_DFL, signal.default_int_handler)  # others' handlers are left alone


class Stopped(KeyboardInterrupt):
    """A run that was asked to end; ``status`` is the exit status that tells so."""

    def __init__(self, text: str, number: int):
        super().__init__(text)
        self.status = 128 + number


class Stop:
    """What a signal asks for, until the next step looks."""

    def __init__(self, out: str | Path | None):
        self.out, self.number = out, None

    def ask(self, number: int, frame) -> None:
        """Handle a signal: the first waits for the step to end, the second does not."""
        if self.number is not None:
            raise KeyboardInterrupt
        self.number = number
        os.write(2, b"\nstopping at the next step; once more stops at once\n")

    def check(self, epoch: int, step: int) -> None:
        """``Stopped``, with what to do to go on, once a signal came."""
        if self.number is None:
            return
        name = signal.Signals(self.number).name
        do = "Nothing is kept without a folder (out)."
        if self.out is not None:
            do = f"Give the same command again (train: --resume) to go on after epoch {epoch}."
        where = "in memory" if self.out is None else self.out
        text = f"stopped by {name} in epoch {epoch + 1}, step {step + 1} ({where}). {do}"
        raise Stopped(text, self.number)


@contextmanager
def stoppable(out: str | Path | None) -> Iterator[Stop]:
    """Inside, signals are noted for ``Stop.check``; in threads and under others' handlers not."""
    stop, before = Stop(out), {}
    if threading.current_thread() is threading.main_thread():
        before = {n: h for n in SIGNALS if (h := signal.getsignal(n)) in USUAL}
    try:
        for number in before:
            signal.signal(number, stop.ask)
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
