"""The k-reciprocal Jaccard distance and its relatives: five rules, one skeleton, always sparse.

An image is encoded by whom it shares neighbours with (``encoding``); two images are near when their
encodings overlap (``encoding_distance``). The rules differ only in the lists they start from.
"""

from collections.abc import Iterable

import numpy as np
from scipy.sparse import csr_array

from vireid.jaccard import fast, plain
from vireid.jaccard.lists import RULES, Lists, lists_of, mean_rows, options_of
from vireid.neighbours import Features, Similarities

BACKENDS = ("auto", "plain", "compiled")
COMPILED_FROM = 2000  # fewer images are done before the compiled loops are even loaded

__all__ = [
    "BACKENDS",
    "RULES",
    "Lists",
    "encoding",
    "encoding_distance",
    "encoding_of_lists",
    "jaccard_distance",
    "mean_rows",
    "neighbour_lists",
    "options_of",
    "voted_distance",
]


def jaccard_distance(
    x=None,
    *,
    rule: str = "vanilla",
    k1: int = 30,
    k2: int = 6,
    modality=None,
    camera=None,
    eps: float | None = None,
    backend: str = "auto",
    **options,
) -> csr_array:
    r"""Jaccard distance of all pairs of images that have anything in common.

    .. math:: J_{ij} = 1 - \frac{s_{ij}}{2 - s_{ij}}, \quad s_{ij} = \sum_g \min(V_{ig}, V_{jg})

    Parameters
    ----------
    x : (n, d) features, numpy or torch; compared as unit rows
    rule : "vanilla", "modality" (BMIL), "camera" (CA-Jaccard), "lqe" or "binary"
    k1, k2 : width of the neighbour lists and number of encodings averaged, oneself counted
    modality, camera : (n,) numbers, for the rules that need them; others ignore them
    eps : store only pairs at distance <= eps; enough for ``clustering.dbscan`` with that eps
    backend : "plain" (scipy), "compiled" (numba, the same result), "auto" by the number of images
    similarity : (n, n) matrix to use in place of x
    normalise : False keeps rows as they are: lists by Euclidean distance ("modality", "camera": by
        inner product), weights from inner products, as released code does with averaged features
    search : how neighbours are found, see ``neighbours.nearest``
    options : further ones of the rule: the keyword arguments of its function, ``RULES[rule][0]``

    Returns
    -------
    csr_array (n, n) float32, symmetric, in [0, 1): explicit zeros and the diagonal (0) are stored,
    absent pairs are at distance 1 (or beyond eps).

    Raises
    ------
    ValueError naming the argument: NaN, infinite or zero rows, unknown rule or option, bad k1, k2,
    missing modality or camera. Lists wider than n are clamped with a warning.

    Source: Zhong et al., CVPR 2017 (arXiv 1701.08398) eq. 2-10; rules: see ``lists``.
    Differs: no blending with the original distance; the list of k1 counts oneself, as in the
    released code of the field (``list_width=k1 + 1`` for the original).
    """
    arguments = {"rule": rule, "k1": k1, "k2": k2, "modality": modality, "camera": camera}
    return voted_distance([x], eps=eps, backend=backend, **arguments, **options)


def voted_distance(
    views: Iterable, *, eps: float | None = None, backend: str = "auto", **arguments
) -> csr_array:
    r"""Jaccard distance of images whose neighbours are voted over several views of them.

    .. math:: V = \tfrac1m \sum_{l=1}^m V^{(l)}

    The m encodings are averaged, then compared; one view gives ``jaccard_distance``.

    Parameters
    ----------
    views : features (n, d) of the same images in each view
    eps, backend, arguments : as for ``jaccard_distance``

    Returns csr_array (n, n) like ``jaccard_distance``. Raises what that raises, and ValueError
    without a view. Source: ours, for bridges that need no pair.
    """
    if eps is not None and not 0 <= eps < 1:
        raise ValueError(f"eps={eps}; give a distance in [0, 1) or None for all pairs below 1")
    found = [encoding(x, backend=backend, **arguments) for x in views]
    if not found:
        raise ValueError("views: give the features of one view at least")
    v = found[0] if len(found) == 1 else csr_array(sum(found) / len(found))
    return encoding_distance(v, eps=eps, backend=backend)


def encoding(x=None, *, backend: str = "auto", **arguments) -> csr_array:
    """The encodings V (n, n) whose overlap is the distance; arguments as ``jaccard_distance``.

    Row i holds the weight of every image in i's neighbourhood, after averaging; rows sum to 1 (rule
    "binary": ones on the reciprocal set). Averaging is left out with k2=1 (camera: k2_intra=1,
    k2_inter=0).

    Source: Zhong et al. 2017 eq. 6-7, 9. Differs: weights are a softmax over the set.
    """
    return encoding_of_lists(*_start(x, **arguments), backend=backend)


def encoding_of_lists(source, lists: Lists, *, backend: str = "auto") -> csr_array:
    """The encodings (n, n) that lists lead to; ``source`` gives similarities they do not hold.

    Source: as ``encoding``.
    """
    v = _loops(backend, source.n).encode(source, lists)
    return v if lists.average is None else csr_array(lists.average @ v)


def neighbour_lists(x=None, **arguments) -> Lists:
    """The neighbour lists a rule starts from; arguments as ``jaccard_distance``.

    Source: BMIL (arXiv 2512.07760), CA-Jaccard (CVPR 2024), MULT (arXiv 2402.00672).
    """
    return _start(x, **arguments)[1]


def encoding_distance(
    v: csr_array, *, eps: float | None = None, backend: str = "auto"
) -> csr_array:
    r"""Distances of all pairs of encodings (n, n) with common support; see ``jaccard_distance``.

    :math:`1 - s / (|V_i| + |V_j| - s)`: for rows that sum to 1 the denominator is 2 - s.
    Raises ValueError for weights that are negative or not finite.
    Source: Zhong et al. 2017 eq. 10, MULT eq. 5.
    """
    if not (np.isfinite(v.data) & (v.data >= 0)).all():
        raise ValueError("encodings hold negative or non-finite weights")
    if (v.data == 0).any():  # a stored zero is no support
        v = v.copy()
        v.eliminate_zeros()
    limit = np.float32(np.nextafter(np.float32(1), np.float32(0)) if eps is None else eps)
    graph = _loops(backend, v.shape[0]).shared_mass(v, np.asarray(v.sum(1)).ravel(), limit)
    graph.eps = 1 if eps is None else eps  # clustering.dbscan refuses a larger radius
    return graph


def _start(
    x, *, rule="vanilla", k1=30, k2=6, modality=None, camera=None, similarity=None, **options
) -> tuple[Features | Similarities, Lists]:
    """Where neighbours come from, and the lists of a rule."""
    if rule not in RULES:
        raise ValueError(f"rule={rule!r}; known: {', '.join(RULES)}")
    if (x is None) == (similarity is None):
        raise ValueError("give either features x or similarity=, a matrix (n, n)")
    search, normalise = options.pop("search", "auto"), options.pop("normalise", True)
    if similarity is None:
        rank = "inner" if rule in ("modality", "camera") else "euclidean"
        source = Features(x, normalise=normalise, rank=rank, backend=search)
    else:
        source = Similarities(similarity)
    groups = {"modality": modality, "camera": camera}
    return source, lists_of(source, rule, k1, k2, groups, options)


def _loops(backend: str, n: int):
    """The module that does the work."""
    if backend not in BACKENDS:
        raise ValueError(f"backend={backend!r}; known: {', '.join(BACKENDS)}")
    return fast if backend == "compiled" or (backend == "auto" and n >= COMPILED_FROM) else plain
