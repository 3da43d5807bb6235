"""What runs pass on: exports without pictures or paths, dumps of other codes, given labels."""

import json
import re
import shutil

import numpy as np
import pytest
import safetensors
import torch
import toy

from vireid import cli, data, experiment, methods, models
from vireid.data import label_table, packs
from vireid.exchange import export_run, import_dump, names, read_dump, taken
from vireid.methods.given import GivenLabels
from vireid.runs import Run, load_all
from vireid.training import fit
from vireid.types import Embeddings, Images, PseudoLabels

SHORT = {"epochs": (1, 1), "iterations": 2}


@pytest.fixture(scope="module")
def world():
    return experiment.prepare("synthvi", preset="tiny", trials=1)


@pytest.fixture(scope="module")
def run(world, tmp_path_factory):
    """A run of stage 1 and 2 that keeps its labels."""
    out = tmp_path_factory.mktemp("runs") / "bmil"
    experiment.train(world, "bmil", seed=0, switches=SHORT, out=out, keep_labels=True)
    return out


def pictures(tmp_path, cameras=(1, 3)) -> Images:
    """A table on disk as SYSU-MM01 lays it out: names repeat from person to person."""
    paths, camera = [], []
    for c in cameras:
        for person in ("0001", "0002"):
            for name in ("0001.jpg", "0002.jpg"):
                path = tmp_path / f"cam{c}" / person / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(b"x")
                paths.append(path)
                camera.append(c)
    modality = [0] * 4 + [1] * 4
    return Images(paths, modality, camera, None, size=(16, 8), name="small")


# ---- keeping and exporting ----


def test_kept_labels_are_those_of_each_epoch(world, run):
    record = Run.load(run / "run.json")
    for epoch, spaces in enumerate((["visible", "infrared"], ["visible", "infrared", "global"])):
        labels = label_table.load(run / f"labels/epoch{epoch:03d}.csv", world.train)
        assert list(labels) == spaces
        row = record.curves[epoch]
        for space, found in labels.items():
            assert found.clusters == row[f"{space}/clusters"]


def test_keeping_labels_changes_no_number(world, run, tmp_path):
    _, plain = experiment.train(world, "bmil", seed=0, switches=SHORT, out=tmp_path / "plain")
    kept = Run.load(run / "run.json")
    assert plain.curves == kept.curves and plain.identity == kept.identity
    assert not (tmp_path / "plain/labels").exists()
    with pytest.raises(ValueError, match="give a folder"):
        experiment.train(world, "bmil", seed=0, switches=SHORT, keep_labels=True)


def test_an_export_holds_what_the_run_found_and_no_paths(world, run, tmp_path):
    out = export_run(run, tmp_path / "out")
    assert sorted(p.name for p in (out / "labels").iterdir()) == ["epoch000.csv", "epoch001.csv"]
    features = packs.load(out / "features.safetensors")
    assert len(features) == len(world.train) and features.identity is None
    about = json.loads((out / "about.json").read_text())
    assert about["labels"].startswith("kept") and about["method"] == "bmil"
    with safetensors.safe_open(out / "model.safetensors", "pt") as file:
        assert file.metadata()["run"] == about["run"]
    for path in out.rglob("*"):
        if path.is_file():
            assert path.suffix in (".csv", ".json", ".safetensors")
            assert str(tmp_path).encode() not in path.read_bytes()
            assert str(run.parent).encode() not in path.read_bytes()
    passed, kept = (
        models.load_weights(world.model(seed), folder / "model.safetensors").state_dict()
        for seed, folder in enumerate((out, run))
    )
    assert all(torch.equal(passed[name], kept[name]) for name in kept)


@pytest.mark.parametrize("method", ["mult", "mcf"])
def test_labels_that_were_not_kept_are_made_again_and_it_says_so(tmp_path, method):
    world = experiment.prepare("synthvi", preset="tiny", trials=1, method=method)
    experiment.train(world, method, seed=0, switches=SHORT, out=tmp_path / "run")
    out = export_run(tmp_path / "run")
    assert "made again" in json.loads((out / "about.json").read_text())["labels"]
    labels = label_table.load(out / "labels/again.csv", world.train)
    assert {"visible", "infrared"} <= set(labels)


def test_a_second_export_leaves_nothing_of_the_first(world, run, tmp_path):
    export_run(run, tmp_path / "out")
    again = tmp_path / "again"
    experiment.train(world, "bmil", seed=1, switches=SHORT, out=again)
    export_run(again, tmp_path / "out")
    assert [table.name for table in (tmp_path / "out/labels").iterdir()] == ["again.csv"]


