"""How each variable comes about: one structural equation per function, noise from its own dice."""

from vireid.data.synthvi.stable import Dice, hsv
from vireid.data.synthvi.variables import (
    BAG,
    HAIR,
    LOWER,
    LOWER_PATTERN,
    PARTS,
    PATTERNS,
    UPPER,
    Camera,
    Color,
    Noise,
    Person,
    Pose,
    Room,
    Sensor,
)
from vireid.types import Modality


def _clipped(dice: Dice, mean: float, sd: float) -> float:
    return mean + max(-2 * sd, min(2 * sd, dice.normal(sd)))


def _cloth(dice: Dice) -> Color:
    if dice.chance(0.3):
        return hsv(dice.uniform(), dice.uniform(0.0, 0.12), dice.uniform(0.10, 0.95))
    return hsv(dice.uniform(), dice.uniform(0.30, 0.95), dice.uniform(0.18, 0.95))


def _skin(dice: Dice) -> Color:
    light = dice.uniform(0.35, 1.0)
    return (0.92 * light, (0.58 + 0.14 * light) * light, (0.36 + 0.26 * light) * light)


def _hair(dice: Dice, style: str) -> Color:
    if style == "cap":
        return _cloth(dice)
    if style == "bald":
        dice.uniform()
    return hsv(dice.uniform(0.04, 0.10), dice.uniform(0.15, 0.75), dice.uniform(0.06, 0.62))


def _category(dice: Dice, table: dict[str, float], shared: float) -> str:
    """A category; for shared < 1 drawn towards the commonest one."""
    name, keep = dice.pick(table), dice.uniform() < shared
    return name if keep else max(table, key=table.get)


def draw_person(world, dice: Dice) -> Person:
    """Identity decides body, clothes and colours."""
    s, draw = world.shared, dice
    hair, upper, lower = (_category(draw, t, s) for t in (HAIR, UPPER, LOWER))
    bag, lower_pattern = _category(draw, BAG, s), _category(draw, LOWER_PATTERN, s)
    patterned = draw.uniform() >= world.plain
    colors = {
        part: _skin(draw)
        if part == "skin"
        else _hair(draw, hair)
        if part == "hair"
        else _cloth(draw)
        for part in PARTS
    }
    colors["upper yarn"] = _distinct(colors["upper"], colors["upper yarn"])
    colors["lower yarn"] = _distinct(colors["lower"], colors["lower yarn"])
    return Person(
        stature=_clipped(draw, 1.0, 0.04 * s),
        build=_clipped(draw, 1.0, 0.15 * s),
        belly=_clipped(draw, 1.0, 0.15 * s),
        hip=_clipped(draw, 1.0, 0.10 * s),
        shoulder=_clipped(draw, 1.0, 0.09 * s),
        head=_clipped(draw, 1.0, 0.08 * s),
        leg=max(0.41, min(0.54, _clipped(draw, 0.475, 0.03 * s))),
        arm=_clipped(draw, 1.0, 0.05 * s),
        hair=hair,
        upper=upper,
        lower=lower,
        hem=draw.uniform(0.06, 0.20),
        pattern=draw.pick(dict.fromkeys(PATTERNS, 1.0)) if patterned else "plain",
        frequency=draw.uniform(5.0, 12.0),
        phase=draw.uniform(),
        duty=draw.uniform(0.35, 0.65),
        lower_pattern=lower_pattern,
        boots=draw.chance(0.3),
        bag=bag,
        bag_side=1 if draw.chance(0.5) else -1,
        bag_size=draw.uniform(0.85, 1.25),
        color=tuple(colors[part] for part in PARTS),
        own=tuple(draw.uniform(-1.732, 1.732) for _ in PARTS),
    )


def luminance(color: Color) -> float:
    """Brightness of a colour to the eye, in [0, 1]."""
    return 0.30 * color[0] + 0.59 * color[1] + 0.11 * color[2]


