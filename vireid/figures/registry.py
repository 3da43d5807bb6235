"""The list of figures, and what draws them all and writes their index page."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from vireid import plots
from vireid.paths import WORK


@dataclass(frozen=True)
class Drawing:
    """One figure: its file name, what it shows, the figure of which paper it redraws, the code."""

    name: str
    shows: str
    after: str
    draw: Callable


DRAWINGS: list[Drawing] = []


def drawing(shows: str, after: str = "") -> Callable:
    """Register a function that returns a matplotlib figure."""

    def register(draw: Callable) -> Callable:
        DRAWINGS.append(Drawing(draw.__name__, shows, after, draw))
        return draw

    return register


def draw_all(out: Path | None = None, only: list[str] | None = None) -> list[Path]:
    """Draw all figures (or those named) into a folder and write its index page.

    Raises ValueError for a name that no figure has.
    """
    known = [item.name for item in DRAWINGS]
    if unknown := sorted(set(only or ()) - set(known)):
        raise ValueError(f"no figure is called {', '.join(unknown)}; known: {', '.join(known)}")
    out = Path(out or WORK / "figures")
    out.mkdir(parents=True, exist_ok=True)
    written, missing = [], []
    for item in DRAWINGS:
        if only and item.name not in only:
            continue
        figure = item.draw()
        if figure is None:
            missing.append(item.name)
            continue
        path = out / f"{item.name}.png"
        path.write_bytes(plots.png(figure))
        written.append(path)
        print(f"drew {path.name}")
    if not only:
        (out / "README.md").write_text(index(missing))
    return written


def index(missing: list[str]) -> str:
    """The index page: every figure with its command."""
    lines = [
        "# Figures",
        "All are drawn again by `vireid figures` (or one by `vireid figures --only NAME`). People",
        "are synthetic; numbers are of SynthVI unless said otherwise, and say nothing about",
        "methods on other data.",
    ]
    for item in DRAWINGS:
        after = f" After {item.after}." if item.after else ""
        lines += ["", f"## {item.name}", f"{item.shows}{after}", ""]
        if item.name in missing:
            lines.append("*Not drawn: the run records it needs are not in `data/runs/`.*")
        else:
            lines.append(f"![{item.shows}]({item.name}.png)")
        lines += ["", f"`vireid figures --only {item.name}`"]
    return "\n".join(lines) + "\n"
