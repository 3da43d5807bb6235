"""Retrieval scores under the protocols of SYSU-MM01, RegDB and LLCM; all scores are fractions."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch

from vireid.arguments import as_array, whole_numbers
from vireid.evaluation.given import people, table, unanswered

PROTOCOLS = ("sysu", "regdb", "llcm", "vcm")
PER_IMAGE = ("regdb", "vcm")  # CMC counts gallery images, not distinct identities
BACKENDS = ("auto", "plain", "compiled")
BLOCK = 2**17  # query-gallery pairs sorted at once: about what a cache holds
COMPILED_FROM = 2**20  # fewer pairs are ranked before the compiled loops are even loaded


@dataclass(frozen=True, eq=False)
class Retrieval:
    """Scores of one query set against one gallery.

    Parameters
    ----------
    cmc : (ranks,) share of valid queries answered within rank 1, 2, ...; counts distinct identities
        (SYSU, LLCM) or gallery images (RegDB), as many as some valid query has left
    mAP, mINP : mean average precision, mean inverse negative penalty
    n_valid : queries with a true match in their gallery; the others count nowhere
    """

    cmc: np.ndarray
    mAP: float
    mINP: float
    n_valid: int

    def rank(self, k: int) -> float:
        """CMC at rank k; beyond the last rank the curve stays at its last value.

        Raises ValueError for k < 1: the first answer has rank 1.
        """
        if k < 1:
            raise ValueError(f"k={k}: the first answer has rank 1")
        return float(self.cmc[min(k, len(self.cmc)) - 1])


@dataclass(frozen=True, eq=False)
class TrialMean:
    """Means over gallery trials, and the sample standard deviations (0 for a single trial).

    Parameters
    ----------
    cmc, mAP, mINP : means; cmc_std, mAP_std, mINP_std : spread over the trials
    n_valid : (trials,) valid queries of each trial
    """

    cmc: np.ndarray
    mAP: float
    mINP: float
    cmc_std: np.ndarray
    mAP_std: float
    mINP_std: float
    n_valid: np.ndarray

    @property
    def trials(self) -> int:
        """How many trials were averaged."""
        return len(self.n_valid)

    rank = Retrieval.rank


@dataclass(frozen=True, eq=False)
class ROC:
    """A curve from (0, 0) to (1, 1) and the area under it, in [0, 1]."""

    fpr: np.ndarray
    tpr: np.ndarray
    auc: float


def evaluate(
    similarity,
    query_identity,
    gallery_identity,
    query_camera,
    gallery_camera,
    *,
    protocol: str = "sysu",
    backend: str = "auto",
) -> Retrieval:
    r"""Rank the gallery for each query (ties: gallery order) and score the rankings.

    .. math:: AP = \frac{1}{\sum_k h_k} \sum_k h_k \frac{\sum_{l \le k} h_l}{k}, \qquad
              INP = \frac{\sum_k h_k}{\max\{k : h_k = 1\}}

    Parameters
    ----------
    similarity : (q, g) larger is more alike
    query_identity, query_camera : (q,) ; gallery_identity, gallery_camera : (g,)
    protocol : "sysu" leaves camera 2 out for queries of camera 3; "llcm" leaves out gallery images
        of the query's identity *and* camera, as does "vcm"; "regdb" leaves out nothing. In the
        first two, CMC counts distinct identities, in the others gallery images (or tracklets).
    backend : "plain" (numpy, sorts), "compiled" (numba, counts; the same result), "auto" by size

    Raises ValueError for wrong shapes, NaN, an unknown protocol, cameras that are no whole numbers
    (in "sysu" from 1), the identity -1 (unknown), or when no query has a match.
    Source: Wu et al. 2017 (SYSU-MM01), Nguyen et al. 2017 (RegDB), Zhang & Wang 2023 (LLCM); mINP:
    Ye et al. 2021 (arXiv 2001.04193). Differs: released codes sort unstably, and stack CMC rows cut
    at 20, which breaks when fewer identities are left.
    """
    if backend not in BACKENDS:
        raise ValueError(f"backend={backend!r}; known: {', '.join(BACKENDS)}")
    similarity, query, gallery = table(similarity, query_identity, gallery_identity)
    keys = _keys(query, gallery, query_camera, gallery_camera, protocol)
    (query, gallery), distinct = _codes(query, gallery), protocol not in PER_IMAGE
    small = backend == "auto" and similarity.size < COMPILED_FROM
    score = _sorted if backend == "plain" or small else _counted
    first, precision, penalty = score(similarity, query, gallery, keys, distinct=distinct)
    valid = first > 0
    if not valid.any():
        raise ValueError(unanswered(query, gallery, protocol))
    ranks = _ranks(gallery if distinct else np.arange(len(gallery)), keys[0][valid], keys[1])
    steps = np.arange(1, ranks.max() + 1)
    cmc = np.searchsorted(np.sort(first[valid]), steps, side="right") / valid.sum()
    return Retrieval(
        cmc, float(precision[valid].mean()), float(penalty[valid].mean()), int(valid.sum())
    )


def _codes(*parts: np.ndarray) -> list[np.ndarray]:
    """Each part's values as numbers from 0, the same number for the same value."""
    code = np.unique(np.concatenate(parts), return_inverse=True)[1]
    return np.split(code, np.cumsum([len(p) for p in parts[:-1]]))


