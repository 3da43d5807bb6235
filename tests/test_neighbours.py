"""Nearest neighbours against a full sort, with ties, groups, kinds of arrays and bad input."""

import warnings

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from vireid.neighbours import (
    BACKENDS,
    ApproximateSearch,
    Features,
    Similarities,
    nearest,
    tiles,
)

EXACT = [b for b in BACKENDS if b != "faiss-ivf"]


def features(seed=0, n=100, d=16, dtype=np.float32):
    return np.random.default_rng(seed).normal(size=(n, d)).astype(dtype)


def full_sort(x, k, among=None):
    x = np.asarray(x, dtype=np.float64)
    x = x / np.linalg.norm(x, axis=1, keepdims=True)
    s = x @ x.T
    if among is not None:
        s[:, ~among] = -np.inf
    index = np.argsort(-s, axis=1, kind="stable")[:, :k]
    return index, np.take_along_axis(s, index, 1)


@pytest.mark.parametrize("backend", EXACT)
@pytest.mark.parametrize(("n", "d", "k"), [(100, 16, 10), (333, 40, 30), (50, 3, 50), (1, 4, 1)])
def test_equals_a_full_sort(backend, n, d, k):
    x = features(n, n, d)
    index, similarity = nearest(x, k, backend=backend)
    expected, values = full_sort(x, k)
    assert index.shape == similarity.shape == (n, k) and index.dtype == np.int64
    assert (index == expected).all() and np.abs(similarity - values).max() < 1e-6
    assert (index[:, 0] == np.arange(n)).all() and (np.diff(similarity) <= 1e-7).all()


@pytest.mark.parametrize("backend", EXACT)
def test_ties_fall_by_index_and_oneself_comes_first(backend):
    x = np.repeat(features(1, 40), 3, axis=0)[np.random.default_rng(0).permutation(120)]
    index, _ = nearest(x, 3, backend=backend)
    for i, row in enumerate(index.tolist()):
        copies = np.flatnonzero((x == x[i]).all(1)).tolist()
        assert row == [i] + [j for j in copies if j != i]
    everyone_equal, _ = nearest(np.ones((70, 5), np.float32), 4, backend=backend)
    assert (everyone_equal[:, 0] == np.arange(70)).all()
    assert all(len(set(row)) == 4 for row in everyone_equal.tolist())


def test_copies_have_equal_similarities_and_pairs_are_symmetric():
    x = features(2, 300, 129)
    x[200:] = x[:100]
    index, similarity = nearest(x, 300)
    s = np.empty((300, 300), dtype=np.float32)
    np.put_along_axis(s, index, similarity, 1)
    assert (s == s.T).all() and (s[:, 200:] == s[:, :100]).all()


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 9999), n=st.integers(2, 60), k=st.integers(1, 12))
def test_permuting_rows_permutes_lists(seed, n, k):
    x, k = features(seed, n, 6, np.float64), min(k, n)
    order = np.random.default_rng(seed).permutation(n)
    index, similarity = nearest(x, k)
    again, values = nearest(x[order], k)
    assert (order[again] == index[order]).all() and np.allclose(
        values, similarity[order], atol=1e-12
    )


def test_the_approximate_search_reports_its_recall():
    x = features(10, 1500, 24)
    with pytest.warns(
        ApproximateSearch, match=r"approximate: it found \d+\.\d% of the 20 true"
    ) as w:
        index, _ = nearest(x, 20, backend="faiss-ivf")
    hits = (index[:, :, None] == nearest(x, 20)[0][:, None]).any(1).mean()
    said = float(str(w[0].message).split("found ")[1].split("%")[0]) / 100
    assert 0.2 < hits < 1 and said == pytest.approx(hits, abs=0.05)
    assert (index[:, 0] == np.arange(1500)).all() and (index >= 0).all()


@pytest.mark.parametrize("kind", ["mask", "rows", "table"])
def test_among_chooses_from_whom(kind):
    x = features(3)
    mask = np.random.default_rng(0).random(100) < 0.4
    expected, values = full_sort(x, 5, mask)
    rows = np.flatnonzero(mask)
    among = {"mask": mask, "rows": rows[::-1].copy(), "table": x[mask]}[kind]
    index, similarity = nearest(x, 5, among=among)
    assert ((rows[index] if kind == "table" else index) == expected).all()
    assert np.abs(similarity - values).max() < 1e-6


