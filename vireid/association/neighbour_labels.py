"""Soft labels from neighbours: how far an image's neighbourhood and a cluster are one set."""

import torch
from torch import Tensor

from vireid.association.rows import as_labels


def neighbour_labels(index: Tensor, labels, *, clusters: int) -> Tensor:
    r"""Share of every cluster in an image's neighbourhood, by intersection over union.

    .. math:: s_{ik} = \frac{|N_i \cap C_k|}{|N_i \cup C_k|}, \quad
              \hat y_{ik} = s_{ik} / \sum_l s_{il}

    Parameters
    ----------
    index : (n, m) rows of each image's m neighbours N_i among the labelled images; an image may be
        its own neighbour
    labels : (N,) clusters of the images that ``index`` counts, 0..K-1; -1 outliers are in no C_k
    clusters : K

    Returns (n, K) float32 on the index's device; rows sum to 1, or to 0 where all neighbours are
    outliers. Raises ValueError for wrong shapes, labels of K or more and neighbours out of range.
    Source: N-ULC (AAAI 2025), released code. Differs: it divides by 0 where all are outliers.
    """
    index = torch.as_tensor(index)
    if index.ndim != 2 or not index.shape[1]:
        raise ValueError(f"index has shape {tuple(index.shape)}; give one row of neighbours each")
    labels = as_labels(labels, torch.empty(len(labels), device=index.device), "labels")
    if len(labels) and int(labels.max()) >= clusters:
        raise ValueError(f"labels reach {int(labels.max())}, but clusters={clusters}")
    if index.min() < 0 or index.max() >= len(labels):
        raise ValueError(f"index holds {int(index.min())} to {int(index.max())}: rows of labels")
    column = torch.where(labels < 0, clusters, labels)  # outliers count in a column of their own
    size = column.bincount(minlength=clusters + 1)[:clusters]
    counts = torch.zeros(len(index), clusters + 1, device=index.device)
    counts.scatter_add_(1, column[index], torch.ones(index.shape, device=index.device))
    share = counts[:, :clusters]
    share = share / (index.shape[1] - share + size)
    return share / share.sum(1, keepdim=True).clamp(min=torch.finfo(share.dtype).tiny)
