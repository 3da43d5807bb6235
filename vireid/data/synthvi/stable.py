"""Numbers that come out the same on every machine.

Pixels are promised to be identical for a seed. So randomness is read from PCG64's raw words (whose
stream numpy guarantees), draws are built from them by + - * / and square roots (exact in IEEE 754),
and sines are rounded far above the last bits, where libraries differ. Nothing sums in a free order.
"""

import math

import numpy as np

TAU = 6.283185307179586
WORD = 2.0**-53


class Dice:
    """A stream of random numbers that belongs to one key, such as (seed, "person", 7).

    Streams of different keys are independent: fixing one variable leaves all others as they were.
    """

    def __init__(self, *key: int | str):
        words = [int.from_bytes(k.encode(), "big") if isinstance(k, str) else int(k) for k in key]
        if min(words) < 0:
            raise ValueError(f"seed and numbers must be >= 0, got {key}")
        self._bits = np.random.PCG64(np.random.SeedSequence(words))

    def uniform(self, low: float = 0.0, high: float = 1.0) -> float:
        """One number in [low, high)."""
        return low + (high - low) * ((int(self._bits.random_raw()) >> 11) * WORD)

    def normal(self, sd: float = 1.0) -> float:
        """Nearly normal with mean 0: four uniforms added, so it never exceeds 3.5 sd."""
        u = self.uniform
        return sd * math.sqrt(3.0) * (((u() + u()) + (u() + u())) - 2.0)

    def chance(self, p: float) -> bool:
        """True with probability p."""
        return self.uniform() < p

    def pick(self, table: dict[str, float]) -> str:
        """A key of the table, with the probability that stands beside it."""
        left = self.uniform() * math.fsum(table.values())
        for name, p in table.items():
            left -= p
            if left < 0:
                return name
        return name

    def grain(self, *shape: int) -> np.ndarray:
        """White noise (float32, unit variance, mean 0): four random bytes added per pixel."""
        n = math.prod(shape)
        raw = self._bits.random_raw((n + 1) // 2).astype("<u8").view(np.uint8)[: 4 * n]
        a, b, c, d = raw.reshape(4, *shape).astype(np.int16)
        return ((a + b + c + d) - 510).astype(np.float32) * np.float32(1 / 147.8)


def sin(x: float) -> float:
    """Sine to six decimals."""
    return round(math.sin(x), 6)


def cos(x: float) -> float:
    """Cosine to six decimals."""
    return round(math.cos(x), 6)


def turn(t: np.ndarray) -> np.ndarray:
    """Where on a cylinder (in turns, -1/4 to 1/4) one looks at across position t in [-1, 1].

    arcsin(t) / (2 pi), by a polynomial that is exact enough for a cloth pattern.
    """
    s = t * t
    return t * (0.1592 + s * (0.022 + s * s * 0.0688))


def wave(x: np.ndarray) -> np.ndarray:
    """Triangle wave of period 1 between -1 and 1, highest at whole numbers."""
    return np.abs((x - np.floor(x)) - 0.5) * 4 - 1


def hsv(hue: float, saturation: float, value: float) -> tuple[float, float, float]:
    """RGB in [0, 1] of a colour; hue in turns."""

    def channel(n: int) -> float:
        k = (n + 6 * hue) % 6
        return value - value * saturation * max(0.0, min(k, 4 - k, 1.0))

    return channel(5), channel(3), channel(1)
