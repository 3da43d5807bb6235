"""M3SVD-Persons: the loader on small folders and on the real crops; the cutter on small videos."""

import csv
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vireid import data
from vireid.data import m3svd_cut
from vireid.data.check import report
from vireid.types import Modality

REAL = Path(__file__).resolve().parents[1].parent / "shared/realdata"
real = pytest.mark.skipif(
    not (REAL / "m3svd_persons").is_dir(), reason=f"needs the real crops of {REAL}/m3svd_persons"
)
HEADER = "file,pid,modality,sequence,cam,frame,half,x0,y0,x1,y1,source"


@pytest.fixture
def crops(tmp_path):
    """Three people with 4, 5 and 2 frames, in an index that is not sorted."""
    folder = tmp_path / "M3SVD-Persons"
    (folder / "images").mkdir(parents=True)
    lines = []
    for person, frames in ((3, (30, 10, 0, 20, 47)), (1, (5, 6, 7, 8)), (8, (0, 9))):
        for half, frame in enumerate(sorted(frames)):
            for letter, camera in (("I", 10 + person), ("V", person)):
                name = f"{person:04d}_{letter}_0001-{person:04d}_f{frame:04d}.jpg"
                Image.new("L" if letter == "I" else "RGB", (128, 256)).save(
                    folder / "images" / name
                )
                where = f"0001_{person:04d},{camera},{frame},{half % 2},0,0,9,9,test"
                lines.append(f"{name},{person},{letter},{where}")
    (folder / "index.csv").write_text("\n".join([HEADER, *reversed(lines)]) + "\n")
    return folder


def shown(images) -> list[tuple[int, str, int]]:
    """(person, modality letter, frame) of every row, read from the file names."""
    parts = [path.stem.split("_") for path in images.source]
    return [(int(person), letter, int(frame[1:])) for person, letter, _, frame in parts]


def test_halves_split_each_track_in_time(crops):
    train = data.load("m3svd", root=crops)
    assert shown(train) == [
        *[(1, "V", 5), (1, "V", 6), (3, "V", 0), (3, "V", 10), (8, "V", 0)],
        *[(1, "I", 7), (1, "I", 8), (3, "I", 20), (3, "I", 30), (3, "I", 47), (8, "I", 9)],
    ]
    assert train.size == (128, 64) and train.resized(0).shape == (128, 64, 3)
    assert train.identity.tolist() == [1, 1, 3, 3, 8, 1, 1, 3, 3, 3, 8]
    assert train.camera.tolist() == [1, 1, 3, 3, 8, 11, 11, 13, 13, 13, 18]
    assert train.modality.tolist() == [0] * 5 + [1] * 6
    query, gallery = (data.load("m3svd", root=crops, split=s) for s in ("query", "gallery"))
    assert query.source == train.of(Modality.INFRARED).source
    assert gallery.source == train.of(Modality.VISIBLE).source


def test_alternate_follows_the_index(crops):
    train = data.load("m3svd", root=crops.parent, preset="alternate")
    assert shown(train) == [
        *[(1, "V", 5), (1, "V", 7), (3, "V", 0), (3, "V", 20), (3, "V", 47), (8, "V", 0)],
        *[(1, "I", 6), (1, "I", 8), (3, "I", 10), (3, "I", 30), (8, "I", 9)],
    ]


def test_all_shows_every_crop(crops):
    train = data.load("m3svd", root=crops, preset="all")
    assert len(train) == 22 and len(train.of(Modality.VISIBLE)) == 11


def test_unseen_people_rotate(crops):
    tested = []
    for trial, test in enumerate(({1}, {3}, {8})):
        load = {"root": crops, "preset": "unseen", "trial": trial}
        train = data.load("m3svd", **load)
        query, gallery = (data.load("m3svd", split=s, **load) for s in ("query", "gallery"))
        assert set(query.identity) == set(gallery.identity) == test
        assert set(train.identity) == {1, 3, 8} - test
        assert (query.modality == 1).all() and (gallery.modality == 0).all()
        tested += shown(query) + shown(gallery)
    assert sorted(tested) == sorted(shown(data.load("m3svd", root=crops)))


