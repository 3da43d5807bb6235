"""Scores over the values of one hyperparameter, from the rows of a ladder."""

from collections.abc import Mapping

from vireid import plots
from vireid.figures.records import noted
from vireid.runs import Run

SCORES = {"rank1": "rank-1", "mAP": "mAP"}
Rows = Mapping[str, list[Run]]


def swept(found: Rows, start: str, field: str, *, usual: str) -> dict[float, list[Run]]:
    """Values of a hyperparameter -> their records, ascending.

    Parameters
    ----------
    found : row -> its records
    start : of the names of the rows that change it, e.g. "lambda1" of "lambda1-0.5"
    field : its name among the method's settings
    usual : the row that has the usual value
    """
    values = {
        row: runs[0].config[field]
        for row, runs in found.items()
        if row == usual or row.startswith(f"{start}-")
    }
    return {values[row]: found[row] for row in sorted(values, key=values.get)}


def panels(found: Rows, fields: Mapping[str, tuple[str, str]], *, usual: str):
    """A panel for each hyperparameter with more than one value; None where there is none.

    ``fields`` : start of the rows' names -> (field, words for the axis).
    """
    lines = {
        words: swept(found, start, field, usual=usual) for start, (field, words) in fields.items()
    }
    lines = {words: rows for words, rows in lines.items() if len(rows) > 1}
    if not lines:
        return None
    figure, _ = plots.canvas(len(lines), width=4.8 * len(lines), height=3.6)
    for ax, (words, rows) in zip(figure.axes, lines.items(), strict=True):
        noted(rows)
        means = {
            name: [100 * sum(r.result[key] for r in runs) / len(runs) for runs in rows.values()]
            for key, name in SCORES.items()
        }
        least = min(map(len, rows.values()))
        plots.sweep(
            list(rows), means, ax, xlabel=words, ylabel="score (%)",
            title=f"mean over n >= {least} seeds",
        )  # fmt: skip
    return figure
