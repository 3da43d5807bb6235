"""The committed records that figures are drawn of, and what their captions say about them."""

from collections.abc import Mapping

from vireid import evidence
from vireid.figures.subject import named
from vireid.runs import Run, ladders

Rows = dict[str, list[Run]]
_drawn: list[list[int]] = []  # seeds of every row of the figure that is drawn now


def records(folder: str) -> Rows:
    """Row -> records by seed of SynthVI's ``folder``, or of the data set of now in its place.

    A record without an identity, of an older flow, is left out, and so is one that the plan of the
    evidence has with another identity.
    """
    name = named(folder)
    strangers = _strangers(name)
    found = {
        row: [run for run in runs if run.identity and (row, run.seed) not in strangers]
        for row, runs in ladders().get(name, {}).items()
    }
    return {row: runs for row, runs in found.items() if runs}


def kept() -> dict[str, Rows]:
    """The committed records that are the plan's: study -> row -> runs by seed."""
    return evidence.found(evidence.states(evidence.read().cells))


def _strangers(name: str) -> set[tuple[str, int]]:
    """(row, seed) of a study's records that are not what the plan says."""
    cells = [cell for cell in evidence.read().cells if cell.study.name == name]
    found = [s.cell for s in evidence.states(cells) if s.verdict == evidence.ANOTHER]
    return {(cell.label, cell.seed) for cell in found}


def noted(rows: Mapping) -> Mapping:
    """The same rows, key -> records or seed -> number; the figure's caption will tell the seeds."""
    for runs in filter(None, rows.values()):
        _drawn.append(sorted({getattr(run, "seed", run) for run in runs}))
    return rows


def told_seeds() -> str:
    """What has been noted since the last call, as a sentence with a space before it, or ""."""
    rows = list(_drawn)
    _drawn.clear()
    if not rows:
        return ""
    seeds, n = sorted({seed for row in rows for seed in row}), sorted({len(row) for row in rows})
    word = "Seed" if len(seeds) == 1 else "Seeds"
    each = f"n = {n[0]}" if len(n) == 1 else f"n = {n[0]} to {n[-1]}, by row"
    return f" {word} {', '.join(map(str, seeds))} ({each})."
