"""Features and labels that other codes, or other runs, have written for a training table."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vireid import files
from vireid.data import label_table, packs
from vireid.exchange import names
from vireid.neighbours.sources import unit_rows
from vireid.training.checkpoint import LABELS
from vireid.types import Embeddings, Images, Modality, PseudoLabels

FEATURES = "features.safetensors"
ARRAY = "array of features or labels"
LARGEST = np.iinfo(np.int64).max
LABELS_END = 2**31  # of label tables, which a training reads
GIVEN = "given"  # label space of a dump that names none


@dataclass(frozen=True)
class Dump:
    """What was found: labels by label space, features, either may be missing."""

    labels: dict[str, PseudoLabels] | None = None
    features: Embeddings | None = None


def read_dump(sources: Sequence[str | Path], images: Images) -> Dump:
    """Read a dump for the pictures of a training table.

    Parameters
    ----------
    sources : one of: a folder of ``vireid export``; a label table (CSV); a feature pack; a folder
        or a list of names with labels in them (``exchange.names``); a ``.npy`` of features (n, d)
        or labels (n,) in the table's order. Or two ``.npy``, visible pictures, then infrared ones
    images : the training table

    Raises FileNotFoundError, and ValueError naming the file, when it is none of these or is of
    other pictures (packs tell their fingerprint, but older ones), when a label is below -1 or from
    2^31 on, and when a row of features is zero, NaN or infinite in single precision. Features come
    out with rows of length 1. Nothing that is read runs code; pictures are not opened.
    """
    paths = [Path(source).expanduser() for source in sources]
    if not 1 <= len(paths) <= 2:
        raise ValueError(f"{len(paths)} files: give one, or two .npy, visible then infrared")
    if len(paths) == 2:
        where = f"{paths[0]} and {paths[1]} in the table's order"
        return _of_array(_joined(paths, images), images, where)
    (path,) = paths
    if path.is_dir():
        return _of_folder(path, images)
    kind = files.kind(files.present(path, "dump", "Give a file, or a folder of pictures."))
    if kind == "npy":
        return _of_array(files.numbers(path, ARRAY), images, str(path))
    if kind == "safetensors":
        return Dump(features=_pack(path, images))
    if path.suffix.lower() == ".csv":
        return Dump(labels=label_table.load(path, images))
    return Dump(labels={GIVEN: names.match(names.read(path), images)})


def _of_folder(folder: Path, images: Images) -> Dump:
    """An export, else pictures with labels in their names."""
    tables = sorted((folder / LABELS).glob("*.csv"))
    pack = folder / FEATURES
    if not tables and not pack.exists():
        return Dump(labels={GIVEN: names.match(names.read(folder), images)})
    labels = label_table.load(tables[-1], images) if tables else None
    return Dump(labels, _pack(pack, images) if pack.exists() else None)


def _pack(path: Path, images: Images) -> Embeddings:
    found = packs.load(path)
    _same_number(len(found), images, str(path))
    for column, words in (("modality", "modalities"), ("camera", "cameras")):
        if not np.array_equal(getattr(found, column).numpy(), getattr(images, column)):
            raise ValueError(
                f"{path}: its {words} are not those of {images.name}, row by row; it is of another "
                "data set, split or order"
            )
    own, told = pictures(images), packs.about(path)
    if (theirs := told.get("fingerprint", own["fingerprint"])) != own["fingerprint"]:
        raise ValueError(
            f"{path} is of other pictures ({told.get('data')} {theirs}) than {images.name} here "
            f"({own['fingerprint']}); choose the split or world that it was made of (--trial, "
            "--world), or its pictures (--root)"
        )
    return _features(found.x.float().numpy(), images, str(path))


def pictures(images: Images) -> dict[str, str]:
    """What a pack tells of the table that its rows are of: name and fingerprint."""
    return {"data": images.name, "fingerprint": images.fingerprint}


def _joined(paths: list[Path], images: Images) -> np.ndarray:
    """Two arrays, of visible and of infrared pictures, as one in the table's order."""
    parts = [files.numbers(path, ARRAY) for path in paths]
    for path, part, own in zip(paths, parts, Modality, strict=True):
        rows = int((images.modality == own).sum())
        if part.shape[:1] != (rows,) or part.shape[1:] != parts[0].shape[1:]:
            raise ValueError(
                f"{path} is {part.shape}; {images.name} has {rows} {own.word} pictures, and both "
                "arrays need the same columns"
            )
    fits = all(p.dtype.kind in "iu" and p.max(initial=0) <= LARGEST for p in parts)
    kind = np.int64 if fits else np.result_type(*parts)  # of uint64 beside int64 it is float64
    whole = np.empty((len(images), *parts[0].shape[1:]), kind)
    for part, own in zip(parts, Modality, strict=True):
        whole[images.modality == own] = part
    return whole


def _of_array(found: np.ndarray, images: Images, where: str) -> Dump:
    _same_number(found.shape[0] if found.ndim else 0, images, where)
    if found.ndim == 1 and found.dtype.kind in "iu":
        for label in (int(found.min()), int(found.max())):  # uint64 would wrap in int64
            if not -1 <= label < LABELS_END:
                raise ValueError(
                    f"{where}: label {label}; -1 is an outlier, clusters count from 0 and stay "
                    "below 2^31"
                )
        return Dump(labels={GIVEN: PseudoLabels(found.astype(np.int64))})
    if found.ndim != 2 or found.dtype.kind != "f":
        raise ValueError(
            f"{where} is {found.dtype} {found.shape}; features are floats (n, d), labels whole "
            "numbers (n,)"
        )
    return Dump(features=_features(found, images, where))


def _features(x: np.ndarray, images: Images, where: str) -> Embeddings:
    """Features (n, d) of any kind as unit rows in single precision, in which they are checked."""
    with np.errstate(over="ignore"):  # infinite rows are refused
        x = x.astype(np.float32)
    return Embeddings(unit_rows(x, where), images.modality, images.camera)


def _same_number(n: int, images: Images, where: str) -> None:
    if n != len(images):
        raise ValueError(f"{where} has {n} rows; {images.name} has {len(images)} pictures")
