"""Committed notebooks: in step with their scripts, clean, small, true to the rules of the house."""

import base64
import copy
import io
import re

import nbformat
import pytest
from PIL import Image

from vireid import workbook
from vireid.site import lecture

SCRIPTS = workbook.scripts()
TIME = re.compile(r"runs in under (\d+) s on two CPU cores")
PRIVATE = re.compile(r"/(?:home|root|work|Users|tmp|mnt)/|[A-Z]:\\\\Users")
SECONDS = re.compile(r"\b\d+(?:\.\d+)? ?(?:s|sec|seconds|ms|it/s)\b")


@pytest.fixture(params=SCRIPTS, ids=lambda path: path.stem)
def script(request):
    return request.param


@pytest.fixture
def committed(script):
    path = script.with_suffix(".ipynb")
    assert path.exists(), f"{path.name} is missing; make notebooks writes it"
    return nbformat.read(path, as_version=4)


def outputs(notebook):
    return [o for cell in notebook.cells for o in cell.get("outputs", ())]


def test_there_are_notebooks_in_order():
    numbers = [int(path.stem[:2]) for path in SCRIPTS]
    assert numbers == list(range(len(numbers))) and len(numbers) >= 2
    assert {p.stem for p in workbook.NOTEBOOKS.glob("*.ipynb")} == {p.stem for p in SCRIPTS}


def test_script_and_notebook_are_in_step(script, committed):
    fresh = workbook.read(script)
    assert [(c.cell_type, c.source) for c in fresh.cells] == [
        (c.cell_type, c.source) for c in committed.cells
    ], f"{script.name} has changed; make notebooks brings its notebook into step"
    assert fresh.metadata == committed.metadata
    assert [c.id for c in fresh.cells] == [c.id for c in committed.cells]


def test_committed_bytes_are_what_cleaning_gives(script, committed):
    text = script.with_suffix(".ipynb").read_text("utf-8")
    assert workbook.dump(workbook.clean(copy.deepcopy(committed))) == text
    assert len(text) < 500_000, f"{len(text)} bytes; smaller figures, fewer pictures"


def test_outputs_are_clean(committed):
    assert "widgets" not in committed.metadata
    for output in outputs(committed):
        assert output.output_type != "error"
        assert output.get("name") != "stderr"
        data = output.get("data", {})
        if any("widget" in kind for kind in data):
            assert "image/png" in data, "a widget without a still picture beside it"
        text = output.get("text", "") + data.get("text/plain", "")
        assert not PRIVATE.search(text), f"a path of this machine: {text}"
        assert not SECONDS.search(text), f"a timing, which differs at every run: {text}"
        assert " at 0x" not in text, f"an address, which differs at every run: {text}"


def test_every_picture_has_alt_text(committed):
    pictures = [o for o in outputs(committed) if "image/png" in o.get("data", {})]
    assert pictures, "a notebook without a picture"
    for output in pictures:
        assert len(output.metadata["image/png"]["alt"]) > 20
        assert output.data["text/plain"] == output.metadata["image/png"]["alt"]
        with Image.open(io.BytesIO(base64.b64decode(output.data["image/png"]))) as image:
            assert not image.info, f"the picture carries {list(image.info)}"


def test_all_cells_ran_in_order(committed):
    code = [c for c in committed.cells if c.cell_type == "code"]
    assert [c.execution_count for c in code] == list(range(1, len(code) + 1))


def test_first_cell_states_what_to_expect(committed):
    first = committed.cells[0].source
    for part in ("**Objective.**", "**Before this.**", "**Time.**", "colab", "mybinder"):
        assert part in first
    assert float(TIME.search(first).group(1)) == workbook.budget(committed)


def test_no_cell_shows_a_picture_from_the_net(committed):
    """Offline it would be a broken image: launch links are words."""
    text = "\n".join(cell.source for cell in committed.cells if cell.cell_type == "markdown")
    assert not re.findall(r"!\[[^\]]*\]\(https?:|<img[^>]+src=.https?:", text)


def test_every_notebook_has_its_place_on_the_map(script):
    """Objectives, times, place, glossary, and links to the notebooks before and after it."""
    cells = workbook.read(script).cells
    first, code = cells[0].source, "\n".join(c.source for c in cells if c.cell_type == "code")
    for part in ("**Afterwards you can**", "**Sections.**", "**On the map.**", "docs/glossary.md"):
        assert part in first
    assert "plots.pipeline_map(" in code
    at = SCRIPTS.index(script)
    for other in SCRIPTS[max(at - 1, 0) : at] + SCRIPTS[at + 1 : at + 2]:
        assert f"({other.stem}.ipynb)" in first
    for link in re.findall(r"\]\(([\w./]+)\)", "\n".join(c.source for c in cells)):
        assert (script.parent / link).exists(), link


