"""MULT's label transfer and OCLR: the spec's numbers, the linear-solve oracle, slow loops."""

import itertools
import warnings
from dataclasses import fields

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from vireid.association import (
    affinity,
    aggregate,
    exactly_smoothed,
    half_smoothed,
    initial_labels,
    label_transfer,
    mult,
    products,
    sinkhorn,
    transfer_limit,
    transfer_rounds,
)
from vireid.clustering import NoClustersError
from vireid.jaccard import jaccard_distance
from vireid.losses import oclr

EYE = np.eye(2)
Y0 = np.array([[0.8, 0.2], [0.3, 0.7]])
SCHEDULES = ["code", "paper"]


def stochastic(rng, n, m):
    return rng.dirichlet(np.ones(m), size=n)


def problem(seed, n=6, m=5, k=3):
    """Random (y0, r0, s_intra, s_cross, s_ir, s_ri), all row-stochastic."""
    rng = np.random.default_rng(seed)
    sizes = ((n, k), (m, k), (n, n), (m, m), (n, m), (m, n))
    return tuple(stochastic(rng, *size) for size in sizes)


def exchanged(y0, r0, s_intra, s_cross, s_ir, s_ri):
    return r0, y0, s_cross, s_intra, s_ri, s_ir


def slow_transfer(data, alpha=0.2, schedule="code"):
    """The four steps with every sum written out, on lists; 20 rounds at most."""
    y0, r0, s_intra, s_cross, s_ir, s_ri = data

    def times(s, z):
        return [[sum(s[i][j] * z[j][k] for j in range(len(z))) for k in range(len(z[0]))]
                for i in range(len(s))]  # fmt: skip

    def mix(a, x, b, z):
        return [[a * p + b * q for p, q in zip(*rows, strict=True)]
                for rows in zip(x, z, strict=True)]  # fmt: skip

    def moved(old, new):
        total = sum(map(sum, old))
        return sum(abs(p - q) for a, b in zip(old, new, strict=True)
                   for p, q in zip(a, b, strict=True)) / total  # fmt: skip

    y, r = y0.tolist(), r0.tolist()
    change, played = 1.0, 0
    while change > 1e-2 and played < 20:
        played += 1
        y_new = mix(1 - alpha, times(s_ir, r), alpha, y0.tolist())
        r_new = mix(1 - alpha, times(s_ri, y_new if schedule == "code" else y), alpha, r0.tolist())
        y_new = mix(0.5, times(s_intra, y_new), 0.5, y_new)
        r_new = mix(0.5, times(s_cross, r_new), 0.5, r_new)
        change = max(moved(y, y_new), moved(r, r_new))
        y, r = y_new, r_new
    return np.array(y), np.array(r), played


def test_t1_numbers():
    y, r, rounds = label_transfer(Y0, EYE, EYE, EYE, EYE, EYE)
    assert rounds == 7
    assert np.allclose(r, [[0.9150, 0.0850], [0.1275, 0.8725]], atol=5e-5)
    assert np.allclose(y, [[0.8938, 0.1062], [0.1593, 0.8407]], atol=5e-5)
    changes = [c for _, _, c in itertools.islice(transfer_rounds(Y0, EYE, *[EYE] * 4), 7)]
    assert np.allclose(
        changes, [0.4, 0.064, 0.04096, 0.02621, 0.01678, 0.01074, 0.00687], atol=5e-6
    )
    y, r = transfer_limit(Y0, EYE, EYE, EYE, EYE, EYE)
    assert np.allclose(r, [[0.911111, 0.088889], [0.133333, 0.866667]], atol=5e-7)
    assert np.allclose(y, [[0.888889, 0.111111], [0.166667, 0.833333]], atol=5e-7)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_t2_alpha_one_smooths_the_initial_labels_once(schedule):
    y0, r0, s_intra, s_cross, s_ir, s_ri = problem(0)
    y, r, rounds = label_transfer(y0, r0, s_intra, s_cross, s_ir, s_ri, alpha=1, schedule=schedule)
    assert rounds == 2
    assert np.allclose(y, (y0 + s_intra @ y0) / 2) and np.allclose(r, (r0 + s_cross @ r0) / 2)
    _, _, rounds = label_transfer(y0, r0, np.eye(6), np.eye(5), s_ir, s_ri, alpha=1)
    assert rounds == 1