def contents(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_an_export_never_replaces_a_run(run, tmp_path):
    other, before = tmp_path / "other", contents(run)
    shutil.copytree(run, other)
    (tmp_path / "link").symlink_to(run)
    for out in (run, tmp_path / "link", run / "labels/..", other):
        with pytest.raises(ValueError, match=r"folder of a run.*give another folder"):
            export_run(run, out)
    (other / "run.json").unlink()  # its first epoch is not over
    with pytest.raises(ValueError, match="give another folder"):
        export_run(run, other)
    (other / "checkpoint.pt").unlink()
    (other / "run.json").write_bytes((run / "run.json").read_bytes())
    for text in ('{"format": "another"}', '{"format":', "[]"):
        (other / "about.json").write_text(text)
        with pytest.raises(ValueError, match="give another folder"):
            export_run(run, other)
    assert contents(run) == before
    assert all((other / name).exists() for name in ("labels/epoch000.csv", "labels/epoch001.csv"))


def test_an_export_cut_short_can_be_made_again(run, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr("vireid.exchange.out.put", interrupted)
        with pytest.raises(KeyboardInterrupt):
            export_run(run, tmp_path)
    assert load_all(tmp_path) == []
    assert (export_run(run, tmp_path) / "run.json").exists()


def interrupted(*_):
    raise KeyboardInterrupt


def test_kept_labels_are_read_before_those_of_an_export_before_go(run, tmp_path):
    own, out = tmp_path / "own", export_run(run, tmp_path / "out")
    shutil.copytree(run, own)
    before = contents(out / "labels")
    (own / "labels/epoch001.csv").write_text("cut sh")
    with pytest.raises(ValueError, match=r"epoch001\.csv"):
        export_run(own, out)
    assert contents(out / "labels") == before
    shutil.rmtree(own / "labels")
    (own / "labels").symlink_to(out / "labels")
    export_run(own, out)
    assert contents(out / "labels") == before


def test_what_cannot_be_exported(world, run, tmp_path):
    with pytest.raises(FileNotFoundError, match="Give a run's folder"):
        export_run(tmp_path)
    record = Run.load(run / "run.json")
    record.save(tmp_path / "run.json")
    with pytest.raises(FileNotFoundError, match="--resume"):
        export_run(tmp_path)
    record.data["fingerprint"] = "another"
    record.save(tmp_path / "run.json")
    (tmp_path / "model.safetensors").write_bytes((run / "model.safetensors").read_bytes())
    with pytest.raises(ValueError, match="other pictures"):
        export_run(tmp_path)


def test_overwriting_a_run_takes_its_labels_away(tmp_path):
    for keep, overwrite in ((True, False), (False, True)):
        method = methods.build("dcl", preset="tiny", epochs=(1, 0), iterations=1)
        fit(
            toy.net(), method, toy.images(), seed=0, out=tmp_path, keep_labels=keep,
            overwrite=overwrite,
        )  # fmt: skip
        assert len(list(tmp_path.glob("labels/*.csv"))) == keep


# ---- given labels ----


@pytest.mark.parametrize("method", ["dcl", "bmil", "pgm", "mult", "dmdl", "mcf", "adca", "nulc"])
def test_a_stage_2_starts_from_given_labels_in_every_method(method):
    images = toy.images()
    blind = np.random.default_rng(0).permutation(images.identity)  # labels no clustering would find
    given = GivenLabels(np.where(np.arange(len(blind)) % 7 == 0, -1, blind))
    more = {"pa_cbam": False} if method == "mcf" else {}
    built = methods.build(method, preset="tiny", epochs=(0, 2), iterations=1, **more)
    seen = []
    relabel = built.relabel
    built.relabel = lambda train, epoch: seen.append(relabel(train, epoch)) or seen[-1]
    fit(toy.net(), built, images, seed=0, labels=given)
    for m, word in enumerate(("visible", "infrared")):
        rows = np.flatnonzero(images.modality == m)
        subset = seen[0][word].label[rows]
        if method != "mult":  # which gives every picture a label
            kept = subset >= 0
            assert not (kept & (given.label[rows] < 0)).any()
            pairs = set(zip(subset[kept], given.label[rows][kept], strict=True))
            assert len(pairs) == len({a for a, _ in pairs}) == len({b for _, b in pairs}) >= 2
        assert not np.array_equal(seen[0][word].label[rows], seen[1][word].label[rows])


@pytest.mark.parametrize("method", ["dcl", "bmil", "pgm", "mult", "dmdl", "mcf", "adca", "nulc"])
def test_given_labels_of_nobody_are_refused_before_training(method):
    images, seen = toy.images(), []
    built = methods.build(method, preset="tiny", epochs=(1, 0), iterations=1)
    built.start = lambda *_: seen.append("begun")
    for side in (images.modality >= 0, images.modality == 0, images.modality == 1):
        if method == "mcf" and not side.all():  # which learns from one modality, too
            continue
        given = GivenLabels(np.where(side, -1, images.identity))
        word = "visible" if side[0] else "infrared"
        with pytest.raises(ValueError, match=f"labels: no {word}.* picture has a label, all are"):
            fit(toy.net(), built, images, seed=0, labels=given)
    assert not seen


def test_given_labels_of_one_modality_train_the_other_not_in_mcf():
    images = toy.images()
    given = GivenLabels(np.where(images.modality == 1, -1, images.identity))
    built = methods.build("mcf", preset="tiny", epochs=(1, 0), iterations=1, pa_cbam=False)
    with pytest.warns(UserWarning, match="infrared images have fewer than two clusters"):
        record = fit(toy.net(), built, images, seed=0, labels=given)
    assert "loss/visible contrast" in record.curves[0]


def test_mcfs_oracle_refuses_labels_in_stage_2_before_training():
    images, seen = toy.images(), []
    label = np.where(images.modality == 0, images.identity // 2, images.identity)
    built = methods.build("mcf", preset="tiny", row="oracle", epochs=(1, 1), iterations=1)
    with pytest.raises(ValueError, match=r"2 epochs reach into stage 2.* the 1 of stage"):
        fit(
            toy.region_net(), built, images, seed=0, labels=GivenLabels(label, 2),
            on_epoch=seen.append,
        )  # fmt: skip
    assert not seen
    for row, given in (("oracle", GivenLabels(label, 1)), (None, GivenLabels(label, 2))):
        built = methods.build("mcf", preset="tiny", row=row, epochs=(1, 1), iterations=1)
        assert len(fit(toy.region_net(), built, images, seed=0, labels=given).curves) == 2


def test_given_labels_are_part_of_a_runs_identity(run, tmp_path):
    label = toy.images().identity
    given = GivenLabels(label)
    built = [methods.build("dcl", preset="tiny", epochs=(1, 0), iterations=1) for _ in "ab"]
    plain, told = (
        fit(toy.net(), method, toy.images(), seed=0, labels=labels)
        for method, labels in zip(built, (None, given), strict=True)
    )
    assert "labels" not in plain.identity and told.identity["labels"] == given.digest
    assert GivenLabels(label, epochs=2).digest != given.digest
    record = Run.load(run / "run.json")
    record.identity["labels"] = given.digest
    with pytest.raises(ValueError, match="--labels"):
        experiment.replay(record)


def test_label_spaces_become_given_labels():
    modality = np.array([0, 0, 0, 1, 1, 1])
    own = {
        "visible": PseudoLabels([0, 1, 1, 5, 5, 5]),
        "infrared": PseudoLabels([9, 9, 9, 2, 0, -1]),
    }
    assert GivenLabels.of_spaces(own, modality).label.tolist() == [0, 1, 1, 2, 0, -1]
    shared = {"global": PseudoLabels([3, 7, 3, 7, 8, 8])}
    found = GivenLabels.of_spaces(shared, modality)
    assert found.of(np.array([3, 4, 5])).tolist() == [0, 1, 1]
    with pytest.raises(ValueError, match="visible and infrared"):
        GivenLabels.of_spaces(own | shared | {"infrared": None}, modality)
    with pytest.raises(ValueError, match=r"infrared.*lower eps"):
        GivenLabels.of_spaces({"global": PseudoLabels([0, 1, 1, 4, 4, 4])}, modality)
    with pytest.raises(ValueError, match="at least 1"):
        GivenLabels([0, 1], epochs=0)
    with pytest.raises(ValueError, match="6 for 72"):
        fit(toy.net(), methods.build("dcl", preset="tiny"), toy.images(), seed=0, labels=found)


# ---- tables ----


def test_a_label_table_comes_back_as_it_went(tmp_path):
    images = pictures(tmp_path)
    labels = {"a": PseudoLabels(range(-1, 7)), "b": PseudoLabels([0] * 8)}
    path = label_table.save(tmp_path / "t.csv", labels, images)
    assert path.read_text().splitlines()[:2] == [
        "row,picture,modality,camera,a,b",
        "0,cam1/0001/0001.jpg,visible,1,-1,0",
    ]
    found = label_table.load(path, images)
    assert {k: v.label.tolist() for k, v in found.items()} == {
        k: v.label.tolist() for k, v in labels.items()
    }


def test_a_label_table_of_other_people_is_refused(tmp_path):
    """Pictures in memory have rows for names, which any world has; their pixels tell them apart."""
    world, other = (data.load("synthvi", preset="tiny", seed=seed) for seed in (1, 2))
    labels = {"a": PseudoLabels(np.zeros(len(world), int))}
    path = label_table.save(tmp_path / "t.csv", labels, world)
    assert len(label_table.load(path, world)["a"]) == len(world)
    with pytest.raises(ValueError, match=r"picture '.{12}/000000', the training table has '.{12}/"):
        label_table.load(path, other)
    old = re.sub(r"[0-9a-f]{12}/", "", path.read_text())  # as tables were before
    (tmp_path / "old.csv").write_text(old)
    assert len(label_table.load(tmp_path / "old.csv", world)["a"]) == len(world)


def test_folders_of_a_picture_count_as_far_as_both_name_them(tmp_path):
    """SYSU-MM01 calls everybody's first picture 0001.jpg."""
    images = pictures(tmp_path)
    path = label_table.save(tmp_path / "t.csv", {"a": PseudoLabels(range(-1, 7))}, images)
    text = path.read_text()
    path.write_text(text.replace("cam1/0001/", "cam1/0007/"))
    with pytest.raises(
        ValueError, match=r"'cam1/0007/0001\.jpg', the training table has 'cam1/0001"
    ):
        label_table.load(path, images)
    for head in ("deeper/still/", ""):  # the folder that all share may be another
        path.write_text(text.replace(",cam", f",{head}cam"))
        assert len(label_table.load(path, images)["a"]) == 8
    path.write_text(re.sub(r"cam\d/\d+/", "", text))
    assert len(label_table.load(path, images)["a"]) == 8


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: t.replace("visible,1,-1", "visible,7,-1"), "camera '7', .* table has '1'"),
        (lambda t: t.replace("visible,1,-1", "visible,1,-2"), "line 2.*-2 must be at least -1"),
        (lambda t: t.replace("visible,1,-1", "visible,1,x"), "'x' is no whole number"),
        (lambda t: t.replace("visible,1,-1", "visible,1,-1,4"), "more cells"),
        (lambda t: t.replace("visible,1,-1", "infrared,1,-1"), "another data set"),
        (lambda t: t.replace("0001/0001.jpg,visible", "0001/0009.jpg,visible", 1), "0009"),
        (lambda t: "\n".join(t.splitlines()[:4]) + "\n", "labels of 3 pictures"),
        (lambda t: t + "8,x,infrared,3,1\n", "rows count from 0"),
        (lambda t: t.replace("\n1,", "\n2,", 1), "row 2"),
        (lambda t: "row,modality\n0,visible\n", "no label space|labels of"),
        (lambda t: "row,modality\n0,visible\n1,visible\n", r"t\.csv, line 1: no label space"),
        (lambda t: "row,modality\n0,visible\n", r"t\.csv, line 1: no label space"),
        (lambda t: "", "empty"),
    ],
)
def test_a_bad_label_table_is_named_with_its_line(tmp_path, change, words):
    images = pictures(tmp_path)
    path = label_table.save(tmp_path / "t.csv", {"a": PseudoLabels(range(-1, 7))}, images)
    path.write_text(change(path.read_text()))
    with pytest.raises(ValueError, match=words):
        label_table.load(path, images)


