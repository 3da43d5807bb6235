"""Scores and gains over seeds as text: what tables and sentences of the evidence are made of."""

from collections.abc import Mapping

import numpy as np
from scipy.stats import bootstrap, t

from vireid.runs import Run, gained

SURE = 3  # seeds that a sentence or a verdict about a gain asks for
DAGGER = "†"  # the two ends of a gain were trained on different kinds of machine


def mean_sd(runs: list[Run], metric: str, *, best: bool = False) -> str:
    """Mean and sample sd over runs in per cent, as text; ``best``: of the best scored epoch."""
    if best and not all(_scored_between(run) for run in runs):
        return ""
    values = [_score(run, metric, best) for run in runs]
    spread = f" ({np.std(values, ddof=1):.1f})" if len(values) > 1 else ""
    return f"{np.mean(values):.1f}{spread}"


def interval(runs: list[Run]) -> str:
    """95 % percentile bootstrap of the mean rank-1 over seeds."""
    values = [_score(run, "rank1") for run in runs]
    if len(values) < SURE:
        return ""
    drawn = bootstrap((values,), np.mean, method="percentile", rng=np.random.default_rng(0))
    low, high = drawn.confidence_interval
    return f"{low:.1f} to {high:.1f}"


def student(gains: list[float]) -> str:
    """95 % interval of a mean gain by Student's t, three seeds at the least."""
    if len(gains) < SURE:
        return ""
    reach = t.ppf(0.975, len(gains) - 1) * np.std(gains, ddof=1) / len(gains) ** 0.5
    return f"{np.mean(gains) - reach:+.1f} to {np.mean(gains) + reach:+.1f}"


def seeds_of(runs: list[Run]) -> str:
    """Which seeds have records, as text."""
    return " ".join(str(run.seed) for run in runs)


def signed(values: list[float]) -> str:
    """Gains by seed as text."""
    return " / ".join(f"{value:+.1f}" for value in values)


def gains_by_seed(own: list[Run], base: list[Run]) -> str:
    """``gained`` as text, with a dagger where a CPU trained one end of a gain and a GPU the other.

    Equal trainings of the two differ (``evidence.chance``), so such a gain holds that difference.
    """
    on_cpu = {run.seed: run.on_cpu for run in base}
    pairs = [run for run in own if run.seed in on_cpu]
    marks = ["" if run.on_cpu == on_cpu[run.seed] else DAGGER for run in pairs]
    gains = gained(own, base)
    return " / ".join(f"{gain:+.1f}{mark}" for gain, mark in zip(gains, marks, strict=True))


def mean_gain(gains: list[float]) -> str:
    """Mean and sample sd of gains in pairs."""
    spread = f" ({np.std(gains, ddof=1):.1f})" if len(gains) > 1 else ""
    return f"{np.mean(gains):+.1f}{spread}" if gains else ""


def named(gains: Mapping[str, list[float]]) -> str:
    """Every name with its gains by seed, as text."""
    return "; ".join(f"{name} ({signed(values)})" for name, values in gains.items())


def _score(run: Run, metric: str, best: bool = False) -> float:
    """Per cent; ``best`` of the epochs of the last stage that were scored and the last network."""
    values = [run.result[metric]]
    if best:
        last = run.curves[-1]["stage"]
        values += [row[metric] for row in run.curves if metric in row and row["stage"] == last]
    return 100 * max(values)


def _scored_between(run: Run) -> bool:
    return any("rank1" in row for row in run.curves)
