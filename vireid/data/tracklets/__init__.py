"""HITSZ-VCM and BUPTCampus: people as tracklets, read from their official layouts.

A tracklet becomes ``frames`` of its pictures, evenly spaced; ``Images.tracklet`` says which belong
together. Training treats them as single pictures. Scores are tracklet to tracklet: the features of
a tracklet's pictures are averaged (``retrieval_task``).
"""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from vireid import files
from vireid.arguments import check_whole
from vireid.data.benchmarks.files import Row, table
from vireid.types import Images, Modality

FRAMES = {"train": 4, "query": 10, "gallery": 10}  # of a tracklet, unless told otherwise


class Tracklet(NamedTuple):
    """Consecutive pictures of one person in one camera; ``said`` is the line that lists them."""

    paths: tuple[str, ...]
    modality: Modality
    camera: int
    identity: int
    said: str


def spaced(count: int, frames: int) -> list[int]:
    """Positions floor(i * count / frames), i < frames, each once: all of a shorter tracklet.

    Source: dyhBUPT/BUPTCampus, ``--test_frame_sample uniform``. Differs: nothing is repeated.
    """
    return sorted({i * count // frames for i in range(frames)})


def sampled(
    tracklets: Iterable[Tracklet], folder: Path, name: str, split: str, frames: int | None
) -> Images:
    """The chosen pictures of all tracklets, visible first, with the tracklets' numbers.

    Raises FileNotFoundError for a chosen picture that is not there, ValueError for ``frames`` < 1
    or a path that leads out of the folder; both name the line.
    """
    frames = FRAMES[split] if frames is None else frames
    if check_whole(frames, "frames") < 1:
        raise ValueError(f"frames={frames}: take at least 1 picture of a tracklet")
    rows, numbers = [], []
    for number, track in enumerate(sorted(tracklets, key=lambda track: track.modality)):
        for i in spaced(len(track.paths), frames):
            path = files.inside(folder, track.paths[i], track.said)
            if not path.is_file():
                raise FileNotFoundError(f"{path} is missing; {track.said} lists it")
            rows.append(Row(path, track.modality, track.camera, track.identity))
            numbers.append(number)
    return replace(table(rows, name), tracklet=np.array(numbers))
