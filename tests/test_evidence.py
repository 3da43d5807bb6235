"""The plan of all runs, the store that knows them, and the numbers made of them."""

import json
from dataclasses import replace
from functools import partial
from importlib import import_module

import pytest
import torch
from toy import images, net, test_of

from vireid import evidence, experiment, methods
from vireid.cli import main
from vireid.evidence.plan import PLAN, Cell, Evidence, Study
from vireid.experiment import Experiment
from vireid.experiment.rows import STAGE1
from vireid.files.write import put
from vireid.paths import CHECKOUT
from vireid.runs import Run

make_module = import_module("vireid.evidence.make")  # the function hides it
SMALL = {
    "epochs": (1, 1), "iterations": 2, "k1": 6, "k2": 2, "eps": 0.7, "min_samples": 2,
    "identities": 3, "instances": 2, "lr": 1e-3, "subset_ratio": 1.0,
}  # fmt: skip
STUDY = Study(
    name="toy", data="toy", method="bmil", method_preset="toy", seeds=[1, 2], minutes=3,
    rows=["stage1", "prolonged", "M2"], changes={"long": {"row": "M2", "stage2_iterations": 3}},
)  # fmt: skip


@pytest.fixture
def world(monkeypatch):
    """A data set "toy" with a network and a setting of BMIL."""
    monkeypatch.setitem(methods.kind("bmil").presets, "toy", SMALL)
    monkeypatch.setattr(Experiment, "model", lambda self, seed=0: net(seed))
    table = images()
    made = Experiment("toy", None, table, test_of(table), "toy", None, "toy")
    monkeypatch.setattr(experiment, "prepare", lambda name, **options: made)


def made(**changes) -> Evidence:
    return Evidence([replace(STUDY, **changes)], [], [])


