"""Sweeps over hyperparameters: one at a time, or two crossed, over seeds; each cell resumable.

A *cell* is one setting. The setting one starts from is a cell of its own, trained once, and counts
as a point of every line.
"""

from itertools import product

import numpy as np

from vireid import methods, plots
from vireid.experiment import Experiment, compare, preset_for, setting
from vireid.experiment.rows import trainings
from vireid.runs import Run

BASE = "base"
BETWEEN = "+"  # between the two changes of a crossed cell's name


def cells(config: dict, over: dict[str, list], *, crossed: bool = False) -> dict[str, dict]:
    """Name -> what a cell changes; the starting setting comes first and changes nothing.

    Parameters
    ----------
    config : the starting setting, ``Method.config()``
    over : hyperparameter -> values to try; of one that is a tuple, a tuple alone is one value
    crossed : every pair of values of exactly two hyperparameters, instead of one change at a time

    Raises ValueError for a hyperparameter that is not in ``config`` or has no values, and for a
    crossing of other than two.
    """
    if unknown := sorted(set(over) - set(config)):
        raise ValueError(f"no hyperparameter {', '.join(unknown)}; known: {', '.join(config)}")
    if empty := [field for field, values in over.items() if not values]:
        raise ValueError(f"{', '.join(empty)}: give at least one value to try")
    if crossed and len(over) != 2:
        raise ValueError(f"crossed=True with {len(over)} hyperparameters; it takes two")
    tried = {}
    for field, values in over.items():
        own = _plain(config[field])
        tried[field] = [own, *(v for v in _values(values, own) if v != own)]
    if crossed:
        changes = [dict(zip(tried, pair, strict=True)) for pair in product(*tried.values())]
    else:
        changes = [{field: value} for field, values in tried.items() for value in values]
    kept = [{f: v for f, v in c.items() if v != _plain(config[f])} for c in changes]
    return {_label(c): c for c in [{}, *kept]}


def sweep(
    experiment: Experiment,
    name: str,
    over: dict[str, list],
    *,
    row: str | None = None,
    crossed: bool = False,
    switches: dict | None = None,
    **options,
) -> dict[str, Run]:
    """Train every cell of a sweep for one seed; calling again goes on where it stopped.

    Parameters
    ----------
    over, crossed : as in ``cells``
    row, switches : the starting setting, a row of the method's table and changes to its preset
    options : ``seed``, ``out``, ``whole`` and more for ``experiment.compare``: unless ``whole``,
        cells share a stage 1 where all settings that it reads are equal

    Returns the cell's name -> its record, BASE first. Raises ValueError, before anything is
    trained, as ``rows``.
    """
    given = {"row": row, "crossed": crossed, "switches": switches, "whole": options.get("whole")}
    grid = rows(experiment, name, over, **given)
    found = compare(experiment, name, grid, switches=switches, **options)
    return {label: found[label] for label in grid}


def rows(
    experiment: Experiment,
    name: str,
    over: dict[str, list],
    *,
    row: str | None = None,
    crossed: bool = False,
    switches: dict | None = None,
    whole: bool | None = None,
) -> dict[str, dict]:
    """The rows that ``sweep`` has ``experiment.compare`` train: cell's name -> what it changes.

    Raises ValueError naming the cell whose setting the method refuses, for a hyperparameter with no
    value but the one in use, and for ``epochs`` where cells share a stage 1, whose epochs their
    records do not tell.
    """
    base = switches or {}
    config = setting(experiment, name, row=row, switches=base).config()
    over = {
        f: [_read(name, f, v) for v in _values(values, config[f])] if f in config else values
        for f, values in over.items()
    }
    grid = cells(config, over, crossed=crossed)
    for field, values in over.items():
        if set(values) == {_plain(config[field])}:
            raise ValueError(f"{field}={values[0]} is the value in use; give others to try beside")
    for label, changes in grid.items():  # before hours are spent on the first of them
        try:
            setting(experiment, name, row=row, switches=base | changes)
        except (ValueError, TypeError) as error:
            raise ValueError(f"{label} cannot be trained: {error}") from error
    found = {label: {"row": row} | changes for label, changes in grid.items()}
    if "epochs" in over:
        told = {"preset": preset_for(experiment, name), "switches": switches, "whole": whole}
        if any(step.begins for step in trainings(name, found, **told)):
            raise ValueError(
                "epochs: cells that go on from a shared stage 1 do not tell its epochs; train each "
                "from the start (--whole, whole=True)"
            )
    return found


