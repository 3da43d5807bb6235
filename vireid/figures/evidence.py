"""The evidence as pictures: everybody on equal terms, and who is written last into a memory."""

import numpy as np

from vireid import evidence, plots
from vireid.figures.registry import drawing
from vireid.runs import Run


def by_seed(runs: list[Run]) -> dict[int, float]:
    """Seed -> rank-1 in per cent."""
    return {run.seed: 100 * run.result["rank1"] for run in runs}


def scores_on_equal_terms() -> tuple[dict[str, dict[int, float]], str]:
    """(title -> seed -> rank-1, the title that gains are over) of the plan's table."""
    plan = evidence.read()
    found = evidence.found(evidence.states(plan.cells))
    rows = {r["title"]: by_seed(found.get(r["study"], {}).get(r["row"], [])) for r in plan.equal}
    base = next(r["title"] for r in plan.equal if r.get("role") == "base")
    return {title: seeds for title, seeds in rows.items() if seeds}, base


@drawing(
    "Every method with as many optimiser steps, on the same people: gain in rank-1 over stage 1 "
    "prolonged, seed by seed, SynthVI small.",
    of_any=False,
)
def equal_terms():
    """The table on equal terms of docs/results.md."""
    scores, base = scores_on_equal_terms()
    if base not in scores or len(scores) < 2:
        return None
    controls = [
        r["title"] for r in evidence.read().equal if r.get("control") and r["title"] != base
    ]
    mean = {
        name: np.mean(gains)
        for name, own in scores.items()
        if name not in (base, *controls)
        and (gains := [own[seed] - scores[base][seed] for seed in own if seed in scores[base]])
    }
    places = [c for c in controls if c in scores] + sorted(mean, key=mean.get)
    figure, ax = plots.canvas(width=7.4, height=1.4 + 0.36 * len(scores))
    plots.gains(scores, ax, base=base, places=places, controls=controls)
    return figure


@drawing(
    "The same trainings with the views of a batch written into the memories in another order: "
    "gain in rank-1 over the released order, seed by seed, SynthVI small.",
    of_any=False,
)
def written_last():
    """What the order of writing is worth."""
    plan = evidence.read()
    gained = evidence.order_gains(plan, evidence.found(evidence.states(plan.cells)))
    if not gained:
        return None
    base = "the released order"
    seeds = {seed for gains in gained.values() for seed in gains}
    figure, ax = plots.canvas(width=8.0, height=1.6 + 0.4 * len(gained))
    plots.gains({base: dict.fromkeys(seeds, 0.0)} | gained, ax, base=base)
    return figure
