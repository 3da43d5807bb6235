"""M3SVD-Persons: 30 real people walking past, cut from registered visible and thermal video.

A folder of crops with an ``index.csv``; ``m3svd_cut`` makes it for 17 of the people. Each person is
in one scene only, so this shows a pipeline at work; it ranks no methods.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from vireid import files
from vireid.data.benchmarks.files import Row, choose, find_folder, require, table, trial_number
from vireid.types import Images, Modality

TITLE = "M3SVD-Persons"
NAMES = ("M3SVD-Persons", "m3svd_persons", "m3svd")
MARKS = ("index.csv",)
TRACKLETS = "m3svd_ir_tracklets"
PRESETS = ("halves", "alternate", "all", "unseen")
FOLDS = range(3)
SIZE = (128, 64)  # height, width
LETTERS = {"V": Modality.VISIBLE, "I": Modality.INFRARED}
INFRARED_FROM = 10  # camera c + 10 is the infrared one beside the visible camera c
COLUMNS = ("file", "pid", "modality", "cam", "frame", "half")


class Crop(NamedTuple):
    """One line of ``index.csv``."""

    path: Path
    person: int
    modality: Modality
    camera: int
    frame: int
    half: int


def load(
    root: Path,
    *,
    preset: str = "halves",
    split: str = "train",
    trial: int = 0,
    tracklets: str | None = None,
) -> Images:
    """One split of M3SVD-Persons.

    Parameters
    ----------
    root : the folder with ``index.csv`` and ``images``, or one that holds it
    preset : which crops are shown, and who is scored

        - "halves": visible crops from the first half of each person's track in time, infrared
          ones from the second (with the middle frame), so that no moment is seen in both
        - "alternate": the index's column ``half``: every other sampled frame visible, the rest
          infrared, so that moments interleave
        - "all": every crop; both modalities show the same moments
        - "unseen": as "halves", but every third person, from number ``trial`` on in the order of
          their ids, is kept for the test and the others train

    split : "train" (both modalities), "query" (infrared) or "gallery" (visible). But for "unseen"
        they are the same pictures: train and score on the same unlabelled people.
    trial : which people are unseen, 0..2; 0 in the other presets, where nothing is drawn
    tracklets : adds infrared people without a visible partner to "train", from a folder
        ``m3svd_ir_tracklets`` inside or beside ``root``: "unmatched" takes scenes of no person
        here: their identity is minus the tracklet's number, one-sided and without a name, and one
        person may have several. "all" takes the other scenes' too, whose identity is -1: unknown,
        they may be anyone here.

    Cameras are the index's (visible 1-10, infrared 11-20, one a scene); scenes that only tracklets
    have count on from 21.

    Raises
    ------
    FileNotFoundError : no ``index.csv``, or a crop or tracklet folder that is not there
    ValueError : unknown preset, trial or tracklets; a malformed index line (file and line named)

    Source: Linfeng-Tang/M3SVD, arXiv 2503.23359 (video, MIT licence). The splits are ours.
    """
    choose(preset, PRESETS, "preset")
    known = FOLDS if preset == "unseen" else range(1)
    trial_number(trial, known, f"M3SVD-Persons {preset!r}")
    if tracklets is not None:
        choose(tracklets, ("unmatched", "all"), "tracklets")
    folder = find_folder(root, title=TITLE, names=NAMES, marks=MARKS)
    crops = read_index(folder)
    if preset == "unseen":
        test = set(sorted({crop.person for crop in crops})[trial :: len(FOLDS)])
        crops = [crop for crop in crops if (crop.person in test) == (split != "train")]
    crops = _shown(crops, preset)
    rows = [Row(c.path, c.modality, c.camera, c.person) for c in crops]
    if split == "train" and tracklets is not None:
        rows += unmatched(Path(root), folder, every=tracklets == "all")
    if split != "train":
        wanted = Modality.INFRARED if split == "query" else Modality.VISIBLE
        rows = [row for row in rows if row.modality == wanted]
    rows.sort(key=lambda row: row.modality)  # visible first; the sort is stable
    return table(rows, f"{TITLE} {split} ({preset})", SIZE)


def scene(camera: np.ndarray) -> np.ndarray:
    """Number of the scene that a camera of the people's index stands in, the same for both."""
    return (np.asarray(camera) - 1) % INFRARED_FROM


