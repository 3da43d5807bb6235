"""What a run leaves on disk while it goes: record, checkpoint, and at its end the network."""

from pathlib import Path

import torch

from vireid.runs import Run, write_atomically

RECORD, CHECKPOINT, NETWORK = "run.json", "checkpoint.pt", "model.safetensors"


def load(out: str | Path) -> dict:
    """The last checkpoint of a run's folder."""
    return torch.load(Path(out) / CHECKPOINT, weights_only=True)


def save(out: str | Path, saved: dict) -> None:
    """Put a checkpoint in the place of the one before, whole or not at all."""
    write_atomically(Path(out) / CHECKPOINT, lambda file: torch.save(saved, file))


def make_room(out: str | Path, run: Run, *, overwrite: bool) -> None:
    """Begin a run in a folder; ValueError when it holds one and may not be overwritten."""
    out = Path(out)
    held = [name for name in (RECORD, CHECKPOINT, NETWORK) if (out / name).exists()]
    if held and not overwrite:
        raise ValueError(
            f"{out} holds a run already ({', '.join(held)}); go on with it (--resume), "
            "train into another folder, or replace it (--overwrite)"
        )
    for name in held:
        (out / name).unlink()
