"""``vireid data check``: what it says about whole, broken and foreign folders."""

from pathlib import Path

import layouts
import numpy as np
import pytest
from PIL import Image

from vireid import data
from vireid.cli import main
from vireid.data.benchmarks import sysu
from vireid.data.check import report
from vireid.data.counts import sysu_checks
from vireid.data.m3svd_cut import BOXES, read_boxes
from vireid.types import Modality


def marks(text: str) -> list[str]:
    return [line.split()[0] for line in text.splitlines() if line.startswith("  ")]


def test_small_trees_are_recognised_and_differ(tmp_path):
    """One report on a folder of three data sets: counts against the official ones, and advice."""
    layouts.sysu(tmp_path / "SYSU-MM01")
    layouts.regdb(tmp_path / "RegDB")
    layouts.llcm(tmp_path / "LLCM")
    (tmp_path / ".hidden/cam1").mkdir(parents=True)
    found = report(tmp_path)
    assert not found.ok
    assert [section.title for section in found.sections] == ["LLCM", "RegDB", "SYSU-MM01"]
    llcm, regdb, sysu_ = (section.text for section in found.sections)
    assert found.text == "\n\n".join((llcm, regdb, sysu_))
    assert "it can be loaded, but not all is as in the official one" in sysu_
    assert "people to train on + to test on: 3 + 3, officially 395 + 96" in sysu_
    assert "training pictures, visible + infrared: 18 + 9, officially 22,258 + 11,909" in sysu_
    assert "queries: 11, officially 3,803" in sysu_
    assert "one gallery draw, indoor search: 4, officially 112" in sysu_
    assert "queries with an answer in it, indoor search: 9, officially 2,208" in sysu_
    assert "pictures opened: 24, all readable" in sysu_
    assert "2 + 2 in split 1, officially 206 + 206" in regdb
    assert "people in training and test at once, in each of ten splits: 0" in regdb
    assert "people to train on + to test on: 2 + 3, officially 713 + 351" in llcm
    assert "test pictures, visible + infrared: 19 + 18, officially 8,680 + 7,166" in llcm
    for section in found.sections:
        assert "Next: unpack the download again" in section.text
        assert str(section.folder) in section.next_step


def test_queries_without_an_answer(tmp_path):
    """Camera 3 never meets camera 2: person 17's room pictures have no answer indoors."""
    root = layouts.sysu(tmp_path)
    counted = {what: count() for what, count, _ in sysu_checks(root)}
    assert counted["queries with an answer in it, all search"] == 11
    assert counted["queries with an answer in it, indoor search"] == 11 - 2


def test_missing_and_broken_files_are_lines(tmp_path):
    root = layouts.sysu(tmp_path / "SYSU-MM01")
    (root / "exp/val_id.txt").unlink()
    found = report(root)
    assert not found.ok and "incomplete" in found.text
    assert marks(found.text) == ["MISSING", "Next:"]  # one cause, one line
    assert str(root / "exp/val_id.txt") in found.text
    (root / "exp/val_id.txt").write_text("1,b")
    assert "BROKEN" in report(root).text and "val_id.txt, line 1: 'b'" in report(root).text
    (root / "exp/val_id.txt").write_text("10")
    (root / "cam3").rename(root / "away")
    assert f"{root / 'cam3'} is missing" in report(root).text
    (root / "away").rename(root / "cam3")
    broken = root / "cam6/0001/0002.jpg"
    broken.write_bytes(b"no picture")
    assert f"cannot read picture 0002.jpg: it is of no known kind of picture ({broken})" in (
        report(root, pictures=1000).text
    )
    assert "BROKEN" not in report(root, pictures=0).text


def test_a_split_that_differs_is_named(tmp_path):
    root = layouts.regdb(tmp_path)
    (root / "idx/test_thermal_7.txt").unlink()
    assert f"{root / 'idx/test_thermal_7.txt'} is missing" in report(root).text


