"""Figures of the tiny world: people, neighbours, maps, distances and answers."""

from functools import cache

import numpy as np

from vireid import bias, experiment, methods, plots, warm_start
from vireid.data import synthvi
from vireid.features import extract
from vireid.figures.registry import drawing
from vireid.jaccard import jaccard_distance


@cache
def tiny() -> experiment.Experiment:
    """The tiny world, prepared once."""
    return experiment.prepare("synthvi", preset="tiny", trials=3)


@cache
def trained(stage: int, row: str = "M3+MIRL"):
    """The network and its training embeddings after stage 1 or a row of BMIL on the tiny world."""
    model, _ = warm_start.trained(tiny(), None if stage == 1 else row)
    return model, extract(model, tiny().train)


@drawing("Six synthetic people, each in visible light and in infrared.")
def synthvi_people():
    """Six people of the small world."""
    return people_sheet("small", 6)


def people_sheet(preset: str, people: int):
    """A contact sheet: a person a row, six visible pictures, then six infrared ones."""
    table = synthvi.load(preset, "train")
    rows = [
        np.flatnonzero((table.identity == p) & (table.modality == m))[:6]
        for p in np.unique(table.identity)[:people]
        for m in (0, 1)
    ]
    figure, ax = plots.canvas(width=8.0, height=1.24 * people)
    plots.contact_sheet(table, ax, rows=np.concatenate(rows), columns=12)
    return figure


@drawing("Own-modality share of the nearest neighbours, before and after BMIL.", "BMIL, Fig. 1a")
def neighbour_modality():
    """Histograms of the neighbours' modality."""
    figure, axes = plots.canvas(2, width=9.0, height=3.4)
    for ax, stage in zip(axes, (1, 2), strict=True):
        _, train = trained(stage)
        k = 15  # other pictures of the person: 7 in the own modality, 8 in the other
        ratio = bias.neighbour_modality_ratio(train, k=k)
        plots.modality_ratio(ratio.own, train.modality, ax, k=k, title=f"after stage {stage}")
    return figure


@drawing(
    "Maps (t-SNE) of the training features after stage 1, the naive global baseline and BMIL.",
    "BMIL, Fig. 1b and 5",
)
def maps():
    """t-SNE of stage 1 and of what the global baseline and the whole method make of it."""
    shown = {"after stage 1": (1,), "naive global (M2)": (2, "M2"), "BMIL": (2,)}
    figure, axes = plots.canvas(3, width=12.6, height=4.2)
    for ax, (title, which) in zip(axes, shown.items(), strict=True):
        _, train = trained(*which)
        plots.embedding_map(
            plots.project(train.x, "tsne"), train.modality, ax, identity=train.identity,
            title=title, axis="t-SNE",
        )  # fmt: skip
    return figure


@drawing(
    "Distances inside the joint clusters of BMIL's first epoch: cosine and plain Jaccard distance "
    "make two peaks, pairs of one modality and crossing ones; the modality-aware distance mixes "
    "them.",
    "BMIL, Fig. 3",
)
def two_peaks():
    """Distances inside global clusters under three measures, stage-1 features."""
    _, train = trained(1)
    method = methods.build("bmil", preset="tiny")
    cluster = method.cluster_jointly(train, 0)
    settings = {"k1": method.k1, "k2": method.k2, "modality": train.modality}
    measures = {
        "cosine": None,
        "vanilla Jaccard": jaccard_distance(train.x, rule="vanilla", **settings),
        "modality-aware Jaccard": jaccard_distance(train.x, rule="modality", **settings),
    }
    figure, axes = plots.canvas(3, width=11.0, height=3.4)
    for ax, (name, distance) in zip(axes, measures.items(), strict=True):
        found = bias.pair_distances(train, cluster, distance=distance)
        plots.distances(found.distance, found.crossing, ax, xlabel=f"{name} distance")
    return figure


@drawing("Infrared queries and their best visible answers, after stage 1 left, BMIL right.")
def retrieval():
    """Retrieval sheets of both stages."""
    figure, axes = plots.canvas(2, width=9.6, height=5.2)
    test = tiny().test
    rows = [np.flatnonzero(test.query.identity == p)[0] for p in np.unique(test.query.identity)[:5]]
    for ax, stage in zip(axes, (1, 2), strict=True):
        embedded = test.embed(trained(stage)[0])
        order = plots.best_answers(test, *embedded)
        plots.retrieval_sheet(test.query, test.gallery, order, ax, rows=rows)
        ax.set_title(f"after stage {stage}", loc="left", fontsize=10)
    return figure
