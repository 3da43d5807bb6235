"""Products with affinities whose rows sum to 1, dense or sparse, whichever is faster."""

import warnings
from itertools import pairwise

import numpy as np
import torch
from scipy.sparse import csr_array, issparse
from torch import Tensor

from vireid.arguments import tensor_of
from vireid.gemm import times_transposed

LARGE = 2**26  # multiplications from which a sparse product is worth more than one line
DENSE_FROM = 0.12  # share of stored entries above which dense matrices are multiplied faster
DENSE_UP_TO = 2**27  # entries of a dense matrix on a GPU: half a GB
ROWS = 512  # that are made dense at a time on a CPU
WIDTH = 128  # labels multiplied at a time, so that the table's part stays in the cache


class Affinity:
    """Multiplies by a matrix whose rows are divided by their sums, without storing the quotient.

    A row of zeros keeps its own labels within a modality and takes the average across.
    """

    def __init__(self, s, rows: Tensor, columns: int, name: str):
        """``rows``: labels of the images in rows, whose precision and device count."""
        if tuple(s.shape) != (len(rows), columns):
            raise ValueError(f"{name} is {tuple(s.shape)}; it must be ({len(rows)}, {columns})")
        self.s = _matrix(s, rows)
        total = _product(self.s, rows.new_ones(columns, 1))  # (n, 1)
        if not total.isfinite().all() or _least(self.s) < 0:
            raise ValueError(f"{name} holds NaN, infinite or negative entries; affinities are >= 0")
        self.alone = total[:, 0] == 0
        self.scale = 1 / total.masked_fill(self.alone[:, None], 1)
        self.loop = name in ("s_intra", "s_cross")
        if self.alone.any() and not self.loop:
            warnings.warn(
                f"{int(self.alone.sum())} rows of {name} are zero; they take the average label",
                RuntimeWarning,
                stacklevel=4,
            )

    def __call__(self, z: Tensor) -> Tensor:
        """(columns, k) -> (rows, k) weighted means of z."""
        out = _product(self.s, z).mul_(self.scale)
        if self.alone.any():
            out[self.alone] = z[self.alone] if self.loop else z.mean(0)
        return out


def _product(s: Tensor | csr_array, z: Tensor) -> Tensor:
    """Return s @ z (n, k)."""
    if not issparse(s):  # a plan and its transpose are equally fast this way round
        return times_transposed(z.T, s).T if s.layout == torch.strided else s @ z
    if s.nnz * z.shape[1] < LARGE:
        return torch.from_numpy(s @ z.numpy())
    return (_by_blocks if s.nnz > DENSE_FROM * s.shape[0] * s.shape[1] else _by_loops)(s, z)


def _by_blocks(s: csr_array, z: Tensor) -> Tensor:
    """Sparse rows made dense, some at a time, and multiplied as such."""
    flipped, out = z.T.contiguous(), z.new_empty(z.shape[1], s.shape[0])
    buffer = np.empty((ROWS, s.shape[1]), dtype=s.dtype)
    for start in range(0, s.shape[0], ROWS):
        rows = s[start : start + ROWS]
        block = rows.toarray(out=buffer[: rows.shape[0]])
        out[:, start : start + ROWS] = times_transposed(flipped, torch.from_numpy(block))
    return out.T


def _by_loops(s: csr_array, z: Tensor) -> Tensor:
    """Compiled loops over stored entries, several times as fast as torch's."""
    from vireid.association import loops
    from vireid.compiled import in_threads

    cuts = np.searchsorted(s.indptr, np.linspace(0, s.nnz, torch.get_num_threads() + 1))
    cuts[-1] = s.shape[0]
    done = []
    for part in z.tensor_split(-(-z.shape[1] // WIDTH), dim=1):
        out = z.new_empty(s.shape[0], part.shape[1])
        given = ((s.indptr, s.indices, s.data), part.contiguous().numpy())
        in_threads(loops.product, [(*given, rows, out.numpy()) for rows in pairwise(cuts.tolist())])
        done.append(out)
    return torch.cat(done, 1)


def _matrix(s, rows: Tensor) -> Tensor | csr_array:
    """Like ``rows`` in precision and device; sparse ones in memory stay scipy's."""
    if not issparse(s):
        return tensor_of(s).to(rows)
    entries = s.shape[0] * s.shape[1]
    if rows.device.type != "cpu" and DENSE_FROM * entries < s.nnz and entries <= DENSE_UP_TO:
        return torch.as_tensor(s.toarray()).to(rows)
    s = csr_array(s, dtype=torch.empty(0, dtype=rows.dtype).numpy().dtype)
    s.check_format()
    if not s.has_canonical_format:
        s = s.copy()
        s.sum_duplicates()
    if rows.device.type == "cpu":
        return s
    parts = (torch.as_tensor(p, device=rows.device) for p in (s.indptr, s.indices, s.data))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Sparse CSR tensor support")
        return torch.sparse_csr_tensor(*parts, size=s.shape, check_invariants=False)


def _least(s: Tensor | csr_array) -> float:
    if issparse(s):
        values = torch.from_numpy(s.data)
    else:
        values = s if s.layout == torch.strided else s.values()
    return float(values.amin()) if values.numel() else 0.0
