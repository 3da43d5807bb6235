"""CAI: ask both modalities' memories about every image, weighed by how common a modality is.

The modality of a picture tells something about who is on it (M -> X, M -> Y), which is a bias.
Adjusting for M replaces p(m | x) in the likelihood by the prior p(m). Values in nats.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from vireid.arguments import (
    check_labels,
    check_modality,
    check_outliers,
    check_rows,
    tensor_of,
)
from vireid.losses.contrast import check_target, scores
from vireid.types import Modality

Bank = tuple[Tensor, Tensor]  # (ids (k,), prototypes (k, d)): one modality's memory


def cai(
    x: Tensor, target: Tensor, memories: Sequence[Bank], *, prior: Tensor, temperature: float
) -> Tensor:
    r"""Negative log-likelihood of the labels under the intervention do(x).

    .. math:: \ell = -\tfrac1b \sum_i \sum_k y_{ik} \log \sum_m p(m)\, p(k \mid x_i, m)

    Parameters
    ----------
    x : (b, d) features of either modality, normalised inside
    target : (b,) unified labels, or (b, K) soft labels, rows summing to 1; no gradient
    memories : visible and infrared (ids (k,), prototypes (k, d)); constants for gradients. Together
        the ids are 0..K-1; a memory need not hold all of them
    prior : (2,) p(m) of visible and infrared, see ``modality_prior``
    temperature : tau > 0

    Returns a scalar >= 0: the log *of the sum*, not a sum of logs; the batch mean over all rows, so
    that both views of N images in one call give eq. 9's 1/(2N).
    Raises ValueError for NaN, shapes, ids that are missing in both memories or repeated in one, a
    prior that is no distribution, tau <= 0, or a label that the prior makes impossible; LabelError
    for -1 and for labels beyond K.
    Source: DMDL (arXiv 2512.03745), eq. 4-6 and, with soft labels, eq. 9.
    """
    return _surprise(log_mixture(x, memories, weight=prior, temperature=temperature), target)


def cai_of_logits(
    logits: Sequence[Tensor], ids: Sequence[Tensor], target: Tensor, *, prior: Tensor
) -> Tensor:
    """``cai`` from the logits (b, k) under each memory, for a step that uses them elsewhere too.

    ``ids`` are the memories' (k,) labels; target, prior, result and errors as in ``cai``.
    """
    return _surprise(_mixture(logits, ids, prior), target)


def likelihood(
    x: Tensor,
    target: Tensor,
    memories: Sequence[Bank],
    *,
    modality_given_x: Tensor,
    temperature: float,
) -> Tensor:
    r"""The biased counterpart of ``cai``: the memories weighed by p(m | x) (b, 2), image by image.

    .. math:: \ell = -\tfrac1b \sum_i \log \sum_m p(m \mid x_i)\, p(y_i \mid x_i, m)

    Arguments, result and errors as ``cai``. Source: DMDL eq. 7 (B.1), B.3.
    """
    log_p = log_mixture(x, memories, weight=modality_given_x, temperature=temperature)
    return _surprise(log_p, target)


def log_mixture(
    x: Tensor, memories: Sequence[Bank], *, weight: Tensor, temperature: float
) -> Tensor:
    r"""(b, K) log of the memories' softmax predictions, mixed: log sum_m w_m p(k | x, m).

    A memory's softmax runs over the ids it has; an id it lacks has probability 0 there.
    ``weight`` is (2,) for all rows alike or (b, 2); the other arguments as in ``cai``.
    Source: DMDL eq. 5-6 (weights p(m)), eq. 7 (weights p(m | x)).
    """
    logits = [scores(x, prototypes, temperature) for _, prototypes in memories]
    return _mixture(logits, [ids for ids, _ in memories], weight)


def modality_prior(label: Tensor, modality: Tensor, *, kind: str = "count") -> Tensor:
    """(2,) p(m): each modality's share of the images that have a label this epoch, or one half.

    Parameters
    ----------
    label : (n,) unified labels after propagation, -1 outlier ; modality : (n,) 0 or 1
    kind : "count" or "uniform"

    Raises ValueError for lengths that differ, labels below -1, modalities that are neither 0 nor 1,
    an unknown kind, or when no image has a label.
    Source: DMDL, released code (count; 0.5 / 0.5 stands there commented out).
    """
    label = tensor_of(label)
    modality = tensor_of(modality, device=label.device)
    if kind not in ("count", "uniform"):
        raise ValueError(f"kind={kind!r}; known: count, uniform")
    if label.shape != modality.shape or not (label >= 0).any():
        raise ValueError(
            f"label of shape {tuple(label.shape)} with {int((label >= 0).sum())} labelled images, "
            f"modality of shape {tuple(modality.shape)}; need equal lengths and a labelled image"
        )
    check_outliers(label, "label")
    check_modality(modality)
    if kind == "uniform":
        return torch.full((len(Modality),), 1 / len(Modality), device=label.device)
    counts = torch.stack([((modality == own) & (label >= 0)).sum() for own in Modality])
    return counts / counts.sum()


def nwgm(logits: Sequence[Tensor], weight: Tensor) -> Tensor:
    r"""Normalised weighted geometric mean of the modalities' softmax predictions, (b, K).

    .. math:: \operatorname{norm} \prod_m \operatorname{softmax}(z^m)^{w_m}
              = \operatorname{softmax}\Big(\sum_m w_m z^m\Big)

    Parameters
    ----------
    logits : per modality (b, K), f P^T / tau ; weight : (modalities,) or (b, modalities)

    It moves the softmax outside the mixture and so justifies one shared prototype per label.
    Raises ValueError for shapes that differ, NaN, and weights that are no distribution.
    Source: DMDL eq. 11, B.4-B.6.
    """
    logits = [check_rows(z, "logits") for z in logits]
    if len({z.shape for z in logits}) != 1:
        raise ValueError(f"logits have shapes {[tuple(z.shape) for z in logits]}; need equal ones")
    stack = torch.stack(logits, 1)  # (b, modalities, K)
    return (_distribution(weight, stack)[..., None] * stack).sum(1).softmax(1)


def _mixture(logits: Sequence[Tensor], ids: Sequence[Tensor], weight: Tensor) -> Tensor:
    """(b, K) log of the mixed predictions, from each memory's logits (b, k) for its ids."""
    ids = [_ids(own, z.shape[1]) for own, z in zip(ids, logits, strict=True)]
    clusters = _unified(ids)
    parts = []
    for own, z in zip(ids, logits, strict=True):
        log_p = z.log_softmax(1)
        absent = log_p.new_full((len(log_p), clusters), -torch.inf)
        parts.append(absent.index_copy(1, own.to(log_p.device), log_p))
    log_p = torch.stack(parts, 1)  # (b, 2, K)
    mixed = _distribution(weight, log_p).log()[..., None] + log_p
    unknown = mixed.detach().isinf().all(1)  # (b, K); logsumexp of these alone has a NaN gradient
    mixed = mixed.masked_fill(unknown[:, None], 0).logsumexp(1)
    return mixed.masked_fill(unknown, -torch.inf)


