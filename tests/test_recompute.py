"""Blocks computed again in the backward pass: less kept, the same gradients, statistics once."""

import pytest
import torch

from vireid import models
from vireid.models.cost import activation_bytes, cost_table

SIZE = (64, 32)


def both(**options):
    """The same AGW twice, the second computing its blocks again; non-local blocks at work."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        plain = models.build("agw", **options)
        for block in plain.non_local.values():
            torch.nn.init.normal_(block.out[1].weight, std=0.1)
    again = models.build("agw", recompute=True, **options)
    again.load_state_dict(plain.state_dict())
    return plain, again


def step(model):
    """Loss of two steps on six pictures, and the gradients of the second."""
    x = torch.randn(6, 3, *SIZE, generator=torch.Generator().manual_seed(0))
    modality, losses = torch.tensor([0, 1, 1, 0, 0, 1]), []
    for _ in range(2):
        model.zero_grad()
        out = model.train()(x, modality).x
        losses.append((out * torch.linspace(-1, 1, out.shape[1])).mean())
        losses[-1].backward()
    return torch.stack(losses).detach(), {n: p.grad for n, p in model.named_parameters()}


@pytest.mark.parametrize("options", [{}, {"stem": "shared", "non_local": False}])
def test_gradients_are_the_same_and_running_statistics_move_once(options):
    plain, again = both(**options)
    (a, grads), (b, found) = step(plain), step(again)
    assert torch.allclose(a, b, atol=1e-6)
    for name, grad in grads.items():
        if grad is None:
            assert found[name] is None
            continue
        assert (grad - found[name]).abs().max() <= 1e-5 * max(1, grad.abs().max()), name
    for name, buffer in plain.named_buffers():
        assert torch.allclose(buffer, again.get_buffer(name), atol=1e-6), name
    assert int(again.get_buffer("layer1.0.bn1.num_batches_tracked")) == 2
    assert {m.momentum for m in again.modules() if hasattr(m, "momentum")} == {0.1}


def test_dmdls_batch_of_512_fits_24_gigabytes():
    plain, again = both(stem="shared")
    size = (288, 144)
    kept, less = (activation_bytes(m, size) for m in (plain, again))
    assert 512 * kept > 45e9
    own = 16 * sum(p.numel() for p in again.parameters())  # weights, gradients, Adam's two
    assert 512 * less + own < 20e9
    assert again.recompute, "the network itself is left as it was"


def test_bytes_are_those_that_autograd_keeps():
    layer = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(96, 5), torch.nn.Sigmoid())

    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = layer

        def forward(self, pictures, modality):
            return self.layer(pictures)

    assert activation_bytes(Net(), (8, 4), batch=2) == 5 * 4  # the answers of the sigmoid


def test_the_table_tells_both():
    table = cost_table(("agw", "small"), seconds=None).set_index("network")
    assert table["step"]["agw"] > 2.5 * table["recompute"]["agw"] > 0
    assert table["step"]["small"] > 0 and table["recompute"].isna()["small"]
