"""Exact nearest neighbours: who is near whom, among everyone or apart in own and other group.

Rows are compared by cosine. ``nearest`` is the whole room for most readers; ``Features`` and
``Similarities`` are the two sources of neighbours that ``vireid.jaccard`` builds on.
"""

from vireid.neighbours.peers import ApproximateSearch
from vireid.neighbours.sources import (
    BACKENDS,
    Features,
    Similarities,
    as_rows,
    as_tensor,
    name_rows,
    nearest,
    others,
)

__all__ = [
    "BACKENDS",
    "ApproximateSearch",
    "Features",
    "Similarities",
    "as_rows",
    "as_tensor",
    "name_rows",
    "nearest",
    "others",
]
