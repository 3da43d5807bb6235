"""Matching clusters across the gap: the spec's numbers, slow oracles, and properties."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

from vireid.association import (
    bccm,
    centroids,
    greedy_regions,
    hungarian,
    imca,
    imca_labels,
    imca_samples,
    mbccm,
    one_hot,
    pgm,
    regdb_mix,
)
from vireid.association.rows import as_labels
from vireid.association.shared import cross_label, shared_prototypes
from vireid.clustering import NoClustersError, prototypes
from vireid.types import PseudoLabels

COSINES = np.array([[0.9, 0.1], [0.8, 0.7], [0.2, 0.6]])  # 3 visible, 2 infrared
MATCHERS = {"hungarian": hungarian, "pgm": pgm, "bccm": bccm}


def with_cosines(cosines: np.ndarray, between: float = 0.5) -> tuple[np.ndarray, np.ndarray]:
    """Unit rows with the given cosines; infrared rows have ``between`` among themselves."""
    k_v, k_r = cosines.shape
    gram = np.full((k_r, k_r), between) + (1 - between) * np.eye(k_r)
    infrared = np.linalg.cholesky(gram)  # (k_r, k_r)
    inside = cosines @ np.linalg.inv(infrared).T
    rest = np.sqrt(1 - (inside**2).sum(1))
    return np.hstack([inside, np.diag(rest)]), np.hstack([infrared, np.zeros((k_r, k_v))])


VISIBLE, INFRARED = with_cosines(COSINES)

sizes = st.tuples(st.integers(1, 9), st.integers(1, 9), st.integers(0, 10_000))


def random_prototypes(k_v: int, k_r: int, seed: int, d: int = 6):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(k_v, d)), rng.normal(size=(k_r, d))


def cosine_table(visible, infrared):
    v, r = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in (visible, infrared))
    return v @ r.T


def total(cost, partner):
    return sum(cost[i, j] for i, j in enumerate(partner) if j >= 0)


def test_construction_has_the_cosines_of_the_spec():
    assert np.allclose(cosine_table(VISIBLE, INFRARED), COSINES)


def test_hungarian_and_first_round_of_pgm():
    for v2r, r2v in (hungarian(VISIBLE, INFRARED), pgm(VISIBLE, INFRARED, rounds=1)):
        assert v2r.tolist() == [0, 1, -1]
        assert r2v.tolist() == [0, 1]


def test_pgm_second_round():
    for rounds in (2, None):
        v2r, r2v = pgm(VISIBLE, INFRARED, rounds=rounds)
        assert v2r.tolist() == [0, 1, 1]
        assert r2v.tolist() == [0, 1]


def test_bccm_of_the_spec():
    v2r, r2v = bccm(VISIBLE, INFRARED)
    assert v2r.tolist() == [0, 0, 1]
    assert r2v.tolist() == [0, 1]
    assert total(2 - 2 * COSINES, v2r) == pytest.approx(1.4)


def test_mbccm_of_the_spec():
    assert mbccm(VISIBLE, INFRARED).T.tolist() == [[True, True, False], [False, True, True]]


@given(sizes)
@settings(max_examples=60, deadline=None)
def test_hungarian_is_the_cheapest_of_all_assignments(size):
    k_v, k_r, seed = min(size[0], 6), min(size[1], 6), size[2]
    v, r = random_prototypes(k_v, k_r, seed)
    v2r, r2v = hungarian(v, r)
    cost = 2 - 2 * cosine_table(v, r)
    few = cost if k_v <= k_r else cost.T
    best = min(
        sum(few[i, j] for i, j in enumerate(p))
        for p in itertools.permutations(range(few.shape[1]), len(few))
    )
    assert total(cost, v2r) == pytest.approx(best)
    assert all(r2v[j] == i for i, j in enumerate(v2r) if j >= 0)
    assert all(v2r[i] == j for j, i in enumerate(r2v) if i >= 0)


@given(sizes)
@settings(max_examples=60, deadline=None)
def test_first_round_equals_zero_padding_to_a_square(size):
    k_v, k_r, seed = size
    v, r = random_prototypes(k_v, k_r, seed)
    cost = np.exp(-cosine_table(v, r))
    square = np.zeros((max(k_v, k_r),) * 2)
    square[:k_v, :k_r] = cost
    row, column = linear_sum_assignment(square)
    padded = np.full(k_v, -1)
    real = (row < k_v) & (column < k_r)
    padded[row[real]] = column[real]
    assert pgm(v, r, rounds=1)[0].tolist() == padded.tolist()


@given(sizes)
@settings(max_examples=80, deadline=None)
def test_pgm_leaves_nobody_single(size):
    k_v, k_r, seed = size
    v, r = random_prototypes(k_v, k_r, seed)
    v2r, r2v = pgm(v, r)
    assert (v2r >= 0).all() and (r2v >= 0).all()
    official_v2r, official_r2v = pgm(v, r, rounds=2)
    big, small = max(k_v, k_r), min(k_v, k_r)
    singles = (official_v2r < 0).sum() + (official_r2v < 0).sum()
    assert singles == max(0, big - 2 * small)
    filled = official_v2r >= 0
    assert (official_v2r[filled] == v2r[filled]).all()  # further rounds keep earlier matches


@given(sizes)
@settings(max_examples=80, deadline=None)
def test_bccm_uses_each_small_cluster_at_most_k_times(size):
    k_v, k_r, seed = size
    v, r = random_prototypes(k_v, k_r, seed)
    maps = bccm(v, r)
    assert all((m >= 0).all() for m in maps)
    (big, small), k_small = (maps, k_r) if k_v >= k_r else (maps[::-1], k_v)
    k = max(k_v, k_r) // k_small + 1
    assert np.bincount(big).max() <= k
    assert len(set(small.tolist())) == k_small


def test_bccm_is_the_cheapest_map_under_the_cap():
    v, r = random_prototypes(5, 2, seed=3)
    cost = 2 - 2 * cosine_table(v, r)
    within = (p for p in itertools.product(range(2), repeat=5) if max(map(p.count, p)) <= 3)
    assert total(cost, bccm(v, r)[0]) == pytest.approx(min(total(cost, p) for p in within))


def slow_mbccm(distance):
    """The definition in loops; rows are the smaller side."""
    few, many = distance.shape
    mask = np.zeros(distance.shape, dtype=bool)
    for r, v in zip(*linear_sum_assignment(distance), strict=True):
        for other in range(many):
            mask[r, other] |= distance[r, other] <= distance[r, v]
    tiled = np.concatenate([distance] * (many // few + 1))  # copies of the rows
    for r, v in zip(*linear_sum_assignment(tiled), strict=True):
        for other in range(few):
            mask[other, v] |= distance[other, v] <= distance[r % few, v]
    return mask


@given(sizes)
@settings(max_examples=60, deadline=None)
def test_mbccm_against_loops(size):
    k_v, k_r, seed = size
    v, r = random_prototypes(k_v, k_r, seed)
    distance = 2 - 2 * cosine_table(v, r)
    mask = mbccm(v, r)
    assert mask.shape == (k_v, k_r)
    assert (mask == (slow_mbccm(distance) if k_v < k_r else slow_mbccm(distance.T).T)).all()
    assert mask.any(0).all() and mask.any(1).all()


@pytest.mark.parametrize("match", [*MATCHERS.values(), mbccm])
@pytest.mark.parametrize("shape", [(4, 7), (7, 4), (3, 9), (1, 3)])
def test_swapping_the_modalities_swaps_the_answer(match, shape):
    v, r = random_prototypes(*shape, seed=11)
    one, two = match(v, r), match(r, v)
    if match is mbccm:
        assert (one == two.T).all()
    else:
        assert one[0].tolist() == two[1].tolist() and one[1].tolist() == two[0].tolist()


def test_official_mbccm_differs_only_when_infrared_is_larger():
    v, r = random_prototypes(4, 9, seed=1)
    assert (mbccm(r, v) == mbccm(r, v, official=True)).all()
    official = mbccm(v, r, official=True)
    assert (official != mbccm(v, r)).any()
    assert official.any(0).all() and official.any(1).all()


@pytest.mark.parametrize("match", [*MATCHERS.values(), mbccm])
def test_results_live_where_inputs_do_and_scale_does_not_matter(match):
    v, r = random_prototypes(5, 3, seed=2)
    of_numpy = match(v, r)
    of_torch = match(torch.tensor(3 * v), torch.tensor(r / 7))
    if match is mbccm:
        of_numpy, of_torch = [of_numpy], [of_torch]
    for a, b in zip(of_numpy, of_torch, strict=True):
        assert isinstance(a, np.ndarray) and isinstance(b, torch.Tensor)
        assert a.tolist() == b.tolist()


@pytest.mark.parametrize("match", [*MATCHERS.values(), mbccm, lambda v, r: imca(v, r, epoch=0)])
def test_bad_prototypes_are_refused(match):
    v, r = random_prototypes(4, 3, seed=0)
    broken = v.copy()
    broken[2, 0] = np.nan
    with pytest.raises(ValueError, match=r"row.* 2 .*visible"):
        match(broken, r)
    zero = r.copy()
    zero[1] = 0
    with pytest.raises(ValueError, match=r"row.* 1 .*infrared"):
        match(v, zero)
    with pytest.raises(ValueError, match="nothing to match: 4 visible and 0 infrared"):
        match(v, r[:0])
    with pytest.raises(ValueError, match=r"6 wide.*5"):
        match(v, r[:, :5])
    with pytest.raises(ValueError, match=r"\(6,\)"):
        match(v[0], r)


def test_bad_rounds():
    for rounds in (0, -1, 1.5):
        with pytest.raises(ValueError, match=f"rounds={rounds}"):
            pgm(VISIBLE, INFRARED, rounds=rounds)


# iMCA: dmdl.md section 2


def test_t2_1_both_directions():
    of_visible, of_infrared, space = imca(VISIBLE, INFRARED, epoch=0)
    assert (of_visible.tolist(), of_infrared.tolist(), space) == ([0, 0, 1], [0, 1], "infrared")
    of_visible, of_infrared, space = imca(VISIBLE, INFRARED, epoch=1)
    assert (of_visible.tolist(), of_infrared.tolist(), space) == ([0, 1, 2], [0, 1], "visible")


def test_t2_2_recovers_a_permutation():
    v, _ = random_prototypes(7, 1, seed=5)
    shuffle = np.random.default_rng(1).permutation(7)
    assert imca(v, v[shuffle], epoch=0)[0].tolist() == np.argsort(shuffle).tolist()
    assert imca(v, v[shuffle], epoch=1)[1].tolist() == shuffle.tolist()


@given(sizes, st.integers(0, 9))
@settings(max_examples=60, deadline=None)
def test_t2_3_and_t2_5_label_space_is_whole_and_order_decides(size, epoch):
    k_v, k_r, seed = size
    v, r = random_prototypes(k_v, k_r, seed)
    of_visible, of_infrared, space = imca(v, r, epoch=epoch)
    kept, k = (of_infrared, k_r) if space == "infrared" else (of_visible, k_v)
    assert kept.tolist() == list(range(k))
    rising = np.exp(3 * cosine_table(v, r)) - 5  # any strictly increasing transform
    renamed = of_visible if space == "infrared" else of_infrared
    assert renamed.tolist() == rising.argmax(1 if space == "infrared" else 0).tolist()
    assert renamed.min() >= 0 and renamed.max() < k


def test_ties_fall_to_the_smallest_number():
    v = np.array([[1.0, 0.0]])
    r = np.array([[0.0, 1.0], [2.0, 0.0], [1.0, 0.0]])
    assert imca(v, r, epoch=0)[0].tolist() == [1]


def two_modalities(seed=0):
    """12 + 10 images of 3 and 2 clusters with outliers."""
    rng = np.random.default_rng(seed)
    x_v, x_r = rng.normal(size=(12, 5)), rng.normal(size=(10, 5))
    y_v = np.array([0, 0, 1, 1, 2, 2, -1, 0, 1, 2, -1, -1])
    y_r = np.array([0, 1, 0, 1, -1, 0, 1, 0, -1, 1])
    return x_v, x_r, y_v, y_r


@pytest.mark.parametrize("epoch", [0, 1])
def test_t2_4_cluster_matching_keeps_outliers_and_goes_through_the_clusters(epoch):
    x_v, x_r, y_v, y_r = two_modalities()
    u_v, u_r, space = imca_labels(x_v, x_r, y_v, y_r, epoch=epoch)
    assert ((u_v < 0) == (y_v < 0)).all() and ((u_r < 0) == (y_r < 0)).all()
    unit = [x / np.linalg.norm(x, axis=1, keepdims=True) for x in (x_v, x_r)]
    of_v, of_r, same = imca(prototypes(unit[0], y_v), prototypes(unit[1], y_r), epoch=epoch)
    assert space == same
    assert [of_v[y] for y in y_v if y >= 0] == u_v[y_v >= 0].tolist()
    assert [of_r[y] for y in y_r if y >= 0] == u_r[y_r >= 0].tolist()
    as_torch = imca_labels(*map(torch.tensor, (x_v, x_r, y_v, y_r)), epoch=epoch)
    assert isinstance(as_torch[0], torch.Tensor) and as_torch[0].tolist() == u_v.tolist()


@pytest.mark.parametrize("epoch", [0, 1])
def test_sample_matching_against_loops(epoch):
    x_v, x_r, y_v, y_r = two_modalities(seed=4)
    u_v, u_r, space = imca_samples(x_v, x_r, y_v, y_r, epoch=epoch)
    cosines = cosine_table(x_v, x_r)
    if epoch == 0:
        assert space == "infrared" and (u_r == y_r).all()
        assert u_v.tolist() == [y_r[np.argmax(row)] for row in cosines]
    else:
        assert space == "visible" and (u_v == y_v).all()
        assert u_r.tolist() == [y_v[np.argmax(row)] for row in cosines.T]
    again = imca_labels(x_v, x_r, y_v, y_r, epoch=epoch, matching="sample")
    assert again[0].tolist() == u_v.tolist() and again[2] == space


def test_sample_matching_moves_outliers_both_ways():
    x = np.array([[1.0, 0.0], [0.0, 1.0]])
    u_v, _, _ = imca_samples(x, x, np.array([-1, 0]), np.array([0, -1]), epoch=0)
    assert u_v.tolist() == [0, -1]


def test_t2_6_merged_prototype_is_the_mean_of_images():
    x_v = np.array([[1.0, 0]] * 3 + [[0, 1.0]])
    x_r = np.array([[0.7, 0.7]])
    u_v, _, space = imca_labels(x_v, x_r, np.array([0, 0, 0, 1]), np.array([0]), epoch=0)
    assert space == "infrared" and u_v.tolist() == [0, 0, 0, 0]
    assert np.allclose(prototypes(x_v, u_v), [[0.948683, 0.316228]], atol=1e-6)


def test_regdb_takes_turns():
    words = [regdb_mix(e) for e in range(7)]
    assert words == ["cluster", "cluster", "sample", "sample", "sample", "cluster", "cluster"]
    data = two_modalities()
    for epoch, word in enumerate(words):
        mixed = imca_labels(*data, epoch=epoch, matching="regdb_mix")
        plain = imca_labels(*data, epoch=epoch, matching=word)
        assert mixed[0].tolist() == plain[0].tolist() and mixed[1].tolist() == plain[1].tolist()


def test_imca_refuses_bad_input():
    x_v, x_r, y_v, y_r = two_modalities()
    with pytest.raises(ValueError, match="epoch=-1"):
        imca(x_v, x_r, epoch=-1)
    with pytest.raises(ValueError, match=r"epoch=0\.5"):
        regdb_mix(0.5)
    with pytest.raises(ValueError, match="matching='both'; known"):
        imca_labels(x_v, x_r, y_v, y_r, epoch=0, matching="both")
    with pytest.raises(NoClustersError, match="outliers"):
        imca_labels(x_v, x_r, np.full(12, -1), y_r, epoch=0)
    with pytest.raises(ValueError, match=r"labels_infrared.*\(9,\).*10 images"):
        imca_samples(x_v, x_r, y_v, y_r[:9], epoch=0)
    with pytest.raises(ValueError, match="labels_visible holds -2"):
        imca_samples(x_v, x_r, y_v - 1, y_r, epoch=0)
    with pytest.raises(ValueError, match="float"):
        imca_samples(x_v, x_r, y_v + 0.0, y_r, epoch=0)


# Regions: multimodule.md sections 4.3 and 4.5

FOUR = np.array([[0.9, 0.1, 0.2], [0.8, 0.3, 0.1], [0.7, 0.6, 0.2], [0.65, 0.2, 0.4]])


def test_regions_1_distances_add_up_and_order_alone_matters():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(8, 4, 3))  # images, regions, width
    by_region = ((x[:, None] - x[None]) ** 2).sum(-1)
    whole = x.reshape(8, 12)
    assert np.abs(by_region.sum(-1) - ((whole[:, None] - whole[None]) ** 2).sum(-1)).max() < 1e-12
    v, r = x[:5].reshape(5, 12), x[5:].reshape(3, 12)
    moved = [y.reshape(-1, 4, 3)[:, [2, 0, 3, 1]].reshape(-1, 12) for y in (v, r)]
    s = np.exp(cosine_table(v, r))
    assert np.allclose(s, np.exp(cosine_table(*moved)))
    plain, logged = greedy_regions(s), greedy_regions(np.log(s))
    assert plain[0].tolist() == logged[0].tolist() and plain[1] == logged[1]


@pytest.mark.parametrize(
    ("cap", "v2r", "r2v"),
    [
        (1, [0, -1, 1, 2], [[0], [2], [3]]),
        (2, [0, 0, 1, 2], [[0, 1], [2], [3]]),
        (3, [0, 0, 0, 2], [[0, 1, 2], [2], [3]]),
    ],
)
@pytest.mark.filterwarnings("ignore:1 of 4 clusters stay unmatched")
def test_regions_2(cap, v2r, r2v):
    ours = greedy_regions(FOUR, max_matches=cap)
    assert ours[0].tolist() == v2r and ours[1] == r2v


def test_regions_2_warns_about_the_unmatched():
    with pytest.warns(UserWarning, match=r"1 of 4 clusters stay unmatched.*max_matches=1"):
        greedy_regions(FOUR, max_matches=1)


@pytest.mark.parametrize("kind", ["uint8", "int64", "bfloat16"])
def test_regions_take_any_numbers(kind):
    rows = [[3, 1], [0, 2]]
    s = torch.tensor(rows, dtype=torch.bfloat16) if kind == "bfloat16" else np.array(rows, kind)
    assert greedy_regions(s)[0].tolist() == [0, 1]


def test_regions_3():
    s = np.array([[0.9, 0.8], [0.7, 0.1], [0.6, 0.5]])
    v2r, r2v = greedy_regions(s, max_matches=2)
    assert v2r.tolist() == [0, 0, 1] and r2v == [[0, 1], [2]]
    v2r, r2v = greedy_regions(s, max_matches=3)
    assert v2r.tolist() == [0, 0, 0] and r2v == [[0, 1, 2], [0]]


def test_regions_4_rows_run_out():
    s = np.array([[0.9, 0.5, 0.1], [0.8, 0.4, 0.1], [0.7, 0.3, 0.1]])
    v2r, r2v = greedy_regions(s)
    assert v2r.tolist() == [0, 0, 0] and r2v == [[0, 1, 2], [0, 1, 2], [0]]


def slow_greedy(s, cap):
    """The definition with a masked matrix and arg-max, rows being the larger side."""
    n, m = s.shape
    v2r, r2v, count = [-1] * n, [[] for _ in range(m)], [0] * m
    c = s.astype(float).copy()
    while -1 in v2r and np.isfinite(c).any():
        i, j = divmod(int(c.argmax()), m)
        if count[j] < cap:
            v2r[i] = j
            r2v[j].append(i)
            count[j] += 1
            c[i] = -np.inf
        else:
            c[i, j] = -np.inf
    c = s.astype(float).copy()
    c[:, [j for j in range(m) if count[j]]] = -np.inf
    while 0 in count and np.isfinite(c).any():
        i, j = divmod(int(c.argmax()), m)
        if count[j] < cap:
            r2v[j].append(i)
            count[j] += 1
            c[i] = -np.inf
        else:
            c[i, j] = -np.inf
    for j in range(m):
        if not r2v[j]:
            r2v[j] = [int(s[:, j].argmax())]
    return v2r, r2v


@given(sizes, st.integers(1, 4), st.booleans())
@settings(max_examples=150, deadline=None)
@pytest.mark.filterwarnings("ignore:.*clusters stay unmatched")
def test_regions_4_random(size, cap, coarse):
    n, m = max(size[:2]), min(size[:2])
    s = np.random.default_rng(size[2]).random((n, m))
    s = np.round(s, 1) if coarse else s  # many ties
    v2r, r2v = greedy_regions(s, max_matches=cap)
    assert (v2r.tolist(), r2v) == slow_greedy(s, cap)
    assert max(map(len, r2v)) <= cap
    assert all(len(set(own)) == len(own) for own in r2v)
    assert all(own == sorted(own, key=lambda i: -s[i, j]) for j, own in enumerate(r2v))
    in_pass_a = [i for j, own in enumerate(r2v) for i in own if v2r[i] == j]
    assert len(in_pass_a) == len(set(in_pass_a))
    if n <= cap * m:
        assert (v2r >= 0).all() and all(r2v)


@given(sizes)
@settings(max_examples=80, deadline=None)
def test_regions_with_more_infrared_clusters_swap_roles(size):
    n, m = min(size[:2]), max(size[:2]) + 1
    s = np.random.default_rng(size[2]).random((n, m))
    v2r, r2v = greedy_regions(s, max_matches=10)
    own, lists = greedy_regions(s.T, max_matches=10)
    assert v2r.tolist() == [one[0] for one in lists]
    assert [one[0] for one in r2v] == own.tolist()
    pairs = {(i, j) for i, one in enumerate(lists) for j in one}
    assert {(i, j) for j, one in enumerate(r2v) for i in one} == pairs


@given(st.integers(1, 8), st.integers(1, 4), st.integers(0, 999))
@settings(max_examples=40, deadline=None)
def test_regions_5_strict_diagonal(n, cap, seed):
    s = np.random.default_rng(seed).random((n, n)) * 0.5
    s[np.diag_indices(n)] = np.random.default_rng(seed + 1).uniform(0.6, 1, n)
    v2r, r2v = greedy_regions(s, max_matches=cap)
    assert v2r.tolist() == list(range(n)) and r2v == [[i] for i in range(n)]


def test_regions_6_shared_prototypes():
    visible, infrared = torch.eye(2), torch.tensor([[1.0, 0.0]])
    y_v, y_r = torch.tensor([0, 1]), torch.tensor([0])
    v2r, r2v = greedy_regions(visible @ infrared.T, max_matches=2)
    assert isinstance(v2r, torch.Tensor) and v2r.tolist() == [0, 0] and r2v == [[0, 1]]
    of_infrared = shared_prototypes(infrared, y_r, visible, cross_label(y_v, v2r), clusters=1)
    assert torch.allclose(of_infrared, torch.tensor([[0.89443, 0.44721]]), atol=1e-5)
    of_visible = shared_prototypes(visible, y_v, infrared, cross_label(y_r, r2v), clusters=2)
    assert torch.allclose(of_visible, torch.eye(2))


def test_regions_bad_input():
    for entry in (np.nan, np.inf):
        s = FOUR.copy()
        s[1, 1] = entry
        with pytest.raises(ValueError, match="1 NaN or infinite"):
            greedy_regions(s)
    for cap in (0, -2, 1.5):
        with pytest.raises(ValueError, match=f"max_matches={cap}"):
            greedy_regions(FOUR, max_matches=cap)
    with pytest.raises(ValueError, match=r"\(3,\)"):
        greedy_regions(FOUR[0])


@pytest.mark.filterwarnings("error")
def test_regions_empty_matrix_gives_empty_maps():
    for shape in ((0, 0), (3, 0), (0, 3)):
        v2r, r2v = greedy_regions(np.zeros(shape))
        assert v2r.tolist() == [-1] * shape[0] and r2v == [[]] * shape[1]


# Labels at the door


def test_one_hot_refuses_outliers():
    assert one_hot(np.array([1, 0]), 3).tolist() == [[0, 1, 0], [1, 0, 0]]
    for labels in ([0, -1], [0, 3]):
        with pytest.raises(ValueError, match=r"1 of 2 labels are outside 0..2"):
            one_hot(np.array(labels), 3)


def test_centroids_are_plain_means_without_outliers():
    x = torch.tensor([[1.0, 0], [0, 1], [0, 3], [9, 9]])
    assert centroids(x, torch.tensor([1, 0, 0, -1])).tolist() == [[0, 2], [1, 0]]
    with pytest.raises(NoClustersError, match="all 4 images are outliers"):
        centroids(x, torch.full((4,), -1))
    with pytest.raises(ValueError, match="reach 2 and skip 1;"):
        centroids(x, torch.tensor([0, 2, 2, 0]))
    with pytest.raises(ValueError, match="reach 1000000000000 and skip 1;"):
        centroids(x, torch.tensor([0, 0, 10**12, -1]))  # no table of so many clusters is made
    assert as_labels(PseudoLabels(np.array([1, -1, 0, 0])), x, "name").tolist() == [1, -1, 0, 0]
    with pytest.raises(ValueError, match="name holds -3"):
        as_labels([0, 1, 2, -3], x, "name")


def test_every_public_function_names_its_source():
    import vireid.association as room

    for name in room.__all__:
        member = getattr(room, name)
        if not isinstance(member, type):
            assert "Source:" in member.__doc__, name
