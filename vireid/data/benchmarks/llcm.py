"""LLCM: nine cameras that see by day in visible and by night in near-infrared light.

Layout: ``vis/PPPP/*_vis.jpg``, ``nir/PPPP/*_nir.jpg``, ``idx/{train,test}_{vis,nir}.txt`` with
lines ``relative/path label``, ``idx/test_id.txt``, and copies of the test pictures as
``test_{vis,nir}/camX/PPPP/*.jpg``.
"""

import re
from pathlib import Path

from vireid.data.benchmarks import DIRECTIONS
from vireid.data.benchmarks.files import (
    Row,
    check_folder,
    choose,
    draw,
    find_folder,
    pictures,
    read_identities,
    read_index,
    require,
    table,
    trial_number,
)
from vireid.types import Images, Modality

TITLE = "LLCM"
NAMES = ("LLCM", "llcm")
MARKS = ("vis", "nir", "test_vis", "test_nir", "idx")
WORDS = {Modality.VISIBLE: "vis", Modality.INFRARED: "nir"}
CAMERAS = {  # of the test pictures, in the order of the gallery draw; no infrared camera 3
    Modality.VISIBLE: (1, 2, 3, 4, 5, 6, 7, 8, 9),
    Modality.INFRARED: (1, 2, 4, 5, 6, 7, 8, 9),
}
TRIALS = range(10)


def load(
    root: Path,
    *,
    preset: str = "visible_to_infrared",
    split: str = "train",
    trial: int = 0,
    llcm_official_v2i: bool = False,
) -> Images:
    """One split of LLCM.

    Parameters
    ----------
    root : the folder with ``vis``, ``nir`` and ``idx``, or one that holds it
    preset : "visible_to_infrared" or "infrared_to_visible", query to gallery
    split : "train" (both modalities), "query" (every test picture of one modality) or "gallery"
        (one picture of the other per test person and camera)
    trial : 0..9, the seed of the draw
    llcm_official_v2i : for "visible_to_infrared" only: the official scripts turn the score matrix
        around, so the *drawn infrared* pictures ask and *all visible* ones answer. The query then
        changes with the trial and the gallery does not.

    Test rows are sorted by identity, camera and file; training rows keep the order of the index
    files, visible first. Identity and camera come from the file name in training
    (``0351_c06_...``) and from the folders in the test copies; without those copies the same
    lists are rebuilt from ``idx/test_*.txt``.

    Raises
    ------
    FileNotFoundError : a missing ``idx/*.txt``, a camera folder of ``test_*``, a listed picture
    ValueError : unknown preset, trial outside 0..9, a malformed line or picture name, a line
        that leads to the other modality's folder (file and line are named), the option with the
        other direction

    Source: Zhang & Wang, CVPR 2023. Differs: with the option off, both directions draw the
    gallery, as DMDL does; the official scripts do so for infrared queries only.
    """
    choose(preset, DIRECTIONS, "preset")
    trial = trial_number(trial, TRIALS, "LLCM's gallery draws")
    if llcm_official_v2i and preset != "visible_to_infrared":
        raise ValueError(
            f"llcm_official_v2i=True with preset={preset!r}: the official scripts differ for "
            "visible_to_infrared only; leave the option out here"
        )
    folder = find_folder(root, title=TITLE, names=NAMES, marks=MARKS)
    if split == "train":
        parts = (indexed(folder, "train", modality) for modality in Modality)
        return table([row for part in parts for row in part], f"{TITLE} train")
    visible_or_infrared = Modality(DIRECTIONS.index(preset))
    asks, answers = (visible_or_infrared, False), (visible_or_infrared.other, True)  # drawn or all
    if llcm_official_v2i:
        asks, answers = answers, asks
    modality, drawn = asks if split == "query" else answers
    groups = test_groups(folder, modality)
    rows = draw(groups, trial) if drawn else [row for group in groups for row in group]
    return table(rows, f"{TITLE} {split} ({preset}, trial {trial})")


def indexed(folder: Path, part: str, modality: Modality) -> list[Row]:
    """Rows of ``idx/{part}_{vis|nir}.txt`` in file order; identity and camera from the names."""
    word = WORDS[modality]
    rows, entries = [], read_index(folder / "idx" / f"{part}_{word}.txt", folder, TITLE)
    check_folder(entries, folder, word)
    for path, _, where in entries:
        said = re.match(r"(\d+)_c(\d+)_", path.name)
        if said is None:
            raise ValueError(
                f"{where}: {path.name} does not start with identity and camera like "
                f"0351_c06_s200656_f4830_{word}.jpg"
            )
        rows.append(Row(path, modality, int(said[2]), int(said[1])))
    return rows


def test_groups(folder: Path, modality: Modality) -> list[list[Row]]:
    """The test pictures of each (person, camera), people outermost; empty where one was absent."""
    people = read_identities(folder / "idx" / "test_id.txt", TITLE)
    order = [(person, camera) for person in people for camera in CAMERAS[modality]]
    tree = folder / f"test_{WORDS[modality]}"
    if not tree.is_dir():
        return _regrouped(folder, modality, order)
    for camera in CAMERAS[modality]:
        require(tree / f"cam{camera}", TITLE)
    return [
        [
            Row(file, modality, camera, person)
            for file in pictures(tree / f"cam{camera}" / f"{person:04d}")
        ]
        for person, camera in order
    ]


def _regrouped(folder: Path, modality: Modality, order: list[tuple[int, int]]) -> list[list[Row]]:
    """``test_groups`` without the test copies: the pictures of ``idx/test_*.txt``, sorted."""
    seen = {key: [] for key in order}
    for row in sorted(indexed(folder, "test", modality), key=lambda row: row.path.name):
        if (row.identity, row.camera) not in seen:
            raise ValueError(
                f"{row.path} is listed for the test, but person {row.identity} is not in "
                f"{folder / 'idx' / 'test_id.txt'} or the {modality.word} cameras do not include "
                f"{row.camera}"
            )
        seen[row.identity, row.camera].append(row)
    return list(seen.values())


test_groups.__test__ = False  # a reader of test pictures, not a test case
