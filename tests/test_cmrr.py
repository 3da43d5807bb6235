"""Cross-modality re-ranking: the definition in loops over sets, and what holds of any result."""

import re

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from vireid.evaluation import cmrr
from vireid.evaluation.reranking import cross_encoding


def sides(q=14, g=11, seed=0, d=6, people=4, gap=0.4):
    """Features of a few people in two modalities, and who is who: (query, gallery, ids, ids)."""
    rng = np.random.default_rng(seed)
    centre, offset = rng.normal(size=(people, d)), gap * rng.normal(size=d)
    of_q, of_g = np.arange(q) % people, np.arange(g) % people
    query = centre[of_q] + 0.4 * rng.normal(size=(q, d)) + offset
    gallery = centre[of_g] + 0.4 * rng.normal(size=(g, d)) - offset
    return query, gallery, of_q, of_g


def squared(x, y):
    x, y = (a / np.linalg.norm(a, axis=1, keepdims=True) for a in (x, y))
    return ((x[:, None] - y[None]) ** 2).sum(-1)


# The definition, section 5 of the spec, one image at a time


def slow_columns(d):
    return np.array([[d[i, j] / max(d[:, j]) for j in range(d.shape[1])] for i in range(len(d))])


def slow_lists(d):
    return [sorted(range(d.shape[1]), key=lambda j, i=i: d[i, j]) for i in range(len(d))]


def slow_reciprocal(i, forward, backward, width):
    return {j for j in forward[i][:width] if i in backward[j][:width]}


def slow_encoding(d, forward, backward, half, k):
    v = np.zeros(d.shape)
    for i in range(len(d)):
        own = slow_reciprocal(i, forward, backward, k + 1)
        grown = set(own)
        for c in own:
            short = slow_reciprocal(c, half, half, round(k / 2) + 1)
            if 3 * len(short & own) > 2 * len(short):
                grown |= short
        for j in grown:
            v[i, j] = np.exp(-d[i, j])
        if grown:
            v[i] /= v[i].sum()
    return v


def slow_mean(v, lists, k):
    return np.array([v[own[:k]].mean(0) for own in lists])


def slow_jaccard(v, rows, columns):
    out = np.zeros((len(rows), len(columns)))
    for a, i in enumerate(rows):
        for b, j in enumerate(columns):
            s = sum(min(p, q) for p, q in zip(v[i], v[j], strict=True))
            out[a, b] = 1 - s / (2 - s)
    return out


def slow_reranked(d, k):
    o = slow_columns(d).T
    near = slow_lists(o)
    v = slow_mean(slow_encoding(o, near, near, near, k), near, 6)
    everyone = range(len(d))
    return 0.7 * slow_jaccard(v, everyone, everyone) + 0.3 * o


def slow_cmrr(query, gallery, k, eta):
    d_qg = squared(query, gallery)
    qq, gg, qg, gq = map(
        slow_columns, (squared(query, query), squared(gallery, gallery), d_qg, d_qg.T)
    )
    l_q, l_g = (slow_lists(slow_reranked(d, k)) for d in (qq, gg))
    l_qg, l_gq = slow_lists(qg), slow_lists(gq)
    v_qq, v_gg = slow_encoding(qq, l_q, l_q, l_q, k), slow_encoding(gg, l_g, l_g, l_g, k)
    v_qg = slow_encoding(qg, l_qg, l_gq, l_g, k)
    v_gq = slow_encoding(gq, l_gq, l_qg, l_q, k)
    top = np.hstack([slow_mean(v_qq, l_q, k), slow_mean(v_qg, l_q, k)])
    bottom = np.hstack([slow_mean(v_gq, l_g, k), slow_mean(v_gg, l_g, k)])
    v = np.vstack([top, bottom])
    v /= v.sum(1, keepdims=True)
    q = len(query)
    return (1 - eta) * slow_jaccard(v, range(q), range(q, len(v))) + eta * d_qg, v


@pytest.mark.parametrize(("k", "seed"), [(3, 0), (5, 1), (5, 2), (8, 3)])
def test_against_the_definition_in_loops(k, seed):
    query, gallery, *_ = sides(seed=seed)
    expected, v = slow_cmrr(query, gallery, k, 0.1)
    assert np.abs(cmrr(query, gallery, k=k) - expected).max() < 1e-9
    assert np.abs(cross_encoding(query, gallery, k=k).toarray() - v).max() < 1e-12


def test_x1_eta_one_keeps_the_plain_ranking():
    query, gallery, *_ = sides(seed=4)
    plain = squared(query, gallery)
    assert np.allclose(cmrr(query, gallery, k=4, eta=1), plain)
    changed = cmrr(query, gallery, k=4, eta=0.1).argsort(1) != plain.argsort(1)
    assert changed.any()


seeds = st.integers(0, 9999)
counts = st.integers(6, 16)


@given(seeds, counts, counts, st.integers(1, 5))
@settings(max_examples=40, deadline=None)
def test_x2_the_other_direction_is_the_transpose(seed, q, g, k):
    query, gallery, *_ = sides(q, g, seed)
    assert np.allclose(cmrr(query, gallery, k=k), cmrr(gallery, query, k=k).T, atol=1e-12)


