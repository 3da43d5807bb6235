"""Scores over the values of one hyperparameter, from the rows of a ladder."""

from collections.abc import Mapping

from vireid import plots
from vireid.figures.records import noted
from vireid.runs import Run, same_seeds

SCORES = {"rank1": "rank-1", "mAP": "mAP"}
ROW = 3  # panels beside one another
Rows = Mapping[str, list[Run]]


def swept(
    found: Rows, start: str, field: str, *, usual: str, again: Rows | None = None
) -> dict[float, list[Run]]:
    """Values of a hyperparameter -> their records, ascending.

    Parameters
    ----------
    found : row -> its records
    start : of the names of the rows that change it, e.g. "lambda1" of "lambda1-0.5"
    field : its name among the method's settings
    usual : the row that has the usual value
    again : that row trained anew on another processor, taken where the other values were, too
    """
    changed = [run for row in found if row.startswith(f"{start}-") for run in found[row]]
    anew = (again or {}).get(usual, [])
    if anew and _processors(changed) == _processors(anew):
        found = {**found, usual: anew}
    values = {
        row: runs[0].config[field]
        for row, runs in found.items()
        if row == usual or row.startswith(f"{start}-")
    }
    return {values[row]: found[row] for row in sorted(values, key=values.get)}


def _processors(runs: list[Run]) -> set:
    return {run.versions.get("processor") for run in runs}


def panels(
    found: Rows, fields: Mapping[str, tuple[str, str]], *, usual: str, again: Rows | None = None
):
    """A panel for each hyperparameter with more than one value; None where there is none.

    Means and ranges over the seeds that all its values have; the title tells the usual value.

    ``fields`` : start of the rows' names -> (field, words for the axis); ``again`` as in ``swept``.
    """
    lines = {
        (field, words): rows
        for start, (field, words) in fields.items()
        if len(rows := same_seeds(swept(found, start, field, usual=usual, again=again))) > 1
    }
    if not lines:
        return None
    columns = min(len(lines), ROW)
    below = -(-len(lines) // columns)
    figure, _ = plots.canvas(columns, below, width=4.8 * columns, height=3.6 * below)
    for spare in figure.axes[len(lines) :]:
        spare.remove()
    drawn = [run for rows in lines.values() for runs in rows.values() for run in runs]
    every = [100 * run.result[key] for run in drawn for key in SCORES]
    for ax, ((field, words), rows) in zip(figure.axes, lines.items(), strict=True):
        noted(rows)
        scores = {
            name: {value: [100 * r.result[key] for r in runs] for value, runs in rows.items()}
            for key, name in SCORES.items()
        }
        title = f"in use: {found[usual][0].config[field]:g}" if usual in found else ""
        plots.dial(scores, ax, xlabel=words, ylabel="score (%)", title=title)
        ax.set_ylim(min(every) - 2, max(every) + 2)
    plots.share_legend(figure)
    return figure
