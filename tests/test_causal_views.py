"""Causal adjustment in sight: the backdoor's dial, two memories, limits; numbers of the spec."""

import base64
import re

import numpy as np
import pytest
import torch
from toy import charts_of

from vireid import plots, widgets
from vireid.bench.panels import ANSWER
from vireid.losses import cai
from vireid.types import Images, Modality
from vireid.widgets import memories
from vireid.widgets.backdoor import TIES


def html(picture) -> tuple[str, bytes]:
    alt, data = re.search(r'alt="(.*?)" src="data:image/png;base64,(.*?)"', picture.value).groups()
    return alt, base64.b64decode(data)


@pytest.fixture(scope="module")
def world():
    return widgets.Backdoor(people=4, shots=8, held=3)


def spec_banks():
    """The memories of T4.1: the infrared one lacks label 1."""
    visible = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    return [(torch.arange(2), visible), (torch.tensor([0]), torch.tensor([[0.6, 0.8]]))]


def test_a_sample_has_every_shot_once_and_lights_in_the_proportion_of_the_tie(world):
    for tie, first, last in ((0, 4, 4), (0.5, 6, 2), (1, 8, 0)):
        rows = world.sample(tie)
        assert len(rows) == 4 * 8
        assert len(set(zip(world.person[rows], world.shot[rows], strict=True))) == len(rows)
        visible = np.bincount(world.person[rows[world.modality[rows] == 0]], minlength=4)
        assert visible.tolist() == [first, first, last, last]
        assert not set(rows) & set(world.test)
    with pytest.raises(ValueError, match=r"tie=1\.5"):
        world.sample(1.5)


def test_twins_differ_in_the_light_alone(world):
    at = world.test[:2]
    assert world.modality[at].tolist() == [0, 1]
    assert world.person[at[0]] == world.person[at[1]] and world.shot[at[0]] == world.shot[at[1]]
    first, second = (world.images.picture(int(i)) for i in at)
    assert (second[..., 0] == second[..., 1]).all() and (first != second).any()


def test_predictions_are_distributions_and_the_dial_moves_them_as_the_notebook_says(world):
    found = {tie: world.answer(tie) for tie in (0.0, 0.5, 1.0)}
    for answer in found.values():
        for part in (answer.observing, answer.own_modality, answer.doing):
            np.testing.assert_allclose(part.sum(1), 1, atol=1e-5)
    rare = {
        name: [world.right(getattr(a, name))[world.rare].mean() for a in found.values()]
        for name in ("observing", "own_modality", "doing")
    }
    assert rare["observing"][0] > rare["observing"][1] > rare["observing"][2]  # the backdoor
    # shut, while every label has both modalities
    assert abs(rare["doing"][0] - rare["doing"][1]) < 0.1
    assert rare["own_modality"][2] == 0  # a label that the own modality's memory has never seen
    assert (found[1.0].observing.shape, len(found[1.0].banks[0][0])) == ((24, 4), 2)
    np.testing.assert_allclose(world.usual_mass(found[1.0].own_modality), 1, atol=1e-5)
    moved = world.effect_of_modality(found[1.0].own_modality)
    assert moved.shape == (12,) and np.allclose(moved, 1)


def test_backdoor_follows_its_dial_fast_enough(world):
    panel = widgets.backdoor(world, tie=0.5)
    before = html(panel.picture)
    assert before[0].startswith("Tie 50% between modality and label. Person 2")

    def step(i):
        panel.controls["tie"].value = TIES[i]

    assert charts_of(step) < ANSWER
    panel.controls["person"].value = 4
    after = html(panel.picture)
    assert "Person 4" in after[0] and after[1] != before[1]


def test_memory_beliefs_and_responsibility_are_those_of_the_spec():
    x, banks = torch.tensor([[1.0, 0.0]]), spec_banks()
    prior = torch.tensor([0.6, 0.4])
    each = memories.memory_beliefs(x, torch.tensor([0]), banks, temperature=1).exp()
    np.testing.assert_allclose(each[0], [0.731059, 1], atol=1e-5)
    np.testing.assert_allclose(each[0] @ prior, 0.838635, atol=1e-5)  # T4.1
    share = widgets.responsibility(x, [0], banks, prior=prior, temperature=1)
    np.testing.assert_allclose(share[0], np.array([0.438635, 0.4]) / 0.838635, atol=1e-5)
    alone = widgets.responsibility(x, [1], banks, prior=prior, temperature=1)
    assert alone.tolist() == [[1.0, 0.0]]  # the infrared memory lacks label 1: it does not pull


def test_responsibility_explains_the_gradient():
    """T4.7: minus the gradient is 1/tau times the shares of each memory's pull."""
    banks = memories.toy_banks(40)
    pulls = memories.turning([50.0], banks, prior=0.65, temperature=0.1)
    x = torch.as_tensor(plots.points([50.0]))
    share = memories.responsibility(x, [0], banks, prior=[0.65, 0.35], temperature=0.1)[0]
    mixed = share[0] * pulls["visible memory"][0] + share[1] * pulls["infrared memory"][0]
    np.testing.assert_allclose(pulls["CAI"][0], mixed, atol=1e-9)


