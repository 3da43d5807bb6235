"""DBSCAN against the textbook and scikit-learn, sparse against dense; prototypes."""

import numpy as np
import pytest
import reference_jaccard as reference
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import coo_array, csr_array
from sklearn.cluster import DBSCAN

from vireid.clustering import NoClustersError, centroids, consecutive, dbscan, prototypes
from vireid.jaccard import jaccard_distance
from vireid.neighbours import nearest
from vireid.types import PseudoLabels


def distances(seed, n, levels=None):
    """Symmetric distances in [0, 1] with zero diagonal; few ``levels`` make many ties with eps."""
    rng = np.random.default_rng(seed)
    d = rng.random((n, n)) ** 0.5 if levels is None else rng.integers(0, levels, (n, n)) / levels
    d = np.minimum(d, d.T)
    np.fill_diagonal(d, 0)
    return d


def graph_of(d, *, diagonal=True):
    keep = (d < 1) & (diagonal | ~np.eye(len(d), dtype=bool))
    row, column = keep.nonzero()
    return csr_array((d[row, column], (row, column)), shape=d.shape)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    n=st.integers(1, 40),
    eps=st.sampled_from([0.1, 0.25, 0.5, 0.9]),
    min_samples=st.integers(1, 6),
    levels=st.sampled_from([None, 4, 20]),
)
def test_labels_equal_the_textbook_and_scikit_learn_sparse_or_dense(
    seed, n, eps, min_samples, levels
):
    d = distances(seed, n, levels)
    expected = reference.dbscan(d, eps, min_samples)
    assert (dbscan(d, eps=eps, min_samples=min_samples) == expected).all()
    for diagonal in (True, False):
        graph = graph_of(d, diagonal=diagonal)
        assert (dbscan(graph, eps=eps, min_samples=min_samples) == expected).all()
    peer = DBSCAN(eps=eps, min_samples=min_samples, metric="precomputed").fit_predict(d)
    assert (peer == expected).all()


def test_a_border_image_joins_the_first_of_the_clusters_that_reach_it():
    d = np.ones((9, 9))
    for group in ([0, 1, 2, 3], [5, 6, 7, 8]):
        d[np.ix_(group, group)] = 0.1
    d[4, [3, 5]] = d[[3, 5], 4] = 0.5
    np.fill_diagonal(d, 0)
    assert dbscan(d, eps=0.5, min_samples=4).tolist() == [0, 0, 0, 0, 0, 1, 1, 1, 1]


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_a_distance_equal_to_eps_is_near_in_either_precision(kind):
    d = np.array([[0, 0.6], [0.6, 0]], dtype=kind)
    assert dbscan(d, eps=0.6, min_samples=2).tolist() == [0, 0]
    assert dbscan(csr_array(d), eps=0.6, min_samples=2).tolist() == [0, 0]


def test_t1_6_two_groups_and_a_loner():
    angle = np.deg2rad([0, 1, 2, 3, 90, 91, 92, 93, 180])
    d = jaccard_distance(np.stack([np.cos(angle), np.sin(angle)], 1), k1=4, k2=1)
    assert dbscan(d, eps=0.6).tolist() == [0, 0, 0, 0, 1, 1, 1, 1, -1]
    assert dbscan(d, eps=0.6, min_samples=5).tolist() == [-1] * 9


def test_labels_live_where_the_distance_does():
    d = distances(0, 12)
    labels = dbscan(torch.as_tensor(d), eps=0.5)
    assert torch.is_tensor(labels) and labels.dtype == torch.int64
    assert labels.tolist() == dbscan(d, eps=0.5).tolist()
    assert dbscan(coo_array(graph_of(d)), eps=0.5).tolist() == labels.tolist()


def test_wrong_arguments_are_explained():
    d = distances(1, 8)
    graph = graph_of(d)
    for call, message in (
        ({"eps": 0}, "eps=0"),
        ({"eps": -1}, "eps=-1"),
        ({"eps": 0.5, "min_samples": 0}, "min_samples=0"),
        ({"eps": 0.5, "min_samples": 2.5}, "min_samples=2.5"),
    ):
        with pytest.raises(ValueError, match=message):
            dbscan(d, **call)
    with pytest.raises(ValueError, match="eps must be below 1"):
        dbscan(graph, eps=1)
    with pytest.raises(ValueError, match=r"shape \(3, 8\)"):
        dbscan(d[:3], eps=0.5)
    for value in (np.nan, np.inf, -np.inf):
        d[2, 5] = value
        for broken in (d, csr_array(d), torch.as_tensor(d)):
            with pytest.raises(ValueError, match=r"row 2 \(1 in all\) of distance hold NaN or inf"):
                dbscan(broken, eps=0.5)


def test_a_graph_cut_at_a_smaller_radius_is_refused():
    x = np.random.default_rng(0).normal(size=(60, 4))
    graph = jaccard_distance(x, k1=8, k2=3, eps=0.3)
    assert (dbscan(graph, eps=0.3) == dbscan(jaccard_distance(x, k1=8, k2=3), eps=0.3)).all()
    with pytest.raises(ValueError, match=r"eps=0.6, but this graph was cut at eps=0.3"):
        dbscan(graph, eps=0.6)


