"""Numerical core, pictures and panels against straightforward code: ratios, seconds and memory.

Every call runs alone in a forked process with one thread; reference and library take turns; the
table shows medians of CPU time.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from statistics import median

SIZES = {
    True: {
        "n": 2500,
        "sinkhorn": (1000, 500),
        "mult": (800, 400),
        "epoch": (3000, 2100),
        "pictures": 1,
        "rounds": 1,
    },
    False: {
        "n": 10_000,
        "sinkhorn": (4000, 2000),
        "mult": (8000, 4000),
        "epoch": (22_258, 11_909),  # SYSU-MM01's training images
        "pictures": 4,
        "rounds": 5,
    },
}
FEWER = {12: 3, 100: 1}  # a part of which one round takes so many CPU seconds plays fewer rounds
EVALUATIONS = {
    True: [("sysu", 3803, 301), ("regdb", 1200, 1200)],
    False: [("sysu", 3803, 301), ("regdb", 2060, 2060), ("llcm", 7166, 2500)],
}
SMALL = (500, 1000, 2000)  # images: never slower than the reference, the first call included
FULL = 34_167  # SYSU-MM01's training images of both modalities
DENSE, MULT_DENSE = 4, 7  # (n, n) matrices of float32 that the references hold, at their peaks
FIRST = "the same, first call of a process"
SCALING = (1000, 2000, 5000, 10_000, FULL // 2, FULL)


class NoPartError(ValueError):
    """No part's name has the words that were given."""


def main(quick: bool = False, out: Path | None = None, only: str = "") -> None:
    """Run the benchmark in a process with pinned threads, print the table, write it to ``out``.

    ``quick`` takes small inputs, one round and under a minute. The full run also measures how time
    and memory grow up to N = 34,167; beside ``out`` it leaves the numbers as .json. ``only`` words
    of a part's name measure that part and no growth.

    Raises ValueError for ``only`` with an ``out`` that is there: one part would take the place of a
    whole table; CalledProcessError when the process failed, with status 2 where no part has the
    words of ``only``.
    """
    from vireid.bench.measure import PINNED

    if only and out and Path(out).exists():
        raise ValueError(f"out={out}: is there already; give a new file to a part alone")
    call = [sys.executable, "-m", "vireid.bench", *(["--quick"] if quick else [])]
    call += ["--out", str(Path(out).resolve())] if out else []
    call += ["--only", only] if only else []
    subprocess.run(call, env={**os.environ, **PINNED}, check=True)


def run(*, quick: bool, out: Path | None, only: str = "") -> None:
    """What ``main`` starts."""
    warm_up()
    rows, known = [], {}
    for part in _parts(quick):
        if only not in part.name:
            continue
        rows.append(compare(part, SIZES[quick]["rounds"], known))
        _say(f"{part.name}, {part.size}: {rows[-1]['ratio']}")
        _keep(rows, [], out, quick=quick)  # if a later one should fail
    if only in FIRST:
        rows += [first_call(n, SIZES[quick]["rounds"]) for n in SMALL]
    if not rows:
        raise NoPartError(
            f"only={only!r} is in no part's name; see the table of docs/benchmarks.md"
        )
    growth = [] if quick or only else scaling(SCALING)
    print(_keep(rows, growth, out, quick=quick))


def _keep(rows: list[dict], growth: list[dict], out: Path | None, *, quick: bool) -> str:
    """The page; it and the numbers are written to ``out`` and a .json beside it."""
    from vireid.bench.measure import machine
    from vireid.bench.report import page

    where = machine()
    text = page(rows, growth, where, quick=quick)
    if out:
        out.write_text(text)
        numbers = {"parts": rows, "scaling": growth, "machine": where}
        out.with_suffix(".json").write_text(json.dumps(numbers, indent=1) + "\n")
    return text


def _say(words: str) -> None:
    print(words, file=sys.stderr, flush=True)


