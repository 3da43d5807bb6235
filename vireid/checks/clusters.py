"""Exercises of notebook 03: neighbours, encodings, density, scores of clusters."""

import torch
from torch import Tensor
from torch.nn.functional import normalize

from vireid import clustering
from vireid.checks.cases import labels, numbers, units
from vireid.checks.kinds import Choice, Function, Number
from vireid.evaluation import cluster_scores


def reciprocal(nearest: Tensor) -> Tensor:
    n = len(nearest)
    listed = torch.zeros(n, n, dtype=torch.bool).scatter(1, nearest, True)
    return listed & listed.T


def core(distance: Tensor, eps: float, min_samples: int) -> Tensor:
    return (distance <= eps).sum(1) >= min_samples


def prototypes(x: Tensor, label: Tensor) -> Tensor:
    mean = torch.stack([x[label == k].mean(0) for k in range(int(label.max()) + 1)])
    return normalize(mean)


def pair_scores(label: Tensor, identity: Tensor) -> Tensor:
    pairs = torch.ones(len(label), len(label)).triu(1).bool()
    together = (label[:, None] == label[None]) & pairs
    one_person = (identity[:, None] == identity[None]) & pairs
    both = (together & one_person).sum()
    return torch.stack([both / together.sum(), both / one_person.sum()])


def _library_scores(label: Tensor, identity: Tensor) -> Tensor:
    found = cluster_scores(label.numpy(), identity.numpy())
    return torch.tensor([found["precision"], found["recall"]])


def _lists(rng) -> list:
    far = torch.tensor([[0, 1], [1, 2], [2, 1]])
    drawn = [
        (units(rng, n) @ units(rng, n).T).fill_diagonal_(2).topk(k).indices
        for n, k in ((8, 3), (6, 2))
    ]
    return [
        *[("random lists", (d,)) for d in drawn],
        ("a chain", (far,)),
        ("one picture", (torch.zeros(1, 1).long(),)),
    ]


def _distances(rng) -> list:
    x = numbers(rng, 9, 2)
    d = torch.cdist(x, x)
    line = (torch.arange(5.0)[:, None] - torch.arange(5.0)[None]).abs()
    return [
        ("random points", (d, 0.35, 3)),
        ("points at exactly eps", (line, 1.0, 3)),
        ("nobody near", (line, 0.5, 2)),
        ("min_samples 1", (line, 0.5, 1)),
    ]


def _clustered(rng) -> list:
    x, label = units(rng, 10), labels(rng, 10, 3)
    out = label.clone()
    out[-3:] = -1
    return [("ten rows", (x, label)), ("with outliers", (x, out)), ("one cluster", (x, 0 * label))]


def _labelled(rng) -> list:
    a, b = labels(rng, 12, 3), labels(rng, 12, 4).flip(0)
    return [("random labels", (a, b)), ("all in one cluster", (0 * a, b)), ("perfect", (b, b))]


