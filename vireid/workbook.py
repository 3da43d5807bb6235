"""The notebooks: percent scripts in, executed notebooks out, the same bytes every time.

``notebooks/NN_name.py`` is what one edits, ``NN_name.ipynb`` beside it is what readers open.
``run`` executes the scripts, ``clean`` takes out of the result what would differ next time.
"""

import base64
import hashlib
import os
import re
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from vireid.files.write import put
from vireid.paths import CHECKOUT, INSTALLED, WORK
from vireid.paths import REAL_PEOPLE as MARK

NOTEBOOKS = CHECKOUT / "notebooks"
VIEW = "application/vnd.jupyter.widget-view+json"
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}


@dataclass(frozen=True)
class Executed:
    """What came of one notebook: seconds it took, seconds it promises, the error or None.

    Notebooks promise a time on SynthVI only; on another data set ``budget`` is None.
    """

    name: str
    seconds: float
    budget: float | None
    error: str | None = None

    def __str__(self) -> str:
        slow = self.budget is not None and self.seconds > self.budget
        verdict = "FAILED" if self.error else "SLOW" if slow else "ok"
        promised = "" if self.budget is None else f" of {self.budget:4.0f} s"
        return f"{self.name:38s} {self.seconds:6.0f} s{promised}  {verdict}"


def scripts(only: Sequence[str] = ()) -> list[Path]:
    """The percent scripts in reading order; ``only`` keeps names that start with one of its words.

    Raises ValueError when a word fits no notebook.
    """
    found = sorted(NOTEBOOKS.glob("[0-9][0-9]_*.py"))
    for word in only:
        if not any(path.stem.startswith(word) for path in found):
            names = ", ".join(path.stem for path in found) or f"none in {NOTEBOOKS}"
            raise ValueError(f"only={word!r} fits no notebook; there are: {names}")
    return [p for p in found if not only or p.stem.startswith(tuple(only))]


def read(script: Path, *, data: str | None = None, preset: str | None = None):
    """The notebook of a percent script, without outputs, with stable cell ids.

    ``data`` and ``preset`` turn its one dial to another data set: they take the place of what the
    cell tagged "parameters" says. Cells tagged "synthvi" tell what is seen on SynthVI; other data
    sets go without them.
    """
    import jupytext

    if data is None and preset is not None:
        raise ValueError(f"preset={preset!r} alone turns nothing: give data (--data) with it")
    notebook = clean(jupytext.read(script, fmt="py:percent"))
    if data is not None:
        for cell in notebook.cells:
            if "parameters" in cell.metadata.get("tags", ()):
                cell.source = f"DATA, PRESET = {data!r}, {preset!r}"
    if data not in (None, "synthvi"):
        of_others = [c for c in notebook.cells if "synthvi" not in c.metadata.get("tags", ())]
        notebook.cells = of_others
    return notebook


def clean(notebook):
    """Take out, in place, what differs between two runs or machines; returns the notebook.

    Live widget views that have a picture beside them, widget state, stderr, timings, random cell
    ids and the Python version go; pictures, text and execution counts stay.
    """
    notebook.metadata.pop("widgets", None)
    notebook.metadata["kernelspec"] = dict(KERNEL)
    notebook.metadata["language_info"] = {"name": "python"}
    paired = notebook.metadata.setdefault("jupytext", {})
    paired["formats"] = "ipynb,py:percent"
    paired.pop("text_representation", None)  # belongs to the script's side of the pair
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    seen: dict[str, int] = {}
    for cell in notebook.cells:
        digest = hashlib.sha256(cell.source.encode()).hexdigest()[:8]
        seen[digest] = seen.get(digest, 0) + 1
        cell["id"] = digest if seen[digest] == 1 else f"{digest}-{seen[digest]}"
        for key in ("execution", "collapsed", "scrolled", "trusted"):
            cell.metadata.pop(key, None)
        if cell.cell_type == "code":
            cell["outputs"] = _joined([_still(o) for o in cell.outputs if not _is_noise(o)])
    return notebook


def _is_noise(output) -> bool:
    """Stderr, and warnings that ``widgets.notes`` shows: they depend on what is cached."""
    if output.output_type == "stream":
        return output.name == "stderr"
    return output.get("metadata", {}).get("vireid") == "note"


def _joined(outputs: list) -> list:
    """Printed text in one piece: where it is cut between two prints depends on the clock."""
    joined: list = []
    for output in outputs:
        last = joined[-1] if joined else {}
        if output.output_type == "stream" and last.get("name") == output.name:
            last["text"] += output.text
        else:
            joined.append(output)
    return joined


def _still(output):
    if "image/png" in output.get("data", {}):
        output.data.pop(VIEW, None)
    return output


def dump(notebook) -> str:
    """The text of a cleaned notebook as committed: sorted keys, one space, final newline."""
    import nbformat

    nbformat.validate(notebook)
    return nbformat.writes(notebook).rstrip("\n") + "\n"


