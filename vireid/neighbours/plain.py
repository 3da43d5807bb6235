"""The plain search: a block of rows against all candidates, on whatever device they live."""

import torch

from vireid.gemm import times_transposed

SPARE = 8  # candidates beyond k that are scored again, so that ties at the border fall by index
BLOCK = 2**24  # numbers held at once


def dot(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Inner products over the last axis, every one summed in the same order.

    A matrix product sums in an order that depends on where a row stands; here equal rows give
    equal numbers, so ties are ties, and the result is symmetric in a and b.
    """
    return (a * b).sum(-1)


def pairs(x: torch.Tensor, i: torch.Tensor, j: torch.Tensor) -> torch.Tensor:
    """Inner products of rows i[t] and j[t] of x, (t,)."""
    out = x.new_empty(len(i))
    step = max(1, BLOCK // x.shape[1])
    for start in range(0, len(i), step):
        part = slice(start, start + step)
        out[part] = dot(x[i[part]], x[j[part]])
    return out


def search(x, base, k: int, *, at=None, bias=None) -> tuple[torch.Tensor, torch.Tensor]:
    """The k best rows of base for each row of x: (index (n, k), inner product (n, k)).

    Best is largest inner product plus ``bias`` (m,) of the base row; ties fall by index. ``at``
    (n,) is where each row of x itself stands in base (-1: nowhere); it then heads its own list.
    """
    n, m = len(x), len(base)
    spare = min(m, k + SPARE)
    index = torch.empty((n, k), dtype=torch.int64, device=x.device)
    value = x.new_empty((n, k))
    step = max(1, BLOCK // max(m, spare * x.shape[1]))
    for start in range(0, n, step):
        part = slice(start, start + step)
        score = times_transposed(x[part], base)  # (block, m)
        if bias is not None:
            score += bias
        if at is not None:
            row = (at[part] >= 0).nonzero().squeeze(1)
            score[row, at[part][row]] = torch.inf
        candidate = score.topk(spare, sorted=False).indices
        here = None if at is None else at[part]
        index[part], value[part] = best_of(x[part], base, candidate, k, at=here, bias=bias)
    return index, value


def best_of(x, base, candidate, k: int, *, at=None, bias=None):
    """The k best of each row's candidates (n, m), scored one by one; see ``search``."""
    candidate = candidate.sort().values  # so that the stable sort below breaks ties by index
    exact = dot(x[:, None], base[candidate])  # (n, m)
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
