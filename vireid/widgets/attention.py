"""Leaf through the pictures of a table and see what PA-CBAM does to each person's."""

import ipywidgets as W
import numpy as np
import torch

from vireid.arguments import as_array
from vireid.data.augment import to_input
from vireid.features import evaluating
from vireid.models.attention import Attended, attention_maps
from vireid.plots import attention_sheet, canvas, channel_weights
from vireid.types import Images, Modality
from vireid.widgets.panel import Drawing, Panel


def attended(model, images: Images, *, batch: int = 64) -> Attended:
    """Both gates of a network's PA-CBAM for every picture of a table, in evaluation mode.

    Returns ``Attended``; its ``x`` is the refined maps. Raises ValueError without PA-CBAM.
    """
    device = next(model.parameters()).device
    found = []
    with evaluating(model):
        for rows in torch.arange(len(images)).split(batch):
            pictures = to_input(np.stack([images.resized(int(i)) for i in rows])).to(device)
            modality = torch.as_tensor(images.modality[rows], device=device)
            found.append(attention_maps(model, pictures, modality))
    return Attended(*(torch.cat(part).cpu() for part in zip(*found, strict=True)))


def attention(images: Images, gates: Attended, *, start: int = 0, others: int = 4) -> Panel:
    """A slider over the pictures: where one and its person's others are looked at, and how channels
    are weighed in each modality.

    Parameters
    ----------
    images : a table; without identities a picture stands by itself. gates : ``attended`` of it
    start : the picture to begin with; others : pictures of the person in each modality, at most
    """
    channel, spatial = as_array(gates.channel), as_array(gates.spatial)
    order = np.argsort(-channel.mean(0), kind="stable")

    def draw(image: int) -> Drawing:
        return _draw(images, spatial, channel[:, order], image, others)

    wide = W.Layout(width="420px")
    slider = W.IntSlider(start, 0, len(images) - 1, description="image", layout=wide)
    return Panel(draw, {"image": slider})


def _draw(images: Images, spatial, channel, image: int, others: int) -> Drawing:
    named = images.identity is not None and images.identity[image] != -1  # unknown: nobody's kin
    kin = images.identity == images.identity[image] if named else np.arange(len(images)) == image
    modalities = {m: np.flatnonzero(kin & (images.modality == m)) for m in Modality}
    shown = [i for found in modalities.values() for i in found[found != image][:others]]
    margins = {"left": 0.01, "right": 0.985, "bottom": 0.28, "top": 0.88, "wspace": 0.12}
    figure, (left, right) = canvas(2, width=9.6, height=3.1, ratios=[1.25, 1], margins=margins)
    name = f"image {image}"
    if named:
        name += f", then others of person {images.identity[image]}"
    attention_sheet(images, spatial, left, rows=[image, *shown], title=name)
    means = {
        f"{m.word} (n = {len(r)})": channel[r].mean(0) for m, r in modalities.items() if len(r)
    }
    lines, order = {"all pictures": channel.mean(0)} | means, np.arange(channel.shape[1])
    alike = _alike(*means.values())
    told = f"means of the person: r = {alike:.2f}" if alike is not None else "channel weights"
    channel_weights(lines, right, order=order, title=told)
    alt = f"Image {image} and {len(shown)} others of the same person, below each its place weights "
    alt += f"(from {spatial.min():.2f}, dark blue, to {spatial.max():.2f}, yellow)."
    if alike is not None:
        alt += " Channel weights of the person's visible and infrared pictures correlate by "
        alt += f"{alike:.2f} over {channel.shape[1]} channels."
    return figure, alt


def _alike(*means: np.ndarray) -> float | None:
    """Correlation of two means; None where there are fewer, or one does not vary."""
    if len(means) < 2 or any(np.ptp(mean) == 0 for mean in means):
        return None
    return float(np.corrcoef(*means)[0, 1])
