"""Your own pictures: the table, the plain folders, bad ones, and what can be done with them."""

import re
import shutil

import layouts
import numpy as np
import pytest
import torch
from PIL import Image

from vireid import data, experiment, files, workbook
from vireid.cli import main
from vireid.data import own
from vireid.data.benchmarks.files import pictures
from vireid.data.check import report
from vireid.data.template import template
from vireid.evaluation import evaluate
from vireid.types import Images, Modality

HEAD = "path,modality,camera,identity,split\n"
TINY = (32, 16)
SIDES = (("infrared", "query"), ("visible", "gallery"))


def listed(root, lines, head=HEAD):
    """A folder with a table; every listed picture exists."""
    for line in lines:
        path = root / line.split(",")[0].replace("\\", "/")
        layouts.shown(path, own.WORDS[line.split(",")[1].lower()])
    (root / "pictures.csv").write_text(head + "\n".join(lines) + "\n")
    return root


@pytest.fixture
def table(tmp_path):
    lines = [
        "b/1/0.jpg,infrared,7,anna,train", "a/1/0.jpg,visible,3,anna,train",
        "a/2/0.jpg,V,3,bert,", "b/2/0.jpg,IR,7,bert,Train",
        "b/3/0.jpg,thermal,7,carl,query", "a/3/0.jpg,rgb,7,carl,gallery",
        "a\\3\\1.jpg,visible,3,carl,gallery", "a/4/0.jpg,visible,3,,gallery",
    ]  # fmt: skip
    return listed(tmp_path / "mine", lines)


def test_table(table):
    """Folders are kept, names numbered over all splits, unknown people stand in no gallery."""
    train, query, gallery = (data.load("files", root=table, split=s) for s in data.SPLITS)
    assert [str(p.relative_to(table)) for p in train.source] == [
        "a/1/0.jpg", "a/2/0.jpg", "b/1/0.jpg", "b/2/0.jpg",
    ]  # fmt: skip
    assert train.identity.tolist() == [1, 2, 1, 2] and train.camera.tolist() == [3, 3, 7, 7]
    assert train.modality.tolist() == [0, 0, 1, 1]
    assert query.identity.tolist() == [3] and query.modality.tolist() == [1]
    assert [str(p.relative_to(table)) for p in gallery.source] == ["a/3/0.jpg", "a/3/1.jpg"]
    with pytest.raises(ValueError, match=r"no visible pictures marked query.*other direction"):
        data.load("files", root=table, split="query", preset="visible_to_infrared")
    assert data.load("files", root=table.parent / "mine").fingerprint == train.fingerprint


def test_a_fingerprint_sees_folders_and_contents_but_not_the_place(tmp_path):
    """Uncompressed pictures of one name and size differ in their middle alone."""
    pixels = np.zeros((4, 8, 8, 3), np.uint8)
    pixels[2:] += 50

    def folder(name, places, shades):
        for place, picture in zip(places, pixels[shades], strict=True):
            path = tmp_path / name / place
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(picture).save(path)
        source = [tmp_path / name / place for place in places]
        return Images(source, [0, 1], [1, 2], None, (8, 8)).fingerprint

    usual = folder("a", ["v/1/0.bmp", "r/1/0.bmp"], [0, 2])
    assert folder("b", ["v/1/0.bmp", "r/1/0.bmp"], [1, 3]) == usual
    assert folder("c", ["v/2/0.bmp", "r/1/0.bmp"], [0, 2]) != usual
    assert folder("d", ["v/1/0.bmp", "r/1/0.bmp"], [0, 1]) != usual


def test_evaluation_with_and_without_cameras(table):
    """A person's answer from the query's own camera is left out, but only if cameras are told."""
    place = HEAD.replace("camera", "place").replace("\n", ",camera\n")  # of which nothing is known
    for head, valid in ((HEAD, 1), (place, 2)):
        (table / "pictures.csv").write_text(
            head + (table / "pictures.csv").read_text().split("\n", 1)[1]
        )
        query, gallery = (data.load("files", root=table, split=s) for s in ("query", "gallery"))
        ranked = evaluate(
            torch.tensor([[0.9, 0.1]]), query.identity, gallery.identity,
            query.camera, gallery.camera, protocol=experiment.DEFAULTS["files"][3],
        )  # fmt: skip
        kept = (gallery.camera != query.camera[0]).sum()
        assert kept == valid and ranked.mAP == 1.0