@pytest.mark.filterwarnings("ignore:labels still moved")
def test_t3_alpha_zero_collapses():
    y, r, _ = label_transfer(*problem(1), alpha=0, tol=0, max_rounds=400)
    assert np.ptp(np.vstack([y, r]), axis=0).max() < 1e-13


@pytest.mark.filterwarnings("ignore:labels still moved")
def test_t3_paper_schedule_collapses_within_each_modality_and_then_swaps_for_ever():
    data = problem(1)
    options = {"alpha": 0, "schedule": "paper", "tol": 0}
    (y, r, _), (y_next, r_next, _) = (
        label_transfer(*data, max_rounds=n, **options) for n in (400, 401)
    )
    assert np.ptp(y, axis=0).max() < 1e-13 and np.ptp(r, axis=0).max() < 1e-13
    assert np.abs(y[0] - r[0]).max() > 0.1  # y(t+1) comes from r(t) alone, and r(t+1) from y(t)
    assert np.allclose(y_next[0], r[0]) and np.allclose(r_next[0], y[0])


@given(st.integers(0, 9999), st.floats(0, 1), st.sampled_from(SCHEDULES))
@settings(max_examples=60, deadline=None)
@pytest.mark.filterwarnings("ignore:labels still moved")
def test_t4_rows_stay_probabilities_and_clusters_permute(seed, alpha, schedule):
    y0, r0, *affinities = problem(seed)
    y, r, rounds = label_transfer(y0, r0, *affinities, alpha=alpha, schedule=schedule)
    for labels in (y, r):
        assert (labels >= 0).all() and np.allclose(labels.sum(1), 1)
    order = [2, 0, 1]
    moved = label_transfer(y0[:, order], r0[:, order], *affinities, alpha=alpha, schedule=schedule)
    assert np.allclose(moved[0], y[:, order]) and np.allclose(moved[1], r[:, order])
    assert moved[2] == rounds


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("seed", range(5))
@pytest.mark.filterwarnings("ignore:labels still moved")
def test_transfer_against_loops(seed, schedule):
    data = problem(seed, n=7, m=4, k=3)
    expected = slow_transfer(data, schedule=schedule)
    y, r, rounds = label_transfer(*data, schedule=schedule)
    assert np.allclose(y, expected[0]) and np.allclose(r, expected[1]) and rounds == expected[2]


@given(st.integers(0, 9999), st.sampled_from(SCHEDULES), st.floats(0.1, 1))
@settings(max_examples=40, deadline=None)
def test_t5_oracle_matches_the_iteration(seed, schedule, alpha):
    data = problem(seed)
    y, r, _ = label_transfer(*data, alpha=alpha, schedule=schedule, tol=1e-13, max_rounds=2000)
    y_limit, r_limit = transfer_limit(*data, alpha=alpha, schedule=schedule)
    assert np.abs(y - y_limit).max() < 1e-9 and np.abs(r - r_limit).max() < 1e-9


def test_t5_schedules_share_their_limit_only_without_intra_smoothing():
    gaps = {"s_intra": [], "s_cross": [], "none": []}
    for seed in range(20):
        y0, r0, s_intra, s_cross, s_ir, s_ri = problem(seed, n=5, m=5)
        for name, (intra, cross) in {
            "s_intra": (np.eye(5), s_cross),
            "s_cross": (s_intra, np.eye(5)),
            "none": (s_intra, s_cross),
        }.items():
            ends = [transfer_limit(y0, r0, intra, cross, s_ir, s_ri, schedule=s) for s in SCHEDULES]
            gaps[name].append(max(np.abs(a - b).max() for a, b in zip(*ends, strict=True)))
    assert max(gaps["s_intra"]) < 1e-12
    assert max(gaps["s_cross"]) > 0.02 and max(gaps["none"]) > 0.02


