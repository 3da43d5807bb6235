"""Exercises of notebook 06: contrast, prototypes per modality, memories."""

import math

import torch
from torch import Tensor
from torch.nn.functional import normalize

from vireid import losses
from vireid.checks.cases import labels, units
from vireid.checks.kinds import Choice, Function, Number
from vireid.memory import Memory

TAU = 0.05


def contrast(x: Tensor, target: Tensor, prototypes: Tensor, temperature: float) -> Tensor:
    score = normalize(x) @ prototypes.T / temperature  # (b, K)
    log_p = score - score.logsumexp(1, keepdim=True)
    return -log_p[torch.arange(len(x)), target].mean()


def multi_positive(x: Tensor, positive: Tensor, proxies: Tensor, temperature: float) -> Tensor:
    score = normalize(x) @ proxies.T / temperature  # (b, P)
    log_p = score - score.logsumexp(1, keepdim=True)
    return -((log_p * positive).sum(1) / positive.sum(1)).mean()


def moved(prototype: Tensor, x: Tensor, momentum: float) -> Tensor:
    mix = momentum * prototype + (1 - momentum) * x
    return mix / mix.norm()


def _batches(rng) -> list:
    x, bank = 2 * units(rng, 7), units(rng, 4)
    y = labels(rng, 7, 4)
    return [
        ("seven rows", (x, y, bank, 0.5)),
        ("temperature 0.05", (x, y, bank, TAU)),
        ("one row", (x[:1], y[:1], bank, 0.2)),
    ]


def _positives(rng) -> list:
    x, bank = units(rng, 6), units(rng, 8)
    cluster = torch.arange(8).remainder(4)  # proxies 0 and 4 are cluster 0's, and so on
    mine = labels(rng, 6, 4)[:, None] == cluster[None]
    alone = torch.arange(6)[:, None] == torch.arange(8)[None]
    some = mine & (torch.arange(8) < 6)  # clusters 2 and 3 keep one proxy
    return [
        ("two proxies each", (x, mine, bank, 0.5)),
        ("temperature 0.05", (x, mine, bank, TAU)),
        ("one proxy each", (x, alone, bank, 0.5)),
        ("one proxy or two", (x, some, bank, 0.5)),
    ]


def _library_multi(x: Tensor, positive: Tensor, proxies: Tensor, temperature: float) -> Tensor:
    """Clusters are told apart by their first proxy; a proxy that is nobody's is its own."""
    first = positive.double().argmax(1)  # (b,) the first proxy of each row's cluster
    owner = torch.arange(len(proxies))
    for row, target in zip(positive, first, strict=True):
        owner[row] = target
    return losses.multi_positive(x, first, proxies, owner, temperature=temperature)


def _walks(rng) -> list:
    a, b = units(rng, 2)
    return [
        ("momentum 0.1", (a, b, 0.1)),
        ("momentum 0.9", (a, b, 0.9)),
        ("momentum 1", (a, b, 1.0)),
    ]


def _library_moved(prototype: Tensor, x: Tensor, momentum: float) -> Tensor:
    memory = Memory(prototype[None], momentum=momentum)
    memory.update(x[None], torch.tensor([0]))
    return memory.prototypes[0]