def test_what_is_missing_is_trained_once(world, tmp_path):
    plan, places = made(seeds=[1]), {"out": tmp_path / "out", "store": tmp_path / "store"}
    verdicts = partial(evidence.states, plan.cells, places["store"])
    assert {s.verdict for s in verdicts()} == {evidence.MISSING}
    assert evidence.minutes(verdicts()) == 12
    evidence.make(plan.cells, **places)
    assert {s.verdict for s in verdicts()} == {evidence.KEPT} and evidence.minutes(verdicts()) == 0
    kept = {s.cell.label: s.run for s in verdicts()}
    assert kept["M2"].before["rank1"] == kept["stage1"].result["rank1"]
    assert [kept[name].steps for name in ("stage1", "prolonged", "M2", "long")] == [2, 4, 4, 6]
    written = {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*.json")}
    evidence.make(plan.cells, **places)
    assert written == {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*.json")}


def test_a_study_goes_on_from_the_stage_1_of_another_by_more_threads(world, tmp_path):
    studies = [replace(STUDY, seeds=[1], rows=["M2"], changes={})]
    studies.append(replace(studies[0], name="again", begins="toy", threads=2))
    cells = Evidence(studies, [], []).cells
    first, others = make_module._waves(cells)
    assert [*map(str, first)] == ["toy/seed1/M2"] and [*map(str, others)] == ["again/seed1/M2"]
    threads = torch.get_num_threads()
    try:
        evidence.make(cells[::-1], out=tmp_path / "out", store=tmp_path)
    finally:
        torch.set_num_threads(threads)
    toy, again = (Run.load(tmp_path / cell.file).identity for cell in cells)
    assert (toy["threads"], again["threads"]) == (1, 2)
    assert toy["network"]["weights"] == again["network"]["weights"]
    assert [p.name for p in (tmp_path / "out" / "again" / "seed1").iterdir()] == ["M2"]
    record = tmp_path / "out" / "toy" / "seed1" / "stage1" / "run.json"
    carried = Run.load(record)
    replace(carried, identity=carried.identity | {"device": "cuda"}).save(record)
    more = replace(studies[1], name="more", threads=1)
    (cell,) = Evidence([more], [], []).cells
    evidence.make([cell], out=tmp_path / "out", store=tmp_path)
    assert Run.load(tmp_path / cell.file).identity["network"] == toy["network"]


def test_records_of_another_identity_are_named_and_replaced_when_asked(
    world, tmp_path, monkeypatch
):
    places = {"out": tmp_path / "out", "store": tmp_path / "store"}
    first = made(rows=["stage1"], changes={}, seeds=[1])
    evidence.make(first.cells, **places)
    monkeypatch.setattr("vireid.methods.dcl.DCL.numbers", 7)
    (state,) = evidence.states(first.cells, places["store"])
    assert state.verdict == evidence.ANOTHER and "numbers: [1, 1] kept, [1, 7] planned" in state.why
    with pytest.raises(ValueError, match=r"(?s)seed1/stage1 \(numbers.*--replace"):
        evidence.make(first.cells, **places)
    other = made(rows=["stage1"], changes={}, seeds=[1], switches={"k1": 7})
    (state,) = evidence.states(other.cells, places["store"])
    assert "k1: 6 kept, 7 planned" in state.why
    evidence.make(other.cells, replace=True, out=tmp_path / "new", store=places["store"])
    assert evidence.state(other.cells[0], places["store"]).verdict == evidence.KEPT


def test_two_at_a_time_give_the_same(tmp_path):
    """In processes of their own, so on a world that they can make themselves."""
    studies = [  # of one name, so in one folder
        Study(
            name="tiny", data="synthvi", preset="tiny", method="dcl", method_preset="tiny",
            seeds=[1, 2], minutes=1, changes={label: {"epochs": [1, 0], "iterations": steps}},
        )
        for label, steps in (("one step", 1), ("two steps", 2))
    ]  # fmt: skip
    plan = Evidence(studies, [], [])
    changes = {name: {"row": "M2", "eps": 1e-6} for name in ("noise", "more")}
    broken = {"method": "bmil", "changes": changes}
    noise = Evidence([replace(studies[0], name="noise", seeds=[1], **broken)], [], []).cells
    for jobs, cells in ((1, plan.cells), (2, [*noise, *plan.cells])):
        folder = tmp_path / str(jobs)
        train = partial(evidence.make, cells, out=folder / "out", store=folder / "store", jobs=jobs)
        if jobs == 1:
            train()
            continue
        with pytest.raises(RuntimeError, match="2 of 6 runs failed, all others are kept") as found:
            train()
        first, second = str(found.value).splitlines()[1:]
        assert first.startswith("  noise/seed1/noise: NoClustersError: epoch 0")
        assert second == "  noise/seed1/more: its stage 1 failed"
    for cell in plan.cells:
        one, two = (Run.load(tmp_path / str(jobs) / "store" / cell.file) for jobs in (1, 2))
        assert one.result == two.result and one.identity == two.identity
        seen = evidence.state(cell, tmp_path / "1" / "store", pictures=True)
        assert seen.verdict == evidence.KEPT
        moved = one.identity["data"] | {"fingerprint": "another"}
        one.identity["data"] = moved
        one.save(tmp_path / "1" / "store" / cell.file)
        seen = evidence.state(cell, tmp_path / "1" / "store", pictures=True)
        assert seen.verdict == evidence.ANOTHER and "fingerprint" in seen.why


def test_a_study_goes_on_from_a_stage_1_of_other_settings(world, tmp_path):
    own = replace(STUDY, seeds=[1], rows=["M2"], changes={})
    slow = own.switches | {"lr": 1e-5}
    other = replace(own, name="crossed", begins="toy", switches=slow, stage1_switches=own.switches)
    (cell,) = Evidence([other], [], []).cells
    assert make_module._stage1(cell) == ("toy", 1, "stage1")
    evidence.make([cell], out=tmp_path / "out", store=tmp_path / "store")
    record = Run.load(tmp_path / "store" / cell.file)
    first = Run.load(tmp_path / "out" / "toy" / "seed1" / "stage1" / "run.json")
    assert (first.config["lr"], record.config["lr"]) == (SMALL["lr"], 1e-5)
    assert record.before.items() <= first.result.items()
    (plain,) = Evidence([replace(other, stage1_switches=None)], [], []).cells
    seen = evidence.state(plain, tmp_path / "store")
    assert seen.verdict == evidence.ANOTHER and "begins: stage1-" in seen.why
    assert "stage1/model.safetensors planned" in seen.why


def test_side_by_side_a_stage_1_is_trained_before_what_begins_from_it(world):
    cells = made().cells
    first, others = make_module._waves(cells[::-1])
    assert [str(cell) for cell in first] == ["toy/seed2/long", "toy/seed1/long"]
    assert [cell.label for cell in others] == ["M2", "prolonged", "stage1"] * 2
    alone = make_module._waves(made(whole=True, rows=["prolonged", "M2"]).cells)
    assert not alone[1] and len(alone[0]) == 6, "rows that train their own wait for nobody"


def run(seed: int, rank1: float, *, steps=10, curves=(), cpu=60.0) -> Run:
    result = {"rank1": rank1, "mAP": rank1 / 2, "mINP": rank1 / 4}
    told = [{"epoch": e, "stage": 2, **row} for e, row in enumerate(curves)]
    return Run("mult", {}, seed, result=result, steps=steps, curves=told, cpu_seconds=cpu)


FOUND = {
    "s": {
        "stage1": [run(1, 0.20, steps=4), run(2, 0.30, steps=4), run(3, 0.25, steps=4)],
        "base": [run(1, 0.30), run(2, 0.40), run(3, 0.35)],
        "top": [run(1, 0.70), run(2, 0.80), run(3, 0.75)],
        "1": [run(1, 0.40), run(2, 0.60, curves=[{"rank1": 0.9}]), run(3, 0.45)],
        "2": [run(1, 0.50), run(2, 0.50), run(3, 0.55)],
    }
}
EQUAL = [
    {"title": "Base", "study": "s", "row": "base", "role": "base"},
    {"title": "Top", "study": "s", "row": "top", "role": "top"},
    {"title": "Ours", "study": "s", "row": "1", "note": "a note"},
    {"title": "Whole", "study": "s", "row": "2", "whole": True},
    {"title": "Other", "study": "s", "row": "nobody"},
]


def test_equal_terms_by_hand():
    table = evidence.equal_terms(EQUAL, FOUND)
    ours = table.loc["Ours"]
    assert ours["rank1"] == "48.3 (10.4)" and ours["mAP"] == "24.2 (5.2)"
    assert ours["gain by seed"] == "+10.0 / +20.0 / +10.0" and ours["mean gain"] == "+13.3 (5.8)"
    assert ours["way to the top"] == "33 %"  # 13.3 of 40 points
    assert ours["95 % of the gain"] == "-1.0 to +27.7"  # 13.33 +- 4.303 * 5.77 / sqrt(3)
    hardly = {"s": FOUND["s"] | {"top": [run(1, 0.31), run(2, 0.8), run(3, 0.75)]}}
    share = evidence.equal_terms(EQUAL, hardly).loc["Ours", "way to the top"]
    assert share == "", "the top gains next to nothing in seed 1"
    assert (ours["seeds"], ours["steps"], ours["CPU minutes"]) == ("1 2 3", "14", "2")
    assert (
        ours["note"] == "a note" and ours["best on the test set"] == ""
    )  # one of three was scored
    assert table.loc["Whole", "steps"] == "10"
    low, high = map(float, ours["95 % of the mean"].split(" to "))
    assert 40 <= low < 48.3 < high <= 60
    assert table.loc["Base", "gain by seed"] == "" == table.loc["Top", "way to the top"]
    assert table.loc["Other", "seeds"] == "not run"


def test_the_best_epoch_is_of_the_last_stage():
    scored = [run(1, 0.5, curves=[{"rank1": 0.9, "stage": 1}, {"rank1": 0.6}, {"rank1": 0.55}])]
    equal = [{"title": "Ours", "study": "s", "row": "1"}]
    table = evidence.equal_terms(equal, {"s": {"1": scored, "stage1": scored}})
    assert table.loc["Ours", "best on the test set"] == "60.0"


def test_steps_beside_the_paper():
    steps = [["1", "2", "shared memory"], ["2", "3", "more"]]
    ladder = {"method": "mult", "study": "s", "table": "Table 2", "steps": steps}
    table = evidence.against_paper(Evidence([], [], [ladder]), FOUND)
    first, second = table.to_dict("records")
    assert first["gain by seed"] == "+10.0 / -10.0 / +10.0" and first["agrees"] == "mixed"
    assert first["paper"] == "+18.7"  # 60.43 - 41.76
    assert second["gain by seed"] == "not run" == second["agrees"]
    for scores, verdict in [
        ((0.5, 0.7, 0.9), "yes"),
        ((0.1, 0.1, 0.1), "no"),
        ((0.5, 0.7), "too few seeds"),
    ]:
        own = {"s": FOUND["s"] | {"2": [run(seed, s) for seed, s in enumerate(scores, 1)]}}
        assert evidence.against_paper(Evidence([], [], [ladder]), own)["agrees"][0] == verdict


def test_a_step_that_the_paper_tells_in_words_has_a_sign():
    steps = [["base", "1", "more", "+"], ["1", "base", "less", "+"], ["base", "2", "and more"]]
    ladder = {"method": "mcf", "study": "s", "table": "", "steps": steps}
    table = evidence.against_paper(Evidence([], [], [ladder]), FOUND)
    assert table["paper"].tolist() == ["+", "+", ""]
    assert table["agrees"].tolist() == ["yes", "no", ""]


@pytest.mark.parametrize("apart, verdict", [(0.05, "yes"), (0.12, "level")])
def test_a_mean_within_chance_is_level(apart, verdict):
    """Gains of 10, 20 and 10: 13.3 in the mean; two standard errors of 5 and 12 are 5.8, 13.9."""
    pair = {"method": "X", "kept": "s", "other": "o", "rows": ["top"], "word": "elsewhere"}
    gpu = {"device": "cuda"}
    again = [
        replace(run(seed, score + apart), identity=gpu)
        for seed, score in ((1, 0.7), (2, 0.8), (3, 0.75))
    ]
    ladder = {"method": "mcf", "study": "s", "table": "", "steps": [["base", "1", "more", "+"]]}
    plan = Evidence([], EQUAL, [ladder], again=[pair])
    table = evidence.against_paper(plan, FOUND | {"o": {"top": again}})
    assert table["agrees"].tolist() == [verdict]
    told = evidence.guide(plan, FOUND | {"o": {"top": again}})
    assert any(s.startswith("Neither: Ours") for s in told) == (verdict == "level")


def test_chance_of_trainings_from_the_start_is_told_apart():
    pair = {"method": "X", "kept": "s", "other": "o", "rows": ["top"], "word": "elsewhere"}
    ladder = {"method": "mcf", "study": "s", "table": "", "steps": [["base", "1", "more", "+"]]}
    plan = Evidence([], EQUAL, [ladder], again=[pair])
    both = {"config": {"epochs": [6, 7]}, "versions": {"processor": "another"}}
    again = [replace(run(k, 0.1 + score), **both) for k, score in ((1, 0.7), (2, 0.8), (3, 0.75))]
    found = FOUND | {"o": {"top": again}}
    size = evidence.size_of_chance(plan, found)
    assert size.same == 0 and size.whole == pytest.approx(10)
    assert evidence.against_paper(plan, found)["agrees"].tolist() == ["yes"]
    whole = {"s": FOUND["s"] | {"1": [replace(one, **both) for one in FOUND["s"]["1"]]}}
    assert evidence.against_paper(plan, found | whole)["agrees"].tolist() == ["yes"]
    far = [replace(one, result=one.result | {"rank1": one.result["rank1"] + 0.1}) for one in again]
    found["o"]["top"] = far  # 13.3 in the mean is less than two standard errors of 20, 23.1
    assert evidence.against_paper(plan, found)["agrees"].tolist() == ["yes"]
    assert evidence.against_paper(plan, found | whole)["agrees"].tolist() == ["level"]


def test_chance_is_that_of_the_pair():
    """Only two that go on from the same stage 1 are as alike as the smaller size tells."""

    def begun(weights: str, *scores: float, epochs=(0, 7)) -> list[Run]:
        told = {"identity": {"network": {"weights": weights}}, "config": {"epochs": list(epochs)}}
        return [replace(run(k, score), **told) for k, score in enumerate(scores, 1)]

    size = evidence.gains.Chance(same=1.0, whole=10.0)
    base = begun("a", 0.3, 0.3, 0.3)
    added = [
        evidence.gains.gain(begun(*told), base, size)
        for told in (("a", 0.35, 0.34, 0.33), ("b", 0.35, 0.34, 0.33))
    ]
    assert [round(one.chance, 6) for one in added] == [1, 10]
    assert [(one.ahead, one.level) for one in added] == [(True, False), (False, True)]
    whole = evidence.gains.gain(begun("a", 0.35, 0.34, epochs=(6, 7)), base, size)
    assert whole.chance == pytest.approx(10) and whole.told == "+5.0 / +4.0"
    mixed = evidence.gains.gain(begun("a", 0.3)[:1] + begun("b", 0, 0.3)[1:], base, size)
    assert mixed.chance == pytest.approx((101 / 2) ** 0.5)
    assert evidence.gains.gain([], base, size).points == []
    assert evidence.gains.Chance(same=2.0).of(base[0], begun("b", 0.3)[0]) == 2, "not measured"


def test_cost_is_told_apart_by_how_often_it_was_scored():
    source = {"data": "synthvi", "preset": "tiny", "options": {}, "evaluate_every": 2}
    often = [replace(one, source=source) for one in FOUND["s"]["1"]]
    told = evidence.guide(Evidence([], EQUAL, []), {"s": FOUND["s"] | {"1": often}})
    words = "CPU minutes with stage 1 of those ahead, scored"
    assert [s for s in told if s.startswith(words)] == [
        f"{words} at the end alone: Whole 1.", f"{words} every 2 epochs: Ours 2."
    ]  # fmt: skip


def test_a_run_that_began_from_another_training_of_its_stage_1_is_marked():
    kept = [
        replace(run(seed, 0.3), result={"rank1": 0.3, "mAP": 0.4, "mINP": 0.2}) for seed in (1, 2)
    ]
    starts = {"stage1/model.safetensors": 0.41, "stage1-abc/model.safetensors": 0.41}
    rows = {
        name: [replace(one, source={"weights": name}, before={"mAP": mAP}) for one in kept]
        for name, mAP in (*starts.items(), ("same", 0.4))
    }
    rows["same"] = [
        replace(one, before={"mAP": 0.40001}) for one in rows["stage1/model.safetensors"]
    ]
    table = evidence.rows({"stage1": kept} | rows)["rank-1 by seed"]
    assert table.tolist() == ["30.0 / 30.0", "30.0‡ / 30.0‡", "30.0 / 30.0", "30.0 / 30.0"]


def test_guide_compares_methods_that_lost_the_same_people():
    def told(share: float, *scores: float) -> list[Run]:
        source = {"data": "synthvi", "preset": "tiny", "options": {"absent": share}}
        return [replace(run(seed, score), source=source) for seed, score in enumerate(scores, 1)]

    found = {
        "s": {"base": told(0.0, 0.3, 0.4, 0.3), "1": told(0.0, 0.6, 0.6, 0.6)},
        "s_absent_0.5": {"base": told(0.5, 0.2, 0.3, 0.2), "1": told(0.5, 0.3, 0.2, 0.4)},
    }
    for share, study in zip((0.0, 0.5), found.values(), strict=True):
        study |= {row: told(share, 0.7, 0.7, 0.7) for row in ("top", "stage1")}
    alone = {"title": "stage 1", "study": "s", "row": "stage1"}

    def last_sentence(*scores: float) -> str:
        found["s_absent_0.5"]["1"] = told(0.5, *scores)
        return evidence.guide(Evidence([], [alone, *EQUAL[:3]], []), found)[-1]

    words = (
        "With 50% of the people missing on one side, in points of rank-1 over stage 1 prolonged "
        "on the same pictures, ahead of it in every seed and beyond chance: "
    )
    mixed, ahead, behind = (
        "(+10.0 / -10.0 / +20.0)",
        "(+10.0 / +10.0 / +20.0)",
        "(-10.0 / -10.0 / -10.0)",
    )
    drawn, half = (
        "drawn people, all in both modalities",
        "drawn people, 50% of them in one modality",
    )
    for scores, start in (((0.3, 0.2, 0.4), "Base"), ((0.3, 0.4, 0.4), "Ours")):
        found["s_absent_0.5"]["1"] = told(0.5, *scores)
        table = evidence.start_from(Evidence([], [alone, *EQUAL[:3]], []), found)
        assert table["start from"].to_dict() == {drawn: "Ours", f"{half} alone": start}
    assert last_sentence(0.3, 0.2, 0.4) == f"{words}none. Behind: none. Neither: Ours {mixed}."
    assert last_sentence(0.3, 0.4, 0.4) == f"{words}Ours {ahead}. Behind: none. Neither: none."
    assert last_sentence(0.1, 0.2, 0.1) == f"{words}none. Behind: Ours {behind}. Neither: none."
    found["s_absent_0.5"]["1"].pop()
    assert not any(
        "on the same pictures" in s for s in evidence.guide(Evidence([], EQUAL, []), found)
    )


def test_guide_says_only_what_the_seeds_allow():
    told = evidence.guide(Evidence([], EQUAL, []), FOUND)
    assert told == [
        "Ahead of stage 1 prolonged in every seed and beyond chance, in points of rank-1: Ours "
        "(+10.0 / +20.0 / +10.0); Whole (+20.0 / +10.0 / +20.0).",
        "Behind stage 1 prolonged in every seed and beyond chance, in points of rank-1: none of "
        "those that were given no identities.",
        "The largest mean gain is that of Whole (+16.7). These seeds cannot tell it from (points "
        "over it): Ours (-10.0 / +10.0 / -10.0).",
        "CPU minutes with stage 1 of those ahead, scored at the end alone: Whole 1, Ours 2.",
        "Fewer than 3 seeds, so nothing is said of: Other (none).",
    ]
    table = evidence.start_from(Evidence([], EQUAL, []), FOUND)
    assert table.to_numpy().tolist() == [["Whole", "+20.0 / +10.0 / +20.0", "Ours"]]
    order = {"method": "X", "released": "s", "other": "o", "rows": ["1"], "word": "turned"}
    turned = FOUND | {"o": {"1": [run(3, 0.3), run(2, 0.6), run(1, 0.6)][::-1]}}
    told = evidence.guide(Evidence([], EQUAL, [], [order]), turned)
    assert told[-1] == (
        "Another order of writing into the memories moves rank-1 in the mean over seeds by +1.7 "
        "(X, row 1: turned) to +1.7 (X, row 1: turned); level in none of 1 rows (table: Who is "
        "written last)."
    )
    mixed = {"s": FOUND["s"] | {"1": [run(1, 0.2), run(2, 0.5), run(3, 0.4)]}}
    told = evidence.guide(Evidence([], EQUAL, []), mixed)
    assert "Neither: Ours (-10.0 / +10.0 / +5.0)." in told
    assert told[3].endswith("cannot tell it from (points over it): Ours (-30.0 / +0.0 / -15.0).")
    behind = {"s": FOUND["s"] | {"1": [run(seed, 0.2) for seed in (1, 2, 3)]}}
    (most,) = [s for s in evidence.guide(Evidence([], EQUAL, []), behind) if "largest" in s]
    assert most == (
        "The largest mean gain is that of Whole (+16.7). All others are behind it in every seed."
    )
    table = evidence.start_from(Evidence([], EQUAL, []), behind)
    assert table.to_numpy().tolist() == [["Whole", "+20.0 / +10.0 / +20.0", ""]]
    lost = {"s": FOUND["s"] | {row: [run(seed, 0.1) for seed in (1, 2, 3)] for row in "12"}}
    (line,) = evidence.start_from(Evidence([], EQUAL, []), lost).to_numpy().tolist()
    assert line[1:] == ["nobody is ahead of it", ""]
    assert evidence.start_from(Evidence([], [], []), {}).empty
    base = [run(seed, 0.3) for seed in range(1, 7)]
    parts = {"1": [run(s, 0.5) for s in (1, 2, 3)], "2": [run(s, 0.6) for s in (4, 5, 6)]}
    (line,) = evidence.start_from(Evidence([], EQUAL, []), {"s": {"base": base} | parts}).to_numpy()
    assert line.tolist()[::2] == ["Whole", ""], "without a seed in common nobody is as good"
    none = {"s": FOUND["s"] | {row: [run(seed, 0.32) for seed in (1, 2, 3)] for row in "12"}}
    told = evidence.guide(Evidence([], EQUAL, []), none)
    assert "The largest mean gain is that of Ours, and it is none in some seed." in told


def test_what_another_order_is_worth_after_stage_1():
    def begun(study: str, *scores: float, epochs: int = 0) -> dict[str, list[Run]]:
        runs = [run(seed, 0.5) for seed in (1, 2, 3)]
        told = [
            replace(one, before={"rank1": score}, config={"epochs": [epochs, 7]})
            for one, score in zip(runs, scores, strict=True)
        ]
        return {study: {"1": told, "2": told}}

    order = {"method": "X", "released": "s", "other": "o", "rows": ["1", "2"], "word": "turned"}
    plan, start = Evidence([], EQUAL, [], [order]), begun("s", 0.2, 0.3, 0.2)
    table = evidence.orders(plan, FOUND | start | begun("o", 0.4, 0.4, 0.1))
    assert [*table["row"]] == ["1", "2"] and set(table["another order"]) == {"turned"}
    first = table.iloc[0]
    assert first["after stage 1"] == "+20.0 / +10.0 / -10.0" and first["seeds"] == "1 2 3"
    assert first["gain by seed"] == "+0.0 / +0.0 / +0.0" and first["mean"] == "+0.0"
    whole = evidence.orders(plan, FOUND | start | begun("o", 0.4, 0.4, 0.1, epochs=6))
    assert set(whole["after stage 1"]) == {""}, "it trained its own"
    level = evidence.guide(plan, FOUND | start | begun("o", 0.4, 0.4, 0.1))[-1]
    assert "level in none of 2 rows" in level, "no chance has been measured"
    assert evidence.orders(plan, FOUND).empty


def test_a_gain_between_machines_is_marked():
    there = replace(run(2, 0.5), identity={"device": "cuda"})
    found = {"s": FOUND["s"] | {"2": [run(1, 0.5), there, run(3, 0.55)]}}
    table = evidence.equal_terms(EQUAL, found)
    assert table.loc["Whole", "gain by seed"] == "+20.0 / +10.0† / +20.0"
    steps = {"method": "mcf", "study": "s", "table": "", "steps": [["1", "2", "more"]]}
    (step,) = evidence.against_paper(Evidence([], [], [steps]), found).to_dict("records")
    assert step["gain by seed"] == "+10.0 / -10.0† / +10.0"
    assert step["95 % of the gain"] == "-25.4 to +32.0"  # 3.33 +- 4.303 * 11.55 / sqrt(3)


def test_chance_is_what_two_equal_trainings_differ_by():
    pair = {"method": "X", "kept": "s", "other": "o", "rows": ["1"], "word": "elsewhere"}
    there = [(1, 0.41), (2, 0.58), (3, 0.44)]
    gpu = {"device": "cuda"}
    found = FOUND | {"o": {"1": [replace(run(*one), identity=gpu) for one in there]}}
    plan = Evidence([], EQUAL, [], again=[pair])
    (apart,) = evidence.chance(plan, found).values()
    assert {seed: round(value, 6) for seed, value in apart.items()} == {1: 1.0, 2: -2.0, 3: -1.0}
    assert evidence.guide(plan, found)[-1] == (
        "The same training from the same weights, but elsewhere, differs by 1.3 points of rank-1 "
        "in the mean of 3 and by 2.0 at most (-0.7 with the sign): X, row 1 (+1.0 / -2.0 / -1.0)."
    )
    alike, found["o"]["1"][0] = found["o"]["1"][0], run(1, 0.41)
    assert list(evidence.chance(plan, found)["X, row 1: elsewhere"]) == [2, 3], "not elsewhere"
    other = gpu | {"network": {"weights": "of another stage 1"}}
    found["o"]["1"][0] = replace(alike, identity=other)
    assert list(evidence.chance(plan, found)["X, row 1: elsewhere"]) == [2, 3]
    assert not any("elsewhere" in told for told in evidence.guide(plan, found))
    found["s"]["1"] = [replace(run, identity={"threads": 1}) for run in found["s"]["1"]]
    found["o"]["1"] = [replace(run(*one), identity={"threads": 2}) for one in there]
    assert list(evidence.chance(plan, found)["X, row 1: elsewhere"]) == [1, 2, 3], "other sums"


def test_records_come_by_seed_whichever_study_trained_them():
    states = [
        evidence.State(cell, evidence.KEPT, run(seed, 0.5))
        for cell, seed in zip(made().cells[:1] * 3, (4, 1, 2), strict=True)
    ]
    ((rows,),) = [labels.values() for labels in evidence.found(states).values()]
    assert [one.seed for one in rows] == [1, 2, 4]


def test_cpu_minutes_are_of_runs_on_a_cpu():
    """A run with an accelerator leaves most of its work out of its CPU seconds."""
    faster = replace(run(3, 0.45, cpu=6.0), identity={"device": "cuda"})
    found = {"s": FOUND["s"] | {"1": [*FOUND["s"]["1"][:2], faster]}}
    assert evidence.equal_terms(EQUAL, found).loc["Ours", "CPU minutes"] == "2"
    found["s"]["1"] = [faster]
    assert evidence.equal_terms(EQUAL, found).loc["Ours", "CPU minutes"] == ""
    cell = made().cells[0]
    states = [evidence.State(c, evidence.MISSING) for c in made().cells]
    assert evidence.minutes(states) == 24
    states[0] = evidence.State(cell, evidence.KEPT, faster)
    assert evidence.minutes(states) == 21, "the plan's three minutes each for the others"


@pytest.mark.parametrize(
    "text, told",
    [
        ("study = 3", "is no plan of evidence"),
        ("[[study]]\nname = 'x'", "is no plan of evidence"),
        ("[[study", "is no plan of evidence"),
        ("", "is no plan of evidence"),
    ],
)
def test_a_file_that_is_no_plan_is_named(tmp_path, text, told):
    file = tmp_path / "plan.toml"
    file.write_text(text)
    with pytest.raises(ValueError, match=rf"plan.toml {told}"):
        evidence.read(file)


GOOD = {
    "name": "x", "data": "synthvi", "preset": "tiny", "method": "bmil", "method_preset": "light",
    "seeds": [1], "minutes": 1, "rows": ["stage1", "M2"],
}  # fmt: skip
STEP = {"method": "bmil", "study": "x", "table": "T", "steps": [["stage1", "M2", "more", "+"]]}
PAIR = {"method": "bmil", "released": "x", "other": "x", "rows": ["M2"], "word": "w"}
BESIDE = {"title": "t", "study": "x", "base": "stage1", "rows": ["M2"], "names": {"M2": "two"}}


def written(**tables) -> str:
    """Entries, table -> list of them, as a plan file."""
    return "".join(
        f"[[{table}]]\n{''.join(f'{k} = {_toml(v)}' + chr(10) for k, v in entry.items())}"
        for table, entries in tables.items()
        for entry in entries
    )


def _toml(value) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f'"{k}" = {_toml(v)}' for k, v in value.items()) + " }"
    return json.dumps(value)


def test_a_plan_without_a_slip_is_read(tmp_path):
    row = {"title": "t", "study": "x", "row": "M2", "role": "base", "note": "n"}
    tables = {"equal": [row], "real": [row], "ladder": [STEP], "order": [PAIR]}
    kept = {("kept" if k == "released" else k): v for k, v in PAIR.items()}
    put(tmp_path / "plan.toml", written(study=[GOOD], **tables, again=[kept], beside=[BESIDE]))
    plan = evidence.read(tmp_path / "plan.toml")
    read = plan.equal, plan.real, plan.ladders, plan.orders, plan.again, plan.beside
    assert [len(entries) for entries in read] == [1] * 6


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"rows": ["typo"]}, "x: .*typo"),
        ({"rows": ["a/b"]}, "'a/b' is no name of a folder or record"),
        ({"name": "../x"}, "'../x' is no name"),
        ({"name": ".."}, "'..' is no name"),
        ({"seeds": []}, r"seeds=\[\]; give a list"),
        ({"seeds": 1}, "seeds=1; give a list"),
        ({"seeds": "12"}, "seeds='12'; give a list"),
        ({"seeds": [1.5]}, r"seed=1\.5; give a whole number"),
        ({"seeds": [-1]}, "seed=-1; give a whole number"),
        ({"minutes": -5}, "minutes=-5; give the CPU minutes"),
        ({"minutes": "many"}, "minutes='many'; give the CPU minutes"),
        ({"threads": 0}, "threads=0; give a whole number"),
        ({"data": "nowhere"}, "data='nowhere' is unknown; known: synthvi"),
        ({"method": "nobody"}, "x: .*nobody"),
        ({"method_preset": "nobody"}, "x: .*nobody"),
        ({"options": {"nope": 1}}, "options nope: unknown; known: absent"),
        ({"over": {"nope": [1]}}, "x_nope_1: options nope: unknown"),
        ({"fitting": {"evaluate": 1}}, "fitting evaluate: unknown; known: amp"),
        ({"fitting": {"select": "best_test"}}, "needs scores to choose by"),
        ({"changes": {"more": {"no_field": 1}}}, "x: .*no_field"),
    ],
)
def test_a_study_that_cannot_be_trained_is_named_before_anything_is(tmp_path, change, said):
    good = GOOD | {"name": "w", "seeds": [1]}
    put(tmp_path / "plan.toml", written(study=[good, GOOD | change]))
    with pytest.raises(ValueError, match=rf"plan\.toml: study .*{said}"):
        evidence.read(tmp_path / "plan.toml")