def test_t5_code_schedule_never_meets_its_cap():
    rounds = [label_transfer(*problem(seed))[2] for seed in range(200)]
    assert max(rounds) <= 14


def test_contraction_per_round():
    data = problem(3)
    _, r_limit = transfer_limit(*data)
    off = [np.abs(r.numpy() - r_limit).sum(1).max()
           for _, r, _ in itertools.islice(transfer_rounds(*data), 12)]  # fmt: skip
    assert all(b <= 0.64 * a + 1e-12 for a, b in itertools.pairwise(off))


def test_t6_update_is_a_heuristic():
    s = np.array([[0.7, 0.3], [0.3, 0.7]])
    assert np.allclose(half_smoothed(EYE, s), [[0.85, 0.15], [0.15, 0.85]])
    exact = exactly_smoothed(EYE, s)
    assert np.allclose(exact, [[0.727273, 0.272727], [0.272727, 0.727273]], atol=5e-7)


@given(st.integers(0, 999))
@settings(max_examples=20, deadline=None)
def test_t6_exact_answer_is_where_the_objective_has_no_slope(seed):
    rng = np.random.default_rng(seed)
    s = rng.random((6, 6))
    s, _ = sinkhorn(s + s.T, lam=2, stop="converged", tol=1e-13)  # symmetric up to scale
    s = (s + s.T) * 3
    y0, r, he = stochastic(rng, 6, 3), stochastic(rng, 4, 3), stochastic(rng, 6, 4)
    alpha = 0.2
    y = torch.tensor(exactly_smoothed(alpha * y0 + (1 - alpha) * he @ r, s), requires_grad=True)
    across = torch.tensor(he)[:, :, None] * (y[:, None] - torch.tensor(r)[None]).square()
    within = torch.tensor(s)[:, :, None] * (y[:, None] - y[None]).square()
    itself = (y - torch.tensor(y0)).square()
    loss = within.sum() + alpha * itself.sum() + (1 - alpha) * across.sum()  # eq. 7-10
    (slope,) = torch.autograd.grad(loss, y)
    assert slope.abs().max() < 1e-8


def test_t7_aggregate():
    y = np.array([[0.6, 0.3, 0.1]])
    assert np.allclose(aggregate(y, beta=0.7), [[0.88, 0.09, 0.03]])
    assert aggregate(y, beta=1).tolist() == [[1, 0, 0]]
    assert np.array_equal(aggregate(y, beta=0), y)
    assert np.allclose(aggregate(np.array([[0.2, 0.4, 0.4]]), beta=1), [[0, 1, 0]])
    for beta in (-0.1, 1.1, np.nan):
        with pytest.raises(ValueError, match="beta="):
            aggregate(y, beta=beta)
    with pytest.raises(ValueError, match="y holds NaN or infinities in 1 of 1 rows"):
        aggregate(np.array([[np.nan, 1]]))


def test_what_gives_no_initial_labels_is_named():
    x = np.eye(2)
    with pytest.raises(ValueError, match="x holds NaN"):
        initial_labels(x * np.nan, x)
    with pytest.raises(ValueError, match=r"x is \(2, 2\), centroids \(3, 3\): \(n, d\), \(K, d\)"):
        initial_labels(x, np.eye(3))


@given(st.integers(0, 999), st.floats(0, 1))
@settings(max_examples=40, deadline=None)
def test_t7_argmax_and_sums_stay(seed, beta):
    y = stochastic(np.random.default_rng(seed), 9, 4)
    sharp = aggregate(y, beta=beta)
    assert (sharp.argmax(1) == y.argmax(1)).all() and np.allclose(sharp.sum(1), 1)
    assert isinstance(aggregate(torch.tensor(y), beta=beta), torch.Tensor)


