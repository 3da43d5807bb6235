"""Who is near in every region at once, and whom to strike from that list within one's own camera.

A region is a slice of the concatenated feature. Sets are lists of index tensors, one per query.
"""

import warnings
from collections.abc import Sequence

import torch
from torch import Tensor

from vireid.arguments import check_rows, tensor_of
from vireid.clustering import dbscan
from vireid.jaccard import jaccard_distance

Sets = list[Tensor]


def regional_similarity(query: Tensor, target: Tensor, *, regions: int) -> Tensor:
    r"""Dot products slice by slice, after normalising the *whole* feature.

    .. math:: s^{(n)}_{ij} = u_i^{(n)} \cdot u_j^{(n)}, \quad \sum_n s^{(n)}_{ij} = \cos(f_i, f_j)

    (n, D) and (m, D) -> (regions, n, m). Slices are not normalised again, so a region in which an
    image is weak speaks softly. Raises ValueError when regions does not divide D, the widths differ
    or a feature is not finite; warns once about zero rows, which are near nobody.
    Source: multi-module framework (VRNL), after TokenMatcher's released code.
    """
    own, other = _slices(query, target, regions)
    return own @ other  # (regions, n, d) x (regions, d, m)


def intersect(similarity: Tensor, *, rho: float = 0.9, min_regions: int | None = None) -> Sets:
    r"""Targets that come close to each query's best in at least ``min_regions`` regions.

    .. math:: N_n(i) = \{j : s^{(n)}_{ij} > \rho \max_j s^{(n)}_{ij}},
              \quad N(i) = \bigcap_n N_n(i)

    Parameters
    ----------
    similarity : (regions, n, m) of ``regional_similarity``
    rho : share of the row's maximum that must be exceeded, in (0, 1]; a row without a positive
        similarity has no neighbours, and rho = 1 leaves none to anybody
    min_regions : how many regions must agree; None = all (the intersection)

    Returns one ascending index tensor per query, n in all. Raises ValueError for NaN, and rho and
    min_regions out of range.
    Source: multi-module framework (VRNL); TokenMatcher's released code with gamma for rho.
    """
    regions, n, m = similarity.shape
    needed = regions if min_regions is None else min_regions
    if not 0 < rho <= 1:
        raise ValueError(f"rho={rho}: give a share in (0, 1]; TokenMatcher's is 0.9")
    if not 1 <= needed <= regions:
        raise ValueError(f"min_regions={min_regions}: give 1 to {regions}, the number of regions")
    check_rows(similarity.flatten(0, 1), "similarity")
    if not m:
        return [torch.zeros(0, dtype=torch.int64, device=similarity.device)] * n
    close = similarity > rho * similarity.amax(2, keepdim=True)
    return _sets(close.sum(0) >= needed)


def neighbour_sets(
    query: Tensor,
    target: Tensor,
    *,
    regions: int,
    rho: float = 0.9,
    min_regions: int | None = None,
    chunk: int = 1024,
) -> Sets:
    """Regional neighbours of each query among the targets, a chunk of query rows at a time.

    Parameters
    ----------
    query, target : (n, D) and (m, D) features, normalised inside; the same table twice for sets
        within a modality, where the row's maximum is the image itself
    regions : slices of the feature; rho, min_regions as in ``intersect``
    chunk : query rows per step; memory grows as regions * chunk * m

    Returns n ascending index tensors into target. Errors as in ``regional_similarity`` and
    ``intersect``.
    Source: multi-module framework (VRNL), sets vv, rr, vr and rv.
    """
    own, other = _slices(query, target, regions)
    found: Sets = []
    for rows in own.split(chunk, dim=1):
        found += intersect(rows @ other, rho=rho, min_regions=min_regions)
    return found


def camera_filter(
    sets: Sequence,
    camera_query,
    camera_target,
    local_query,
    local_target,
    *,
    same_modality: bool = True,
) -> Sets:
    r"""Strike same-camera neighbours that the camera's own clustering puts elsewhere.

    A neighbour stays when it is from another camera, or shares the query's local cluster, or either
    of the two has no local label (-1). Local labels are compared within a camera only.

    Parameters
    ----------
    sets : one index array per query
    camera_query, camera_target : (n,) and (m,) camera numbers
    local_query, local_target : (n,) and (m,) labels of clustering one camera's images alone
    same_modality : False returns the sets as they are: a camera belongs to one modality

    Raises ValueError for lengths that differ, IndexError for rows that there are not.
    Source: multi-module framework (VRNL noise removal), after CALR and TokenMatcher. Differs: the
    latter deletes from a list while walking it, so every second of consecutive bad ones survived.
    """
    sets = [torch.as_tensor(s) for s in sets]
    row, column = pairs(sets)
    if len(column) and int(column.min()) < 0:
        raise IndexError(f"a set of neighbours holds {int(column.min())}; rows count from 0")
    given = (camera_query, camera_target, local_query, local_target)
    camera_query, camera_target, local_query, local_target = (
        torch.as_tensor(v, device=row.device) for v in given
    )
    if not len(sets) == len(camera_query) == len(local_query):
        raise ValueError(
            f"camera_query and local_query have {len(camera_query)} and {len(local_query)} rows "
            f"for {len(sets)} sets; give one per query"
        )
    if len(camera_target) != len(local_target):
        raise ValueError(
            f"camera_target has {len(camera_target)} rows, local_target {len(local_target)}"
        )
    if not same_modality:
        return sets
    own, other = local_query[row], local_target[column]
    keep = (camera_query[row] != camera_target[column]) | (own == other) | (own < 0) | (other < 0)
    return _split(row[keep], column[keep], len(sets))


