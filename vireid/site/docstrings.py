"""A Sphinx extension: docstrings are plain text with formulas, so marks in them mean themselves."""

import re

MARKS = re.compile(r"([*|]|(?<=\w)_(?!\w))")


def escaped(lines: list[str]) -> list[str]:
    """A docstring's lines with ``*``, ``|`` and a trailing ``_`` escaped, formulas left alone.

    An indented block below ``.. math::`` and everything between back quotes stay as they are.
    """
    found, inside = [], False
    for line in lines:
        if line.lstrip().startswith(".. "):
            inside = True
        elif line.strip() and not line.startswith(" "):
            inside = False
        found.append(line if inside else _outside_code(line))
    return found


def _outside_code(line: str) -> str:
    parts = re.split(r"(`+[^`]*`+)", line)
    return "".join(p if i % 2 else MARKS.sub(r"\\\1", p) for i, p in enumerate(parts))


def setup(app) -> dict:
    """Register with Sphinx, before napoleon reads the docstrings."""
    app.connect("autodoc-process-docstring", _process, priority=100)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _process(app, what, name, obj, options, lines) -> None:
    lines[:] = escaped(lines)
