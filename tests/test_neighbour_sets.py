"""VRNL: regional neighbour sets, the camera filter and the neighbour loss; specification §5.4."""

import numpy as np
import pytest
import torch
from torch.nn.functional import normalize

from vireid.association.neighbour_sets import (
    camera_filter,
    intersect,
    local_clusters,
    neighbour_sets,
    pairs,
    regional_similarity,
)
from vireid.losses.neighbour import neighbour, vrnl_terms

ROWS = torch.tensor([[[1, 0.95, 0.92, 0.5]], [[1, 0.85, 0.93, 0.99]]])  # (2 regions, 1 query, 4)


def lists(sets):
    return [s.tolist() for s in sets]


def features(n, seed=0, dim=12):
    return torch.randn(n, dim, generator=torch.Generator().manual_seed(seed)) + 0.7


def test_intersection_numbers():
    assert lists(intersect(ROWS[:1])) == [[0, 1, 2]]
    assert lists(intersect(ROWS[1:])) == [[0, 2, 3]]
    assert lists(intersect(ROWS)) == [[0, 2]]
    assert lists(intersect(ROWS, min_regions=1)) == [[0, 1, 2, 3]]


def test_dials_only_ever_shrink():
    s = regional_similarity(features(20), features(30, 1), regions=3)
    for options in ({"rho": r} for r in (0.2, 0.5, 0.9)):
        for fewer, more in ((1, 2), (2, 3)):
            wide, narrow = (intersect(s, min_regions=k, **options) for k in (fewer, more))
            assert all(set(b) <= set(a) for a, b in zip(lists(wide), lists(narrow), strict=True))
    for low, high in ((0.2, 0.5), (0.5, 0.9), (0.9, 1.0)):
        wide, narrow = (intersect(s, rho=r) for r in (low, high))
        assert all(set(b) <= set(a) for a, b in zip(lists(wide), lists(narrow), strict=True))
    assert any(lists(intersect(s, rho=0.2)))
    assert not any(lists(intersect(s, rho=1.0)))  # the inequality is strict
    assert lists(intersect(s.abs() + 1e-3, rho=1e-6)) == [list(range(30))] * 20
    assert lists(intersect(-s.abs() - 1e-3)) == [[]] * 20  # a negative maximum has no neighbours


def test_sets_are_the_definition_in_any_chunk():
    query, target = features(17), features(23, 1)
    u, t = normalize(query), normalize(target)
    expected = []
    for i in range(17):
        keep = set(range(23))
        for n in range(3):
            s = t[:, 4 * n : 4 * n + 4] @ u[i, 4 * n : 4 * n + 4]
            keep &= set((s > 0.6 * s.max()).nonzero().flatten().tolist())
        expected.append(sorted(keep))
    assert any(expected)
    for chunk in (1, 5, 100):
        assert lists(neighbour_sets(query, target, regions=3, rho=0.6, chunk=chunk)) == expected


def test_regions_add_up_and_scale_does_not_matter():
    query, target = features(6), features(9, 1)
    s = regional_similarity(query, target, regions=4)
    torch.testing.assert_close(s.sum(0), normalize(query) @ normalize(target).T)
    scaled = query.clone()
    scaled[2] *= 7.5
    assert lists(neighbour_sets(scaled, target, regions=4, rho=0.5)) == lists(
        neighbour_sets(query, target, regions=4, rho=0.5)
    )
    own = neighbour_sets(query, query, regions=4)
    assert all(i in s for i, s in enumerate(lists(own)) if s) and any(lists(own))
    sliced = query.clone()
    sliced[:, :3] *= 2.0  # a louder slice of every query: rows of s scale, sets do not move
    assert lists(neighbour_sets(sliced, target, regions=4, rho=0.5)) == lists(
        neighbour_sets(query, target, regions=4, rho=0.5)
    )


