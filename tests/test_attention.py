"""PA-CBAM and its identity-consistency term: every number of the specification, §2.5."""

import pytest
import torch
from torch import nn

from vireid.losses.attention import identity_consistency
from vireid.losses.diversity import token_diversity
from vireid.models.attention import (
    PACBAM,
    MultiScaleSpatialAttention,
    PartChannelAttention,
    attention_maps,
)


def same(a, b, tolerance=1e-5):
    torch.testing.assert_close(torch.as_tensor(a), torch.as_tensor(b), atol=tolerance, rtol=0)


def maps(b=3, c=8, h=6, w=4, seed=0):
    return torch.rand(b, c, h, w, generator=torch.Generator().manual_seed(seed))


def test_zero_weights_halve_twice():
    x, gate = maps(), PACBAM(8, parts=3, reduction=4)
    for p in gate.parameters():
        nn.init.zeros_(p)
    out = gate(x)
    same(out.channel, torch.full((3, 8), 0.5), 0)
    same(out.spatial, torch.full((3, 1, 6, 4), 0.5), 0)
    same(out.x, 0.25 * x, 1e-7)
    gate.residual = True
    same(gate(x).x, 1.25 * x, 1e-7)


def test_worked_example():
    x = torch.tensor([[1.0, 3.0], [2.0, 4.0]]).reshape(1, 2, 2, 1)
    gate = PartChannelAttention(2, parts=2, reduction=2)
    with torch.no_grad():
        gate.mlp[0].weight.fill_(0.1)
        gate.mlp[2].weight.copy_(torch.tensor([[1.0], [-1.0]]))
    average, maximum = gate.descriptors(x)
    same(average, [[1.0, 2.0, 3.0, 4.0]], 0)
    same(maximum, [[1.0, 2.0, 3.0, 4.0]], 0)
    weight = gate(x)
    same(weight, [[0.88080, 0.11920]])
    weighed = x * weight[:, :, None, None]
    same(weighed.flatten(), [0.88080, 2.64239, 0.23841, 0.47681])
    seen = MultiScaleSpatialAttention.summary(weighed)
    same(seen[0, :, :, 0], [[0.55960, 1.55960], [0.88080, 2.64239]])


def test_one_part_is_cbam():
    x, gate = maps(), PartChannelAttention(8, parts=1, reduction=2)
    w0, w1 = gate.mlp[0].weight, gate.mlp[2].weight
    cbam = torch.sigmoid(
        (x.mean((2, 3)) @ w0.T).relu() @ w1.T + (x.amax((2, 3)) @ w0.T).relu() @ w1.T
    )
    same(gate(x), cbam, 1e-6)


def test_parts_see_where_things_are():
    x = maps()
    flipped = x.flip(2)
    one, three = (PartChannelAttention(8, parts=k, reduction=2) for k in (1, 3))
    same(one(x), one(flipped), 1e-6)
    assert (three(x) - three(flipped)).abs().max() > 1e-3
    constant = torch.arange(24.0).reshape(1, 8, 3).repeat_interleave(2, 2).unsqueeze(3)
    average, maximum = three.descriptors(constant)
    same(average, maximum, 0)
    same(average[0, :8], constant[0, :, 0, 0], 0)  # part-major: all channels of part 0 first


def test_uneven_parts_follow_adaptive_pooling():
    x = maps(h=5)
    average, _ = PartChannelAttention(8, parts=2, reduction=2).descriptors(x)
    same(average[:, :8], x[:, :, 0:3].mean((2, 3)), 1e-6)  # rows 0 to ceil(5/2) - 1
    same(average[:, 8:], x[:, :, 2:5].mean((2, 3)), 1e-6)


def test_gates_only_dim_and_learn():
    x, gate = maps().requires_grad_(), PACBAM(8, parts=2, reduction=2)
    for p in gate.parameters():
        nn.init.normal_(p, generator=torch.Generator().manual_seed(1))
    out = gate(x)
    assert (out.x >= 0).all() and (out.x <= x).all()
    out.x.sum().backward()
    assert all(p.grad.abs().max() > 0 for p in gate.parameters())
    assert len(list(gate.parameters())) == 6  # two matrices, four convolutions


