"""RegDB: 412 people, one visible and one thermal camera, ten pictures each, ten splits.

Layout: ``Visible/<k>/*.bmp``, ``Thermal/<k>/*.bmp`` and
``idx/{train,test}_{visible,thermal}_{1..10}.txt`` with lines ``relative/path label``.
"""

from pathlib import Path

from vireid.data.benchmarks import DIRECTIONS
from vireid.data.benchmarks.files import (
    Row,
    check_folder,
    choose,
    find_folder,
    read_index,
    table,
    trial_number,
)
from vireid.types import Images, Modality

TITLE = "RegDB"
NAMES = ("RegDB", "regdb", "RegDB_01")
MARKS = ("Visible", "Thermal", "idx")
FOLDERS = {Modality.VISIBLE: "Visible", Modality.INFRARED: "Thermal"}
WORDS = {Modality.VISIBLE: "visible", Modality.INFRARED: "thermal"}
TRIALS = range(1, 11)


def load(
    root: Path,
    *,
    preset: str = "visible_to_infrared",
    split: str = "train",
    trial: int = 1,
) -> Images:
    """One split of RegDB.

    Parameters
    ----------
    root : the folder with ``Visible``, ``Thermal`` and ``idx``, or one that holds it
    preset : "visible_to_infrared" or "infrared_to_visible", query to gallery
    split : "train" (both modalities), "query" or "gallery" (all test pictures of one modality)
    trial : 1..10, which of the ten train/test splits; each needs a model of its own

    Rows keep the order of the index files, visible first in "train". The identity is the index
    file's label, which counts training and test people separately; the camera is 1 for visible
    and 2 for infrared.

    Raises
    ------
    FileNotFoundError : a missing ``idx/*.txt``, or a picture that one of them lists
    ValueError : unknown preset, trial outside 1..10, a malformed line or one that leads to the
        other modality's folder (file and line are named)

    Source: Nguyen et al., Sensors 2017 (pictures); Ye et al., AAAI 2018 (ten splits).
    """
    choose(preset, DIRECTIONS, "preset")
    trial = trial_number(trial, TRIALS, "RegDB's train/test splits")
    folder = find_folder(root, title=TITLE, names=NAMES, marks=MARKS)
    if split == "train":
        rows = [row for modality in Modality for row in listed(folder, "train", modality, trial)]
        return table(rows, f"{TITLE} train (split {trial})")
    modality = Modality(DIRECTIONS.index(preset))  # of the query
    if split == "gallery":
        modality = modality.other
    return table(listed(folder, "test", modality, trial), f"{TITLE} {split} (split {trial})")


def listed(folder: Path, part: str, modality: Modality, trial: int) -> list[Row]:
    """Rows of one index file, in its order; a path of the other modality is a ValueError."""
    file = folder / "idx" / f"{part}_{WORDS[modality]}_{trial}.txt"
    entries = read_index(file, folder, TITLE)
    check_folder(entries, folder, FOLDERS[modality])
    return [Row(entry.path, modality, modality + 1, entry.label) for entry in entries]
