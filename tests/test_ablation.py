"""The ablation lab: records found by their settings, gains in pairs, live training kept."""

import threading
from dataclasses import replace

import ipywidgets as W
import numpy as np
import pytest
from test_warm_start import world  # noqa: F401
from toy import charts_of

from vireid import experiment, methods, plots, widgets
from vireid.bench.panels import ANSWER
from vireid.experiment import lookup
from vireid.identity import numbers_of
from vireid.methods import build
from vireid.methods.controls import CONTROLS
from vireid.runs import Run
from vireid.widgets import ablation_live
from vireid.widgets.ablation_drawing import _percent, draw_curves
from vireid.widgets.live import Cancelled, Live

SMALL, TINY = "synthvi small train", "synthvi tiny train"


@pytest.fixture(autouse=True)
def student(tmp_path, monkeypatch):
    """A folder of one's own for what is trained."""
    monkeypatch.setenv("VIREID_STUDENT", str(tmp_path / "student"))
    return tmp_path / "student/lab"


def record(row: str, seed: int, rank1: float, name: str = SMALL, **changes) -> Run:
    """A run of one row with two epochs of curves; its folder's name would say nothing."""
    preset = "tiny" if "tiny" in name else "light"
    config = build("bmil", preset=preset, row=row, **changes).config()
    curves = [{"epoch": e, "stage": 2, "rank1": rank1 - 0.1 + 0.1 * e} for e in range(2)]
    told = {"data": {"name": name, "fingerprint": f"world {seed}"}, "preset": preset}
    numbers = {"numbers": numbers_of(methods.kind("bmil"))}
    result = {"rank1": rank1, "mAP": rank1 / 2}
    return Run("bmil", config, seed, curves=curves, result=result, identity=numbers, **told)


def records() -> list[Run]:
    rows = {"M1": 0.2, "prolonged": 0.3, "M3": 0.4, "M3+MIRL": 0.5}
    return [
        record(row, s, r + s * (1 + (row == "M3")) / 100)
        for row, r in rows.items()
        for s in (1, 2, 3)
    ]


def alt(panel) -> str:
    return panel.panel.draw(**panel.panel.values)[1]


# Settings and records


@pytest.mark.parametrize("name", [n for n in methods.TABLE if n != "dcl"])
def test_every_row_control_and_single_switch_is_asked_for(name):
    found, cls = lookup.settings(name), methods.kind(name)
    assert {one.name for one in found if one.kind in ("paper", "control")} == set(cls.rows)
    assert {one.name for one in found if one.kind == "control"} == set(CONTROLS)
    singles = [one for one in found if one.kind == "switch"]
    assert len(singles) == sum(map(len, cls.switches.values()))
    for one in found:
        assert one.words, one
        lookup.wanted(name, one.changes, preset="light")


def test_a_record_answers_by_its_settings_and_nothing_else():
    wanted = lookup.wanted("bmil", {"row": "M3"}, preset="light")
    plain = record("M3", 1, 0.3)
    whole = replace(record("M3", 2, 0.4), row="nonsense")
    second = replace(record("M3", 3, 0.5), config={**plain.config, "epochs": [0, 7]})
    other = record("M3", 4, 0.6, k1=40)
    stage1 = replace(record("M3", 5, 0.7), config={**plain.config, "epochs": [6, 0]})
    moved = replace(record("M3", 6, 0.8), identity={"numbers": [0, 0]})
    unscored = replace(record("M3", 7, 0.9), result={})
    runs = [plain, whole, second, other, stage1, moved, unscored]
    assert [r.seed for r in lookup.answer(runs, "bmil", wanted).runs] == [1, 2, 3]
    assert not lookup.answer(runs, "dcl", lookup.wanted("dcl", {}, preset="light")).runs


def test_older_records_answer_where_no_other_does_and_say_what_they_do_not_tell():
    wanted = lookup.wanted("bmil", {"row": "M3"}, preset="light")
    told = record("M3", 1, 0.3)
    short = {k: v for k, v in told.config.items() if k != "moves"}
    older = replace(record("M3", 2, 0.4), config=short)
    found = lookup.answer([older], "bmil", wanted)
    assert found.unsaid == ("moves",) and len(found.runs) == 1
    found = lookup.answer([told, older], "bmil", wanted)
    assert found.unsaid == () and [r.seed for r in found.runs] == [1]
    during = lookup.wanted("bmil", {"row": "M3", "moves": "during"}, preset="light")
    assert not lookup.answer([older], "bmil", during).runs, "what is not told was the default"


def test_a_field_that_came_later_is_no_gap_of_older_records():
    config = build("pgm", preset="light").config()
    assert "centring" not in config
    run = replace(record("M3", 1, 0.3), method="pgm", config=config)
    assert lookup.answer([run], "pgm", lookup.wanted("pgm", {}, preset="light")).runs == (run,)
    centred = lookup.wanted("pgm", {"centring": True}, preset="light")
    assert not lookup.answer([run], "pgm", centred).runs


# The widget


