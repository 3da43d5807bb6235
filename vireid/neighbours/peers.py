"""Searches by faiss: exact for comparison, approximate for tables too large to search in full."""

import warnings

import numpy as np
import torch

from vireid.neighbours import plain

CELLS_FROM = 1000  # fewer rows are not worth cutting into cells
VISITED = 16  # one in so many cells is visited


class ApproximateSearch(UserWarning):
    """A search whose lists may miss true neighbours was asked for; the text gives its recall."""


def search(x: torch.Tensor, k: int, *, approximate: bool = False):
    """Index and similarity (n, k) of unit rows x; the approximate search warns with its recall."""
    import faiss

    table = x.cpu().float().numpy()
    n, d = table.shape
    engine = faiss.IndexFlatIP(d)
    if approximate and n >= CELLS_FROM:
        cells = int(4 * n**0.5)
        engine = faiss.IndexIVFFlat(engine, d, cells, faiss.METRIC_INNER_PRODUCT)
        engine.cp.min_points_per_centroid = 1
        engine.train(table)
        engine.nprobe = max(1, cells // VISITED)
    engine.add(table)
    score, candidate = map(torch.as_tensor, engine.search(table, min(n, k + plain.SPARE)))
    least, candidate = score[:, -1].to(x.device), candidate.to(x.device)
    index, value = torch.empty_like(candidate[:, :k]), x.new_empty((n, k))
    row = torch.arange(n, device=x.device)
    found_self = (candidate == row[:, None]).any(1)
    candidate[~found_self, -1] = row[~found_self]  # more copies of the row than candidates
    short = (candidate < 0).any(1)  # the visited cells held too few
    for part in row[~short].split(max(1, plain.BLOCK // (d * candidate.shape[1]))):
        index[part], value[part] = plain.best_of(x[part], x, candidate[part], k, at=part)
    if not approximate and k + plain.SPARE < n:  # the last one may tie with others left out
        short |= least + plain.ROUNDING * torch.finfo(torch.float32).eps >= value[:, -1]
    if short.any():
        index[short], value[short] = plain.search(x[short], x, k, at=row[short])
    if approximate:
        warnings.warn(_recall(x, index), ApproximateSearch, stacklevel=4)
    return index, value


def _recall(x: torch.Tensor, index: torch.Tensor) -> str:
    k = index.shape[1]
    sample = torch.as_tensor(np.linspace(0, len(x) - 1, min(len(x), 256)), device=x.device).long()
    truth, _ = plain.search(x[sample], x, k, at=sample)
    hits = (index[sample][:, :, None] == truth[:, None]).any(1)
    return (
        f"backend='faiss-ivf' is approximate: it found {hits.double().mean():.1%} of the {k} true "
        f"neighbours of {len(sample)} sampled rows"
    )
