"""What a run leaves on disk while it goes: record, checkpoint, and at its end the network.

A checkpoint holds all that going on needs, its record too; the one before is kept beside it.
"""

import errno
import os
import shutil
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from vireid import files
from vireid.files.write import clear_parts, put, tensor_bytes
from vireid.runs import Run

RECORD, CHECKPOINT, NETWORK = "run.json", "checkpoint.pt", "model.safetensors"
BEFORE, DAMAGED = "checkpoint.before.pt", "checkpoint.damaged.pt"
ALL = (RECORD, CHECKPOINT, BEFORE, DAMAGED, NETWORK)
LABELS = "labels"  # folder of label tables, one an epoch, where they are kept
COPIES = 3  # of a checkpoint while one is written: the new one, the last, the one before
HELD = "checkpoint"


def load(out: str | Path) -> dict | None:
    """The last checkpoint of a run's folder that can be read, None when there is none.

    Warns when the last one is damaged and the one before it serves. Raises ``BrokenFile`` when both
    are damaged.
    """
    paths = [p for p in (Path(out) / CHECKPOINT, Path(out) / BEFORE) if p.exists()]
    for place, path in enumerate(paths, 1):
        try:
            saved = files.tensors(path, HELD)
            if not {"epoch", "run", "model", "optimiser", "method", "best"} <= saved.keys():
                raise files.BrokenFile(HELD, "it is of another version", path, "Use --overwrite")
            return saved
        except files.BrokenFile as error:
            if place == len(paths):
                raise
            warnings.warn(f"{error} Going on from {paths[place].name} beside it.", stacklevel=2)
            path.replace(path.with_name(DAMAGED))  # lest it take the place of the one before
    return None


def save(out: str | Path, saved: dict, run: Run) -> None:
    """Put a checkpoint in the place of the last, which is kept, and its record beside it."""
    out = Path(out)
    put(out / CHECKPOINT, tensor_bytes(saved | {"run": run.text()}), aside=out / BEFORE)
    run.save(out / RECORD)


def label_file(out: str | Path, epoch: int) -> Path:
    """Where an epoch's labels are kept in a run's folder."""
    return Path(out) / LABELS / f"epoch{epoch:03d}.csv"


def check_room(out: str | Path, *, overwrite: bool) -> None:
    """ValueError when a folder holds a run, or its tables of labels, that may not be replaced."""
    held = [str(path.relative_to(out)) for path in _held(Path(out))]
    if held and not overwrite:
        more = f" and {len(held) - 3} more" if len(held) > 3 else ""
        raise ValueError(
            f"{out} holds a run already ({', '.join(held[:3])}{more}); go on with it (--resume), "
            "train into another folder, or replace it (--overwrite)"
        )


def clear(out: str | Path) -> None:
    """Delete the run that a folder holds, for one whose first checkpoint is ready."""
    for path in _held(Path(out)):
        path.unlink()


def _held(out: Path) -> list[Path]:
    """A run's files in a folder, its tables of labels among them."""
    files = [path for name in ALL if (path := out / name).exists()]
    return files + sorted((out / LABELS).glob("epoch[0-9][0-9][0-9].csv"))


@contextmanager
def held(out: str | Path | None) -> Iterator[None]:
    """Keep a run's folder to oneself; the system lets go of it when the process dies.

    Raises RuntimeError when another process trains there, OSError when nothing can be written.
    """
    if out is None:
        yield
        return
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    folder = os.open(out, os.O_RDONLY)
    try:
        _lock(folder, out)
        put(out / ".probe", b"").unlink()
        clear_parts(out)
        yield
    finally:
        os.close(folder)


def _lock(folder: int, out: Path) -> None:
    try:
        import fcntl
    except ImportError:  # not on this system
        return
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise RuntimeError(
            f"another process is training in this folder now ({out}). Wait until it is done, or "
            "choose another folder (--out)."
        ) from error
    except OSError as error:  # some network drives have no locks
        warnings.warn(f"{out} cannot be locked ({error}); run one training there", stacklevel=3)


def check_space(out: str | Path, model: torch.nn.Module, *, best: bool, tell: bool) -> None:
    """OSError when the disk has no room for the run; ``tell`` says before it starts what it needs.

    best : whether the best network so far is kept in the checkpoint, too
    """
    network = sum(v.numel() * v.element_size() for v in model.state_dict().values())
    moments = 2 * sum(p.numel() * p.element_size() for p in model.parameters())
    need = COPIES * (network * (1 + best) + moments) + network + 2**20
    held = sum(path.stat().st_size for name in ALL if (path := Path(out, name)).exists())
    free = shutil.disk_usage(out).free + held  # what is there already is written over
    sizes = f"{need / 1e6:,.0f} MB at most, {free / 1e6:,.0f} MB are free"
    if need > free:
        raise OSError(errno.ENOSPC, f"the run keeps {sizes}", str(out))
    if tell:
        print(f"{out}: the run keeps {sizes}", file=sys.stderr, flush=True)
