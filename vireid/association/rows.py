"""What comes through this room's door: prototypes, features and labels, checked and as tensors."""

import numpy as np
import torch
from torch import Tensor

from vireid.arguments import check_outliers, tensor_of
from vireid.neighbours.sources import unit_rows
from vireid.types import PseudoLabels


def like(value, given):
    """Value as an array of the same kind, on the same device, as ``given``."""
    if isinstance(given, Tensor):
        return torch.as_tensor(value, device=given.device)
    return value.cpu().numpy() if isinstance(value, Tensor) else np.asarray(value)


def pair(visible, infrared, what: str = "cluster") -> tuple[Tensor, Tensor]:
    """Both tables as unit rows of one width; ValueError for an empty side or unequal widths."""
    shapes = [tuple(np.shape(x)) for x in (visible, infrared)]
    if any(len(shape) != 2 for shape in shapes):
        raise ValueError(f"visible and infrared have shapes {shapes}; give one row per {what}")
    if not (shapes[0][0] and shapes[1][0]):
        raise ValueError(
            f"nothing to match: {shapes[0][0]} visible and {shapes[1][0]} infrared {what}s; "
            "if DBSCAN left only outliers, raise eps"
        )
    if shapes[0][1] != shapes[1][1]:
        raise ValueError(f"visible rows are {shapes[0][1]} wide, infrared rows {shapes[1][1]}")
    visible, infrared = unit_rows(visible, "visible"), unit_rows(infrared, "infrared")
    return visible, infrared.to(visible.dtype)


def cosine(visible, infrared) -> np.ndarray:
    """Cosines of all pairs of prototypes, (K_v, K_r) float64 in [-1, 1]."""
    visible, infrared = pair(visible, infrared)
    return (visible.double() @ infrared.double().T).cpu().numpy()


def as_labels(labels, x: Tensor, name: str) -> Tensor:
    """Labels (n,) int64 on x's device; -1 marks outliers, anything below is an error."""
    labels = labels.label if isinstance(labels, PseudoLabels) else labels
    labels = tensor_of(labels, x.device)
    if labels.shape != (len(x),) or labels.is_floating_point():
        raise ValueError(
            f"{name} has shape {tuple(labels.shape)} and type {labels.dtype} for {len(x)} images; "
            "give one whole number per image"
        )
    check_outliers(labels, name)
    return labels.long()


def images(x_visible, x_infrared, labels_visible, labels_infrared) -> tuple[Tensor, ...]:
    """Both modalities' unit rows and labels: (visible, infrared, labels of these, of those)."""
    v, r = pair(x_visible, x_infrared, "image")
    y_v = as_labels(labels_visible, v, "labels_visible")
    return v, r, y_v, as_labels(labels_infrared, r, "labels_infrared")


def one_hot(labels, clusters: int, *, dtype=torch.float32) -> Tensor:
    """Labels (n,) as rows (n, clusters) with a single 1.

    Raises ValueError for -1, which would otherwise quietly become the last cluster, and for numbers
    that are too large.
    Source: MULT (arXiv 2402.00672) eq. 4.
    """
    labels = tensor_of(labels)
    wrong = (labels < 0) | (labels >= clusters)
    if wrong.any():
        raise ValueError(
            f"{int(wrong.sum())} of {len(labels)} labels are outside 0..{clusters - 1}; "
            "give outliers a label (their nearest prototype) or drop them first"
        )
    return torch.nn.functional.one_hot(labels.long(), clusters).to(dtype)
