"""What can be asked: a number, a choice, a function. Each judges an answer and knows usual "
"slips.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from numbers import Real
from typing import NamedTuple

from vireid.checks import trial

Slips = Mapping[str, tuple[object, str]]  # name -> (wrong answer, the hint that fits it)


class Verdict(NamedTuple):
    """An outcome of ``OUTCOMES`` and a sentence for the student."""

    outcome: str
    message: str


OUTCOMES = ("not attempted", "raised", "wrong", "right", "cannot tell")
NOT_YET = Verdict("not attempted", "put your answer in place of the three dots")


@dataclass(frozen=True, eq=False)
class Exercise:
    """One graded question.

    Parameters
    ----------
    name : "NN-word", NN its notebook
    question : Markdown, as it stands in the notebook
    answer : what passes
    slips : anticipated wrong answers, two at least
    hints : from vague to plain
    """

    name: str
    question: str
    answer: object
    slips: Slips
    hints: tuple[str, ...]

    def judge(self, given) -> Verdict:
        """What to say to an answer."""
        if given is None or given is Ellipsis:
            return NOT_YET
        if problem := self.unfit(given):
            return Verdict("cannot tell", problem)
        if self.same(given, self.answer):
            return Verdict("right", "that is it")
        for wrong, hint in self.slips.values():
            if self.same(given, wrong):
                return Verdict("wrong", hint)
        return Verdict("wrong", self.unknown_slip(given))

    def unfit(self, given) -> str:
        """Why an answer cannot be judged at all, or an empty text."""
        raise NotImplementedError

    def same(self, given, other) -> bool:
        """Whether two answers are the same one."""
        raise NotImplementedError

    def unknown_slip(self, given) -> str:
        """What to say to a wrong answer that nobody has thought of."""
        return f'not that; checks.hint("{self.name}") helps on, step by step'


@dataclass(frozen=True, eq=False)
class Number(Exercise):
    """A number, right within ``within`` (absolute); a ``share`` is one that per cent can tell."""

    within: float = 0.005
    share: bool = False

    def unfit(self, given) -> str:
        """A single finite real number is wanted."""
        if isinstance(given, bool) or not isinstance(_plain(given), Real):
            return f"a number is wanted, and this is of type {type(given).__name__}"
        return "" if _finite(_plain(given)) else "this number is not finite, or far too large"

    def same(self, given, other) -> bool:
        """Equal within the tolerance."""
        return abs(float(_plain(given)) - float(other)) <= self.within

    def unknown_slip(self, given) -> str:
        """Per cent in place of a fraction is said, too large or too small as well."""
        if self.share and self.same(_plain(given) / 100, self.answer):
            return "the number is right in per cent; give a fraction between 0 and 1"
        way = "large" if _plain(given) > self.answer else "small"
        return f'too {way}; checks.hint("{self.name}") helps on, step by step'


@dataclass(frozen=True, eq=False)
class Choice(Exercise):
    """One of some options, answered by its letter."""

    options: Mapping[str, str] = field(default_factory=dict)

    def unfit(self, given) -> str:
        """One of the letters is wanted."""
        if isinstance(given, str) and _letter(given) in self.options:
            return ""
        return f"one of the letters {', '.join(self.options)} is wanted, and this is {given!r}"

    def same(self, given, other) -> bool:
        """The same letter, large or small, in brackets or not."""
        return _letter(given) == other


@dataclass(frozen=True, eq=False)
class Function(Exercise):
    """A function that must do on every case what the library's does.

    Parameters
    ----------
    library : what it is run beside; default the exercise's own ``answer``
    signature : its head, as the notebook offers it
    cases : a seeded ``torch.Generator`` -> list of (words that name the case, arguments)
    gradient : numbers of the arguments whose gradient must agree, too
    """

    signature: str = ""
    library: Callable | None = None
    cases: Callable = field(default=list)
    gradient: tuple[int, ...] = ()

    def judge(self, given) -> Verdict:
        """Run it on every case; an error and an empty body are told apart from a wrong result."""
        if given is None or given is Ellipsis:
            return NOT_YET
        if not callable(given):
            return Verdict("cannot tell", f"a function is wanted, this is {type(given).__name__}")
        runs = trial.run(given, self)
        if trial.is_stub(given, runs):
            return NOT_YET
        if failed := next((one for one in runs if one.error), None):
            return Verdict("raised", f"on {failed.words}: {trial.told(failed.error)}")
        wanted = trial.run(self.library or self.answer, self)
        problem = trial.first_difference(runs, wanted)
        if not problem:
            return Verdict("right", f"the same as the library's on {len(runs)} cases")
        for wrong, hint in self.slips.values():
            if not trial.first_difference(runs, trial.run(wrong, self)):
                return Verdict("wrong", hint)
        return Verdict("wrong", problem)


def _letter(given: str) -> str:
    return given.strip().strip("().").lower()


def _finite(number: Real) -> bool:
    try:
        return math.isfinite(number)
    except OverflowError:  # a whole number that no float can hold
        return False


def _plain(number):
    """The Python number in a 0-dimensional array or tensor; anything else as it is."""
    return number.item() if getattr(number, "ndim", None) == 0 else number
