"""The site: built once without a warning, every link followed, nothing fetched from elsewhere."""

import os
import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest

import vireid.site
from vireid import cli
from vireid.plots import canvas
from vireid.site import build, lecture, panels, sources, toys
from vireid.site.docstrings import escaped
from vireid.site.handout import handout

pytest.importorskip("myst_nb", reason='the site needs: pip install "vireid[site]"')
pytestmark = pytest.mark.timeout(600)
LOADED = {"script": "src", "img": "src", "link": "href", "iframe": "src", "source": "src"}


class Page(HTMLParser):
    """What a page links to, loads, and can be linked at."""

    def __init__(self, path: Path):
        super().__init__()
        self.links, self.loads, self.anchors, self.mute = [], [], {""}, []
        self.feed(path.read_text("utf-8"))

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        self.anchors |= {found.get("id"), found.get("name")}
        if tag == "a" and "href" in found:
            self.links.append(found["href"])
        if tag in LOADED and found.get(LOADED[tag]):
            self.loads.append(found[LOADED[tag]])
        if tag == "img" and not found.get("alt", "").strip():
            self.mute.append(found.get("src"))


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    return build(tmp_path_factory.mktemp("site") / "html", strict=True).parent


@pytest.fixture(scope="module")
def pages(site) -> dict[Path, Page]:
    return {path.resolve(): Page(path) for path in site.rglob("*.html")}


def test_links_lead_to_a_page_and_a_place_on_it(pages):
    lost = []
    for path, page in pages.items():
        for link in page.links + page.loads:
            if re.match(r"[a-z]+:", link):
                continue
            name, _, anchor = unquote(link).partition("#")
            target = (path.parent / name.partition("?")[0]).resolve() if name else path
            if not target.exists():
                lost.append(f"{path.name}: {link}")
            elif target in pages and anchor not in pages[target].anchors:
                lost.append(f"{path.name}: {link} (no such place)")
    assert not lost


def test_pages_load_nothing_from_elsewhere(pages):
    assert not [(p.name, u) for p, page in pages.items() for u in page.loads if "//" in u]
    loaded = {path.parent / u.partition("?")[0] for path, p in pages.items() for u in p.loads}
    styles = {p.resolve() for p in loaded if p.suffix == ".css"}
    assert len(styles) > 5
    assert not [p for p in styles if re.search(r"(@import|url\()\W*http", p.read_text("utf-8"))]


def test_pictures_say_what_they_show(pages):
    assert not {path.name: page.mute for path, page in pages.items() if page.mute}


def test_the_book_is_there_with_its_outputs(site):
    names = {path.stem for path in (site / "notebooks").glob("*.html")}
    assert len(names) >= 13 and "00_start_here" in names
    text = (site / "notebooks/04_modality_bias.html").read_text("utf-8")
    assert "are of the own modality, by chance" in text and "_static/pictures/04_" in text
    assert "enable_custom_widget_manager" not in text
    for page in ("docs/glossary.html", "docs/papers.html", "figures/README.html"):
        assert (site / page).exists()
    assert 'id="vireid.jaccard.jaccard_distance"' in (site / "api/jaccard.html").read_text("utf-8")


def test_slides_have_notes_that_sum_to_90_minutes(site):
    text = (site / "slides/index.html").read_text("utf-8")
    notes = re.findall(r'<aside class="notes">(.*?)</aside>', text, re.S)
    clock, until = 0, []
    for note in notes:
        told = re.match(r"(\d+) min · until (\d):(\d\d)\.", note)
        minutes, hour, minute = map(int, told.groups())
        clock += minutes
        until.append((clock, 60 * hour + minute))
    assert clock == 90 and all(counted == said for counted, said in until)
    assert len(notes) == len(re.findall(r"<h[12]>", text)) >= 20
    assert text.count('<figure class="r-stretch shown">') >= 10  # each fills its slide
    assert text.count('<figure class="r-stretch panel"') >= 4


def test_a_figure_is_found_by_the_beginning_of_its_alt_text(tmp_path):
    found = sources.filled("<!-- figure: 00 The pipeline -->", tmp_path)
    assert 'src="_static/pictures/00_start_here-01.png"' in found and "(notebook 00)." in found
    with pytest.raises(ValueError, match="0 pictures of notebook 00 begin 'No such'"):
        sources.filled("<!-- figure: 00 No such -->", tmp_path)


def test_a_figure_of_figures_brings_its_caption_and_its_file(site, tmp_path):
    found = sources.filled("<!-- figure: figures bmil_ladder -->", tmp_path)
    assert 'src="_static/pictures/bmil_ladder.png"' in found
    assert "<figcaption>Rank-1 on SynthVI small" in found and "(figure bmil_ladder)." in found
    drawn = (sources.CHECKOUT / "figures/bmil_ladder.png").read_bytes()
    assert (site / "slides/_static/pictures/bmil_ladder.png").read_bytes() == drawn
    with pytest.raises(ValueError, match=r"shows no nothing\.png"):
        sources.filled("<!-- figure: figures nothing -->", tmp_path)


