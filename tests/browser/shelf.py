"""Every widget of the book on a small table, without a training, for browser tests and timings."""

from functools import cache

import numpy as np
import torch
from torch.nn.functional import normalize

from vireid import checks, data, methods, widgets
from vireid.clustering import prototypes
from vireid.experiment import prepare
from vireid.jaccard import jaccard_distance
from vireid.runs import load_all
from vireid.types import Embeddings, Modality
from vireid.widgets import layer


@cache
def table():
    """(pictures, features made of their brightness, a person number each)."""
    images = data.load("synthvi", preset="tiny").rows(range(64))
    pixels = np.stack([images.resized(i) for i in range(len(images))]).reshape(len(images), 4, -1)
    x = normalize(torch.tensor(pixels / 255.0).flatten(1).float())
    who = torch.as_tensor(np.unique(images.identity, return_inverse=True)[1])
    return images, Embeddings(x, images.modality, images.camera, images.identity), who


@cache
def network():
    """An untrained network with regions and PA-CBAM."""
    return prepare("synthvi", preset="tiny", method="mcf", trials=1).model(seed=0)


@cache
def scene():
    """A scene with the true people as clusters, and MULT's setting."""
    _, features, who = table()
    return widgets.Scene(features, who.numpy()), methods.build(
        "mult", preset="light", otla_steps=100
    )


def banks():
    """(label, prototypes) of each modality's people."""
    _, features, who = table()
    sides = (features.modality == m for m in Modality)
    return [(who[at].unique(), prototypes(features.x[at], who[at])) for at in sides]


def explorer():
    images, features, _ = table()
    views = widgets.views(features.x, ("cosine", "vanilla"), k=8, k1=8, k2=2)
    return widgets.explorer(images, views)


def clusters():
    images, features, _ = table()
    return widgets.clusters(images, jaccard_distance(features.x, rule="vanilla", k1=8, k2=2))


def embedding_map():
    images, features, _ = table()
    return widgets.embedding_map(images, features.x[:, :2], axis="two numbers")


def writing_order():
    _, features, who = table()
    bank = prototypes(features.x, who)
    return widgets.writing_order(bank, {v: (features.x[:8], who[:8]) for v in "var"})


def two_memories():
    images, features, who = table()
    return widgets.two_memories(images, features.x, who, banks(), prior=(0.5, 0.5))


def certainties():
    images, features, who = table()
    bank = prototypes(features.x, who)
    return widgets.certainties(widgets.Certainties(features.x, who, bank, images.identity))


def refined_labels():
    images, features, who = table()
    told = (features.x @ prototypes(features.x, who).T / 0.05).softmax(1)
    return widgets.refined_labels(images, who, told.amax(1), (told, told.flip(0)), start=0.1)


def six():
    """Prototypes of six visible and five infrared clusters."""
    (_, visible), (_, infrared) = banks()
    return visible[:6], infrared[:5]


def transfer():
    some, method = scene()
    return widgets.transfer(widgets.few(some, people=4, images=2), method)


def attention():
    images, *_ = table()
    return widgets.attention(images, widgets.attended(network(), images))


def modality_game():
    images, _, who = table()
    three = layer.three_modalities(network(), images)
    hold = layer.Hold(three, who.numpy())
    games = {"straight cut": layer.play(three, hold, beta=1.0, opponent=(), steps=20)}
    return widgets.modality_game(three, games)


def regional_neighbours():
    images, features, _ = table()
    return widgets.regional_neighbours(images, features, regions=4)


S = np.array([[0.9, 0.1, 0.2], [0.8, 0.3, 0.1], [0.7, 0.6, 0.2], [0.65, 0.2, 0.4]])

# name -> (how it is made, the slider that is pressed in a browser)
WIDGETS = {
    "twins": (lambda: widgets.twins(people=4), "first person"),
    "explorer": (explorer, "image"),
    "clusters": (clusters, "eps"),
    "neighbour_ratio": (lambda: widgets.neighbour_ratio(table()[1], start=4), "k"),
    "embedding_map": (embedding_map, "around"),
    "multi_positive_toy": (widgets.multi_positive_toy, "gap (degrees)"),
    "memory_walk": (widgets.memory_walk, "momentum"),
    "writing_order": (writing_order, "momentum (old)"),
    "backdoor": (lambda: widgets.backdoor(widgets.Backdoor(people=4)), "tie"),
    "two_memories": (two_memories, "image"),
    "cai_limits": (widgets.cai_limits, "image (degrees)"),
    "augmentations": (lambda: widgets.augmentations(table()[0]), "picture"),
    "certainties": (certainties, "cluster"),
    "refined_labels": (refined_labels, "doubted to trusted"),
    "confidence_memory": (widgets.confidence_memory, "strangers"),
    "alignment_toy": (widgets.alignment_toy, "shift"),
    "hungarian_steps": (lambda: widgets.hungarian_steps(*six()), "step"),
    "pgm_steps": (lambda: widgets.pgm_steps(*six()), "step"),
    "sinkhorn_steps": (lambda: widgets.sinkhorn_steps(*six()), "step"),
    "associations": (
        lambda: widgets.associations(scene()[0].features, {"people": scene()[0].label}, scene()[1]),
        "noise",
    ),
    "affinity_pictures": (lambda: widgets.affinity_pictures(*scene()), "lam"),
    "transfer": (transfer, "round"),
    "attention": (attention, "image"),
    "regional_neighbours": (regional_neighbours, "rho"),
    "greedy_steps": (lambda: widgets.greedy_steps(S), "move"),
    "modality_game": (modality_game, "step"),
}
# those without a slider over one picture
OTHERS = {
    "ablations": lambda: widgets.ablations(load_all()),
    "predict": lambda: widgets.predict("99-shelf", "How many of a hundred?"),
    "progress": lambda: widgets.Progress(checks.exercises()),
}


def everything() -> dict:
    """Name -> widget, each made anew."""
    return {name: make() for name, (make, _) in WIDGETS.items()} | {
        name: make() for name, make in OTHERS.items()
    }
