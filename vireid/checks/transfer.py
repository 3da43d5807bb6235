"""Exercises of notebook 11: label transfer."""

import torch
from torch import Tensor

from vireid.association import aggregate, transfer_rounds
from vireid.checks.cases import soft
from vireid.checks.kinds import Choice, Function, Number


def transfer(y0: Tensor, r0: Tensor, s_vr: Tensor, s_rv: Tensor, alpha: float) -> tuple:
    y = (1 - alpha) * s_vr @ r0 + alpha * y0
    r = (1 - alpha) * s_rv @ y + alpha * r0
    return y, r


def sharpened(y: Tensor, beta: float) -> Tensor:
    hard = torch.nn.functional.one_hot(y.argmax(1), y.shape[1])
    return beta * hard + (1 - beta) * y


def _spreads(rng) -> list:
    y0, r0, vr, rv = soft(rng, 4, 3), soft(rng, 5, 3), soft(rng, 4, 5), soft(rng, 5, 4)
    return [
        ("alpha 0.2", (y0, r0, vr, rv, 0.2)),
        ("alpha 0", (y0, r0, vr, rv, 0.0)),
        ("alpha 1", (y0, r0, vr, rv, 1.0)),
    ]


def _library_transfer(y0: Tensor, r0: Tensor, s_vr: Tensor, s_rv: Tensor, alpha: float) -> tuple:
    """The first round with nobody to listen to within a modality."""
    alone = torch.eye(len(y0)).double(), torch.eye(len(r0)).double()
    y, r, _ = next(transfer_rounds(y0, r0, *alone, s_vr, s_rv, alpha=alpha))
    return y, r


def _softs(rng) -> list:
    y = soft(rng, 6, 4)
    return [
        ("beta 0.7", (y, 0.7)),
        ("beta 0", (y, 0.0)),
        ("beta 1", (y, 1.0)),
        ("one row", (y[:1], 0.5)),
    ]


EXERCISES = [
    Function(
        "11-transfer",
        "Write the crossing half of one round of **label transfer** (MULT eq. 11-12, as in the "
        "code): "
        "$y' = (1 - \\alpha) S^{vr} r_0 + \\alpha y_0$, then $r' = (1 - \\alpha) S^{rv} y' + "
        "\\alpha r_0$. Return (y', r').",
        transfer,
        {
            "paper-schedule": (
                lambda y0, r0, vr, rv, a: ((1 - a) * vr @ r0 + a * y0, (1 - a) * rv @ y0 + a * r0),
                "r' hears the *new* y' here; the old one is the paper's schedule",
            ),
            "alpha-swapped": (
                lambda y0, r0, vr, rv, a: transfer(y0, r0, vr, rv, 1 - a),
                "alpha weighs the first label, 1 - alpha what is heard",
            ),
        },
        ("First y', as the formula says.", "Then r', with y' in place of y."),
        signature="transfer(y0, r0, s_vr, s_rv, alpha)",
        library=_library_transfer,
        cases=_spreads,
    ),
    Function(
        "11-sharpen",
        "Write MULT's sharpening (eq. 13): $y \\leftarrow \\beta\\, \\mathrm{onehot}(\\arg\\max "
        "y) + (1 - \\beta) y$.",
        sharpened,
        {
            "swapped": (lambda y, beta: sharpened(y, 1 - beta), "beta weighs the hard label"),
            "power": (
                lambda y, beta: (lambda p: p / p.sum(1, keepdim=True))(y ** (1 + beta)),
                "that is a sharper softmax; eq. 13 mixes in a one-hot row",
            ),
        },
        ("`one_hot(y.argmax(1), K)`.", "Mix it with y."),
        signature="sharpened(y, beta)",
        library=lambda y, beta: aggregate(y, beta=beta),
        cases=_softs,
    ),
    Number(
        "11-bound",
        "With the code's schedule each round shrinks the error by $(1 - \\alpha)^2$ at least. "
        "By which factor do 5 "
        "rounds at alpha = 0.2 shrink it? (To three digits.)",
        0.8**10,
        {
            "paper": (0.8**5, "that is the paper's schedule: one factor a round"),
            "one-round": (0.8**2, "that is one round"),
            "alpha": (0.2**10, "the factor is 1 - alpha = 0.8"),
        },
        ("0.64 a round.", "0.64 to the power of 5"),
        within=0.001,
        share=True,
    ),
    Choice(
        "11-collapse",
        "alpha = 0 and many rounds. All labels become... (a) right; (b) one and the same "
        "distribution; (c) "
        "one-hot; (d) what they were in round 0.",
        "b",
        {
            "right": ("a", "nobody remembers a first label; everyone averages with everyone"),
            "hard": ("c", "averaging never sharpens"),
            "first": (
                "d",
                "at alpha = 1 labels stay near them, averaged once; at 0 nothing holds them at all",
            ),
        },
        ("All matrices only average.", "What is left when everybody has averaged with everybody?"),
        options=dict.fromkeys("abcd", ""),
    ),
]
