"""Which data set the figures are of: SynthVI, unless ``vireid figures --data`` names another."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from vireid import experiment, warm_start
from vireid.features import extract

USUAL = "synthvi_small"  # records of this are what figures show by default


@dataclass(frozen=True)
class Subject:
    """A data set that figures are drawn of.

    Parameters
    ----------
    data, preset, root : as ``experiment.prepare`` takes them
    records : what the names of its records' folders begin with
    """

    data: str = "synthvi"
    preset: str | None = "tiny"
    root: Path | None = None
    records: str = USUAL

    @property
    def real(self) -> bool:
        """Whether its pictures may show real people."""
        return self.data != "synthvi"


_current = [Subject()]


def current() -> Subject:
    """The data set of the figures that are drawn now."""
    return _current[-1]


@contextmanager
def about(data: str | None, *, preset: str | None = None, root=None) -> Iterator[Subject]:
    """Figures inside are of this data set; None leaves SynthVI, its tiny world, its records."""
    one = Subject()
    if preset is not None and data in (None, "synthvi"):
        raise ValueError(
            f"preset={preset!r}: SynthVI's figures are of its tiny and small worlds, whatever the "
            "preset; give data (--data) too, of another data set, or leave it out"
        )
    if data not in (None, "synthvi"):
        one = Subject(data, preset, root, "_".join(filter(None, (data, preset))))
    _current.append(one)
    try:
        yield one
    finally:
        _current.pop()


def named(folder: str) -> str:
    """The folder of records that stands for SynthVI's ``folder`` where another set is drawn."""
    return folder.replace(USUAL, current().records)


def told(text: str) -> str:
    """A caption about the data set of now."""
    if not current().real:
        return text
    for words in ("SynthVI small", "SynthVI tiny"):
        text = text.replace(words, current().records)
    return text


def world() -> experiment.Experiment:
    """Pictures of the data set; of SynthVI the tiny world."""
    return _world(current())


def after(row: str | None, method: str = "bmil", **switches):
    """The network after a row of a method, None for stage 1 alone, and its training embeddings."""
    return _after(current(), row, method, tuple(sorted(switches.items())))


@cache
def _world(one: Subject) -> experiment.Experiment:
    trials = {} if one.real else {"trials": 3}
    return experiment.prepare(one.data, preset=one.preset, root=one.root, **trials)


@cache
def _after(one: Subject, row: str | None, method: str, switches: tuple):
    place = _world(one)
    if method == "mcf":  # it has a network of its own
        place = experiment.prepare(one.data, preset=one.preset, root=one.root, method=method)
    model, _ = warm_start.trained(place, row, method=method, switches=dict(switches))
    return model, extract(model, place.train)