def test_a_lecture_ends_before_the_exercises(tmp_path):
    (path,) = lecture.pages(tmp_path, ["04"])
    text = path.read_text("utf-8")
    assert "## 6 ·" in text and "Exercises that answer" not in text
    assert "--jp-content-font-size1: 21px" in text and '"outputs": []' in text


def test_a_lecture_links_only_to_what_it_serves(tmp_path):
    assert "(01_two" not in lecture.pages(tmp_path, ["00"])[0].read_text("utf-8")
    assert "[01]: 01" not in (tmp_path / "00_start_here.ipynb").read_text("utf-8")
    for path in lecture.pages(tmp_path, ["04", "05"]):
        links = set(re.findall(r"\]\(([^):]+)\)", path.read_text("utf-8")))
        assert "docs_glossary.ipynb" in links
        assert not [link for link in links if not (tmp_path / link.partition("#")[0]).exists()]
    text = (tmp_path / "05_jaccard_family.ipynb").read_text("utf-8")
    assert "(04_modality_bias.ipynb)" in text and "06 Prototypes and invariance" in text
    assert "06_prototypes_and_invariance.ipynb)" not in text.split("main/notebooks/")[-1]
    assert "# Glossary" in (tmp_path / "docs_glossary.ipynb").read_text("utf-8")


@pytest.fixture
def served(monkeypatch):
    """The command lines of servers that would be started."""
    seen = []
    monkeypatch.setattr(lecture, "until_stopped", lambda words, env: seen.append(words) or 0)
    return seen


def test_a_lecture_takes_away_its_own_copies_alone(tmp_path, served):
    assert lecture.serve(["04"], out=tmp_path) == 0
    (tmp_path / "mine.ipynb").write_text("{}")
    assert lecture.serve(["05"], out=tmp_path) == 0 and len(served) == 2
    names = {path.name for path in tmp_path.glob("*.ipynb")}
    assert {"mine.ipynb", "05_jaccard_family.ipynb", "docs_glossary.ipynb"} <= names
    assert "04_modality_bias.ipynb" not in names
    assert (tmp_path / ".jupyter/voila/templates/vireid/conf.json").exists()


def test_a_lecture_refuses_a_folder_with_others_notebooks(tmp_path, served):
    for name in ("mine.ipynb", "00_start_here.ipynb"):  # a student's copy has these names
        (tmp_path / name).write_text("{}")
        with pytest.raises(ValueError, match=r"no copies for a lecture.*give another folder"):
            lecture.serve(["04"], out=tmp_path)
        assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [(name, "{}")]
        (tmp_path / name).unlink()
    assert not served


def test_a_wrong_name_takes_no_lecture_away(tmp_path, served):
    lecture.serve(["04"], out=tmp_path)
    with pytest.raises(ValueError, match="only='99' fits no notebook"):
        lecture.serve(["99"], out=tmp_path)
    assert (tmp_path / "04_modality_bias.ipynb").exists() and len(served) == 1


def test_panels_are_on_the_page_with_all_their_pictures(site):
    text = (site / "panels.html").read_text("utf-8")
    for name, panel in toys.PANELS.items():
        assert f'id="panel-{name}"' in text
        made = list((site / "_static/panels").glob(f"{name}-*.png"))
        assert len(made) == len(list(panel.settings()))


def test_a_panel_is_the_same_every_time(tmp_path):
    panel = toys.PANELS["pgm"]
    html = [panels.write("pgm", panel, tmp_path / name) for name in "ab"]
    assert html[0] == html[1]
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()


def test_a_panel_counts_its_last_dial_fastest(tmp_path):
    def draw(word, number):
        return canvas(width=1, height=1)[0], f"{word}{number}"

    panel = panels.Panel("a <title>", {"w": ("x", "y"), "n": (1, 2.5)}, ("y", 2.5), draw)
    text = panels.write("p", panel, tmp_path)
    assert re.findall(r'"alt": "(\w+\.?\w*)"', text) == ["x1", "x2.5", "y1", "y2.5"]
    assert "a &lt;title&gt;" in text and '<img src="_static/panels/p-003.png" alt="y2.5">' in text
    assert "<option selected>y</option>" in text and 'max="1" step="1" value="1"' in text