def tracklets(folder: Path) -> None:
    (folder / "images").mkdir(parents=True)
    lines = ["file,tracklet,modality,sequence,frame,x0,y0,x1,y1,sequence_also_in_m3svd_persons"]
    for tracklet, sequence, frame, shared in (
        (4, "0001_0003", 1, 1),
        (5, "0009_0009", 2, 0),
        (5, "0009_0009", 3, 0),
        (6, "0009_0010", 3, 0),
    ):
        name = f"T{tracklet:03d}_I_{sequence.replace('_', '-')}_f{frame:04d}.jpg"
        Image.new("L", (128, 256)).save(folder / "images" / name)
        lines.append(f"{name},{tracklet},I,{sequence},{frame},0,0,9,9,{shared}")
    (folder / "index.csv").write_text("\n".join(lines))


@pytest.mark.parametrize("inside", [False, True])
def test_tracklets_are_unknown_infrared_people(crops, inside):
    tracklets((crops if inside else crops.parent) / "m3svd_ir_tracklets")
    plain = data.load("m3svd", root=crops)
    train = data.load("m3svd", root=crops, tracklets="unmatched")
    assert train.source[: len(plain)] == plain.source
    assert train.identity[len(plain) :].tolist() == [-5, -5, -6]
    assert train.camera[len(plain) :].tolist() == [21, 21, 22]
    assert (train.modality[len(plain) :] == 1).all()
    every = data.load("m3svd", root=crops, tracklets="all")
    assert every.identity[len(plain) :].tolist() == [-1, -5, -5, -6]
    assert every.camera[len(plain) :].tolist() == [13, 21, 21, 22]  # 4 walks through scene 13
    query = data.load("m3svd", root=crops, split="query", tracklets="all")
    assert (query.identity > 0).all()  # they answer to no visible picture


def test_loader_bad_input(crops):
    with pytest.raises(ValueError, match="preset='half' is unknown; known: halves, alternate"):
        data.load("m3svd", root=crops, preset="half")
    with pytest.raises(ValueError, match="trial=1"):
        data.load("m3svd", root=crops, trial=1)
    with pytest.raises(ValueError, match="trial=3"):
        data.load("m3svd", root=crops, preset="unseen", trial=3)
    with pytest.raises(ValueError, match="tracklets='some' is unknown"):
        data.load("m3svd", root=crops, tracklets="some")
    with pytest.raises(FileNotFoundError, match="no folder m3svd_ir_tracklets"):
        data.load("m3svd", root=crops, tracklets="all")
    with pytest.raises(FileNotFoundError, match="no M3SVD-Persons in"):
        data.load("m3svd", root=crops / "images")


def test_loader_broken_index(crops):
    index = crops / "index.csv"
    good = index.read_text().splitlines()
    for broken, message in (
        (good[1].replace(",8,V,", ",x,V,"), r"index\.csv, line 2: pid is 'x'"),
        (good[1].replace(",V,", ",W,"), r"index\.csv, line 2: modality 'W'"),
        (good[1].split(",V,")[0], r"index\.csv, line 2: modality, cam, frame, half is empty"),
    ):
        index.write_text("\n".join([good[0], broken, *good[2:]]))
        with pytest.raises(ValueError, match=message):
            data.load("m3svd", root=crops)
    index.write_text("file,pid\n")
    with pytest.raises(ValueError, match=r"line 1: no column modality, cam, frame, half"):
        data.load("m3svd", root=crops)
    index.write_text("\n".join(good))
    name = good[3].split(",")[0]
    (crops / "images" / name).unlink()
    with pytest.raises(FileNotFoundError, match=rf"{name} is missing; .*index\.csv, line 4"):
        data.load("m3svd", root=crops)


# ---------------------------------------------------------------- the cutter

BOXES = (  # pid, sequence, cam, frame, half, box; two people share frame 5
    (1, "0001_0001", 1, 0, 0, (100, 60, 260, 440)),
    (1, "0001_0001", 1, 5, 1, (120, 80, 280, 460)),
    (2, "0001_0001", 1, 5, 0, (400, 40, 560, 400)),
    (7, "0002_0002", 9, 3, 0, (0, 120, 160, 480)),
)


