"""HITSZ-VCM: 927 people, 12 visible and infrared cameras, tracklets.

Layout: ``PPPP/{ir,rgb}/D#/*.jpg`` and, at the top or in ``info``, ``{train,test}_name.txt``,
``track_{train,test}_info.txt`` and ``query_IDX.txt``.
"""

import re
from pathlib import Path

from vireid.data.benchmarks import DIRECTIONS
from vireid.data.benchmarks.files import choose, find_folder, lines, require, trial_number
from vireid.data.tracklets import Tracklet, sampled
from vireid.types import Images, Modality

TITLE = "HITSZ-VCM"
NAMES = ("HITSZ-VCM", "VCM-HITSZ", "VCM", "vcm")
MARKS = ("track_train_info.txt", "info/track_train_info.txt")
SHORTEST = 12  # frames; the official loader leaves shorter tracklets out
# person, modality and place of a frame's name, e.g. 0001M1D3T0002F045.jpg
NAME = re.compile(r"(?P<person>\d{4}).(?P<modality>\d).*?(?P<camera>D\d+)T[^F]*F(?P<file>.+)")


def load(
    root: Path,
    *,
    preset: str = "infrared_to_visible",
    split: str = "train",
    trial: int = 0,
    frames: int | None = None,
) -> Images:
    """One split of HITSZ-VCM.

    Parameters
    ----------
    root : the folder with the people's folders and the lists, or one that holds it
    preset : "infrared_to_visible": the tracklets of ``query_IDX.txt`` ask and all other test
        tracklets answer; "visible_to_infrared": the other way round
    split : "train", "query" or "gallery"
    trial : 0; nothing is drawn
    frames : pictures of a tracklet, evenly spaced (``tracklets.spaced``); None = 4 in training, 10
        in the test

    Tracklets of fewer than 12 frames are left out. Scores are tracklet to tracklet under protocol
    "vcm": gallery tracklets of the query's person *and* camera are left out, and ranks count
    tracklets.

    Raises
    ------
    FileNotFoundError : a missing list or picture
    ValueError : unknown preset, a malformed line or name, a query that is no test tracklet (file
        and line are named)

    Source: Lin et al., CVPR 2022; VCM-project233/MITML, data_manager.py and eval_metrics.py.
    """
    choose(preset, DIRECTIONS[::-1], "preset")
    trial_number(trial, range(1), f"{TITLE}, where nothing is drawn,")
    folder = find_folder(root, title=TITLE, names=NAMES, marks=MARKS)
    if split == "train":
        return sampled(tracklets(folder, "train"), folder, f"{TITLE} train", split, frames)
    asks, others = tested(folder)
    chosen = asks if (split == "query") == (preset == "infrared_to_visible") else others
    return sampled(chosen, folder, f"{TITLE} {split} ({preset})", split, frames)


def tracklets(folder: Path, part: str) -> list[Tracklet]:
    """Tracklets of "train" or "test" that are long enough."""
    return [track for track in every(folder, part) if len(track.paths) >= SHORTEST]


def tested(folder: Path) -> tuple[list[Tracklet], list[Tracklet]]:
    """Test tracklets that are long enough: those of ``query_IDX.txt``, and the others."""
    found = every(folder, "test")
    asks = queries(folder, len(found))
    long = [(i in asks, t) for i, t in enumerate(found, 1) if len(t.paths) >= SHORTEST]
    return [t for asking, t in long if asking], [t for asking, t in long if not asking]


def every(folder: Path, part: str) -> list[Tracklet]:
    """All tracklets of ``track_{part}_info.txt``: modality first-frame last-frame person camera."""
    names = [line for _, line in lines(listing(folder, f"{part}_name.txt"), TITLE)]
    file = listing(folder, f"track_{part}_info.txt")
    found = []
    for number, line in lines(file, TITLE):
        where = f"{file}, line {number}"
        cells = line.split()
        if len(cells) != 5 or not all(cell.isdecimal() for cell in cells):
            raise ValueError(f"{where}: {line!r}; expected: modality first last person camera")
        kind, first, last, person, camera = map(int, cells)
        if not 1 <= first <= last <= len(names):
            raise ValueError(f"{where}: frames {first}..{last} of {len(names)} names")
        modality = Modality(kind == 1)
        paths = tuple(placed(name, person, modality, where) for name in names[first - 1 : last])
        found.append(Tracklet(paths, modality, camera, person, where))
    return found


def placed(name: str, person: int, modality: Modality, where: str) -> str:
    """Path of a frame in the data set; ValueError when its name says another person or modality."""
    said = NAME.fullmatch(name)
    if said is None:
        raise ValueError(f"{where}: {name!r} is no name such as 0001M1D3T0002F045.jpg")
    if (int(said["person"]), Modality(said["modality"] == "1")) != (person, modality):
        raise ValueError(f"{where}: a {modality.word} tracklet of {person}, but it holds {name}")
    word = ("rgb", "ir")[modality]
    return f"{said['person']}/{word}/{said['camera']}/{said['file']}"


def queries(folder: Path, count: int) -> set[int]:
    """Numbers, from 1 to ``count``, of the test tracklets that ask; ValueError for any other."""
    file = listing(folder, "query_IDX.txt")
    words = [(number, word) for number, line in lines(file, TITLE) for word in line.split()]
    for number, word in words:
        if not word.isdecimal() or not 1 <= int(word) <= count:
            raise ValueError(
                f"{file}, line {number}: {word!r} is no number of a tracklet; "
                f"track_test_info.txt lists {count:,}, from 1 on: fetch both again"
            )
    return {int(word) for _, word in words}


def listing(folder: Path, name: str) -> Path:
    """A list at the top, or in ``info`` as the official loader has it."""
    return folder / name if (folder / name).exists() else require(folder / "info" / name, TITLE)