@pytest.mark.parametrize("source", ["torch", "tiles", "bfloat16", "similarity"])
def test_own_and_other_group(source):
    x, group = features(4, 90, 8), np.random.default_rng(1).integers(0, 3, 90)
    x = x.astype(np.float64 if source == "similarity" else np.float32)
    unit = x / np.linalg.norm(x.astype(np.float64), axis=1, keepdims=True)
    s = unit @ unit.T
    given = Similarities(s) if source == "similarity" else Features(x, backend=source)
    found = given.own_other(40, 7, group)
    for (index, value), k, allowed in zip(
        found, (40, 7), (group[:, None] == group, group[:, None] != group), strict=True
    ):
        assert index.shape == value.shape == (90, k)
        expected = np.argsort(np.where(allowed, -s, np.inf), axis=1, kind="stable")[:, :k]
        there = np.arange(k) < allowed.sum(1)[:, None]
        assert (np.where(there, expected, -1) == index.numpy()).all()
        assert np.isneginf(value.numpy()[~there]).all()
        assert np.allclose(
            value.numpy()[there], np.take_along_axis(s, expected, 1)[there], atol=1e-6
        )


@pytest.mark.parametrize(
    "x",
    [features(5), features(5, dtype=np.float16), features(5, dtype=np.float64),
     torch.as_tensor(features(5)), torch.as_tensor(features(5)).bfloat16(),
     torch.as_tensor(features(5)).requires_grad_()],
)  # fmt: skip
def test_results_are_like_the_input(x):
    index, similarity = nearest(x, 4)
    assert (
        type(index)
        is type(similarity)
        is (np.ndarray if isinstance(x, np.ndarray) else torch.Tensor)
    )
    assert str(index.dtype).endswith("int64")
    assert str(similarity.dtype).endswith("float64" if "float64" in str(x.dtype) else "float32")
    expected, _ = full_sort(np.asarray(x.detach().double() if torch.is_tensor(x) else x), 4)
    assert (np.asarray(index) == expected).all()


def test_read_only_and_reversed_arrays():
    x = features(18)
    frozen = x.copy()
    frozen.flags.writeable = False
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert (nearest(frozen, 3)[0] == nearest(x, 3)[0]).all()
        assert (99 - nearest(x[::-1], 3)[0][::-1] == nearest(x, 3)[0]).all()


def test_plain_inner_products():
    x = features(6, dtype=np.float64) * np.linspace(0.1, 3, 100)[:, None]
    index, similarity = nearest(x, 5, normalise=False)
    assert (index == np.argsort(-(x @ x.T), axis=1)[:, :5]).all()
    assert np.allclose(similarity, np.take_along_axis(x @ x.T, index, 1))


def test_more_than_there_are_is_clamped_with_a_warning():
    x = features(7, 6)
    with pytest.warns(UserWarning, match="k=30 but only 6 images to choose from: using 6"):
        assert nearest(x, 30)[0].shape == (6, 6)
    with pytest.warns(UserWarning, match="k=5 but only 2 images"):
        assert nearest(x, 5, among=[1, 4])[0].tolist()[1][0] == 1


@pytest.mark.parametrize("backend", EXACT)
def test_bad_rows_are_named(backend):
    for value, message in ((np.nan, "hold NaN"), (np.inf, "hold NaN, infinity"), (0, "are zero")):
        x = features(8)
        x[[3, 41, 60, 61, 62, 63]] = value
        with pytest.raises(
            ValueError, match=rf"rows 3, 41, 60, 61, 62, \.\.\. \(6 in all\) of x {message}"
        ):
            nearest(x, 4, backend=backend)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ({"k": 0}, "k=0; give a whole number"),
        ({"k": 2.5}, "k=2.5"),
        ({"x": np.ones(3)}, r"x has shape \(3,\)"),
        ({"x": np.ones((0, 3))}, r"x has shape \(0, 3\)"),
        ({"backend": "gpu"}, "backend='gpu'; known: auto, torch"),
        ({"among": []}, "among is empty"),
        ({"among": np.zeros(100, dtype=bool)}, "among is empty"),
        ({"among": np.ones(99, dtype=bool)}, r"among has shape \(99,\); a mask needs \(100,\)"),
        ({"among": [3, 100]}, "row numbers of x, 0 to 99"),
        ({"among": [0.5]}, "row numbers of x"),
        ({"among": np.ones((4, 3))}, "among has 3 columns but x 16"),
        ({"among": np.full((4, 16), np.nan)}, "of among hold NaN"),
    ],
)
def test_wrong_arguments_are_explained(call, message):
    call = {"x": features(9), "k": 3, **call}
    with pytest.raises(ValueError, match=message):
        nearest(call.pop("x"), call.pop("k"), **call)


