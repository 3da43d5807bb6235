"""Sinkhorn against POT, closed forms and loops; the associations read off its plans."""

import itertools
import os
import warnings

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from vireid.association import cluster_sinkhorn, dotla, kernels, otla, sinkhorn
from vireid.association.transport import squared_distances, transport_labels
from vireid.clustering import NoClustersError


@pytest.fixture(scope="module")
def ot():
    for other in ("PYTORCH", "JAX", "TENSORFLOW", "CUPY"):
        os.environ.setdefault(f"POT_BACKEND_DISABLE_{other}", "1")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("ot")


def solve(cost, **options):
    """The plan to full precision."""
    return sinkhorn(np.asarray(cost, dtype=np.float64), stop="converged", **options)[0]


def random_cost(n, m, seed, scale=1.0):
    return np.random.default_rng(seed).random((n, m)) * scale


shapes = st.tuples(st.integers(1, 9), st.integers(1, 9), st.integers(0, 9999))


def test_s1_numbers():
    swap = [[0, 1], [1, 0]]
    expected = [[0.3655293, 0.1344707], [0.1344707, 0.3655293]]
    assert np.allclose(solve(swap, lam=1), expected, atol=5e-8)
    sharp = solve(swap, lam=25)
    assert np.allclose(np.diag(sharp), 0.5)
    assert sharp[0, 1] == pytest.approx(6.94e-12, rel=1e-3)
    skewed = solve([[0, 1], [0.5, 0.2]], lam=5)
    assert np.allclose(skewed, [[0.481337, 0.018663], [0.018663, 0.481337]], atol=5e-7)


@given(st.floats(0.1, 5), st.lists(st.floats(0, 1), min_size=4, max_size=4))
@settings(max_examples=60, deadline=None)
def test_s1_closed_form_of_two_by_two(lam, entries):
    c = np.reshape(entries, (2, 2))
    p = solve(c, lam=lam)[0, 0]
    odds = np.exp(lam * (c[0, 1] + c[1, 0] - c[0, 0] - c[1, 1]) / 2)
    assert p == pytest.approx(0.5 * odds / (1 + odds), abs=1e-8)


@given(shapes, st.sampled_from(["code", "converged"]), st.integers(1, 12))
@settings(max_examples=60, deadline=None)
@pytest.mark.filterwarnings("ignore:Sinkhorn stopped unconverged")
def test_s2_columns_are_exact_at_any_step(shape, stop, max_steps):
    n, m, seed = shape
    plan, info = sinkhorn(random_cost(n, m, seed, 4), stop=stop, max_steps=max_steps)
    assert np.allclose(plan.sum(0), 1 / m, rtol=1e-12)
    assert info.residual == pytest.approx(np.abs(plan.sum(1) - 1 / n).sum(), abs=1e-12)
    assert (plan >= 0).all() and 1 <= info.steps <= max_steps


@given(shapes)
@settings(max_examples=30, deadline=None)
def test_s2_constants_in_rows_and_columns_change_nothing(shape):
    n, m, seed = shape
    rng = np.random.default_rng(seed)
    cost = random_cost(n, m, seed)
    moved = cost + rng.normal(size=(n, 1)) + rng.normal(size=(1, m))
    assert np.allclose(solve(cost, lam=8), solve(moved, lam=8), atol=1e-8)


@pytest.mark.filterwarnings("ignore:Sinkhorn stopped unconverged")
def test_s2_limits():
    cost = random_cost(4, 6, 0)
    assert np.allclose(solve(cost, lam=1e-9), 1 / 24, atol=1e-9)
    partner = np.array([2, 0, 4, 1, 3])
    square = random_cost(5, 5, 1) + 0.6
    square[range(5), partner] -= 0.6
    sharp, info = sinkhorn(square, lam=50, stop="converged")  # nearly a permutation: slow
    assert np.abs(sharp - np.eye(5)[partner] / 5).max() < 1e-4 and info.residual < 1e-4


