"""Notebooks 10 and 11 in a real JupyterLab: dials move links, rounds move labels."""

import re

import pytest
from steps import PATIENCE, step_slider
from test_lab import run_all

from vireid import workbook

pytestmark = [pytest.mark.browser, pytest.mark.timeout(400)]


@pytest.fixture
def opened(page, lab, folder):
    """Open a notebook up to the cell that shows a panel, run it; returns that panel.

    The cells after it are left out: they train and sweep for a minute, and no widget waits for
    them.
    """

    def opened(stem: str, panel: str, control: str):
        (script,) = workbook.scripts([stem])
        notebook = workbook.read(script)
        (last,) = (i for i, c in enumerate(notebook.cells) if f"{panel}.show()" in c.source)
        notebook.cells = notebook.cells[: last + 1]
        (folder / f"{stem}.ipynb").write_text(workbook.dump(notebook))
        found = run_all(page, lab, f"{stem}.ipynb").locator(".vireid-panel")
        found = found.filter(has_text=control).first
        found.wait_for(timeout=PATIENCE)
        return found

    return opened


def infrared_clusters(alt: str) -> int:
    return int(re.search(r"(\d+) infrared clusters", alt).group(1))


def test_missing_people_change_links_and_scores(page, opened):
    panel = opened("10", "panel", "missing infrared")
    before, after = step_slider(page, panel, "missing infrared")
    assert infrared_clusters(after) < infrared_clusters(before)
    panel.locator("select").first.select_option("hungarian")
    picture = panel.locator(".vireid-picture img[alt^='Links by hungarian']")
    picture.wait_for(timeout=PATIENCE)


def test_a_round_moves_labels(page, opened):
    panel = opened("11", "stepper", "label space")
    before, _ = step_slider(page, panel, "round")
    assert "round 0:" in before
    panel.locator(".vireid-picture img[alt*='round 1:']").wait_for(timeout=PATIENCE)
    panel.locator("select").first.select_option("infrared")
    other = panel.locator(".vireid-picture img[alt^='Soft labels in infrared clusters']")
    other.wait_for(timeout=PATIENCE)