# ---- names ----


def test_pseudo_labels_in_names_of_a_folder(tmp_path):
    images = pictures(tmp_path / "data")
    dump = tmp_path / "dump"
    expected = [4, 4, -1, 9, 0, 0, 1, 1]
    for i, label in enumerate(expected):
        path = images.source[i]
        side = dump / ("rgb", "ir")[images.modality[i]]
        side.mkdir(parents=True, exist_ok=True)
        name = f"{label:04d}_c{images.camera[i]}_{path.parent.name}_{path.stem}.png"
        (side / name).write_bytes(b"never opened")
    (dump / "rgb/notes.md").write_text("no picture")
    found = read_dump([dump], images)
    assert found.labels["given"].label.tolist() == expected and found.features is None


def test_a_list_of_paths_and_labels(tmp_path):
    images = pictures(tmp_path)
    path = tmp_path / "list.txt"
    path.write_text("data/cam1/0001/0001.jpg 3\n\ndata\\cam3\\0002\\0002.jpg, 8\n")
    label = read_dump([path], images).labels["given"].label
    assert label.tolist() == [3, -1, -1, -1, -1, -1, -1, 8]


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ("0004_c1_0001.jpg\n", r"line 1: '0001': 2 pictures have this name \(1 of 1"),
        ("0004_c1_0001_0001.jpg\n5_c2_0001_0001.jpg\n", "line 2.*no picture has this name"),
        ("4_c1_0001_0001.jpg\n5_c1_0001_0001.png\n", "line 2 names the picture that .*line 1"),
        (
            "4_c1_0001_0001.jpg\n5_c2_0001_0001.jpg\n",
            r"'0001_0001': no picture has this name under camera 2, but under camera 1 and 3 \(",
        ),
        ("4_c1_0001_0001.jpg\n-2_c3_0001_0001.jpg\n", "list.txt, line 2: label -2; write -1 for"),
        ("data/cam1/0001/0001.jpg -7\n", "list.txt, line 1: label -7; write -1 for an outlier"),
        ("cam1.jpg\n", "tells no label"),
        ("\n", "no names of pictures"),
        ("<html>", "web page"),
    ],
)
def test_names_that_do_not_tell_pictures_apart(tmp_path, lines, words):
    images = pictures(tmp_path)
    path = tmp_path / "list.txt"
    path.write_text(lines)
    with pytest.raises(ValueError, match=words):
        read_dump([path], images)


