"""Eight associations on one set of clusters: dials that spoil the clusters, links and scores."""

from functools import lru_cache

import ipywidgets as W
import numpy as np

from vireid.data.benchmarks.files import choose
from vireid.plots import bipartite, canvas, link_legend, pair_scores
from vireid.types import Embeddings, Modality
from vireid.widgets.panel import Drawing, Panel
from vireid.widgets.scene import NAMES, Outcome, Scene, disturbed, outcomes

REMEMBERED = 64  # scenes whose outcomes are kept


def associations(
    features: Embeddings, clusters: dict[str, np.ndarray], method, *, start: str = "pgm"
) -> Panel:
    """Who is matched to whom by the chosen association, and all of them against the truth.

    Parameters
    ----------
    features : images of both modalities with identities
    clusters : name -> (n,) labels, counted from 0 in each modality; one is chosen by a dial
    method : a ``MULT`` method, whose settings the associations use
    start : the association shown first

    The other dials are ``disturbed``'s.
    """
    choose(start, NAMES, "start")
    scenes = {name: Scene(features, label) for name, label in clusters.items()}

    @lru_cache(maxsize=REMEMBERED)
    def at(clusters: str, **dials) -> tuple[Scene, dict[str, Outcome]]:
        scene = disturbed(scenes[clusters], **dials)
        return scene, outcomes(scene, method)

    def draw(association: str, clusters: str, **dials) -> Drawing:
        _, before = at(clusters, **{name: _REST[name] for name in dials})
        return _draw(association, *at(clusters, **dials), before)

    most = {
        "split": min(int((np.bincount(s.of(0)[s.of(0) >= 0]) >= 4).sum()) for s in scenes.values()),
        "missing": len(features.of(Modality.INFRARED).identity.unique()) - 1,
    }
    return Panel(draw, _controls(list(scenes), start, most))


_REST = {"gap": 1.0, "noise": 0.0, "split": 0, "missing": 0}


def _controls(clusters: list[str], start: str, most: dict[str, int]) -> dict[str, W.Widget]:
    wide = {"layout": W.Layout(width="300px")}
    many = {k: min(10, top) for k, top in most.items()}
    return {
        "association": W.Dropdown(options=NAMES, value=start, description="association", **wide),
        "clusters": W.Dropdown(options=clusters, description="clusters", **wide),
        "gap": W.FloatSlider(1, min=0, max=1, step=0.25, description="gap", **wide),
        "noise": W.FloatSlider(0, min=0, max=1, step=0.25, description="noise", **wide),
        "split": W.IntSlider(0, 0, many["split"], 2, description="split visible", **wide),
        "missing": W.IntSlider(0, 0, many["missing"], 2, description="missing infrared", **wide),
    }


def _draw(association: str, scene: Scene, found: dict[str, Outcome], before) -> Drawing:
    shown = found[association]
    visible, infrared = (scene.people(own) for own in Modality)
    tall = max(3.4, 0.16 * max(len(visible), len(infrared)))  # inches between the margins
    height = tall + 1.4
    margins = {"left": 0.02, "right": 0.97, "bottom": 1.05 / height, "top": 1 - 0.35 / height}
    figure, (left, right) = canvas(2, width=9.4, height=height, margins=margins | {"wspace": 0.3})
    told = f"{association}: {len(visible)} visible, {len(infrared)} infrared clusters"
    bipartite(visible, infrared, shown.forth, shown.back, left, title=told)
    left.legend(
        handles=link_legend(), loc="upper center", bbox_to_anchor=(0.5, 0.01), ncols=3, fontsize=8,
        frameon=False,
    )  # fmt: skip
    pair_scores(
        {name: (o.precision, o.recall) for name, o in found.items()}, right, chosen=association,
        before={name: (o.precision, o.recall) for name, o in before.items()},
        drop=0.45 / tall, title="before: with all dials at rest",
    )  # fmt: skip
    words = "; ".join(
        f"{name} precision {o.precision:.0%}, recall {o.recall:.0%}" for name, o in found.items()
    )
    return figure, f"Links by {told}. Of the image pairs across the gap: {words}."
