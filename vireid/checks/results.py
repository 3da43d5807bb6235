"""Exercises of notebook 16: reading a table of results."""

from torch import Tensor

from vireid.checks.cases import numbers
from vireid.checks.kinds import Choice, Function, Number


def way_up(base: Tensor, method: Tensor, top: Tensor) -> Tensor:
    return (method - base).mean() / (top - base).mean()


def _three(rng) -> list:
    base = numbers(rng, 5)
    return [
        ("five seeds", (base, base + 0.1 * numbers(rng, 5), base + 0.5)),
        ("a loss", (base, base - 0.1, base + 0.2 + 0.1 * numbers(rng, 5))),
        ("at the top", (base, base + 0.3, base + 0.3)),
    ]


EXERCISES = [
    Function(
        "16-way-up",
        "Write `way_up(base, method, top)`: the mean gain of a method over its base as a share of "
        "what true identities gain, from one score per seed each.",
        way_up,
        {
            "of-ratios": (
                lambda base, method, top: ((method - base) / (top - base)).mean(),
                "that is the mean of the ratios: one seed with a small way up decides it; divide "
                "the mean gains",
            ),
            "from-zero": (
                lambda base, method, top: method.mean() / top.mean(),
                "that counts what the base can do already; both gains begin at the base",
            ),
        },
        ("Two gains over the same base.", "The mean of one divided by the mean of the other."),
        signature="way_up(base, method, top)",
        cases=_three,
    ),
    Number(
        "16-all-five",
        "A step of a ladder does nothing at all, and each of five seeds is a coin's throw. How "
        "likely do all five have the *same* sign? (Three decimals.)",
        1 / 16,
        {
            "all-up": (1 / 32, "that is five times up; five times down has the same sign, too"),
            "three": (1 / 4, "that would be for three seeds"),
        },
        ("Five heads, or five tails.", "2 times one half to the power of 5"),
        within=0.001,
        share=True,
    ),
    Choice(
        "16-equal",
        "What is *not* equal in the table on equal terms? (a) the people; (b) the number of "
        "optimiser steps; (c) the pictures shown in a step; (d) the evaluation.",
        "c",
        {
            "people": ("a", "every seed's world is drawn once and used by all"),
            "steps": ("b", "all take 680, stage 1 included"),
        },
        (
            "What does a method decide itself?",
            "DMDL shows infrared pictures in pseudo-colour beside the plain ones; does MULT?",
        ),
        options=dict.fromkeys("abcd", ""),
    ),
]
