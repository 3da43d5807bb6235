"""Files that appear whole or not at all, whatever fails or kills the process meanwhile."""

import io
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PART = ".part"  # ends the hidden name of a file that is being written


def put(path: str | Path, content: bytes | str, *, aside: Path | None = None) -> Path:
    """Write a file; what stood at ``path`` before stays until the new one is on the disk.

    ``aside`` is where the one before is kept. Raises OSError naming ``path`` when the disk is full,
    read-only or gone; nothing half-written stays then.
    """
    content = content.encode() if isinstance(content, str) else content
    path = Path(path)
    with _part_of(path) as part:
        with part.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if aside is not None and path.exists():
            path.replace(aside)
        part.replace(path)
    return path


def write_atomically(path: str | Path, write: Callable[[Path], object]) -> None:
    """As ``put`` of what ``write(temporary path)`` writes."""
    path = Path(path)
    with _part_of(path) as part:
        write(part)
        part.replace(path)


def tensor_bytes(saved: dict) -> bytes:
    """What ``torch.save`` would write: a full disk then fails in ``put``, with its name."""
    import torch

    buffer = io.BytesIO()
    torch.save(saved, buffer)
    return buffer.getvalue()


def clear_parts(folder: Path) -> None:
    """Take away what killed processes left half-written; nobody else may be writing there."""
    for part in Path(folder).glob(f".*{PART}"):
        part.unlink(missing_ok=True)


@contextmanager
def _part_of(path: Path) -> Iterator[Path]:
    """A hidden name beside ``path``, gone afterwards; errors of the disk name ``path``."""
    part = path.with_name(f".{path.name}.{os.getpid()}{PART}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield part
    except OSError as error:
        if error.errno is None:
            raise
        raise OSError(error.errno, f"cannot write: {error.strerror}", str(path)) from error
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)
