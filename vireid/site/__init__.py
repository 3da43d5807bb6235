"""The book as web pages, a lecture's slides and its handout, all without a kernel or the network.

``sources`` gathers what the pages are made of, ``build`` has Sphinx make them, ``handout`` has a
browser print one of them.
"""

import shutil
import subprocess
import sys
from pathlib import Path

from vireid.paths import CHECKOUT, WORK
from vireid.site import sources

__all__ = ["build"]


def build(out: Path | None = None, *, strict: bool = False) -> Path:
    """Make the site, and the slides in its folder ``slides``; returns the site's first page.

    Parameters
    ----------
    out : folder (default ``build/site``), emptied first; what it is made of lies beside it
    strict : warnings of Sphinx are errors

    Raises FileNotFoundError without a checkout, ImportError when Sphinx and its extensions are
    missing (the extra ``site``), RuntimeError when Sphinx fails.
    """
    if not (CHECKOUT / "docs/site/conf.py").exists():
        raise FileNotFoundError(f"{CHECKOUT} is no checkout; the site is made from one")
    out = Path(out or WORK / "build/site").resolve()
    pages, slides = (out.with_name(f"{out.name}-{what}") for what in ("pages", "slides"))
    sources.lay_out(pages)
    sources.lay_out_slides(slides, pages)
    shutil.rmtree(out, ignore_errors=True)
    sphinx("html", pages, out, strict=strict)
    sphinx("revealjs", slides, out / "slides", strict=strict)
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
        raise RuntimeError(f"Sphinx could not make {out}; it said above what is wrong")
