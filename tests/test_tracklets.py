"""HITSZ-VCM and BUPTCampus in their official layouts: small trees, bad ones, tracklet scores."""

import json

import layouts
import numpy as np
import pytest
import torch

from vireid import data
from vireid.data.check import report
from vireid.data.official import KINDS
from vireid.data.tracklets import spaced
from vireid.evaluation import evaluate
from vireid.experiment import DEFAULTS
from vireid.retrieval_task import pooled, retrieval_task
from vireid.types import Embeddings, Modality

VCM_TRACKS = {  # part -> (modality, person, camera, frames)
    "train": [(1, 1, 2, 12), (2, 1, 1, 13), (2, 3, 4, 5), (1, 3, 4, 14), (2, 3, 4, 12)],
    "test": [
        (1, 2, 1, 12),
        (2, 2, 1, 12),
        (1, 4, 3, 15),
        (2, 2, 3, 12),
        (2, 4, 3, 12),
        (2, 4, 1, 12),
    ],
}


def vcm(root, info="info"):
    """People 1 and 3 train, 2 and 4 test; the infrared test tracklets, 1 and 3, ask."""
    (root / info).mkdir(parents=True, exist_ok=True)
    for part, tracks in VCM_TRACKS.items():
        names, lines = [], []
        for t, (kind, person, camera, n) in enumerate(tracks):
            lines.append(f"{kind} {len(names) + 1} {len(names) + n} {person} {camera}")
            for i in range(n):
                file = f"{t}{i:03d}.jpg"
                names.append(f"{person:04d}M{kind}D{camera}T{t:04d}F{file}")
                word = "ir" if kind == 1 else "rgb"
                path = root / f"{person:04d}/{word}/D{camera}/{file}"
                layouts.shown(path, Modality(kind == 1))
        (root / info / f"{part}_name.txt").write_text("\n".join(names) + "\n")
        (root / info / f"track_{part}_info.txt").write_text("\n".join(lines) + "\n")
    (root / info / "query_IDX.txt").write_text("1 3\n")
    return root


def buptcampus(root):
    """Two people in two cameras train, one in a single camera is auxiliary, one tests."""
    known = {}
    lists = {
        "train": ["11 RGB/IR LS3 1", "11 RGB/IR G25 1", "7 RGB/IR W4 2"],
        "train_auxiliary": ["9 RGB/IR TSG2 1"],
        "query": ["5 RGB LS3 1", "5 IR CQ1 2"],
        "gallery": ["5 RGB CQ1 2", "5 IR LS3 1", "7 RGB W4 3"],
    }
    (root / "DATA").mkdir(parents=True)
    for part, lines in lists.items():
        (root / f"{part}.txt").write_text("\n".join(lines) + "\n")
        for person, _, camera, track in map(str.split, lines):
            for word, modality in (("RGB", Modality.VISIBLE), ("IR", Modality.INFRARED)):
                names = [f"{person}/{word}/{camera}/{track}/{i}.jpg" for i in range(23)]
                for name in names:
                    layouts.shown(root / "DATA" / name, modality)
                place = known.setdefault(person, {}).setdefault(word, {}).setdefault(camera, {})
                place[track] = names
    (root / "data_paths.json").write_text(json.dumps(known))
    return root


def test_spaced_is_the_official_uniform_rule():
    for count in range(1, 60):
        for frames in (1, 4, 10):
            official = np.linspace(0, count, frames, endpoint=False, dtype=int)
            assert spaced(count, frames) == sorted(set(official.tolist()))


