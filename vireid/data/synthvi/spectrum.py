"""What each pigment looks like in each light: colour in the visible, one number in the infrared.

The infrared number has a systematic part, one function of colour for everybody (``style_gap``),
and a part of its own that colour does not tell (``modality_gap``).
"""

import math

import numpy as np

from vireid.data.synthvi.mechanisms import luminance
from vireid.data.synthvi.stable import TAU, cos, sin
from vireid.data.synthvi.variables import PARTS, Color, Person
from vireid.types import Modality

MEAN, SPREAD = 0.5, 0.23  # of the luminance of cloth
WARMTH = {  # temperature of a part as grey value, thermal style
    "skin": 0.92,
    "hair": 0.60,
    "upper": 0.46,
    "upper yarn": 0.46,
    "inner": 0.56,
    "lower": 0.50,
    "lower yarn": 0.50,
    "shoes": 0.26,
    "bag": 0.20,
}
COOL = {"coat": 0.12, "jacket": 0.08, "hoodie": 0.06}  # thick cloth keeps the warmth in


TURN = 1 / 3  # of a full turn between brightness and infrared at style_gap 1


def predicted(color: Color, style_gap: float) -> float:
    """Standardised infrared reflectance that a colour tells: brightness, turned towards red - blue.

    At style_gap 0 it is the brightness alone, at 3/4 red - blue alone, at 1 dark dyes are bright.
    The turn keeps the variance: nothing is lost, it has only moved to where grey cannot see it.
    """
    red, _, blue = color
    angle = TAU * TURN * style_gap
    bright, warm = (luminance(color) - MEAN) / SPREAD, (red - blue) / 0.25
    return cos(angle) * bright + sin(angle) * warm


def infrared(color: Color, own: float, world, part: str = "", upper: str = "") -> float:
    """Grey value in [0, 1] of one part in infrared light.

    Parameters
    ----------
    color : its pigment, RGB in [0, 1]
    own : its deviation that no colour tells, unit variance
    world : gives style, style_gap and modality_gap; with both gaps 0 the result is the luminance
    part : name from PARTS; "" for things that are no person's
    upper : kind of upper garment, which decides its warmth
    """
    s, rho = world.style_gap, 1 - world.modality_gap
    z = rho * predicted(color, s) + math.sqrt(1 - rho * rho) * own
    if world.style == "thermal":
        mean, spread = WARMTH.get(part, 0.30), 0.10 if "yarn" in part else 0.05
        mean -= COOL.get(upper, 0.0) if part.startswith("upper") else 0.0
    else:
        mean = {"skin": 0.74, "hair": 0.42}.get(part, MEAN)
        spread = {"skin": 0.05, "hair": 0.12}.get(part, SPREAD)
    value = (1 - s) * (MEAN + SPREAD * z) + s * (mean + spread * z)
    return max(0.05, min(0.97, value))


def look(person: Person, modality: Modality, world) -> dict[str, np.ndarray]:
    """Albedo of every part: float32 (3, 1, 1) in the visible, (1, 1, 1) in the infrared."""
    if modality == Modality.VISIBLE:
        values = person.color
    else:
        values = [
            (infrared(color, own, world, part, person.upper),)
            for part, color, own in zip(PARTS, person.color, person.own, strict=True)
        ]
    return {
        part: np.array(value, np.float32)[:, None, None]
        for part, value in zip(PARTS, values, strict=True)
    }
