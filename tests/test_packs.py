"""Feature packs: what goes in comes out; what is no pack is refused by name."""

import pytest
import torch
from safetensors.torch import save_file

from vireid.data import packs
from vireid.types import Embeddings


def embeddings(n: int = 5, *, dtype=torch.float32) -> Embeddings:
    x = torch.randn(n, 7, generator=torch.Generator().manual_seed(0)).to(dtype)
    ids = torch.arange(n)
    return Embeddings(torch.nn.functional.normalize(x), ids % 2, ids % 3 + 1, ids - 2)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.float64])
def test_round_trip(tmp_path, dtype):
    saved = embeddings(dtype=dtype)
    path = packs.save(tmp_path / "new/pack.safetensors", saved, about={"network": "small"})
    loaded = packs.load(path)
    for field in ("x", "modality", "camera", "identity"):
        assert torch.equal(getattr(loaded, field), getattr(saved, field)), field
    assert loaded.x.dtype == dtype
    assert packs.about(path) == {"network": "small"}
    assert [p.name for p in path.parent.iterdir()] == ["pack.safetensors"]


def test_blind_and_sliced_embeddings(tmp_path):
    saved = embeddings().blind().rows([4, 1])
    path = packs.save(tmp_path / "p", Embeddings(saved.x[:, ::2], saved.modality, saved.camera))
    loaded = packs.load(path)
    assert loaded.identity is None and packs.about(path) == {}
    assert torch.equal(loaded.x, saved.x[:, ::2])


def test_a_pack_holds_numbers_only(tmp_path):
    """A pack of n rows is n rows of numbers: neither paths nor pixels are inside."""
    path = packs.save(tmp_path / "p", embeddings(100))
    assert path.stat().st_size < 100 * (7 * 4 + 3 * 8) + 1000


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_unsound_features_are_not_saved(tmp_path, bad):
    unsound = embeddings()
    unsound.x[2, 3] = bad
    with pytest.raises(ValueError, match="NaN or infinite"):
        packs.save(tmp_path / "p", unsound)
    assert not list(tmp_path.iterdir())


def test_unsound_tables_are_not_saved(tmp_path):
    good = embeddings()
    with pytest.raises(ValueError, match=r"modality holds \{2\}; 0 is visible"):
        packs.save(tmp_path / "p", Embeddings(good.x, good.modality + 1, good.camera))
    with pytest.raises(ValueError, match=r"x is torch\.float32 \(35,\)"):
        packs.save(tmp_path / "p", Embeddings(good.x.reshape(-1), *[torch.zeros(35)] * 2))


def test_what_is_no_pack_is_refused(tmp_path):
    path = tmp_path / "p.safetensors"
    with pytest.raises(FileNotFoundError, match=r"no feature pack at .*p\.safetensors"):
        packs.load(path)
    path.write_bytes(b"not safetensors")
    with pytest.raises(ValueError, match=r"cannot read feature pack p\.safetensors: it is text"):
        packs.load(path)
    save_file({"weight": torch.zeros(3)}, path)
    with pytest.raises(ValueError, match=r"p\.safetensors says format None"):
        packs.load(path)
    packs.save(path, embeddings())
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(ValueError, match="cut short"):
        packs.load(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"camera": None}, "a pack holds"),
        ({"extra": torch.zeros(5)}, "a pack holds"),
        ({"camera": torch.zeros(4, dtype=torch.int64)}, r"camera is torch\.int64 \(4,\)"),
        ({"identity": torch.zeros(5)}, r"identity is torch\.float32"),
        ({"modality": torch.full((5,), 2)}, "modality must be 0"),
        ({"x": torch.zeros(5, 7, dtype=torch.int64)}, r"x is torch\.int64"),
        ({"x": torch.full((5, 7), torch.nan)}, "NaN or infinite"),
    ],
)
def test_broken_contents_name_the_file(tmp_path, change, message):
    good = embeddings()
    tensors = {k: getattr(good, k) for k in ("x", "modality", "camera", "identity")} | change
    path = tmp_path / "odd.safetensors"
    tensors = {name: tensor for name, tensor in tensors.items() if tensor is not None}
    save_file(tensors, path, metadata={"format": packs.FORMAT, "about": "{}"})
    with pytest.raises(ValueError, match=rf"odd\.safetensors.*{message}"):
        packs.load(path)


def test_texts_of_a_pack_have_names(tmp_path):
    path, good = tmp_path / "odd.safetensors", embeddings()
    tensors = {k: getattr(good, k) for k in ("x", "modality", "camera")}
    save_file(tensors, path, metadata={"format": packs.FORMAT, "about": "[1]"})
    with pytest.raises(ValueError, match=r"odd\.safetensors: its texts are list"):
        packs.load(path)