@pytest.mark.parametrize("info", ["info", "."])
def test_vcm(tmp_path, info):
    """Short tracklets are left out; names become paths; the rest of the test answers."""
    root = vcm(tmp_path / "HITSZ-VCM", info)
    train = data.load("vcm", root=tmp_path)
    assert train.identity.tolist() == [1] * 4 + [3] * 4 + [1] * 4 + [3] * 4
    assert train.camera.tolist() == [1] * 4 + [4] * 4 + [2] * 4 + [4] * 4
    assert train.modality.tolist() == [0] * 8 + [1] * 8
    assert train.tracklet.tolist() == np.repeat(range(4), 4).tolist()
    first = [str(p.relative_to(root)) for p in train.source[:4]]
    assert first == [f"0001/rgb/D1/1{i:03d}.jpg" for i in (0, 3, 6, 9)]
    for preset, asks in (("infrared_to_visible", "query"), ("visible_to_infrared", "gallery")):
        two, four = (asks, "gallery" if asks == "query" else "query")
        found = data.load("vcm", root=root, preset=preset, split=two, frames=2)
        assert found.identity.tolist() == [2, 2, 4, 4] and set(found.modality) == {1}
        assert len(set(data.load("vcm", root=root, preset=preset, split=four).tracklet)) == 4


def test_buptcampus(tmp_path):
    """RGB/IR lines are two tracklets; the auxiliary people are asked for; test lists hold both."""
    root = buptcampus(tmp_path / "BUPTCampus")
    train = data.load("buptcampus", root=tmp_path)
    assert train.identity.tolist() == 2 * ([11] * 8 + [7] * 4)
    assert train.camera.tolist() == 2 * ([1] * 4 + [2] * 4 + [4] * 4)
    more = data.load("buptcampus", root=root, auxiliary=True)
    assert set(more.identity) == {7, 9, 11} and set(train.identity) == {7, 11}
    query, gallery = (data.load("buptcampus", root=root, split=s) for s in ("query", "gallery"))
    assert query.identity.tolist() == [5] * 10 and set(query.modality) == {1}
    assert gallery.identity.tolist() == [5] * 10 + [7] * 10 and set(gallery.modality) == {0}
    back = data.load("buptcampus", root=root, split="query", preset="visible_to_infrared")
    assert set(back.modality) == {0} and str(back.source[1]).endswith("DATA/5/RGB/LS3/1/2.jpg")


def test_scores_are_tracklet_to_tracklet(tmp_path):
    """The mean of a tracklet's features, ranked as MITML does, own camera left out."""
    root = vcm(tmp_path)
    query, gallery = (data.load("vcm", root=root, split=s) for s in ("query", "gallery"))
    task = retrieval_task(query, [gallery], DEFAULTS["vcm"][3])
    generator = torch.Generator().manual_seed(1)
    q, g = (
        Embeddings(
            torch.nn.functional.normalize(torch.randn(len(t), 6, generator=generator), dim=1),
            t.modality, t.camera, t.identity,
        )
        for t in (query, gallery)
    )  # fmt: skip
    scores = task.score(q, g)

    def means(x, t):
        found = torch.stack(
            [x[torch.as_tensor(t.tracklet == k)].mean(0) for k in np.unique(t.tracklet)]
        )
        return found / found.norm(dim=1, keepdim=True)

    similarity = (means(q.x, query) @ means(g.x, gallery).T).numpy()
    precision, first = [], []
    people, cameras = np.array([2, 2, 4, 4]), np.array([1, 3, 3, 1])  # of the gallery's tracklets
    for row, person, camera in zip(similarity, (2, 4), (1, 3), strict=True):
        keep = ~((people == person) & (cameras == camera))
        hit = (people[keep] == person)[np.argsort(-row[keep])]
        first.append(hit[0])
        precision.append(np.mean(np.cumsum(hit)[hit] / (np.flatnonzero(hit) + 1)))
    assert scores["mAP"] == pytest.approx(np.mean(precision))
    assert scores["rank1"] == pytest.approx(np.mean(first))
    assert len(pooled(g, gallery.tracklet)) == 4
    with pytest.raises(ValueError, match="2 galleries of tracklets"):
        retrieval_task(query, [gallery, gallery], "vcm")


