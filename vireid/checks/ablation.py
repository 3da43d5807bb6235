"""Exercises of notebook 13: gains in pairs, interactions, how many runs say anything."""

import torch
from torch import Tensor

from vireid.checks.cases import numbers
from vireid.checks.kinds import Choice, Function, Number


def gains(method_seeds: Tensor, method: Tensor, base_seeds: Tensor, base: Tensor) -> Tensor:
    same = method_seeds[:, None] == base_seeds[None]
    row, column = same.nonzero(as_tuple=True)
    return method[row] - base[column]


def _ladders(rng) -> list:
    seeds, shuffled = torch.arange(1, 5), torch.tensor([3, 1, 4, 2])
    return [
        ("seeds in another order", (seeds, numbers(rng, 4), shuffled, numbers(rng, 4))),
        ("seeds that do not rise", (shuffled, numbers(rng, 4), seeds, numbers(rng, 4))),
        ("a seed that the base lacks", (seeds, numbers(rng, 4), seeds[1:], numbers(rng, 3))),
        ("no seed in common", (seeds[:2], numbers(rng, 2), seeds[2:], numbers(rng, 2))),
    ]


def _sorted(method_seeds, method, base_seeds, base):
    order = method_seeds.argsort()
    return gains(method_seeds[order], method[order], base_seeds, base)


def _by_place(method_seeds, method, base_seeds, base):
    n = min(len(method), len(base))
    return method[:n] - base[:n]


EXERCISES = [
    Function(
        "13-gain",
        "Write `gains(method_seeds, method, base_seeds, base)`: scores of a method and of its base "
        "come with their seeds, in any order and not always the same ones. Give the gains of the "
        "seeds that both have, in the order of `method_seeds`.",
        gains,
        {
            "by-place": (
                _by_place,
                "these are differences by *place*; a gain belongs to one seed of both",
            ),
            "sorted": (
                _sorted,
                "the gains are right, but in the order of rising seeds; keep that of method_seeds",
            ),
            "unpaired": (
                lambda method_seeds, method, base_seeds, base: gains(
                    method_seeds, method, method_seeds, base.mean().expand(len(method))
                ),
                "that is each score minus the mean of the base: the pairing is lost",
            ),
            "sign": (
                lambda method_seeds, method, base_seeds, base: (
                    -gains(method_seeds, method, base_seeds, base)
                ),
                "a gain is method minus base",
            ),
        },
        (
            "Which pairs (i, j) have equal seeds?",
            "`(method_seeds[:, None] == base_seeds[None]).nonzero(as_tuple=True)` has both places.",
        ),
        signature="gains(method_seeds, method, base_seeds, base)",
        cases=_ladders,
    ),
    Number(
        "13-settings",
        "A method has 6 switches of two values. How many settings are the method as it is and "
        "every change of one switch?",
        7,
        {
            "all": (64, "these are all combinations; one switch changes at a time"),
            "forgotten": (6, "the method as it is is a setting, too: what else to compare with?"),
        },
        ("One setting that changes nothing, and one for each switch.",),
        within=0.5,
    ),
    Choice(
        "13-interaction",
        "Leaving out A costs nothing, leaving out B costs nothing, leaving out both costs 8 "
        "points. What does that say? (a) A and B are both useless; (b) each does the other's work, "
        "and one of them would do; (c) the runs are wrong; (d) A and B need each other.",
        "b",
        {
            "useless": ("a", "leaving out both costs 8 points, so something in them is of use"),
            "need": (
                "d",
                "then leaving out one would cost: the other alone could do nothing",
            ),
        },
        (
            "What is left when only one of them is left out?",
            "The other one, and it is enough.",
        ),
        options=dict.fromkeys("abcd", ""),
    ),
    Choice(
        "13-lone-seed",
        "A row has one seed and lies 3 points above the base. Gains of other rows have a "
        "standard deviation of 2 to 4 points over seeds. What do you write? (a) +3.0; (b) +3.0, "
        "significant; (c) one seed, no statement; (d) 0.",
        "c",
        {
            "bare": ("a", "a reader takes it for a mean; say at least that it is one seed"),
            "significant": (
                "b",
                "one pair has no spread, and 3 points lie within the others'",
            ),
            "zero": ("d", "nothing says that it is zero, either"),
        },
        (
            "How often does a useless row lie 3 points above, with a spread of 3?",
            "About one in six.",
        ),
        options=dict.fromkeys("abcd", ""),
    ),
    Number(
        "13-ceiling",
        "`prolonged` has rank-1 61.4, the method 75.8, the `oracle` 85.2. Which share of what "
        "could be won at most has the method won? (A fraction, two decimals.)",
        (75.8 - 61.4) / (85.2 - 61.4),
        {
            "of-oracle": (
                75.8 / 85.2,
                "that is its share of the oracle's score; count from the control",
            ),
            "lost": ((85.2 - 75.8) / (85.2 - 61.4), "that is the share that is still to be won"),
        },
        ("What could be won is oracle minus control.", "(75.8 - 61.4) / (85.2 - 61.4)"),
        share=True,
    ),
]
