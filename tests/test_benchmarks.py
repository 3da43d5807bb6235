"""SYSU-MM01, RegDB and LLCM in their official layouts: small trees, and the real split files."""

import random
from pathlib import Path

import layouts
import numpy as np
import pytest
from layouts import LLCM_TEST, SYSU_PEOPLE, llcm_name, picture

from vireid import data
from vireid.data.benchmarks import files, llcm, sysu
from vireid.data.counts import valid_queries
from vireid.types import Modality


def python_choice(groups: list[list], trial: int, shots: int = 1) -> list:
    """The evaluation everyone uses: seed Python's own generator, choose group by group."""
    before = random.getstate()
    random.seed(trial)
    picked = []
    for group in groups:
        picked += [random.choice(group)] if shots == 1 else random.sample(group, shots)
    random.setstate(before)
    return picked


def names(images) -> list[str]:
    return ["/".join(path.parts[-3:]) for path in images.source]


@pytest.fixture
def sysu_root(tmp_path):
    return layouts.sysu(tmp_path / "cam pictures of cam1" / "SYSU-MM01")


@pytest.fixture
def regdb_root(tmp_path):
    layouts.regdb(tmp_path / "RegDB")
    return tmp_path


@pytest.fixture
def llcm_root(tmp_path):
    return layouts.llcm(tmp_path / "LLCM")


# ---------------------------------------------------------------- SYSU-MM01


def sysu_groups(root: Path, people, cameras) -> list[list[str]]:
    return [
        [f"cam{c}/{p:04d}/{i:04d}.jpg" for i in range(1, SYSU_PEOPLE[p][c] + 1)]
        for p in people
        for c in cameras
        if c in SYSU_PEOPLE[p]
    ]


def test_sysu_trains_on_train_and_val(sysu_root):
    images = data.load("sysu", root=sysu_root)
    visible = [n for g in sysu_groups(sysu_root, (1, 2, 10), (1, 2, 4, 5)) for n in g]
    infrared = [n for g in sysu_groups(sysu_root, (1, 2, 10), (3, 6)) for n in g]
    assert names(images) == visible + infrared
    assert images.size == (288, 144)
    assert images.modality.tolist() == [0] * len(visible) + [1] * len(infrared)
    assert set(images.identity) == {1, 2, 10}
    cameras = [int(name[3]) for name in names(images)]
    assert images.camera.tolist() == cameras  # though the root's own name holds "cam1"


def test_sysu_query_is_sorted_by_person_camera_file(sysu_root):
    for preset in ("all", "indoor"):
        images = data.load("sysu", root=sysu_root, preset=preset, split="query")
        expected = [n for g in sysu_groups(sysu_root, (6, 17, 104), (3, 6)) for n in g]
        assert names(images) == expected
        assert images.identity.tolist() == [int(n[5:9]) for n in expected]
        assert (images.modality == Modality.INFRARED).all()


@pytest.mark.parametrize("trial", range(10))
@pytest.mark.parametrize(("preset", "cameras"), [("all", (1, 2, 4, 5)), ("indoor", (1, 2))])
def test_sysu_gallery_is_pythons_draw(sysu_root, preset, cameras, trial):
    state = random.getstate()
    images = data.load("sysu", root=sysu_root, preset=preset, split="gallery", trial=trial)
    assert random.getstate() == state  # the training run's generator is left alone
    assert names(images) == python_choice(sysu_groups(sysu_root, (6, 17, 104), cameras), trial)
    assert images.camera.tolist() == [int(n[3]) for n in names(images)]


def test_sysu_multi_shot(sysu_root):
    images = data.load("sysu", root=sysu_root, split="gallery", trial=3, shots=3)
    groups = sysu_groups(sysu_root, (6, 17, 104), (1, 2, 4, 5))
    assert names(images) == python_choice(groups, 3, shots=3)
    many = names(data.load("sysu", root=sysu_root, split="gallery", shots=10))
    assert len(many) == len(set(many)) == sum(min(10, len(g)) for g in groups)
    with pytest.raises(ValueError, match="shots=0"):
        data.load("sysu", root=sysu_root, split="gallery", shots=0)


def test_sysu_gallery_does_not_follow_the_listing(sysu_root, monkeypatch):
    expected = names(data.load("sysu", root=sysu_root, split="gallery", trial=4))
    listing = Path.iterdir
    monkeypatch.setattr(Path, "iterdir", lambda self: reversed(list(listing(self))))
    assert names(data.load("sysu", root=sysu_root, split="gallery", trial=4)) == expected


