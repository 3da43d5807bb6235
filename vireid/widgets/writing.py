"""Who owns a prototype: the momentum and the order of the views that a batch writes into it."""

from itertools import permutations

import ipywidgets as W
import numpy as np
import torch
from torch import Tensor

from vireid.memory import Memory
from vireid.plots import canvas
from vireid.plots.base import MODALITY_COLOUR, dress
from vireid.types import Modality
from vireid.widgets.panel import Drawing, Panel

VIEWS = {  # letter -> words, colour, hatch: an augmented picture is a visible one, drawn hatched
    "v": ("plain visible", MODALITY_COLOUR[Modality.VISIBLE], ""),
    "a": ("augmented visible", MODALITY_COLOUR[Modality.VISIBLE], "///"),
    "r": ("infrared", MODALITY_COLOUR[Modality.INFRARED], ""),
}


def ownership(order: str, momentum: float, instances: int) -> dict[str, float]:
    r"""Share of each view in a prototype that a batch has moved, and of what it was ("old").

    Sample k of n has the weight :math:`(1 - \mu)\mu^{n-k}`, the old prototype :math:`\mu^n`;
    normalisation between the steps is left out. ``instances`` of a view come one after another.
    """
    n = len(order) * instances
    weights = (1 - momentum) * momentum ** np.arange(n - 1, -1, -1)
    of_view = weights.reshape(len(order), instances).sum(1)
    return {"old": momentum**n} | dict(zip(order, of_view.tolist(), strict=True))


def written(
    start: Tensor, views: dict[str, tuple[Tensor, Tensor]], order: str, momentum: float
) -> dict[str, float]:
    """Mean cosine of the prototypes with each view's features, after these have been written.

    Parameters
    ----------
    start : (K, d) prototypes ; views : letter -> ((b, d) features, (b,) labels)
    """
    memory = Memory(start, momentum=momentum)
    for letter in order:
        memory.update(*views[letter])
    return {
        letter: float((torch.nn.functional.normalize(x) * memory.prototypes[label]).sum(1).mean())
        for letter, (x, label) in views.items()
    }


def writing_order(start: Tensor, views: dict[str, tuple[Tensor, Tensor]]) -> Panel:
    """Dials for momentum and order of writing over one batch: shares, and what they make of it.

    Parameters
    ----------
    start : (K, d) prototypes of clusters that hold both modalities
    views : "v", "a" and "r" -> ((b, d) features of that view, (b,) their clusters)
    """
    views = {letter: tuple(map(torch.as_tensor, view)) for letter, view in views.items()}
    instances = int(max(label.bincount().max() for _, label in views.values()))

    def draw(order: str, momentum: float) -> Drawing:
        figure, axes = canvas(2, width=9.0, height=3.0, margins=_MARGINS)
        shares = ownership(order, momentum, instances)
        names = [VIEWS[letter][0] for letter in order]
        _bars(axes[0], order, [100 * shares[letter] for letter in order])
        dress(
            axes[0],
            title=f"share of a prototype after {instances} pictures of each view",
            ylabel="share (%)",
        )
        cosine = written(start, views, order, momentum)
        _bars(axes[1], order, [cosine[letter] for letter in order])
        dress(axes[1], title="nearness of the prototypes to each view", ylabel="mean cosine")
        last = order[-1]
        return figure, (
            f"Momentum {momentum:g}, written {', then '.join(names)}: {100 * shares[last]:.0f} % "
            f"of a prototype is the {VIEWS[last][0]} view; its mean cosine is {cosine[last]:.2f}."
        )

    orders = [
        (" → ".join(VIEWS[letter][0] for letter in order), "".join(order))
        for order in permutations(VIEWS)
    ]
    wide = {"layout": W.Layout(width="420px")}
    return Panel(
        draw,
        {
            "order": W.Dropdown(options=orders, value="var", description="written", **wide),
            "momentum": W.FloatSlider(
                0.1, min=0.02, max=0.98, step=0.02, description="momentum (old)", **wide
            ),
        },
    )


_MARGINS = {"left": 0.08, "right": 0.98, "bottom": 0.12, "top": 0.88, "wspace": 0.3}


def _bars(ax, order: str, heights: list[float]) -> None:
    """One bar a view, first written to last."""
    for place, (letter, height) in enumerate(zip(order, heights, strict=True)):
        words, colour, hatch = VIEWS[letter]
        ax.bar(place, height, 0.6, color=colour, hatch=hatch, edgecolor="white", label=words)
        ax.annotate(
            f"{height:.2f}" if height < 1.5 else f"{height:.0f}",
            (place, height), ha="center", va="bottom", fontsize=8,
        )  # fmt: skip
    ax.set_xticks(range(len(order)), [VIEWS[letter][0] for letter in order])
    ax.set_ylim(0, 1.15 * max(max(heights), 1e-6))
