"""Compiled loops of the augmentation. Import this inside functions only: numba costs a second.

Colours are three planes of bytes, and no loop branches by colour: the compiler does many at once.
"""

import math

import numpy as np

from vireid.compiled import compiled

CONTRAST, SATURATION, HUE = 1, 2, 3  # 0 is brightness


@compiled
def grey(r, g, b):
    """Pillow's conversion to L of one pixel."""
    return (np.int32(19595) * r + np.int32(38470) * g + np.int32(7471) * b + 0x8000) >> 16


@compiled(error_model="numpy")
def mean_grey(planes):
    """The mean of the grey picture, rounded, as ``ImageEnhance.Contrast`` takes it."""
    r, g, b = planes
    total = 0
    for i in range(len(r)):
        total += grey(r[i], g[i], b[i])
    return np.int32(total / len(r) + 0.5)


@compiled
def blend(base, plane, factor):
    """Pillow's ``Image.blend`` of one base (n,) or number with a plane, cut to bytes, in place."""
    for i in range(len(plane)):
        mixed = np.float32(base[i]) + factor * np.float32(np.int32(plane[i]) - base[i])
        plane[i] = np.uint8(min(max(mixed, np.float32(0)), np.float32(255)))


@compiled(error_model="numpy")
def hsv(planes):
    """Pillow's RGB to HSV, bytes, in place."""
    red, green, blue = planes
    for i in range(len(red)):
        r, g, b = np.int32(red[i]), np.int32(green[i]), np.int32(blue[i])
        most, least = max(r, g, b), min(r, g, b)
        span = np.float32(max(most - least, 1))
        away_r, away_g = np.float32(most - r) / span, np.float32(most - g) / span
        away_b = np.float32(most - b) / span
        first, second = (r == most), (g == most)
        base = 0.0 if first else (2.0 if second else 4.0)
        plus = away_b if first else (away_r if second else away_g)
        minus = away_g if first else (away_b if second else away_r)
        turn = np.float64(np.float32(base + np.float64(plus) - np.float64(minus))) / 6.0 + 1.0
        turn = np.float64(np.float32(turn - 1.0 if turn >= 1.0 else turn))
        share = np.float32(most - least) / np.float32(max(most, 1))
        red[i] = np.uint8(np.int32(turn * 255.0))
        green[i] = np.uint8(np.int32(np.float64(share) * 255.0))
        blue[i] = np.uint8(most)


@compiled
def rounded(value):
    """C's ``round`` of a number >= 0."""
    return np.int32(math.floor(value + 0.5))


@compiled(error_model="numpy")
def rgb(planes):
    """Pillow's HSV to RGB, bytes, in place."""
    red, green, blue = planes
    for i in range(len(red)):
        turn = np.float64(red[i]) * 6.0 / 255.0
        sector = np.int32(turn)
        v, s = np.float64(blue[i]), np.float32(np.float64(green[i]) / 255.0)
        f = np.float32(turn - np.float64(sector))
        sector = 0 if sector == 6 else sector
        p = rounded(v * (1.0 - np.float64(s)))
        q = rounded(v * (1.0 - np.float64(s * f)))
        t = rounded(v * (1.0 - np.float64(s) * (1.0 - np.float64(f))))
        most, low, high = blue[i], sector < 1, sector > 4
        red[i] = np.uint8(
            most if low or high else (q if sector == 1 else (t if sector == 4 else p))
        )
        green[i] = np.uint8(t if low else (most if sector < 3 else (q if sector == 3 else p)))
        blue[i] = np.uint8(p if sector < 2 else (t if sector == 2 else (most if sector < 5 else q)))


@compiled
def jitter(planes, factor, turn, order):
    """Brightness, contrast, saturation (by ``factor``) and hue (by ``turn`` bytes) in an order.

    uint8 (3, n), in place; bit for bit what ``augment.colour_jitter`` does by Pillow.
    """
    base = np.zeros(planes.shape[1], dtype=np.int32)
    for change in order:
        if change == HUE:
            hsv(planes)
            hue = planes[0]
            for i in range(len(hue)):
                hue[i] += turn
            rgb(planes)
            continue
        if change == SATURATION:
            for i in range(len(base)):
                base[i] = grey(planes[0, i], planes[1, i], planes[2, i])
        else:
            base[:] = mean_grey(planes) if change == CONTRAST else 0
        for plane in planes:
            blend(base, plane, factor[change])


@compiled
def normalise(planes, scale, shift, out):
    """Bytes (3, n) to network input (n, 3): byte * scale - shift, by channel."""
    for c in range(3):
        plane, by, minus = planes[c], scale[c], shift[c]
        for i in range(len(plane)):
            out[i, c] = np.float32(plane[i]) * by - minus
