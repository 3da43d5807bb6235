"""The numerical core against straightforward code: one table of ratios, seconds and memory.

Every call runs alone in a forked process with one thread; reference and library take turns; the
table shows medians of CPU time.
"""

import json
import os
import subprocess
import sys
from datetime import date
from pathlib import Path
from statistics import median

SIZES = {
    True: {"n": 2500, "sinkhorn": (1000, 500), "mult": (800, 400), "rounds": 1},
    False: {"n": 10_000, "sinkhorn": (4000, 2000), "mult": (8000, 4000), "rounds": 5},
}
EVALUATIONS = {
    True: [("sysu", 3803, 301), ("regdb", 1000, 1000)],
    False: [("sysu", 3803, 301), ("regdb", 2060, 2060), ("llcm", 7166, 2500)],
}
FULL = 34_167  # SYSU-MM01's training images of both modalities
DENSE = 4  # matrices (n, n) of float32 that the reference holds at once, at its peak
SCALING = (1000, 2000, 5000, 10_000, 20_000, FULL)


def main(quick: bool = False, out: Path | None = None) -> None:
    """Run the benchmark in a process with pinned threads, print the table, write it to ``out``.

    ``quick`` takes small inputs, one round and under a minute. The full run also measures how time
    and memory grow up to N = 34,167; beside ``out`` it leaves the numbers as .json.
    """
    from vireid.bench.measure import PINNED

    call = [sys.executable, "-m", "vireid.bench", *(["--quick"] if quick else [])]
    call += ["--out", str(Path(out).resolve())] if out else []
    subprocess.run(call, env={**os.environ, **PINNED}, check=True)


def run(*, quick: bool, out: Path | None) -> None:
    """What ``main`` starts."""
    from vireid.bench.measure import machine

    warm_up()
    rows = [compare(part, SIZES[quick]["rounds"]) for part in _parts(quick)]
    growth = [] if quick else scaling(SCALING)
    text = report(rows, growth, machine())
    print(text)
    if out:
        out.write_text(text)
        numbers = {"parts": rows, "scaling": growth, "machine": machine()}
        out.with_suffix(".json").write_text(json.dumps(numbers, indent=1) + "\n")


def _parts(quick: bool):
    """One part after the other; the inputs of those before may go."""
    from vireid.bench import parts

    sizes = SIZES[quick]
    yield parts.labels(sizes["n"])
    yield parts.search(sizes["n"])
    yield from parts.distances(sizes["n"])
    yield from parts.rules(sizes["n"])
    for evaluation in EVALUATIONS[quick]:
        yield parts.evaluation(*evaluation)
    yield parts.transport(*sizes["sinkhorn"])
    yield parts.label_transfer(*sizes["mult"])


def warm_up() -> None:
    """Import and compile all that is measured, on small inputs; forked processes inherit it."""
    from vireid.bench import parts

    small = [parts.labels(2100), *parts.rules(2100), parts.evaluation("sysu", 50, 40)]
    for part in [*small, parts.transport(50, 40), parts.label_transfer(200, 200)]:
        part.ours()
    for part in (parts.labels(200), parts.transport(50, 40)):
        part.plain()


def compare(part, rounds: int) -> dict:
    """Both sides of a part in turns: medians, their ratio and the difference of the results."""
    from vireid.bench.measure import measure

    sides = {"plain": [], "ours": []}
    for _ in range(rounds):
        for side, costs in sides.items():
            costs.append(measure(getattr(part, side), part.digest))
    row = {"part": part.name, "size": part.size, "goal": part.goal}
    for side, costs in sides.items():
        row |= _medians(costs, side)
    row["ratio"] = round(row["cpu_plain"] / max(row["cpu_ours"], 1e-4), 2)
    row["difference"] = part.difference(*(costs[-1].result for costs in sides.values()))
    return row


def _medians(costs, side: str) -> dict:
    fields = ("cpu", "wall", "memory")
    return {f"{f}_{side}": round(median(getattr(c, f) for c in costs), 4) for f in fields}


def scaling(sizes) -> list[dict]:
    """Cost of features to DBSCAN labels by number of images, one round.

    The reference is left out (None) where its dense matrices would not fit into free memory.
    """
    from vireid.bench import parts
    from vireid.bench.measure import free_memory, measure

    rows = []
    for n in sizes:
        part, row = parts.labels(n), {"n": n}
        for side in ("plain", "ours"):
            fits = side == "ours" or 4e-9 * DENSE * n**2 < free_memory()
            row |= _medians([measure(getattr(part, side), len)], side) if fits else {}
        rows.append(row)
    return rows


def report(rows: list[dict], growth: list[dict], where: str) -> str:
    """The tables as markdown."""
    lines = [
        "# Benchmark",
        "",
        f"{date.today()}, {where}. CPU seconds (wall in brackets), GB on top of the inputs; goals "
        "are ratios at the sizes of the full run, where bfloat16 products are fast.",
        "",
        "| part | size | ratio | goal | reference | vireid | GB reference | GB vireid | results |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    lines += [
        f"| {r['part']} | {r['size']} | {r['ratio']} | {r['goal']} | {_seconds(r, 'plain')} | "
        f"{_seconds(r, 'ours')} | {r['memory_plain']:.2f} | {r['memory_ours']:.2f} | "
        f"{r['difference']} |"
        for r in rows
    ]
    if growth:
        lines += [
            "",
            "Features (d = 2048) to DBSCAN labels, by number of images, one round:",
            "",
            "| N | reference | vireid | GB reference | GB vireid |",
            "| --- | --- | --- | --- | --- |",
        ]
    for r in growth:
        known = "cpu_plain" in r
        plain = (_seconds(r, "plain"), f"{r['memory_plain']:.2f}") if known else ("-", "-")
        lines.append(
            f"| {r['n']:,} | {plain[0]} | {_seconds(r, 'ours')} | {plain[1]} | "
            f"{r['memory_ours']:.2f} |"
        )
    return "\n".join(lines) + "\n"


def _seconds(row: dict, side: str) -> str:
    return f"{row[f'cpu_{side}']:.3g} ({row[f'wall_{side}']:.3g})"
