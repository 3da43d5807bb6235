"""What ``vireid data check`` counts in HITSZ-VCM and BUPTCampus."""

from collections.abc import Iterable
from functools import cache
from pathlib import Path

from vireid.data.tracklets import Tracklet, buptcampus, vcm
from vireid.types import Images, Modality


def vcm_checks(folder: Path) -> list[tuple]:
    """People and tracklets of HITSZ-VCM, as ``official.Check``."""
    every = cache(lambda part: vcm.every(folder, part))

    def people(part: str) -> set[int]:
        return {track.identity for track in every(part)}

    def short() -> int:
        tracks = (track for part in ("train", "test") for track in every(part))
        return sum(len(track.paths) < vcm.SHORTEST for track in tracks)

    def asks() -> tuple[int, ...]:
        chosen = vcm.queries(folder)
        return _counts(track for i, track in enumerate(every("test"), 1) if i in chosen)

    return [
        ("people in all", lambda: len(people("train") | people("test")), (927,)),
        ("people to train on", lambda: len(people("train")), (500,)),
        (
            "people in training and test at once",
            lambda: len(people("train") & people("test")),
            (0,),
        ),
        ("training tracklets, visible + infrared", lambda: _counts(every("train")), ()),
        ("test tracklets, visible + infrared", lambda: _counts(every("test")), ()),
        ("query tracklets, visible + infrared", asks, ()),
        (f"tracklets of fewer than {vcm.SHORTEST} frames, left out", short, ()),
    ]


def buptcampus_checks(folder: Path) -> list[tuple]:
    """People and tracklets of BUPTCampus, as ``official.Check``."""
    parts = ("train", "train_auxiliary", "query", "gallery")
    tracks = cache(lambda part: buptcampus.tracklets(folder, part))

    def people(*parts: str) -> set[int]:
        return {track.identity for part in parts for track in tracks(part)}

    def shared() -> int:
        return len(people(*parts[:2]) & people(*parts[2:]))

    def counted(part: str) -> tuple:
        return f"{part} tracklets, visible + infrared", lambda: _counts(tracks(part)), ()

    return [
        ("people in all", lambda: len(people(*parts)), (3080,)),
        ("people to train on", lambda: len(people("train")), (1074,)),
        ("people in training and test at once", shared, (0,)),
        *map(counted, parts),
    ]


def vcm_tables(folder: Path) -> list[Images]:
    """The frames that training and scoring take, of HITSZ-VCM."""
    return [vcm.load(folder), vcm.load(folder, split="query")]


def buptcampus_tables(folder: Path) -> list[Images]:
    """The frames that training and scoring take, of BUPTCampus."""
    return [buptcampus.load(folder), buptcampus.load(folder, split="query")]


def _counts(tracks: Iterable[Tracklet]) -> tuple[int, ...]:
    found = [track.modality for track in tracks]
    return tuple(found.count(modality) for modality in Modality)