def regdb_pictures(tmp_path) -> Images:
    """A table as RegDB lays it out: visible pictures are of camera 1, infrared ones of camera 2."""
    paths = [
        tmp_path / side / str(person) / f"male_front_{side[0].lower()}_{i:05d}_{person}.bmp"
        for side in ("Visible", "Thermal")
        for person in (1, 2)
        for i in range(2)
    ]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    return Images(paths, [0] * 4 + [1] * 4, [1] * 4 + [2] * 4, None, size=(16, 8), name="RegDB")


def test_names_of_regdb_need_not_know_its_cameras(tmp_path):
    """Conversions of RegDB write c1 for both modalities; its names alone tell pictures apart."""
    images = regdb_pictures(tmp_path)
    expected = [0, 0, 1, -1, 2, 2, 3, 3]
    dump = tmp_path / "list.txt"
    for cameras in ([1] * 8, images.camera.tolist()):
        lines = [
            f"{label:04d}_c{c}_{path.stem}.jpg\n"
            for label, c, path in zip(expected, cameras, images.source, strict=True)
        ]
        dump.write_text("".join(lines))
        assert read_dump([dump], images).labels["given"].label.tolist() == expected
    dump.write_text("".join(lines) + "0_c1_male_front_t_00009_1.jpg\n")
    with pytest.raises(ValueError, match=r"line 9: 'male_front_t_00009_1': no picture .*\(1 of 9"):
        read_dump([dump], images)
    dump.write_text("".join(lines) + lines[4].replace("c2", "c1"))
    with pytest.raises(ValueError, match=r"line 9 names the picture that .*line 5 names, too"):
        read_dump([dump], images)