def test_plain_folders(tmp_path):
    """With people's folders, and without: then nobody is known and training has no truth."""
    for split, person in (("train", "0001"), ("train", "2"), ("query", "7"), ("gallery", "7")):
        for modality in Modality:
            layouts.shown(tmp_path / split / modality.word / person / "x.jpg", modality)
    train, query, gallery = (data.load("files", root=tmp_path, split=s) for s in data.SPLITS)
    assert train.identity.tolist() == [1, 2, 1, 2] and train.camera.tolist() == [1, 1, 2, 2]
    assert query.identity.tolist() == gallery.identity.tolist() == [7]
    assert (query.modality, gallery.modality) == (1, 0)
    nameless = tmp_path / "nameless"
    for modality in Modality:
        for i in range(3):
            layouts.shown(nameless / "train" / modality.word / f"{i}.jpg", modality)
    train = data.load("files", root=nameless)
    assert train.identity is None and len(train) == 6
    query = data.load("files", root=nameless, split="query")
    assert query.identity is None and set(query.source) < set(train.source)


@pytest.mark.parametrize("method", ["bmil", "mcf"])
def test_without_the_caffe_file_torchvisions_weights_begin(table, tmp_path, monkeypatch, method):
    from torchvision.models import squeezenet1_1

    monkeypatch.setattr(experiment.setup, "CHECKOUT", tmp_path / "nowhere")
    monkeypatch.setattr("vireid.models.weights.fetch", lambda _: squeezenet1_1().state_dict())
    ready = experiment.prepare("files", root=table, method=method)
    assert ready.weights == "imagenet" and ready.network.endswith("squeezenet")
    assert ready.model().convention == "torchvision"


def test_minus_one_is_nobody(tmp_path):
    """The library's mark for unknown people is no name: they would match each other."""
    lines = {}
    for who in ("4", "9", "-1"):
        for modality in ("visible", "infrared"):
            lines[f"{who}{modality}.jpg"] = (modality, who)
    for name, (modality, _) in lines.items():
        layouts.shown(tmp_path / "mine" / name, Modality[modality.upper()])
    told = "\n".join(f"{name},{m},{who},train" for name, (m, who) in lines.items())
    (tmp_path / "mine/pictures.csv").write_text("path,modality,identity,split\n" + told)
    train = data.load("files", root=tmp_path / "mine")
    assert train.identity.tolist() == [4, 9, -1, 4, 9, -1]
    for modality in Modality:
        layouts.shown(tmp_path / "laid/train" / modality.word / "-1/0.jpg", modality)
        layouts.shown(tmp_path / "laid/train" / modality.word / "ann/0.jpg", modality)
    assert data.load("files", root=tmp_path / "laid").identity.tolist() == [-1, 1, -1, 1]


def test_numbers_and_names():
    assert own.numbered(["10", "9", "", "0010"]) == {"0010": 10, "10": 10, "9": 9}
    assert own.numbered(["b", "10", "a"]) == {"10": 1, "a": 2, "b": 3}


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("a/1/0.jpg,green,1,1,train", r"line 3: modality 'green'; write visible or infrared"),
        ("a/1/0.jpg,visible,1,1,test", r"line 3: split 'test'; write train, query, gallery"),
        ("a/1/0.jpg,visible,c1,1,train", r"line 3: camera 'c1'; write a whole number"),
        ("a/1/9.jpg,visible,1,1,train", r"9\.jpg is missing; .*line 3 lists it"),
        ("../x.jpg,visible,1,1,train", r"line 3: '\.\./x\.jpg' must be a path inside"),
        ("/etc/hostname,visible,1,1,train", r"line 3: '/etc/hostname' must be a path inside"),
        ("link/x.jpg,visible,1,1,train", r"line 3: .* is a link out of"),
        ("b/1/0.jpg,visible,1,1,train", r"line 3: b/1/0\.jpg stands in .*line 2 already"),
        (",visible,1,1,train", r"line 3: path is empty"),
    ],
)
def test_bad_lines(tmp_path, line, said):
    """Each names file and line, in load and in check."""
    root = listed(tmp_path / "mine", ["b/1/0.jpg,infrared,1,1,train"])
    layouts.picture(root / "a/1/0.jpg")
    layouts.picture(tmp_path / "out/x.jpg")
    (root / "link").symlink_to(tmp_path / "out")
    with (root / "pictures.csv").open("a") as file:
        file.write(line + "\n")
    with pytest.raises((ValueError, FileNotFoundError), match=said):
        data.load("files", root=root)
    assert "BROKEN" in (text := report(root).text) or "MISSING" in text