@pytest.mark.parametrize("number", ["00", "03", "05", "06", "08", "09", "10", "11", "12", "14"])
def test_central_algorithms_stand_in_plain_lines_beside_the_library(number):
    """Once in the book each is computed on six pictures, and the library gives the same."""
    (script,) = (path for path in SCRIPTS if path.stem.startswith(number))
    after = script.read_text("utf-8").partition("By hand: ")[2]
    assert after and "$" in after and "np.testing.assert_" in after


def test_pages_ask_show_doubt_and_exercise(script, committed):
    prose = "\n".join(c.source for c in committed.cells if c.cell_type == "markdown")
    assert "redict first" in prose
    assert "**What to doubt.**" in prose
    assert re.search(r"### Exercise.*<details><summary>.*</details>", prose, re.S)
    assert "?" in prose


def test_cells_are_short(script, committed):
    for cell in committed.cells:
        if cell.cell_type == "code":
            lines = [line for line in cell.source.splitlines() if line.strip()]
            answers = "exercise" in cell.metadata.get("tags", ())  # where a student writes
            most = 40 if answers else 15
            assert len(lines) <= most, f"{len(lines)} lines; move logic into vireid:\n{cell.source}"
            imports = sum(line.startswith(("import ", "from ")) for line in lines)
            assert imports <= 10
            assert answers or not any(line.startswith(("def ", "class ")) for line in lines)


def test_one_dial_and_synthetic_people_only(committed):
    dials = [c for c in committed.cells if "parameters" in c.metadata.get("tags", ())]
    assert [c.source for c in dials] == ['DATA, PRESET = "synthvi", "tiny"']


def test_names_are_not_rebound_across_cells(committed):
    """No cell reads a name that a later cell gives another meaning: top-to-bottom is one story."""
    seen: dict[str, int] = {}
    keep = {"DATA", "PRESET", "train", "query", "gallery", "features", "model", "world", "images"}
    for i, cell in enumerate(c for c in committed.cells if c.cell_type == "code"):
        for name in re.findall(r"^(\w+)(?:, \w+)* = ", cell.source, re.M):
            if name in keep:
                assert seen.setdefault(name, i) == i, f"{name} is set again in cell {i}"


def test_budgets_leave_room_in_twelve_minutes():
    total = sum(workbook.budget(workbook.read(path)) for path in SCRIPTS)
    assert total / 2 <= 12 * 60, f"budgets add up to {total:.0f} s; two run at a time"


def test_the_time_of_a_notebook_is_that_of_its_sections(script):
    text = script.read_text(encoding="utf-8").replace("\n# ", " ")
    total = int(re.search(r"\*\*Time\.\*\* (\d+) minutes", text)[1])
    sections = re.search(r"\*\*Sections\.\*\* (.*?);", text)[1]
    minutes = [int(n) for n in re.findall(r"(\d+) min", sections)]
    assert abs(total - sum(minutes)) <= 2, f"told {total}, sections add up to {sum(minutes)}"


def test_lecture_and_handout_take_the_route_of_ninety_minutes():
    start = (workbook.NOTEBOOKS / "00_start_here.py").read_text(encoding="utf-8")
    route = re.search(r"\*\*90 minutes\*\*, a first look: (.*?)\.\n", start, re.S)[1]
    route = " ".join(route.replace("#", "").split())
    assert tuple(part.split()[0] for part in route.split("; ")) == lecture.NOTEBOOKS
    handout = (workbook.CHECKOUT / "docs/site/handout.md").read_text(encoding="utf-8")
    assert f"90 minutes: notebook {route}." in " ".join(handout.split())


def code_notebook(*sources):
    cells = [nbformat.v4.new_code_cell(s) for s in sources]
    return nbformat.v4.new_notebook(cells=cells, metadata={"vireid": {"budget_s": 30}})


