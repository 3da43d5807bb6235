"""Notebooks 08 and 09 in a real JupyterLab: the dial of the backdoor, the augmentation gallery."""

import pytest
from steps import PATIENCE, step_slider
from test_lab import run_all

from vireid import workbook

pytestmark = [pytest.mark.browser, pytest.mark.timeout(400)]


@pytest.fixture
def opened(page, lab, folder):
    """Run a notebook up to the cell that shows its first widget; returns that widget's panel.

    The cells after it are left out: they train, and no widget waits for them.
    """

    def opened(stem: str, widget: str):
        (script,) = workbook.scripts([stem])
        notebook = workbook.read(script)
        (last,) = (i for i, c in enumerate(notebook.cells) if f"widgets.{widget}(" in c.source)
        notebook.cells = notebook.cells[: last + 1]
        name = f"{stem}_{widget}.ipynb"
        (folder / name).write_text(workbook.dump(notebook))
        panel = run_all(page, lab, name)
        panel.locator(".vireid-panel").wait_for(timeout=PATIENCE)
        return panel.locator(".vireid-panel")

    return opened


def test_the_dial_ties_light_to_label(page, opened):
    panel = opened("08_causal_adjustment", "backdoor")
    before, after = step_slider(page, panel, "tie")
    assert before.startswith("Tie 75% between") and after.startswith("Tie 88% between")
    panel.locator("select").select_option("moved by do(modality)")
    moved = panel.locator(".vireid-picture img[alt*='moved by do(modality), mean']")
    moved.wait_for(timeout=PATIENCE)


def test_the_gallery_paints_another_picture(page, opened):
    panel = opened("09_bias_free_training", "augmentations")
    before, after = step_slider(page, panel, "picture")
    assert "with its 8 pseudo-colours" in before and before != after
    panel.locator("select").nth(2).select_option("JET red")
    panel.locator(".vireid-picture img[alt*='JET red']").wait_for(timeout=PATIENCE)
