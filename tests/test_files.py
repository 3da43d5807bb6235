"""Files from outside: every reader refuses every usual impostor, naming file, finding, way out."""

import argparse
import json
import pickle
import re
import zipfile

import layouts
import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from scipy.io import savemat

from vireid import files, models
from vireid.data import packs
from vireid.files import kinds
from vireid.models import weights
from vireid.types import Embeddings, Images

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 12345\n"
PAGE = b"\n<!DOCTYPE html><html><head><title>Sign in</title></head></html>"
IMPOSTORS = {  # name -> (bytes, what the error must say of them)
    "empty": (b"", "it is empty"),
    "pointer": (POINTER, "Git LFS pointer"),
    "page": (PAGE, "web page"),
    "gzip": (b"\x1f\x8b\x08\0" + bytes(60), "packed archive"),
    "noise": (bytes(range(128, 256)) * 3, "cannot read"),
    "pdf": (b"%PDF-1.7 ...", "PDF"),
}
READERS = {
    "weights": weights.read,
    "pack": packs.load,
    "mat": lambda path: files.matlab(path, "permutations"),
    "text": lambda path: files.text(path, "list"),
    "json": lambda path: files.json_object(path, "run record"),
    "table": lambda path: list(files.table(path, ("file", "pid"), "index")),
    "picture": files.picture,
}
TEXTS = ("text", "json", "table")


def good(kind: str, path):
    """A sound small file of each kind."""
    if kind == "pack":
        packs.save(path, Embeddings(torch.eye(3), torch.zeros(3), torch.zeros(3)))
    elif kind == "weights":
        torch.save({"a": torch.arange(400.0)}, path)
    elif kind == "mat":
        savemat(path, {"x": np.arange(400.0)}, appendmat=False)
    elif kind == "picture":
        noise = np.random.default_rng(0).integers(0, 256, (20, 10, 3), dtype=np.uint8)
        Image.fromarray(noise).save(path, "PNG")
    else:
        path.write_text(
            json.dumps({"a": list(range(100))}) if kind == "json" else "file,pid\na,1\n"
        )
    return path


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("impostor", IMPOSTORS)
def test_impostors_are_named_with_the_way_out(tmp_path, reader, impostor):
    content, words = IMPOSTORS[impostor]
    path = tmp_path / "some file.pth"
    path.write_bytes(content)
    if reader in TEXTS and impostor == "noise":
        words = "."  # odd text is read as text; what is in it decides
        if reader == "text":
            return
    with pytest.raises((files.BrokenFile, ValueError), match=words) as error:
        READERS[reader](path)
    said = str(error.value)
    assert str(path) in said and "\n" not in said and len(said) < 600


@pytest.mark.parametrize("reader", READERS)
def test_sound_files_are_read_and_cut_ones_are_not(tmp_path, reader):
    path = good(reader, tmp_path / "file")
    READERS[reader](path)
    if reader in ("text", "table"):
        return  # half a text is a text
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(files.BrokenFile, match="cut short or damaged") as error:
        READERS[reader](path)
    assert str(path) in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize("reader", READERS)
def test_folders_devices_lost_links_and_missing_files(tmp_path, reader):
    with pytest.raises(files.BrokenFile, match="it is a folder"):
        READERS[reader](tmp_path)
    with pytest.raises(FileNotFoundError, match=re.escape(str(tmp_path / "none"))):
        READERS[reader](tmp_path / "none")
    (tmp_path / "link").symlink_to(tmp_path / "gone")
    with pytest.raises(FileNotFoundError, match="only a link to a lost file"):
        READERS[reader](tmp_path / "link")


def test_a_file_one_may_not_read(tmp_path, monkeypatch):
    path = good("json", tmp_path / "run.json")

    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(type(path), "open", refuse)  # root may read everything
    with pytest.raises(files.BrokenFile, match=r"you may not read it .*run\.json.*chmod"):
        files.json_object(path, "run record")


def test_a_foreign_archive_and_a_bomb(tmp_path, monkeypatch):
    path = tmp_path / "weights.pth"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "hello")
    with pytest.raises(files.BrokenFile, match=r"it is a zip archive .*Unpack it"):
        weights.read(path)
    monkeypatch.setattr(kinds, "MOST_UNPACKED", 2**20)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.npy", bytes(2**21))
    with pytest.raises(files.BrokenFile, match="unpacks to over"):
        weights.read(path)


@pytest.mark.parametrize("name", ["model_best.pth.tar", "x.pth", "x.safetensors", "noending"])
@pytest.mark.parametrize("wrap", ["net", "model", "state_dict", "both"])
def test_wrapped_states_fit(tmp_path, name, wrap):
    model, other = models.build("small"), models.build("small")
    with torch.no_grad():
        for value in other.state_dict().values():
            value.add_(1)
    state = {f"module.{k}": v for k, v in other.state_dict().items()}
    wrapped = {"state_dict": {"net": state}} if wrap == "both" else {wrap: state}
    best = {"epoch": 3, "best_mAP": np.float64(0.5), "arch": "agw"}
    torch.save(wrapped | best, tmp_path / name)
    models.load_weights(model, tmp_path / name)
    for key, value in other.state_dict().items():
        assert torch.equal(model.state_dict()[key], value), key


def test_old_pytorch_files_are_read_and_objects_are_not(tmp_path):
    old = tmp_path / "old.pth"
    torch.save({"a": torch.ones(3)}, old, _use_new_zipfile_serialization=False)
    assert torch.equal(weights.read(old)["a"], torch.ones(3))
    torch.save({"a": torch.ones(3), "args": argparse.Namespace(lr=1)}, tmp_path / "args.pth")
    with pytest.raises(files.BrokenFile, match=r"objects.*args\.pth.*state_dict"):
        weights.read(tmp_path / "args.pth")


