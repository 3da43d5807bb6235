"""One colour, line and marker per name, the same in every figure where no other has its place."""

from collections import Counter
from collections.abc import Iterable
from itertools import chain, count

from vireid.plots.base import COLOURS, MODALITY_COLOUR, MODALITY_LINE, MODALITY_MARKER
from vireid.types import Modality

LINES = ("-", "--", "-.", ":")
MARKERS = ("o", "^", "s", "D", "v", "P", "X", "*")
Look = tuple[str, str, str]
PLACES = {  # place among colours, lines and markers -> names that always have it
    0: (
        "M3+MIRL",
        "BMIL",
        "modality",
        "mult",
        "MULT",
        "7 IM + CM + OCLR",
        "MCF, everything",
        "7 all",
    ),
    1: ("M2", "vanilla", "hungarian", "Hungarian", "1 baseline", "baseline"),
    2: ("M3", "lqe", "pgm", "PGM", "CAI", "2 CAI"),
    3: ("prolonged", "stage 1, prolonged", "phase 1 prolonged", "bccm", "BCCM"),
    4: ("stage 1", "stage1", "stage 1 alone", "phase 1", "cosine", "mbccm", "MBCCM"),
    5: ("centred", "camera", "otla", "OTLA"),
    6: ("oracle", "true identities", "dotla", "DOTLA"),
    7: ("sinkhorn", "cluster Sinkhorn"),
}
PLACE = {name: place for place, names in PLACES.items() for name in names}


def looks(names: Iterable[str]) -> dict[str, Look]:
    """Name -> (colour, line, marker).

    What stands in brackets and a mark before the name do not count: "▶ M2 (3 seeds)" looks like
    "M2". Names that begin with a modality's word look like the modality, the second of them by
    another line and marker: "visible, within", "visible, joint". Those that are not in the table
    take the places that are left, and so does the second of two that share a place in it.
    """
    names = list(names)
    place, taken = {}, {}
    for name in names:
        bare = _bare(name)
        if bare in PLACE and taken.setdefault(PLACE[bare], bare) == bare:
            place[name] = PLACE[bare]
    free = chain((i for i in range(len(COLOURS)) if i not in taken), count(len(COLOURS)))
    found, seen = {}, Counter()
    for name in names:
        word = name.split()[0].rstrip(",") if name.split() else ""
        own = next((m for m in Modality if m.word == word), None)
        if own is not None:
            before = 2 * seen[own]
            seen[own] += 1
            line, marker = LINES.index(MODALITY_LINE[own]), MARKERS.index(MODALITY_MARKER[own])
            found[name] = (
                MODALITY_COLOUR[own],
                LINES[(line + before) % len(LINES)],
                MARKERS[(marker + before) % len(MARKERS)],
            )
            continue
        i = place[name] if name in place else next(free)
        again, i = divmod(i, len(COLOURS))  # the colours again, with other lines and markers
        found[name] = (
            COLOURS[i], LINES[(i + again) % len(LINES)], MARKERS[(i + again) % len(MARKERS)]
        )  # fmt: skip
    return found


def _bare(name: str) -> str:
    return name.removeprefix("▶ ").split(" (")[0]
