"""Links of the workbook's Markdown, led elsewhere where a copy of it has not what they lead to."""

import re
from collections.abc import Callable
from pathlib import PurePosixPath

from vireid.paths import CHECKOUT

SOURCE_CODE = "https://github.com/vireid/vireid/blob/main"  # of files that a copy lacks
LINK = re.compile(r"(!?)\[([^\[\]]*)\]\(([^)#\s:]+)(#[^)\s]*)?\)")
REFERENCE = re.compile(r"^\[([^\[\]]+)\]: ([^#\s:]+)$\n?", re.MULTILINE)  # [01]: page, for [01]


def relinked(text: str, name: str, lead: Callable[[str], str | None]) -> str:
    """Markdown whose links to files of this repository lead where ``lead`` says.

    Parameters
    ----------
    text, name : of a file, and its path in the repository
    lead : path in the repository -> new target; "" leaves only the link's words; None leaves the
        link as it is. A picture that is led elsewhere becomes a link

    Links to the web and to places outside the repository stay as they are.
    """
    root, folder = CHECKOUT.resolve(), PurePosixPath(name).parent

    def leads(target: str) -> str | None:
        path = (root / folder / target).resolve()
        return lead(path.relative_to(root).as_posix()) if path.is_relative_to(root) else None

    def moved(found: re.Match) -> str:
        _, words, target, place = found.groups(default="")
        to = leads(target)
        if to is None:
            return found[0]
        return f"[{words}]({to}{place})" if to else words

    def defined(found: re.Match) -> str:
        to = leads(found[2])
        if to is None:
            return found[0]
        return f"[{found[1]}]: {to}\n" if to else ""

    return REFERENCE.sub(defined, LINK.sub(moved, text))


def to_source(path: str) -> str:
    """Where the web shows a file of the repository."""
    return f"{SOURCE_CODE}/{path}"
