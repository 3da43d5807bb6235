"""Soft labels from certainty: how far to trust a pseudo-label, and what to believe instead."""

import numpy as np
import torch
from torch import Tensor

from vireid.arguments import check_labels, check_rows, check_seed, tensor_of, whole_numbers
from vireid.losses.contrast import scores

KINDS = ("neg_prob", "ce")
ROUNDING = 1e-6  # what single precision leaves between equal losses, of their size or range


@torch.no_grad()
def shared_prediction(
    x: Tensor, prototypes: Tensor, *, temperature: float, keep: int | None = None
) -> Tensor:
    r"""(b, K) p(k | x) from the shared memory, without gradient.

    .. math:: p(k \mid x) = \exp(f^\top \Phi_k / \tau) / \sum_l \exp(f^\top \Phi_l / \tau)

    Parameters
    ----------
    x : (b, d), normalised inside ; prototypes : (K, d) shared prototypes Phi
    keep : the softmax is over the ``keep`` best clusters, 0 elsewhere; None = all (the paper)

    Raises ValueError as ``cluster_contrast``, and for keep < 1 (keep > K is clamped).
    Source: DMDL eq. 11. Differs: the released code keeps 10 in stage 2 and 3 in stage 1.
    """
    return truncated_softmax(scores(x, prototypes, temperature), keep)


def truncated_softmax(logits: Tensor, keep: int | None = None) -> Tensor:
    """Softmax over the ``keep`` largest logits of each row (b, K), 0 elsewhere; None = all.

    Raises ValueError for keep < 1. Source: DMDL, released code; the paper has the full softmax.
    """
    if keep is None:
        return logits.softmax(1)
    if keep < 1:
        raise ValueError(f"keep={keep} clusters; need at least 1, or None for all")
    best = logits.topk(min(keep, logits.shape[1]), dim=1)
    return torch.zeros_like(logits).scatter(1, best.indices, best.values.softmax(1))


@torch.no_grad()
def label_loss(
    x: Tensor, label: Tensor, prototypes: Tensor, *, temperature: float, kind: str = "neg_prob"
) -> Tensor:
    r"""(n,) how badly each label fits its image, by the shared memory over all clusters.

    ``kind``: "neg_prob" is -p(y | x), "ce" is -log p(y | x). Other arguments and errors as
    ``cluster_contrast``; outliers (-1) must be dropped before.
    Source: DMDL eq. 10 (ce). Differs: the released code uses neg_prob.
    """
    if kind not in KINDS:
        raise ValueError(f"kind={kind!r}; known: {', '.join(KINDS)}")
    log_p = scores(x, prototypes, temperature).log_softmax(1)
    label = check_labels(label, *log_p.shape, "label").to(log_p.device)
    log_p = log_p.gather(1, label[:, None])[:, 0]
    return -log_p if kind == "ce" else -log_p.exp()


def label_certainty(loss: Tensor, *, groups: Tensor | None = None, seed: int = 0) -> Tensor:
    """(n,) in [0, 1], like loss in kind: chance that a label is one of the well-fitting ones.

    The losses, scaled to [0, 1] over all images, are modelled by a mixture of two Gaussians; the
    result is the posterior of the one with the smaller mean.

    Parameters
    ----------
    loss : (n,) as from ``label_loss``
    groups : (n,) unified labels: one mixture per group, None = one for all. Images with -1 are left
        out everywhere and get 0
    seed : decides between equally good starts of a mixture, which only symmetric data have

    Images that cannot be told apart are trusted: one image, or losses in a group that are equal but
    for rounding (a millionth of the range of all), give 1.
    A mixture per group always splits, so even a clean group has images of low certainty.
    Raises ValueError for NaN, shapes, groups that are no whole numbers from -1. Warns
    (scikit-learn) when not converged.
    Source: DMDL eq. 10 and Section on label refinement. Differs: the paper fits one mixture; the
    released code one per cluster (SYSU-MM01, LLCM) or one (RegDB), and lets outliers in. Its start
    is k-means with random state 0, ours the optimum that k-means looks for.
    """
    given, loss = loss, tensor_of(loss)
    if loss.ndim != 1:
        raise ValueError(f"loss has shape {tuple(loss.shape)}; give one number per image")
    values = check_rows(loss[:, None], "loss")[:, 0].detach().double()
    groups = torch.zeros(len(loss)) if groups is None else whole_numbers(groups, "groups")
    groups = tensor_of(groups).long().to(values.device)
    if groups.shape != loss.shape or (groups < -1).any():
        raise ValueError(
            f"groups has shape {tuple(groups.shape)} for {len(loss)} losses; give one per image, "
            "labels from 0 or -1 for outliers"
        )
    certainty, kept = torch.zeros_like(values), groups >= 0
    seed = check_seed(seed)
    if kept.any():
        low, high = values[kept].aminmax()
        told_apart = high - low > ROUNDING * torch.maximum(low.abs(), high.abs())
        scaled = (values - low) / (high - low) if told_apart else torch.zeros_like(values)
        for group in groups[kept].unique():
            mine = groups == group
            certainty[mine] = _posterior_of_low(scaled[mine], seed)
    certainty = certainty.to(loss.dtype if loss.is_floating_point() else torch.float32)
    return certainty.numpy() if isinstance(given, np.ndarray) else certainty


