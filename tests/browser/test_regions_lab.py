"""Notebook 12's dials in a real JupyterLab: play a matching, ask for agreement among regions."""

import nbformat
import pytest
from steps import PATIENCE, step_slider
from test_lab import run_all

from vireid import workbook

pytestmark = [pytest.mark.browser, pytest.mark.timeout(400)]

MATCHING = """
import numpy as np
from vireid import widgets
s = np.array([[0.9, 0.1, 0.2], [0.8, 0.3, 0.1], [0.7, 0.6, 0.2], [0.65, 0.2, 0.4]])
widgets.greedy_steps(s).show()
"""
# Features that need no network: brightness by stripe, so that notebooks start at once.
REGIONS = """
import numpy as np, torch
from vireid import data, widgets
from vireid.types import Embeddings
images = data.load("synthvi", preset="tiny").rows(range(48))
pixels = np.stack([images.resized(i) for i in range(48)]).reshape(48, 4, -1)
x = torch.nn.functional.normalize(torch.tensor(pixels / 255.0).flatten(1))
features = Embeddings(x, images.modality, images.camera, images.identity)
widgets.regional_neighbours(images, features, regions=4, start=3, rho=0.9).show()
"""


@pytest.fixture(scope="module")
def shelf(folder):
    """The two widgets in notebooks of their own, beside the others."""
    for name, code in (("matching", MATCHING), ("regions", REGIONS)):
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code.strip())])
        (folder / f"{name}.ipynb").write_text(workbook.dump(workbook.clean(notebook)))
    return folder


def test_a_key_press_plays_the_next_move(page, shelf, lab):
    panel = run_all(page, lab, "matching.ipynb")
    before, after = step_slider(page, panel, "move")
    assert "move 0 of 6" in before
    assert "move 1 of 6: pass A, visible cluster 0 with infrared cluster 0" in after


def test_dials_change_who_agrees(page, shelf, lab):
    panel = run_all(page, lab, "regions.ipynb")
    before, after = step_slider(page, panel, "rho")
    assert "Neighbours of image 3 in 4 regions, rho 0.9" in before and "rho 0.95" in after
    panel.locator(".vireid-panel select").first.select_option("other modality")
    page.wait_for_function(
        "old => document.querySelector('.vireid-picture img').alt !== old",
        arg=after,
        timeout=PATIENCE,
    )
    alt = panel.locator(".vireid-picture img").first.get_attribute("alt")
    assert "rho 0.95" in alt and alt != after