def test_vcm_protocol_counts_tracklets():
    """Two answers of one wrong person before the right one: rank 3, where "llcm" says rank 2."""
    given = torch.tensor([[0.9, 0.8, 0.7, 1.0]]), [1], [2, 2, 1, 1], [5], [5, 6, 6, 5]
    assert evaluate(*given, protocol="vcm").cmc.tolist() == [0, 0, 1]
    assert evaluate(*given, protocol="llcm").cmc.tolist() == [0, 1]


def test_tables_keep_their_tracklets(tmp_path):
    train = data.load("vcm", root=vcm(tmp_path))
    some = train.of(Modality.INFRARED).blind()
    assert some.tracklet.tolist() == [2] * 4 + [3] * 4
    assert data.load("vcm", root=tmp_path, frames=3).fingerprint != train.fingerprint


def test_check(tmp_path):
    vcm(tmp_path / "VCM")
    buptcampus(tmp_path / "BUPTCampus")
    text = report(tmp_path).text
    for said in (
        "is HITSZ-VCM", "people to train on: 2, officially 500", "people in all: 4, officially 927",
        "query tracklets, visible + infrared: 0 + 2",
        "tracklets of fewer than 12 frames, left out: 1",
        "is BUPTCampus", "people in all: 4, officially 3,080",
        "train tracklets, visible + infrared: 3 + 3",
        "people in training and test at once: 1, officially 0",
    ):  # fmt: skip
        assert said in text
    assert "BROKEN" not in text and "MISSING" not in text


# name -> (makes a tree, frame of a visible gallery tracklet that scoring skips, pictures not read)
TREES = {
    "vcm": (vcm, "0002/rgb/D3/3001.jpg", 5),  # too short
    "buptcampus": (buptcampus, "DATA/5/RGB/CQ1/2/1.jpg", 23),  # in no list
}


@pytest.mark.parametrize("name", TREES)
def test_check_looks_at_the_gallery(tmp_path, name):
    """A missing visible test picture is a line, a broken one too; ``deep`` opens every frame."""
    make, frame, unread = TREES[name]
    root = make(tmp_path)
    kind = next(kind for kind in KINDS if kind.recognised(root))
    frames = sum(map(len, kind.tables(root)))
    files = len(list(root.rglob("*.jpg")))
    assert frames == files - unread
    text = report(root, deep=True).text
    assert f"pictures opened: {frames}, all readable" in text
    assert f"gallery pictures, visible + infrared: {'48 + 0' if name == 'vcm' else '46 + 23'}" in (
        text
    )
    gallery = data.load(name, root=root, split="gallery")
    for path in (root / frame, gallery.source[0]):
        kept = path.read_bytes()
        path.write_bytes(b"no picture")
        text = report(root, deep=True).text
        assert f"pictures opened: {frames}, of which 1 cannot be read" in text and str(path) in text
        path.unlink()
        for deep in (False, True):
            text = report(root, deep=deep).text
            assert f"MISSING {path} is missing; " in text and "pictures opened" not in text
        path.write_bytes(kept)


@pytest.mark.parametrize("name", TREES)
def test_check_opens_no_picture_outside(tmp_path, name):
    make, frame, _ = TREES[name]
    root = make(tmp_path / "mine")
    outside = layouts.picture(tmp_path / "outside.jpg")
    (root / frame).unlink()
    (root / frame).symlink_to(outside)
    assert "is a link out of" in (text := report(root, deep=True).text) and "BROKEN" in text


def test_tracklets_that_share_frames_stay_whole(tmp_path):
    """Two gallery tracklets of one person and camera overlap: neither shrinks nor disappears."""
    root = vcm(tmp_path)
    info = root / "info/track_test_info.txt"
    lines = info.read_text().splitlines()
    _, first, last, person, camera = lines[3].split()
    info.write_text("\n".join([*lines, f"2 {first} {last} {person} {camera}"]) + "\n")
    query, gallery = (data.load("vcm", root=root, split=s) for s in ("query", "gallery"))
    task = retrieval_task(query, [gallery], "vcm")
    assert len(task.gallery) == len(gallery) == 50
    assert task.gallery.tracklet.tolist() == gallery.tracklet.tolist()
    x = Embeddings(torch.eye(50), gallery.modality, gallery.camera, gallery.identity)
    assert len(pooled(x, task.gallery.tracklet)) == 5


