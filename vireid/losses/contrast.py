"""Contrast with prototypes: be close to your cluster's, far from all the others. Values in nats."""

import warnings

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, relu

from vireid.arguments import LabelError, check_labels, check_rows, check_whole, tensor_of, unit_rows
from vireid.memory import Moving


def cluster_contrast(
    x: Tensor,
    target: Tensor,
    prototypes: Tensor,
    *,
    temperature: float,
    weight: Tensor | None = None,
) -> Tensor:
    r"""Pull each embedding to its cluster's prototype and push it from all the others.

    .. math:: \ell = -\tfrac1b \sum_i \sum_k y_{ik} \log \operatorname{softmax}(f_i P^\top / \tau)_k

    Parameters
    ----------
    x : (b, d) features, normalised inside to f
    target : (b,) cluster of each row, 0..K-1, or (b, K) soft labels, rows summing to 1
    prototypes : (K, d), used as they are (a memory keeps unit rows); a constant for gradients, or
        what ``Memory.seen_by`` gives
    temperature : tau > 0
    weight : (b,) of each row's loss before the mean over the batch; None = all 1

    Returns a scalar >= 0; with a single prototype 0 and no gradient, with a warning.
    Raises ValueError for NaN, wrong shapes, an empty batch, tau <= 0, and soft labels that are no
    distributions; LabelError (also an IndexError) for outliers and clusters beyond the memory.
    Source: Dai et al. 2022, Cluster Contrast (arXiv 2103.11568); DMDL eq. 1; BMIL eq. 1-3; soft
    targets as in MULT eq. 14-17. Differs: BMIL's paper sums over the batch, its code averages.
    """
    return contrast_of_logits(scores(x, prototypes, temperature), target, weight)


def contrast_of_logits(logits: Tensor, target: Tensor, weight: Tensor | None = None) -> Tensor:
    """``cluster_contrast`` from its logits (b, K), for a step that uses them elsewhere too."""
    if logits.shape[1] == 1:
        warnings.warn("one cluster only: nothing to be far from, the loss is 0", stacklevel=3)
    target = check_target(target, logits)
    if weight is None:
        return cross_entropy(logits, target)
    weight = tensor_of(weight, logits.device)
    if weight.shape != logits.shape[:1]:
        raise ValueError(f"weight has shape {tuple(weight.shape)}, expected {(len(logits),)}")
    return (weight.detach().to(logits) * cross_entropy(logits, target, reduction="none")).mean()


def hinged_contrast(
    x: Tensor,
    target: Tensor,
    mean: Tensor,
    hard: Tensor,
    *,
    temperature: float,
    hinge: float = 0.2,
) -> Tensor:
    r"""Contrast with both banks of a hybrid memory; the mean bank rests once it is satisfied.

    .. math:: \ell = \tfrac12 [\mathrm{CE}(M^{hard}) + \max(0, \mathrm{CE}(M^{mean}) - h)]

    Parameters
    ----------
    x, target, temperature : as in ``cluster_contrast``
    mean, hard : (K, d) the two banks, or what ``HybridMemory.seen_by`` gives
    hinge : h >= 0 in nats, subtracted from the *batch mean* of the mean bank's loss

    Raises as ``cluster_contrast``, and ValueError for hinge < 0.
    Source: BMIL, released code (option CMhybrid). Differs: the paper has one bank and no hinge.
    """
    if hinge < 0:
        raise ValueError(f"hinge={hinge} must be >= 0 nats; BMIL's code uses 0.2")
    mean_loss, hard_loss = (
        cluster_contrast(x, target, bank, temperature=temperature) for bank in (mean, hard)
    )
    return 0.5 * (hard_loss + relu(mean_loss - hinge))


