"""SYSU-MM01: four visible and two near-infrared cameras, 395 training and 96 test people.

Layout: ``cam1 .. cam6/PPPP/NNNN.jpg`` and ``exp/{train,val,test}_id.txt``. The optional
``cam1_2_video`` pictures are never read.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from vireid.data.benchmarks.files import (
    Row,
    choose,
    draw,
    find_folder,
    pictures,
    read_identities,
    require,
    shot_count,
    table,
    trial_number,
)
from vireid.files import matlab, reading
from vireid.types import Images, Modality

TITLE = "SYSU-MM01"
PERMUTATIONS = "official permutations"
NAMES = ("SYSU-MM01", "SYSU_MM01", "SYSU", "sysu")
MARKS = ("exp", *(f"cam{c}" for c in range(1, 7)))
GALLERY_CAMERAS = {"all": (1, 2, 4, 5), "indoor": (1, 2)}
CAMERAS = {Modality.VISIBLE: (1, 2, 4, 5), Modality.INFRARED: (3, 6)}
TRIALS = range(10)


def load(
    root: Path,
    *,
    preset: str = "all",
    split: str = "train",
    trial: int = 0,
    shots: int = 1,
    permutations: Path | None = None,
) -> Images:
    """One split of SYSU-MM01.

    Parameters
    ----------
    root : the folder with ``exp`` and ``cam1 .. cam6``, or one that holds it
    preset : cameras of the gallery, "all" (1, 2, 4, 5) or "indoor" (1, 2)
    split : "train" (train and val people, all cameras), "query" (every infrared picture of the
        test people) or "gallery" (per test person and camera ``shots`` visible pictures)
    trial : 0..9, the seed of the gallery draw
    shots : pictures per person and camera in the gallery: 1, or 10 for multi-shot
    permutations : the official ``rand_perm_cam.mat``; the gallery then takes the first ``shots``
        entries of permutation ``trial`` and nothing is drawn

    Rows are sorted by identity, camera and file; in "train" visible rows come first.

    Raises
    ------
    FileNotFoundError : a missing ``exp/*.txt`` or camera folder (a person missing in a camera is
        normal)
    ValueError : unknown preset, trial outside 0..9, shots below 1, malformed id file, people in two
        splits, permutations that do not fit the folders

    Source: Wu et al., ICCV 2017 and the data set's README (protocol); draws as in the Python
    evaluation that all papers of the workbook share. Differs: the official MATLAB evaluation uses
    stored permutations; give ``permutations`` for it.
    """
    choose(preset, GALLERY_CAMERAS, "preset")
    trial = trial_number(trial, TRIALS, "SYSU-MM01's gallery draws")
    shots = shot_count(shots)
    folder = find_folder(root, title=TITLE, names=NAMES, marks=MARKS)
    people = identities(folder)["train" if split == "train" else "test"]
    if split == "train":
        parts = (groups(folder, people, modality, CAMERAS[modality]) for modality in Modality)
        rows = [row for part in parts for group in part for row in group]
        return table(rows, f"{TITLE} train")
    if split == "query":
        found = groups(folder, people, Modality.INFRARED, CAMERAS[Modality.INFRARED])
        return table([row for group in found for row in group], f"{TITLE} query")
    found = groups(folder, people, Modality.VISIBLE, GALLERY_CAMERAS[preset])
    if permutations is None:
        rows = draw(found, trial, shots)
    else:
        rows = _permuted(found, Path(permutations), trial, shots)
    return table(rows, f"{TITLE} gallery ({preset}, trial {trial})")


def identities(folder: Path) -> dict[str, list[int]]:
    """People of "train" (train and val together) and "test", ascending, from ``exp``."""
    read = {
        part: read_identities(folder / "exp" / f"{part}_id.txt", TITLE)
        for part in ("train", "val", "test")
    }
    train = sorted({*read["train"], *read["val"]})
    if shared := sorted(set(train) & set(read["test"])):
        raise ValueError(
            f"{folder / 'exp'}: people {shared[:5]} are in training and test; fetch exp again"
        )
    return {"train": train, "test": read["test"]}


def groups(
    folder: Path, people: list[int], modality: Modality, cameras: tuple[int, ...]
) -> Iterator[list[Row]]:
    """The pictures of each (person, camera), people outermost; empty where one was not seen."""
    for camera in cameras:
        require(folder / f"cam{camera}", TITLE)
    for person in people:
        for camera in cameras:
            files = pictures(folder / f"cam{camera}" / f"{person:04d}")
            yield [Row(file, modality, camera, person) for file in files]


def _permuted(groups: Iterator[list[Row]], file: Path, trial: int, shots: int) -> list[Row]:
    stored = matlab(require(file, TITLE), PERMUTATIONS).get("rand_perm_cam")
    if stored is None:
        raise ValueError(f"{file} holds no rand_perm_cam; take the file of the official evaluation")
    picked = []
    for group in filter(None, groups):
        person, camera = group[0].identity, group[0].camera
        with reading(file, PERMUTATIONS):  # whatever it holds: a table of tables of numbers
            by_person = stored[camera - 1, 0]
            order = by_person[person - 1, 0] if person <= len(by_person) else np.empty((0, 0))
            order = np.atleast_2d(order).astype(np.int64, casting="unsafe")
        if trial >= len(order) or order.shape[1] != len(group):
            raise ValueError(
                f"{file} permutes {order.shape[-1]} pictures of person {person} in camera {camera},"
                f" but {group[0].path.parent} holds {len(group)}; unpack that camera again"
            )
        if sorted(order[trial]) != list(range(1, len(group) + 1)):  # MATLAB counts from 1
            raise ValueError(
                f"{file}: trial {trial} of person {person} in camera {camera} is no permutation of "
                f"1..{len(group)}; take the file of the official evaluation"
            )
        picked += [group[i - 1] for i in order[trial, :shots]]
    return picked
