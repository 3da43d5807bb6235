"""Clusters of two modalities and the links between them: right, wrong, or with nobody to find."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.lines import Line2D

from vireid.arguments import as_array
from vireid.plots.base import (
    COLOURS,
    FAINT,
    INK,
    MODALITY_COLOUR,
    MODALITY_MARKER,
    dress,
    legend_below,
)
from vireid.types import Modality

KINDS = ("right", "wrong", "nobody to find")
KIND_LOOK = dict(
    zip(KINDS, ((COLOURS[0], "-"), (COLOURS[1], (0, (4, 2))), (COLOURS[4], ":")), strict=True)
)
LEAST = 0.1  # a thinner link is not drawn
SCORE_LOOK = (
    ("precision", "s", COLOURS[0], COLOURS[0], -0.14),
    ("recall", "o", COLOURS[1], "white", 0.14),
)
WIDEST = 2.6  # points, where both sides chose each other with all their images


def link_kinds(people_visible, people_infrared) -> np.ndarray:
    """What a link would be: (K_v, K_r) numbers into ``KINDS``.

    Parameters
    ----------
    people_visible, people_infrared : (K_v,) and (K_r,) the identity that a cluster stands for

    Right: both ends are one person. Nobody to find: the person of an end has no cluster on the
    other side, so that any link of his is wrong. Wrong: all others.
    """
    v, r = as_array(people_visible), as_array(people_infrared)
    alone = ~np.isin(v, r)[:, None] | ~np.isin(r, v)[None]
    return np.where(v[:, None] == r[None], 0, np.where(alone, 2, 1))


def drawn_links(forth, back) -> np.ndarray:
    """(K_v, K_r) whether ``bipartite`` draws a link: at least a tenth of either side chose it."""
    return np.maximum(as_array(forth), as_array(back).T) >= LEAST


def bipartite(
    people_visible, people_infrared, forth, back, ax: Axes, *, names: bool = True, title: str = ""
) -> Axes:
    """Who is matched to whom: visible clusters on the left, infrared ones on the right.

    Parameters
    ----------
    people_visible, people_infrared : (K_v,) and (K_r,) the identity that a cluster stands for; a
        person's clusters stand at one height, so right links are level
    forth : (K_v, K_r) share of a visible cluster that chose an infrared one; back : (K_r, K_v)
    names : write the identities beside the marks

    A line is the thicker the more of both ends chose it; under 10 % it is left out.
    One side may be empty. Raises ValueError for shapes that do not fit, and for no cluster at all.
    """
    v, r, forth, back = map(as_array, (people_visible, people_infrared, forth, back))
    if forth.shape != (len(v), len(r)) or back.shape != (len(r), len(v)):
        raise ValueError(
            f"forth is {forth.shape}, back {back.shape} for {len(v)} visible and {len(r)} infrared "
            "clusters"
        )
    if not len(v) and not len(r):
        raise ValueError("people_visible and people_infrared are empty; there is nothing to draw")
    height = dict(zip((Modality.VISIBLE, Modality.INFRARED), _heights(v, r), strict=True))
    _links(forth, back, link_kinds(v, r), height, ax)
    for m, people in ((Modality.VISIBLE, v), (Modality.INFRARED, r)):
        _marks(m, people, height[m], names, ax)
    ax.set(xlim=(-0.2, 1.2), ylim=(np.concatenate([*height.values()]).max() + 0.7, -0.7))
    ax.set_axis_off()
    ax.set_title(title, loc="left", fontsize=9, color=INK)
    return ax


def _links(forth, back, kind: np.ndarray, height: dict, ax: Axes) -> None:
    weight = (forth + back.T) / 2
    for number, name in reversed(list(enumerate(KINDS))):  # right ones on top
        i, j = np.nonzero((kind == number) & drawn_links(forth, back))
        ends = np.stack([np.zeros(len(i)), height[0][i], np.ones(len(j)), height[1][j]], 1)
        colour, line = KIND_LOOK[name]
        ax.add_collection(
            LineCollection(
                ends.reshape(-1, 2, 2), colors=colour, linestyles=[line], zorder=3 - number / 2,
                linewidths=0.6 + (WIDEST - 0.6) * weight[i, j], label=name,
            )
        )  # fmt: skip


def _heights(v: np.ndarray, r: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """One line per person, as many rows high as the side with more clusters of his."""
    everyone = np.union1d(v, r)
    counts = np.stack([(side[:, None] == everyone).sum(0) for side in (v, r)])
    rows = counts.max(0)
    top = np.cumsum(rows) - rows
    found = []
    for side, own in zip((v, r), counts, strict=True):
        height = np.empty(len(side))
        for p, person in enumerate(everyone):
            room = (np.arange(own[p]) + 0.5) * rows[p] / max(1, own[p]) - 0.5
            height[side == person] = top[p] + room
        found.append(height)
    return found[0], found[1]


def _marks(m: Modality, people, height, names: bool, ax: Axes) -> None:
    ax.scatter(
        np.full(len(people), float(m)), height, marker=MODALITY_MARKER[m], s=22, zorder=4,
        color=MODALITY_COLOUR[m], lw=0,
    )  # fmt: skip
    if names:
        side = {"ha": "right"} if m == Modality.VISIBLE else {"ha": "left"}
        for person, y in zip(people, height, strict=True):
            ax.text(m + (-0.05, 0.05)[m], y, str(person), fontsize=6.5, va="center", **side)


def link_legend() -> list[Line2D]:
    """Handles of a legend of links and marks, for ``figure.legend`` or ``legend``."""
    lines = [Line2D([], [], color=c, ls=ls, lw=2, label=k) for k, (c, ls) in KIND_LOOK.items()]
    marks = [
        Line2D(
            [], [], color=MODALITY_COLOUR[m], marker=MODALITY_MARKER[m], ls="", ms=5,
            label=f"{m.word} cluster",
        )
        for m in Modality
    ]  # fmt: skip
    return lines + marks


def pair_scores(
    scores: Mapping[str, tuple[float, float]],
    ax: Axes,
    *,
    before: Mapping[str, tuple[float, float]] | None = None,
    chosen: str | None = None,
    drop: float = 0.14,
    title: str = "",
) -> Axes:
    """Precision and recall of crossing pairs, a row per name: a square and a ring.

    Parameters
    ----------
    scores : name -> (precision, recall), fractions; NaN is left out
    before : the same before something was changed, drawn pale
    chosen : the name to mark
    drop : of the legend, see ``legend_below``
    """
    names, before = list(scores), before or {}
    _pairs_of_marks(scores, before, 0, ax)
    _pairs_of_marks(scores, before, 1, ax)
    dress(ax, title=title, xlabel="pairs across the gap (%)")
    ax.set(xlim=(-3, 103), ylim=(len(names) - 0.5, -0.5))
    ax.set_yticks(range(len(names)), [f"▶ {n}" if n == chosen else n for n in names])
    ax.grid(axis="y", visible=False)
    ax.grid(axis="x", color=FAINT, linewidth=0.6)
    legend_below(ax, drop=drop)
    return ax


def _pairs_of_marks(scores, before, which: int, ax: Axes) -> None:
    """Precision (0: filled squares, a little above) or recall (1: rings, a little below)."""
    word, marker, colour, fill, side = SCORE_LOOK[which]
    pale = [(100 * before[n][which], y) for y, n in enumerate(scores) if n in before]
    now = [(100 * scores[n][which], y) for y, n in enumerate(scores)]
    for points, alpha, label in ((pale, 0.3, f"{word} before"), (now, 1, word)):
        if points:
            x, y = np.array(points, dtype=float).T
            ax.plot(
                x, y + side, marker, ms=6, mfc=fill, mec=colour, mew=1.5, alpha=alpha, ls="",
                label=label,
            )  # fmt: skip
    if pale:
        (old, y), new = np.array(pale).T, [100 * scores[n][which] for n in scores if n in before]
        ax.hlines(y + side, old, new, color=colour, lw=1, alpha=0.5, zorder=1)
