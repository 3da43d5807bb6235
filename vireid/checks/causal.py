"""Exercises of notebook 08: adjusting for the modality."""

import math

import torch
from torch import Tensor

from vireid import losses
from vireid.checks.cases import labels, numbers, soft, units
from vireid.checks.kinds import Choice, Function, Number


def cai(p_visible: Tensor, p_infrared: Tensor, target: Tensor, prior: Tensor) -> Tensor:
    mixture = prior[0] * p_visible + prior[1] * p_infrared  # (b, K)
    return -mixture[torch.arange(len(target)), target].log().mean()


def responsibility(p_visible: Tensor, p_infrared: Tensor, prior: Tensor) -> Tensor:
    parts = torch.stack([prior[0] * p_visible, prior[1] * p_infrared], 1)  # (b, 2)
    return parts / parts.sum(1, keepdim=True)


def geometric(z_visible: Tensor, z_infrared: Tensor, weight: Tensor) -> Tensor:
    return (weight[0] * z_visible + weight[1] * z_infrared).softmax(1)


def _predictions(rng) -> list:
    v, r, y = soft(rng, 6, 4), soft(rng, 6, 4), labels(rng, 6, 4)
    prior = torch.tensor([0.7, 0.3], dtype=torch.float64)
    return [
        ("six rows", (v, r, y, prior)),
        ("equal memories", (v, v, y, prior)),
        ("one modality only", (v, r, y, torch.tensor([1.0, 0.0], dtype=torch.float64))),
        ("two rows", (v[:2], r[:2], y[:2], prior)),
    ]


def _library_cai(p_visible: Tensor, p_infrared: Tensor, target: Tensor, prior: Tensor) -> Tensor:
    """CAI's loss from the mixture that the library would compute from features."""
    log_p = torch.stack([p_visible.log(), p_infrared.log()]) + prior.log()[:, None, None]
    return torch.nn.functional.nll_loss(log_p.logsumexp(0), target)


def _asked(rng) -> list:
    prior = torch.tensor([0.6, 0.4], dtype=torch.float64)
    v, r = numbers(rng, 5), numbers(rng, 5)
    return [
        ("five pictures", (v, r, prior)),
        ("one memory is at 0", (v, 0 * r, prior)),
        ("one picture", (v[:1], r[:1], prior)),
    ]


def _logits(rng) -> list:
    v, r = (4 * units(rng, 5) for _ in range(2))
    weight = torch.tensor([0.7, 0.3], dtype=torch.float64)
    return [
        ("five rows", (v, r, weight)),
        ("equal logits", (v, v, weight)),
        ("one row", (v[:1], r[:1], weight)),
    ]


EXERCISES = [
    Function(
        "08-cai",
        "Write **CAI**'s loss (DMDL eq. 5-6) from both memories' predictions `p_visible`, "
        "`p_infrared` "
        "(b, K): $\\ell = -\\frac1b \\sum_i \\log \\sum_m p(m)\\, p(y_i \\mid x_i, m)$. `prior` "
        "is p(m) (2,).",
        cai,
        {
            "sum-of-logs": (
                lambda v, r, y, prior: (
                    -sum(
                        q * p[torch.arange(len(y)), y].log()
                        for q, p in zip(prior, (v, r), strict=True)
                    ).mean()
                ),
                "CAI is the log of a sum; you took the sum of logs, in which no memory can be "
                "outvoted",
            ),
            "no-prior": (
                lambda v, r, y, prior: cai(v, r, y, torch.full_like(prior, 0.5)),
                "the memories are weighed by p(m), not by one half each",
            ),
            "no-log": (
                lambda v, r, y, prior: (
                    -(prior[0] * v + prior[1] * r)[torch.arange(len(y)), y].mean()
                ),
                "the loss is minus the *log* of the mixture",
            ),
        },
        (
            "First mix the two predictions, weighed by the prior.",
            "Then pick the target's entry and take minus its log.",
        ),
        signature="cai(p_visible, p_infrared, target, prior)",
        gradient=(0, 1),
        library=_library_cai,
        cases=_predictions,
    ),
    Function(
        "08-responsibility",
        "CAI's pull comes from the memories by their **responsibility** $r_m \\propto p(m)\\, "
        "p(y \\mid x, m)$. "
        "`p_visible`, `p_infrared` (b,) are the target's chances; return (b, 2), rows summing "
        "to 1.",
        responsibility,
        {
            "no-prior": (
                lambda v, r, prior: responsibility(v, r, torch.full_like(prior, 0.5)),
                "the prior p(m) belongs in",
            ),
            "prior-only": (
                lambda v, r, prior: prior.expand(len(v), 2).clone(),
                "that is how the *sum of logs* pulls; here a memory that is against has little say",
            ),
        },
        ("Multiply each memory's chance by its prior.", "Divide by the sum over the two memories."),
        signature="responsibility(p_visible, p_infrared, prior)",
        cases=_asked,
    ),
    Function(
        "08-nwgm",
        "Write the **normalised weighted geometric mean** of two softmax predictions from their "
        "logits "
        "(b, K) and weights (2,). It is one line.",
        geometric,
        {
            "arithmetic": (
                lambda v, r, w: w[0] * v.softmax(1) + w[1] * r.softmax(1),
                "that is the arithmetic mixture; the geometric mean moves the softmax outside",
            ),
            "not-normalised": (
                lambda v, r, w: v.softmax(1) ** w[0] * r.softmax(1) ** w[1],
                "the product of powers must be normalised to sum to 1",
            ),
        },
        ("The log of a geometric mean is a mean of logs.", "softmax(sum of w z)"),
        signature="geometric(z_visible, z_infrared, weight)",
        library=lambda v, r, w: losses.nwgm([v, r], w),
        cases=_logits,
    ),
    Number(
        "08-floor",
        "A label is missing in the infrared memory; p(visible) = 0.6. What is the smallest CAI "
        "loss its "
        "pictures can have? (Nats, to two digits.)",
        -math.log(0.6),
        {
            "zero": (0.0, "the missing memory gives 0, so the mixture reaches 0.6 at most"),
            "other": (-math.log(0.4), "0.4 is the weight of the memory that lacks the label"),
        },
        ("How large can the mixture be?", "-log 0.6"),
    ),
    Choice(
        "08-own-memory",
        "In section 1 a memory of the picture's own modality, asked alone, was best nearly to "
        "the end. Why not train with "
        "it? (a) it is slower; (b) it needs labels; (c) it never pulls across the gap, so "
        "nothing is "
        "learned about the other modality; (d) its loss is infinite.",
        "c",
        {
            "labels": ("b", "all three use the same pseudo-labels"),
            "slower": ("a", "it asks one memory instead of two"),
        },
        ("Which share of the pull comes from the other memory?", "None, by construction."),
        options=dict.fromkeys("abcd", ""),
    ),
    Choice(
        "08-find-the-slip",
        "**Find the slip** in CAI: (a) `p = softmax(x @ phi.T / tau)` for each memory; (b) "
        "`log_p = prior[0] * p_v.log() + prior[1] * p_r.log()`; (c) `loss = -log_p[rows, "
        "y].mean()`.",
        "b",
        {
            "softmax": ("a", "each memory's prediction is a softmax over its prototypes, rightly"),
            "mean": ("c", "the batch mean of minus the log is right"),
        },
        (
            "Is CAI a log of a sum or a sum of logs?",
            "The mixture must be made before the log.",
        ),
        options=dict.fromkeys("abc", ""),
    ),
]
