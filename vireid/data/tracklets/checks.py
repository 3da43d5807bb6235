"""What ``vireid data check`` counts in HITSZ-VCM and BUPTCampus."""

from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path

from vireid import files
from vireid.data.benchmarks.files import Row, table
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
        chosen = vcm.queries(folder, len(every("test")))
        return _counts(track for i, track in enumerate(every("test"), 1) if i in chosen)

    parts = cache(lambda: _vcm(folder))

    def pictures(part: str) -> tuple:
        return _pictures(part, lambda: _frames(parts()[part], folder, f"{vcm.TITLE} {part}"))

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
        *map(pictures, ("train", "query", "gallery")),
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

    def pictures(part: str) -> tuple:
        name = f"{buptcampus.TITLE} {part}"
        return _pictures(part, lambda: _frames(tracks(part), folder / "DATA", name))

    return [
        ("people in all", lambda: len(people(*parts)), (3080,)),
        ("people to train on", lambda: len(people("train")), (1074,)),
        ("people in training and test at once", shared, (0,)),
        *map(counted, parts),
        *map(pictures, parts),
    ]


def vcm_tables(folder: Path) -> list[Images]:
    """All training and all test pictures of HITSZ-VCM's tracklets that are long enough."""
    parts = _vcm(folder)
    test = [*parts["query"], *parts["gallery"]]
    return [
        _frames(parts["train"], folder, f"{vcm.TITLE} train"),
        _frames(test, folder, f"{vcm.TITLE} test"),
    ]


def buptcampus_tables(folder: Path) -> list[Images]:
    """All training pictures, the auxiliary ones too, and all test pictures of BUPTCampus."""
    return [
        _frames(
            (track for part in parts for track in buptcampus.tracklets(folder, part)),
            folder / "DATA",
            f"{buptcampus.TITLE} {name}",
        )
        for name, parts in (
            ("train", ("train", "train_auxiliary")),
            ("test", ("query", "gallery")),
        )
    ]


def _vcm(folder: Path) -> dict[str, list[Tracklet]]:
    """Tracklets that are long enough, by split; infrared asks."""
    query, gallery = vcm.tested(folder)
    return {"train": vcm.tracklets(folder, "train"), "query": query, "gallery": gallery}


def _frames(tracks: Iterable[Tracklet], folder: Path, name: str) -> Images:
    """Every frame of the tracklets once: all of which training and scoring take a few.

    Raises FileNotFoundError for a frame that is not there, ValueError for one that leads out of
    the folder or for no frame at all.
    """
    listed = {path: track for track in tracks for path in track.paths}
    for path in {path.rpartition("/")[0]: path for path in listed}.values():  # a folder, once
        files.inside(folder, path, listed[path].said)
    rows = []
    for name_of, track in listed.items():
        path = folder / name_of
        if path.is_symlink():
            files.inside(folder, name_of, track.said)
        if not path.is_file():
            raise FileNotFoundError(f"{path} is missing; {track.said} lists it")
        rows.append(Row(path, track.modality, track.camera, track.identity))
    return table(rows, name)


def _pictures(part: str, load: Callable[[], Images]) -> tuple:
    """The line that counts a part's pictures, all of them on disk."""

    def sizes() -> tuple[int, ...]:
        images = load()
        return tuple(int((images.modality == modality).sum()) for modality in Modality)

    return f"{part} pictures, visible + infrared", sizes, ()


def _counts(tracks: Iterable[Tracklet]) -> tuple[int, ...]:
    found = [track.modality for track in tracks]
    return tuple(found.count(modality) for modality in Modality)
