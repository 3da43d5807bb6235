"""Features: unit rows in the table's order, flip average, every picture through its own stem."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from vireid import models
from vireid.data.augment import to_input
from vireid.features import Described, extract, pick_device
from vireid.models import Output
from vireid.types import Images


class Corner(nn.Module):
    """A network one can compute by hand: the top left pixel, doubled and shifted for infrared."""

    dim = 4

    def __init__(self):
        super().__init__()
        self.frozen = nn.BatchNorm1d(4)
        self.frozen.eval()
        self.modes = []

    def forward(self, pictures, modality):
        self.modes.append((self.training, torch.is_grad_enabled()))
        x = torch.cat([pictures[:, :, 0, 0], torch.ones(len(pictures), 1)], 1)
        return Output(torch.where(modality[:, None] == 1, 2 * x + 1, x))


def table(n=11, **changes):
    rng = np.random.default_rng(0)
    fields = {
        "source": rng.integers(0, 256, (n, 8, 6, 3), dtype=np.uint8),
        "modality": rng.integers(0, 2, n),
        "camera": rng.integers(1, 7, n),
        "identity": rng.integers(0, 3, n),
        "size": (8, 6),
        "name": "toy",
    }
    return Images(**(fields | changes))


def unit(v):
    return v / np.linalg.norm(v)


@pytest.mark.parametrize("flip", [True, False])
def test_features_are_what_the_formula_says(flip):
    images = table()
    found = extract(Corner(), images, flip=flip, batch=4)
    x = to_input(images.source).numpy()
    for i, m in enumerate(images.modality):
        views = []
        for corner in (x[i, :, 0, 0], x[i, :, 0, -1])[: 1 + flip]:
            f = np.append(corner, 1)
            views.append(unit(2 * f + 1 if m else f))
        assert np.allclose(found.x[i].numpy(), unit(np.mean(views, 0)), atol=1e-5)
    assert np.array_equal(found.modality.numpy(), images.modality)
    assert np.array_equal(found.camera.numpy(), images.camera)
    assert np.array_equal(found.identity.numpy(), images.identity)


def test_every_picture_takes_its_own_stem_whatever_the_batch():
    torch.manual_seed(0)
    model, images = models.build("small", width=8, dim=16), table(n=9)
    whole = extract(model, images, batch=100)
    assert torch.allclose(whole.x.norm(dim=1), torch.ones(9), atol=1e-5)
    assert not whole.x.requires_grad and whole.x.dtype == torch.float32
    for batch in (1, 4, 9):
        assert torch.allclose(extract(model, images, batch=batch).x, whole.x, atol=1e-5)
    swapped = extract(model, table(n=9, modality=1 - images.modality)).x
    assert not torch.allclose(swapped, whole.x, atol=1e-2)
    order = np.random.default_rng(1).permutation(9)
    assert torch.allclose(extract(model, images.rows(order)).x, whole.x[order], atol=1e-5)


def test_blind_tables_give_blind_features():
    assert extract(Corner(), table().blind()).identity is None


def test_evaluation_mode_inside_and_every_mode_put_back():
    model = Corner()
    model.train()
    model.frozen.eval()
    extract(model, table())
    assert set(model.modes) == {(False, False)}
    assert model.training and not model.frozen.training
    broken = Broken([2], float("nan")).train()
    with pytest.raises(ValueError, match="not finite"):
        extract(broken, table())
    assert broken.training, "the mode comes back after an error too"


def test_files_give_what_memory_gives(tmp_path):
    images = table(n=7)
    paths = [tmp_path / f"{i}.png" for i in range(7)]
    for picture, path in zip(images.source, paths, strict=True):
        Image.fromarray(picture).save(path)
    expected = extract(Corner(), images, batch=3)
    found = extract(Corner(), replace(images, source=paths), batch=3)
    assert torch.equal(found.x, expected.x)


def test_a_picture_that_tables_share_is_described_once(tmp_path):
    whole = table()
    paths = [tmp_path / f"{i}.png" for i in range(len(whole))]
    for path, pixels in zip(paths, whole.source, strict=True):
        Image.fromarray(pixels).save(path)
    files, network = replace(whole, source=paths), Corner()
    described = Described(network, flip=False)
    first, second = files.rows([0, 1, 2, 3]), files.rows([5, 3, 2])
    torch.testing.assert_close(described(first).x, extract(network, first, flip=False).x)
    network.modes.clear()
    found = described(second)
    assert len(network.modes) == 1, "one pass: for the one picture that is new"
    torch.testing.assert_close(found.x, extract(network, second, flip=False).x)
    assert found.identity.tolist() == second.identity.tolist()
    network.modes.clear()
    described(first), described(second)
    assert not network.modes
    described(replace(first, size=(4, 3)))
    assert network.modes, "at another size it is another picture"
    with pytest.raises(ValueError, match="pictures in memory; use extract"):
        described(whole)


def test_pictures_are_resized_to_the_tables_size(tmp_path):
    seen = []

    class Size(Corner):
        def forward(self, pictures, modality):
            seen.append(tuple(pictures.shape))
            return super().forward(pictures, modality)

    extract(Size(), table(n=5, size=(16, 9)), flip=False, batch=3)
    assert seen == [(3, 3, 16, 9), (2, 3, 16, 9)]


def test_an_unreadable_picture_is_named(tmp_path):
    paths = [tmp_path / f"{i}.png" for i in range(3)]
    for path in paths:
        Image.new("RGB", (6, 8)).save(path)
    paths[1].write_bytes(b"not a picture")
    images = table(n=3, source=paths)
    with pytest.raises(OSError, match=r"1\.png"):
        extract(Corner(), images)


class Broken(Corner):
    """Gives a bad value in some rows of the table."""

    def __init__(self, rows, value):
        super().__init__()
        self.rows, self.value, self.seen = rows, value, 0

    def forward(self, pictures, modality):
        x = super().forward(pictures, modality).x.clone()
        for row in self.rows:
            if self.seen <= row < self.seen + len(x):
                x[row - self.seen] = self.value
        self.seen += len(x)
        return Output(x)


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (float("nan"), r"2 features are not finite, first in rows \[5, 7\]"),
        (float("inf"), r"2 features are not finite, first in rows \[5, 7\]"),
        (0.0, r"2 features are zero, first in rows \[5, 7\]"),
    ],
)
def test_bad_features_are_named_by_row(value, says):
    with pytest.raises(ValueError, match=says):
        extract(Broken([5, 7], value), table(), flip=False, batch=4)


def test_nothing_to_describe():
    with pytest.raises(ValueError, match="toy: no pictures"):
        extract(Corner(), table().rows(np.zeros(11, bool)))
    with pytest.raises(ValueError, match="batch=0"):
        extract(Corner(), table(), batch=0)


def test_the_bar_shows_only_when_asked(capsys):
    extract(Corner(), table())
    assert capsys.readouterr().err == ""
    extract(Corner(), table(), progress=True)
    assert "11/11" in capsys.readouterr().err


def test_devices_by_name():
    assert pick_device("cpu") == torch.device("cpu")
    assert isinstance(pick_device("auto"), torch.device)
    assert extract(Corner(), table(), device="cpu").x.device.type == "cpu"
