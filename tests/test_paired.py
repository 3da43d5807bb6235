"""Methods that pair clusters across the gap: that no setting lies, votes, links, the oracle."""

from dataclasses import fields

import numpy as np
import pytest
import torch
import toy

from vireid import methods
from vireid.association import neighbour_labels, pgm, voted
from vireid.clustering import prototypes
from vireid.losses import cluster_contrast
from vireid.methods.base import Schedule
from vireid.methods.paired import linked
from vireid.training import fit
from vireid.types import Embeddings, Modality

SMALL = {
    "epochs": (1, 2), "iterations": 3, "k1": 6, "k2": 2, "eps": 0.6, "min_samples": 2,
    "identities": 3, "instances": 2, "lr": 1e-3, "recipe": "pgm", "bn_chunks": 1,
    "infrared_identities": None,
}  # fmt: skip
CHANGES = {  # method -> what its own fields are changed to
    "adca": {
        "pairs": "none", "stage2_recipe": "adca", "threshold": 0.99, "kept": 0.9,
    },
    "pgm": {
        "pairs": "none", "stage2_recipe": "adca", "cross": "both",
        "cross_weight": 1.0, "stage2_rule": "mean", "own_last": False,
    },
    "nulc": {
        "pairs": "none", "stage2_recipe": "adca", "cross": "both",
        "cross_weight": 1.0, "stage2_rule": "mean", "own_last": False, "neighbours": 3,
        "balance": 0.2, "strictness": 1.0,
    },
}  # fmt: skip
ELSEWHERE = {  # the toys' modalities have equally many, plain clusters: in tests of their own
    "adca": {"centring"},
    "pgm": {"rounds", "centring"},
    "nulc": {"rounds", "centring"},
}
START = {"adca": {"threshold": -0.5}, "nulc": {"neighbours": 12}}  # for 6 pictures


def run(name: str, **switches):
    method = methods.build(name, **(SMALL | START.get(name, {}) | switches))
    return fit(toy.net(), method, toy.images(), seed=3)


def seen(record) -> list:
    """Losses by epoch, and the result."""
    rows = [{k: v for k, v in row.items() if k.startswith("loss")} for row in record.curves]
    return [*rows, record.result]


@pytest.fixture(scope="module")
def usual():
    return {name: seen(run(name)) for name in CHANGES}


@pytest.mark.parametrize(("name", "field"), [(n, f) for n, own in CHANGES.items() for f in own])
def test_no_setting_lies(usual, name, field):
    changed = seen(run(name, **{field: CHANGES[name][field]}))
    assert changed != usual[name]
    assert (changed[0] == usual[name][0]) == (field in methods.kind(name).stage2_fields)


@pytest.mark.parametrize("name", CHANGES)
def test_own_fields_are_tried_and_all_have_a_source(name):
    cls, dcl = methods.kind(name), methods.kind("dcl")
    known = {f.name for f in fields(cls)}
    own = set(CHANGES[name]) | ELSEWHERE.get(name, set())
    assert known - {f.name for f in fields(dcl)} == own == cls.stage2_fields
    assert set(cls.sources) == (known | {f.name for f in fields(Schedule)}) - {"schedule"}


@pytest.mark.parametrize("name", CHANGES)
def test_centring_reaches_what_finds_partners_and_nothing_else(name, monkeypatch):
    cls, means = methods.kind(name), []
    usual = cls.find_partners

    def spy(self, own):
        means.append([float(side.x.mean(0).norm()) for side, _ in own.values()])
        return usual(self, own)

    monkeypatch.setattr(cls, "find_partners", spy)
    centred, plain = run(name, centring=True), run(name)
    assert max(means[0]) < 0.5 * min(means[2])
    first = [seen(record)[0] for record in (centred, plain)]
    assert first[0] == first[1], "stage 1 knows nothing of it"


@pytest.mark.parametrize("name", CHANGES)
def test_true_pairs_are_an_upper_bound_and_said_to_be(name):
    record = run(name, pairs="oracle")
    assert not record.unsupervised
    assert record.curves[-1]["global/cross_precision"] == 1
    assert run(name).unsupervised


@pytest.mark.parametrize("name", CHANGES)
def test_true_pairs_do_not_depend_on_the_numbers_of_people(name):
    identity = np.array([*[0, 0, 1, 2, -1, -1], *[2, 1, 0, -1, -1, 0]])
    label = np.array([*[0, 0, 1, 2, 3, 3], *[0, 1, 2, 3, 3, -1]])
    found = []
    for number in (np.arange(3), np.array([5, 10**6, 10**15])):
        person = np.where(identity < 0, -1, number[identity])
        table = Embeddings(torch.eye(12), np.repeat([0, 1], 6), np.ones(12, int), person)
        own = {m: (table.of(m), label[table.modality == m]) for m in Modality}
        found.append(methods.build(name, pairs="oracle").find_partners(own))
    for pairs in found:
        assert [side.tolist() for side in pairs] == [[2, 1, 0, -1], [2, 1, 0, -1]]