def test_t8_exchanging_modalities_is_the_other_direction():
    data = problem(8)
    r = label_transfer(*data)[1]
    y0, r0, s_v, s_r, s_vr, s_rv = data
    turned = label_transfer(y0=r0, r0=y0, s_intra=s_r, s_cross=s_v, s_ir=s_rv, s_ri=s_vr)
    expected = slow_transfer((r0, y0, s_r, s_v, s_rv, s_vr))  # now the other modality moves first
    np.testing.assert_allclose(turned[0], expected[0], atol=1e-12)
    np.testing.assert_allclose(turned[1], expected[1], atol=1e-12)
    assert turned[0].shape == r.shape and not np.allclose(turned[0], r)


def test_it_ends_where_looking_at_every_round_would():
    waited = 0
    for seed in range(40):
        data = problem(seed)
        rounds = list(itertools.islice(transfer_rounds(*data), 30))
        y, r, played = label_transfer(*data, tol=0.05, max_rounds=30)
        assert played == next(i for i, (*_, change) in enumerate(rounds, 1) if change <= 0.05)
        assert np.array_equal(y, rounds[played - 1][0])
        assert np.array_equal(r, rounds[played - 1][1])
        cross = [torch.tensor(data[1]), *(r for _, r, _ in rounds)]
        moved = [(b - a).abs().sum() / a.sum() for a, b in itertools.pairwise(cross)]
        waited += any(m <= 0.05 for m in moved[: played - 1])
    assert waited  # for the intra labels, which are looked at only when the others rest


# Inputs


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_dense_sparse_numpy_and_torch_agree(schedule):
    y0, r0, *dense = problem(4, n=9, m=7)
    for s in dense:
        s[s < 0.08] = 0
    expected = label_transfer(y0, r0, *dense, schedule=schedule)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # no beta-state chatter from torch
        sparse = label_transfer(y0, r0, *map(csr_array, dense), schedule=schedule)
    onto_torch = label_transfer(*map(torch.tensor, (y0, r0, *dense)), schedule=schedule)
    for other in (sparse, onto_torch):
        assert np.allclose(other[0], expected[0]) and np.allclose(other[1], expected[1])
    assert isinstance(sparse[0], np.ndarray) and isinstance(onto_torch[1], torch.Tensor)
    single = label_transfer(y0.astype(np.float32), r0.astype(np.float32), *dense)
    assert single[0].dtype == np.float32 and np.allclose(
        single[0], label_transfer(y0, r0, *dense)[0], atol=1e-5
    )


@pytest.mark.parametrize("kind", [torch.float32, torch.float64])
@pytest.mark.parametrize("way", ["scipy", "loops", "blocks"])
def test_every_way_of_a_sparse_product(kind, way, monkeypatch):
    rng = np.random.default_rng(0)
    s = rng.random((1100, 300)) * (rng.random((1100, 300)) < 0.02)
    s[[0, 5, 1099]] = 0  # rows without an entry
    z = torch.as_tensor(rng.random((300, 7)), dtype=kind)
    sparse, expected = products._matrix(csr_array(s), z), torch.as_tensor(s, dtype=kind) @ z
    monkeypatch.setattr(products, "LARGE", 1e9 if way == "scipy" else 0)
    monkeypatch.setattr(products, "DENSE_FROM", 0 if way == "blocks" else 1)
    monkeypatch.setattr(products, "WIDTH", 3)
    called = []
    for name in ("_by_loops", "_by_blocks"):
        real = getattr(products, name)
        monkeypatch.setattr(
            products, name, lambda *a, name=name, real=real: called.append(name) or real(*a)
        )
    for threads in (1, 3):
        monkeypatch.setattr(torch, "get_num_threads", lambda threads=threads: threads)
        for columns in (z, z.T.contiguous().T):
            found = products._product(sparse, columns)
            assert found.dtype == kind and (found[[0, 5, 1099]] == 0).all()
            assert torch.allclose(found, expected, rtol=1e-5 if kind == torch.float32 else 1e-12)
    assert called == [] if way == "scipy" else set(called) == {f"_by_{way}"}


