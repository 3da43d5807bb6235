"""One measurement: CPU and wall seconds and peak memory of a call, in a process of its own."""

import multiprocessing
import os
import platform
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

MEMORY = Path("/proc/meminfo")
STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")
PINNED = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OMP_WAIT_POLICY": "PASSIVE",  # waiting threads would count as work
    "VIREID_BENCH_FORKS": "1",  # the process holds no thread pool, so it may fork
}


@dataclass(frozen=True)
class Cost:
    """CPU and wall seconds, GB of memory on top of the inputs (NaN off Linux), and the result."""

    cpu: float
    wall: float
    memory: float
    result: Any


def measure(call, digest) -> Cost:
    """What ``call()`` costs; ``digest`` of its result is kept.

    The process is forked, so that every call starts from the same memory, with the inputs and
    everything imported and compiled. Outside the process that ``bench.main`` starts, the call runs
    in place: where a thread pool lives, in a notebook or a test, a forked call may wait forever.
    """
    if "VIREID_BENCH_FORKS" not in os.environ or not hasattr(os, "fork"):
        return _cost(call, digest)
    context = multiprocessing.get_context("fork")
    receive, send = context.Pipe(duplex=False)
    child = context.Process(target=lambda: send.send(_try(call, digest)))
    child.start()
    send.close()
    try:
        cost = receive.recv()
    except EOFError as error:
        child.join()
        raise MemoryError(f"a measurement died (exit {child.exitcode}); out of memory?") from error
    child.join()
    if isinstance(cost, Exception):
        raise cost
    return cost


def _try(call, digest):
    try:
        return _cost(call, digest)
    except Exception as error:  # raised again by the parent
        return error


def _cost(call, digest) -> Cost:
    before = _reset_peak()
    wall, cpu = perf_counter(), process_time()
    result = call()
    cpu, wall = process_time() - cpu, perf_counter() - wall
    return Cost(cpu, wall, _kilobytes("VmHWM") / 1e6 - before, digest(result))


def _reset_peak() -> float:
    """Forget the peak so far; GB held now. NaN where the system tells no peak."""
    if CLEAR.exists():
        CLEAR.write_text("5")
    return _kilobytes("VmRSS") / 1e6


def free_memory() -> float:
    """GB that a new process may take; infinite where the system does not say."""
    return _kilobytes("MemAvailable", MEMORY) / 1e6 if MEMORY.exists() else float("inf")


def _kilobytes(field: str, source: Path = STATUS) -> float:
    if not source.exists():
        return float("nan")
    lines = (line.split() for line in source.read_text().splitlines())
    return next((float(line[1]) for line in lines if line[0] == f"{field}:"), float("nan"))


def machine() -> str:
    """One line about where the numbers come from."""
    from importlib.metadata import version

    from vireid.runs import processor

    packages = ", ".join(f"{p} {version(p)}" for p in ("torch", "numpy", "scipy", "numba"))
    python = platform.python_version()
    return f"{processor()}, {os.cpu_count()} cores, one thread used; Python {python}, {packages}"
