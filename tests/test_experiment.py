"""From names to a run, and the command line around it."""

import json
import re
from dataclasses import replace

import pytest

from vireid import cli, experiment, methods
from vireid.experiment import rows
from vireid.runs import Run

QUICK = {"epochs": (1, 1), "iterations": 2}


@pytest.fixture(scope="module")
def tiny():
    return experiment.prepare("synthvi", preset="tiny", trials=2)


def test_prepare_knows_what_goes_with_a_data_set(tiny):
    assert (tiny.network, tiny.method_preset, len(tiny.test.trials)) == ("small", "tiny", 2)
    assert set(tiny.train.identity).isdisjoint(tiny.test.query.identity)
    assert (tiny.test.query.modality == 1).all()
    assert (tiny.test.gallery.modality == 0).all()
    with pytest.raises(ValueError, match="synthvi, m3svd"):
        experiment.prepare("market")


def test_a_method_may_bring_its_network():
    ready = experiment.prepare("synthvi", preset="tiny", trials=1, method="mcf")
    assert ready.network == "regions_small"
    assert ready.model().attention is not None


@pytest.mark.parametrize("name", methods.TABLE)
def test_every_method_trains_on_synthvi_tiny(name):
    ready = experiment.prepare("synthvi", preset="tiny", trials=1, method=name)
    small = QUICK | ({"epochs": (1, 0)} if name == "dcl" else {})
    _, run = experiment.train(ready, name, seed=0, switches=small)
    assert run.unsupervised
    assert run.steps >= 2
    assert 0 <= run.result["rank1"] <= 1
    assert any(key.startswith("loss/") for key in run.curves[-1])


def test_compare_shares_stage_1_and_goes_on_where_it_stopped(tiny, tmp_path):
    options = {"seed": 3, "out": tmp_path, "switches": QUICK}
    found = experiment.compare(tiny, "bmil", ["prolonged"], **options)
    assert list(found) == ["stage1", "prolonged"]
    assert found["prolonged"].before["rank1"] == found["stage1"].result["rank1"]
    stamp = (tmp_path / "stage1/model.safetensors").stat().st_mtime_ns
    again = experiment.compare(tiny, "bmil", ["prolonged", "oracle"], **options)
    assert (tmp_path / "stage1/model.safetensors").stat().st_mtime_ns == stamp
    assert again["prolonged"].result == found["prolonged"].result
    assert [run.unsupervised for run in again.values()] == [True, True, False]
    with pytest.raises(ValueError, match=r"stage1 holds a run with another lr "):
        experiment.compare(tiny, "bmil", [], **options | {"switches": QUICK | {"lr": 1e-5}})
    with pytest.raises(ValueError, match="another seed "):
        experiment.compare(tiny, "bmil", [], **options | {"seed": 4})
    with pytest.raises(ValueError, match=r"another .*k1"):
        experiment.compare(tiny, "bmil", [], **options, preset="official")
    with pytest.raises(ValueError, match="row 'M99'"):  # before anything is trained
        experiment.compare(tiny, "bmil", ["M99"], **options | {"out": tmp_path / "new"})
    assert not (tmp_path / "new").exists()
    heavier = replace(tiny, weights=None)
    with pytest.raises(ValueError, match="another weights"):
        experiment.compare(heavier, "bmil", [], **options)


def test_compare_refuses_before_it_trains_and_gives_a_stage_1_that_was_asked_for(
    tiny, tmp_path, monkeypatch
):
    options = {"seed": 3, "out": tmp_path, "switches": QUICK}
    experiment.compare(tiny, "bmil", ["M2"], **options)
    record = tmp_path / "M2" / "run.json"
    record.write_text(record.read_text().replace('"seed":3', '"seed":4'))
    monkeypatch.setattr(rows, "train", None)
    with pytest.raises(ValueError, match="M2 holds a run with another seed"):
        experiment.compare(tiny, "bmil", ["M1", "M2"], **options)
    steps = rows.trainings("mcf", ["stage1", "R7"], preset="light")
    assert [(step.label, step.asked) for step in steps] == [("stage1", True), ("R7", True)]


