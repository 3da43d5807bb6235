"""Links of the workbook's Markdown, led elsewhere where a copy of it has not what they lead to."""

import re
from collections.abc import Callable
from pathlib import PurePosixPath

from vireid.paths import CHECKOUT

SOURCE_CODE = "https://github.com/vireid/vireid/blob/main"  # of files that a copy lacks
LINK = re.compile(r"(!?)\[([^\[\]]*)\]\(([^)#\s:]+)(#[^)\s]*)?\)")


def relinked(text: str, name: str, lead: Callable[[str], str | None]) -> str:
    """Markdown whose links to files of this repository lead where ``lead`` says.

    Parameters
    ----------
    text, name : of a file, and its path in the repository
    lead : path in the repository -> new target; "" leaves only the link's words; None leaves the
        link as it is. A picture that is led elsewhere becomes a link

    Links to the web and to places outside the repository stay as they are.
    """
    folder = PurePosixPath(name).parent

    def moved(found: re.Match) -> str:
        _, words, target, place = found.groups(default="")
        path = (CHECKOUT / folder / target).resolve()
        if not path.is_relative_to(CHECKOUT.resolve()):
            return found[0]
        to = lead(path.relative_to(CHECKOUT.resolve()).as_posix())
        if to is None:
            return found[0]
        return f"[{words}]({to}{place})" if to else words

    return LINK.sub(moved, text)


def to_source(path: str) -> str:
    """Where the web shows a file of the repository."""
    return f"{SOURCE_CODE}/{path}"
