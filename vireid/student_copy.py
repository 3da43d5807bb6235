"""A student's own copy of the workbook: no outputs, nothing given away, the checkout stays clean.

``make`` writes it, and writes again only what the student has not touched. ``stills`` keeps saved
notebooks readable: a widget with a picture beside it is saved as the picture.
"""

import hashlib
import json
import os
import shutil
from importlib.metadata import metadata
from pathlib import Path

from vireid import workbook
from vireid.links import relinked, to_source
from vireid.paths import CHECKOUT, INSTALLED

# what the notebooks link to
PAGES = (
    "README.md",
    "data/README.md",
    "docs/exchange.md",
    "docs/glossary.md",
    "docs/notation.md",
)
WRITTEN = ".vireid.json"  # path -> digest of what was written there


def folder() -> Path:
    """Where the copy lies: the environment's VIREID_WORKBOOK, else ``~/vireid-workbook``."""
    return Path(os.environ.get("VIREID_WORKBOOK") or Path.home() / "vireid-workbook").expanduser()


def make(out: Path | None = None) -> tuple[Path, list[str]]:
    """Write all notebooks without outputs, and the pages they link to.

    Parameters
    ----------
    out : the folder (default ``folder()``); made when it is not there

    Returns the first notebook's path and the names of files that were left alone because the
    student has changed them. Raises OSError when the folder cannot be written.
    """
    out = (out or folder()).expanduser()
    record = out / WRITTEN
    known = json.loads(record.read_text("utf-8")) if record.exists() else {}
    kept = []
    for name, text in _contents().items():
        path = out / name
        if path.exists() and _digest(path.read_text("utf-8")) != known.get(name):
            kept.append(name)
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
        known[name] = _digest(text)
    record.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n", "utf-8")
    return out / "notebooks" / f"{workbook.scripts()[0].stem}.ipynb", kept


def afresh(out: Path | None = None) -> Path:
    """Put an older copy aside as ``NAME.old`` and make a new one; returns its first notebook.

    Raises ValueError when there is an ``.old`` already, so that nothing of the student's is lost.
    """
    out = (out or folder()).expanduser()
    aside = out.with_name(f"{out.name}.old")
    if out.exists():
        if aside.exists():
            raise ValueError(f"out={out}: {aside} holds an older copy; move or delete that first")
        shutil.move(out, aside)
    return make(out)[0]


def stills(model: dict, **others) -> None:
    """Jupyter's ``pre_save_hook``: live widget views that have a picture beside them are left out.

    A saved view's model is gone when the notebook is opened again ("model not found"); its picture
    is not. Only what is written to disk changes.
    """
    if model.get("type") != "notebook" or not model.get("content"):
        return
    for cell in model["content"].get("cells", ()):
        for output in cell.get("outputs", ()):
            data = output.get("data", {})
            if "image/png" in data:
                data.pop(workbook.VIEW, None)


def _contents() -> dict[str, str]:
    notebooks = {
        f"notebooks/{script.stem}.ipynb": workbook.dump(_closed(workbook.read(script)))
        for script in workbook.scripts()
    }
    here = {*notebooks, *PAGES}

    def led(name: str) -> str:  # the web shows what the copy lacks
        return relinked(page(name), name, lambda path: None if path in here else to_source(path))

    return notebooks | {name: led(name) for name in PAGES}


def page(name: str) -> str:
    """The text of one of ``PAGES``."""
    if name == "README.md" and INSTALLED:  # what a wheel calls its description
        return metadata("vireid")["Description"]
    return (CHECKOUT / name).read_text("utf-8")


def _closed(notebook):
    """Without the pairing to a script, which the copy does not have."""
    notebook.metadata.pop("jupytext", None)
    return notebook


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
