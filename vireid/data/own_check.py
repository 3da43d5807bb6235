"""What ``vireid data check`` says of your own pictures; there are no official numbers."""

from functools import cache
from pathlib import Path

import numpy as np

from vireid.data import own
from vireid.data.benchmarks import DIRECTIONS
from vireid.data.benchmarks.files import Row, table
from vireid.types import Images, Modality

NONE = "none"
ANSWERED = "queries with an answer from another camera"
UNKNOWN = "unknown; training works, scores need them"


def checks(folder: Path) -> list[tuple]:
    """(sentence, what was found, what it should be if that is known) as ``official.Check``."""
    found = cache(lambda: own.read(folder))
    train = cache(lambda: own.load(folder))
    lines = [
        ("told by", lambda: _source(folder), ()),
        ("training pictures, visible + infrared", lambda: _sizes(train()), ()),
        ("people to train on", lambda: _people(train()), ()),
        ("cameras of the training pictures", lambda: _cameras(train()), ()),
        ("query and gallery", lambda: _test(found()), ()),
        (ANSWERED, lambda: _answered(folder), ()),
    ]
    if not own.tables(folder):
        what = "files and folders in the plain folders that are left out"
        lines.append((what, lambda: _left_out(folder), (NONE,)))
    return lines


def looked_at(folder: Path) -> list[Images]:
    """Training pictures and, where they are marked, query and gallery."""
    marked = [picture for picture in own.read(folder) if picture.split != "train"]
    rows = [Row(p.path, p.modality, p.camera, own.UNKNOWN) for p in marked]
    return [own.load(folder), *([table(rows, f"{own.TITLE}, test")] if rows else [])]


def _source(folder: Path) -> str:
    files = own.tables(folder)
    return f"the table {files[0].name}" if files else "the names of the folders"


def _left_out(folder: Path) -> str:
    found = own.left_out(folder)
    return f"{len(found):,}, the first {found[0]}" if found else NONE


def _sizes(images: Images) -> tuple[int, ...]:
    return tuple(len(images.of(modality)) for modality in Modality)


def _people(train: Images) -> str:
    if train.identity is None:
        return UNKNOWN
    known = train.identity[train.identity != own.UNKNOWN]
    return f"{len(set(known.tolist())):,}, and {len(train) - len(known):,} pictures of no known one"


def _cameras(train: Images) -> str:
    seen = ((m.word, sorted(set(train.of(m).camera.tolist()))) for m in Modality)
    return "; ".join(f"{word} {', '.join(map(str, cameras))}" for word, cameras in seen)


def _test(found: list[own.Picture]) -> str:
    if {picture.split for picture in found} <= {"train"}:
        return "none is marked; both are taken from the training pictures"
    kinds = [(split, modality) for split in own.SPLITS[1:] for modality in Modality]
    sizes = [sum((p.split, p.modality) == kind for p in found) for kind in kinds]
    told = zip(sizes, kinds, strict=True)
    return ", ".join(f"{n:,} {modality.word} {split}" for n, (split, modality) in told if n)


def _answered(folder: Path) -> str:
    """Of the first direction that the marks allow; ValueError where no query has an answer."""
    for preset in DIRECTIONS[::-1]:
        try:
            query, gallery = (own.load(folder, preset=preset, split=s) for s in own.SPLITS[1:])
        except own.NoneMarked:
            continue
        if query.identity is None or gallery.identity is None:
            return UNKNOWN
        seen = set(zip(gallery.identity.tolist(), gallery.camera.tolist(), strict=True))
        asked = zip(query.identity.tolist(), query.camera.tolist(), strict=True)
        valid = sum(any(who == w and camera != c for w, c in seen) for who, camera in asked)
        if not valid:
            raise ValueError(_no_answer(query, gallery, preset))
        return f"{valid:,} of {len(query):,} ({preset})"
    return "none can be asked: query needs one modality and gallery the other"


def _no_answer(query: Images, gallery: Images, preset: str) -> str:
    """Why, and what to do; the two reasons may stand together."""
    n, there = len(query), int(np.isin(query.identity, gallery.identity).sum())
    said = f"{ANSWERED}: 0 of {n:,} ({preset}), so no network can be scored."
    if there < n:
        word = Modality(gallery.modality[0]).word
        said += f" The gallery has no picture of the people of {n - there:,}; add {word} ones."
    if there:
        said += (
            f" It has the people of {there:,} only from the query's own camera, which are no "
            "answers: number infrared cameras differently from visible ones, or leave `camera` "
            "empty."
        )
    return said
