"""Cross labels and shared prototypes: what a cluster matching means for single images.

Written for one direction (own, other); a method calls each twice.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import normalize

from vireid.arguments import check_outliers, tensor_of, widened
from vireid.association.rows import as_labels


def first_partner(matches: Sequence) -> np.ndarray:
    """First partner of each cluster, -1 for none; from a row of numbers or a list of lists."""
    if isinstance(matches, Tensor):
        matches = matches.cpu().numpy()
    lists = [np.atleast_1d(np.asarray(m, dtype=np.int64)) for m in matches]
    return np.array([m[0] if len(m) else -1 for m in lists], dtype=np.int64)


def cross_label(label: Tensor, matches: Sequence) -> Tensor:
    r"""Label of each image in the *other* modality's space, through its own cluster's partner.

    .. math:: \hat y^v = V2R[y^v], \qquad \hat y^r = R2V[y^r]_{first}

    Parameters
    ----------
    label : (n,) own labels, -1 outlier
    matches : partner of each own cluster (-1 unmatched), or a list of partners, best first

    Returns (n,) with -1 for outliers and for images of unmatched clusters.
    Raises ValueError for labels below -1, IndexError when a label has no row in ``matches``.
    Source: multi-module framework (VRA); TokenMatcher's supplement and code.
    """
    label = as_labels(label, tensor_of(label), "label")
    partner = torch.as_tensor(first_partner(matches), device=label.device)
    if len(label) and int(label.max()) >= len(partner):
        raise IndexError(
            f"label {int(label.max())} is outside a matching of {len(partner)} clusters"
        )
    padded = torch.cat([partner, partner.new_full((1,), -1)])  # an outlier's -1 reads the last, -1
    return padded[label]


def shared_prototypes(
    own: Tensor, own_label: Tensor, other: Tensor, other_cross_label: Tensor, *, clusters: int
) -> Tensor:
    r"""Mean of each own cluster and of all the other modality's images whose cross label it is.

    .. math:: \phi^{rs}_k = \operatorname{norm}
              \frac{\sum_{H^r_k} f + \sum_{\hat y^v = k} f}{\text{count}}

    Parameters
    ----------
    own, other : (n, D) and (m, D) features *before* normalisation; unit rows weigh images alike
    own_label, other_cross_label : (n,) and (m,) numbers of own clusters, or -1
    clusters : number of own clusters

    Returns (clusters, D) unit rows, zero for a cluster without images. Own = infrared gives
    phi^rs, own = visible phi^vs.
    Raises ValueError for non-finite features, wrong lengths or a label below -1, IndexError for a
    label >= clusters.
    Source: TokenMatcher's released code, which pools every cluster matched to k. Differs: its
    supplement's formula names only the first.
    """
    x = widened(torch.cat([tensor_of(own), tensor_of(other)]))
    label = torch.cat([tensor_of(v, x.device) for v in (own_label, other_cross_label)])
    if len(label) != len(x):
        raise ValueError(
            f"{len(label)} labels (own_label + other_cross_label) for {len(x)} features"
        )
    if not x.isfinite().all():
        raise ValueError("own or other holds NaN or infinite features; the network has diverged")
    check_outliers(label, "own_label or other_cross_label")
    if len(label) and int(label.max()) >= clusters:
        raise IndexError(f"label {int(label.max())} is outside the {clusters} own clusters")
    kept = label >= 0
    total = x.new_zeros(clusters, x.shape[1]).index_add(0, label[kept], x[kept])
    count = label[kept].bincount(minlength=clusters).clamp_min(1)
    return normalize(total / count[:, None], eps=1e-12)
