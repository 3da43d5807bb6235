"""What the site and the slides are made of: pages, pictures, panels, reference."""

import html
import re
import shutil
from pathlib import Path

from vireid import workbook
from vireid.links import relinked, to_source
from vireid.paths import CHECKOUT
from vireid.site import panels, toys
from vireid.site.panels import save

PAGES = (
    "README.md", "README.zh.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md", "docs/*.md",
    "figures/README.md", "data/README.md",
)  # fmt: skip
PANEL = re.compile(r"<!-- panel: (\w+) -->")
FIGURE = re.compile(r"<!-- figure: (\d\d|figures) (.+?) -->")
# What the reference documents: the public contract's rooms.
MODULES = (
    "types", "data", "models", "features", "neighbours", "jaccard", "clustering", "association",
    "memory", "losses", "evaluation", "bias", "runs", "methods", "training", "experiment", "plots",
    "checks",
)  # fmt: skip


def lay_out(source: Path) -> None:
    """Write everything that the site's pages are made of to a new folder."""
    _static(source / "_static")
    for path in (path for pattern in PAGES for path in sorted(CHECKOUT.glob(pattern))):
        name = path.relative_to(CHECKOUT).as_posix()
        save(source / name, with_links(path.read_text("utf-8"), name))
    for path in notebooks():
        save(source / "notebooks" / path.name, notebook_page(path))
    for path in sorted(CHECKOUT.glob("docs/site/*.md")):
        save(source / path.name, filled(path.read_text("utf-8"), source))
    for path in sorted(CHECKOUT.glob("figures/*.png")):
        save(source / "figures" / path.name, path.read_bytes())
    for name in MODULES:
        save(source / f"api/{name}.md", reference_page(name))


def lay_out_slides(source: Path, site: Path) -> None:
    """Write what the slides are made of to a new folder; ``site``, laid out, lends its pictures."""
    shutil.copytree(site / "_static", source / "_static")
    text = (CHECKOUT / "docs/slides/index.md").read_text("utf-8")
    for place, name in FIGURE.findall(text):
        if place == "figures":
            picture = (CHECKOUT / f"figures/{name}.png").read_bytes()
            save(source / f"_static/pictures/{name}.png", picture)
    filling = 'class="r-stretch '  # reveal.js gives it what is left of the slide
    save(source / "index.md", filled(text, site).replace('<figure class="', f"<figure {filling}"))


def _static(folder: Path) -> None:
    """Styles, scripts, the notebooks' pictures and panels, whose HTML goes beside ``folder``."""
    for kind in ("site/*.js", "site/*.css", "slides/*.css"):
        for path in CHECKOUT.glob(f"docs/{kind}"):
            save(folder / path.name, path.read_bytes())
    for path in notebooks():
        for name, picture in workbook.pictures(_read(path), path.stem).items():
            save(folder / "pictures" / name, picture)
    for name, panel in toys.PANELS.items():
        text = panels.write(name, panel, folder / "panels")
        save(folder.with_name("panels") / f"{name}.html", text)


def notebooks() -> list[Path]:
    """The committed notebooks in reading order."""
    return sorted(CHECKOUT.glob("notebooks/[0-9]*.ipynb"))


def _read(path: Path):
    import nbformat

    return nbformat.read(path, as_version=4)


def with_links(text: str, name: str) -> str:
    """Markdown whose links to files that are no page lead to the source code instead."""
    pages = {p.relative_to(CHECKOUT).as_posix() for k in PAGES for p in CHECKOUT.glob(k)}

    def lead(path: str) -> str | None:
        there = path in pages or path.endswith((".ipynb", ".png"))
        return None if there or not (CHECKOUT / path).exists() else to_source(path)

    return relinked(text, name, lead)


def filled(text: str, site: Path) -> str:
    """Markdown with its panels and figures in place; ``site`` has been laid out as far as these.

    ``<!-- panel: NAME -->`` is one of ``toys.PANELS``; ``<!-- figure: NN words -->`` the picture of
    notebook NN whose alt text begins with these words, ``<!-- figure: figures NAME -->`` the one in
    ``figures/``, each with its text as caption.
    """
    text = PANEL.sub(lambda f: (site / f"panels/{f[1]}.html").read_text("utf-8"), text)
    return FIGURE.sub(lambda f: _figure(f[1], f[2]), text)


def _figure(place: str, words: str) -> str:
    name, alt = _drawn(words) if place == "figures" else _of_notebook(place, words)
    short = html.escape(alt.split(". ")[0].rstrip("."))
    origin = f"figure {words}" if place == "figures" else f"notebook {place}"
    said = f"<figcaption>{short} ({origin}).</figcaption>"
    return f'<figure class="shown">\n{picture_tag(name, alt, "_static")}\n{said}\n</figure>'


def _of_notebook(number: str, words: str) -> tuple[str, str]:
    """(file name, alt text) of a notebook's picture, by the words that its alt text begins with."""
    (path,) = (path for path in notebooks() if path.stem.startswith(f"{number}_"))
    found = [pair for pair in shown(_read(path), path.stem) if pair[1].startswith(words)]
    if len(found) != 1:
        raise ValueError(f"{len(found)} pictures of notebook {number} begin {words!r}; name one")
    return found[0]


def _drawn(name: str) -> tuple[str, str]:
    """(file name, alt text) of a picture in ``figures/``, as its README has it."""
    told = (CHECKOUT / "figures/README.md").read_text("utf-8")
    found = re.search(rf"!\[(.+?)\]\({re.escape(name)}\.png\)", told)
    if not found:
        raise ValueError(f"figures/README.md shows no {name}.png; name one that it shows")
    return f"{name}.png", found[1]


def shown(notebook, stem: str) -> list[tuple[str, str]]:
    """(file name, alt text) of every picture among a notebook's outputs, in reading order."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    alts = [
        output.metadata.get("image/png", {}).get("alt", "")
        for output in outputs
        if "image/png" in output.get("data", {})
    ]
    return list(zip(workbook.pictures(notebook, stem), alts, strict=True))


def notebook_page(path: Path) -> str:
    """A committed notebook for Sphinx: its pictures as files, with their alt texts."""
    notebook = _read(path)
    pictures = iter(shown(notebook, path.stem))
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = with_links(cell.source, f"notebooks/{path.name}")
        elif "colab" in cell.metadata.get("tags", ()):
            cell.metadata.tags = ["remove-cell"]
        for output in cell.get("outputs", ()):
            if "image/png" in output.get("data", {}):
                output["data"] = {"text/html": picture_tag(*next(pictures), "../_static")}
    return workbook.dump(notebook)


def picture_tag(name: str, alt: str, static: str) -> str:
    """The HTML of one picture of a notebook."""
    alt = html.escape(alt, quote=True)
    return f'<img class="output" loading="lazy" src="{static}/pictures/{name}" alt="{alt}">'


def reference_page(name: str) -> str:
    """The page of one module, filled from its docstrings by autodoc."""
    directive = f".. automodule:: vireid.{name}\n   :members:"
    return f"# vireid.{name}\n\n```{{eval-rst}}\n{directive}\n```\n"
