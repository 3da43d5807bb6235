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

from vireid import files, workbook
from vireid.files.write import put
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
    student has changed them. A copy that was cut short is completed; where the record of what was
    written is lost, files of an older version count as changed. Raises OSError when the folder
    cannot be written.
    """
    out = (out or folder()).expanduser()
    contents, known, kept = _contents(), _known(out), []
    try:
        for name, text in contents.items():
            path, new = out / name, _digest(text.encode())
            old = _digest(path.read_bytes()) if path.exists() else None
            if old not in (None, new, known.get(name)):
                kept.append(name)
                continue
            if old != new:
                put(path, text)
            known[name] = new
    finally:  # it tells what has been written when this is cut short, too
        put(out / WRITTEN, json.dumps(known, indent=1, sort_keys=True) + "\n")
    return out / "notebooks" / f"{workbook.scripts()[0].stem}.ipynb", kept


def _known(out: Path) -> dict:
    """Digest of what was written, by path; empty when the record is missing or damaged."""
    try:
        return files.json_object(out / WRITTEN, "record")
    except (FileNotFoundError, files.BrokenFile):
        return {}


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


def _digest(content: bytes) -> str:
    """Of a file's content; other line ends are no change."""
    return hashlib.sha256(content.replace(b"\r\n", b"\n")).hexdigest()
