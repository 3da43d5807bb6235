"""Every widget of the book in one JupyterLab page: its main control is pressed, axe looks at it."""

from pathlib import Path

import nbformat
import pytest
from shelf import OTHERS, WIDGETS
from steps import PATIENCE, step_slider
from test_lab import run_all

from vireid import workbook

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]

CELL = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from IPython.display import HTML, display
from shelf import everything
for name, widget in everything().items():
    display(HTML(f'<p class="shelf">{{name}}</p>'))
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
    panel = run_all(page, lab, "shelf.ipynb")
    panel.locator("p.shelf").nth(len(WIDGETS) + len(OTHERS) - 1).wait_for(timeout=5 * PATIENCE)
    panel.get_by_role("button", name="Look again").wait_for(timeout=PATIENCE)
    yield page
    context.close()


def output(page, name: str):
    """The output area that follows a widget's name."""
    child = page.locator(".jp-OutputArea-child", has=page.locator(f"p.shelf:text-is('{name}')"))
    return child.locator("xpath=following-sibling::*[1]")


@pytest.mark.parametrize("name", WIDGETS)
def test_a_key_press_changes_the_picture(shelf, name):
    before, after = step_slider(shelf, output(shelf, name), WIDGETS[name][1])
    assert before and after


@pytest.mark.parametrize("name", PLAYERS)
def test_a_course_is_played_with_the_keyboard(shelf, name):
    at = output(shelf, name)
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
    at = output(shelf, "progress")
    reset = at.get_by_role("button", name="Reset")
    assert reset.is_disabled()
    at.get_by_label("forget everything").check()
    reset.click()
    at.get_by_text("no predictions kept yet").wait_for(timeout=PATIENCE)


def test_keys_reach_every_control(shelf):
    """Whatever one can press, turn or choose takes the focus."""
    out_of_reach = shelf.evaluate(
        """() => [...document.querySelectorAll(
               '.jp-OutputArea-output :is(button, select, input, [role=slider])')]
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
    assert faults(shelf, ".jp-OutputArea-output") == []


def test_axe_finds_no_serious_fault_in_a_voila_page(page, voila):
    for name in ("01_two_modalities", "learn"):
        page.goto(f"{voila}/voila/render/{name}.ipynb", timeout=PATIENCE)
        page.locator(".vireid-panel, .vireid-prediction").first.wait_for(timeout=PATIENCE)
        assert faults(page, "body") == []