def test_bad_folders(tmp_path, table):
    with pytest.raises(FileNotFoundError, match="vireid data template FOLDER"):
        data.load("files", root=tmp_path / "none")
    with pytest.raises(ValueError, match="has no infrared pictures to train on"):
        data.load("files", root=listed(tmp_path / "half", ["1.jpg,visible,1,1,train"]))
    (table / "more.csv").write_text(HEAD)
    with pytest.raises(ValueError, match=r"several tables of pictures: more\.csv, pictures\.csv"):
        data.load("files", root=table)
    (table / "more.csv").unlink()
    text = (table / "pictures.csv").read_text().replace(",", ";")
    (table / "pictures.csv").write_text(text)
    with pytest.raises(ValueError, match="separate"):
        data.load("files", root=table)


@pytest.fixture(scope="module")
def example(tmp_path_factory):
    return template(tmp_path_factory.mktemp("own") / "example", size=TINY)


def test_template_is_whole(example, capsys):
    train, query, gallery = (data.load("files", root=example, split=s) for s in data.SPLITS)
    assert [len(t) for t in (train, query, gallery)] == [192, 40, 40]
    assert set(query.identity) == set(gallery.identity)
    assert main(["data", "check", str(example)]) == 0
    text = capsys.readouterr().out
    for said in (
        "is your own pictures: complete", "told by: the table pictures.csv", "96 + 96",
        "people to train on: 12, and 0 pictures of no known one", "visible 1, 2; infrared 3, 6",
        "40 infrared query, 40 visible gallery", "40 of 40 (infrared_to_visible)",
        f"--data files --root {example}", "test pictures that are in training, too: 0",
    ):  # fmt: skip
        assert said in text


def test_training_without_identities(example, tmp_path, capsys):
    """Curves without truth are kept, scores are not, and ``evaluate`` says what is missing."""
    lines = (example / "pictures.csv").read_text().splitlines()
    root = shutil.copytree(example, tmp_path / "nameless")
    nameless = "\n".join(line.rsplit(",", 2)[0] + ",," for line in lines[1:])
    (root / "pictures.csv").write_text(HEAD + nameless + "\n")
    common = ["--data", "files", "--root", str(root), "--network", "small", "--device", "cpu"]
    out = tmp_path / "run"
    short = ["--set", "epochs=(1,0)", "--set", "iterations=2", "--out", str(out)]
    assert main(["train", "--method", "bmil", *short, *common]) == 0
    ready = experiment.prepare("files", root=root, network="small")
    assert ready.train.identity is None and ready.test is None
    weights = str(out / "model.safetensors")
    assert main(["evaluate", "--weights", weights, *common[:4]]) == 2
    assert "has no identities; scores need them" in capsys.readouterr().err
    rows = ["--rows", "prolonged", "--seeds", "1", "--out", str(tmp_path / "rows")]
    assert main(["compare", "--method", "bmil", *rows, *common]) == 2
    assert "has no identities" in capsys.readouterr().err and not (tmp_path / "rows").exists()


def test_notebooks_run_on_a_files_folder(example, tmp_path):
    """The one dial takes your own pictures: the first three notebooks, top to bottom."""
    torchvision = pytest.importorskip("torchvision")
    pytest.importorskip("nbclient", reason="the extra 'lab' is not installed")
    torch.manual_seed(0)  # weights that nobody has to fetch
    state = torchvision.models.squeezenet1_1(weights=None).state_dict()
    weights = example / "imagenet_squeezenet/squeezenet1_1_imagenet.npz"
    weights.parent.mkdir()
    np.savez(weights, **{name: tensor.numpy() for name, tensor in state.items()})
    done = workbook.run(tmp_path / "copies", only=["00", "01", "02"], data="files", root=example)
    assert [record.error for record in done] == [None] * 3
    said = (tmp_path / "copies/real-people-00_start_here.ipynb").read_text()
    assert "files example train: 192 pictures" in said


def test_blanks_and_capitals_in_a_head_are_forgiven_or_named(tmp_path):
    lines = ["a/0.jpg,visible,1,4,train", "b/0.jpg,infrared,2,4,train", "b/1.jpg,ir,2,4,query"]
    folder = listed(tmp_path / "blanks", lines, "path, modality , camera,identity, split\n")
    assert len(data.load("files", root=folder)) == 2, "the query is not trained on"
    folder = listed(tmp_path / "capitals", lines, "path,modality,camera,Identity,split\n")
    with pytest.raises(ValueError, match=r"line 1: column 'Identity'; write identity"):
        data.load("files", root=folder)


