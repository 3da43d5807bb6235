"""Reading the layouts that the benchmarks share: split files, picture folders, gallery draws."""

import operator
import random
from collections.abc import Container, Iterable
from pathlib import Path
from typing import NamedTuple

from vireid import files
from vireid.data.benchmarks import SIZE
from vireid.types import Images, Modality

SUFFIXES = {".jpg", ".jpeg", ".png", ".bmp"}  # of the official benchmarks' pictures
SYNTHETIC = "SYNTHETIC.txt"  # at the top of a tree of drawn people in a data set's layout


class Row(NamedTuple):
    """One picture on disk."""

    path: Path
    modality: Modality
    camera: int
    identity: int


def table(rows: Iterable[Row], name: str, size: tuple[int, int] = SIZE) -> Images:
    """Rows as ``Images``; no row at all is a ValueError. A rehearsal tree is named as one."""
    rows = list(rows)
    if not rows:
        raise ValueError(f"{name} has no pictures; look at it with: vireid data check PATH")
    if any((parent / SYNTHETIC).exists() for parent in rows[0].path.parents[:5]):
        name += ", SYNTHETIC people"
    path, modality, camera, identity = zip(*rows, strict=True)
    return Images(list(path), modality, camera, identity, size, name)


def choose(value, known: Iterable, argument: str):
    """The value itself; ValueError listing the known ones otherwise."""
    if value not in (known := tuple(known)):
        raise ValueError(f"{argument}={value!r} is unknown; known: {', '.join(map(str, known))}")
    return value


def trial_number(trial: int, known: range, what: str) -> int:
    """The trial as an int; ValueError outside the known ones, and for what is no whole number."""
    if (found := _whole(trial)) is None or found not in known:
        raise ValueError(f"trial={trial}: {what}: choose one of {known.start}..{known.stop - 1}")
    return found


def shot_count(shots: int) -> int:
    """How many pictures a gallery has of each person and camera; ValueError for what is no such."""
    if (found := _whole(shots)) is None or found < 1:
        raise ValueError(
            f"shots={shots}: a gallery needs at least 1 picture per person and camera, and a whole "
            "number of them"
        )
    return found


def _whole(value) -> int | None:
    """As int; None for what is no whole number, True and False among it."""
    try:
        return None if isinstance(value, bool) else operator.index(value)
    except TypeError:
        return None


def find_folder(root: Path, *, title: str, names: Iterable[str], marks: Iterable[str]) -> Path:
    """The data set's folder: ``root`` itself when it holds one of the marks, else ``root/name``.

    Raises FileNotFoundError saying where it looked and for what.
    """
    root = Path(root)
    for folder in (root, *(root / name for name in names)):
        if any((folder / mark).exists() for mark in marks):
            return folder
    raise FileNotFoundError(
        f"no {title} in {root}: neither {', '.join(marks)} nor a folder {' or '.join(names)} is "
        "there. data/README.md tells how to get and lay it out; then give --root (root=) or set "
        "VIREID_DATA."
    )


def require(path: Path, title: str) -> Path:
    """The path itself; FileNotFoundError naming it when it is not there."""
    if not path.exists():
        raise FileNotFoundError(
            f"{title} is incomplete: {path} is missing. Unpack the download again and compare with "
            "data/README.md."
        )
    return path


def pictures(folder: Path, suffixes: Container[str] = SUFFIXES) -> list[Path]:
    """Pictures of a folder by name; hidden, thumbnail and other files are skipped.

    ``suffixes`` are those of pictures, in small letters. A folder that does not exist has none: not
    every person passes every camera.
    """
    if not folder.is_dir():
        return []
    return sorted(
        (p for p in folder.iterdir() if p.suffix.lower() in suffixes and p.name[0] != "."),
        key=lambda p: p.name,
    )


def lines(file: Path, title: str) -> list[tuple[int, str]]:
    """(number, text) of the lines of a list that are not blank; ValueError when there is none."""
    said = files.text(require(file, title), f"list of {title}")
    numbered = [(i, line.strip()) for i, line in enumerate(said.splitlines(), 1) if line.strip()]
    if not numbered:
        raise ValueError(f"{file}, line 1: the file is empty; fetch it again")
    return numbered


def read_identities(file: Path, title: str) -> list[int]:
    """Identities of an ``*_id.txt`` (comma-separated integers), ascending.

    Raises FileNotFoundError without the file, ValueError naming file and line of a non-number.
    """
    found = set()
    for number, line in lines(file, title):
        for word in line.split(","):
            if not word.strip().isdecimal():
                raise ValueError(
                    f"{file}, line {number}: {word.strip()!r} is not an identity; "
                    "expected comma-separated integers such as 6,10,17"
                )
            found.add(int(word))
    return sorted(found)


class Entry(NamedTuple):
    """One line of an index file: a picture, its label and where that is said."""

    path: Path
    label: int
    line: str


def read_index(file: Path, folder: Path, title: str) -> list[Entry]:
    """Entries of an ``idx/*.txt`` with lines ``relative/path label``, in file order.

    Raises FileNotFoundError for the file or a listed picture, ValueError naming file and line of
    a malformed line or of a picture that is listed twice.
    """
    entries, first = [], {}
    for number, line in lines(file, title):
        where = f"{file}, line {number}"
        words = line.split()
        if len(words) != 2 or not words[1].isdecimal():
            raise ValueError(f"{where}: {line!r} is malformed; expected: relative/path label")
        path = files.inside(folder, words[0], where)
        if not path.is_file():
            raise FileNotFoundError(f"{path} is missing; {where} lists it")
        if path in first:
            raise ValueError(f"{where}: {words[0]} stands in {first[path]} already")
        first[path] = where
        entries.append(Entry(path, int(words[1]), where))
    return entries


def check_folder(entries: Iterable[Entry], folder: Path, modality: str) -> None:
    """ValueError naming the first line that does not lead into ``folder/modality``.

    Lists whose modalities were exchanged, or that lead to one folder both, would load without it.
    """
    for entry in entries:
        if (found := entry.path.relative_to(folder).parts[0]) != modality:
            raise ValueError(
                f"{entry.line}: {entry.path.relative_to(folder)} lies in {found}/, but this list "
                f"is of {modality}/; the modalities of the lists may be exchanged: fetch idx again"
            )


def draw(groups: Iterable[list[Row]], trial: int, shots: int = 1) -> list[Row]:
    """Pick ``shots`` pictures of each non-empty group: one gallery trial.

    One generator runs through all groups, so the picks equal those after Python's
    ``random.seed(trial)`` with ``random.choice`` (one shot) or ``random.sample`` (more; all of a
    smaller group), and the global generator is left alone.
    """
    rng = random.Random(trial)
    picked = []
    for group in filter(None, groups):
        if shots == 1:
            picked.append(rng.choice(group))
        else:
            picked += rng.sample(group, min(shots, len(group)))
    return picked
