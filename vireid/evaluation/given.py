"""What the scores are given: as numpy arrays, with what would score wrongly refused."""

import numpy as np
import torch

from vireid.arguments import as_array, whole_numbers

OWN_CAMERA = (
    "of the query's own camera",
    "number the cameras of the two modalities differently, or leave `camera` empty in a table of "
    "your own pictures",
)
LEFT_OUT = {  # protocol -> which pictures of a query's own person are no answer, what to do
    "sysu": ("of camera 2, for queries of camera 3", "ask by, or answer from, other cameras too"),
    "llcm": OWN_CAMERA,
    "vcm": OWN_CAMERA,
}


def people(query_identity, gallery_identity) -> tuple[np.ndarray, np.ndarray]:
    """Identities as arrays, both whole numbers or both names; ValueError for what is neither."""
    query, gallery = _read(query_identity, "query"), _read(gallery_identity, "gallery")
    if query.dtype.kind != gallery.dtype.kind:
        raise ValueError(
            f"query_identity is {query.dtype}, gallery_identity {gallery.dtype}: a number is "
            "nobody's name; give both as numbers or both as names"
        )
    return query, gallery


def _read(values, side: str) -> np.ndarray:
    found = as_array(values)
    if found.dtype == object and found.size and all(isinstance(v, str) for v in found.flat):
        found = found.astype(str)  # as pandas holds names
    return found if found.dtype.kind in "US" else whole_numbers(found, f"{side}_identity")


def check_known(identity: np.ndarray, name: str) -> None:
    """ValueError for the marks of unknown people: -1, among names "-1" and ""."""
    names = identity.dtype.kind in "US"
    marks = np.array(["", "-1"], identity.dtype.kind) if names else np.array([-1])
    if len(unknown := identity[np.isin(identity, marks)]):
        told = " or ".join(map(repr, np.unique(unknown).tolist()))
        raise ValueError(
            f"{name} is {told}, unknown, {len(unknown)} times: unknown people would count as one "
            f"person; leave them out, or give each a {'name' if names else 'number'} of its own"
        )


def unanswered(query: np.ndarray, gallery: np.ndarray, protocol: str) -> str:
    """Why none of the queries has a true match in its gallery, and what to do."""
    said = f"none of the {len(query)} queries has a true match in its gallery"
    if not (there := int(np.isin(query, gallery).sum())):
        return f"{said}: it has no picture of their people; take both from the same people"
    which, advice = LEFT_OUT[protocol]
    return (
        f"{said}: it has pictures of the people of {there}, but all of them are {which}, which "
        f"protocol={protocol!r} leaves out; {advice}"
    )


def table(similarity, query_identity, gallery_identity):
    """The three as numpy arrays: shapes, finiteness, known people, one kind of identity checked."""
    if isinstance(similarity, torch.Tensor) and similarity.dtype != torch.float32:
        similarity = similarity.double()  # numpy has no bfloat16
    similarity = as_array(similarity)
    if similarity.dtype != np.float32:  # which ranks like its copy in float64
        similarity = similarity.astype(np.float64, copy=False)
    query, gallery = people(query_identity, gallery_identity)
    for identity, side in ((query, "query"), (gallery, "gallery")):
        check_known(identity, f"{side}_identity")  # they would match
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
