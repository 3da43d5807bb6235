"""Pseudo-labels of a training table as CSV: a line a picture, a column a label space.

Columns: row, picture (its path below the folder that all share), modality, camera, then the label
spaces; -1 is an outlier. No pictures and no machine's paths; a data set whose folders are named
after people keeps these names.
"""

import csv
import io
import os
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

import numpy as np

from vireid import files
from vireid.files.write import put
from vireid.types import Images, Modality, PseudoLabels

HEAD = ("row", "picture", "modality", "camera")
WANTED = "label table"
MISSING = "vireid train --keep-labels, export and import write such tables."


def names(images: Images) -> list[str]:
    """Path of each picture below the folder that all share; pictures in memory by their row."""
    if isinstance(images.source, np.ndarray):
        return [f"{row:06d}" for row in range(len(images))]
    paths = [Path(path).absolute() for path in images.source]
    top = os.path.commonpath([path.parent for path in paths])
    return [path.relative_to(top).as_posix() for path in paths]


def save(path: str | Path, labels: Mapping[str, PseudoLabels], images: Images) -> Path:
    """Write the labels of a table's pictures; ValueError when their number differs."""
    for space, found in labels.items():
        if len(found) != len(images):
            raise ValueError(f"labels[{space!r}]: {len(found)} labels for {len(images)} pictures")
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow([*HEAD, *labels])
    words = [Modality(m).word for m in images.modality]
    spaces = [found.label.tolist() for found in labels.values()]
    lines.writerows(zip(range(len(images)), names(images), words, images.camera, *spaces))  # noqa: B905
    return put(path, text.getvalue())


def load(path: str | Path, images: Images) -> dict[str, PseudoLabels]:
    """Read a label table of these pictures: label space -> labels in the order of ``images``.

    Raises FileNotFoundError, and ValueError naming file and line for a malformed line, a number
    that is no label, a table without a label space, or pictures that are not these.
    """
    path = Path(path)
    found: dict[str, list[int]] = {}
    known, last = names(images), -1
    for where, line in files.table(path, ("row", "modality"), WANTED, MISSING):
        if None in line:
            raise ValueError(f"{where}: more cells than the head has columns")
        spaces = [name for name in line if name not in HEAD]
        if not spaces:
            raise ValueError(f"{path}, line 1: no label space, a column beside {', '.join(HEAD)}")
        last = _whole(line["row"], where, least=last + 1)
        if last != len(next(iter(found.values()), ())) or last >= len(images):
            raise ValueError(f"{where}: row {last}; rows count from 0 and end at {len(images) - 1}")
        _same_picture(line, known[last], Modality(images.modality[last]), where)
        for name in spaces:
            found.setdefault(name, []).append(_whole(line[name], where, least=-1))
    if last + 1 != len(images):
        raise ValueError(
            f"{path} has labels of {last + 1} pictures, the training table {len(images)} pictures"
        )
    return {name: PseudoLabels(np.array(label)) for name, label in found.items()}


def _same_picture(line: dict, name: str, modality: Modality, where: str) -> None:
    if line["modality"] != modality.word:
        raise ValueError(
            f"{where}: modality {line['modality']!r}, the training table has {modality.word}; it "
            "is of another data set, split or order"
        )
    given = line.get("picture") or name
    if PurePosixPath(given).name != PurePosixPath(name).name:
        raise ValueError(
            f"{where}: picture {given!r}, the training table has {name!r}; it is of another data "
            "set, split or order"
        )


def _whole(text: str | None, where: str, *, least: int) -> int:
    try:
        number = int(text or "")
    except ValueError:
        raise ValueError(f"{where}: {text!r} is no whole number") from None
    if not least <= number < 2**31:
        raise ValueError(f"{where}: {number} must be at least {least} and below 2^31")
    return number
