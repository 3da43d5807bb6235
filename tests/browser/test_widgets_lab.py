"""Every widget of the book in one JupyterLab page: its main control is pressed, axe looks at it."""

from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import TimeoutError as TooLong
from shelf import OTHERS, WIDGETS
from steps import PATIENCE, step_slider
from test_lab import run_all

from vireid import workbook

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]

CELL = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from shelf import everything
for name, widget in everything().items():
    widget.widget.add_class(f"shelf-{{name}}")
    widget.show()
"""
PLAYERS = ("hungarian_steps", "pgm_steps", "sinkhorn_steps", "greedy_steps", "transfer")


@pytest.fixture(scope="module")
def shelf(browser, browser_context_args, folder, lab):
    """A page with all widgets, one below the other; made once, for it takes a kernel a while."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(CELL.strip())])
    (folder / "shelf.ipynb").write_text(workbook.dump(workbook.clean(notebook)))
    context = browser.new_context(**browser_context_args)
    page = context.new_page()
    run_all(page, lab, "shelf.ipynb")
    page.locator(f".shelf-{list(OTHERS)[-1]}").wait_for(timeout=6 * PATIENCE)
    yield page
    context.close()


@pytest.mark.parametrize("name", WIDGETS)
def test_a_key_press_changes_the_picture(shelf, name):
    before, after = step_slider(shelf, shelf.locator(f".shelf-{name}"), WIDGETS[name][1])
    assert before and after


@pytest.mark.parametrize("name", WIDGETS)
def test_no_label_of_a_control_is_cut(shelf, name):
    labels = shelf.locator(f".shelf-{name} .widget-label").evaluate_all(
        "all => all.map(e => [e.textContent, e.scrollWidth - e.clientWidth])"
    )
    assert labels and [text for text, over in labels if over > 0] == []


@pytest.mark.parametrize("name", PLAYERS)
def test_a_course_is_played_with_the_keyboard(shelf, name):
    at = shelf.locator(f".shelf-{name}")
    slider, picture = at.locator(".vireid-player"), at.locator(".vireid-picture img")
    slider.get_by_role("button", name="Reset").press("Enter")
    first = picture.get_attribute("alt")
    slider.get_by_role("button", name="Forward").press("Enter")
    changed(shelf, picture, first)
    second = picture.get_attribute("alt")
    slider.get_by_role("button", name="Back").press("Enter")
    changed(shelf, picture, second)
    slider.get_by_role("button", name="Play").press("Enter")
    changed(shelf, picture, first)
    slider.get_by_role("button", name="Play").press("Enter")  # and stop


def changed(page, picture, before: str) -> None:
    """Wait until the picture says something else."""
    page.wait_for_function(
        "([img, old]) => !img.isConnected || img.alt !== old",
        arg=[picture.element_handle(), before],
        timeout=PATIENCE,
    )


def test_the_progress_is_reset_only_when_that_is_meant(shelf):
    at = shelf.locator(".shelf-progress")
    reset = at.get_by_role("button", name="Reset")
    assert reset.is_disabled()
    at.get_by_label("forget everything").check()
    reset.click()
    at.get_by_text("no predictions kept yet").wait_for(timeout=PATIENCE)


def test_keys_reach_every_control(shelf):
    """Whatever one can press, turn or choose takes the focus."""
    out_of_reach = shelf.evaluate(
        """() => [...document.querySelectorAll(
               '[class*=shelf-] :is(button, select, input, [role=slider])')]
           .filter(e => e.offsetParent !== null && !e.disabled)
           .filter(e => { e.focus(); return document.activeElement !== e; })
           .map(e => e.outerHTML.slice(0, 120))"""
    )
    assert out_of_reach == []


def faults(page, where: str) -> list[str]:
    """Serious and critical faults that axe finds inside a selector."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    found = axe.run(page, context=where, options={"resultTypes": ["violations"]}).response
    return [
        f"{v['id']}: {node['html'][:160]}"
        for v in found["violations"]
        if v["impact"] in ("serious", "critical")
        for node in v["nodes"]
    ]


def test_axe_finds_no_serious_fault_in_any_widget(shelf):
    assert faults(shelf, "[class*=shelf-]") == []


@pytest.mark.parametrize("size", [(1280, 720), (1920, 1080)], ids="{0[0]}x{0[1]}".format)
def test_no_widget_is_wider_than_its_place(shelf, size):
    before = shelf.viewport_size
    shelf.set_viewport_size({"width": size[0], "height": size[1]})
    shelf.wait_for_timeout(500)  # the layout begins to follow
    wide = """[...document.querySelectorAll('[class*=shelf-]')]
           .filter(e => e.scrollWidth > e.clientWidth + 2)
           .map(e => `${e.className}: ${e.scrollWidth} in ${e.clientWidth}`)"""
    try:
        shelf.wait_for_function(f"() => {wide}.length === 0", timeout=PATIENCE)
    except TooLong:
        assert shelf.evaluate(f"() => {wide}") == []
    finally:
        shelf.set_viewport_size(before)


def test_axe_finds_no_serious_fault_in_voilas_widgets(page, voila):
    for name in ("01_two_modalities", "learn"):
        page.goto(f"{voila}/voila/render/{name}.ipynb", timeout=PATIENCE)
        ours = ".vireid-panel, .vireid-prediction"
        page.locator(ours).first.wait_for(timeout=PATIENCE)
        assert faults(page, ours) == []
