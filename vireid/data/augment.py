"""From pictures to network input: crops, flips, jitter, erasing and channel operators as recipes.

Every draw comes from an explicit torch.Generator, so loaders may run in threads.
"""

from dataclasses import dataclass, replace
from functools import partial
from typing import ClassVar

import numpy as np
import torch
from torch import Generator, Tensor

from vireid.data import looks
from vireid.data.channels import (
    OUTCOMES,
    channel_adapt,
    channel_adapt_grey,
    channel_exchange,
    outcomes,
)
from vireid.data.pseudo_colour import draw_options, pseudo_colour
from vireid.data.views import (
    ERASED,
    MEAN,
    STD,
    Step,
    View,
    as_step,
    border,
    check_area,
    check_pad,
    check_probability,
    crop,
    draw_cut,
    draw_erasing,
    draw_jitter,
    jitter_step,
    to_input,
)
from vireid.types import Modality

__all__ = [
    "ERASED",
    "MEAN",
    "RECIPES",
    "STD",
    "Recipe",
    "Stream",
    "channel_adapt",
    "channel_adapt_grey",
    "channel_exchange",
    "colour_jitter",
    "crop_flip",
    "random_erasing",
    "to_input",
]


def crop_flip(
    picture: np.ndarray, *, pad: int, flip: float = 0.5, generator: Generator | None = None
) -> np.ndarray:
    """Pad with black, crop the old size anywhere, mirror with probability ``flip``: (h, w, 3).

    Raises ValueError for no probability, a pad below 0, a fraction, or one as wide as a side.
    """
    check_pad(pad, min(picture.shape[:2]))
    check_probability("flip", flip)
    return crop(picture, draw_cut(pad, flip, generator))


def colour_jitter(
    picture: np.ndarray,
    *,
    strength: float = 0.5,
    hue: float | None = None,
    generator: Generator | None = None,
) -> np.ndarray:
    """Change brightness, contrast, saturation (factors 1 +- strength) and hue (+- hue turns).

    uint8 (h, w, 3) -> the same, the four in random order. ``hue`` None = as much as ``strength``.
    Source: torchvision's ColorJitter on 8-bit pictures, as used by PGM, BMIL and DMDL.
    """
    import torchvision.transforms.functional as F
    from PIL import Image

    changes = (F.adjust_brightness, F.adjust_contrast, F.adjust_saturation, F.adjust_hue)
    by, order = draw_jitter(strength, strength if hue is None else hue, generator)
    result = Image.fromarray(picture)
    for i in order:
        result = changes[i](result, by[i] if i == 3 else 1 + by[i])
    return np.asarray(result)


def random_erasing(
    x: Tensor,
    *,
    kind: str = "constant",
    area: tuple[float, float] = (0.02, 0.4),
    probability: float = 0.5,
    generator: Generator | None = None,
) -> Tensor:
    """Cover one box of each picture, with ``probability``; (b, 3, h, w) normalised, a new tensor.

    Parameters
    ----------
    kind : "constant" fills (.4914, .4822, .4465), with height / width uniform in [0.3, 3.33] and
        100 tries to fit (ADCA, PGM, BMIL); "noise" fills N(0, 1) per entry, height / width
        log-uniform in [0.3, 1 / 0.3], 10 tries (DMDL)
    area : smallest and largest share of the picture

    Raises ValueError for another kind, an area outside 0 < smallest <= largest < 1, no probability.
    Source: Zhong et al. 2020, Random Erasing (arXiv 1708.04896); details from the released codes.
    """
    if kind not in ("constant", "noise"):
        raise ValueError(f"kind={kind!r}; known: constant, noise")
    check_area("area", area)
    check_probability("probability", probability)
    result = x.clone()
    for i, box, fill in draw_erasing(
        len(x), x.shape[2:], kind=kind, area=area, probability=probability, generator=generator
    ):
        result[i, :, box[0], box[1]] = fill
    return result


CHANNELS = ("keep", "exchange", "adapt_grey", "adapt")


