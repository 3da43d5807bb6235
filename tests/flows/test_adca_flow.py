"""ADCA's flow, two iterations of either stage, against plain loops in the released order."""

import copy

import pytest
import tiny
import torch
from pairing import PAIRING, votes
from plain import Bank, Call, contrast, means, step
from tiny import MODALITY, OWN, R, V, agree, forward, gradients, own_labels, views
from torch.nn.functional import normalize

from vireid import methods

SMALL = {
    "epochs": (1, 1), "iterations": 2, "identities": 3, "instances": 2, "infrared_identities": 2,
}  # fmt: skip


class Released:
    """The steps of one epoch by loops; ``order`` of views as it is written."""

    def __init__(self, method, net, stage: int, order: str):
        self.net, self.order, self.moves = net, order, method.moves
        x = tiny.features(net)
        self.bank = {m: Bank(means(x[MODALITY == m], OWN[m]), momentum=0.1) for m in (V, R)}
        partner = PAIRING[method.pairs](x)[V] if stage == 2 else {}
        for i, j in partner.items():
            self.bank[V].rows[i] = 0.1 * self.bank[V].rows[i] + 0.9 * self.bank[R].rows[j]

    def run(self, batches) -> list:
        optimiser, seen = torch.optim.SGD(self.net.parameters(), lr=0.05), []
        for (batch,) in batches:
            optimiser.zero_grad()
            calls = []
            for own in (R, V):  # visible is called last and so written first
                at = views(batch, own, self.order)
                label = own_labels(batch, own, at)
                calls.append(Call(self.bank[own], at, label, contrast(label)))
            x = normalize(forward(self.net, batch))
            losses = step(x, calls, moves=self.moves).flip(0)
            seen.append([losses, *gradients(self.net)])
            optimiser.step()
        return [*seen, [self.bank[own].rows for own in (V, R)]]


def play(*, stage: int, order: str = "var", **switches) -> tuple[list, list]:
    method, net, batches = tiny.begun("adca", stage - 1, **(SMALL | switches))
    plain = Released(method, copy.deepcopy(net), stage, order)
    return tiny.ours(method, net, batches, stage - 1), plain.run(batches)


@pytest.mark.parametrize("stage", [1, 2])
@pytest.mark.parametrize("moves", ["after", "during"])
@pytest.mark.parametrize("order", ["var", "avr"])
def test_two_iterations_are_the_released_ones(stage, moves, order):
    mine, theirs = play(stage=stage, moves=moves, order=order, write_order=order)
    assert len(mine) == 3
    assert agree(mine, theirs)
    if order == "avr":
        assert not agree(mine, play(stage=stage, moves=moves)[1], to=1e-3)


@pytest.mark.parametrize("pairs", ["pgm", "none"])
def test_two_iterations_with_other_partners(pairs):
    """PGM's matching leaves no visible prototype where it was, votes leave one."""
    mine, theirs = play(stage=2, pairs=pairs)
    assert agree(mine, theirs)
    assert not agree(mine[:1], play(stage=2)[1][:1], to=1e-3)


def test_aggregation_draws_visible_prototypes_to_their_partners():
    x = tiny.features(tiny.network())
    plain, aggregated = (tiny.begun("adca", 1, **SMALL, pairs=p)[0] for p in ("none", "voted"))
    found = votes(x)[V]
    assert found and len(found) < 5  # four infrared clusters: one visible stays single
    infrared = [m.memories[R].prototypes for m in (plain, aggregated)]
    assert torch.equal(*infrared)
    for i, (before, now) in enumerate(
        zip(plain.memories[V].prototypes, aggregated.memories[V].prototypes, strict=True)
    ):
        assert torch.equal(before, now) == (i not in found)
        if i in found:
            assert now.norm() < 1
            assert float(now @ infrared[0][found[i]]) > float(before @ infrared[0][found[i]])


def test_presets_are_the_released_ones():
    code, regdb = (methods.build("adca", preset=p) for p in ("official", "official_regdb"))
    assert (code.identities, code.infrared_identities, code.instances) == (8, 16, 16)
    assert (code.threshold, code.kept, code.momentum, code.temperature) == (0.5, 0.1, 0.1, 0.05)
    assert code.schedule.epochs == (50, 50) and code.bn_chunks == 4
    assert all(code.augmentation(e).visible_second.jitter == 0 for e in (0, 50))
    assert (code.eps, regdb.eps, regdb.schedule.iterations) == (0.6, 0.3, 100)