def _posterior_of_low(loss: Tensor, seed: int) -> Tensor:
    """EM from the best split of the sorted losses in two, which k-means seeks by chance."""
    from sklearn.mixture import GaussianMixture

    if loss.max() - loss.min() <= ROUNDING:
        return torch.ones_like(loss)
    values = np.sort(loss.cpu().numpy())
    left = np.arange(1, len(values))
    mean = values.cumsum()[:-1] / left, values[::-1].cumsum()[-2::-1] / left[::-1]
    between = left * left[::-1] * (mean[1] - mean[0]) ** 2
    cut = np.random.default_rng(seed).choice(np.flatnonzero(np.isclose(between, between.max()))) + 1
    halves, regular = (values[:cut], values[cut:]), 1e-6
    mixture = GaussianMixture(
        2,
        weights_init=[len(h) / len(values) for h in halves],
        means_init=[[h.mean()] for h in halves],
        precisions_init=[[[1 / (h.var() + regular)]] for h in halves],
        reg_covar=regular,
        init_params="random_from_data",  # all three are given: k-means would be run for nothing
        random_state=seed,
    ).fit(values[:, None])
    low = mixture.means_[:, 0].argmin()
    return torch.as_tensor(mixture.predict_proba(loss.cpu().numpy()[:, None])[:, low]).to(loss)


def refined_targets(
    label: Tensor, certainty: Tensor, prediction: Tensor, prediction_augmented: Tensor
) -> tuple[Tensor, Tensor]:
    r"""Soft labels of images and of their augmented views, each told the *other's* prediction.

    .. math:: \tilde y_i = w_i \mathbf y_i + (1 - w_i)\, p(\cdot \mid \hat x_i), \quad
              \tilde{\hat y}_i = w_i \mathbf y_i + (1 - w_i)\, p(\cdot \mid x_i)

    Parameters
    ----------
    label : (b,) hard labels ; certainty : (b,) w in [0, 1]
    prediction, prediction_augmented : (b, K) distributions, as from ``shared_prediction``

    Returns two (b, K), rows summing to 1, without gradient. Raises ValueError for shapes, certainty
    outside [0, 1], and predictions that are no distributions; LabelError for outliers.
    Source: DMDL eq. 8.
    """
    views = [check_rows(p, "prediction").detach() for p in (prediction, prediction_augmented)]
    if views[0].shape != views[1].shape:
        raise ValueError(f"predictions have shapes {[tuple(p.shape) for p in views]}; need equal")
    if any((p < 0).any() or ((p.sum(1) - 1).abs() > 1e-4).any() for p in views):
        raise ValueError("prediction: rows must be >= 0 and sum to 1 (+- 1e-4)")
    label = check_labels(label, *views[0].shape, "label").to(views[0].device)
    w = tensor_of(certainty).detach().to(views[0])
    if w.shape != label.shape or not ((w >= 0) & (w <= 1)).all():
        raise ValueError(f"certainty of shape {tuple(w.shape)}: give one number in [0, 1] per row")
    hard = torch.nn.functional.one_hot(label, views[0].shape[1]).to(views[0])
    told, told_augmented = (w[:, None] * hard + (1 - w[:, None]) * p for p in reversed(views))
    return told, told_augmented


def adaptive_momentum(target: Tensor, label: Tensor, *, delta: float = 0.2) -> Tensor:
    r"""(b,) momentum per sample: a doubtful label moves its prototype little.

    .. math:: \lambda_i = \delta / \max(\tilde y_{i, y_i}, \delta)

    Parameters
    ----------
    target : (b, K) refined soft labels ; label : (b,) hard labels ; delta : in (0, 1]

    Returns numbers in [delta, 1]; 1 leaves the prototype where it is. To be given to
    ``Memory.update(x, label, momentum=...)``, which is eq. 12.
    Raises ValueError for delta outside (0, 1] and shapes, LabelError for outliers.
    Source: DMDL eq. 12-13.
    """
    if not 0 < delta <= 1:
        raise ValueError(f"delta={delta} must be in (0, 1]; the released code uses 0.2")
    target = check_rows(target, "target").detach()
    label = check_labels(label, *target.shape, "label").to(target.device)
    return delta / target.gather(1, label[:, None])[:, 0].clamp(min=delta)
