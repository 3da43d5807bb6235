"""Where neighbours come from: features (searched) or a similarity matrix (sorted)."""

import warnings

import numpy as np
import torch

from vireid.arguments import check_count, tensor_of
from vireid.neighbours import peers, plain, tiles

BACKENDS = ("auto", "torch", "tiles", "bfloat16", "faiss", "faiss-ivf")
TILED = ("tiles", "bfloat16")
TILES_FROM = 2000  # fewer rows are searched before the compiled loops are even loaded
ROUNDED_FROM = 128  # columns from which a product costs more than the candidates it saves
UNIT = 2e-7  # rows whose norm is this close to 1 are taken as unit rows, without a copy


def name_rows(bad, limit: int = 5) -> str:
    """'rows 3, 17 (2 in all)' for a boolean mask, for error messages."""
    rows = np.flatnonzero(np.asarray(bad)).tolist()
    shown = ", ".join(map(str, rows[:limit])) + (", ..." if len(rows) > limit else "")
    return f"row{'s' * (len(rows) > 1)} {shown} ({len(rows)} in all)"


def as_tensor(x) -> torch.Tensor:
    """Return x as a tensor without history; read-only or reversed arrays are copied."""
    return tensor_of(x).detach()


def as_rows(x, name: str = "x") -> tuple[torch.Tensor, torch.Tensor]:
    """Return x as a float tensor (n, d) on its own device, and its row norms (n,).

    Half precision and integers become float32; float64 stays. Raises ValueError when x is not a
    table, is empty, or holds NaN, infinity or zero rows (named by number).
    """
    x = as_tensor(x)
    if x.ndim != 2 or 0 in x.shape:
        raise ValueError(
            f"{name} has shape {tuple(x.shape)}; give one feature row per image (n, d)"
        )
    if x.dtype != torch.float64:
        x = x.to(torch.float32)
    norm = torch.linalg.vector_norm(x, dim=1)
    bad = ~norm.isfinite()
    if bad.any():
        raise ValueError(
            f"{name_rows(bad.cpu())} of {name} hold NaN, infinity or numbers too large to square; "
            "drop those images or repair the network that made them"
        )
    if (norm == 0).any():
        raise ValueError(f"{name_rows((norm == 0).cpu())} of {name} are zero; drop those images")
    return x, norm


def unit_rows(x, name: str = "x") -> torch.Tensor:
    """Return x with rows of norm 1; checks as ``as_rows``."""
    x, norm = as_rows(x, name)
    return x if (norm - 1).abs().max() <= UNIT else x / norm[:, None]


def clamp(k: int, n: int, *, what: str = "k") -> int:
    """K, or n with a warning when there are only n images to choose from."""
    k = check_count(k, what, "of neighbours, at least 1 (oneself)")
    if k > n:
        warnings.warn(f"{what}={k} but only {n} images to choose from: using {n}", stacklevel=3)
    return min(k, n)


def nearest(x, k: int, *, among=None, backend: str = "auto", normalise: bool = True):
    """The k nearest rows of each row by cosine, best first, the row itself included (as first).

    Parameters
    ----------
    x : (n, d) features, numpy or torch, any device
    k : how many, oneself counted; more than there are is clamped with a warning
    among : whom to choose from: None all rows of x, a boolean mask (n,) or row numbers (m,) of x
        (a row outside them does not find itself), or another table of features (m, d)
    backend : how to search. "auto" picks the fastest exact one; see ``BACKENDS``
    normalise : False compares by plain inner product (oneself then need not come first)

    Returns
    -------
    index (n, k) int64, similarity (n, k) in [-1, 1], like x in kind and device. Ties fall by index.

    Raises
    ------
    ValueError for rows with NaN, infinity or zeros, a bad k, an empty ``among``, unknown backend.
    """
    source = Features(x, normalise=normalise, backend=backend)
    if among is None:
        found = source.nearest(clamp(k, source.n))
    else:
        found = _nearest_among(source, k, among, normalise)
    return tuple(a.numpy() for a in found) if isinstance(x, np.ndarray) else found


def _nearest_among(source: "Features", k: int, among, normalise: bool):
    among = torch.as_tensor(among, device=source.x.device)
    if among.ndim == 2:
        base = unit_rows(among, "among") if normalise else as_rows(among, "among")[0]
        if base.shape[1] != source.x.shape[1]:
            raise ValueError(f"among has {base.shape[1]} columns but x {source.x.shape[1]}")
        return plain.search(source.x, base.to(source.x.dtype), clamp(k, len(base)))
    if among.dtype == torch.bool:
        if among.shape != (source.n,):
            raise ValueError(f"among has shape {tuple(among.shape)}; a mask needs ({source.n},)")
        among = among.nonzero().squeeze(1)
    if not among.numel():
        raise ValueError("among is empty: there is nobody to choose from")
    if among.is_floating_point() or among.min() < 0 or among.max() >= source.n:
        raise ValueError(f"among must hold row numbers of x, 0 to {source.n - 1}")
    among = among.unique().long()
    at = torch.full((source.n,), -1, device=source.x.device)
    at[among] = torch.arange(len(among), device=source.x.device)
    found, value = plain.search(
        source.x, source.x[among], clamp(k, len(among)), at=at if normalise else None
    )
    return among[found], value


