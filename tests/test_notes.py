"""Warnings in a notebook are notes, tables are tables; neither says where a file lies."""

import subprocess
import sys
import warnings

import nbformat
import numpy as np
import pandas as pd

from vireid import plots, workbook
from vireid.widgets import notes

CELL = """
import warnings
from vireid import widgets
warnings.warn("k1 = 30 is more than the 4 images there are", RuntimeWarning)
"""


def test_a_kernels_warning_is_a_note_without_a_path(tmp_path):
    from nbclient import NotebookClient

    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(CELL.strip())])
    NotebookClient(notebook, timeout=300).execute(env=workbook._environment())
    (output,) = notebook.cells[0].outputs
    assert output.data["text/plain"] == "Note: k1 = 30 is more than the 4 images there are"
    assert 'role="note"' in output.data["text/html"] and ".py" not in output.data["text/html"]
    assert workbook.clean(notebook).cells[0].outputs == []


def test_outside_a_notebook_warnings_stay_as_they_are():
    assert not notes.install()
    code = "from vireid import widgets; import warnings; warnings.warn('as ever')"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "UserWarning: as ever" in told.stderr and "Note:" not in told.stdout


def test_programmers_warnings_are_passed_on(monkeypatch):
    passed, noted = [], []
    monkeypatch.setattr(notes, "note", noted.append)
    shown = notes._noting(lambda *given: passed.append(given[1]))
    for category in (DeprecationWarning, RuntimeWarning):
        shown(warnings.WarningMessage, category, "a.py", 1)
    assert passed == [DeprecationWarning] and len(noted) == 1


def test_a_table_is_html_and_text(monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda data, **_: shown.append(data))
    frame = pd.DataFrame({"rank-1 %": [12.345, np.nan], "seeds": [3, 1]}, index=["a", "b<c"])
    plots.table(frame)
    (data,) = shown
    assert "<td>12.3</td>" in data["text/html"] and "<td>-</td>" in data["text/html"]
    assert "<th>b&lt;c</th>" in data["text/html"] and "12.3" in data["text/plain"]
    assert "nan" not in (data["text/html"] + data["text/plain"]).lower()


def test_a_table_shows_all_rows_and_words(monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda data, **_: shown.append(data))
    words = [f"{k} " + "many words " * 20 + "end" for k in range(100)]
    plots.table(pd.DataFrame({"step": words}), index=False)
    (data,) = shown
    assert all(line in text for text in data.values() for line in words)
