"""Whose neighbours? A slider over k, the number of neighbours that are asked."""

from collections.abc import Sequence

import ipywidgets as W
import numpy as np

from vireid.bias import NeighbourRatio, crossing_share
from vireid.neighbours import others
from vireid.plots import canvas, modality_ratio, sweep
from vireid.types import Embeddings
from vireid.widgets.panel import Drawing, Panel


def ratios(embeddings: Embeddings, ks: Sequence[int]) -> dict[int, NeighbourRatio]:
    """Neighbour modality ratio of every image for each k, from one search.

    Raises ValueError when there are not max(ks) other images.
    """
    index = others(embeddings.x, max(ks))
    modality = embeddings.modality
    return {
        int(k): NeighbourRatio(1 - crossing_share(index[:, :k], modality), modality, int(k))
        for k in sorted(ks)
    }


def neighbour_ratio(
    embeddings: Embeddings, *, ks: Sequence[int] = (2, 4, 6, 8, 10, 15, 20, 25, 30, 40, 60, 80),
    start: int = 8,
) -> Panel:  # fmt: skip
    """A slider over k: each image's share of own-modality neighbours, and its mean over all k.

    Parameters
    ----------
    ks : the numbers on the slider; those that are too many for the table are left out
    start : the k to begin with (the nearest of them)

    Raises ValueError when all are too many.
    """
    if not (fitting := [k for k in ks if k < len(embeddings)]):
        raise ValueError(
            f"{len(embeddings)} images have no {min(ks)} neighbours; give a smaller k in ks"
        )
    found = ratios(embeddings, fitting)
    known = list(found)
    means = [found[k].mean for k in known]

    def draw(k: int) -> Drawing:
        return _draw(found[k], known, means)

    first = min(known, key=lambda k: abs(k - start))
    wide = {"layout": W.Layout(width="420px")}
    return Panel(
        draw, {"k": W.SelectionSlider(options=known, value=first, description="k", **wide)}
    )


def _draw(ratio: NeighbourRatio, ks: list[int], means: list[float]) -> Drawing:
    margins = {"left": 0.065, "right": 0.985, "bottom": 0.28, "top": 0.9, "wspace": 0.2}
    figure, (left, right) = canvas(2, width=9.4, height=3.5, margins=margins)
    title = f"k = {ratio.k}: mean {ratio.mean:.0%}, chance {ratio.chance:.0%}"
    modality_ratio(ratio.own, ratio.modality, left, k=ratio.k, title=title)
    sweep(
        ks, {"mean over all images": 100 * np.array(means)}, right, xlabel="k",
        ylabel="own-modality neighbours (%)", chosen=ratio.k,
        reference={"chance (%)": round(100 * ratio.chance, 1)},
    )  # fmt: skip
    right.set_ylim(0, 104)
    words = ", ".join(f"{k}: {mean:.0%}" for k, mean in zip(ks, means, strict=True))
    return figure, (
        f"Own-modality share of the {ratio.k} nearest images, a histogram per modality; mean "
        f"{ratio.mean:.0%}, chance {ratio.chance:.0%}. Mean by k: {words}."
    )
