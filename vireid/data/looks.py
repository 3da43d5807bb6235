"""Looks that visible and infrared pictures can share: bridges that need no pair.

In thermal infrared warm is bright, in near infrared a cloth's brightness is its material's: what
is bright in visible light may be dark there. A negative turns brightness round, edges forget which
side is the bright one, pseudo-colour lets it vary. None of it stands in the papers: ours.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
import torch
from PIL import Image
from scipy.ndimage import gaussian_gradient_magnitude
from torch import Generator

from vireid.data.pseudo_colour import draw_options, pseudo_colour
from vireid.types import Embeddings

Look = Callable[[np.ndarray], np.ndarray]  # uint8 (h, w, 3) -> uint8 (h, w, 3), a new array
EDGE = 1.0  # pixels of Gaussian blur under the gradient


def grey(picture: np.ndarray) -> np.ndarray:
    """Brightness of a picture, uint8 (h, w, 3) -> (h, w), weighed as Pillow does."""
    return np.asarray(Image.fromarray(picture).convert("L"))


def negative(picture: np.ndarray) -> np.ndarray:
    """Bright where the picture is dark: 255 minus its brightness, in all channels."""
    return _thrice(255 - grey(picture))


def edges(picture: np.ndarray) -> np.ndarray:
    """How steep the brightness is, whichever way: 255 at the picture's steepest place.

    Without any edge the result is black.
    """
    steep = gaussian_gradient_magnitude(grey(picture).astype(np.float32), EDGE)
    return _thrice((255 * steep / max(steep.max(), 1e-6)).round().astype(np.uint8))


def coloured(picture: np.ndarray, options: list[int]) -> np.ndarray:
    """Brightness in pseudo-colour, through the tables ``options`` of ``pseudo_colour``."""
    return pseudo_colour(grey(picture), options=options)


FIXED: dict[str, Look] = {"plain": np.copy, "negative": negative, "edges": edges}
LOOKS = (*FIXED, "pseudo_colour")


def check(names: tuple[str, ...], known: tuple[str, ...] = LOOKS) -> None:
    """ValueError for a look that is not known."""
    if unknown := [name for name in names if name not in known]:
        raise ValueError(f"looks: no {', '.join(unknown)}; known: {', '.join(known)}")


def draw(names: tuple[str, ...], generator: Generator | None) -> Look | None:
    """One of the named looks, equally likely, everything random about it decided; None of none."""
    if not names:
        return None
    name = names[int(torch.randint(len(names), (), generator=generator))]
    if name == "pseudo_colour":
        return partial(coloured, options=draw_options("official", generator))
    return FIXED[name]


def seen(pictures: np.ndarray, name: str) -> np.ndarray:
    """Pictures (n, h, w, 3) in one of the ``FIXED`` looks; "plain" gives them back.

    Raises ValueError for another look.
    """
    check((name,), tuple(FIXED))
    return pictures if name == "plain" else np.stack([FIXED[name](p) for p in pictures])


def described(embeddings: Embeddings, name: str) -> Embeddings:
    """The images by their features in a look; ValueError for one that nobody extracted."""
    if name == "plain":
        return embeddings
    if name not in embeddings.looks:
        raise ValueError(
            f"there are no features of the look {name!r}; extract(..., looks=[{name!r}])"
        )
    return replace(embeddings, x=embeddings.looks[name])


def _thrice(plane: np.ndarray) -> np.ndarray:
    return np.repeat(plane[..., None], 3, axis=2)