@pytest.mark.parametrize(
    ("head", "unknown", "missing"),
    [
        ("path,modality,cam,id,set", "'cam', 'id', 'set'", "camera, identity, split"),
        ("path,modality,camera,identity,set", "'set'", "split"),
        ("path,modality,camera,identity,set,who", "'set', 'who'", "split"),
    ],
)
def test_a_misspelt_column_is_not_taken_for_a_missing_one(tmp_path, head, unknown, missing):
    """Dropped, ``set`` would train on the people marked to be tested on."""
    lines = [
        "a/0.jpg,visible,3,1,train", "b/0.jpg,infrared,5,1,train",
        "a/9.jpg,visible,3,9,gallery", "b/9.jpg,infrared,5,9,query",
    ]  # fmt: skip
    folder = listed(tmp_path / "mine", lines, head + "\n")
    said = f"line 1: unknown column {unknown}, and no column {missing}; the columns are path, "
    with pytest.raises(ValueError, match=f"{said}.*Rename.*add {missing} with empty cells"):
        data.load("files", root=folder)
    assert "BROKEN" in (found := report(folder)).text and said in found.text and not found.ok
    further = listed(tmp_path / "further", lines, HEAD.replace("\n", ",weather\n"))
    assert data.load("files", root=further).identity.tolist() == [1, 1]
    some = [line.rsplit(",", 2)[0] + ",," for line in lines]  # blank names of a spreadsheet
    less = listed(tmp_path / "less", some, "path,modality,camera,,\n")
    assert len(data.load("files", root=less)) == 4


def test_an_unknown_camera_is_none_of_the_others(tmp_path):
    """Infrared without cameras would be camera 2, which a visible one is."""
    lines = ["a/0.jpg,visible,2,4,", "a/1.jpg,visible,2,5,", "b/0.jpg,ir,,4,", "b/1.jpg,ir,,5,"]
    folder = listed(tmp_path / "mine", lines)
    train, query, gallery = (data.load("files", root=folder, split=s) for s in data.SPLITS)
    assert train.camera.tolist() == [2, 2, 3, 3]
    assert set(query.camera).isdisjoint(gallery.camera)


def test_a_camera_of_both_modalities_answers_nothing(tmp_path):
    """Numbered alike, every true match is of the query's own camera; check and scores say so."""
    people = [(m, k) for k in range(3) for m in ("visible", "infrared")]
    folder = listed(tmp_path / "dual", [f"{m}/{k}.jpg,{m},1,{k}," for m, k in people])
    found = report(folder)
    assert not found.ok and re.search(
        r"BROKEN  queries with an answer from another camera: 0 of 3 \(infrared_to_visible\), .* "
        r"people of 3 only from the query's own camera, .*: number infrared cameras differently",
        found.text,
    )
    query, gallery = (data.load("files", root=folder, split=s) for s in ("query", "gallery"))
    ends = query.identity, gallery.identity, query.camera, gallery.camera
    with pytest.raises(ValueError, match=r"queries has a true match .*own camera, which protocol"):
        evaluate(np.eye(3), *ends, protocol=experiment.DEFAULTS["files"][3])
    unseen = listed(tmp_path / "unseen", ["a.jpg,v,1,1,", "b.jpg,ir,2,2,", "c.jpg,ir,1,1,"])
    said = "has no picture of the people of 1; add visible ones. It has the people of 1 only from"
    assert said in report(unseen).text
    for name, camera in (("apart", {"visible": 1, "infrared": 2}), ("empty", {})):
        lines = [f"{m}/{k}.jpg,{m},{camera.get(m, '')},{k}," for m, k in people]
        text = report(listed(tmp_path / name, lines)).text
        assert "ok      queries with an answer from another camera: 3 of 3" in text


def test_one_query_is_scored(tmp_path, capsys):
    """Its centred control is undefined, and ``vireid evaluate`` says so."""
    people = [f"{m[0]}/{k}.jpg,{m},,{k},train" for k in "12" for m in ("visible", "infrared")]
    folder = listed(tmp_path / "mine", [*people, "q.jpg,ir,,9,query", "g.jpg,v,,9,gallery"])
    network = ["--network", "small", "--weights", "none", "--device", "cpu"]
    assert main(["evaluate", "--data", "files", "--root", str(folder), *network]) == 0
    told = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert told["rank1"] == told["mAP"] == "1.0000"
    for name in ("rank1_centred", "mAP_centred"):
        assert told[name].startswith("undefined: a picture equals the mean of its modality")