@pytest.mark.parametrize(
    ("tables", "said"),
    [
        ({"equals": [STEP]}, "is no plan of evidence .*unknown: equals"),
        ({"equal": [{"study": "x", "row": "M2"}]}, r": \[\[equal\]\] 1: it lacks title"),
        ({"real": [{"title": "t", "study": "y", "row": "M2"}]}, ".* study 'y' is not in the plan"),
        ({"equal": [{"title": "t", "study": "x", "row": "M3"}]}, ".* x has no row 'M3'; it has "),
        ({"ladder": [STEP, STEP | {"more": 1}]}, r": \[\[ladder\]\] 2: its more: unknown"),
        ({"ladder": [STEP | {"steps": [["M2", "more"]]}]}, ".*is no step: give two rows"),
        ({"order": [PAIR | {"rows": "M2"}]}, ".* rows='M2'; give a list"),
        ({"order": [PAIR | {"other": "y"}]}, ".* study 'y' is not in the plan"),
        ({"again": [PAIR]}, ".* it lacks kept"),
        ({"beside": [BESIDE | {"base": "M1"}]}, ".* x has no row 'M1'; it has "),
        ({"beside": [BESIDE | {"rows": ["M1"]}]}, ".* x has no row 'M1'; it has "),
    ],
)
def test_an_entry_of_nothing_that_is_planned_is_named(tmp_path, tables, said):
    put(tmp_path / "plan.toml", written(study=[GOOD], **tables))
    with pytest.raises(ValueError, match=rf"plan\.toml ?{said}"):
        evidence.read(tmp_path / "plan.toml")