@pytest.mark.parametrize("given", [{"size": (0, 32)}, {"trials": 0}, {"trials": -1}])
def test_sizes_and_trials_that_are_none(given):
    with pytest.raises(ValueError, match=f"^{next(iter(given))}="):
        experiment.prepare("synthvi", preset="tiny", **given)


def test_a_seed_counts_once(tmp_path, capsys):
    words = ["compare", "--data", "synthvi", "--rows", "M2", "--seeds", "1", "1"]
    assert cli.main([*words, "--out", str(tmp_path)]) == 2
    assert "--seeds 1 1: give every seed once" in capsys.readouterr().err


def test_one_row_in_the_place_of_a_list_is_no_list_of_letters():
    with pytest.raises(ValueError, match=r"rows='M2': give a list, \['M2'\]"):
        rows.trainings("bmil", "M2", preset="light")


def test_rows_go_on_from_a_stage_1_that_another_machine_trained(tiny, tmp_path):
    options = {"seed": 3, "switches": QUICK}
    there = tmp_path / "there" / "stage1"
    here = experiment.compare(tiny, "bmil", ["prolonged"], out=tmp_path / "there", **options)
    record = there / "run.json"
    run = Run.load(record)
    moved = run.identity | {
        "threads": 64,
        "device": "cuda",
        "versions": run.identity["versions"] | {"torch": "9"},
    }
    replace(run, identity=moved).save(record)
    with pytest.raises(
        ValueError, match=r"stage1 holds a run with another device, threads, torch \(d"
    ):
        experiment.compare(tiny, "bmil", ["prolonged"], out=tmp_path / "there", **options)
    options["stage1"] = there
    found = experiment.compare(tiny, "bmil", ["prolonged"], out=tmp_path / "new", **options)
    assert not (tmp_path / "new" / "stage1").exists(), "it is not trained again"
    assert found["prolonged"].result == here["prolonged"].result
    with pytest.raises(ValueError, match=r"stage1 holds a run with another lr "):
        other = options | {"switches": QUICK | {"lr": 1e-5}}
        experiment.compare(tiny, "bmil", ["oracle"], out=tmp_path / "new", **other)
    with pytest.raises(ValueError, match=r"holds no finished stage 1: no model.safetensors in it"):
        other = options | {"stage1": tmp_path}
        experiment.compare(tiny, "bmil", ["oracle"], out=tmp_path / "new", **other)


def test_rows_go_on_from_a_stage_1_of_other_settings(tiny, tmp_path):
    """Whose is a gain, stage 1's or stage 2's? Only the rows' own settings are stage 2's."""
    options = {"seed": 3, "whole": False}
    slow, usual = QUICK | {"lr": 1e-5}, QUICK
    experiment.compare(tiny, "bmil", [], switches=slow, out=tmp_path / "slow", **options)
    crossed = options | {"stage1_switches": slow, "switches": usual, "out": tmp_path / "new"}
    there = tmp_path / "slow" / "stage1"
    found = experiment.compare(tiny, "bmil", ["M1", "M4"], stage1=there, **crossed)
    assert list(found) == ["M1", "M4"], "M4's own stage 1 is not asked for, nor is the plain one"
    assert sorted(p.name for p in (tmp_path / "new").iterdir()) == ["M1", "M4"]
    first = Run.load(there / "run.json")
    for run in found.values():
        assert run.before.items() <= first.result.items()
        assert run.config["lr"] != first.config["lr"]
        assert re.fullmatch(r"stage1-[0-9a-f]{8}/model.safetensors", run.source["weights"])
    again = experiment.compare(
        tiny, "bmil", ["M1"], stage1=there, **crossed | {"out": tmp_path / "b"}
    )
    trained = experiment.compare(tiny, "bmil", ["M1"], **crossed | {"out": tmp_path / "c"})
    assert again["M1"].result == trained["M1"].result == found["M1"].result
    assert len([*(tmp_path / "c").glob("stage1-*")]) == 1, "trained where none is given"
    plain = experiment.compare(
        tiny, "bmil", ["M1"], switches=usual, out=tmp_path / "plain", **options
    )
    assert plain["M1"].config == found["M1"].config and plain["M1"].before != first.result
    with pytest.raises(ValueError, match="holds a run with another lr"):
        experiment.compare(tiny, "bmil", ["M1"], stage1=tmp_path / "plain/stage1", **crossed)


