"""Exercises of notebooks 10 and 11: matching, transport, label transfer."""

import torch
from torch import Tensor

from vireid.association import aggregate, transfer_rounds
from vireid.checks.cases import labels, numbers, soft
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


def transfer(y0: Tensor, r0: Tensor, s_vr: Tensor, s_rv: Tensor, alpha: float) -> tuple:
    y = (1 - alpha) * s_vr @ r0 + alpha * y0
    r = (1 - alpha) * s_rv @ y + alpha * r0
    return y, r


def sharpened(y: Tensor, beta: float) -> Tensor:
    hard = torch.nn.functional.one_hot(y.argmax(1), y.shape[1])
    return beta * hard + (1 - beta) * y


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
            "first": ("d", "that is alpha = 1"),
        },
        ("All matrices only average.", "What is left when everybody has averaged with everybody?"),
        options=dict.fromkeys("abcd", ""),
    ),
]
