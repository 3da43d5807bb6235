"""Pseudo-labels of a training table as CSV: a line a picture, a column a label space.

Columns: row, picture (its path below the folder that all share; of a table in memory its
fingerprint and the row), modality, camera, then the label spaces; -1 is an outlier. No pictures and
no machine's paths; a data set whose folders are named after people keeps these names.
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
OTHERS = "it is of another data set, split or order"
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
    lines.writerows(zip(range(len(images)), _written(images), words, images.camera, *spaces))  # noqa: B905
    return put(path, text.getvalue())


def _written(images: Images) -> list[str]:
    """As ``names``, of a table in memory after its fingerprint: any table has such rows."""
    if not isinstance(images.source, np.ndarray):
        return names(images)
    owner = images.fingerprint
    return [f"{owner}/{name}" for name in names(images)]


def load(path: str | Path, images: Images) -> dict[str, PseudoLabels]:
    """Read a label table of these pictures: label space -> labels in the order of ``images``.

    Raises FileNotFoundError, and ValueError naming file and line for a malformed line, a number
    that is no label, a table without a label space, or pictures that are not these: of another
    modality, camera or path, whose folders count as far as both tables name them. Tables in memory
    are told apart by their fingerprint, which tables of before 2026-12 lack.
    """
    path = Path(path)
    found: dict[str, list[int]] = {}
    known, last = _written(images), -1
    for where, line in files.table(path, ("row", "modality"), WANTED, MISSING):
        if None in line:
            raise ValueError(f"{where}: more cells than the head has columns")
        if "" in line:
            raise ValueError(
                f"{path}, line 1: a column without a name; pandas writes none with "
                "to_csv(index=False), a spreadsheet where no line ends in a comma"
            )
        spaces = [name for name in line if name not in HEAD]
        if not spaces:
            raise ValueError(f"{path}, line 1: no label space, a column beside {', '.join(HEAD)}")
        last = _whole(line["row"], where, least=last + 1)
        if last != len(next(iter(found.values()), ())) or last >= len(images):
            raise ValueError(f"{where}: row {last}; rows count from 0 and end at {len(images) - 1}")
        _same_picture(line, known[last], where)
        _same_camera(line, Modality(images.modality[last]), int(images.camera[last]), where)
        for name in spaces:
            found.setdefault(name, []).append(_whole(line[name], where, least=-1))
    if last + 1 != len(images):
        raise ValueError(
            f"{path} has labels of {last + 1} pictures, the training table {len(images)} pictures"
        )
    return {name: PseudoLabels(np.array(label)) for name, label in found.items()}


def _same_camera(line: dict, modality: Modality, camera: int, where: str) -> None:
    """ValueError for another modality or, where the table tells it, another camera."""
    told = line.get("camera") or str(camera)
    for column, given, wanted in (
        ("modality", line["modality"], modality.word),
        ("camera", told, str(camera)),
    ):
        if given != wanted:
            raise ValueError(
                f"{where}: {column} {given!r}, the training table has {wanted!r}; {OTHERS}"
            )


def _same_picture(line: dict, name: str, where: str) -> None:
    """ValueError for another name, in as many last parts as the table and ``name`` have both."""
    given = line.get("picture") or name
    parts, wanted = PurePosixPath(given).parts, PurePosixPath(name).parts
    depth = min(len(parts), len(wanted))
    if parts[-depth:] != wanted[-depth:]:
        raise ValueError(f"{where}: picture {given!r}, the training table has {name!r}; {OTHERS}")


def _whole(text: str | None, where: str, *, least: int) -> int:
    try:
        number = int(text or "")
    except ValueError:
        raise ValueError(f"{where}: {text!r} is no whole number") from None
    if not least <= number < 2**31:
        raise ValueError(f"{where}: {number} must be at least {least} and below 2^31")
    return number
