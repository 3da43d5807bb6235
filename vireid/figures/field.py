"""The field over the years: published rank-1 of the unsupervised methods in ``data/papers.csv``."""

import re
from dataclasses import dataclass

import numpy as np

from vireid import methods
from vireid.figures.registry import drawing
from vireid.papers import paper_table, year_of
from vireid.plots.base import COLOURS, FAINT, INK, canvas, dress, share_legend

# Years of the four papers' own rows, whose venue is "Ours". MCF's text tells none: it stands at the
# year of TokenMatcher, which it builds on.
OWN = {"MULT": 2024, "MCF": 2025, "BMIL": 2026, "DMDL": 2026}
NAMES = {"N-ULC": "nulc"}  # published name -> in the method table, where lower case is not enough
VARIANT = re.compile(r"\s*\(.*\)|\s*w/ .*|[*^‡]")  # what a table adds to a method's name
PANELS = {  # title -> rows of the tables
    "SYSU-MM01, all search": {"dataset": "SYSU-MM01", "mode": "all"},
    "RegDB, visible to infrared": {"dataset": "RegDB", "mode": "visible_to_infrared"},
}
LOOKS = {  # kind -> legend, marker, size, colour, filled
    "paper": ("one of the four papers", "o", 9, COLOURS[0], True),
    "here": ("also trained by vireid", "s", 6.5, COLOURS[3], True),
    "other": ("published only", "o", 5.5, INK, False),
}
GAP = 0.042  # smallest distance of two names in a column, as a share of the values' range


@dataclass(frozen=True)
class Point:
    """One method: its name without a table's marks, its year, its rank-1 in percent."""

    name: str
    year: int
    value: float

    @property
    def kind(self) -> str:
        """A key of ``LOOKS``."""
        if self.name in OWN:
            return "paper"
        known = NAMES.get(self.name, self.name.lower())
        return "here" if known in methods.TABLE else "other"


def points(**where: str) -> list[Point]:
    """Every unsupervised method once, oldest first, then by rank-1.

    Its own paper's number where it is among the tables, else the first table's that quotes it; a
    plain row before a variant (other backbone, re-ranking, camera labels).
    """
    found: dict[str, tuple] = {}
    for place, row in enumerate(paper_table(setting="unsupervised", metric="rank1", **where)):
        name = VARIANT.sub("", row["method"]).strip()
        worth = (row["paper"] != name, len(row["method"]), place)
        year = year_of(row["venue"]) or OWN[name]
        if name not in found or worth < found[name][0]:
            found[name] = worth, Point(name, year, row["value"])
    return sorted((point for _, point in found.values()), key=lambda p: (p.year, p.value))


@drawing(
    "Published rank-1 of unsupervised methods by year; the line is the best so far. None of these "
    "numbers was measured here: each stands in `data/papers.csv` with its table and source. MCF's "
    "text tells no year; it stands at that of the code that it builds on."
)
def field():
    """Two panels of all methods, the four papers and what vireid trains marked."""
    figure, axes = canvas(1, 2, width=11.0, height=9.6)
    for ax, (title, where) in zip(axes, PANELS.items(), strict=True):
        _panel(ax, points(**where))
        dress(ax, title=title, xlabel="year", ylabel="rank-1 (%)")
    share_legend(figure, columns=4)
    return figure


def _panel(ax, found: list[Point]) -> None:
    years = sorted({p.year for p in found})
    gap = GAP * np.ptp([p.value for p in found])
    best = [max(p.value for p in found if p.year <= year) for year in years]
    ax.step(years, best, where="post", color=FAINT, lw=1.4, label="best so far", zorder=1)
    for kind, (label, marker, size, colour, filled) in LOOKS.items():
        at = [(p.year, p.value) for p in found if p.kind == kind]
        ax.plot(
            *zip(*at, strict=True), marker, ms=size, color=colour, label=label,
            mfc=colour if filled else "white", zorder=4 if filled else 3,
        )  # fmt: skip
    for year in years:
        column = [p for p in found if p.year == year]
        for point, height in zip(column, spread([p.value for p in column], gap), strict=True):
            _name(ax, point, height)
    ax.set_xticks(years)
    ax.set_xlim(years[0] - 0.25, years[-1] + 0.85)
    names = [text.get_position()[1] for text in ax.texts]
    ax.set_ylim(min(names) - 2 * gap, max(names) + 2 * gap)


def _name(ax, point: Point, height: float) -> None:
    ax.plot([point.year, point.year + 0.13], [point.value, height], color=FAINT, lw=0.7, zorder=0)
    ax.text(
        point.year + 0.15, height, f"{point.name} {point.value:g}", va="center", fontsize=8,
        color=INK, weight="bold" if point.kind == "paper" else "normal",
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.6}, zorder=2,
    )  # fmt: skip


def spread(values: list[float], gap: float) -> list[float]:
    """Heights for names at ascending values: in the same order, ``gap`` apart, as near as can be.

    Values that are too close form a block around their mean; blocks that meet become one.
    """
    blocks: list[list[float]] = []
    for value in values:
        blocks.append([value])
        while len(blocks) > 1 and _top(blocks[-2], gap) + gap > _bottom(blocks[-1], gap):
            blocks[-2:] = [blocks[-2] + blocks[-1]]
    return [_bottom(block, gap) + i * gap for block in blocks for i in range(len(block))]


def _bottom(block: list[float], gap: float) -> float:
    return sum(block) / len(block) - gap * (len(block) - 1) / 2


def _top(block: list[float], gap: float) -> float:
    return _bottom(block, gap) + gap * (len(block) - 1)
