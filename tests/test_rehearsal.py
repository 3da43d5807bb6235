"""Trees of synthetic people in the official layouts: loaded, checked, never taken for the real."""

from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vireid import data
from vireid import files as inputs
from vireid.data import rehearsal
from vireid.data.benchmarks import llcm, regdb, sysu
from vireid.data.check import report
from vireid.data.official import KINDS
from vireid.data.rehearsal import draw_tree

SMALL = {"scale": 0.005, "size": (32, 16)}


@pytest.mark.parametrize("name", rehearsal.TREES)
def test_a_tree_loads_and_says_what_it_is(tmp_path, name):
    """Both modalities for everyone, other people in the test, and the mark in name and report."""
    root = draw_tree(tmp_path / "tree", name, **SMALL)
    train, query, gallery = (data.load(name, root=root, split=split) for split in data.SPLITS)
    people = [set(train.of(m).identity) for m in (0, 1)]
    assert people[0] == people[1] and len(people[0]) >= 2
    assert set(query.identity) == set(gallery.identity)
    assert {p.parent.name for p in train.source}.isdisjoint(p.parent.name for p in query.source)
    assert all("SYNTHETIC" in images.name for images in (train, query, gallery))
    assert train.picture(0).shape == (32, 16, 3)
    assert not np.array_equal(train.picture(0), train.picture(1))
    infrared = train.of(1).picture(0).astype(int)
    assert abs(infrared - infrared[..., :1]).max() == 0
    found = report(root)
    assert not found.ok and "SYNTHETIC.txt" in found.text and "people drawn by vireid" in found.text
    assert "BROKEN" not in found.text and "MISSING" not in found.text
    assert f"Next: rehearse with vireid train --method bmil --data {name}" in found.text


@pytest.mark.parametrize("name", rehearsal.TREES)
def test_at_full_scale_every_count_is_official(tmp_path, name, monkeypatch):
    """All that ``check`` counts; only the folders are made, the pictures stay in the plan."""
    listed = defaultdict(list)

    def plan_only(folder, planned, **_):
        for path in (folder / path for picture in planned for path in picture.paths):
            listed[path.parent].append(path)
        for parent in listed:
            parent.mkdir(parents=True)

    monkeypatch.setattr(rehearsal, "draw", plan_only)
    for module in (sysu, llcm):
        monkeypatch.setattr(module, "pictures", lambda folder: listed[folder])
    monkeypatch.setattr(Path, "is_file", lambda path: True)
    monkeypatch.setattr(inputs, "inside", lambda folder, name, where: folder / name)
    root = draw_tree(tmp_path, name, scale=1)
    kind = next(kind for kind in KINDS if kind.recognised(root))
    for what, count, official in kind.checks(root):
        if not what.startswith("checksum"):  # whose numbers these are is not committed
            assert not official or count() in official, what


def test_a_tree_is_told_from_others_and_from_a_half_drawn_one(tmp_path):
    root = draw_tree(tmp_path, "regdb", **SMALL)
    assert rehearsal.is_tree(root, "regdb", **SMALL)
    for other in ({"scale": 0.01}, {"seed": 1}, {"size": (64, 32)}):
        assert not rehearsal.is_tree(root, "regdb", **SMALL | other)
    assert not rehearsal.is_tree(root, "sysu", **SMALL)
    max((root / "idx").iterdir()).unlink()
    assert not rehearsal.is_tree(root, "regdb", **SMALL)


def test_one_seed_one_tree(tmp_path):
    a, b, c = (
        draw_tree(tmp_path / name, "regdb", seed=seed, **SMALL)
        for name, seed in (("a", 0), ("b", 0), ("c", 1))
    )
    files = sorted(p.relative_to(a) for p in a.rglob("*.*") if p.is_file())
    assert all((a / f).read_bytes() == (b / f).read_bytes() for f in files)
    assert any((a / f).read_bytes() != (c / f).read_bytes() for f in files)
    with Image.open(a / regdb.FOLDERS[0] / "1" / "male_front_v_00000_1.bmp") as picture:
        assert picture.format == "BMP"
    assert {f.parts[0] for f in files} == {*regdb.FOLDERS.values(), "idx", "SYNTHETIC.txt"}


def test_bad_input(tmp_path):
    with pytest.raises(ValueError, match="data='m3svd' is unknown; known: sysu, regdb, llcm"):
        draw_tree(tmp_path, "m3svd")
    for scale in (0, 1.5, float("nan")):
        with pytest.raises(ValueError, match=f"scale={scale}"):
            draw_tree(tmp_path, "sysu", scale=scale)
    (tmp_path / "mine.txt").touch()
    with pytest.raises(ValueError, match="is in use; give one that is new or empty"):
        draw_tree(tmp_path, "sysu")
    assert [p.name for p in tmp_path.iterdir()] == ["mine.txt"]