def test_controls_come_from_the_method_with_words_and_tooltips():
    panel = widgets.ablation(records())
    assert set(panel.switches) == set(methods.kind("bmil").switches)
    assert isinstance(panel.switches["split_prototypes"], W.Checkbox)
    assert "oracle" in [value for _, value in panel.switches["global_clusters"].options]
    assert "one prototype per cluster" in panel.switches["split_prototypes"].tooltip
    titles = [title for title, _ in panel.start.options]
    assert titles[1:3] == [
        "M1: within the modalities alone: the paper's baseline",
        "M2: joint clusters by plain Jaccard, one prototype",
    ]
    assert [name for _, name in panel.start.options][-3:] == ["prolonged", "centred", "oracle"]


def test_gains_are_in_pairs_over_seeds_and_the_choice_is_plain_to_see():
    panel = widgets.ablation(records())
    assert panel.start.value == "M3+MIRL" and panel.against.value == "prolonged"
    assert "chosen: M3+MIRL" in alt(panel)
    assert "M3 44.0 (n = 3, gain +12.0" in alt(panel), alt(panel)
    assert "+20.0 ± 0.0 points in pairs, ahead in 3 of 3" in panel.told.value
    panel.start.value = "M3"
    assert "+12.0 ± 1.0 points in pairs" in panel.told.value
    assert panel.switches["split_prototypes"].value is False
    panel.switches["split_prototypes"].value = True
    assert "chosen: M3+MIRL" in alt(panel), "the combination is a row"
    panel.switches["centring"].value = True
    assert "chosen: M3, split prototypes on, centring on" in alt(panel)
    assert "no record of this" in panel.told.value
    panel.against.value = "M1"
    assert "Gains are over M1" in alt(panel)


def test_a_lone_seed_is_never_shown_without_a_warning():
    panel = widgets.ablation([record("M3", 1, 0.5), record("prolonged", 1, 0.4)])
    panel.start.value = "M3"
    assert "one seed: no spread, compare nothing" in panel.told.value
    figure, _ = panel.panel.draw(**panel.panel.values)
    words = [text.get_text() for text in figure.axes[1].texts]
    assert "one seed only" in words, words
    bar = next(b for b in figure.axes[1].patches if b.get_width())
    assert bar.get_hatch() == "///" and bar.get_facecolor()[:3] == (1, 1, 1)


def test_records_of_two_versions_make_no_pairs():
    old = [record("prolonged", s, 0.3) for s in (1, 2)]
    for run in old:
        del run.config["moves"]
    panel = widgets.ablation([*old, record("M3+MIRL", 1, 0.5), record("M3+MIRL", 2, 0.6)])
    assert "no pairs with prolonged" in panel.told.value and "gain" not in alt(panel)[:250]


def test_curves_are_there_too_and_answers_come_fast():
    panel = widgets.ablation(records())
    panel.curve.value = "rank1"
    assert "rank-1 (%) over the epochs, from first to last, mean over seeds: M3+MIRL 42" in alt(
        panel
    )
    panel.curve.value = panel.curve.options[0][1]

    def step(i):
        panel.switches["split_prototypes"].value = bool(i % 2)

    assert charts_of(step) < ANSWER


def test_stage_2_alone_is_drawn_where_stage_2_begins():
    """A whole run has recorded its stage 1; a run that went on from one kept elsewhere has not."""
    alone, whole = record("M3", 1, 0.5), record("M3+MIRL", 1, 0.6)
    whole.curves[:0] = [{"epoch": e, "stage": 1, "rank1": 0.1} for e in range(3)]
    _, ax = plots.canvas()
    told = draw_curves({"M3": [alone], "M3+MIRL": [whole]}, "rank1", ax)
    first, second = (line.get_xdata()[np.isfinite(line.get_ydata())] for line in ax.lines[:2])
    assert first.tolist() == [3, 4] and second.tolist() == [0, 1, 2, 3, 4]
    assert "M3 40 to 50; M3+MIRL 10 to 60" in told
    _, ax = plots.canvas()
    draw_curves({"M3": [alone]}, "rank1", ax)
    assert ax.get_xlabel() == "epoch of stage 2"
    assert draw_curves({"M3": [alone]}, "global/lone", ax) == "No run recorded global/lone."


def test_another_data_set_keeps_what_the_reader_has_moved():
    here = [record(row, 1, 0.4) for row in ("M1", "M3+MIRL", "prolonged")]
    there = [record(row, 1, 0.3, name="another") for row in ("M1", "M3+MIRL", "prolonged")]
    panel = widgets.ablation([*here, *there])
    panel.data.value, panel.against.value, panel.start.value = SMALL, "M1", lookup.WHOLE
    panel.switches["global_clusters"].value = "vanilla"
    before = panel.config("", panel.changes())
    panel.data.value = "another"
    assert panel.switches["global_clusters"].value == "vanilla"
    assert panel.config("", panel.changes()) == before and panel.against.value == "M1"