def budget(notebook) -> float:
    """Seconds on two CPU cores that the notebook promises to stay under (its metadata)."""
    return float(notebook.metadata["vireid"]["budget_s"])


def execute(script: Path, *, timeout: float = 900, root: Path | None = None, **dial):
    """Run a script as a notebook in a fresh kernel; returns (cleaned notebook, Executed).

    Parameters
    ----------
    timeout : seconds that one cell may take
    root : folder of the data set, in the place of the environment's VIREID_DATA
    dial : ``data`` and ``preset``, see ``read``

    An error in a cell is reported in the record and kept in the notebook. What cells said on stderr
    is passed on to this process's stderr.
    """
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError

    notebook = read(script, **dial)
    client = NotebookClient(
        notebook,
        timeout=timeout,
        kernel_name=KERNEL["name"],
        record_timing=False,
        store_widget_state=False,
        extra_arguments=["--log-level=ERROR"],
        resources={"metadata": {"path": str(WORK if INSTALLED else script.parent)}},
    )
    start, error = time.perf_counter(), None
    with tempfile.TemporaryDirectory() as nobody:  # a reader without guesses or solved exercises
        try:
            place = {"VIREID_DATA": str(Path(root).resolve())} if root else {}
            client.execute(env=_environment() | {"VIREID_STUDENT": nobody} | place)
        except (CellExecutionError, CellTimeoutError, RuntimeError) as problem:  # or no kernel
            error = re.sub(r"\x1b\[[\d;]*m", "", str(problem)).strip()  # without colours
    seconds = time.perf_counter() - start
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            if _is_noise(output):
                said = output.get("text") or output.data["text/plain"]
                print(f"{script.name}: {said.rstrip()}", file=sys.stderr)
    promised = budget(notebook) if dial.get("data") in (None, "synthvi") else None
    return clean(notebook), Executed(script.stem, seconds, promised, error)


def _environment() -> dict[str, str]:
    """One thread per kernel (two share two cores), no progress bars, no debugger chatter."""
    defaults = {
        "OMP_NUM_THREADS": "1",
        "OMP_WAIT_POLICY": "PASSIVE",
        "TQDM_DISABLE": "1",
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    }
    return {**os.environ, **{k: os.environ.get(k, v) for k, v in defaults.items()}}


def pictures(notebook, stem: str) -> dict[str, bytes]:
    """File name -> PNG bytes of every picture among a notebook's outputs, in reading order."""
    found = [
        output.data["image/png"]
        for cell in notebook.cells
        for output in cell.get("outputs", ())
        if "image/png" in output.get("data", {})
    ]
    return {f"{stem}-{i:02d}.png": base64.b64decode(png) for i, png in enumerate(found, 1)}


def run(
    out: Path | None = None,
    in_place: bool = False,
    jobs: int = 2,
    only: Sequence[str] = (),
    **dial,
) -> list[Executed]:
    """Execute the workbook.

    Parameters
    ----------
    out : folder of the executed copies (default ``build/workbook``); pictures go to ``figures``
        beside it (``build/figures``)
    in_place : write the committed notebooks beside their scripts instead
    jobs : kernels at a time
    only : starts of names, e.g. ``["00", "03"]``; empty means all
    dial : ``data``, ``preset`` and ``root`` of another data set, see ``execute``; never in place.
        Copies and pictures of real people then carry ``real-people`` in their names, which git
        ignores

    Raises RuntimeError, after all have run, when a notebook has failed; its copy with the error is
    in ``out`` (a failed notebook is never written in place).
    """
    if in_place and dial.get("data") is not None:
        raise ValueError(
            f"in_place=True with data={dial['data']!r}: committed notebooks show SynthVI only"
        )
    if in_place and INSTALLED:
        raise ValueError("in_place=True: there is no checkout here, whose notebooks to refresh")
    real = dial.get("data") not in (None, "synthvi")
    out = Path(out or WORK / "build" / ("workbook" + real * f"-{MARK}"))
    figures, mark = (out.parent / ("figures" + real * f"-{MARK}"), real * f"{MARK}-")
    if real:
        print(f"pictures of real people go to {figures}, which git ignores: keep them there")

    def one(script: Path) -> Executed:
        notebook, record = execute(script, **dial)
        if in_place and not record.error:
            put(script.with_suffix(".ipynb"), dump(notebook))
        else:
            put(out / f"{mark}{script.stem}.ipynb", dump(notebook))
            for name, png in pictures(notebook, script.stem).items():
                put(figures / f"{mark}{name}", png)
        print(record, flush=True)
        if record.error:
            print(f"{record.name}: {record.error}", file=sys.stderr, flush=True)
        return record

    with ThreadPoolExecutor(jobs) as pool:
        records = list(pool.map(one, scripts(only)))
    if failed := [r for r in records if r.error]:
        raise RuntimeError(
            f"{len(failed)} of {len(records)} notebooks failed: "
            + "; ".join(f"{r.name}: {r.error.splitlines()[-1]}" for r in failed)
            + f" ({out}). Look into the copies there."
        )
    return records
