"""Notebook 12's widgets without a browser, and the small trainings that they show."""

import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from test_widgets import html
from toy import charts_of, images

from vireid import models, widgets
from vireid.association import greedy_regions, neighbour_sets
from vireid.bench.panels import ANSWER
from vireid.data.augment import to_input
from vireid.losses import merge_groups
from vireid.models.attention import attention_maps
from vireid.types import Embeddings, Modality
from vireid.widgets import layer
from vireid.widgets.game import flat_maps, modalities_apart
from vireid.widgets.matching import Move, moves

SPEC = np.array([[0.9, 0.1, 0.2], [0.8, 0.3, 0.1], [0.7, 0.6, 0.2], [0.65, 0.2, 0.4]])


@pytest.fixture(scope="module")
def table():
    return images(people=4, per=4)


@pytest.fixture(scope="module")
def net():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return models.build("regions_small", regions=2, trunk_options={"width": 8, "dim": 16})


@pytest.fixture(scope="module")
def features(table):
    """Four people in two regions of four numbers; infrared is shifted."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(4, 8))[table.identity] + 0.2 * rng.normal(size=(len(table), 8))
    x[table.modality == 1] += 0.8 * rng.normal(size=8)
    x = torch.nn.functional.normalize(torch.tensor(x, dtype=torch.float32))
    return Embeddings(x, table.modality, table.camera, table.identity)


def alt(panel) -> str:
    return html(panel.picture)[0]


# attention


def test_gates_are_those_of_the_network_in_evaluation_mode(net, table):
    net.train()
    gates = widgets.attended(net, table, batch=5)
    assert net.training
    assert gates.channel.shape == (len(table), 16) and gates.spatial.shape == (len(table), 1, 2, 1)
    net.eval()
    pictures = to_input(np.stack([table.resized(i) for i in range(len(table))]))
    direct = attention_maps(net, pictures, torch.as_tensor(table.modality))
    for part, whole in zip(gates, direct, strict=True):
        assert torch.allclose(part, whole, atol=1e-6)


def test_attention_panel_follows_the_slider(net, table):
    panel = widgets.attention(table, widgets.attended(net, table), others=2)
    before = html(panel.picture)
    panel.controls["image"].value = 20
    after = html(panel.picture)
    assert before[1] != after[1]
    assert after[0].startswith("Image 20 and 4 others of the same person")
    assert charts_of(lambda i: panel.controls["image"].set_trait("value", i)) < ANSWER


def test_unknown_people_are_nobodys_kin(net, table):
    partly = replace(table, identity=np.where(table.identity == table.identity[20], -1, 1))
    panel = widgets.attention(partly, widgets.attended(net, partly), start=20, others=2)
    assert alt(panel).startswith("Image 20 and 0 others of the same person")


# regional neighbours


def sizes(panel) -> tuple[list[int], int]:
    by_region, agreed = re.search(r"enough: ([\d ]+) by region, (\d+) in", alt(panel)).groups()
    return [int(n) for n in by_region.split()], int(agreed)


@pytest.mark.parametrize("among", ["own modality", "other modality"])
def test_counts_are_those_of_the_methods_sets(table, features, among):
    panel = widgets.regional_neighbours(table, features, regions=2, start=3, rho=0.5, among=among)
    wanted = 0 if among == "own modality" else 1
    target = features.x[torch.as_tensor(table.modality == wanted)]
    for rho in (0.3, 0.5, 0.9):
        for needed in (1, 2):
            panel.controls["rho"].value = rho
            panel.controls["min_regions"].value = needed
            (found,) = neighbour_sets(
                features.x[[3]], target, regions=2, rho=rho, min_regions=needed
            )
            assert sizes(panel)[1] == len(found)


def test_dials_never_enlarge_a_set(table, features):
    panel = widgets.regional_neighbours(table, features, regions=2, start=1, rho=0.3)
    agreed = []
    for rho in panel.controls["rho"].options:
        panel.controls["rho"].value = rho
        by_region, both = sizes(panel)
        assert both <= min(by_region)
        agreed.append(both)
    assert agreed == sorted(agreed, reverse=True) and agreed[0] > agreed[-1] >= 1


def test_regional_neighbours_want_one_table(table, features):
    with pytest.raises(ValueError, match="give one table's"):
        widgets.regional_neighbours(table, features.rows(range(5)), regions=2)


def test_regional_neighbours_answer_fast(table, features):
    panel = widgets.regional_neighbours(table, features, regions=4, rho=0.3)
    assert charts_of(lambda i: panel.controls["image"].set_trait("value", i)) < ANSWER


# matching


def test_the_specs_game_move_by_move():  # multimodule 4.5 (2)
    played = [(m.kind, m.row, m.column) for m in moves(SPEC, max_matches=3)]
    assert played == [
        ("first", 0, 0), ("first", 1, 0), ("first", 2, 0), ("full", 3, 0), ("first", 3, 2),
        ("second", 2, 1),
    ]  # fmt: skip
    two = [m for m in moves(SPEC, max_matches=2) if m.kind != "full"]
    assert {m.row: m.column for m in two} == {0: 0, 1: 0, 2: 1, 3: 2}


def test_left_over_columns_take_their_best_row():  # multimodule 4.5 (4)
    s = np.array([[0.9, 0.5, 0.1], [0.8, 0.4, 0.1], [0.7, 0.3, 0.1]])
    played = moves(s, max_matches=3)
    assert [m.row for m in played if m.kind == "second"] == [0, 1, 2]
    assert played[-1] == Move("left over", 0, 2)


@pytest.mark.filterwarnings("ignore:.*stay unmatched")
@pytest.mark.parametrize("seed", range(20))
def test_moves_end_where_the_method_does(seed):
    rng = np.random.default_rng(seed)
    few, cap = rng.integers(1, 7), int(rng.integers(1, 5))
    s = rng.random((few + rng.integers(0, 8), few)).round(1)  # ties
    partner, lists = np.full(len(s), -1), [[] for _ in range(few)]
    for move in moves(s, max_matches=cap):
        if move.kind == "full":
            assert len(lists[move.column]) == cap
            continue
        if move.kind == "first":
            partner[move.row] = move.column
        lists[move.column].append(move.row)
    expected, r2v = greedy_regions(s, max_matches=cap)
    assert partner.tolist() == expected.tolist() and lists == r2v


def test_panel_plays_forward_and_swaps_sides():
    panel = widgets.greedy_steps(SPEC.T, step=0)
    assert "move 0 of 6" in alt(panel)
    panel.controls["step"].value = 4
    assert "refused, visible cluster 0 has 3 already" in alt(panel)
    panel.controls["step"].value = 6
    assert "pass B, infrared cluster 2 with visible cluster 1" in alt(panel)
    panel.controls["max_matches"].value = 1
    assert "cap 1; move 6 of" in alt(panel)
    with pytest.raises(ValueError, match="larger side as rows"):
        moves(SPEC.T)
    big = widgets.greedy_steps(np.random.default_rng(0).random((22, 20)))
    assert charts_of(lambda i: big.controls["step"].set_trait("value", i)) < ANSWER


# a layer on frozen features


@pytest.fixture(scope="module")
def three(table, net):
    return layer.three_modalities(net, table)


@pytest.fixture(scope="module")
def blobs():
    """Two clusters in each of three modalities far apart, as ``ThreeModalities``, and labels."""
    rng = np.random.default_rng(0)
    modality, cluster = np.repeat([0, 1, 2], 40), np.tile([0, 1], 60)
    centres = 2.0 * np.eye(6)[:3]
    x = centres[modality] + 1.5 * np.eye(6)[3:5][cluster] + 0.2 * rng.normal(size=(120, 6))
    row = np.concatenate([np.arange(80), np.arange(40)])
    made = (torch.tensor(v) for v in (x.astype(np.float32), modality, row))
    return layer.ThreeModalities(*made), cluster[:80]


def test_three_lights_are_two_tables_and_copies_of_the_visible(table, three):
    visible = int((table.modality == 0).sum())
    assert len(three.x) == len(table) + visible and three.x.shape[1] == 128
    assert three.modality.bincount().tolist() == [visible, visible, visible]
    copies, own = three.x[three.modality == 2], three.x[three.modality == 0]
    assert (three.row[three.modality == 2] == three.row[three.modality == 0]).all()
    assert not torch.allclose(copies, own)


def test_a_straight_cut_loses_and_lights_come_together(blobs):
    table, label = blobs
    hold = layer.Hold(table, label)
    played = layer.play(table, hold, beta=1.0, opponent=(), lr=3e-3)
    assert max(played.accuracy) > 0.95 and played.accuracy[-1] < 0.6
    apart = [modalities_apart(x, table.modality) for x in (played.x[0], played.x[-1])]
    assert apart[1] < 0.5 * apart[0]
    idle = layer.play(table, hold, beta=0.0, opponent=(), lr=3e-3)
    assert idle.accuracy[-1] > 0.95
    assert played.steps == idle.steps and len(played.accuracy) == len(played.steps)


def test_only_the_classifier_moves_during_warmup_and_runs_repeat(blobs):
    table, label = blobs
    hold = layer.Hold(table, label)
    first, again = (layer.play(table, hold, beta=1.0, steps=10, warmup=20) for _ in range(2))
    assert first.steps == [0, 10, 20, 30]
    assert torch.equal(first.x[0], first.x[2]) and not torch.equal(first.x[2], first.x[3])
    assert torch.equal(first.x, again.x) and first.accuracy == again.accuracy
    assert first.accuracy[2] > first.accuracy[0]


def test_hold_pulls_to_the_own_cluster_and_skips_outliers(blobs):
    table, label = blobs
    rows = torch.arange(len(table.x))
    loss = layer.Hold(table, label)(table.x, rows)
    mixed = layer.Hold(table, label)(table.x.flip(0), rows)
    assert 0 < loss < mixed
    nobody = layer.Hold(table, label)
    nobody.label = torch.full_like(nobody.label, -1)
    assert nobody(table.x, rows) == 0


def test_merging_brings_groups_together_and_leaves_the_rest(blobs):
    table, label = blobs
    hold = layer.Hold(table, label)
    groups = merge_groups([0, 0], [[0], [1]], np.ones((2, 2)))  # the visible ones share a partner
    groups = dict(zip(Modality, groups, strict=True))
    merged = layer.merge(table, hold, groups, weight=2.0, lr=3e-3)
    held = layer.merge(table, hold, groups, weight=0.0, lr=3e-3)

    def cosine(trained, side):
        return layer.prototype_cosines(table, hold, trained.x[-1])[side][0, 1]

    assert cosine(merged, 0) > cosine(held, 0) + 0.1
    assert cosine(merged, 0) > cosine(merged, 1)


def test_a_layer_that_learnt_nothing_changes_no_table(blobs, features):
    table, label = blobs
    trained = layer.merge(table, layer.Hold(table, label), {}, weight=0.0, steps=0)
    narrow = Embeddings(
        torch.nn.functional.normalize(features.x[:, :6]), features.modality, features.camera,
        features.identity,
    )  # fmt: skip
    assert torch.allclose(trained(narrow).x, narrow.x, atol=1e-6)
    assert trained.scale == pytest.approx(float(table.x.norm(dim=1).mean()))


# the game's panel


def test_game_panel_shows_steps_and_refuses_games_of_other_lengths(blobs):
    table, label = blobs
    hold = layer.Hold(table, label)
    games = {
        name: layer.play(table, hold, beta=beta, opponent=(), steps=20)
        for name, beta in {"nobody": 0.0, "both": 1.0}.items()
    }
    panel = widgets.modality_game(table, games, start="both", step=0)
    assert alt(panel).startswith("both, step 0: map of 120 features in three modalities")
    panel.controls["step"].value = 50
    assert f"names {games['both'].accuracy[-1]:.0%} of the modalities" in alt(panel)
    panel.controls["game"].value = "nobody"
    assert alt(panel).startswith("nobody, step 50")
    steps = games["both"].steps
    assert charts_of(lambda i: panel.controls["step"].set_trait("value", steps[i % 5])) < ANSWER
    games["short"] = layer.play(table, hold, beta=1.0, opponent=(), steps=5)
    with pytest.raises(ValueError, match="short: looked at"):
        widgets.modality_game(table, games)


def test_maps_ignore_a_common_shift_and_show_the_means(blobs):
    table, _ = blobs
    x = table.x[None].repeat(2, 1, 1)
    x[1] += 5.0
    maps = flat_maps(x, table.modality)
    assert maps.shape == (2, 120, 2) and np.allclose(maps[0], maps[1], atol=1e-4)
    means = [table.x[table.modality == kind].mean(0) for kind in range(3)]
    shown = [maps[0][table.modality == kind].mean(0) for kind in range(3)]
    for a, b in ((0, 1), (0, 2), (1, 2)):  # three means lie in their plane: nothing is lost
        assert np.linalg.norm(shown[a] - shown[b]) == pytest.approx(
            float((means[a] - means[b]).norm()), rel=1e-3
        )
    assert modalities_apart(x[0], table.modality) == pytest.approx(
        modalities_apart(3 * x[1], table.modality)
    )
