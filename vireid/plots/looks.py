"""One colour, line and marker per name, the same in every figure; no two names share them in one.

Who is known has a look of its own here, and no other known name has it: a method looks in every
figure as it does in the first that one has seen, whatever it stands beside.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import count

from vireid.plots.base import COLOURS, INK, MODALITY_COLOUR, MODALITY_LINE, MODALITY_MARKER
from vireid.types import Modality

LINES = ("-", "--", "-.", ":")
MARKERS = ("o", "^", "s", "D", "v", "P", "X", "*")
Look = tuple[str, str, str]
GREEN, PINK, ORANGE, SKY, GREY, OLIVE, WINE, INDIGO = COLOURS
KNOWN: tuple[tuple[Look, tuple[str, ...]], ...] = (  # (look, all names of the one who has it)
    # the four papers
    ((GREEN, "-", "o"), ("MULT", "mult", "7 IM + CM + OCLR")),
    ((INDIGO, "-", "s"), ("BMIL", "M3+MIRL")),
    ((WINE, "--", "D"), ("DMDL", "7 all")),
    ((OLIVE, "-", "^"), ("MCF", "MCF, everything")),
    # other methods
    ((ORANGE, "--", "v"), ("PGM",)),
    ((PINK, "-.", "X"), ("ADCA",)),
    ((GREY, "-.", "*"), ("N-ULC",)),
    ((SKY, "-", "p"), ("SMC",)),
    ((PINK, "--", "<"), ("MMM",)),
    ((ORANGE, ":", "d"), ("MCL",)),
    ((INK, "--", ">"), ("DLM",)),
    # associations; MULT's is the method's
    ((PINK, "--", "^"), ("Hungarian", "hungarian")),
    ((ORANGE, "-.", "s"), ("PGM matching", "pgm")),
    ((SKY, ":", "D"), ("BCCM", "bccm")),
    ((GREY, "-", "v"), ("MBCCM", "mbccm")),
    ((OLIVE, "--", "P"), ("OTLA", "otla")),
    ((WINE, "-.", "X"), ("DOTLA", "dotla")),
    ((INDIGO, ":", "*"), ("cluster Sinkhorn", "sinkhorn")),
    ((INK, ":", "o"), ("none",)),
    # controls
    ((GREY, ":", "h"), ("stage 1", "stage1", "stage 1 alone", "phase 1")),
    ((SKY, "--", "h"), (
        "prolonged", "stage 1, prolonged", "stage 1 prolonged", "phase 1 prolonged",
    )),
    ((OLIVE, ":", "d"), (
        "centred", "naive, centred", "naive joint clusters, centred", "MCF, centred",
    )),
    ((INK, "-", "p"), ("true identities", "oracle")),
    ((INK, "--", "h"), ("true partners",)),
    # rows of the papers' tables, and methods trained for fewer steps
    ((SKY, "-", "h"), ("MULT's stage 1 prolonged",)),
    ((GREEN, "-.", "D"), ("MULT without OCLR",)),
    ((GREEN, ":", "^"), ("OCLR alone, no IM, CM",)),
    ((GREEN, "--", "v"), ("MULT, half the steps", "MULT with OCLR")),
    ((OLIVE, "-.", "<"), ("MCF, half the steps",)),
    ((ORANGE, "-", "v"), ("PGM, paired as ADCA",)),
    ((PINK, ":", "X"), ("ADCA, paired as PGM",)),
    ((PINK, "-", "h"), ("baseline", "1 baseline")),
    ((ORANGE, "-", "d"), ("CAI", "2 CAI")),
    ((SKY, "-.", "P"), ("6 data + labels + features",)),
    ((WINE, ":", "o"), ("M1", "within the modalities", "dual contrast")),
    ((PINK, "-.", "s"), ("M2", "naive global")),
    ((ORANGE, ":", "^"), ("M3", "balanced clusters")),
    # distances
    ((GREEN, "-", "^"), ("modality",)),
    ((PINK, "--", "s"), ("vanilla",)),
    ((ORANGE, "-.", "D"), ("lqe",)),
    ((GREY, "-", "P"), ("cosine",)),
    ((OLIVE, "--", "X"), ("camera",)),
)  # fmt: skip
LOOK = {name: look for look, names in KNOWN for name in names}


def looks(names: Iterable[str]) -> dict[str, Look]:
    """Name -> (colour, line, marker).

    What stands in brackets and a mark before the name do not count: "▶ M2 (3 seeds)" looks like
    "M2". Names that begin with a modality's word look like the modality, the second of them by
    another line and marker: "visible, within", "visible, joint". Those that are not known take
    what is left, colours first that no known name has here; so does a second name of one look.
    """
    names = list(names)
    found, seen = {}, Counter()
    for name in names:
        own = _modality(name)
        look = LOOK.get(_bare(name)) if own is None else _of_modality(own, seen)
        if look and look not in found.values():
            found[name] = look
    free = _free(list(found.values()))
    return {name: found[name] if name in found else next(free) for name in names}


def _modality(name: str) -> Modality | None:
    """The modality whose word a name begins with."""
    word = name.split()[0].rstrip(",") if name.split() else ""
    return next((m for m in Modality if m.word == word), None)


def _of_modality(own: Modality, seen: Counter) -> Look:
    """Its look; that of a second name has other lines and markers. Counts ``seen`` on."""
    before = 2 * seen[own]
    seen[own] += 1
    line, marker = LINES.index(MODALITY_LINE[own]), MARKERS.index(MODALITY_MARKER[own])
    return (
        MODALITY_COLOUR[own],
        LINES[(line + before) % len(LINES)],
        MARKERS[(marker + before) % len(MARKERS)],
    )


def _free(taken: list[Look]) -> Iterator[Look]:
    """Looks that nobody has: untaken colours first, then all again by other lines and markers."""
    colours = {colour for colour, _, _ in taken}
    for again in count():
        for i, colour in enumerate(COLOURS):
            look = colour, LINES[(i + again) % len(LINES)], MARKERS[(i + again) % len(MARKERS)]
            if look not in taken and (again or colour not in colours):
                yield look


def _bare(name: str) -> str:
    return name.removeprefix("▶ ").split(" (")[0]
