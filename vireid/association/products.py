"""Products with affinities whose rows sum to 1, dense or sparse, whichever is faster."""

import warnings
from itertools import pairwise

import numpy as np
import torch
from scipy.sparse import issparse
from torch import Tensor

LARGE = 2**26  # multiplications from which a sparse product is worth more than one line
DENSE_FROM = 0.12  # share of stored entries above which the dense matrix is multiplied faster
DENSE_UP_TO = 2**27  # entries of a dense matrix: half a GB


class Affinity:
    """Multiplies by a matrix whose rows are divided by their sums, without storing the quotient.

    A row of zeros keeps its own labels within a modality and takes the average across.
    """

    def __init__(self, s, rows: Tensor, columns: int, name: str):
        """``rows``: labels of the images in rows, whose precision and device count."""
        if tuple(s.shape) != (len(rows), columns):
            raise ValueError(f"{name} is {tuple(s.shape)}; it must be ({len(rows)}, {columns})")
        self.s = _matrix(s, rows)
        values = self.s if self.s.layout == torch.strided else self.s.values()
        total = self.s @ rows.new_ones(columns, 1)  # (n, 1)
        if not total.isfinite().all() or (values.numel() and values.amin() < 0):
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


def _product(s: Tensor, z: Tensor) -> Tensor:
    """Return s @ z; large sparse products by compiled loops, 3 times as fast as torch's."""
    sparse = s.layout == torch.sparse_csr
    if not sparse or s.device.type != "cpu" or s.values().numel() * z.shape[1] < LARGE:
        return s @ z
    from vireid.association import loops
    from vireid.neighbours.loops import in_threads

    parts = tuple(t.numpy() for t in (s.crow_indices(), s.col_indices(), s.values()))
    cuts = np.searchsorted(parts[0], np.linspace(0, parts[0][-1], torch.get_num_threads() + 1))
    cuts[-1] = len(s)
    out = torch.empty(len(s), z.shape[1], dtype=z.dtype)
    given = (parts, z.contiguous().numpy())
    in_threads(loops.product, [(*given, rows, out.numpy()) for rows in pairwise(cuts.tolist())])
    return out


def _matrix(s, rows: Tensor) -> Tensor:
    """Like ``rows`` in precision and device, sparse if few entries are stored."""
    if not issparse(s):
        return torch.as_tensor(s).to(rows)
    entries = s.shape[0] * s.shape[1]
    if DENSE_FROM * entries < s.nnz and entries <= DENSE_UP_TO:
        return torch.as_tensor(s.toarray()).to(rows)
    s = s.tocsr()
    s.check_format()
    if not s.has_canonical_format:
        s = s.copy()
        s.sum_duplicates()
    indptr, indices = (torch.as_tensor(p, device=rows.device) for p in (s.indptr, s.indices))
    values = torch.as_tensor(s.data).to(rows)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Sparse CSR tensor support")
        return torch.sparse_csr_tensor(
            indptr, indices, values, size=s.shape, check_invariants=False
        )
