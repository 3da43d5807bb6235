"""Exercises of notebook 15: a method and a data set of one's own."""

import torch
from torch import Tensor

from vireid.checks.cases import units
from vireid.checks.kinds import Choice, Function, Number


def mutual(similarity: Tensor) -> Tensor:
    best, back = similarity.argmax(1), similarity.argmax(0)
    return torch.where(back[best] == torch.arange(len(best)), best, -1)


def _similarities(rng) -> list:
    return [
        ("five by four clusters", (units(rng, 5) @ units(rng, 4).T,)),
        ("as many on both sides", (units(rng, 6) @ units(rng, 6).T,)),
        ("one infrared cluster", (torch.tensor([[0.2], [0.9], [0.5]], dtype=torch.float64),)),
    ]


EXERCISES = [
    Function(
        "15-mutual",
        "`similarity` (K_v, K_r) compares visible with infrared clusters. Write "
        "`mutual(similarity)`: for each visible cluster its infrared partner where **each is the "
        "other's most similar**, -1 where it has none.",
        mutual,
        {
            "one-sided": (
                lambda similarity: similarity.argmax(1),
                "that is each visible cluster's nearest; it must also be the nearest of *that* one",
            ),
            "infrared-side": (
                lambda similarity: torch.where(
                    similarity.argmax(1)[similarity.argmax(0)] == torch.arange(similarity.shape[1]),
                    similarity.argmax(0),
                    -1,
                ),
                "these are the partners of the infrared clusters; the visible ones were asked",
            ),
            "zero-for-none": (
                lambda similarity: mutual(similarity).clamp(min=0),
                "0 is a cluster; who has no partner gets -1",
            ),
        },
        (
            "Two argmax: `argmax(1)` for visible clusters, `argmax(0)` for infrared ones.",
            "Go there and back: `back[best]` is where you come from, or is not.",
            "`torch.where(back[best] == torch.arange(len(best)), best, -1)`.",
        ),
        signature="mutual(similarity)",
        cases=_similarities,
    ),
    Number(
        "15-steps",
        "A method like PGM takes one optimiser step a batch. Its preset says `epochs=(2, 3)`, "
        "`iterations=10`, `stage2_iterations=20`. How many steps does it take in all?",
        80,
        {
            "same": (50, "stage 2 has 20 batches an epoch here, not 10"),
            "bmil": (140, "that would be two steps a batch in stage 2, as BMIL takes"),
            "stage-2": (60, "stage 1 takes steps, too"),
        },
        ("2 epochs of 10, then 3 epochs of 20.",),
        within=0.5,
    ),
    Choice(
        "15-stage2-fields",
        "You add a hyperparameter that only stage 2 reads and forget to put it into "
        "`stage2_fields`. What happens in `compare`? (a) it is ignored; (b) rows that differ in it "
        "get a stage 1 each, which takes longer, and are no longer compared from one start; (c) "
        "stage 1 becomes wrong; (d) the method cannot be built.",
        "b",
        {
            "ignored": ("a", "stage 2 still reads it; only the sharing of stage 1 is lost"),
            "wrong": ("c", "each stage 1 is right, there are just several of them"),
            "refused": ("d", "nothing can know that stage 1 does not read it; so it is not shared"),
        },
        (
            "What does `stage2_fields` decide?",
            "Rows share a stage 1 when all settings that it reads are equal.",
        ),
        options=dict.fromkeys("abcd", ""),
    ),
    Choice(
        "15-yield",
        "In `losses`, a line that moves a memory stands *after* the `yield`. When does it run? (a) "
        "before the loss is computed; (b) after backward, before the optimiser's step; (c) after "
        "the optimiser's step; (d) at the end of the epoch.",
        "c",
        {
            "before": ("a", "the yield hands the losses out; what follows it waits"),
            "backward": ("b", "the training loop takes the whole step before it comes back"),
        },
        (
            "A generator stands still at its yield.",
            "The loop does backward and the step, then asks for the next yield.",
        ),
        options=dict.fromkeys("abcd", ""),
    ),
    Choice(
        "15-name",
        "Your class `Mutual` lies in `my_method.py`. Under which name do its run records keep it? "
        "(a) pgm, the class it inherits from; (b) Mutual; (c) my_method:Mutual; (d) the path of "
        "the file.",
        "c",
        {
            "parent": ("a", "then its records would be taken for PGM's"),
            "bare": ("b", "nobody would know where to look for it"),
            "path": ("d", "a path is true on one machine; the module is found from any folder"),
        },
        (
            "A replay must find the class again.",
            "It is what you write after `--method`.",
        ),
        options=dict.fromkeys("abcd", ""),
    ),
]
