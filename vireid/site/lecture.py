"""The notebooks as pages for the room: live widgets, large type, no code, no exercises."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from vireid import student_copy, workbook
from vireid.links import relinked
from vireid.paths import WORK
from vireid.serving import until_stopped
from vireid.site.panels import save

NOTEBOOKS = ("00", "02", "03", "04", "05", "07")  # the route of 90 minutes
EXERCISES = "## Exercises that answer"
# Voila's pages take these sizes from JupyterLab's variables.
STYLE = """<style>
:root { --jp-content-font-size1: 21px; --jp-code-font-size: 19px; --jp-ui-font-size1: 19px;
  --jp-widgets-font-size: 19px; --jp-widgets-inline-height: 36px; }
#rendered_cells { max-width: 1100px; margin: 0 auto; padding: 2ex 4ex; }
.vireid-player button { width: 135px !important; }
.vireid-panel .widget-slider, .vireid-panel .widget-dropdown { width: 400px !important; }
.widget-label { width: auto !important; min-width: 7em; overflow: visible; }
.jp-RenderedImage img, .vireid-picture img { max-width: 100%; }
</style>"""

# Voila's own template asks a server far away for an icon font; this one leaves that out.
TEMPLATE = """{% extends "lab/index.html.j2" %}
{% import "spinner.macro.html.j2" as spinner %}
{% block notebook_css %}
{{ resources.include_js("static/voila-style.js") }}
{{ spinner.css() }}
<style>.jp-mod-noOutputs.jp-mod-noInput { display: none; }</style>
{{ super.super() }}
{% endblock notebook_css %}
"""


def pages(out: Path, only: Sequence[str] = NOTEBOOKS) -> list[Path]:
    """Write the notebooks for a lecture: large type, and an end before the exercises.

    The pages that they link to lie beside them as notebooks, which is what Voila serves; a link to
    anything else is left out. Raises ValueError when a word of ``only`` fits no notebook.
    """
    scripts = workbook.scripts(only)
    served = {name: _page_name(name) for name in student_copy.PAGES}
    served |= {f"notebooks/{script.stem}.ipynb": f"{script.stem}.ipynb" for script in scripts}
    for name in student_copy.PAGES:
        save(out / served[name], workbook.dump(_page(name, served)))
    return [save(out / f"{s.stem}.ipynb", workbook.dump(_notebook(s, served))) for s in scripts]


def _page_name(name: str) -> str:
    """``docs/glossary.md`` -> ``docs_glossary.ipynb``."""
    return name.removesuffix(".md").replace("/", "_") + ".ipynb"


def _notebook(script: Path, served: dict[str, str]):
    notebook = workbook.read(script)
    ends = [i for i, cell in enumerate(notebook.cells) if cell.source.startswith(EXERCISES)]
    notebook.cells = notebook.cells[: ends[0] if ends else None]
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            name = f"notebooks/{script.name}"
            cell.source = relinked(cell.source, name, lambda path: served.get(path, ""))
    return _styled(notebook)


def _page(name: str, served: dict[str, str]):
    """A Markdown page as a notebook of one cell."""
    import nbformat

    text = relinked(student_copy.page(name), name, lambda path: served.get(path, ""))
    cells = [nbformat.v4.new_markdown_cell(text)]
    return _styled(nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": workbook.KERNEL}))


def _styled(notebook):
    import nbformat

    notebook.cells.append(nbformat.v4.new_markdown_cell(STYLE))
    return workbook.clean(notebook)


def serve(
    only: Sequence[str] = NOTEBOOKS, *, out: Path | None = None, options: Sequence[str] = ()
) -> int:
    """Serve these notebooks with Voila until it is stopped; returns its exit status.

    Parameters
    ----------
    only : starts of names
    out : folder of the copies that are served (default ``build/lecture``); those of a lecture
        before go away, everything else in it stays
    options : of Voila

    Raises ValueError, before anything is deleted, when a word of ``only`` fits no notebook or
    ``out`` holds notebooks and has never been a lecture's.
    """
    out, only = Path(out or WORK / "build/lecture"), only or NOTEBOOKS
    workbook.scripts(only)
    share = (out / ".jupyter").resolve()
    template = share / "voila/templates/vireid/index.html.j2"
    if any(out.glob("*.ipynb")) and not template.exists():
        raise ValueError(
            f"out={out} holds notebooks that are no copies for a lecture, and copies would take "
            "their places; give another folder (--out)"
        )
    save(template, TEMPLATE)  # first, as it tells whose folder this is
    save(template.with_name("conf.json"), '{"base_template": "lab"}')
    for script in workbook.scripts():
        (out / f"{script.stem}.ipynb").unlink(missing_ok=True)
    pages(out, only)
    seen = {"VIREID_MODE": "lecture"}
    searched = [str(share), os.environ.get("JUPYTER_PATH")]
    seen["JUPYTER_PATH"] = os.pathsep.join(filter(None, searched))
    words = [sys.executable, "-m", "voila", str(out), "--template=vireid"]
    return until_stopped([*words, *options], os.environ | seen)
