"""The Jaccard family against its written-out definition, the spec's numbers and its invariants."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import reference_jaccard as reference
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from vireid.clustering import dbscan
from vireid.jaccard import (
    RULES,
    encoding,
    encoding_distance,
    fast,
    jaccard_distance,
    neighbour_lists,
    options_of,
    plain,
)
from vireid.neighbours import tiles

TOLERANCE = 2e-6


def dense(graph):
    """The full matrix: absent pairs are at distance 1."""
    full = np.ones(graph.shape)
    pairs = graph.tocoo()
    full[pairs.row, pairs.col] = pairs.data
    return full


def at(*degrees):
    angle = np.deg2rad(degrees)
    return np.stack([np.cos(angle), np.sin(angle)], axis=1)


def crowd(seed=0, n=120, d=8, identities=12, noise=0.6):
    """Features with clusters, and their modality and camera (visible 0-3, infrared 4-5)."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(identities, d))[rng.integers(0, identities, n)]
    x = x + noise * rng.normal(size=(n, d))
    camera = rng.integers(0, 6, n)
    modality = (camera >= 4).astype(int)
    return x + 0.3 * (2 * modality[:, None] - 1), modality, camera


def similarity(x):
    x = reference.unit(x)
    return x @ x.T


def by_reference(rule, x, modality, camera, k1, k2, **options):
    s = similarity(x)
    if rule == "binary":
        return reference.binary(s, k1)
    groups = {"vanilla": (), "lqe": (modality,), "modality": (modality,), "camera": (camera,)}[rule]
    name = {"modality": "modality_aware", "camera": "camera_aware"}.get(rule, rule)
    return reference.distance(getattr(reference, name)(s, k1, k2, *groups, **options))


CASES = [
    ("vanilla", 30, 6, {}),
    ("vanilla", 20, 1, {}),
    ("vanilla", 7, 3, {"list_width": 8}),
    ("vanilla", 25, 6, {"list_width": 40}),
    ("lqe", 40, 32, {}),
    ("lqe", 38, 18, {"list_width": 39}),
    ("lqe", 10, 1, {}),
    ("modality", 30, 6, {}),
    ("modality", 30, 6, {"lqe_per_modality": 3}),
    ("modality", 21, 4, {}),
    ("modality", 20, 1, {}),
    ("modality", 20, 1, {"lqe_per_modality": 1}),
    ("modality", 30, 6, {"half_list": "balanced"}),
    ("modality", 24, 6, {"half_list": "balanced"}),
    ("camera", 30, 6, {}),
    ("camera", 30, 6, {"k2_intra": 2, "k2_inter": 4}),
    ("camera", 30, 6, {"k1_intra": 3, "k1_inter": 10, "k2_intra": 1, "k2_inter": 0}),
    ("camera", 12, 4, {"rectify": "sets"}),
    ("camera", 12, 4, {"rectify": "lqe"}),
    ("binary", 30, 1, {}),
    ("binary", 7, 6, {}),
]


@pytest.mark.parametrize(
    "way",
    [
        {},
        {"backend": "compiled"},
        {"backend": "plain", "search": "tiles"},
        {"backend": "compiled", "search": "bfloat16"},
        {"backend": "plain", "search": "faiss"},
    ],
    ids=lambda way: "-".join(way.values()) or "auto",
)
@pytest.mark.parametrize(("rule", "k1", "k2", "options"), CASES)
def test_every_rule_and_option_equals_the_written_out_definition(rule, k1, k2, options, way):
    x, modality, camera = crowd()
    x = x.astype(np.float32) if "search" in way else x
    graph = jaccard_distance(
        x, rule=rule, k1=k1, k2=k2, modality=modality, camera=camera, **options, **way
    )
    expected = by_reference(rule, x, modality, camera, k1, k2, **options)
    assert np.abs(dense(graph) - expected).max() < TOLERANCE
    stored = np.zeros(graph.shape, dtype=bool)
    stored[graph.tocoo().coords] = True
    assert stored.diagonal().all() and (expected[~stored] > 1 - TOLERANCE).all()
    assert graph.data.max() < 1 and graph.data.min() >= 0


