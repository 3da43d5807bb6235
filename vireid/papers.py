"""Published numbers: the tables of the papers, as they stand in ``data/papers.csv``."""

import csv
import re
from functools import cache

from vireid.paths import COMMITTED


def paper_table(**where: str) -> list[dict[str, str]]:
    """Rows of ``data/papers.csv`` whose columns equal the given values; ``value`` is a float.

    Columns: paper and table that the number was read from, setting, method, venue, dataset, mode,
    metric, value, note, source (of the paper). Raises ValueError for an unknown column.
    """
    rows = _papers()
    if unknown := set(where) - set(rows[0]):
        raise ValueError(f"papers.csv has no column {sorted(unknown)}; columns: {list(rows[0])}")
    found = [row for row in rows if all(row[key] == value for key, value in where.items())]
    return [{**row, "value": float(row["value"])} for row in found]


def year_of(venue: str) -> int | None:
    """The year in a venue such as "CVPR-23" or "AAAI'25"; None where it tells none ("Ours")."""
    found = re.search(r"[-'](\d\d)$", venue)
    return 2000 + int(found[1]) if found else None


@cache
def _papers() -> list[dict[str, str]]:
    with (COMMITTED / "papers.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))