def test_off_the_cpu_matrices_are_torchs_dense_where_many_entries_are_stored(monkeypatch):
    s = csr_array(np.eye(9, 7) + (np.arange(7) == 2))
    labels = torch.ones(9, 3, device="meta")
    assert products._matrix(s, labels).layout == torch.strided
    monkeypatch.setattr(products, "DENSE_UP_TO", 62)
    large = products._matrix(s, labels)
    assert large.layout == torch.sparse_csr and large.shape == (9, 7)
    assert large.device.type == "meta" and large.dtype == torch.float32


def test_one_smoothing_takes_rows_that_learn():
    z, s = torch.rand(5, 2, requires_grad=True), np.ones((5, 5))
    for s_intra in (s, csr_array(s)):
        found = half_smoothed(z, s_intra)
        assert torch.allclose(found, (z.mean(0) + z) / 2) and not found.requires_grad


def test_sparse_matrices_in_disorder():
    s = np.zeros((9, 60))
    s[2, [7, 5]] = 3, 1
    shuffled = csr_array(([1, 3, 1], [7, 5, 7], [0, 0, 0, *[3] * 7]), shape=s.shape)
    shuffled.data = np.array([2.0, 1.0, 1.0])
    found = products._matrix(shuffled, torch.ones(1))
    assert np.array_equal(found.toarray(), s) and found.dtype == np.float32
    assert shuffled.nnz == 3, "the given one stays as it was"
    shuffled.indices[0] = 99
    with pytest.raises(ValueError, match="ind"):
        products._matrix(shuffled, torch.ones(1))


def test_rows_are_normalised_inside_so_a_plan_and_its_transpose_will_do():
    y0, r0, s_intra, s_cross, s_ir, _ = problem(2)
    plan = s_ir * np.linspace(1, 3, 6)[:, None]
    expected = label_transfer(
        y0, r0, s_intra, s_cross, plan / plan.sum(1, keepdims=True), (plan / plan.sum(0)).T
    )
    ours = label_transfer(y0, r0, 3 * s_intra, 0.2 * s_cross, plan, plan.T)
    assert np.allclose(ours[0], expected[0]) and np.allclose(ours[1], expected[1])


def test_an_image_without_own_neighbours_keeps_its_self_loop():
    y0, r0, s_intra, s_cross, s_ir, s_ri = problem(2)
    looped = s_intra.copy()
    s_intra[3] = 0
    looped[3] = np.eye(6)[3]
    for s in (s_intra, csr_array(s_intra)):
        y, r, _ = label_transfer(y0, r0, s, s_cross, s_ir, s_ri)
        expected = label_transfer(y0, r0, looped, s_cross, s_ir, s_ri)
        assert np.allclose(y, expected[0]) and np.allclose(r, expected[1])


def test_an_image_without_affinity_across_warns_and_takes_the_average():
    y0, r0, s_intra, s_cross, s_ir, s_ri = problem(2)
    uniform = s_ir.copy()
    s_ir[1], uniform[1] = 0, 1 / 5
    with pytest.warns(RuntimeWarning, match="1 rows of s_ir are zero"):
        y, _, _ = label_transfer(y0, r0, s_intra, s_cross, s_ir, s_ri)
    assert np.allclose(y, label_transfer(y0, r0, s_intra, s_cross, uniform, s_ri)[0])


def test_unconverged_transfer_warns():
    with pytest.warns(RuntimeWarning, match=r"still moved by .* in round 2; raise max_rounds"):
        rounds = label_transfer(Y0, EYE, EYE, EYE, EYE, EYE, max_rounds=2)[2]
    assert rounds == 2