def test_sysu_a_missing_person_shifts_only_later_draws(sysu_root):
    before = names(data.load("sysu", root=sysu_root, split="gallery", trial=1))
    (sysu_root / "cam4/0017").rename(sysu_root / "elsewhere")
    after = names(data.load("sysu", root=sysu_root, split="gallery", trial=1))
    place = next(i for i, name in enumerate(before) if name.startswith("cam4/0017"))
    assert after[:place] == before[:place]
    assert len(after) == len(before) - 1
    assert not any(name.startswith("cam4/0017") for name in after)


def test_sysu_skips_hidden_thumbnail_and_video_files(sysu_root):
    expected = names(data.load("sysu", root=sysu_root))
    folder = sysu_root / "cam1/0001"
    for name in ("._0001.jpg", ".DS_Store", "Thumbs.db", "notes.txt"):
        (folder / name).write_bytes(b"")
    picture(sysu_root / "cam1_video_train/0001/0001.jpg")
    (sysu_root / "cam2/0001/0099.JPG").write_bytes((folder / "0001.jpg").read_bytes())
    found = names(data.load("sysu", root=sysu_root))
    assert set(found) - set(expected) == {"cam2/0001/0099.JPG"}
    assert len(found) == len(expected) + 1


def test_sysu_official_permutations(sysu_root, tmp_path):
    from scipy.io import savemat

    stored = np.empty((6, 1), dtype=object)
    for camera in range(1, 7):
        stored[camera - 1, 0] = np.empty((104, 1), dtype=object)
        for person in range(1, 105):
            n = SYSU_PEOPLE.get(person, {}).get(camera, 0)
            order = [np.random.default_rng([t, camera, person]).permutation(n) for t in range(10)]
            stored[camera - 1, 0][person - 1, 0] = np.array(order, dtype=np.uint8) + 1
    file = tmp_path / "rand_perm_cam.mat"
    savemat(file, {"rand_perm_cam": stored})
    for trial, shots in ((0, 1), (9, 1), (2, 3)):
        images = data.load(
            "sysu", root=sysu_root, split="gallery", trial=trial, shots=shots, permutations=file
        )
        expected = []
        for group in sysu_groups(sysu_root, (6, 17, 104), (1, 2, 4, 5)):
            camera, person = int(group[0][3]), int(group[0][5:9])
            order = stored[camera - 1, 0][person - 1, 0][trial, :shots]
            expected += [group[i - 1] for i in order]
        assert names(images) == expected
    (sysu_root / "cam4/0017/0012.jpg").unlink()
    with pytest.raises(ValueError, match=r"12 pictures of person 17 in camera 4.*holds 11"):
        data.load("sysu", root=sysu_root, split="gallery", permutations=file)
    with pytest.raises(FileNotFoundError, match=r"no\.mat"):
        data.load("sysu", root=sysu_root, split="gallery", permutations=tmp_path / "no.mat")
    savemat(file, {"other": np.zeros(3)})
    with pytest.raises(ValueError, match="holds no rand_perm_cam"):
        data.load("sysu", root=sysu_root, split="gallery", permutations=file)


def test_sysu_bad_input(sysu_root):
    with pytest.raises(ValueError, match=r"preset='outdoor' is unknown; known: all, indoor"):
        data.load("sysu", root=sysu_root, preset="outdoor")
    for trial in (-1, 10, 1.5, True):
        with pytest.raises(ValueError, match=rf"trial={trial}: .*0\.\.9"):
            data.load("sysu", root=sysu_root, split="gallery", trial=trial)
    for shots in (0, 2.5, True):
        with pytest.raises(ValueError, match=f"shots={shots}: a gallery needs at least 1 picture"):
            data.load("sysu", root=sysu_root, split="gallery", shots=shots)
    (sysu_root / "cam6").rename(sysu_root / "away")
    with pytest.raises(FileNotFoundError, match=r"SYSU-MM01/cam6 is missing"):
        data.load("sysu", root=sysu_root)
    assert len(data.load("sysu", root=sysu_root, split="gallery"))  # needs no infrared camera
    with pytest.raises(FileNotFoundError, match="no SYSU-MM01 in"):
        data.load("sysu", root=sysu_root / "exp")


