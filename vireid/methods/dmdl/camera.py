"""DMDL's camera variant (appendix D): an image by its similarity to each camera's clusters.

Two images of one person from different cameras may lie far apart, and still resemble the same
clusters of every camera; clustering that description looks past the cameras.
"""

import warnings
from collections.abc import Sequence

import torch
from torch import Tensor

from vireid.clustering import NoClustersError, dbscan, prototypes
from vireid.jaccard import jaccard_distance
from vireid.losses.contrast import scores


def camera_prototypes(
    x: Tensor, camera, *, eps: float = 0.55, k1: int = 30, k2: int = 6, min_samples: int = 4
) -> list[Tensor]:
    """Prototypes (K_c, d) of the clusters that each camera's images form among themselves.

    Parameters
    ----------
    x : (n, d) features of one modality ; camera : (n,) numbers
    eps, k1, k2, min_samples : DBSCAN and Jaccard neighbourhoods within a camera; k1 and k2 at most
        a camera's images

    Returns one bank per camera that has clusters, by ascending number; warns of the others.
    Raises ValueError for missing cameras; NoClustersError when no camera has clusters.
    Source: DMDL appendix D; numbers from GUR, which it follows. Differs: GUR first trains a network
    per camera and takes its memory.
    """
    if camera is None or len(camera) != len(x):
        given = "none" if camera is None else len(camera)
        raise ValueError(f"camera: {given} given for {len(x)} images; the variant needs one each")
    camera = torch.as_tensor(camera, device=x.device)
    if (camera < 0).any():
        raise ValueError(f"camera: {int((camera < 0).sum())} of {len(x)} are missing (below 0)")
    banks = []
    for c in camera.unique().tolist():
        own = x[camera == c]
        lists = {"k1": min(k1, len(own)), "k2": min(k2, len(own))}
        label = dbscan(jaccard_distance(own, eps=eps, **lists), eps=eps, min_samples=min_samples)
        if label.max() < 0:
            warnings.warn(
                f"camera {c} has no clusters among its {len(own)} images (camera_eps={eps}) and is "
                "left out",
                stacklevel=2,
            )
            continue
        banks.append(prototypes(own, torch.as_tensor(label)))
    if not banks:
        raise NoClustersError(
            f"none of {len(camera.unique())} cameras has clusters (camera_eps={eps}, k1={k1}, "
            f"min_samples={min_samples}); try a larger camera_eps"
        )
    return banks


def camera_similarity(x: Tensor, banks: Sequence[Tensor], *, temperature: float = 0.05) -> Tensor:
    r"""How an image of any camera would be classified by each camera's clusters.

    .. math:: p^c_k(x) = \frac{\exp(f^\top\phi^c_k/\tau_c)}{\sum_l \exp(f^\top\phi^c_l/\tau_c)},
              \quad s(x) = [s^1; \dots; s^C], \; s^c = [p^c_1, \dots, p^c_{K_c}]

    Parameters
    ----------
    x : (n, d) features, normalised inside ; banks : per camera (K_c, d) prototypes
    temperature : tau_c > 0

    Returns (n, sum of K_c), rows >= 0 that sum to C. Warns when every camera has a single cluster,
    because all rows are then equal. Raises ValueError for no banks, NaN, shapes, tau_c <= 0.
    Source: DMDL appendix D, D.1-D.3; tau_c is GUR's, the paper's is lost.
    """
    if not banks:
        raise ValueError("banks: none given; need the prototypes of at least one camera")
    if all(len(bank) == 1 for bank in banks):
        warnings.warn(
            f"each of {len(banks)} cameras has one cluster, so all images look alike to them; "
            "lower camera_eps or do without camera_clustering",
            stacklevel=2,
        )
    return torch.cat([scores(x, bank, temperature).softmax(1) for bank in banks], 1)
