"""Pseudo-colour: an infrared picture coloured by a randomly mixed colour map (DMDL)."""

import warnings
from functools import cache

import numpy as np
import torch

# (grey, value) anchors, linear in between; within 2 levels of OpenCV's maps of these names.
_IDENTITY = ((0, 0), (255, 255))  # blue of OCEAN, green of AUTUMN
_CIVIDIS_BLUE = (
    (0, 78), (20, 112), (77, 108), (138, 121), (183, 112), (216, 94), (242, 68), (252, 52),
    (255, 56),
)  # fmt: skip
_INFERNO_GREEN = (
    (0, 0), (30, 12), (53, 10), (127, 54), (155, 83), (187, 133), (246, 244), (255, 255),
)  # fmt: skip
_DEEPGREEN_RED = ((0, 0), (170, 0), (255, 255))
_JET_RED = ((0, 0), (96, 2), (159, 254), (223, 255), (255, 128))


def _table(anchors) -> np.ndarray:
    grey, value = zip(*anchors, strict=True)
    return np.interp(np.arange(256), grey, value).round().astype(np.uint8)


# TABLES[channel, option, grey]: what channel 0, 1, 2 may become.
TABLES = np.stack(
    [
        [_table(_IDENTITY), _table(_CIVIDIS_BLUE)],
        [_table(_INFERNO_GREEN), _table(_IDENTITY)],
        [_table(_DEEPGREEN_RED), _table(_JET_RED)],
    ]
)


VERSIONS = ("jet", "inferno", "viridis", "twilight")  # of maps="sampled"
MAPS = ("official", "sampled")


@cache
def version_tables() -> np.ndarray:
    """[channel, version, grey]: red, green and blue of matplotlib's maps called ``VERSIONS``."""
    from matplotlib import colormaps

    coloured = [colormaps[v](np.linspace(0, 1, 256), bytes=True)[:, :3] for v in VERSIONS]
    return np.stack(coloured).transpose(2, 0, 1).copy()


def pseudo_colour(
    picture: np.ndarray,
    *,
    maps: str = "official",
    options: tuple[int, int, int] | None = None,
    generator=None,
) -> np.ndarray:
    """Colour a grey picture: each channel through one of its tables, drawn by itself.

    Parameters
    ----------
    picture : uint8 (h, w), (h, w, 1) or (h, w, 3) in [0, 255]; three unequal channels are turned
        into grey first, with a warning
    maps : "official", two tables a channel, 8 equally likely results; "sampled", each channel
        from one of the colour maps ``VERSIONS``, 64 results
    options : table number per channel instead of a draw
    generator : torch.Generator of the draw; None = torch's global one

    Returns
    -------
    uint8 (h, w, 3), a new array

    Raises ValueError for another type, shape or unknown maps.
    Source: DMDL (arXiv 2512.03745), pseudo-colour augmentation; "official" as in its released code,
    "sampled" as its text says, which does not name the maps: ours are those of an unused variant in
    the code that matplotlib knows too. Differs: official tables are interpolated between anchors,
    at most 2 levels from OpenCV's.
    """
    grey, tables = _grey(picture), _tables(maps)
    if options is None:
        options = draw_options(maps, generator)
    # np.take with one table per channel is faster than one fancy index over all three
    return np.stack([tables[c, o].take(grey) for c, o in enumerate(options)], axis=-1)


def draw_options(maps: str, generator) -> list[int]:
    """Table number per channel."""
    return torch.randint(_tables(maps).shape[1], (3,), generator=generator).tolist()


def _tables(maps: str) -> np.ndarray:
    if maps not in MAPS:
        raise ValueError(f"maps={maps!r}; known: {', '.join(MAPS)}")
    return TABLES if maps == "official" else version_tables()


def _grey(picture: np.ndarray) -> np.ndarray:
    picture = np.asarray(picture)
    channels = picture.shape[2] if picture.ndim == 3 else int(picture.ndim == 2)
    if picture.dtype != np.uint8 or channels not in (1, 3):
        raise ValueError(
            f"picture is {picture.dtype} of shape {picture.shape}; pseudo-colour needs uint8 with "
            "1 or 3 channels, before normalisation"
        )
    first = picture if picture.ndim == 2 else picture[..., 0]
    if channels == 1 or ((first == picture[..., 1]) & (first == picture[..., 2])).all():
        return first
    warnings.warn(
        "an infrared picture has three unequal channels; it is turned into grey before "
        "pseudo-colour",
        stacklevel=3,
    )
    # as OpenCV reads it in the released code: the first channel counts as blue
    return (picture @ np.array([0.114, 0.587, 0.299])).round().astype(np.uint8)
