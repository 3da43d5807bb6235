"""Measures of modality bias on worlds whose bias is known."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import normalize

from vireid import bias
from vireid.jaccard import jaccard_distance
from vireid.types import Embeddings, Modality


def world(gap=0.0, ids=6, images=5, d=16, seed=0, noise=0.3):
    """Identities seen in both modalities; one fixed direction holds the gap."""
    generator = torch.Generator().manual_seed(seed)
    draw = lambda *size: torch.randn(*size, generator=generator, dtype=torch.float64)  # noqa: E731
    identity = torch.arange(ids).repeat_interleave(2 * images)
    modality = (torch.arange(2 * images * ids) // images) % 2
    person, shift = normalize(draw(ids, d)), normalize(draw(1, d))
    x = person[identity] + noise * draw(len(identity), d) / d**0.5
    x = normalize(x + gap * shift * (1 - 2 * modality[:, None]))
    return Embeddings(x, modality, torch.zeros_like(modality), identity)


def circle(*degrees, modality):
    angle = torch.deg2rad(torch.tensor(degrees, dtype=torch.float64))
    return Embeddings(torch.stack([angle.cos(), angle.sin()], 1), modality, [0] * len(angle))


# neighbours


def test_neighbours_written_out():
    found = bias.neighbour_modality_ratio(circle(0, 10, 25, 100, modality=[0, 0, 1, 1]), k=2)
    # 0: 10 25 | 1: 0 25 | 2: 10 0 | 3: 25 10
    assert found.own.tolist() == [0.5, 0.5, 0.0, 0.5]
    assert found.mean == 0.375 and found.of(Modality.VISIBLE) == 0.5
    assert found.of(Modality.INFRARED) == 0.25
    assert found.chance == pytest.approx(1 / 3)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 999), k=st.integers(1, 11))
def test_ratio_equals_the_loop(seed, k):
    e = world(gap=0.4, ids=2, images=3, seed=seed)
    found = bias.neighbour_modality_ratio(e, k=k)
    for i in range(12):
        near = sorted((j for j in range(12) if j != i), key=lambda j: -float(e.x[i] @ e.x[j]))[:k]
        assert float(found.own[i]) == pytest.approx(
            np.mean([e.modality[j] == e.modality[i] for j in near])
        )


def test_ratio_grows_with_the_gap_from_chance_to_one():
    ratio = [bias.neighbour_modality_ratio(world(gap=g, noise=1), k=9) for g in (0, 0.5, 2)]
    assert ratio[0].mean == pytest.approx(ratio[0].chance, abs=0.08)
    assert ratio[0].mean < ratio[1].mean < ratio[2].mean == 1


def test_chance_is_the_mean_over_random_neighbours():
    modality = torch.tensor([0] * 7 + [1] * 3)
    pairs = [(i, j) for i, j in itertools.permutations(range(10), 2)]
    chance = np.mean([bool(modality[i] == modality[j]) for i, j in pairs])
    found = bias.NeighbourRatio(torch.zeros(10), modality, 3)
    assert found.chance == pytest.approx(chance)


def test_a_picture_is_not_its_own_neighbour_even_among_copies():
    x = torch.tensor([[1.0, 0]]).repeat(5, 1)
    for k in (1, 3, 4):
        index = bias.others(x, k)
        assert index.shape == (5, k)
        assert all(i not in row and len(set(row)) == k for i, row in enumerate(index.tolist()))


def test_crossing_share_skips_oneself_and_missing_neighbours():
    index = [[0, 1, 2], [1, -1, -1], [2, 0, -1], [-1, -1, -1]]
    share = bias.crossing_share(index, [0, 0, 1, 1])
    np.testing.assert_equal(share.numpy(), np.array([0.5, np.nan, 1, np.nan], dtype=np.float32))


def test_neighbours_bad_input():
    e = world(ids=2, images=2)
    for k in (0, 8):
        with pytest.raises(ValueError, match=rf"k={k} .* 1..7"):
            bias.neighbour_modality_ratio(e, k=k)
    with pytest.raises(ValueError, match="one row of neighbours"):
        bias.crossing_share([[1], [0]], [0, 1, 1])
    broken = Embeddings(torch.full((3, 2), torch.nan), [0, 1, 1], [0, 0, 0])
    with pytest.raises(ValueError, match="NaN"):
        bias.neighbour_modality_ratio(broken, k=1)


# pair distances


@pytest.mark.parametrize("inside", [True, False])
def test_all_pairs_are_found_once(inside):
    e = world(ids=3, images=2)
    group = e.identity.numpy().copy()
    group[[0, 5]] = -1
    found = bias.pair_distances(e, group, inside=inside)
    expected = {
        (i, j)
        for i, j in itertools.combinations(range(12), 2)
        if min(group[i], group[j]) >= 0 and (group[i] == group[j]) == inside
    }
    assert {tuple(sorted(p)) for p in found.pairs.tolist()} == expected
    assert len(found.pairs) == len(expected)
    for (i, j), d, crosses in zip(found.pairs, found.distance, found.crossing, strict=True):
        assert d == pytest.approx(1 - float(e.x[i] @ e.x[j]))
        assert crosses == bool(e.modality[i] != e.modality[j])


@pytest.mark.parametrize("inside", [True, False])
def test_random_pairs_are_fair_and_repeatable(inside):
    e = world(ids=3, images=2)
    group = np.array([0, 0, 0, 0, 0, 0, 1, 1, 1, 2, 2, -1])
    draw = [bias.pair_distances(e, group, inside=inside, limit=n, seed=4) for n in (9, 9)]
    assert len(draw[0].distance) == 9 and (draw[0].pairs == draw[1].pairs).all()
    every = bias.pair_distances(e, group, inside=inside)
    limit = len(every.pairs) - 1  # drawn, not listed
    drawn = np.concatenate(
        [bias.pair_distances(e, group, inside=inside, limit=limit, seed=s).pairs
         for s in range(600)]
    )  # fmt: skip
    assert (drawn[:, 0] != drawn[:, 1]).all()
    pairs, counts = np.unique(np.sort(drawn, 1), axis=0, return_counts=True)
    assert {tuple(p) for p in pairs} == {tuple(sorted(p)) for p in every.pairs.tolist()}
    expected = len(drawn) / len(every.pairs)
    assert (abs(counts - expected) < 5 * np.sqrt(expected)).all()


def test_a_sparse_distance_has_ones_where_it_is_empty():
    from scipy.sparse import csr_array

    dense = np.array([[0, 0.25, 1], [0.25, 0, 1], [1, 1, 0]])
    stored = csr_array(
        (np.array([0, 0.25, 0.25, 0, 0]), ([0, 0, 1, 1, 2], [0, 1, 0, 1, 2])), shape=(3, 3)
    )
    e = circle(0, 1, 2, modality=[0, 1, 1])
    for distance in (dense, stored):
        found = bias.pair_distances(e, [0, 0, 0], distance=distance)
        assert dict(zip(map(tuple, found.pairs.tolist()), found.distance, strict=True)) == {
            (0, 1): 0.25,
            (0, 2): 1.0,
            (1, 2): 1.0,
        }
    twins = csr_array((np.array([0.0, 0.0]), ([0, 1], [1, 0])), shape=(3, 3))
    assert bias.pair_distances(e, [5, 5, -1], distance=twins).distance == [0]  # explicit zero kept
    assert stored.data.tolist() == [0, 0.25, 0.25, 0, 0]


def test_pair_distances_bad_input():
    e = circle(0, 1, 2, modality=[0, 1, 1])
    with pytest.raises(ValueError, match="group has shape"):
        bias.pair_distances(e, [0, 0])
    with pytest.raises(ValueError, match="distance has shape"):
        bias.pair_distances(e, [0, 0, 0], distance=np.eye(2))
    with pytest.raises(ValueError, match="no pair inside a group"):
        bias.pair_distances(e, [0, 1, 2])
    with pytest.raises(ValueError, match="no pair between groups"):
        bias.pair_distances(e, [0, 0, 0], inside=False)


def test_a_graph_cut_at_a_radius_has_no_distances_of_far_pairs():
    e = world(gap=0.6, images=8)
    call = {"k1": 12, "k2": 3}
    cut = jaccard_distance(e.x, **call, eps=0.3)
    with pytest.raises(ValueError, match=r"distance: this graph was cut at eps=0\.3, .* leave eps"):
        bias.pair_distances(e, e.identity, distance=cut)
    whole = jaccard_distance(e.x, **call)
    found = bias.pair_distances(e, e.identity, distance=whole)
    assert 0.3 < bias.two_peaks(found).crossing_mean < 1


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16])
def test_features_of_half_precision_are_measured_in_single(kind):
    e = world(gap=0.3)
    narrow = Embeddings(e.x.to(kind), e.modality, e.camera, e.identity)
    wide = Embeddings(narrow.x.float(), e.modality, e.camera, e.identity)
    found, expected = (bias.pair_distances(side, e.identity) for side in (narrow, wide))
    assert (found.distance == expected.distance).all() and found.distance.dtype == np.float32
    accuracy = [bias.modality_classifier_accuracy(side).accuracy for side in (narrow, wide)]
    assert accuracy[0] == pytest.approx(accuracy[1], abs=0.05)
    distance = (1 - e.x @ e.x.T).to(kind)
    given = bias.pair_distances(e, e.identity, distance=distance)
    i, j = torch.as_tensor(given.pairs).T
    assert (given.distance == distance[i, j].float().numpy()).all()


# two peaks


def test_two_peaks_written_out():
    own, cross = np.array([0.1, 0.2, 0.5]), np.array([0.4, 0.8])
    found = bias.PairDistances(
        np.concatenate([own, cross]), np.array([0, 0, 0, 1, 1], dtype=bool), np.zeros((5, 2))
    )
    peaks = bias.two_peaks(found)
    assert peaks.own_mean == pytest.approx(0.8 / 3) and peaks.crossing_mean == pytest.approx(0.6)
    assert peaks.gap == pytest.approx(1 / 3) and peaks.crossing_pairs == 0.4
    pooled = np.sqrt((own.var() + cross.var()) / 2)
    assert peaks.separation == pytest.approx(peaks.gap / pooled)
    assert peaks.mixing == pytest.approx(1 / 6)  # only 0.4 < 0.5, of 6 comparisons


def test_peaks_part_as_the_gap_opens():
    peaks = [
        bias.two_peaks(bias.pair_distances(e := world(gap=g), e.identity)) for g in (0, 0.3, 1)
    ]
    assert abs(peaks[0].mixing - 0.5) < 0.05 and abs(peaks[0].separation) < 0.2
    assert peaks[0].gap < peaks[1].gap < peaks[2].gap
    assert peaks[2].mixing == 0 and peaks[2].separation > 2


def test_peaks_of_one_kind_are_nan_not_a_crash():
    e = circle(0, 10, 20, 30, modality=[0, 0, 1, 1])
    alone = bias.two_peaks(bias.pair_distances(e, [0, 0, 1, 1]))
    assert alone.crossing_pairs == 0 and np.isnan(alone.crossing_mean) and np.isnan(alone.mixing)
    assert alone.own_mean == pytest.approx(1 - np.cos(np.deg2rad(10)))
    flat = bias.PairDistances(np.ones(4), np.array([True, False] * 2), np.zeros((4, 2)))
    assert bias.two_peaks(flat).separation == 0 and bias.two_peaks(flat).mixing == 0.5


# classifier


def test_the_classifier_is_at_chance_without_a_gap_and_right_with_one():
    fair = bias.modality_classifier_accuracy(world(gap=0, ids=20))
    assert abs(fair.accuracy - 0.5) < 0.15 and fair.chance == 0.5
    assert bias.modality_classifier_accuracy(world(gap=1)).accuracy == 1


def test_unseen_people_and_limits():
    e = world(gap=1, ids=8)
    found = bias.modality_classifier_accuracy(e, group=e.identity, folds=4, limit=60)
    assert found.accuracy == 1 and found == bias.modality_classifier_accuracy(
        e, group=e.identity, folds=4, limit=60
    )
    with pytest.raises(ValueError, match="0 infrared"):
        bias.modality_classifier_accuracy(e.of(Modality.VISIBLE))
    with pytest.raises(ValueError, match="folds=1"):
        bias.modality_classifier_accuracy(e, folds=1)


def coded(people=40, images=6, d=60, seed=1):
    """Everyone is seen in one modality only and known by sight; no gap between the modalities."""
    rng = np.random.default_rng(seed)
    identity = np.repeat(np.arange(people), images)
    modality = np.repeat(rng.permutation(people) % 2, images)
    x = rng.normal(size=(people, d))[identity] + 0.01 * rng.normal(size=(len(identity), d))
    return Embeddings(torch.tensor(x), modality, modality, identity)


def test_groups_keep_the_classifier_from_learning_people_by_heart():
    e = coded()
    assert bias.modality_classifier_accuracy(e).accuracy == 1
    unseen = [bias.modality_classifier_accuracy(c, group=c.identity).accuracy
              for c in map(lambda s: coded(seed=s), range(6))]  # fmt: skip
    assert max(unseen) < 0.75 and abs(np.mean(unseen) - 0.5) < 0.12


def test_the_limit_is_the_number_of_rows_that_the_classifier_sees(monkeypatch):
    from sklearn import model_selection

    seen, right = [], model_selection.cross_val_score

    def counted(model, x, y, *, groups, cv):
        seen.append((len(x), len(y), None if groups is None else len(groups)))
        return right(model, x, y, groups=groups, cv=cv)

    monkeypatch.setattr(model_selection, "cross_val_score", counted)
    e = coded()
    bias.modality_classifier_accuracy(e, limit=70)
    bias.modality_classifier_accuracy(e, limit=90, group=e.identity)
    bias.modality_classifier_accuracy(e)
    assert seen == [(70, 70, None), (90, 90, 90), (240, 240, None)]


def test_groups_that_make_no_folds_are_refused():
    e = coded(people=4)
    with pytest.raises(ValueError, match=r"folds=5 with 4 groups in 24 images.*give fewer folds"):
        bias.modality_classifier_accuracy(e, group=e.identity)
    assert 0 <= bias.modality_classifier_accuracy(e, group=e.identity, folds=2).accuracy <= 1
    with pytest.raises(ValueError, match=r"group has shape \(3,\) for 24 images"):
        bias.modality_classifier_accuracy(e, group=[0, 1, 2])
    one = np.where(e.modality == 1, 9, e.identity)
    with pytest.raises(ValueError, match="all infrared images are of one group, so one of folds=2"):
        bias.modality_classifier_accuracy(e, group=one, folds=2)


# recall, centring


def test_cross_pair_recall_counts_outliers_as_missed():
    identity, modality = [7, 7, 8, 8], [0, 1, 0, 1]
    assert bias.cross_pair_recall([0, 0, 1, 1], identity, modality) == 1
    assert bias.cross_pair_recall([0, 0, 1, -1], identity, modality) == 0.5
    assert bias.cross_pair_recall([0, 1, 0, 1], identity, modality) == 0


def test_centring_removes_a_constant_gap():
    e = world(gap=1)
    centred = bias.centre(e)
    torch.testing.assert_close(centred.x.norm(dim=1), torch.ones(len(e), dtype=torch.float64))
    assert bias.neighbour_modality_ratio(e, k=9).mean == 1
    assert bias.neighbour_modality_ratio(centred, k=9).mean < 0.6
    assert torch.equal(centred.identity, e.identity) and torch.equal(centred.camera, e.camera)


def test_centring_written_out():
    e = circle(0, 90, 180, 210, modality=[0, 0, 1, 1])
    centred = bias.centre(e).x
    for own in Modality:
        rows = [i for i in range(4) if e.modality[i] == own]
        mean = sum(e.x[i] for i in rows) / len(rows)
        for i in rows:
            torch.testing.assert_close(centred[i], (e.x[i] - mean) / (e.x[i] - mean).norm())
    assert e.blind().identity is None and bias.centre(e.blind()).identity is None


def test_a_single_image_of_a_modality_cannot_be_centred():
    with pytest.raises(ValueError, match="1 of 3 rows equal"):
        bias.centre(circle(0, 10, 20, modality=[0, 0, 1]))
    only_visible = bias.centre(circle(0, 10, modality=[0, 0]))
    assert len(only_visible) == 2
