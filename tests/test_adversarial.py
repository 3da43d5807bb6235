"""MAAL: the numbers of the specification, §3, and the alternation of the two players."""

import copy
import math

import pytest
import torch
from torch import nn

from vireid.losses.adversarial import Adversary, maal
from vireid.models.modality_classifier import ModalityClassifier

THREE = torch.tensor([0, 0, 1, 1, 2, 2])


def test_zero_logits():
    mod, ca = maal(torch.zeros(6, 3), THREE)
    assert mod == pytest.approx(3 * math.log(3), abs=1e-5) == pytest.approx(3.29584, abs=1e-5)
    assert ca == pytest.approx(3.29584, abs=1e-5)
    assert 1.0 * mod + 0.1 * ca == pytest.approx(3.62542, abs=1e-5)


def test_one_visible_sample():
    mod, ca = maal(torch.tensor([[2.0, 0.0, 0.0]]), torch.tensor([0]))
    assert mod == pytest.approx(0.23954, abs=1e-5)
    assert ca == pytest.approx(2.23954, abs=1e-5)


def test_sum_of_means_not_a_global_mean():
    logits = torch.randn(7, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    modality = torch.tensor([0, 0, 0, 0, 1, 2, 2])
    mod, ca = maal(logits, modality)
    surprise = -logits.log_softmax(1)
    rows = [modality == m for m in range(3)]
    assert mod == pytest.approx(sum(float(surprise[r, m].mean()) for m, r in enumerate(rows)))
    assert ca == pytest.approx(sum(float(surprise[r, 2].mean()) for r in rows))


def test_a_perfect_classifier():
    logits = 50 * torch.eye(3)[THREE]
    mod, _ = maal(logits, THREE)
    assert mod < 1e-6
    _, ca = maal(logits[4:], THREE[4:])
    assert ca < 1e-6


def test_absent_modality_and_empty_batch():
    logits = torch.randn(4, 3, generator=torch.Generator().manual_seed(0))
    two = maal(logits, THREE[:4])
    parts = [maal(logits[i : i + 2], THREE[i : i + 2]) for i in (0, 2)]
    for whole, *terms in zip(two, *parts, strict=True):
        assert whole.isfinite() and float(whole) == pytest.approx(float(sum(terms)), abs=1e-6)
    assert [float(v) for v in maal(torch.zeros(0, 3), torch.zeros(0, dtype=torch.int64))] == [0, 0]


def test_classifier_shapes():
    official = ModalityClassifier(96)
    widths = [m.out_features for m in official.modules() if isinstance(m, nn.Linear)]
    assert widths == [1024, 512, 256, 128, 64, 32, 16, 8, 3]
    light = ModalityClassifier(96, widths="light")
    assert [m.out_features for m in light.modules() if isinstance(m, nn.Linear)] == [256, 64, 3]
    assert light(torch.zeros(5, 96)).shape == (5, 3)


def test_linear_equals_the_released_convolution():
    """On a sequence of length 1 only the centre tap of a kernel-3 convolution meets data."""
    torch.manual_seed(0)
    conv, linear = nn.Conv1d(6, 4, 3, stride=2, padding=1), nn.Linear(6, 4)
    with torch.no_grad():
        linear.weight.copy_(conv.weight[:, :, 1])
        linear.bias.copy_(conv.bias)
    x = torch.randn(5, 6)
    torch.testing.assert_close(conv(x[:, :, None])[:, :, 0], linear(x))


def test_bad_input():
    with pytest.raises(ValueError, match="widths"):
        ModalityClassifier(8, widths="huge")
    with pytest.raises(ValueError, match="dim=0"):
        ModalityClassifier(0)
    with pytest.raises(ValueError, match=r"\(b, 8\)"):
        ModalityClassifier(8, widths="light")(torch.zeros(2, 9))
    with pytest.raises(ValueError, match="modality holds"):
        maal(torch.zeros(2, 3), torch.tensor([0, 3]))
    with pytest.raises(ValueError, match="logits"):
        maal(torch.zeros(2, 3), torch.tensor([0]))
    for wrong in (torch.tensor([0.0, 1.0]), torch.tensor([False, True])):
        with pytest.raises(ValueError, match=r"modality is .* give whole numbers 0, 1 and 2"):
            maal(torch.zeros(2, 3), wrong)
    with pytest.raises(ValueError, match="logits holds NaN"):
        maal(torch.full((2, 3), float("nan")), torch.tensor([0, 1]))
    with pytest.raises(ValueError, match="alpha"):
        Adversary(ModalityClassifier(4, widths="light"), alpha=-1)


def test_modalities_of_any_whole_type_give_the_same_losses():
    logits, modality = torch.randn(6, 3), torch.tensor([0, 1, 2, 0, 1, 1])
    expected = maal(logits, modality)
    for kind in (torch.int32, torch.uint8):
        assert maal(logits, modality.to(kind)) == expected


def players(seed=0):
    torch.manual_seed(seed)
    network = nn.Linear(2, 2)
    return network, Adversary(ModalityClassifier(2, widths="light"))


def test_the_players_do_not_touch_each_other():
    network, adversary = players()
    x = network(torch.randn(6, 2))
    adversary.learn(x, THREE)
    assert all(p.grad is None for p in network.parameters())
    before = {k: v.clone() for k, v in adversary.classifier.state_dict().items()}
    for p in adversary.classifier.parameters():
        p.grad = None
    optimiser = torch.optim.SGD(network.parameters(), lr=0.1)
    (0.1 * adversary.fool(x, THREE)).backward()
    assert all(p.grad.abs().max() > 0 for p in network.parameters())
    optimiser.step()
    assert all(p.grad is None for p in adversary.classifier.parameters())
    after = adversary.classifier.state_dict()
    assert all(torch.equal(v, after[k]) for k, v in before.items())  # running statistics too


def test_fool_sees_the_updated_classifier():
    network, adversary = players()
    x = network(torch.randn(6, 2)).detach()
    first = adversary.fool(x, THREE)
    adversary.learn(x, THREE)
    assert adversary.fool(x, THREE) != first


def test_learning_rate_and_state():
    _, adversary = players()
    rates = []
    for epoch in (0, 19, 20, 40):
        adversary.epoch(epoch)
        rates.append(adversary.optimiser.param_groups[0]["lr"])
    assert rates == pytest.approx([0.01, 0.01, 1e-3, 1e-4])
    x = torch.randn(6, 2)
    adversary.learn(x, THREE)
    _, other = players(seed=1)
    other.load_state(copy.deepcopy(adversary.state()))
    assert adversary.learn(x, THREE) == other.learn(x, THREE)
    assert adversary.fool(x, THREE) == other.fool(x, THREE)


def blobs(n=60):
    generator = torch.Generator().manual_seed(0)
    centres = torch.tensor([[3.0, 0.0], [-1.5, 2.6], [-1.5, -2.6]])
    modality = torch.arange(3).repeat(n)
    return centres[modality] + 0.5 * torch.randn(3 * n, 2, generator=generator), modality


def test_three_blobs_become_one():
    """Linear players: batch norms in the classifier would make it blind to shrinking blobs."""
    x, modality = blobs()
    torch.manual_seed(0)
    network, adversary = nn.Linear(2, 2), Adversary(ModalityClassifier(2, widths=()))
    with torch.no_grad():
        network.weight.copy_(torch.eye(2))
        network.bias.zero_()

    def distances():
        f = network(x).detach()
        return torch.pdist(torch.stack([f[modality == m].mean(0) for m in range(3)]))

    for _ in range(100):
        adversary.learn(x, modality)
    assert adversary.accuracy(x, modality) > 0.95
    before, optimiser = distances(), torch.optim.SGD(network.parameters(), lr=0.03)
    for _ in range(200):
        f = network(x)
        adversary.learn(f, modality)
        optimiser.zero_grad()
        adversary.fool(f, modality).backward()
        optimiser.step()
    assert adversary.accuracy(network(x), modality) < 0.6
    assert (distances() < 0.5 * before).all()
