"""Hungarian matching, PGM and Sinkhorn as courses of steps that end where the library's do."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

NEAR = 1e-9  # a reduced cost this small is 0
SETTLED, ROUNDS = 1e-9, 10_000  # Sinkhorn's end, as ``association.sinkhorn(stop="converged")``
ALONE = 3  # rounds of Sinkhorn whose two halves are steps of their own; then they are leapt over


@dataclass(frozen=True)
class Step:
    """What a matching has come to.

    Parameters
    ----------
    told : what happened, in a line
    table : (K_v, K_r) the numbers it works on: what is left of the cost, or a plan
    links : (visible cluster, infrared cluster) -> "kept", "new", "given up" or "one way"
    margins : what stands beside the rows and below the columns, as words
    idle : clusters that do not play now: two sets, visible and infrared
    """

    told: str
    table: np.ndarray
    links: dict[tuple[int, int], str]
    margins: tuple[Sequence[str], Sequence[str]] = ((), ())
    idle: tuple[frozenset, frozenset] = (frozenset(), frozenset())

    @property
    def maps(self) -> tuple[np.ndarray, np.ndarray]:
        """(v2r, r2v) as ``association.pgm`` gives them, -1 for nobody."""
        found = [np.full(count, -1) for count in self.table.shape]
        for (i, j), kind in self.links.items():
            if kind == "given up":
                continue
            if kind != "one way" or len(found[0]) >= len(found[1]):
                found[0][i] = j
            if kind != "one way" or len(found[0]) < len(found[1]):
                found[1][j] = i
        return found[0], found[1]


def names(clusters, letter: str) -> str:
    """Clusters as they are called in the drawing: "v0, v3"."""
    return ", ".join(f"{letter}{int(k)}" for k in clusters)


class _Sides:
    """A cost with the smaller side as rows, and steps told with visible as rows."""

    def __init__(self, cost: np.ndarray):
        self.turned = cost.shape[0] > cost.shape[1]
        self.cost = cost.T if self.turned else cost
        self.few, self.many = ("r", "v") if self.turned else ("v", "r")
        self.words = {"v": "visible", "r": "infrared"}
        self.steps: list[Step] = []

    def add(self, told: str, table: np.ndarray, links: dict, *sides, idle=((), ())) -> None:
        """A step, its pairs (few, many), margins and idle clusters in that order too."""
        if self.turned:
            table, links = table.T, {(j, i): kind for (i, j), kind in links.items()}
            sides, idle = sides[::-1], idle[::-1]
        margins = tuple(sides) if sides else ((), ())
        resting = (frozenset(map(int, idle[0])), frozenset(map(int, idle[1])))
        self.steps.append(Step(told, table.copy(), links, margins, resting))


def hungarian_course(cost) -> list[Step]:
    """Kuhn's method: subtract until there are enough zeros, link along zeros, swap where needed.

    ``cost`` (K_v, K_r). The last step's maps are ``association.hungarian``'s, ties aside.
    Source: Kuhn 1955; Munkres 1957. Differs: with unequal sides nothing is subtracted for the
    larger side at first, as some of it stay single.
    """
    return _Hungarian(np.asarray(cost, dtype=float)).steps


class _Hungarian(_Sides):
    """``u`` and ``v`` are what has been subtracted from rows and columns."""

    def __init__(self, cost: np.ndarray):
        super().__init__(cost)
        rows, columns = self.cost.shape
        self.u, self.v = np.zeros(rows), np.zeros(columns)
        self.partner, self.holder = np.full(rows, -1), np.full(columns, -1)
        self.tell("The cost. Sought: a partner for everybody of the smaller side, at least cost.")
        self.u = self.cost.min(1)
        told = f"Each {self.words[self.few]} cluster subtracts its least cost: 0 marks its nearest."
        self.tell(told)
        if rows == columns:
            self.v = (self.cost - self.u[:, None]).min(0)
            self.tell(f"Each {self.words[self.many]} cluster subtracts the least that is left.")
        for row in range(rows):
            self.search(row)
        total = self.cost[np.arange(rows), self.partner].sum()
        single = names(np.flatnonzero(self.holder < 0), self.many)
        rest = f"; single: {single}" if single else ""
        self.tell(
            f"Done: total cost {total:.2f}, which is the sum of all that was subtracted{rest}."
        )

    @property
    def left(self) -> np.ndarray:
        return self.cost - self.u[:, None] - self.v

    def tell(self, told: str, changed: dict | None = None) -> None:
        links = {(int(i), int(j)): "kept" for i, j in enumerate(self.partner) if j >= 0}
        sides = [[f"{-s:+.2f}" if abs(s) > NEAR else "" for s in side] for side in (self.u, self.v)]
        self.add(told, np.abs(self.left.round(12)), links | (changed or {}), *sides)

    def search(self, row: int) -> None:
        """A partner for a row: grow a tree of zeros from it until it meets a single column."""
        tree, reached = [row], {}  # rows; column -> the row that reached it
        while True:
            open_ = [j for j in range(len(self.v)) if j not in reached]
            offers = [(i, j) for i in tree for j in open_ if self.left[i, j] <= NEAR]
            if not offers:
                self.subtract(tree, list(reached), open_)
                continue
            i, j = min(offers, key=lambda pair: self.holder[pair[1]] >= 0)  # a single one first
            reached[j] = i
            if self.holder[j] < 0:
                return self.augment(j, reached)
            tree.append(self.holder[j])

    def subtract(self, tree: list, reached: list, open_: list) -> None:
        least = self.left[np.ix_(tree, open_)].min()
        self.u[tree] += least
        self.v[reached] -= least
        who = names(sorted(tree), self.few)
        back = f", and added again to {names(sorted(reached), self.many)}" if reached else ""
        self.tell(f"No 0 leads {who} to a single cluster: {least:.2f} more is subtracted{back}.")

    def augment(self, column: int, reached: dict) -> None:
        """Swap links along the path that ends in a single column."""
        path, lost = [], {}
        while column >= 0:
            row = reached[column]
            before, self.partner[row], self.holder[column] = self.partner[row], column, row
            path.append((int(row), int(column)))
            if before >= 0:
                lost[int(row), int(before)] = "given up"
            column = before
        taken = [f"{self.few}{i} takes {self.many}{j}" for i, j in reversed(path)]
        way = "Augmenting path" if len(path) > 1 else "Along a zero"
        told = f"{way}: {', '.join(taken)}, which was single."
        self.tell(told, dict.fromkeys(path, "new") | lost)


def pgm_course(cost) -> list[Step]:
    """PGM's rounds: all play one to one, then the larger side's singles again among themselves.

    ``cost`` (K_v, K_r). The last step's maps are ``association.pgm``'s.
    Source: Wu & Ye, CVPR 2023.
    """
    play = _Sides(np.asarray(cost, dtype=float))
    everybody = np.arange(play.cost.shape[1])
    single, links, played = everybody, {}, 0
    play.add("The cost: the more alike, the smaller. All play.", play.cost, links)
    while len(single):
        pairs, played = _assigned(play.cost, single), played + 1
        idle = ((), np.setdiff1d(everybody, single))
        new = dict.fromkeys(pairs, "new")
        play.add(_round(play, single, pairs, played), play.cost, links | new, idle=idle)
        links = links | dict.fromkeys(pairs, "kept" if played == 1 else "one way")
        single = np.setdiff1d(single, [j for _, j in pairs])
        idle = ((), np.setdiff1d(everybody, single) if len(single) else ())
        play.add(_left_over(play, single, played), play.cost, links, idle=idle)
    return play.steps


def _assigned(cost: np.ndarray, single: np.ndarray) -> list[tuple[int, int]]:
    row, column = linear_sum_assignment(cost[:, single])
    return [(int(i), int(j)) for i, j in zip(row, single[column], strict=True)]


def _round(play: _Sides, single: np.ndarray, pairs: list, played: int) -> str:
    who = "everybody" if played == 1 else f"{names(single, play.many)} alone"
    met = ", ".join(f"{play.many}{j}-{play.few}{i}" for i, j in sorted(pairs, key=lambda p: p[1]))
    total = sum(play.cost[pair] for pair in pairs)
    return f"Round {played}, {who}, one to one at least cost: {met}; {total:.2f} in all."


def _left_over(play: _Sides, single: np.ndarray, played: int) -> str:
    if not len(single):
        again = "; those left over in round 1 are linked one way" if played > 1 else ""
        return f"After {played} round{'s' * (played > 1)} nobody is single{again}."
    told = f"Left over for another round: {names(single, play.many)}"
    if played == 1:
        return f"{told}; {play.words[play.few]} clusters keep the partner that they have."
    return f"{told}; the released code stops here, after two rounds." if played == 2 else f"{told}."


def sinkhorn_course(cost, *, lam: float) -> list[Step]:
    """Sinkhorn's scalings of exp(-lam C): rows, columns, rows, ... until both sums hold.

    ``cost`` (K_v, K_r). The last step's table is ``association.sinkhorn(stop="converged")``'s plan.
    Source: Cuturi, NeurIPS 2013.
    """
    c = np.asarray(cost, dtype=float)
    kernel = np.exp(-lam * (c - c.min()))  # a constant changes no plan
    steps = [Step("The cost. Sought: how much each cluster sends to each, cheaply.", c, {})]
    told = f"exp(-{lam:g} C), scaled to sum 1: cheap pairs begin with most of the mass."
    steps.append(_sums(told, kernel / kernel.sum()))
    v, done, off = np.ones(c.shape[1]), 0, np.inf
    while done < ROUNDS and off > SETTLED:
        upto = done + 1 if done < ALONE else min(2 * done, ROUNDS)
        u, before, v = _scaled(kernel, v, upto - done)
        rows, plan = (u[:, None] * kernel * w for w in (before, v))
        off = _off(plan, 1)
        steps += _scalings(rows, plan, done, upto)
        done = upto
    word = "Settled" if off <= SETTLED else "Not settled"
    return [*steps, _settled(plan, f"{word} after {done} rounds")]


def _scaled(kernel: np.ndarray, v: np.ndarray, rounds: int):
    """Rows to 1 / n, then columns to 1 / m, so often: (row scaling, column scalings last two)."""
    n, m = kernel.shape
    for _ in range(rounds):
        before, u = v, 1 / n / (kernel @ v)
        v = 1 / m / (u @ kernel)
    return u, before, v


def _off(plan: np.ndarray, axis: int) -> float:
    sums = plan.sum(axis)
    return float(np.abs(sums - 1 / len(sums)).sum())


def _scalings(rows: np.ndarray, plan: np.ndarray, done: int, upto: int) -> list[Step]:
    """The two halves of a round, or many rounds at once."""
    if upto > ALONE:
        told = f"Rounds {done + 1} to {upto}: the rows are off by {_off(plan, 1):.2g} in all."
        return [_sums(told, plan)]
    n, m = plan.shape
    one = f"each row to 1/{n}; the columns are now off by {_off(rows, 0):.2g} in all."
    two = f"each column to 1/{m}; the rows are now off by {_off(plan, 1):.2g} in all."
    return [
        _sums(f"Round {upto}, rows: {one}", rows),
        _sums(f"Round {upto}, columns: {two}", plan),
    ]


def _sums(told: str, plan: np.ndarray, links: dict | None = None) -> Step:
    margins = tuple([f"{100 * s:.1f}" for s in plan.sum(axis)] for axis in (1, 0))
    return Step(told, plan, links or {}, margins)


def _settled(plan: np.ndarray, told: str) -> Step:
    rows = {(i, int(j)) for i, j in enumerate(plan.argmax(1))}
    columns = {(int(i), j) for j, i in enumerate(plan.argmax(0))}
    links = {
        pair: "kept" if pair in rows & columns else "one way" for pair in sorted(rows | columns)
    }
    told = f"{told}. Linked: each cluster with the one it sends most to."
    return _sums(told, plan, links)
