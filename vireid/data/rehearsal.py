"""Rehearsal trees: synthetic people in the exact official layout of a benchmark.

Whoever waits for SYSU-MM01, RegDB or LLCM tries every command on such a tree first. A file
``SYNTHETIC.txt`` at its top says what it is; the loaders and ``vireid data check`` repeat it.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image
from tqdm import tqdm

from vireid.data import synthvi
from vireid.data.benchmarks import llcm, regdb, sysu
from vireid.data.benchmarks.files import SYNTHETIC, choose
from vireid.types import Modality

NOTICE = """\
These are not the pictures of {title}. They are drawn by vireid (the SynthVI renderer, seed {seed},
height and width {size}) in that data set's layout, with its official counts times {scale}, to
rehearse commands.
Scores on them say nothing about the benchmark. No real person is shown.
"""


class Planned(NamedTuple):
    """A picture to draw; every path of ``paths``, relative to the tree, gets it."""

    paths: tuple[str, ...]
    modality: Modality
    camera: int
    person: int


Plan = tuple[list[Planned], dict[str, str]]  # pictures, and text files by relative path


def draw_tree(
    folder: str | Path,
    data: str,
    *,
    scale: float = 0.02,
    seed: int = 0,
    size: tuple[int, int] = (128, 64),
) -> Path:
    """Draw a tree of synthetic people in a benchmark's official layout; returns ``folder``.

    Parameters
    ----------
    folder : to make; it must not exist, or be empty
    data : "sysu", "regdb" or "llcm"
    scale : people and pictures are the official numbers times this, in (0, 1]; at least two people
        in each part. At 1 ``vireid data check`` finds every official count.
    seed : of the people, their poses and RegDB's splits
    size : (height, width) of the pictures in pixels

    ``SYNTHETIC.txt`` is written first and the lists last, so that an interrupted tree is marked and
    does not load. Raises ValueError for an unknown ``data``, a scale outside, a folder in use.
    """
    choose(data, TREES, "data")
    title, plan = TREES[data]
    if not 0 < scale <= 1:
        raise ValueError(f"scale={scale}: give a share of the official counts, above 0 and up to 1")
    folder = unused(folder)
    planned, lists = plan(scale, np.random.default_rng(seed))
    (folder / SYNTHETIC).write_text(NOTICE.format(title=title, seed=seed, scale=scale, size=size))
    draw(folder, planned, seed=seed, size=size)
    for name, text in lists.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    return folder


def is_tree(
    folder: str | Path,
    data: str,
    *,
    scale: float = 0.02,
    seed: int = 0,
    size: tuple[int, int] = (128, 64),
) -> bool:
    """Whether ``draw_tree`` with the same arguments made this folder, and came to its end."""
    choose(data, TREES, "data")
    title, plan = TREES[data]
    _, lists = plan(scale, np.random.default_rng(seed))
    texts = lists | {SYNTHETIC: NOTICE.format(title=title, seed=seed, scale=scale, size=size)}
    paths = {Path(folder) / name: text for name, text in texts.items()}
    return all(path.is_file() and path.read_text() == text for path, text in paths.items())


def unused(folder: str | Path) -> Path:
    """The folder, made if need be; ValueError when there is something in it."""
    folder = Path(folder).expanduser()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ValueError(f"folder={str(folder)!r} is in use; give one that is new or empty")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def draw(folder: Path, planned: list[Planned], *, seed: int, size: tuple[int, int]) -> None:
    """Render the pictures; a name's ending decides how it is written."""
    world = synthvi.WORLD
    cameras = {number: world.camera(number) for number in range(1, 9)}
    people, last = {}, 0
    for i, (paths, modality, camera, person) in enumerate(
        tqdm(planned, desc="drawing people", unit="picture")
    ):
        if person != last:  # people come one after the other, mostly: keep only the last
            people, last = {person: world.person(person, seed=seed)}, person
        usual = synthvi.CAMERAS[modality]
        number = camera if camera in usual else usual[camera % len(usual)]
        pixels = synthvi.render(
            world.shot(people[person], cameras[number], (seed, person, number, i)), size
        )
        for path in paths:
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(folder / path, quality=90)


def shared_out(total: int, cells: list) -> Iterator[tuple[object, int]]:
    """Each cell with its share of ``total``, as even as can be and at least 1."""
    each, more = divmod(max(total, len(cells)), len(cells))
    yield from ((cell, each + (i < more)) for i, cell in enumerate(cells))