EXERCISES = [
    Function(
        "03-reciprocal",
        "Write the **reciprocal neighbours** $R_{ij} = 1$ if i and j stand in each other's list. "
        "`nearest` (n, k) holds each picture's k nearest (itself first); return an (n, n) table of "
        "true and false.",
        reciprocal,
        {
            "one-way": (
                lambda nearest: torch.zeros(len(nearest), len(nearest), dtype=torch.bool).scatter(
                    1, nearest, True
                ),
                "that is who stands in i's list; i must stand in j's list as well",
            ),
            "either": (
                lambda nearest: (lambda m: m | m.T)(
                    torch.zeros(len(nearest), len(nearest), dtype=torch.bool).scatter(
                        1, nearest, True
                    )
                ),
                "one list is enough in your version; reciprocal means both",
            ),
            "self-out": (
                lambda nearest: reciprocal(nearest) & ~torch.eye(len(nearest), dtype=torch.bool),
                "a picture is its own neighbour here: the list begins with itself",
            ),
        },
        (
            "First a table M with M[i, j] true when j is in i's list: `scatter` fills it.",
            "i is in j's list where the transposed table is true.",
        ),
        signature="reciprocal(nearest)",
        cases=_lists,
    ),
    Function(
        "03-core",
        "**DBSCAN's core rule**: a picture is a core when at least `min_samples` pictures, itself "
        "included, lie within `eps`: $|\\{j : d_{ij} \\le \\varepsilon\\}| \\ge m$. `distance` "
        "is (n, n); "
        "return (n,) true and false.",
        core,
        {
            "self-out": (
                lambda distance, eps, min_samples: (distance <= eps).sum(1) - 1 >= min_samples,
                "the picture itself counts (its distance is 0)",
            ),
            "open": (
                lambda distance, eps, min_samples: (distance < eps).sum(1) >= min_samples,
                "a picture at exactly eps is within eps",
            ),
            "far": (
                lambda distance, eps, min_samples: (distance >= eps).sum(1) >= min_samples,
                "these are the pictures *beyond* eps; the near ones are wanted",
            ),
        },
        (
            "Count, in each row, the distances up to eps.",
            "`(distance <= eps).sum(1)` counts oneself too.",
        ),
        signature="core(distance, eps, min_samples)",
        cases=_distances,
    ),
    Function(
        "03-prototypes",
        "A cluster's **prototype** is the mean of its rows, brought back to length 1. Write "
        "`prototypes(x, label)`, (K, d); label -1 marks outliers, who belong to nobody.",
        prototypes,
        {
            "not-unit": (
                lambda x, label: torch.stack(
                    [x[label == k].mean(0) for k in range(int(label.max()) + 1)]
                ),
                "the mean of unit vectors is shorter than 1; bring it back to length 1",
            ),
            "outliers-in": (
                lambda x, label: prototypes(x, label.clamp(min=0)),
                "the outliers (-1) have slipped into cluster 0",
            ),
        },
        ("Take the rows of one cluster: `x[label == k]`.", "Their mean, divided by its norm."),
        signature="prototypes(x, label)",
        library=lambda x, label: clustering.prototypes(x, label),
        cases=_clustered,
    ),
    Function(
        "03-pair-scores",
        "Write **pair precision and recall** as one tensor of two numbers: over all pairs of two "
        "different pictures, the share of pairs in one cluster that are one person, and the "
        "share of "
        "pairs of one person that are in one cluster.",
        pair_scores,
        {
            "swapped": (
                lambda label, identity: pair_scores(label, identity).flip(0),
                "precision comes first: divide by the pairs in one cluster",
            ),
            "self-pairs": (
                lambda label, identity: (
                    lambda t, p: torch.stack([(t & p).sum() / t.sum(), (t & p).sum() / p.sum()])
                )(label[:, None] == label[None], identity[:, None] == identity[None]),
                "a picture is no pair with itself; leave the diagonal out",
            ),
        },
        (
            "`label[:, None] == label[None]` marks pairs in one cluster.",
            "`triu(1)` keeps every pair once.",
        ),
        signature="pair_scores(label, identity)",
        library=_library_scores,
        cases=_labelled,
    ),
    Number(
        "03-splits",
        "A person has 8 pictures. They fall into two pure clusters of 4 each. What is the "
        "*recall* of "
        "this person's pairs? (To two digits.)",
        12 / 28,
        {
            "pictures": (0.5, "half of the pictures are in each, but pairs are counted: 28 in all"),
            "precision": (1.0, "that is precision: no pair is wrong; but many are missing"),
        },
        ("8 pictures make 8 * 7 / 2 pairs.", "Each cluster of 4 holds 6 of them."),
        share=True,
    ),
    Choice(
        "03-eps",
        "`eps` grows from 0.1 to 0.95 on a Jaccard distance. The number of clusters... (a) only "
        "rises; "
        "(b) only falls; (c) rises, then falls; (d) stays.",
        "c",
        {
            "rises": ("a", "at large eps people melt into a few crowds"),
            "falls": ("b", "at small eps nearly all are outliers, and outliers are no clusters"),
        },
        (
            "How many clusters are there when nobody is a core?",
            "Few at first, where hardly anybody is a core; few again when crowds merge.",
        ),
        options=dict.fromkeys("abcd", ""),
    ),
    Choice(
        "03-find-the-slip",
        "**Find the slip.** (a) `s = x @ x.T`; (b) `near = s.argsort(1)[:, :k]`; (c) `listed = "
        "zeros.scatter(1, near, True)`. The rows of `x` are units, `near` is to hold the k most "
        "similar.",
        "b",
        {
            "product": ("a", "unit rows make their product the cosine; that line is right"),
            "scatter": ("c", "that line marks whoever is in the list, rightly"),
        },
        (
            "In which order does `argsort` sort?",
            "It starts with the smallest similarity: `descending=True` is missing.",
        ),
        options=dict.fromkeys("abc", ""),
    ),
]