def test_an_option_turned_over_values_makes_a_study_of_each(tmp_path):
    file = tmp_path / "plan.toml"
    file.write_text(
        '[[study]]\nname = "x"\ndata = "synthvi"\npreset = "tiny"\nmethod = "dcl"\n'
        'method_preset = "tiny"\nseeds = [1]\nminutes = 1\n'
        'changes = { "one step" = { epochs = [1, 0], iterations = 1 } }\n'
        "options = { modality_gap = 0.3 }\nover = { absent = [0.5], shots = [[8, 4]] }\n"
    )
    plan = evidence.read(file)
    assert {s.name: s.options for s in plan.studies} == {
        "x_absent_0.5": {"modality_gap": 0.3, "absent": 0.5},
        "x_shots_8-4": {"modality_gap": 0.3, "shots": (8, 4)},
    }
    evidence.make(plan.cells, out=tmp_path / "out", store=tmp_path / "store")
    for state in evidence.states(plan.cells, tmp_path / "store", pictures=True):
        assert state.verdict == evidence.KEPT, state.why


def test_lists_among_a_plans_options_are_taken_as_they_are_meant():
    (study,) = evidence.plan._turned(
        name="x", data="synthvi", method="dcl", method_preset="tiny", seeds=[1], minutes=1,
        options={"shots": [8, 4]},
    )  # fmt: skip
    assert study.options == {"shots": (8, 4)}


