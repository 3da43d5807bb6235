"""What is measured of every epoch's features and labels: the rows of a run's curves."""

import numpy as np

from vireid import bias
from vireid.evaluation import cluster_scores, cross_modality_scores
from vireid.types import Embeddings, Modality, PseudoLabels


def label_curves(labels: dict[str, PseudoLabels], train: Embeddings) -> dict:
    """How good this epoch's labels are: sizes always, agreement with the truth where known.

    Scores within a space leave outliers out; cross-modality scores count them as misses.
    """
    row = neighbour_curves(train)
    for space, found in labels.items():
        own = [m for m in Modality if m.word == space]  # a space of one modality, or of both
        members = np.isin(train.modality.numpy(), own or list(Modality))
        row[f"{space}/clusters"] = found.clusters
        row[f"{space}/outliers"] = int((members & ~found.kept).sum())
        if train.identity is None:
            continue
        known = train.identity.numpy() >= 0
        label, identity = found.label[known], train.identity.numpy()[known]
        if (label >= 0).sum() < 2:
            continue
        modality = train.modality.numpy()[known]
        row |= {f"{space}/{k}": v for k, v in cluster_scores(label, identity).items()}
        if len(set(modality[label >= 0])) == 2:
            across = cross_modality_scores(label, identity, modality, outliers="alone")
            row |= {f"{space}/cross_{k}": v for k, v in across.items()}
    return {k: None if v != v else v for k, v in row.items()}  # NaN: undefined, not measured


def neighbour_curves(train: Embeddings) -> dict:
    """Share of the own modality among the nearest neighbours: top 30, and top k where the truth
    tells how many images an identity has per modality.
    """
    row = {"own_share_30": bias.neighbour_modality_ratio(train, k=min(30, len(train) - 1)).mean}
    if train.identity is not None:
        counts = [
            np.unique(train.of(own).identity.numpy(), return_counts=True)[1] for own in Modality
        ]
        k = int(np.median(np.concatenate(counts)))
        row |= {"k": k, "own_share_k": bias.neighbour_modality_ratio(train, k=k).mean}
    return row
