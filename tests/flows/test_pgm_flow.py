"""PGM's flow, two iterations of either stage and parity, against plain loops as released."""

import copy

import pytest
import tiny
import torch
from pairing import PAIRING, with_partners
from plain import Bank, Call, contrast, means, step
from tiny import MODALITY, OWN, R, V, agree, forward, gradients, own_labels, views
from torch.nn.functional import normalize

from vireid import methods

SMALL = {
    "epochs": (1, 2), "iterations": 2, "identities": 5, "instances": 2, "infrared_identities": 4,
}  # fmt: skip
EVEN, ODD = 1, 2  # epochs of the run: stage 2 begins after one


class Hard(Bank):
    """A memory that moves by the least alike sample of a label, once a call."""

    def write(self, x, label):
        for y in sorted(set(label.tolist())):
            own = [f for f, other in zip(x, label.tolist(), strict=True) if other == y]
            self._move(y, min(own, key=lambda f: (f @ self.rows[y]).item()))


class Released:
    """The steps of one epoch by loops; ``order`` of views as it is written."""

    def __init__(self, method, net, epoch: int, order: str = "var", own_last: bool = True):
        self.net, self.epoch, self.order, self.moves = net, epoch, order, method.moves
        self.own_last = own_last
        kind = Hard if epoch else Bank
        x = tiny.features(net)
        self.bank = {m: kind(means(x[MODALITY == m], OWN[m]), momentum=0.2) for m in (V, R)}
        self.partner = PAIRING[method.pairs](x)

    def calls(self, batch) -> list[Call]:
        """Infrared, visible, then partners: the last call is written first."""
        mine = []
        for own in (R, V):
            at = views(batch, own, self.order)
            label = own_labels(batch, own, at)
            mine.append(Call(self.bank[own], at, label, contrast(label)))
        if not self.epoch:
            return mine
        own, other = (V, R) if self.epoch == EVEN else (R, V)
        at = views(batch, own, self.order)
        at, label = with_partners(at, own_labels(batch, own, at).tolist(), self.partner[own])
        label = torch.tensor(label)
        theirs = Call(self.bank[other], at, label, contrast(label, 0.25))
        return [*mine, theirs] if self.own_last else [theirs, *mine]

    def run(self, batches) -> list:
        optimiser, seen = torch.optim.SGD(self.net.parameters(), lr=0.05), []
        for (batch,) in batches:
            optimiser.zero_grad()
            losses = step(normalize(forward(self.net, batch)), self.calls(batch), moves=self.moves)
            seen.append([losses.flip(0), *gradients(self.net)])
            optimiser.step()
        return [*seen, [self.bank[own].rows for own in (V, R)]]


def play(epoch: int, *, order: str = "var", own_last: bool = True, **switches):
    """(ours, by loops in the order) of two iterations."""
    method, net, batches = tiny.begun("pgm", epoch, own_last=own_last, **(SMALL | switches))
    plain = Released(method, copy.deepcopy(net), epoch, order, own_last)
    return tiny.ours(method, net, batches, epoch), plain.run(batches)


@pytest.mark.parametrize("epoch", [0, EVEN, ODD])
@pytest.mark.parametrize("moves", ["after", "during"])
def test_two_iterations_are_the_released_ones(epoch, moves):
    mine, theirs = play(epoch, moves=moves)
    assert [len(row[0]) for row in mine[:2]] == [2 + bool(epoch)] * 2
    assert agree(mine, theirs)


@pytest.mark.parametrize("epoch", [EVEN, ODD])
def test_two_iterations_with_the_partners_that_votes_find(epoch):
    """As ``pairs="voted"``: one to one, so images of a visible cluster learn no partner."""
    mine, theirs = play(epoch, pairs="voted")
    assert agree(mine, theirs)
    if epoch == EVEN:
        assert not agree(mine[:1], play(EVEN)[1][:1], to=1e-3)


def test_moving_during_the_backward_pass_is_another_gradient():
    after, during = (play(EVEN, moves=m)[0] for m in ("after", "during"))
    assert not agree(after[:1], during[:1], to=1e-4)


@pytest.mark.parametrize("moves", ["after", "during"])
def test_the_order_of_own_and_others_images_is_the_settings(moves):
    mine, _ = play(EVEN, own_last=False, moves=moves)
    assert not agree(mine[-1:], play(EVEN, moves=moves)[1][-1:], to=1e-3)
    assert agree(mine, play(EVEN, own_last=False, moves=moves)[1])


def test_the_order_of_views_is_the_settings():
    rule = {"stage2_rule": "sequential"}
    first, second = (play(EVEN, write_order=order, **rule)[0] for order in ("var", "avr"))
    assert not agree(first[-1:], second[-1:], to=1e-3)
    assert agree(*play(0, write_order="avr", order="avr"))


def test_a_single_clusters_images_learn_no_partner():
    """One round leaves one of the five visible clusters single, which two rounds do not."""
    method, _, batches = tiny.begun("pgm", EVEN, **SMALL, rounds=1)
    single = int((method.partner[V] < 0).nonzero()[0][0])
    assert (method.partner[V] < 0).sum() == 1
    theirs, *_ = method.calls(batches[0][0], EVEN)
    shown = set(batches[0][0].label[theirs.at].tolist())
    assert theirs.name == "visible with partners"
    assert shown == {0, 1, 2, 3, 4} - {single}
    assert (tiny.begun("pgm", EVEN, **SMALL)[0].partner[V] >= 0).all()


def test_presets_are_the_released_ones():
    code, regdb = (methods.build("pgm", preset=p) for p in ("official", "official_regdb"))
    for m in (code, regdb):
        assert (m.identities, m.infrared_identities, m.instances) == (8, 16, 16)
        assert (m.momentum, m.cross_weight, m.rounds, m.bn_chunks) == (0.2, 0.25, 2, 4)
    jitter = [[m.augmentation(e).infrared.jitter for e in (0, 50)] for m in (code,)]
    assert jitter == [[0.5, 0]]
    assert regdb.augmentation(0).infrared.jitter == 0
    assert (code.stage2_rule, regdb.stage2_rule) == ("hard", "sequential")
    assert (code.schedule.epochs, regdb.schedule.epochs) == ((50, 50), (30, 30))
    assert (code.eps, regdb.eps, regdb.schedule.iterations) == (0.6, 0.3, 100)