# --- tiles


@pytest.fixture
def small_tiles(monkeypatch):
    """Tiles of 64, so that a few hundred rows make many of them."""
    monkeypatch.setattr(tiles, "TILE", 64)


@pytest.mark.parametrize("backend", ["tiles", "bfloat16"])
@pytest.mark.parametrize("threads", [1, 3])
def test_many_tiles_equal_the_plain_search_to_the_last_bit_of_order(small_tiles, backend, threads):
    x = features(11, 500, 40)
    x[400:450] = x[:50]
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        index, similarity = nearest(x, 12, backend=backend)
    finally:
        torch.set_num_threads(before)
    expected, values = nearest(x, 12, backend="torch")
    assert (index == expected).all() and np.abs(similarity - values).max() < 1e-6


@pytest.mark.parametrize("backend", ["tiles", "bfloat16"])
@pytest.mark.parametrize("groups", [1, 2, 7, 300])
def test_groups_across_tiles(small_tiles, backend, groups):
    x, group = features(12, 300, 24), np.random.default_rng(2).integers(0, groups, 300)
    found = Features(x, backend=backend).own_other(9, 14, group)
    expected = Features(x, backend="torch").own_other(9, 14, group)
    for (index, value), (index_, value_) in zip(found, expected, strict=True):
        assert (index == index_).all()
        assert torch.equal(value.isinf(), value_.isinf())
        assert (value - value_).nan_to_num().abs().max() < 1e-6


@pytest.mark.parametrize("backend", ["tiles", "bfloat16"])
@pytest.mark.parametrize("rank", ["inner", "euclidean"])
def test_rows_of_any_length(small_tiles, backend, rank):
    x = features(13, 250, 20) * np.linspace(0.2, 2, 250, dtype=np.float32)[:, None]
    found = Features(x, normalise=False, rank=rank, backend=backend).nearest(10)[0].numpy()
    wide = x.astype(np.float64)
    score = wide @ wide.T - (0 if rank == "inner" else (wide**2).sum(1) / 2)
    assert (found == np.argsort(-score, axis=1)[:, :10]).mean() > 0.999


@pytest.mark.parametrize(("crowded", "too_many"), [(0, 0.25), (60, 0.25), (400, 1), (400, 0.25)])
def test_rounded_candidates_are_certified_or_searched_again(
    small_tiles, monkeypatch, crowded, too_many
):
    """Near copies of one row cannot be told apart in bfloat16: their lists are not certified."""
    rows, searches = [], []
    again, search = tiles._again, tiles.search
    monkeypatch.setattr(tiles, "_again", lambda *a: rows.append(len(a[1])) or again(*a))
    monkeypatch.setattr(tiles, "search", lambda *a, **b: searches.append(b) or search(*a, **b))
    monkeypatch.setattr(tiles, "TOO_MANY", too_many)
    x = features(14, 500, 64)
    x[:crowded] = x[0] + 0.05 * x[:crowded]
    index, _ = nearest(x, 4, backend="bfloat16")
    assert (index == nearest(x, 4, backend="torch")[0]).mean() > 0.998
    assert len(searches) == (2 if crowded / 500 > too_many else 1)
    redone = crowded if crowded / 500 <= too_many else 0
    assert redone <= sum(rows) <= 1.2 * redone


