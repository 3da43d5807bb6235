"""Comparisons on disk, and the table that pairs their seeds."""

import json

import pytest

from vireid.runs import Run, ladders, load_all, table


def record(seed: int, rank1: float, row: str | None = None) -> Run:
    scores = {"rank1": rank1, "mAP": rank1 / 2, "mINP": rank1 / 4}
    return Run("bmil", {}, seed, row=row, data={"name": "toy"}, result=scores, steps=10)


def test_ladders_are_read_by_name_row_and_seed(tmp_path):
    for seed in (10, 2, 1):
        record(seed, seed / 100).save(tmp_path / f"small/seed{seed}/stage1.json")
    record(2, 0.5, "M3").save(tmp_path / "small/seed2/M3.json")
    record(1, 0.5, "M2").save(tmp_path / "other/seed1/M2.json")
    record(1, 0.5).save(tmp_path / "alone.json")  # a single run is no comparison
    found = ladders(tmp_path)
    assert list(found) == ["other", "small"]
    assert list(found["small"]) == ["stage1", "M3"]
    assert [run.seed for run in found["small"]["stage1"]] == [1, 2, 10]


def test_no_folder_and_an_empty_folder_are_no_ladders(tmp_path):
    assert ladders(tmp_path) == {} == ladders(tmp_path / "nowhere")


def test_a_broken_record_is_named(tmp_path):
    path = tmp_path / "small/seed1/M2.json"
    path.parent.mkdir(parents=True)
    path.write_text("{}")
    with pytest.raises(ValueError, match=r"M2\.json is no run record"):
        ladders(tmp_path)


@pytest.mark.parametrize("name, value", [("source", []), ("versions", "1"), ("seed", "1")])
def test_a_record_whose_parts_are_of_another_kind_is_named(tmp_path, name, value):
    told = json.loads(record(1, 0.5).text()) | {name: value}
    with pytest.raises(ValueError, match=f"no run record: its {name} is no"):
        Run.parse(json.dumps(told), "here")


def test_a_record_takes_a_line_for_each_field_and_each_epoch():
    """So that records stay small and their differences can be read."""
    run = record(1, 0.5)
    run.curves = [{"epoch": epoch, "loss": 1 / epoch} for epoch in (1, 3)]
    lines = run.text().splitlines()
    assert json.loads("{" + lines[1].rstrip(",") + "}") == {"method": "bmil"}
    start = lines.index('"curves": [')
    assert json.loads(lines[start + 1].rstrip(",")) == run.curves[0]
    assert json.loads(lines[start + 2]) == run.curves[1] and lines[start + 3] == "],"
    assert len(lines) == len(run.__dict__) + len(run.curves) + 3
    for same in (run, record(1, 0.5)):  # with epochs and without
        assert Run.parse(same.text(), "here") == same


def test_gains_are_paired_by_seed_and_over_the_named_row():
    runs = {
        "stage1": [record(1, 0.1), record(2, 0.2), record(3, 0.3)],
        "control": [record(1, 0.2), record(3, 0.3)],
        "method": [record(3, 0.5), record(2, 0.6)],
    }
    shown = table(runs)
    assert shown.loc["method", "rank1 gain by seed"] == "+20.0 +40.0"
    assert shown.loc["method", "rank1"] == 55.0
    assert shown.loc["stage1", "rank1 sd"] == 10.0
    over = table(runs, base="control")
    assert over.loc["method", "rank1 gain by seed"] == "+20.0"
    assert over.loc["control", "rank1 gain by seed"] == "+0.0 +0.0"


def test_an_undefined_score_is_left_out_of_the_table():
    """The centred control of a single query is None."""
    runs = [record(seed, 0.5) for seed in (1, 2, 3)]
    for run, value in zip(runs, (0.2, None, 0.4), strict=True):
        run.result["rank1_centred"] = value
    shown = table({"rows": runs, "none": runs[1:2]}, keys=("rank1", "rank1_centred"))
    assert shown.loc["rows", "rank1_centred"] == pytest.approx(30.0)
    assert shown.loc["rows", "rank1"] == 50.0 and shown["rank1_centred"].isna()["none"]


def test_what_lies_beside_records_is_no_record(tmp_path):
    """Scores of ``vireid reproduce`` and an export, which holds the record once more."""
    record(1, 0.5).save(tmp_path / "bmil/run.json")
    (tmp_path / "bmil/scores-all.json").write_text("{}")
    record(1, 0.5).save(tmp_path / "bmil/export/run.json")
    (tmp_path / "bmil/export/about.json").write_text("{}")
    assert len(load_all(tmp_path)) == 1


def test_a_curve_keeps_its_place_where_it_was_not_measured():
    run = Run("bmil", {}, 1, curves=[{"epoch": 0}, {"epoch": 1, "ari": 0.5}])
    assert run.along("ari") == [None, 0.5] and run.curve("ari") == ([1], [0.5])
