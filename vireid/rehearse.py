"""A dress rehearsal: what one does on the day a benchmark's pictures arrive, on synthetic people.

Every step is a command of ``vireid`` that runs in a process of its own and is timed: draw the tree,
check it, read the plan, train, be killed, go on, score in every mode, fill a row of the published
table. What it says about the full benchmark is an estimate and is marked so.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import torch

from vireid import declared, methods, models
from vireid.data.rehearsal import draw_tree, is_tree
from vireid.experiment.facts import facts
from vireid.experiment.plan import plan

CHECKPOINT = "checkpoint.pt"


@dataclass(frozen=True)
class Step:
    """One thing that a user does and what it took.

    Parameters
    ----------
    title, command : what it is, and how it is typed
    seconds, gigabytes : wall time; largest memory of the process
    status : exit status; a killed run has -9
    output : what it printed
    """

    title: str
    command: str
    seconds: float
    gigabytes: float
    status: int
    output: str = field(repr=False, default="")


class Move(NamedTuple):
    """A command of the walk, how it is to end, and the file at whose sight it is killed."""

    title: str
    arguments: list[str]
    expected: int = 0
    kill_at: Path | None = None


def rehearse(
    data: str,
    *,
    out: Path,
    method: str = "dmdl",
    scale: float = 0.02,
    size: tuple[int, int] | None = None,
    weights: str = "none",
    switches: Sequence[str] = (),
    say=print,
) -> list[Step]:
    """Walk through everything on a tree of synthetic people.

    Parameters
    ----------
    data : "sysu", "regdb" or "llcm"
    out : folder of the tree, the runs and their scores; ``out/tree`` is kept and used again
    scale : share of the official numbers of people and pictures
    size : (height, width) that the network sees; None = the benchmark's own
    weights : starting weights, a file or a name; "none" = random, which finds few clusters across
        modalities in a large tree
    switches : settings of the method, "FIELD=VALUE"; fewer epochs make a shorter rehearsal
    say : is told each step as it ends

    Raises RuntimeError at the first step that ends otherwise than it should, ValueError for a
    folder that holds a rehearsal, or a tree of another data set or scale, and, before anything is
    drawn, for a method, size or setting that cannot be.
    """
    out, steps = Path(out), []
    if (out / "run").exists():
        raise ValueError(f"{out} holds a rehearsal already; take another folder, or delete it")
    check_asked(data, method=method, size=size, switches=switches)
    drawn = filter(None, [tree_in(out / "tree", data, scale)])
    walk = moves(data, out=out, method=method, size=size, weights=weights, switches=switches)
    for step in chain(drawn, map(made, walk)):
        steps.append(step)
        say(f"{step.title:22s} {step.seconds:7.1f} s {step.gigabytes:5.2f} GB  {step.command}")
    return steps


def check_asked(data: str, *, method: str, size=None, switches: Sequence[str] = ()) -> None:
    """ValueError for what no command of the walk could train; nothing is drawn for it.

    ``size`` is (height, width) in pixels or None, ``switches`` are "FIELD=VALUE".
    """
    made = plan(method, data)
    if size is not None and min(size) < 1:
        raise ValueError(f"size={tuple(size)}: height and width of a picture are at least 1")
    methods.build(method, preset=made.preset, **declared.switches(switches))
    name, options, _ = made.network
    if size is not None and name == "vit":  # its places are learnt for one size
        options = options | {"size": tuple(size)}
    with torch.device("meta"):
        models.build(name, **options)


def tree_in(tree: Path, data: str, scale: float) -> Step | None:
    """Draw the tree, unless it is there; ValueError when what is there is another, or cut short."""
    if not tree.exists():
        began = time.perf_counter()
        draw_tree(tree, data, scale=scale)
        return Step("draw the tree", f"scale {scale}", time.perf_counter() - began, 0.0, 0)
    if not is_tree(tree, data, scale=scale):
        raise ValueError(
            f"{tree} is no whole tree of {data} at scale={scale} (its SYNTHETIC.txt and lists say "
            "what it is); delete it, or take another folder (--out)"
        )
    return None


def moves(
    data: str, *, out: Path, method: str, size=None, weights: str = "none", switches=()
) -> Iterator[Move]:
    """The commands of the walk. The check ends with 1: drawn people are never the benchmark."""
    shape = ["--size", *map(str, size)] if size else []
    here = ["--data", data, "--root", str(out / "tree")]
    chosen = ["--method", method, *here, "--weights", weights, *shape]
    chosen += [part for pair in switches for part in ("--set", pair)]
    chosen += ["--evaluate-every", "1"]
    run, end = out / "run", -signal.SIGKILL
    yield Move("check it", ["data", "check", str(out / "tree")], expected=1)
    yield Move("read the plan", ["plan", "--method", method, "--data", data])
    train = ["train", *chosen, "--out", str(run)]
    yield Move("train, killed", train, expected=end, kill_at=run / CHECKPOINT)
    yield Move("train, resumed", [*train, "--resume"])
    for mode, options in facts(data).modes.items():
        more = ["--preset", options["preset"], "--weights", str(run / "model.safetensors")]
        yield Move(f"evaluate {mode}", ["evaluate", *here, *shape, *more])
    split = ["--splits", str(facts(data).splits[0])]
    yield Move("a row of the table", ["reproduce", *chosen, "--out", str(out / "table"), *split])


def made(move: Move) -> Step:
    """The step that a move is, done; RuntimeError when it ends otherwise than expected."""
    step = command(move.title, move.arguments, kill_at=move.kill_at)
    if step.status != move.expected:
        raise RuntimeError(
            f"{step.title} ended with {step.status} instead of {move.expected} ({step.command}).\n"
            f"{step.output[-3000:]}"
        )
    return step


def command(title: str, arguments: list[str], *, kill_at: Path | None = None) -> Step:
    """Run ``vireid`` with arguments in a process of its own.

    ``kill_at`` names a file: as soon as it is there the process gets SIGKILL.
    """
    began = time.perf_counter()
    program = subprocess.Popen(
        [sys.executable, "-m", "vireid", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "TQDM_DISABLE": "1"},
    )
    if kill_at is not None:
        while program.poll() is None and not kill_at.exists():
            time.sleep(0.02)
        program.kill()
    output = program.stdout.read()
    if program.returncode is None:
        _, status, usage = os.wait4(program.pid, 0)
        code, gigabytes = os.waitstatus_to_exitcode(status), usage.ru_maxrss / 1e6
    else:  # it had ended before it could be killed
        code, gigabytes = program.returncode, 0.0
    return Step(title, _typed(arguments), time.perf_counter() - began, gigabytes, code, output)


def report(steps: Sequence[Step], *, data: str, method: str, scale: float, out: Path) -> str:
    """What each step took, the room on disk, and what to expect of the whole benchmark."""
    disk = sum(path.stat().st_size for path in Path(out).rglob("*") if path.is_file())
    lines = [
        f"rehearsal of {method} on {data} at scale {scale}, synthetic people; "
        f"{disk / 1e9:.2f} GB on disk in {out}",
        "",
        f"{'step':22s} {'seconds':>8s} {'GB':>6s}",
    ]
    lines += [f"{s.title:22s} {s.seconds:8.1f} {s.gigabytes:6.2f}" for s in steps]
    expected = [line for line in plan(method, data).lines if line.part == "estimates"]
    lines += ["", "the whole benchmark (estimates):"]
    lines += [f"  {line.name:26s} {line.value}" for line in expected]
    return "\n".join(lines)


def _typed(arguments: Sequence[str]) -> str:
    return " ".join(["vireid", *(f'"{a}"' if " " in a else a for a in arguments)])
