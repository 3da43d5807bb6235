"""An optional cache: the pictures of a table decoded and resized once, in one file on disk."""

import hashlib
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np

from vireid.files.write import write_atomically
from vireid.paths import CHECKOUT
from vireid.types import Decoded, Images

CHUNK = 256  # pictures in memory while the file is written


def decoded(
    images: Images, folder: str | Path, *, workers: int = 1, say: Callable[[str], None] = print
) -> Images:
    """The same table, whose pictures come from one file of bytes at the network's size.

    The first call writes the file, later ones find it. It is read as a memory map.

    Parameters
    ----------
    images : n pictures on disk; a table in memory comes back as it is
    folder : where the file is kept, outside the repository: it holds pictures of people
    workers : threads that decode
    say : told the file's size before a byte is written

    Raises ValueError for a folder inside the repository, OSError when the disk has not enough room
    or a picture cannot be read.
    """
    if isinstance(images.source, np.ndarray):
        return images
    file = _checked(Path(folder)) / f"{_key(images)}.npy"
    shape = (len(images), *images.size, 3)
    if not file.exists():
        _make_room(file, int(np.prod(shape)), say)
        _write(file, images, shape, workers)
    pixels = np.load(file, mmap_mode="r")
    return replace(images, decoded=Decoded(pixels, np.arange(len(images))))


def _checked(folder: Path) -> Path:
    folder = folder.expanduser().resolve()
    if folder.is_relative_to(CHECKOUT):
        raise ValueError(
            f"cache={folder} lies in the repository {CHECKOUT}, where no pictures of people may be "
            "kept; give a folder outside"
        )
    return folder


def _key(images: Images) -> str:
    """Changes with pictures, order, size, and with the files' places and times."""
    digest = hashlib.sha256(f"{images.fingerprint} {images.size} bicubic".encode())
    for path in images.source:
        path = Path(path).resolve()
        digest.update(f"{path}:{path.stat().st_mtime_ns}\n".encode())
    return f"{images.fingerprint}-{digest.hexdigest()[:12]}"


def _make_room(file: Path, size: int, say) -> None:
    """Say the size; OSError when the disk has no room for it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(file.parent).free
    say(f"decoded pictures: {size / 1e9:.2f} GB go to {file} ({free / 1e9:.2f} GB free)")
    if size > free:
        raise OSError(
            f"{file.parent}: the decoded pictures take {size / 1e9:.2f} GB and "
            f"{free / 1e9:.2f} GB are free; give a folder on another disk, or train without a cache"
        )


def _write(file: Path, images: Images, shape: tuple[int, ...], workers: int) -> None:
    """Write all pictures to ``file``, whole or not at all."""
    header = {"descr": "|u1", "fortran_order": False, "shape": shape}

    def write(part: Path) -> None:
        with part.open("wb") as out, ThreadPoolExecutor(workers) as pool:
            np.lib.format.write_array_header_1_0(out, header)
            for rows in np.split(np.arange(shape[0]), range(CHUNK, shape[0], CHUNK)):
                out.write(np.stack(list(pool.map(images.resized, rows))).tobytes())

    write_atomically(file, write)
