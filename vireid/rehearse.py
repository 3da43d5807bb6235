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
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from vireid.data.rehearsal import draw_tree
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


def rehearse(
    data: str,
    *,
    out: Path,
    method: str = "dmdl",
    scale: float = 0.02,
    size: tuple[int, int] | None = None,
    switches: Sequence[str] = (),
    say=print,
) -> list[Step]:
    """Walk through everything on a tree of synthetic people; raises RuntimeError where it fails.

    Parameters
    ----------
    data : "sysu", "regdb" or "llcm"
    out : folder of the tree, the runs and their scores; ``out/tree`` is kept and used again
    scale : share of the official numbers of people and pictures
    size : (height, width) that the network sees; None = the benchmark's own
    switches : settings of the method, "FIELD=VALUE"; fewer epochs make a shorter rehearsal
    say : is told each step as it ends
    """
    steps, tree, run = [], Path(out) / "tree", Path(out) / "run"
    setting = [part for pair in switches for part in ("--set", pair)]
    shape = ["--size", *map(str, size)] if size else []
    here = ["--data", data, "--root", str(tree)]
    chosen = ["--method", method, *here, "--weights", "none", *shape]
    train = ["train", *chosen, *setting, "--evaluate-every", "1", "--out", str(run), "--resume"]

    def done(step: Step, expected: int = 0) -> None:
        steps.append(step)
        say(f"{step.title:22s} {step.seconds:7.1f} s {step.gigabytes:5.2f} GB  {step.command}")
        if step.status != expected:
            raise RuntimeError(
                f"{step.title} ended with {step.status} instead of {expected} ({step.command}).\n"
                f"{step.output[-3000:]}"
            )

    if run.exists():
        raise ValueError(f"{out} holds a rehearsal already; take another folder, or delete it")
    if not tree.exists():
        began = time.perf_counter()
        draw_tree(tree, data, scale=scale)
        done(Step("draw the tree", f"scale {scale}", time.perf_counter() - began, 0.0, 0))
    done(command("check it", ["data", "check", str(tree)]), 0 if scale == 1 else 1)
    done(command("read the plan", ["plan", "--method", method, "--data", data]))
    done(command("train, killed", train, kill_at=run / CHECKPOINT), -signal.SIGKILL)
    done(command("train, resumed", train))
    for mode, options in facts(data).modes.items():
        more = ["--preset", options["preset"], "--weights", str(run / "model.safetensors")]
        done(command(f"evaluate {mode}", ["evaluate", *here, *shape, *more]))
    table = ["reproduce", *chosen, *setting, "--out", str(Path(out) / "table"), "--evaluate-every"]
    split = ["--splits", str(facts(data).splits[0])]
    done(command("a row of the table", [*table, "1", *split]))
    return steps


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
    _, status, usage = os.wait4(program.pid, 0) if program.returncode is None else (0, 0, None)
    if usage is None:  # it had ended before it could be killed
        return Step(title, _typed(arguments), time.perf_counter() - began, 0.0, program.returncode)
    seconds, gigabytes = time.perf_counter() - began, usage.ru_maxrss / 1e6
    code = os.waitstatus_to_exitcode(status)
    return Step(title, _typed(arguments), seconds, gigabytes, code, output)


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