def test_transfer_refuses_bad_input():
    data = dict(zip(("y0", "r0", "s_intra", "s_cross", "s_ir", "s_ri"), problem(0), strict=True))

    def call(**changed):
        options = {k: changed.pop(k) for k in list(changed) if k not in data}
        return label_transfer(*(data | changed).values(), **options)

    for alpha in (-0.1, 1.2, np.nan):
        with pytest.raises(ValueError, match="alpha="):
            call(alpha=alpha)
    for options, text in (
        ({"schedule": "both"}, "schedule='both'; known: code, paper"),
        ({"max_rounds": 0}, "max_rounds=0"),
        ({"tol": -1}, "tol=-1"),
        ({"y0": data["y0"][:, :2]}, r"y0 is \(6, 2\), r0 \(5, 3\)"),
        ({"y0": data["y0"] * 2}, "rows of y0 must be >= 0 and sum to 1"),
        ({"r0": data["r0"] - 0.2}, "rows of r0"),
        ({"r0": data["r0"] * np.nan}, "rows of r0"),
        ({"s_intra": data["s_cross"]}, r"s_intra is \(5, 5\); it must be \(6, 6\)"),
        ({"s_ir": data["s_ri"]}, r"s_ir is \(5, 6\); it must be \(6, 5\)"),
        ({"s_ri": -data["s_ri"]}, "s_ri holds NaN, infinite or negative"),
        ({"s_cross": csr_array(-data["s_cross"])}, "s_cross holds"),
        ({"s_cross": data["s_cross"] * np.inf}, "s_cross holds NaN, infinite"),
    ):
        with pytest.raises(ValueError, match=text):
            call(**options)
    with pytest.raises(ValueError, match="alpha=0 leaves no unique limit"):
        transfer_limit(*data.values(), alpha=0)


def test_initial_labels_are_a_softmax_of_similarities():
    x, c = np.array([[1.0, 0.0], [0.6, 0.8]]), np.array([[0.5, 0.0], [0.0, 1.0]])
    e = np.exp(x @ c.T / 0.05)
    assert np.allclose(initial_labels(x, c), e / e.sum(1, keepdims=True))
    with pytest.raises(ValueError, match="temperature=0"):
        initial_labels(x, c, temperature=0)


# MULT as a whole


def people(seed=0, k=6, each=8, gap=0.3, d=24):
    rng = np.random.default_rng(seed)
    centre = rng.normal(size=(k, d))
    offset = rng.normal(size=d) * gap
    y_v, y_r = np.arange(k * each) % k, np.arange(k * (each - 2)) % k
    x_v = centre[y_v] + 0.5 * rng.normal(size=(len(y_v), d)) + offset
    x_r = centre[y_r] + 0.5 * rng.normal(size=(len(y_r), d)) - offset
    return x_v, x_r, y_v, y_r


SMALL = {"k1": 8, "k2": 3}


