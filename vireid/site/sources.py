"""What the site is made of, in one folder: pages, notebooks with their pictures, the reference."""

import html
import re
import shutil
from pathlib import Path, PurePosixPath

from vireid import workbook
from vireid.files.write import put
from vireid.paths import CHECKOUT
from vireid.site import panels, toys

PAGES = (
    "README.md", "README.zh.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md", "docs/*.md",
    "figures/README.md", "data/README.md",
)  # fmt: skip
SOURCE_CODE = "https://github.com/vireid/vireid/blob/main"  # of files that are no page
BADGE = re.compile(r"\[!\[([^\]]*)\]\(https?://[^)]*\)\]")
PANEL = re.compile(r"<!-- panel: (\w+) -->")
LINK = re.compile(r"(?<!!)\]\(([^)#\s:]+)(#[^)\s]*)?\)")
# What the reference documents: the public contract's rooms.
MODULES = (
    "types", "data", "models", "features", "neighbours", "jaccard", "clustering", "association",
    "memory", "losses", "evaluation", "bias", "runs", "methods", "training", "experiment", "plots",
    "checks",
)  # fmt: skip


def lay_out(source: Path) -> None:
    """Write everything that Sphinx reads to a folder, which is emptied first."""
    shutil.rmtree(source, ignore_errors=True)
    pages = [path for pattern in PAGES for path in sorted(CHECKOUT.glob(pattern))]
    for path in pages:
        name = path.relative_to(CHECKOUT).as_posix()
        put(source / name, with_links(path.read_text("utf-8"), name))
    for path in sorted(CHECKOUT.glob("notebooks/[0-9]*.ipynb")):
        put(source / "notebooks" / path.name, notebook_page(path, source))
    for path in sorted(CHECKOUT.glob("docs/site/*.md")):
        put(source / path.name, with_panels(path.read_text("utf-8"), source))
    for path in sorted(CHECKOUT.glob("figures/*.png")):
        put(source / "figures" / path.name, path.read_bytes())
    for path in [*CHECKOUT.glob("docs/site/*.js"), *CHECKOUT.glob("docs/site/*.css")]:
        put(source / "_static" / path.name, path.read_bytes())
    for name in MODULES:
        put(source / f"api/{name}.md", reference_page(name))


def with_links(text: str, name: str) -> str:
    """Markdown whose links to files that are no page lead to the source code instead."""
    pages = {p.relative_to(CHECKOUT) for pattern in PAGES for p in CHECKOUT.glob(pattern)}

    def moved(found: re.Match) -> str:
        target = (CHECKOUT / PurePosixPath(name).parent / found[1]).resolve()
        if not target.exists() or not target.is_relative_to(CHECKOUT):
            return found[0]
        path = target.relative_to(CHECKOUT)
        if path in pages or path.suffix in (".ipynb", ".png"):
            return found[0]
        return f"]({SOURCE_CODE}/{path.as_posix()})"

    return LINK.sub(moved, text)


def with_panels(text: str, source: Path) -> str:
    """Markdown with ``<!-- panel: NAME -->`` replaced by that panel, whose pictures are made."""

    def made(found: re.Match) -> str:
        return panels.write(found[1], toys.PANELS[found[1]], source / "_static/panels")

    return PANEL.sub(made, text)


def notebook_page(path: Path, source: Path) -> str:
    """A committed notebook for Sphinx: its pictures as files, with their alt texts; no badges."""
    import nbformat

    notebook = nbformat.read(path, as_version=4)
    for name, picture in workbook.pictures(notebook, path.stem).items():
        put(source / "_static/pictures" / name, picture)
    number = 0
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = with_links(BADGE.sub(r"[\1]", cell.source), f"notebooks/{path.name}")
        elif "colab" in cell.metadata.get("tags", ()):
            cell.metadata.tags = ["remove-cell"]
        for output in cell.get("outputs", ()):
            if "image/png" in output.get("data", {}):
                number += 1
                alt = output.metadata.get("image/png", {}).get("alt", "")
                output["data"] = {"text/html": picture_tag(f"{path.stem}-{number:02d}.png", alt)}
    return workbook.dump(notebook)


def picture_tag(name: str, alt: str) -> str:
    """The HTML of one picture of a notebook, for a page one folder down."""
    alt = html.escape(alt, quote=True)
    return f'<img class="output" loading="lazy" src="../_static/pictures/{name}" alt="{alt}">'


def reference_page(name: str) -> str:
    """The page of one module, filled from its docstrings by autodoc."""
    module = f".. automodule:: vireid.{name}\n   :members:"
    return f"# vireid.{name}\n\n```{{eval-rst}}\n{module}\n```\n"