def _ranks(gallery: np.ndarray, query_key: np.ndarray, gallery_key: np.ndarray) -> np.ndarray:
    """(q,) how many of the gallery's identities are kept for each query, in part at least."""
    span = gallery_key.max() + 1
    identity, key = np.divmod(np.unique(gallery * span + gallery_key), span)
    lost = np.sort(key[np.bincount(identity)[identity] == 1])  # keys of identities with one key
    low, high = (np.searchsorted(lost, query_key, side=side) for side in ("left", "right"))
    return len(np.unique(identity)) - (high - low)


def _counted(similarity, query, gallery, keys, *, distinct: bool):
    """As ``_sorted`` without sorting: a hit's rank is one more than the images before it."""
    from vireid.compiled import in_threads
    from vireid.evaluation import loops

    column = np.argsort(gallery, kind="stable")
    people = max(query.max(), gallery.max()) + 1
    start = np.searchsorted(gallery[column], np.arange(people + 1))
    n = len(query)
    result = np.zeros(n, dtype=np.int64), np.zeros(n), np.zeros(n)
    given = (np.ascontiguousarray(similarity), (query, gallery), keys, (start, column))
    cuts = np.linspace(0, n, torch.get_num_threads() + 1).astype(int)
    parts = [(*given, rows, distinct, result) for rows in pairwise(cuts.tolist())]
    in_threads(loops.rankings, parts)
    return result


