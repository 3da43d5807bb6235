"""Cloth patterns: where the second yarn shows, from 0 to 1, smooth enough for small pictures."""

import numpy as np

from vireid.data.synthvi.figure import Paint
from vireid.data.synthvi.stable import wave

F = np.float32


def mask(paint: Paint, down: np.ndarray, around: np.ndarray, pixels: float) -> np.ndarray:
    """Share of the second yarn at each pixel.

    Parameters
    ----------
    paint : pattern, frequency (per body height), phase, duty (share of yarn), top (height)
    down : distance from the shape's top, in body heights
    around : place around the body in turns, so that the pattern turns with it
    pixels : picture rows per body height; edges are one row wide
    """
    drawn = {
        "hoops": _hoops, "stripes": _stripes, "check": _check, "band": _band, "two-tone": _two_tone,
        "dots": _dots, "logo": _logo, "side stripe": _side_stripe, "cuffs": _cuffs,
    }  # fmt: skip
    v = down + F(0.83 - paint.top)  # from the shoulders down, the same on sleeves and trunk
    return drawn[paint.pattern](paint, v, around, pixels)


def _edge(x: np.ndarray, duty: float, steep: float) -> np.ndarray:
    """1 where the wave x is high, about a share ``duty``; ``steep`` = half period in pixels."""
    return np.clip((x + F(2 * duty - 1)) * F(max(0.6, steep / 2)) + F(0.5), 0, 1)


def _hoops(p: Paint, v, u, pixels):
    x = wave(v * F(p.frequency) + F(p.phase))
    return _edge(x, p.duty, pixels / p.frequency / 2)


def _stripes(p: Paint, v, u, pixels):
    n = max(4, int(p.frequency))  # whole stripes around the body
    x = wave(u * F(n) + F(p.phase))
    return _edge(x, p.duty, pixels * 0.6 / n / 2)


def _check(p: Paint, v, u, pixels):
    a, b = _hoops(p, v, u, pixels), _stripes(p, v, u, pixels)
    return F(0.5) * (a + b)


def _dots(p: Paint, v, u, pixels):
    f = 0.75 * p.frequency
    x, y = wave(u * F(max(3, int(0.55 * f + 0.5))) + F(p.phase)), wave(v * F(f))
    round_ = (1 - x) * (1 - x) + (1 - y) * (1 - y)  # squared distance from the dot's middle
    return np.clip((F(1.3) - round_) * F(1.2) + F(0.5), 0, 1)


def _within(x, low: float, high: float, pixels: float):
    return np.clip(np.minimum(x - F(low), F(high) - x) * F(pixels) + F(0.5), 0, 1)


def _band(p: Paint, v, u, pixels):
    top = 0.08 + 0.10 * p.phase
    return _within(v, top, top + 0.05 + 0.08 * p.duty, pixels)


def _two_tone(p: Paint, v, u, pixels):
    return _within(v, -1.0, 0.09 + 0.14 * p.phase, pixels)


def _logo(p: Paint, v, u, pixels):
    side = u - np.floor(u + F(0.5))  # 0 = the middle of the chest
    return _within(v, 0.09, 0.17 + 0.06 * p.duty, pixels) * _within(
        np.abs(side), -1, 0.09, pixels * 0.6
    )


def _side_stripe(p: Paint, v, u, pixels):
    x = wave(u * F(2) + F(0.5))  # two stripes, at the outer and inner seam
    return np.clip((x - F(0.55)) * F(6) + F(0.5), 0, 1)


def _cuffs(p: Paint, v, u, pixels):
    return _within(v, 0.45 + 0.15 * p.phase, 2.0, pixels)
