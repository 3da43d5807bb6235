"""Cut M3SVD-Persons out of a clone of the public M3SVD repository: ``vireid data m3svd CLONE``.

The boxes are committed, the pictures never are. The same box cuts the visible frame and the
registered infrared one; boxes already hold their margin (4 % of the width, 3 % of the height).
"""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from PIL import Image
from tqdm import tqdm

from vireid import files
from vireid.files.write import put, write_atomically
from vireid.paths import COMMITTED
from vireid.types import Modality

BOXES = COMMITTED / "m3svd_boxes.csv"
FRAME = (640, 480)  # width, height that the boxes refer to
CROP = (128, 256)  # width, height of the pictures made
SOURCE = "M3SVD mp4"
COLUMNS = ("pid", "sequence", "cam", "frame", "half", "x0", "y0", "x1", "y1")
LETTERS = {Modality.VISIBLE: "V", Modality.INFRARED: "I"}
INDEX = (
    *("file", "pid", "modality", "sequence", "cam", "frame", "half", "x0", "y0", "x1", "y1"),
    "source",
)


class Box(NamedTuple):
    """A person in one frame of a sequence; ``cam`` is the visible camera, infrared is +10."""

    pid: int
    sequence: str
    cam: int
    frame: int
    half: int
    corners: tuple[int, int, int, int]

    def file(self, modality: Modality) -> str:
        """Name of the crop, e.g. ``0001_V_0111-1716_f0006.jpg``."""
        sequence = self.sequence.replace("_", "-")
        return f"{self.pid:04d}_{LETTERS[modality]}_{sequence}_f{self.frame:04d}.jpg"


def cut(clone: Path, out: Path, boxes: Path = BOXES) -> Path:
    """Make the crops and their ``index.csv``; returns ``out``, which ``load("m3svd")`` reads.

    Crops are 128 x 256 JPEG, infrared as 8-bit grey. Each file appears whole or not at all, and
    ``index.csv`` last, so a second call after an interruption makes only what is missing.

    Parameters
    ----------
    clone : clone of Linfeng-Tang/M3SVD, with ``Video/test/{visible,infrared}/<sequence>.mp4``
    out : folder to make
    boxes : the committed annotations, in pixels of a 640 x 480 frame; video of another size is
        accepted in the same 4:3 shape, and the boxes are scaled

    Raises
    ------
    FileNotFoundError : mp4 files that are not in the clone, all named
    OSError : an mp4 that cannot be decoded
    ValueError : a malformed line of ``boxes``, an mp4 of another shape or with too few frames, an
        ``out`` that already holds other crops
    ImportError : PyAV is not installed
    """
    clone, out = Path(clone), Path(out)
    found = read_boxes(Path(boxes))
    index = index_text(found)
    _refuse_other_crops(out / "index.csv", index)
    work = _work(clone, found)
    (out / "images").mkdir(parents=True, exist_ok=True)
    with tqdm(total=2 * len(found), desc="cutting people", unit="crop") as bar:
        for (modality, video), wanted in work.items():
            missing = [b for b in wanted if not (out / "images" / b.file(modality)).exists()]
            bar.update(len(wanted) - len(missing))
            for box, crop in crops(video, missing, modality):
                _write_picture(crop, out / "images" / box.file(modality))
                bar.update()
    put(out / "index.csv", index)
    return out


def read_boxes(file: Path) -> list[Box]:
    """The annotations, in file order; ValueError names file and line of a malformed one."""
    boxes = []
    missing = "It is committed: git checkout restores it."
    for where, line in files.table(file, COLUMNS, "table of boxes", missing):
        try:
            number = {key: int(line[key]) for key in COLUMNS if key != "sequence"}
        except ValueError as error:
            raise ValueError(f"{where}: {error}") from error
        x0, y0, x1, y1 = (number[key] for key in ("x0", "y0", "x1", "y1"))
        sound = 0 <= x0 < x1 <= FRAME[0] and 0 <= y0 < y1 <= FRAME[1]
        if not sound:
            raise ValueError(f"{where}: the box leaves its frame")
        if Path(line["sequence"]).name != line["sequence"]:
            raise ValueError(f"{where}: sequence {line['sequence']!r} is no plain name")
        start = (number["pid"], line["sequence"], number["cam"], number["frame"])
        boxes.append(Box(*start, number["half"], (x0, y0, x1, y1)))
    if not boxes:
        raise ValueError(f"{file} holds no box; git checkout restores it")
    return boxes