def scaled(official: int, scale: float) -> int:
    """Official number times scale, at least 2."""
    return max(2, round(official * scale))


def sysu_tree(scale: float, dice: np.random.Generator) -> Plan:
    """SYSU-MM01: 296 + 99 people to train on, 96 to test on, of whom 56 pass the rooms 1 and 2."""
    parts, first = {}, 1
    for part, official in (("train", 296), ("val", 99), ("test", 96)):
        n = scaled(official, scale)
        parts[part] = list(range(first, first + n))
        first += n
    train, test = parts["train"] + parts["val"], parts["test"]
    inside = test[: scaled(56, scale)]
    outside = [(p, 4) for p in test[: scaled(94, scale)]] + [
        (p, 5) for p in test[-scaled(95, scale) :]
    ]
    visible, infrared = (sysu.CAMERAS[modality] for modality in Modality)
    cells = [
        (22258, _cells(train, visible)),
        (11909, _cells(train, infrared)),
        (6775, sorted(_cells(inside, (1, 2)) + outside)),
        (2208, _cells(inside, infrared)),
        (3803 - 2208, _cells([p for p in test if p not in inside], infrared)),
    ]
    planned = [
        Planned((f"cam{camera}/{person:04d}/{i + 1:04d}.jpg",), modality, camera, person)
        for official, places in cells
        if places
        for (person, camera), n in shared_out(round(official * scale), places)
        for modality in (Modality(int(camera in infrared)),)
        for i in range(n)
    ]
    lists = {f"exp/{part}_id.txt": ",".join(map(str, ids)) + "\n" for part, ids in parts.items()}
    return planned, lists


def regdb_tree(scale: float, dice: np.random.Generator) -> Plan:
    """RegDB: 412 people, ten pictures each in both modalities, ten splits in halves."""
    half = scaled(206, scale)
    names = {
        (person, modality): [
            f"{regdb.FOLDERS[modality]}/{person}/male_front_{letter}_{i:05d}_{person}.bmp"
            for i in range(10)
        ]
        for person in range(1, 2 * half + 1)
        for modality, letter in zip(Modality, "vt", strict=True)
    }
    planned = [
        Planned((name,), modality, modality + 1, person)
        for (person, modality), listed in names.items()
        for name in listed
    ]
    lists = {}
    for trial in regdb.TRIALS:
        order = dice.permutation(2 * half) + 1
        for part, people in (("train", order[:half]), ("test", order[half:])):
            for modality, word in regdb.WORDS.items():
                lists[f"idx/{part}_{word}_{trial}.txt"] = "".join(
                    f"{name} {label}\n"
                    for label, person in enumerate(people.tolist())
                    for name in names[person, modality]
                )
    return planned, lists


def llcm_tree(scale: float, dice: np.random.Generator) -> Plan:
    """LLCM: 713 people to train on, 351 to test on, whose pictures lie in ``test_*`` as well."""
    split = scaled(713, scale)
    train = list(range(1, split + 1))
    test = list(range(split + 1, split + 1 + scaled(351, scale)))
    planned, lists = [], {"idx/test_id.txt": ",".join(map(str, test)) + "\n"}
    officially = {"train": (train, (16946, 13975)), "test": (test, (8680, 7166))}
    for part, (people, numbers) in officially.items():
        for modality, official in zip(Modality, numbers, strict=True):
            word, cameras = llcm.WORDS[modality], llcm.CAMERAS[modality]
            lines = []
            for (person, camera), n in shared_out(round(official * scale), _cells(people, cameras)):
                for i in range(n):
                    name = f"{person:04d}_c{camera:02d}_s{100000 + i}_f{100 + i}_{word}.jpg"
                    paths = [f"{word}/{person:04d}/{name}"]
                    lines.append(
                        f"{paths[0]} {person - people[0] if part == 'train' else person}\n"
                    )
                    if part == "test":
                        paths.append(f"test_{word}/cam{camera}/{person:04d}/{name}")
                    planned.append(Planned(tuple(paths), modality, camera, person))
            lists[f"idx/{part}_{word}.txt"] = "".join(lines)
    return planned, lists


def _cells(people: list[int], cameras: tuple[int, ...]) -> list[tuple[int, int]]:
    return [(person, camera) for person in people for camera in cameras]


TREES: dict[str, tuple[str, Callable[[float, np.random.Generator], Plan]]] = {
    "sysu": (sysu.TITLE, sysu_tree),
    "regdb": (regdb.TITLE, regdb_tree),
    "llcm": (llcm.TITLE, llcm_tree),
}
