"""Exercises that answer: ``check`` an answer, ask for a ``hint``, look at the ``solution``.

A function of yours is run beside the library's on random and edge cases; a wrong answer gets the
hint that fits its slip. What you have solved is kept on your own machine (``vireid.progress``).
"""

import ast
import inspect
from dataclasses import dataclass
from html import escape

from vireid import progress
from vireid.checks import (
    ablation,
    bias,
    causal,
    clusters,
    comparing,
    honest,
    jaccard,
    matching,
    mcf,
    memories,
    own,
    refinement,
    results,
    retrieval,
    seeing,
    transfer,
)
from vireid.checks.kinds import OUTCOMES, Exercise

__all__ = [
    "OUTCOMES",
    "Result",
    "check",
    "exercise",
    "exercises",
    "hint",
    "mistakes",
    "solution",
    "source",
]

THEMES = (
    retrieval,
    seeing,
    clusters,
    bias,
    jaccard,
    memories,
    comparing,
    causal,
    refinement,
    matching,
    transfer,
    mcf,
    ablation,
    honest,
    own,
    results,
)
_ALL = sorted((e for theme in THEMES for e in theme.EXERCISES), key=lambda e: e.name[:2])
_BY_NAME = {e.name: e for e in _ALL}
_given: dict[str, int] = {}  # how many hints of an exercise have been shown in this session
MARKS = {"right": "✓", "wrong": "✗", "raised": "!", "cannot tell": "?", "not attempted": "…"}
COLOURS = {"right": "#00664B", "wrong": "#A34700", "raised": "#A34700"}


@dataclass(frozen=True)
class Result:
    """What ``check`` found: ``outcome`` is one of ``OUTCOMES``, ``message`` says the rest."""

    name: str
    outcome: str
    message: str

    @property
    def ok(self) -> bool:
        """Whether the answer is right."""
        return self.outcome == "right"

    def __repr__(self) -> str:
        return f"{MARKS[self.outcome]} {self.name}: {self.outcome}. {self.message}"

    def _repr_html_(self) -> str:
        colour = COLOURS.get(self.outcome, "#444444")
        return (
            f'<p role="status" style="border-left: 4px solid {colour}; padding: 0.3em 0.8em; '
            f'max-width: 60em"><strong style="color: {colour}">{MARKS[self.outcome]} '
            f"{self.outcome}</strong> &nbsp;{escape(self.message)}</p>"
        )


def exercises(notebook: str = "") -> list[str]:
    """Names of all exercises in the workbook's order, or of one notebook (``"04"``)."""
    return [name for name in _BY_NAME if name.startswith(notebook)]


def exercise(name: str) -> Exercise:
    """The whole record of one exercise.

    Raises ValueError that lists the names when there is none.
    """
    if name not in _BY_NAME:
        raise ValueError(f"name={name!r} is no exercise; there are: {', '.join(_BY_NAME)}")
    return _BY_NAME[name]


def check(name: str, answer) -> Result:
    """Judge an answer and keep the outcome on this machine.

    Parameters
    ----------
    name : of ``exercises()``
    answer : a number, a letter or a function, as the question asks; ``...`` or None means not yet

    Returns a ``Result`` with ``.ok``, ``.outcome`` and ``.message``; a wrong answer's message is
    the hint for its slip, and it says so when the outcome could not be kept.
    Raises ValueError for an unknown name, and for a file of progress that is none.
    """
    outcome, message = exercise(name).judge(answer)
    if outcome != "not attempted":
        try:
            progress.keep("exercises", name, outcome)
        except OSError as error:
            message += f" (not kept: {error})"
    return Result(name, outcome, message)


def hint(name: str, step: int | None = None) -> str:
    """The next hint of this session, or the one of that step (from 1); the last stays.

    Raises ValueError for an unknown name and a step that is not there.
    """
    hints = exercise(name).hints
    if step is None:
        step = min(_given.get(name, 0) + 1, len(hints))
    if not 1 <= step <= len(hints):
        raise ValueError(f"step={step}; {name} has the hints 1 to {len(hints)}")
    _given[name] = step
    more = "" if step < len(hints) else f' (the last one; then checks.solution("{name}"))'
    return f"{step} of {len(hints)}: {hints[step - 1]}{more}"


def solution(name: str):
    """The answer, an object that passes its own ``check``: a number, a letter or a function.

    Raises ValueError for an unknown name.
    """
    return exercise(name).answer


def source(name: str) -> str:
    """The solution as text that runs by itself: a function's lines below what it imports, or the
    number or letter itself.
    """
    found = solution(name)
    if not callable(found):
        return repr(found)
    lines = inspect.getsource(found)
    return "".join(f"{line}\n" for line in _imports(found, lines)) + f"\n\n{lines}"


def _imports(function, lines: str) -> list[str]:
    """What its lines name of other modules, as import statements."""
    named = {node.id for node in ast.walk(ast.parse(lines)) if isinstance(node, ast.Name)}
    of = {name: function.__globals__[name] for name in named & function.__globals__.keys()}
    modules = sorted(name for name, value in of.items() if inspect.ismodule(value))
    parts = sorted(f"from {of[name].__module__} import {name}" for name in of.keys() - modules)
    return [*(f"import {name}" for name in modules), *parts]


def mistakes(name: str) -> dict[str, object]:
    """The slips that are expected: name of the slip -> the wrong answer it leads to.

    Each gets a hint of its own from ``check``. Raises ValueError for an unknown name.
    """
    return {slip: wrong for slip, (wrong, _) in exercise(name).slips.items()}
