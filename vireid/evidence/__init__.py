"""What every method does, run by run: a plan file, a store of records, and the page they make.

``read`` gives the plan (``data/evidence.toml``), ``states`` says which of its runs are kept in
``data/runs``, ``make`` trains the others, ``page`` writes ``docs/results.md`` from the kept ones.
"""

from vireid.evidence.dials import DIALS, beside, gains_beside, missing, over, turned, unturned
from vireid.evidence.guide import guide, on_equal_terms, start_from
from vireid.evidence.make import make, minutes
from vireid.evidence.page import page
from vireid.evidence.pairs import chance, order_gains, orders, size_of_chance
from vireid.evidence.plan import PLAN, Cell, Evidence, Study, read
from vireid.evidence.store import ANOTHER, KEPT, MISSING, STORE, State, found, state, states
from vireid.evidence.tables import against_paper, coverage, equal_terms, rows

__all__ = [
    "ANOTHER",
    "DIALS",
    "KEPT",
    "MISSING",
    "PLAN",
    "STORE",
    "Cell",
    "Evidence",
    "State",
    "Study",
    "against_paper",
    "beside",
    "chance",
    "coverage",
    "equal_terms",
    "found",
    "gains_beside",
    "guide",
    "make",
    "minutes",
    "missing",
    "on_equal_terms",
    "order_gains",
    "orders",
    "over",
    "page",
    "read",
    "rows",
    "size_of_chance",
    "start_from",
    "state",
    "states",
    "turned",
    "unturned",
]
