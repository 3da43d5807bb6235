"""Checks of features, labels and other columns, shared by records, memories and losses."""

import operator
import warnings

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import normalize

TINY = 1e-12  # a shorter row has no direction


class LabelError(ValueError, IndexError):
    """A label that addresses no prototype: an outlier (-1), or a number of K or more."""


def tensor_of(values, device: torch.device | None = None) -> Tensor:
    """Values as a tensor; numpy arrays that torch does not share (reversed, read-only) copied."""
    if isinstance(values, np.ndarray) and (
        not values.flags.writeable or min(values.strides, default=0) < 0
    ):
        values = values.copy()
    return torch.as_tensor(values, device=device)


def check_momentum(momentum: Tensor | float) -> Tensor:
    """The momentum as a tensor, or ValueError naming the first value outside (0, 1]."""
    momentum = torch.as_tensor(momentum, dtype=torch.float64)
    if not (right := (momentum > 0) & (momentum <= 1)).all():
        raise ValueError(
            f"momentum={float(momentum[~right].flatten()[0])} must be in (0, 1]: it is the weight "
            "of the old prototype"
        )
    return momentum


def check_rows(x: Tensor, name: str) -> Tensor:
    """``x`` as a finite (n, d) float tensor, half precision raised to single.

    Raises ValueError naming the argument, how many rows hold NaN or infinities, and the first.
    """
    x = tensor_of(x)
    if x.ndim != 2:
        raise ValueError(f"{name} has shape {tuple(x.shape)}; give one row per image, (n, d)")
    if x.dtype not in (torch.float32, torch.float64):
        x = x.float()
    if not (finite := x.detach().isfinite().all(1)).all():
        bad = (~finite).nonzero().flatten()
        raise ValueError(
            f"{name} holds NaN or infinities in {len(bad)} of {len(x)} rows, first in row "
            f"{int(bad[0])}; look for a diverged step before going on"
        )
    return x


def unit_rows(x: Tensor, name: str) -> Tensor:
    """``check_rows`` and l2-normalised; a zero row stays zero, with a warning."""
    x = check_rows(x, name)
    if zero := int((x.detach().norm(dim=1) < TINY).sum()):
        warnings.warn(f"{name}: {zero} zero rows have no direction", stacklevel=3)
    return normalize(x)


def check_unit(x: Tensor, name: str) -> None:
    """ValueError for rows that have a direction and not length 1: no cosine is their product."""
    length = x.detach().norm(dim=1)
    if (other := (length > TINY) & ((length - 1).abs() > 1e-3)).any():
        raise ValueError(
            f"{int(other.sum())} of {len(x)} rows of {name} have not length 1 but as much as "
            f"{float(length.max()):.3g}, and are compared by their products; give "
            "torch.nn.functional.normalize(x)"
        )


def check_labels(label: Tensor, n: int, clusters: int | None, name: str) -> Tensor:
    """``label`` as (n,) int64 in 0..clusters-1 (no upper end when None).

    Raises LabelError (a ValueError and an IndexError) naming count and value; drop -1 before.
    """
    label = tensor_of(label)
    if label.shape != (n,) or label.is_floating_point() or label.dtype == torch.bool:
        raise ValueError(
            f"{name} has shape {tuple(label.shape)} and type {label.dtype} for {n} rows; "
            "give one whole number per row"
        )
    label = label.long()
    if (outlier := label < 0).any():
        raise LabelError(
            f"{name}: {int(outlier.sum())} of {n} are outliers ({int(label.min())}); drop them "
            "before training"
        )
    if clusters is not None and (label >= clusters).any():
        raise LabelError(f"{name} reaches {int(label.max())}, but there are {clusters} prototypes")
    return label


def check_outliers(label: Tensor | np.ndarray, name: str) -> None:
    """ValueError for labels below -1, which are neither clusters nor outliers."""
    if (label < -1).any():
        raise ValueError(f"{name} holds {int(label.min())}; labels count from 0, outliers are -1")


def as_array(values) -> np.ndarray:
    """Numbers of any device as a numpy array; bfloat16, which numpy has not, as float32."""
    if not isinstance(values, torch.Tensor):
        return np.asarray(values)
    values = values.float() if values.dtype == torch.bfloat16 else values
    return values.detach().cpu().numpy()


def widened(x: Tensor) -> Tensor:
    """Half precision as float32, in which sums and squares stay finite; other types as they are."""
    return x.float() if x.is_floating_point() and x.dtype.itemsize < 4 else x


def whole_numbers(values, name: str) -> np.ndarray:
    """Numbers as int64; ValueError for text, fractions, NaN, and numbers that int64 cannot hold.

    No comparison would notice any of them.
    """
    given = as_array(values)
    kind, shown = given.dtype.kind, f"{given.ravel()[:3].tolist()} ({given.dtype})"
    fractions = kind == "f" and not (np.isfinite(given) & (given == np.round(given))).all()
    if kind not in "iuf" or fractions:
        raise ValueError(f"{name} holds {shown}; give whole numbers")
    if kind != "i" and (largest := np.abs(given).max(initial=0).item()) >= 2**63:
        raise ValueError(f"{name} holds {largest}; give whole numbers below 2^63")
    return given.astype(np.int64)


def ids(values, n: int, name: str) -> np.ndarray:
    """A column of n whole numbers; those of "modality" are 0 and 1."""
    found = whole_numbers(values, name)
    if found.shape != (n,):
        raise ValueError(
            f"{name} has shape {found.shape} for {n} images; give one number per image"
        )
    if name == "modality":
        check_modality(found)
    return found


def check_modality(values) -> None:
    """ValueError for numbers, in an array or a tensor, that are neither 0 nor 1."""
    if ((values != 0) & (values != 1)).any():
        raise ValueError(
            f"modality holds {set(values.tolist()) - {0, 1}}; 0 is visible, 1 infrared"
        )


def check_count(given, name: str, of: str) -> int:
    """A whole number of at least 1 as int, also one that is written 30.0; ValueError for others."""
    try:
        right = not isinstance(given, str | bool | np.bool_) and given == int(given) and given >= 1
    except (TypeError, ValueError, OverflowError):  # None, NaN, infinity
        right = False
    if not right:
        raise ValueError(f"{name}={given}; give a whole number {of}")
    return int(given)


def check_whole(given, name: str, *, of: str = "") -> int:
    """A whole number as int; ValueError for fractions, text and True, which counts nothing."""
    try:
        found = None if isinstance(given, bool | np.bool_) else operator.index(given)
    except TypeError:
        found = None
    if found is None:
        raise ValueError(f"{name}={given!r}; give a whole number{of}")
    return int(found)


def check_seed(seed) -> int:
    """A seed as int; ValueError for what is no whole number and for what no generator takes."""
    found = check_whole(seed, "seed")
    if not 0 <= found < 2**63:
        raise ValueError(f"seed={found}; give a whole number from 0 to 2^63 - 1")
    return found
