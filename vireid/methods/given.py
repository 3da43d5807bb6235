"""Labels that somebody else made, for the first epochs of a run.

So one method's stage 2 starts from another's stage 1.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from vireid.clustering import consecutive
from vireid.data.sampler import few_clusters
from vireid.identity import rows_digest
from vireid.types import Modality, PseudoLabels


@dataclass(frozen=True)
class GivenLabels:
    """Clusters within each modality that are taken as they are, instead of clustering features.

    Parameters
    ----------
    label : (n,) cluster of each training picture among those of its own modality, -1 outlier
    epochs : of the run, from its first; afterwards the method clusters by itself
    """

    label: np.ndarray
    epochs: int = 1

    def __post_init__(self):
        if self.epochs < 1:
            raise ValueError(f"epochs={self.epochs} of given labels: give at least 1")
        object.__setattr__(self, "label", PseudoLabels(self.label).label)

    @classmethod
    def of_spaces(
        cls, labels: Mapping[str, PseudoLabels], modality: np.ndarray, *, epochs: int = 1
    ) -> "GivenLabels":
        """From label spaces: "visible" and "infrared" where both are there, else the only one.

        A space that both modalities share is cut in two by modality: who belongs to whom across
        the gap is the method's own business.

        Raises ValueError for several spaces without those of the modalities, and for a modality
        with fewer than two clusters.
        """
        own = {m: labels.get(m.word) for m in Modality}
        if any(space is None for space in own.values()):
            if len(labels) != 1:
                raise ValueError(
                    f"label spaces {', '.join(labels) or 'none'}: give visible and infrared, or "
                    "one space for both"
                )
            own = dict.fromkeys(Modality, next(iter(labels.values())))
        label = np.full(len(modality), -1)
        for m, space in own.items():
            at = np.asarray(modality) == m
            label[at] = space.label[at]
            if len(np.unique(label[at & (label >= 0)])) < 2:
                raise ValueError(f"given labels of {m.word} pictures: {few_clusters(label[at])}")
        return cls(label, epochs)

    def check(self, modality: np.ndarray, *, sides: int = 2) -> None:
        """ValueError unless pictures of so many modalities have a label."""
        none = [m.word for m in Modality if (self.label[np.asarray(modality) == m] < 0).all()]
        if len(none) > 2 - sides:
            raise ValueError(
                f"labels: no {' and no '.join(none)} picture has a label, all are outliers (-1); "
                "give each its cluster, 0 and up"
            )

    def of(self, rows: np.ndarray) -> np.ndarray:
        """Labels of some pictures of one modality, renumbered 0..K-1 in ascending order."""
        return consecutive(self.label[rows])

    @property
    def digest(self) -> str:
        """12 hex digits of labels and epochs."""
        return rows_digest(self.label, [self.epochs])