@pytest.mark.parametrize("lam", [1, 5, 25])
def test_s2_blur_costs_at_most_log_n_over_lam(lam):
    square = random_cost(5, 5, 1)
    best = min(square[range(5), list(p)].mean() for p in itertools.permutations(range(5)))
    excess = (solve(square, lam=lam) * square).sum() - best
    assert 0 < excess <= np.log(5) / lam


@pytest.mark.parametrize("shape", [(7, 7), (30, 12), (12, 30), (1, 5), (5, 1)])
@pytest.mark.parametrize("lam", [1, 25])
@pytest.mark.parametrize("domain", ["scaling", "log"])
def test_plans_equal_pot(ot, shape, lam, domain):
    cost = random_cost(*shape, seed=3, scale=0.7)
    rng = np.random.default_rng(1)
    a, b = rng.dirichlet(np.full(shape[0], 5.0)), rng.dirichlet(np.full(shape[1], 5.0))
    uniform = [np.full(k, 1 / k) for k in shape]
    for masses, ours in (
        (uniform, solve(cost, lam=lam, domain=domain)),
        ((a, b), solve(cost, lam=lam, domain=domain, a=a, b=b)),
    ):
        theirs = ot.sinkhorn(*masses, cost, 1 / lam, method="sinkhorn_log",
                             stopThr=1e-12, numItermax=20_000)  # fmt: skip
        assert np.abs(ours - theirs).max() < 1e-9


def test_pot_agrees_that_features_are_matched(ot):
    rng = np.random.default_rng(0)
    x, y = (v / np.linalg.norm(v, axis=1, keepdims=True) for v in rng.normal(size=(2, 40, 64)))
    cost = squared_distances(torch.tensor(x), torch.tensor(y)).numpy()
    assert np.allclose(cost, ot.dist(x, y), atol=1e-12)
    theirs = ot.sinkhorn(np.full(40, 1 / 40), np.full(40, 1 / 40), cost, 0.04,
                         method="sinkhorn_log", stopThr=1e-12, numItermax=20_000)  # fmt: skip
    assert np.abs(solve(cost) - theirs).max() < 1e-9


def slow_code_mode(cost, lam=25):
    """The released loop as the spec tells it, with plain exponentials; (plan, steps)."""
    n, m = cost.shape
    q, b = np.exp(-lam * cost), np.full(m, 1 / m)
    for step in range(500):
        a = (1 / n) / (q @ b)
        new = (1 / m) / (q.T @ a)
        err = np.nansum(np.abs(b / new - 1)) if step % 10 == 0 else np.inf
        b = new
        if err <= 0.1:
            break
    return np.diag(a) @ q @ np.diag(b), step + 1


@given(shapes, st.sampled_from(["scaling", "log", "auto"]))
@settings(max_examples=60, deadline=None)
@pytest.mark.filterwarnings("ignore:Sinkhorn stopped unconverged")
def test_code_mode_stops_where_the_released_code_does(shape, domain):
    n, m, seed = shape
    cost = random_cost(n, m, seed, scale=0.8) + np.random.default_rng(seed).random((1, m))
    plan, info = sinkhorn(cost, domain=domain)
    expected, steps = slow_code_mode(cost)
    assert info.steps == steps and info.converged == (info.error <= 0.1)
    assert np.allclose(plan, expected, rtol=1e-7, atol=1e-14)


def test_code_mode_can_stop_after_one_step():
    assert sinkhorn(np.ones((4, 3)))[1].steps == 1
    assert sinkhorn(random_cost(30, 20, 0, 0.9))[1].steps % 10 == 1


def test_modes_differ_in_strictness():
    cost = random_cost(40, 25, 2, 1.5)
    loose, strict = sinkhorn(cost), sinkhorn(cost, stop="converged")
    assert strict[1].residual <= 1e-9 < loose[1].residual
    assert strict[1].steps > loose[1].steps
    assert np.abs(strict[0].sum(1) - 1 / 40).sum() < 2e-9