def test_a_best_epoch_is_kept_only_as_the_plan_chooses_it(tmp_path):
    """By mAP is another choice than by rank-1."""
    (study,) = evidence.plan._turned(
        name="x", data="synthvi", preset="tiny", method="dcl", method_preset="tiny", seeds=[1],
        minutes=1, changes={"one step": {"epochs": [1, 0], "iterations": 1}},
        fitting={"select": "best_test", "select_by": "mAP", "evaluate_every": 1},
    )  # fmt: skip
    cells = [Cell(study, "one step", 1)]
    evidence.make(cells, out=tmp_path / "out", store=tmp_path / "store")
    assert [s.verdict for s in evidence.states(cells, tmp_path / "store")] == [evidence.KEPT]
    study.fitting["select_by"] = "rank1"
    (state,) = evidence.states(cells, tmp_path / "store")
    assert state.verdict == evidence.ANOTHER and "select_by" in state.why


def test_a_plan_lists_no_run_twice(tmp_path):
    first = PLAN.read_text().split("\n[[study]]\n")[1]
    (tmp_path / "plan.toml").write_text(f"[[study]]\n{first}\n[[study]]\n{first}")
    with pytest.raises(ValueError, match=r"seed1/stage1.* twice"):
        evidence.read(tmp_path / "plan.toml")


