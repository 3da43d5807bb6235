"""The reading guide: what the kept records say, sentence by sentence, each with its numbers."""

import numpy as np

from vireid.evidence.dials import missing
from vireid.evidence.plan import Evidence
from vireid.evidence.tables import SURE, Found
from vireid.runs import Run, gained


def guide(plan: Evidence, found: Found) -> list[str]:
    """Sentences about the table on equal terms; of what has too few seeds, it says so."""
    runs = {row["title"]: found.get(row["study"], {}).get(row["row"], []) for row in plan.equal}
    role = {row["role"]: row["title"] for row in plan.equal if "role" in row}
    base = runs.get(role.get("base"), [])
    gains = {
        title: gained(own, base)
        for title, own in runs.items()
        if title not in role.values() and title != "stage 1"
    }
    enough = {title: values for title, values in gains.items() if len(values) >= SURE}
    told = [_every(enough, up=True), _every(enough, up=False), _mixed(enough), _best(enough)]
    told += [_cheapest(runs, enough), missing(found), _few(gains)]
    return [sentence for sentence in told if sentence]


def _named(gains: dict[str, list[float]]) -> str:
    return "; ".join(
        f"{title} ({' / '.join(f'{v:+.1f}' for v in values)})" for title, values in gains.items()
    )


def _every(gains: dict[str, list[float]], *, up: bool) -> str:
    one_way = {t: v for t, v in gains.items() if all((x > 0) == up and x for x in v)}
    word = "ahead of" if up else "behind"
    if not one_way:
        return f"Nothing is {word} stage 1 prolonged in every seed." if gains else ""
    return f"In every seed {word} stage 1 prolonged, in points of rank-1: {_named(one_way)}."


def _mixed(gains: dict[str, list[float]]) -> str:
    both = {t: v for t, v in gains.items() if min(v) <= 0 <= max(v)}
    return f"Ahead in one seed and behind in another: {_named(both)}." if both else ""


def _best(gains: dict[str, list[float]]) -> str:
    if len(gains) < 2:
        return ""
    first, second = sorted(gains, key=lambda t: -np.mean(gains[t]))[:2]
    apart = np.mean(gains[first]) - np.mean(gains[second])
    wins = sum(a > b for a, b in zip(gains[first], gains[second], strict=False))
    return (
        f"The largest mean gain is {first}'s; it is {apart:.1f} points over {second}'s, and larger "
        f"in {wins} of {min(len(gains[first]), len(gains[second]))} seeds."
    )


def _cheapest(runs: dict[str, list[Run]], gains: dict[str, list[float]]) -> str:
    """Which of those that gain costs the fewest CPU seconds in its last stage."""
    cost = {
        t: np.mean([run.cpu_seconds for run in runs[t]])
        for t, values in gains.items()
        if min(values) > 0 and all(run.cpu_seconds for run in runs[t])
    }
    if len(cost) < 2:
        return ""
    first = min(cost, key=cost.get)
    return f"Of those that gain in every seed, {first}'s training takes the fewest CPU minutes."


def _few(gains: dict[str, list[float]]) -> str:
    few = [f"{t} ({len(v) or 'none'})" for t, v in gains.items() if len(v) < SURE]
    return f"Fewer than {SURE} seeds, so nothing is said of: {', '.join(few)}." if few else ""