@pytest.mark.parametrize("seed", range(4))
def test_domains_agree_on_wide_spreads_in_single_precision(seed):
    rng = np.random.default_rng(seed)
    cost = rng.random((60, 40)) * 2.4
    cost[:, :3] += 1.2  # columns far from everyone
    exact = solve(cost, max_steps=3000, domain="log", tol=1e-7)
    single = torch.tensor(cost, dtype=torch.float32)
    for domain in ("auto", "log"):
        plan, info = sinkhorn(single, stop="converged", tol=1e-5, domain=domain, max_steps=3000)
        assert plan.dtype == torch.float32 and info.converged
        assert np.abs(plan.numpy() - exact).max() < 5e-6
    assert sinkhorn(single)[1].domain == "scaling"


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("n", [2, 13, 64])
def test_the_compiled_pass_equals_the_blocks(n, threads, dtype, monkeypatch):
    g = torch.Generator().manual_seed(n)
    cost = torch.rand(n, 37, generator=g, dtype=dtype)
    mass = torch.rand(n, generator=g, dtype=dtype)
    plain, info = sinkhorn(cost, lam=25, a=mass / mass.sum(), stop="converged")
    before = torch.get_num_threads()
    monkeypatch.setattr(kernels, "LARGE", 1)
    torch.set_num_threads(threads)
    try:
        fast, fast_info = sinkhorn(cost, lam=25, a=mass / mass.sum(), stop="converged")
    finally:
        torch.set_num_threads(before)
    assert (fast - plain).abs().max() < (1e-6 if dtype == torch.float32 else 1e-12)
    assert fast_info.converged and abs(fast_info.steps - info.steps) <= 2


@pytest.mark.parametrize(("n", "m", "lam"), [(2100, 2100, 25), (3000, 2000, 15)])
def test_float32_scalings_settle_on_large_kernels(n, m, lam):
    assert n * m > kernels.LARGE
    rng = np.random.default_rng(0)
    x, y = (rng.normal(size=(k, 64)) for k in (n, m))
    x, y = (a / np.linalg.norm(a, axis=1, keepdims=True) for a in (x, y))
    cost = (2 - 2 * x @ y.T).astype(np.float32)
    plan, info = sinkhorn(cost, lam=lam, stop="converged", max_steps=400)
    assert info.converged and info.residual < 1e-6
    assert np.abs(plan.sum(1, dtype=np.float64) - 1 / n).sum() < 2e-6


def test_distances_and_labels_take_features_that_learn():
    x, y = torch.randn(9, 4, requires_grad=True), torch.randn(5, 4, requires_grad=True)
    assert torch.allclose(squared_distances(x, y), torch.cdist(x, y).square(), atol=1e-5)
    assert transport_labels(x, y)[0].shape == (9,)


def test_an_empty_row_of_the_kernel_is_infinite_in_both_passes(monkeypatch):
    k = kernels.ScalingKernel(torch.rand(6, 5), 1.0, torch.zeros(5))
    k.k[4] = 0
    a, b = torch.full((6,), 1 / 6), torch.full((5,), 1 / 5)
    plain = k.sweep(k.start, a, b)
    monkeypatch.setattr(kernels, "LARGE", 1)
    fast = k.sweep(k.start, a, b)
    assert fast[0][4] == plain[0][4] == torch.inf
    assert torch.allclose(fast[0], plain[0]) and torch.equal(fast[1].isnan(), plain[1].isnan())


def test_underflow_goes_to_the_log_domain():
    far = np.array([[0.0, 4, 8], [8, 0, 4], [90, 90, 90], [40, 0, 0]])
    plan, info = sinkhorn(torch.tensor(far, dtype=torch.float32), stop="converged", tol=1e-4)
    assert info.domain == "log" and torch.isfinite(plan).all()
    exact = solve(far, domain="log")
    assert np.abs(plan.numpy() - exact).max() < 1e-4
    half = torch.tensor([[0.0, 4.0], [4.0, 0.0]], dtype=torch.float16)
    plan, _ = sinkhorn(half)
    assert plan.dtype == torch.float32 and torch.allclose(plan, torch.eye(2) / 2)


