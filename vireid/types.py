"""The records every room shares. Row i describes image i, everywhere.

``identity`` is the truth and is only for evaluation and plots: training sees ``blind()`` records,
where it is None. A ``label`` is a pseudo-label found by clustering; -1 is the one outlier mark.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import IntEnum
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from vireid import files
from vireid.arguments import check_modality, ids, whole_numbers

WHOLE = {torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64}


class Modality(IntEnum):
    """Which modality a picture was taken in."""

    VISIBLE = 0
    INFRARED = 1

    @property
    def other(self) -> "Modality":
        """The modality on the far side of the gap."""
        return Modality(1 - self)

    @property
    def word(self) -> str:
        """'visible' or 'infrared', as written in texts, legends and curves."""
        return self.name.lower()


def who(table) -> str:
    """Who is in a table, as in '1920 visible + 1920 infrared, 160 identities, 8 cameras'."""
    counts = " + ".join(f"{int((table.modality == m).sum())} {m.word}" for m in Modality)
    known = None if table.identity is None else {*table.identity.tolist()} - {-1}
    people = "identities hidden" if known is None else f"{len(known)} identities"
    return f"{counts}, {people}, {len(set(table.camera.tolist()))} cameras"


@dataclass(frozen=True)
class Decoded:
    """Pictures at the size of a network: row i of a table is ``pixels[rows[i]]``.

    Parameters
    ----------
    pixels : (m, height, width, 3) uint8, usually a memory map
    rows : (n,) row numbers
    """

    pixels: np.ndarray
    rows: np.ndarray


@dataclass(frozen=True, repr=False)
class Images:
    """A table of pictures, on disk or in memory.

    Parameters
    ----------
    source : sequence of paths, or uint8 array (n, height, width, 3) in RGB, [0, 255]
    modality : (n,) 0 visible, 1 infrared
    camera : (n,) camera numbers, counted as the data set counts them
    identity : (n,) true identities, -1 where unknown, or None when hidden from training
    size : (height, width) in pixels that networks are fed with
    name : what the table is, e.g. "synthvi small train"
    decoded : pictures on disk at ``size`` already, see ``data.decoded``
    tracklet : (n,) number of the track that a picture is a frame of, or None: each by itself
    """

    source: Sequence[Path] | np.ndarray
    modality: np.ndarray
    camera: np.ndarray
    identity: np.ndarray | None
    size: tuple[int, int]
    name: str = ""
    decoded: Decoded | None = None
    tracklet: np.ndarray | None = None

    def __post_init__(self):
        n = len(self.source)
        for column in ("modality", "camera", "identity", "tracklet"):
            if getattr(self, column) is not None:
                object.__setattr__(self, column, ids(getattr(self, column), n, column))

    def __len__(self) -> int:
        return len(self.source)

    def __repr__(self) -> str:
        return f"Images({self.name!r}: {who(self)}, {self.size[0]} x {self.size[1]} pixels)"

    def picture(self, i: int) -> np.ndarray:
        """Picture i as uint8 RGB (h, w, 3), own size; grey is repeated in 3 channels.

        Raises OSError naming the path when the file cannot be read as a picture; more than 8 bits
        are stretched from the picture's lowest to its highest value (see ``files.picture``).
        """
        if isinstance(self.source, np.ndarray):
            return self.source[i]
        return files.picture(self.source[i])

    def resized(self, i: int) -> np.ndarray:
        """Picture i as uint8 RGB (height, width, 3) at ``size`` (bicubic)."""
        ready = self.decoded
        if ready is not None and ready.pixels.shape[1:3] == tuple(self.size):
            return np.asarray(ready.pixels[ready.rows[i]])
        picture = self.picture(i)
        if picture.shape[:2] == tuple(self.size):
            return picture
        small = Image.fromarray(picture).resize(self.size[::-1], Image.Resampling.BICUBIC)
        return np.asarray(small)

    def rows(self, index) -> "Images":
        """The sub-table of the given row numbers or boolean mask, in that order."""
        index = np.asarray(index)
        if index.dtype == bool:
            index = np.flatnonzero(index)
        in_memory, ready = isinstance(self.source, np.ndarray), self.decoded
        return replace(
            self,
            source=self.source[index] if in_memory else [self.source[i] for i in index],
            modality=self.modality[index],
            camera=self.camera[index],
            identity=None if self.identity is None else self.identity[index],
            decoded=ready and replace(ready, rows=ready.rows[index]),
            tracklet=None if self.tracklet is None else self.tracklet[index],
        )

    def of(self, modality: Modality) -> "Images":
        """The rows of one modality."""
        return self.rows(self.modality == modality)

    def blind(self) -> "Images":
        """The same pictures with the truth taken away."""
        return replace(self, identity=None)

    @cached_property
    def fingerprint(self) -> str:
        """12 hex digits that change when pictures, order, cameras or modalities change.

        Pictures on disk enter with their path below the folder of all, their byte size and a look
        into their middle, so that the same files elsewhere have the same digits; pictures in memory
        enter with their pixels.
        """
        digest = hashlib.sha256()
        if isinstance(self.source, np.ndarray):
            digest.update(np.ascontiguousarray(self.source))
        else:
            for line in files.looks([Path(path).absolute() for path in self.source]):
                digest.update(line)
        digest.update(self.modality.tobytes() + self.camera.tobytes())
        if self.tracklet is not None:
            digest.update(self.tracklet.tobytes())
        return digest.hexdigest()[:12]


@dataclass(frozen=True, repr=False)
class Embeddings:
    """Features of images. Arrays become tensors; all live on the device of ``x``.

    Parameters
    ----------
    x : (n, d) float, unit rows
    modality, camera : (n,) int64
    identity : (n,) int64 truth, or None when blind
    looks : look of ``data.looks`` -> (n, d) features of the same pictures in it
    """

    x: torch.Tensor
    modality: torch.Tensor
    camera: torch.Tensor
    identity: torch.Tensor | None = None
    looks: dict[str, torch.Tensor] = field(default_factory=dict, compare=False)

    def __post_init__(self):
        x = torch.as_tensor(self.x)
        object.__setattr__(self, "x", x)
        for column in ("modality", "camera", "identity"):
            value = getattr(self, column)
            if value is not None:
                if not torch.is_tensor(value) or value.dtype not in WHOLE:
                    value = whole_numbers(value, column)
                value = torch.as_tensor(value, dtype=torch.int64, device=x.device)
                if value.shape != (len(x),):
                    raise ValueError(
                        f"{column} has shape {tuple(value.shape)} for {len(x)} rows of x"
                    )
                if column == "modality":
                    check_modality(value)
                object.__setattr__(self, column, value)

    def __len__(self) -> int:
        return len(self.x)

    def __repr__(self) -> str:
        return f"Embeddings({len(self)} x {self.x.shape[1]}: {who(self)}, {self.x.device.type})"

    def blind(self) -> "Embeddings":
        """The same features with the truth taken away: all that training may see."""
        return replace(self, identity=None)

    def rows(self, index) -> "Embeddings":
        """The sub-table of the given row numbers or boolean mask, in that order."""
        index = torch.as_tensor(index, device=self.x.device)
        identity = None if self.identity is None else self.identity[index]
        looks = {name: x[index] for name, x in self.looks.items()}
        return Embeddings(self.x[index], self.modality[index], self.camera[index], identity, looks)

    def of(self, modality: Modality) -> "Embeddings":
        """The rows of one modality."""
        return self.rows(self.modality == modality)


@dataclass(frozen=True, repr=False)
class PseudoLabels:
    """Cluster numbers of all training images in one label space.

    Parameters
    ----------
    label : (n,) int64, 0..K-1, or -1 for outliers and for images outside this label space
    """

    label: np.ndarray

    def __post_init__(self):
        label = whole_numbers(self.label, "label")
        if label.ndim != 1 or (label < -1).any():
            raise ValueError("label must be one row of numbers >= -1")
        object.__setattr__(self, "label", label)

    def __len__(self) -> int:
        return len(self.label)

    def __repr__(self) -> str:
        return (
            f"PseudoLabels({len(self)} images: {self.clusters} clusters, {self.outliers} outliers)"
        )

    @property
    def clusters(self) -> int:
        """How many clusters there are, K (labels count from 0)."""
        return int(self.label.max(initial=-1)) + 1

    @property
    def kept(self) -> np.ndarray:
        """(n,) bool: images that have a label."""
        return self.label >= 0

    @property
    def outliers(self) -> int:
        """How many images have none."""
        return int((self.label < 0).sum())


@dataclass(frozen=True)
class Batch:
    """Which training images one forward pass shows, and how.

    Parameters
    ----------
    rows : (b,) row numbers of the training table
    view : (b,) 0 plain, 1 the modality's second augmentation (channel exchange for visible,
        pseudo-colour for infrared)
    modality : (b,) 0 visible, 1 infrared
    label : (b,) the pseudo-labels the batch was drawn by, never -1
    """

    rows: np.ndarray
    view: np.ndarray
    modality: np.ndarray
    label: torch.Tensor

    def __post_init__(self):
        n = len(self.rows)
        for column in ("rows", "view", "modality"):
            object.__setattr__(self, column, ids(getattr(self, column), n, column))
        label = torch.as_tensor(whole_numbers(self.label, "label"))
        if label.shape != (n,) or (label < 0).any():
            raise ValueError(
                f"a batch of {n} images needs {n} labels >= 0; outliers are never trained on"
            )
        object.__setattr__(self, "label", label)

    def __len__(self) -> int:
        return len(self.rows)

    def of(self, modality: Modality, view: int | None = None) -> torch.Tensor:
        """Positions in the batch of one modality (and one view)."""
        keep = self.modality == modality
        if view is not None:
            keep &= self.view == view
        return torch.as_tensor(np.flatnonzero(keep))
