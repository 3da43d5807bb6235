"""The fast search on a CPU: every tile of the similarity matrix is computed once and used twice.

Tiles of the upper triangle are offered to the bounded keeps of their rows and of their columns. In
bfloat16 more candidates are kept and scored again in float32. Every list is certified: nobody who
was not kept can belong into it, by score or as a tie. Lists that cannot be are searched again in
float32, among everyone. So both precisions give the same lists.
"""

from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations, pairwise
from time import perf_counter

import numpy as np
import torch

from vireid.gemm import times_transposed
from vireid.neighbours import plain

TILE = 1024
TOO_MANY = 0.25  # share of uncertified lists above which all are searched in float32
ROUNDED_SPARE = 4  # candidates kept per wanted neighbour when tiles are rounded


@lru_cache(maxsize=1)
def bfloat16_is_fast() -> bool:
    """Whether this CPU multiplies bfloat16 at least 1.6 times as fast as float32 (tried once)."""
    best = {}
    for kind in (torch.float32, torch.bfloat16):
        a = torch.ones((512, 512), dtype=kind)
        times_transposed(a, a)
        times = []
        for _ in range(5):
            start = perf_counter()
            times_transposed(a, a)
            times.append(perf_counter() - start)
        best[kind] = min(times)
    return best[torch.bfloat16] * 1.6 < best[torch.float32]


@dataclass(frozen=True)
class Table:
    """The rows as the tiles see them, sorted by group.

    Parameters
    ----------
    row : (n, d) in the precision of the tiles; float32 rows stand in the original order
    order : (n,) original number of each sorted row
    bound : first sorted row of each group, and n at the end
    bias : (n,) added to a candidate's score
    margin : (n,) how far a tile's score of this row can be from the exact one
    shift : (n,) exact scores minus tile scores, the same for all candidates of a row
    coarse : what storing a tile's score may add to that, relative to the product
    """

    row: torch.Tensor
    order: np.ndarray
    bound: np.ndarray
    bias: np.ndarray
    margin: np.ndarray
    shift: np.ndarray
    coarse: float

    def rows(self, start: int) -> torch.Tensor:
        """The rows of the tile that begins at a sorted row."""
        part = slice(start, start + TILE)
        in_place = self.coarse or len(self.bound) == 2  # sorted already, or one group only
        return self.row[part] if in_place else self.row[torch.as_tensor(self.order[part])]

    @classmethod
    def exact(cls, x, group, bias) -> "Table":
        """The rows themselves; nothing to certify."""
        order, bound = _sorted_by(group)
        norm = torch.linalg.vector_norm(x, dim=1)
        margin = (norm * norm.max()).numpy()[order] * np.float32(4e-6)
        return cls(x, order, bound, bias[order], margin, np.zeros_like(margin), 0.0)

    @classmethod
    def rounded(cls, x, group, bias) -> "Table":
        """Rows minus their mean, in bfloat16.

        The mean, which all rows share, would waste the few digits: for y = x - mu the products
        x_i x_j and y_i y_j + mu y_j differ by mu x_i, the same for all j. The margin is Cauchy and
        Schwarz on what rounding took from each row, plus the rounding of the sum and the product.
        """
        order, bound = _sorted_by(group)
        n, d = x.shape
        mean = x.mean(0)
        row = torch.empty((n, d), dtype=torch.bfloat16)
        towards, full, lost = (torch.empty(n) for _ in range(3))
        for start in range(0, n, TILE):
            part = slice(start, start + TILE)
            y = x[torch.as_tensor(order[part])] - mean
            row[part] = y
            towards[part] = y @ mean
            full[part] = torch.linalg.vector_norm(y, dim=1)
            lost[part] = torch.linalg.vector_norm(y - row[part].float(), dim=1)
        short = full + lost  # no less than the norm of the rounded row
        margin = full * lost.max() + lost * short.max()
        margin += d * 2.0**-24 * short * short.max() + 1e-6
        shift = towards + mean @ mean
        bias = bias[order] + towards.numpy()
        return cls(row, order, bound, bias, margin.numpy(), shift.numpy(), 2.0**-8)


def _sorted_by(group) -> tuple[np.ndarray, np.ndarray]:
    order = np.argsort(group, kind="stable")
    starts = np.flatnonzero(np.diff(group[order], prepend=group[order[0]] - 1))
    return order, np.append(starts, len(group))


def search(x, widths, *, group=None, bias=None, self_first=True, rounded=False):
    """For each row its widths[0] best rows of its own group and widths[1] best of the others.

    x : (n, d) float32 on the CPU; one width and no ``group`` searches among everyone. Best is
    largest inner product plus ``bias``. Returns pairs (index, value) as ``plain.own_other`` does.
    """
    n = len(x)
    group = np.zeros(n, dtype=np.int64) if group is None else np.asarray(group)
    bias = np.zeros(n, dtype=np.float32) if bias is None else bias.numpy()
    table = (Table.rounded if rounded else Table.exact)(x, group, bias)
    spare = (lambda k: ROUNDED_SPARE * k + 8) if rounded else (lambda k: k + plain.SPARE)
    keeps = [_keep(n, min(spare(k), n)) for k in widths]
    _fill(table, keeps)
    found = []
    for slot, (k, keep) in enumerate(zip(widths, keeps, strict=True)):
        first = self_first and slot == 0
        index, value, doubtful = _settle(x, bias, table, keep, k, first)
        if rounded and doubtful.mean() > TOO_MANY:
            return search(x, widths, group=group, bias=torch.as_tensor(bias), self_first=self_first)
        if doubtful.any():
            rows = torch.as_tensor(table.order[doubtful])
            index[rows], value[rows] = _again(x, rows, k, slot, group, bias, first)
        found.append((index, value))
    return found


