"""A tiny run of each method, in a child that can be killed: ``python tests/survive.py 20``."""

import os
import random
import signal
import sys
import tempfile
import time
import warnings
from pathlib import Path

import test_mcf
import torch
import toy

from vireid import methods
from vireid.runs import Run
from vireid.training import fit

SHARED = {"epochs": (2, 2), "iterations": 2, "k1": 6, "k2": 2, "min_samples": 2}
SHARED |= {"identities": 3, "instances": 2}
OF = {  # what differs by method
    "dcl": {"epochs": (4, 0)},
    "bmil": {"subset_ratio": 1.0},
    "mult": {"strong_stage1": False, "bn_chunks": 1},
    "dmdl": {"warmup": 0, "stage1_refine_start": 1, "aligned_phase_start": 1, "alternate_k1": 4},
    "mcf": test_mcf.SMALL | {"epochs": (2, 2)},
}


def train(name: str, out: Path, **options) -> Run:
    """The run of a method at one thread, from where ``out`` has it."""
    torch.set_num_threads(1)
    preset = {"preset": "paper"} if name == "mcf" else {}
    method = methods.build(name, **preset, **(SHARED | OF.get(name, {})))
    model = toy.region_net() if name == "mcf" else toy.net()
    table = toy.images()
    with warnings.catch_warnings(action="ignore"):
        return fit(
            model, method, table, seed=3, out=out, resume=True,
            test=toy.test_of(table), evaluate_every=1, **options,
        )  # fmt: skip


def child(name: str, out: Path, **options) -> int:
    """Start ``train`` in a process of its own; returns its number."""
    number = os.fork()
    if number:
        return number
    status = 1
    try:
        train(name, out, **options)
        status = 0
    finally:
        os._exit(status)


def alive(number: int, seconds: float) -> bool:
    """Whether a child still runs after so many seconds; it must not fail meanwhile."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        done, status = os.waitpid(number, os.WNOHANG)
        if done:
            assert status == 0, f"the run ended with status {status}"
            return False
        time.sleep(0.002)
    return True


def kill_often(name: str, kills: int, folder: Path, *, seed: int = 0) -> int:
    """Kill runs at random moments; each finished one must equal the undisturbed. Kills survived."""
    rng, survived, at = random.Random(f"{name} {seed}"), 0, 0
    train(name, folder / "warm")  # compiles: only the next one tells how long a run takes
    began = time.monotonic()
    whole = train(name, folder / "whole")
    length = time.monotonic() - began
    while True:
        out = folder / f"killed{at}"
        number = child(name, out)
        limit = rng.uniform(0, length) if survived < kills else 600
        if alive(number, limit):
            assert survived < kills, "the last run hangs"
            os.kill(number, signal.SIGKILL)
            os.waitpid(number, 0)
            survived += 1
            continue
        equal(folder / "whole", out, whole)
        at += 1
        if survived >= kills:
            return survived


def equal(first: Path, second: Path, whole: Run) -> None:
    """Curves and networks are the same bit for bit, and nothing half-written lies about."""
    run = Run.load(second / "run.json")
    assert run.curves == whole.curves and run.result == whole.result
    networks = [(folder / "model.safetensors").read_bytes() for folder in (first, second)]
    assert networks[0] == networks[1]
    left = sorted(path.name for path in second.iterdir())
    assert left == ["checkpoint.before.pt", "checkpoint.pt", "model.safetensors", "run.json"], left


if __name__ == "__main__":
    total = 0
    for method in sys.argv[2:] or methods.TABLE:
        with tempfile.TemporaryDirectory() as place:
            survived = kill_often(method, int(sys.argv[1]), Path(place), seed=1)
        total += survived
        print(f"{method}: {survived} kills survived, curves and network equal", flush=True)
    print(f"{total} kills in all")
