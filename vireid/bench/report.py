"""The benchmark's numbers as a page."""

from datetime import date

GROWTH_GOALS = {"cpu_ours": (15, "CPU s"), "memory_ours": (0.8, "GB")}  # at the largest size
DOUBLED = 2.3  # what memory may grow by when there are twice as many images
NOTES = """\
Every call runs alone in a forked process with one thread, reference and library in turns; medians
of 5 rounds, of 3 where a round takes more than 12 CPU s, one round where it takes more than 100.
Goals are ratios of CPU time at the sizes of the full run, on a processor with fast bfloat16
products; a rule's goal 0.83 means at most 1.2 times the vanilla call. `evaluate` is compared with a
Python loop over queries whose mask, argsort and cumulative sums are numpy calls on a query's whole
row. MULT's labels of given distances are compared with rows and columns of the plan scaled, those
from features with the released code's two products by diagonal matrices, whose seconds are told;
the goal for memory there is 3 GB on top of the features. A panel's goal 0.5 means at most two
charts of matplotlib for a redraw."""


def page(rows: list[dict], growth: list[dict], where: str, *, quick: bool = False) -> str:
    """All tables as markdown; a quick run's small sizes are not held against the goals."""
    lines = [
        "# Benchmark",
        "",
        f"{date.today()}, {where}. CPU seconds (wall in brackets), GB on top of the inputs.",
        "",
        NOTES,
        "",
        "| part | size | ratio | goal | met | reference | vireid | GB reference | GB vireid "
        "| results |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    lines += [
        f"| {r['part']} | {r['size']} | {r['ratio']} | {r['goal']} | "
        f"{'-' if quick else _met(r)} | {_seconds(r, 'plain')} | "
        f"{_seconds(r, 'ours')} | {_memory(r, 'plain')} | {_memory(r, 'ours')} | "
        f"{r['difference']} |"
        for r in rows
    ]
    return "\n".join(lines + (_growth(growth) if growth else [])) + "\n"


def _met(row: dict) -> str:
    return "yes" if row["ratio"] >= row["goal"] else "no"


def _growth(growth: list[dict]) -> list[str]:
    lines = [
        "",
        "Features (d = 2048) to DBSCAN labels, by number of images, one round:",
        "",
        "| N | reference | vireid | GB reference | GB vireid |",
        "| --- | --- | --- | --- | --- |",
    ]
    lines += [
        f"| {r['n']:,} | {_seconds(r, 'plain')} | {_seconds(r, 'ours')} | "
        f"{_memory(r, 'plain')} | {_memory(r, 'ours')} |"
        for r in growth
    ]
    *_, last = growth
    words = [
        f"{last[key]:.3g} {unit} (goal {goal}: {'met' if last[key] <= goal else 'missed'})"
        for key, (goal, unit) in GROWTH_GOALS.items()
    ]
    lines += ["", f"At N = {last['n']:,}: {', '.join(words)}."]
    half = next((r for r in growth if abs(2 * r["n"] - last["n"]) <= 2), None)
    if half:
        times = last["memory_ours"] / half["memory_ours"]
        met = "met" if times <= DOUBLED else "missed"
        lines.append(
            f"From N = {half['n']:,} to twice as many, memory grows {times:.2f}-fold "
            f"(goal {DOUBLED}: {met})."
        )
    return lines


def _seconds(row: dict, side: str) -> str:
    return f"{row[f'cpu_{side}']:.3g} ({row[f'wall_{side}']:.3g})" if f"cpu_{side}" in row else "-"


def _memory(row: dict, side: str) -> str:
    return f"{row[f'memory_{side}']:.2f}" if f"memory_{side}" in row else "-"
