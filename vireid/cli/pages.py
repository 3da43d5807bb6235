"""``vireid site``: the book as web pages."""

from pathlib import Path

SITE_HELP = """\
Make web pages of the book, with its executed outputs as they are committed, and panels that move
without a kernel. Nothing is executed and nothing fetched; the pages work offline.

  vireid site                 to build/site; open build/site/index.html
"""


def add(command) -> None:
    """Put these commands on the command line; ``command`` makes a parser."""
    site = command("site", _site, SITE_HELP, "make web pages of the book")
    site.add_argument("--out", type=Path, help="folder (default build/site)")


def _site(a) -> None:
    from vireid.site import build

    print(f"open {build(a.out)}")