def test_bad_dials_and_features():
    x = features(4)
    for rho in (0.0, -0.5, 1.1):
        with pytest.raises(ValueError, match="rho"):
            neighbour_sets(x, x, regions=3, rho=rho)
    for k in (0, 4):
        with pytest.raises(ValueError, match="min_regions"):
            neighbour_sets(x, x, regions=3, min_regions=k)
    with pytest.raises(ValueError, match="regions=5 does not divide"):
        neighbour_sets(x, x, regions=5)
    with pytest.raises(ValueError, match="width"):
        neighbour_sets(x, x[:, :6], regions=3)
    broken = x.clone()
    broken[1, 2] = float("nan")
    with pytest.raises(ValueError, match="NaN"):
        neighbour_sets(broken, x, regions=3)
    zero = x.clone()
    zero[1] = 0
    with pytest.warns(UserWarning, match="1 rows of query are all zero"):
        found = neighbour_sets(zero, x, regions=3)
    assert len(found[1]) == 0
    assert lists(neighbour_sets(x, x[:0], regions=3)) == [[]] * 4
    assert neighbour_sets(x[:0], x, regions=3) == []


# ---- camera filter: query of camera A = 0 in local cluster 1; targets a, b, d, e, and b again ----

CAMERA, LOCAL = [0, 0, 0, 1, 0], [1, 2, -1, 5, 2]


def test_camera_filter_numbers():
    assert lists(camera_filter([[0, 1, 2, 3]], [0], CAMERA, [1], LOCAL)) == [[0, 2, 3]]
    twice = camera_filter([[0, 1, 4, 2, 3]], [0], CAMERA, [1], LOCAL)  # two bad ones in a row
    assert lists(twice) == [[0, 2, 3]]
    assert lists(camera_filter(twice, [0], CAMERA, [1], LOCAL)) == [[0, 2, 3]]
    unlabelled = camera_filter([[0, 1, 2, 3]], [0], CAMERA, [-1], LOCAL)
    assert lists(unlabelled) == [[0, 1, 2, 3]]
    no_local = camera_filter([[0, 1], []], [3, 3], [3, 3], [-1, -1], [-1, -1])
    assert lists(no_local) == [[0, 1], []]
    other = camera_filter([[0, 1, 2, 3]], [0], CAMERA, [1], LOCAL, same_modality=False)
    assert lists(other) == [[0, 1, 2, 3]]


def test_camera_filter_is_the_rule_written_out():
    rng = np.random.default_rng(0)
    n, m = 30, 40
    sets = [np.flatnonzero(rng.random(m) < 0.3) for _ in range(n)]
    cq, ct = rng.integers(0, 3, n), rng.integers(0, 3, m)
    lq, lt = rng.integers(-1, 3, n), rng.integers(-1, 3, m)
    kept = lists(camera_filter(sets, cq, ct, lq, lt))
    for i in range(n):
        expected = [
            j for j in sets[i] if lq[i] < 0 or ct[j] != cq[i] or lt[j] == lq[i] or lt[j] < 0
        ]
        assert kept[i] == expected
    assert sum(map(len, kept)) < sum(map(len, sets))


def test_camera_filter_bad_lengths():
    with pytest.raises(ValueError, match="camera_query"):
        camera_filter([[0]], [0, 1], CAMERA, [1, 1], LOCAL)
    with pytest.raises(ValueError, match="camera_target"):
        camera_filter([[0]], [0], CAMERA, [1], LOCAL[:2])


def test_local_clusters_are_found_per_camera():
    generator = torch.Generator().manual_seed(0)
    centres = torch.randn(6, 16, generator=generator)
    person = torch.arange(6).repeat(8)
    x = centres[person] + 0.05 * torch.randn(48, 16, generator=generator)
    camera = torch.tensor([1, 7]).repeat_interleave(24)
    label = local_clusters(x, camera, k1=4, k2=2, min_samples=3)
    for c in (1, 7):
        own = camera == c
        found = {(p, y) for p, y in zip(person[own].tolist(), label[own].tolist(), strict=True)}
        assert len(found) == 6 and {y for _, y in found} == set(range(6))
    assert (local_clusters(x, torch.ones(48)) == -1).all()  # one camera: nothing to tell apart
    none = local_clusters(x, camera, eps=1e-6, k1=4, k2=2, min_samples=5)
    assert (none == -1).all()


def test_pairs():
    row, column = pairs([torch.tensor([3, 1]), [], np.array([2])])
    assert row.tolist() == [0, 0, 2] and column.tolist() == [3, 1, 2]
    assert [len(v) for v in pairs([])] == [0, 0]


