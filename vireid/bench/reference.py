"""The same definitions done straightforwardly: dense matrices, one image or query at a time.

What a careful engineer writes first, and the field's released code does: faiss finds neighbours,
numpy works on whole rows. Independent of the rooms it is compared with.
"""

from time import process_time

import numpy as np


def nearest(x, k: int):
    """Index and similarity (n, k) by an exact faiss index."""
    import faiss

    index = faiss.IndexFlatIP(x.shape[1])
    index.add(x)
    similarity, found = index.search(x, k)
    return found, similarity


def jaccard(x, index, k1: int = 30, k2: int = 6) -> np.ndarray:
    """Vanilla Jaccard distance (n, n) from neighbour lists (n, k1)."""
    n = len(x)
    half = index[:, : round(k1 / 2) + 1]
    mutual, half_mutual = _mutual(index), _mutual(half)
    width = half_mutual.sum(1)
    v, inside = np.zeros((n, n), dtype=np.float32), np.zeros(n, dtype=bool)
    for i in range(n):
        r = index[i, mutual[i]]
        inside[r] = True
        overlap = (inside[half[r]] & half_mutual[r]).sum(1)
        inside[r] = False
        joins = r[3 * overlap > 2 * width[r]]
        e = np.unique(np.append(r, half[joins][half_mutual[joins]]))
        weight = np.exp(2 * x[e] @ x[i] - 2)
        v[i, e] = weight / weight.sum()
    if k2 > 1:
        v = np.stack([v[index[i, :k2]].mean(0) for i in range(n)])
    return _distance(v)


def _mutual(lists) -> np.ndarray:
    """Whether i stands in the list of each member of its own."""
    return np.stack([(lists[row] == i).any(1) for i, row in enumerate(lists)])


def _distance(v) -> np.ndarray:
    """Min-sum overlap by an inverted index over columns."""
    n = len(v)
    holders = [np.flatnonzero(column) for column in v.T]
    d = np.empty((n, n), dtype=np.float32)
    for i in range(n):
        shared = np.zeros(n, dtype=np.float32)
        for g in np.flatnonzero(v[i]):
            shared[holders[g]] += np.minimum(v[i, g], v[holders[g], g])
        d[i] = np.maximum(1 - shared / (2 - shared), 0)
    return d


def labels(x, eps: float) -> np.ndarray:
    """DBSCAN labels of features."""
    return _clusters(jaccard(x, nearest(x, 30)[0]), eps)


def _clusters(d, eps: float) -> np.ndarray:
    from sklearn.cluster import DBSCAN

    return DBSCAN(eps=eps, min_samples=4, metric="precomputed").fit_predict(d)


def evaluate(similarity, query, gallery, query_camera, gallery_camera, protocol: str) -> np.ndarray:
    """Rank-1, 5, 10 and 20, mAP and mINP: a Python loop over queries.

    A query's mask, argsort and cumulative sums are numpy calls on its whole row. The released codes
    also loop over the queries, but sort the whole matrix first and keep CMC rows, which costs more.
    """
    first, precision, penalty = [], [], []
    for i, row in enumerate(similarity):
        order = np.argsort(-row, kind="stable")
        if protocol == "sysu" and query_camera[i] == 3:
            order = order[gallery_camera[order] != 2]
        if protocol == "llcm":
            mine = (gallery[order] == query[i]) & (gallery_camera[order] == query_camera[i])
            order = order[~mine]
        names = gallery[order]
        hit = names == query[i]
        if not hit.any():
            continue
        place = np.flatnonzero(hit) + 1
        precision.append((np.arange(1, len(place) + 1) / place).mean())
        penalty.append(len(place) / place[-1])
        if protocol != "regdb":
            names = names[np.sort(np.unique(names, return_index=True)[1])]
        first.append(np.flatnonzero(names == query[i])[0] + 1)
    cmc = [(np.array(first) <= rank).mean() for rank in (1, 5, 10, 20)]
    return np.array([*cmc, np.mean(precision), np.mean(penalty)])


