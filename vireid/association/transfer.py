"""MULT's label transfer: labels of two modalities spread over images until both sides agree."""

import warnings
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from vireid.arguments import check_rows, tensor_of
from vireid.association.products import Affinity
from vireid.association.rows import like


def label_transfer(  # noqa: PLR0913
    y0,
    r0,
    s_intra,
    s_cross,
    s_ir,
    s_ri,
    *,
    alpha: float = 0.2,
    schedule: str = "code",
    tol: float = 1e-2,
    max_rounds: int = 20,
):
    r"""Spread soft labels across the gap and smooth them within each modality, round by round.

    .. math:: y' &= (1-\alpha) S^{ir} r + \alpha y_0, & r' &= (1-\alpha) S^{ri} y' + \alpha r_0 \\
              y &\leftarrow \tfrac12 (S^{i} y' + y'), & r &\leftarrow \tfrac12 (S^{c} r' + r')

    All labels are in one label space, the *intra* modality's i; the *cross* modality c receives.
    V2R is intra = visible, R2V the same call with the modalities exchanged.

    Parameters
    ----------
    y0, r0 : (n, K) and (m, K) initial labels of intra and cross images, rows sum to 1
    s_intra, s_cross : (n, n) and (m, m) affinities within a modality, >= 0
    s_ir, s_ri : (n, m) and (m, n) affinities across; a plan and its transpose will do
        Affinities may be dense or scipy sparse; rows are divided by their sums inside
    alpha : weight of the initial labels, in [0, 1]
    schedule : "code" lets r' see the new y'; "paper" uses the y of the round before. Their limits
        differ unless the intra affinity is the identity
    tol : stop when neither y nor r moved more, as share of its total (L1)
    max_rounds : give up after so many

    Returns (y (n, K), r (m, K), rounds played); rows sum to 1; like y0 in kind and device.
    Raises ValueError for shapes that do not fit, rows of y0 or r0 that are no probabilities,
    negative or non-finite affinities, alpha outside [0, 1], unknown schedule, tol < 0 and
    max_rounds < 1. Warns (RuntimeWarning) when unconverged, and for images without affinity
    across, which take the other side's average label.
    Source: MULT (arXiv 2402.00672) eq. 11-12. Differs: the second lines of both equations mix the
    modalities' labels in print; the released code updates one after the other (default).
    """
    if max_rounds < 1 or max_rounds != int(max_rounds):
        raise ValueError(f"max_rounds={max_rounds}; give a whole number >= 1")
    if not tol >= 0:
        raise ValueError(f"tol={tol}; give a share >= 0, the released code's is 0.01")
    given = y0
    y0, r0 = _labels(y0, r0)
    operators = _operators(s_intra, s_cross, s_ir, s_ri, y0, r0)
    _check_transfer(alpha, schedule)
    now, change = _Round(y0, r0), np.inf
    for played, after in enumerate(_rounds(y0, r0, operators, alpha, schedule), 1):
        before, now = now, after
        if (moved := _movement(before.r, now.r)) <= tol or played == max_rounds:
            change = max(moved, _movement(before.y, now.y))
        if change <= tol or played == max_rounds:
            break
    if change > tol:
        warnings.warn(
            f"labels still moved by {change:.2g} in round {played}; raise max_rounds or tol={tol}",
            RuntimeWarning,
            stacklevel=2,
        )
    return like(now.y, given), like(now.r, given), played


def transfer_rounds(
    y0, r0, s_intra, s_cross, s_ir, s_ri, *, alpha: float = 0.2, schedule: str = "code"
) -> Iterator[tuple[Tensor, Tensor, float]]:
    """The rounds of ``label_transfer`` one by one, without end: tensors (y, r, change).

    ``change`` is the larger of both sides' L1 movement over their total. Arguments and errors
    as ``label_transfer``. Source: MULT (arXiv 2402.00672) eq. 11-12.
    """
    y0, r0 = _labels(y0, r0)
    operators = _operators(s_intra, s_cross, s_ir, s_ri, y0, r0)
    _check_transfer(alpha, schedule)
    return _moves(_Round(y0, r0), _rounds(y0, r0, operators, alpha, schedule))


