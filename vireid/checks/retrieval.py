"""Exercises of notebooks 00 and 02: scores of retrieval, features."""

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import normalize

from vireid.checks.kinds import Choice, Function, Number
from vireid.evaluation import evaluate


def average_precision(right: Tensor) -> Tensor:
    found = right.cumsum(0)  # right answers up to each rank
    rank = torch.arange(1, len(right) + 1)
    return (found / rank)[right].mean()


def inverse_penalty(right: Tensor) -> Tensor:
    last = right.nonzero().max() + 1  # rank of the last right answer
    return right.sum() / last


def cmc(first: Tensor, ranks: int) -> Tensor:
    upto = torch.arange(1, ranks + 1)
    return (first[:, None] <= upto[None]).double().mean(0)


def similarity(x: Tensor, y: Tensor) -> Tensor:
    return normalize(x) @ normalize(y).T


def _scored(right: Tensor, score: str) -> Tensor:
    """A score of ``evaluate`` for one query of person 1 whose answers come in this order."""
    n = len(right)
    given = -np.arange(n)[None], np.ones(1), np.where(right, 1, np.arange(n) + 2)
    found = evaluate(*given, np.ones(1), np.full(n, 4), protocol="regdb")
    return torch.tensor(getattr(found, score), dtype=torch.float32)


def _orders(rng) -> list:
    found = [("ten answers", (torch.rand(10, generator=rng) < 0.4,)) for _ in range(3)]
    found = [(words, (order[0] | (torch.arange(10) == 7),)) for words, order in found]
    one = torch.zeros(6, dtype=torch.bool)
    one[-1] = True
    return [*found, ("one right answer, the last", (one,)), ("all right", (~one | one,))]


def _firsts(rng) -> list:
    drawn = torch.randint(1, 9, (12,), generator=rng)
    return [
        ("twelve queries", (drawn, 8)),
        ("fewer ranks than some need", (drawn, 3)),
        ("one query", (torch.tensor([2]), 4)),
    ]


def _tables(rng) -> list:
    x, y = (torch.randn(n, 4, generator=rng, dtype=torch.float64) for n in (5, 3))
    return [
        ("random rows", (x, y)),
        ("rows of length 3", (3 * normalize(x), y)),
        ("one row each", (x[:1], y[:1])),
    ]