def multi_positive(
    x: Tensor,
    target_cluster: Tensor,
    proxies: Tensor,
    proxy_cluster: Tensor,
    *,
    temperature: float,
    keep: int = 50,
) -> Tensor:
    r"""Contrast with split prototypes: all proxies of an image's cluster are positives.

    .. math:: \ell = \tfrac1b \sum_i -\tfrac{1}{|\mathcal P_i|} \sum_{p \in \mathcal P_i}
              \Big(a_{ip} - \log \sum_{j \in \mathcal S_i} e^{a_{ij}}\Big), \; a = f K^\top / \tau

    Parameters
    ----------
    x : (b, d) features, normalised inside
    target_cluster : (b,) cluster of each image; it must have a proxy
    proxies : (P, d) prototypes, one or two per cluster; a constant for gradients, or what
        ``Memory.seen_by`` gives
    proxy_cluster : (P,) cluster of each proxy
    temperature : tau > 0
    keep : size of S: the positives and the highest-scoring other proxies; min(keep, P) is used

    Returns a scalar, at least the batch mean of ln |P_i|: 0.6931 with two proxies per cluster.
    The selection carries no gradient. One proxy in all, or kept, gives 0 without gradient, with a
    warning.
    Raises ValueError for NaN, shapes, tau <= 0, keep < 1 or below the number of positives;
    LabelError for outliers and for clusters without a proxy.
    Source: BMIL eq. 7; keep = 50 and the batch mean from the released code (the paper sums and
    leaves the number open).
    """
    score = scores(x, proxies, temperature)
    target = check_labels(target_cluster, len(score), None, "target_cluster").to(score.device)
    cluster = check_labels(proxy_cluster, len(proxies), None, "proxy_cluster").to(score.device)
    positive = target[:, None] == cluster[None]  # (b, P)
    positives = positive.sum(1)
    if (positives == 0).any():
        missing = target[positives == 0].unique().tolist()
        raise LabelError(f"target_cluster: clusters {missing} have no proxy")
    keep = check_whole(keep, "keep")
    if keep < int(positives.max()):
        raise ValueError(f"keep={keep} is less than the {int(positives.max())} positives of a row")
    if min(keep, len(proxies)) == 1:
        few = "one proxy" if len(proxies) == 1 else "keep=1 leaves one proxy"
        warnings.warn(f"{few} only: nothing to be far from, the loss is 0", stacklevel=2)
    first = score.detach().masked_fill(positive, torch.inf)
    selected = first.topk(min(keep, len(proxies)), dim=1).indices
    floor = score.gather(1, selected).logsumexp(1)  # (b,)
    attraction = score.masked_fill(~positive, 0).sum(1) / positives
    return (floor - attraction).mean()


def scores(x: Tensor, prototypes: Tensor | Moving, temperature: float) -> Tensor:
    """Logits f P^T / tau (b, K), single precision or better; checks its arguments.

    P is a constant, or a memory that moves in the backward pass (``Memory.seen_by``).
    """
    if not temperature > 0:
        raise ValueError(f"temperature={temperature} must be positive; the papers use 0.05")
    x, moving = unit_rows(x, "x"), isinstance(prototypes, Moving)
    if not moving:
        prototypes = check_rows(prototypes, "prototypes").detach()
    if not len(x) or not len(prototypes):
        raise ValueError(f"x has {len(x)} rows and prototypes {len(prototypes)}: nothing to learn")
    if x.shape[1] != prototypes.shape[1]:
        raise ValueError(f"x has shape {tuple(x.shape)}, prototypes {tuple(prototypes.shape)}")
    with torch.autocast(x.device.type, enabled=False):
        cosine = prototypes.similarity(x) if moving else x @ prototypes.to(x).T
        return cosine / temperature


def check_target(target: Tensor, score: Tensor) -> Tensor:
    """Hard labels (b,) or soft labels (b, K) for scores (b, K): checked, detached, beside them."""
    n, clusters = score.shape
    target = tensor_of(target, score.device).detach()
    if target.ndim != 2:
        return check_labels(target, n, clusters, "target")
    if target.shape != (n, clusters):
        raise ValueError(f"target has shape {tuple(target.shape)}, expected {(n, clusters)}")
    target = check_rows(target, "target").to(score.dtype)
    if (target < 0).any() or ((target.sum(1) - 1).abs() > 1e-4).any():
        raise ValueError("target: soft labels must be >= 0 and each row must sum to 1 (+- 1e-4)")
    return target
