"""Contrastive and metric losses against the spec's numbers, written-out loops and broken input."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import cross_entropy, normalize

from vireid.arguments import LabelError
from vireid.losses import batch_hard_triplet, cluster_contrast, hinged_contrast, multi_positive
from vireid.memory import HybridMemory

F64 = torch.float64
AXES = torch.eye(2, dtype=F64)


def rows(*values):
    return torch.tensor(values, dtype=F64)


def normal(n, d, seed):
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=F64)


def unit(n, d, seed):
    return normalize(normal(n, d, seed))


def first_coordinates(*cosines):
    """Unit rows whose product with (1, 0) is the given cosine."""
    return rows(*[(c, math.sqrt(1 - c * c)) for c in cosines])


# cluster_contrast


@pytest.mark.parametrize(
    ("x", "y", "tau", "expected", "atol"),
    [
        ((0.6, 0.8), 1, 0.5, 0.513015, 1e-6),  # dmdl T1.1
        ((0.6, 0.8), 0, 0.5, 0.913015, 1e-6),
        ((1.0, 0.0), 0, 1.0, 0.31326, 5e-6),  # multimodule 1.8 (3)
        ((1.0, 0.0), 1, 1.0, 1.31326, 5e-6),
        ((1.0, 0.0), 0, 0.05, 2.06e-9, 5e-12),
        ((1.0, 0.0), 1, 0.05, 20.0, 1e-6),
    ],
)
def test_contrast_numbers(x, y, tau, expected, atol):
    loss = cluster_contrast(rows(x), torch.tensor([y]), AXES, temperature=tau)
    assert float(loss) == pytest.approx(expected, abs=atol)


@settings(max_examples=25, deadline=None)
@given(n=st.integers(1, 6), k=st.integers(2, 5), seed=st.integers(0, 999))
def test_contrast_equals_the_loop(n, k, seed):
    x, prototypes = 3 * normal(n, 4, seed), unit(k, 4, seed + 1)
    target = torch.arange(n) % k
    expected = 0.0
    for i in range(n):
        f = x[i] / x[i].norm()
        logits = [float(f @ p) / 0.1 for p in prototypes]
        expected -= logits[target[i]] - math.log(sum(map(math.exp, logits)))
    loss = cluster_contrast(x, target, prototypes, temperature=0.1)
    assert float(loss) == pytest.approx(expected / n, abs=1e-9)


def test_soft_targets_average_hard_ones():
    x, prototypes = unit(3, 4, 0), unit(2, 4, 1)
    share = torch.tensor([0.3, 1.0, 0.5])
    soft = cluster_contrast(x, torch.stack([share, 1 - share], 1), prototypes, temperature=0.1)
    expected = sum(
        float(w) * float(cluster_contrast(x[[i]], torch.tensor([y]), prototypes, temperature=0.1))
        for i in range(3)
        for y, w in enumerate((share[i], 1 - share[i]))
    )
    assert float(soft) == pytest.approx(expected / 3, abs=1e-6)


def test_contrast_does_not_depend_on_feature_scale_or_cluster_order():
    x, prototypes, target = normal(5, 4, 0), unit(3, 4, 1), torch.tensor([0, 1, 2, 1, 0])
    loss = cluster_contrast(x, target, prototypes, temperature=0.05)
    order = torch.tensor([2, 0, 1])  # new row k is the old row order[k]
    for other in (
        cluster_contrast(7 * x, target, prototypes, temperature=0.05),
        cluster_contrast(x, order.argsort()[target], prototypes[order], temperature=0.05),
    ):
        torch.testing.assert_close(other, loss)


def test_gradients_reach_features_and_never_the_memory():
    x, prototypes = normal(4, 3, 0).requires_grad_(), unit(2, 3, 1).requires_grad_()
    cluster_contrast(x, torch.tensor([0, 1, 0, 1]), prototypes, temperature=0.1).backward()
    assert prototypes.grad is None and x.grad.abs().sum() > 0
    assert torch.autograd.gradcheck(
        lambda z: cluster_contrast(z, torch.tensor([0, 1, 0, 1]), prototypes, temperature=0.5), x
    )


def test_one_cluster_is_worth_nothing_and_says_so():
    x = rows((0.6, 0.8)).requires_grad_()
    with pytest.warns(UserWarning, match="one cluster only"):
        loss = cluster_contrast(x, torch.tensor([0]), AXES[:1], temperature=0.05)
    loss.backward()
    assert float(loss.detach()) == 0 and not x.grad.any()


def test_numpy_in_tensor_out():
    loss = cluster_contrast(
        np.array([[0.6, 0.8]]), np.array([1]), np.eye(2, dtype=np.float32), temperature=0.5
    )
    assert float(loss) == pytest.approx(0.513015, abs=1e-6)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"target": torch.tensor([0, -1])}, "1 of 2 are outliers"),
        ({"target": torch.tensor([0, 2])}, "reaches 2, but there are 2 prototypes"),
        ({"target": torch.tensor([0])}, "target has shape"),
        ({"target": torch.tensor([False, True])}, "type torch.bool .* whole number"),
        ({"target": torch.tensor([0.0, 1.0])}, "whole number"),
        ({"target": torch.tensor([[0.5, 0.4], [1, 0]])}, "sum to 1"),
        ({"target": torch.tensor([[1.5, -0.5], [1, 0]])}, ">= 0"),
        ({"target": torch.ones(2, 3) / 3}, r"shape \(2, 3\), expected \(2, 2\)"),
        ({"x": rows((1, 0), (float("nan"), 0))}, "x holds NaN .* first in row 1"),
        ({"x": rows((1, 0, 0), (0, 1, 0))}, r"x has shape \(2, 3\), prototypes \(2, 2\)"),
        ({"x": torch.empty(0, 2)}, "0 rows"),
        ({"prototypes": rows((1, 0), (float("inf"), 0))}, "prototypes holds NaN"),
        ({"temperature": 0}, "temperature=0"),
        ({"temperature": -0.05}, "temperature=-0.05"),
        ({"temperature": float("nan")}, "temperature=nan"),
    ],
)
def test_contrast_bad_input(change, words):
    good = {"x": AXES, "target": torch.tensor([0, 1]), "prototypes": AXES, "temperature": 0.05}
    with pytest.raises(ValueError, match=words):
        cluster_contrast(**good | change)


def test_a_zero_feature_warns():
    with pytest.warns(UserWarning, match="zero rows"):
        loss = cluster_contrast(rows((0, 0)), torch.tensor([0]), AXES, temperature=0.05)
    assert float(loss) == pytest.approx(math.log(2))


# hinged_contrast


def test_hinged_is_half_the_hard_loss_when_the_mean_bank_is_satisfied():  # bmil L5
    x, target = rows((1, 0)), torch.tensor([0])
    mean, hard = AXES, unit(2, 2, 3)
    assert float(cluster_contrast(x, target, mean, temperature=0.05)) <= 0.2
    loss = hinged_contrast(x, target, mean, hard, temperature=0.05)
    half = 0.5 * cluster_contrast(x, target, hard, temperature=0.05)
    torch.testing.assert_close(loss, half)


def test_hinged_takes_no_gradient_from_a_satisfied_mean_bank():  # bmil L5
    target, hard = torch.tensor([0]), unit(2, 2, 3)
    gradient = []
    for mean in (AXES, first_coordinates(0.99, 0.1)):
        x = rows((1, 0.05)).requires_grad_()
        hinged_contrast(x, target, mean, hard, temperature=0.05).backward()
        gradient.append(x.grad)
    torch.testing.assert_close(*gradient)


def test_hinged_acts_on_the_batch_mean():
    x, target, hard = unit(6, 3, 0), torch.arange(6) % 3, unit(3, 3, 1)
    mean = unit(3, 3, 2)
    ce = {
        name: float(cross_entropy(x @ bank.T / 0.1, target))
        for name, bank in (("mean", mean), ("hard", hard))
    }
    loss = hinged_contrast(x, target, mean, hard, temperature=0.1, hinge=0.4)
    assert float(loss) == pytest.approx((ce["hard"] + max(0, ce["mean"] - 0.4)) / 2)
    with pytest.raises(ValueError, match="hinge=-1"):
        hinged_contrast(x, target, mean, hard, temperature=0.1, hinge=-1)


def test_a_forward_pass_changes_no_memory():  # bmil L4
    memory, x = HybridMemory(unit(3, 4, 0), momentum=0.1), unit(6, 4, 1).requires_grad_()
    mean, hard = memory.mean.clone(), memory.hard.clone()
    hinged_contrast(x, torch.arange(6) % 3, memory.mean, memory.hard, temperature=0.05).backward()
    assert torch.equal(memory.mean, mean) and torch.equal(memory.hard, hard)


# multi_positive


def test_multi_positive_numbers():  # bmil L2
    both, other = torch.tensor([0, 0, 1]), torch.tensor([0])
    loss = multi_positive(rows((1, 0)), other, rows((1, 0), (1, 0), (0, 1)), both, temperature=1)
    assert float(loss) == pytest.approx(0.861995, abs=1e-6)
    proxies = first_coordinates(0.8, 0.6, 0.5)
    loss = multi_positive(rows((1, 0)), other, proxies, both, temperature=0.05)
    assert float(loss) == pytest.approx(2.020581, abs=1e-6)
    alone = cluster_contrast(rows((1, 0)), other, proxies, temperature=0.05)
    assert float(alone) == pytest.approx(0.020581, abs=1e-6)


def test_one_positive_and_all_negatives_is_cross_entropy():  # bmil L3
    x, proxies, target = unit(5, 3, 0), unit(7, 3, 1), torch.tensor([0, 6, 3, 3, 1])
    ours = multi_positive(x, target, proxies, torch.arange(7), temperature=0.05)
    torch.testing.assert_close(ours, cluster_contrast(x, target, proxies, temperature=0.05))


@settings(max_examples=25, deadline=None)
@given(keep=st.integers(2, 9), seed=st.integers(0, 999))
def test_multi_positive_equals_the_loop(keep, seed):
    x, proxies = unit(4, 3, seed), unit(8, 3, seed + 1)
    cluster = torch.tensor([0, 0, 1, 2, 2, 3, 4, 4])
    target = torch.randint(0, 5, (4,), generator=torch.Generator().manual_seed(seed))
    expected = 0.0
    for f, z in zip(x, target, strict=True):
        a = (proxies @ f / 0.1).tolist()
        mine = [p for p in range(8) if cluster[p] == z]
        others = sorted((p for p in range(8) if cluster[p] != z), key=lambda p: -a[p])
        chosen = mine + others[: keep - len(mine)]
        total = math.log(sum(math.exp(a[j]) for j in chosen))
        expected -= sum(a[p] - total for p in mine) / len(mine) / 4
    loss = multi_positive(x, target, proxies, cluster, temperature=0.1, keep=keep)
    assert float(loss) == pytest.approx(expected, abs=1e-9)
    floor = np.mean([math.log((cluster == z).sum()) for z in target])
    assert float(loss) >= floor - 1e-9  # bmil L3


def test_two_proxies_each_have_the_floor_of_ln_2():
    x, proxies = rows((1, 0, 0)), torch.eye(3, dtype=F64)[[0, 0, 1]]
    cluster, target = torch.tensor([0, 0, 1]), torch.tensor([0])
    loss = multi_positive(x, target, proxies, cluster, temperature=0.05)
    assert float(loss) == pytest.approx(math.log(2), abs=1e-6)


def test_a_proxy_outside_the_kept_ones_changes_nothing():  # bmil L3
    x, target = rows((1, 0)), torch.tensor([0])
    proxies, cluster = first_coordinates(0.9, 0.8, 0.7, 0.6), torch.tensor([0, 0, 1, 2])
    far = (torch.cat([proxies, first_coordinates(0.5)]), torch.tensor([0, 0, 1, 2, 3]))
    near = (torch.cat([proxies, first_coordinates(0.65)]), torch.tensor([0, 0, 1, 2, 3]))
    base, outside, inside = (
        float(multi_positive(x, target, p, c, temperature=0.05, keep=4))
        for p, c in ((proxies, cluster), far, near)
    )
    assert outside == base != inside


def test_fewer_proxies_than_kept_is_fine_and_the_selection_has_no_gradient():
    x = unit(3, 4, 0).requires_grad_()
    proxies, cluster = unit(6, 4, 1), torch.tensor([0, 0, 1, 1, 2, 2])
    small = multi_positive(x, torch.tensor([0, 1, 2]), proxies, cluster, temperature=0.1)
    all_six = multi_positive(x, torch.tensor([0, 1, 2]), proxies, cluster, temperature=0.1, keep=6)
    assert torch.equal(small, all_six)
    assert torch.autograd.gradcheck(
        lambda z: multi_positive(
            z, torch.tensor([0, 1, 2]), proxies, cluster, temperature=0.5, keep=4
        ),
        x,
    )


def test_one_proxy_is_worth_nothing_and_says_so():
    x = rows((0.6, 0.8)).requires_grad_()
    one = torch.tensor([0])
    with pytest.warns(UserWarning, match="one proxy only"):
        loss = multi_positive(x, one, AXES[:1], one, temperature=0.05)
    loss.backward()
    assert float(loss.detach()) == 0 and not x.grad.any()
    with pytest.warns(UserWarning, match="keep=1 leaves one proxy only"):
        loss = multi_positive(x, one, AXES, torch.tensor([0, 1]), temperature=0.05, keep=1)
    assert float(loss.detach()) == 0


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"target_cluster": torch.tensor([-1])}, "outliers"),
        ({"target_cluster": torch.tensor([5])}, r"clusters \[5\] have no proxy"),
        ({"proxy_cluster": torch.tensor([0])}, "proxy_cluster has shape"),
        ({"proxy_cluster": torch.tensor([0, -1])}, "proxy_cluster: 1 of 2 are outliers"),
        ({"keep": 0}, "keep=0"),
        ({"keep": 2.5}, "keep=2.5; give a whole number"),
        ({"proxy_cluster": torch.tensor([0, 0]), "keep": 1}, "keep=1 is less than the 2"),
        ({"temperature": 0}, "temperature=0"),
        ({"x": rows((float("nan"), 0))}, "x holds NaN"),
    ],
)
def test_multi_positive_bad_input(change, words):
    good = {
        "x": rows((1, 0)),
        "target_cluster": torch.tensor([0]),
        "proxies": AXES,
        "proxy_cluster": torch.tensor([0, 1]),
        "temperature": 0.05,
    }
    with pytest.raises(ValueError, match=words):
        multi_positive(**good | change)


# batch_hard_triplet


def test_triplet_number():  # dmdl T1.3
    x, label = rows((0,), (1,), (3,), (5,)), torch.tensor([0, 0, 1, 1])
    assert float(batch_hard_triplet(x, label)) == pytest.approx(0.075, abs=1e-6)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 999), margin=st.floats(0, 2))
def test_triplet_equals_the_loop(seed, margin):
    x, label = normal(7, 3, seed), torch.tensor([0, 0, 0, 1, 1, 2, 2])
    expected = 0.0
    for i in range(7):
        d = [max(float((x[i] - x[j]).norm()), 1e-6) for j in range(7)]
        mate = max(d[j] for j in range(7) if label[j] == label[i])
        stranger = min(d[j] for j in range(7) if label[j] != label[i])
        expected += max(0.0, margin + mate - stranger) / 7
    assert float(batch_hard_triplet(x, label, margin=margin)) == pytest.approx(expected, abs=1e-6)


def test_triplet_is_zero_when_strangers_are_far_and_knows_no_position():  # dmdl T1.3
    x, label = rows((0, 0), (0.1, 0), (5, 5), (5, 5.2)), torch.tensor([0, 0, 1, 1])
    assert float(batch_hard_triplet(x, label)) == 0
    x, turn = normal(8, 2, 0), rows((0.6, -0.8), (0.8, 0.6))
    label = torch.arange(8) % 2
    loss = batch_hard_triplet(x, label)
    torch.testing.assert_close(batch_hard_triplet(x @ turn.T + 9, label), loss)
    assert abs(float(batch_hard_triplet(3 * x, label) - loss)) > 0.1


def test_triplet_keeps_its_digits_far_from_the_origin():
    x, label = normal(8, 4, 0).float(), torch.arange(8) % 2
    moved = batch_hard_triplet(x + 100, label)
    torch.testing.assert_close(moved, batch_hard_triplet(x, label), atol=1e-4, rtol=0)


def test_triplet_of_coinciding_points_has_a_finite_gradient():
    x = torch.ones(4, 3, dtype=F64).requires_grad_()
    loss = batch_hard_triplet(x, torch.tensor([0, 0, 1, 1]))
    loss.backward()
    assert float(loss.detach()) == pytest.approx(0.3) and x.grad.isfinite().all()


def test_triplet_of_one_identity_is_zero_with_a_warning():
    x = normal(3, 2, 0).requires_grad_()
    with pytest.warns(UserWarning, match="one identity"):
        loss = batch_hard_triplet(x, torch.tensor([4, 4, 4]))
    loss.backward()
    assert float(loss.detach()) == 0 and not x.grad.any()


@pytest.mark.parametrize(
    ("x", "label", "margin", "words"),
    [
        (rows((0,), (float("nan"),)), [0, 1], 0.3, "x holds NaN"),
        (rows((0,), (1,)), [0, -1], 0.3, "outliers"),
        (rows((0,), (1,)), [0], 0.3, "label has shape"),
        (rows((0,), (1,)), [0, 1], -1, "margin=-1"),
        (rows((0,), (1,)), [0, 1], float("nan"), "margin=nan"),
        (torch.empty(0, 2), [], 0.3, "0 rows"),
    ],
)
def test_triplet_bad_input(x, label, margin, words):
    with pytest.raises(ValueError, match=words):
        batch_hard_triplet(x, torch.tensor(label), margin=margin)


def test_label_errors_are_index_errors_too():
    with pytest.raises(IndexError):
        cluster_contrast(AXES, torch.tensor([0, -1]), AXES, temperature=0.05)
    assert issubclass(LabelError, ValueError)
