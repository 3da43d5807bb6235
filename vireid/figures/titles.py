"""What rows of records are called in figures that compare methods."""

from vireid.figures.mult import TABLE3
from vireid.methods.mult.labels import ASSOCIATIONS

CALLED = {  # method and row -> words: nobody may take a row for a method on equal terms
    "MULT 1": "MULT's stage 1 prolonged",
    "MULT 3": "MULT without OCLR",
    "MULT 4": "OCLR alone, no IM, CM",
    "MULT 7": "MULT, half the steps",
    "MULT oracle": "true partners (in MULT)",
    "MCF R7": "MCF, half the steps",
    "PGM alternate, voted": "PGM, paired as ADCA",
    "ADCA CMA, matched": "ADCA, paired as PGM",
} | {f"MULT {a}": f"{TABLE3[a]} (in MULT)" for a in ASSOCIATIONS if a not in ("mult", "oracle")}


def called(lines: dict) -> dict:
    """The lines of methods and rows by the words for them; those that have none keep their name."""
    return {CALLED.get(name, name): points for name, points in lines.items()}
