"""What the pictures of a data set show: opened, looked at and compared, a sample or all of them."""

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image
from tqdm import tqdm

from vireid import files
from vireid.types import Images, Modality

# Chroma is the mean over a picture of (largest - smallest channel), 0..255. A grey picture has 0,
# also after JPEG; a colour camera's noise alone is more than GREY, an infrared lens's tint less
# than COLOURFUL.
GREY, COLOURFUL = 0.5, 16.0


class Look(NamedTuple):
    """One opened picture; ``error`` is why it could not be opened, and the rest is empty then."""

    path: Path
    modality: Modality
    chroma: float = 0.0
    deep: bool = False
    error: str = ""


def look(tables: Sequence[Images], pictures: int | None) -> list[tuple[str, str]]:
    """(mark, sentence) for each thing looked at in training and test pictures.

    Parameters
    ----------
    tables : training pictures and, where others are there, all test pictures; both on disk
    pictures : how many are opened, spread evenly over tables and modalities; None opens all
    """
    chosen = [_chosen(table, pictures, 2 * len(tables)) for table in tables]
    opened = [
        _look(path, Modality(modality))
        for table, rows in zip(tables, chosen, strict=True)
        for path, modality in tqdm(
            [(table.source[i], table.modality[i]) for i in rows],
            desc=f"opening {table.name}",
            unit="picture",
            disable=pictures is not None,
        )
    ]
    sound = [seen for seen in opened if not seen.error]
    found = [_readable(opened)]
    for modality in Modality:
        own = [seen for seen in sound if seen.modality == modality]
        found.append(_colours(own, modality))
    deep = [seen.path for seen in sound if seen.deep]
    found.append(_counted("pictures of more than 8 bits, stretched when read", deep, len(sound)))
    if len(tables) > 1:
        train, (test, rows) = tables[0], (tables[1], chosen[1])
        twice = duplicates(train.source, [test.source[i] for i in rows])
        found.append(_counted("test pictures that are in training, too", twice, len(rows)))
    return found


def duplicates(train: Sequence[Path], test: Sequence[Path]) -> list[Path]:
    """Test pictures whose bytes a training picture has as well; unreadable ones are left out."""
    by_size = defaultdict(list)
    for path in train:
        by_size[_size(path)].append(path)
    known = {}  # size -> digests of the training pictures of that size
    twice = []
    for path in test:
        size = _size(path)
        if size and size not in known:
            known[size] = set(map(_digest, by_size[size]))
        if size and _digest(path) in known[size]:
            twice.append(path)
    return twice


def _chosen(table: Images, pictures: int | None, parts: int) -> list[int]:
    """Row numbers, evenly spaced in each modality."""
    chosen = []
    for modality in Modality:
        own = np.flatnonzero(table.modality == modality)
        share = len(own) if pictures is None else min(len(own), -(-pictures // parts))
        chosen += own[np.linspace(0, len(own) - 1, share).round().astype(int)].tolist()
    return chosen


def _look(path: Path, modality: Modality) -> Look:
    try:
        pixels = files.picture(path)
    except (OSError, ValueError) as error:
        return Look(path, modality, error=str(error))
    chroma = float(np.ptp(pixels, axis=2).mean())
    with Image.open(path) as head:
        return Look(path, modality, chroma, head.mode == "F" or head.mode.startswith("I"))


def _readable(opened: list[Look]) -> tuple[str, str]:
    broken = [seen for seen in opened if seen.error]
    if not broken:
        return "ok", f"pictures opened: {len(opened):,}, all readable"
    names = ", ".join(str(seen.path) for seen in broken[1:6])
    rest = f" Also: {names}{', ...' if len(broken) > 6 else ''}" if names else ""
    said = f"pictures opened: {len(opened):,}, of which {len(broken):,} cannot be read: "
    return "broken", said + broken[0].error + rest


def _colours(own: list[Look], modality: Modality) -> tuple[str, str]:
    """Visible pictures must not be grey, infrared ones not colourful."""
    if modality == Modality.VISIBLE:
        wrong, word = [seen.path for seen in own if seen.chroma < GREY], "grey"
    else:
        wrong, word = [seen.path for seen in own if seen.chroma > COLOURFUL], "colourful"
    mark, said = _counted(f"{modality.word} pictures that are {word}", wrong, len(own))
    if 2 * len(wrong) > len(own):
        mark = "broken"
        said += f". Are {modality.other.word} pictures in the place of {modality.word} ones?"
    return mark, said


def _counted(what: str, found: list[Path], among: int) -> tuple[str, str]:
    if not found:
        return "ok", f"{what}: 0 of {among:,} looked at"
    return "differs", f"{what}: {len(found):,} of {among:,} looked at, the first {found[0]}"


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def _digest(path: Path) -> bytes:
    return hashlib.sha256(path.read_bytes()).digest()