def sinkhorn(cost, lam: float, steps: int) -> np.ndarray:
    """The plan after so many steps by POT's plain solver, in float64."""
    import ot

    n, m = cost.shape
    a, b = np.full(n, 1 / n), np.full(m, 1 / m)
    return ot.sinkhorn(a, b, cost, 1 / lam, numItermax=steps, stopThr=0, warn=False)


def mult(  # noqa: PLR0913
    v, r, labels_v, labels_r, j_v, j_r, *,
    alpha=0.2, beta=0.7, temperature=0.05, lam=25, plan=None,
):  # fmt: skip
    """MULT's four soft label tables with dense affinities, and a plan if it is there already."""
    import torch

    v, r = torch.as_tensor(v), torch.as_tensor(r)
    s_v, s_r = 1 - torch.as_tensor(j_v), 1 - torch.as_tensor(j_r)
    plan = _plan(2 - 2 * v @ r.T, lam) if plan is None else plan
    tables = []
    for own, other, label, s_own, s_other, across in (
        (v, r, labels_v, s_v, s_r, plan),
        (r, v, labels_r, s_r, s_v, plan.T),
    ):
        label = torch.as_tensor(label)
        centre = torch.stack([own[label == c].mean(0) for c in range(int(label.max()) + 1)])
        y0 = torch.softmax(own @ centre.T / temperature, 1)
        received = _plan(torch.cdist(other, centre).square(), lam).argmax(1)
        r0 = torch.nn.functional.one_hot(received, len(centre)).to(y0.dtype)
        tables += _transfer(y0, r0, s_own, s_other, across, alpha)
    sharpened = []
    for table in tables:
        hard = torch.nn.functional.one_hot(table.argmax(1), table.shape[1])
        sharpened.append((beta * hard + (1 - beta) * table).numpy())
    return sharpened


def mult_epoch(v, r, eps: float, lam: float = 25) -> tuple[list[np.ndarray], float]:
    """All of MULT's labels of an epoch from features, and the CPU seconds of two products in it.

    The plan is multiplied by two diagonal matrices, as MULT's released ``sinkhorn_solver`` does.
    """
    import torch

    distances = [jaccard(x, nearest(x, 30)[0]) for x in (v, r)]
    labels = [_clusters(d, eps) for d in distances]
    plan, seconds = _plan_by_diagonals(2 - 2 * torch.as_tensor(v) @ torch.as_tensor(r).T, lam)
    return mult(v, r, *labels, *distances, lam=lam, plan=plan), seconds


def _plan_by_diagonals(cost, lam: float):
    import torch

    a, kernel, b = _scalings(cost, lam)
    start = process_time()
    plan = torch.diag(a) @ kernel @ torch.diag(b)
    return plan, process_time() - start


def _plan(cost, lam: float):
    a, kernel, b = _scalings(cost, lam)
    return a[:, None] * kernel * b


def _scalings(cost, lam: float):
    """Sinkhorn with the released code's stopping rule: row scalings, kernel, column scalings."""
    import torch

    n, m = cost.shape
    kernel = torch.exp(-lam * cost)
    b = torch.full((m,), 1 / m)
    for step in range(500):
        a = 1 / n / (kernel @ b)
        new = 1 / m / (kernel.T @ a)
        done = step % 10 == 0 and (b / new - 1).abs().nansum() <= 0.1
        b = new
        if done:
            break
    return a, kernel, b


def _transfer(y0, r0, s_own, s_other, across, alpha: float):
    s_own, s_other, forth, back = (
        s / s.sum(1, keepdim=True) for s in (s_own, s_other, across, across.T)
    )
    y, r = y0, r0
    for _ in range(20):
        y_next = (1 - alpha) * forth @ r + alpha * y0
        r_next = (1 - alpha) * back @ y_next + alpha * r0
        y_next, r_next = (s_own @ y_next + y_next) / 2, (s_other @ r_next + r_next) / 2
        moved = max(((b - a).abs().sum() / a.sum()).item() for a, b in ((y, y_next), (r, r_next)))
        y, r = y_next, r_next
        if moved <= 1e-2:
            break
    return [y, r]