def _surprise(log_p: Tensor, target: Tensor) -> Tensor:
    """Mean cross entropy; entries without target weight are left out, so 0 * inf never occurs."""
    target = check_target(target, log_p)
    if target.ndim == 1:
        target = torch.nn.functional.one_hot(target, log_p.shape[1]).to(log_p.dtype)
    used = target > 0
    if (impossible := used & log_p.detach().isinf()).any():
        row, label = impossible.nonzero()[0].tolist()
        raise ValueError(
            f"target: row {row} has label {label}, which only a modality of weight 0 knows; "
            "give it a prior above 0"
        )
    return -(target * log_p.masked_fill(~used, 0)).sum(1).mean()


def _ids(ids: Tensor, size: int) -> Tensor:
    """Checked ids of one memory of ``size`` prototypes."""
    ids = check_labels(ids, size, None, "memories: ids")
    if len(ids.unique()) < len(ids):
        raise ValueError(f"memories: {len(ids) - len(ids.unique())} ids are repeated in one memory")
    return ids


def _unified(ids: list[Tensor]) -> int:
    """K, when the ids of all memories together are 0..K-1."""
    if len(ids) != len(Modality):
        raise ValueError(f"memories: got {len(ids)}; give (ids, prototypes) of visible, infrared")
    known = set().union(*(i.tolist() for i in ids))
    if missing := sorted(set(range(max(known, default=-1) + 1)) - known):
        raise ValueError(f"memories: ids {missing} are in neither memory, their probability is 0")
    return len(known)


def _distribution(weight: Tensor, parts: Tensor) -> Tensor:
    """(1 or b, modalities) weights, checked."""
    weight = tensor_of(weight, device=parts.device).to(parts.dtype).detach()
    rows, modalities = parts.shape[:2]
    if weight.shape not in ((modalities,), (rows, modalities)):
        raise ValueError(f"weights have shape {tuple(weight.shape)}; give one per modality")
    if not ((weight >= 0).all() and ((weight.sum(-1) - 1).abs() <= 1e-4).all()):
        raise ValueError(f"weights {weight.tolist()[:4]} must be >= 0 and sum to 1: a distribution")
    return weight if weight.ndim == 2 else weight[None]