def test_nothing_recognised(tmp_path):
    (tmp_path / "ir_modify").mkdir()
    (tmp_path / "index.csv").write_text("name,price\n")
    found = report(tmp_path)
    assert not found.ok and not found.sections
    assert (
        "No data set was recognised" in found.text and "another project's conversion" in found.text
    )
    assert "data/README.md" in found.text
    gone = report(tmp_path / "gone")
    assert not gone.ok and "is not a folder" in gone.text


def test_clone_of_m3svd(tmp_path):
    sequences = {box.sequence for box in read_boxes(BOXES)}
    files = [
        tmp_path / f"Video/test/{word}/{sequence}.mp4"
        for word in ("visible", "infrared")
        for sequence in sorted(sequences)
    ]
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    found = report(tmp_path)
    assert found.ok and f"vireid data m3svd {tmp_path} --out" in found.text
    files[-1].unlink()
    found = report(tmp_path)
    assert not found.ok and str(files[-1]) in found.text and "git lfs pull" in found.text


@pytest.mark.real
@layouts.real
def test_official_sysu_is_complete(tmp_path, monkeypatch):
    """All 45,000 pictures as the official permutations count them; only the disk is made up."""
    root = layouts.official_sysu(tmp_path / "SYSU-MM01")
    monkeypatch.setattr(sysu, "pictures", layouts.official_listing())
    found = report(root, pictures=0)
    assert found.ok, found.text
    for line in (
        "people to train on + to test on: 395 + 96",
        "training pictures, visible + infrared: 22,258 + 11,909",
        "queries: 3,803",
        "one gallery draw, all search: 301",
        "checksum of who is tested on: d11bc1de3c59",
        "queries with an answer in it, all search: 3,803",
        "one gallery draw, indoor search: 112",
        "queries with an answer in it, indoor search: 2,208",
    ):
        assert f"ok      {line}\n" in found.text
    assert f"vireid train --method bmil --data sysu --root {root}" in found.text


@pytest.mark.real
@layouts.real
def test_official_regdb_is_complete(tmp_path, monkeypatch):
    root = layouts.official_regdb(tmp_path)
    real_files = Path.is_file
    monkeypatch.setattr(Path, "is_file", lambda path: path.suffix == ".bmp" or real_files(path))
    found = report(root, pictures=0)
    assert found.ok, found.text
    assert (
        "training pictures, visible + infrared, in each of ten splits: 2,060 + 2,060" in found.text
    )
    file = root / "idx/test_visible_3.txt"
    file.write_text(file.read_text().rsplit("\n", 1)[0])
    assert "2,059 + 2,060 in split 3, officially 2,060 + 2,060" in report(root, pictures=0).text


def test_llcm_in_official_numbers_is_complete(tmp_path, monkeypatch):
    root = layouts.official_llcm(tmp_path)
    real_files = Path.is_file
    monkeypatch.setattr(Path, "is_file", lambda path: path.suffix == ".jpg" or real_files(path))
    found = report(root, pictures=0)
    assert found.ok, found.text
    assert "training pictures, visible + infrared: 16,946 + 13,975" in found.text


def exchange(a: Path, b: Path) -> None:
    kept = a.read_text()
    a.write_text(b.read_text())
    b.write_text(kept)


def test_regdb_lists_of_the_wrong_modality(tmp_path):
    """Exchanged, or both leading to Thermal: neither loads, and check says which line and why."""
    root = layouts.regdb(tmp_path)
    lists = [root / f"idx/train_{word}_1.txt" for word in ("visible", "thermal")]
    thermal = lists[1].read_text()
    exchange(*lists)
    for _ in ("exchanged", "both thermal"):
        with pytest.raises(ValueError, match=r"train_visible_1\.txt, line 1: Thermal/.*exchanged"):
            data.load("regdb", root=root)
        text = report(root).text
        assert "BROKEN" in text and "lies in Thermal/, but this list is of Visible/" in text
        lists[1].write_text(thermal)


def test_llcm_lists_of_the_wrong_modality(tmp_path):
    root = layouts.llcm(tmp_path)
    exchange(root / "idx/train_vis.txt", root / "idx/train_nir.txt")
    with pytest.raises(ValueError, match=r"train_vis\.txt, line 1: nir/.* this list is of vis/"):
        data.load("llcm", root=root)
    assert "BROKEN" in report(root).text


