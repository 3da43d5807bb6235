"""The ablation widget's records: told apart by settings, and trained live from a kept stage 1."""

from dataclasses import replace

import pytest
from test_warm_start import world  # noqa: F401
from test_widgets import record

from vireid import experiment, widgets
from vireid.methods import build, kind


def test_runs_of_other_settings_are_no_seeds_of_one_row():
    plain, wider = record("M3", 0, 0.3), record("M3", 1, 0.5)
    wider.config["k1"] = 40
    k1 = plain.config["k1"]
    panel = widgets.ablation([plain, wider, record("M2", 0, 0.2)])
    groups = panel.groups("synthvi small train")
    assert set(groups) == {f"M3 (k1={k1})", "M3 (k1=40)", "M2"}
    assert all(len(runs) == 1 for runs in groups.values())
    assert panel._paper(groups, "rank1")["M3 (k1=40)"] == 64.9


def test_a_combination_that_is_no_row_is_named_by_its_neighbour():
    odd = record("M3", 0, 0.3)
    odd.row, odd.config["centring"] = None, True
    groups = widgets.ablation([odd]).groups("synthvi small train")
    assert list(groups) == ["M3, centring=True"]


def test_a_run_trained_again_replaces_the_first():
    old, new = record("M3", 0, 0.3), record("M3", 0, 0.4)
    other_world = replace(record("M3", 0, 0.6), data={**old.data, "fingerprint": "other"})
    panel = widgets.ablation([old, new, other_world])
    assert [run.result["rank1"] for run in panel.groups("synthvi small train")["M3"]] == [0.4, 0.6]


def test_curves_are_of_the_chosen_run_and_its_neighbours():
    rows = [row for row in build("bmil").rows if row != "prolonged"]
    panel = widgets.ablation([record(row, 0, 0.3) for row in rows])
    groups = panel.groups("synthvi small train")
    shown = list(panel._beside_it(groups, panel._switches(groups["M3"][0])))
    assert shown[0] == "M3" and len(shown) == min(7, len(groups))


@pytest.fixture
def toys(world, monkeypatch):  # noqa: F811
    """The toy world in the tiny one's place."""
    monkeypatch.setattr(experiment, "prepare", lambda *_, **__: world)
    return world


def test_live_training_goes_on_from_stage_one(toys):
    panel = widgets.ablation([])
    panel.switches["global_clusters"].value = "vanilla"
    panel.button.click()
    panel.thread and panel.thread.join(60)
    assert "training stopped" not in panel.status.value
    (run,) = panel.runs
    assert run.config["global_clusters"] == "vanilla" and run.config["epochs"] == [0, 1]
    assert [row["stage"] for row in run.curves] == [2] and "rank1" in run.curves[0]
    assert panel.progress.value == panel.progress.max == 2
    assert "1 seed(s)" in panel.status.value


def test_live_training_of_a_method_with_its_own_network(monkeypatch):
    short = {"epochs": (1, 1), "iterations": 2}
    presets = kind("mcf").presets
    monkeypatch.setitem(presets, "tiny", presets["tiny"] | short)
    panel = widgets.ablation([], "mcf")
    panel.switches["pa_cbam"].value = False
    panel.button.click()
    panel.thread and panel.thread.join(120)
    assert "training stopped" not in panel.status.value
    (run,) = panel.runs  # from the start: attention is a part of phase 1
    assert [row["stage"] for row in run.curves] == [1, 2]
    assert run.config["pa_cbam"] is False and "loss/identity" not in run.curves[0]


def test_live_training_is_cancelled_at_the_next_step(toys):
    panel = widgets.ablation([])
    panel.button.click()
    panel.cancel.click()
    thread = panel.thread
    if thread:
        thread.join(60)
        assert not thread.is_alive()
    assert panel.status.value == "cancelled"
    assert not panel.runs and panel.cancel.disabled and not panel.button.disabled


def test_every_combination_of_switches_can_be_built():
    panel = widgets.ablation([])
    for name, values in panel.kind.switches.items():
        for value in values:
            assert build("bmil", preset="tiny", **{name: value}).config()[name] == value


def test_each_method_has_its_own_switches_behind_one_choice():
    panel = widgets.ablations([record("M3", 0, 0.3)])
    listed = [name for _, name in panel.method.options]
    assert listed == ["adca", "bmil", "dmdl", "mcf", "mult", "nulc", "pgm"]
    assert panel.method.value == "bmil", "the first that has a record"
    first = panel.chosen
    assert "rank-1" in first.panel.draw(**first.panel.values)[1]
    panel.method.value = "dmdl"
    assert set(panel.chosen.switches) == {
        "cai", "data", "refine", "exchange", "adaptive", "alignment"
    }  # fmt: skip
    assert panel.widget.children == (panel.method, panel.chosen.widget)
    assert set(panel.made) == {"bmil", "dmdl"}, "made when asked for"
    assert panel.chosen.switches["data"].value == "pseudo_colour", "DMDL's pictures, not the world"
    assert "row 7" in panel.chosen.status.value
    panel.method.value = "bmil"
    assert panel.chosen is first
    with pytest.raises(ValueError, match="no method to show"):
        widgets.ablations([], [])