def _read(name: str, field: str, given):
    """A value to try, as the field's declared type."""
    try:
        return methods.value(name, field, given)
    except ValueError as error:
        raise ValueError(f"{field}={given} cannot be trained: {error}") from error


def lines(records: dict[str, list[Run]], metric: str = "rank1") -> dict[str, dict]:
    """Hyperparameter -> value -> scores (per cent, one per seed), of cells with one change.

    The starting setting's scores stand at its own value of every hyperparameter. Numbers are in
    ascending order, other values in that of the records.
    """
    found: dict[str, dict] = {}
    for label in records:
        if label == BASE or BETWEEN in label:
            continue
        field = label.partition("=")[0]
        for cell in (BASE, label):
            value = _plain(records[cell][0].config[field])
            found.setdefault(field, {})[value] = _scores(records[cell], metric)
    return {field: _ordered(points) for field, points in found.items()}


def field_of(records: dict[str, list[Run]], metric: str = "rank1") -> tuple[tuple, tuple, tuple]:
    """((first, values), (second, values), means (first, second)) of the cells of a crossed sweep.

    Means are fractions over seeds, NaN where a cell has no record. Raises ValueError when no cell
    changes two hyperparameters.
    """
    pairs = [label for label in records if BETWEEN in label]
    if not pairs:
        raise ValueError("records hold no cell of a crossed sweep")
    names = [part.partition("=")[0] for part in pairs[0].split(BETWEEN)]
    scored = {
        tuple(_plain(runs[0].config[n]) for n in names): np.mean(_scores(runs, metric)) / 100
        for runs in records.values()
    }
    axes = [list(_ordered(dict.fromkeys(key[i] for key in scored))) for i in (0, 1)]
    table = np.array([[scored.get((a, b), np.nan) for b in axes[1]] for a in axes[0]])
    return (names[0], axes[0]), (names[1], axes[1]), table


def figure(records: dict[str, list[Run]], *, metric: str = "rank1", title: str = ""):
    """A panel per hyperparameter, or one field of numbers for a crossed sweep.

    ``records`` must hold BASE. After MCF, Fig. 6.
    """
    if BASE not in records:
        raise ValueError(f"records hold no {BASE!r}, the setting the sweep started from")
    start, words = records[BASE][0].config, {"rank1": "rank-1"}.get(metric, metric)
    if any(BETWEEN in label for label in records):
        first, second, table = field_of(records, metric)
        drawn, ax = plots.canvas(width=5.6, height=3.6)
        chosen = tuple(_plain(start[name]) for name, _ in (first, second))
        plots.heat(
            table, ax, rows=first, columns=second, chosen=chosen, title=f"{title} {words} (%)"
        )
        return drawn
    found = lines(records, metric)
    if not found:
        raise ValueError(f"records hold {BASE!r} alone; there is nothing to draw a line through")
    drawn, axes = plots.canvas(len(found), width=1.2 + 3.2 * len(found), height=3.2)
    scores = [score for points in found.values() for seeds in points.values() for score in seeds]
    margin = 0.1 * (max(scores) - min(scores)) or 1.0
    for ax, (name, points) in zip(np.atleast_1d(axes), found.items(), strict=True):
        plots.sensitivity(
            points, ax, xlabel=name, ylabel=f"{words} (%)", chosen=_plain(start[name])
        )
        ax.set_ylim(min(scores) - margin, max(scores) + margin)  # one scale for all panels
    plots.share_legend(drawn)
    if title:
        drawn.suptitle(title, fontsize=10, x=0.01, ha="left")
    return drawn


def _scores(runs: list[Run], metric: str) -> list[float]:
    return [100 * run.result[metric] for run in runs]


def _plain(value):
    """A value of a config as methods take it: records hold tuples as lists."""
    return tuple(value) if isinstance(value, list) else value


def _values(values, own) -> list:
    """The values to try of a field that is ``own`` at the start: a tuple alone is one value."""
    values = [_plain(v) for v in values]
    alone = values and not any(isinstance(v, tuple) for v in values)
    return [tuple(values)] if alone and isinstance(_plain(own), tuple) else values


def _label(changes: dict) -> str:
    parts = []
    for field, value in changes.items():
        text = "-".join(map(str, value)) if isinstance(value, tuple) else str(value)
        parts.append(f"{field}={text.replace('+', '')}")  # 1e+20; a plus stands between changes
    return BETWEEN.join(parts) or BASE


def _ordered(points: dict) -> dict:
    if all(isinstance(v, (int, float)) for v in points):
        return dict(sorted(points.items()))
    return points
