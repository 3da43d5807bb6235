"""Attention as pictures: where a network looks, and how it weighs its channels."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from PIL import Image

from vireid.arguments import as_array
from vireid.plots.base import INK, MODALITY_COLOUR, MODALITY_LINE, dress, legend_below
from vireid.plots.pictures import modality_frame, sheet, thumbnail
from vireid.types import Images, Modality

DARKEST = 0.35  # how far black pixels darken the colour of an overlay


def overlay(picture: np.ndarray, weights, limits: tuple[float, float]) -> np.ndarray:
    """A picture coloured by its place weights: dark blue is the lower limit, yellow the upper.

    Parameters
    ----------
    picture : uint8 (h, w, 3); weights : (h', w') of a coarser map, spread over the picture
    """
    low, high = limits
    shade = np.clip((as_array(weights) - low) / max(high - low, 1e-12), 0, 1)
    height, width = picture.shape[:2]
    spread = Image.fromarray(shade.astype(np.float32)).resize((width, height), Image.BILINEAR)
    heat = colormaps["cividis"](np.asarray(spread))[..., :3]
    grey = DARKEST + (1 - DARKEST) * picture.mean(2, keepdims=True) / 255
    return np.round(255 * heat * grey).astype(np.uint8)


def attention_sheet(
    images: Images,
    spatial,
    ax: Axes,
    *,
    rows: Sequence[int],
    limits: tuple[float, float] | None = None,
    title: str = "",
) -> Axes:
    """Pictures, and below each the same one under its place weights.

    Parameters
    ----------
    images : the table; spatial : (n, h', w') or (n, 1, h', w') place weights of all its pictures
    rows : the pictures to show, at most a dozen; limits : of the shades, default those of all n

    Raises ValueError when there is not one map per picture.
    """
    spatial = as_array(spatial)
    if spatial.ndim == 4:
        spatial = spatial[:, 0]
    if spatial.ndim != 3 or len(spatial) != len(images):
        raise ValueError(f"spatial has shape {spatial.shape}; give {len(images)} maps (n, h, w)")
    low, high = limits or (float(spatial.min()), float(spatial.max()))
    plain = [thumbnail(images, int(i)) for i in rows]
    heat = [overlay(p, spatial[i], (low, high)) for p, i in zip(plain, rows, strict=True)]
    for line in sheet(ax, [plain, heat]):
        for place, i in zip(line, rows, strict=True):
            modality_frame(ax, place, images.modality[i])
    told = f"place weights: dark blue {low:.2f}, yellow {high:.2f}"
    ax.text(0, -0.03, told, transform=ax.transAxes, va="top", fontsize=8, color=INK)
    ax.set_title(title, loc="left", fontsize=10, color=INK)
    return ax


def channel_weights(
    weights: Mapping[str, Sequence[float]], ax: Axes, *, order: Sequence[int], title: str = ""
) -> Axes:
    """How channels are weighed, one line per name, channels in the same order for all.

    Parameters
    ----------
    weights : name -> (c,) in [0, 1]; names that begin with "visible" or "infrared" get the
        modality's colour and line, others are thin and grey
    order : (c,) channels, as they stand from left to right
    """
    looks = {m.word: (MODALITY_COLOUR[m], MODALITY_LINE[m]) for m in Modality}
    for name, values in weights.items():
        values = as_array(values)
        if values.shape != (len(order),):
            raise ValueError(f"weights[{name!r}] has shape {values.shape}; order {len(order)}")
        colour, line = looks.get(name.split()[0], (INK, ":"))
        ax.plot(values[as_array(order)], color=colour, ls=line, lw=1.1, label=name)
    dress(ax, title=title, xlabel=f"channels (c = {len(order)}), sorted", ylabel="channel weight")
    ax.set_ylim(-0.02, 1.02)
    legend_below(ax, columns=3)
    return ax