def test_a_plan_tells_the_switches_of_the_stage_1_that_another_study_trains(tmp_path):
    told = PLAN.read_text() + (
        '[[study]]\nname = "crossed"\nbegins = "B"\nrows = ["M1"]\n'
        'data = "synthvi"\nmethod = "bmil"\nmethod_preset = "light"\nseeds = [1]\nminutes = 1\n'
    )
    file = tmp_path / "plan.toml"
    file.write_text(told.replace('"B"', '"synthvi_small_bmil"'))
    assert evidence.read(file).studies[-1].stage1_switches is None, "it is the same"
    file.write_text(told.replace('"B"', '"order_mult"'))
    assert evidence.read(file).studies[-1].stage1_switches == {"write_order": "var"}
    file.write_text(told.replace('"B"', '"threads_mult"'))
    with pytest.raises(ValueError, match="begin from threads_mult, which trains no stage 1"):
        evidence.read(file)


def test_a_row_that_nothing_trains_alone_is_named():
    whole = {"method": "mcf", "method_preset": "light", "changes": {}, "whole": True}
    study = replace(STUDY, rows=["stage1", "R1"], **whole)
    with pytest.raises(ValueError, match="study toy: nothing trains stage1"):
        assert study.trainings


def test_the_committed_plan_can_be_trained():
    plan = evidence.read()
    own = {s.name: s for s in plan.studies if STAGE1 in s.labels or not s.begins}
    for study in plan.studies:
        assert set(study.labels) <= set(study.trainings)
        if study.begins:
            for what in ("data", "preset", "method", "method_preset", "options"):
                assert getattr(own[study.begins], what) == getattr(study, what)
            first = study.stage1_switches
            assert own[study.begins].switches == (study.switches if first is None else first)
    named = {(s.name, label) for s in plan.studies for label in s.labels}
    assert {(row["study"], row["row"]) for row in plan.equal} <= named
    ends = {
        (one["study"], end) for one in plan.ladders for step in one["steps"] for end in step[:2]
    }
    assert ends <= named


