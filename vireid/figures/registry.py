"""The list of figures, and what draws them all and writes their index page."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from vireid import plots
from vireid.figures.records import told_seeds
from vireid.figures.subject import about, current, told
from vireid.files.write import put
from vireid.paths import REAL_PEOPLE as MARK
from vireid.paths import WORK


@dataclass(frozen=True)
class Drawing:
    """One figure: its file name, what it shows, the figure of which paper it redraws, the code.

    ``of_any`` figures can be of another data set than SynthVI.
    """

    name: str
    shows: str
    after: str
    draw: Callable
    of_any: bool = True


DRAWINGS: list[Drawing] = []


def drawing(shows: str, after: str = "", *, of_any: bool = True) -> Callable:
    """Register a function that returns a matplotlib figure, or None where records are missing."""

    def register(draw: Callable) -> Callable:
        DRAWINGS.append(Drawing(draw.__name__, shows, after, draw, of_any))
        return draw

    return register


def draw_all(
    out: Path | None = None, only: list[str] | None = None, data: str | None = None, **place
) -> list[Path]:
    """Draw all figures (or those named) into a folder and write its index page.

    Parameters
    ----------
    out : by default ``figures``; for another data set ``build/figures-real-people``
    only : names of figures
    data, place : a data set other than SynthVI, its ``preset`` and ``root``: figures that know how
        are of its records and pictures. Their names then say real-people, which git ignores

    A figure whose records are not there is skipped and said to be. Raises ValueError for a name
    that no figure has.
    """
    known = [item.name for item in DRAWINGS]
    if unknown := sorted(set(only or ()) - set(known)):
        raise ValueError(f"no figure is called {', '.join(unknown)}; known: {', '.join(known)}")
    with about(data, **place) as subject:
        mark = f"{MARK}-" if subject.real else ""
        out = Path(out or WORK / (f"build/figures-{MARK}" if subject.real else "figures"))
        wanted = [item for item in DRAWINGS if not only or item.name in only]
        wanted = [item for item in wanted if not subject.real or item.of_any]
        written, missing, seeds = [], [], {}
        told_seeds()
        for item in wanted:
            figure = item.draw()
            seeds[item.name] = told_seeds()
            if figure is None:
                print(f"{item.name}: skipped, the records it needs are not there")
                missing.append(item.name)
                continue
            path = out / f"{mark}{item.name}.png"
            put(path, plots.png(figure))
            written.append(path)
            print(f"drew {path.name}")
        if not only:
            put(out / f"{mark}README.md", index(wanted, missing, seeds, mark))
    return written


def index(wanted: list[Drawing], missing: list[str], seeds: dict[str, str], mark: str = "") -> str:
    """The index page: every figure with its caption, the seeds of its records and its command."""
    lines = [
        "# Figures",
        "All are drawn again by `vireid figures` (or one by `vireid figures --only NAME`). People",
        "are synthetic; numbers are of SynthVI unless said otherwise, and say nothing about",
        "methods on other data.",
    ]
    one, which = current(), ""
    if mark:
        lines = ["# Figures", f"Of {one.records}; real people: do not pass these on."]
        which = f" --data {one.data}" + f" --preset {one.preset}" * bool(one.preset)
    for item in wanted:
        after, shows = f" After {item.after}." if item.after else "", told(item.shows)
        shows += seeds[item.name]
        lines += ["", f"## {item.name}", f"{shows}{after}", ""]
        if item.name in missing:
            lines.append("*Not drawn: the run records it needs are not in `data/runs/`.*")
        else:
            lines.append(f"![{shows}]({mark}{item.name}.png)")
        lines += ["", f"`vireid figures --only {item.name}{which}`"]
    return "\n".join(lines) + "\n"
