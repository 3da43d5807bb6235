"""What the last finished run measured of its network, for a run that begins with the same one.

Rows of an ablation begin where their stage 1 ended: its scores and features need not be computed
again. Only the very same tables and weights count, so no number changes.
"""

from dataclasses import dataclass

import torch

from vireid.identity import weights_digest
from vireid.retrieval_task import RetrievalTask
from vireid.types import Embeddings, Images


@dataclass(frozen=True)
class Finished:
    """Features of the training table and scores of one network, measured ``where``."""

    weights: str
    where: tuple[str, int]
    images: Images
    test: RetrievalTask | None
    features: Embeddings
    scores: dict


_last: Finished | None = None


def remember(
    model: torch.nn.Module,
    images: Images,
    test: RetrievalTask | None,
    features: Embeddings,
    scores: dict,
) -> None:
    """Keep what was measured of a network, in the place of what was kept before."""
    global _last
    _last = Finished(weights_digest(model), _where(model), images, test, features, scores)


def recall(
    model: torch.nn.Module, images: Images, test: RetrievalTask | None = None
) -> Finished | None:
    """What is kept of the network, if it was measured on these very tables."""
    kept = _last
    if kept is None or kept.images is not images or (test is not None and test is not kept.test):
        return None
    same = kept.where == _where(model) and kept.weights == weights_digest(model)
    return kept if same else None


def _where(model: torch.nn.Module) -> tuple[str, int]:
    """Device and number of threads, on which the last digits depend."""
    return str(next(model.parameters()).device), torch.get_num_threads()
