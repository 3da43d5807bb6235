"""Two-number features on a circle: sliders over the multi-positive loss and over a memory."""

from functools import partial

import ipywidgets as W
import numpy as np
import torch

from vireid.losses import cluster_contrast, multi_positive
from vireid.memory import HybridMemory, Memory
from vireid.plots import beacons, canvas, points, pull, pulls, share_legend, walks
from vireid.types import Modality
from vireid.widgets.panel import Drawing, Panel

CENTRES = (90.0, 215.0, 325.0)  # three clusters; the first is the one that is watched
SPREAD = np.array([-20.0, -10.0, 0.0, 10.0, 20.0])  # its images around their modality's angle


def toy(gap: float, visible_share: float):
    """A cluster whose infrared images lie ``gap`` degrees from its visible ones.

    Parameters
    ----------
    visible_share : of the cluster's images, in (0, 1): how far its one mixed prototype lies on the
        visible side

    Returns images (n, 2), their modality (n,); one prototype per cluster (3, 2); the split ones
    (6, 2), two per cluster, visible first, their modality (6,) and their cluster (6,).
    """
    if not 0 < visible_share < 1:
        raise ValueError(f"visible_share={visible_share}; a share between 0 and 1")
    side = {Modality.VISIBLE: -gap / 2, Modality.INFRARED: gap / 2}
    x = np.concatenate([points(CENTRES[0] + side[m] + SPREAD) for m in Modality])
    modality = np.repeat([0, 1], len(SPREAD))
    split = np.concatenate([points([c + side[m] for m in Modality]) for c in CENTRES])
    pairs = split.reshape(len(CENTRES), 2, 2)
    mixed = visible_share * pairs[:, 0] + (1 - visible_share) * pairs[:, 1]
    mixed /= np.linalg.norm(mixed, axis=1, keepdims=True)
    kind, cluster = np.tile([0, 1], 3), np.repeat(np.arange(3), 2)
    return x, modality, mixed, split, kind, cluster


def contrasts(cluster, temperature: float) -> dict:
    """The two losses of an image of cluster 0: against mixed prototypes, against split ones."""
    of = torch.zeros(1, dtype=torch.long)
    return {
        "one prototype": lambda x, bank: cluster_contrast(x, of, bank, temperature=temperature),
        "split": partial(_positives, of=of, cluster=torch.as_tensor(cluster), t=temperature),
    }


def _positives(x, bank, *, of, cluster, t):
    return multi_positive(x, of, bank, cluster, temperature=t)


def multi_positive_toy() -> Panel:
    """How plain contrast with one mixed prototype and the multi-positive loss turn images.

    Sliders: the angle between the modalities, the visible share of the cluster, the temperature.
    """
    wide = {"layout": W.Layout(width="300px")}
    return Panel(
        _draw_pulls,
        {
            "gap": W.IntSlider(60, 0, 100, 10, description="gap (degrees)", **wide),
            "visible_share": W.FloatSlider(
                0.8, min=0.1, max=0.9, step=0.1, description="visible share", **wide
            ),
            "temperature": W.SelectionSlider(
                options=[0.05, 0.1, 0.2, 0.5], value=0.05, description="temperature", **wide
            ),
        },
    )


def _draw_pulls(gap: float, visible_share: float, temperature: float) -> Drawing:
    x, modality, mixed, split, kind, cluster = toy(gap, visible_share)
    losses = contrasts(cluster, temperature)
    margins = {"left": 0.01, "right": 0.99, "bottom": 0.12, "top": 0.93, "wspace": 0.02}
    figure, axes = canvas(2, width=9.2, height=2.9, margins=margins)
    drawn = ((mixed, mixed[:1], [-1]), (split, split[cluster == 0], kind[cluster == 0]))
    told = []
    for ax, (name, loss), (bank, own, of) in zip(axes, losses.items(), drawn, strict=True):
        turn = pull(x, bank, loss)
        means = [np.abs(turn[modality == m]).mean() for m in Modality]
        told.append(f"{name}: mean pull on visible {means[0]:.1f}, on infrared {means[1]:.1f}")
        beacons(own, of, pulls(x, modality, turn, ax, title=told[-1]))
    share_legend(figure, columns=6)
    return figure, (
        f"Images of one cluster on a circle, their modalities {gap} degrees apart, temperature "
        f"{temperature:g}, {visible_share:.0%} of the cluster visible; arrows show which way the "
        f"loss turns them. {told[0]}; {told[1]} (nats per radian)."
    )


def walk(
    samples: list[np.ndarray], *, momentum: float, start: float = 0.0
) -> dict[str, list[float]]:
    """Angles of one prototype after each batch, by each way of moving it.

    Parameters
    ----------
    samples : angles (degrees) of each batch's images, in batch order
    momentum : weight of the old prototype

    Returns name -> (batches + 1,) degrees, the start first: the single bank of ``Memory``, moved
    image by image, and the two banks of ``HybridMemory``.
    """
    single = Memory(_at([start]), momentum=momentum)
    hybrid = HybridMemory(_at([start]), momentum=momentum)
    seen: dict[str, list[float]] = {"image by image": [], "mean bank": [], "hard bank": []}
    for angles in [None, *samples]:
        if angles is not None:
            for memory in (single, hybrid):
                memory.update(_at(angles), torch.zeros(len(angles), dtype=torch.long))
        for places, bank in zip(
            seen.values(), (single.prototypes, hybrid.mean, hybrid.hard), strict=True
        ):
            places.append(_degrees(bank))
    return seen


def _at(degrees) -> torch.Tensor:
    return torch.as_tensor(points(degrees))


def _degrees(row: torch.Tensor) -> float:
    return float(torch.rad2deg(torch.atan2(row[0, 1], row[0, 0])))


def memory_walk(*, seed: int = 3, batches: int = 6, images: int = 4) -> Panel:
    """Sliders over the momentum and the spread of a cluster; how each rule moves its prototype."""
    rng = np.random.default_rng(seed)
    draws = rng.normal(size=(batches, images)).clip(-2, 2)

    def draw(momentum: float, spread: int) -> Drawing:
        samples = [40 + spread * row for row in draws]
        found = walk(samples, momentum=momentum)
        figure, ax = canvas(width=8.4, height=3.4)
        title = f"momentum {momentum:g}: the old prototype weighs {momentum:.0%} in each update"
        walks(found, samples, ax, title=title)
        ends = ", ".join(f"{name} {angles[-1]:.0f}" for name, angles in found.items())
        return figure, (
            f"A prototype that starts at 0 degrees and sees {batches} batches of {images} images "
            f"around 40 degrees (spread {spread}); momentum {momentum:g}. In the end: {ends} "
            "degrees."
        )

    wide = {"layout": W.Layout(width="330px")}
    return Panel(
        draw,
        {
            "momentum": W.SelectionSlider(
                options=[0.05, 0.1, 0.2, 0.5, 0.8, 0.9, 0.99], value=0.1, description="momentum",
                **wide,
            ),
            "spread": W.IntSlider(20, 0, 40, 5, description="spread (degrees)", **wide),
        },
    )  # fmt: skip