def _parts(quick: bool):
    """One part after the other; the inputs of those before may go."""
    from vireid.bench import panels, parts, pictures

    sizes = SIZES[quick]
    yield parts.labels(sizes["n"])
    yield from (parts.labels(n, goal=1) for n in SMALL)
    yield parts.search(sizes["n"])
    yield from parts.distances(sizes["n"])
    yield from parts.rules(sizes["n"])
    for evaluation in EVALUATIONS[quick]:
        yield parts.evaluation(*evaluation)
    yield parts.transport(*sizes["sinkhorn"])
    yield parts.label_transfer(*sizes["mult"])
    yield from pictures.parts(sizes["pictures"])
    yield from panels.parts()
    visible, _ = sizes["epoch"]
    if _fits(MULT_DENSE, visible):
        yield parts.epoch(*sizes["epoch"])
    else:
        _say(
            f"MULT from {visible:,} visible images: left out, its reference does not fit in memory"
        )


def _fits(matrices: int, n: int) -> bool:
    """Whether so many (n, n) matrices of float32 go into free memory."""
    from vireid.bench.measure import free_memory

    return 4e-9 * matrices * n**2 < free_memory()


def warm_up() -> None:
    """Import and compile all that is measured, on small inputs; forked processes inherit it."""
    from vireid.bench import panels, parts, pictures

    small = [parts.labels(2100), *parts.rules(2100), parts.evaluation("sysu", 1100, 1000)]
    for part in [*small, parts.transport(2200, 2000), parts.label_transfer(200, 200)]:
        part.ours()
    for part in (parts.labels(200), parts.transport(50, 40)):
        part.plain()
    for part in [*pictures.parts(1), *panels.parts()]:
        part.plain(), part.ours()


def compare(part, rounds: int, known: dict | None = None) -> dict:
    """Both sides of a part in turns: medians, their ratio and the difference of the results.

    ``known``: a dict that keeps what the reference cost, for a next part that has the same one.
    """
    from vireid.bench.measure import measure

    known = {} if known is None else known
    if part.plain not in known:
        known.clear()
    costs = {"plain": known.setdefault(part.plain, []), "ours": []}
    sides = [side for side in costs if not costs[side]]
    while len(costs["ours"]) < rounds:
        for side in sides:
            costs[side].append(measure(getattr(part, side), part.digest))
        took = sum(c[0].cpu for c in costs.values())
        rounds = min([rounds, *(few for limit, few in FEWER.items() if took > limit)])
    row = {"part": part.name, "size": part.size, "goal": part.goal}
    for side in costs:
        row |= _medians(costs[side], side)
    times = [row[f"{part.by}_{side}"] for side in costs]
    row["ratio"] = round(times[0] / max(times[1], 1e-4), 2)
    row["difference"] = part.difference(*(c[-1].result for c in costs.values()))
    return row


def first_call(n: int, rounds: int) -> dict:
    """Features to labels as the first call of a process that has imported no more than torch."""
    from vireid.bench.measure import Cost

    row = {"part": FIRST, "size": f"{n:,}", "goal": 1}
    found = {}
    for side in rounds * ("plain", "ours"):
        call = [sys.executable, "-m", "vireid.bench.first", str(n), side]
        told = subprocess.run(call, capture_output=True, text=True, check=True).stdout
        found.setdefault(side, []).append(Cost(memory=float("nan"), **json.loads(told)))
    for side, costs in found.items():
        row |= {k: v for k, v in _medians(costs, side).items() if "memory" not in k}
    same = found["plain"][0].result == found["ours"][0].result
    row["ratio"] = round(row["cpu_plain"] / row["cpu_ours"], 2)
    return row | {"difference": "identical" if same else "labels differ"}


def _medians(costs, side: str) -> dict:
    fields = ("cpu", "wall", "memory")
    return {f"{f}_{side}": round(median(getattr(c, f) for c in costs), 4) for f in fields}


def scaling(sizes) -> list[dict]:
    """Cost of features to DBSCAN labels by number of images, one round.

    The reference is left out (None) where its dense matrices would not fit into free memory.
    """
    from vireid.bench import parts
    from vireid.bench.measure import measure

    rows = []
    for n in sizes:
        part, row = parts.labels(n), {"n": n}
        for side in ("plain", "ours"):
            if side == "ours" or _fits(DENSE, n):
                row |= _medians([measure(getattr(part, side), len)], side)
        rows.append(row)
        _say(f"{n:,} images: {row['cpu_ours']} s")
    return rows
