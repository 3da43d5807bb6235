"""Pseudo-labels in file names, as the released codes pass them on, matched to a training table.

A name is ``LABEL_cCAMERA_NAME.jpg`` (the form of Market-1501 with a cluster in the person's place),
or a line of a list is ``PATH LABEL``. Only names are read, never the files.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path, PurePosixPath

import numpy as np

from vireid import files
from vireid.data.label_table import names
from vireid.types import Images, PseudoLabels

NAMED = re.compile(r"(-?\d{1,9})_c0*(\d{1,4})(?:s\d+)?_(.+)")
LISTED = re.compile(r"(\S.*?)[\s,]+(-?\d{1,9})")
PICTURES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff")
MOST = 5_000_000  # names in a dump; the largest benchmark has some hundred thousand pictures
DEPTHS = (3, 2, 1)  # last parts of a path that are compared, the most telling first
WANTED = "list of names"
NOBODY = "no picture has this name"


@dataclass(frozen=True)
class Named:
    """One name of a dump: its label, its camera or None, the parts of its path, where it stood."""

    label: int
    camera: int | None
    parts: tuple[str, ...]
    where: str

    def key(self, depth: int) -> str:
        """The last parts as one word; a name that came as one word stays it."""
        return "_".join(self.parts[-depth:])


def read(path: Path) -> list[Named]:
    """The names in a folder of pictures, or in a text file with a name or ``PATH LABEL`` a line.

    Raises ValueError for a name of another form, a label below -1 and a dump without names.
    """
    lines = _of_folder(path) if path.is_dir() else _of_text(path)
    found = []
    for where, line in lines:
        found.append(parse(line, where))
        if len(found) > MOST:
            raise ValueError(f"{path} has more than {MOST:,} names; give one training set's")
    if not found:
        raise ValueError(f"{path} has no names of pictures, such as 0012_c3_0001.jpg")
    return found


def parse(line: str, where: str) -> Named:
    """One name or line; ValueError when it tells no label, or one below -1."""
    listed = LISTED.fullmatch(line)
    if listed and PurePosixPath(listed[1]).suffix.lower() in PICTURES:
        path = PurePosixPath(listed[1].replace("\\", "/")).with_suffix("")
        return Named(_label(listed[2], where), None, path.parts, where)
    named = NAMED.fullmatch(PurePosixPath(line.replace("\\", "/")).stem)
    if named is None:
        raise ValueError(
            f"{where}: {line[:80]!r} tells no label; names are LABEL_cCAMERA_NAME.jpg, lines of a "
            "list PATH LABEL"
        )
    return Named(_label(named[1], where), int(named[2]), (named[3],), where)


def _label(written: str, where: str) -> int:
    if (label := int(written)) < -1:
        raise ValueError(f"{where}: label {label}; write -1 for an outlier, clusters count from 0")
    return label


def match(found: Iterable[Named], images: Images) -> PseudoLabels:
    """Labels of a table's pictures; those that the dump does not name are outliers, -1.

    Names are compared with the last three, two or one parts of the pictures' paths, joined by
    ``_``, and with their cameras where all names tell one; the first way in which every name is
    exactly one picture's is taken. When none is, cameras are left out, as in lists of paths, where
    names alone tell all pictures of the table apart: conversions of RegDB write c1 for both.

    Raises ValueError, with examples, when no way is left, or when a picture is named twice.
    """
    found = list(found)
    paths = [PurePosixPath(name).with_suffix("").parts for name in names(images)]
    told = all(one.camera is not None for one in found)
    least, problem = (len(found) + 1, False), ""
    for by_camera, depth in product((True, False) if told else (False,), DEPTHS):
        cameras = images.camera.tolist() if by_camera else [None] * len(images)
        keys = [(c, "_".join(parts[-depth:])) for c, parts in zip(cameras, paths, strict=True)]
        many = Counter(keys)
        if told and not by_camera and len(many) < len(keys):
            continue  # the camera that the names tell may be what parts two pictures
        wanted = [(one.camera if by_camera else None, one.key(depth)) for one in found]
        lost = [at for at, key in enumerate(wanted) if many[key] != 1]
        if not lost:
            return _placed(found, wanted, {key: row for row, key in enumerate(keys)})
        key = wanted[lost[0]]
        what = _what(key, many)
        if (misses := (len(lost), what == NOBODY)) <= least:  # of equals, the one that tells more
            least = misses
            problem = (
                f"{found[lost[0]].where}: {key[1]!r}: {what} ({len(lost)} of {len(found)} names)"
            )
    raise ValueError(
        f"{problem}. Names must tell the training pictures apart, e.g. LABEL_cCAMERA_FOLDER_NAME; "
        f"a picture of this table is {names(images)[0]}, camera {images.camera[0]}"
    )


def _what(key: tuple[int | None, str], many: Counter) -> str:
    """Why a name is not one picture's; ``many`` counts the pictures of each camera and name."""
    camera, name = key
    if many[key]:
        return f"{many[key]} pictures have this name"
    if there := sorted(c for c, other in many if other == name and c is not None):
        return f"{NOBODY} under camera {camera}, but under camera {' and '.join(map(str, there))}"
    return NOBODY


def _placed(found: list[Named], keys: list, row: dict) -> PseudoLabels:
    label = np.full(len(row), -1)
    seen: dict[int, str] = {}
    for one, key in zip(found, keys, strict=True):
        at = row[key]
        if at in seen:
            raise ValueError(f"{one.where} names the picture that {seen[at]} names, too")
        seen[at], label[at] = one.where, one.label
    return PseudoLabels(label)


def _of_folder(folder: Path) -> Iterator[tuple[str, str]]:
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in PICTURES and not path.name.startswith("."):
            yield f"{folder.name}/{path.relative_to(folder).as_posix()}", path.name


def _of_text(path: Path) -> Iterator[tuple[str, str]]:
    text = files.text(path, WANTED, "Give a list of names, or a folder of pictures.")
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            yield f"{path}, line {number}", line.strip()
