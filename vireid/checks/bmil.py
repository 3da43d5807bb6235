"""Exercises of notebooks 06 and 07: contrast, prototypes per modality, memories, fair "
"comparison.
"""

import math

import torch
from torch import Tensor
from torch.nn.functional import normalize

from vireid import losses
from vireid.checks.cases import labels, numbers, units
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


def paired_gain(base: Tensor, method: Tensor) -> Tensor:
    gain = method - base
    return torch.stack([gain.mean(), gain.std()])


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
    return [
        ("two proxies each", (x, mine, bank, 0.5)),
        ("temperature 0.05", (x, mine, bank, TAU)),
        ("one proxy each", (x, alone, bank, 0.5)),
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


def _seeds(rng) -> list:
    base = numbers(rng, 4)
    return [
        ("four seeds", (base, base + 0.05 * numbers(rng, 4))),
        ("equal gains", (base, base + 0.1)),
        ("a loss", (base, base - 0.2 * numbers(rng, 4))),
    ]


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
        "is it to win in all three?",
        0.125,
        {
            "one": (0.5, "that is one seed"),
            "mean": (1 / 3, "the seeds are independent throws: multiply"),
        },
        ("Three throws, all heads.", "0.5 to the power of 3"),
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
]
