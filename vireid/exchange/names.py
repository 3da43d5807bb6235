"""Pseudo-labels in file names, as the released codes pass them on, matched to a training table.

A name is ``LABEL_cCAMERA_NAME.jpg`` (the form of Market-1501 with a cluster in the person's place),
or a line of a list is ``PATH LABEL``. Only names are read, never the files.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
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

    Raises ValueError for a name of another form and for a dump without names.
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
    """One name or line; ValueError when it tells no label."""
    listed = LISTED.fullmatch(line)
    if listed and PurePosixPath(listed[1]).suffix.lower() in PICTURES:
        path = PurePosixPath(listed[1].replace("\\", "/")).with_suffix("")
        return Named(int(listed[2]), None, path.parts, where)
    named = NAMED.fullmatch(PurePosixPath(line.replace("\\", "/")).stem)
    if named is None:
        raise ValueError(
            f"{where}: {line[:80]!r} tells no label; names are LABEL_cCAMERA_NAME.jpg, lines of a "
            "list PATH LABEL"
        )
    return Named(int(named[1]), int(named[2]), (named[3],), where)


def match(found: Iterable[Named], images: Images) -> PseudoLabels:
    """Labels of a table's pictures; those that the dump does not name are outliers, -1.

    Names are compared with the last three, two or one parts of the pictures' paths, joined by
    ``_``; the first that tells all pictures apart and knows every name is taken.

    Raises ValueError, with examples, when none does, or when a picture is named twice.
    """
    found = list(found)
    paths = [PurePosixPath(name).with_suffix("").parts for name in names(images)]
    with_camera = all(one.camera is not None for one in found)
    cameras = images.camera if with_camera else [None] * len(images)
    fewest, problem = len(found), ""
    for depth in DEPTHS:
        keys = [(c, "_".join(parts[-depth:])) for c, parts in zip(cameras, paths, strict=True)]
        many = Counter(keys)
        wanted = [(one.camera if with_camera else None, one.key(depth)) for one in found]
        lost = [one for one, key in zip(found, wanted, strict=True) if many[key] != 1]
        if not lost:
            return _placed(found, wanted, {key: row for row, key in enumerate(keys)})
        if len(lost) <= fewest:
            fewest, first = len(lost), lost[0]
            times = many[first.camera if with_camera else None, first.key(depth)]
            what = f"{times} pictures have this name" if times else "no picture has this name"
            problem = (
                f"{first.where}: {first.key(depth)!r}: {what} ({fewest} of {len(found)} names)"
            )
    raise ValueError(
        f"{problem}. Names must tell the training pictures apart, e.g. LABEL_cCAMERA_FOLDER_NAME; "
        f"a picture of this table is {names(images)[0]}, camera {images.camera[0]}"
    )


def _placed(found: list[Named], keys: list, row: dict) -> PseudoLabels:
    label = np.full(len(row), -1)
    seen: dict[int, str] = {}
    for one, key in zip(found, keys, strict=True):
        at = row[key]
        if at in seen:
            raise ValueError(f"{one.where} names the picture that {seen[at]} names, too")
        seen[at], label[at] = one.where, max(one.label, -1)
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
