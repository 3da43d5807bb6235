"""The book as web pages, a lecture's slides and its handout, all without a kernel or the network.

``sources`` gathers what the pages are made of, ``build`` has Sphinx make them, ``handout`` has a
browser print one of them.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from vireid.paths import CHECKOUT, WORK
from vireid.site import sources

__all__ = ["build"]
BUILT = ".buildinfo"  # Sphinx leaves it in the folders that it makes


def build(out: Path | None = None, *, strict: bool = False) -> Path:
    """Make the site, and the slides in its folder ``slides``; returns the site's first page.

    Parameters
    ----------
    out : folder (default ``build/site``), emptied first, once Sphinx has made the new site
    strict : warnings of Sphinx are errors

    Raises FileNotFoundError without a checkout, ValueError when ``out`` holds files and is no site
    that was built before, ImportError when Sphinx and its extensions are missing (the extra
    ``site``), RuntimeError when Sphinx fails.
    """
    if not (CHECKOUT / "docs/site/conf.py").exists():
        raise FileNotFoundError(f"{CHECKOUT} is no checkout; the site is made from one")
    out = Path(out or WORK / "build/site").resolve()
    if out.exists() and any(out.iterdir()) and not (out / BUILT).exists():
        raise ValueError(
            f"out={out} holds files and is no site built before; it would be emptied. Give another "
            "folder (--out), or empty this one yourself"
        )
    with tempfile.TemporaryDirectory() as made:
        pages, slides, site = (Path(made, name) for name in ("pages", "slides", "site"))
        sources.lay_out(pages)
        sources.lay_out_slides(slides, pages)
        sphinx("html", pages, site, strict=strict)
        sphinx("revealjs", slides, site / "slides", strict=strict)
        shutil.rmtree(out, ignore_errors=True)
        shutil.copytree(site, out, dirs_exist_ok=True)
    return out / "index.html"


def sphinx(builder: str, source: Path, out: Path, *, strict: bool) -> None:
    """Run one of Sphinx's builders, "html" or "revealjs", with its configuration in ``docs/``."""
    try:
        import myst_nb  # noqa: F401
        import sphinx_revealjs  # noqa: F401
    except ImportError as error:
        told = f'{error.name} is missing; pip install "vireid[site]"'
        raise ImportError(told, name=error.name) from error
    configuration = CHECKOUT / "docs" / ("site" if builder == "html" else "slides")
    words = [sys.executable, "-m", "sphinx", "-q", "-b", builder, "-c", configuration]
    words += ["-D", f"{builder}_static_path={source / '_static'}"]
    words += ["-d", source / ".doctrees", *(["-W", "--keep-going"] * strict)]
    if subprocess.run([*map(str, words), str(source), str(out)], check=False).returncode:
        raise RuntimeError("Sphinx could not make the pages; it said above what is wrong")
