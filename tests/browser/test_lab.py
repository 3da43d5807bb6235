"""Notebooks in a real JupyterLab: widgets appear, a key press changes the picture."""

import json

import pytest
from steps import PATIENCE, lasso, step_slider

pytestmark = [pytest.mark.browser, pytest.mark.timeout(400)]


def run_all(page, lab: str, name: str):
    """Open a notebook, wait for its kernel, run all cells; returns the notebook's panel."""
    page.goto(f"{lab}/lab/tree/{name}?reset", timeout=PATIENCE)
    kernel = "window.jupyterapp?.shell?.currentWidget?.sessionContext?.session?.kernel"
    page.wait_for_function(f"() => Boolean({kernel})", timeout=PATIENCE)
    page.evaluate("() => window.jupyterapp.commands.execute('notebook:run-all-cells')")
    return page.locator(".jp-NotebookPanel:not(.lm-mod-hidden)")


def test_slider_changes_the_picture(page, lab):
    panel = run_all(page, lab, "01_two_modalities.ipynb")
    before, after = step_slider(page, panel, "first person")
    assert "drawn people" in before and "drawn people" in after
    assert panel.locator(".jp-OutputArea-output img").count() >= 1


def test_map_is_drawn_and_lasso_selects(page, lab):
    panel = run_all(page, lab, "map.ipynb")
    before, _ = step_slider(page, panel, "around")
    assert before.startswith("Pictures of the selection. 12 selected")
    canvas = panel.locator(".vireid-map canvas[role='img']")
    canvas.wait_for(timeout=PATIENCE)
    canvas.scroll_into_view_if_needed()
    lasso(page, canvas)
    everything = panel.locator(".vireid-picture img[alt*='48 selected']")
    everything.wait_for(timeout=PATIENCE)
    box = canvas.bounding_box()  # pressed beside the map, let go over it: no lasso
    page.mouse.move(box["x"] + 20, box["y"] - 8)
    page.mouse.down()
    page.mouse.move(box["x"] + 20, box["y"] + 30, steps=4)
    page.mouse.up()
    page.wait_for_timeout(1500)  # an empty selection would have come through
    assert everything.is_visible()


def test_a_guess_is_kept_and_an_exercise_answers(page, lab, folder):
    panel = run_all(page, lab, "learn.ipynb")
    widget = panel.locator(".vireid-prediction")
    widget.wait_for(timeout=PATIENCE)
    widget.get_by_role("slider").focus()
    page.keyboard.press("ArrowRight")
    widget.get_by_role("button", name="Keep my guess").press("Enter")
    widget.get_by_text("kept: 51 %").wait_for(timeout=PATIENCE)
    panel.get_by_text("that is it").first.wait_for(timeout=PATIENCE)
    kept = json.loads((folder / "student/progress.json").read_text())
    assert kept["guesses"] == {"99-demo": 51} and kept["exercises"] == {"00-given": "right"}


def test_the_ablation_lab_trains_live_is_cancelled_and_goes_on(page, lab, folder):
    """While it trains the kernel answers; what was trained is kept in the student's folder."""
    panel = run_all(page, lab, "ablation.ipynb")
    picture = ".vireid-picture img[alt*='Ablation of BMIL'][alt*='chosen: {}.']"
    panel.locator(picture.format("M3+MIRL")).wait_for(timeout=PATIENCE)
    panel.get_by_role("button", name="train it now").press("Enter")
    panel.get_by_text("left in this part").wait_for(timeout=PATIENCE)
    panel.get_by_label("centring").check()
    panel.locator(picture.format("M3+MIRL, centring on")).wait_for(timeout=PATIENCE)
    panel.get_by_label("centring").uncheck()
    panel.get_by_role("button", name="cancel").press("Enter")
    panel.get_by_text("cancelled").wait_for(timeout=PATIENCE)
    panel.get_by_role("button", name="go on").press("Enter")
    panel.get_by_text("kept in your folder").wait_for(timeout=2 * PATIENCE)
    panel.get_by_text("one seed: no spread").wait_for(timeout=PATIENCE)
    kept = [path.parent.name for path in (folder / "student/lab").rglob("model.safetensors")]
    assert "stage1" in kept and len(kept) == 2
