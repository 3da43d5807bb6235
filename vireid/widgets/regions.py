"""Who is near in every region at once? Dials over VRNL's two thresholds."""

import ipywidgets as W
import numpy as np
import torch

from vireid.arguments import as_array
from vireid.association.neighbour_sets import intersect, regional_similarity
from vireid.data.benchmarks.files import choose
from vireid.plots import canvas, region_neighbours
from vireid.types import Embeddings, Images, Modality
from vireid.widgets.panel import Drawing, Panel

RHOS = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
AMONG = ("own modality", "other modality")


def regional_neighbours(
    images: Images,
    features: Embeddings,
    *,
    regions: int,
    start: int = 0,
    rho: float = 0.9,
    among: str = "own modality",
) -> Panel:
    """Sliders over the picture, rho and min_regions; a line per region, a last one for agreement.

    Parameters
    ----------
    images, features : of the same table; the feature's slices are the regions
    regions : how many slices; start, rho, among : what to begin with

    Raises ValueError when tables differ in length, or regions does not divide the feature.
    """
    if len(images) != len(features):
        raise ValueError(f"{len(images)} images and {len(features)} features: give one table's")
    choose(rho, RHOS, "rho")
    choose(among, AMONG, "among")
    modality = torch.as_tensor(images.modality)

    def draw(image: int, among: str, rho: float, min_regions: int) -> Drawing:
        wanted = Modality(int(modality[image]))
        wanted = wanted if among == "own modality" else wanted.other
        asked = torch.nonzero(modality == wanted).flatten()
        near = regional_similarity(features.x[[image]], features.x[asked], regions=regions)
        return _draw(images, image, near, asked, (rho, min_regions))

    wide = {"layout": W.Layout(width="310px")}
    return Panel(
        draw,
        {
            "image": W.IntSlider(start, 0, len(images) - 1, description="image", **wide),
            "among": W.Dropdown(options=AMONG, value=among, description="among", **wide),
            "rho": W.SelectionSlider(options=RHOS, value=rho, description="rho", **wide),
            "min_regions": W.IntSlider(regions, 1, regions, description="min_regions", **wide),
        },
    )


def _draw(images: Images, image: int, near, asked, dials: tuple[float, int]) -> Drawing:
    """``near`` (regions, 1, m) of the image to the pictures ``asked``."""
    rho, min_regions = dials
    regions = len(near)
    similarity = np.full((regions, len(images)), -np.inf)
    similarity[:, asked] = as_array(near[:, 0])
    chosen = np.zeros(similarity.shape, dtype=bool)
    for r in range(regions):
        chosen[r, asked[intersect(near[[r]], rho=rho)[0]]] = True
    (agreed,) = intersect(near, rho=rho, min_regions=min_regions)
    agreed = as_array(asked[agreed])
    sizes = " ".join(map(str, chosen.sum(1)))
    told = f"close enough: {sizes} by region, {len(agreed)} in {min_regions} or more"
    if images.identity is not None and images.identity[image] != -1:
        same = int((images.identity[agreed] == images.identity[image]).sum())
        told += f", {same} of them the same person"
    margins = {"left": 0.01, "right": 0.99, "bottom": 0.01, "top": 0.94}
    figure, ax = canvas(width=6.4, height=0.4 + 1.1 * (regions + 1), margins=margins)
    region_neighbours(images, image, similarity, chosen, ax, agreed=agreed, title=told)
    return figure, f"Neighbours of image {image} in {regions} regions, rho {rho:g}; {told}."