@pytest.mark.parametrize("name", CHANGES)
def test_each_may_pair_as_the_others_do(name):
    """Who is paired is the pairing's, whichever method asks; how it learns stays its own."""
    rng = np.random.default_rng(0)
    centre = rng.normal(size=(2, 6, 8)).astype("float32")
    centre[1, :3] = centre[0, :3]  # three of six clusters have a partner that looks alike
    x = [np.repeat(c, 4, 0) + 0.05 * rng.normal(size=(24, 8)).astype("float32") for c in centre]
    x = [torch.nn.functional.normalize(torch.as_tensor(side)).float() for side in x]
    label = np.arange(6).repeat(4)
    sides = [
        Embeddings(v, torch.full((24,), m), torch.zeros(24, dtype=torch.int64))
        for m, v in enumerate(x)
    ]
    own = dict(zip(Modality, [(side, label) for side in sides], strict=True))
    by_votes = voted(*(v.numpy() for v in x), label, label, threshold=0.5)
    centroids = [prototypes(v, torch.as_tensor(label)).numpy() for v in x]
    assert (by_votes[0][:3] == range(3)).all() and (by_votes[0] < 0).any()
    wanted = {"voted": by_votes, "pgm": pgm(*centroids)}
    for pairs in ("voted", "pgm"):
        method = methods.build(name, **(SMALL | {"pairs": pairs}))
        found = method.find_partners(own)
        assert all((a == b).all() for a, b in zip(found, wanted[pairs], strict=True))
        assert (found[0] >= 0).all() == (pairs == "pgm"), "matching leaves nobody single"
        record = run(name, pairs=pairs)
        assert record.steps == 9 and record.config["pairs"] == pairs


def test_votes_are_counted_by_loops():
    rng = np.random.default_rng(0)
    x, z = rng.normal(size=(30, 5)), rng.normal(size=(24, 5))
    y, w = rng.integers(-1, 4, 30), rng.integers(-1, 3, 24)
    cosine = (x / np.linalg.norm(x, axis=1)[:, None]) @ (z / np.linalg.norm(z, axis=1)[:, None]).T
    of = {(i, j): cosine[np.ix_(y == i, w == j)] for i in range(4) for j in range(3)}
    votes = {pair: ((block >= 0.3).sum(), block.max()) for pair, block in of.items()}
    v2r, r2v = voted(x, z, y, w, threshold=0.3)
    expected, taken = np.full(4, -1), set()
    for i, j in sorted(votes, key=votes.get, reverse=True):
        if votes[i, j][0] and expected[i] < 0 and j not in taken:
            expected[i] = j
            taken.add(j)
    assert v2r.tolist() == expected.tolist()
    assert [r2v[j] for j in taken] == [int(np.flatnonzero(v2r == j)[0]) for j in taken]


def test_votes_below_the_threshold_and_of_outliers_are_none():
    x = torch.eye(3)
    assert voted(x, x, [0, 1, 2], [0, 1, 2])[0].tolist() == [0, 1, 2]
    assert voted(x, x, [0, 1, -1], [1, -1, 0])[0].tolist() == [1, -1]
    assert voted(x, -x, [0, 1, 2], [0, 1, 2])[0].tolist() == [-1, -1, -1]
    with pytest.raises(ValueError, match="threshold=2"):
        voted(x, x, [0, 1, 2], [0, 1, 2], threshold=2)


def test_neighbour_labels_are_counted_by_loops():
    rng = np.random.default_rng(1)
    index, label = rng.integers(0, 20, (9, 5)), rng.integers(-1, 4, 20)
    index[0] = np.flatnonzero(label < 0)[0]  # all its neighbours are one outlier
    found = neighbour_labels(torch.as_tensor(index), label, clusters=4).numpy()
    for row, near in zip(found, index, strict=True):
        inside = np.array([(label[near] == k).sum() for k in range(4)])
        share = inside / (5 - inside + np.array([(label == k).sum() for k in range(4)]))
        np.testing.assert_allclose(row, share / max(share.sum(), 1e-30), rtol=1e-5)
    assert not found[0].any()
    with pytest.raises(ValueError, match="clusters=2"):
        neighbour_labels(torch.as_tensor(index), label, clusters=2)
    with pytest.raises(ValueError, match="index holds 0 to 20"):
        neighbour_labels(torch.tensor([[0, 20]]), label, clusters=4)


def test_weights_of_a_contrast():
    x, bank, y = torch.randn(3, 4), torch.eye(4), torch.tensor([0, 1, 3])
    each = torch.stack(
        [cluster_contrast(x[i : i + 1], y[i : i + 1], bank, temperature=0.5) for i in range(3)]
    )
    weight = torch.tensor([0.5, 0.0, 2.0])
    found = cluster_contrast(x, y, bank, temperature=0.5, weight=weight)
    torch.testing.assert_close(found, (weight * each).mean())
    with pytest.raises(ValueError, match="weight has shape"):
        cluster_contrast(x, y, bank, temperature=0.5, weight=weight[:2])


def test_links_make_one_number():
    v, r = linked(np.array([0, 0, -1]), np.array([1, -1]))
    assert v[0] == v[1] == r[0]
    assert len({v[0], v[2], r[1]}) == 3
    assert sorted({*v, *r}) == [0, 1, 2]
