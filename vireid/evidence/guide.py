"""The reading guide: what the kept records say, sentence by sentence, each with its numbers."""

import numpy as np
import pandas as pd

from vireid.evidence.dials import at_values, missing, turned
from vireid.evidence.gains import Chance, Gain, gain
from vireid.evidence.pairs import Found, chance, judged_orders, size_of_chance
from vireid.evidence.plan import Evidence
from vireid.evidence.tables import cpu_minutes
from vireid.evidence.texts import SURE, named
from vireid.experiment.rows import STAGE1
from vireid.runs import Run


def guide(plan: Evidence, found: Found) -> list[str]:
    """Sentences about drawn people: equal terms, orders of writing, people missing."""
    size = size_of_chance(plan, found)
    told = on_equal_terms(plan.equal, found, size)
    told += [
        _orders(plan, found),
        *_chance(plan, found),
        missing(found, plan.equal),
        *_when_missing(plan.equal, found, size),
    ]
    return [sentence for sentence in told if sentence]


def start_from(plan: Evidence, found: Found) -> pd.DataFrame:
    """The row to start from, a line for each kind of data that was trained on.

    It is that of the largest mean gain over stage 1 prolonged, of those that are ahead in every
    seed and beyond chance; where nobody is, it is stage 1 prolonged. "As good": ahead, too, and not
    behind the first one in every seed and beyond chance.
    """
    size = size_of_chance(plan, found)
    cases = {"drawn people, all in both modalities": _rows_and_base(plan.equal, found)}
    for share, case in _by_share(plan.equal, found).items():
        cases[f"drawn people, {share:.0%} of them in one modality alone"] = case
    cases["real people, each in one scene"] = _rows_and_base(plan.real, found)
    base = next((row["title"] for row in plan.equal if row.get("role") == "base"), "")
    lines = {data: _first(runs, start, size, base) for data, (runs, start) in cases.items()}
    kept = {data: line for data, line in lines.items() if line}
    return pd.DataFrame.from_dict(kept, orient="index")


def _first(runs: dict[str, list[Run]], base: list[Run], size: Chance, name: str) -> dict[str, str]:
    """Who is first of the rows of one kind of data, and who is as good; empty without seeds."""
    gains = _enough(_gains(runs, base, size))
    ahead = dict(sorted(_parted(gains)[0].items(), key=lambda item: -item[1].mean))
    first = next(iter(ahead), name)
    told = {
        "start from": first,
        "over stage 1 prolonged": ahead[first].told if ahead else "nobody is ahead of it",
        "as good, for all these seeds tell": ", ".join(_close(first, ahead, runs, size)),
    }
    return told if gains else {}


def _gains(runs: dict[str, list[Run]], base: list[Run], size: Chance) -> dict[str, Gain]:
    return {title: gain(kept, base, size) for title, kept in runs.items()}


def _enough(gains: dict[str, Gain]) -> dict[str, Gain]:
    """Those with so many seeds that something is said of them."""
    return {title: one for title, one in gains.items() if len(one.points) >= SURE}


def _close(first: str, titles, runs: dict[str, list[Run]], size: Chance) -> dict[str, Gain]:
    """Over the first: the others of the titles that are not behind it in every seed they share."""
    others = {title: runs[title] for title in titles if title != first}
    apart = _gains(others, runs.get(first, []), size)
    return {title: one for title, one in apart.items() if one.points and not one.behind}


def _rows_and_base(rows: list[dict], found: Found) -> tuple[dict[str, list[Run]], list[Run]]:
    """(title -> records of the rows whose gains are told, records of the base)."""
    runs = {row["title"]: found.get(row["study"], {}).get(row["row"], []) for row in rows}
    base = next((runs[row["title"]] for row in rows if row.get("role") == "base"), [])
    return {row["title"]: runs[row["title"]] for row in _rivals(rows)}, base


def _by_share(rows: list[dict], found: Found) -> dict[float, tuple]:
    """Share of the people missing on one side -> as ``_rows_and_base``, with that share missing."""
    absent = turned(found, "absent")
    turned_rows = {row["title"]: at_values(absent, row, found) for row in _rivals(rows)}
    base = [row for row in rows if row.get("role") == "base"]
    start = at_values(absent, base[0], found) if base else {}
    return {
        share: ({t: by[share] for t, by in turned_rows.items() if share in by}, start[share])
        for share in sorted(set(start) - {0.0})
    }


def on_equal_terms(rows: list[dict], found: Found, size: Chance) -> list[str]:
    """Sentences about ``plan.equal`` or ``plan.real``; of what has too few seeds, it says so.

    ``size`` : of chance, see ``size_of_chance``; no gain that is as small is called one
    """
    runs, base = _rows_and_base(rows, found)
    gains = _gains(runs, base, size)
    enough = _enough(gains)
    told = _ahead_or_behind(enough)
    told += [_best(runs, enough, size), *_cost(rows, found, enough), _few(gains)]
    return [sentence for sentence in told if sentence]


def _rivals(rows: list[dict]) -> list[dict]:
    """Rows whose gains are told: all but what they are measured by, and stage 1 alone."""
    return [row for row in rows if "role" not in row and row["row"] != STAGE1]