@given(seeds, st.integers(2, 5))
@settings(max_examples=30, deadline=None)
def test_x3_permuting_the_gallery_permutes_columns(seed, k):
    query, gallery, *_ = sides(seed=seed)
    order = np.random.default_rng(seed).permutation(len(gallery))
    moved = cmrr(query, gallery[order], k=k)
    assert np.allclose(moved, cmrr(query, gallery, k=k)[:, order], atol=1e-12)


@given(seeds, counts, counts, st.integers(1, 5), st.floats(0, 1))
@settings(max_examples=40, deadline=None)
def test_x4_and_x5_rows_sum_to_one_and_results_stay_in_range(seed, q, g, k, eta):
    query, gallery, *_ = sides(q, g, seed)
    rows = cross_encoding(query, gallery, k=k).sum(1)
    assert np.allclose(rows, 1)
    distance = cmrr(query, gallery, k=k, eta=eta)
    assert distance.min() >= -1e-12 and distance.max() <= (1 - eta) + 4 * eta + 1e-12


def test_x6_adding_a_query_may_change_other_rows():
    query, gallery, *_ = sides(15, 11, seed=2)
    fewer = cmrr(query[:14], gallery, k=4)
    assert np.abs(cmrr(query, gallery, k=4)[:14] - fewer).max() > 1e-3
    assert np.allclose(cmrr(query, gallery, k=4, eta=1)[:14], cmrr(query[:14], gallery, eta=1, k=4))


def test_it_helps_where_neighbours_agree():
    query, gallery, of_q, of_g = sides(60, 40, seed=7, d=16, people=8, gap=0.6)
    right = of_q[:, None] == of_g[None]

    def precision(distance):
        order = distance.argsort(1)
        hits = np.take_along_axis(right, order, 1)
        return np.mean([(np.cumsum(h) / np.arange(1, 41))[h].mean() for h in hits])

    assert precision(cmrr(query, gallery, k=5)) > precision(squared(query, gallery)) + 0.02


def test_duplicates_and_identical_sides():
    x = np.eye(6)[np.arange(12) % 6]
    distance = cmrr(x, x, k=1)
    same = np.arange(12)[:, None] % 6 == np.arange(12)[None] % 6
    assert np.isfinite(distance).all()
    assert distance[same].max() < distance[~same].min()


@pytest.mark.parametrize("k", [1, 2, 3])
def test_images_pushed_out_of_their_own_lists_by_copies_stay_finite(k):
    alike = np.ones((6, 3))  # ties by index: the last ones are in nobody's list, not even their own
    distance = cmrr(alike, alike, k=k)
    assert np.allclose(distance, 0)
    assert np.allclose(cross_encoding(alike, alike, k=k).sum(1), 1)


def test_results_live_where_inputs_do():
    query, gallery, *_ = sides(seed=1)
    plain = cmrr(query, gallery, k=4)
    assert plain.dtype == np.float64
    single = cmrr(query.astype(np.float32), gallery.astype(np.float32), k=4)
    assert single.dtype == np.float32 and np.abs(single - plain).max() < 1e-5
    onto_torch = cmrr(torch.tensor(5 * query), torch.tensor(gallery / 3), k=4)
    assert isinstance(onto_torch, torch.Tensor) and onto_torch.dtype == torch.float64
    assert np.allclose(onto_torch, plain)


def test_lists_are_taken_as_arrays():
    query, gallery, *_ = sides(seed=1)
    assert np.array_equal(cmrr(query.tolist(), gallery.tolist(), k=4), cmrr(query, gallery, k=4))
    one, two = (
        cross_encoding(q, g, k=4) for q, g in ((query, gallery), (query.tolist(), gallery.tolist()))
    )
    assert np.array_equal(one.toarray(), two.toarray())


def test_bad_input_is_refused():
    query, gallery, *_ = sides()
    for k in (0, -1, 2.5, 3.0, True, np.True_, "3", None):
        with pytest.raises(ValueError, match=re.escape(f"k={k!r}; give a whole number")):
            cmrr(query, gallery, k=k)
    assert np.array_equal(cmrr(query, gallery, k=np.int8(3)), cmrr(query, gallery, k=3))
    for eta in (-0.1, 1.1, np.nan):
        with pytest.raises(ValueError, match="eta="):
            cmrr(query, gallery, eta=eta)
    with pytest.raises(ValueError, match="6 wide, gallery rows 5"):
        cmrr(query, gallery[:, :5])
    for value, rows in ((np.nan, "row 3"), (0.0, "row 3")):
        broken = gallery.copy()
        broken[3] = value
        with pytest.raises(ValueError, match=f"{rows} .*gallery"):
            cmrr(query, broken)
    with pytest.raises(ValueError, match="query has shape"):
        cmrr(query[:0], gallery)
    with pytest.warns(UserWarning, match=r"k=15 asks for 16 images.*14 queries and 11 gallery"):
        cmrr(query, gallery)
