"""Exercises of notebook 07: honest comparisons."""

import torch
from torch import Tensor

from vireid.checks.cases import numbers
from vireid.checks.kinds import Choice, Function, Number


def paired_gain(base: Tensor, method: Tensor) -> Tensor:
    gain = method - base
    return torch.stack([gain.mean(), gain.std()])


def _seeds(rng) -> list:
    base = numbers(rng, 4)
    return [
        ("four seeds", (base, base + 0.05 * numbers(rng, 4))),
        ("equal gains", (base, base + 0.1)),
        ("a loss", (base, base - 0.2 * numbers(rng, 4))),
    ]


EXERCISES = [
    Function(
        "07-paired",
        "Rows of a ladder share a stage 1 seed by seed, so they are compared in pairs. Write "
        "`paired_gain(base, method)`: the mean of the gains and their sample standard "
        "deviation, as one tensor.",
        paired_gain,
        {
            "unpaired": (
                lambda base, method: torch.stack(
                    [method.mean() - base.mean(), (base.var() + method.var()).sqrt()]
                ),
                "the mean is right, but the spread is that of unpaired runs; take the "
                "differences first",
            ),
            "population": (
                lambda base, method: torch.stack(
                    [(method - base).mean(), (method - base).std(correction=0)]
                ),
                "with few seeds the sample deviation divides by n - 1",
            ),
            "sign": (
                lambda base, method: paired_gain(method, base),
                "the gain is method minus base",
            ),
        },
        ("First the difference of each seed.", "`.std()` divides by n - 1 already."),
        signature="paired_gain(base, method)",
        cases=_seeds,
    ),
    Number(
        "07-lucky",
        "A useless method is compared with its base over 3 seeds; each seed is a coin's throw. "
        "How likely "
        "is it to win in all three? (Three decimals.)",
        0.125,
        {
            "one": (0.5, "that is one seed"),
            "mean": (1 / 3, "the seeds are independent throws: multiply"),
        },
        ("Three throws, all heads.", "0.5 to the power of 3"),
        within=0.001,
        share=True,
    ),
    Choice(
        "07-control",
        "BMIL takes two steps per iteration in stage 2. What must a fair control do? (a) stop "
        "after stage 1; "
        "(b) go on within the modalities for as many steps; (c) train half as long; (d) use the "
        "identities.",
        "b",
        {
            "stop": (
                "a",
                "then BMIL also has more training, and its gain may come from that alone",
            ),
            "oracle": ("d", "that is a ceiling, not a control"),
        },
        (
            "What may differ between method and control?",
            "Only the bridge across the gap, not the amount of training.",
        ),
        options=dict.fromkeys("abcd", ""),
    ),
    Choice(
        "07-best-epoch",
        "Reporting the best epoch *on the test set* instead of the last one... (a) is fair if "
        "all do it; "
        "(b) helps noisy curves most; (c) changes nothing; (d) helps only good methods.",
        "b",
        {
            "fair": ("a", "the more a curve jumps, the more it gains; methods do not jump alike"),
            "good-only": ("d", "a useless method's curve has a maximum as well"),
        },
        ("What is the maximum of pure noise over 30 epochs?", "It grows with the noise."),
        options=dict.fromkeys("abcd", ""),
    ),
    Choice(
        "07-read-the-plot",
        "**Read the plot** of section 1: BMIL's loss within infrared ends about where it began, "
        "while rank-1 has risen. That says: (a) nothing was learned from infrared pictures; (b) "
        "the loss says how easily the present labels are met, not how well people are found; (c) "
        "training has diverged.",
        "b",
        {
            "nothing": (
                "a",
                "rank-1 matches infrared pictures with visible ones, better than before",
            ),
            "diverged": ("c", "a diverging run has a rising loss, or none"),
        },
        (
            "Who made the labels that the loss is about?",
            "They change with every epoch, right or wrong.",
        ),
        options=dict.fromkeys("abc", ""),
    ),
]