def test_every_option_of_every_rule_changes_the_result():
    x, modality, camera = crowd()
    changes = {
        "vanilla": [{"list_width": 13}],
        "lqe": [{"list_width": 13}],
        "modality": [{"lqe_per_modality": 2}, {"half_list": "balanced"}],
        "camera": [
            {"k1_intra": 3}, {"k1_inter": 8}, {"k2_intra": 1}, {"k2_inter": 1},
            {"rectify": "sets"}, {"rectify": "lqe"},
        ],
        "binary": [],
    }  # fmt: skip
    for rule, options in changes.items():
        call = dict(rule=rule, k1=12, k2=4, modality=modality, camera=camera)
        plain = dense(jaccard_distance(x, **call))
        for option in options:
            assert np.abs(dense(jaccard_distance(x, **call, **option)) - plain).max() > 1e-3, option
        tested = {name for option in options for name in option}
        assert set(options_of(rule)) - tested <= {"list_width", "epoch"}
    whole = dict(rule="camera", k1=12, k2=4, camera=camera, rectify="lqe")
    wider = jaccard_distance(x, **whole, list_width=8)
    assert np.abs(dense(wider) - dense(jaccard_distance(x, **whole))).max() > 1e-3


# --- spec bmil_mult §7: skeleton


@pytest.mark.parametrize("angle", [20, 60, 120])
def test_j1_two_points(angle):
    d = dense(jaccard_distance(at(0, angle), k1=2, k2=1))
    assert d[0, 1] == pytest.approx(1 - np.exp(-(2 - 2 * np.cos(np.deg2rad(angle)))), abs=1e-6)


def test_j2_three_unit_vectors():
    d = dense(jaccard_distance(at(0, 60, 180), k1=2, k2=1))
    assert d[0, 1] == pytest.approx(0.6321206, abs=1e-6)
    assert d[0, 2] == d[1, 2] == 1
    d = dense(jaccard_distance(at(0, 60, 180), k1=2, k2=2))
    assert d[0, 1] == pytest.approx(0, abs=1e-6)
    assert d[0, 2] == pytest.approx(2 / 3, abs=1e-6) == d[1, 2]


@pytest.mark.parametrize("rule", RULES)
def test_j3_symmetric_zero_diagonal_unit_interval_and_equivariant(rule):
    x, modality, camera = crowd(1)
    call = dict(rule=rule, k1=12, k2=4)
    graph = jaccard_distance(x, **call, modality=modality, camera=camera)
    d = dense(graph)
    assert (d == d.T).all() and (np.diag(d) == 0).all() and d.min() >= 0 and d.max() <= 1
    rows = np.arange(len(x))
    assert all(i in graph.indices[graph.indptr[i] : graph.indptr[i + 1]] for i in rows)
    order = np.random.default_rng(0).permutation(len(x))
    shuffled = jaccard_distance(x[order], **call, modality=modality[order], camera=camera[order])
    assert np.abs(dense(shuffled) - d[np.ix_(order, order)]).max() < TOLERANCE


@pytest.mark.parametrize("rule", ["vanilla", "modality", "camera", "lqe"])
def test_j3_rows_of_encodings_sum_to_one_before_and_after_averaging(rule):
    x, modality, camera = crowd(2)
    before = {"k2_intra": 1, "k2_inter": 0} if rule == "camera" else {}
    for k2, options in ((1, before), (5, {})):
        v = encoding(x, rule=rule, k1=14, k2=k2, modality=modality, camera=camera, **options)
        assert np.abs(v.sum(1) - 1).max() < 1e-12 and v.data.min() > 0


def test_j4_copies_are_at_distance_zero_and_their_zero_is_stored():
    x, *_ = crowd(3, n=60)
    x[31] = x[7]
    graph = jaccard_distance(x, k1=12, k2=2)
    row = slice(graph.indptr[7], graph.indptr[8])
    found = dict(zip(graph.indices[row].tolist(), graph.data[row].tolist(), strict=True))
    assert found[31] == pytest.approx(0, abs=1e-6)


def test_j5_bounds_of_the_sets():
    x, *_ = crowd(4, n=600, noise=0.9)
    lists = neighbour_lists(x, k1=30, k2=1)
    v = encoding(x, k1=30, k2=1)
    assert lists.near.shape == (600, 30) and lists.half.shape == (600, 16)
    size = np.diff(v.indptr)
    assert size.max() <= 180 and size.min() >= 1
    assert size.max() > 30, "no set was expanded: the test would miss a wrong expansion"


@pytest.mark.parametrize("rule", RULES)
def test_j6_sparse_and_dense_give_the_same_labels(rule):
    x, modality, camera = crowd(5, n=200, noise=0.4)
    graph = jaccard_distance(x, rule=rule, k1=16, k2=4, modality=modality, camera=camera)
    for eps in (0.3, 0.6):
        labels = dbscan(graph, eps=eps)
        assert (labels == dbscan(dense(graph).astype(np.float32), eps=eps)).all()
        cut = jaccard_distance(x, rule=rule, k1=16, k2=4, modality=modality, camera=camera, eps=eps)
        assert cut.nnz < graph.nnz and cut.data.max() <= np.float32(eps)
        assert (labels == dbscan(cut, eps=eps)).all()
    assert labels.max() > 0