@pytest.mark.parametrize(
    ("names", "said"),
    [("abcd", "none of 4 known training people is seen in both"), ([""] * 4, "is blind")],
)
def test_distances_that_cannot_be_are_refused_before_scoring(
    tmp_path, capsys, monkeypatch, names, said
):
    sides = ("visible", "visible", "infrared", "infrared")
    people = [f"{i}.jpg,{sides[i]},,{names[i]},train" for i in range(4)]
    tests = [f"{m[0]}{k}.jpg,{m},,{k},{s}" for k in "12" for m, s in SIDES]
    folder = listed(tmp_path / "mine", [*people, *tests])
    monkeypatch.setattr("vireid.retrieval_task.RetrievalTask.embed", None)  # whoever scores fails
    command = ["evaluate", "--data", "files", "--root", str(folder), "--network", "small"]
    command += ["--weights", "none", "--device", "cpu", "--distances", str(tmp_path / "d.json")]
    assert main(command) == 2
    assert said in capsys.readouterr().err and not (tmp_path / "d.json").exists()


@pytest.mark.parametrize(("mark", "word"), [(";", "semicolons"), ("\t", "tabs")])
def test_cells_that_commas_do_not_separate_are_told(table, mark, word):
    file = table / "pictures.csv"
    file.write_text(file.read_text().replace(",", mark))
    with pytest.raises(ValueError, match=f"line 1: cells are separated by {word}; use commas"):
        data.load("files", root=table)


def test_numbers_beyond_64_bits(tmp_path):
    lines = [f"a/{i}.jpg,{m},,2024010112345678901{i},train" for i, m in enumerate(("v", "ir"))]
    assert data.load("files", root=listed(tmp_path / "long", lines)).identity.tolist() == [1, 2]
    folder = listed(tmp_path / "camera", [f"a/0.jpg,v,{2**63},1,", "a/1.jpg,ir,1,1,"])
    with pytest.raises(ValueError, match=r"line 2: camera '9223372036854775808'"):
        data.load("files", root=folder)


def laid_out(root):
    """Plain folders with two people, and one picture of each modality's training people."""
    for split, person in (("train", "1"), ("train", "2"), ("query", "7"), ("gallery", "7")):
        for modality in Modality:
            layouts.shown(root / split / modality.word / person / "x.jpg", modality)
    return root


@pytest.mark.parametrize("name", ["deep.TIFF", "deep.tif", "grey.pgm", "small.webp", "small.gif"])
def test_plain_folders_take_every_kind_of_picture(tmp_path, name):
    """16-bit thermal TIFFs among them, as a table does."""
    root = laid_out(tmp_path / "mine")
    path = root / "train/infrared/2" / name
    pixels = np.arange(18, dtype=np.uint16).reshape(6, 3) * 3000
    Image.fromarray(pixels if "deep" in name else pixels.astype(np.uint8)).save(path)
    train = data.load("files", root=root)
    assert path in train.source and len(train) == 5
    assert train.picture(train.source.index(path)).shape == (6, 3, 3)
    found = report(root, deep=True)
    assert "training pictures, visible + infrared: 2 + 3" in found.text
    assert "pictures opened: 9, all readable" in found.text
    assert "left out: none" in found.text


def test_the_official_layouts_read_what_they_read(tmp_path):
    for name in ("a.jpg", "b.JPEG", "c.png", "d.bmp", "e.tif", "f.webp", "g.txt"):
        (tmp_path / name).touch()
    assert [path.name for path in pictures(tmp_path)] == ["a.jpg", "b.JPEG", "c.png", "d.bmp"]


@pytest.mark.parametrize(
    "name",
    [
        "train/visible/2/film.mp4", "train/visible/notes.txt", "train/rgb/3/x.jpg",
        "test/visible/3/x.jpg", "query/infrared/7/empty/notes.txt", "gallery/list.csv",
    ],
)  # fmt: skip
def test_check_tells_what_plain_folders_leave_out(tmp_path, name):
    root = laid_out(tmp_path / "mine")
    for litter in (".DS_Store", "Thumbs.db", "desktop.ini"):
        (root / "train/visible/2" / litter).touch()
    assert "left out: none" in report(root).text
    before = data.load("files", root=root).fingerprint
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text("no picture")
    found = report(root)
    (first,) = own.left_out(root)
    assert root / name == first or first in (root / name).parents
    said = "DIFFERS files and folders in the plain folders that are left out: 1, the first"
    assert f"{said} {first}," in found.text
    assert not found.ok and data.load("files", root=root).fingerprint == before