def others(x, k: int) -> torch.Tensor:
    """(n, k) row numbers of each row's k nearest by cosine, nearest first, the row itself left out.

    Raises ValueError when there are not k others.
    """
    if not 1 <= k < len(x):
        raise ValueError(f"k={k} neighbours of {len(x)} images; k must be in 1..{len(x) - 1}")
    index = torch.as_tensor(nearest(x, k + 1)[0])
    oneself = index == torch.arange(len(index), device=index.device)[:, None]
    to_end = oneself.byte().argsort(dim=1, stable=True)  # among k + 1 equals one may be missing
    return index.gather(1, to_end)[:, :k]


class Features:
    """Neighbours by searching feature rows.

    Parameters
    ----------
    x : (n, d) features
    normalise : compare unit rows (by cosine). False keeps the rows as they are
    rank : what orders rows that are not of unit norm, "inner" product or "euclidean" distance;
        similarities are inner products in both cases
    backend : see ``nearest``
    """

    def __init__(self, x, *, normalise=True, rank="inner", backend="auto"):
        if backend not in BACKENDS:
            raise ValueError(f"backend={backend!r}; known: {', '.join(BACKENDS)}")
        self.x = (unit_rows(x) if normalise else as_rows(x)[0]).contiguous()
        self.n = len(self.x)
        self.backend = backend
        if backend.startswith("faiss") and not normalise:
            raise ValueError(f"backend={backend!r} compares by cosine only; leave normalise=True")
        euclidean = not normalise and rank == "euclidean"
        self.bias = -self.x.square().sum(1) / 2 if euclidean else None
        self.self_first = normalise or euclidean

    def nearest(self, k: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Index and similarity (n, k) of everyone's k nearest."""
        way = self._way()
        if way in TILED:
            return self._tiled([k], None, way)[0]
        if way.startswith("faiss"):
            return peers.search(self.x, k, approximate=way == "faiss-ivf")
        at = torch.arange(self.n, device=self.x.device) if self.self_first else None
        return plain.search(self.x, self.x, k, at=at, bias=self.bias)

    def own_other(self, k_own: int, k_other: int, group):
        """The k_own nearest of one's own group and the k_other nearest outside of it.

        Two pairs (index, similarity); lists that run out end in -1 and -inf.
        """
        group = torch.as_tensor(group, device=self.x.device)
        way = self._way()
        if way in TILED:
            return self._tiled([k_own, k_other], group.numpy(), way)
        return plain.own_other(
            self.x, k_own, k_other, group, bias=self.bias, self_first=self.self_first
        )

    def _way(self) -> str:
        """The backend to use: what was asked for, or the fastest exact one."""
        able = self.x.device.type == "cpu" and self.x.dtype == torch.float32
        if self.backend in TILED and not able:
            raise ValueError(
                f"backend={self.backend!r} needs float32 on the CPU, not {self.x.dtype} on "
                f"{self.x.device}; use backend='torch'"
            )
        if self.backend != "auto":
            return self.backend
        if not able or self.n < TILES_FROM:
            return "torch"
        wide = self.x.shape[1] >= ROUNDED_FROM
        return "bfloat16" if wide and tiles.bfloat16_is_fast() else "tiles"

    def _tiled(self, widths, group, way: str):
        return tiles.search(
            self.x,
            widths,
            group=group,
            bias=self.bias,
            self_first=self.self_first,
            rounded=way == "bfloat16",
        )

    def pairs(self, i, j) -> np.ndarray:
        """Similarities of the pairs (i[t], j[t])."""
        if self._way() in TILED:
            return tiles.pairs(self.x, i, j)
        i, j = (torch.as_tensor(a, device=self.x.device) for a in (i, j))
        return plain.pairs(self.x, i, j).cpu().numpy()


class Similarities:
    """Neighbours by sorting a given similarity matrix (n, n); row i belongs to image i.

    Raises ValueError when the matrix is not square or holds NaN or infinity.
    """

    def __init__(self, similarity):
        s = as_tensor(similarity)
        if s.ndim != 2 or s.shape[0] != s.shape[1] or not len(s):
            raise ValueError(
                f"similarity has shape {tuple(s.shape)}; give one square matrix (n, n)"
            )
        bad = ~s.isfinite().all(1)
        if bad.any():
            raise ValueError(f"{name_rows(bad.cpu())} of similarity hold NaN or infinity")
        self.s, self.n = s.float() if s.dtype == torch.bfloat16 else s, len(s)  # numpy has none

    def _top(self, score: torch.Tensor, k: int):
        k = min(k, self.n)
        value, index = score.sort(dim=1, descending=True, stable=True)
        value, index = value[:, :k], index[:, :k]
        return torch.where(value.isinf(), -1, index), value

    def nearest(self, k: int):
        """As ``Features.nearest``; ties fall by index, oneself included."""
        return self._top(self.s, k)

    def own_other(self, k_own: int, k_other: int, group):
        """As ``Features.own_other``."""
        group = torch.as_tensor(group, device=self.s.device)
        same = group[:, None] == group[None]
        return [
            self._top(self.s.to(torch.float64).masked_fill(~allowed, -torch.inf), k)
            for allowed, k in ((same, k_own), (~same, k_other))
        ]

    def pairs(self, i, j) -> np.ndarray:
        """As ``Features.pairs``."""
        i, j = (torch.as_tensor(a, device=self.s.device, dtype=torch.int64) for a in (i, j))
        return self.s[i, j].cpu().numpy()