EXERCISES = [
    Number(
        "00-chance",
        "A gallery holds 40 pictures of 10 people, 4 of each. With answers in a random order, what "
        "is rank-1 on average? (A fraction.)",
        0.1,
        {
            "one-picture": (
                1 / 40,
                "that is the chance of one certain picture; the person has four",
            ),
            "four-tenths": (0.4, "four pictures of forty are the person's, not four of ten"),
        },
        ("Rank-1 looks at the first answer only.", "4 of the 40 pictures are right answers."),
        share=True,
    ),
    Function(
        "00-average-precision",
        "Write **average precision**. `right` says of each answer, best first, whether it shows "
        "the "
        "person; at least one does. With $h_k \\in \\{0, 1\\}$ for rank $k$, "
        "$$AP = \\frac{1}{\\sum_k h_k} \\sum_k h_k \\frac{\\sum_{l \\le k} h_l}{k}.$$",
        average_precision,
        {
            "all-ranks": (
                lambda right: (right.cumsum(0) / torch.arange(1, len(right) + 1)).mean(),
                "precision is averaged at the ranks of right answers only, not at all ranks",
            ),
            "from-zero": (
                lambda right: (right.cumsum(0) / torch.arange(1, len(right) + 1).add(1))[
                    right
                ].mean(),
                "ranks count from 1: the first answer has rank 1",
            ),
            "by-length": (
                lambda right: (
                    (right.cumsum(0) / torch.arange(1, len(right) + 1))[right].sum() / len(right)
                ),
                "divide by the number of right answers, not by the length of the list",
            ),
        },
        (
            "How many right answers are there up to each rank? `cumsum` knows.",
            "Precision at rank k is that number divided by k.",
            "Take the mean of it over the ranks where `right` is true.",
        ),
        signature="average_precision(right)",
        library=lambda right: _scored(right, "mAP"),
        cases=_orders,
    ),
    Function(
        "00-mINP",
        "Write the **inverse negative penalty** of one query, $INP = \\sum_k h_k / \\max\\{k : "
        "h_k = 1\\}$: "
        "it asks how far down the *last* right answer stands. `right` is as above.",
        inverse_penalty,
        {
            "first": (
                lambda right: right.sum() / (right.nonzero().min() + 1),
                "the penalty looks at the last right answer; you took the first",
            ),
            "from-zero": (
                lambda right: right.sum() / right.nonzero().max().clamp(min=1),
                "`nonzero` counts places from 0, ranks count from 1",
            ),
        },
        ("Where does the last right answer stand?", "`right.nonzero().max() + 1` is its rank."),
        signature="inverse_penalty(right)",
        library=lambda right: _scored(right, "mINP"),
        cases=_orders,
    ),
    Choice(
        "00-given",
        "Which of these is a method given in *unsupervised* training here? (a) who is in each "
        "picture; "
        "(b) which pictures are visible and which infrared; (c) which visible person is which "
        "infrared "
        "one; (d) pictures only, not even their modality.",
        "b",
        {
            "names": ("a", "that would be supervised; identities are used for evaluation only"),
            "pairs": ("c", "the partners across the gap are what has to be found"),
            "nothing": (
                "d",
                "each camera is of a known kind, so the modality of a picture is known",
            ),
        },
        ("A camera knows what it is.", "Identities (and so pairs of identities) are never given."),
        options=dict.fromkeys("abcd", ""),
    ),
    Function(
        "02-similarity",
        "Write `similarity(x, y)`: the cosine of every row of `x` (n, d) with every row of `y` "
        "(m, d), "
        "$c_{ij} = \\frac{x_i \\cdot y_j}{\\lVert x_i \\rVert \\lVert y_j \\rVert}$.",
        similarity,
        {
            "not-unit": (
                lambda x, y: x @ y.T,
                "the rows must have length 1 before they are multiplied",
            ),
            "columns": (
                lambda x, y: normalize(x, dim=0) @ normalize(y, dim=0).T,
                "you made the columns unit vectors; a picture is a row",
            ),
            "distance": (lambda x, y: 1 - similarity(x, y), "that is the distance, 1 - cosine"),
        },
        ("A matrix product gives all dot products at once.", "Divide each row by its norm first."),
        signature="similarity(x, y)",
        cases=_tables,
    ),
    Number(
        "02-squared-distance",
        "Two unit vectors have cosine 0.8. What is their *squared* Euclidean distance?",
        0.4,
        {
            "cosine-distance": (0.2, "that is 1 - cosine; the squared distance is twice that"),
            "root": (0.4**0.5, "you took the root; the squared distance is wanted"),
        },
        ("Multiply out $\\lVert x - y \\rVert^2$.", "It is 1 + 1 - 2 cos for unit vectors."),
    ),
    Function(
        "02-cmc",
        "`first` (q,) holds, for each query, the rank of its first right answer. Write "
        "`cmc(first, ranks)`: "
        "the share of queries answered within rank 1, 2, ..., `ranks`.",
        cmc,
        {
            "not-cumulative": (
                lambda first, ranks: (
                    (first[:, None] == torch.arange(1, ranks + 1)).double().mean(0)
                ),
                "the curve adds up: within rank 3 counts ranks 1 and 2 as well",
            ),
            "from-zero": (
                lambda first, ranks: (first[:, None] <= torch.arange(ranks)).double().mean(0),
                "the first entry is rank 1, not rank 0",
            ),
            "strict": (
                lambda first, ranks: (
                    1 - (first[:, None] <= torch.arange(1, ranks + 1)).double().mean(0)
                ),
                "these are the queries *not* yet answered",
            ),
        },
        (
            "For one rank k: how many of `first` are at most k?",
            "Compare `first[:, None]` with 1..ranks.",
        ),
        signature="cmc(first, ranks)",
        cases=_firsts,
    ),
    Choice(
        "02-gap",
        "The same person's distance across modalities exceeds that of strangers within one. "
        "What follows? "
        "(a) retrieval across is hopeless; (b) nearest neighbours over both modalities are mostly "
        "of the own modality; (c) features hold nothing about the person; (d) the two stems are "
        "different.",
        "b",
        {
            "hopeless": (
                "a",
                "a visible gallery is ranked among visible pictures only; a common shift does "
                "not change their order",
            ),
            "nothing": ("c", "within a modality the nearest are mostly the same person"),
            "stems": ("d", "at the start both stems are copies; the gap is in the pictures"),
        },
        (
            "Whom does an infrared picture find first when everybody may answer?",
            "Strangers of the own modality are nearer than oneself in the other.",
        ),
        options=dict.fromkeys("abcd", ""),
    ),
]
