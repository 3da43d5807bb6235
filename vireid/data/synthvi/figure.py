"""A skeleton in a pose, and the two shapes that draw everything on it: Limb and Lathe.

Body axes: x to the person's left, y up from the floor, z forward, in body heights.
Picture axes: x from the middle, y from the top, both in picture heights.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

from vireid.data.synthvi.stable import TAU, cos, sin
from vireid.data.synthvi.variables import Person, Pose


class Paint(NamedTuple):
    """What covers a shape: one part's colour, or two in a pattern that starts at height ``top``."""

    part: str
    yarn: str = ""
    pattern: str = "plain"
    frequency: float = 8.0
    phase: float = 0.0
    duty: float = 0.5
    top: float = 0.0


class Limb(NamedTuple):
    """A tapered capsule from p to q (x, y), radii at both ends."""

    p: tuple[float, float]
    q: tuple[float, float]
    radius: tuple[float, float]
    paint: Paint
    strength: float = 1.0


class Lathe(NamedTuple):
    """A turned body: at heights y (downwards), centre x and half width w, smooth in between."""

    y: tuple[float, ...]
    x: tuple[float, ...]
    w: tuple[float, ...]
    paint: Paint


@dataclass(frozen=True)
class Skeleton:
    """Joints of one pose and how they project; ``at(x, y, z)`` gives the place in the picture."""

    person: Person
    pose: Pose

    def __post_init__(self):
        angle = TAU * self.pose.yaw
        object.__setattr__(self, "c", cos(angle))
        object.__setattr__(self, "s", sin(angle))
        object.__setattr__(self, "unit", self.pose.scale * self.person.stature)
        steps = {side: self._leg(side) for side in (1, -1)}
        floor = min(ankle[1] for _, _, ankle in steps.values()) - 0.04
        object.__setattr__(self, "drop", floor)
        object.__setattr__(self, "legs", steps)

    def at(self, x: float, y: float, z: float) -> tuple[float, float]:
        """(x, y) in picture heights of a body point."""
        y = y - self.drop
        across = x * self.c + z * self.s + self.pose.lean * y
        return self.pose.x + self.unit * across, 0.955 + self.pose.y - self.unit * y

    def depth(self, x: float, z: float) -> float:
        """Positive when nearer to the camera than the body's axis."""
        return z * self.c - x * self.s

    def wide(self, lateral: float, forward: float) -> float:
        """Half width in the picture of an ellipse with these half axes."""
        a, b = lateral * self.c, forward * self.s
        return self.unit * math.sqrt(a * a + b * b)

    def _leg(self, side: int):
        p = self.person
        thigh = shank = p.leg / 2 - 0.01
        angle = TAU * self.pose.walk
        swing = side * self.pose.stride * sin(angle)
        bend = 0.08 + 0.8 * self.pose.stride * max(0.0, -side * cos(angle))
        hip = (0.045 * p.hip * side, p.leg, 0.0)
        knee = (hip[0], hip[1] - thigh * cos(swing), thigh * sin(swing))
        ankle = (
            hip[0] * 0.9,
            knee[1] - shank * cos(swing - bend),
            knee[2] + shank * sin(swing - bend),
        )
        return hip, knee, ankle

    def arm(self, side: int):
        """(shoulder, elbow, hand); arms swing against the legs, a carrying arm hangs still."""
        p = self.person
        still = p.bag == "hand" and side == p.bag_side
        swing = 0.0 if still else -side * self.pose.swing * sin(TAU * self.pose.walk)
        bend = 0.1 if still else 0.2 + 0.5 * self.pose.swing
        upper, fore = 0.165 * p.arm, 0.185 * p.arm
        x = 0.099 * p.shoulder * (0.5 + 0.5 * p.build)
        shoulder = (side * x, 0.790, 0.0)
        elbow = (side * (x + 0.022), 0.790 - upper * cos(swing), upper * sin(swing))
        hand = (
            side * (x + 0.018),
            elbow[1] - fore * cos(swing + bend),
            elbow[2] + fore * sin(swing + bend),
        )
        return shoulder, elbow, hand