def colour(frame: int, person: int, modality: Modality) -> np.ndarray:
    """What is painted into a person's box: another colour for each frame, person and modality."""
    seen = np.array([40 + 30 * frame, 230 - 25 * person, 60 + 20 * person])
    return np.full(3, 50 + 30 * frame + 5 * person) if modality == Modality.INFRARED else seen


def video(path: Path, modality: Modality, *, size=(640, 480), frames: int = 8) -> None:
    """A short mp4: black, with each annotated box filled with its colour."""
    import av

    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=5, options={"crf": "4"})
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        for number in range(frames):
            pixels = np.zeros((size[1], size[0], 3), np.uint8)
            for pid, sequence, _, frame, _, box in BOXES:
                if sequence == path.stem and frame == number:
                    x0, y0, x1, y1 = (side * size[0] // 640 for side in box)
                    pixels[y0:y1, x0:x1] = colour(frame, pid, modality)
            picture = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))


@pytest.fixture
def boxes(tmp_path):
    file = tmp_path / "boxes.csv"
    lines = [",".join(map(str, (*start, *box))) for *start, box in BOXES]
    file.write_text("\n".join([",".join(m3svd_cut.COLUMNS), *lines]) + "\n")
    return file


def make_clone(root: Path, **options) -> Path:
    for modality in Modality:
        for sequence in ("0001_0001", "0002_0002"):
            video(root / f"Video/test/{modality.word}/{sequence}.mp4", modality, **options)
    return root


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    pytest.importorskip("av", reason="the extra 'video' is not installed")
    return make_clone(tmp_path_factory.mktemp("clone"))


def check_crops(out: Path) -> None:
    """Every crop is its person in its frame and modality, filling the picture."""
    for pid, sequence, _, frame, _, _ in BOXES:
        for modality, letter, mode in ((0, "V", "RGB"), (1, "I", "L")):
            name = f"{pid:04d}_{letter}_{sequence.replace('_', '-')}_f{frame:04d}.jpg"
            with Image.open(out / "images" / name) as picture:
                assert picture.size == (128, 256) and picture.mode == mode
                pixels = np.asarray(picture.convert("RGB"), dtype=float)
            expected = colour(frame, pid, Modality(modality))
            assert np.abs(pixels[8:-8, 6:-6] - expected).max() < 8, name
            assert np.abs(pixels.mean((0, 1)) - expected).max() < 4, name  # no black border


def test_cut_makes_what_the_loader_reads(clone, boxes, tmp_path):
    out = m3svd_cut.cut(clone, tmp_path / "out/M3SVD-Persons", boxes)
    check_crops(out)
    train = data.load("m3svd", root=out.parent, preset="all")
    assert Counter(train.identity.tolist()) == {1: 4, 2: 2, 7: 2}
    assert Counter(train.camera.tolist()) == {1: 3, 11: 3, 9: 1, 19: 1}
    assert sorted(p.name for p in (out / "images").iterdir()) == sorted(
        p.name for p in train.source
    )
    with (out / "index.csv").open() as file:
        first = next(csv.DictReader(file))
    assert first == {
        "file": "0001_V_0001-0001_f0000.jpg",
        "pid": "1",
        "modality": "V",
        "sequence": "0001_0001",
        "cam": "1",
        "frame": "0",
        "half": "0",
        "x0": "100",
        "y0": "60",
        "x1": "260",
        "y1": "440",
        "source": "M3SVD mp4",
    }


def test_cut_resumes(clone, boxes, tmp_path, monkeypatch):
    out = m3svd_cut.cut(clone, tmp_path / "out", boxes)
    index = (out / "index.csv").read_text()
    gone = out / "images/0002_I_0001-0001_f0005.jpg"
    (out / "index.csv").unlink()
    gone.unlink()
    read = []
    frames = m3svd_cut.frames

    def spy(video, wanted):
        read.append((video.parent.name, video.stem, wanted))
        return frames(video, wanted)

    monkeypatch.setattr(m3svd_cut, "frames", spy)
    m3svd_cut.cut(clone, out, boxes)
    assert [r for r in read if r[2]] == [("infrared", "0001_0001", {5})]
    assert (out / "index.csv").read_text() == index
    check_crops(out)


