"""One view of one picture: first everything random about it is drawn, then its pixels are made.

What is drawn does not depend on pixels, so a batch's draws are made in one order by one thread, and
its pictures by any number of threads with the same result.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import torch
from torch import Generator, Tensor

from vireid.data.channels import KEEP, apply_outcome

MEAN = torch.tensor([0.485, 0.456, 0.406], device="cpu")  # ImageNet, RGB in [0, 1]
STD = torch.tensor([0.229, 0.224, 0.225], device="cpu")
SCALE, SHIFT = 1 / (255 * STD), MEAN / STD  # a byte times SCALE minus SHIFT is network input
ERASED = torch.tensor([0.4914, 0.4822, 0.4465])  # ADCA and PGM fill this in after normalisation

Cut = tuple[int, int, bool]  # how far down and right the crop begins, and whether it is mirrored
Box = tuple[slice, slice]  # rows and columns
Step = Callable[[np.ndarray], np.ndarray]  # uint8 (3, h, w) -> the same or a new array


@dataclass(slots=True)
class View:
    """What chance has decided about one view.

    Parameters
    ----------
    cut : place of the crop
    look : what the whole picture is turned into before, see ``data.looks``; None = nothing
    steps : what is done to the crop's 8-bit planes, in order
    box, fill : what is covered, and by what: (3, 1, 1) or (3, rows, columns)
    outcome : of the channel operator, see ``channels.OUTCOMES``
    """

    cut: Cut
    look: Callable[[np.ndarray], np.ndarray] | None = None
    steps: list[Step] = field(default_factory=list)
    box: Box | None = None
    fill: Tensor | None = None
    outcome: int = KEEP

    def show(self, picture: np.ndarray, out: Tensor) -> None:
        """Make the view of a picture, uint8 (h, w, 3), as network input (3, h, w) in ``out``."""
        from vireid.data import loops

        picture = picture if self.look is None else self.look(picture)
        planes = np.ascontiguousarray(crop(picture, self.cut).transpose(2, 0, 1))
        for step in self.steps:
            planes = step(planes)
        pixels = out.permute(1, 2, 0).numpy()  # channels last in memory
        loops.normalise(planes.reshape(3, -1), SCALE.numpy(), SHIFT.numpy(), pixels.reshape(-1, 3))
        if self.box is not None:
            out[:, self.box[0], self.box[1]] = self.fill
        apply_outcome(out, self.outcome)


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
    return x.mul_(SCALE).sub_(SHIFT).permute(0, 3, 1, 2)


def draw_cut(pad: int, flip: float, generator: Generator | None) -> Cut:
    """A crop anywhere in a picture padded by ``pad`` pixels, mirrored with probability ``flip``."""
    u = torch.rand(3, generator=generator).tolist()
    down, right = (int(v * (2 * pad + 1)) - pad for v in u[:2])
    return down, right, u[2] < flip


def crop(picture: np.ndarray, cut: Cut) -> np.ndarray:
    """The crop of a picture (h, w, 3), black where there is none: a new array."""
    down, right, mirrored = cut
    height, width = picture.shape[:2]
    result = np.zeros_like(picture)
    inside = picture[max(down, 0) : height + down, max(right, 0) : width + right]
    top, left = max(-down, 0), max(-right, 0)
    result[top : top + inside.shape[0], left : left + inside.shape[1]] = inside
    return result[:, ::-1] if mirrored else result


def draw_jitter(
    strength: float, hue: float, generator: Generator | None
) -> tuple[list[float], list[int]]:
    """Change of brightness, contrast, saturation and hue, and the order of the four."""
    for name, value in (("strength", strength), ("hue", hue)):
        if not 0 <= value <= 0.5:
            raise ValueError(f"{name}={value}; give 0 to 0.5 (half a turn of hue)")
    most = torch.tensor([strength, strength, strength, hue])
    by = (most * (2 * torch.rand(4, generator=generator) - 1)).tolist()
    return by, torch.randperm(4, generator=generator).tolist()


def jitter_step(strength: float, hue: float, generator: Generator | None) -> Step:
    """A drawn colour jitter, compiled; see ``augment.colour_jitter``."""
    by, order = draw_jitter(strength, hue, generator)
    factor = np.array([1 + b for b in by[:3]], dtype=np.float32)
    return partial(_jitter, factor, np.uint8(int(255 * by[3]) % 256), np.array(order))


def _jitter(factor, turn, order, planes: np.ndarray) -> np.ndarray:
    from vireid.data import loops

    loops.jitter(planes.reshape(3, -1), factor, turn, order)
    return planes


def as_step(change: Callable[[np.ndarray], np.ndarray]) -> Step:
    """A change of an 8-bit picture (h, w, 3) as a step on its planes."""
    return lambda planes: np.ascontiguousarray(change(planes.transpose(1, 2, 0)).transpose(2, 0, 1))


def legal_area(area: tuple[float, float]) -> bool:
    """Whether (smallest, largest) are shares of a picture that can be covered."""
    return 0 < area[0] <= area[1] < 1


def check_area(name: str, area: tuple[float, float], more: str = "") -> None:
    """ValueError naming the argument for shares that cannot be covered; ``more`` to say."""
    if not legal_area(area):
        raise ValueError(f"{name}={area}; give shares 0 < smallest <= largest < 1{more}")


def check_probability(name: str, given: float) -> None:
    """ValueError naming the argument for what is no probability."""
    if not 0 <= given <= 1:
        raise ValueError(f"{name}={given}; give a probability, 0 to 1")


def check_pad(pad: float, side: int | None = None) -> None:
    """ValueError for a border below 0; of pixels of a picture, also for what ``side`` cannot have.

    A border as wide as the picture's shorter side crops nothing but black now and then.
    """
    if not 0 <= pad < float("inf"):
        raise ValueError(f"pad={pad}; give a number of pixels, 0 or more")
    if side is not None and (pad % 1 or pad >= side):
        raise ValueError(f"pad={pad}; give a whole number, 0 to {side - 1} of a side of {side}")


def border(pad: float, size: tuple[int, int]) -> int:
    """Pixels of black around pictures (height, width) for ``pad`` of 288 rows.

    ValueError where it would hide some of them whole.
    """
    pixels = round(pad * size[0] / 288)
    if pixels >= min(size):
        raise ValueError(
            f"pad={pad:g} is a border of {pixels} pixels around pictures of {size[0]} x {size[1]}; "
            f"give less than {288 * min(size) / size[0]:.0f}"
        )
    return pixels


def draw_erasing(
    n: int,
    size: tuple[int, int],
    *,
    kind: str,
    area: tuple[float, float],
    probability: float,
    generator: Generator | None,
) -> Iterator[tuple[int, Box, Tensor]]:
    """(picture, box, fill) of the covered ones among n; see ``augment.random_erasing``."""
    hit = torch.rand(n, generator=generator) < probability
    for i in hit.nonzero().flatten().tolist():
        box = _box(size, kind, area, generator)
        if box is None:
            continue
        fill = ERASED[:, None, None]
        if kind == "noise":
            rows, columns = (side.stop - side.start for side in box)
            fill = torch.randn(3, rows, columns, generator=generator)
        yield i, box, fill


def _box(size, kind: str, area, generator) -> Box | None:
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
