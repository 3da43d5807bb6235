"""The benchmark: its reference computes the same, its scale weighs, its table has all rows."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import reference_jaccard as oracle
import torch

from vireid import bench, cli
from vireid.bench import measure, panels, parts, pictures, reference, report, worlds


def test_the_reference_equals_the_written_out_definition():
    x, _, _ = worlds.features(90, d=32)
    index, similarity = reference.nearest(x, 30)
    s = oracle.unit(x) @ oracle.unit(x).T
    assert np.abs(similarity - np.sort(s, axis=1)[:, ::-1][:, :30]).max() < 1e-6
    expected = oracle.distance(oracle.vanilla(s, 30, 6))
    assert np.abs(reference.jaccard(x, index) - expected).max() < 2e-6


def test_features_are_like_features_in_a_training():
    x, camera, modality = worlds.features(600)
    again, _, _ = worlds.features(600)
    assert (x == again).all() and np.allclose(np.linalg.norm(x, axis=1), 1, atol=1e-6)
    assert set(camera) == {0, 1, 2, 3} and (modality == (camera > 1)).all()
    labels = reference.labels(x, parts.EPS)
    assert labels.max() == 10 and (labels >= 0).mean() > 0.9, "11 people of 56 or 54 images"


@pytest.mark.parametrize(
    "make",
    [
        lambda: [parts.labels(300)],
        lambda: [parts.search(300)],
        lambda: parts.distances(300),
        lambda: [parts.evaluation(p, 60, 80) for p in ("sysu", "regdb", "llcm")],
        lambda: [parts.transport(40, 30)],
        lambda: [parts.label_transfer(240, 180)],
    ],
    ids=["labels", "search", "distances", "evaluation", "transport", "label_transfer"],
)
def test_both_sides_of_a_part_agree(make):
    for part in make():
        row = bench.compare(part, 1)
        words = row["difference"]
        assert words == "identical" or float(words.split()[1]) < 1e-5 or "differ, by" in words
        assert row["cpu_plain"] > 0 and row["cpu_ours"] > 0
        assert row["ratio"] == round(row["cpu_plain"] / max(row["cpu_ours"], 1e-4), 2)


def test_differences_are_told():
    a, b = np.array([0, 0, 1]), np.array([0, 1, 1])
    assert parts._labels(a, a) == "identical" and parts._labels(a, b) == "1 of 3 labels differ"
    near, far = np.zeros((1, 3)), np.array([[0, 0.5, 0]])
    assert parts._lists((a[None], near), (b[None], far)) == "1 of 3 entries differ, by 5e-01"


def test_a_measurement_counts_time_memory_and_result():
    cost = measure.measure(work, lambda result: result + 1)
    assert cost.result == 1001 and cost.wall >= cost.cpu * 0.9 > 0.005
    # 400 MB. Linux counts pages per core and adds up late: some 100 MB off on a machine of many.
    assert 0.2 < cost.memory < 0.6 or np.isnan(cost.memory), "NaN where no peak is told"


def work():
    block = np.ones(50_000_000)
    return float(sum(block[:1000]) + sum(i * i for i in range(300_000)) * 0)


FORKED = """
import os, signal
from test_bench import work
from vireid.bench.measure import measure

here = os.getpid()
assert measure(os.getpid, int).result != here, "in a process of its own"
cost = measure(work, float)
nothing = measure(lambda: None, lambda r: r)
assert cost.result == 1000
assert nothing.memory < cost.memory or cost.memory != cost.memory, (nothing, cost)

def fail():
    raise ValueError("no such thing")

for call, error, words in (
    (fail, ValueError, "no such thing"),
    (lambda: os.kill(os.getpid(), signal.SIGKILL), MemoryError, "a measurement died"),
):
    try:
        measure(call, int)
    except error as caught:
        assert words in str(caught)
    else:
        raise AssertionError("no error came back")
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_measurements_in_processes_of_their_own():
    subprocess.run(
        [sys.executable, "-c", FORKED],
        env={**os.environ, **measure.PINNED, "PYTHONPATH": str(Path(__file__).parent)},
        check=True,
        timeout=120,
    )


def test_errors_of_a_measurement_come_back():
    def fail():
        raise ValueError("no such thing")

    with pytest.raises(ValueError, match="no such thing"):
        measure.measure(fail, lambda r: r)


