"""``vireid lab``: JupyterLab on a working copy, ``vireid solutions`` for lecturers."""

import argparse
import os
import sys
from importlib.util import find_spec
from pathlib import Path

from vireid.cli.options import check_alone
from vireid.serving import until_stopped

LAB_HELP = """\
Open JupyterLab on the first notebook of your working copy (~/vireid-workbook, or the environment's
VIREID_WORKBOOK): notebooks without outputs, so that nothing is given away and autosave never
touches the checkout. What you have changed there is never overwritten.

  vireid lab
  vireid lab --no-browser --port 8900 --ip 0.0.0.0
  vireid lab --here                     the checkout itself, with its outputs
  vireid lab -- --LabApp.collaborative=True     anything else goes to jupyter lab
"""


def add(command) -> None:
    """Put these commands on the command line; ``command`` makes a parser."""
    lab = command("lab", _lab, LAB_HELP, "open JupyterLab on your working copy")
    lab.add_argument("--here", action="store_true", help="work in the checkout")
    lab.add_argument("--copy", type=Path, metavar="FOLDER", help="another working copy")
    lab.add_argument("--afresh", action="store_true", help="put the copy aside, make a new one")
    lab.add_argument("--lecture", action="store_true", help="large type and thick lines")
    lab.add_argument("--no-browser", action="store_true", help="do not open a browser")
    lab.add_argument("--port", type=int, help="of the server (Jupyter's default 8888)")
    lab.add_argument("--ip", help="the server listens on (Jupyter's default localhost)")
    lab.add_argument("rest", nargs=argparse.REMAINDER, help="after --, passed on to jupyter lab")

    solutions = command(
        "solutions",
        _solutions,
        "Print the solutions of graded exercises, for lecturers: vireid solutions 03 05-jaccard",
        "print the exercises' solutions",
    )
    solutions.add_argument("names", nargs="*", help="notebooks or exercises; default all")


def arguments(a, first: Path) -> list[str]:
    """What ``jupyter lab`` is given: the notebook to open, its folder's parent as root (notebooks
    link to pages beside their folder), and the user's options.
    """
    root = first.parents[1]
    given = [f"--ServerApp.root_dir={root}"]
    given.append(f"--LabApp.default_url=/lab/tree/{first.relative_to(root).as_posix()}")
    given += ["--no-browser"] if a.no_browser else []
    given += [f"--port={a.port}"] if a.port is not None else []
    given += [f"--ip={a.ip}"] if a.ip is not None else []
    if not a.here:
        given.append("--ContentsManager.pre_save_hook=vireid.student_copy.stills")
    return given + [word for word in a.rest if word != "--"]


def _first_notebook(a) -> Path:
    from vireid import student_copy
    from vireid.paths import CHECKOUT, INSTALLED

    check_alone(a, "here", ("copy", "afresh"))
    if a.here and INSTALLED:
        raise ValueError("--here: vireid is installed without a checkout; leave --here out")
    if a.here:
        return CHECKOUT / "notebooks/00_start_here.ipynb"
    if a.afresh:
        return student_copy.afresh(a.copy)
    first, kept = student_copy.make(a.copy)
    if kept:
        print(f"left as you changed them: {', '.join(kept)} (--afresh makes a new copy)")
    return first


def _lab(a) -> int:
    if find_spec("jupyterlab") is None:
        raise ImportError("jupyterlab is not installed", name="jupyterlab")
    first = _first_notebook(a)
    seen = {"VIREID_MODE": "lecture"} if a.lecture else {}
    print(f"opening {first}")
    words = [sys.executable, "-m", "jupyterlab", *arguments(a, first)]
    return until_stopped(words, os.environ | seen)


def _solutions(a) -> None:
    from vireid import checks

    for name in a.names or [""]:
        found = checks.exercises(name)
        if not found:
            raise ValueError(f"names: {name!r} begins no exercise; see vireid.checks.exercises()")
        for one in found:
            print(f"# {one}\n{checks.source(one)}")