@pytest.mark.parametrize("part", ["train", "val", "test"])
def test_sysu_identity_files(sysu_root, part):
    file = sysu_root / "exp" / f"{part}_id.txt"
    good = file.read_text()
    for text, line, word in (("1,2x", 1, "2x"), ("1,2\n3,,4", 2, ""), ("-3", 1, "-3")):
        file.write_text(text)
        with pytest.raises(ValueError, match=rf"{part}_id.txt, line {line}: '{word}' is not"):
            data.load("sysu", root=sysu_root)
    file.write_text("\n")
    with pytest.raises(ValueError, match=rf"{part}_id.txt, line 1: the file is empty"):
        data.load("sysu", root=sysu_root)
    file.write_text(good.strip() + (",6" if part != "test" else ",10"))
    with pytest.raises(ValueError, match="in training and test"):
        data.load("sysu", root=sysu_root)
    file.unlink()
    with pytest.raises(FileNotFoundError, match=rf"exp/{part}_id.txt is missing"):
        data.load("sysu", root=sysu_root)


def test_identities_are_padded_numbers(tmp_path):
    (tmp_path / "id.txt").write_text("17,6,10,6\r\n")
    assert files.read_identities(tmp_path / "id.txt", "it") == [6, 10, 17]


def test_pictures_of_one_and_four_channels_and_broken_ones(sysu_root):
    picture(sysu_root / "cam3/0001/0001.jpg", "L")
    picture(sysu_root / "cam3/0001/0002.jpg", "RGBA")
    broken = sysu_root / "cam6/0001/0001.jpg"
    broken.write_bytes(b"no picture")
    images = data.load("sysu", root=sysu_root).of(Modality.INFRARED)
    assert (images.picture(0) == 77).all() and images.picture(0).shape == (6, 3, 3)
    assert (images.picture(1) == (10, 20, 30)).all() and images.picture(1).shape == (6, 3, 3)
    assert images.resized(0).shape == (288, 144, 3)
    row = images.source.index(broken)
    with pytest.raises(OSError, match=r"cannot read picture .*cam6/0001/0001\.jpg"):
        images.picture(row)


# ---------------------------------------------------------------- RegDB


def test_regdb_splits(regdb_root):
    folder = regdb_root / "RegDB"
    for trial in range(1, 11):
        train = data.load("regdb", root=regdb_root, trial=trial)
        lines = [
            line.split()
            for word in ("visible", "thermal")
            for line in (folder / f"idx/train_{word}_{trial}.txt").read_text().splitlines()
        ]
        assert [str(p) for p in train.source] == [str(folder / path) for path, _ in lines]
        assert train.identity.tolist() == [int(label) for _, label in lines]
        assert train.modality.tolist() == [0] * 4 + [1] * 4
        assert train.camera.tolist() == [1] * 4 + [2] * 4
        test = data.load("regdb", root=regdb_root, trial=trial, split="query")
        assert not {p.parent.name for p in train.source} & {p.parent.name for p in test.source}
    assert data.load("regdb", root=folder).name == "RegDB train (split 1)"


def test_regdb_directions(regdb_root):
    def load(preset, split):
        return data.load("regdb", root=regdb_root, preset=preset, split=split, trial=3)

    forth, back = "visible_to_infrared", "infrared_to_visible"
    assert (load(forth, "query").modality == 0).all() and (
        load(forth, "gallery").modality == 1
    ).all()
    assert load(back, "query").source == load(forth, "gallery").source
    assert load(back, "gallery").source == load(forth, "query").source


@pytest.mark.parametrize("trial", [0, 11, -1])
def test_regdb_trial_outside(regdb_root, trial):
    with pytest.raises(ValueError, match=rf"trial={trial}: .*1\.\.10"):
        data.load("regdb", root=regdb_root, trial=trial)


@pytest.mark.parametrize(
    "line",
    [
        "Visible/1/a.bmp",
        "Visible/1/a.bmp x",
        "Visible/1/a.bmp 1 2",
        "a.bmp -1",
        "../a.bmp 1",
        "/a 1",
    ],
)
def test_regdb_malformed_line(regdb_root, line):
    file = regdb_root / "RegDB/idx/train_thermal_2.txt"
    file.write_text(file.read_text() + f"\n\n{line}\n")
    with pytest.raises(ValueError, match=r"train_thermal_2\.txt, line 6: "):
        data.load("regdb", root=regdb_root, trial=2)