def test_equal_terms_are_equal():
    """As many optimiser steps for everybody, stage 1 included."""
    plan, steps = evidence.read(), {}
    for row in plan.equal:
        study = next(s for s in plan.studies if s.name == row["study"] and row["row"] in s.labels)
        step = study.trainings[row["row"]]
        made = methods.build(study.method, preset="light", row=step.row, **step.switches)
        first = 204 if step.begins else 0
        steps[row["title"]] = made.steps + first
    assert steps.pop("stage 1") == 204 and set(steps.values()) == {680}


def test_command_shows_chooses_and_refuses(tmp_path, capsys):
    assert main(["evidence", "--show", "--records", str(tmp_path), "--only", "order_dmdl"]) == 0
    assert "about 15 CPU minutes to go" in capsys.readouterr().out
    assert main(["evidence", "--show", "--rows", "nonsense"]) == 2
    assert "--rows nonsense: not in the plan" in capsys.readouterr().err
    for jobs in ("0", "-2", "1.5"):
        with pytest.raises(SystemExit):
            main(["evidence", "--show", "--jobs", jobs])
        assert f"'{jobs}'; give a whole number >= 1" in capsys.readouterr().err


def test_page_says_what_is_not_run(tmp_path):
    text = evidence.page(store=tmp_path)
    assert text.count("not run") > 20 and "| BMIL | not run |" in text
    assert text == evidence.page(store=tmp_path) and "## On real people" not in text


