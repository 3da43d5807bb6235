"""``vireid site``, ``lecture`` and ``handout``: the book for readers and for the room."""

from importlib.util import find_spec
from pathlib import Path

SITE_HELP = """\
Make web pages of the book, with its executed outputs as they are committed, panels that move
without a kernel, and slides for 90 minutes (slides/index.html; S opens the speaker's notes).
Nothing is executed and nothing fetched; the pages work offline. The folder is emptied first; one
that holds files and is no site built before is refused.

  vireid site                 to build/site; open build/site/index.html
"""
LECTURE_HELP = """\
Serve notebooks as pages for the room: live widgets, large type, no code and no exercises. Without
names, those of the 90 minutes' route. What a notebook trains is kept, so open each once before.
The copies that are served are written anew; a folder with notebooks of yours is refused.

  vireid lecture
  vireid lecture 08 09 --no-browser --port 8901
"""
HANDOUT_HELP = """\
Make the site and have this machine's Chromium print its handout, two pages of A4.

  vireid handout              to build/handout.pdf
"""


def add(command) -> None:
    """Put these commands on the command line; ``command`` makes a parser."""
    site = command("site", _site, SITE_HELP, "make web pages and slides of the book")
    site.add_argument("--out", type=Path, help="folder, emptied first (default build/site)")

    lecture = command("lecture", _lecture, LECTURE_HELP, "serve notebooks for the room")
    lecture.add_argument("only", nargs="*", metavar="NN", help="starts of notebooks' names")
    lecture.add_argument("--out", type=Path, help="folder of the copies (default build/lecture)")
    lecture.add_argument("--no-browser", action="store_true", help="do not open a browser")
    lecture.add_argument("--port", type=int, help="of the server (Voila's default 8866)")
    lecture.add_argument("--ip", help="the server listens on (Voila's default localhost)")

    handout = command("handout", _handout, HANDOUT_HELP, "print the handout as PDF")
    handout.add_argument("--out", type=Path, help="file (default build/handout.pdf)")


def _site(a) -> None:
    from vireid.site import build

    print(f"open {build(a.out)}")


def _lecture(a) -> int:
    from vireid.site import lecture

    if find_spec("voila") is None:
        raise ImportError("voila is not installed", name="voila")
    options = ["--no-browser"] if a.no_browser else []
    options += [f"--port={a.port}"] if a.port is not None else []
    options += [f"--Voila.ip={a.ip}"] if a.ip is not None else []
    return lecture.serve(a.only, out=a.out, options=options)


def _handout(a) -> None:
    from vireid.site.handout import handout

    print(handout(a.out))
