"""How well pseudo-labels agree with identities: over all pairs, and over pairs across the gap."""

import numpy as np
from scipy.sparse import coo_array

from vireid.arguments import as_array, check_modality, check_outliers, whole_numbers
from vireid.evaluation.given import check_known
from vireid.types import Modality

OUTLIERS = ("drop", "alone")


def cluster_scores(label, identity, *, outliers: str = "drop") -> dict[str, float]:
    """Agreement of clusters with the truth.

    Parameters
    ----------
    label : (n,) pseudo-labels, -1 outlier
    identity : (n,) truth
    outliers : "drop" scores the clustered images only; "alone" makes each outlier its own cluster,
        so that outliers cost recall

    Returns
    -------
    ``ari``, ``nmi``, ``homogeneity`` (scikit-learn), ``precision``: share of true pairs among the
    pairs of images that share a cluster, ``recall``: share of the true pairs that do, ``kept``: how
    many images were scored. Fractions, except ari, which is 0 by chance and at most 1. A score is
    NaN where it is undefined: precision without clusters of two, recall without identities of two,
    all without images.

    Raises ValueError for lengths that differ, labels below -1, fractions, and identities of -1:
    unknown people would count as one person.
    Source: DMDL Fig. 8 (homogeneity, ARI); MULT Fig. 4 (pair precision and recall). Differs: MULT's
    code counts every image as a pair with itself.
    """
    from sklearn import metrics

    label, identity, _ = _scored(label, identity, None, outliers)
    if not len(label):
        return dict.fromkeys(("ari", "nmi", "homogeneity", "precision", "recall"), np.nan) | {
            "kept": 0
        }
    both, same_label, same_identity = (
        _pairs(np.unique(key, axis=0, return_counts=True)[1])
        for key in (np.stack([label, identity], 1), label, identity)
    )
    return {
        "ari": float(metrics.adjusted_rand_score(identity, label)),
        "nmi": float(metrics.normalized_mutual_info_score(identity, label)),
        "homogeneity": float(metrics.homogeneity_score(identity, label)),
        "precision": _share(both, same_label),
        "recall": _share(both, same_identity),
        "kept": len(label),
    }


def cross_modality_scores(label, identity, modality, *, outliers: str = "drop") -> dict[str, float]:
    r"""Agreement of clusters with the truth, judged on visible-infrared pairs only.

    Of the M pairs (one visible image, one infrared), let A share a cluster, B an identity, T both.

    .. math:: \text{precision} = T / A, \quad \text{recall} = T / B, \quad
              \text{ari} = \frac{T - AB/M}{(A + B)/2 - AB/M}

    ari is the adjusted Rand index of Hubert and Arabie restricted to these pairs. AB/M is exactly
    the mean of T when the labels are shuffled among the visible and among the infrared images, so
    ari is 0 by chance; it is 1 when A = B = T, in particular when no pair shares anything.

    Parameters
    ----------
    label : (n,) pseudo-labels in one label space, -1 outlier
    identity : (n,) truth; modality : (n,) 0 visible, 1 infrared
    outliers : "drop" or "alone" as in ``cluster_scores``

    Returns ``precision``, ``recall``, ``ari``, ``pairs`` (M) and ``kept`` (images); NaN where
    undefined: precision when A = 0, recall when B = 0, ari when M = 0.
    Raises ValueError as ``cluster_scores`` does, for modalities other than 0 and 1, and when one of
    the two has no image.
    Source: ours, after Hubert & Arabie 1985 and MULT Fig. 4 (cross pairs).
    """
    for own in Modality:
        if not (as_array(modality) == own).any():
            raise ValueError(f"modality has no {own.word} image, so no pair crosses the gap")
    label, identity, modality = _scored(label, identity, modality, outliers)
    label, identity = (np.unique(v, return_inverse=True)[1] for v in (label, identity))
    visible, infrared = (_contingency(label, identity, modality == own) for own in Modality)
    both = float((visible * infrared).sum())
    same_label = float(visible.sum(1) @ infrared.sum(1))
    same_identity = float(visible.sum(0) @ infrared.sum(0))
    pairs = float(visible.sum() * infrared.sum())
    return {
        "precision": _share(both, same_label),
        "recall": _share(both, same_identity),
        "ari": pair_ari(both, same_label, same_identity, pairs),
        "pairs": int(pairs),
        "kept": len(label),
    }


def pair_ari(both: float, same_label: float, same_identity: float, pairs: float) -> float:
    """Adjusted Rand index from pair counts: T, A, B and M of ``cross_modality_scores``."""
    if not pairs:
        return np.nan
    expected = same_label * same_identity / pairs
    most = (same_label + same_identity) / 2
    return 1.0 if most == expected else (both - expected) / (most - expected)


def _contingency(label: np.ndarray, identity: np.ndarray, rows: np.ndarray) -> coo_array:
    """(clusters, identities) how many of the rows are in both."""
    shape = (label.max(initial=-1) + 1, identity.max(initial=-1) + 1)
    return coo_array(
        (np.ones(rows.sum(), dtype=np.int64), (label[rows], identity[rows])), shape=shape
    ).tocsr()


def _scored(label, identity, modality, outliers: str):
    """Arrays of equal length with outliers dropped or each given a label of its own."""
    if outliers not in OUTLIERS:
        raise ValueError(f"outliers={outliers!r}; known: {', '.join(OUTLIERS)}")
    label, identity = whole_numbers(label, "label"), whole_numbers(identity, "identity")
    modality = np.zeros_like(label) if modality is None else whole_numbers(modality, "modality")
    check_known(identity, "identity")
    if label.ndim != 1 or not label.shape == identity.shape == modality.shape:
        raise ValueError(
            f"label has shape {label.shape}, identity {identity.shape}, modality {modality.shape}; "
            "give one number per image"
        )
    check_modality(modality)
    check_outliers(label, "label")
    return _without_outliers(label, identity, modality, outliers)


def _without_outliers(label, identity, modality, outliers: str):
    lost = label < 0
    if outliers == "drop":
        return label[~lost], identity[~lost], modality[~lost]
    label = label.copy()
    label[lost] = label.max(initial=-1) + 1 + np.arange(lost.sum())
    return label, identity, modality


def _pairs(sizes: np.ndarray) -> int:
    """Unordered pairs of different images within groups of the given sizes."""
    return int((sizes * (sizes - 1) // 2).sum())


def _share(part: float, whole: float) -> float:
    return part / whole if whole else np.nan