def test_a_camera_that_parts_pictures_is_not_left_out(tmp_path):
    """Names repeat from camera to camera here, so one of camera 2 may be of a missing picture."""
    whole = pictures(tmp_path)
    rest = (whole.source[:7], whole.modality[:7], whole.camera[:7])
    images = Images(*rest, None, size=(16, 8), name="small")  # 0002/0002 is of camera 1 alone
    dump = tmp_path / "list.txt"
    dump.write_text("4_c2_0002_0002.jpg\n")
    with pytest.raises(ValueError, match=r"no picture .* under camera 2, but under camera 1 "):
        read_dump([dump], images)


def test_a_dump_has_an_end(tmp_path, monkeypatch):
    monkeypatch.setattr(names, "MOST", 1)
    path = tmp_path / "list.txt"
    path.write_text("4_c1_0001.jpg\n5_c1_0002.jpg\n")
    with pytest.raises(ValueError, match="more than 1 names"):
        read_dump([path], pictures(tmp_path))


# ---- arrays ----


def test_features_and_labels_in_arrays(tmp_path):
    images = toy.images()
    rng = np.random.default_rng(0)
    x = rng.normal(size=(len(images), 5))
    np.save(tmp_path / "x.npy", x)
    found = read_dump([tmp_path / "x.npy"], images).features
    expected = x / np.linalg.norm(x, axis=1, keepdims=True)
    np.testing.assert_allclose(found.x.numpy(), expected, atol=1e-6)
    assert found.identity is None and found.modality.tolist() == images.modality.tolist()
    for m, name in enumerate("vi"):
        np.save(tmp_path / f"{name}.npy", x[images.modality == m].astype(np.float16))
    both = read_dump([tmp_path / "v.npy", tmp_path / "i.npy"], images).features
    np.testing.assert_allclose(both.x.numpy(), expected, atol=2e-3)
    np.save(tmp_path / "y.npy", np.arange(len(images)) % 6)
    labels = read_dump([tmp_path / "y.npy"], images).labels["given"]
    assert labels.label[:7].tolist() == [0, 1, 2, 3, 4, 5, 0]


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.zeros((3, 2)), "has 3 rows; toy has 72"),
        (np.zeros((72, 2)), r"\(72 in all\) of .*x\.npy are zero"),
        (np.full((72, 2), np.nan), r"\(72 in all\) of .*x\.npy hold NaN"),
        (np.full((72, 2), 1e300), r"\(72 in all\) of .*x\.npy hold NaN, infinity"),
        (np.full((72, 2), 1e-300), r"\(72 in all\) of .*x\.npy are zero"),
        (np.full(72, -2), "label -2"),
        (np.full(72, 2**31), "label 2147483648; .*below 2\\^31"),
        (np.full(72, 2**64 - 1, np.uint64), "label 18446744073709551615"),
        (np.zeros(72), "features are floats"),
        (np.zeros((72, 2, 2)), "features are floats"),
        (np.array(["a"] * 72), "no numbers"),
        (np.array(3.0), "has 0 rows"),
    ],
)
def test_arrays_that_are_neither(tmp_path, array, words):
    np.save(tmp_path / "x.npy", array)
    with pytest.raises(ValueError, match=words):
        read_dump([tmp_path / "x.npy"], toy.images())


