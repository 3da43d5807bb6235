"""The same notebooks as a page: Voila shows the live widgets, not their stills."""

import pytest
from steps import PATIENCE, step_slider

pytestmark = [pytest.mark.browser, pytest.mark.timeout(400)]


def test_slider_changes_the_picture(page, voila):
    page.goto(f"{voila}/voila/render/01_two_modalities.ipynb", timeout=PATIENCE)
    before, after = step_slider(page, page.locator("body"), "first person")
    assert "drawn people" in before and "drawn people" in after


def test_a_lecture_shows_large_type_pictures_and_no_code(page, lecture):
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{lecture}/voila/render/01_two_modalities.ipynb", timeout=PATIENCE)
    step_slider(page, page.locator("body"), "first person")
    text = page.locator("p", has_text="See what changes when only the modality changes").first
    size = text.evaluate("element => parseFloat(getComputedStyle(element).fontSize)")
    assert size >= 20
    wide = "images => Math.max(...images.map(i => i.naturalWidth))"
    assert page.locator(".vireid-picture img").evaluate_all(wide) == 960  # 6.4 inches at 150 dpi
    assert page.get_by_text("import numpy").count() == 0
    assert page.get_by_text("Exercises that answer").count() == 0
    assert not [url for url in asked if not url.startswith((lecture, "ws:", "data:", "blob:"))]


def test_choice_changes_the_alt_text(page, voila):
    page.goto(f"{voila}/voila/render/01_two_modalities.ipynb", timeout=PATIENCE)
    picture = page.locator(".vireid-picture img").first
    picture.wait_for(timeout=PATIENCE)
    assert "(nir," in picture.get_attribute("alt")
    page.locator(".vireid-panel select").first.select_option("thermal")
    page.locator(".vireid-picture img[alt*='(thermal,']").wait_for(timeout=PATIENCE)


def test_map_shows_pictures_around_an_image(page, voila):
    page.goto(f"{voila}/voila/render/map.ipynb", timeout=PATIENCE)
    step_slider(page, page.locator("body"), "around")
    page.locator(".vireid-map canvas").first.wait_for(timeout=PATIENCE)


def test_ablation_changes_method_and_row(page, voila):
    page.goto(f"{voila}/voila/render/ablation.ipynb", timeout=PATIENCE)
    page.locator(".vireid-picture img[alt*='Ablation of BMIL']").wait_for(timeout=PATIENCE)
    page.locator("select").first.select_option("DMDL")
    picture = ".vireid-picture img[alt*='Ablation of DMDL'][alt*='chosen: {}.']"
    page.locator(picture.format("7")).wait_for(timeout=PATIENCE)
    page.get_by_label("refine").uncheck()
    page.locator(picture.format("5")).wait_for(timeout=PATIENCE)
