"""What the scores are given: as numpy arrays, with what would score wrongly refused."""

import numpy as np
import torch


def as_array(values) -> np.ndarray:
    """Numbers of any device as a numpy array."""
    is_tensor = isinstance(values, torch.Tensor)
    return values.detach().cpu().numpy() if is_tensor else np.asarray(values)


def whole_numbers(values, name: str) -> np.ndarray:
    """Numbers as int64; ValueError for text, fractions and NaN: no comparison would notice."""
    given = as_array(values)
    if given.dtype.kind in "iu":
        return given.astype(np.int64)
    if given.dtype.kind != "f" or not (np.isfinite(given) & (given == np.round(given))).all():
        shown = given.ravel()[:3].tolist()
        raise ValueError(f"{name} holds {shown} ({given.dtype}); give whole numbers")
    return given.astype(np.int64)


def _people(values, side: str) -> np.ndarray:
    """Identities; ValueError for -1, the mark of unknown people, who would match each other."""
    found = as_array(values)
    found = found if found.dtype.kind in "US" else whole_numbers(found, f"{side}_identity")
    if found.dtype.kind == "i" and (found == -1).any():
        raise ValueError(
            f"{side}_identity is -1, unknown, {int((found == -1).sum())} times: unknown people "
            "would count as one person; leave them out, or give each a number of its own"
        )
    return found


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
