"""Exercises of notebook 10: matching and transport."""

import torch
from torch import Tensor

from vireid.checks.cases import labels, numbers
from vireid.checks.kinds import Choice, Function, Number


def one_to_one(cost: Tensor) -> Tensor:
    from itertools import permutations

    n = len(cost)
    totals = {p: sum(cost[i, p[i]] for i in range(n)) for p in permutations(range(n))}
    return torch.tensor(min(totals, key=totals.get))


def scaled(plan: Tensor) -> Tensor:
    n, m = plan.shape
    plan = plan / plan.sum(1, keepdim=True) / n  # every row sends 1 / n
    return plan / plan.sum(0, keepdim=True) / m  # every column receives 1 / m


def crossing_precision(label: Tensor, identity: Tensor, modality: Tensor) -> Tensor:
    crossing = (modality[:, None] == 0) & (modality[None] == 1)
    together = crossing & (label[:, None] == label[None])
    right = together & (identity[:, None] == identity[None])
    return right.sum() / together.sum()


def _costs(rng) -> list:
    trap = torch.tensor([[0.1, 0.2], [0.15, 0.9]], dtype=torch.float64)
    return [
        ("four clusters", (numbers(rng, 4, 4),)),
        ("five clusters", (numbers(rng, 5, 5),)),
        ("a trap for the greedy", (trap,)),
    ]


def _greedy(cost: Tensor) -> Tensor:
    left, partner = cost.clone(), torch.zeros(len(cost), dtype=torch.int64)
    for _ in range(len(cost)):
        i, j = divmod(int(left.argmin()), len(cost))
        partner[i] = j
        left[i], left[:, j] = torch.inf, torch.inf
    return partner


def _plans(rng) -> list:
    return [
        ("four by three", (numbers(rng, 4, 3) + 0.01,)),
        ("square", (numbers(rng, 3, 3) + 0.01,)),
        ("one column", (numbers(rng, 3, 1) + 0.1,)),
    ]


def _joint(rng) -> list:
    n = 12
    label, identity, modality = labels(rng, n, 3), labels(rng, n, 4).flip(0), torch.arange(n) % 2
    return [
        ("random labels", (label, identity, modality)),
        ("one cluster", (0 * label, identity, modality)),
        ("perfect", (identity, identity, modality)),
    ]


def _library_matching(cost: Tensor) -> Tensor:
    from scipy.optimize import linear_sum_assignment

    return torch.as_tensor(linear_sum_assignment(cost.numpy())[1])


EXERCISES = [
    Function(
        "10-one-to-one",
        "Write the **Hungarian** matching by brute force: of all one-to-one partners of n "
        "clusters, the one with "
        "the least total cost. `cost` is (n, n), n at most 5; return each row's column, (n,).",
        one_to_one,
        {
            "nearest": (
                lambda cost: cost.argmin(1),
                "each row took its nearest; two rows may not share a column",
            ),
            "greedy": (
                _greedy,
                "taking the cheapest pair first can force a very dear one later; compare totals",
            ),
            "dearest": (lambda cost: one_to_one(-cost), "the *least* total cost is wanted"),
        },
        (
            "`itertools.permutations(range(n))` lists all ways.",
            "Sum `cost[i, p[i]]` over i and take the smallest.",
        ),
        signature="one_to_one(cost)",
        library=_library_matching,
        cases=_costs,
    ),
    Function(
        "10-sinkhorn-step",
        "Write one step of **Sinkhorn**: scale the rows of a positive `plan` (n, m) so that "
        "each sums to 1/n, "
        "then the columns so that each sums to 1/m.",
        scaled,
        {
            "columns-first": (
                lambda plan: scaled(plan.T).T,
                "rows first, columns last: the column sums are then exact",
            ),
            "sums-of-one": (
                lambda plan: (lambda p: p / p.sum(0, keepdim=True))(
                    plan / plan.sum(1, keepdim=True)
                ),
                "columns share a total mass of 1: each receives 1 / m",
            ),
            "rows-only": (
                lambda plan: plan / plan.sum(1, keepdim=True) / len(plan),
                "then the columns must be scaled as well",
            ),
        },
        (
            "`plan / plan.sum(1, keepdim=True)` makes rows sum to 1.",
            "Then the same for columns, with 1 / m.",
        ),
        signature="scaled(plan)",
        cases=_plans,
    ),
    Function(
        "10-pair-precision",
        "Write **pair precision across the gap**: of the (visible, infrared) pairs with one "
        "label, the share "
        "that shows one person. All inputs are (n,); modality 0 visible, 1 infrared.",
        crossing_precision,
        {
            "recall": (
                lambda label, identity, modality: crossing_precision(identity, label, modality),
                "that is recall: divide by the pairs with one *label*",
            ),
            "all-pairs": (
                lambda label, identity, modality: (
                    ((label[:, None] == label) & (identity[:, None] == identity)).sum()
                    / (label[:, None] == label).sum()
                ),
                "only pairs of one visible and one infrared picture count",
            ),
        },
        (
            "Mark the pairs (i visible, j infrared) first.",
            "Of those with one label, how many have one identity?",
        ),
        signature="crossing_precision(label, identity, modality)",
        cases=_joint,
    ),
    Number(
        "10-rounds",
        "20 visible clusters meet 8 infrared ones. After how many rounds of PGM is no visible "
        "cluster single?",
        3,
        {
            "one": (1, "one round serves as many visible clusters as there are infrared ones: 8"),
            "released": (
                2,
                "two rounds serve 16; four stay single (that is what the released code does)",
            ),
            "fraction": (2.5, "a round is played whole"),
        },
        ("Each round serves 8 visible clusters.", "20 / 8, rounded up."),
    ),
    Choice(
        "10-absent",
        "Six people are missing in infrared. Whose *precision* stays, at a price in coverage? "
        "(a) balanced "
        "transport of images; (b) one-to-one matching that leaves the rest single; (c) nearest "
        "prototypes; (d) PGM.",
        "b",
        {
            "transport": (
                "a",
                "every image must send its mass somewhere, and pushes others out of their place",
            ),
            "pgm": ("d", "PGM plays until nobody is single: the lone clusters get a wrong partner"),
        },
        (
            "What happens to a cluster whose person is not there?",
            "Only who may stay single is not forced to be wrong.",
        ),
        options=dict.fromkeys("abcd", ""),
    ),
    Choice(
        "10-find-the-slip",
        "**Find the slip** in Sinkhorn: (a) `K = exp(lam * cost)`; (b) `u = a / (K @ v)`; (c) "
        "`v = b / (K.T @ u)`.",
        "a",
        {
            "rows": ("b", "u scales the rows to their masses a, rightly"),
            "columns": ("c", "v scales the columns to their masses b, rightly"),
        },
        (
            "Should a dear pair get more or less mass?",
            "The kernel is exp(-lam * cost).",
        ),
        options=dict.fromkeys("abc", ""),
    ),
]
