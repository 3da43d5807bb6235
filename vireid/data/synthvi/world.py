"""SynthVI as a data set: one frozen world, three sizes, splits in the form of SYSU-MM01."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import ClassVar

import numpy as np

from vireid.arguments import check_seed
from vireid.data.benchmarks.files import trial_number
from vireid.data.synthvi.render import render
from vireid.data.synthvi.scm import Shot, World
from vireid.data.synthvi.stable import Dice
from vireid.declared import check
from vireid.types import Images, Modality

WORLD_VERSION = "1"  # changes whenever any pixel of a frozen preset changes
CAMERAS = {Modality.VISIBLE: (1, 2, 4, 5), Modality.INFRARED: (3, 6, 7, 8)}
SPLITS = ("train", "query", "gallery")


@dataclass(frozen=True, kw_only=True)
class Preset:
    """How much of the world a table shows.

    Parameters
    ----------
    size : (height, width) in pixels
    train, test : identities; those of the test set come after those of the training set
    shots : pictures per identity and modality in (training, test), spread evenly over four cameras
    world : its rooms, sensors and mechanisms
    seed : of the people and their poses
    """

    size: tuple[int, int]
    train: int
    test: int
    shots: tuple[int, int]
    world: World
    seed: int = 11


@dataclass(frozen=True, kw_only=True)
class Change:
    """What of the frozen world is turned; see ``load``. The default turns nothing."""

    modality_gap: float | None = None
    visible_only: float = 0.0
    shots: tuple[int, int] | None = None

    ranges: ClassVar[tuple] = (
        ("visible_only", lambda v: 0 <= v <= 1, "give a share of the people, 0 to 1"),
        ("shots", lambda v: min(v) >= 1, "give two numbers >= 1, visible and infrared"),
    )

    def __post_init__(self):
        check(self)

    def told(self) -> str:
        """What is turned, for the name of a table; empty when nothing is."""
        rest = Change()
        turned = {k: v for k, v in vars(self).items() if v != getattr(rest, k)}
        return "".join(f", {name} {value}" for name, value in turned.items())


WORLD = World(seed=2)
PRESETS = {
    "tiny": Preset(size=(64, 32), train=20, test=8, shots=(8, 8), world=WORLD),
    "small": Preset(size=(96, 48), train=160, test=60, shots=(12, 8), world=WORLD),
    "full": Preset(size=(128, 64), train=400, test=150, shots=(16, 8), world=WORLD),
}


def load(
    preset: str = "tiny",
    split: str = "train",
    trial: int = 0,
    seed: int | None = None,
    *,
    modality_gap: float | None = None,
    visible_only: float = 0.0,
    shots: Sequence[int] | None = None,
) -> Images:
    """Pictures of SynthVI in memory.

    Parameters
    ----------
    preset : "tiny" (a second), "small" (the benchmark, some seconds) or "full" (half a minute)
    split : "train" both modalities; "query" all infrared test pictures; "gallery" one visible
        picture per test identity and camera, drawn by Python's random seeded with ``trial``
    trial : 0 to 9 as in the SYSU protocol; only the gallery depends on it
    seed : another population (identities and poses) in the same world; None = the frozen one
    modality_gap : of all pictures, in the place of the world's own (``World``)
    visible_only : share of the people, in training and test, whose patterns and bags infrared
        pictures do not show: cues that one modality alone carries. A smaller share's people are
        among a larger one's
    shots : (visible, infrared) pictures of a training person, in the place of the preset's

    Returns
    -------
    Images with uint8 pixels; cameras 1, 2, 4, 5 are visible, 3, 6, 7, 8 infrared; camera 3 hangs in
    the room of 2, so protocol "sysu" drops gallery camera 2 for its queries. No test identity
    occurs in training.

    Raises ValueError for an unknown preset or split, a trial outside 0..9, a seed that is no whole
    number from 0, or another value outside.
    Source: SYSU-MM01's protocol (Wu et al., ICCV 2017), single shot, all search.
    """
    if preset not in PRESETS:
        raise ValueError(f"preset={preset!r}; SynthVI has {', '.join(PRESETS)}")
    if split not in SPLITS:
        raise ValueError(f"split={split!r}; known: {', '.join(SPLITS)}")
    trial = trial_number(trial, range(10), "SynthVI's gallery draws")
    seed = PRESETS[preset].seed if seed is None else check_seed(seed)
    change = Change(modality_gap=modality_gap, visible_only=visible_only, shots=shots)
    if split == "train":
        table = _table(preset, seed, "train", None, change)
    elif split == "query":
        table = _table(preset, seed, "test", Modality.INFRARED, change)
    else:
        table = _table(preset, seed, "test", Modality.VISIBLE, change)
        table = table.rows(_single_shot(table, trial))
    return _named(table, f"synthvi {preset} {split}{change.told()}")


def pictures(
    preset: Preset, seed: int, identities: range, modalities, shots: int,
    *, infrared_shots: int | None = None, visible_only: float = 0.0,
) -> Images:  # fmt: skip
    """Render the table of some identities: by identity, then modality, then shot.

    ``infrared_shots`` is by default as many as ``shots``; ``visible_only`` is as in ``load``.
    """
    count = (shots, shots if infrared_shots is None else infrared_shots)
    rows = [
        (identity, modality, CAMERAS[modality][j % 4], j)
        for identity in identities
        for modality in modalities
        for j in range(count[modality])
    ]
    world, pixels = preset.world, np.empty((len(rows), *preset.size, 3), np.uint8)
    cameras = {number: world.camera(number) for number in range(1, 9)}
    people = {identity: world.person(identity, seed=seed) for identity in identities}
    bare = {i for i in people if Dice(seed, "visible only", i).uniform() < visible_only}
    for i, (identity, _, camera, j) in enumerate(rows):
        shot = world.shot(people[identity], cameras[camera], (seed, identity, camera, j))
        pixels[i] = render(unmarked(shot) if identity in bare else shot, preset.size)
    identity, modality, camera, _ = (np.array(column) for column in zip(*rows, strict=True))
    return Images(pixels, modality, camera, identity, preset.size)


def unmarked(shot: Shot) -> Shot:
    """The shot without pattern and bag where it is infrared; a visible one as it is."""
    if shot.modality == Modality.VISIBLE:
        return shot
    return shot.do(pattern="plain", lower_pattern="plain", bag="none")


@lru_cache(maxsize=6)
def _table(name: str, seed: int, part: str, modality: Modality | None, change: Change) -> Images:
    preset = PRESETS[name]
    if change.modality_gap is not None:
        preset = replace(preset, world=preset.world.do(modality_gap=change.modality_gap))
    shown = {"visible_only": change.visible_only}
    if part == "test":
        identities = range(preset.train + 1, preset.train + preset.test + 1)
        return pictures(preset, seed, identities, [modality], preset.shots[1], **shown)
    shots, infrared = change.shots or (preset.shots[0], None)
    shown["infrared_shots"] = infrared
    return pictures(preset, seed, range(1, preset.train + 1), Modality, shots, **shown)


def _single_shot(table: Images, trial: int) -> list[int]:
    """One row per (identity, camera), identities ascending, cameras in the protocol's order."""
    dice = random.Random(trial)
    chosen = []
    for identity in np.unique(table.identity):
        for camera in CAMERAS[Modality.VISIBLE]:
            there = np.flatnonzero((table.identity == identity) & (table.camera == camera))
            if len(there):
                chosen.append(int(dice.choice(list(there))))
    return chosen


def _named(table: Images, name: str) -> Images:
    """A copy, so that nobody writes into the cache."""
    return Images(
        table.source.copy(), table.modality, table.camera, table.identity, table.size, name
    )
