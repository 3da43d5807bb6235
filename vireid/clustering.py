"""DBSCAN on a precomputed distance, and the prototypes of the clusters it finds."""

import numpy as np
import torch
from scipy.sparse import coo_array, csr_array, issparse
from scipy.sparse.csgraph import connected_components

from vireid.arguments import as_array, check_count, check_outliers, whole_numbers, widened
from vireid.neighbours import as_tensor, name_rows
from vireid.types import PseudoLabels


class NoClustersError(ValueError):
    """Every image is an outlier, so there is nothing to learn from."""


def consecutive(label: np.ndarray) -> np.ndarray:
    """The labels that are there, renumbered 0..K-1 in ascending order; negative ones become -1."""
    there = np.unique(label[label >= 0])
    return np.where(label >= 0, np.searchsorted(there, label), -1)


def dbscan(distance, *, eps: float, min_samples: int = 4):
    """Density clusters: labels (n,) int64, 0..K-1 in order of their first core image, -1 outlier.

    An image is core when at least ``min_samples`` images, itself counted, lie within distance <=
    ``eps``. Core images within eps of each other share a cluster; any other image within eps of
    core images joins the lowest-numbered of their clusters. Labels equal scikit-learn's.

    Parameters
    ----------
    distance : (n, n) symmetric. Sparse (absent pairs are at distance 1, so eps < 1; explicit zeros
        count, the diagonal need not be stored), or dense, numpy or torch
    eps : radius, in the unit of distance, rounded to its precision; of float64 also what single
        precision takes for it, so that a graph and its dense copy of either have the same labels
    min_samples : images that make a dense spot

    Raises
    ------
    ValueError for NaN or infinity, a non-square matrix, eps <= 0, eps >= 1 on sparse input, or a
    sparse graph that was cut at a smaller eps.

    Source: Ester et al., KDD 1996.
    """
    if eps is None or not eps > 0:
        raise ValueError(f"eps={eps}; give a radius > 0")
    check_count(min_samples, "min_samples", ">= 1 (the image itself)")
    row, column, n = _close_pairs(distance, eps)
    core = np.bincount(row, minlength=n) >= min_samples
    both = core[row] & core[column]
    graph = coo_array((np.ones(both.sum(), np.int8), (row[both], column[both])), shape=(n, n))
    component = connected_components(graph, directed=False)[1]
    label = np.full(n, -1, dtype=np.int64)
    label[core] = _in_order_of_appearance(component[core])
    edge = core[column] & ~core[row]  # row is no core image but within reach of one
    lowest = np.full(n, n, dtype=np.int64)
    np.minimum.at(lowest, row[edge], label[column[edge]])
    label[lowest < n] = lowest[lowest < n]
    return torch.as_tensor(label, device=distance.device) if torch.is_tensor(distance) else label


def centroids(x: torch.Tensor, label: torch.Tensor, name: str = "labels") -> torch.Tensor:
    """Mean row of each cluster without its outliers, (K, d), *not* normalised; of x's type.

    Half precision is summed in float32.
    Raises NoClustersError when all are outliers, ValueError when a number below K has no image.
    Source: MULT (arXiv 2402.00672), released code; its eq. 1 has memory rows of norm 1.
    """
    kept = label >= 0
    if not kept.any():
        raise NoClustersError(
            f"{name}: all {len(label)} images are outliers; raise eps or lower min_samples"
        )
    number, size = label[kept].unique(return_counts=True)
    if (gap := number != torch.arange(len(number), device=label.device)).any():
        raise ValueError(
            f"{name} reach {int(number[-1])} and skip {int(gap.nonzero()[0])}; number the "
            "clusters 0 to K-1 without gaps"
        )
    rows = widened(x[kept])
    total = rows.new_zeros(len(size), x.shape[1]).index_add(0, label[kept], rows)
    mean = total / size[:, None]
    return mean.to(x.dtype) if x.is_floating_point() else mean