def test_cut_scales_other_sizes_of_the_same_shape(boxes, tmp_path):
    pytest.importorskip("av", reason="the extra 'video' is not installed")
    check_crops(
        m3svd_cut.cut(make_clone(tmp_path / "clone", size=(320, 240)), tmp_path / "o", boxes)
    )
    video(tmp_path / "clone/Video/test/visible/0002_0002.mp4", Modality.VISIBLE, size=(640, 360))
    with pytest.raises(ValueError, match=r"0002_0002\.mp4 is 640 x 360; the boxes fit 4:3"):
        m3svd_cut.cut(tmp_path / "clone", tmp_path / "wide", boxes)


def test_cut_stopped_by_a_short_video_goes_on_later(boxes, tmp_path):
    pytest.importorskip("av", reason="the extra 'video' is not installed")
    clone, out = make_clone(tmp_path / "clone"), tmp_path / "out"
    short = clone / "Video/test/infrared/0001_0001.mp4"
    video(short, Modality.INFRARED, frames=4)
    with pytest.raises(ValueError, match=r"infrared/0001_0001\.mp4 ends after 4 frames; frame 5"):
        m3svd_cut.cut(clone, out, boxes)
    assert not (out / "index.csv").exists()  # no loader takes a half-made folder
    assert {p.suffix for p in (out / "images").iterdir()} == {".jpg"}
    video(short, Modality.INFRARED)
    check_crops(m3svd_cut.cut(clone, out, boxes))


def test_cut_bad_input(clone, boxes, tmp_path):
    with pytest.raises(FileNotFoundError) as error:
        m3svd_cut.cut(tmp_path, tmp_path / "out", boxes)
    for word in ("visible", "infrared"):
        assert str(tmp_path / f"Video/test/{word}/0002_0002.mp4") in str(error.value)
    assert "4 of 4 mp4 files are missing" in str(error.value)
    assert not (tmp_path / "out").exists()

    other = make_clone(tmp_path / "other", frames=1)
    pointer = other / "Video/test/visible/0001_0001.mp4"
    pointer.write_text("version https://git-lfs.github.com/spec/v1\n")
    with pytest.raises(OSError, match=rf"cannot decode {pointer}: .*git lfs pull"):
        m3svd_cut.cut(other, tmp_path / "out", boxes)

    (tmp_path / "taken").mkdir()
    (tmp_path / "taken/index.csv").write_text(HEADER + "\n")
    with pytest.raises(ValueError, match="lists other crops than these boxes"):
        m3svd_cut.cut(clone, tmp_path / "taken", boxes)


def test_boxes_bad_input(boxes, tmp_path):
    good = boxes.read_text().splitlines()
    for line, message in (
        ("1,0001_0001,1,0,0,100,60,260", "line 3"),
        ("1,0001_0001,1,zero,0,100,60,260,440", "line 3: invalid literal"),
        ("1,0001_0001,1,0,0,100,60,641,440", "line 3: the box leaves its frame"),
        ("1,0001_0001,1,0,0,100,60,100,440", "line 3: the box leaves its frame"),
    ):
        boxes.write_text("\n".join([*good[:2], line]))
        with pytest.raises(ValueError, match=rf"boxes\.csv, {message}"):
            m3svd_cut.read_boxes(boxes)
    boxes.write_text(good[0])
    with pytest.raises(ValueError, match="holds no box"):
        m3svd_cut.read_boxes(boxes)
    with pytest.raises(FileNotFoundError, match="git checkout restores it"):
        m3svd_cut.read_boxes(tmp_path / "no.csv")


def test_committed_boxes():
    """Seventeen people of five sequences; numbers only, nothing about anyone."""
    boxes = m3svd_cut.read_boxes(m3svd_cut.BOXES)
    assert len(boxes) == len({(box.pid, box.frame) for box in boxes}) == 403
    assert Counter(box.sequence for box in boxes) == {
        "0111_1716": 144,
        "0113_1714": 120,
        "0117_1605": 96,
        "0117_1620": 19,
        "1230_1202": 24,
    }
    assert len({box.pid for box in boxes}) == 17
    text = m3svd_cut.BOXES.read_text()
    assert text.splitlines()[0] == ",".join(m3svd_cut.COLUMNS)
    assert set(text.split("\n", 1)[1]) <= set("0123456789_,\n")


