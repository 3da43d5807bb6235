"""Records by where one dial stood: people missing on one side, and what is turned of the world."""

import json
from itertools import count

import numpy as np
import pandas as pd

from vireid import methods, runs
from vireid.data.synthvi import PRESETS, WORLD
from vireid.evidence.gains import Gain, gain
from vireid.evidence.pairs import Found, size_of_chance
from vireid.evidence.plan import Evidence
from vireid.evidence.texts import SURE, gains_by_seed, mean_sd, seeds_of
from vireid.experiment.rows import STAGE1
from vireid.runs import Run, gained

FREE = ("seed", "trial", "absent_seed")  # options that draw other people and turn no dial
REST = {"absent": 0.0, "absent_side": "both", "modality_gap": WORLD.modality_gap}
REST |= {"visible_only": 0.0, "shots": None}
DIALS = {  # option -> the axis it is drawn on
    "absent": "share of people missing on one side",
    "modality_gap": "modality_gap of the world",
    "visible_only": "share of people whose patterns infrared lacks",
    "shots": "infrared pictures for a visible one",
}
Lines = dict[str, dict[float, list[Run]]]  # method and row -> value of a dial -> records by seed


def turned(found: Found, dial: str) -> dict[str, Lines]:
    """Data set -> method and row -> value of a dial -> the records where nothing else was turned.

    Parameters
    ----------
    found : study -> row -> records, as ``evidence.found`` and ``runs.ladders`` give them
    dial : a name in ``DIALS``

    Records of one line share all settings of the method, and its values share their seeds: seeds
    that one of them lacks are left out, and so are lines with one value alone. Of a seed that
    was trained twice alike the first record counts.
    """
    every: dict[str, dict[tuple, dict[float, dict[int, Run]]]] = {}
    for row, kept in ((row, kept) for study in found.values() for row, kept in study.items()):
        for run in kept:
            if (value := _value(run, dial)) is None:
                continue
            line = _line(run, row), json.dumps(run.config, sort_keys=True)
            points = every.setdefault(_data(run), {}).setdefault(line, {})
            points.setdefault(value, {}).setdefault(run.seed, run)
    paired: dict[str, Lines] = {}
    for data, lines in every.items():
        for (name, _), points in lines.items():
            if same := _paired(points):
                told = paired.setdefault(data, {})
                told[_unused(name, told)] = same
    return paired


def _unused(name: str, taken: Lines) -> str:
    """The name, numbered where a line of other settings has it already."""
    names = (f"{name} ({k})" if k > 1 else name for k in count(1))
    return next(name for name in names if name not in taken)


def at_values(by_data: dict[str, Lines], row: dict, found: Found) -> dict[float, list[Run]]:
    """Value of a dial -> records of a row of the table on equal terms; empty for one value alone.

    ``by_data`` : of ``turned``. ``row`` : its "study" and "row", as the plan has them
    """
    kept = found.get(row["study"], {}).get(row["row"], [])
    lines = by_data.get(_data(kept[0]), {}) if kept and kept[0].source else {}
    return lines.get(_name_of(lines, row, found), {})


def apart(lines: Lines, rows: list[dict], found: Found) -> tuple[Lines, Lines]:
    """Lines of the rows of a table on equal terms, by their titles there, and all others.

    ``rows`` : as of ``plan.equal``; stage 1 by itself stands in neither
    """
    told = {name: points for name, points in lines.items() if not name.endswith(f" {STAGE1}")}
    titles, named = {row["title"] for row in rows}, titled(told, rows, found)
    equal = {name: points for name, points in named.items() if name in titles}
    return equal, {name: points for name, points in named.items() if name not in titles}


def titled(lines: Lines, rows: list[dict], found: Found) -> Lines:
    """The lines, those of the rows of a table on equal terms by their titles there."""
    titles = {_name_of(lines, row, found): row["title"] for row in rows}
    return {titles.get(name, name): points for name, points in lines.items()}


def _name_of(lines: Lines, row: dict, found: Found) -> str | None:
    """Which line is a row's: of its name, with the settings of its records; None where none is."""
    kept = found.get(row["study"], {}).get(row["row"], [])
    name = _line(kept[0], row["row"]) if kept else None
    points = [run for same in lines.get(name, {}).values() for run in same]
    return name if points and points[0].config == kept[0].config else None


def _line(run: Run, row: str) -> str:
    """What the line of a record's row is called."""
    return f"{_title(run)} {row}"


def _data(run: Run) -> str:
    """A record's data set in words."""
    return " ".join(filter(None, (run.source["data"], run.source["preset"])))


def unturned(run: Run) -> bool:
    """Nobody was missing and the world stood as it is drawn; True when a record does not tell."""
    return not run.source or all(
        run.source["options"].get(dial, REST[dial]) == REST[dial] for dial in DIALS
    )


def _paired(points: dict[float, dict[int, Run]]) -> dict[float, list[Run]]:
    """Values in order with the seeds that all have; empty for one value or no such seed."""
    same = runs.same_seeds({value: [*points[value].values()] for value in sorted(points)})
    return same if len(same) > 1 else {}


def _title(run: Run) -> str:
    return methods.kind(run.method).title if run.method in methods.TABLE else run.method


def _value(run: Run, dial: str) -> float | None:
    """Where a record's dial stood; None when it tells nothing or another dial was turned too."""
    if not run.source:
        return None
    told = REST | {k: v for k, v in run.source["options"].items() if k not in FREE}
    if any(told[name] != REST.get(name) for name in told if name != dial):
        return None
    if dial == "shots":
        if run.source["data"] != "synthvi":
            return None
        visible, infrared = told[dial] or (1, 1)
        full = PRESETS[run.source["preset"]].shots[0] if told[dial] else visible
        return infrared / visible if visible == full else None
    return float(told[dial])


