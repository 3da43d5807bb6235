"""The plain search: a block of rows against all candidates, on whatever device they live."""

from functools import cached_property

import numpy as np
import torch

from vireid.gemm import times_transposed

ROUNDING = 32  # units in the last place by which two orders of one sum may differ
FEW = 8  # times the candidates: so many ties are looked at by themselves, more among everyone
SPARE = 8  # candidates beyond k that are scored again, so that ties at the border fall by index
BLOCK = 2**24  # numbers held at once
CACHED = (
    2**17
)  # by a CPU that gathers rows: more would leave its caches, and take six times as long


def dot(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Inner products over the last axis, every one summed in the same order.

    A matrix product sums in an order that depends on where a row stands; here equal rows give
    equal numbers, so ties are ties, and the result is symmetric in a and b.
    """
    return (a * b).sum(-1)


def _rows_at_once(x: torch.Tensor, numbers: int) -> int:
    """Rows that are gathered at once when each needs so many numbers."""
    return max(1, (CACHED if x.device.type == "cpu" else BLOCK) // numbers)


def pairs(x: torch.Tensor, i: torch.Tensor, j: torch.Tensor) -> torch.Tensor:
    """Inner products of rows i[t] and j[t] of x, (t,)."""
    out = x.new_empty(len(i))
    step = _rows_at_once(x, x.shape[1])
    for start in range(0, len(i), step):
        part = slice(start, start + step)
        out[part] = dot(x[i[part]], x[j[part]])
    return out


def search(x, base, k: int, *, at=None, bias=None) -> tuple[torch.Tensor, torch.Tensor]:
    """The k best rows of base for each row of x: (index (n, k), inner product (n, k)).

    Best is largest inner product plus ``bias`` (m,) of the base row; ties fall by index, however
    many there are. ``at`` (n,) is where each row of x itself stands in base (-1: nowhere); it then
    heads its own list.
    """
    n, m = len(x), len(base)
    spare = min(m, k + SPARE)
    index = torch.empty((n, k), dtype=torch.int64, device=x.device)
    value = x.new_empty((n, k))
    ties = _Ties(base, bias)
    step = max(1, BLOCK // max(m, spare * x.shape[1]))
    for start in range(0, n, step):
        part = slice(start, start + step)
        score = times_transposed(x[part], base)  # (block, m)
        if bias is not None:
            score += bias
        if at is not None:
            row = (at[part] >= 0).nonzero().squeeze(1)
            score[row, at[part][row]] = torch.inf
        here = None if at is None else at[part]
        least, candidate = score.topk(spare, sorted=False)
        found = best_of(x[part], base, candidate, k, at=here, bias=bias)
        if spare < m:
            ties.settle(x[part], score, found, least.amin(1), here)
        index[part], value[part] = found
    return index, value


class _Ties:
    """Lists whose end is a tie with somebody who was no candidate, ranked again among everyone.

    Equal rows of ``base`` are scored once, so that a thousand copies cost no more than one.
    """

    def __init__(self, base, bias):
        self.base, self.bias = base, bias
        self.reach = torch.linalg.vector_norm(base, dim=1).max() * ROUNDING
        self.reach = self.reach * torch.finfo(base.dtype).eps

    @cached_property
    def distinct(self) -> tuple[torch.Tensor, torch.Tensor]:
        """(u,) rows of base that differ, and (m,) which of them each row equals."""
        table = np.ascontiguousarray(self.base.cpu().numpy())
        keys = table.view(np.dtype((np.void, table.dtype.itemsize * table.shape[1]))).ravel()
        _, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
        return tuple(torch.as_tensor(a, device=self.base.device) for a in (first, inverse))

    def settle(self, x, score, found, least, at) -> None:
        """Put the right lists into ``found`` where others than the candidates may belong there.

        score : (n, m) products of x and base, biased; least : (n,) the lowest among the candidates
        """
        index, value = (part[:, -1] for part in found)
        kth = value if self.bias is None else value + self.bias[index]
        wrong = torch.linalg.vector_norm(x, dim=1) * self.reach  # of a product's score
        rows = (least + wrong >= kth).nonzero().squeeze(1)
        if not len(rows):
            return
        near = (score[rows] >= (kth - wrong)[rows, None]).sum(1)
        few = near <= FEW * (found[0].shape[1] + SPARE)
        if few.any():
            width = int(near[few].max())
            for part in rows[few].split(max(1, BLOCK // (width * x.shape[1]))):
                candidate = score[part].topk(width, sorted=False).indices
                here = None if at is None else at[part]
                best = best_of(
                    x[part], self.base, candidate, found[0].shape[1], at=here, bias=self.bias
                )
                found[0][part], found[1][part] = best
        self._rank(x, found, rows[~few], at)

    def _rank(self, x, found, rows, at) -> None:
        """The lists of some rows, with everyone of base scored in order."""
        if not len(rows):
            return
        (first, inverse), k = self.distinct, found[0].shape[1]
        for part in rows.split(max(1, BLOCK // max(len(first) * x.shape[1], len(inverse)))):
            exact = dot(x[part][:, None], self.base[first])[:, inverse]  # (rows, m)
            rank = exact.clone() if self.bias is None else exact + self.bias
            if at is not None:
                own = at[part] >= 0
                rank[own.nonzero().squeeze(1), at[part][own]] = torch.inf
            order = rank.sort(descending=True, stable=True).indices[:, :k]
            found[0][part], found[1][part] = order, exact.gather(1, order)


def best_of(x, base, candidate, k: int, *, at=None, bias=None):
    """The k best of each row's candidates (n, m), scored one by one; see ``search``."""
    candidate = candidate.sort().values  # so that the stable sort below breaks ties by index
    exact = x.new_empty(candidate.shape)  # (n, m)
    for part in torch.arange(len(x), device=x.device).split(
        _rows_at_once(x, candidate.shape[1] * x.shape[1])
    ):
        exact[part] = dot(x[part][:, None], base[candidate[part]])
    rank = exact if bias is None else exact + bias[candidate]
    if at is not None:
        rank = rank.masked_fill(candidate == at[:, None], torch.inf)
    order = rank.sort(descending=True, stable=True).indices[:, :k]
    return candidate.gather(1, order), exact.gather(1, order)


def own_other(x, k_own: int, k_other: int, group, *, bias=None, self_first=True):
    """Two searches per row, among its own group and among all others.

    Lists that run out of candidates end in index -1, value -inf. See ``search``.
    """
    rows = torch.arange(len(x), device=x.device)
    lists = [
        (torch.full((len(x), k), -1, device=x.device), x.new_full((len(x), k), -torch.inf))
        for k in (k_own, k_other)
    ]
    for g in group.unique():
        mine = group == g
        for (index, value), k, there in zip(lists, (k_own, k_other), (mine, ~mine), strict=True):
            among = rows[there]
            k = min(k, len(among))
            if not k:
                continue
            at = torch.arange(len(among), device=x.device) if there is mine and self_first else None
            found, score = search(
                x[mine], x[among], k, at=at, bias=None if bias is None else bias[among]
            )
            here = rows[mine]
            index[here, :k], value[here, :k] = among[found], score
    return lists
