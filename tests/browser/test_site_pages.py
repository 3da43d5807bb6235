"""The site in a real browser: a panel moves without a kernel, and nothing outside is asked."""

from pathlib import Path

import pytest

from vireid.site import build
from vireid.site.handout import handout, pages

pytest.importorskip("myst_nb")
pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Path:
    return build(tmp_path_factory.mktemp("site") / "html").parent


@pytest.fixture
def site(built) -> str:
    return built.as_uri()


@pytest.fixture
def asked(page) -> list[str]:
    """Addresses that the page asks for which are no files of this machine."""
    found = []
    page.on("request", lambda request: found.append(request.url))
    yield found
    assert not [url for url in found if not url.startswith(("file:", "data:", "blob:"))]


def test_a_key_press_moves_a_panel(page, site, asked):
    page.goto(f"{site}/panels.html")
    panel = page.locator("#panel-dbscan")
    before = panel.locator("img").get_attribute("src")
    panel.get_by_role("slider").focus()
    page.keyboard.press("ArrowRight")
    assert panel.locator("img").get_attribute("src") != before
    assert panel.locator("figcaption").inner_text().startswith("eps 0.6: 8 clusters")
    assert panel.locator("img").evaluate("i => i.decode().then(() => i.naturalWidth)") > 500


def test_play_runs_through_the_last_dial(page, site, asked):
    page.goto(f"{site}/panels.html")
    panel = page.locator("#panel-writing")
    panel.get_by_role("combobox").select_option("plain visible last")
    panel.get_by_role("button", name="Play").press("Enter")
    caption = panel.locator("figcaption", has_text="after 2 of 9 pictures, the last one infrared")
    caption.wait_for(timeout=20_000)
    panel.get_by_role("button", name="Pause").press("Enter")
    assert panel.get_by_role("button", name="Play").is_visible()


@pytest.mark.parametrize("name", ["index", "notebooks/05_jaccard_family", "api/losses"])
def test_pages_ask_for_nothing_outside(page, site, asked, name):
    page.goto(f"{site}/{name}.html")
    if name != "index":  # formulas are set by the site's own MathJax
        page.locator("mjx-container").first.wait_for(timeout=60_000)
    broken = "() => [...document.images].filter(i => i.complete && !i.naturalWidth).length"
    assert page.evaluate(broken) == 0 and len(asked) > 3


def test_slides_turn_and_have_their_notes(page, site, asked):
    page.goto(f"{site}/slides/index.html")
    page.keyboard.press("ArrowRight")
    page.locator("section.present img.output").first.wait_for(timeout=60_000)
    assert "The task" in page.locator("section.present h2").first.inner_text()
    page.goto(f"{site}/slides/index.html#/8")
    panel = page.locator("section.present figure.panel")
    panel.get_by_role("slider").press("ArrowRight")
    panel.locator("figcaption", has_text="eps 0.6").wait_for(timeout=60_000)
    assert page.evaluate("() => Reveal.getIndices().h") == 8  # the key moved the panel alone
    assert page.evaluate("() => Reveal.hasPlugin('notes')")


def test_pictures_fill_their_slides(page, site, asked):
    page.goto(f"{site}/slides/index.html")
    page.locator("section.present h1").wait_for(timeout=60_000)
    tall = {}
    for number in range(page.evaluate("() => Reveal.getTotalSlides()")):
        page.evaluate("n => Reveal.slide(n)", number)
        figure = page.locator("section.present figure")
        if figure.count():
            title = page.locator("section.present h2").inner_text()
            drawn = figure.locator("img")
            page.wait_for_function("i => i.complete && i.naturalWidth", arg=drawn.element_handle())
            page.evaluate("() => Reveal.layout()")
            box = figure.evaluate("f => [f.offsetTop + f.offsetHeight, f.offsetWidth]")
            assert box[0] <= 720 and box[1] == 1280, f"{title}: {box} is more than the slide"
            tall[title] = drawn.evaluate("i => i.clientHeight")
    assert len(tall) >= 15 and min(tall.values()) > 300, tall


def test_the_handout_has_two_pages(built, tmp_path):
    assert pages(handout(tmp_path / "handout.pdf", site=built)) == 2