def rank1(lines: Lines) -> dict[str, dict[float, list[float]]]:
    """Rank-1 of each seed in per cent."""
    return {name: runs.rank1(points) for name, points in lines.items()}


def lone(lines: Lines) -> dict[str, dict[float, list[float]]]:
    """Lone images linked in the last epoch, mean over its label spaces, in per cent by seed.

    Methods with a label space for each modality record one of them as "global" again; that counts
    where there is no other.
    """
    found: dict[str, dict[float, list[float]]] = {}
    for name, points in lines.items():
        for value, kept in points.items():
            if seeds := [share for run in kept if (share := _linked(run)) is not None]:
                found.setdefault(name, {})[value] = seeds
    return found


def _linked(run: Run) -> float | None:
    last = run.curves[-1] if run.curves else {}
    told = {key: v for key, v in last.items() if key.endswith("/lone") and v is not None}
    spaces = [v for key, v in told.items() if key != "global/lone"] or list(told.values())
    return 100 * float(np.mean(spaces)) if spaces else None


def over(lines: Lines) -> pd.DataFrame:
    """A row a line: rank-1 at each value, mean (sd), what the largest adds to the least by seed.

    Beside them its seeds, the steps of the row's own run and the lone images that the last epoch
    linked at the largest value, where the records tell; all else in per cent or points of it. A
    line that ends before the others says where.
    """
    values, linked = sorted({v for points in lines.values() for v in points}), lone(lines)
    rows = {}
    for name, points in lines.items():
        low, high = min(points), max(points)
        end = "" if high == values[-1] else f" (at {high:.2g})"
        row = {"seeds": seeds_of(points[low]), "steps": points[low][0].steps}
        row |= {f"{v:.2g}": mean_sd(points[v], "rank1") if v in points else "" for v in values}
        row["largest over least by seed"] = gains_by_seed(points[high], points[low]) + end
        if linked:
            told = linked.get(name, {}).get(high)
            row["lone linked"] = f"{np.mean(told):.0f}{end}" if told else ""
        rows[name] = row
    return pd.DataFrame.from_dict(rows, orient="index").fillna("")


def gains_beside(plan: Evidence, found: Found) -> dict[str, dict[str, dict[float, Gain]]]:
    """Title -> row in words -> share of people missing -> what the row adds to its base.

    Of ``plan.beside``; the base lost the same people. Shares that the base or the row was not
    trained at are left out, rows and titles of which nothing is left stay, empty.
    """
    absent, size = turned(found, "absent"), size_of_chance(plan, found)

    def points(entry: dict, row: str) -> dict[float, list[Run]]:
        return at_values(absent, {"study": entry["study"], "row": row}, found)

    told = {}
    for entry in plan.beside:
        base, rows = points(entry, entry["base"]), told.setdefault(entry["title"], {})
        for row in entry["rows"]:
            own = points(entry, row)
            gains = {v: gain(own[v], start, size) for v, start in base.items() if v in own}
            kept = {share: added for share, added in gains.items() if added.points}
            rows[entry.get("names", {}).get(row, row)] = kept
    return told


def beside(plan: Evidence, found: Found) -> dict[str, pd.DataFrame]:
    """Title -> ``gains_beside`` as a table, where there is a gain: a line a row, a column a share.

    A cell is the mean gain in rank-1 and those by seed; "ahead" or "behind" where three seeds or
    more all say so and the mean is beyond chance. A share that a row was not trained at is empty.
    """
    tables = {}
    for title, gains in gains_beside(plan, found).items():
        if shares := sorted({share for by in gains.values() for share in by}):
            cells = {
                name: {f"{v:.2g}": _judged(by[v]) if v in by else "" for v in shares}
                for name, by in gains.items()
            }
            tables[title] = pd.DataFrame.from_dict(cells, orient="index")
    return tables


def _judged(added: Gain) -> str:
    verdict = ", ahead" * added.ahead or ", behind" * added.behind
    return f"{added.mean:+.1f} ({added.told}){verdict if len(added.points) >= SURE else ''}"


def missing(found: Found, rows: list[dict]) -> str:
    """A sentence on what people missing on one side cost ``rows``, of ``plan.equal``.

    "" unless three seeds or more tell.
    """
    absent, by_share = turned(found, "absent"), {}
    for row in rows:
        points = at_values(absent, row, found)
        for share, kept in points.items():
            lost = gained(kept, points.get(0.0, [])) if share else []
            if len(lost) >= SURE:
                by_share.setdefault((_data(kept[0]), share), {})[row["title"]] = lost
    told = [
        f"on {data}, {share:.0%} of the people: {_span(by)}"
        for (data, share), by in sorted(by_share.items())
    ]
    words = "When people lack the pictures of one modality, rank-1 changes in the mean over seeds, "
    return f"{words}{'; '.join(told)}." if told else ""


def _span(lost: dict[str, list[float]]) -> str:
    """The largest mean loss and the least one, with their names."""
    mean = {name: float(np.mean(values)) for name, values in lost.items()}
    ends = dict.fromkeys(sorted(mean, key=mean.get)[:: max(len(mean) - 1, 1)])
    told = " to ".join(f"{mean[name]:+.1f} ({name})" for name in ends)
    return f"{told}, of {len(mean)} rows" if len(mean) > 1 else told
