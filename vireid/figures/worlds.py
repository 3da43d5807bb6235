"""Figures of networks and pictures: people, neighbours, maps, distances and answers."""

from functools import partial

import numpy as np

from vireid import bias, experiment, methods, plots
from vireid.data import looks, synthvi
from vireid.data.synthvi import WORLD
from vireid.figures.registry import drawing
from vireid.figures.subject import after, world
from vireid.jaccard import jaccard_distance
from vireid.plots.pictures import modality_frame, sheet
from vireid.types import Modality

NUMBERS = (  # what plots.embedding_map picks out
    "Numbers: six people; a line joins a picture to its person's centre in that modality."
)
BMIL, K, PICKED = "M3+MIRL", 30, 10  # the paper's row, list and number of people on maps


@drawing("Six synthetic people, each in visible light and in infrared.", of_any=False)
def synthvi_people():
    """Six people of the small world."""
    return people_sheet("small", 6)


def people_sheet(preset: str, people: int):
    """A contact sheet: a person a row, six visible pictures, then six infrared ones."""
    if people < 1:
        raise ValueError(f"people={people}: show 1 person or more")
    table = synthvi.load(preset, "train")
    rows = [
        np.flatnonzero((table.identity == p) & (table.modality == m))[:6]
        for p in np.unique(table.identity)[:people]
        for m in (0, 1)
    ]
    figure, ax = plots.canvas(width=8.0, height=1.24 * people)
    plots.contact_sheet(table, ax, rows=np.concatenate(rows), columns=12)
    return figure


@drawing(
    "Three synthetic people in visible light (above) and at the same instant in infrared, in looks "
    "that both modalities can share: as they are, as negatives, as edges and in pseudo-colour.",
    of_any=False,
)
def shared_looks():
    """Bridges that need no pair, as pictures."""
    shots = [WORLD.shot(WORLD.person(p, seed=1), WORLD.camera(1), (1, p)) for p in range(3)]
    lines = [[synthvi.render(shot.do(modality=m), (96, 48)) for shot in shots] for m in Modality]
    coloured = partial(looks.coloured, options=[0, 0, 0])
    found = looks.FIXED | {"pseudo-colour": coloured}
    figure, axes = plots.canvas(len(found), width=9.0, height=2.9)
    for ax, (name, look) in zip(axes, found.items(), strict=True):
        places = sheet(ax, [[look(picture) for picture in line] for line in lines])
        for modality, line in zip(Modality, places, strict=True):
            for place in line:
                modality_frame(ax, place, modality)
        ax.set_title(name, loc="left", fontsize=10)
    return figure


@drawing(
    "Own-modality share of the 30 nearest neighbours after stage 1, the naive global baseline and "
    "BMIL, on SynthVI tiny (seed 0, every training picture); dotted is what features that ignore "
    "the modality would give.",
    "BMIL, Fig. 1a",
)
def neighbour_modality():
    """Histograms of the neighbours' modality."""
    shown = {"stage 1": None, "naive global (M2)": "M2", "BMIL": BMIL}
    figure, axes = plots.canvas(3, width=12.0, height=3.4)
    for ax, (title, row) in zip(axes, shown.items(), strict=True):
        _, train = after(row)
        k = min(K, len(train) - 1)
        ratio = bias.neighbour_modality_ratio(train, k=k)
        plots.modality_ratio(ratio.own, train.modality, ax, k=k, title=f"after {title}")
    plots.share_limits(axes)
    return figure


@drawing(
    "Maps (t-SNE) of the training features after stage 1, the naive global baseline and BMIL, on "
    f"SynthVI tiny (seed 0). {NUMBERS}",
    "BMIL, Fig. 1b and 5",
)
def maps():
    """t-SNE of stage 1 and of what the global baseline and the whole method make of it."""
    shown = {"after stage 1": None, "naive global (M2)": "M2", "BMIL": BMIL}
    figure, axes = plots.canvas(3, width=12.6, height=4.2)
    for ax, (title, row) in zip(axes, shown.items(), strict=True):
        _, train = after(row)
        plots.embedding_map(
            plots.project(train.x, "tsne"), train.modality, ax, identity=train.identity,
            title=title, axis="t-SNE",
        )  # fmt: skip
    return figure


@drawing(
    "Distances inside the joint clusters of BMIL's first epoch on SynthVI tiny (seed 0): cosine "
    "and plain Jaccard distance make two peaks, pairs of one modality and crossing ones; the "
    "modality-aware distance mixes them.",
    "BMIL, Fig. 3",
)
def two_peaks():
    """Distances inside global clusters under three measures, stage-1 features."""
    _, train = after(None)
    method = methods.build("bmil", preset=experiment.preset_for(world(), "bmil"))
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


def retrievals(columns: dict[str, tuple]):
    """Queries and their best answers, a panel for each title -> (row, method, switches)."""
    test = world().test
    figure, axes = plots.canvas(len(columns), width=4.8 * len(columns), height=5.2)
    asked = [np.flatnonzero(test.query.identity == p)[0] for p in people_of(test.query)[:5]]
    for ax, (title, (row, method, switches)) in zip(axes, columns.items(), strict=True):
        order = plots.best_answers(test, *test.embed(after(row, method, **switches)[0]))
        plots.retrieval_sheet(test.query, test.gallery, order, ax, rows=asked)
        ax.set_title(title, loc="left", fontsize=10)
    return figure


@drawing(
    "Infrared queries and their best visible answers, right ones framed green: after stage 1 left, "
    "after BMIL right, on SynthVI tiny (seed 0)."
)
def retrieval():
    """Retrieval sheets of both stages."""
    return retrievals({"after stage 1": (None, "bmil", {}), "after BMIL": (BMIL, "bmil", {})})


def two_maps(titles: dict[str, str], method: str, **switches):
    """t-SNE of some people, a panel for each row -> title of a method."""
    figure, axes = plots.canvas(len(titles), width=4.7 * len(titles), height=4.2)
    for ax, (row, title) in zip(axes, titles.items(), strict=True):
        _, train = after(row, method, **switches)
        some = train.rows(np.flatnonzero(np.isin(train.identity, people_of(train))))
        plots.embedding_map(
            plots.project(some.x, "tsne"), some.modality, ax, identity=some.identity,
            title=title, axis="t-SNE",
        )  # fmt: skip
    return figure


def people_of(train) -> np.ndarray:
    """Some people of a table, drawn by seed 0."""
    everybody = np.unique(train.identity)
    return np.random.default_rng(0).permutation(everybody)[:PICKED]