def index_text(boxes: list[Box]) -> str:
    """The ``index.csv`` of these boxes: one visible and one infrared line each."""
    lines = [",".join(INDEX)]
    for box in boxes:
        for modality, letter in LETTERS.items():
            camera = box.cam + 10 * modality
            cells = (box.file(modality), box.pid, letter, box.sequence, camera, box.frame, box.half)
            lines.append(",".join(map(str, (*cells, *box.corners, SOURCE))))
    return "\n".join(lines) + "\n"


def crops(video: Path, boxes: list[Box], modality: Modality) -> Iterator[tuple[Box, Image.Image]]:
    """Each box with its crop, in the order of frames."""
    by_frame = defaultdict(list)
    for box in boxes:
        by_frame[box.frame].append(box)
    for number, picture in frames(video, set(by_frame)):
        if picture.width * FRAME[1] != picture.height * FRAME[0]:
            raise ValueError(
                f"{video} is {picture.width} x {picture.height}; the boxes fit 4:3 video such as "
                "640 x 480. Take the mp4 files of the repository as they are."
            )
        scale = picture.width / FRAME[0]
        for box in by_frame[number]:
            area = tuple(round(scale * side) for side in box.corners)
            crop = picture.crop(area).resize(CROP, Image.Resampling.BICUBIC)
            yield box, crop.convert("L") if modality == Modality.INFRARED else crop


def frames(video: Path, wanted: set[int]) -> Iterator[tuple[int, Image.Image]]:
    """The wanted frames, counted from 0 in showing order, as RGB; nothing after the last is read.

    Raises OSError for a file that is no video, ValueError when it ends too early.
    """
    if not wanted:
        return
    try:
        import av
    except ImportError as error:
        raise ImportError('reading mp4 needs PyAV: pip install "vireid[video]"') from error
    number = -1
    try:
        with av.open(str(video)) as container:
            if not container.streams.video:
                raise OSError(f"{video} holds no pictures, only sound or data")
            container.streams.video[0].thread_type = "AUTO"
            for number, frame in enumerate(container.decode(video=0)):
                if number in wanted:
                    yield number, frame.to_image()
                if number >= max(wanted):
                    return
    except av.error.FFmpegError as error:
        raise OSError(
            f"cannot decode {video}: {error}. If it is a small text file, the clone holds Git LFS "
            "pointers: run git lfs pull in it; otherwise fetch it again."
        ) from error
    raise ValueError(f"{video} ends after {number + 1} frames; frame {max(wanted)} is needed")


def _work(clone: Path, boxes: list[Box]) -> dict[tuple[Modality, Path], list[Box]]:
    """(modality, mp4) -> its boxes; FileNotFoundError names every mp4 that is missing."""
    work = defaultdict(list)
    for modality in Modality:
        for box in boxes:
            video = clone / "Video" / "test" / modality.word / f"{box.sequence}.mp4"
            work[modality, video].append(box)
    if missing := [str(video) for _, video in work if not video.is_file()]:
        raise FileNotFoundError(
            f"{len(missing)} of {len(work)} mp4 files are missing: {', '.join(missing)}. "
            "CLONE must be a clone of Linfeng-Tang/M3SVD (git clone, then git lfs pull if asked)."
        )
    return work


def _refuse_other_crops(index: Path, text: str) -> None:
    if index.exists() and index.read_text(encoding="utf-8").splitlines() != text.splitlines():
        raise ValueError(f"{index} lists other crops than these boxes; choose an empty folder")


def _write_picture(picture: Image.Image, path: Path) -> None:
    write_atomically(path, lambda part: picture.save(part, format="JPEG", quality=95))