def test_j6_explicit_zeros_hold_groups_of_identical_images_together():
    x = np.repeat(at(0, 90), 4, axis=0)
    graph = jaccard_distance(x, k1=4, k2=1)
    assert dbscan(graph, eps=0.6).tolist() == [0] * 4 + [1] * 4
    graph.eliminate_zeros()
    assert dbscan(graph, eps=0.6).tolist() == [-1] * 8


def half_set_of_three(overlap):
    """A similarity where image 3's half set has 3 members, ``overlap`` of them in R_0.

    k1 = 4: full lists hold 4, half lists round(2) + 1 = 3.
    """
    lists = {
        2: {0: [0, 3, 1, 6], 3: [3, 0, 4, 7], 4: [4, 3, 8, 9], 1: [1, 0, 8, 9]},
        3: {0: [0, 3, 4, 1], 3: [3, 0, 4, 7], 4: [4, 3, 0, 9], 1: [1, 0, 8, 9]},
    }[overlap]
    s = np.full((10, 10), 0.0)
    for i in range(10):
        row = lists.get(i, [i])
        s[i, row] = 1 - 0.1 * np.arange(len(row))
        rest = [j for j in range(9, -1, -1) if j not in row]
        s[i, rest] = -0.1 - 0.01 * np.arange(len(rest))
    return s


def test_j7_two_of_three_is_not_enough_and_three_of_three_is():
    two = encoding(similarity=half_set_of_three(2), k1=4, k2=1)
    assert set(two[[0]].indices) == {0, 1, 3}, "H_3 = {3, 0, 4} meets R_0 in 2 of 3: 4 stays out"
    three = encoding(similarity=half_set_of_three(3), k1=4, k2=1)
    assert set(three[[0]].indices) == {0, 1, 3, 4}
    # 3 of 4 is more than two thirds: the fourth joins
    x, *_ = crowd(6)
    s = similarity(x)
    lists = reference.global_lists(s, 12)
    r = [reference.reciprocal(lists, i, 13) for i in range(len(x))]
    h = [reference.reciprocal(lists, i, 7) for i in range(len(x))]
    exact = [(i, c) for i in range(len(x)) for c in r[i] if 3 * len(h[c] & r[i]) == 2 * len(h[c])]
    assert exact, "no overlap of exactly two thirds in this data"
    v = encoding(x, k1=12, k2=1)
    for i in range(len(x)):
        assert set(v[[i]].indices) == reference.expand(r, h, i)


# --- spec bmil_mult §7: modality-aware


def test_ma1_a_gap_of_ninety_degrees():
    x, modality = at(0, 10, 90, 100), np.array([0, 0, 1, 1])
    d = dense(jaccard_distance(x, k1=2, k2=1))
    assert d[0, 1] == pytest.approx(0.0299275, abs=1e-6) == d[2, 3]
    assert (d[:2, 2:] == 1).all()
    d = dense(jaccard_distance(x, rule="modality", k1=2, k2=1, modality=modality))
    assert d[1, 2] == pytest.approx(0.8084686, abs=1e-6)
    assert d[1, 2] == pytest.approx(1 - np.exp(-(2 - 2 * np.cos(np.deg2rad(80)))), abs=1e-6)
    assert all(d[i, j] == 1 for i in range(4) for j in range(i) if (i, j) != (2, 1))
    d = dense(jaccard_distance(x, rule="modality", k1=2, k2=2, modality=modality))
    assert d[1, 2] == pytest.approx(0, abs=1e-6)
    assert d[0, 3] == pytest.approx(0.9126039, abs=1e-6)
    for i, j in ((0, 1), (0, 2), (1, 3), (2, 3)):
        assert d[i, j] == pytest.approx(2 / 3, abs=1e-6)


@pytest.mark.parametrize("k1", [12, 10])
@pytest.mark.parametrize("given_as", ["features", "similarity"])
def test_ma2_infrared_a_copy_of_visible_is_vanilla(k1, given_as):
    half, *_ = crowd(7, n=70)
    x, modality = np.concatenate([half, half]), np.repeat([0, 1], 70)
    s = similarity(half)
    data = {"x": x} if given_as == "features" else {"similarity": np.tile(s, (2, 2))}
    code = dense(jaccard_distance(**data, rule="modality", k1=k1, k2=4, modality=modality))
    assert np.abs(code - dense(jaccard_distance(**data, k1=k1, k2=8))).max() < TOLERANCE
    paper = dense(
        jaccard_distance(
            **data, rule="modality", k1=k1, k2=4, lqe_per_modality=2, modality=modality
        )
    )
    assert np.abs(paper - dense(jaccard_distance(**data, k1=k1, k2=4))).max() < TOLERANCE