def test_mult_against_its_equations():
    x_v, x_r, y_v, y_r = people()
    y_v[::9] = -1
    y_v = np.unique(y_v, return_inverse=True)[1] - 1
    ours = mult(x_v, x_r, y_v, y_r, **SMALL)
    v, r = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in (x_v, x_r))
    plan, info = sinkhorn(((v[:, None] - r[None]) ** 2).sum(-1))
    assert (info.steps, info.converged) == (ours.plan.steps, ours.plan.converged)
    s_v, s_r = (np.zeros((len(x), len(x))) for x in (v, r))
    for s, x in ((s_v, v), (s_r, r)):
        j = np.ones_like(s)
        sparse = jaccard_distance(x, **SMALL).tocoo()
        j[sparse.row, sparse.col] = sparse.data  # absent pairs are at 1, stored zeros count
        s += 1 - j
        assert np.allclose(np.diag(s), 1)
    for own, other, y, s_own, s_other, p, names in (
        (v, r, y_v, s_v, s_r, plan, ("visible_in_v", "infrared_in_v")),
        (r, v, y_r, s_r, s_v, plan.T, ("infrared_in_r", "visible_in_r")),
    ):
        c = np.stack([own[y == k].mean(0) for k in range(y.max() + 1)])
        e = np.exp(own @ c.T / 0.05)
        cost = ((other[:, None] - c[None]) ** 2).sum(-1)
        start = np.eye(len(c))[sinkhorn(cost)[0].argmax(1)]
        s_own, s_other, ir, ri = (s / s.sum(1, keepdims=True) for s in (s_own, s_other, p, p.T))
        expected = slow_transfer((e / e.sum(1, keepdims=True), start, s_own, s_other, ir, ri))
        for name, soft in zip(names, expected[:2], strict=True):
            sharp = 0.7 * np.eye(len(c))[soft.argmax(1)] + 0.3 * soft
            assert np.allclose(getattr(ours, name), sharp, atol=1e-6)
        assert ours.rounds[names[0] == "infrared_in_r"] == expected[2]


def test_mult_finds_people_and_labels_outliers_too():
    x_v, x_r, y_v, y_r = people(seed=3)
    clustered = y_v.copy()
    clustered[5:20:4] = -1
    ours = mult(x_v, x_r, clustered, y_r, **SMALL)
    truths = {"visible_in_v": y_v, "infrared_in_v": y_r, "infrared_in_r": y_r, "visible_in_r": y_v}
    for name, truth in truths.items():
        soft = getattr(ours, name)
        assert np.allclose(soft.sum(1), 1) and (soft >= 0).all()
        assert (soft.argmax(1) == truth).mean() > 0.95


def test_mult_exchanging_modalities_exchanges_the_spaces():
    x_v, x_r, y_v, y_r = people(seed=5)
    options = SMALL | {"stop": "converged", "lam": 2, "tol": 1e-4, "max_rounds": 50}
    one, two = mult(x_v, x_r, y_v, y_r, **options), mult(x_r, x_v, y_r, y_v, **options)
    for a, b in (("visible_in_v", "infrared_in_r"), ("infrared_in_v", "visible_in_r")):
        assert np.allclose(getattr(one, a), getattr(two, b), atol=1e-6)
        assert np.allclose(getattr(two, a), getattr(one, b), atol=1e-6)
    assert one.rounds == two.rounds[::-1]


def test_every_switch_of_mult_changes_something():
    x_v, x_r, y_v, y_r = people(seed=1, gap=1.0)
    base = mult(x_v, x_r, y_v, y_r, **SMALL)
    for changed in (
        {"k1": 12}, {"k2": 1}, {"alpha": 0.5}, {"beta": 0.3}, {"temperature": 0.5}, {"lam": 4},
        {"rule": "binary"}, {"schedule": "paper"}, {"stop": "converged"}, {"tol": 1e-5},
        {"max_rounds": 1}, {"prototypes": "unit"},
    ):  # fmt: skip
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            other = mult(x_v, x_r, y_v, y_r, **(SMALL | changed))
        assert np.abs(base.visible_in_v - other.visible_in_v).max() > 1e-7, changed


def test_mult_takes_distances_at_hand_and_lives_where_inputs_do():
    x_v, x_r, y_v, y_r = people(seed=2)
    base = mult(x_v, x_r, y_v, y_r, **SMALL)
    distances = tuple(jaccard_distance(x, **SMALL) for x in (x_v, x_r))
    stored = [d.data.copy() for d in distances]
    again = mult(x_v, x_r, y_v, y_r, distances=distances)
    assert all(np.array_equal(d.data, s) for d, s in zip(distances, stored, strict=True))
    onto_torch = mult(*map(torch.tensor, (x_v, x_r, y_v, y_r)), **SMALL)
    for field in fields(base)[:4]:
        of_base = getattr(base, field.name)
        assert isinstance(of_base, np.ndarray)
        assert np.allclose(of_base, getattr(again, field.name))
        assert isinstance(getattr(onto_torch, field.name), torch.Tensor)
        assert np.allclose(of_base, getattr(onto_torch, field.name))