def test_the_table_and_the_numbers_are_written(tmp_path, monkeypatch, capsys):
    sizes = {"n": 250, "sinkhorn": (30, 20), "mult": (200, 150), "epoch": (300, 200), "rounds": 2}
    sizes["pictures"] = 1
    monkeypatch.setattr(bench, "SIZES", {True: sizes, False: sizes})
    monkeypatch.setattr(bench, "SCALING", (150,))
    monkeypatch.setattr(bench, "SMALL", (120,))
    monkeypatch.setattr(bench, "EVALUATIONS", {k: [("sysu", 40, 30)] for k in (True, False)})
    monkeypatch.setattr(bench, "warm_up", lambda: None)
    bench.run(quick=False, out=tmp_path / "benchmarks.md")
    text = (tmp_path / "benchmarks.md").read_text()
    assert text.strip() == capsys.readouterr().out.strip()
    numbers = json.loads((tmp_path / "benchmarks.json").read_text())
    assert len(numbers["parts"]) == 16 + len(panels.PANELS)
    assert [r["n"] for r in numbers["scaling"]] == [150]
    for row in numbers["parts"]:
        met = "yes" if row["ratio"] >= row["goal"] else "no"
        assert f"| {row['part']} | {row['size']} | {row['ratio']} | {row['goal']} | {met} |" in text
    assert measure.machine() in text and "| 150 |" in text
    given = [row for row in numbers["parts"] if "given lists" in row["part"]]
    assert given[0]["cpu_plain"] == given[1]["cpu_plain"], "one reference, measured once"
    *_, epoch, first = numbers["parts"]
    labels = next(row for row in numbers["parts"] if row["part"] == "MULT labels, distances given")
    assert first["size"] == "120" and first["difference"] == "identical"
    drawn = [row for row in numbers["parts"] if "pictures" in row["part"]]
    same = ["max 0e+00", "max 0e+00", "other draws", "max 0e+00"]
    assert [row["difference"] for row in drawn] == same, "the same draws, bit for bit"
    by_threads = drawn[-1]["wall_plain"] / drawn[-1]["wall_ours"]
    assert drawn[-1]["ratio"] == round(by_threads, 2)
    for row in (labels, epoch):  # soft labels of reference and library
        assert float(row["difference"].removeprefix("max ").split(";")[0]) < 1e-5
    assert epoch["difference"].endswith("s of the reference are diagonal products")


def test_both_pipelines_of_pictures_make_as_many():
    ours, field = pictures.ours(1), pictures.torchvision(1)
    assert ours.shape == (pictures.SHOWN, 3, *pictures.SIZE) and field.shape[1:] == ours.shape[1:]
    assert np.isfinite(field).all() and abs(field.mean() - ours.mean()) < 0.3


def test_soft_labels_over_different_clusters_are_not_compared():
    tables = [np.full((4, 3), 1 / 3)] * 4
    assert parts._soft(tables, [t + 0.5 for t in tables]) == "max 5e-01"
    assert parts._soft(tables, [*tables[:3], np.full((4, 2), 0.5)]) == (
        "[3, 3, 3, 3] and [3, 3, 3, 2] clusters"
    )


def test_diagonal_matrices_scale_as_rows_and_columns_do():
    cost = torch.rand(12, 9)
    plan, seconds = reference._plan_by_diagonals(cost, 5)
    assert torch.allclose(plan, reference._plan(cost, 5)) and seconds >= 0


def test_the_largest_part_waits_for_a_machine_with_memory(monkeypatch, capsys):
    monkeypatch.setattr(measure, "free_memory", lambda: 0.0)
    tiny = {"n": 150, "sinkhorn": (9, 8), "mult": (90, 80), "epoch": (90, 80), "rounds": 1}
    tiny["pictures"] = 1
    monkeypatch.setattr(bench, "SIZES", {True: tiny})
    monkeypatch.setattr(bench, "EVALUATIONS", {True: []})
    names = [part.name for part in bench._parts(True)]
    assert names and not any("features to labels" in name for name in names)
    assert "MULT from 90 visible images: left out" in capsys.readouterr().err


def test_a_reference_that_does_not_fit_is_left_out(monkeypatch):
    monkeypatch.setattr(measure, "free_memory", lambda: 0.0)
    (row,) = bench.scaling([150])
    assert "cpu_plain" not in row and row["cpu_ours"] > 0
    assert "| 150 | - |" in report.page([], [row], "here")