def test_scaling_says_when_it_underflows():
    cost = torch.tensor([[0.0, 4, 4], [4, 0, 4], [4, 4, 0]])
    assert sinkhorn(cost, lam=19, domain="scaling")[1].domain == "scaling"
    with pytest.raises(ValueError, match=r"lam \* cost spans 100.*domain='log'"):
        sinkhorn(cost, domain="scaling")
    with pytest.raises(ValueError, match="float64 underflows"):
        sinkhorn(cost.double() * 40, domain="scaling")


def test_unconverged_stops_warn_and_say_how_far_off():
    with pytest.warns(RuntimeWarning, match=r"unconverged after 3 steps.*max_steps"):
        plan, info = sinkhorn(random_cost(9, 7, 0, 3), stop="converged", max_steps=3)
    assert not info.converged and info.steps == 3
    assert info.error == info.residual == pytest.approx(np.abs(plan.sum(1) - 1 / 9).sum())


def test_inputs_are_kept_and_results_live_with_them():
    cost = random_cost(5, 4, 0)
    for given_cost in (cost.copy(), torch.tensor(cost), cost.astype(np.float32)):
        plan, _ = sinkhorn(given_cost)
        assert isinstance(plan, type(given_cost)) and plan.dtype == given_cost.dtype
        assert np.allclose(given_cost, cost)
    buffer = torch.tensor(cost)
    plan, _ = sinkhorn(buffer, overwrite=True)
    assert plan.data_ptr() == buffer.data_ptr()
    whole_numbers = sinkhorn(np.array([[0, 1], [1, 0]]), lam=1)[0]
    assert whole_numbers.dtype == np.float32 and whole_numbers[0, 0] == pytest.approx(0.3655293)


def test_bad_input_is_refused():
    cost = random_cost(3, 4, 0)
    for options, text in (
        ({"lam": 0}, "lam=0"),
        ({"lam": -1}, "lam=-1"),
        ({"lam": np.inf}, "lam=inf"),
        ({"stop": "early"}, "stop='early'; known: code, converged"),
        ({"domain": "linear"}, "domain='linear'; known"),
        ({"tol": -1}, "tol=-1"),
        ({"tol": np.nan}, "tol=nan"),
        ({"max_steps": 0}, "max_steps=0"),
        ({"a": np.ones(3)}, "a must hold 3 positive masses that sum to 1"),
        ({"b": np.array([0.5, 0.5, 0, 0])}, "b must hold 4 positive"),
        ({"a": np.full(4, 0.25)}, "a must hold 3"),
    ):
        with pytest.raises(ValueError, match=text):
            sinkhorn(cost, **options)
    for entry in (np.nan, np.inf):
        broken = cost.copy()
        broken[1, 2] = entry
        with pytest.raises(ValueError, match="cost holds NaN or infinite"):
            sinkhorn(broken)
    for shape in ((0, 3), (3, 0), (3,)):
        with pytest.raises(ValueError, match="cost has shape"):
            sinkhorn(np.zeros(shape))


# What is read off the plans


def test_otla_against_the_definition(ot):
    p = np.random.default_rng(0).dirichlet(np.ones(5), size=40)
    label, info = otla(p)
    expected, steps = slow_code_mode(np.minimum(-np.log(p), 1e3))
    assert info.converged and info.steps == steps
    assert label.tolist() == expected.argmax(1).tolist() and label.dtype == np.int64
    assert isinstance(otla(torch.tensor(p))[0], torch.Tensor)


def test_otla_uses_identities_equally_often_where_argmax_does_not():
    rng = np.random.default_rng(1)
    p = rng.dirichlet(np.ones(6), size=600) * np.array([9, 1, 1, 1, 1, 1])  # a biased classifier
    p /= p.sum(1, keepdims=True)
    assert np.bincount(p.argmax(1), minlength=6).max() > 300
    assert (np.abs(np.bincount(otla(p)[0], minlength=6) - 100) <= 15).all()


def test_otla_takes_probabilities_of_zero_and_refuses_others():
    p = np.array([[1.0, 0], [0, 1], [0.5, 0.5], [1, 0]])
    label, _ = otla(p)
    assert label[[0, 1, 3]].tolist() == [0, 1, 0]
    for bad in (p * 2, p - 0.1, p[0], np.full((2, 2), np.nan), p[:0]):
        with pytest.raises(ValueError, match="probability"):
            otla(bad)


