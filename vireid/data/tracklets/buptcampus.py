"""BUPTCampus: 3,080 people, six cameras, visible and infrared tracklets aligned pixel by pixel.

Layout: ``DATA/...``, ``data_paths.json`` (person, modality, camera, tracklet -> frames below
``DATA``) and ``{train,train_auxiliary,query,gallery}.txt`` with lines
``person modality camera tracklet``.
"""

from pathlib import Path

from vireid import files
from vireid.data.benchmarks import DIRECTIONS
from vireid.data.benchmarks.files import choose, find_folder, lines, require, trial_number
from vireid.data.tracklets import Tracklet, sampled
from vireid.types import Images, Modality

TITLE = "BUPTCampus"
NAMES = ("BUPTCampus", "buptcampus")
MARKS = ("data_paths.json",)
CAMERAS = {name: number for number, name in enumerate("LS3 G25 CQ1 W4 TSG1 TSG2".split(), 1)}
WORDS = {"RGB": (Modality.VISIBLE,), "IR": (Modality.INFRARED,), "RGB/IR": tuple(Modality)}


def load(
    root: Path,
    *,
    preset: str = "infrared_to_visible",
    split: str = "train",
    trial: int = 0,
    frames: int | None = None,
    auxiliary: bool = False,
) -> Images:
    """One split of BUPTCampus.

    Parameters
    ----------
    root : the folder with ``data_paths.json`` and ``DATA``, or one that holds it
    preset : "infrared_to_visible" or "visible_to_infrared": of ``query.txt`` and ``gallery.txt``,
        which hold both, one modality each
    split : "train", "query" or "gallery"
    trial : 0; nothing is drawn
    frames : pictures of a tracklet, evenly spaced (``tracklets.spaced``); None = 4 in training, 10
        in the test, as the official evaluation
    auxiliary : train on ``train_auxiliary.txt`` too, whose people are in one camera only

    Scores are tracklet to tracklet under protocol "regdb": nothing is left out, also not tracklets
    of the query's camera, and ranks count tracklets.

    Raises
    ------
    FileNotFoundError : a missing list or picture
    ValueError : unknown preset, a malformed line, a tracklet that ``data_paths.json`` does not know
        (file and line are named)

    Source: Du et al., TIFS 2024 (10.1109/TIFS.2023.3337972); dyhBUPT/BUPTCampus, dataloader.py,
    evaluation.py and test.py.
    """
    choose(preset, DIRECTIONS[::-1], "preset")
    trial_number(trial, range(1), f"{TITLE}, where nothing is drawn,")
    folder = find_folder(root, title=TITLE, names=NAMES, marks=MARKS)
    name = f"{TITLE} {split}"
    if split == "train":
        parts = ("train", "train_auxiliary") if auxiliary else ("train",)
        name += " with auxiliary" * auxiliary
        chosen = [track for part in parts for track in tracklets(folder, part)]
    else:
        modality = Modality(DIRECTIONS.index(preset))  # of the query
        if split == "gallery":
            modality = modality.other
        chosen = [track for track in tracklets(folder, split) if track.modality == modality]
        name += f" ({preset})"
    return sampled(chosen, folder / "DATA", name, split, frames)


def tracklets(folder: Path, part: str) -> list[Tracklet]:
    """Tracklets of ``{part}.txt``; a line of "RGB/IR" is two."""
    known = files.json_object(folder / "data_paths.json", f"paths of {TITLE}")
    file = require(folder / f"{part}.txt", TITLE)
    found = []
    for number, line in lines(file, TITLE):
        where, cells = f"{file}, line {number}", line.split()
        if len(cells) != 4 or not cells[0].isdecimal():
            raise ValueError(f"{where}: {line!r}; expected: person modality camera tracklet")
        person, word, camera, track = cells
        if word not in WORDS or camera not in CAMERAS:
            raise ValueError(
                f"{where}: {word} {camera}; modalities are {', '.join(WORDS)} and cameras "
                f"{', '.join(CAMERAS)}"
            )
        for modality in WORDS[word]:
            paths = _paths(known, (person, ("RGB", "IR")[modality], camera, track), where)
            found.append(Tracklet(paths, modality, CAMERAS[camera], int(person), where))
    return found


def _paths(known: dict, keys: tuple[str, ...], where: str) -> tuple[str, ...]:
    """Frames of a tracklet in ``data_paths.json``; they lie in a folder of their modality."""
    found = known
    for key in keys:
        found = found.get(key) if isinstance(found, dict) else None
    if not isinstance(found, list) or not found or not all(isinstance(p, str) for p in found):
        raise ValueError(f"{where}: data_paths.json knows no frames of {' '.join(keys)}")
    if wrong := [p for p in found if keys[1] not in Path(p).parts]:
        raise ValueError(f"{where}: {wrong[0]} lies in no folder {keys[1]}/; fetch the lists again")
    return tuple(found)