@pytest.mark.parametrize(
    ("file", "line", "said"),
    [
        ("track_train_info.txt", "1 1 12 1", "expected: modality first last person camera"),
        ("track_train_info.txt", "1 50 90 1 2", r"frames 50\.\.90 of 56 names"),
        ("track_train_info.txt", "2 1 12 1 2", "a visible tracklet of 1, but it holds 0001M1"),
        ("track_train_info.txt", "1 1 12 3 2", "an? infrared tracklet of 3, but it holds 0001M1"),
        ("train_name.txt", "nonsense.jpg", "no name such as"),
        ("query_IDX.txt", "1 x", "'x' is no number of a tracklet"),
        ("query_IDX.txt", "0", "'0' is no number of a tracklet"),
        ("query_IDX.txt", "00", "'00' is no number of a tracklet"),
        ("query_IDX.txt", "1 7", r"IDX\.txt, line 1: '7' is no number .*info\.txt lists 6, from 1"),
    ],
)
def test_bad_lists_of_vcm(tmp_path, file, line, said):
    root = vcm(tmp_path)
    path = root / "info" / file
    kept = path.read_text().splitlines()
    path.write_text("\n".join([line, *kept[1:]]))
    split = "query" if file == "query_IDX.txt" else "train"
    with pytest.raises(ValueError, match=said):
        data.load("vcm", root=root, split=split)
    assert "BROKEN" in report(root).text


def test_missing_files_of_vcm(tmp_path):
    root = vcm(tmp_path)
    (root / "0001/rgb/D1/1003.jpg").unlink()
    with pytest.raises(
        FileNotFoundError, match=r"1003\.jpg is missing; .*track_train_info\.txt, line 2"
    ):
        data.load("vcm", root=root)
    (root / "info/query_IDX.txt").unlink()
    with pytest.raises(FileNotFoundError, match=r"query_IDX\.txt is missing"):
        data.load("vcm", root=root, split="query")
    with pytest.raises(ValueError, match="frames=0"):
        data.load("vcm", root=root, frames=0)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("11 RGB/IR LS3", "expected: person modality camera tracklet"),
        ("11 XRAY LS3 1", "XRAY LS3; modalities are RGB, IR, RGB/IR"),
        ("11 RGB/IR ROOF 1", "cameras LS3, G25"),
        ("12 RGB/IR LS3 1", "knows no frames of 12 RGB LS3 1"),
    ],
)
def test_bad_lists_of_buptcampus(tmp_path, line, said):
    root = buptcampus(tmp_path)
    (root / "train.txt").write_text(f"7 RGB/IR W4 2\n{line}\n")
    with pytest.raises(ValueError, match=rf"train\.txt, line 2: .*{said}"):
        data.load("buptcampus", root=root)
    assert "BROKEN" in report(root).text


@pytest.mark.parametrize("bad", ["../7/RGB/x.jpg", "/7/RGB/x.jpg", "7/IR/W4/2/0.jpg"])
def test_paths_of_buptcampus(tmp_path, bad):
    """They stay in DATA and in their modality's folder."""
    root = buptcampus(tmp_path)
    known = json.loads((root / "data_paths.json").read_text())
    known["7"]["RGB"]["W4"]["2"] = [bad]
    (root / "data_paths.json").write_text(json.dumps(known))
    with pytest.raises(ValueError, match=r"train\.txt, line 3"):
        data.load("buptcampus", root=root)


@pytest.mark.parametrize("frames", [2.5, "4", True])
def test_frames_are_a_whole_number(tmp_path, frames):
    with pytest.raises(ValueError, match="frames="):
        data.load("vcm", root=vcm(tmp_path / "HITSZ-VCM"), frames=frames)
