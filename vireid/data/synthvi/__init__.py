"""SynthVI: an embedded world of rendered people in two lights, built as a causal model."""

from vireid.data.synthvi.render import render
from vireid.data.synthvi.scm import Shot, World, variables_of
from vireid.data.synthvi.variables import PARTS, Camera, Noise, Person, Pose
from vireid.data.synthvi.world import CAMERAS, PRESETS, SPLITS, WORLD, WORLD_VERSION, Preset, load

__all__ = [
    "CAMERAS",
    "PARTS",
    "PRESETS",
    "SPLITS",
    "WORLD",
    "WORLD_VERSION",
    "Camera",
    "Noise",
    "Person",
    "Pose",
    "Preset",
    "Shot",
    "World",
    "load",
    "render",
    "variables_of",
]