def test_a_picture_that_is_listed_twice_would_count_twice(regdb_root):
    file = regdb_root / "RegDB/idx/train_thermal_2.txt"
    lines = file.read_text().splitlines()
    file.write_text("\n".join([*lines, lines[0]]))
    with pytest.raises(ValueError, match=r"_2\.txt, line \d+: .* stands in .*_2\.txt, line 1 alr"):
        data.load("regdb", root=regdb_root, trial=2)


def test_regdb_missing_files(regdb_root):
    folder = regdb_root / "RegDB"
    file = folder / "idx/test_visible_5.txt"
    first = folder / file.read_text().split()[0]
    first.unlink()
    with pytest.raises(FileNotFoundError, match=rf"{first.name} is missing; .*_5\.txt, line 1"):
        data.load("regdb", root=regdb_root, trial=5, split="query")
    file.unlink()
    with pytest.raises(FileNotFoundError, match=r"idx/test_visible_5\.txt is missing"):
        data.load("regdb", root=regdb_root, trial=5, split="query")
    with pytest.raises(ValueError, match="preset='thermal_to_visible' is unknown"):
        data.load("regdb", root=regdb_root, preset="thermal_to_visible")


# ---------------------------------------------------------------- LLCM


def llcm_groups(word: str) -> list[list[str]]:
    return [
        sorted(llcm_name(p, c, i, word) for i in range(LLCM_TEST[p][word][c]))
        for p in (7, 20, 351)
        for c in range(1, 10)
        if c in LLCM_TEST[p][word]
    ]


def test_llcm_train(llcm_root):
    images = data.load("llcm", root=llcm_root)
    assert [p.parent.parent.name for p in images.source] == ["vis", "vis", "nir", "nir"]
    assert images.identity.tolist() == [3, 12, 3, 12]
    assert images.camera.tolist() == [6, 6, 6, 6]
    assert images.modality.tolist() == [0, 0, 1, 1]


@pytest.mark.parametrize("rebuilt", [False, True])
@pytest.mark.parametrize("trial", [0, 1, 9])
def test_llcm_test_lists(llcm_root, trial, rebuilt):
    """Query whole and sorted, gallery Python's draw, the same with and without the test copies."""
    if rebuilt:
        for word in ("vis", "nir"):
            (llcm_root / f"test_{word}").rename(llcm_root / f"away_{word}")
    for preset, asks, answers in (
        ("visible_to_infrared", "vis", "nir"),
        ("infrared_to_visible", "nir", "vis"),
    ):
        query = data.load("llcm", root=llcm_root, preset=preset, split="query", trial=trial)
        gallery = data.load("llcm", root=llcm_root, preset=preset, split="gallery", trial=trial)
        assert [p.name for p in query.source] == [n for g in llcm_groups(asks) for n in g]
        drawn = python_choice(llcm_groups(answers), trial)
        assert [p.name for p in gallery.source] == drawn
        assert gallery.identity.tolist() == [int(n[:4]) for n in drawn]
        assert gallery.camera.tolist() == [int(n[6:8]) for n in drawn]
        assert set(query.modality) == {int(asks == "nir")} != set(gallery.modality)


def test_llcm_official_visible_to_infrared(llcm_root):
    def load(split, trial=5, **more):
        return data.load("llcm", root=llcm_root, split=split, trial=trial, **more)

    query = load("query", llcm_official_v2i=True)
    gallery = load("gallery", llcm_official_v2i=True)
    assert query.source == load("gallery").source  # the drawn infrared pictures ask
    assert gallery.source == load("query").source  # all visible ones answer
    with pytest.raises(ValueError, match="llcm_official_v2i=True with preset"):
        load("query", preset="infrared_to_visible", llcm_official_v2i=True)


def test_llcm_bad_input(llcm_root):
    with pytest.raises(ValueError, match="preset='all' is unknown"):
        data.load("llcm", root=llcm_root, preset="all")
    with pytest.raises(ValueError, match="trial=10"):
        data.load("llcm", root=llcm_root, trial=10)
    (llcm_root / "test_nir/cam8").rmdir()
    with pytest.raises(FileNotFoundError, match="test_nir/cam8 is missing"):
        data.load("llcm", root=llcm_root, split="gallery")
    picture(llcm_root / "vis/0003/unnamed.jpg")
    with (llcm_root / "idx/train_vis.txt").open("a") as file:
        file.write("vis/0003/unnamed.jpg 0\n")
    with pytest.raises(ValueError, match=r"train_vis\.txt, line 3: unnamed\.jpg does not start"):
        data.load("llcm", root=llcm_root)
    (llcm_root / "test_vis").rename(llcm_root / "away")
    (llcm_root / "idx/test_id.txt").write_text("7,20")
    with pytest.raises(ValueError, match="person 351 is not in"):
        data.load("llcm", root=llcm_root, split="query")
    (llcm_root / "idx/test_id.txt").unlink()
    with pytest.raises(FileNotFoundError, match=r"idx/test_id\.txt is missing"):
        data.load("llcm", root=llcm_root, split="query")