def test_the_largest_label_is_one_that_a_training_reads(tmp_path):
    images = toy.images()
    np.save(tmp_path / "y.npy", np.full(len(images), 2**31 - 1, np.uint64))
    labels = read_dump([tmp_path / "y.npy"], images).labels
    written = label_table.save(tmp_path / "labels.csv", labels, images)
    assert set(label_table.load(written, images)["given"].label) == {2**31 - 1}


@pytest.mark.parametrize("kind", [torch.float32, torch.float64, torch.bfloat16])
def test_features_in_a_pack_are_taken_as_those_in_an_array(tmp_path, kind):
    images = toy.images()
    x = torch.tensor(np.random.default_rng(0).normal(size=(len(images), 5))).to(kind)
    columns = images.modality, images.camera, images.identity
    path = packs.save(tmp_path / "x.safetensors", Embeddings(x, *columns))
    np.save(tmp_path / "x.npy", x.double().numpy())
    pack, array = (read_dump([tmp_path / f"x.{end}"], images) for end in ("safetensors", "npy"))
    assert torch.equal(pack.features.x, array.features.x)
    assert pack.features.x.dtype == torch.float32 and pack.features.identity is None
    for rows, words in ((0.0, "row 3 .*are zero"), (1e300, "row 3 .*hold NaN, infinity")):
        bad = x.double()
        bad[3] = rows
        packs.save(path, Embeddings(bad, *columns))
        with pytest.raises(ValueError, match=words):
            read_dump([path], images)


@pytest.mark.parametrize(("column", "word"), [("modality", "modalities"), ("camera", "cameras")])
def test_a_pack_of_other_pictures_is_refused(tmp_path, column, word):
    images = toy.images()
    columns = {"modality": images.modality, "camera": images.camera, "identity": None}
    columns[column] = columns[column].copy()
    columns[column][0] = 1 - columns[column][0]
    path = packs.save(tmp_path / "x.safetensors", Embeddings(torch.ones(72, 2), **columns))
    with pytest.raises(ValueError, match=rf"x\.safetensors: its {word} are not those of toy"):
        read_dump([path], images)