def _moves(now: "_Round", rounds) -> Iterator[tuple[Tensor, Tensor, float]]:
    for after in rounds:
        before, now = now, after
        yield now.y, now.r, max(_movement(before.y, now.y), _movement(before.r, now.r))


class _Round:
    """Labels after a round. Those of the intra images are smoothed when somebody asks for them:
    with schedule "code" no later round does.
    """

    def __init__(self, y: Tensor, r: Tensor, smoothed=None):
        self.r, self._y, self._smoothed = r, y, smoothed

    @property
    def y(self) -> Tensor:
        if self._smoothed is not None:
            self._y, self._smoothed = self._smoothed(self._y), None
        return self._y


def _rounds(y0: Tensor, r0: Tensor, operators, alpha: float, schedule: str) -> Iterator[_Round]:
    intra, cross, from_r, from_y = operators
    now = _Round(y0, r0)
    while True:
        y = (1 - alpha) * from_r(now.r) + alpha * y0
        seen = y if schedule == "code" else now.y
        r = (1 - alpha) * from_y(seen) + alpha * r0
        now = _Round(y, (cross(r) + r) / 2, smoothed=lambda y: (intra(y) + y) / 2)
        yield now


def _movement(before: Tensor, after: Tensor) -> float:
    """L1 distance as share of the total before."""
    return float((after - before).abs().sum() / before.sum())


def transfer_limit(
    y0, r0, s_intra, s_cross, s_ir, s_ri, *, alpha: float = 0.2, schedule: str = "code"
):
    r"""Where ``label_transfer`` ends after infinitely many rounds, by solving a linear system.

    .. math:: (I - (1-\alpha)^2 A_c S^{ri} M S^{ir})\, r^* = A_c [\alpha (1-\alpha) S^{ri} M y_0
              + \alpha r_0], \qquad y^* = A_i [(1-\alpha) S^{ir} r^* + \alpha y_0]

    with A = (I + S) / 2 of a modality, and M = I ("code") or A_i ("paper"). Small problems only: m
    equations with dense matrices, in float64.

    Arguments as ``label_transfer``; alpha > 0, else the limit depends on where one starts.
    Returns (y*, r*), float64. Source: derived from MULT (arXiv 2402.00672) eq. 11-12.
    """
    _check_transfer(alpha, schedule)
    if alpha == 0:
        raise ValueError("alpha=0 leaves no unique limit; give alpha > 0")
    given = y0
    y0, r0 = (x.double() for x in _labels(y0, r0))
    operators = _operators(s_intra, s_cross, s_ir, s_ri, y0, r0)
    eye_y, eye_r = (torch.eye(len(x), dtype=x.dtype, device=x.device) for x in (y0, r0))
    eyes = (eye_y, eye_r, eye_r, eye_y)
    intra, cross, ir, ri = (f(eye) for f, eye in zip(operators, eyes, strict=True))
    a_intra, a_cross = (eye_y + intra) / 2, (eye_r + cross) / 2
    reach = ri if schedule == "code" else ri @ a_intra
    system = eye_r - (1 - alpha) ** 2 * a_cross @ reach @ ir
    target = a_cross @ (alpha * (1 - alpha) * reach @ y0 + alpha * r0)
    r = torch.linalg.solve(system, target)
    y = a_intra @ ((1 - alpha) * ir @ r + alpha * y0)
    return like(y, given), like(r, given)


def half_smoothed(z, s_intra):
    r"""One smoothing as the transfer does it, :math:`\tfrac12 (I + S) z`: (n, K) like z, detached.

    Source: MULT (arXiv 2402.00672), second lines of eq. 11-12.
    """
    rows = tensor_of(z).detach()
    return like((Affinity(s_intra, rows, len(rows), "s_intra")(rows) + rows) / 2, z)