def test_panels_show_what_their_text_says():
    told = {eps: toys.densities(eps)[1] for eps in toys.PANELS["dbscan"].dials["eps"]}
    met = [eps for eps, alt in told.items() if " 0 hold both" not in alt]
    strangers = [eps for eps, alt in told.items() if " 0 hold strangers" not in alt]
    assert min(strangers) < min(met)  # no radius joins a person's halves and no strangers
    narrow = [toys.overlaps(rule, 12)[1] for rule in ("vanilla", "modality")]
    assert narrow[0] > 0.95 and narrow[1] < 0.2
    wide = toys.overlaps("vanilla", 64)
    assert wide[1] < 0.95 and wide[2] - wide[1] < 0.02  # it crosses and knows nobody
    assert "4 the right one" in toys.rounds(1)[1] and "0 still single" in toys.rounds(3)[1]


@pytest.fixture
def sphinx(monkeypatch):
    """Leaves a page and Sphinx's mark in place of all it makes; the (source, out) it was given."""
    seen = []

    def make(builder, source, out, *, strict):
        seen.append((source, out))
        assert source.is_dir()
        panels.save(out / ".buildinfo", "made")
        panels.save(out / "index.html", builder)

    monkeypatch.setattr(vireid.site, "sphinx", make)
    monkeypatch.setattr(sources, "lay_out", lambda source: panels.save(source / "index.md", ""))
    monkeypatch.setattr(sources, "lay_out_slides", lambda source, site: source.mkdir())
    return seen


def test_a_site_takes_the_place_of_one_before_and_of_nothing_beside_it(tmp_path, sphinx):
    for name in ("html-pages", "html-slides", "jupyter_execute"):
        panels.save(tmp_path / name / "thesis.md", "mine")
    (tmp_path / "html").mkdir()
    assert build(tmp_path / "html") == tmp_path / "html/index.html"
    panels.save(tmp_path / "html/old.html", "of the site before")
    build(tmp_path / "html")
    found = {p.relative_to(tmp_path / "html").as_posix() for p in (tmp_path / "html").rglob("*.*")}
    assert found == {".buildinfo", "index.html", "slides/.buildinfo", "slides/index.html"}
    assert (tmp_path / "html/slides/index.html").read_text() == "revealjs"
    assert len(list(tmp_path.glob("*/thesis.md"))) == 3 and len(list(tmp_path.iterdir())) == 4
    assert not any(source.exists() for source, _ in sphinx)


def test_a_folder_that_is_no_site_is_not_emptied(tmp_path, sphinx):
    panels.save(tmp_path / "thesis/chapter.tex", "mine")
    with pytest.raises(ValueError, match=r"no site built before.*Give another folder"):
        build(tmp_path)
    assert (tmp_path / "thesis/chapter.tex").read_text() == "mine" and not sphinx


def test_a_site_stays_when_sphinx_fails(tmp_path, sphinx, monkeypatch):
    build(tmp_path / "html")

    def fails(*_, **__):
        raise RuntimeError("Sphinx could not")

    monkeypatch.setattr(vireid.site, "sphinx", fails)
    with pytest.raises(RuntimeError, match="Sphinx could not"):
        build(tmp_path / "html")
    assert (tmp_path / "html/index.html").read_text() == "html"


def test_help_says_that_the_folder_is_emptied(capsys):
    with pytest.raises(SystemExit):
        cli.main(["site", "--help"])
    assert "The folder is emptied first" in capsys.readouterr().out


BROWSER = """#!/bin/sh
for word; do case $word in --print-to-pdf=*) echo "$PRINTED" > "${word#*=}";; esac; done
"""


@pytest.mark.skipif(os.name != "posix", reason="its browser is a shell script")
def test_a_handout_stays_until_the_new_one_is_printed(tmp_path, monkeypatch):
    browser, pdf = panels.save(tmp_path / "browser", BROWSER), tmp_path / "out/handout.pdf"
    browser.chmod(0o755)
    monkeypatch.setenv("CHROMIUM", str(browser))
    for word in ("first", "second"):
        monkeypatch.setenv("PRINTED", word)
        assert handout(pdf, site=tmp_path).read_text() == f"{word}\n"
    panels.save(browser, "#!/bin/sh\nexit 1\n")
    with pytest.raises(RuntimeError, match="printed nothing"):
        handout(pdf, site=tmp_path)
    assert pdf.read_text() == "second\n" and list(pdf.parent.iterdir()) == [pdf]


def test_marks_in_docstrings_mean_themselves():
    lines = ["|x_i| of ``a|b`` and *k", "", ".. math:: |x|", "   *y*", "", "label_ ends"]
    assert escaped(lines) == [
        r"\|x_i\| of ``a|b`` and \*k", "", ".. math:: |x|", "   *y*", "", r"label\_ ends"
    ]  # fmt: skip


def test_links_to_code_leave_the_site():
    found = sources.with_links("[a](../LICENSE) [b](papers.md) [c](https://x.y)", "docs/log.md")
    code = "https://github.com/vireid/vireid/blob/main"
    assert found == f"[a]({code}/LICENSE) [b](papers.md) [c](https://x.y)"
