"""Every figure of the workbook, drawn again by one command: ``vireid figures``.

Pictures show synthetic people only. Curves and bars come from committed run records; maps,
neighbours and sheets from a network that is trained on SynthVI tiny on the spot. A module a topic;
the order of the imports is the order of the index page.
"""

from vireid.figures import worlds, bmil, dmdl, mcf, mult, sensitivity, evidence, field, scaling  # noqa: I001 - the order of the page
from vireid.figures.registry import DRAWINGS, draw_all
from vireid.figures.worlds import people_sheet

__all__ = [
    "DRAWINGS",
    "bmil",
    "dmdl",
    "draw_all",
    "evidence",
    "field",
    "mcf",
    "mult",
    "people_sheet",
    "scaling",
    "sensitivity",
    "worlds",
]
