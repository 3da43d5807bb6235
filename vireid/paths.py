"""Where the workbook keeps things: one place that knows the folders."""

import os
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
_BROUGHT = _PACKAGE / "_share"  # a wheel's copy of what users need of the folders below
INSTALLED = _BROUGHT.is_dir()
# Folders data, docs and notebooks are read here: the checkout, or what a wheel brought of it.
CHECKOUT = _BROUGHT if INSTALLED else _PACKAGE.parent
# Commands write here where they are not told: the checkout, or the current folder; never into an
# installed package.
WORK = Path() if INSTALLED else CHECKOUT
REAL_PEOPLE = "real-people"  # in the names of what must not be passed on; .gitignore knows it
COMMITTED = CHECKOUT / "data"  # what the project made itself: weights, run records, boxes, tables


def data_root(root: str | Path | None = None) -> Path:
    """Folder of the data sets: the argument, else the environment's VIREID_DATA, else ``data/``
    of the checkout, or of the current folder where vireid is installed without one.
    """
    return Path(root or os.environ.get("VIREID_DATA") or WORK / "data").expanduser()


def cache_folder() -> Path:
    """Where results that can be made again are kept: ``$VIREID_CACHE``, or the user's own."""
    if chosen := os.environ.get("VIREID_CACHE"):
        return Path(chosen)
    if home := os.environ.get("XDG_CACHE_HOME"):
        return Path(home) / "vireid"
    try:
        return Path.home() / ".cache" / "vireid"
    except RuntimeError as error:
        raise RuntimeError(
            "this user has no home folder to keep results in ($HOME). Set VIREID_CACHE to a folder."
        ) from error


def student_folder() -> Path:
    """Where a student's guesses and solved exercises are kept: ``$VIREID_STUDENT``, or the cache's
    folder ``student``.
    """
    return Path(os.environ.get("VIREID_STUDENT") or cache_folder() / "student").expanduser()
