"""``vireid data template FOLDER``: an example of your own pictures, with drawn people in it."""

from pathlib import Path

from vireid.data.own import HEAD
from vireid.data.rehearsal import Planned, draw, unused
from vireid.data.synthvi import CAMERAS
from vireid.types import Modality

PEOPLE = {"train": range(1, 13), "query": range(13, 18), "gallery": range(13, 18)}
SHOTS = 4  # of each person and camera
NOTICE = """\
An example of the data set "files", written by vireid data template: drawn people, nobody's picture.
Put your own pictures here and write their paths into pictures.csv.

  path      of the picture, from this folder on
  modality  visible or infrared
  camera    a whole number; leave it empty when unknown
  identity  a number or a name, equal for equal people; leave it empty when unknown
  split     train, query or gallery; empty is train
"""


def template(folder: str | Path, *, seed: int = 0, size: tuple[int, int] = (128, 64)) -> Path:
    """Write ``pictures.csv`` and 272 pictures of drawn people; returns ``folder``.

    ``data.load("files", root=folder)`` reads it. ``size`` is (height, width) in pixels. Raises
    ValueError for a folder in use.
    """
    folder = unused(folder)
    planned, lines = [], [",".join(HEAD)]
    for split, people in PEOPLE.items():
        for modality in Modality:
            if (split, modality) in (("query", Modality.VISIBLE), ("gallery", Modality.INFRARED)):
                continue
            for person in people:
                for camera in CAMERAS[modality][:2]:
                    for i in range(SHOTS):
                        name = f"{split}/camera{camera}/{person:03d}-{i}.jpg"
                        planned.append(Planned((name,), modality, camera, person))
                        lines.append(f"{name},{modality.word},{camera},{person},{split}")
    (folder / "README.txt").write_text(NOTICE)
    draw(folder, planned, seed=seed, size=size)
    (folder / "pictures.csv").write_text("\n".join(lines) + "\n")
    return folder
