"""Exercises of notebook 14: protocols, ties, splits, chosen epochs."""

import torch
from torch import Tensor

from vireid.checks.kinds import Choice, Function, Number
from vireid.evaluation import evaluate, kept_pairs


def compared(query_camera: Tensor, gallery_camera: Tensor) -> Tensor:
    return ~((query_camera[:, None] == 3) & (gallery_camera[None] == 2))


def _library_compared(query_camera: Tensor, gallery_camera: Tensor) -> Tensor:
    people = torch.zeros_like(query_camera), torch.zeros_like(gallery_camera)
    kept = kept_pairs(*people, query_camera, gallery_camera, protocol="sysu")
    return torch.as_tensor(kept)


def _cameras(rng) -> list:
    query = torch.tensor([3, 6])[torch.randint(2, (6,), generator=rng)]
    gallery = torch.tensor([1, 2, 4, 5])[torch.randint(4, (7,), generator=rng)]
    return [
        ("random cameras", (query, gallery)),
        ("cameras 3 and 2, 4", (torch.tensor([3]), torch.tensor([2, 4]))),
        ("camera 6 alone", (torch.tensor([6]), torch.tensor([2, 1]))),
    ]


def rank_among_people(answers: Tensor, person: int) -> Tensor:
    before = answers[: (answers == person).nonzero().min()]
    return torch.tensor(1 + len(before.unique()))


def _library_rank(answers: Tensor, person: int) -> Tensor:
    n = len(answers)
    ranked = -torch.arange(n, dtype=torch.float64)[None]
    cmc = evaluate(ranked, [person], answers, [6], [1] * n, protocol="sysu").cmc
    return torch.tensor(int((cmc == 0).sum()) + 1)


def _answers(rng) -> list:
    strangers = torch.randint(6, (12,), generator=rng)
    return [
        ("a stranger twice before", (torch.tensor([4, 4, 2, 7, 2]), 7)),
        ("right at once", (torch.tensor([5, 1, 5]), 5)),
        ("twelve strangers before", (torch.cat([strangers, torch.tensor([9])]), 9)),
    ]


EXERCISES = [
    Function(
        "14-room",
        "Camera 3 hangs in the room of camera 2. Write `compared(query_camera, gallery_camera)`: a "
        "table (queries, gallery) of true and false, true where SYSU-MM01's protocol compares the "
        "two.",
        compared,
        {
            "nobody-meets-2": (
                lambda query_camera, gallery_camera: (gallery_camera != 2)[None].expand(
                    len(query_camera), -1
                ),
                "only queries of camera 3 are kept from camera 2; camera 6 may see it",
            ),
            "inverted": (
                lambda query_camera, gallery_camera: ~compared(query_camera, gallery_camera),
                "this is true where the two are *not* compared",
            ),
            "no-rule": (
                lambda query_camera, gallery_camera: torch.ones(
                    len(query_camera), len(gallery_camera), dtype=torch.bool
                ),
                "nothing is left out: that is RegDB's rule, not SYSU-MM01's",
            ),
        },
        (
            "Two conditions, both must hold for a pair to be left out.",
            "`query_camera[:, None] == 3` is a column, `gallery_camera[None] == 2` a row.",
            "Join them by & and turn the result around with ~.",
        ),
        signature="compared(query_camera, gallery_camera)",
        library=_library_compared,
        cases=_cameras,
    ),
    Function(
        "14-rank",
        "SYSU-MM01's CMC counts people. `answers` holds whom each picture of a ranking shows, best "
        "first. Write `rank_among_people(answers, person)`: the rank of the first right answer "
        "when every person takes up one place, as a tensor.",
        rank_among_people,
        {
            "pictures": (
                lambda answers, person: (answers == person).nonzero().min() + 1,
                "that counts pictures, as RegDB does; a person who answers twice takes one place",
            ),
            "from-zero": (
                lambda answers, person: rank_among_people(answers, person) - 1,
                "the best rank is 1",
            ),
            "everybody": (
                lambda answers, person: torch.tensor(len(answers.unique())),
                "only people *before* the first right answer count",
            ),
        },
        (
            "Cut the ranking at the first right answer.",
            "How many different people stand before it? `unique` knows.",
        ),
        signature="rank_among_people(answers, person)",
        library=_library_rank,
        cases=_answers,
    ),
    Number(
        "14-collapsed",
        "A collapsed network gives every pair the same similarity. The gallery shows 4 people in 5 "
        "pictures each. Code sets rank = 1 + the number of answers that are *strictly* more "
        "similar than the right one. Which rank-1 does it report? (A fraction.)",
        1.0,
        {
            "chance": (0.25, "that is what an honest order of the ties gives on average"),
            "zero": (0.0, "nothing is strictly more similar, so the right answer has rank 1"),
        },
        ("How many answers are strictly better?", "None; so every right answer has rank 1."),
        share=True,
    ),
    Choice(
        "14-split",
        "One model is trained on RegDB's split 1 and tested on the test people of all ten splits. "
        "The mean is (a) fair, it uses all ten splits; (b) too high, about half of the test people "
        "of nine splits were in training; (c) too low, the model saw one split only; (d) right, "
        "since training used no names.",
        "b",
        {
            "ten-splits": ("a", "each split is a training set as well: ten splits, ten models"),
            "no-names": (
                "d",
                "the network has been adapted to these very people, with or without their names; "
                "the protocol asks about new ones",
            ),
        },
        ("Who is in the other half of split 2?", "Splits halve the same 412 people anew."),
        options=dict.fromkeys("abcd", ""),
    ),
    Number(
        "14-best-of",
        "A method that learns nothing is scored after each of 2 epochs; both scores are noise with "
        "standard deviation 1 point. The better one is reported. How many points above the truth "
        "does it lie on average? (Two decimals; the mean of the larger of two standard normal "
        "numbers is $1 / \\sqrt{\\pi}$.)",
        0.56,
        {
            "none": (0.0, "each score alone is right on average, the better of the two is not"),
            "one-sd": (1.0, "that is the spread of one score; the better of two lies at 0.56"),
        },
        ("It is not 0: a maximum is chosen.", "Compute 1 / 3.14159 ** 0.5."),
    ),
]