def test_a_label_of_two_people(tmp_path):
    root = layouts.regdb(tmp_path)
    file = root / "idx/test_thermal_4.txt"
    file.write_text(
        file.read_text().replace(" 0\n", " 9\n").replace(" 1", " 0").replace(" 9", " 1")
    )
    assert (
        "labels that lead to two people, in each of ten splits: 2 in split 4" in report(root).text
    )


@pytest.mark.parametrize("bad", ["/etc/hostname", "../Visible/1/x.bmp", "Visible/link.bmp"])
def test_lists_stay_in_their_folder(tmp_path, bad):
    root = layouts.regdb(tmp_path / "RegDB")
    outside = layouts.picture(tmp_path / "outside.bmp")
    (root / "Visible/link.bmp").symlink_to(outside)
    (root / "idx/train_visible_1.txt").write_text(f"{bad} 0\n")
    with pytest.raises(ValueError, match=r"train_visible_1\.txt, line 1"):
        data.load("regdb", root=root)
    assert "BROKEN" in report(root).text


def test_content_against_modality(tmp_path):
    """Folders of pictures exchanged: the lists are right, the pictures are not."""
    root = layouts.regdb(tmp_path)
    good = report(root, deep=True).text
    assert "visible pictures that are grey: 0 of 8" in good
    assert "infrared pictures that are colourful: 0 of 8" in good
    for person in range(1, 5):
        for i in range(2):
            a, b = (root / layouts.regdb_name(m, person, i) for m in Modality)
            kept = a.read_bytes()
            a.write_bytes(b.read_bytes())
            b.write_bytes(kept)
    text = report(root).text
    assert "BROKEN  visible pictures that are grey: 8 of 8" in text
    assert "Are infrared pictures in the place of visible ones?" in text
    assert "BROKEN  infrared pictures that are colourful: 8 of 8" in text
    assert "do not use it" in text


def test_deep_looks_at_every_picture(tmp_path):
    """One grey picture, one of 16 bits, one cut short, a bomb and a duplicate: each named."""
    root = layouts.sysu(tmp_path)
    first = root / "cam1/0001/0002.jpg"
    picture = np.full((6, 3, 3), 90, np.uint8)
    Image.fromarray(picture).save(first, "PNG")
    sixteen = root / "cam3/0001/0001.jpg"
    Image.fromarray(np.arange(18, dtype=np.uint16).reshape(6, 3) * 3000).save(sixteen, "PNG")
    test, train = root / "cam4/0104/0003.jpg", root / "cam2/0001/0003.jpg"
    test.write_bytes(train.read_bytes())
    text = report(root, deep=True).text
    assert f"DIFFERS visible pictures that are grey: 1 of 70 looked at, the first {first}" in text
    assert f"more than 8 bits, stretched when read: 1 of 90 looked at, the first {sixteen}" in text
    assert f"test pictures that are in training, too: 1 of 63 looked at, the first {test}" in text
    cut, bomb = root / "cam5/0006/0001.jpg", root / "cam6/0017/0002.jpg"
    cut.write_bytes(b"")
    bomb.write_bytes(layouts.bomb(20000, 20000))
    text = report(root, deep=True).text
    assert "BROKEN  pictures opened: 90, of which 2 cannot be read: cannot read picture" in text
    assert "0001.jpg: it is empty" in text and str(bomb) in text


def test_check_deep_on_the_command_line(tmp_path, capsys):
    root = layouts.sysu(tmp_path)
    assert main(["data", "check", str(root), "--deep"]) == 1
    assert "pictures opened: 90, all readable" in capsys.readouterr().out


def test_a_trial_where_there_are_only_gallery_draws(tmp_path, capsys):
    """The advice fits what was typed, not the eleventh draw that it would lead to."""
    root = str(layouts.sysu(tmp_path))
    assert main(["train", "--data", "sysu", "--root", root, "--trial", "1"]) == 2
    said = capsys.readouterr().err
    assert "trial=1: sysu has one training set" in said and "leave trial (--trial) out" in said