def test_a_pack_tells_whose_it_is_and_is_not_taken_for_another_split(world, run, tmp_path):
    """Two worlds have as many people, seen by the same cameras in the same order."""
    other = experiment.prepare("synthvi", preset="tiny", trials=1, seed=3)
    exported = export_run(run, tmp_path / "out") / "features.safetensors"
    imported = import_dump([exported], world, tmp_path / "taken")["features"]
    words = rf"{world.train.fingerprint}\) than .* here \({other.train.fingerprint}\)"
    for pack in (exported, imported):
        assert packs.about(pack)["fingerprint"] == world.train.fingerprint
        with pytest.raises(ValueError, match=rf"features\.safetensors is of other .*{words}"):
            import_dump([pack], other, tmp_path / "mixed")
    assert not (tmp_path / "mixed").exists()
    told = packs.about(exported)
    del told["fingerprint"]  # as packs were before they told it
    packs.save(tmp_path / "old", packs.load(exported), about=told)
    assert read_dump([tmp_path / "old"], other.train).features is not None


def test_an_array_of_objects_is_never_unpickled(tmp_path):
    np.save(tmp_path / "x.npy", np.array([print] * 72, dtype=object), allow_pickle=True)
    with pytest.raises(ValueError, match=r"x\.npy"):
        read_dump([tmp_path / "x.npy"], toy.images())


def test_a_head_that_claims_more_than_the_file_holds(tmp_path):
    np.save(tmp_path / "x.npy", np.ones((72, 2)))
    whole = (tmp_path / "x.npy").read_bytes()
    (tmp_path / "x.npy").write_bytes(whole.replace(b"(72, 2)", b"(72, 9)"))
    with pytest.raises(ValueError, match="cut short or damaged"):
        read_dump([tmp_path / "x.npy"], toy.images())
    with pytest.raises(ValueError, match="3 files"):
        read_dump(["a", "b", "c"], toy.images())
    np.save(tmp_path / "y.npy", np.ones((5, 2)))
    with pytest.raises(ValueError, match="36 visible pictures"):
        read_dump([tmp_path / "y.npy", tmp_path / "y.npy"], toy.images())


# ---- from one method's stage 1 to another's stage 2 ----


def test_features_alone_are_clustered_as_stage_1_does(world, tmp_path):
    rng = np.random.default_rng(0)
    _, person = np.unique(world.train.identity, return_inverse=True)
    x = rng.normal(size=(person.max() + 1, 64))[person] + 0.1 * rng.normal(size=(len(person), 64))
    np.save(tmp_path / "x.npy", x)
    written = import_dump([tmp_path / "x.npy"], world, tmp_path / "out")
    labels = label_table.load(written["labels"], world.train)
    assert list(labels) == ["visible", "infrared"]
    for m, word in enumerate(labels):
        at = world.train.modality == m
        assert len(set(zip(labels[word].label[at], person[at], strict=True))) == person.max() + 1