def test_turning_is_the_slope_of_the_loss():
    banks, step = memories.toy_banks(30), 1e-4
    prior = torch.tensor([0.3, 0.7], dtype=torch.float64)

    def loss(degrees):
        at = torch.as_tensor(plots.points([degrees]))
        return float(cai(at, torch.zeros(1, dtype=torch.long), banks, prior=prior, temperature=0.2))

    slope = (loss(70 + step) - loss(70 - step)) / np.deg2rad(2 * step)
    found = memories.turning([70.0], banks, prior=0.3, temperature=0.2)["CAI"]
    np.testing.assert_allclose(found, [-slope], atol=1e-5)


def test_a_label_is_taken_out_only_where_the_other_memory_keeps_it():
    banks = spec_banks()
    kept = memories.without(banks, Modality.VISIBLE, 0)
    assert kept[0][0].tolist() == [1] and kept[1][0].tolist() == [0]
    assert memories.without(banks, Modality.VISIBLE, 1)[0][0].tolist() == [0, 1]
    assert memories.without(banks, None, 0)[0][0].tolist() == [0, 1]


def test_two_memories_says_what_the_mixture_is():
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 255, (8, 32, 16, 3), dtype=np.uint8)
    modality, label = np.tile([0, 1], 4), np.array([0, 0, 1, 1, 0, 0, 1, -1])
    images = Images(pixels, modality, modality, label, (32, 16))
    x = plots.points([0, 30, 90, 120, 5, 35, 95, 200]).astype(np.float32)
    banks = [(torch.arange(2), torch.as_tensor(plots.points(a)).float())
             for a in ([0, 90], [30, 120])]  # fmt: skip
    panel = widgets.two_memories(images, x, label, banks, prior=[0.5, 0.5])
    assert panel.controls["image"].max == 6  # the outlier is left out
    alt, before = html(panel.picture)
    assert alt.startswith("Image 0 (visible) with label 0")
    panel.controls["missing"].value = "infrared"
    alt, after = html(panel.picture)
    assert "infrared 0.00" in alt and "0.69 nats" in alt and before != after  # ln 2: p(m) is lost
    panel.controls["visible"].value = 0.0
    assert "the label is impossible" in html(panel.picture)[0]

    def step(i):
        panel.controls["image"].value = i

    assert charts_of(step) < ANSWER


def test_limits_panel_shows_the_number_of_the_spec():
    """T4.3: equal memories give the plain cross entropy, whatever the prior."""
    panel = widgets.cai_limits()
    panel.controls["gap"].value = 0
    losses = set()
    for prior in (0.0, 0.4, 1.0):
        panel.controls["visible"].value = prior
        losses.add(re.search(r"\S+: ([\d.]+) nats\.$", html(panel.picture)[0]).group(1))
    assert len(losses) == 1

    def step(i):
        panel.controls["angle"].value = 10 * i

    assert charts_of(step) < ANSWER


def test_mixed_surprise_is_cai_between_its_bounds():
    """T4.4 (Jensen) and T4.6 (finite where both memories are certain of the other label)."""
    prior = np.array([0.0, 0.3, 0.65, 1.0])
    mixed = plots.mixed_surprise(2.0, 0.5, prior)
    np.testing.assert_allclose(mixed[[0, 3]], [0.5, 2.0])
    assert (mixed <= prior * 2.0 + (1 - prior) * 0.5 + 1e-12).all() and (mixed >= 0.5).all()
    bank = torch.tensor([[1.0, 0], [0, 1]]), torch.tensor([[0.8, 0.6], [-0.6, 0.8]])
    banks = [(torch.arange(2), b) for b in bank]
    x, y = torch.tensor([[1.0, 0]]), torch.tensor([1])
    each = -memories.memory_beliefs(x.double(), y, banks)[0].numpy()
    found = plots.mixed_surprise(*each, np.array([0.65]))[0]
    np.testing.assert_allclose(found, 20.430602, atol=1e-4)


def test_adjustment_draws_the_curve_and_refuses_an_unknown_label():
    ax = plots.canvas()[1]
    plots.adjustment([2.0, 0.5], ax, prior=0.65)
    curve = next(line for line in ax.lines if line.get_label() == "CAI")
    np.testing.assert_allclose(curve.get_ydata()[[0, -1]], [0.5, 2.0])
    with pytest.raises(ValueError, match="both memories must know"):
        plots.adjustment([np.inf, 0.5], ax)


def test_beliefs_bars_are_the_given_numbers():
    ax = plots.canvas()[1]
    parts = {"visible memory": [0.2, 0.1], "infrared memory": [0.3, 0.4]}
    plots.beliefs(parts, ax, names=["a", "b"], right=1, stacked=True)
    tops = [p.get_y() + p.get_height() for p in ax.patches]
    np.testing.assert_allclose(tops, [0.2, 0.1, 0.5, 0.5])
    assert [t.get_text() for t in ax.get_xticklabels()] == ["a", "b\n✓"]
    with pytest.raises(ValueError, match="has 1 values for 2 names"):
        plots.beliefs({"visible": [0.2]}, ax, names=["a", "b"])


def test_do_cuts_the_arrow_into_the_picture():
    counts = []
    for cut in (False, True):
        ax = plots.canvas()[1]
        plots.causal_graph(ax, cut=cut)
        counts.append(len([p for p in ax.patches if hasattr(p, "get_arrowstyle")]))
    assert counts == [3, 2]