def test_each_method_has_its_own_switches_behind_one_choice():
    panel = widgets.ablations([record("M3", 0, 0.3)])
    assert [n for _, n in panel.method.options] == [n for n in methods.TABLE if n != "dcl"]
    assert panel.method.value == "bmil", "the first that has a record"
    first = panel.chosen
    panel.method.value = "dmdl"
    assert "matching" in panel.chosen.switches and set(panel.made) == {"bmil", "dmdl"}
    assert panel.chosen.switches["data"].value == "pseudo_colour", "DMDL's pictures, not the world"
    assert "▶ 7" in panel.chosen.told.value
    panel.method.value = "bmil"
    assert panel.chosen is first
    with pytest.raises(ValueError, match="no method to show"):
        widgets.ablations([], [])


# Live training


@pytest.fixture
def toys(world, monkeypatch):  # noqa: F811
    """The toy world in the tiny one's place."""
    monkeypatch.setattr(experiment, "prepare", lambda *_, **__: world)
    return world


def test_it_opens_on_the_data_set_where_the_method_has_records():
    """The first by name may know other rows only."""
    runs = [record("M2", 1, 0.4, name="a data set"), record("M3+MIRL", 1, 0.5)]
    panel = widgets.ablation(runs)
    assert panel.data.options[0] == "a data set" and panel.data.value == SMALL
    level = widgets.ablation([*runs, record("M3+MIRL", 1, 0.4, name="a data set")])
    assert level.data.value == "a data set", "level in the method itself, ahead in all rows"


def test_counts_are_drawn_as_counts():
    """Per cent are for what is a share."""
    for key in ("visible/kept", "global/cross_pairs", "trials", "loss/oclr", "visible/clusters"):
        assert not _percent(key)
    for key in ("rank1", "visible/ari", "global/lone", "rank1_over_trials_sd"):
        assert _percent(key)


def press(panel) -> None:
    panel.live.button.click()
    if thread := panel.live.thread:  # else it is through already
        thread.join(120)
    assert not panel.live.running


def test_what_has_no_record_is_trained_kept_and_shown_again(toys, student):
    panel = widgets.ablation([])
    panel.start.value = "M2"
    press(panel)
    assert "kept in your folder" in panel.live.status.value, panel.live.status.value
    (run,) = panel.runs
    assert run.config["global_clusters"] == "vanilla" and run.config["epochs"][0] == 0
    assert panel.data.value == run.data["name"] and "chosen: M2" in alt(panel)
    assert "one seed: no spread" in panel.told.value
    again = widgets.ablation([])
    names = {r.config["global_clusters"] for r in again.runs}
    assert "vanilla" in names and again.data.value == run.data["name"]
    panel.start.value = "M3"
    panel.switches["centring"].value = True
    press(panel)
    assert "chosen: M3, centring on" in alt(panel), "the choice stays on the new data set"
    assert len(panel.runs) == 2 and len(list(student.rglob("stage1/run.json"))) == 1, "one stage 1"


def test_cancel_ends_at_the_next_step_and_go_on_resumes(toys, student):
    panel, steps = widgets.ablation([]), []

    def until(n):
        def report(done, total):
            steps.append(done)
            panel.live.report(done, total)
            if len(steps) == n:
                panel.live.cancel.click()

        return report

    panel.live._work = lambda changes, _: ablation_live.train(
        "bmil", changes, until(3), folder=panel.kept
    )
    press(panel)
    assert "cancelled" in panel.live.status.value and not panel.runs
    assert panel.live.button.description == "go on" and panel.live.cancel.disabled
    taken = len(steps)
    panel.live._work = lambda changes, _: ablation_live.train(
        "bmil", changes, until(-1), folder=panel.kept
    )
    press(panel)
    (run,) = panel.runs
    assert len(steps) - taken < toys.train.__len__() and run.result
    assert panel.live.button.description == "train it now"


def test_the_bar_tells_the_time_left_and_failures_are_said():
    said, go = [], threading.Event()

    def work(given, report):
        for done in range(4):
            report(done, 4)
            said.append(live.status.value)
        go.wait(5)
        raise ValueError("eps=9 is too large")

    live = Live(work, print)
    live.begin()
    live.begin()  # a second press does nothing
    go.set()
    if thread := live.thread:
        thread.join(10)
    assert any("left in this part" in text for text in said)
    assert "eps=9 is too large" in live.status.value and not live.button.disabled


def test_whatever_a_readers_class_raises_is_said_and_can_be_tried_again():
    def work(given, report):
        raise KeyError("<typo>")

    live = Live(work, print)
    live.begin()
    if thread := live.thread:
        thread.join(10)
    assert "KeyError: &#x27;&lt;typo&gt;&#x27;" in live.status.value
    assert not live.button.disabled and live.button.description == "train it now"


def test_go_on_goes_when_another_setting_is_chosen():
    panel = widgets.ablation(records())
    panel.live.button.description = "go on"  # as after a cancelled training
    panel.live.say("cancelled")
    panel.start.value = "M4"
    assert panel.live.button.description == "train it now"
    assert "cancelled" not in panel.live.status.value


def test_a_cancelled_report_raises():
    live = Live(lambda *_: None, print)
    live.cancel.click()
    with pytest.raises(Cancelled):
        live.report(1, 2)
