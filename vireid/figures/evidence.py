"""The evidence as pictures: everybody on equal terms, and who is written last into a memory."""

import numpy as np

from vireid import evidence, plots
from vireid.figures.records import kept, noted
from vireid.figures.registry import drawing
from vireid.runs import Run


def by_seed(runs: list[Run]) -> dict[int, float]:
    """Seed -> rank-1 in per cent."""
    return {run.seed: 100 * run.result["rank1"] for run in runs}


def scores_on_equal_terms() -> tuple[dict[str, dict[int, float]], str]:
    """(title -> seed -> rank-1, the title that gains are over) of the plan's table."""
    plan, found = evidence.read(), kept()
    rows = {r["title"]: by_seed(found.get(r["study"], {}).get(r["row"], [])) for r in plan.equal}
    base = next(r["title"] for r in plan.equal if r.get("role") == "base")
    return {title: seeds for title, seeds in rows.items() if seeds}, base


@drawing(
    "Every method with as many optimiser steps (stage 1 alone has fewer), on the same people: gain "
    "in rank-1 over stage 1 prolonged, seed by seed, SynthVI small.",
    of_any=False,
)
def equal_terms():
    """The table on equal terms of docs/results.md."""
    scores, base = scores_on_equal_terms()
    if base not in scores or len(scores) < 2:
        return None
    gains = plots.gains_over(base, noted(scores))
    controls = [r["title"] for r in evidence.read().equal if r.get("control")]
    places = sorted(
        (name for name in gains if gains[name]),
        key=lambda name: (name not in controls, name not in controls and np.mean(gains[name])),
    )
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
    if not (gained := evidence.order_gains(evidence.read(), kept())):
        return None
    base = "the released order"
    seeds = {seed for gains in noted(gained).values() for seed in gains}
    figure, ax = plots.canvas(width=8.8, height=1.6 + 0.4 * len(gained))
    plots.gains({base: dict.fromkeys(seeds, 0.0)} | gained, ax, base=base)
    return figure
