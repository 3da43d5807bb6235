"""Features of two numbers: points of a circle, where losses and memories can be seen at work."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes

from vireid.arguments import as_array
from vireid.plots.base import (
    COLOURS,
    FAINT,
    INK,
    MODALITY_COLOUR,
    MODALITY_MARKER,
    dress,
    same_length,
)
from vireid.types import Modality


def points(degrees) -> np.ndarray:
    """(n, 2) unit vectors at the given angles, counted from the right, anticlockwise."""
    angle = np.deg2rad(as_array(degrees).astype(float))
    return np.stack([np.cos(angle), np.sin(angle)], axis=-1)


def pull(x, prototypes, loss) -> np.ndarray:
    """Where a gradient step would turn each point: (n,) nats per radian, anticlockwise positive.

    Parameters
    ----------
    x : (n, 2) unit vectors; prototypes : (p, 2)
    loss : called with (x[i : i + 1], prototypes) as tensors, returns a scalar
    """
    import torch

    turned = []
    bank = torch.as_tensor(as_array(prototypes))
    for row in as_array(x):
        point = torch.as_tensor(row)[None].requires_grad_()
        (gradient,) = torch.autograd.grad(loss(point, bank), point)
        tangent = np.array([-row[1], row[0]])
        turned.append(-float(gradient[0].numpy() @ tangent))
    return np.array(turned)


def pulls(x, modality, turn, ax: Axes, *, scale: float = 0.024, title: str = "") -> Axes:
    """Images on the upper arc with an arrow each: how strongly and which way the loss turns it.

    Parameters
    ----------
    x : (n, 2) ; modality : (n,)
    turn : (n,) from ``pull``; arrows of 1 nat per radian are ``scale`` radii long
    """
    x, modality, turn = as_array(x), as_array(modality), as_array(turn)
    same_length(x=x, modality=modality, turn=turn)
    ax.plot(*points(np.linspace(0, 180, 181)).T, color=FAINT, lw=1.2, zorder=0)
    tangent = np.stack([-x[:, 1], x[:, 0]], axis=1) * turn[:, None]
    for m in Modality:
        rows = np.flatnonzero(modality == m)
        look = {"color": MODALITY_COLOUR[m], "zorder": 3}
        ax.scatter(
            *x[rows].T, s=22, marker=MODALITY_MARKER[m], lw=0, label=f"{m.word} images", **look
        )
        lift = 1.08 + 0.09 * (np.arange(len(rows)) % 2)[:, None]  # neighbours' arrows side by side
        ax.quiver(
            *(lift * x[rows]).T, *tangent[rows].T, angles="xy", scale_units="xy", scale=1 / scale,
            width=0.007, **look,
        )  # fmt: skip
    ax.plot([], [], ">-", color=INK, lw=1.6, ms=5, label="pull of the loss")
    ax.set_aspect("equal")
    ax.set_axis_off()
    ax.set_xlim(-1.3, 1.3)
    ax.set_ylim(0.2, 1.42)
    ax.set_title(title, loc="left", fontsize=9, color=INK)
    return ax


def beacons(prototypes, kind, ax: Axes) -> Axes:
    """Prototypes (p, 2) on the circle; kind (p,) 0: of visible images, 1: infrared, -1: of both."""
    for place, which in zip(as_array(prototypes), as_array(kind), strict=True):
        look = {"marker": "D", "color": COLOURS[0], "label": "prototype"}
        if which >= 0:
            m = Modality(int(which))
            look = {"marker": MODALITY_MARKER[m], "color": MODALITY_COLOUR[m]}
            look["label"] = f"{m.word} prototype"
        ax.scatter(*place, s=130, zorder=5, ec=INK, lw=1.2, **look)
    return ax


def walks(
    steps: Mapping[str, Sequence[float]],
    samples: Sequence[Sequence[float]],
    ax: Axes,
    *,
    title: str = "",
) -> Axes:
    """Where a prototype stands after each batch, one line per rule; small crosses are the images.

    Parameters
    ----------
    steps : name -> (batches + 1,) angles in degrees, the start first
    samples : (batches,) lists of the angles of each batch's images, in batch order
    """
    for t, angles in enumerate(samples, 1):
        order = np.linspace(-0.32, 0.32, len(angles))
        ax.plot(t - 0.5 + order, angles, "+", color=INK, ms=5, alpha=0.6)
    ax.plot([], [], "+", color=INK, ms=5, label="images, in batch order")
    for i, (name, angles) in enumerate(steps.items()):
        look = {"color": COLOURS[i % len(COLOURS)], "marker": "ovsD"[i % 4]}
        ax.plot(
            range(len(angles)), angles, lw=1.6, ms=5, ls=("-", "--", "-.", ":")[i % 4],
            label=name, **look,
        )  # fmt: skip
    dress(ax, title=title, xlabel="batches seen", ylabel="angle (degrees)")
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.legend(fontsize=8, frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return ax