EXERCISES = [
    Function(
        "06-contrast",
        "Write **contrast with a memory** (ClusterNCE): "
        "$\\ell = -\\frac1b \\sum_i \\log \\operatorname{softmax}(x_i \\Phi^\\top / "
        "\\tau)_{y_i}$. Bring the rows "
        "of `x` (b, d) to length 1 first; `prototypes` (K, d) are units already. The gradient "
        "to `x` "
        "is checked, too.",
        contrast,
        {
            "not-unit": (
                lambda x, y, bank, t: torch.nn.functional.cross_entropy(x @ bank.T / t, y),
                "the rows of x must have length 1 before they are compared",
            ),
            "no-temperature": (
                lambda x, y, bank, t: contrast(x, y, bank, 1.0),
                "the similarity must be divided by the temperature",
            ),
            "sum": (
                lambda x, y, bank, t: len(x) * contrast(x, y, bank, t),
                "the mean over the batch is wanted, not the sum",
            ),
            "detached-floor": (
                lambda x, y, bank, t: contrast(x.detach(), y, bank, t) + 0 * x.sum(),
                "the value is right, but x learns nothing: it was detached",
            ),
        },
        (
            "`x @ prototypes.T / temperature` are the logits.",
            "Log softmax is the logit minus `logsumexp`.",
            "Pick each row's own label: `log_p[torch.arange(b), target]`.",
        ),
        signature="contrast(x, target, prototypes, temperature)",
        gradient=(0,),
        library=lambda x, y, bank, t: losses.cluster_contrast(x, y, bank, temperature=t),
        cases=_batches,
    ),
    Function(
        "06-multi-positive",
        "Write BMIL's **multi-positive** loss (eq. 7): "
        "$\\ell_i = -\\frac{1}{|P_i|} \\sum_{p \\in P_i} \\log \\operatorname{softmax}(x_i "
        "K^\\top / \\tau)_p$, mean "
        "over i. `positive` (b, P) is true at the proxies of the own cluster; all proxies are "
        "in the softmax. Again bring the rows of `x` to length 1.",
        multi_positive,
        {
            "sum-inside": (
                lambda x, p, bank, t: (
                    -((normalize(x) @ bank.T / t).softmax(1) * p).sum(1).log().mean()
                ),
                "you took the log of the summed chances: one near proxy would be enough; the "
                "mean of logs wants all",
            ),
            "not-divided": (
                lambda x, p, bank, t: (
                    -((normalize(x) @ bank.T / t).log_softmax(1) * p).sum(1).mean()
                ),
                "divide by the number of positives of each row",
            ),
            "pooled": (
                lambda x, p, bank, t: -(normalize(x) @ bank.T / t).log_softmax(1)[p].mean(),
                "that is one mean over the positives of all rows; take each row's mean first, then "
                "the mean over rows",
            ),
            "first-row": (
                lambda x, p, bank, t: (
                    -((normalize(x) @ bank.T / t).log_softmax(1) * p).sum(1).mean() / p[0].sum()
                ),
                "rows may have different numbers of positives; divide each by its own",
            ),
        },
        ("Start from log softmax over all proxies.", "Average it over the positives of each row."),
        signature="multi_positive(x, positive, proxies, temperature)",
        gradient=(0,),
        library=_library_multi,
        cases=_positives,
    ),
    Function(
        "06-momentum",
        "Write one **memory update**: $\\phi \\leftarrow \\operatorname{norm}(\\mu \\phi + (1 - "
        "\\mu) x)$.",
        moved,
        {
            "swapped": (
                lambda phi, x, mu: moved(phi, x, 1 - mu),
                "the momentum weighs the *old* prototype",
            ),
            "not-unit": (
                lambda phi, x, mu: mu * phi + (1 - mu) * x,
                "the prototype must be brought back to length 1",
            ),
        },
        ("At momentum 1 nothing may move.", "Divide the mix by its norm."),
        signature="moved(prototype, x, momentum)",
        library=_library_moved,
        cases=_walks,
    ),
    Number(
        "06-floor",
        "Two proxies are both right and share the softmax. What is the smallest value (nats, to "
        "two "
        "digits) that the multi-positive loss can reach?",
        math.log(2),
        {
            "zero": (0.0, "two right answers cannot both have the whole chance"),
            "half": (0.5, "each can have half of the chance; the loss is minus the log of that"),
        },
        ("How is the chance shared at best?", "-log(1/2)"),
    ),
    Choice(
        "06-one-prototype",
        "A joint cluster is 90 % visible and has one prototype. Which pictures does the "
        "contrast move most? "
        "(a) the visible ones; (b) the infrared ones; (c) all alike; (d) none.",
        "b",
        {
            "majority": ("a", "the prototype stands among the majority; they are content already"),
            "alike": ("c", "the pull grows with the distance to the prototype"),
        },
        ("Where does the mean stand?", "Who is far from it?"),
        options=dict.fromkeys("abcd", ""),
    ),
    Choice(
        "06-find-the-slip",
        "**Find the slip.** After the step: (a) `x = normalize(x.detach())`; (b) `phi[y] = mu * "
        "x + (1 - mu) * phi[y]`; (c) `phi[y] = normalize(phi[y])`, where `mu` = 0.1 is the "
        "momentum of the papers.",
        "b",
        {
            "detach": ("a", "a memory carries no gradient; detaching is right"),
            "normalise": ("c", "prototypes are units; that line is right"),
        },
        (
            "Which of the two does the momentum weigh?",
            "0.1 belongs to the old prototype.",
        ),
        options=dict.fromkeys("abc", ""),
    ),
]
