"""Exercises of notebook 12: regions, greedy matching, the modality game, merging."""

import torch
from torch import Tensor

from vireid import association, losses
from vireid.checks.cases import labels, numbers, units
from vireid.checks.kinds import Choice, Function, Number


def agreeing(similarity: Tensor, rho: float) -> Tensor:
    best = similarity.amax(2, keepdim=True)  # of each region and row
    return (similarity > rho * best).all(0)


def greedy(similarity: Tensor, cap: int) -> Tensor:
    partner = torch.full((len(similarity),), -1)
    taken = torch.zeros(similarity.shape[1], dtype=torch.int64)
    for flat in similarity.flatten().argsort(descending=True, stable=True).tolist():
        i, j = divmod(flat, similarity.shape[1])
        if partner[i] < 0 and taken[j] < cap:
            partner[i] = j
            taken[j] += 1
    return partner


def fooled(logits: Tensor, modality: Tensor) -> Tensor:
    log_p = logits.log_softmax(1)[:, 2]  # 2: channel-augmented
    return sum(-log_p[modality == m].mean() for m in modality.unique())


def exchanged(picture: Tensor, channel: int) -> Tensor:
    return picture[:, channel : channel + 1].expand_as(picture).clone()


def _regional(rng) -> list:
    x, y = units(rng, 5, 6), units(rng, 7, 6)
    s = association.regional_similarity(x, y, regions=2)
    return [
        ("two regions", (s, 0.5)),
        ("a strict bar", (s, 0.95)),
        ("one region", (s[:1].abs(), 0.3)),
    ]


def _library_agreeing(similarity: Tensor, rho: float) -> Tensor:
    found = torch.zeros(similarity.shape[1:], dtype=torch.bool)
    for row, near in zip(found, association.intersect(similarity, rho=rho), strict=True):
        row[near] = True
    return found


def _matrices(rng) -> list:
    hub = torch.tensor([[0.9, 0.1], [0.8, 0.3], [0.7, 0.6]], dtype=torch.float64)
    return [
        ("six by four", (numbers(rng, 6, 4), 2)),
        ("a favourite with room for one", (hub, 1)),
        ("a favourite with room for two", (hub, 2)),
    ]


def _library_greedy(similarity: Tensor, cap: int) -> Tensor:
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # some stay single, as they should here
        return association.greedy_regions(similarity, max_matches=cap)[0]


def _named(rng) -> list:
    logits = 2 * numbers(rng, 9, 3)
    modality = labels(rng, 9, 3)
    return [
        ("three modalities", (logits, modality)),
        ("unequal numbers", (logits[:5], torch.tensor([0, 0, 0, 1, 2]))),
        ("one modality", (logits[:3], torch.ones(3).long())),
    ]


def _pictures(rng) -> list:
    x = numbers(rng, 4, 3, 5, 2)
    return [(f"channel {c}", (x, c)) for c in range(3)] + [("one picture", (x[:1], 1))]