def test_real_people_have_a_table_of_their_own_once_there_are_records(tmp_path):
    plan = evidence.read()
    cell = next(c for c in plan.cells if (c.study.name, c.label) == ("m3svd_bmil", "M3+MIRL"))
    kept = evidence.STORE / "synthvi_small_bmil" / f"seed{cell.seed}" / "M3+MIRL.json"
    record = json.loads(kept.read_text())
    wanted = methods.build("bmil", preset="m3svd", row="M3+MIRL", epochs=(0, 6)).config()
    record["identity"]["settings"] = wanted
    record["source"] |= {"data": "m3svd", "preset": None, "options": {}}
    put(tmp_path / cell.file, json.dumps(record))
    assert evidence.state(cell, tmp_path).why == ""
    text = evidence.page(store=tmp_path).partition("## On real people\n")[2]
    assert "| BMIL | 1 |" in text and "nothing is said of: naive joint clusters" in text
    assert {row["study"] for row in plan.real} <= {s.name for s in plan.studies}


def test_committed_page_is_made_of_the_committed_records():
    committed = (CHECKOUT / "docs/results.md").read_text("utf-8")
    assert committed == evidence.page(), "vireid evidence --page docs/results.md writes it anew"


def test_store_is_small_and_says_whose_its_records_are():
    """15 MB in git at most; no kept record without its identity."""
    assert sum(p.stat().st_size for p in evidence.STORE.rglob("*.json")) < 15e6
    kept = [s for s in evidence.states(evidence.read().cells) if s.verdict == evidence.KEPT]
    assert kept and all(s.run.identity and s.run.versions for s in kept)