def test_a_wrong_candidate_list_would_be_noticed(small_tiles, monkeypatch):
    """The certificate vouches for nothing when the margin is honest and candidates are missing."""
    x = features(16, 200, 32)
    table = tiles.Table.rounded(torch.as_tensor(x), np.zeros(200, dtype=int), np.zeros(200, "f4"))
    exact = x.astype(np.float64) @ x.T.astype(np.float64)
    rough = (table.row @ table.row.T).double().numpy() + table.bias
    error = np.abs(exact - table.shift[:, None] - rough)
    allowed = table.margin[:, None] + table.coarse * (np.abs(rough) + np.abs(table.bias).max())
    assert (error <= allowed).all() and (error > 0.02 * allowed).any()


@pytest.mark.parametrize("backend", ["tiles", "bfloat16"])
def test_compiled_backends_refuse_what_they_cannot_do(backend):
    with pytest.raises(ValueError, match=r"needs float32 on the CPU, not torch\.float64"):
        nearest(features(17, dtype=np.float64), 3, backend=backend)


def test_loops_compile_where_nothing_can_be_written(monkeypatch):
    from vireid import compiled as loops

    def no_cache(cache=False, **options):
        if cache:
            raise RuntimeError("cannot cache function: no locator available")
        return lambda function: function

    monkeypatch.setattr(loops, "njit", no_cache)
    assert loops.compiled(lambda x: x + 1)(2) == 3
    assert loops.compiled(fastmath=True)(lambda x: x + 1)(2) == 3


# ---- Ties beyond any number of copies


def in_order(x, k):
    """Lists by exact inner product, oneself first, ties by index: only for whole numbers in x."""
    s = np.asarray(x, dtype=np.float64) @ np.asarray(x, dtype=np.float64).T
    np.fill_diagonal(s, np.inf)
    return np.argsort(-s, axis=1, kind="stable")[:, :k]


@pytest.mark.parametrize("backend", EXACT)
@pytest.mark.parametrize("n", [40, 700, 6000])
def test_copies_of_one_row_fall_by_index(backend, n):
    index, similarity = nearest(np.ones((n, 8), np.float32), 10, backend=backend)
    assert (index == in_order(np.ones((n, 8)), 10)).all()
    assert np.allclose(similarity, 1)


@pytest.mark.parametrize("backend", EXACT)
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 9999), kinds=st.integers(1, 6), k=st.integers(1, 40))
def test_many_copies_of_few_rows_fall_by_index(backend, seed, kinds, k):
    rng = np.random.default_rng(seed)
    corners = np.eye(8, dtype=np.float32)[:kinds]  # unit rows whose products are exact
    x = corners[rng.integers(0, kinds, 150)]
    index, _ = nearest(x, k, backend=backend)
    assert (index == in_order(x, k)).all()


@pytest.mark.parametrize("backend", ["torch", "tiles", "bfloat16"])
@pytest.mark.parametrize("self_first", [True, False])
def test_copies_within_and_without_a_group(backend, self_first):
    rng = np.random.default_rng(3)
    x, group = np.eye(6, dtype=np.float32)[rng.integers(0, 3, 300)], rng.integers(0, 2, 300)
    source = Features(x, normalise=False, rank="euclidean" if self_first else "inner")
    source.backend = backend
    for found, allowed in zip(
        source.own_other(25, 25, group),
        (group[:, None] == group, group[:, None] != group),
        strict=True,
    ):
        s = np.where(allowed, x @ x.T, -np.inf)
        if self_first:
            np.fill_diagonal(s, np.where(np.diag(allowed), np.inf, -np.inf))
        assert (found[0].numpy() == np.argsort(-s, axis=1, kind="stable")[:, :25]).all()


def test_two_thousand_equal_rows_cluster_alike(monkeypatch):
    """Whatever finds the neighbours and whatever spreads them."""
    from vireid.clustering import dbscan
    from vireid.jaccard import jaccard_distance

    x, labels = np.ones((2100, 4), np.float32), []
    for way in ("torch", "tiles", "bfloat16"):
        monkeypatch.setattr(Features, "_way", lambda self, way=way: way)
        for backend in ("plain", "compiled"):
            distance = jaccard_distance(x, k1=20, k2=6, backend=backend)
            labels.append(dbscan(distance, eps=0.6).tolist())
    assert all(label == labels[0] for label in labels)
