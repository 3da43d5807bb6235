"""Exercises of notebook 05: lists, encodings, Jaccard distances."""

import torch
from torch import Tensor

from vireid.checks.cases import labels, numbers, soft, units
from vireid.checks.kinds import Choice, Function, Number


def encoding(similarity: Tensor, member: Tensor) -> Tensor:
    weight = torch.exp(-(2 - 2 * similarity)) * member
    return weight / weight.sum(1, keepdim=True)


def jaccard(v: Tensor) -> Tensor:
    shared = torch.minimum(v[:, None], v[None]).sum(2)  # (n, n)
    return 1 - shared / (2 - shared)


def expanded(v: Tensor, nearest: Tensor) -> Tensor:
    return v[nearest].mean(1)


def balanced(similarity: Tensor, modality: Tensor, k: int) -> Tensor:
    halves = []
    for m in (0, 1):
        own = similarity.masked_fill(modality[None] != m, -torch.inf)
        halves.append(own.topk(k // 2).indices)
    return torch.cat(halves, 1)


def _sets(rng) -> list:
    x = units(rng, 6)
    s = x @ x.T
    member = (s > 0.1) | torch.eye(6, dtype=torch.bool)
    return [
        ("random sets", (s, member)),
        ("everybody", (s, torch.ones_like(member))),
        ("only oneself", (s, torch.eye(6, dtype=torch.bool))),
    ]


def _encodings(rng) -> list:
    v = soft(rng, 6, 6)
    return [
        ("soft rows", (v,)),
        ("nothing shared", (torch.eye(4, dtype=torch.float64),)),
        ("one row", (v[:1],)),
    ]


def _expansions(rng) -> list:
    v = soft(rng, 6, 6)
    nearest = torch.stack([torch.randperm(6, generator=rng)[:3] for _ in range(6)])
    return [("three each", (v, nearest)), ("oneself only", (v, torch.arange(6)[:, None]))]


def _balanced_cases(rng) -> list:
    x, modality = units(rng, 10), labels(rng, 10, 2)
    modality[:4] = torch.tensor([0, 1, 0, 1])
    shift = x + 3 * modality[:, None]
    return [
        ("random features", (x @ x.T, modality, 4)),
        ("a wide gap", (shift @ shift.T, modality, 4)),
        ("k = 2", (numbers(rng, 10, 10), modality, 2)),
    ]


EXERCISES = [
    Function(
        "05-encoding",
        "Write the **encoding** $V_{ij} \\propto e^{-\\delta_{ij}}$ over the set of i, 0 "
        "outside, rows summing "
        "to 1, with $\\delta_{ij} = 2 - 2 c_{ij}$ (the squared distance). `similarity` (n, n) "
        "holds the cosines $c_{ij}$, "
        "`member` (n, n) is true where j is in i's set.",
        encoding,
        {
            "no-sum": (
                lambda similarity, member: torch.exp(2 * similarity - 2) * member,
                "the rows must sum to 1: divide by each row's sum",
            ),
            "all": (
                lambda similarity, member: (2 * similarity - 2).softmax(1),
                "weights outside of the set must be 0",
            ),
            "cosine-distance": (
                lambda similarity, member: (lambda w: w / w.sum(1, keepdim=True))(
                    torch.exp(similarity - 1) * member
                ),
                "the exponent is the squared distance 2 - 2s, not 1 - s",
            ),
        },
        (
            "Compute the weights of all pairs, then cut by `member`.",
            "Divide by `sum(1, keepdim=True)`.",
        ),
        signature="encoding(similarity, member)",
        cases=_sets,
    ),
    Function(
        "05-jaccard",
        "Write the **Jaccard distance** of encodings whose rows sum to 1: "
        "$J_{ij} = 1 - \\frac{s_{ij}}{2 - s_{ij}}$ with $s_{ij} = \\sum_g \\min(V_{ig}, V_{jg})$.",
        jaccard,
        {
            "shared-only": (
                lambda v: 1 - torch.minimum(v[:, None], v[None]).sum(2),
                "what is shared must be divided by what both have together, 2 - s",
            ),
            "similarity": (
                lambda v: 1 - jaccard(v),
                "that is the similarity; the distance is 1 minus it",
            ),
            "product": (
                lambda v: (lambda s: 1 - s / (2 - s))(v @ v.T),
                "the shared mass is a sum of minima, not of products",
            ),
        },
        (
            "`torch.minimum(v[:, None], v[None])` is (n, n, n).",
            "Sum over the last axis, then the formula.",
        ),
        signature="jaccard(v)",
        cases=_encodings,
    ),
    Function(
        "05-expansion",
        "**Query expansion**: replace each row of `v` by the mean over the rows of its nearest "
        "pictures, "
        "$V'_i = \\frac{1}{k_2} \\sum_{j \\in N_i} V_j$. `nearest` is (n, k2), oneself included.",
        expanded,
        {
            "sum": (
                lambda v, nearest: v[nearest].sum(1),
                "the mean is wanted: rows must sum to 1 again",
            ),
            "with-self": (
                lambda v, nearest: (v + v[nearest].mean(1)) / 2,
                "oneself is in the list already and must not count more",
            ),
        },
        ("`v[nearest]` is (n, k2, n).", "Which axis are the neighbours on?"),
        signature="expanded(v, nearest)",
        cases=_expansions,
    ),
    Function(
        "05-balanced",
        "BMIL's **balanced list**: the k/2 most similar visible pictures (best first), then the "
        "k/2 most "
        "similar infrared ones, whoever asks. Return (n, k) row numbers.",
        balanced,
        {
            "plain": (
                lambda similarity, modality, k: similarity.topk(k).indices,
                "that is the plain list: the modality does not enter",
            ),
            "k-each": (
                lambda similarity, modality, k: balanced(similarity, modality, 2 * k),
                "k / 2 of each modality, so that the list has k",
            ),
            "infrared-first": (
                lambda similarity, modality, k: balanced(similarity, 1 - modality, k),
                "visible ones come first",
            ),
        },
        (
            "Make the other modality's columns very small.",
            "`masked_fill(modality[None] != m, -torch.inf)`, then `topk`.",
        ),
        signature="balanced(similarity, modality, k)",
        cases=_balanced_cases,
    ),
    Number(
        "05-by-hand",
        "Two encodings share the mass s = 0.5. What is their Jaccard distance? (To two digits.)",
        2 / 3,
        {
            "shared-only": (0.5, "divide by what both have together: 2 - 0.5"),
            "similarity": (1 / 3, "that is the similarity; the distance is 1 minus it"),
        },
        ("$J = 1 - s / (2 - s)$", "s / (2 - s) = 0.5 / 1.5"),
    ),
    Choice(
        "05-lqe",
        "`lqe` keeps the plain list and balances only the *average*. When can it bring a "
        "visible and an "
        "infrared picture together? (a) always; (b) only if a plain list already holds somebody "
        "of the "
        "other modality; (c) never; (d) only with eps above 1.",
        "b",
        {
            "always": (
                "a",
                "where a list holds nobody of the other modality there is nothing to average",
            ),
            "never": ("c", "one crossing neighbour is enough to share some mass"),
        },
        (
            "Encodings put weight on the list's members.",
            "Averaging mixes rows; it adds no new columns but theirs.",
        ),
        options=dict.fromkeys("abcd", ""),
    ),
]
