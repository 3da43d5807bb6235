"""Warnings in a notebook as a line that says what is the matter, not as a block with file paths."""

import sys
import warnings
from html import escape

SAID = (UserWarning, RuntimeWarning)  # others are for programmers and stay as they are


def install() -> bool:
    """Show warnings of a notebook's kernel as notes; elsewhere do nothing. Whether it did."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    if not hasattr(shell, "kernel"):
        return False
    if not hasattr(warnings.showwarning, "before"):
        warnings.showwarning = _noting(warnings.showwarning)
    return True


def note(text: str) -> None:
    """Display a line; ``workbook.clean`` takes it out, as it does with stderr."""
    from IPython.display import display

    html = f'<p class="vireid-note" role="note"><strong>Note:</strong> {escape(text)}</p>'
    data = {"text/html": html, "text/plain": f"Note: {text}"}
    display(data, raw=True, metadata={"vireid": "note"})


def _noting(before):
    def shown(message, category, filename, lineno, file=None, line=None):
        if file is None and issubclass(category, SAID):
            note(str(message))
        else:
            before(message, category, filename, lineno, file, line)

    shown.before = before
    return shown
