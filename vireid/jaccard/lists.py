"""Which neighbour lists each rule of the Jaccard family works with; here alone the rules differ."""

import warnings
from dataclasses import dataclass
from inspect import signature

import numpy as np
from scipy.sparse import csr_array

from vireid.arguments import check_count, ids
from vireid.neighbours import Features, Similarities
from vireid.neighbours.sources import clamp


@dataclass(frozen=True)
class Lists:
    """Neighbour lists of all images; -1 fills places where a list ran out of candidates.

    Parameters
    ----------
    near : (n, w) j is a reciprocal neighbour of i when each stands in the other's row
    half : (n, h) shorter lists whose reciprocal sets may join those of ``near``, or None
    average : (n, n) row-stochastic, whose encodings are averaged into whose, or None
    known, similarity : (n, w) pairs whose similarity the search already found
    weighted : False counts neighbours instead of weighing them by similarity
    """

    near: np.ndarray
    half: np.ndarray | None
    average: csr_array | None
    known: np.ndarray
    similarity: np.ndarray
    weighted: bool = True


def half_width(k1: int) -> int:
    """Length of the half lists, oneself included; Python and numpy round halves to even."""
    return round(k1 / 2) + 1


def mean_rows(groups: list[np.ndarray]) -> csr_array:
    """(n, n) B such that B @ V averages V over each group of rows, then over the groups.

    ``groups``: lists (n, w) of row numbers, -1 = nobody; a row's empty groups do not count.
    """
    n = len(groups[0])
    present = [(g >= 0).sum(1) for g in groups]
    share = 1 / np.maximum(sum((p > 0).astype(int) for p in present), 1)
    column = np.concatenate(groups, axis=1)
    weight = np.concatenate(
        [np.broadcast_to((share / np.maximum(p, 1))[:, None], g.shape)
         for g, p in zip(groups, present, strict=True)], axis=1
    )  # fmt: skip
    row, place = (column >= 0).nonzero()
    return csr_array((weight[row, place], (row, column[row, place])), shape=(n, n))


def vanilla(source, k1, k2, *, list_width: int | None = None) -> Lists:
    """One list for all: the k1 nearest, oneself included.

    ``list_width`` k1 (default) is what the field's faiss search returns; k1 + 1, a full sort, is
    the classic re-ranking. Source: Zhong et al. 2017. Differs: its k1 + 1 is then really reached.
    """
    index, similarity = _nearest(source, k1, k2, list_width)
    average = mean_rows([index[:, :k2]]) if k2 > 1 else None
    return Lists(index[:, : k1 + 1], index[:, : half_width(k1)], average, index, similarity)


def lqe(source, k1, k2, modality, *, list_width: int | None = None) -> Lists:
    """``vanilla``, but the k2 encodings are averaged per modality first, then over modalities.

    Source: the released code of MMM and PCLHD; the modality-balanced Jaccard distance of PCAL.
    """
    plain = vanilla(source, k1, k2, list_width=list_width)
    if k2 == 1:
        return plain
    first = plain.known[:, :k2]
    groups = [np.where(modality[first] == m, first, -1) for m in (0, 1)]
    return Lists(plain.near, plain.half, mean_rows(groups), plain.known, plain.similarity)


def binary(source, k1, k2) -> Lists:
    """Plain sets of reciprocal neighbours, no expansion, no weights, no averaging (k2 is unused).

    Source: MULT (arXiv 2402.00672) eq. 5. Differs: the released code uses ``vanilla`` there.
    """
    index, similarity = _nearest(source, k1, 1, None)
    return Lists(index, None, None, index, similarity, weighted=False)