def test_ma3_a_monotone_change_of_cross_similarities_leaves_the_sets_alone():
    x, modality, _ = crowd(8)
    s = similarity(x)
    changed = np.where(modality[:, None] == modality[None], s, s - 0.5)

    def reciprocal(matrix, rule):
        lists = neighbour_lists(similarity=matrix, rule=rule, k1=12, k2=1, modality=modality)
        n = range(len(x))
        near = [set(row[row >= 0].tolist()) for row in lists.near]
        half = [set(row[row >= 0].tolist()) for row in lists.half]
        return [{j for j in near[i] if i in near[j]} for i in n], [
            {j for j in half[i] if i in half[j]} for i in n
        ]

    before, after = reciprocal(s, "modality"), reciprocal(changed, "modality")
    assert before[0] == after[0] and before[1] != after[1]
    assert reciprocal(s, "vanilla")[0] != reciprocal(changed, "vanilla")[0]


def test_ma4_one_modality_alone_equals_vanilla():
    x, *_ = crowd(9)
    modality = np.zeros(len(x), dtype=int)
    with pytest.warns(UserWarning, match="120 visible and 0 infrared"):
        d = jaccard_distance(x, rule="modality", k1=12, k2=8, modality=modality)
    assert np.abs(dense(d) - dense(jaccard_distance(x, k1=12, k2=8))).max() < TOLERANCE


@pytest.mark.parametrize(
    ("gap", "vanilla", "aware", "own_share"),
    [(0, 0.11, 0.06, 0.50), (0.2, 0.26, 0.06, 0.62), (0.4, 0.52, 0.06, 0.70),
     (0.6, 0.77, 0.05, 0.81), (1, 1, 0.04, 1)],
)  # fmt: skip
def test_ma5_the_balanced_rule_bridges_a_gap_that_blinds_vanilla(gap, vanilla, aware, own_share):
    rng = np.random.default_rng(0)
    centre = reference.unit(rng.normal(size=(30, 64)))
    identity = np.concatenate([np.repeat(np.arange(30), 10), np.repeat(np.arange(30), 8)])
    modality = np.repeat([0, 1], [300, 240])
    direction = reference.unit(rng.normal(size=(1, 64)))
    sign = np.where(modality == 0, 1, -1)[:, None]
    noise = 0.5 * rng.normal(size=(540, 64)) / 8
    x = reference.unit(centre[identity] + noise + sign * gap * direction)
    same = (identity[:, None] == identity[None]) & (modality[:, None] != modality[None])
    assert dense(jaccard_distance(x))[same].mean() == pytest.approx(vanilla, abs=0.06)
    balanced = jaccard_distance(x, rule="modality", modality=modality)
    assert dense(balanced)[same].mean() == pytest.approx(aware, abs=0.03)
    near = neighbour_lists(x).near
    assert (modality[near] == modality[:, None]).mean() == pytest.approx(own_share, abs=0.05)


def test_ma6_swapping_the_modalities_changes_nothing():
    x, modality, _ = crowd(10)
    call = dict(rule="modality", k1=15, k2=4)
    a = jaccard_distance(x, **call, modality=modality)
    b = jaccard_distance(x, **call, modality=1 - modality)
    assert np.abs(dense(a) - dense(b)).max() < TOLERANCE


# --- spec bmil_mult §7: camera-aware


def test_c1_c2_sets_hold_oneself_are_a_plain_union_and_small():
    x, _, camera = crowd(11, n=300)
    v = encoding(x, rule="camera", camera=camera, k2_intra=1, k2_inter=0)
    lists = neighbour_lists(x, rule="camera", camera=camera)
    near = [set(row[row >= 0].tolist()) for row in lists.near]
    assert lists.half is None
    for i in range(len(x)):
        e = set(v[[i]].indices.tolist())
        assert i in e and e == {j for j in near[i] if i in near[j]}
        assert len(e) <= 6 + 21


def test_c3_epoch_zero_is_three_and_three():
    x, _, camera = crowd(12)
    three = dense(jaccard_distance(x, rule="camera", camera=camera))
    warm = dict(rule="camera", camera=camera, k2_intra=2, k2_inter=4)
    assert (dense(jaccard_distance(x, **warm, epoch=0)) == three).all()
    assert (dense(jaccard_distance(x, **warm, epoch=1)) != three).any()


