"""Cluster scores against loops over all pairs, shuffled labels and scikit-learn."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from vireid.evaluation import cluster_scores, cross_modality_scores


def world(seed, n=14, clusters=4, ids=4):
    rng = np.random.default_rng(seed)
    modality = rng.integers(0, 2, n)
    modality[:2] = 0, 1
    return rng.integers(-1, clusters, n), rng.integers(0, ids, n), modality


def counted(label, identity, pairs):
    """T, A, B and M by looking at each pair."""
    table = [(label[i] == label[j], identity[i] == identity[j]) for i, j in pairs]
    both = sum(a and b for a, b in table)
    return both, sum(a for a, _ in table), sum(b for _, b in table), len(table)


def crossing(modality):
    n = range(len(modality))
    return [(i, j) for i in n for j in n if modality[i] == 0 and modality[j] == 1]


def alone(label):
    """Each outlier gets a label nobody else has."""
    return np.where(label < 0, 1000 + np.arange(len(label)), label)


# cluster_scores


def test_written_out():
    found = cluster_scores([0, 0, 0, 1, 1, -1], [7, 7, 8, 8, 8, 7])
    # pairs that share a cluster: 01 02 12 34, true ones 01 34; true pairs among the clustered:
    # 01 23 24 34
    assert found["precision"] == 2 / 4 and found["recall"] == 2 / 4 and found["kept"] == 5
    expected = 4 * 4 / 10
    assert found["ari"] == pytest.approx((2 - expected) / (4 - expected))


def test_outliers_alone_cost_recall_only():
    arguments = [0, 0, 0, 1, 1, -1], [7, 7, 8, 8, 8, 7]
    found = cluster_scores(*arguments, outliers="alone")
    assert found["precision"] == 2 / 4 and found["recall"] == 2 / 6 and found["kept"] == 6


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 9999), outliers=st.sampled_from(["drop", "alone"]))
def test_pair_scores_equal_the_loop(seed, outliers):
    label, identity, _ = world(seed)
    found = cluster_scores(label, identity, outliers=outliers)
    rows = label >= 0 if outliers == "drop" else np.full(len(label), True)
    label, identity = alone(label)[rows], identity[rows]
    pairs = itertools.combinations(range(len(label)), 2)
    both, same_label, same_identity, m = counted(label, identity, pairs)
    assert found["kept"] == len(label)
    np.testing.assert_equal(found["precision"], both / same_label if same_label else np.nan)
    np.testing.assert_equal(found["recall"], both / same_identity if same_identity else np.nan)
    chance = same_label * same_identity / m
    most = (same_label + same_identity) / 2
    if most != chance:
        assert found["ari"] == pytest.approx((both - chance) / (most - chance))


def test_perfect_clusters_and_one_cluster():
    identity = np.repeat([4, 9, 2], 5)
    perfect = cluster_scores(np.repeat([2, 0, 1], 5), identity)
    assert {perfect[k] for k in ("ari", "nmi", "homogeneity", "precision", "recall")} == {1.0}
    lumped = cluster_scores(np.zeros(15, int), identity)
    assert lumped["ari"] == lumped["homogeneity"] == 0 and lumped["recall"] == 1
    assert lumped["precision"] == pytest.approx(30 / 105)


def test_split_clusters_are_homogeneous_but_recall_half():
    found = cluster_scores([0, 0, 1, 1], [5, 5, 5, 5])
    assert found["homogeneity"] == 1 and found["precision"] == 1 and found["recall"] == 2 / 6


def test_undefined_scores_are_nan():
    found = cluster_scores([-1, -1], [0, 0])
    assert found["kept"] == 0 and all(np.isnan(v) for k, v in found.items() if k != "kept")
    singles = cluster_scores([0, 1], [5, 6])
    assert np.isnan(singles["precision"]) and np.isnan(singles["recall"])


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 9999))
def test_names_and_order_do_not_matter(seed):
    label, identity, modality = world(seed)
    rng = np.random.default_rng(seed)
    rename, order = rng.permutation(4), rng.permutation(len(label))
    other = np.where(label < 0, -1, rename[label])[order]
    for score, rest in ((cluster_scores, ()), (cross_modality_scores, (modality,))):
        one = score(label, identity, *rest)
        two = score(other, identity[order] + 50, *(v[order] for v in rest))
        np.testing.assert_allclose(list(one.values()), list(two.values()))


# cross_modality_scores


@settings(max_examples=80, deadline=None)
@given(seed=st.integers(0, 9999), outliers=st.sampled_from(["drop", "alone"]))
def test_cross_scores_equal_the_loop(seed, outliers):
    label, identity, modality = world(seed)
    found = cross_modality_scores(label, identity, modality, outliers=outliers)
    rows = label >= 0 if outliers == "drop" else np.full(len(label), True)
    label, identity, modality = alone(label)[rows], identity[rows], modality[rows]
    both, same_label, same_identity, m = counted(label, identity, crossing(modality))
    assert found["pairs"] == m and found["kept"] == len(label)
    np.testing.assert_equal(found["precision"], both / same_label if same_label else np.nan)
    np.testing.assert_equal(found["recall"], both / same_identity if same_identity else np.nan)
    if not m:
        assert np.isnan(found["ari"])
        return
    chance, most = same_label * same_identity / m, (same_label + same_identity) / 2
    expected = 1.0 if most == chance else (both - chance) / (most - chance)
    assert found["ari"] == pytest.approx(expected)


def test_chance_is_the_mean_over_all_shuffles_within_the_modalities():
    label, identity = np.array([0, 0, 1, 0, 1, 1, 1]), np.array([3, 4, 4, 3, 4, 4, 3])
    modality = np.array([0, 0, 0, 1, 1, 1, 1])
    pairs = crossing(modality)
    hits = []
    for visible in itertools.permutations(range(3)):
        for infrared in itertools.permutations(range(3, 7)):
            hits.append(counted(label[[*visible, *infrared]], identity, pairs)[0])
    _, same_label, same_identity, m = counted(label, identity, pairs)
    assert np.mean(hits) == pytest.approx(same_label * same_identity / m)


def test_shuffled_labels_score_zero_on_average():
    rng = np.random.default_rng(0)
    identity, modality = np.repeat(np.arange(6), 10), np.tile([0, 1], 30)
    ari = [
        cross_modality_scores(rng.permutation(identity), identity, modality)["ari"]
        for _ in range(300)
    ]
    assert abs(np.mean(ari)) < 4 * np.std(ari) / np.sqrt(300) < 0.02


def test_perfect_and_modality_split_clusters():
    identity, modality = np.repeat(np.arange(3), 4), np.tile([0, 1], 6)
    perfect = cross_modality_scores(identity, identity, modality)
    assert (perfect["precision"], perfect["recall"], perfect["ari"]) == (1, 1, 1)
    split = cross_modality_scores(2 * identity + modality, identity, modality)
    assert np.isnan(split["precision"]) and split["recall"] == 0 and split["ari"] == 0
    assert cluster_scores(2 * identity + modality, identity)["ari"] > 0.4  # which is why we ask


def test_written_out_across():
    # visible 0 1 2, infrared 3 4; pairs sharing a cluster: 03 13 24; an identity: 03 14; both: 03
    found = cross_modality_scores([0, 0, 1, 0, 1], [7, 8, 9, 7, 8], [0, 0, 0, 1, 1])
    assert found["precision"] == 1 / 3 and found["recall"] == 1 / 2 and found["pairs"] == 6
    assert found["ari"] == pytest.approx((1 - 1) / (2.5 - 1))


def test_swapping_modalities_changes_nothing():
    label, identity, modality = world(11)
    assert cross_modality_scores(label, identity, modality) == cross_modality_scores(
        label, identity, 1 - modality
    )


def test_torch_and_numpy_agree():
    data = world(2)
    tensors = list(map(torch.as_tensor, data))
    assert cross_modality_scores(*data) == cross_modality_scores(*tensors)
    assert cluster_scores(*data[:2]) == cluster_scores(*tensors[:2])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"label": [0, 0]}, r"label has shape \(2,\)"),
        ({"identity": [0, 0]}, r"identity \(2,\)"),
        ({"label": [0, 0, -2]}, "label holds -2"),
        ({"label": [[0], [0], [0]]}, "one number per image"),
        ({"outliers": "keep"}, "known: drop, alone"),
        ({"identity": [0, -1, -1]}, "identity is -1, unknown, 2 times"),
        ({"identity": [0, 0.5, 1]}, "identity holds .*give whole numbers"),
    ],
)
def test_bad_input(change, words):
    good = {"label": [0, 0, 1], "identity": [0, 0, 1]}
    with pytest.raises(ValueError, match=words):
        cluster_scores(**good | change)
    with pytest.raises(ValueError, match=words):
        cross_modality_scores(**good | {"modality": [0, 1, 1]} | change)


def test_bad_modality():
    with pytest.raises(ValueError, match="no infrared image"):
        cross_modality_scores([0, 0], [0, 0], [0, 0])
    with pytest.raises(ValueError, match=r"modality \(3,\)"):
        cross_modality_scores([0, 0], [0, 0], [0, 1, 1])
    for other in (2, -1):
        with pytest.raises(ValueError, match=rf"modality holds \{{{other}\}}; 0 is visible"):
            cross_modality_scores([0, 0, 0], [0, 0, 0], [0, 1, other])
    lost = cross_modality_scores([0, -1], [0, 0], [0, 1])  # all infrared images are outliers
    assert lost["pairs"] == 0 and np.isnan(lost["ari"]) and lost["kept"] == 1
