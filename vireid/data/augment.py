"""From pictures to network input: crops, flips, jitter, erasing and channel operators as recipes.

Every draw comes from an explicit torch.Generator, so loaders may run in threads.
"""

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Generator, Tensor

from vireid.data.channels import channel_adapt, channel_adapt_grey, channel_exchange
from vireid.data.pseudo_colour import pseudo_colour
from vireid.types import Modality

MEAN = torch.tensor([0.485, 0.456, 0.406])  # ImageNet, RGB in [0, 1]
STD = torch.tensor([0.229, 0.224, 0.225])
ERASED = torch.tensor([0.4914, 0.4822, 0.4465])  # ADCA and PGM fill this in after normalisation


def to_input(pictures: np.ndarray) -> Tensor:
    """Normalise by ImageNet's mean and deviation: uint8 (n, h, w, 3) RGB -> float (n, 3, h, w).

    The result is channels-last in memory. Raises ValueError for another type or shape.
    """
    pictures = np.asarray(pictures)
    if pictures.dtype != np.uint8 or pictures.ndim != 4 or pictures.shape[-1] != 3:
        raise ValueError(
            f"pictures are {pictures.dtype} of shape {pictures.shape}; give uint8 (n, h, w, 3)"
        )
    x = torch.from_numpy(np.ascontiguousarray(pictures)).float()
    return x.mul_(1 / (255 * STD)).sub_(MEAN / STD).permute(0, 3, 1, 2)


def crop_flip(
    picture: np.ndarray, *, pad: int, flip: float = 0.5, generator: Generator | None = None
) -> np.ndarray:
    """Pad with black, crop the old size anywhere, mirror with probability ``flip``: (h, w, 3)."""
    height, width = picture.shape[:2]
    u = torch.rand(3, generator=generator).tolist()
    down, right = (int(v * (2 * pad + 1)) - pad for v in u[:2])
    result = np.zeros_like(picture)
    inside = picture[max(down, 0) : height + down, max(right, 0) : width + right]
    top, left = max(-down, 0), max(-right, 0)
    result[top : top + inside.shape[0], left : left + inside.shape[1]] = inside
    return result[:, ::-1] if u[2] < flip else result


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

    hue = strength if hue is None else hue
    for name, value in (("strength", strength), ("hue", hue)):
        if not 0 <= value <= 0.5:
            raise ValueError(f"{name}={value}; give 0 to 0.5 (half a turn of hue)")
    changes = (F.adjust_brightness, F.adjust_contrast, F.adjust_saturation, F.adjust_hue)
    most = torch.tensor([strength, strength, strength, hue])
    by = (most * (2 * torch.rand(4, generator=generator) - 1)).tolist()
    result = Image.fromarray(picture)
    for i in torch.randperm(4, generator=generator).tolist():
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

    Raises ValueError for another kind or an area outside 0 < smallest <= largest < 1.
    Source: Zhong et al. 2020, Random Erasing (arXiv 1708.04896); details from the released codes.
    """
    if kind not in ("constant", "noise"):
        raise ValueError(f"kind={kind!r}; known: constant, noise")
    if not 0 < area[0] <= area[1] < 1:
        raise ValueError(f"area={area}; give shares 0 < smallest <= largest < 1")
    result = x.clone()
    hit = torch.rand(len(x), generator=generator) < probability
    for i in hit.nonzero().flatten().tolist():
        box = _box(x.shape[2:], kind, area, generator)
        if box is None:
            continue
        target = result[i, :, box[0], box[1]]
        if kind == "constant":
            target[:] = ERASED[:, None, None]
        else:
            target[:] = torch.randn(target.shape, generator=generator)
    return result


def _box(size, kind: str, area, generator) -> tuple[slice, slice] | None:
    """Rows and columns to cover, or None when no try fits inside the picture."""
    height, width = size
    for _ in range(100 if kind == "constant" else 10):
        u = torch.rand(4, dtype=torch.float64, generator=generator).tolist()
        pixels = (area[0] + u[0] * (area[1] - area[0])) * height * width
        aspect = 0.3 + u[1] * (3.33 - 0.3) if kind == "constant" else 0.3 ** (2 * u[1] - 1)
        h, w = round((pixels * aspect) ** 0.5), round((pixels / aspect) ** 0.5)
        if 0 < h < height and 0 < w < width:
            top, left = int(u[2] * (height - h + 1)), int(u[3] * (width - w + 1))
            return slice(top, top + h), slice(left, left + w)
    return None


CHANNELS = {
    "keep": None,
    "exchange": channel_exchange,
    "adapt_grey": channel_adapt_grey,
    "adapt": channel_adapt,
}


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
    """

    jitter: float = 0.0
    hue: float | None = None
    pseudo_colour: bool = False
    colour_maps: str = "official"
    channels: str = "keep"

    def __post_init__(self):
        if self.channels not in CHANNELS:
            raise ValueError(f"channels={self.channels!r}; known: {', '.join(CHANNELS)}")

    def paint(self, picture: np.ndarray, generator: Generator) -> np.ndarray:
        """The part that works on 8-bit pictures."""
        if self.jitter:
            picture = colour_jitter(
                picture, strength=self.jitter, hue=self.hue, generator=generator
            )
        if self.pseudo_colour:
            picture = pseudo_colour(picture, maps=self.colour_maps, generator=generator)
        return picture


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
        streams = [self.stream(m, v) for m, v in zip(modality, view, strict=True)]
        pad = round(self.pad * pictures.shape[1] / 288)
        ready = [
            s.paint(crop_flip(p, pad=pad, flip=self.flip, generator=generator), generator)
            for s, p in zip(streams, pictures, strict=True)
        ]
        x = to_input(np.stack(ready))
        if self.erasing != "none":
            x = random_erasing(
                x,
                kind=self.erasing,
                area=self.erasing_area,
                probability=self.erasing_probability,
                generator=generator,
            )
        for name, operator in CHANNELS.items():
            rows = [i for i, s in enumerate(streams) if s.channels == name]
            if operator and rows:
                x[rows] = operator(x[rows], generator=generator)
        return x


_ADCA = Recipe(visible_second=Stream(channels="exchange"), infrared=Stream(channels="adapt_grey"))
_PGM = replace(_ADCA, visible_second=Stream(jitter=0.5, channels="exchange"))
_MCF = replace(_PGM, pad=7.5)  # 10 pixels of 384 rows
_ALL_JITTERED = replace(_MCF, visible=Stream(jitter=0.5))
RECIPES = {
    "plain": Recipe(pad=0, flip=0, erasing="none"),
    "adca": _ADCA,
    "pgm": _PGM,
    "pgm_stage1": replace(  # of PGM, N-ULC and BMIL on SYSU
        _PGM, infrared=Stream(jitter=0.5, channels="adapt_grey")
    ),
    "mcf": _MCF,  # TokenMatcher's stage 1, and its stage 2
    "mcf_stage2": _ALL_JITTERED,
    "mcf_paper": replace(  # the paper names no turn of hue
        _MCF,
        visible=Stream(jitter=0.5, hue=0.0),
        visible_second=Stream(jitter=0.5, hue=0.0, channels="exchange"),
    ),
    "dmdl": replace(
        _PGM,
        infrared_second=Stream(pseudo_colour=True),
        erasing="noise",
        erasing_area=(0.02, 0.5),  # 0.6 in stage 2 on RegDB
    ),
}