# ---------------------------------------------------------------- the real crops


@pytest.mark.real
@real
def test_real_crops():
    train = data.load("m3svd", root=REAL, preset="all")
    assert len(train.of(Modality.VISIBLE)) == len(train.of(Modality.INFRARED)) == 636
    assert len(set(train.identity)) == 30
    assert set(train.of(Modality.INFRARED).camera) <= set(range(11, 21))
    for i in (0, 635, 636, 1271):
        assert train.picture(i).shape == (256, 128, 3) and train.resized(i).shape == (128, 64, 3)
    grey = train.picture(1271)
    assert (grey[..., 0] == grey[..., 2]).all()
    halves = data.load("m3svd", root=REAL / "m3svd_persons")
    assert [len(halves.of(m)) for m in Modality] == [316, 320]
    assert len({(p.stem[:4], p.stem[-5:]) for p in halves.source}) == 636  # no moment twice
    unseen = [
        data.load("m3svd", root=REAL, preset="unseen", split="query", trial=t) for t in range(3)
    ]
    assert [len(set(images.identity)) for images in unseen] == [10, 10, 10]


@pytest.mark.real
@real
def test_real_crops_are_complete():
    found = report(REAL / "m3svd_persons")
    assert found.ok and "30 + 636 + 636" in found.text


@pytest.mark.real
@real
def test_real_tracklets():
    if not (REAL / "m3svd_ir_tracklets").is_dir():
        pytest.skip("the infrared tracklets are not there")
    for which, crops, people in (("unmatched", 411, 33), ("all", 569, 34)):
        train = data.load("m3svd", root=REAL, tracklets=which)
        unknown = train.rows(train.identity < 0)
        assert (len(unknown), len(set(unknown.identity))) == (crops, people)
        assert (unknown.modality == Modality.INFRARED).all()
        assert len(train) == 636 + crops


@pytest.mark.real
@real
def test_committed_boxes_rebuild_the_real_index():
    """The index that the cutter writes is the given one, line by line, for the mp4 sequences."""
    given = (REAL / "m3svd_persons/index.csv").read_text().splitlines()
    expected = [given[0], *(line for line in given if line.endswith(",M3SVD mp4"))]
    assert m3svd_cut.index_text(m3svd_cut.read_boxes(m3svd_cut.BOXES)).splitlines() == expected


def test_pictures_keep_their_subfolders(crops):
    """Two people's pictures of one name in two folders: each line shows its own."""
    lines = [HEADER]
    for person, value in ((1, 40), (2, 200)):
        for letter in "VI":
            name = f"{person}/0_{letter}.jpg"
            (crops / "images" / str(person)).mkdir(exist_ok=True)
            Image.new("L", (8, 16), value).save(crops / "images" / name)
            lines.append(f"{name},{person},{letter},s,{person},0,0,0,0,9,9,test")
    Image.new("L", (8, 16), 0).save(crops / "images/0_V.jpg")  # the one that was shown before
    (crops / "index.csv").write_text("\n".join(lines) + "\n")
    train = data.load("m3svd", root=crops, preset="all")
    assert [(int(p), train.picture(i)[0, 0, 0]) for i, p in enumerate(train.identity)] == [
        (1, 40), (2, 200), (1, 40), (2, 200),
    ]  # fmt: skip
    whole = [line.replace("1/0", "images/1/0").replace("2/0", "images/2/0") for line in lines]
    (crops / "index.csv").write_text("\n".join(whole) + "\n")  # or from the folder on
    assert data.load("m3svd", root=crops, preset="all").source == train.source
    (crops / "index.csv").write_text("\n".join([HEADER, lines[1].replace("1/0", "../1/0")]) + "\n")
    with pytest.raises(ValueError, match=r"index\.csv, line 2: .*inside"):
        data.load("m3svd", root=crops)
