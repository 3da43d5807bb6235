"""Memories against the spec's numbers, against loops written out, and against broken input."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import normalize

from vireid.arguments import LabelError
from vireid.memory import HybridMemory, Memory

F64 = torch.float64


def rows(*values):
    return torch.tensor(values, dtype=F64)


def unit(n, d, seed):
    generator = torch.Generator().manual_seed(seed)
    return normalize(torch.randn(n, d, generator=generator, dtype=F64))


def loop(prototypes, x, label, momentum):
    """The sequential rule written out."""
    bank = [row.clone() for row in prototypes]
    for f, y, mu in zip(x, label.tolist(), momentum, strict=True):
        mixed = mu * bank[y] + (1 - mu) * f / f.norm()
        bank[y] = mixed / mixed.norm()
    return torch.stack(bank)


@pytest.mark.parametrize(
    ("momentum", "expected"), [(0.2, (0.242536, 0.970143)), (0.8, (0.970143, 0.242536))]
)
def test_numbers_of_one_sample(momentum, expected):  # multimodule 1.8 (2), dmdl T1.2
    memory = Memory(rows((1, 0), (0, 1)), momentum=momentum)
    memory.update(rows((0, 1)), torch.tensor([0]))
    torch.testing.assert_close(memory.prototypes[0], rows(expected)[0], atol=1e-6, rtol=0)
    assert torch.equal(memory.prototypes[1], rows((0, 1))[0])  # untouched: bit-identical


def test_number_of_a_second_sample():  # dmdl T1.2
    memory = Memory(rows((1, 0)), momentum=0.2)
    memory.update(rows((0, 1)), torch.tensor([0]))
    memory.update(rows((1, 0)), torch.tensor([0]))
    torch.testing.assert_close(memory.prototypes, rows((0.974837, 0.222917)), atol=1e-6, rtol=0)


@pytest.mark.parametrize(
    ("batch", "expected"),
    [
        (((0, 1), (1, 0)), (0.994102, 0.108450)),
        (((1, 0), (0, 1)), (0.110432, 0.993884)),
    ],
)
def test_sequential_numbers_depend_on_order(batch, expected):  # bmil L1
    memory = Memory(rows((1, 0)), momentum=0.1)
    memory.update(rows(*batch), torch.tensor([0, 0]))
    torch.testing.assert_close(memory.prototypes, rows(expected), atol=1e-6, rtol=0)


@pytest.mark.parametrize("batch", [((0, 1), (1, 0)), ((1, 0), (0, 1))])
def test_hybrid_numbers(batch):  # bmil L1, in either order
    memory = HybridMemory(rows((1, 0)), momentum=0.1)
    memory.update(rows(*batch), torch.tensor([0, 0]))
    torch.testing.assert_close(memory.mean, rows((0.773957, 0.633238)), atol=1e-6, rtol=0)
    torch.testing.assert_close(memory.hard, rows((0.110432, 0.993884)), atol=1e-6, rtol=0)


def test_hybrid_measures_hardness_on_the_mean_bank_before_its_update():
    memory = HybridMemory(rows((1, 0)), momentum=0.5)
    memory.mean, memory.hard = rows((1, 0)), rows((0, 1))
    memory.update(rows((1, 0), (0.8, 0.6)), torch.tensor([0, 0]))
    # to the hard row (0, 1), the first sample would be the harder one
    torch.testing.assert_close(memory.hard, normalize(rows((0.4, 0.8))))


@settings(max_examples=40, deadline=None)
@given(
    labels=st.lists(st.integers(0, 4), min_size=1, max_size=24),
    momentum=st.floats(0.05, 0.95),
    seed=st.integers(0, 999),
)
def test_sequential_equals_the_loop(labels, momentum, seed):
    start, x, label = unit(6, 3, seed), 3 * unit(len(labels), 3, seed + 1), torch.tensor(labels)
    memory = Memory(start, momentum=momentum)
    before = memory.prototypes.clone()
    memory.update(x, label)
    expected = loop(before, x, label, [momentum] * len(x))
    torch.testing.assert_close(memory.prototypes, expected, atol=1e-12, rtol=0)
    torch.testing.assert_close(memory.prototypes.norm(dim=1), torch.ones(6, dtype=F64))
    untouched = [k for k in range(6) if k not in labels]
    assert torch.equal(memory.prototypes[untouched], before[untouched])  # bmil L4


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 999))
def test_sequential_with_a_momentum_per_sample(seed):
    start, x = unit(3, 4, seed), unit(10, 4, seed + 1)
    generator = torch.Generator().manual_seed(seed)
    label = torch.randint(0, 3, (10,), generator=generator)
    momentum = 0.05 + 0.95 * torch.rand(10, generator=generator, dtype=F64)
    memory = Memory(start, momentum=0.2)
    memory.update(x, label, momentum=momentum)
    torch.testing.assert_close(memory.prototypes, loop(start, x, label, momentum))


@pytest.mark.parametrize("rule", ["mean", "hard"])
def test_once_per_label_rules_equal_the_loop(rule):
    start, x = unit(5, 4, 1), unit(20, 4, 2)
    label = torch.randint(0, 4, (20,), generator=torch.Generator().manual_seed(3))
    memory = Memory(start, momentum=0.3, rule=rule)
    memory.update(x, label)
    for k in range(5):
        mine = [x[i] for i in range(20) if label[i] == k]
        if not mine:
            assert torch.equal(memory.prototypes[k], normalize(start)[k])
            continue
        hardest = min(mine, key=lambda f: float(f @ start[k]))
        new = hardest if rule == "hard" else sum(mine) / len(mine)
        expected = normalize(0.3 * start[k] + 0.7 * new, dim=0)
        torch.testing.assert_close(memory.prototypes[k], expected)


@pytest.mark.parametrize("rule", ["mean", "hard"])
def test_once_per_label_rules_do_not_depend_on_order(rule):
    x, label, order = unit(12, 3, 1), torch.arange(12) % 3, torch.randperm(12)
    one, two = (Memory(unit(3, 3, 2), momentum=0.1, rule=rule) for _ in range(2))
    one.update(x, label)
    two.update(x[order], label[order])
    torch.testing.assert_close(one.prototypes, two.prototypes)


def test_hybrid_equals_its_two_single_banks_at_the_first_update():
    start, x, label = unit(4, 5, 1), unit(16, 5, 2), torch.arange(16) % 4
    hybrid = HybridMemory(start, momentum=0.1)
    hybrid.update(x, label)
    for rule in ("mean", "hard"):
        single = Memory(start, momentum=0.1, rule=rule)
        single.update(x, label)
        torch.testing.assert_close(getattr(hybrid, rule), single.prototypes)


def test_features_are_normalised_and_detached_and_the_start_is_copied():
    start = rows((3, 0))
    memory = Memory(start, momentum=0.2)
    x = rows((0, 7)).requires_grad_()
    memory.update(x, torch.tensor([0]))
    torch.testing.assert_close(memory.prototypes, rows((0.242536, 0.970143)), atol=1e-6, rtol=0)
    assert not memory.prototypes.requires_grad and torch.equal(start, rows((3, 0)))


def test_a_loss_keeps_the_bank_it_was_computed_with():
    memory, x = Memory(rows((1, 0), (0, 1)), momentum=0.1), rows((0.6, 0.8)).requires_grad_()
    loss = (x @ memory.prototypes.T).logsumexp(1).sum()
    before = torch.autograd.grad(loss, x, retain_graph=True)[0]
    memory.update(x, torch.tensor([0]))
    assert torch.equal(torch.autograd.grad(loss, x)[0], before)


def test_momentum_one_and_the_empty_batch_move_nothing():
    memory = Memory(rows((1, 0)), momentum=1.0)
    memory.update(rows((0, 1)), torch.tensor([0]))
    memory.update(torch.empty(0, 2), torch.empty(0, dtype=torch.int64))
    assert torch.equal(memory.prototypes, rows((1, 0)))


def test_numpy_and_half_precision_are_taken():
    memory = Memory(np.eye(2, dtype=np.float32), momentum=0.2)
    memory.update(np.array([[0.0, 1.0]]), np.array([0]))
    memory.update(torch.tensor([[0.0, 1.0]], dtype=torch.float16), torch.tensor([1]))
    assert memory.prototypes.dtype == torch.float32 and len(memory) == 2


@pytest.mark.parametrize("kind", [Memory, HybridMemory])
@pytest.mark.parametrize(
    ("x", "label", "error", "words"),
    [
        (rows((0, float("nan"))), [0], ValueError, "x holds NaN or infinities in 1 of 1"),
        (rows((0, float("inf"))), [0], ValueError, "first in row 0"),
        (rows((0, 1)), [-1], LabelError, "outliers"),
        (rows((0, 1)), [2], LabelError, "reaches 2, but there are 2 prototypes"),
        (rows((0, 1)), [0, 1], ValueError, "label has shape"),
        (rows((0, 1)), [0.0], ValueError, "whole number"),
        (rows((0, 1, 0)), [0], ValueError, r"x has shape \(1, 3\), the memory \(2, 2\)"),
        (rows(0, 1), [0, 1], ValueError, "one row per image"),
    ],
)
def test_bad_batches_are_named_and_write_nothing(kind, x, label, error, words):
    memory = kind(rows((1, 0), (0, 1)), momentum=0.2)
    bank = (lambda: memory.prototypes) if kind is Memory else (lambda: memory.mean)
    with pytest.raises(error, match=words):
        memory.update(x, torch.tensor(label))
    assert torch.equal(bank(), rows((1, 0), (0, 1)))


def test_outliers_are_both_a_value_and_an_index_error():  # the specs' tables ask for either
    memory = Memory(rows((1, 0)), momentum=0.2)
    for kind in (ValueError, IndexError):
        with pytest.raises(kind):
            memory.update(rows((0, 1)), torch.tensor([-1]))


@pytest.mark.parametrize("momentum", [0.0, -0.1, 1.1, float("nan")])
@pytest.mark.parametrize("kind", [Memory, HybridMemory])
def test_momentum_must_be_in_its_range(kind, momentum):
    with pytest.raises(ValueError, match="momentum="):
        kind(rows((1, 0)), momentum=momentum)


def test_a_momentum_per_sample_must_fit():
    memory = Memory(rows((1, 0)), momentum=0.2)
    with pytest.raises(ValueError, match="one each"):
        memory.update(rows((0, 1)), torch.tensor([0]), momentum=torch.tensor([0.2, 0.2]))
    with pytest.raises(ValueError, match="momentum=2"):
        memory.update(rows((0, 1)), torch.tensor([0]), momentum=torch.tensor([2.0]))
    averaging = Memory(rows((1, 0)), momentum=0.2, rule="mean")
    with pytest.raises(ValueError, match="sequential"):
        averaging.update(rows((0, 1)), torch.tensor([0]), momentum=torch.tensor([0.5]))


def test_wrong_rule_and_wrong_prototypes():
    with pytest.raises(ValueError, match="known: sequential, mean, hard"):
        Memory(rows((1, 0)), momentum=0.2, rule="soft")
    with pytest.raises(ValueError, match="prototypes holds NaN"):
        Memory(rows((1, float("nan"))), momentum=0.2)
    with pytest.raises(ValueError, match="1 of 2 rows are zero"):
        HybridMemory(rows((1, 0), (0, 0)), momentum=0.2)


def test_a_zero_feature_warns_and_moves_nothing():
    memory = Memory(rows((1, 0)), momentum=0.2)
    with pytest.warns(UserWarning, match="1 zero rows"):
        memory.update(rows((0, 0)), torch.tensor([0]))
    torch.testing.assert_close(memory.prototypes, rows((1, 0)))


def test_a_cancelling_feature_is_an_error_and_writes_nothing():
    memory = Memory(rows((1, 0), (0, 1)), momentum=0.5)
    with pytest.raises(ValueError, match="label 0 is opposite"):
        memory.update(rows((1, 0), (-1, 0)), torch.tensor([1, 0]))
    assert torch.equal(memory.prototypes, rows((1, 0), (0, 1)))
