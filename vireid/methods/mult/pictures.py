"""How MULT augments pictures in stage 1: stronger than others, with patches of changed light."""

from dataclasses import dataclass, replace
from functools import partial
from typing import ClassVar

import numpy as np
import torch
from torch import Generator

from vireid.data.augment import Recipe, Stream
from vireid.data.views import Step, as_step

AREA, ASPECT = (0.02, 0.4), (0.3, 1 / 0.3)  # of a patch: share of the picture, height / width
DARK = 1e-6  # patches pile up until a pixel keeps no more than this share of its light
PATCHES = 1000  # at most; usually some ten are enough


def linear_patches(
    picture: np.ndarray, *, probability: float = 0.9, generator: Generator | None = None
) -> np.ndarray:
    r"""Rescale random boxes, each channel by itself, until some pixel has gone dark.

    .. math:: p_c \leftarrow \frac{g_c}{\max_{box} p_c}\, p_c, \qquad
              g_c \sim \mathrm{Beta}(\tfrac12, \tfrac12)

    Parameters
    ----------
    picture : uint8 (h, w, 3) RGB
    probability : share of the pictures that are changed at all

    Returns uint8 (h, w, 3), a new array when changed. A channel that is black in a box stays so.
    Source: MULT, released code (stage 1, plain visible pictures); not in the paper. Differs: a
    black picture, on which that code never stops, comes back as it is.
    """
    if torch.rand((), generator=generator) >= probability or not picture.any():
        return picture
    light = np.ascontiguousarray(picture.transpose(2, 0, 1), np.float32) / 255  # (3, h, w)
    kept = np.ones_like(light)
    for _ in range(PATCHES):
        box = _box(picture.shape[:2], generator)
        if box is None:
            continue
        box = (slice(None), *box)
        top = light[box].max((1, 2))
        g = np.sin(torch.rand(3, generator=generator).numpy() * np.pi / 2) ** 2
        scale = np.where(top > 0, g / np.where(top > 0, top, 1), 1)[:, None, None]
        light[box] *= scale
        kept[box] *= scale
        if kept[box].min() <= DARK:
            break
    return np.round(255 * light).clip(0, 255).astype(np.uint8).transpose(1, 2, 0)


def _box(size: tuple[int, int], generator) -> tuple[slice, slice] | None:
    """Rows and columns of a patch, None when it is larger than the picture."""
    height, width = size
    u = torch.rand(4, dtype=torch.float64, generator=generator).tolist()
    pixels = (AREA[0] + u[0] * (AREA[1] - AREA[0])) * height * width
    aspect = ASPECT[0] + u[1] * (ASPECT[1] - ASPECT[0])
    h, w = round((pixels * aspect) ** 0.5), round((pixels / aspect) ** 0.5)
    if not (0 < h < height and 0 < w < width):
        return None
    top, left = int(u[2] * (height - h + 1)), int(u[3] * (width - w + 1))
    return slice(top, top + h), slice(left, left + w)


@dataclass(frozen=True, kw_only=True)
class Patched(Stream):
    """A stream that begins with ``linear_patches``."""

    before: ClassVar[str] = "patches with scaled channels, 0.9"

    def draw(self, generator: Generator) -> list[Step]:
        """Patches, whose number depends on the pixels, from dice of their own; then the rest."""
        dice = torch.Generator().manual_seed(int(torch.randint(2**62, (), generator=generator)))
        return [as_step(partial(linear_patches, generator=dice)), *super().draw(generator)]


def strong(recipe: Recipe) -> Recipe:
    """Patches on plain visible pictures, jitter on all others, erasing with probability 0.9.

    Source: MULT, released code, stage 1.
    """
    jittered = {
        name: stream and replace(stream, jitter=0.5)
        for name in ("visible_second", "infrared")
        for stream in [getattr(recipe, name)]
    }
    return replace(recipe, visible=Patched(), erasing_probability=0.9, **jittered)
