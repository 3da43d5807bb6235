"""A student's copy: no outputs, own changes kept, widgets saved as pictures; ``vireid lab``."""

import errno
import json
import re

import nbformat
import pytest

from vireid import cli, student_copy, workbook
from vireid.cli import lab
from vireid.files import write


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


@pytest.fixture
def two(monkeypatch):
    """A workbook of two files, to be changed; the least that ``make`` writes."""
    contents = {"README.md": "one\n", "notebooks/00_start_here.ipynb": "é\n"}
    monkeypatch.setattr(student_copy, "_contents", lambda: contents)
    return contents


def test_a_copy_cut_short_is_completed_and_stays_ours(out, two, monkeypatch):
    def put(path, content):
        if path.suffix == ".ipynb":
            raise KeyboardInterrupt
        return write.put(path, content)

    with monkeypatch.context() as patch:
        patch.setattr(student_copy, "put", put)
        with pytest.raises(KeyboardInterrupt):
            student_copy.make()
    two["README.md"] = "of a newer version\n"
    assert student_copy.make()[1] == []
    assert (out / "README.md").read_text() == two["README.md"]
    assert (out / "notebooks/00_start_here.ipynb").read_text("utf-8") == "é\n"


@pytest.mark.parametrize(
    "record", [None, b"", b'{"README.md": "1', b"[]", b"\xff\xfe\x00", b"\x80"]
)
def test_a_damaged_record_is_made_again(out, two, record):
    student_copy.make()
    whole, path = (out / student_copy.WRITTEN).read_bytes(), out / student_copy.WRITTEN
    path.unlink()
    if record is not None:
        path.write_bytes(record)
    (out / "README.md").write_text("mine\n")
    assert student_copy.make()[1] == ["README.md"]
    assert (out / "README.md").read_text() == "mine\n"
    (out / "README.md").write_text("one\n")
    assert student_copy.make()[1] == [] and path.read_bytes() == whole


def test_a_file_that_is_no_text_is_left_as_it_is(out, two):
    student_copy.make()
    (out / "README.md").write_bytes(b"\xff\xfeo\x00")
    assert student_copy.make()[1] == ["README.md"]
    assert (out / "README.md").read_bytes() == b"\xff\xfeo\x00"


def test_other_line_ends_are_no_change(out, two):
    student_copy.make()
    (out / "README.md").write_bytes(b"one\r\n")
    two["README.md"] = "two\n"
    assert student_copy.make()[1] == []
    assert (out / "README.md").read_bytes() == b"two\n"


def test_files_of_a_copy_appear_whole_or_not_at_all(out, two, monkeypatch):
    student_copy.make()
    two["README.md"] = "longer than before\n"

    def fails(descriptor):
        raise OSError(errno.ENOSPC, "no space left on device")

    monkeypatch.setattr(write.os, "fsync", fails)
    whole = (out / student_copy.WRITTEN).read_bytes()
    with pytest.raises(OSError, match="no space left"):
        student_copy.make()
    assert (out / "README.md").read_text() == "one\n"
    assert (out / student_copy.WRITTEN).read_bytes() == whole


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


@pytest.mark.parametrize("other", ["--copy mine", "--afresh"])
def test_the_checkout_is_no_copy(called, capsys, other):
    assert cli.main(["lab", "--here", *other.split()]) == 2 and not called
    words = f"{other.split()[0]} changes nothing with --here; leave one of them out"
    assert words in capsys.readouterr().err


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