def read_index(folder: Path) -> list[Crop]:
    """Crops of ``index.csv``, ordered by person, frame and modality."""
    crops = []
    for where, line in _csv_lines(folder / "index.csv", COLUMNS):
        if line["modality"] not in LETTERS:
            raise ValueError(f"{where}: modality {line['modality']!r}; expected V or I")
        person, camera, frame, half = _numbers(where, line, ("pid", "cam", "frame", "half"))
        crops.append(
            Crop(
                _picture(folder, where, line["file"]),
                person,
                LETTERS[line["modality"]],
                camera,
                frame,
                half,
            )
        )
    return sorted(crops, key=lambda crop: (crop.person, crop.frame, crop.modality))


def unmatched(root: Path, folder: Path, *, every: bool = False) -> list[Row]:
    """Infrared tracklets as rows with negative identities; see ``load``."""
    places = (root, root / TRACKLETS, folder / TRACKLETS, folder.parent / TRACKLETS)
    columns = ("file", "tracklet", "sequence", "sequence_also_in_m3svd_persons")
    place = next((p for p in places if p.name == TRACKLETS and p.is_dir()), None)
    if place is None:
        raise FileNotFoundError(f"no folder {TRACKLETS} in or beside {folder}")
    rows, scenes = [], _scenes(folder)
    for where, line in _csv_lines(place / "index.csv", columns):
        tracklet, shared = _numbers(where, line, (columns[1], columns[3]))
        if shared and not every:
            continue
        camera = scenes.setdefault(line["sequence"], max([20, *scenes.values()]) + 1)
        path = _picture(place, where, line["file"])
        rows.append(Row(path, Modality.INFRARED, camera, -1 if shared else -tracklet))
    return rows


def _shown(crops: list[Crop], preset: str) -> Iterable[Crop]:
    """The crops a preset shows: visible of the first part of each track, infrared of the other."""
    if preset == "all":
        return crops
    if preset == "alternate":
        return [crop for crop in crops if crop.half == crop.modality]
    frames = {}
    for crop in crops:
        frames.setdefault(crop.person, set()).add(crop.frame)
    middle = {person: sorted(seen)[len(seen) // 2] for person, seen in frames.items()}
    return [c for c in crops if (c.frame >= middle[c.person]) == (c.modality == Modality.INFRARED)]


def _scenes(folder: Path) -> dict[str, int]:
    """Infrared camera of each scene of the people's own index."""
    return {
        line["sequence"]: _numbers(where, line, ("cam",))[0]
        for where, line in _csv_lines(folder / "index.csv", ("sequence", *COLUMNS))
        if line["modality"] == "I"
    }


def _csv_lines(file: Path, columns: Iterable[str]) -> Iterable[tuple[str, dict[str, str]]]:
    return files.table(require(file, TITLE), columns, f"index of {TITLE}")


def _numbers(where: str, line: dict[str, str], columns: Iterable[str]) -> list[int]:
    """The named cells as whole numbers >= 0."""
    for column in columns:
        if not line[column].isdecimal():
            raise ValueError(f"{where}: {column} is {line[column]!r}; expected a whole number")
    return [int(line[column]) for column in columns]


def _picture(folder: Path, where: str, name: str) -> Path:
    """The listed picture, in ``images`` or at its path from the folder on; folders are kept."""
    path, whole = (files.inside(folder, n, where) for n in (f"images/{name}", name))
    if not path.is_file() and not whole.is_file():
        raise FileNotFoundError(f"{path} is missing; {where} lists it")
    return path if path.is_file() else whole