def _parted(gains: dict[str, Gain]) -> tuple[dict, dict, dict]:
    """Who is ahead of the base in every seed, who behind, and who neither, beyond chance."""
    ahead = {title: one for title, one in gains.items() if one.ahead}
    behind = {title: one for title, one in gains.items() if one.behind}
    return ahead, behind, {t: one for t, one in gains.items() if t not in ahead | behind}


def _told(gains: dict[str, Gain]) -> str:
    """Every name with its gains by seed."""
    return "; ".join(f"{name} ({one.told})" for name, one in gains.items())


def _ahead_or_behind(gains: dict[str, Gain]) -> list[str]:
    ahead, behind, neither = _parted(gains)
    words = "{} stage 1 prolonged in every seed and beyond chance, in points of rank-1"
    groups = {words.format("Ahead of"): ahead, words.format("Behind"): behind}
    groups |= {"Neither": neither} if neither else {}
    nobody = "none of those that were given no identities"
    return [f"{word}: {_told(group) or nobody}." for word, group in groups.items() if gains]


def _best(runs: dict[str, list[Run]], gains: dict[str, Gain], size: Chance) -> str:
    """Who gains most, and, where it does in every seed, who cannot be told apart from it."""
    if len(gains) < 2:
        return ""
    first = max(gains, key=lambda title: gains[title].mean)
    if min(gains[first].points) <= 0:
        return f"The largest mean gain is that of {first}, and it is none in some seed."
    close = _close(first, gains, runs, size)
    told = f"The largest mean gain is that of {first} ({gains[first].mean:+.1f}). "
    if not close:
        return f"{told}All others are behind it in every seed."
    return f"{told}These seeds cannot tell it from (points over it): {_told(close)}."


def _cost(rows: list[dict], found: Found, gains: dict[str, Gain]) -> list[str]:
    """CPU minutes of those that gain beyond chance, apart by how often they were scored."""
    scored: dict[int, dict[str, int]] = {}
    for row in rows:
        if row["title"] in _parted(gains)[0] and (told := cpu_minutes(row, found)):
            every = found[row["study"]][row["row"]][0].source.get("evaluate_every", 0)
            scored.setdefault(every, {})[row["title"]] = int(told)
    words = "CPU minutes with stage 1 of those ahead, scored "
    return [
        f"{words}{f'every {every} epochs' if every else 'at the end alone'}: "
        f"{', '.join(f'{title} {cost[title]}' for title in sorted(cost, key=cost.get))}."
        for every, cost in sorted(scored.items())
    ]


def _orders(plan: Evidence, found: Found) -> str:
    """How far another order of writing moves rank-1, and what it leaves where it is."""
    told = {n: one for n, one in judged_orders(plan, found).items() if len(one.points) >= SURE}
    if not told:
        return ""
    level = _told({name: one for name, one in told.items() if one.level})
    ends = (pick(told, key=lambda name: told[name].mean) for pick in (min, max))
    least, most = (f"{told[name].mean:+.1f} ({name})" for name in ends)
    return (
        "Another order of writing into the memories moves rank-1 in the mean over seeds by "
        f"{least} to {most}; level in {level or 'none'} of {len(told)} rows (table: Who is "
        "written last)."
    )


def _chance(plan: Evidence, found: Found) -> list[str]:
    """How far apart two equal trainings are, a sentence for each way of summing otherwise."""
    ways: dict[str, dict[str, list[float]]] = {}
    for name, by_seed in chance(plan, found).items():
        row, _, way = name.rpartition(": ")
        ways.setdefault(way, {})[row] = [*by_seed.values()]
    told = []
    for way, rows in ways.items():
        values = [value for by_seed in rows.values() for value in by_seed]
        if len(values) >= SURE:
            told.append(
                f"The same training from the same weights, but {way}, differs by "
                f"{np.mean(np.abs(values)):.1f} points of rank-1 in the mean of {len(values)} and "
                f"by {max(np.abs(values)):.1f} at most ({np.mean(values):+.1f} with the sign): "
                f"{named(rows)}."
            )
    return told


def _when_missing(rows: list[dict], found: Found, size: Chance) -> list[str]:
    """Who is ahead of the base that lost the same people, and who behind, for each share."""
    told = []
    for share, (runs, base) in _by_share(rows, found).items():
        if gains := _enough(_gains(runs, base, size)):
            ordered = dict(sorted(gains.items(), key=lambda item: -item[1].mean))
            ahead, behind, neither = (_told(part) or "none" for part in _parted(ordered))
            told.append(
                f"With {share:.0%} of the people missing on one side, in points of rank-1 over "
                "stage 1 prolonged on the same pictures, ahead of it in every seed and beyond "
                f"chance: {ahead}. Behind: {behind}. Neither: {neither}."
            )
    return told


def _few(gains: dict[str, Gain]) -> str:
    counts = {title: len(one.points) for title, one in gains.items()}
    few = [f"{title} ({n or 'none'})" for title, n in counts.items() if n < SURE]
    return f"Fewer than {SURE} seeds, so nothing is said of: {', '.join(few)}." if few else ""
