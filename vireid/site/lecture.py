"""The notebooks as pages for the room: live widgets, large type, no code, no exercises."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from vireid import workbook
from vireid.paths import WORK
from vireid.site.panels import save

NOTEBOOKS = ("00", "02", "04", "05", "07")  # the route of 90 minutes
EXERCISES = "## Exercises that answer"
# Voila's pages take these sizes from JupyterLab's variables.
STYLE = """<style>
:root { --jp-content-font-size1: 21px; --jp-code-font-size: 19px; --jp-ui-font-size1: 19px;
  --jp-widgets-font-size: 19px; --jp-widgets-inline-height: 36px; }
.jp-RenderedImage img, .vireid-picture img { max-width: 100%; }
</style>"""


def pages(out: Path, only: Sequence[str] = NOTEBOOKS) -> list[Path]:
    """Write the notebooks for a lecture: large type, and an end before the exercises.

    Raises ValueError when a word of ``only`` fits no notebook.
    """
    import nbformat

    written = []
    for script in workbook.scripts(only):
        notebook = workbook.read(script)
        ends = [i for i, cell in enumerate(notebook.cells) if cell.source.startswith(EXERCISES)]
        notebook.cells = notebook.cells[: ends[0] if ends else None]
        notebook.cells.append(nbformat.v4.new_markdown_cell(STYLE))
        written.append(save(out / f"{script.stem}.ipynb", workbook.dump(workbook.clean(notebook))))
    return written


def serve(
    only: Sequence[str] = NOTEBOOKS, *, out: Path | None = None, options: Sequence[str] = ()
) -> int:
    """Serve these notebooks with Voila until it is stopped; returns its exit status.

    Parameters
    ----------
    only : starts of names
    out : folder of the copies that are served (default ``build/lecture``)
    options : of Voila
    """
    out = Path(out or WORK / "build/lecture")
    for old in out.glob("*.ipynb"):
        old.unlink()
    pages(out, only or NOTEBOOKS)
    seen = {"VIREID_MODE": "lecture", "VIREID_PLAYERS": "first"}
    words = [sys.executable, "-m", "voila", str(out), "--VoilaConfiguration.show_margins=True"]
    return subprocess.call([*words, *options], env=os.environ | seen)