@pytest.mark.parametrize("eps", [0.6, 0.2, 1 / 3])
def test_a_dense_copy_of_a_graph_has_its_labels_in_either_precision(eps):
    """The binary rule has many distances of exactly 1 - 2/5; float32 keeps 0.6 as 0.60000002."""
    for seed in range(20):
        x = np.random.default_rng(seed).normal(size=(40, 5))
        graph = jaccard_distance(x, k1=6, k2=1, rule="binary")
        dense = np.ones(graph.shape)
        dense[graph.tocoo().row, graph.tocoo().col] = graph.data
        assert (dbscan(dense, eps=eps) == dbscan(graph, eps=eps)).all()


@pytest.mark.parametrize("wrong", [None, "a", float("nan"), float("inf"), 0, 2.5, True])
def test_counts_that_are_none_are_named(wrong):
    x = np.random.default_rng(0).normal(size=(9, 4))
    with pytest.raises(ValueError, match=f"min_samples={wrong}; give a whole number"):
        dbscan(np.ones((3, 3)), eps=0.5, min_samples=wrong)
    for name in ("k1", "k2"):
        with pytest.raises(ValueError, match=f"{name}={wrong}; give a whole number of images"):
            jaccard_distance(x, **{name: wrong})
    with pytest.raises(ValueError, match=f"k={wrong}; give a whole number of neighbours"):
        nearest(x, wrong)
    assert (nearest(x, 4.0)[0] == nearest(x, 4)[0]).all()


def test_no_radius_is_named():
    with pytest.raises(ValueError, match="eps=None; give a radius"):
        dbscan(np.ones((3, 3)), eps=None)


def test_prototypes_are_unit_means_of_members():
    x = np.array([[1.0, 0], [0, 1], [0.6, 0.8], [3, 0], [9, 9]])
    found = prototypes(x, np.array([0, 0, 1, 1, -1]))
    half = np.sqrt(0.5)
    mean = np.array([3.6, 0.8]) / np.linalg.norm([3.6, 0.8])
    assert np.allclose(found, [[half, half], mean]) and found.dtype == np.float64
    tensor = prototypes(torch.as_tensor(x, dtype=torch.float32), PseudoLabels([0, 0, 1, 1, -1]))
    assert torch.is_tensor(tensor) and tensor.dtype == torch.float32
    assert np.allclose(tensor, found, atol=1e-6)


def test_prototypes_of_nothing_and_of_nonsense():
    x = np.random.default_rng(0).normal(size=(6, 3))
    with pytest.raises(NoClustersError, match="all 6 images are outliers; raise eps or"):
        prototypes(x, np.full(6, -1))
    with pytest.raises(ValueError, match="labels reach 2 and skip 1;"):
        prototypes(x, np.array([0, 0, 2, 2, -1, -1]))
    with pytest.raises(ValueError, match="labels holds -7; labels count from 0, outliers are -1"):
        prototypes(x, np.array([0, 0, 1, 1, -1, -7]))
    for labels in ([0, 0.5, 1, 1, -1, -1], [0, 0, 1, 1, np.nan, -1]):
        with pytest.raises(ValueError, match=r"labels holds .* give whole numbers"):
            prototypes(x, np.array(labels))
    with pytest.raises(ValueError, match=r"x is \(6, 3\) and labels \(5,\)"):
        prototypes(x, np.zeros(5, dtype=int))
    x[1] = -x[0]
    with pytest.raises(ValueError, match=r"row 0 \(1 in all\) of the prototypes are zero"):
        prototypes(x, np.array([0, 0, -1, -1, -1, -1]))
    x[3, 1] = np.nan
    assert prototypes(x, np.array([-1, -1, 0, -1, 0, 0])).shape == (1, 3)
    with pytest.raises(ValueError, match="hold NaN"):
        prototypes(x, np.array([-1, -1, 0, 0, 0, 0]))


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16])
def test_prototypes_of_half_precision_are_summed_in_single(kind):
    """3000 rows of 30 sum to 90,000, 4096 columns of 1200 have length 76,800: more than 65,504."""
    x = torch.tensor([[30.0, 40, 0, 0]] * 3000 + [[0, 0, 5, 12]] * 2).to(kind)
    label = np.repeat([0, 1], [3000, 2])
    expected = torch.tensor([[0.6, 0.8, 0, 0], [0, 0, 5 / 13, 12 / 13]])
    assert prototypes(x, label).dtype == kind
    assert torch.equal(prototypes(x, label), expected.to(kind))
    assert torch.equal(centroids(x, torch.as_tensor(label)), x[[0, -1]])
    wide = prototypes(torch.full((2, 4096), 1200.0).to(kind), np.zeros(2, dtype=int))
    assert torch.equal(wide, torch.full((1, 4096), 1 / 64).to(kind))
    if kind == torch.float16:
        assert prototypes(x.numpy(), label).dtype == np.float16


@pytest.mark.parametrize("large", [1e38, 1e20])
def test_prototypes_beyond_single_precision_are_refused(large):
    """A sum over 3.4e38, and a mean whose square is over it; in double precision both are fine."""
    x = np.full((9, 3), large)
    unit = np.full((1, 3), 1 / np.sqrt(3))
    assert np.allclose(prototypes(x, np.zeros(9, dtype=int)), unit)
    labels = np.repeat([0, 1], [1, 8])
    x[0] = 1
    with pytest.raises(ValueError, match=r"row 1 \(1 in all\) of the prototypes are too large for"):
        prototypes(x.astype(np.float32), labels)


def test_labels_that_are_there_are_renumbered():
    assert consecutive(np.array([4, -1, 9, 4])).tolist() == [0, -1, 1, 0]
    assert consecutive(np.array([-7, 3])).tolist() == [-1, 0], "nobody is nobody, however written"