def prototypes(x, labels):
    """Unit mean of each cluster's rows, (K, d); like x in kind, device and precision.

    Half precision is summed and measured in float32.

    Parameters
    ----------
    x : (n, d) features
    labels : (n,) 0..K-1 without gaps, -1 outliers (left out); array, tensor or ``PseudoLabels``

    Raises
    ------
    NoClustersError when there are only outliers. ValueError for NaN rows, lengths that differ,
    labels that are no whole numbers or below -1, a label nobody has, a cluster whose rows cancel,
    or one whose sum or length is beyond the precision's range.

    Source: Dai et al. 2022, Cluster Contrast (arXiv 2103.11568), memory initialisation.
    """
    table = x if torch.is_tensor(x) else as_tensor(x)
    labels = labels.label if isinstance(labels, PseudoLabels) else labels
    label = torch.as_tensor(whole_numbers(labels, "labels"), device=table.device)
    if table.ndim != 2 or label.shape != (len(table),):
        raise ValueError(f"x is {tuple(table.shape)} and labels {tuple(label.shape)}: (n, d), (n,)")
    check_outliers(label, "labels")
    bad = ~table[label >= 0].isfinite().all(1)
    if bad.any():
        raise ValueError(f"{name_rows(bad.cpu())} of the clustered x hold NaN or infinity")
    mean = centroids(widened(table), label)
    norm = torch.linalg.vector_norm(mean, dim=1, keepdim=True)
    if (norm == 0).any():
        raise ValueError(f"{name_rows((norm[:, 0] == 0).cpu())} of the prototypes are zero")
    if (large := ~norm[:, 0].isfinite()).any():
        raise ValueError(
            f"{name_rows(large.cpu())} of the prototypes are too large for {mean.dtype}; normalise "
            "the rows of x"
        )
    result = mean / norm
    result = result.to(table.dtype) if table.is_floating_point() else result
    return result.numpy() if isinstance(x, np.ndarray) else result


def _close_pairs(distance, eps: float) -> tuple[np.ndarray, np.ndarray, int]:
    """Row and column numbers of all pairs within eps, oneself included."""
    if torch.is_tensor(distance):
        distance = as_array(distance)
    if distance.ndim != 2 or distance.shape[0] != distance.shape[1]:
        raise ValueError(f"distance has shape {distance.shape}; give a square matrix (n, n)")
    n = distance.shape[0]
    if issparse(distance):
        if eps >= 1:
            raise ValueError(f"eps={eps}; absent pairs are at distance 1, so eps must be below 1")
        if eps > getattr(distance, "eps", 1):
            raise ValueError(f"eps={eps}, but this graph was cut at eps={distance.eps}")
        graph = csr_array(distance)
        row = np.repeat(np.arange(n), np.diff(graph.indptr))
        column, value = graph.indices, graph.data
        close = _within(value, eps, row)
        row, column = row[close], column[close]
    else:
        row, column = _within(distance, eps, np.arange(n)[:, None]).nonzero()
    apart = row != column
    own = np.arange(n)
    return np.append(row[apart], own), np.append(column[apart], own), n


def _within(value: np.ndarray, eps: float, row: np.ndarray) -> np.ndarray:
    if value.dtype.kind != "f":
        value = value.astype(np.float64)
    bad = ~np.isfinite(value)
    if bad.any():
        rows = np.zeros(int(row.max()) + 1, dtype=bool)
        rows[np.broadcast_to(row, value.shape)[bad]] = True
        raise ValueError(f"{name_rows(rows)} of distance hold NaN or infinity")
    return value <= max(value.dtype.type(eps), value.dtype.type(np.float32(eps)))


def _in_order_of_appearance(component: np.ndarray) -> np.ndarray:
    """Renumber components 0, 1, ... in the order in which they first occur."""
    _, first, inverse = np.unique(component, return_index=True, return_inverse=True)
    return first.argsort().argsort()[inverse]


def split_proxies(label: np.ndarray, part: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Number the non-empty (cluster, part) pairs in cluster order.

    Parameters
    ----------
    label : (n,) cluster of each image, -1 outlier
    part : (n,) 0 or 1; the modality for split prototypes, all zero for one prototype per cluster

    Returns
    -------
    (n,) proxy of each image (-1 for outliers), and (P,) cluster of each proxy; C <= P <= 2 C
    """
    key = np.where(label >= 0, 2 * label + part, -1)
    pairs, proxy = np.unique(key, return_inverse=True)
    if pairs[0] < 0:
        pairs, proxy = pairs[1:], proxy - 1
    return proxy, pairs // 2
