"""N-ULC's flow, two iterations of either stage and parity, against plain loops as released."""

import copy

import pytest
import tiny
import torch
from pairing import PAIRING, with_partners
from plain import Bank, Call, means, step
from test_pgm_flow import EVEN, ODD
from tiny import MODALITY, OWN, R, V, agree, forward, gradients, own_labels, views
from torch.nn.functional import normalize

from vireid import methods

SMALL = {
    "epochs": (1, 2), "iterations": 2, "identities": 5, "instances": 2, "infrared_identities": 4,
    "neighbours": 6,
}  # fmt: skip


def told(image, others, label) -> list[float]:
    """Shares of the clusters in an image's six nearest: intersection over union, summing to 1."""
    near = sorted(range(len(others)), key=lambda j: -(image @ others[j]).item())[:6]
    shares = []
    for k in range(max(label) + 1):
        inside = sum(label[j] == k for j in near)
        shares.append(inside / (6 - inside + label.count(k)))
    return [share / sum(shares) for share in shares]


class Released:
    """The steps of one epoch by loops."""

    def __init__(self, method, net, epoch: int):
        self.net, self.epoch, self.moves = net, epoch, method.moves
        x = tiny.features(net)
        self.x = {m: x[MODALITY == m] for m in (V, R)}
        self.bank = {m: Bank(means(self.x[m], OWN[m]), momentum=0.2) for m in (V, R)}
        self.partner = PAIRING[method.pairs](x)

    def call(self, batch, own, other, weight: float = 1.0) -> Call:
        at = views(batch, own, "var")
        label = own_labels(batch, own, at).tolist()
        if own != other:
            at, label = with_partners(at, label, self.partner[own])
        image = batch.rows[at] - (20 if own == R else 0)
        soft = [told(self.x[own][i], self.x[other], OWN[other]) for i in image]

        def loss(score):
            total = 0
            for row, y, shares in zip(score, label, soft, strict=True):
                log_p = row - row.exp().sum().log()
                targets = [0.7 * (k == y) + 0.3 * share for k, share in enumerate(shares)]
                own_weight = torch.tensor(-10 * (1 - shares[y]) ** 2).exp()
                total = total - own_weight * sum(t * p for t, p in zip(targets, log_p, strict=True))
            return weight * total / len(score)

        def hard(score):
            return weight * torch.nn.functional.cross_entropy(score, torch.tensor(label))

        return Call(self.bank[other], at, torch.tensor(label), loss if self.epoch else hard)

    def calls(self, batch) -> list[Call]:
        found = [self.call(batch, own, own) for own in (R, V)]
        if self.epoch:
            own, other = (V, R) if self.epoch == EVEN else (R, V)
            found.append(self.call(batch, own, other, weight=3.0))
        return found

    def run(self, batches) -> list:
        optimiser, seen = torch.optim.SGD(self.net.parameters(), lr=0.05), []
        for (batch,) in batches:
            optimiser.zero_grad()
            losses = step(normalize(forward(self.net, batch)), self.calls(batch), moves=self.moves)
            seen.append([losses.flip(0), *gradients(self.net)])
            optimiser.step()
        return [*seen, [self.bank[own].rows for own in (V, R)]]


def played(epoch: int, **switches) -> tuple[list, list]:
    """(ours, by loops) of two iterations."""
    method, net, batches = tiny.begun("nulc", epoch, **SMALL, **switches)
    plain = Released(method, copy.deepcopy(net), epoch)
    return tiny.ours(method, net, batches, epoch), plain.run(batches)


@pytest.mark.parametrize("epoch", [0, EVEN, ODD])
@pytest.mark.parametrize("moves", ["after", "during"])
def test_two_iterations_are_the_released_ones(epoch, moves):
    assert agree(*played(epoch, moves=moves), to=1e-6)


@pytest.mark.parametrize("epoch", [EVEN, ODD])
def test_two_iterations_with_the_partners_that_votes_find(epoch):
    mine, theirs = played(epoch, pairs="voted")
    assert agree(mine, theirs, to=1e-6)
    if epoch == EVEN:
        assert not agree(mine[:1], played(EVEN)[1][:1], to=1e-3)


def test_order_and_gradient_are_settings():
    def play(**switches):
        method, net, batches = tiny.begun("nulc", EVEN, **SMALL, **switches)
        return tiny.ours(method, net, batches, EVEN)

    usual = play()
    assert not agree(usual[:1], play(moves="during")[:1], to=1e-4)
    assert not agree(usual[-1:], play(write_order="avr")[-1:], to=1e-3)
    assert not agree(usual[-1:], play(own_last=False)[-1:], to=1e-3)


def test_presets_are_the_released_ones():
    code, regdb = (methods.build("nulc", preset=p) for p in ("official", "official_regdb"))
    for m in (code, regdb):
        assert (m.identities, m.infrared_identities, m.instances) == (8, 16, 16)
        assert (m.momentum, m.cross_weight, m.balance, m.strictness) == (0.2, 3.0, 0.7, 10.0)
        assert [m.augmentation(e).infrared.jitter for e in (0, 50)] == [0, 0]
        assert m.schedule.epochs == (50, 50) and m.bn_chunks == 4
    assert (code.neighbours, code.eps, code.rounds) == (30, 0.6, 3)
    assert (regdb.neighbours, regdb.eps, regdb.rounds) == (20, 0.2, 2)
    assert regdb.schedule.iterations == 100
