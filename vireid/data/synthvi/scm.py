"""The structural causal model behind SynthVI: who, in which light, where, how standing, how noisy.

    identity -> person          camera -> room, sensors          (seed, shot) -> pose, noise
    (person, light, camera, pose, noise) -> picture

A ``World`` holds the mechanisms' parameters, a ``Shot`` one value of every variable. ``do`` sets
variables and leaves all others, their randomness included, as they were.
"""

from dataclasses import dataclass, fields, replace
from typing import ClassVar

from vireid.data.synthvi.mechanisms import draw_camera, draw_noise, draw_person, draw_pose
from vireid.data.synthvi.stable import Dice
from vireid.data.synthvi.variables import Camera, Noise, Person, Pose
from vireid.declared import check
from vireid.types import Modality


@dataclass(frozen=True, kw_only=True)
class World:
    """Parameters of all mechanisms; ``World.shot`` runs them.

    Parameters
    ----------
    seed : which rooms and sensors the eight cameras have
    style : "nir" (active near infrared) or "thermal" (heat)
    modality_gap : 0 to 1, how much of each part's infrared reflectance is unrelated to its colour.
        This part no learner can bridge.
    style_gap : 0 to 1, the systematic part, the same for everybody: 0 is a plain grey picture of
        the scene, 1 another spectrum (contrast flips), spotlight, shading, blur and grain. A
        learner can bridge it.
    shared : spread of body shape and share of patterned, distinct clothes; 1 is the population's
    camera_spread, noise, occlusion : differences between sensors, disturbance per shot, P(occluder)
    plain : P(no pattern)
    """

    seed: int = 0
    style: str = "nir"
    modality_gap: float = 0.03
    style_gap: float = 0.33
    shared: float = 1.3
    camera_spread: float = 0.5
    noise: float = 0.8
    occlusion: float = 0.06
    plain: float = 0.15

    choices: ClassVar[dict[str, tuple]] = {"style": ("nir", "thermal")}
    ranges: ClassVar[tuple] = (
        ("modality_gap style_gap occlusion plain", lambda v: 0 <= v <= 1, "give a share, 0 to 1"),
        ("shared camera_spread noise", lambda v: v >= 0, "give a number >= 0"),
    )

    def __post_init__(self):
        check(self)

    def do(self, **parameters) -> "World":
        """The same world with some mechanisms changed; all randomness stays."""
        _known(self, parameters)
        return replace(self, **parameters)

    def person(self, identity: int, *, seed: int = 0) -> Person:
        """The person of this number in a population (seed)."""
        return draw_person(self, Dice(seed, "person", identity))

    def camera(self, number: int) -> Camera:
        """Camera 1, 2, 4, 5 (visible) or 3, 6, 7, 8 (infrared); 3 hangs in the room of 2."""
        if number not in range(1, 9):
            raise ValueError(
                f"camera={number}; cameras are 1, 2, 4, 5 (visible) and 3, 6, 7, 8 (infrared)"
            )
        modality = Modality.VISIBLE if number in (1, 2, 4, 5) else Modality.INFRARED
        return draw_camera(self, number, modality)

    def shot(self, person: Person, camera: Camera, key: tuple[int, ...]) -> "Shot":
        """One more picture of a person by a camera; ``key`` names its randomness."""
        return Shot(
            world=self,
            person=person,
            camera=camera,
            modality=camera.modality,
            pose=draw_pose(self, camera, Dice(*key, "pose")),
            noise=draw_noise(self, Dice(*key, "noise"), key),
        )


@dataclass(frozen=True, kw_only=True)
class Shot:
    """One value of every variable: a cause of exactly one picture (``render``)."""

    world: World
    person: Person
    camera: Camera
    modality: Modality
    pose: Pose
    noise: Noise

    def do(self, **variables) -> "Shot":
        """The same shot with variables set by hand, and nothing else changed.

        Names: person, camera, modality, pose, noise; any field of Person, Pose or Noise (such as
        yaw or bag); the parameters of rendering modality_gap, style_gap
        and style. Raises ValueError for unknown names.
        """
        shot = self
        for name, value in variables.items():
            holder = next((h for h in _HOLDERS if name in _names(getattr(self, h))), None)
            if name in ("person", "camera", "pose", "noise"):
                shot = replace(shot, **{name: value})
            elif name == "modality":
                shot = replace(shot, modality=Modality(value))
            elif name in ("modality_gap", "style_gap", "style"):
                shot = replace(shot, world=shot.world.do(**{name: value}))
            elif holder is not None:
                shot = replace(shot, **{holder: replace(getattr(shot, holder), **{name: value})})
            else:
                raise ValueError(
                    f"do({name}=...) is unknown; variables: {', '.join(variables_of(self))}"
                )
        return shot


_HOLDERS = ("person", "pose", "noise")


def variables_of(shot: Shot) -> list[str]:
    """All names that ``Shot.do`` takes."""
    inner = [name for holder in _HOLDERS for name in _names(getattr(shot, holder))]
    return [
        "person",
        "camera",
        "modality",
        "pose",
        "noise",
        "modality_gap",
        "style_gap",
        "style",
        *inner,
    ]


def _names(record) -> list[str]:
    return [field.name for field in fields(record)]


def _known(record, given: dict) -> None:
    unknown = set(given) - set(_names(record))
    if unknown:
        raise ValueError(f"unknown {sorted(unknown)}; {type(record).__name__} has {_names(record)}")
