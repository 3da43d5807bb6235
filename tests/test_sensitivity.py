"""What makes people hard to find: SynthVI's dials, absence, and the figures over them."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from vireid import evidence, methods, plots
from vireid.cli import parser
from vireid.cli.options import prepare
from vireid.data.synthvi import load
from vireid.evidence import Evidence, dials, page
from vireid.evidence.gains import Chance
from vireid.experiment.train import source
from vireid.figures import DRAWINGS, sensitivity
from vireid.runs import Run, ladders
from vireid.types import Embeddings, Modality
from vireid.widgets.scene import Scene, disturbed


def changed(one, two) -> np.ndarray:
    """(n,) whether a picture differs."""
    return (one.source != two.source).any(axis=(1, 2, 3))


def test_modality_gap_changes_infrared_pictures_alone():
    rest, wide = load("tiny"), load("tiny", modality_gap=0.9)
    other = changed(rest, wide)
    assert other[rest.modality == Modality.INFRARED].all()
    assert not other[rest.modality == Modality.VISIBLE].any()
    assert wide.name == "synthvi tiny train, modality_gap 0.9"
    queries = (load("tiny", "query", modality_gap=gap) for gap in (None, 0.9))
    assert changed(*queries).all()
    assert load("tiny", modality_gap=None).fingerprint == rest.fingerprint


def test_visible_only_takes_cues_from_the_infrared_pictures_of_a_share_of_the_people():
    rest = load("tiny")
    people = []
    for share in (0.0, 0.5, 1.0):
        other = changed(rest, load("tiny", visible_only=share))
        assert not other[rest.modality == Modality.VISIBLE].any()
        people.append(set(rest.identity[other].tolist()))
    assert not people[0] and people[0] < people[1] < people[2]
    assert 5 <= len(people[1]) <= 15 and len(people[2]) >= 15  # some have neither pattern nor bag


def test_shots_of_a_training_person():
    table, rest = load("tiny", shots=[8, 2]), load("tiny")
    assert [len(table.of(m)) for m in Modality] == [8 * 20, 2 * 20]
    assert not changed(table.of(Modality.VISIBLE), rest.of(Modality.VISIBLE)).any()
    kept = rest.rows([i for i in range(len(rest)) if rest.modality[i] == 0 or i % 16 < 10])
    assert table.fingerprint == kept.fingerprint
    assert len(load("tiny", "query", shots=(8, 2))) == len(load("tiny", "query"))


@pytest.mark.parametrize(
    "bad",
    [
        {"modality_gap": 2.0},
        {"modality_gap": "wide"},
        {"visible_only": -0.1},
        {"visible_only": "half"},
        {"shots": (3,)},
        {"shots": (0, 3)},
        {"shots": 5},
        {"shots": "12 and 4"},
    ],
)
def test_values_outside(bad):
    with pytest.raises(ValueError, match=next(iter(bad))):
        load("tiny", **bad)


def test_the_command_line_turns_them_and_the_record_tells():
    words = "train --data synthvi --world-set modality_gap=0.3 --world-set shots=(8,4) --absent 0.5"
    ready = prepare(parser().parse_args(words.split()))
    assert len(ready.train) < 20 * 12
    told = source(ready)["options"]
    assert told == {"modality_gap": 0.3, "shots": (8, 4), "absent": 0.5, "absent_side": "both"}
    with pytest.raises(ValueError, match="--world-set gap: no dial of the world"):
        prepare(parser().parse_args("train --data synthvi --world-set gap=0.3".split()))


def record(seed: int, rank1: float, *, row: str = "7", lone=None, **options) -> Run:
    told = {"visible space/lone": lone, "infrared space/lone": 1.0, "global/lone": 1.0}
    curves = [{"epoch": 0} | (told if lone is not None else {})]
    source = {"data": "synthvi", "preset": "small", "options": {"seed": seed} | options}
    return Run("mult", {"alpha": 0.2}, seed, row=row, result={"rank1": rank1}, curves=curves,
               source=source)  # fmt: skip


@pytest.fixture
def shelf(tmp_path):
    """Records of one row with one dial turned, with two turned, and of another setting."""
    for name, runs in {
        "rest": [record(1, 0.7), record(2, 0.6)],
        "half": [record(1, 0.5, absent=0.5, lone=0.5), record(2, 0.5, absent=0.5, lone=0.7)],
        "gap": [record(1, 0.4, modality_gap=0.3)],
        "few": [record(1, 0.3, shots=[12, 3])],
        "both": [record(1, 0.1, absent=0.5, modality_gap=0.3)],
        "one side": [record(1, 0.2, absent=0.5, absent_side="visible")],
    }.items():
        for run in runs:
            run.save(tmp_path / name / f"seed{run.seed}" / "7.json")
    other = record(1, 0.9, absent=1.0)
    other.config["alpha"] = 0.5
    other.save(tmp_path / "rest" / "seed1" / "7, alpha.json")
    return tmp_path


def test_records_are_found_by_the_one_dial_that_was_turned(shelf):
    found = {dial: dials.turned(ladders(shelf), dial) for dial in dials.DIALS}
    assert list(found["absent"]) == ["synthvi small"]
    lines = found["absent"]["synthvi small"]
    assert dials.rank1(lines) == {"MULT 7": {0.0: [70.0, 60.0], 0.5: [50.0, 50.0]}}
    assert dials.lone(lines) == {"MULT 7": {0.5: [75.0, 85.0]}}, "the mean of two spaces"
    joint = Run("bmil", {}, 1, curves=[{"epoch": 0, "global/lone": 0.3}])
    assert dials.lone({"BMIL M2": {0.5: [joint]}}) == {"BMIL M2": {0.5: [30.0]}}
    gap = dials.rank1(found["modality_gap"]["synthvi small"])
    assert gap == {"MULT 7": {0.03: [70.0], 0.3: [40.0]}}, "seeds that both have"
    few = dials.rank1(found["shots"]["synthvi small"])
    assert few == {"MULT 7": {0.25: [30.0], 1.0: [70.0]}}
    assert found["visible_only"] == {}


def test_two_settings_of_one_name_are_two_lines(shelf):
    for seed in (1, 2):
        for name, options in (("rest", {}), ("half", {"absent": 0.5})):
            other = record(seed, 0.3, **options)
            other.config["alpha"] = 0.9
            other.save(shelf / name / f"seed{seed}" / "other.json")
    found = ladders(shelf)
    found = {
        study: {"7": rows.get("7", []) + rows.get("other", [])} for study, rows in found.items()
    }
    assert list(dials.turned(found, "absent")["synthvi small"]) == ["MULT 7", "MULT 7 (2)"]


def test_shots_are_synthvis():
    """Other data sets have options of that name, of another form."""
    other = record(1, 0.5, shots=10)
    other.source["data"] = "sysu"
    assert dials.turned({"a": {"7": [other]}}, "shots") == {}


def test_records_of_the_world_as_it_is():
    assert dials.unturned(record(1, 0.7)) and dials.unturned(Run("bmil", {}, 1))
    for told in ({"absent": 0.5}, {"shots": [12, 3]}, {"modality_gap": 0.3}):
        assert not dials.unturned(record(1, 0.7, **told))


def test_what_missing_people_cost_in_a_table_and_a_sentence(shelf):
    row = dials.over(dials.turned(ladders(shelf), "absent")["synthvi small"]).loc["MULT 7"]
    assert row["0"] == "65.0 (7.1)" and row["0.5"] == "50.0 (0.0)" and row["seeds"] == "1 2"
    assert row["largest over least by seed"] == "-20.0 / -10.0" and row["lone linked"] == "80"
    equal = [{"title": f"MULT {row}", "study": "rest", "row": row} for row in "73"]
    assert dials.missing(ladders(shelf), equal) == "", "two seeds are too few for a sentence"
    record(3, 0.8).save(shelf / "rest" / "seed3" / "7.json")
    record(3, 0.5, absent=0.5).save(shelf / "half" / "seed3" / "7.json")
    told = dials.missing(ladders(shelf), equal)
    assert told.endswith("on synthvi small, 50% of the people: -20.0 (MULT 7).")
    for seed, lost in ((1, 0.6), (2, 0.2), (3, 0.1)):
        record(seed, 0.7).save(shelf / "rest" / f"seed{seed}" / "3.json")
        record(seed, 0.7 - lost, absent=0.5).save(shelf / "half" / f"seed{seed}" / "3.json")
    assert told == dials.missing(ladders(shelf), equal[:1]), "of the rows that were asked for"
    told = dials.missing(ladders(shelf), equal)
    assert told.endswith("50% of the people: -30.0 (MULT 3) to -20.0 (MULT 7), of 2 rows.")
    words = page(Evidence([], [], []), shelf)
    assert "By share of people missing on one side: not run." in words, "no run of this plan"


def test_lines_of_the_table_on_equal_terms_stand_apart(shelf):
    found = ladders(shelf)
    lines = dials.turned(found, "absent")["synthvi small"]
    lines |= {"MULT stage1": lines["MULT 7"], "MULT 3": lines["MULT 7"]}
    row = {"title": "Ours", "study": "rest", "row": "7"}
    nobody = {"title": "Nobody", "study": "none", "row": "7"}
    other = {"title": "Another setting of that name", "study": "other", "row": "7"}
    found |= {"other": {"7": [replace(found["rest"]["7"][0], config={"alpha": 0.5})]}}
    groups = dials.apart(lines, [row, nobody, other], found)
    assert [list(group) for group in groups] == [["Ours"], ["MULT 3"]]
    by_data = dials.turned(found, "absent")
    assert list(dials.at_values(by_data, row, found)) == [0.0, 0.5]
    assert dials.at_values(by_data, other, found) == {}


def test_rows_beside_a_base_that_lost_the_same_people(monkeypatch):
    def told(*scores: float, **options) -> list[Run]:
        return [record(seed, score, **options) for seed, score in enumerate(scores, 1)]

    whole = {"none": told(0.3, 0.3, 0.3), "up": told(0.4, 0.4, 0.35), "down": told(0.1, 0.1, 0.1)}
    half = {
        "none": told(0.2, 0.2, 0.2, absent=0.5),
        "up": told(0.21, 0.2, 0.2, absent=0.5),
        "down": told(0.1, 0.1, 0.1, absent=0.5),
    }
    whole |= {"few": told(0.5, 0.5), "once": told(0.9, 0.9, 0.9)}
    half |= {"few": told(0.4, 0.4, absent=0.5)}
    entry = {"title": "t", "study": "s", "base": "none", "rows": ["up", "down", "few", "once"]}
    entry["names"] = {"up": "Up"}
    whole |= {"little": told(0.31, 0.31, 0.31)}
    half |= {"little": told(0.21, 0.21, 0.23, absent=0.5)}
    entry["rows"].append("little")
    plan = Evidence([], [], [], beside=[entry])
    monkeypatch.setattr(dials, "size_of_chance", lambda *given: Chance(same=1.0, whole=4.0))
    assert dials.beside(plan, {"s": whole, "s_absent_0.5": half})["t"].to_dict("index") == {
        "Up": {"0": "+8.3 (+10.0 / +10.0 / +5.0), ahead", "0.5": "+0.3 (+1.0 / +0.0 / +0.0)"},
        "down": {
            "0": "-20.0 (-20.0 / -20.0 / -20.0), behind",
            "0.5": "-10.0 (-10.0 / -10.0 / -10.0), behind",
        },
        "few": {"0": "+20.0 (+20.0 / +20.0)", "0.5": "+20.0 (+20.0 / +20.0)"},
        "once": {"0": "", "0.5": ""},
        "little": {  # 1.15 is chance of three seeds
            "0": "+1.0 (+1.0 / +1.0 / +1.0)",
            "0.5": "+1.7 (+1.0 / +1.0 / +3.0), ahead",
        },
    }
    assert dials.beside(plan, {}) == {}, "the page leaves such a table out"


def test_figures_are_drawn_from_records_and_skipped_without(shelf, tmp_path, monkeypatch):
    monkeypatch.setattr(sensitivity, "kept", lambda: ladders(shelf))
    drawn = sensitivity.people_missing(), sensitivity.world_dials()
    assert [len(figure.axes) for figure in drawn] == [2, 2]
    left, right = (ax.get_position() for ax in drawn[0].axes)
    assert left.y0 == right.y0 and left.x1 < right.x0  # side by side
    assert drawn[0].axes[0].get_xlabel() == "share of people missing on one side (n = 2)"
    empty = tmp_path / "empty"
    monkeypatch.setattr(sensitivity, "kept", lambda: ladders(empty))
    assert sensitivity.people_missing() is None and sensitivity.world_dials() is None
    assert sensitivity.pairing_worth() is None


def test_a_row_that_was_turned_less_far_is_left_out():
    lines = {"whole": {0.0: 1, 1.0: 2}, "part": {0.0: 1, 0.3: 2}, "all": {0.0: 1, 0.3: 1, 1.0: 3}}
    assert list(sensitivity._to_the_end(lines)) == ["whole", "all"]


def test_lines_need_scores():
    _, ax = plots.canvas(width=3, height=2)
    with pytest.raises(ValueError, match="at least one score"):
        plots.dial({"a": {0.0: []}}, ax, xlabel="x", ylabel="y")
    plots.dial({"a": {1.0: [3, 5], 0.0: [1]}, "b": {}}, ax, xlabel="x", ylabel="y")
    (line, *_) = ax.get_lines()
    assert line.get_xdata().tolist() == [0.0, 1.0] and line.get_ydata().tolist() == [1.0, 4.0]


def test_absence_takes_one_modality_of_a_share_of_the_people(world_scene):
    scene, setting = world_scene
    drawn = sensitivity.asked(scene, setting, (0.0, 0.5, 1.0))
    assert [len(draws) for draws in drawn.values()] == [1, 3, 3]
    half = disturbed(scene, absent=0.5, seed=1).features
    seen = [set(half.of(m).identity.tolist()) for m in Modality]
    people = len(set(scene.features.identity.tolist()))
    assert len(seen[0] & seen[1]) == people - round(people / 2) and len(seen[0] | seen[1]) == people
    measured = sensitivity.qualities(drawn)
    assert set(measured["pair recall (%)"]["hungarian"]) == {0.0, 0.5}  # at 1 there is no pair
    assert set(measured[sensitivity.LONE]["mult"]) == {0.5, 1.0}  # at 0 nobody is alone
    assert measured[sensitivity.LONE]["mult"][1.0] == [100.0] * 3  # transport serves everybody


def test_figure_of_associations_has_a_row_for_each_gap(world_scene, monkeypatch):
    monkeypatch.setattr(sensitivity, "tiny_scene", lambda: world_scene)
    monkeypatch.setattr(sensitivity.asked, "__defaults__", ((0.0, 0.5),))
    axes = sensitivity.association_absence().axes
    whole, halved = "gap as the network sees it", "gap halved"
    assert [ax.get_title(loc="left") for ax in axes] == [whole] * 3 + [halved] * 3
    assert whole in caption("association_absence") and halved in caption("association_absence")
    assert len({ax.get_xlim() for ax in axes}) == 1
    told = {line.get_label() for line in axes[0].lines}
    assert {"MULT", "Hungarian", "PGM matching", "MBCCM", "OTLA"} < told


@pytest.fixture(scope="module")
def world_scene():
    """Eight people around directions of their own, both modalities, clusters as they are."""
    rng = np.random.default_rng(0)
    person, modality = np.repeat(np.arange(8), 8), np.tile([0, 0, 0, 0, 1, 1, 1, 1], 8)
    x = rng.normal(size=(8, 16))[person] + 0.2 * rng.normal(size=(64, 16))
    x = torch.as_tensor(x / np.linalg.norm(x, axis=1, keepdims=True), dtype=torch.float32)
    features = Embeddings(x, modality, modality, person)
    return Scene(features, person), methods.build("mult", preset="tiny", otla_steps=20)


def test_dials_of_the_world_are_told_in_words_and_share_their_scores(shelf, monkeypatch):
    monkeypatch.setattr(sensitivity, "kept", lambda: ladders(shelf))
    gap, few = sensitivity.world_dials().axes
    assert gap.get_title(loc="left") == "synthvi small: the modality gap"
    assert few.get_title(loc="left") == "synthvi small: few infrared pictures"
    assert not [ax for ax in (gap, few) if "_" in ax.get_xlabel() + ax.get_ylabel()]
    assert gap.get_ylim() == few.get_ylim()
    assert "n = 1 is one seed, no spread" in caption("world_dials")
    assert set(sensitivity.WORLD) == set(dials.DIALS) - {"absent"}


def caption(name: str) -> str:
    (told,) = [item.shows for item in DRAWINGS if item.name == name]
    return told


def test_a_line_does_not_run_through_a_value_that_was_not_trained():
    _, ax = plots.canvas(width=3, height=2)
    found = {"all": {0.0: [2], 0.5: [2, 4], 1.0: [4]}, "part": {0.0: [1, 2], 1.0: [3]}}
    plots.dial(found | {"short": {0.0: [1], 0.5: [1]}}, ax, xlabel="x", ylabel="y")
    lines = {line.get_label(): line.get_ydata() for line in ax.lines}
    assert np.isnan(lines["part"]).tolist() == [False, True, False]
    assert len(lines["short"]) == 2, "it ends where its training does"
    (thin,) = [line for line in ax.lines if line.get_linewidth() < 1]
    assert list(thin.get_ydata()) == [1.5, 3] and thin.get_label().startswith("_")


def test_panels_of_absence_can_be_compared(shelf, monkeypatch):
    for share, rank1 in ((0.0, 0.2), (0.5, 0.1)):
        options = {"absent": share, "lone": 0.9} if share else {}
        for seed in (1, 2):
            run = record(seed, rank1, row="3", **options)
            run.save(shelf / f"3 at {share}" / f"seed{seed}" / "3.json")
    equal = [{"title": "MULT", "study": "rest", "row": "7"}]
    monkeypatch.setattr(sensitivity.evidence, "read", lambda: Evidence([], equal, []))
    monkeypatch.setattr(sensitivity, "kept", lambda: ladders(shelf))
    above, linked, below, others = sensitivity.people_missing().axes
    assert above.get_ylim() == below.get_ylim()
    assert linked.get_ylim() == others.get_ylim() == (-3, 103)
    told = caption("people_missing")
    assert "not trained" in told and "half as many steps" in told and "in MULT" in told


def test_what_a_pairing_adds_has_a_panel_for_each_association():
    (gains,) = evidence.gains_beside(evidence.read(), sensitivity.kept()).values()
    panels = sensitivity.pairing_worth().axes
    assert [ax.get_title(loc="left") for ax in panels] == list(gains)
    assert len({(*ax.get_xlim(), *ax.get_ylim()) for ax in panels}) == 1
    for ax, by in zip(panels, gains.values(), strict=True):
        drawn = next(line for line in ax.lines if line.get_marker() != "None")
        assert dict(zip(*drawn.get_data(), strict=True)) == {v: g.mean for v, g in by.items()}
        assert any(set(line.get_ydata()) == {0} for line in ax.lines), "who adds nothing is on it"


def test_published_slopes_can_be_compared():
    sysu, regdb = sensitivity.published_absence().axes
    assert sysu.get_ylim() == regdb.get_ylim()
    assert sysu.get_xlabel() == "share of people who miss a modality, alpha (n = 1)"
    named = [{line.get_label() for line in ax.lines} for ax in (sysu, regdb)]
    assert [len(names) for names in named] == [5, 4] and named[0] - named[1] == {"DLM"}
    assert "on RegDB of four" in caption("published_absence") and "DLM" in caption(
        "published_absence"
    )