# ---- the loss ----

E2 = torch.eye(2)


def test_loss_numbers():
    one = [neighbour(E2[:1], E2, [[j]], temperature=1.0) for j in (0, 1)]
    assert one[0] == pytest.approx(0.31326, abs=1e-5)
    assert one[1] == pytest.approx(1.31326, abs=1e-5)
    both = neighbour(E2[:1], E2, [[0, 1]], temperature=1.0)
    assert both == pytest.approx(0.81326, abs=1e-5)
    assert neighbour(E2[:1], E2, [[1, 0]], temperature=1.0) == both
    assert neighbour(3 * E2[:1], E2, [[0, 1]], temperature=1.0) == pytest.approx(float(both))


def test_loss_takes_numpy():
    x = E2.numpy()
    assert neighbour(x[:1], x, [np.array([0, 1])], temperature=1.0) == pytest.approx(
        0.81326, abs=1e-5
    )


def test_loss_is_the_written_sum():
    x, bank = features(5).double(), normalize(features(9, 1).double())
    sets = [[0, 3], [], [8], [1, 2, 4], []]
    total, count = 0.0, 0
    for q, s in zip(normalize(x), sets, strict=True):
        for j in s:
            total += float((bank @ q / 0.05).logsumexp(0) - bank[j] @ q / 0.05)
            count += 1
    assert neighbour(x, bank, sets, temperature=0.05) == pytest.approx(total / count)
    by_query = neighbour(x, bank, sets, temperature=0.05, reduction="query")
    assert by_query == pytest.approx(total / 5)


def test_gradients_reach_queries_only():
    x, bank = features(2).requires_grad_(), normalize(features(4, 1)).requires_grad_()
    neighbour(x, bank, [[0], []], temperature=0.1).backward()
    assert bank.grad is None
    assert x.grad[0].abs().max() > 0 and x.grad[1].abs().max() == 0
    x.grad = None
    nothing = neighbour(x, bank, [[], []], temperature=0.1)
    nothing.backward()
    assert nothing == 0 and x.grad.abs().max() == 0


def test_loss_bad_input():
    with pytest.raises(ValueError, match="neighbour_sets"):
        neighbour(E2, E2, [[0]], temperature=1.0)
    for temperature in (0.0, -1.0):
        with pytest.raises(ValueError, match="temperature"):
            neighbour(E2[:1], E2, [[0]], temperature=temperature)
    with pytest.raises(ValueError, match="pair, query"):
        neighbour(E2[:1], E2, [[0]], temperature=1.0, reduction="mean")
    for outside in (-1, 2):
        with pytest.raises(IndexError, match="bank of 2"):
            neighbour(E2[:1], E2, [[outside]], temperature=1.0)
    for given, kind in (([False, False, True], "bool"), ([1.9], "float32")):
        with pytest.raises(ValueError, match=f"a set of neighbours is torch.{kind}; .*nonzero"):
            neighbour(torch.eye(3)[:1], torch.eye(3), [torch.tensor(given)], temperature=1)


def test_a_camera_filter_counts_rows_from_0():
    ones = torch.zeros(1, dtype=torch.int64)
    for outside in (-1, 1):
        with pytest.raises(IndexError):
            camera_filter([[outside]], ones, ones, ones, ones)


def test_regions_that_hold_nan_have_no_sets():
    with pytest.raises(ValueError, match=r"similarity holds NaN .* 1 of 4 rows, first in row 2"):
        intersect(torch.tensor([[[1.0], [1.0]], [[float("nan")], [1.0]]]))


def test_which_terms_an_epoch_has():
    assert [vrnl_terms(e) for e in (0, 1, 2)] == [
        ("vv", "rr", "vr"), ("vv", "rr", "rv"), ("vv", "rr", "vr")
    ]  # fmt: skip
    assert vrnl_terms(5, combine="sum") == ("vv", "rr", "vr", "rv")
    with pytest.raises(ValueError, match="alternate, sum"):
        vrnl_terms(0, combine="both")
    with pytest.raises(ValueError, match="epoch=-1; epochs count from 0"):
        vrnl_terms(-1)