def test_affinity_keeps_stored_zeros_as_full_affinity():
    distance = csr_array((np.array([0.0, 0.25, 0.0]), ([0, 0, 1], [0, 1, 1])), shape=(2, 2))
    assert affinity(distance).toarray().tolist() == [[1, 0.75], [0, 1]]
    with pytest.raises(ValueError, match="distance is dense; give the sparse matrix"):
        affinity(distance.toarray())  # its zeros would read as not stored


def test_mult_refuses_bad_input():
    x_v, x_r, y_v, y_r = people()
    with pytest.raises(NoClustersError, match="labels_infrared: all 36 images are outliers"):
        mult(x_v, x_r, y_v, np.full(36, -1))
    with pytest.raises(ValueError, match=r"labels_visible.*\(47,\).*48 images"):
        mult(x_v, x_r, y_v[1:], y_r)
    broken = x_v.copy()
    broken[[4, 7]] = np.nan
    with pytest.raises(ValueError, match=r"rows 4, 7 .*visible"):
        mult(broken, x_r, y_v, y_r)
    with pytest.raises(ValueError, match="nothing to match"):
        mult(x_v, x_r[:0], y_v, y_r[:0])
    for options in ({"beta": 2}, {"alpha": -1}, {"prototypes": "median"}, {"lam": 0}, {"k1": 0}):
        name = next(iter(options))
        with pytest.raises(ValueError, match=f"{name}="):
            mult(x_v, x_r, y_v, y_r, **(SMALL | options))
    with pytest.warns(UserWarning, match="only 36"):  # fewer images than k1
        mult(x_v, x_r, y_v, y_r, k1=40, k2=3)


# OCLR


def test_l6_numbers():
    t, p = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 1.0]])
    assert oclr(p, t).item() == pytest.approx(1.306569, abs=1e-6)
    target = torch.softmax(5 * t, 1)
    assert torch.allclose(target, torch.tensor([[0.993307, 0.006693]]), atol=1e-6)
    slow = -sum(
        float(a) * float(b) for a, b in zip(target[0], torch.log_softmax(p, 1)[0], strict=True)
    )
    assert oclr(p, t).item() == pytest.approx(slow, abs=1e-6)


@given(st.integers(0, 999), st.floats(0.05, 2))
@settings(max_examples=40, deadline=None)
def test_l6_never_below_the_entropy_of_the_target(seed, sharpen):
    p, t = torch.randn(2, 6, 5, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    target = torch.softmax(t / sharpen, 1)
    entropy = torch.special.entr(target).sum(1).mean()
    assert oclr(p, t, sharpen=sharpen) >= entropy - 1e-12
    assert oclr(t / sharpen, t, sharpen=sharpen).item() == pytest.approx(entropy.item())


def test_oclr_gradient_through_the_target_is_a_switch():
    for detach in (False, True):
        p, t = (torch.randn(4, 3, requires_grad=True) for _ in range(2))
        oclr(p, t, detach=detach).backward()
        assert p.grad.abs().sum() > 0
        assert (t.grad is None) == detach


def test_oclr_refuses_bad_input():
    p = torch.zeros(2, 3)
    with pytest.raises(ValueError, match=r"\(2, 3\).*\(2, 4\)"):
        oclr(p, torch.zeros(2, 4))
    with pytest.raises(ValueError, match="empty"):
        oclr(p[:0], p[:0])
    with pytest.raises(ValueError, match="sharpen=0"):
        oclr(p, p, sharpen=0)
    for pair, name in (((p * float("nan"), p), "source"), ((p, p * float("nan")), "target")):
        with pytest.raises(ValueError, match=f"{name}_logits holds NaN or infinities in 2 of 2"):
            oclr(*pair)
