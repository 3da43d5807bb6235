"""Exercises of notebook 09: pseudo-colour, refined labels, alignment."""

import torch
from torch import Tensor

from vireid import losses
from vireid.checks.cases import labels, numbers, soft, units
from vireid.checks.kinds import Choice, Function, Number


def refined(label: Tensor, certainty: Tensor, other_view: Tensor) -> Tensor:
    hard = torch.nn.functional.one_hot(label, other_view.shape[1])
    w = certainty[:, None]
    return w * hard + (1 - w) * other_view


def momentum(belief: Tensor, delta: float) -> Tensor:
    return delta / belief.clamp(min=delta)


def mmd(x: Tensor, y: Tensor, width: float) -> Tensor:
    def mean(a, b):
        return torch.exp(-(torch.cdist(a, b) ** 2) / width).mean()

    return mean(x, x) + mean(y, y) - 2 * mean(x, y)


def _doubts(rng) -> list:
    p, y, w = soft(rng, 6, 4), labels(rng, 6, 4), numbers(rng, 6)
    return [
        ("six rows", (y, w, p)),
        ("all trusted", (y, 0 * w + 1, p)),
        ("none trusted", (y, 0 * w, p)),
        ("no picture of the last cluster", (y.clamp(max=2), w, p)),
    ]


def _beliefs(rng) -> list:
    return [
        ("random beliefs", (numbers(rng, 8), 0.2)),
        ("a larger delta", (numbers(rng, 8), 0.6)),
        ("sure", (torch.ones(3).double(), 0.2)),
        ("none", (torch.zeros(3).double(), 0.2)),
    ]


def _clouds(rng) -> list:
    x, y = units(rng, 6), units(rng, 4) + 1
    return [
        ("two clouds", (x, y, 1.0)),
        ("one cloud twice", (x, x, 1.0)),
        ("wide kernel", (x, y, 9.0)),
    ]


EXERCISES = [
    Function(
        "09-refined",
        "Write the **refined label** (DMDL eq. 8): $\\tilde y_i = w_i\\, y_i + (1 - w_i)\\, "
        "p(\\cdot \\mid \\hat x_i)$ with "
        "hard `label` (b,), `certainty` w (b,) and the *other view's* prediction (b, K).",
        refined,
        {
            "swapped": (
                lambda label, w, p: refined(label, 1 - w, p),
                "certainty weighs the label, doubt the prediction",
            ),
            "prediction-whole": (
                lambda label, w, p: refined(label, w, p) + w[:, None] * p,
                "the prediction is weighed by 1 - w; rows must sum to 1",
            ),
        },
        (
            "`one_hot(label, K)` is the hard label as a row.",
            "`certainty[:, None]` weighs whole rows.",
        ),
        signature="refined(label, certainty, other_view)",
        library=lambda label, w, p: losses.refined_targets(label, w, p, p)[0],
        cases=_doubts,
    ),
    Function(
        "09-momentum",
        "Write DMDL's **adaptive momentum** (eq. 13), $\\lambda = \\delta / \\max(\\tilde y_y, "
        "\\delta)$, for refined "
        "beliefs (b,).",
        momentum,
        {
            "minimum": (
                lambda belief, delta: delta / belief.clamp(max=delta).clamp(min=1e-9),
                "the belief is raised to at least delta (max), not cut at delta",
            ),
            "product": (
                lambda belief, delta: 1 - belief * (1 - delta),
                "the formula is a quotient",
            ),
        },
        ("A belief of 1 gives delta.", "`belief.clamp(min=delta)` is max(belief, delta)."),
        signature="momentum(belief, delta)",
        library=lambda belief, delta: losses.adaptive_momentum(
            torch.stack([belief, 1 - belief], 1),
            torch.zeros(len(belief), dtype=torch.int64),
            delta=delta,
        ),
        cases=_beliefs,
    ),
    Function(
        "09-mmd",
        "Write the (biased) **MMD** of two clouds with one Gaussian kernel $k(z, z') = "
        "e^{-\\lVert z - z' \\rVert^2 / w}$: "
        "mean of k within x, plus within y, minus twice the mean across.",
        mmd,
        {
            "not-squared": (
                lambda x, y, w: (lambda m: m(x, x) + m(y, y) - 2 * m(x, y))(
                    lambda a, b: torch.exp(-torch.cdist(a, b) / w).mean()
                ),
                "the kernel takes the squared distance",
            ),
            "once": (
                lambda x, y, w: mmd(x, y, w) + torch.exp(-(torch.cdist(x, y) ** 2) / w).mean(),
                "the mean across counts twice; equal clouds must give 0",
            ),
        },
        ("`torch.cdist(a, b) ** 2` are the squared distances.", "Equal clouds give exactly 0."),
        signature="mmd(x, y, width)",
        cases=_clouds,
    ),
    Number(
        "09-pseudo-colours",
        "Suppose each of the 3 channels had three tables to choose from, not two. How many "
        "pseudo-colours could a picture get?",
        27,
        {
            "sum": (9, "the channels choose independently: multiply"),
            "two": (8, "that is with two tables each, as above; suppose a third one"),
        },
        ("Each channel chooses by itself.", "3 * 3 * 3"),
    ),
    Choice(
        "09-certainty",
        "iMCA joins two whole clusters of different people. Will label certainty find it? (a) "
        "yes, all "
        "their pictures get low certainty; (b) hardly: the prototype is the mean of both and "
        "fits each fairly well; "
        "(c) yes, exactly one of the two is doubted; (d) certainty does not depend on the fit.",
        "b",
        {
            "yes": ("a", "the loss compares with a prototype that both people have made"),
            "fit": ("d", "certainty is made from how badly a label fits"),
        },
        (
            "Where does the common prototype stand?",
            "Certainty finds the odd one out in a label, not a wrong label.",
        ),
        options=dict.fromkeys("abcd", ""),
    ),
]