def test_sizes_of_the_papers_map():
    with torch.device("meta"):
        gate = PACBAM(768, parts=4, reduction=16)
    assert sum(p.numel() for p in gate.channel.parameters()) == 184_320
    assert sum(p.numel() for p in gate.spatial.parameters()) == 121
    out = gate(torch.empty(2, 768, 24, 8, device="meta"))
    assert out.x.shape == (2, 768, 24, 8)
    assert out.channel.shape == (2, 768) and out.spatial.shape == (2, 1, 24, 8)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"parts": 0}, "parts=0"),
        ({"reduction": 16}, "reduction=16"),
        ({"reduction": 3}, "reduction=3"),
    ],
)
def test_bad_options(options, named):
    with pytest.raises(ValueError, match=named):
        PACBAM(8, **({"reduction": 4} | options))


def test_bad_maps():
    gate = PACBAM(8, parts=4, reduction=4)
    with pytest.raises(ValueError, match="3 rows"):
        gate(maps(h=3))
    with pytest.raises(ValueError, match="feature map"):
        gate(torch.zeros(3, 8))
    with pytest.raises(ValueError, match="PA-CBAM"):
        attention_maps(nn.Linear(2, 2), torch.zeros(1, 2), torch.zeros(1))


# ---- identity consistency ----

FOUR, PAIRS = torch.tensor([[0.2], [0.4], [0.6], [0.8]]), torch.tensor([0, 0, 1, 1])


def test_identity_consistency_numbers():
    same(identity_consistency(FOUR, PAIRS), 0.05882)
    same(identity_consistency(FOUR, PAIRS, mode="difference"), -0.15)
    same(identity_consistency(FOUR.numpy(), PAIRS.numpy()), 0.05882)
    order = [2, 0, 3, 1]
    same(identity_consistency(FOUR[order], PAIRS[order]), identity_consistency(FOUR, PAIRS), 1e-7)
    alike = torch.tensor([[0.3, 0.1], [0.3, 0.1], [0.6, 0.9]])
    same(identity_consistency(alike, torch.tensor([7, 7, 4])), 0.0, 1e-7)


def test_identity_consistency_is_the_written_sum():
    generator = torch.Generator().manual_seed(3)
    a = torch.rand(11, 5, generator=generator, dtype=torch.float64)
    label = torch.tensor([4, 4, 9, 9, 9, 2, 2, -1, 2, 4, -1])
    means = {p: a[label == p].mean(0) for p in (2, 4, 9)}
    within = sum((a[i] - means[int(y)]).square().sum() for i, y in enumerate(label) if y >= 0) / 45
    between = sum((means[p] - means[q]).square().sum() for p in means for q in means if p != q) / 30
    expected = within / (within + between + 1e-6)
    same(identity_consistency(a, label), expected, 1e-12)


@pytest.mark.parametrize("label", [[5, 5, 5, 5], [-1, -1, -1, -1], [-1, 3, 3, -1]])
@pytest.mark.parametrize("mode", ["ratio", "difference"])
def test_nothing_to_compare_is_zero(label, mode):
    a = FOUR.clone().requires_grad_()
    loss = identity_consistency(a, torch.tensor(label), mode=mode)
    loss.backward()
    assert loss == 0 and a.grad.abs().max() == 0


def test_identity_consistency_bad_input():
    with pytest.raises(ValueError, match="label"):
        identity_consistency(FOUR, torch.tensor([0, 1]))
    with pytest.raises(ValueError, match="ratio, difference"):
        identity_consistency(FOUR, PAIRS, mode="product")
    with pytest.raises(ValueError, match=r"attention holds NaN .* first in row 0"):
        identity_consistency(FOUR * float("nan"), PAIRS)


# ---- token diversity, §1.8 (5) ----


def test_token_diversity_numbers():
    same(token_diversity(torch.eye(3)[None]), 0.0)
    same(token_diversity(torch.ones(2, 3, 4)), 1.0)
    rows = torch.tensor([[[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]])
    same(token_diversity(rows), 0.57612)
    same(token_diversity(rows * torch.tensor([3.0, -2.0, 0.5])[:, None]), 0.57612)
    same(token_diversity(torch.cat([rows, torch.ones(1, 3, 2)])), (0.57612 + 1) / 2)
    assert token_diversity(torch.rand(2, 1, 4)) == 0
    with pytest.raises(ValueError, match="regions"):
        token_diversity(torch.rand(2, 4))


def test_token_diversity_parts_tokens():
    tokens = torch.rand(2, 3, 5, generator=torch.Generator().manual_seed(0)).requires_grad_()
    before = token_diversity(tokens)
    before.backward()
    assert token_diversity(tokens.detach() - 0.1 * tokens.grad) < before
