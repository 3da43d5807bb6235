"""Optimal transport with entropy (Sinkhorn), and the associations that are read off its plans."""

import warnings

import numpy as np
import torch
from torch import Tensor

from vireid.arguments import tensor_of
from vireid.association.kernels import LogKernel, ScalingKernel, SinkhornInfo, spread_limit
from vireid.association.rows import cosine, images, like
from vireid.clustering import centroids
from vireid.gemm import times_transposed

ROWS = 2048  # of distances, at a time
CODE_TOL, CODE_STEPS, CODE_EVERY = 0.1, 500, 10  # the released code's stopping rule


def sinkhorn(  # noqa: PLR0913
    cost,
    *,
    lam: float = 25,
    stop: str = "code",
    domain: str = "auto",
    a=None,
    b=None,
    tol: float | None = None,
    max_steps: int | None = None,
    overwrite: bool = False,
):
    r"""Cheapest soft matching of rows and columns, blurred by entropy.

    .. math:: \min_P \langle P, C \rangle + \tfrac1\lambda \langle P, \log P \rangle
              \quad\text{so that}\quad P \mathbf 1 = a,\ P^\top \mathbf 1 = b

    Rows and columns are scaled in turns, columns last: the plan's column sums are exact at any
    step, its row sums when converged.

    Parameters
    ----------
    cost : (n, m), numpy or torch. MULT's costs are squared distances of unit rows, in [0, 4]
    lam : sharpness, 1 / cost; POT's ``reg`` is 1 / lam
    stop : "code" looks every 10th step at the relative change of the column scaling, summed over
        columns, and stops at 0.1 (so possibly after one step) or after 500 steps; "converged" stops
        when row sums are off by 1e-9 in all (1e-6 in float32), or after 10,000 steps; where the
        plan is nearly one-to-one that takes long, as their error then falls like 1 / steps
    domain : "scaling" multiplies with exp(-lam C); "log" adds logarithms, slow but safe from
        underflow; "auto" takes scaling where its numbers hold
    a, b : (n,) and (m,) positive masses that sum to 1; default uniform
    tol, max_steps : other limits for ``stop``
    overwrite : True may destroy a tensor ``cost`` and spares a copy of its size

    Returns
    -------
    plan (n, m) like cost in kind and device (half precision becomes float32), and a
    ``SinkhornInfo``: steps, error and residual reached, converged, domain used.

    Raises
    ------
    ValueError for NaN or infinite costs, bad masses, lam <= 0, unknown words, and when the kernel
    would underflow although domain="scaling". Warns (RuntimeWarning) when it stops unconverged.

    Source: Cuturi, NeurIPS 2013; MULT (arXiv 2402.00672) eq. 6. Differs: eq. 6 prints the entropy
    with the other sign; the released code multiplies diagonal matrices, and skips NaNs.
    """
    c = _cost(cost, overwrite)
    a, b = _mass(a, len(c), "a", c), _mass(b, c.shape[1], "b", c)
    if stop not in ("code", "converged"):
        raise ValueError(f"stop={stop!r}; known: code, converged")
    kernel = _kernel(c, lam, domain)
    usual = (CODE_TOL, CODE_STEPS) if stop == "code" else (_precision(c), 10_000)
    tol = usual[0] if tol is None else tol
    max_steps = usual[1] if max_steps is None else max_steps
    if not tol >= 0 or max_steps < 1 or max_steps != int(max_steps):
        raise ValueError(f"tol={tol}, max_steps={max_steps}; give tol >= 0 and max_steps >= 1")
    u, v, info = _iterate(kernel, a, b, stop, tol, int(max_steps))
    if not info.converged:
        warnings.warn(
            f"Sinkhorn stopped unconverged after {info.steps} steps: rows are off by "
            f"{info.residual:.2g} in all; raise max_steps or lower lam={lam}",
            RuntimeWarning,
            stacklevel=2,
        )
    plan = kernel.plan(u, v)
    return (plan.numpy() if isinstance(cost, np.ndarray) else plan), info