def test_nothing_is_written_when_the_clustering_fails(world, tmp_path, monkeypatch):
    monkeypatch.setattr(taken, "clustered", toy.net)  # which takes no features
    np.save(tmp_path / "x.npy", np.ones((len(world.train), 4)))
    with pytest.raises(TypeError):
        import_dump([tmp_path / "x.npy"], world, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_import_replaces_and_mixes_with_no_other(world, tmp_path, capsys):
    np.save(tmp_path / "y.npy", np.arange(len(world.train)) % 7)
    for held in ("labels.csv", "features.safetensors"):
        out = tmp_path / held[:3]
        out.mkdir()
        (out / held).write_text("kept")
        words = ["import", str(tmp_path / "y.npy"), "--out", str(out)]
        assert cli.main(words) == 2
        told = capsys.readouterr().err
        assert f"holds {held} already" in told and "another folder (--out), or delete" in told
        assert [(p.name, p.read_text()) for p in out.iterdir()] == [(held, "kept")]


@pytest.mark.parametrize(
    "option",
    [
        "--device cpu", "--weights none", "--network small", "--network-set stem=shared",
        "--size 64 32",
    ],
)  # fmt: skip
def test_importing_takes_no_options_of_a_network(capsys, option):
    with pytest.raises(SystemExit):
        cli.main(["import", "x.npy", "--out", "taken", *option.split()])
    assert "unrecognized arguments: " + option.split()[0] in capsys.readouterr().err


def test_the_command_line_from_export_to_another_methods_stage_2(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["export", str(run), "--out", "passed"]) == 0
    assert cli.main(["import", "passed", "--out", "taken"]) == 0
    assert sorted(p.name for p in (tmp_path / "taken").iterdir()) == [
        "features.safetensors", "labels.csv",
    ]  # fmt: skip
    words = ["--weights", "passed/model.safetensors", "--labels", "taken/labels.csv"]
    words += ["--set", "epochs=(0,1)", "--set", "iterations=1", "--keep-labels"]
    assert cli.main(["train", "--method", "mult", *words, "--out", "stage2"]) == 0
    record = Run.load(tmp_path / "stage2/run.json")
    assert "labels" in record.identity and record.curves[0]["stage"] == 2
    assert (tmp_path / "stage2/labels/epoch000.csv").exists()
    assert cli.main(["import", "nothing", "--out", "x"]) == 2


def test_a_run_of_ones_own_table_is_not_exported_and_its_weights_are_scored(tmp_path, capsys):
    world = experiment.prepare("synthvi", preset="tiny")
    method = methods.build("dcl", preset="tiny", epochs=(1, 0), iterations=1)
    fit(world.model(), method, world.train, seed=1, out=tmp_path / "run")
    with pytest.raises(ValueError, match=r"does not tell what it was made from.*be exported"):
        export_run(tmp_path / "run", tmp_path / "out")
    weights = str(tmp_path / "run/model.safetensors")
    assert (
        cli.main(["evaluate", "--data", "synthvi", "--preset", "tiny", "--weights", weights]) == 0
    )
    for folder in (".", "/"):
        assert cli.main(["evaluate", "--data", "synthvi", "--weights", folder]) == 2
    assert "bug of vireid" not in capsys.readouterr().err


def test_an_export_of_a_run_with_people_missing_is_imported(tmp_path, capsys):
    world = ["--data", "synthvi", "--preset", "tiny", "--absent", "0.3"]
    short = ["--set", "epochs=(1,0)", "--set", "iterations=1"]
    words = ["--method", "dcl", "--method-preset", "tiny", "--out", str(tmp_path / "run")]
    assert cli.main(["train", *words, *world, *short]) == 0
    assert cli.main(["export", str(tmp_path / "run"), "--out", str(tmp_path / "passed")]) == 0
    taken = ["import", str(tmp_path / "passed"), "--out", str(tmp_path / "taken")]
    assert cli.main([*taken, *world]) == 0
    left = data.absent(data.load("synthvi", preset="tiny"), 0.3)
    assert label_table.load(tmp_path / "taken/labels.csv", left)
    scored = ["evaluate", "--data", "synthvi", "--weights", str(tmp_path / "run/model.safetensors")]
    pairs = tmp_path / "pairs.json"
    capsys.readouterr()
    assert cli.main([*scored, "--distances", str(pairs)]) == 0
    assert f"/{len(left)} " in capsys.readouterr().err, "pairs of the pictures it was trained on"


def test_whole_numbers_of_two_types_are_joined(tmp_path):
    images = toy.images()
    n = int((images.modality == 0).sum())
    np.save(tmp_path / "v.npy", np.arange(n, dtype=np.uint64))
    np.save(tmp_path / "i.npy", np.full(len(images) - n, -1))
    paths = [tmp_path / "v.npy", tmp_path / "i.npy"]
    label = read_dump(paths, images).labels["given"].label
    assert label[images.modality == 0].tolist() == list(range(n)) and label.min() == -1
    np.save(paths[0], np.full(n, 2**64 - 1, np.uint64))
    with pytest.raises(ValueError, match="labels whole numbers"):
        read_dump(paths, images)


def test_label_tables_in_capitals_and_with_a_nameless_column(tmp_path):
    images = toy.images()
    labels = {"given": PseudoLabels(np.arange(len(images)) % 6)}
    written = label_table.save(tmp_path / "LABELS.CSV", labels, images)
    assert read_dump([written], images).labels["given"].label[:7].tolist() == [0, 1, 2, 3, 4, 5, 0]
    lines = written.read_text().splitlines()
    numbered = [f",{lines[0]}", *(f"{i},{line}" for i, line in enumerate(lines[1:]))]
    written.write_text("\n".join(numbered) + "\n")
    with pytest.raises(ValueError, match="line 1: a column without a name"):
        label_table.load(written, images)
