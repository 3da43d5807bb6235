"""One function, one figure: each takes records and an Axes, draws, and returns the Axes.

Visible is always a blue circle with a solid line, infrared a vermillion triangle with a dashed one,
so that no picture depends on colour alone. Nothing here touches matplotlib's global state.
"""

from vireid.papers import paper_table
from vireid.plots.attention import attention_sheet, channel_weights
from vireid.plots.base import (
    MODALITY_COLOUR,
    MODALITY_LINE,
    MODALITY_MARKER,
    PALETTE,
    canvas,
    png,
    share_legend,
    share_limits,
    show,
)
from vireid.plots.bias import distances, encoding, histogram, modality_ratio, neighbours, paired
from vireid.plots.causal import adjustment, beliefs, causal_graph, mixed_surprise
from vireid.plots.circle import beacons, points, pull, pulls, walks
from vireid.plots.courses import course_board, course_legend
from vireid.plots.gains import gains, gains_over
from vireid.plots.lecture import mode
from vireid.plots.links import bipartite, drawn_links, link_kinds, link_legend, pair_scores
from vireid.plots.maps import embedding_map, project, prototypes
from vireid.plots.matching import matching_board
from vireid.plots.measures import composition, heat
from vireid.plots.modalities import three_modalities
from vireid.plots.pictures import best_answers, contact_sheet, retrieval_sheet, thumbnail, twins
from vireid.plots.pipeline import pipeline, pipeline_map
from vireid.plots.predictions import prediction, progress
from vireid.plots.refinement import clouds, colour_tables, cosines, momentum, trust
from vireid.plots.regions import region_neighbours
from vireid.plots.scores import bars, cmc, curve, roc, shifts, sweep
from vireid.plots.sensitivity import dial, sensitivity
from vireid.plots.spread import affinities, label_graph, pair_densities, right_share
from vireid.plots.tables import table

__all__ = [
    "MODALITY_COLOUR",
    "MODALITY_LINE",
    "MODALITY_MARKER",
    "PALETTE",
    "adjustment",
    "affinities",
    "attention_sheet",
    "bars",
    "beacons",
    "beliefs",
    "best_answers",
    "bipartite",
    "canvas",
    "causal_graph",
    "channel_weights",
    "clouds",
    "cmc",
    "colour_tables",
    "composition",
    "contact_sheet",
    "cosines",
    "course_board",
    "course_legend",
    "curve",
    "dial",
    "distances",
    "drawn_links",
    "embedding_map",
    "encoding",
    "gains",
    "gains_over",
    "heat",
    "histogram",
    "label_graph",
    "link_kinds",
    "link_legend",
    "matching_board",
    "mixed_surprise",
    "modality_ratio",
    "mode",
    "momentum",
    "neighbours",
    "pair_densities",
    "pair_scores",
    "paired",
    "paper_table",
    "pipeline",
    "pipeline_map",
    "png",
    "points",
    "prediction",
    "progress",
    "project",
    "prototypes",
    "pull",
    "pulls",
    "region_neighbours",
    "retrieval_sheet",
    "right_share",
    "roc",
    "sensitivity",
    "share_legend",
    "share_limits",
    "shifts",
    "show",
    "sweep",
    "table",
    "three_modalities",
    "thumbnail",
    "trust",
    "twins",
    "walks",
]