def _distinct(ground: Color, yarn: Color) -> Color:
    """A second yarn that can be told from the ground: pushed off in brightness when too close."""
    if abs(luminance(ground) - luminance(yarn)) > 0.25:
        return yarn
    if luminance(ground) > 0.5:
        return tuple(0.35 * c for c in yarn)
    return tuple(0.55 + 0.45 * c for c in yarn)


def draw_room(dice: Dice) -> Room:
    """A place: wall, floor, doors and posters."""
    wall = hsv(dice.uniform(), dice.uniform(0.02, 0.25), dice.uniform(0.45, 0.85))
    floor = hsv(dice.uniform(), dice.uniform(0.05, 0.30), dice.uniform(0.30, 0.65))
    panels = tuple(
        (
            dice.uniform(), dice.uniform(0.12, 0.45),
            dice.uniform(-0.1, 0.35), dice.uniform(0.4, 1.0),
            hsv(dice.uniform(), dice.uniform(0.05, 0.5), dice.uniform(0.2, 0.9)),
            dice.uniform(-1.7, 1.7),
        )
        for _ in range(7)
    )  # fmt: skip
    own = (dice.uniform(-1.7, 1.7), dice.uniform(-1.7, 1.7))
    return Room(
        wall=wall,
        floor=floor,
        horizon=dice.uniform(0.66, 0.82),
        tile=dice.uniform(0.10, 0.22),
        panels=panels,
        own=own,
    )


def draw_sensor(world, dice: Dice) -> Sensor:
    """Lens and chip of a place; what all infrared sensors share is added when exposing."""
    c = world.camera_spread
    return Sensor(
        gain=1.0 + dice.normal(0.14 * c),
        tone=dice.normal(0.35 * c),
        tint=tuple(1.0 + dice.normal(0.09 * c) for _ in range(3)),
        vignette=dice.uniform(0.02, 0.12),
        blur=dice.uniform(0.05, 0.35),
        grain=dice.uniform(0.8, 1.2),
    )


def draw_camera(world, number: int, modality: Modality) -> Camera:
    """Camera 3 shares the room of camera 2, nothing else."""
    place = 2 if number == 3 else number
    dice = Dice(world.seed, "camera", number)
    return Camera(
        number=number,
        modality=modality,
        room=draw_room(Dice(world.seed, "room", place)),
        corridor=dice.normal(0.06),
        light=dice.uniform(-1.0, 1.0),
        tilt=dice.normal(0.03 * world.camera_spread),
        sensors=tuple(draw_sensor(world, dice) for _ in Modality),
    )


def draw_pose(world, camera: Camera, dice: Dice) -> Pose:
    """The camera decides the usual walking direction, chance the rest."""
    n = world.noise
    facing = float(dice.pick({"0": 0.42, "0.5": 0.33, "0.25": 0.125, "0.75": 0.125}))
    return Pose(
        yaw=facing + camera.corridor + dice.normal(0.05),
        walk=dice.uniform(),
        stride=dice.uniform(0.15, 0.55),
        swing=dice.uniform(0.1, 0.5),
        lean=dice.normal(0.02 * n) + camera.tilt,
        x=dice.normal(0.02 * n),
        y=dice.normal(0.015 * n),
        scale=0.875 + dice.normal(0.03 * n),
    )


def draw_noise(world, dice: Dice, key: tuple[int, ...]) -> Noise:
    """Exposure, view along the wall, occluder."""
    occluder = (
        dice.pick({"box": 1, "pole": 1, "side": 1}) if dice.chance(world.occlusion) else "none"
    )
    return Noise(
        exposure=1.0 + dice.normal(0.10 * world.noise),
        offset=dice.uniform(),
        occluder=occluder,
        occluder_at=dice.uniform(),
        occluder_color=hsv(dice.uniform(), dice.uniform(0.1, 0.6), dice.uniform(0.2, 0.7)),
        key=tuple(key),
    )