def exactly_smoothed(z, s_intra):
    r"""Minimiser of eq. 10 with the other modality fixed: :math:`(3I - 2S)^{-1} z`, (n, K) like z.

    z = alpha y0 + (1 - alpha) S^he y_other. Holds for symmetric S whose rows sum to 1; shows that
    ``half_smoothed`` is a heuristic. Small n only.
    Source: derived from MULT (arXiv 2402.00672) eq. 7-10.
    """
    rows = tensor_of(z)
    eye = torch.eye(len(rows), dtype=rows.dtype, device=rows.device)
    s = Affinity(s_intra, rows, len(rows), "s_intra")(eye)
    return like(torch.linalg.solve(3 * eye - 2 * s, rows), z)


def aggregate(y, *, beta: float = 0.7):
    r"""Sharpen soft labels towards their largest entry.

    .. math:: y \leftarrow \beta\, \mathrm{onehot}(\arg\max y) + (1 - \beta)\, y

    Parameters
    ----------
    y : (n, K) soft labels
    beta : 1 gives hard labels, 0 leaves y as it is; ties fall to the lowest number

    Returns (n, K) like y; the argmax never changes. Raises ValueError for NaN, another shape
    and beta outside [0, 1].
    Source: MULT (arXiv 2402.00672) eq. 13.
    """
    if not 0 <= beta <= 1:
        raise ValueError(f"beta={beta}; give a weight in [0, 1], the paper's is 0.7")
    soft = check_rows(y, "y")
    sharp = (1 - beta) * soft
    sharp.scatter_add_(1, soft.argmax(1, keepdim=True), torch.full_like(soft[:, :1], beta))
    return like(sharp, y)


def initial_labels(x, centroids, *, temperature: float = 0.05):
    r"""Soft labels of images among their own modality's clusters.

    .. math:: \tilde y_i(0) = \operatorname{softmax}_k(\langle x_i, c_k \rangle / \tau)

    Parameters
    ----------
    x : (n, d) unit rows
    centroids : (K, d) mean features, taken as they are
    temperature : tau > 0

    Returns (n, K) like x. Raises ValueError for NaN, shapes that do not fit and tau <= 0.
    Source: MULT (arXiv 2402.00672) eq. 1. Differs: the paper's memory rows have norm 1, the
    released code's means do not.
    """
    if not temperature > 0:
        raise ValueError(f"temperature={temperature}; give tau > 0, the paper's is 0.05")
    rows, c = check_rows(x, "x"), check_rows(centroids, "centroids")
    if rows.shape[1] != c.shape[1]:
        raise ValueError(f"x is {tuple(rows.shape)}, centroids {tuple(c.shape)}: (n, d), (K, d)")
    return like(torch.softmax(rows @ c.to(rows).T / temperature, 1), x)


def _operators(s_intra, s_cross, s_ir, s_ri, y: Tensor, r: Tensor) -> tuple[Affinity, ...]:
    return (
        Affinity(s_intra, y, len(y), "s_intra"),
        Affinity(s_cross, r, len(r), "s_cross"),
        Affinity(s_ir, y, len(r), "s_ir"),
        Affinity(s_ri, r, len(y), "s_ri"),
    )


def _labels(y0, r0) -> tuple[Tensor, Tensor]:
    y = tensor_of(y0).detach()
    y = y if y.dtype == torch.float64 else y.float()
    r = tensor_of(r0).detach().to(y)
    if y.ndim != 2 or r.ndim != 2 or y.shape[1] != r.shape[1] or not (y.numel() and r.numel()):
        raise ValueError(
            f"y0 is {tuple(y.shape)}, r0 {tuple(r.shape)}; give image rows over the same K labels"
        )
    for name, x in (("y0", y), ("r0", r)):
        if not (x >= 0).all() or not ((x.sum(1) - 1).abs() < 1e-4).all():
            raise ValueError(f"rows of {name} must be >= 0 and sum to 1; softmax or one_hot first")
    return y, r


def _check_transfer(alpha: float, schedule: str) -> None:
    if not 0 <= alpha <= 1:
        raise ValueError(f"alpha={alpha}; give a weight in [0, 1], the paper's is 0.2")
    if schedule not in ("code", "paper"):
        raise ValueError(f"schedule={schedule!r}; known: code, paper")