# DBSCAN radius within one camera; TokenMatcher's for SYSU-MM01's cameras, OTHER_EPS for all others
LOCAL_EPS = {1: 0.2, 2: 0.2, 3: 0.6, 4: 0.5, 5: 0.5, 6: 0.2}
OTHER_EPS = 0.5


def local_clusters(
    x: Tensor,
    camera,
    *,
    eps: float | None = None,
    k1: int = 30,
    k2: int = 6,
    min_samples: int = 4,
) -> Tensor:
    """Cluster each camera's images alone: labels (n,), counted within a camera, -1 without one.

    Parameters
    ----------
    x : (n, D) features of one modality; camera : (n,) numbers
    eps : DBSCAN radius for every camera; None = ``LOCAL_EPS`` by camera number
    k1, k2, min_samples : Jaccard neighbourhoods and DBSCAN; k1, k2 at most a camera's images

    With a single camera there is nothing to tell apart, and nobody gets a label.
    Source: CALR and TokenMatcher (radii). Differs: they fine-tune the network per camera first and
    choose the epoch by silhouette; we take the features as they are.
    """
    camera = torch.as_tensor(camera)
    label = torch.full((len(x),), -1, dtype=torch.int64)
    numbers = camera.unique().tolist()
    for c in numbers if len(numbers) > 1 else ():
        rows = (camera == c).nonzero().flatten()
        radius = LOCAL_EPS.get(c, OTHER_EPS) if eps is None else eps
        n = len(rows)
        distance = jaccard_distance(x[rows], k1=min(k1, n), k2=min(k2, n), eps=radius)
        label[rows] = torch.as_tensor(dbscan(distance, eps=radius, min_samples=min_samples))
    return label.to(x.device)


def pairs(sets: Sequence) -> tuple[Tensor, Tensor]:
    """All (query, neighbour) pairs of a list of sets, as two flat int64 tensors in list order.

    Raises ValueError for a mask or fractions in the place of row numbers.
    """
    sets = [tensor_of(s) for s in sets]
    kinds = {s.dtype for s in sets if len(s)}
    if other := [str(t) for t in kinds if t.is_floating_point or t == torch.bool]:
        raise ValueError(
            f"a set of neighbours is {other[0]}; give numbers of rows, of a mask those where it is "
            "true: mask.nonzero().flatten()"
        )
    if not sets:
        return torch.zeros(0, dtype=torch.int64), torch.zeros(0, dtype=torch.int64)
    column = torch.cat(sets).long()
    sizes = torch.tensor([len(s) for s in sets], device=column.device)
    return torch.arange(len(sets), device=column.device).repeat_interleave(sizes), column


def _sets(mask: Tensor) -> Sets:
    """Column numbers of the true entries of each row of a (n, m) mask."""
    row, column = mask.nonzero(as_tuple=True)
    return _split(row, column, len(mask))


def _split(row: Tensor, column: Tensor, n: int) -> Sets:
    """Undo ``pairs``: row must be ascending."""
    return list(column.split(row.bincount(minlength=n).tolist())) if n else []


def _slices(query: Tensor, target: Tensor, regions: int) -> tuple[Tensor, Tensor]:
    """Unit features cut into regions, ready to be multiplied: (regions, n, d), (regions, d, m)."""
    query, target = _unit(query, "query"), _unit(target, "target")
    width = query.shape[1]
    if target.shape[1] != width:
        raise ValueError(f"target has width {target.shape[1]}, query has {width}; they must agree")
    if regions < 1 or width % regions:
        raise ValueError(f"regions={regions} does not divide the feature width {width}")
    own, other = (x.unflatten(1, (regions, -1)) for x in (query, target))
    return own.transpose(0, 1), other.permute(1, 2, 0)


def _unit(x: Tensor, name: str) -> Tensor:
    x = torch.as_tensor(x)
    if x.ndim != 2:
        raise ValueError(f"{name} has shape {tuple(x.shape)}; give features (n, D)")
    if not x.isfinite().all():
        raise ValueError(f"{name} holds NaN or infinite features; the network has diverged")
    norm = x.norm(dim=1, keepdim=True)
    if (norm == 0).any():
        warnings.warn(f"{int((norm == 0).sum())} rows of {name} are all zero", stacklevel=4)
    return x / norm.clamp_min(1e-12)