def _sorted(similarity, query, gallery, keys, *, distinct: bool):
    """Per query: rank of the first hit (0: no hit), AP and INP; a block of queries at a time."""
    step = max(1, BLOCK // len(gallery))
    blocks = [slice(i, i + step) for i in range(0, len(query), step)]
    parts = [
        _rankings(similarity[b], query[b], gallery, (keys[0][b], keys[1]), distinct=distinct)
        for b in blocks
    ]
    return tuple(np.concatenate(p) for p in zip(*parts, strict=True))


def _rankings(similarity, query, gallery, keys, *, distinct: bool):
    order = np.argsort(-similarity, axis=1, kind="stable")
    keep = keys[0][:, None] != keys[1][order]
    hit = keep & (gallery[order] == query[:, None])
    place = keep.cumsum(1)  # 1-based rank among the kept
    found = hit.cumsum(1)
    hits = found[:, -1]
    last = (place * hit).max(1)
    first = np.where(hit.any(1), np.take_along_axis(place, hit.argmax(1)[:, None], 1)[:, 0], 0)
    precision = (hit * found / np.maximum(place, 1)).sum(1) / np.maximum(hits, 1)
    if distinct:
        best = _best_place(order, np.where(keep, place, len(gallery) + 1), gallery)
        first = np.where(first > 0, (best < first[:, None]).sum(1) + 1, 0)
    return first, precision, hits / np.maximum(last, 1)


def _best_place(order: np.ndarray, place: np.ndarray, gallery: np.ndarray) -> np.ndarray:
    """(q, identities) best rank of each gallery identity: no image of it, no better one, counts."""
    by_image = np.empty_like(place)
    np.put_along_axis(by_image, order, place, 1)
    column = np.argsort(gallery, kind="stable")
    starts = np.unique(gallery[column], return_index=True)[1]
    return np.minimum.reduceat(by_image[:, column], starts, axis=1)


def kept_pairs(
    query_identity, gallery_identity, query_camera, gallery_camera, *, protocol: str = "sysu"
) -> np.ndarray:
    """(q, g) bool: which gallery images a query is compared with under the protocol.

    Raises ValueError for an unknown protocol, for lengths that do not fit, and for identities that
    are not all numbers or all names. Source: ``evaluate``.
    """
    identities = people(query_identity, gallery_identity)
    query_key, gallery_key = _keys(*identities, query_camera, gallery_camera, protocol)
    return query_key[:, None] != gallery_key[None]


def _keys(query, gallery, query_camera, gallery_camera, protocol: str):
    """Numbers (q,) and (g,): a query is not compared with the gallery images of its number."""
    if protocol not in PROTOCOLS:
        raise ValueError(f"protocol={protocol!r}; known: {', '.join(PROTOCOLS)}")
    query_camera = whole_numbers(query_camera, "query_camera")
    gallery_camera = whole_numbers(gallery_camera, "gallery_camera")
    for side, identity, camera in (
        ("query", query, query_camera),
        ("gallery", gallery, gallery_camera),
    ):
        if camera.shape != identity.shape:
            raise ValueError(f"{side}_camera has shape {camera.shape}, identity {identity.shape}")
        if protocol == "sysu" and camera.size and camera.min() < 1:
            raise ValueError(
                f"{side}_camera holds {camera.min()}: protocol='sysu' knows cameras by their "
                "number, 1 to 6 as SYSU-MM01 counts them; add 1 to cameras counted from 0"
            )
    if protocol == "sysu":
        return np.where(query_camera == 3, 0, 1), np.where(gallery_camera == 2, 0, 2)
    if protocol in ("llcm", "vcm"):
        camera = _codes(query_camera, gallery_camera)
        cameras = max(map(np.max, camera)) + 1
        query, gallery = _codes(query, gallery)
        return query * cameras + camera[0], gallery * cameras + camera[1]
    return np.zeros(len(query), dtype=np.int64), np.ones(len(gallery), dtype=np.int64)


def mean_over_trials(records: Iterable[Retrieval]) -> TrialMean:
    """Mean and spread of ``evaluate`` over gallery draws (10 in the papers).

    Shorter CMC rows go on at their last value. Raises ValueError when there is no record.
    Source: the protocols of SYSU-MM01, RegDB and LLCM, each a mean of 10; the spread is ours.
    """
    records = list(records)
    if not records:
        raise ValueError("records is empty: evaluate at least one trial")
    length = max(len(r.cmc) for r in records)
    cmc = np.stack([np.pad(r.cmc, (0, length - len(r.cmc)), mode="edge") for r in records])
    table = np.column_stack([[(r.mAP, r.mINP) for r in records], cmc])
    mean = table.mean(0)
    std = table.std(0, ddof=1) if len(records) > 1 else np.zeros_like(mean)
    return TrialMean(
        cmc=mean[2:],
        mAP=float(mean[0]),
        mINP=float(mean[1]),
        cmc_std=std[2:],
        mAP_std=float(std[0]),
        mINP_std=float(std[1]),
        n_valid=np.array([r.n_valid for r in records]),
    )


def roc(similarity, query_identity, gallery_identity, *, keep=None) -> ROC:
    """True against false positive rate of "same person" over all thresholds of similarity.

    Parameters
    ----------
    similarity : (q, g) ; query_identity : (q,) ; gallery_identity : (g,)
    keep : (q, g) bool, the pairs to count (default all); ``kept_pairs`` gives a protocol's

    The area is the chance that a random true pair is more alike than a random false one, ties half.
    Raises ValueError for wrong shapes, NaN, and when all pairs are true or all are false.
    Source: multi-module framework, Fig. 5; the paper gives no code.
    """
    from sklearn.metrics import auc, roc_curve

    similarity, query, gallery = table(similarity, query_identity, gallery_identity)
    same = query[:, None] == gallery[None]
    keep = np.ones_like(same) if keep is None else as_array(keep).astype(bool)
    if keep.shape != same.shape:
        raise ValueError(f"keep has shape {keep.shape} for a similarity of shape {same.shape}")
    if len(np.unique(same[keep])) < 2:
        raise ValueError(f"{int(same[keep].sum())} of {int(keep.sum())} pairs are true: need both")
    fpr, tpr, _ = roc_curve(same[keep], similarity[keep], drop_intermediate=False)
    return ROC(fpr, tpr, float(auc(fpr, tpr)))