class Trap:
    """Leaves a trace when it is unpickled."""

    def __init__(self, place):
        self.place = place

    def __reduce__(self):
        return (open, (str(self.place), "w"))


@pytest.mark.parametrize("reader", READERS)
def test_nothing_is_unpickled(tmp_path, reader):
    trace = tmp_path / "trace"
    plain, saved, array = tmp_path / "plain.pkl", tmp_path / "saved.pth", tmp_path / "array.npz"
    plain.write_bytes(pickle.dumps({"a": Trap(trace)}))
    torch.save({"a": Trap(trace)}, saved)
    np.savez(array, a=np.array([Trap(trace)], dtype=object))
    for path in (plain, saved, array):
        with pytest.raises(ValueError, match=re.escape(str(path))):
            READERS[reader](path) if reader != "text" else files.json_object(path, "text")
    assert not trace.exists()


def test_object_arrays_are_told_as_such(tmp_path):
    mixed = np.array([1, "a", None], dtype=object)
    np.save(tmp_path / "one.npy", mixed)
    np.savez(tmp_path / "many.npz", a=mixed)
    for read, name in ((files.numbers, "one.npy"), (files.tensors, "many.npz")):
        with pytest.raises(files.HoldsObjects, match=rf"Python objects.*{name}.*numpy\.asarray"):
            read(tmp_path / name, "features")


def test_weights_that_hold_nothing_or_nan(tmp_path):
    torch.save({"epoch": 3}, tmp_path / "none.pth")
    with pytest.raises(ValueError, match=r"no tensors by name but epoch"):
        weights.read(tmp_path / "none.pth")
    torch.save([torch.ones(2)], tmp_path / "list.pth")
    with pytest.raises(ValueError, match=r"it holds a list"):
        weights.read(tmp_path / "list.pth")
    save_file({"a": torch.tensor([1.0, torch.nan])}, tmp_path / "nan.safetensors")
    with pytest.raises(ValueError, match=r"NaN or infinite numbers in a"):
        weights.read(tmp_path / "nan.safetensors")


# ---- Pictures


def sixteen(path, values):
    Image.fromarray(np.asarray(values, dtype=np.uint16)).save(path)
    return files.picture(path)


@pytest.mark.parametrize(("low", "high"), [(0, 65535), (7000, 9000), (0, 300)])
def test_deep_grey_is_stretched_between_its_own_ends(tmp_path, low, high):
    values = np.linspace(low, high, 200).round().reshape(20, 10)
    shown = sixteen(tmp_path / "thermal.png", values)
    assert shown.dtype == np.uint8 and shown.shape == (20, 10, 3)
    assert np.array_equal(shown[..., 0], np.round((values - low) / (high - low) * 255))
    assert np.array_equal(shown[..., 0], shown[..., 2])
    table = Images([tmp_path / "thermal.png"], [1], [2], [0], size=(20, 10))
    assert np.array_equal(table.picture(0), shown)


def test_deep_grey_without_contrast_keeps_its_upper_bits(tmp_path):
    assert set(sixteen(tmp_path / "flat.png", np.full((4, 3), 30000)).ravel()) == {30000 // 256}


def test_numbers_with_a_point(tmp_path):
    values = np.linspace(-3, 9, 12, dtype=np.float32).reshape(4, 3)
    Image.fromarray(values).save(tmp_path / "x.tif")
    shown = files.picture(tmp_path / "x.tif")
    assert shown.min() == 0 and shown.max() == 255
    values[1, 1] = np.nan
    Image.fromarray(values).save(tmp_path / "x.tif")
    with pytest.raises(files.BrokenFile, match=r"NaN or infinite values .*x\.tif"):
        files.picture(tmp_path / "x.tif")


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "RGBA", "CMYK", "YCbCr"])
def test_eight_bits_are_as_pillow_converts_them(tmp_path, mode):
    image = Image.radial_gradient("L").resize((8, 9)).convert(mode)
    path = tmp_path / ("x.jpg" if mode in ("CMYK", "YCbCr") else "x.png")
    image.save(path)
    with Image.open(path) as file:
        assert np.array_equal(files.picture(path), np.asarray(file.convert("RGB")))


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("side", [9000, 12000, 60000])
def test_a_claim_of_too_many_pixels_is_refused_unopened(tmp_path, side):
    (tmp_path / "bomb.png").write_bytes(layouts.bomb(side, side))
    with pytest.raises(files.BrokenFile, match=r"more than 67,108,864 pixels .*bomb\.png"):
        files.picture(tmp_path / "bomb.png")


# ---- Names that lead elsewhere


@pytest.mark.parametrize("name", ["../secret", "a/../../secret", "/etc/passwd", "link/secret"])
def test_lists_cannot_lead_outside_their_folder(tmp_path, name):
    home = tmp_path / "home"
    home.mkdir()
    (tmp_path / "secret").touch()
    (home / "link").symlink_to(tmp_path)
    with pytest.raises(ValueError, match=r"list\.txt, line 4: .* (inside|link out of)"):
        files.inside(home, name, "list.txt, line 4")
    assert files.inside(home, "a/b.png", "") == home / "a/b.png"
    (tmp_path / "other name").symlink_to(home)  # the folder itself may be a link
    assert files.inside(tmp_path / "other name", "b.png", "").name == "b.png"
