"""The variables of a picture: person, room, sensor, camera, pose, noise. Plain frozen records."""

from dataclasses import dataclass

from vireid.types import Modality

PARTS = ("skin", "hair", "upper", "upper yarn", "inner", "lower", "lower yarn", "shoes", "bag")
HAIR = {"short": 0.30, "bald": 0.10, "long": 0.24, "bun": 0.12, "cap": 0.16, "afro": 0.08}
UPPER = {"tee": 0.22, "long": 0.26, "coat": 0.14, "jacket": 0.16, "hoodie": 0.12, "tank": 0.10}
LOWER = {"trousers": 0.42, "wide": 0.16, "shorts": 0.18, "skirt": 0.14, "long skirt": 0.10}
PATTERNS = ("hoops", "stripes", "check", "band", "two-tone", "dots", "logo")
LOWER_PATTERN = {"plain": 0.60, "side stripe": 0.14, "cuffs": 0.14, "hoops": 0.12}
BAG = {"none": 0.36, "backpack": 0.26, "shoulder": 0.20, "hand": 0.18}

Color = tuple[float, float, float]


@dataclass(frozen=True, kw_only=True)
class Person:
    """Everything that identity decides, seen or unseen.

    ``color`` and ``own`` have one entry per name in ``PARTS``: the pigment in visible light, and
    the share of its infrared reflectance that no colour tells (unit variance). Lengths are in body
    heights, widths relative to 1.
    """

    stature: float
    build: float
    belly: float
    hip: float
    shoulder: float
    head: float
    leg: float
    arm: float
    hair: str
    upper: str
    lower: str
    hem: float
    pattern: str
    frequency: float
    phase: float
    duty: float
    lower_pattern: str
    boots: bool
    bag: str
    bag_side: int
    bag_size: float
    color: tuple[Color, ...]
    own: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class Room:
    """Where a camera hangs: wall, floor and things on the wall, before any light or lens."""

    wall: Color
    floor: Color
    horizon: float
    tile: float
    panels: tuple[tuple[float, float, float, float, Color, float], ...]
    own: tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Sensor:
    """What a lens and chip do to the light; ``grain`` is relative to the world's noise."""

    gain: float
    tone: float
    tint: Color
    vignette: float
    blur: float
    grain: float


@dataclass(frozen=True, kw_only=True)
class Camera:
    """A numbered place: one room, one viewpoint, and a sensor for either light.

    ``modality`` is the light it records in; ``do(modality=...)`` switches that, not the place.
    """

    number: int
    modality: Modality
    room: Room
    corridor: float
    light: float
    tilt: float
    sensors: tuple[Sensor, Sensor]


@dataclass(frozen=True, kw_only=True)
class Pose:
    """How the person stands; yaw (0 faces the camera) and walk (the gait's phase) in turns."""

    yaw: float
    walk: float
    stride: float
    swing: float
    lean: float
    x: float
    y: float
    scale: float


@dataclass(frozen=True, kw_only=True)
class Noise:
    """What is left to chance: exposure, view along the wall, an occluder, the key of the grain."""

    exposure: float
    offset: float
    occluder: str
    occluder_at: float
    occluder_color: Color
    key: tuple[int, ...]