def test_c4_renaming_cameras_changes_nothing():
    x, _, camera = crowd(13)
    renamed = np.array([40, 7, 3, 99, 0, 12])[camera]
    a, b = (dense(jaccard_distance(x, rule="camera", camera=c)) for c in (camera, renamed))
    assert np.abs(a - b).max() < TOLERANCE


def test_c5_the_mean_has_equal_weights_on_exactly_the_asked_rows():
    x, _, camera = crowd(14)
    average = neighbour_lists(x, rule="camera", camera=camera, k2_intra=2, k2_inter=4).average
    assert (np.diff(average.indptr) == 6).all() and np.allclose(average.data, 1 / 6)
    own = camera[average.indices] == np.repeat(camera, 6)
    assert (own.reshape(-1, 6).sum(1) == 2).all()


def test_a_camera_with_few_images_gives_a_short_list_of_real_members():
    x, _, camera = crowd(15)
    camera[:] = 0
    camera[:3] = 1
    near = neighbour_lists(x, rule="camera", camera=camera).near
    assert (near[:3, 3:6] == -1).all() and set(near[0, :3].tolist()) == {0, 1, 2}
    assert set(near[10, 6:][near[10, 6:] >= 0].tolist()) == {0, 1, 2}
    single = jaccard_distance(x, rule="camera", camera=np.zeros(len(x)))
    expected = by_reference("camera", x, None, np.zeros(len(x)), 30, 6)
    assert np.abs(dense(single) - expected).max() < TOLERANCE


# --- spec dmdl §1 T1.5, spec multimodule §1.8 (4)


def test_t1_5_six_unit_vectors():
    x = at(0, 10, 25, 90, 105, 115)
    d = dense(jaccard_distance(x, k1=3, k2=1))
    expected = {(0, 1): 0.0496, (0, 2): 0.1233, (1, 2): 0.0774,
                (3, 4): 0.0774, (3, 5): 0.1233, (4, 5): 0.0496}  # fmt: skip
    for (i, j), value in expected.items():
        assert d[i, j] == pytest.approx(value, abs=1e-4)
    assert (d[:3, 3:] == 1).all()
    d = dense(jaccard_distance(x, k1=3, k2=2))
    assert d[0, 1] == pytest.approx(0, abs=1e-6)
    assert d[0, 2] == pytest.approx(0.0636, abs=1e-4) == d[1, 2]
    d = dense(jaccard_distance(x, k1=4, k2=1))
    expected = {(0, 2): 0.2317, (1, 2): 0.1910, (0, 3): 0.9461, (1, 3): 0.9461, (2, 3): 0.8860}
    for (i, j), value in expected.items():
        assert d[i, j] == pytest.approx(value, abs=1e-4)
    d = dense(jaccard_distance(x, k1=1, k2=1))
    assert (d == 1 - np.eye(6)).all()


def test_t1_5_two_groups_of_three_identical_vectors():
    d = dense(jaccard_distance(np.repeat(at(0, 90), 3, axis=0), k1=3, k2=1))
    expected = np.kron(1 - np.eye(2), np.ones((3, 3)))
    assert np.abs(d - expected).max() < 1e-6


def test_multimodule_1_8_balanced_expansion():
    modality = np.array([0, 0, 0, 1])
    s = np.full((4, 4), 0.5) + 0.5 * np.eye(4)
    values = np.array([1.0, 1, 1, 0])
    plain = neighbour_lists(similarity=s, k1=4, k2=4).average
    balanced = neighbour_lists(similarity=s, rule="lqe", k1=4, k2=4, modality=modality).average
    assert (plain @ values).tolist() == [0.75] * 4 and (balanced @ values).tolist() == [0.5] * 4


def test_multimodule_1_8_one_modality_balanced_is_plain():
    x, *_ = crowd(16)
    balanced = jaccard_distance(x, rule="lqe", k1=12, k2=8, modality=np.ones(len(x), dtype=int))
    assert np.abs(dense(balanced) - dense(jaccard_distance(x, k1=12, k2=8))).max() < TOLERANCE