@pytest.mark.parametrize(("name", "asked"), [("mcf", ["R7"]), ("bmil", ["stage1"]), ("bmil", [])])
def test_a_stage_1_of_other_settings_that_no_row_goes_on_from(name, asked):
    with pytest.raises(ValueError, match="stage1_switches: no row goes on from that stage 1"):
        rows.trainings(name, asked, preset="light", stage1_switches={"lr": 1e-5})


def test_a_run_of_fewer_epochs_is_no_finished_one(tiny, tmp_path):
    options = {"seed": 0, "out": tmp_path, "whole": True, "switches": QUICK}
    short = experiment.compare(tiny, "bmil", ["M1"], epochs=1, **options)["M1"]
    again = experiment.compare(tiny, "bmil", ["M1"], epochs=1, **options)["M1"]
    assert len(short.curves) == len(again.curves) == 1
    whole = experiment.compare(tiny, "bmil", ["M1"], **options)["M1"]
    assert len(whole.curves) == 2 and whole.curves[0] == short.curves[0]


def test_a_stage_1_on_its_way_to_more_epochs_is_no_finished_one(tiny, tmp_path):
    """Its folder holds the network of fewer epochs still."""
    more = QUICK | {"epochs": (2, 1)}
    options = {"seed": 0, "out": tmp_path, "switches": more}
    experiment.compare(tiny, "bmil", [], epochs=1, **options)

    def killed(row):
        raise KeyboardInterrupt  # after the checkpoint of epoch 2, before the end

    with pytest.raises(KeyboardInterrupt):
        experiment.compare(tiny, "bmil", [], on_epoch=killed, **options)
    again = experiment.compare(tiny, "bmil", ["M2"], **options)
    whole = experiment.compare(tiny, "bmil", ["M2"], **options | {"out": tmp_path / "whole"})
    for row in ("stage1", "M2"):
        assert again[row].result == whole[row].result and len(again[row].result) > 3


def test_whole_rows_share_nothing(tiny, tmp_path):
    found = experiment.compare(
        tiny, "bmil", ["M1"], seed=0, out=tmp_path, switches=QUICK, whole=True
    )
    assert list(found) == ["M1"]
    assert [row["stage"] for row in found["M1"].curves] == [1, 2]


def test_rows_have_epochs_of_their_own_where_they_share_nothing(tiny, tmp_path):
    rows = {"long": {"row": "M1", "epochs": (1, 2)}, "short": {"row": "M1"}}
    options = {"seed": 0, "switches": QUICK}
    found = experiment.compare(tiny, "bmil", rows, out=tmp_path / "a", whole=True, **options)
    assert [len(found[name].curves) for name in rows] == [3, 2]
    found = experiment.compare(tiny, "bmil", rows, out=tmp_path / "b", **options)
    assert [len(found[name].curves) for name in ("stage1", *rows)] == [1, 2, 1]


def test_rows_share_a_stage_1_exactly_when_it_is_the_same(tiny, tmp_path):
    rows = {"halves": {"row": "M6"}, "as usual": {"row": "M1"}, "more": {"row": "M4"}}
    options = {"seed": 0, "out": tmp_path, "switches": QUICK}
    found = experiment.compare(tiny, "bmil", rows, **options)
    assert list(found) == ["stage1", *rows]
    (halves,) = tmp_path.glob("stage1-*")  # M4 and M6 cluster half of the visible pictures
    kept = Run.load(halves / "run.json")
    assert kept.config["subset_ratio"] == 0.5
    assert found["halves"].before == found["more"].before
    assert found["halves"].before["rank1"] == kept.result["rank1"]
    assert found["as usual"].before["mAP"] == found["stage1"].result["mAP"] != kept.result["mAP"]
    for name, ratio in {"halves": 0.5, "as usual": 1.0, "stage1": 1.0}.items():
        assert found[name].config["subset_ratio"] == ratio


