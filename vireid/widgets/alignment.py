"""Two toys of bias-free training: a prototype that distrusts, and two clouds that are aligned."""

from functools import cache

import ipywidgets as W
import numpy as np
import torch

from vireid.losses import adaptive_momentum, feature_alignment
from vireid.losses.alignment import ESTIMATORS
from vireid.memory import Memory
from vireid.plots import canvas, clouds, momentum, points, sweep, walks
from vireid.plots.base import INK
from vireid.widgets.panel import Drawing, Panel

SHIFTS = tuple(i / 4 for i in range(25))
STRANGER = 100.0  # degrees from the person


def confident_walk(samples, wrong, *, delta: float, confidence: dict[bool, float]) -> dict:
    """Angles of a prototype after each batch, moved by eq. 12 and at a fixed momentum.

    Parameters
    ----------
    samples : (batches, images) angles in degrees ; wrong : of the same shape, a stranger's picture
    delta : of eq. 13, and the fixed momentum
    confidence : of refined labels, by wrong

    Returns name -> (batches + 1,) degrees, the start first.
    """
    samples, wrong = np.asarray(samples, dtype=float), np.asarray(wrong, dtype=bool)
    fixed, adaptive = (Memory(torch.tensor([[1.0, 0.0]]), momentum=delta) for _ in range(2))
    seen = {"fixed": [0.0], "by confidence": [0.0]}
    for angles, bad in zip(samples, wrong, strict=True):
        x = torch.as_tensor(points(angles)).float()
        label = torch.zeros(len(x), dtype=torch.long)
        p = torch.tensor([confidence[bool(b)] for b in bad])
        target = torch.stack([p, 1 - p], 1)
        fixed.update(x, label)
        adaptive.update(x, label, momentum=adaptive_momentum(target, label, delta=delta))
        for places, memory in zip(seen.values(), (fixed, adaptive), strict=True):
            row = memory.prototypes[0]
            places.append(float(torch.rad2deg(torch.atan2(row[1], row[0]))))
    return seen


def confidence_memory(*, batches: int = 8, images: int = 4, seed: int = 1) -> Panel:
    """Sliders over delta, strangers in the cluster and their confidence: eq. 13 and a walk."""
    rng = np.random.default_rng(seed)
    spread = rng.normal(size=(batches, images))
    turn = rng.permutation(batches * images).reshape(batches, images)  # whose turn to be a stranger

    def draw(delta: float, strangers: float, doubt: float) -> Drawing:
        wrong = turn < round(strangers * turn.size)
        samples = np.where(wrong, STRANGER, 0) + 8 * spread
        confidence = {False: 0.95, True: doubt}
        found = confident_walk(samples, wrong, delta=delta, confidence=confidence)
        margins = {"left": 0.06, "right": 0.79, "bottom": 0.32, "top": 0.9, "wspace": 0.3}
        figure, (left, right) = canvas(2, width=10.2, height=3.7, ratios=[1, 1.5], margins=margins)
        marked = {"right picture": 0.95, "stranger": doubt}
        momentum(left, delta=delta, marked=marked, title="the rule (eq. 13)")
        far = {name: np.abs(angles[1:]).mean() for name, angles in found.items()}
        words = ", ".join(f"{name} {v:.0f}°" for name, v in far.items())
        walks(found, samples, right, title=f"mean distance from the person: {words}")
        return figure, (
            f"A prototype whose person is at 0 degrees; {wrong.mean():.0%} of the pictures are a "
            f"stranger at {STRANGER:g} degrees, confidence {doubt:g}, delta {delta:g}. Mean "
            f"distance from the person: {words}."
        )

    wide = {"layout": W.Layout(width="300px")}
    return Panel(
        draw,
        {
            "delta": W.SelectionSlider(
                options=[0.05, 0.1, 0.2, 0.3, 0.5, 0.8, 1.0], value=0.2, description="delta",
                **wide,
            ),
            "strangers": W.FloatSlider(
                0.25, min=0, max=0.6, step=0.05, description="strangers", **wide
            ),
            "doubt": W.FloatSlider(
                0.3, min=0, max=1, step=0.05, description="their confidence", **wide
            ),
        },
    )  # fmt: skip


def two_clouds(shift: float, stretch: float, *, n: int = 32, seed: int = 4) -> torch.Tensor:
    """(2, n, 2) points: two people each, the second set stretched and moved to the right."""
    dice = torch.Generator().manual_seed(seed)
    person = torch.tensor([[0.0, -1.0], [0.0, 1.0]]).repeat(n // 2, 1)
    sets = person + 0.35 * torch.randn((2, n, 2), generator=dice)
    sets[1] = sets[1] * stretch + torch.tensor([shift, 0.0])
    return sets


def alignment_toy() -> Panel:
    """Sliders over two clouds: feature alignment's value and the step it asks of each point."""
    wide = {"layout": W.Layout(width="300px")}
    return Panel(
        _draw_clouds,
        {
            "shift": W.SelectionSlider(options=SHIFTS, value=2.0, description="shift", **wide),
            "stretch": W.FloatSlider(1, min=0.2, max=2, step=0.1, description="stretch", **wide),
            "estimator": W.Dropdown(options=list(ESTIMATORS), description="estimator", **wide),
        },
    )


def _draw_clouds(shift: float, stretch: float, estimator: str) -> Drawing:
    value, steps = discrepancy(two_clouds(shift, stretch), estimator)
    margins = {"left": 0.055, "right": 0.985, "bottom": 0.29, "top": 0.9, "wspace": 0.2}
    figure, (left, right) = canvas(2, width=9.8, height=3.6, ratios=[1.3, 1], margins=margins)
    moved = two_clouds(shift, stretch)
    clouds(*moved, left, arrows=12 * steps, title=f"D = {value:.2f}; arrows: 12 times the step")
    left.set(xlim=(-1.8, 8.4), ylim=(-3.5, 3.5))
    lines = {name: over_shifts(stretch, name) for name in ESTIMATORS}
    sweep(SHIFTS[::2], lines, right, xlabel="shift (as the axes)", ylabel="D (no unit)",
          chosen=shift, title="over the shift")  # fmt: skip
    right.axhline(0, color=INK, lw=0.8)
    return figure, (
        f"Two clouds of features, the second moved by {shift:g} and stretched by {stretch:g}: "
        f"alignment ({estimator}) {value:.2f}; arrows show the steps it asks for."
    )


@cache
def over_shifts(stretch: float, estimator: str) -> list[float]:
    """Alignment of the clouds at every other shift of the slider."""
    return [discrepancy(two_clouds(s, stretch), estimator)[0] for s in SHIFTS[::2]]


def discrepancy(sets: torch.Tensor, estimator: str) -> tuple[float, torch.Tensor]:
    """Feature alignment of two sets (2, n, d), and minus its gradient."""
    at = sets.clone().requires_grad_()
    value = feature_alignment(*at, estimator=estimator)
    (gradient,) = torch.autograd.grad(value, at)
    return float(value.detach()), -gradient
