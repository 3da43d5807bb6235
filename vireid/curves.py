"""What is measured of features and labels: the rows of a run's curves, distances in brief."""

import numpy as np

from vireid import bias
from vireid.arguments import as_array
from vireid.evaluation import cluster_scores, cross_modality_scores
from vireid.types import Embeddings, Modality, PseudoLabels


def label_curves(labels: dict[str, PseudoLabels], train: Embeddings) -> dict:
    """How good this epoch's labels are: sizes always, agreement with the truth where known.

    Scores within a space leave outliers out; cross-modality scores count them as misses. Images
    with identity -1 are scored nowhere. Other negative identities are tracks of people whom nobody
    named and the other modality does not show: across the gap, every pair with them is wrong.
    ``<space>/lone`` is the share of images of such one-sided people that share their label with an
    image of the other modality.
    """
    row = neighbour_curves(train)
    for space, found in labels.items():
        own = [m for m in Modality if m.word == space]  # a space of one modality, or of both
        members = np.isin(train.modality.numpy(), own or list(Modality))
        row[f"{space}/clusters"] = found.clusters
        row[f"{space}/outliers"] = int((members & ~found.kept).sum())
        if train.identity is None:
            continue
        label, identity, modality = found.label, train.identity.numpy(), train.modality.numpy()
        named, told = identity >= 0, identity != -1
        if (label[named] >= 0).sum() < 2:
            continue
        row |= {f"{space}/{k}": v for k, v in cluster_scores(label[named], identity[named]).items()}
        label, identity, modality = label[told], identity[told], modality[told]
        if len(set(modality[label >= 0])) == 2:
            across = cross_modality_scores(label, identity, modality, outliers="alone")
            row |= {f"{space}/cross_{k}": v for k, v in across.items()}
            row |= {f"{space}/lone": share for share in _lone(label, identity, modality)}
    return {k: None if v != v else v for k, v in row.items()}  # NaN: undefined, not measured


def _lone(label, identity, modality) -> list[float]:
    """[share of one-sided people's images that share a label with the other side], or nothing."""
    linked = []
    for own in Modality:
        mine, other = modality == own, modality == own.other
        lone = mine & ~np.isin(identity, identity[other])
        linked.append(np.isin(label[lone], label[other & (label >= 0)]))
    linked = np.concatenate(linked)
    return [float(linked.mean())] if len(linked) else []


def neighbour_curves(train: Embeddings) -> dict:
    """Share of the own modality among the nearest neighbours: top 30, and top k where the truth
    tells how many images an identity has per modality.
    """
    row = {"own_share_30": bias.neighbour_modality_ratio(train, k=min(30, len(train) - 1)).mean}
    if train.identity is not None:
        people = [train.of(own).identity.numpy() for own in Modality]
        counts = np.concatenate([np.unique(i[i >= 0], return_counts=True)[1] for i in people])
        if len(counts):  # somebody is named
            k = int(np.median(counts))
            row |= {"k": k, "own_share_k": bias.neighbour_modality_ratio(train, k=k).mean}
    return row


def check_crossing(table) -> None:
    """ValueError when images or features show no person in both modalities, or only one person.

    ``crossing_quantiles`` then has no pair to measure. Images of unknown people do not count.
    """
    advice = "leave distances (vireid evaluate --distances) out"
    if table.identity is None:
        raise ValueError(
            f"the training table is blind: distances of persons need identities; {advice}"
        )
    identity, modality = as_array(table.identity), as_array(table.modality)
    sides = (identity[(modality == own) & (identity >= 0)] for own in Modality)
    visible, infrared = (set(side.tolist()) for side in sides)
    known = len(visible | infrared)
    if not visible & infrared:
        raise ValueError(
            f"none of {known} known training people is seen in both modalities, so no pair of one "
            f"person crosses the gap; {advice}"
        )
    if known < 2:
        raise ValueError(f"only one training person is known, so no pair is of two; {advice}")


def crossing_quantiles(embeddings: Embeddings, *, count: int = 500) -> dict:
    """Squared distances across the gap of one person's pairs and of two people's, in brief.

    Returns ``same`` and ``different``, (count,) ascending quantiles in [0, 4] that stand for equal
    shares of the pairs, and ``n``, how many pairs they come from. Images of unknown people take no
    part. Raises ValueError as ``check_crossing``, and when none of the drawn pairs crosses, which a
    few people in both modalities among very many allow. Source: MULT (IJCV 2024), Fig. 5.
    """
    check_crossing(embeddings)
    identity = embeddings.identity.numpy()
    group = np.where(identity >= 0, identity, -1)
    found, at = {"n": []}, (np.arange(count) + 0.5) / count
    for name, inside in (("same", True), ("different", False)):
        pairs = bias.pair_distances(embeddings, group, inside=inside)
        crossing = 2 * pairs.distance[pairs.crossing]  # of unit rows: twice 1 - cosine
        if not len(crossing):
            raise ValueError(
                f"none of {len(pairs.crossing)} pairs drawn crosses the gap ({name} person): too "
                "few of the training people are seen in both modalities"
            )
        found[name] = np.round(np.quantile(crossing, at), 4).tolist()
        found["n"].append(len(crossing))
    return found
