"""Rows that were trained twice: in another order of writing, and alike, by other sums."""

from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd

from vireid.evidence.gains import Chance, Gain, gain, same_start, trained_whole
from vireid.evidence.plan import Evidence
from vireid.evidence.texts import seeds_of, signed, student
from vireid.runs import Run

Found = dict[str, dict[str, list[Run]]]  # study's name -> label -> its kept records by seed


def order_gains(plan: Evidence, found: Found) -> dict[str, dict[int, float]]:
    """Row and order in words -> seed -> points of rank-1 over the released order of writing.

    Of the rows of ``plan.orders`` that have been trained in both; seeds that both have.
    """
    return _by_name(plan.orders, "released", found)


def judged_orders(plan: Evidence, found: Found) -> dict[str, Gain]:
    """Row and order in words -> its ``order_gains`` beside chance."""
    size = size_of_chance(plan, found)
    told = {_name(pair, row): gain(*ends, size) for pair, row, *ends in _order_ends(plan, found)}
    return {name: one for name, one in told.items() if one.points}


def orders(plan: Evidence, found: Found) -> pd.DataFrame:
    """A line for each of ``order_gains``, "after stage 1" also what the other order gained there.

    That is the difference of the networks that the two stage 2 began with, seed by seed; "" for
    rows that train a stage 1 of their own within one run.
    """
    lines = []
    for pair, row, own, base in _order_ends(plan, found):
        if (added := gain(own, base, Chance())).points:
            seeds = {run.seed for run in base}
            lines.append({
                "method": pair["method"], "row": row, "another order": pair["word"],
                "seeds": seeds_of([run for run in own if run.seed in seeds]),
                "after stage 1": signed([*_apart(own, base, score=_begun).values()]),
                "gain by seed": added.told,
                "mean": f"{added.mean:+.1f}", "95 % of the gain": student(added.points),
            })  # fmt: skip
    return pd.DataFrame(lines)


def chance(plan: Evidence, found: Found) -> dict[str, dict[int, float]]:
    """Row and machine in words -> seed -> points of rank-1 over the same training as it is kept.

    Of the rows of ``plan.again``, where both records began from the same weights and the other was
    made by other sums: on another device or processor, with other versions of the packages, or by
    another number of threads. What two runs differ by here, no step of a ladder has shown.
    """
    return _by_name(plan.again, "kept", found, counts=_elsewhere)


def size_of_chance(plan: Evidence, found: Found) -> Chance:
    """How far apart two equal trainings are, measured on the rows of ``plan.again``."""
    apart: dict[bool, list[float]] = {False: [], True: []}
    for _, _, own, kept in _ends(plan.again, "kept", found):
        for whole, values in apart.items():
            counted = [run for run in own if trained_whole(run) == whole]
            values += _apart(counted, kept, counts=_elsewhere).values()
    return Chance(*(float(np.sqrt(np.mean(np.square(v)))) if v else 0.0 for v in apart.values()))


def _ends(
    pairs: list[dict], base: str, found: Found
) -> Iterator[tuple[dict, str, list[Run], list[Run]]]:
    """Of each row of two studies its records in "other" and in ``base``."""
    for pair in pairs:
        for row in pair["rows"]:
            yield (pair, row, *(found.get(pair[end], {}).get(row, []) for end in ("other", base)))


def _order_ends(plan: Evidence, found: Found) -> Iterator[tuple[dict, str, list[Run], list[Run]]]:
    return _ends(plan.orders, "released", found)


def _name(pair: dict, row: str) -> str:
    """A row of a pair of studies, in words."""
    return f"{pair['method']}, row {row}: {pair['word']}"


def _by_name(pairs: list[dict], base: str, found: Found, **counts) -> dict[str, dict[int, float]]:
    """Row and what is otherwise, in words -> ``_apart``, where there is a pair."""
    return {
        _name(pair, row): apart
        for pair, row, *runs in _ends(pairs, base, found)
        if (apart := _apart(*runs, **counts))
    }


def _apart(
    own: list[Run],
    base: list[Run],
    *,
    counts: Callable[[Run, Run], bool] = lambda own, start: True,
    score: Callable[[Run], float | None] = lambda run: run.result["rank1"],
) -> dict[int, float]:
    """Seed -> difference in a score, points, of the pairs that have it and count."""
    own, start = ({r.seed: r for r in runs if score(r) is not None} for runs in (own, base))
    seeds = [seed for seed in own if seed in start and counts(own[seed], start[seed])]
    return {seed: 100 * (score(own[seed]) - score(start[seed])) for seed in seeds}


def _elsewhere(own: Run, kept: Run) -> bool:
    """Whether a run began from the weights of the one that is kept, and its sums are others."""
    sums = [
        [*(run.identity.get(name) for name in ("device", "threads")), run.versions.get("processor")]
        for run in (own, kept)
    ]
    return kept.on_cpu and sums[0] != sums[1] and same_start(own, kept)


def _begun(run: Run) -> float | None:
    """Rank-1 of the stage 1 that a record began with; None where it trained its own."""
    return run.before.get("rank1") if run.config.get("epochs", [1])[0] == 0 else None
