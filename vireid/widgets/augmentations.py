"""The augmentation gallery: what pseudo-colour and channel exchange make of one person."""

import ipywidgets as W
import numpy as np
import torch
from torch.nn.functional import normalize

from vireid.data.augment import MEAN, RECIPES, STD, Recipe
from vireid.data.channels import channel_exchange
from vireid.data.pseudo_colour import TABLES, pseudo_colour
from vireid.features import evaluating
from vireid.plots import canvas, colour_tables
from vireid.plots.base import INK
from vireid.plots.pictures import caption, frame, modality_frame, sheet
from vireid.types import Images, Modality
from vireid.widgets.panel import Drawing, Panel

MAPS = [(r, g, b) for r in (0, 1) for g in (0, 1) for b in (0, 1)]
OPTIONS = {  # what a channel may become, in the order of TABLES
    "first": ("as it is", "CIVIDIS blue"),
    "second": ("INFERNO green", "as it is"),
    "third": ("DEEPGREEN red", "JET red"),
}
DRAWS = 4


@torch.no_grad()
def view_features(
    model: torch.nn.Module, images: Images, recipe: Recipe, *, view: int = 1, seed: int = 0,
    batch: int = 64,
) -> torch.Tensor:  # fmt: skip
    """(n, d) unit features of one augmented view of each picture, network in evaluation mode.

    Parameters
    ----------
    recipe : of the augmentation; ValueError when it lacks the view for a modality of the table
    view : 0 or 1; seed : of its draws
    """
    device, dice = next(model.parameters()).device, torch.Generator().manual_seed(seed)
    found = []
    with evaluating(model):
        for rows in np.array_split(np.arange(len(images)), -(-len(images) // batch)):
            pictures = np.stack([images.resized(int(i)) for i in rows])
            views = recipe.batch(
                pictures, modality=images.modality[rows], view=[view] * len(rows), generator=dice
            )
            modality = torch.as_tensor(images.modality[rows], device=device)
            found.append(normalize(model(views.to(device), modality).x.float()).cpu())
    return torch.cat(found)


def shown(x: torch.Tensor) -> np.ndarray:
    """Network input (3, h, w) back as a picture, uint8 (h, w, 3); noise is cut off at the ends."""
    picture = (x * STD[:, None, None] + MEAN[:, None, None]).clamp(0, 1)
    return (255 * picture).round().byte().permute(1, 2, 0).numpy()


def augmentations(images: Images, *, recipe: Recipe | None = None, start: int = 0) -> Panel:
    """A gallery of one visible and one infrared picture with all that training may make of them.

    Dropdowns choose the table of each channel (framed among the 8 pseudo-colours), sliders the
    picture and the dice of the views below, which are drawn as training draws them.

    Parameters
    ----------
    images : the table ; start : which infrared picture to begin with
    recipe : of the drawn views (default DMDL's)

    Raises ValueError when a modality has no picture.
    """
    for own in Modality:
        if not (images.modality == own).any():
            raise ValueError(f"images: no {own.word} picture; give a table with both modalities")
    recipe = recipe or RECIPES["dmdl"]
    infrared = np.flatnonzero(images.modality == Modality.INFRARED)

    def draw(picture: int, first: int, second: int, third: int, dice: int) -> Drawing:
        row = infrared[picture]
        return _draw(images, row, _partner(images, row), (first, second, third), recipe, dice)

    wide = {"layout": W.Layout(width="260px")}
    tables = {
        name: W.Dropdown(
            options=[(word, i) for i, word in enumerate(words)], description=f"{name} channel",
            **wide,
        )
        for name, words in OPTIONS.items()
    }  # fmt: skip
    last = len(infrared) - 1
    return Panel(
        draw,
        {"picture": W.IntSlider(start, 0, last, description="picture", **wide)}
        | tables
        | {"dice": W.IntSlider(0, 0, 20, description="dice", **wide)},
    )


def _partner(images: Images, row: int) -> int:
    """A visible picture of the same person where that is known, else any."""
    visible = images.modality == Modality.VISIBLE
    same = visible if images.identity is None else visible & (
        images.identity == images.identity[row]
    )  # fmt: skip
    return int(np.flatnonzero(same if same.any() else visible)[0])


def _draw(images: Images, row: int, partner: int, chosen, recipe: Recipe, dice: int) -> Drawing:
    grey, colour = images.resized(int(row)), images.resized(partner)
    coloured = [pseudo_colour(grey, options=options) for options in MAPS]
    one = torch.as_tensor(colour.copy()).permute(2, 0, 1)
    copies = [channel_exchange(one, c).permute(1, 2, 0).numpy() for c in range(3)]
    lines = [
        [grey, *coloured],
        [colour, *copies, None, *_views(colour, 0, recipe, dice)],
        [grey, None, None, None, None, *_views(grey, 1, recipe, dice)],
    ]
    margins = {"left": 0.01, "right": 0.965, "bottom": 0.22, "top": 0.94, "wspace": 0.16}
    figure, (left, right) = canvas(2, width=10.4, height=4.9, ratios=[2, 1], margins=margins)
    lines = [line + [None] * (len(coloured) + 1 - len(line)) for line in lines]
    places = sheet(left, lines, above=12, lead=16)
    modality_frame(left, places[0][0], Modality.INFRARED)
    modality_frame(left, places[1][0], Modality.VISIBLE)
    modality_frame(left, places[2][0], Modality.INFRARED)
    frame(left, places[0][1 + MAPS.index(chosen)], INK, width=2.2)
    for place, options in zip(places[0][1:], MAPS, strict=True):
        caption(left, place, "".join("AB"[o] for o in options), size=7)
    for place, word in zip(places[1][1:4], ("all red", "all green", "all blue"), strict=True):
        caption(left, place, word, size=7)
    for line in places[1:]:
        caption(left, line[6], "as drawn in training", size=7)
    left.set_title(
        "8 pseudo-colours, 3 channel copies, and what training draws", loc="left", fontsize=10
    )
    colour_tables(TABLES, right, chosen=chosen, title="tables of the framed one")
    words = ", ".join(OPTIONS[n][o] for n, o in zip(OPTIONS, chosen, strict=True))
    return figure, (
        f"Infrared picture {row} with its 8 pseudo-colours; framed: {words}. Below, a visible "
        f"picture with each channel copied into all three, and augmented views of both "
        f"with dice {dice}."
    )


def _views(picture: np.ndarray, modality: int, recipe: Recipe, dice: int) -> list[np.ndarray]:
    generator = torch.Generator().manual_seed(dice)
    views = recipe.batch(
        np.stack([picture] * DRAWS), modality=[modality] * DRAWS, view=[1] * DRAWS,
        generator=generator,
    )  # fmt: skip
    return [shown(x) for x in views]
