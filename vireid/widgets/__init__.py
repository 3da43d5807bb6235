"""Interactive views: sliders over plots, each in one output with a still picture of itself.

A notebook ends a cell with ``widgets.explorer(...).show()``. With a kernel one gets the live
widget; saved, on a code host, in HTML or without WebGL one sees the picture and its alt text.
"""

from vireid.widgets import notes
from vireid.widgets.ablation import Ablation, ablation
from vireid.widgets.ablations import Ablations, ablations
from vireid.widgets.alignment import alignment_toy, confidence_memory
from vireid.widgets.associations import associations
from vireid.widgets.attention import attended, attention
from vireid.widgets.augmentations import augmentations, view_features
from vireid.widgets.backdoor import Backdoor, backdoor
from vireid.widgets.bias import neighbour_ratio
from vireid.widgets.certainty import Certainties, certainties, refined_labels, right_labels
from vireid.widgets.circle import memory_walk, multi_positive_toy
from vireid.widgets.clusters import Clusterings, clusters
from vireid.widgets.explorer import View, explorer, view, views
from vireid.widgets.game import modality_game
from vireid.widgets.map import EmbeddingMap, embedding_map
from vireid.widgets.matching import greedy_steps
from vireid.widgets.matchings import hungarian_steps, pgm_steps, sinkhorn_steps
from vireid.widgets.memories import cai_limits, responsibility, two_memories
from vireid.widgets.panel import Panel, show
from vireid.widgets.predict import Prediction, Progress, predict
from vireid.widgets.regions import regional_neighbours
from vireid.widgets.scene import Outcome, Scene, disturbed, outcomes, own_clusters
from vireid.widgets.spread import Problem, affinity_pictures, few, problem, transfer
from vireid.widgets.twins import twins
from vireid.widgets.writing import writing_order

notes.install()

__all__ = [
    "Ablation",
    "Ablations",
    "Backdoor",
    "Certainties",
    "Clusterings",
    "EmbeddingMap",
    "Outcome",
    "Panel",
    "Prediction",
    "Problem",
    "Progress",
    "Scene",
    "View",
    "ablation",
    "ablations",
    "affinity_pictures",
    "alignment_toy",
    "associations",
    "attended",
    "attention",
    "augmentations",
    "backdoor",
    "cai_limits",
    "certainties",
    "clusters",
    "confidence_memory",
    "disturbed",
    "embedding_map",
    "explorer",
    "few",
    "greedy_steps",
    "hungarian_steps",
    "memory_walk",
    "modality_game",
    "multi_positive_toy",
    "neighbour_ratio",
    "outcomes",
    "own_clusters",
    "pgm_steps",
    "predict",
    "problem",
    "refined_labels",
    "regional_neighbours",
    "responsibility",
    "right_labels",
    "show",
    "sinkhorn_steps",
    "transfer",
    "twins",
    "two_memories",
    "view",
    "view_features",
    "views",
    "writing_order",
]