# --- properties


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    n=st.integers(8, 60),
    k1=st.integers(2, 8),
    rule=st.sampled_from(list(RULES)),
)
def test_any_features_give_a_symmetric_distance_and_equal_labels(seed, n, k1, rule):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(4, 5))[rng.integers(0, 4, n)] + 0.3 * rng.normal(size=(n, 5))
    modality, camera = rng.permutation(np.arange(n) % 2), rng.integers(0, 3, n)
    call = dict(rule=rule, k1=k1, k2=min(k1, 3) // 2 + 1)
    graph = jaccard_distance(x, **call, modality=modality, camera=camera)
    d = dense(graph)
    assert (d == d.T).all() and (np.diag(d) == 0).all() and d.min() >= 0 and graph.data.max() < 1
    labels = dbscan(graph, eps=0.6, min_samples=3)
    assert (labels == dbscan(d.astype(np.float32), eps=0.6, min_samples=3)).all()
    order = rng.permutation(n)
    again = jaccard_distance(x[order], **call, modality=modality[order], camera=camera[order])
    assert np.abs(dense(again) - d[np.ix_(order, order)]).max() < TOLERANCE


@pytest.mark.parametrize("kind", [np.float32, np.float16, torch.float32, torch.bfloat16, "grad"])
def test_kinds_of_arrays(kind):
    x, *_ = crowd(17)
    if kind == "grad":
        given_x = torch.tensor(x, requires_grad=True)
    else:
        given_x = torch.tensor(x).to(kind) if isinstance(kind, torch.dtype) else x.astype(kind)
    expected = np.asarray(given_x.detach().double() if torch.is_tensor(given_x) else given_x)
    graph = jaccard_distance(given_x, k1=12, k2=4)
    assert graph.dtype == np.float32
    truth = by_reference("vanilla", expected, None, None, 12, 4)
    assert np.abs(dense(graph) - truth).max() < TOLERANCE


def test_rows_that_are_not_of_unit_norm():
    x, modality, _ = crowd(18)
    s = x @ x.T / 20
    square = np.diag(s)
    ranked = 2 * s - square[:, None] - square[None]
    euclidean = reference.distance(reference.vanilla(s, 12, 4, score=ranked))
    scaled = x / np.sqrt(20)
    assert (
        np.abs(dense(jaccard_distance(scaled, k1=12, k2=4, normalise=False)) - euclidean).max()
        < 2e-6
    )
    unit = dense(jaccard_distance(scaled, k1=12, k2=4))
    assert np.abs(unit - dense(jaccard_distance(x, k1=12, k2=4))).max() < TOLERANCE
    # by inner product a short row may be missing from its own list; it is never left empty
    scaled[5] *= 1e-3
    graph = jaccard_distance(
        scaled, rule="modality", k1=4, k2=1, modality=modality, normalise=False
    )
    v = encoding(scaled, rule="modality", k1=4, k2=1, modality=modality, normalise=False)
    assert v[[5]].indices.tolist() == [5] and dense(graph)[5, 5] == 0


def test_encodings_are_checked():
    v = encoding(crowd(26, n=30)[0], k1=6, k2=2)
    assert encoding_distance(v).nnz > 30
    rows = [[0.5, 0.5, 0], [0, 0.5, 0.5], [1, 0, 0]]
    padded = csr_array((np.ravel(rows), np.tile(range(3), 3), [0, 3, 6, 9]), shape=(3, 3))
    for backend in ("plain", "compiled"):
        d = encoding_distance(padded, backend=backend)
        assert np.allclose(dense(d), [[0, 2 / 3, 2 / 3], [2 / 3, 0, 1], [2 / 3, 1, 0]])
        assert d.nnz == 7
    for value in (-0.1, np.nan):
        v.data[3] = value
        with pytest.raises(ValueError, match="negative or non-finite"):
            encoding_distance(v)


# --- compiled loops


@pytest.fixture
def many_blocks(monkeypatch):
    """Blocks so small that a few hundred images need many of them, in three threads."""
    monkeypatch.setattr(fast, "ROWS", 50)
    monkeypatch.setattr(fast, "CHUNK", 5000)
    monkeypatch.setattr(plain, "CHUNK", 5000)
    monkeypatch.setattr(tiles, "TILE", 64)
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("eps", [None, 0.5])
@pytest.mark.parametrize(("rule", "k1", "k2", "options"), CASES)
def test_compiled_loops_equal_plain_ones_in_every_bit(many_blocks, rule, k1, k2, options, eps):
    x, modality, camera = crowd(23, n=300)
    call = dict(rule=rule, k1=k1, k2=k2, modality=modality, camera=camera, eps=eps, **options)
    a = jaccard_distance(x, backend="plain", **call)
    b = jaccard_distance(x, backend="compiled", **call)
    assert (a.indptr == b.indptr).all() and (a.indices == b.indices).all()
    assert (a.data == b.data).all() and a.eps == b.eps
    assert b.has_sorted_indices and (b != b.T).nnz == 0


def test_compiled_loops_keep_explicit_zeros(many_blocks):
    x = np.repeat(np.random.default_rng(0).normal(size=(50, 5)), 4, axis=0)
    graph = jaccard_distance(x, k1=4, k2=2, backend="compiled")
    assert dbscan(graph, eps=0.5).tolist() == np.repeat(range(50), 4).tolist()
    assert (graph.data == 0).sum() > 200


def test_compiled_loops_run_in_several_threads_at_once():
    x, *_ = crowd(24, n=200)
    one = jaccard_distance(x, k1=12, k2=4, backend="compiled")
    with ThreadPoolExecutor(4) as pool:
        many = list(
            pool.map(lambda _: jaccard_distance(x, k1=12, k2=4, backend="compiled"), range(8))
        )
    assert all((other.data == one.data).all() for other in many)


def test_large_inputs_take_the_fast_way_and_small_ones_do_not_load_it():
    code = (
        "import sys, numpy as np; from vireid.jaccard import jaccard_distance;"
        "x = np.random.default_rng(0).normal(size=(2100, 6)).astype('f4');"
        "jaccard_distance(x[:200], k1=5, k2=2); print('numba' in sys.modules);"
        "jaccard_distance(x, k1=5, k2=2); print('numba' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["False", "True"]


def test_pair_numbers_do_not_overflow_at_ten_million_images():
    n = 10_000_000
    row = np.array([0, n - 1], dtype=np.int32)
    assert plain.pair_key(row, np.array([5, n - 1], dtype=np.int32), n).tolist() == [5, n * n - 1]
    blocks = list(plain.blocks(np.full(5, 2**31 - 1, dtype=np.int64), 2**33))
    assert blocks == [(0, 4), (4, 5)]


def test_more_entries_than_32_bits_count_get_64_bit_indices(monkeypatch):
    monkeypatch.setattr(plain, "INT32", 10)
    x, *_ = crowd(25, n=40)
    for backend in ("plain", "compiled"):
        graph = jaccard_distance(x, k1=6, k2=2, backend=backend)
        assert graph.indptr.dtype == graph.indices.dtype == np.int64
        assert np.abs(dense(graph) - by_reference("vanilla", x, None, None, 6, 2)).max() < TOLERANCE


@pytest.mark.parametrize("backend", ["plain", "compiled"])
@pytest.mark.parametrize("cameras", [1, 2])
def test_who_finds_nobody_to_average_keeps_its_own_encoding(cameras, backend):
    """CA-Jaccard without own-camera averaging: with one camera, nobody is left to average."""
    x, *_ = crowd(16, n=60)
    x = np.concatenate([x, x[:1]])
    camera = np.arange(len(x)) % 20 % cameras  # rows 0 and 60, copies, share theirs
    options = {"k1_intra": 60, "k1_inter": 8, "k2_intra": 0}
    graph = jaccard_distance(x, rule="camera", camera=camera, backend=backend, **options)
    expected = by_reference("camera", x, None, camera, 30, 6, **options)
    assert np.abs(dense(graph) - expected).max() < TOLERANCE
    assert (np.diff(graph.indptr) > 0).all() and (dense(graph).diagonal() == 0).all()
    assert dense(graph)[0, 60] < TOLERANCE
    if cameras == 1:
        before = {**options, "k2_intra": 1, "k2_inter": 0}  # averages oneself alone
        plainly = jaccard_distance(x, rule="camera", camera=camera, backend=backend, **before)
        assert (dense(graph) == dense(plainly)).all()


def test_counts_of_the_camera_rule_may_be_whole_floats():
    x, _, camera = crowd(17)
    call = dict(rule="camera", camera=camera)
    counts = {"k1_intra": 4, "k1_inter": 9, "k2_intra": 2, "k2_inter": 3}
    floats = {name: float(value) for name, value in counts.items()}
    assert (dense(jaccard_distance(x, **call, **floats))
            == dense(jaccard_distance(x, **call, **counts))).all()  # fmt: skip
    for name in counts:
        with pytest.raises(ValueError, match=f"{name}=2.5; give a whole number >= 0"):
            jaccard_distance(x, **call, **{name: 2.5})


# --- bad input


@pytest.mark.parametrize("rule", RULES)
def test_bad_rows_are_named(rule):
    x, modality, camera = crowd(19)
    call = dict(rule=rule, modality=modality, camera=camera)
    for value, word in ((np.nan, "NaN"), (np.inf, "NaN, infinity")):
        broken = x.copy()
        broken[[4, 90], 1] = value
        with pytest.raises(ValueError, match=rf"rows 4, 90 \(2 in all\) of x hold {word}"):
            jaccard_distance(broken, **call)
    broken = x.copy()
    broken[17] = 0
    with pytest.raises(ValueError, match=r"row 17 \(1 in all\) of x are zero"):
        jaccard_distance(broken, **call)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"rule": "cosine"}, "rule='cosine'; known: vanilla, modality, camera, lqe, binary"),
        ({"k1_intra": 4}, "rule='vanilla' has no option k1_intra; known: list_width"),
        ({"rule": "binary", "list_width": 3}, "known: none"),
        ({"rule": "modality"}, "rule='modality' needs modality="),
        ({"rule": "lqe"}, "rule='lqe' needs modality="),
        ({"rule": "camera"}, "rule='camera' needs camera="),
        ({"rule": "lqe", "modality": [0, 1]}, r"modality has shape \(2,\) for 120 images"),
        ({"rule": "lqe", "modality": [2] * 120}, "0 is visible, 1 infrared"),
        ({"rule": "camera", "camera": [1.2] * 120}, "camera holds .1.2, .*give whole numbers"),
        ({"k1": 0}, "k1=0; give a whole number of images"),
        ({"k1": 2.5}, "k1=2.5"),
        ({"k2": 0}, "k2=0"),
        ({"k1": 4, "k2": 6}, "k2=6 is more than the 4 entries"),
        ({"rule": "modality", "k1": 1, "k2": 1, "modality": [0] * 120}, "give k1 >= 2"),
        ({"rule": "modality", "lqe_per_modality": 16, "modality": [0] * 120}, "outside 1 to"),
        ({"rule": "modality", "half_list": "own", "modality": [0] * 120}, "half_list='own'"),
        ({"rule": "camera", "rectify": "none", "camera": [0] * 120}, "rectify='none'"),
        ({"rule": "camera", "k2_inter": -1, "camera": [0] * 120}, "k2_inter=-1"),
        ({"rule": "camera", "k2_intra": 0, "k2_inter": 0, "camera": [0] * 120}, "average nothing"),
        ({"eps": 1.5}, "eps=1.5"),
        ({"backend": "cuda"}, "backend='cuda'; known: auto, plain, compiled"),
        ({"search": "hnsw"}, "backend='hnsw'; known: auto, torch, tiles, bfloat16, faiss"),
        ({"search": "faiss", "normalise": False}, "leave normalise=True"),
        ({"similarity": np.eye(120)}, "either features x or similarity="),
        ({"x": None}, "either features x or similarity="),
        ({"x": None, "similarity": np.ones((3, 4))}, r"similarity has shape \(3, 4\)"),
        ({"x": None, "similarity": np.full((3, 3), np.nan)}, "similarity hold NaN"),
        ({"x": np.ones(4)}, r"x has shape \(4,\)"),
        ({"x": np.ones((0, 4))}, r"x has shape \(0, 4\)"),
    ],
)
def test_wrong_arguments_are_explained(arguments, message):
    with pytest.raises(ValueError, match=message):
        jaccard_distance(**{"x": crowd()[0], **arguments})