def test_clean_drops_what_changes_and_keeps_what_matters():
    notebook = code_notebook("1", "1", "2")
    view = {workbook.VIEW: {"model_id": "a"}, "image/png": "aGk=", "text/plain": "alt"}
    alone = {workbook.VIEW: {"model_id": "b"}, "text/plain": "Slider()"}
    new = nbformat.v4.new_output
    notebook.cells[0].outputs = [
        new("stream", name="stderr", text="warning"),
        new("stream", name="stdout", text="42"),
        new("display_data", data=view),
        new("display_data", data=alone),
    ]
    notebook.cells[0].execution_count = 7
    notebook.cells[0].metadata["execution"] = {"iopub.status.busy": "now"}
    notebook.metadata["widgets"] = {"state": {}}
    notebook.metadata["language_info"] = {"name": "python", "version": "3.11.7"}
    cleaned = workbook.clean(notebook)
    kinds = [sorted(o.get("data", {"text": 0})) for o in cleaned.cells[0].outputs]
    assert kinds == [["text"], ["image/png", "text/plain"], [workbook.VIEW, "text/plain"]]
    assert cleaned.cells[0].execution_count == 7 and "execution" not in cleaned.cells[0].metadata
    assert "widgets" not in cleaned.metadata
    assert cleaned.metadata.language_info == {"name": "python"}
    ids = [c.id for c in cleaned.cells]
    assert ids[1] == f"{ids[0]}-2" and len(set(ids)) == 3
    once = workbook.dump(cleaned)
    assert workbook.dump(workbook.clean(copy.deepcopy(cleaned))) == once


def test_clean_joins_text_that_the_clock_has_cut():
    new, both = nbformat.v4.new_output, []
    for cuts in (["one\n", "two\n"], ["one\ntwo\n"]):
        notebook = code_notebook("1")
        picture = new("display_data", data={"image/png": "aGk=", "text/plain": "alt"})
        printed = [new("stream", name="stdout", text=text) for text in cuts]
        tail = new("stream", name="stdout", text="three\n")
        notebook.cells[0].outputs = [*printed, picture, tail]
        both.append(workbook.dump(workbook.clean(notebook)))
        assert [o.get("text") for o in notebook.cells[0].outputs] == ["one\ntwo\n", None, "three\n"]
    assert both[0] == both[1]


def test_dial_turns_to_another_data_set():
    notebook = workbook.read(SCRIPTS[0], data="m3svd", preset="halves")
    assert any(c.source == "DATA, PRESET = 'm3svd', 'halves'" for c in notebook.cells)
    told = ["\n".join(c.source for c in workbook.read(p, data="m3svd").cells) for p in SCRIPTS]
    assert not any(re.search(r"(here|this) (tiny|drawn|small) world", text) for text in told)
    whole = [len(workbook.read(p).cells) for p in SCRIPTS]
    assert sum(whole) > sum(len(workbook.read(p, data="files").cells) for p in SCRIPTS) + 20
    assert whole == [len(workbook.read(p, data="synthvi").cells) for p in SCRIPTS]
    with pytest.raises(ValueError, match="SynthVI only"):
        workbook.run(in_place=True, data="m3svd")
    with pytest.raises(ValueError, match="fits no notebook"):
        workbook.scripts(["99"])


SCRIPT = """# ---
# jupyter:
#   jupytext:
#     notebook_metadata_filter: vireid
#   vireid:
#     budget_s: 40
# ---

# %%
import warnings
warnings.warn("chatter on stderr")
print("six times seven:", 6 * 7)

# %%
from vireid import plots, widgets
import ipywidgets as W
figure, ax = plots.canvas(width=2, height=1)
widgets.show(W.IntSlider(), figure, "an empty figure with two axes")
"""


@pytest.fixture
def shelf(tmp_path, monkeypatch):
    """A workbook folder of one script."""
    (tmp_path / "00_demo.py").write_text(SCRIPT)
    monkeypatch.setattr(workbook, "NOTEBOOKS", tmp_path)
    return tmp_path


def test_two_executions_give_the_same_bytes_and_pictures(shelf, tmp_path):
    (first,) = workbook.run(in_place=True)
    text = (shelf / "00_demo.ipynb").read_text()
    workbook.run(in_place=True)
    assert (shelf / "00_demo.ipynb").read_text() == text
    assert first.error is None and first.budget == 40 and first.seconds > 0
    assert "six times seven: 42" in text and "UserWarning" not in text and workbook.VIEW not in text
    workbook.run(out=tmp_path / "build/book")
    assert (tmp_path / "build/book/00_demo.ipynb").read_text() == text
    (picture,) = (tmp_path / "build/figures").iterdir()
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_a_failing_notebook_is_reported_and_never_committed(shelf, tmp_path):
    (shelf / "00_demo.py").write_text(SCRIPT + "\n# %%\nraise ValueError('eps is too large')\n")
    with pytest.raises(RuntimeError, match="eps is too large"):
        workbook.run(out=tmp_path / "book", in_place=True)
    assert not (shelf / "00_demo.ipynb").exists()
    assert "eps is too large" in (tmp_path / "book/00_demo.ipynb").read_text()


def test_a_preset_alone_turns_nothing_and_says_so():
    with pytest.raises(ValueError, match=r"preset='small' alone turns nothing: give data"):
        workbook.read(workbook.scripts()[0], preset="small")