@dataclass(frozen=True, kw_only=True)
class Stream:
    """What one view of one modality goes through beside crop, flip and erasing.

    Parameters
    ----------
    jitter : strength of the colour jitter, 0 = none
    hue : strength of its turn of hue; None = as ``jitter``
    pseudo_colour : colour the crop (infrared)
    colour_maps : which maps that draws from, "official" or "sampled"
    channels : operator at the end, "keep", "exchange", "adapt_grey" or "adapt"
    looks : names in ``data.looks.LOOKS``; the picture is turned into one of them, equally likely
    """

    jitter: float = 0.0
    hue: float | None = None
    pseudo_colour: bool = False
    colour_maps: str = "official"
    channels: str = "keep"
    looks: tuple[str, ...] = ()

    before: ClassVar[str] = ""  # what a stream of another class begins with, in words

    def __post_init__(self):
        if self.channels not in CHANNELS:
            raise ValueError(f"channels={self.channels!r}; known: {', '.join(CHANNELS)}")
        looks.check(self.looks)

    def draw(self, generator: Generator) -> list[Step]:
        """The changes of the 8-bit crop, with everything random about them decided."""
        steps = []
        if self.jitter:
            hue = self.jitter if self.hue is None else self.hue
            steps.append(jitter_step(self.jitter, hue, generator))
        if self.pseudo_colour:
            options = draw_options(self.colour_maps, generator)
            steps.append(as_step(partial(pseudo_colour, maps=self.colour_maps, options=options)))
        return steps


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How training pictures are augmented; the two views of a picture are drawn independently.

    Parameters
    ----------
    visible, visible_second, infrared, infrared_second : the streams of views 0 and 1; None = there
        is no such view
    pad : pixels of black around a picture of 288 rows, in proportion for other heights
    flip : probability of mirroring
    erasing : "constant" | "noise" | "none", see ``random_erasing``
    erasing_area, erasing_probability : its arguments

    Raises ValueError for what these refuse, a negative pad, and pictures no larger than it.
    """

    visible: Stream = Stream()
    visible_second: Stream | None = None
    infrared: Stream = Stream()
    infrared_second: Stream | None = None
    pad: float = 10
    flip: float = 0.5
    erasing: str = "constant"
    erasing_area: tuple[float, float] = (0.02, 0.4)
    erasing_probability: float = 0.5

    def __post_init__(self):
        if self.erasing not in ("constant", "noise", "none"):
            raise ValueError(f"erasing={self.erasing!r}; known: constant, noise, none")
        check_pad(self.pad)
        check_probability("flip", self.flip)
        check_probability("erasing_probability", self.erasing_probability)
        if self.erasing != "none":
            check_area("erasing_area", self.erasing_area, "; erasing='none' erases nothing")

    def stream(self, modality: int, view: int) -> Stream:
        """The stream of a modality's view; ValueError when the recipe has none."""
        word = Modality(modality).word
        found = getattr(self, {0: word, 1: f"{word}_second"}.get(view, ""), None)
        if found is None:
            raise ValueError(f"this recipe has no view {view} of {word} pictures")
        return found

    def view(
        self, picture: np.ndarray, *, modality: int, view: int = 0, generator: Generator
    ) -> Tensor:
        """One augmented picture: uint8 (h, w, 3) -> float (3, h, w)."""
        return self.batch(
            np.asarray(picture)[None], modality=[modality], view=[view], generator=generator
        )[0]

    def batch(self, pictures: np.ndarray, *, modality, view, generator: Generator) -> Tensor:
        """Augmented pictures: uint8 (b, h, w, 3) -> float (b, 3, h, w).

        ``modality`` and ``view`` are (b,). Raises ValueError for a view without a stream.
        """
        pictures = np.asarray(pictures)
        views = self.draw(pictures.shape[1:3], modality=modality, view=view, generator=generator)
        x = blank(len(views), pictures.shape[1:3])
        for drawn, picture, out in zip(views, pictures, x, strict=True):
            drawn.show(picture, out)
        return x

    def draw(self, size: tuple[int, int], *, modality, view, generator: Generator) -> list[View]:
        """What chance makes of (b,) pictures of one size (height, width): crops and colours of all
        first, then what is covered, then the channels.
        """
        streams = [self.stream(m, v) for m, v in zip(modality, view, strict=True)]
        pad, dice = border(self.pad, size), generator
        views = [
            View(draw_cut(pad, self.flip, dice), looks.draw(s.looks, dice), s.draw(dice))
            for s in streams
        ]
        if self.erasing != "none":
            for i, box, fill in draw_erasing(
                len(views),
                size,
                kind=self.erasing,
                area=self.erasing_area,
                probability=self.erasing_probability,
                generator=generator,
            ):
                views[i].box, views[i].fill = box, fill
        for name in OUTCOMES:
            drawn = [v for v, s in zip(views, streams, strict=True) if s.channels == name]
            for v, outcome in zip(drawn, outcomes(name, len(drawn), generator), strict=True):
                v.outcome = outcome
        return views


def blank(n: int, size: tuple[int, int]) -> Tensor:
    """Room for n pictures of network input, float (n, 3, h, w), channels last in memory."""
    return torch.empty(n, *size, 3).permute(0, 3, 1, 2)


def _seen(recipe: Recipe, look: str) -> Recipe:
    """A bridge of ours: half of the second visible and of the infrared views are in a look."""
    views = {name: getattr(recipe, name) for name in ("visible_second", "infrared")}
    return replace(recipe, **{k: replace(v, looks=("plain", look)) for k, v in views.items()})


_ADCA = Recipe(visible_second=Stream(channels="exchange"), infrared=Stream(channels="adapt_grey"))
_PGM = replace(_ADCA, visible_second=Stream(jitter=0.5, channels="exchange"))
_MCF = replace(_PGM, pad=7.5)  # 10 pixels of 384 rows
_JITTERED = replace(
    _MCF, visible=Stream(jitter=0.5), infrared=Stream(jitter=0.5, channels="adapt_grey")
)
RECIPES = {
    "plain": Recipe(pad=0, flip=0, erasing="none"),
    "adca": _ADCA,
    "pgm": _PGM,
    "pgm_stage1": replace(  # of PGM and BMIL on SYSU
        _PGM, infrared=Stream(jitter=0.5, channels="adapt_grey")
    ),
    "mcf": _MCF,  # TokenMatcher's stage 1 on SYSU
    "mcf_jittered": _JITTERED,  # its stage 2, and both stages on RegDB
    "mcf_paper": replace(  # the paper names no turn of hue
        _MCF,
        visible=Stream(jitter=0.5, hue=0.0),
        visible_second=Stream(jitter=0.5, hue=0.0, channels="exchange"),
        infrared=Stream(jitter=0.5, hue=0.0, channels="adapt_grey"),
    ),
    "dmdl": replace(
        _PGM,
        infrared_second=Stream(pseudo_colour=True),
        erasing="noise",
        erasing_area=(0.02, 0.5),  # 0.6 in stage 2 on RegDB
    ),
} | {f"pgm_{name}": _seen(_PGM, name) for name in looks.LOOKS if name != "plain"}