def test_lists_wider_than_the_data_are_clamped_with_a_warning():
    x, *_ = crowd(20, n=20)
    with pytest.warns(UserWarning, match="list width=30 but only 20 images"):
        graph = jaccard_distance(x)
    assert np.abs(dense(graph) - by_reference("vanilla", x, None, None, 30, 6)).max() < TOLERANCE
    with pytest.warns(UserWarning):
        assert dense(jaccard_distance(x[:1])).tolist() == [[0]]


@pytest.mark.parametrize("infrared", [1, 4, 0])
def test_a_tiny_modality_gives_all_it_has(infrared):
    x, *_ = crowd(21, n=60)
    modality = (np.arange(60) < infrared).astype(int)
    with pytest.warns(UserWarning, match=f"{60 - infrared} visible and {infrared} infrared"):
        graph = jaccard_distance(x, rule="modality", k1=16, k2=6, modality=modality)
    expected = by_reference("modality", x, modality, None, 16, 6)
    assert np.abs(dense(graph) - expected).max() < TOLERANCE


def test_more_than_the_data_in_the_modality_rule():
    x, *_ = crowd(22, n=12)
    modality = np.arange(12) % 2
    with pytest.warns(UserWarning, match="6 visible and 6 infrared"):
        graph = jaccard_distance(x, rule="modality", modality=modality)
    expected = by_reference("modality", x, modality, None, 30, 6)
    assert np.abs(dense(graph) - expected).max() < TOLERANCE