def modality_aware(
    source, k1, k2, modality, *, lqe_per_modality: int | None = None, half_list: str = "merged"
) -> Lists:
    """Half of the neighbours from each modality, so that a gap between them cannot decide.

    Parameters
    ----------
    lqe_per_modality : encodings averaged per modality; None is min(k2, k1 // 2) as in the released
        code, the paper's k2 / 2 must be said
    half_list : "merged", the first round(k1 / 2) + 1 of both lists sorted together (own modality
        prevails), or "balanced", half of them from each (an experiment)

    Source: BMIL (arXiv 2512.07760) eq. 4-6. Differs: a modality smaller than its half gives all it
    has and the other fills up, where the released code fails.
    """
    each = k1 // 2
    if not each:
        raise ValueError(f"k1={k1} leaves no neighbour per modality; give k1 >= 2")
    if lqe_per_modality is not None and not 1 <= lqe_per_modality <= each:
        raise ValueError(f"lqe_per_modality={lqe_per_modality} is outside 1 to k1 // 2 = {each}")
    if half_list not in ("merged", "balanced"):
        raise ValueError(f"half_list={half_list!r}; known: 'merged', 'balanced'")
    _check_k2(k2, 2 * each)
    quota = _quotas(each, modality)
    width = min(int(quota.max()), source.n)
    (own, own_score), (other, other_score) = _cpu(source.own_other(width, width, modality))
    place = np.arange(width)
    own = np.where(place < quota[modality][:, None], own, -1)
    other = np.where(place < quota[1 - modality][:, None], other, -1)
    near = np.concatenate([own, other], axis=1)
    score = np.concatenate([own_score, other_score], axis=1)
    m = half_width(k1)
    if half_list == "merged":
        half = _by_similarity(near, score)[:, :m]
    else:
        half = np.concatenate([own[:, : (m + 1) // 2], other[:, : m // 2]], axis=1)
    average = None
    if k2 > 1 or lqe_per_modality:
        # a modality alone has a doubled quota, and then averages as many as vanilla would
        take = np.minimum(lqe_per_modality or k2, quota if quota.min() == 0 else [each, each])
        average = mean_rows([
            np.where(place < take[modality][:, None], own, -1),
            np.where(place < take[1 - modality][:, None], other, -1),
        ])  # fmt: skip
    return Lists(near, half, average, near, score)


def camera_aware(  # noqa: PLR0913
    source,
    k1,
    k2,
    camera,
    *,
    k1_intra: int = 5,
    k1_inter: int = 20,
    k2_intra: int = 3,
    k2_inter: int = 3,
    rectify: str = "both",
    list_width: int | None = None,
    epoch: int | None = None,
) -> Lists:
    """Separate lists within one's camera and across cameras (CA-Jaccard).

    Parameters
    ----------
    k1_intra, k1_inter : neighbours besides oneself within the camera, and (one more) outside
    k2_intra, k2_inter : encodings averaged from each list, all with equal weight; an image that
        finds nobody in them (k2_intra=0 and a single camera) keeps its own
    rectify : "both"; "sets" keeps the ordinary average over the k2 nearest of a global list;
        "lqe" keeps ordinary reciprocal sets with k1 and their expansion
    list_width : width of that global list, default k1 + 1; unused with "both", as are k1 and k2
    epoch : 0 averages 3 + 3 encodings whatever k2_intra and k2_inter say, as the released code does

    Source: Chen et al., CA-Jaccard (CVPR 2024). Differs: a camera with few images gives a short
    list, where the released code lets images of other cameras in.
    """
    if rectify not in ("both", "sets", "lqe"):
        raise ValueError(f"rectify={rectify!r}; known: 'both', 'sets', 'lqe'")
    if epoch == 0:
        k2_intra = k2_inter = 3
    counts = {
        "k1_intra": k1_intra,
        "k1_inter": k1_inter,
        "k2_intra": k2_intra,
        "k2_inter": k2_inter,
    }
    for name, value in counts.items():
        if value != int(value) or value < 0:
            raise ValueError(f"{name}={value}; give a whole number >= 0")
    k1_intra, k1_inter, k2_intra, k2_inter = map(int, counts.values())
    if not k2_intra + k2_inter:
        raise ValueError("k2_intra=0 and k2_inter=0 average nothing; give at least k2_intra=1")
    k_own, k_other = max(k1_intra + 1, k2_intra), max(k1_inter + 1, k2_inter)
    k_own, k_other = min(k_own, source.n), min(k_other, source.n)
    (own, own_score), (other, other_score) = _cpu(source.own_other(k_own, k_other, camera))
    near = np.concatenate([own[:, : k1_intra + 1], other[:, : k1_inter + 1]], axis=1)
    near_score = np.concatenate([own_score[:, : k1_intra + 1], other_score[:, : k1_inter + 1]], 1)
    averaged = np.concatenate([own[:, :k2_intra], other[:, :k2_inter]], axis=1)
    alone = np.flatnonzero((averaged < 0).all(1))
    averaged[alone, 0] = alone
    average = mean_rows([averaged])
    if rectify == "both":
        return Lists(near, None, average, near, near_score)
    ordinary = vanilla(source, k1, k2, list_width=k1 + 1 if list_width is None else list_width)
    if rectify == "sets":
        return Lists(near, None, ordinary.average, near, near_score)
    return Lists(ordinary.near, ordinary.half, average, ordinary.known, ordinary.similarity)


RULES = {
    "vanilla": (vanilla, None),
    "modality": (modality_aware, "modality"),
    "camera": (camera_aware, "camera"),
    "lqe": (lqe, "modality"),
    "binary": (binary, None),
}


def options_of(rule: str) -> list[str]:
    """Names of the options that a rule knows."""
    parameters = signature(RULES[rule][0]).parameters.values()
    return [p.name for p in parameters if p.kind is p.KEYWORD_ONLY]


def lists_of(source: Features | Similarities, rule, k1, k2, groups: dict, options: dict) -> Lists:
    """The lists of a rule; ``groups`` holds modality and camera numbers or None."""
    if unknown := sorted(set(options) - set(options_of(rule))):
        known = ", ".join(options_of(rule)) or "none"
        raise ValueError(f"rule={rule!r} has no option {', '.join(unknown)}; known: {known}")
    of = "of images, at least 1 (oneself)"
    k1, k2 = check_count(k1, "k1", of), check_count(k2, "k2", of)
    make, needs = RULES[rule]
    if needs is None:
        return make(source, k1, k2, **options)
    return make(source, k1, k2, _group(groups[needs], source.n, needs, rule), **options)


def _group(values, n: int, name: str, rule: str) -> np.ndarray:
    if values is None:
        raise ValueError(f"rule={rule!r} needs {name}=, one number per image")
    return ids(values, n, name)


def _nearest(source, k1: int, k2: int, list_width: int | None):
    width = k1 if list_width is None else list_width
    if width < 1:
        raise ValueError(f"list_width={width}; give at least 1 (oneself), or None for the default")
    _check_k2(k2, width)
    return _cpu([source.nearest(clamp(width, source.n, what="list width"))])[0]


def _check_k2(k2: int, width: int) -> None:
    if k2 > width:
        raise ValueError(f"k2={k2} is more than the {width} entries of a neighbour list; lower it")


def _cpu(lists):
    return [(index.cpu().numpy(), score.cpu().numpy()) for index, score in lists]


def _quotas(each: int, modality: np.ndarray) -> np.ndarray:
    """How many neighbours each modality gives; what one cannot, the other does."""
    size = np.bincount(modality, minlength=2)
    quota = np.minimum(size, each)
    if (size < each).any():
        quota = np.minimum(size, quota + (2 * each - quota.sum()))
        warnings.warn(
            f"{size[0]} visible and {size[1]} infrared images for {each} neighbours from each "
            f"modality: taking {quota[0]} and {quota[1]}",
            stacklevel=5,
        )
    return quota


def _by_similarity(index: np.ndarray, score: np.ndarray) -> np.ndarray:
    """Rows of index sorted by descending score; ties by index, -1 last."""
    by_index = np.argsort(index, axis=1, kind="stable")
    index, score = (np.take_along_axis(a, by_index, 1) for a in (index, score))
    score = np.where(index < 0, -np.inf, score)
    return np.take_along_axis(index, np.argsort(-score, axis=1, kind="stable"), 1)