@pytest.mark.parametrize("name", ["7/cam3/x.jpg", "7/cam3/day/x.tif", "cam3/7/x.jpg"])
def test_pictures_below_a_persons_folder_are_refused(tmp_path, name):
    root = laid_out(tmp_path / "mine")
    layouts.picture(path := root / "gallery/visible" / name)
    said = rf"{re.escape(str(path))} lies in a folder below .*put it right into .*or list all"
    with pytest.raises(ValueError, match=said):
        data.load("files", root=root)
    assert "BROKEN" in (text := report(root).text) and str(path) in text


def test_two_folders_of_one_number_are_refused(tmp_path):
    """As names beside other names they are two people."""
    root = laid_out(tmp_path / "mine")
    layouts.shown(root / "train/infrared/002/x.jpg", Modality.INFRARED)
    with pytest.raises(ValueError, match="people 002 and 2, which are one number; give"):
        data.load("files", root=root)
    assert "BROKEN" in report(root).text
    layouts.shown(root / "train/infrared/anna/x.jpg", Modality.INFRARED)
    assert data.load("files", root=root).identity.tolist() == [2, 3, 1, 2, 3, 5]


def test_a_camera_that_was_held_upright_gives_upright_pictures(tmp_path):
    turned = Image.Exif()
    turned[0x0112] = 6
    Image.new("RGB", (20, 40)).save(tmp_path / "lying.jpg", exif=turned)
    assert files.picture(tmp_path / "lying.jpg").shape == (20, 40, 3)
    deep = Image.fromarray(np.arange(800, dtype=np.uint16).reshape(40, 20))
    deep.save(tmp_path / "deep.png", exif=turned)
    assert files.picture(tmp_path / "deep.png").shape == (20, 40, 3)
    Image.new("RGB", (20, 40)).save(tmp_path / "plain.jpg")
    assert files.picture(tmp_path / "plain.jpg").shape == (40, 20, 3)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda text: text.encode("utf-16"), r"it is text in UTF-16 .* Save it again as UTF-8"),
        (lambda text: ("\n" + text).encode(), "line 1: no column path, modality"),
    ],
)
def test_a_table_that_cannot_be_read_is_not_told_to_be_missing(table, change, said):
    file = table / "pictures.csv"
    file.write_bytes(change(file.read_text()))
    with pytest.raises(ValueError, match=said):
        data.load("files", root=table)


def test_a_folder_with_a_tables_name_is_no_table(table):
    (table / "old.csv").mkdir()
    (table / "lost.csv").symlink_to(table / "nowhere")
    assert len(data.load("files", root=table)) and report(table).text


def test_a_column_that_stands_twice_is_refused(tmp_path):
    root = listed(tmp_path / "mine", ["b/1/0.jpg,infrared,1,1,train"])
    file = root / "pictures.csv"
    head, *lines = file.read_text().splitlines()
    file.write_text("\n".join([f"{head},identity", *(f"{line}," for line in lines)]))
    with pytest.raises(ValueError, match="line 1: column identity stands there twice"):
        data.load("files", root=root)


def test_two_names_of_one_number_are_refused_in_a_table(tmp_path):
    root = listed(
        tmp_path / "mine", ["b/1/0.jpg,infrared,1,01,train", "b/2/0.jpg,visible,2,1,train"]
    )
    with pytest.raises(ValueError, match="has people 01 and 1, which are one number"):
        data.load("files", root=root)


def test_who_has_no_identities_is_told(table, capsys):
    file = table / "pictures.csv"
    rows = [line.split(",") for line in file.read_text().splitlines()]
    at = rows[0].index("identity")
    for row in rows[1:]:
        row[at] = row[at] if row[rows[0].index("split")] != "gallery" else ""
    file.write_text("\n".join(map(",".join, rows)))
    words = ["evaluate", "--data", "files", "--root", str(table), "--weights", "none"]
    assert main(words) == 2
    assert "query or gallery has no identities" in capsys.readouterr().err
