"""Sweeps: which cells there are, that each is trained once, and what is drawn of them."""

from dataclasses import replace

import numpy as np
import pytest
from toy import images, net, test_of

from vireid import cli, methods, plots, sweep
from vireid.cli import records
from vireid.cli.options import fitting, value_lists
from vireid.experiment import Experiment
from vireid.runs import Run, ladders

SMALL = {
    "epochs": (1, 1), "iterations": 2, "k1": 6, "k2": 2, "eps": 0.7, "min_samples": 2,
    "identities": 3, "instances": 2, "lr": 1e-3, "subset_ratio": 1.0,
}  # fmt: skip
CONFIG = {"beta": 0.1, "alpha": 1.0, "delta": [0.6, 0.4], "combine": "alternate"}


@pytest.fixture
def world(monkeypatch):
    """A toy experiment."""
    monkeypatch.setitem(methods.kind("bmil").presets, "toy", SMALL)
    monkeypatch.setattr(Experiment, "model", lambda self, seed=0: net(seed))
    table = images()
    return Experiment("toy", None, table, test_of(table), "toy", None, "toy")


def record(rank1: float, seed: int = 0, **changes) -> Run:
    result = {"rank1": rank1, "mAP": rank1 / 2, "mINP": rank1 / 3}
    return Run("mcf", CONFIG | changes, seed, data={"name": "toy"}, result=result)


# cells


def test_the_start_is_one_cell_whatever_is_varied():
    found = sweep.cells(CONFIG, {"beta": [0.1, 0.3], "delta": [(0.6, 0.4), (0.5, 0.5)]})
    assert found == {
        "base": {},
        "beta=0.3": {"beta": 0.3},
        "delta=0.5-0.5": {"delta": (0.5, 0.5)},
    }


def test_a_lone_tuple_is_one_value_of_a_tuple():
    found = sweep.cells(CONFIG, value_lists(["delta=(0.5,0.5)"]))
    assert found == {"base": {}, "delta=0.5-0.5": {"delta": (0.5, 0.5)}}
    assert list(sweep.cells(CONFIG, {"delta": [0.6, 0.4]})) == ["base"]
    with pytest.raises(ValueError, match="delta: give at least one value"):
        sweep.cells(CONFIG, {"delta": ()})


def test_crossed_cells_are_every_pair():
    found = sweep.cells(CONFIG, {"beta": [0.3, 0.5], "alpha": [0.5]}, crossed=True)
    assert set(found) == {
        "base", "alpha=0.5", "beta=0.3", "beta=0.3+alpha=0.5", "beta=0.5", "beta=0.5+alpha=0.5"
    }  # fmt: skip
    assert found["beta=0.5+alpha=0.5"] == {"beta": 0.5, "alpha": 0.5}


def test_what_cannot_be_swept_is_refused():
    with pytest.raises(ValueError, match="no hyperparameter betta; known: beta, alpha"):
        sweep.cells(CONFIG, {"betta": [1]})
    with pytest.raises(ValueError, match="alpha: give at least one value"):
        sweep.cells(CONFIG, {"alpha": []})
    with pytest.raises(ValueError, match="it takes two"):
        sweep.cells(CONFIG, {"alpha": [1]}, crossed=True)


# training


def test_cells_share_a_stage_one_and_are_trained_once(world, tmp_path):
    options = {"seed": 1, "out": tmp_path}
    found = sweep.sweep(world, "bmil", {"momentum": [0.5]}, **options)
    assert list(found) == ["base", "momentum=0.5"]
    configs = [run.config["momentum"] for run in found.values()]
    assert configs == [methods.build("bmil").momentum, 0.5]
    first = Run.load(tmp_path / "stage1/run.json")
    assert {run.before["rank1"] for run in found.values()} == {first.result["rank1"]}
    assert [row["stage"] for row in found["base"].curves] == [2]
    stamps = {p: p.stat().st_mtime_ns for p in tmp_path.rglob("model.safetensors")}
    more = sweep.sweep(world, "bmil", {"momentum": [0.5, 0.8], "k1": [6, 5]}, **options)
    assert list(more) == ["base", "momentum=0.5", "momentum=0.8", "k1=5"]
    assert all(path.stat().st_mtime_ns == stamp for path, stamp in stamps.items())
    assert more["momentum=0.5"].result == found["momentum=0.5"].result


