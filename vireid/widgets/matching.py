"""Greedy matching of clusters, played step by step: who takes whom, who finds the door shut."""

from dataclasses import dataclass

import ipywidgets as W
import numpy as np

from vireid.arguments import as_array
from vireid.plots import canvas, matching_board
from vireid.widgets.panel import Drawing, Panel


@dataclass(frozen=True)
class Move:
    """One pair that the matching looks at.

    Parameters
    ----------
    kind : "first" a match of pass A, "second" one of pass B, "left over" what is given to a column
        that pass B could not serve, "full" a pair that is refused because the column has no room
    row, column : of the similarity; rows are the larger side
    """

    kind: str
    row: int
    column: int


def moves(similarity, *, max_matches: int = 3) -> list[Move]:
    """What ``association.greedy_regions`` does with a matrix whose rows are the larger side.

    Raises ValueError for more columns than rows: transpose it, the roles are the same.
    Source: multi-module framework (VRA), the two passes.
    """
    s = as_array(similarity)
    many, few = s.shape
    if few > many:
        raise ValueError(f"similarity is {many} x {few}; give the larger side as rows")
    best_first = [divmod(int(p), few) for p in np.argsort(-s, axis=None, kind="stable")]
    room = np.full(few, max_matches)
    played = _walk(best_first, room, many, "first")
    empty = set(np.flatnonzero(room == max_matches).tolist())
    left = [(i, j) for i, j in best_first if j in empty]
    for move in _walk(left, room, many, "second", until=empty) if empty else ():
        played.append(move)
    return played + [Move("left over", int(s[:, j].argmax()), j) for j in sorted(empty)]


def _walk(pairs, room: np.ndarray, many: int, kind: str, *, until: set | None = None) -> list[Move]:
    """Best pair first: a free row takes a column with room; stops when ``until`` is empty."""
    free, played = set(range(many)), []
    for i, j in pairs:
        if not free or until == set():
            break
        if i not in free:
            continue
        if not room[j]:
            played.append(Move("full", i, j))
            continue
        free.remove(i)
        room[j] -= 1
        if until is not None:
            until.discard(j)
        played.append(Move(kind, i, j))
    return played


def greedy_steps(
    similarity,
    *,
    max_matches: int = 3,
    step: int | None = None,
    names: tuple[str, str] = ("visible cluster", "infrared cluster"),
) -> Panel:
    """A slider over the moves and one over the cap on matches.

    Parameters
    ----------
    similarity : (K_v, K_r); transposed, with its names, when K_r is larger
    max_matches : the cap to begin with, mu; step : the still's move, None = the last
    names : of rows and columns
    """
    if max_matches < 1:
        raise ValueError(f"max_matches={max_matches}; give 1 or more")
    s = as_array(similarity)
    if s.shape[1] > s.shape[0]:
        s, names = s.T, names[::-1]
    caps = range(1, max(4, max_matches) + 1)
    games = {cap: moves(s, max_matches=cap) for cap in caps}

    def draw(step: int, max_matches: int) -> Drawing:
        return _draw(s, games[max_matches], step, max_matches, names)

    wide = {"layout": W.Layout(width="380px")}
    longest = len(games[max_matches])
    first = longest if step is None else min(step, longest)
    return Panel(
        draw,
        {
            "step": W.IntSlider(first, 0, longest, description="move", **wide),
            "max_matches": W.IntSlider(max_matches, 1, caps[-1], description="max_matches", **wide),
        },
        player="step",
        last=lambda max_matches: len(games[max_matches]),
    )


def _draw(s: np.ndarray, game: list[Move], step: int, cap: int, names) -> Drawing:
    played = game[:step]
    figure, ax = canvas(width=6.4, height=1.5 + min(4.6, 0.42 * len(s)))
    told = f"move {len(played)} of {len(game)}"
    if played:
        now = played[-1]
        pair = f"{names[0]} {now.row} with {names[1]} {now.column}"
        words = {
            "first": f"pass A, {pair}",
            "second": f"pass B, {pair}",
            "left over": f"left over, {pair}",
            "full": f"refused, {names[1]} {now.column} has {cap} already",
        }
        told += f": {words[now.kind]}"
    matching_board(s, played, ax, rows=names[0], columns=names[1], title=told)
    taken = {kind: sum(m.kind == kind for m in played) for kind in ("first", "second", "full")}
    return figure, (
        f"Similarity of {s.shape[0]} x {s.shape[1]} clusters, cap {cap}; {told}. So far "
        f"{taken['first']} matches of pass A, {taken['second']} of pass B, {taken['full']} refused."
    )