def _keep(n: int, width: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Places for twice as many candidates as are kept for sure, those taken, and what it takes."""
    from vireid.neighbours.loops import CHUNK

    keys = np.empty((n, 2 * width + CHUNK), dtype=np.int64)
    return keys, np.zeros(n, dtype=np.int64), np.full(n, -np.inf, dtype=np.float32)


def _fill(table: Table, keeps) -> None:
    """Offer every pair to both its rows.

    Tiles on the diagonal come first: from them every row learns what it takes to be kept.
    """
    from vireid.compiled import in_threads
    from vireid.neighbours import loops

    n = len(table.row)
    corners = range(0, n, TILE)
    buffer = torch.empty(min(TILE, n) ** 2)
    pairs = [*zip(corners, corners, strict=True), *combinations(corners, 2)]
    for top, left in pairs:
        a, b = table.rows(top), table.rows(left)
        tile = buffer[: len(a) * len(b)].view(len(a), len(b))
        tile.copy_(times_transposed(a, b))
        to_rows, to_columns = [], []
        for rows, columns, slot in _rectangles(table.bound, top, len(a), left, len(b), keeps):
            call, corner = (tile.numpy(), table.bias, keeps[slot]), (top, left)
            to_rows += [(*call, part, columns, corner) for part in _split(*rows)]
            to_columns += [(*call, rows, part, corner) for part in _split(*columns)]
        in_threads(loops.offer_columns, to_rows)
        if top < left:  # the diagonal holds both directions already
            in_threads(loops.offer_rows, to_columns)


def _rectangles(bound, top, height, left, width, keeps):
    """Parts of a tile within one pair of groups: (rows, columns, which of the lists)."""
    for rows, mine in _segments(bound, top, height):
        for columns, theirs in _segments(bound, left, width):
            slot = int(mine != theirs)
            if slot < len(keeps):
                yield rows, columns, slot


def _segments(bound, start, length):
    first = int(np.searchsorted(bound, start, side="right")) - 1
    for g in range(first, len(bound) - 1):
        low, high = max(bound[g] - start, 0), min(bound[g + 1] - start, length)
        if low >= length:
            return
        yield (int(low), int(high)), g


def _split(low: int, high: int):
    """Cut a range into one part per thread."""
    cuts = np.linspace(low, high, torch.get_num_threads() + 1).astype(int).tolist()
    return [(a, b) for a, b in pairwise(cuts) if a < b]


def _settle(x, bias, table: Table, keep, k: int, self_first: bool):
    """Exact lists from the candidates, and which sorted rows cannot be vouched for."""
    from vireid.compiled import in_threads
    from vireid.neighbours import loops

    n = len(x)
    index, value = torch.full((n, k), -1), torch.full((n, k), -torch.inf)
    doubt = np.zeros(n, dtype=bool)
    reach = float(np.abs(table.bias).max())
    numbers = (table.order, table.margin, table.shift, table.coarse, reach)
    shared = (x.numpy(), bias, numbers, keep, k, self_first)
    results = (index.numpy(), value.numpy(), doubt)
    in_threads(loops.settle, [(*shared, part, results) for part in _split(0, n)])
    return index, value, doubt


def _again(x, rows, k, slot, group, bias, self_first):
    """Lists of a few rows by the plain search."""
    index, value = torch.full((len(rows), k), -1), torch.full((len(rows), k), -torch.inf)
    own = group[rows.numpy()]
    for g in np.unique(own):
        here = torch.as_tensor(own == g)
        among = torch.as_tensor(np.flatnonzero((group == g) == (slot == 0)))
        m = min(k, len(among))
        at = torch.searchsorted(among, rows[here]) if self_first else None
        found, _ = plain.search(
            x[rows[here]], x[among], m, at=at, bias=torch.as_tensor(bias)[among]
        )
        index[here, :m] = among[found]
        own_rows = rows[here].repeat_interleave(m).numpy()
        value[here, :m] = torch.as_tensor(pairs(x, own_rows, among[found].flatten().numpy())).view(
            -1, m
        )
    return index, value


def pairs(x, i, j) -> np.ndarray:
    """Inner products of rows i[t] and j[t] of x, (t,); the same numbers as in the lists."""
    from vireid.compiled import in_threads
    from vireid.neighbours import loops

    out = np.empty(len(i), dtype=np.float32)
    i, j = (np.asarray(a, dtype=np.int64) for a in (i, j))
    in_threads(loops.pairs, [(x.numpy(), i, j, part, out) for part in _split(0, len(i))])
    return out