@pytest.mark.parametrize(
    ("over", "tried"),
    [
        ({"milestones": (3, 5)}, [(3, 5)]),
        ({"milestones": [3, 5]}, [(3, 5)]),
        ({"milestones": [(3, 5), [6]]}, [(3, 5), (6,)]),
        (value_lists(["delta=(0.5,0.5)"]), [(0.5, 0.5)]),
        ({"beta": (0.3, 0.5)}, [0.3, 0.5]),
    ],
)
def test_a_sweep_trains_a_lone_tuple_as_one_value(world, monkeypatch, over, tried):
    trained = []

    def compare(experiment, name, rows, **options):
        trained.extend(changes for changes in rows.values())
        return rows

    monkeypatch.setattr(sweep, "compare", compare)
    sweep.sweep(replace(world, method_preset="tiny"), "mcf", over, seed=1)
    (field,) = over
    assert trained == [{"row": None}, *({"row": None, field: value} for value in tried)]


@pytest.mark.parametrize("value", [-1, "many"])
def test_a_refused_setting_is_named_before_anything_is_trained(world, tmp_path, value):
    with pytest.raises(ValueError, match=f"iterations={value} cannot be trained"):
        sweep.sweep(world, "bmil", {"iterations": [3, value]}, seed=1, out=tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("over", [{"k1": [8]}, {"iterations": [3], "k1": ["8"]}])
def test_the_value_in_use_alone_is_refused_before_anything_is_trained(world, tmp_path, over):
    start = {"k1": 8}
    with pytest.raises(ValueError, match=r"k1=8 is the value in use; give others"):
        sweep.sweep(world, "bmil", over, seed=1, out=tmp_path, switches=start)
    assert not list(tmp_path.iterdir())


def test_whole_cells_differ_from_the_first_epoch_on(world, tmp_path):
    found = sweep.sweep(
        world, "bmil", {"temperature": [0.5]}, seed=1, out=tmp_path, whole=True, row="M2"
    )
    assert not (tmp_path / "stage1").exists()
    assert all([row["stage"] for row in run.curves] == [1, 2] for run in found.values())
    first = [run.curves[0]["loss/visible contrast"] for run in found.values()]
    assert first[0] != first[1]
    assert {run.row for run in found.values()} == {"M2"}


@pytest.mark.parametrize("crossed", [False, True])
def test_epochs_are_swept_over_whole_runs_alone(world, tmp_path, crossed):
    """A record that went on from a stage 1 holds (0, n) epochs: cells would lie on each other."""
    over = {"epochs": [(1, 2), (2, 1)]} | ({"momentum": [0.5]} if crossed else {})
    options = {"seed": 1, "crossed": crossed}
    with pytest.raises(ValueError, match=r"epochs: cells .* shared.*--whole, whole=True"):
        sweep.sweep(world, "bmil", over, out=tmp_path / "cut", **options)
    assert not (tmp_path / "cut").exists()
    if not crossed:
        found = sweep.sweep(world, "bmil", over, out=tmp_path, whole=True, **options)
        points = sweep.lines({label: [run] for label, run in found.items()})["epochs"]
        assert list(points) == [(1, 1), (1, 2), (2, 1)]


def test_a_kept_cell_of_another_start_is_refused(world, tmp_path):
    sweep.sweep(world, "bmil", {"momentum": [0.5]}, seed=1, out=tmp_path)
    with pytest.raises(ValueError, match="holds a run with another lr"):
        sweep.sweep(world, "bmil", {"momentum": [0.5]}, seed=1, out=tmp_path, switches={"lr": 1e-4})


# what is drawn


def test_lines_hold_the_start_in_every_hyperparameter():
    records = {
        "base": [record(0.5), record(0.7, 1)],
        "beta=0.3": [record(0.4, beta=0.3), record(0.6, 1, beta=0.3)],
        "beta=0.05": [record(0.3, beta=0.05)],
        "delta=0.5-0.5": [record(0.2, delta=[0.5, 0.5])],
    }
    found = sweep.lines(records)
    assert found["beta"] == {0.05: [30], 0.1: [50, 70], 0.3: [40, 60]}
    assert found["delta"] == {(0.6, 0.4): [50, 70], (0.5, 0.5): [20]}
    assert sweep.lines(records, "mAP")["delta"][0.5, 0.5] == [10]
    drawn = sweep.figure(records)
    assert len(drawn.axes) == 2
    beta, delta = drawn.axes
    assert list(beta.lines[0].get_ydata()) == pytest.approx([30, 60, 50])
    assert [t.get_text() for t in delta.get_xticklabels()] == ["0.6 / 0.4", "0.5 / 0.5"]
    assert beta.get_xlabel() == "beta (n = 1 to 2)" and beta.get_ylabel() == "rank-1 (%)"


def test_a_crossed_sweep_is_a_field():
    records = {
        "base": [record(0.5), record(0.7, 1)],
        "beta=0.3": [record(0.4, beta=0.3)],
        "beta=0.3+alpha=0.5": [record(0.2, beta=0.3, alpha=0.5)],
    }
    rows, columns, table = sweep.field_of(records)
    assert (rows, columns) == (("beta", [0.1, 0.3]), ("alpha", [0.5, 1.0]))
    assert np.allclose(table, [[np.nan, 0.6], [0.2, 0.4]], equal_nan=True)
    shown = [t.get_text() for t in sweep.figure(records).axes[0].texts]
    assert shown == ["–", "60", "20", "40"]


def test_nothing_to_draw_is_said():
    with pytest.raises(ValueError, match="no 'base'"):
        sweep.figure({"beta=0.3": [record(0.4)]})
    with pytest.raises(ValueError, match="alone"):
        sweep.figure({"base": [record(0.4)]})
    with pytest.raises(ValueError, match="no cell of a crossed"):
        sweep.field_of({"base": [record(0.4)]})


def test_sensitivity_wants_scores_and_a_known_choice():
    _, ax = plots.canvas()
    with pytest.raises(ValueError, match="at least one score"):
        plots.sensitivity({1: []}, ax, xlabel="x", ylabel="y")
    with pytest.raises(ValueError, match=r"chosen=2 is no point; points: \[1\]"):
        plots.sensitivity({1: [3.0]}, ax, xlabel="x", ylabel="y", chosen=2)


# the command


def test_values_are_read_as_python_where_they_are():
    pairs = ["beta=0.1,0.3", "delta=(0.6,0.4),(0.5,0.5)", "combine=alternate,sum", "k1=20"]
    assert value_lists(pairs) == {
        "beta": [0.1, 0.3],
        "delta": [(0.6, 0.4), (0.5, 0.5)],
        "combine": ["alternate", "sum"],
        "k1": [20],
    }
    assert value_lists(["beta=0.1", "beta=0.3"]) == {"beta": [0.1, 0.3]}
    assert "beta=1e20" in sweep.cells(CONFIG, {"beta": [1e20]})  # no "+", which joins two changes
    with pytest.raises(ValueError, match="--over beta: write FIELD=VALUE"):
        value_lists(["beta"])


def test_the_command_trains_prints_draws_and_keeps_records(tmp_path, capsys):
    command = ["sweep", "--method", "bmil", "--data", "synthvi", "--preset", "tiny"]
    command += ["--over", "momentum=0.5", "--seeds", "1", "2", "--out", str(tmp_path / "runs")]
    command += ["--set", "epochs=(1, 1)", "--set", "iterations=2"]
    assert cli.main([*command, "--records", str(tmp_path / "kept/toy")]) == 0
    out = capsys.readouterr().out
    assert "momentum=0.5" in out and "sweep.png" in out
    assert (tmp_path / "runs/sweep.png").read_bytes().startswith(b"\x89PNG")
    kept = ladders(tmp_path / "kept")["toy"]
    assert {name: [run.seed for run in runs] for name, runs in kept.items()} == {
        "base": [1, 2],
        "momentum=0.5": [1, 2],
    }
    assert kept["base"][0].data["fingerprint"] != kept["base"][1].data["fingerprint"]
    assert cli.main(["sweep", "--over", "betta=1", "--out", str(tmp_path)]) == 2
    assert "no hyperparameter betta" in capsys.readouterr().err


COMPARE = ["compare", "--method", "bmil", "--data", "synthvi", "--preset", "tiny", "--seeds", "1"]
COMPARE += ["--rows", "stage1", "M2", "--set", "epochs=(1, 1)"]


def test_records_of_other_settings_are_not_replaced(tmp_path, monkeypatch, capsys):
    kept = tmp_path / "kept/seed1"
    words = [*COMPARE, "--records", str(kept.parent)]
    once, twice = (["--set", f"iterations={n}"] for n in (1, 2))
    assert cli.main([*words, *once, "--out", str(tmp_path / "a")]) == 0
    before = {path.name: path.read_bytes() for path in kept.iterdir()}
    assert set(before) == {"stage1.json", "M2.json"}
    assert cli.main([*words, *once, "--out", str(tmp_path / "a")]) == 0  # the same runs
    monkeypatch.setattr("vireid.experiment.rows.train", None)
    for name in before:  # each alone is looked at
        others = [path for path in kept.iterdir() if path.name != name]
        for path in others:
            path.unlink()
        assert cli.main([*words, *twice, "--out", str(tmp_path / "b")]) == 2
        told = capsys.readouterr().err
        assert f"{name} holds a run with another iterations (iterations: 1 there, 2 now)" in told
        assert (kept / name).read_bytes() == before[name]
        for path in others:
            path.write_bytes(before[path.name])


def test_a_sweep_replaces_no_record_of_other_settings(tmp_path, monkeypatch, capsys):
    own = record(0.5)
    own.identity = {"method": "mcf", "network": {"weights": ""}}
    own.save(tmp_path / "seed1/momentum=0.5.json")
    monkeypatch.setattr("vireid.experiment.rows.train", None)
    command = ["sweep", "--method", "bmil", "--preset", "tiny", "--over", "momentum=0.5"]
    command += ["--seeds", "1", "--records", str(tmp_path), "--out", str(tmp_path / "out")]
    assert cli.main(command) == 2
    assert "momentum=0.5.json holds a run with another method" in capsys.readouterr().err
    assert Run.load(tmp_path / "seed1/momentum=0.5.json").identity == own.identity


def test_no_record_of_a_seed_is_kept_where_one_is_another_runs(tmp_path):
    own, other = record(0.5), record(0.5)
    own.identity, other.identity = {"seed": 1, "lr": 1}, {"seed": 1, "lr": 2}
    records.keep(tmp_path, {"M2": own})
    with pytest.raises(ValueError, match=r"M2\.json holds a run with another lr"):
        records.keep(tmp_path, {"stage1": other, "M2": other})
    assert [path.name for path in tmp_path.iterdir()] == ["M2.json"]
    assert Run.load(tmp_path / "M2.json").identity == own.identity


def test_help_teaches(capsys):
    for name in ("sweep", "cost"):
        with pytest.raises(SystemExit):
            cli.main([name, "--help"])
        assert len(capsys.readouterr().out) > 200


def test_cost_prints_counts_speeds_and_the_convention(capsys):
    assert cli.main(["cost", "--networks", "small", "--batch", "4", "--seconds", "0"]) == 0
    out = capsys.readouterr().out
    assert "691080" in out and "1 MAC = 2 FLOP" in out and "batch 4 on cpu" in out


def test_amp_reaches_training():
    for command in (["train"], ["compare", "--rows", "M2", "--out", "x"]):
        for flag in ([], ["--amp"]):
            assert fitting(cli.parser().parse_args([*command, *flag]))["amp"] == bool(flag)