def _iterate(kernel, a: Tensor, b: Tensor, stop: str, tol: float, max_steps: int):
    """Scale rows and columns in turns; (row scaling, column scaling, info)."""
    u, v, error = None, kernel.start, float("inf")
    for step in range(max_steps):
        u_next, v_next = kernel.sweep(v, a, b)
        if stop == "converged" and step:
            error = _mismatch(kernel, u, u_next, a)
            if error <= tol:
                break
        u, v, v_before = u_next, v_next, v
        if stop == "code" and step % CODE_EVERY == 0:
            error = float((kernel.ratio(v_before, v) - 1).abs().sum())
            if error <= tol:
                step += 1
                break
    else:
        step = max_steps
    residual = _mismatch(kernel, u, kernel.rows(v, a), a)
    if not np.isfinite(residual):
        raise ValueError("no finite scaling found; use domain='log' or a smaller lam")
    if stop == "converged":
        error = residual
    return u, v, SinkhornInfo(step, error, residual, error <= tol, kernel.domain)


def _mismatch(kernel, u: Tensor, u_next: Tensor, a: Tensor) -> float:
    """How far row sums are from a, in all: the plan's are a u / u_next."""
    return float((a * (kernel.ratio(u, u_next) - 1)).abs().sum())


def _kernel(c: Tensor, lam: float, domain: str):
    if not lam > 0 or not np.isfinite(lam):
        raise ValueError(f"lam={lam}; give a sharpness > 0, the paper's is 25")
    if domain not in ("auto", "scaling", "log"):
        raise ValueError(f"domain={domain!r}; known: auto, scaling, log")
    c -= c.amin(1, keepdim=True)  # moves into the row scaling, the plan stays the same
    shift = c.amin(0)  # into the column scaling: now each row and column has an entry exp(0)
    c -= shift
    spread, limit = lam * float(c.max()), spread_limit(c.dtype)
    if domain == "scaling" and spread > limit:
        raise ValueError(
            f"lam * cost spans {spread:.0f}, but exp(-{limit:.0f}) is where {c.dtype} underflows; "
            "use domain='log' or a smaller lam"
        )
    kind = LogKernel if domain == "log" or spread > limit else ScalingKernel
    return kind(c, lam, shift)


def _cost(cost, overwrite: bool) -> Tensor:
    """Cost as a float tensor that may be written to."""
    given = tensor_of(cost).detach()
    if given.ndim != 2 or 0 in given.shape:
        raise ValueError(f"cost has shape {tuple(given.shape)}; give a matrix (n, m)")
    c = given if given.dtype == torch.float64 else given.to(torch.float32)
    if not torch.isfinite(c.sum(1)).all():
        raise ValueError("cost holds NaN or infinite entries; which rows are broken upstream?")
    return c.clone() if c is given and not overwrite else c


def _mass(mass, n: int, name: str, c: Tensor) -> Tensor:
    if mass is None:
        return c.new_full((n,), 1 / n)
    mass = tensor_of(mass, c.device).to(c.dtype)
    if mass.shape != (n,) or not (mass > 0).all() or abs(float(mass.sum()) - 1) > 1e-4:
        raise ValueError(f"{name} must hold {n} positive masses that sum to 1")
    return mass


def _precision(c: Tensor) -> float:
    return 1e-9 if c.dtype == torch.float64 else 1e-6


def squared_distances(x: Tensor, y: Tensor) -> Tensor:
    """|x_i - y_j|^2 of all pairs (n, m), in [0, inf), with one matrix of that size in memory.

    Without gradients: nothing here learns through a plan.
    """
    x, y = x.detach(), y.detach()
    cost, norm = x.new_empty(len(x), len(y)), y.square().sum(1)
    for rows, own in zip(cost.split(ROWS), x.split(ROWS), strict=True):
        torch.mul(times_transposed(own, y), -2, out=rows)
        rows.add_(own.square().sum(1)[:, None]).add_(norm).clamp_(min=0)
    return cost


