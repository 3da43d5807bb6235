"""A student's copy: no outputs, own changes kept, widgets saved as pictures; ``vireid lab``."""

import json
import re

import nbformat
import pytest

from vireid import cli, student_copy, workbook
from vireid.cli import lab


@pytest.fixture
def out(tmp_path, monkeypatch):
    monkeypatch.setenv("VIREID_WORKBOOK", str(tmp_path / "book"))
    return tmp_path / "book"


def test_a_copy_has_every_notebook_without_outputs_and_the_pages_they_link_to(out):
    first, kept = student_copy.make()
    assert first == out / "notebooks/00_start_here.ipynb" and kept == []
    made = sorted((out / "notebooks").glob("*.ipynb"))
    assert [p.stem for p in made] == [p.stem for p in workbook.scripts()]
    for path in made:
        notebook = nbformat.read(path, as_version=4)
        nbformat.validate(notebook)
        assert not any(c.get("outputs") for c in notebook.cells)
        assert "jupytext" not in notebook.metadata
    assert (out / "docs/glossary.md").exists() and (out / "README.md").exists()


def test_a_copy_links_to_what_it_has_or_to_the_web(out):
    student_copy.make()
    found = []
    for path in [*out.rglob("*.md"), *out.rglob("*.ipynb")]:
        for link in re.findall(r"\]\(([^)#\s:]+)(?:#[^)\s]*)?\)", path.read_text("utf-8")):
            found.append((path, link))
    assert len(found) > 40
    assert not [(p, link) for p, link in found if not (p.parent / link).exists()]
    assert "blob/main/CONTRIBUTING.md)" in (out / "README.md").read_text("utf-8")


def test_what_a_student_has_changed_is_never_overwritten(out, monkeypatch):
    first, _ = student_copy.make()
    mine, other = first.read_text(), out / "notebooks/01_two_modalities.ipynb"
    first.write_text(mine.replace("The map", "My map"))
    other.unlink()
    assert student_copy.make()[1] == ["notebooks/00_start_here.ipynb"]
    assert "My map" in first.read_text() and other.exists()
    first.write_text(mine)
    assert student_copy.make()[1] == []
    monkeypatch.setattr(student_copy, "PAGES", ())
    fresh = student_copy.afresh()
    assert fresh.exists() and (out.parent / "book.old/notebooks").exists()
    with pytest.raises(ValueError, match=r"book\.old"):
        student_copy.afresh()


def test_saved_widgets_become_their_pictures():
    view, picture = {workbook.VIEW: {"model_id": "a"}}, {"image/png": "aGk="}
    outputs = [{"data": view | picture}, {"data": dict(view)}, {"text": "plain"}]
    model = {"type": "notebook", "content": {"cells": [{"outputs": outputs}, {}]}}
    student_copy.stills(model, path="x.ipynb", contents_manager=None)
    assert [sorted(o.get("data", {})) for o in outputs] == [["image/png"], [workbook.VIEW], []]
    student_copy.stills({"type": "file", "content": "text"})
    student_copy.stills({"type": "notebook", "content": None})


@pytest.fixture
def called(monkeypatch):
    """The command lines and environments that are started."""
    seen = []

    def call(words, env):
        seen.append((words, env))
        return 0

    monkeypatch.setattr(lab, "until_stopped", call)
    return seen


def test_lab_passes_its_options_on_and_never_opens_the_checkout_unasked(out, called, capsys):
    assert cli.main(["lab", "--no-browser", "--port", "8900", "--ip", "0.0.0.0"]) == 0
    ((words, env),) = called
    page = "/lab/tree/notebooks/00_start_here.ipynb"
    assert words[3:5] == [f"--ServerApp.root_dir={out}", f"--LabApp.default_url={page}"]
    assert words[5:8] == ["--no-browser", "--port=8900", "--ip=0.0.0.0"]
    assert words[8].endswith("pre_save_hook=vireid.student_copy.stills")
    assert "VIREID_MODE" not in env
    (out / "notebooks/00_start_here.ipynb").write_text("{}")
    cli.main(["lab", "--lecture", "--", "--debug"])
    assert called[1][0][-1] == "--debug" and called[1][1]["VIREID_MODE"] == "lecture"
    assert "left as you changed them" in capsys.readouterr().out
    cli.main(["lab", "--here"])
    assert called[2][0][3] == f"--ServerApp.root_dir={workbook.NOTEBOOKS.parent}"
    assert not any("save_hook=" in word for word in called[2][0])


def test_the_hook_is_one_that_jupyter_takes(out):
    manager = pytest.importorskip("jupyter_server.services.contents.largefilemanager")
    first = out / "notebooks/00_start_here.ipynb"
    (word,) = [
        w for w in lab.arguments(cli.parser().parse_args(["lab"]), first) if "save_hook=" in w
    ]
    made = manager.LargeFileManager(root_dir=str(out.parent), pre_save_hook=word.split("=")[1])
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1")])
    both = {workbook.VIEW: {"model_id": "a"}, "image/png": "aGk=", "text/plain": "alt"}
    notebook.cells[0].outputs = [nbformat.v4.new_output("display_data", data=both)]
    made.save({"type": "notebook", "format": "json", "content": notebook}, "/saved.ipynb")
    (cell,) = json.loads((out.parent / "saved.ipynb").read_text())["cells"]
    assert sorted(cell["outputs"][0]["data"]) == ["image/png", "text/plain"]


def test_solutions_are_printed_for_lecturers(capsys):
    assert cli.main(["solutions", "06-contrast", "07"]) == 0
    told = capsys.readouterr().out
    assert "def contrast(" in told and "# 07-control\n'b'" in told
    assert cli.main(["solutions", "99"]) != 0
