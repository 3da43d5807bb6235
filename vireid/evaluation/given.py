"""What the scores are given: as numpy arrays, with what would score wrongly refused."""

import numpy as np
import torch

from vireid.arguments import as_array, whole_numbers


def _people(values, side: str) -> np.ndarray:
    """Identities, numbers or names, without the mark of unknown people, who would match."""
    found = as_array(values)
    found = found if found.dtype.kind in "US" else whole_numbers(found, f"{side}_identity")
    if found.dtype.kind == "i":
        check_known(found, f"{side}_identity")
    return found


def check_known(identity: np.ndarray, name: str) -> None:
    """ValueError for -1, the mark of unknown people."""
    if unknown := int((identity == -1).sum()):
        raise ValueError(
            f"{name} is -1, unknown, {unknown} times: unknown people would count as one person; "
            "leave them out, or give each a number of its own"
        )


def table(similarity, query_identity, gallery_identity):
    """The three as numpy arrays, their shapes and finiteness checked."""
    if isinstance(similarity, torch.Tensor) and similarity.dtype != torch.float32:
        similarity = similarity.double()  # numpy has no bfloat16
    similarity = as_array(similarity)
    if similarity.dtype != np.float32:  # which ranks like its copy in float64
        similarity = similarity.astype(np.float64, copy=False)
    query, gallery = _people(query_identity, "query"), _people(gallery_identity, "gallery")
    if similarity.shape != (query.size, gallery.size) or query.ndim != 1 or gallery.ndim != 1:
        raise ValueError(
            f"similarity has shape {similarity.shape} for query_identity of shape {query.shape} "
            f"and gallery_identity of shape {gallery.shape}; it must be queries x gallery"
        )
    if not similarity.size:
        raise ValueError(f"similarity has shape {similarity.shape}: there is nothing to rank")
    if not np.isfinite([similarity.min(), similarity.max()]).all():  # NaN is in both
        bad = int((~np.isfinite(similarity)).sum())
        raise ValueError(f"similarity holds {bad} NaN or infinite entries")
    return similarity, query, gallery