def transport_labels(x: Tensor, prototypes: Tensor, *, lam: float = 25, stop: str = "code"):
    """Prototype that each image sends most mass to, under uniform masses: (label (n,), info).

    Source: MULT (arXiv 2402.00672) eq. 2-4, after OTLA (ECCV 2022).
    """
    cost = squared_distances(x, prototypes)
    plan, info = sinkhorn(cost, lam=lam, stop=stop, overwrite=True)
    return plan.argmax(1), info


def otla(probability, *, lam: float = 25, max_steps: int = 100_000):
    r"""Visible identity of each infrared image, all identities being used equally often.

    .. math:: C = -\log p, \qquad y_i = \arg\max_k P_{ik}

    Parameters
    ----------
    probability : (n, K) rows sum to 1: a classifier of visible identities on infrared images
    lam : sharpness; the kernel is p ** lam
    max_steps : the source has no cap; unconverged stops warn

    Returns (label (n,) int64 like probability in kind, ``SinkhornInfo``).
    Raises ValueError for rows that are no probabilities.
    Source: Wang et al., ECCV 2022 (OTLA), with the stopping rule of its code.
    """
    p = torch.as_tensor(probability).detach()
    p = p if p.dtype == torch.float64 else p.float()
    if (
        p.ndim != 2
        or not p.numel()
        or not (p >= 0).all()
        or not ((p.sum(1) - 1).abs() < 1e-3).all()
    ):
        raise ValueError(
            f"probability (shape {tuple(p.shape)}) must have rows >= 0 that sum to 1; softmax first"
        )
    cost = -p.clamp_min(torch.finfo(p.dtype).tiny).log()
    plan, info = sinkhorn(cost, lam=lam, max_steps=max_steps, overwrite=True)
    return like(plan.argmax(1), probability), info


def dotla(
    x_visible, x_infrared, labels_visible, labels_infrared, *, lam: float = 25, stop: str = "code"
):
    r"""Dual OTLA: each image's label in the other modality's space, by transport to its centroids.

    .. math:: C_{ik} = \lVert x_i - c_k \rVert^2, \qquad \hat y_i = \arg\max_k P_{ik}

    Parameters
    ----------
    x_visible, x_infrared : (n_v, d) and (n_r, d) features, normalised inside
    labels_visible, labels_infrared : own cluster labels; outliers (-1) form no centroid but do get
        a label in the other space
    lam, stop : as ``sinkhorn``

    Returns (visible_in_r (n_v,), infrared_in_v (n_r,)); labels are used about equally often.
    Raises NoClustersError (a ValueError) when a side has outliers only, ValueError for bad rows.
    Source: Cheng et al. 2023 (DOTLA), in the stand-in that MULT compares with. Differs: no
    neighbour refinement.
    """
    v, r, y_v, y_r = images(x_visible, x_infrared, labels_visible, labels_infrared)
    visible_in_r, _ = transport_labels(v, centroids(r, y_r, "labels_infrared"), lam=lam, stop=stop)
    infrared_in_v, _ = transport_labels(r, centroids(v, y_v, "labels_visible"), lam=lam, stop=stop)
    return like(visible_in_r, x_visible), like(infrared_in_v, x_visible)


def cluster_sinkhorn(visible, infrared, *, reg: float = 5, stop: str = "converged"):
    r"""Partners by the largest entry of a very smooth plan between prototypes.

    .. math:: C_{ij} = e^{-\cos(c^v_i, c^r_j)}, \qquad \lambda = 1 / reg

    Parameters
    ----------
    visible, infrared : (K_v, d) and (K_r, d) prototypes, normalised inside
    reg : weight of the entropy, unit of the cost
    stop : as ``sinkhorn``

    Returns (v2r (K_v,), r2v (K_r,)): row and column argmax, several may share a partner.
    Raises ValueError as ``hungarian``, and for reg <= 0.
    Source: Yin et al. 2024 (RPNR), released code.
    """
    if not reg > 0:
        raise ValueError(f"reg={reg}; give a weight > 0, the source's is 5")
    plan, _ = sinkhorn(np.exp(-cosine(visible, infrared)), lam=1 / reg, stop=stop)
    return like(plan.argmax(1), visible), like(plan.argmax(0), visible)