def test_parts_that_take_long_play_fewer_rounds(monkeypatch):
    calls = []

    def side(name, cpu):
        def call():
            calls.append(name)
            return cpu

        return call

    monkeypatch.setattr(
        measure, "measure", lambda call, digest: measure.Cost(call(), 1.0, 0.1, 1.0)
    )
    short = parts.Part("short", "1", 2, side("plain", 6), side("ours", 2))
    long = parts.Part("long", "1", 2, side("plain", 17), side("ours", 4))
    assert bench.compare(short, 5)["ratio"] == 3 and len(calls) == 10
    calls.clear()
    known = {}
    assert bench.compare(long, 5, known)["ratio"] == 4.25 and len(calls) == 6
    again = parts.Part("again", "1", 2, long.plain, side("ours", 1))
    assert bench.compare(again, 5, known)["ratio"] == 17 and calls[6:] == ["ours"] * 3
    calls.clear()
    endless = parts.Part("endless", "1", 2, side("plain", 90), side("ours", 30))
    assert bench.compare(endless, 5)["ratio"] == 3 and calls == ["plain", "ours"]


def test_growth_is_held_against_its_goals():
    def row(n, cpu, memory):
        return {"n": n, "cpu_ours": cpu, "wall_ours": cpu, "memory_ours": memory}

    text = report.page([], [row(100, 1, 0.2), row(200, 16, 0.5)], "here")
    assert "At N = 200: 16 CPU s (goal 15: missed), 0.5 GB (goal 0.8: met)." in text
    assert "From N = 100 to twice as many, memory grows 2.50-fold (goal 2.3: missed)." in text


def test_one_part_alone(monkeypatch, tmp_path):
    names = "the first", "by two threads, wall time"
    named = [parts.Part(name, "1", 1, *2 * [lambda: np.zeros(3)]) for name in names]
    monkeypatch.setattr(bench, "_parts", lambda quick: named)
    monkeypatch.setattr(bench, "warm_up", lambda: None)
    bench.run(quick=False, out=tmp_path / "t.md", only="two threads")
    numbers = json.loads((tmp_path / "t.json").read_text())
    assert [row["part"] for row in numbers["parts"]] == ["by two threads, wall time"]
    assert numbers["scaling"] == []
    with pytest.raises(ValueError, match="only='no such' is in no part's name"):
        bench.run(quick=False, out=None, only="no such")


def test_only_a_full_run_is_held_against_the_goals():
    costs = {f"{c}_{s}": 1.0 for c in ("cpu", "wall", "memory") for s in ("plain", "ours")}
    row = {"part": "p", "size": "1", "goal": 2, "ratio": 1.5, "difference": "none", **costs}
    assert "| 1.5 | 2 | no | 1 (1) |" in report.page([row], [], "here")
    assert "| 1.5 | 1 | yes |" in report.page([row | {"goal": 1}], [], "here")
    assert "| 1.5 | 2 | - | 1 (1) |" in report.page([row], [], "here", quick=True)


def test_the_command_ends_as_its_process_does(monkeypatch):
    def run(*_, **__):
        raise subprocess.CalledProcessError(2, "bench")

    monkeypatch.setattr(bench.subprocess, "run", run)
    assert cli.main(["bench", "--only", "no such"]) == 2
    monkeypatch.setattr(bench.subprocess, "run", lambda *_, **__: None)
    assert cli.main(["bench", "--quick"]) == 0


def test_threads_are_pinned_in_a_process_of_its_own(monkeypatch, tmp_path):
    calls = []
    monkeypatch.setattr(bench.subprocess, "run", lambda *a, **k: calls.append((a, k)))
    bench.main(quick=True, out=tmp_path / "t.md")
    (command,), options = calls[0]
    assert command[1:] == ["-m", "vireid.bench", "--quick", "--out", str(tmp_path / "t.md")]
    with pytest.raises(ValueError, match=r"docs/benchmarks.md: is there already"):
        bench.main(only="two threads", out=Path("docs/benchmarks.md"))
    bench.main(only="two threads")
    assert calls[1][0][0][1:] == ["-m", "vireid.bench", "--only", "two threads"]
    assert options["check"] and options["env"]["OMP_WAIT_POLICY"] == "PASSIVE"
    assert options["env"]["OMP_NUM_THREADS"] == "1" and "PATH" in options["env"]


@pytest.mark.parametrize("name", panels.PANELS)
def test_a_panel_is_timed_at_moves_that_redraw_it(name):
    control, values = panels.PANELS[name]
    assert len(values) == panels.REDRAWS
    seen = panels.redraws(panels.panel(name), control, values)
    assert len(set(seen)) == len(values), "a move that changes nothing would be timed as fast"
