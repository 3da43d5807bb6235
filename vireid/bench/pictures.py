"""Training pictures from files: the loader against one by one, and against torchvision."""

import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from vireid.bench.parts import Part
from vireid.types import Batch, Images

SIZE = (288, 144)
SHOWN = 192  # pictures of a batch: visible, visible augmented, infrared, 64 each
RECIPE, PAD, AREA = "pgm", 10, (0.02, 0.4)


@dataclass(frozen=True)
class Files:
    """Drawn JPEG files of the sizes of a surveillance crop, half of them grey."""

    folder: tempfile.TemporaryDirectory
    images: Images


@cache
def files(n: int = 192, seed: int = 0) -> Files:
    """So many drawn files of 300 to 600 rows, 30 kB; even ones visible, odd ones infrared."""
    from PIL import Image

    rng, folder = np.random.default_rng(seed), tempfile.TemporaryDirectory()
    paths = [Path(folder.name) / f"{i}.jpg" for i in range(n)]
    for i, path in enumerate(paths):
        height = int(rng.integers(300, 600))
        size = (int(height * rng.uniform(0.33, 0.5)), height)
        small = rng.integers(0, 256, (12, 5, 3), dtype=np.uint8)
        small = small[..., :1].repeat(3, 2) if i % 2 else small
        large = np.asarray(Image.fromarray(small).resize(size, Image.Resampling.BICUBIC))
        noise = rng.normal(0, 4, large.shape[:2])[..., None]
        Image.fromarray((large + noise).clip(0, 255).astype(np.uint8)).save(path, quality=95)
    modality = np.arange(n) % 2
    return Files(folder, Images(paths, modality, modality, modality, SIZE))


def batches(n: int, seed: int = 0) -> list[Batch]:
    """So many batches: visible pictures plain, the same augmented, as many infrared ones."""
    rng, many, third = np.random.default_rng(seed), len(files().images) // 2, SHOWN // 3
    found = []
    for _ in range(n):
        visible, infrared = (2 * rng.permutation(many)[:third] + m for m in (0, 1))
        rows = np.concatenate([visible, visible, infrared])
        view, modality = np.repeat([0, 1, 0], third), np.repeat([0, 0, 1], third)
        found.append(Batch(rows, view, modality, np.zeros(SHOWN, dtype=np.int64)))
    return found


def parts(n: int) -> list[Part]:
    """Pictures of n batches: the same draws one by one, torchvision's, cache, threads."""
    shown = f"{n * SHOWN:,} shown"
    by_one, by_cache = (lambda: one_by_one(n)), (lambda: ours(n, images=_cached()))
    return [
        Part("pictures from JPEG (peer: one by one)", shown, 2, by_one, lambda: ours(n)),
        Part("pictures from the cache (peer: one by one)", shown, 4, by_one, by_cache),
        Part(
            "pictures from JPEG (peer: torchvision, DataLoader)", shown, 1, lambda: torchvision(n),
            lambda: ours(n), difference=lambda a, b: "other draws",
        ),
        Part(
            "pictures by two threads, wall time (peer: one)", shown, 1.8, lambda: ours(n),
            lambda: ours(n, workers=2), by="wall",
        ),
    ]  # fmt: skip


@cache
def _cached() -> Images:
    from vireid.data.decoded import decoded

    world = files()
    return decoded(world.images, Path(world.folder.name) / "cache", say=lambda words: None)


def ours(n: int, *, images: Images | None = None, workers: int = 1) -> np.ndarray:
    """The last batch's pictures by ``data.loading``."""
    import torch

    from vireid.data.augment import RECIPES
    from vireid.data.loading import loaded

    images = files().images if images is None else images
    dice = torch.Generator().manual_seed(0)
    for batch, pictures in loaded(
        batches(n), images, RECIPES[RECIPE], generator=dice, workers=workers
    ):
        last = pictures[id(batch)]
    return last.numpy()


def one_by_one(n: int) -> np.ndarray:
    """The same pictures by Pillow and torch, each read, resized, cropped, jittered by itself."""
    import torch

    from vireid.data import augment

    dice = torch.Generator().manual_seed(0)
    for batch in batches(n):
        ready = []
        for row, modality, view in zip(batch.rows, batch.modality, batch.view, strict=True):
            picture = augment.crop_flip(files().images.resized(row), pad=PAD, generator=dice)
            jittered = augment.RECIPES[RECIPE].stream(modality, view).jitter
            ready.append(augment.colour_jitter(picture, generator=dice) if jittered else picture)
        x = augment.random_erasing(augment.to_input(np.stack(ready)), area=AREA, generator=dice)
        for operator, m, v in (
            (augment.channel_exchange, 0, 1),
            (augment.channel_adapt_grey, 1, 0),
        ):
            at = batch.of(m, v)
            x[at] = operator(x[at], generator=dice)
    return x.numpy()


def torchvision(n: int) -> np.ndarray:
    """As many pictures with the same augmentations by the field's usual pipeline."""
    import torch
    from torch.utils.data import DataLoader

    torch.manual_seed(0)
    for batch in batches(n):
        rows = batch.rows[SHOWN // 3 :]  # of a visible picture both views are made
        for views in DataLoader(_Pairs(), batch_sampler=[rows.tolist()], collate_fn=sum_of):
            last = torch.stack(views)
    return last.numpy()


def sum_of(items: list[list]) -> list:
    """All views of all items."""
    return [view for item in items for view in item]


class _Pairs:
    """What the field calls a dataset: item i holds the views of picture i."""

    def __init__(self):
        from torchvision import transforms as T

        from vireid.data.augment import ERASED, MEAN, STD
        from vireid.data.channels import channel_adapt_grey, channel_exchange

        place = [T.Resize(SIZE), T.Pad(PAD), T.RandomCrop(SIZE), T.RandomHorizontalFlip()]
        colour = [T.ColorJitter(0.5, 0.5, 0.5, 0.5)]
        cover = T.RandomErasing(scale=AREA, ratio=(0.3, 3.33), value=ERASED.tolist())
        end = [T.ToTensor(), T.Normalize(MEAN.tolist(), STD.tolist()), cover]
        visible = [T.Compose([*place, *end]), T.Compose([*place, *colour, *end, channel_exchange])]
        self.transforms = (visible, [T.Compose([*place, *end, channel_adapt_grey])])

    def __getitem__(self, i: int) -> list:
        from PIL import Image

        with Image.open(files().images.source[i]) as file:
            picture = file.convert("RGB")
        return [change(picture) for change in self.transforms[i % 2]]