# ---------------------------------------------------------------- the door


def test_load_refuses_what_it_does_not_know(sysu_root):
    with pytest.raises(
        ValueError, match=r"name='market' is unknown; known: synthvi, m3svd, files, sysu"
    ):
        data.load("market")
    with pytest.raises(ValueError, match="split='val' is unknown; known: train, query, gallery"):
        data.load("sysu", root=sysu_root, split="val")
    with pytest.raises(ValueError, match=r"no option shot; it has: permutations, preset, shots"):
        data.load("sysu", root=sysu_root, shot=10)


def test_root_comes_from_the_environment(sysu_root, monkeypatch):
    monkeypatch.setenv("VIREID_DATA", str(sysu_root.parent))
    assert names(data.load("sysu")) == names(data.load("sysu", root=sysu_root))
    monkeypatch.setenv("VIREID_DATA", str(sysu_root / "nowhere"))
    with pytest.raises(FileNotFoundError, match="nowhere"):
        data.load("sysu")


# ---------------------------------------------------------------- the official numbers


@pytest.fixture
def official_sysu(tmp_path, monkeypatch):
    monkeypatch.setattr(sysu, "pictures", layouts.official_listing())
    return layouts.official_sysu(tmp_path / "SYSU-MM01")


@pytest.mark.real
@layouts.real
def test_official_sysu_numbers(official_sysu):
    query = data.load("sysu", root=official_sysu, split="query")
    assert len(query) == 3803
    cameras = dict(zip(*np.unique(query.camera, return_counts=True), strict=True))
    assert cameras == {3: 1883, 6: 1920}
    for preset, shots, size, people, valid in (
        ("all", 1, 301, 96, 3803),
        ("all", 10, 3010, 96, 3803),
        ("indoor", 1, 112, 56, 2208),
        ("indoor", 10, 1120, 56, 2208),
    ):
        gallery = data.load("sysu", root=official_sysu, split="gallery", preset=preset, shots=shots)
        assert (len(gallery), len(set(gallery.identity))) == (size, people)
        assert valid_queries(query, gallery) == valid


@pytest.mark.real
@layouts.real
def test_official_sysu_permutations(official_sysu):
    file = layouts.PROTOCOL / "sysu_rand_perm_cam.mat"
    for shots, size in ((1, 301), (10, 3010)):
        options = {"root": official_sysu, "shots": shots, "permutations": file}
        drawn = [data.load("sysu", split="gallery", trial=t, **options) for t in (0, 9)]
        assert [len(images) for images in drawn] == [size, size]
        assert drawn[0].source != drawn[1].source
        assert len(set(drawn[0].source)) == size


@pytest.mark.real
@layouts.real
def test_official_regdb_split(tmp_path, monkeypatch):
    """The official split file, as index files, gives 206 + 206 people without overlap."""
    layouts.official_regdb(tmp_path)
    monkeypatch.setattr(Path, "is_file", lambda path: path.suffix == ".bmp")
    for trial in range(1, 11):
        train = data.load("regdb", root=tmp_path, trial=trial)
        query = data.load("regdb", root=tmp_path, trial=trial, split="query")
        people = [{int(p.parent.name) for p in images.source} for images in (train, query)]
        assert [len(p) for p in people] == [206, 206]
        assert people[0] | people[1] == set(range(1, 413))
        assert len(set(train.identity)) == 206
        assert len(train.of(Modality.VISIBLE)) == len(train.of(Modality.INFRARED)) == 2060


def test_names_of_the_infrared_cameras():
    assert 3 not in llcm.CAMERAS[Modality.INFRARED] and len(llcm.CAMERAS[Modality.INFRARED]) == 8
    assert sysu.CAMERAS[Modality.INFRARED] == (3, 6)
