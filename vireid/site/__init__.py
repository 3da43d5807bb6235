"""The book as web pages, a lecture's slides and its handout, all without a kernel or the network.

``lay_out`` gathers what the pages are made of in one folder, ``build`` has Sphinx make them.
"""

import shutil
import subprocess
import sys
from pathlib import Path

from vireid.paths import CHECKOUT, WORK
from vireid.site.sources import lay_out

__all__ = ["build", "lay_out"]


def build(out: Path | None = None, *, strict: bool = False) -> Path:
    """Make the site; returns its first page.

    Parameters
    ----------
    out : folder (default ``build/site``), emptied first; what it is made of goes to ``OUT-source``
    strict : warnings of Sphinx are errors

    Raises FileNotFoundError without a checkout, ImportError when Sphinx and its extensions are
    missing (the extra ``site``), RuntimeError when Sphinx fails.
    """
    if not (CHECKOUT / "docs/site/conf.py").exists():
        raise FileNotFoundError(f"{CHECKOUT} is no checkout; the site is made from one")
    out = Path(out or WORK / "build/site")
    source = out.with_name(f"{out.name}-source")
    lay_out(source)
    shutil.rmtree(out, ignore_errors=True)
    sphinx("html", "site", source, out, strict=strict)
    return out / "index.html"


def sphinx(builder: str, name: str, source: Path, out: Path, *, strict: bool) -> None:
    """Run one of Sphinx's builders with the configuration in ``docs/NAME``."""
    try:
        import myst_nb  # noqa: F401
        import sphinx  # noqa: F401
    except ImportError as error:
        raise ImportError(
            f'{error.name} is missing; pip install "vireid[site]"', name=error.name
        ) from error
    words = [sys.executable, "-m", "sphinx", "-q", "-b", builder, "-c", CHECKOUT / "docs" / name]
    words += ["-D", f"html_static_path={source / '_static'}"]
    words += ["-d", out.with_name(f"{out.name}-trees"), *(["-W", "--keep-going"] * strict)]
    if subprocess.run([*map(str, words), str(source), str(out)], check=False).returncode:
        raise RuntimeError(f"Sphinx could not make {out}; it said above what is wrong")
