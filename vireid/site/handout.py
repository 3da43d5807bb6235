"""The site's page ``handout`` as a PDF of two pages, printed by a Chromium of this machine."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from vireid.paths import WORK
from vireid.site import build

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def browser() -> str | None:
    """Path of a browser: what CHROMIUM names, else the first of the usual names that is there."""
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)


def handout(out: Path | None = None, *, site: Path | None = None) -> Path:
    """Print the handout; returns the PDF.

    Parameters
    ----------
    out : file (default ``build/handout.pdf``); one that is there stays until the new one is printed
    site : folder of a site that is built; default: it is built now

    Raises RuntimeError without a Chromium or Chrome, or when it prints nothing.
    """
    out = Path(out or WORK / "build/handout.pdf").resolve()
    program = browser()
    if program is None:
        raise RuntimeError("no Chromium or Chrome found; install one, or set CHROMIUM=/path/to/it")
    page = (site or build().parent) / "handout.html"
    out.parent.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as profile,
        tempfile.TemporaryDirectory(dir=out.parent) as folder,  # on the same disk as ``out``
    ):
        printed = Path(folder, out.name)
        words = [program, "--headless", "--disable-gpu", f"--user-data-dir={profile}"]
        words += ["--no-sandbox"] * (os.name == "posix" and os.geteuid() == 0)
        words += ["--no-pdf-header-footer", "--virtual-time-budget=60000"]
        words += [f"--print-to-pdf={printed}", page.resolve().as_uri()]
        told = subprocess.run(words, capture_output=True, text=True, check=False)
        if not printed.exists():
            raise RuntimeError(f"{program} printed nothing:\n{told.stderr[-2000:]}")
        printed.replace(out)
    return out


def pages(pdf: Path) -> int:
    """How many pages a PDF has that Chromium printed (it writes page objects in plain text)."""
    return pdf.read_bytes().count(b"/Type /Page\n")
