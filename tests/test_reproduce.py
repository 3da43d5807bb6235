"""Published tables: what is missing is trained and scored, what is there is kept, gaps say so."""

from dataclasses import replace
from pathlib import Path

import pytest

from vireid import cli
from vireid.experiment import reproduce
from vireid.experiment.reproduce import Reproduction

QUICK = {"epochs": (1, 1), "iterations": 2}


@pytest.fixture
def job(tmp_path):
    """BMIL's first table on the tiny synthetic world, by a quick setting."""
    return Reproduction(
        method="bmil",
        data="synthvi",
        preset="tiny",
        out=tmp_path,
        switches=QUICK,
        data_preset="tiny",
    )


def test_nothing_has_run_before_it_runs(job):
    assert job.shown().count("not run") == 3
    assert "0 of 1" in job.shown()


def test_a_part_that_is_there_is_kept(job):
    job.run()
    (mode,) = job.scores("full").values()
    assert all(0 <= values[0] <= 100 for values in mode.values())
    network = job.folder("full", 0) / "model.safetensors"
    scores = job.folder("full", 0) / "scores-all.json"
    stamps = [p.stat().st_mtime_ns for p in (network, scores)]
    job.run()
    assert [p.stat().st_mtime_ns for p in (network, scores)] == stamps
    assert "1 of 1" in job.shown() and "not run" not in job.shown()


def test_rows_and_published_numbers_of_a_table():
    job = Reproduction(method="dmdl", data="sysu", table="Table 3")
    assert list(job.rows) == list("1234567")
    assert job.rows["1"] == "1"
    lines = job.shown().splitlines()
    assert len(lines) == 2 + 7 * 2 and all("0 of 1" in line for line in lines[2:])
    told = reproduce.paper_table(
        paper="DMDL", table="Table 3", method="index 7", mode="all", metric="rank1"
    )
    assert f"{told[0]['value']:g}" in next(
        line for line in lines if " 7 " in line and "all" in line
    )
    with pytest.raises(ValueError, match=r"rows=\['9'\]; known: 1, 2"):
        job.run(rows=["9"])
    with pytest.raises(ValueError, match=r"splits=\[11\]; known: 1, 2"):
        Reproduction(method="dmdl", data="regdb").run(splits=[11])


def test_a_trial_never_stands_in_for_the_setting(job):
    changed = Reproduction(**vars(job) | {"switches": {}})
    assert changed.folder("full", 0) != job.folder("full", 0)
    assert "iterations=2" in job.shown() and "iterations=2" not in changed.shown()


def test_tables_that_are_not_there_and_names_with_notes():
    with pytest.raises(ValueError, match=r"'Table 9': no row of mult .*Table 2, Table 3"):
        _ = Reproduction(method="mult", data="sysu", table="Table 9").rows
    job = Reproduction(method="mult", data="sysu", table="Table 3")
    assert {"pgm", "pgm+oclr", "bccm", "dotla"} <= set(job.rows) and "oracle" not in job.rows
    (line,) = [v for v in job.shown().splitlines() if " pgm " in v and " all " in v]
    assert "48.3" in line


def test_from_the_command_line(capsys):
    assert cli.main(["reproduce", "--method", "mult", "--data", "sysu", "--show"]) == 0
    told = capsys.readouterr().out
    assert ("not run" in told and "64.77" in told) or "rank1 (paper)" in told
    assert cli.main(["plan", "--method", "dmdl", "--data", "llcm"]) == 0
    assert "official_llcm" in capsys.readouterr().out
    assert cli.main(["plan", "--method", "dmdl", "--data", "sysu", "--json"]) == 0
    assert '"settings"' in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("--select last --select-by mAP", "--select-by changes nothing without --select best_test"),
        ("--show --rows none", "--rows changes nothing with --show; leave one of them out"),
        ("--show --splits 3", "--splits changes nothing with --show; leave one of them out"),
    ],
)
def test_options_that_do_nothing_are_refused(capsys, monkeypatch, options, words):
    monkeypatch.setattr(Reproduction, "run", None)
    assert cli.main(["reproduce", "--data", "regdb", *options.split()]) == 2
    assert words in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--set", "foo=1"], "bmil has no switch foo"),
        (["--set", "k1=zzz"], "k1='zzz'"),
        (["--set", "k1=-3"], "k1=-3"),
        (["--seed", "-1"], "seed=-1; give a whole number from 0"),
        (["--size", "0", "5"], "size=(0, 5): height and width"),
        (["--evaluate-every", "0"], "select='best_test' needs scores to choose by"),
        (["--evaluate-every", "-1"], "evaluate_every=-1"),
        (["--table", "Table 99"], "'Table 99': no row of bmil stands in it"),
        (["--preset", "nonsense"], "bmil has no preset 'nonsense'"),
    ],
)
def test_no_table_is_shown_of_what_cannot_run(capsys, monkeypatch, options, words):
    monkeypatch.setattr(Reproduction, "run", None)
    for show in (["--show"], []):
        assert cli.main(["reproduce", "--data", "regdb", *show, *options]) == 2
        told = capsys.readouterr()
        assert words in told.err and not told.out


@pytest.mark.parametrize(
    ("options", "told"), [("", {}), ("--select-by rank1", {}), ("--select-by mAP", "mAP")]
)
def test_the_score_for_best_test_is_told_only_when_unusual(capsys, monkeypatch, options, told):
    """Folders of parts that are kept since before there was a choice stay theirs."""
    seen = []
    monkeypatch.setattr(Reproduction, "shown", lambda job: seen.append(job) or "")
    assert cli.main(["reproduce", "--show", *options.split()]) == 0
    assert seen[0].fitted.get("select_by", {}) == told
    assert seen[0].fitted["select"] == "best_test"


def test_nobody_known_on_the_test_pictures_is_said_before_training(job, monkeypatch):
    ready = job._experiment(0, "all")
    monkeypatch.setattr(Reproduction, "_experiment", lambda *_: replace(ready, test=None))
    monkeypatch.setattr(reproduce, "train", None)
    with pytest.raises(ValueError, match="nobody on its test pictures is known"):
        job.run()


def test_places_and_workers_of_a_job(job):
    """Weights may be a path; how many threads decode names no other folder."""
    usual = replace(job, given={"weights": Path("w.safetensors")})
    assert usual.folder("full", 0) == replace(job, given={"weights": "w.safetensors"}).folder(
        "full", 0
    )
    assert replace(job, fitting={"workers": 4}).folder("full", 0) == job.folder("full", 0)


def test_weights_without_a_name_are_none(job):
    with pytest.raises(ValueError, match="weights='': give a file or a name; none = random"):
        replace(job, given=job.given | {"weights": ""}).check()