def identities(n, k, seed, gap=0.3, d=16):
    """Images of k identities in two modalities that lie ``gap`` apart; (x_v, x_r, y_v, y_r)."""
    rng = np.random.default_rng(seed)
    centre = rng.normal(size=(k, d))
    y_v, y_r = np.arange(n) % k, np.arange(n - k) % k
    offset = rng.normal(size=d) * gap
    x_v = centre[y_v] + 0.3 * rng.normal(size=(n, d)) + offset
    x_r = centre[y_r] + 0.3 * rng.normal(size=(n - k, d)) - offset
    return x_v, x_r, y_v, y_r


def test_dotla_finds_identities_and_ignores_outliers():
    x_v, x_r, y_v, y_r = identities(60, 6, seed=0)
    outlier = y_v.copy()
    outlier[::7] = -1
    visible_in_r, infrared_in_v = dotla(x_v, x_r, outlier, y_r)
    assert (visible_in_r == y_v).mean() > 0.95 and (infrared_in_v == y_r).mean() > 0.95
    assert visible_in_r.shape == (60,) and infrared_in_v.min() >= 0


def test_dotla_against_loops():
    x_v, x_r, y_v, y_r = identities(30, 5, seed=2)
    visible_in_r, infrared_in_v = dotla(x_v, x_r, y_v, y_r)
    v, r = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in (x_v, x_r))
    for x, other, y, label in ((v, r, y_r, visible_in_r), (r, v, y_v, infrared_in_v)):
        centre = np.stack([other[y == k].mean(0) for k in range(5)])  # not of norm 1
        cost = ((x[:, None] - centre[None]) ** 2).sum(-1)
        assert label.tolist() == slow_code_mode(cost)[0].argmax(1).tolist()


def test_dotla_counts_are_near_uniform_and_sides_swap():
    x_v, x_r, y_v, y_r = identities(240, 8, seed=3, gap=2.0)
    x_r = x_r + 0.8 * x_r[0]  # everybody leans towards one cluster
    visible_in_r, infrared_in_v = dotla(x_v, x_r, y_v, y_r)
    for label, n in ((visible_in_r, 240), (infrared_in_v, 232)):
        assert np.abs(np.bincount(label, minlength=8) - n / 8).max() <= 0.35 * n / 8
    swapped = dotla(x_r, x_v, y_r, y_v)
    assert (swapped[0] == infrared_in_v).all() and (swapped[1] == visible_in_r).all()


def test_dotla_refuses_bad_input():
    x_v, x_r, y_v, y_r = identities(30, 5, seed=2)
    with pytest.raises(NoClustersError, match="labels_infrared"):
        dotla(x_v, x_r, y_v, np.full(25, -1))
    broken = x_r.copy()
    broken[3] = np.inf
    with pytest.raises(ValueError, match=r"row 3 .*infrared"):
        dotla(x_v, broken, y_v, y_r)
    with pytest.raises(ValueError, match="labels_visible"):
        dotla(x_v, x_r, y_v[:-1], y_r)


def test_cluster_sinkhorn_equals_pot(ot):
    rng = np.random.default_rng(5)
    v, r = rng.normal(size=(9, 6)), rng.normal(size=(7, 6))
    unit = [x / np.linalg.norm(x, axis=1, keepdims=True) for x in (v, r)]
    plan = ot.sinkhorn(np.full(9, 1 / 9), np.full(7, 1 / 7), np.exp(-unit[0] @ unit[1].T), 5)
    v2r, r2v = cluster_sinkhorn(v, r)
    assert v2r.tolist() == plan.argmax(1).tolist() and r2v.tolist() == plan.argmax(0).tolist()
    swapped = cluster_sinkhorn(r, v)
    assert swapped[0].tolist() == r2v.tolist() and swapped[1].tolist() == v2r.tolist()
    with pytest.raises(ValueError, match="reg=0"):
        cluster_sinkhorn(v, r, reg=0)
    with pytest.raises(ValueError, match="nothing to match"):
        cluster_sinkhorn(v[:0], r)
