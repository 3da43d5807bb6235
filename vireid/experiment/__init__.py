"""From names to a run: which network, weights, settings and test belong to a data set.

``prepare`` gathers them, ``train`` runs one method, ``compare`` runs rows of an ablation, those
that may from a common stage 1, resumable run by run.
"""

from vireid.experiment.plan import Plan, plan
from vireid.experiment.replay import replay
from vireid.experiment.rows import compare
from vireid.experiment.setup import DEFAULTS, Experiment, network_of, prepare, preset_for
from vireid.experiment.train import identity_of, setting, train

__all__ = [
    "DEFAULTS",
    "Experiment",
    "Plan",
    "compare",
    "identity_of",
    "network_of",
    "plan",
    "prepare",
    "preset_for",
    "replay",
    "setting",
    "train",
]
