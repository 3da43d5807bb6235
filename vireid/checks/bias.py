"""Exercises of notebook 04: how much features know about the modality."""

import torch
from torch import Tensor
from torch.nn.functional import normalize

from vireid import bias
from vireid.checks.cases import labels, numbers, units
from vireid.checks.kinds import Choice, Function, Number
from vireid.types import Embeddings


def own_share(nearest: Tensor, modality: Tensor) -> Tensor:
    return (modality[nearest] == modality[:, None]).double().mean(1)


def centre(x: Tensor, modality: Tensor) -> Tensor:
    result = x.clone()
    for m in (0, 1):
        result[modality == m] -= x[modality == m].mean(0)
    return normalize(result)


def mixing(own: Tensor, crossing: Tensor) -> Tensor:
    nearer = crossing[:, None] < own[None]
    equal = crossing[:, None] == own[None]
    return (nearer.double() + 0.5 * equal).mean()


def _neighbours(rng) -> list:
    x, modality = units(rng, 8), labels(rng, 8, 2)
    nearest = bias.others(x, 3)
    return [
        ("random features", (nearest, modality)),
        ("one modality", (nearest, 0 * modality)),
        ("one neighbour", (nearest[:, :1], modality)),
    ]


def _features(rng) -> list:
    modality = labels(rng, 10, 2)
    x = units(rng, 10)
    shifted = normalize(x + modality[:, None])
    return [("random features", (x, modality)), ("a common shift", (shifted, modality))]


def _distances(rng) -> list:
    a, b = numbers(rng, 7), numbers(rng, 5) + 0.3
    steps = torch.tensor([0.1, 0.2, 0.2, 0.4])
    return [("two peaks", (a, b)), ("far apart", (a, b + 5)), ("with ties", (steps, steps[1:]))]


def _library_mixing(own: Tensor, crossing: Tensor) -> Tensor:
    distance = torch.cat([own, crossing]).numpy()
    kind = (torch.arange(len(distance)) >= len(own)).numpy()
    found = bias.two_peaks(bias.PairDistances(distance, kind, None))
    return torch.tensor(found.mixing, dtype=torch.float64)


def _library_centre(x: Tensor, modality: Tensor) -> Tensor:
    return bias.centre(Embeddings(x, modality, modality, modality)).x.to(x)


EXERCISES = [
    Function(
        "04-own-share",
        "Write `own_share(nearest, modality)`: of each picture's neighbours `nearest` (n, k), "
        "itself left "
        "out already, the share that has its own modality, (n,).",
        own_share,
        {
            "crossing": (
                lambda nearest, modality: 1 - own_share(nearest, modality),
                "that is the share that crosses to the other modality",
            ),
            "visible": (
                lambda nearest, modality: (modality[nearest] == 0).double().mean(1),
                "that is the share of visible neighbours, whoever asks",
            ),
        },
        (
            "`modality[nearest]` (n, k) holds the neighbours' modalities.",
            "Compare it with `modality[:, None]`.",
        ),
        signature="own_share(nearest, modality)",
        library=lambda nearest, modality: 1 - bias.crossing_share(nearest, modality).double(),
        cases=_neighbours,
    ),
    Number(
        "04-fair-share",
        "A person has 8 visible and 8 infrared pictures. Persons are found perfectly and the "
        "modality "
        "does not matter. Of a picture's 15 nearest others, which share is of its own modality?",
        7 / 15,
        {
            "half": (0.5, "the picture itself is one of its modality's eight and is left out"),
            "all": (7 / 8, "fifteen neighbours reach the person's pictures of both modalities"),
        },
        (
            "The 15 nearest are all other pictures of the person.",
            "Seven of them are of the own modality.",
        ),
        share=True,
    ),
    Function(
        "04-centre",
        "Write the cheapest repair: subtract from every row of `x` (n, d) the mean row of its "
        "modality, "
        "then bring the rows back to length 1. `x` must stay as it was.",
        centre,
        {
            "one-mean": (
                lambda x, modality: normalize(x - x.mean(0)),
                "each modality has a mean of its own; one mean for all does not close the gap",
            ),
            "not-unit": (
                lambda x, modality: (
                    x - torch.stack([x[modality == m].mean(0) for m in (0, 1)])[modality]
                ),
                "bring the rows back to length 1 after subtracting",
            ),
        },
        (
            "Work on `x.clone()`.",
            "For m in (0, 1): subtract `x[modality == m].mean(0)` from those rows.",
        ),
        signature="centre(x, modality)",
        library=_library_centre,
        cases=_features,
    ),
    Function(
        "04-mixing",
        "Write `mixing(own, crossing)`: the chance that a random crossing pair is *nearer* than "
        "a random "
        "pair of one modality, ties counting half. 0.5 would be fair.",
        mixing,
        {
            "other-way": (
                lambda own, crossing: 1 - mixing(own, crossing),
                "that is the chance that the pair of one modality is nearer",
            ),
            "ties-full": (
                lambda own, crossing: (crossing[:, None] <= own[None]).double().mean(),
                "a tie counts half, not whole",
            ),
            "ties-none": (
                lambda own, crossing: (crossing[:, None] < own[None]).double().mean(),
                "a tie counts half; you left ties out",
            ),
        },
        (
            "Compare every crossing distance with every own one.",
            "`crossing[:, None] < own[None]`, and half of `==`.",
        ),
        signature="mixing(own, crossing)",
        library=_library_mixing,
        cases=_distances,
    ),
    Choice(
        "04-below-chance",
        "A classifier of the modality, trained on some people and tested on others, is right in "
        "30 % on "
        "centred features (chance 50 %). What does that show? (a) the modality is gone; (b) the "
        "modality is still there, in another direction; (c) a bug, below chance is impossible; "
        "(d) nothing about the modality: those left out of the fit lean the other way, whether it "
        "is gone or not.",
        "d",
        {
            "gone": ("a", "features whose modality is still there fall below chance as well"),
            "there": ("b", "features in which modality plays no part fall to about 30 % as well"),
            "bug": ("c", "with a mean of zero, those left out of the fit lean the other way"),
        },
        (
            "Both means are zero over everybody. If the people in the fit lean one way, where do "
            "the others lean?",
            "Draw random features without any modality, centre them and ask the classifier.",
        ),
        options=dict.fromkeys("abcd", ""),
    ),
    Choice(
        "04-read-the-plot",
        "**Read the plot** of section 6: in the plain panel nearly every bar points only up or "
        "only down. That says: (a) the clusters hold several persons; (b) nearly every cluster "
        "holds one modality; (c) most pictures are outliers.",
        "b",
        {
            "persons": ("a", "the bars count pictures by modality; identities are not in them"),
            "outliers": ("c", "outliers are in no bar at all"),
        },
        (
            "What does up stand for, what down?",
            "A cluster of both modalities would point both ways.",
        ),
        options=dict.fromkeys("abc", ""),
    ),
]
