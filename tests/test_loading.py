"""Training pictures: the same whatever the number of threads, and from the cache on disk."""

import shutil
from collections import namedtuple

import numpy as np
import pytest
import torch
from PIL import Image

from vireid.data.augment import RECIPES, colour_jitter
from vireid.data.decoded import decoded
from vireid.data.loading import loaded
from vireid.data.views import jitter_step
from vireid.paths import CHECKOUT
from vireid.types import Batch, Images


def dice(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def table(tmp_path):
    """Twelve drawn files of several sizes, half of them grey."""
    rng, paths = np.random.default_rng(0), []
    for i in range(12):
        small = rng.integers(0, 256, (6, 3, 3), dtype=np.uint8)
        small = small[..., :1].repeat(3, 2) if i % 2 else small
        paths.append(tmp_path / f"{i}.jpg")
        Image.fromarray(small).resize((40 + i, 90 - i), Image.Resampling.BICUBIC).save(paths[-1])
    return Images(paths, np.arange(12) % 2, np.arange(12) % 4, np.arange(12) // 4, (48, 24))


def batches():
    """Two views of visible pictures, one of them twice, and infrared ones; then a pair of parts."""
    rows = [0, 2, 2, 4, 0, 2, 2, 4, 1, 3, 5, 5]
    modality, view = [0] * 8 + [1] * 4, [0] * 4 + [1] * 4 + [0] * 4
    whole = Batch(rows, view, modality, torch.zeros(12, dtype=torch.int64))
    parts = [
        Batch(whole.rows[at], whole.view[at], whole.modality[at], whole.label[at])
        for at in (slice(0, 8), slice(8, 12))
    ]
    return [whole, tuple(parts), whole]


def made(images, workers, name="dmdl"):
    """All pictures of the batches, in order."""
    found = []
    for batch, pictures in loaded(
        batches(), images, RECIPES[name], generator=dice(), workers=workers
    ):
        parts = batch if isinstance(batch, tuple) else (batch,)
        found += [pictures[id(part)].clone() for part in parts]
    return found


@pytest.mark.parametrize("name", ["dmdl", "pgm"])
def test_pictures_are_those_of_the_recipe_whatever_the_number_of_threads(table, name):
    generator, expected = dice(), []
    for batch in batches():
        for part in batch if isinstance(batch, tuple) else (batch,):
            pictures = np.stack([table.resized(i) for i in part.rows])
            expected.append(
                RECIPES[name].batch(
                    pictures, modality=part.modality, view=part.view, generator=generator
                )
            )
    for workers in (1, 2, 5):
        found = made(table, workers, name)
        assert len(found) == 4
        assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))


def test_a_picture_shown_twice_is_read_once(table, monkeypatch):
    reads, usual = [], Images.resized
    monkeypatch.setattr(Images, "resized", lambda self, i: (reads.append(i), usual(self, i))[1])
    ready = loaded(batches()[:1], table, RECIPES["pgm"], generator=dice())
    assert len(list(ready)) == 1 and sorted(reads) == [0, 1, 2, 3, 4, 5]


def test_a_file_that_cannot_be_read_ends_the_loading(table):
    table.source[4].write_bytes(b"no picture")
    with pytest.raises(OSError, match=r"4\.jpg"):
        made(table, 2)
    with pytest.raises(ValueError, match="workers=0"):
        made(table, 0)


def test_compiled_jitter_is_pillows_bit_for_bit():
    rng = np.random.default_rng(0)
    levels = np.arange(0, 256, 15, dtype=np.uint8)
    grid = np.stack(np.meshgrid(levels, levels, levels), -1).reshape(18, -1, 3)
    for seed in range(30):
        picture = np.concatenate([grid, rng.integers(0, 256, (9, 324, 3), dtype=np.uint8)])
        strength, hue = (0.5, 0.5) if seed % 2 else (0.3, 0.0)
        expected = colour_jitter(picture, strength=strength, hue=hue, generator=dice(seed))
        planes = np.ascontiguousarray(picture.transpose(2, 0, 1))
        found = jitter_step(strength, hue, dice(seed))(planes)
        assert np.array_equal(found.transpose(1, 2, 0), expected)
    with pytest.raises(ValueError, match=r"strength=0\.6"):
        jitter_step(0.6, 0.5, dice())


# ---- the cache on disk


def test_decoded_pictures_are_the_same_and_found_again(table, tmp_path):
    said = []
    ready = decoded(table, tmp_path / "cache", workers=2, say=said.append)
    assert "0.00 GB go to" in said[0] and ready.fingerprint == table.fingerprint
    again = decoded(table, tmp_path / "cache", say=said.append)
    assert len(said) == 1 and len(list((tmp_path / "cache").iterdir())) == 1
    for path in table.source:
        path.unlink()  # nothing is read from the files any more
    assert all(torch.equal(a, b) for a, b in zip(made(ready, 2), made(again, 1), strict=True))
    part = ready.rows([7, 3])
    assert np.array_equal(part.resized(0), ready.resized(7))
    assert part.resized(1).shape == (48, 24, 3) and part.blind().decoded is part.decoded


def test_decoded_pictures_equal_the_files(table, tmp_path):
    ready = decoded(table, tmp_path / "cache", say=lambda words: None)
    assert all(np.array_equal(ready.resized(i), table.resized(i)) for i in range(12))


def test_the_cache_follows_the_files(table, tmp_path):
    folder = tmp_path / "cache"
    decoded(table, folder, say=lambda words: None)
    Image.new("RGB", (40, 90)).save(table.source[0])
    changed = decoded(table, folder, say=lambda words: None)
    assert (changed.resized(0) == 0).all() and len(list(folder.iterdir())) == 2


def test_a_table_in_memory_needs_no_cache(table, tmp_path):
    pixels = np.zeros((2, 8, 4, 3), np.uint8)
    images = Images(pixels, [0, 1], [0, 1], None, (8, 4))
    assert decoded(images, tmp_path / "cache") is images and not (tmp_path / "cache").exists()


def test_the_cache_refuses_the_repository_and_a_full_disk(table, tmp_path, monkeypatch):
    with pytest.raises(ValueError, match="lies in the repository"):
        decoded(table, CHECKOUT / "data" / "cache")
    disk = namedtuple("usage", "total used free")(1, 1, 100)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: disk)
    with pytest.raises(OSError, match=r"take 0\.00 GB and 0\.00 GB are free"):
        decoded(table, tmp_path / "cache", say=lambda words: None)
    assert not list((tmp_path / "cache").iterdir())


def test_a_failure_leaves_nothing_in_the_cache(table, tmp_path):
    table.source[11].write_bytes(b"no picture")
    with pytest.raises(OSError, match=r"11\.jpg"):
        decoded(table, tmp_path / "cache", say=lambda words: None)
    assert not list((tmp_path / "cache").iterdir())
