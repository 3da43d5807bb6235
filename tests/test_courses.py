"""Matchings step by step: each ends where the library's function does, and can be played."""

import numpy as np
import pytest

from vireid import widgets
from vireid.association import hungarian, pgm, sinkhorn
from vireid.association.rows import cosine
from vireid.widgets.courses import hungarian_course, pgm_course, sinkhorn_course

SIZES = [(4, 4), (6, 6), (4, 6), (6, 4), (5, 2), (2, 6), (6, 2)]


def clusters(seed: int, visible: int, infrared: int):
    """Prototypes of people in two modalities, near enough to be confused."""
    dice = np.random.default_rng(seed)
    people = dice.normal(size=(6, 5))
    return [
        (people + 0.9 * dice.normal(size=people.shape))[:count] for count in (visible, infrared)
    ]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("size", SIZES)
def test_hungarian_course_ends_at_the_librarys_matching(seed, size):
    pair = clusters(seed, *size)
    cost = 2 - 2 * cosine(*pair)
    steps = hungarian_course(cost)
    for found, expected in zip(steps[-1].maps, hungarian(*pair), strict=True):
        np.testing.assert_array_equal(found, expected)
    subtracted = sum(float(word or 0) for side in steps[-1].margins for word in side)
    least = cost[tuple(zip(*steps[-1].links, strict=True))].sum()
    assert -subtracted == pytest.approx(least, abs=0.06)  # margins are rounded to two digits


@pytest.mark.parametrize("size", SIZES)
def test_each_hungarian_step_is_a_dual_solution(size):
    for step in hungarian_course(2 - 2 * cosine(*clusters(1, *size)))[1:]:
        assert (step.table >= 0).all()
        linked = [pair for pair, kind in step.links.items() if kind != "given up"]
        assert all(step.table[pair] == 0 for pair in linked)
        assert len({i for i, _ in linked}) == len({j for _, j in linked}) == len(linked)


def test_an_augmenting_path_swaps_partners():
    steps = hungarian_course([[1.0, 2.0], [1.0, 4.0]])
    (path,) = (step for step in steps if step.told.startswith("Augmenting path"))
    assert path.told == "Augmenting path: v1 takes r0, v0 takes r1, which was single."
    assert path.links == {(1, 0): "new", (0, 1): "new", (0, 0): "given up"}
    assert steps[-1].told.startswith("Done: total cost 3.00")


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("size", SIZES)
def test_pgm_course_ends_at_the_librarys_matching(seed, size):
    pair = clusters(seed, *size)
    steps = pgm_course(np.exp(-cosine(*pair)))
    for found, expected in zip(steps[-1].maps, pgm(*pair), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_pgm_says_who_is_left_over_and_where_the_released_code_stops():
    steps = pgm_course(np.exp(-cosine(*clusters(0, 6, 2))))
    told = [step.told for step in steps]
    assert [t.split(":")[0] for t in told if t.startswith("Left over")] == [
        "Left over for another round"
    ] * 2
    assert "released code stops here" in told[4] and told[-1].startswith("After 3 rounds")
    assert len(steps[2].idle[0]) == 2 and not steps[2].idle[1]  # two visible ones are served


@pytest.mark.filterwarnings("ignore:Sinkhorn stopped")
@pytest.mark.parametrize("lam", (1.0, 5.0, 25.0))
@pytest.mark.parametrize("size", SIZES)
def test_sinkhorn_course_ends_at_the_librarys_plan(size, lam):
    cost = 2 - 2 * cosine(*clusters(2, *size))
    steps = sinkhorn_course(cost, lam=lam)
    plan, info = sinkhorn(cost, lam=lam, stop="converged")
    np.testing.assert_allclose(steps[-1].table, plan, atol=1e-8 if info.converged else 1e-4)
    end = "Settled after" if info.converged else "Not settled after 10000 rounds"
    assert steps[-1].told.startswith(end)
    rows = next(step for step in steps if step.told.startswith("Round 1, rows"))
    np.testing.assert_allclose(rows.table.sum(1), 1 / len(cost))
    columns = next(step for step in steps if step.told.startswith("Round 1, columns"))
    np.testing.assert_allclose(columns.table.sum(0), 1 / cost.shape[1])


MAKE = (widgets.hungarian_steps, widgets.pgm_steps, widgets.sinkhorn_steps)


def alt(panel) -> str:
    return panel.picture.value.split('alt="')[1].split('"')[0]


@pytest.mark.parametrize("make", MAKE)
def test_buttons_play_the_course(make, monkeypatch):
    shown = []
    monkeypatch.setattr("vireid.widgets.panel.show", lambda _, figure, told: shown.append(told))
    panel = make(*clusters(0, 5, 5), step=2)
    panel.show()
    assert shown[0].startswith("Step 2 of") and alt(panel).startswith("Step 0 of")
    buttons, step = panel.player.buttons, panel.controls["step"]
    buttons["Forward"].click()
    buttons["Forward"].click()
    assert alt(panel).startswith("Step 2 of") and alt(panel) == shown[0].replace("'", "&#x27;")
    buttons["Back"].click()
    assert step.value == 1
    buttons["Reset"].click()
    buttons["Back"].click()
    assert step.value == 0
    step.value = step.max
    buttons["Forward"].click()
    assert step.value == step.max == panel.player.clock.max


@pytest.mark.parametrize("make", MAKE)
def test_fewer_clusters_make_a_shorter_course(make):
    panel = make(*clusters(0, 6, 5))
    step = panel.controls["step"]
    step.value = step.max
    drawn = []
    panel.draw = lambda draw=panel.draw, **values: drawn.append(values) or draw(**values)
    panel.controls["visible"].value = panel.controls["infrared"].value = 2
    assert f"Step {step.value} of {step.max} for 2 visible and 2 infrared" in alt(panel)
    assert step.value <= step.max <= 14
    assert len(drawn) == 2, "a change of a control draws once"
    with pytest.raises(ValueError, match="7 visible and 3 infrared clusters; give 2 to 6"):
        make(np.eye(7), np.eye(7)[:3])