EXERCISES = [
    Function(
        "12-regions",
        "Write `agreeing(similarity, rho)`: j is a neighbour of i when in **every** region "
        "$s^{(n)}_{ij} > \\rho \\max_j s^{(n)}_{ij}$. `similarity` is (regions, n, m); return "
        "(n, m) true and false.",
        agreeing,
        {
            "any": (
                lambda s, rho: (s > rho * s.amax(2, keepdim=True)).any(0),
                "one region is enough in your version; all must agree",
            ),
            "summed": (
                lambda s, rho: s.sum(0) > rho * s.sum(0).amax(1, keepdim=True),
                "you added the regions first; that is the ordinary cosine",
            ),
            "fixed-bar": (
                lambda s, rho: (s > rho).all(0),
                "the bar is rho times each row's best, not rho itself",
            ),
        },
        (
            "`similarity.amax(2, keepdim=True)` is each row's best, region by region.",
            "`.all(0)` asks all regions.",
        ),
        signature="agreeing(similarity, rho)",
        library=_library_agreeing,
        cases=_regional,
    ),
    Function(
        "12-greedy",
        "Write pass A of **greedy matching**: go through all pairs from the most similar down; "
        "accept a pair "
        "when its row is free and its column has fewer than `cap` rows. Return each row's "
        "column, -1 for nobody "
        "(there are at least as many rows as columns).",
        greedy,
        {
            "no-cap": (
                lambda s, cap: s.argmax(1),
                "everybody took the favourite; a column holds `cap` rows at most",
            ),
            "row-order": (
                lambda s, cap: _row_by_row(s, cap),
                "you went row by row; the most similar pair of the whole table comes first",
            ),
        },
        (
            "Sort all pairs: `similarity.flatten().argsort(descending=True)`.",
            "`divmod(flat, columns)` gives row and column.",
        ),
        signature="greedy(similarity, cap)",
        library=_library_greedy,
        cases=_matrices,
    ),
    Function(
        "12-fooled",
        "In **MAAL** the network wants every feature to pass for channel-augmented (class 2). "
        "Write its loss: for each "
        "modality present, the mean of $-\\log \\operatorname{softmax}(\\text{logits})_2$; then "
        "the sum over modalities.",
        fooled,
        {
            "own-class": (
                lambda z, m: sum(-z.log_softmax(1)[m == k][:, k].mean() for k in m.unique()),
                "that is the classifier's own loss: naming the true modality",
            ),
            "one-mean": (
                lambda z, m: -z.log_softmax(1)[:, 2].mean(),
                "a mean for each modality, then the sum, so that a large group does not drown a "
                "small one",
            ),
        },
        (
            "Every row's target is class 2, whatever its modality.",
            "One mean per modality, added up.",
        ),
        signature="fooled(logits, modality)",
        library=lambda z, m: losses.maal(z, m)[1],
        cases=_named,
        gradient=(0,),
    ),
    Function(
        "12-exchange",
        "Write **channel exchange**: copy one channel of pictures (b, 3, h, w) into all three.",
        exchanged,
        {
            "grey": (
                lambda x, c: x.mean(1, keepdim=True).expand_as(x).clone(),
                "that is grey, the mean of all channels; copy one",
            ),
            "one-channel": (lambda x, c: x[:, c : c + 1], "the result keeps three channels"),
            "rolled": (
                lambda x, c: x.roll(c, 1),
                "the channels changed places; all three must be the same one",
            ),
        },
        ("`x[:, c : c + 1]` keeps the channel's axis.", "`expand_as` copies it into three."),
        signature="exchanged(picture, channel)",
        cases=_pictures,
    ),
    Number(
        "12-flop",
        "A network takes 19.0 billion multiply-adds for a picture. How many billion FLOP is that, "
        "each multiply-add counted as two?",
        38.0,
        {
            "same": (19.0, "a multiply-add is a multiplication and an addition"),
            "half": (9.5, "FLOP are more, not fewer"),
        },
        ("One multiplication and one addition.", "Twice 19."),
        within=0.05,
    ),
    Choice(
        "12-weak-player",
        "The modality classifier ends at guessing. Is the gap closed? (a) yes; (b) not shown: "
        "ask a fresh "
        "classifier; (c) no, it can never close; (d) yes, if the loss is below 1.",
        "b",
        {
            "yes": ("a", "it may just be a weak player, or have been outrun"),
            "never": ("c", "it may close; this one cannot show it"),
        },
        (
            "Who trained the classifier, and on what?",
            "A new one, trained on the final features, is an honest judge.",
        ),
        options=dict.fromkeys("abcd", ""),
    ),
]


def _row_by_row(similarity: Tensor, cap: int) -> Tensor:
    """The slip of serving rows in their order."""
    partner, taken = torch.full((len(similarity),), -1), torch.zeros(similarity.shape[1])
    for i, row in enumerate(similarity):
        room = row.masked_fill(taken >= cap, -torch.inf)
        if room.max() > -torch.inf:
            partner[i] = int(room.argmax())
            taken[partner[i]] += 1
    return partner
