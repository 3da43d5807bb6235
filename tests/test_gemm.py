"""Large products by oneDNN: the same numbers as @, whatever comes in."""

import numpy as np
import pytest
import torch

from vireid import gemm
from vireid.gemm import times_transposed


@pytest.fixture
def large(monkeypatch):
    monkeypatch.setattr(gemm, "LARGE", 1)


def exact(a, b):
    return a.double() @ b.double().T


@pytest.mark.parametrize("layout", ["rows", "b transposed", "a transposed", "a slice"])
def test_any_layout_gives_float32_accuracy(layout, large):
    a, b = torch.randn(37, 500), torch.randn(23, 500)
    given = {
        "rows": (a, b),
        "b transposed": (a, b.T.contiguous().T),
        "a transposed": (a.T.contiguous().T, b),
        "a slice": (torch.cat([a, a], 1)[:, :500], torch.cat([b, b], 1)[:, :500]),
    }[layout]
    found = times_transposed(*given)
    assert found.shape == (37, 23) and found.dtype == torch.float32
    assert (found - exact(a, b)).abs().max() < 500 * 2**-22, "no half precision inside"


def test_the_operator_is_used_where_torch_has_it(large, monkeypatch):
    calls, operator = [], gemm._onednn()
    if operator is None:
        pytest.skip("this torch has no oneDNN; products are slower then, but right")

    def counting(*arguments):
        calls.append(arguments)
        return operator(*arguments)

    monkeypatch.setattr(gemm, "_onednn", lambda: counting)
    a, b = torch.randn(5, 4), torch.randn(3, 4)
    times_transposed(a, b)
    assert len(calls) == 1
    needs = torch.randn(3, 4, requires_grad=True)
    for other in ((a.double(), b.double()), (a, needs), (a.bfloat16(), b.bfloat16())):
        found = times_transposed(*other)
        assert torch.allclose(found.double(), exact(*other), rtol=0.05, atol=0.05)
    times_transposed(a, needs).sum().backward()
    assert needs.grad is not None and len(calls) == 1, "all others by @"
    monkeypatch.setattr(gemm, "_onednn", lambda: None)
    assert torch.equal(times_transposed(a, b), a @ b.T)


def test_small_products_take_torchs_own(monkeypatch):
    monkeypatch.setattr(gemm, "_onednn", lambda: pytest.fail)
    a = torch.randn(5, 4)
    assert torch.equal(times_transposed(a, a), a @ a.T)


@pytest.mark.parametrize("shapes", [((0, 4), (3, 4)), ((3, 4), (0, 4)), ((3, 0), (2, 0))])
def test_empty_tables(shapes, large):
    a, b = (torch.zeros(shape) for shape in shapes)
    assert np.array_equal(times_transposed(a, b), a @ b.T)