def test_a_method_trains_its_own_network():
    for name, regions in (("regdb", 6), ("sysu", None)):
        network, asked, size = experiment.network_of(name, method="mcf")
        assert (network, size) == ("vit", (384, 128))
        assert asked.get("regions") == regions and asked["attention"] == "pre_last_block"
    assert experiment.network_of("sysu", method="dmdl")[:2] == ("agw", {"stem": "shared"})
    assert experiment.network_of("sysu", method="dmdl", network="small")[:2] == ("small", {})


@pytest.mark.parametrize("word", ["official", "paper"])
@pytest.mark.parametrize("data", ["sysu", "regdb", "llcm"])
@pytest.mark.parametrize("name", ["bmil", "dmdl", "mult", "mcf"])
def test_training_means_the_preset_that_the_plan_says(tiny, name, data, word):
    made = replace(tiny, name=data, method_preset=word)
    assert experiment.preset_for(made, name) == experiment.plan(name, data, preset=word).preset


def test_a_preset_that_is_not_there_is_an_error(tiny):
    other = replace(tiny, method_preset="official_mars")
    with pytest.raises(ValueError, match=r"bmil has no preset 'official_mars'.*--method-preset"):
        experiment.preset_for(other, "bmil")
    assert experiment.preset_for(replace(tiny, method_preset="paper"), "bmil") == "paper"


def test_train_and_evaluate_from_the_command_line(tmp_path, capsys):
    out = tmp_path / "run"
    command = ["train", "--method", "bmil", "--data", "synthvi", "--seed", "1", "--out", str(out)]
    assert cli.main([*command, "--set", "epochs=(1, 1)", "--set", "iterations=2"]) == 0
    assert "rank1" in capsys.readouterr().out
    record = json.loads((out / "run.json").read_text())
    assert (record["seed"], record["preset"], record["select"]) == (1, "tiny", "last")
    weights = str(out / "model.safetensors")
    assert cli.main(["evaluate", "--data", "synthvi", "--weights", weights]) == 0
    shown = dict(line.split() for line in capsys.readouterr().out.splitlines())
    assert float(shown["rank1"]) == pytest.approx(record["result"]["rank1"], abs=1e-4)


def test_errors_are_a_line_that_says_what_to_do(capsys):
    assert cli.main(["train", "--method", "bmil", "--set", "epss=1"]) == 2
    error = capsys.readouterr().err
    assert "no switch epss" in error
    assert "known:" in error
    with pytest.raises(ValueError, match="FIELD=VALUE"):
        cli.switches(["k1"])
    assert cli.switches(["k1=5", "k1=6"]) == {"k1": 6}, "rehearse and scripts put theirs behind"
    assert cli.switches(["k1=20", "memory=single", "epochs=(1, 2)"]) == {
        "k1": 20,
        "memory": "single",
        "epochs": (1, 2),
    }


@pytest.mark.parametrize(
    "command", ["train", "evaluate", "compare", "data", "bench", "figures", "workbook", "lab"]
)
def test_help_teaches(command, capsys):
    with pytest.raises(SystemExit) as done:
        cli.main([command, "--help"])
    assert done.value.code == 0
    assert len(capsys.readouterr().out) > 100


def test_main_leaves_torch_unloaded_until_needed():
    import subprocess
    import sys

    code = "import sys, vireid.cli; vireid.cli.parser(); print('torch' in sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "False"


def test_a_trained_network_is_scored_on_its_own_world(tmp_path, capsys):
    run = tmp_path / "run"
    settings = [f"--set={k}={v}" for k, v in QUICK.items()]
    fast = ["--data", "synthvi", "--preset", "tiny"]
    assert cli.main(["train", *fast, "--world", "3", "--out", str(run), *settings]) == 0
    capsys.readouterr()
    weights = ["--weights", str(run / "model.safetensors")]
    assert cli.main(["evaluate", "--data", "synthvi", *weights]) == 0
    said = capsys.readouterr()
    result = Run.load(run / "run.json").result
    assert f"mINP                   {result['mINP']:.4f}" in said.out
    assert "was trained with" not in said.err
    assert cli.main(["evaluate", *fast, "--world", "4", *weights]) == 0
    said = capsys.readouterr()
    assert "was trained with seed=3, and is scored with 4: it may have learnt" in said.err
    assert f"mINP                   {result['mINP']:.4f}" not in said.out
