"""Exercises of notebook 01: what infrared keeps of a person."""

import torch
from torch import Tensor

from vireid.checks.cases import labels, numbers
from vireid.checks.kinds import Choice, Function, Number


def without_camera(value: Tensor, camera: Tensor) -> Tensor:
    result = value.clone()
    for c in camera.unique():
        result[camera == c] -= value[camera == c].mean()
    return result


def two_way_accuracy(value: Tensor, modality: Tensor, cut: float) -> Tensor:
    agree = ((value > cut) == modality.bool()).double().mean()
    return torch.maximum(agree, 1 - agree)


def _brightness(rng) -> list:
    camera = labels(rng, 12, 3)
    value = 255 * numbers(rng, 12)
    return [
        ("three cameras", (value, camera)),
        ("one camera", (value, 0 * camera)),
        ("a camera with one picture", (value[:4], torch.tensor([0, 0, 0, 5]))),
    ]


def _cuts(rng) -> list:
    modality = labels(rng, 10, 2)
    value = numbers(rng, 10)
    return [
        ("random values", (value, modality, 0.5)),
        ("infrared below the cut", (1 - modality.double(), modality, 0.5)),
        ("a cut above all", (value, modality, 2.0)),
        ("a value that is the cut", (value, modality, float(value[2]))),
    ]


EXERCISES = [
    Number(
        "01-explained",
        "Brightness of the torso in infrared and in visible light correlate with r = -0.6 over "
        "people. "
        "Which share of the infrared variance does visible brightness predict (by a straight "
        "line)?",
        0.36,
        {
            "not-squared": (0.6, "r itself is no share of variance; square it"),
            "sign": (
                -0.6,
                "a share is not negative; a rule that swaps dark and bright predicts as well",
            ),
            "rest": (0.64, "that is what is left over"),
        },
        ("The sign does not matter for prediction.", "The share is r squared."),
        share=True,
    ),
    Choice(
        "01-do",
        "SynthVI draws `shot.do(modality=infrared)`. How does that differ from picking an infrared "
        "picture of the same person from the data? (a) not at all; (b) everything but the "
        "modality stays "
        "as it was, pose and place included; (c) it is another person drawn at random; (d) it "
        "is the "
        "visible picture turned grey.",
        "b",
        {
            "same": ("a", "a picked picture also differs in pose, place and camera"),
            "grey": (
                "d",
                "infrared shows another reflectance of the cloth; grey would keep the visible one",
            ),
            "other-person": ("c", "the person is one of the variables that stay"),
        },
        ("`do` sets one variable.", "All other variables, and even the dice, stay as they were."),
        options=dict.fromkeys("abcd", ""),
    ),
    Function(
        "01-camera-mean",
        "Cameras are set differently. Write `without_camera(value, camera)`: from each "
        "picture's value "
        "subtract the mean over the pictures of its camera. The argument must stay as it was.",
        without_camera,
        {
            "one-mean": (
                lambda value, camera: value - value.mean(),
                "every camera has a mean of its own; you subtracted one for all",
            ),
            "median": (
                lambda value, camera: torch.stack(
                    [v - value[camera == c].median() for v, c in zip(value, camera, strict=True)]
                ),
                "that is the median of the camera; the mean is wanted",
            ),
        },
        (
            "Go through `camera.unique()`.",
            "`value[camera == c].mean()` is one camera's mean.",
            "Write into a copy: `result = value.clone()`.",
        ),
        signature="without_camera(value, camera)",
        cases=_brightness,
    ),
    Function(
        "01-threshold",
        "A rule says *infrared* above `cut`, or the other way round, whichever is better. Write "
        "`two_way_accuracy(value, modality, cut)`: the share it gets right (modality 0 visible, "
        "1 infrared).",
        two_way_accuracy,
        {
            "one-way": (
                lambda value, modality, cut: ((value > cut) == modality.bool()).double().mean(),
                "a rule that is wrong in most cases is right in most when turned round",
            ),
            "at-least": (
                lambda value, modality, cut: 1 - two_way_accuracy(value, modality, cut),
                "the better direction is never below one half; take the larger of the two",
            ),
            "cut-included": (
                lambda value, modality, cut: two_way_accuracy(-value, modality, -cut),
                "a value that equals the cut does not lie above it",
            ),
        },
        ("Compute the share for one direction.", "The other direction gets 1 minus that share."),
        signature="two_way_accuracy(value, modality, cut)",
        cases=_cuts,
    ),
]
