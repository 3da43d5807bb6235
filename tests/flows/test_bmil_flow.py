"""BMIL's flow, two iterations of either stage, against plain loops in the released order.

Stage 1 is dual contrastive learning, which ADCA, PGM and N-ULC share. The loops know nothing of the
library but its batches and who sits in which cluster.
"""

import copy

import pytest
import tiny
import torch
from plain import Bank, Call, contrast, means, step
from tiny import MODALITY, OWN, R, V, agree, forward, gradients, own_labels, views
from torch.nn.functional import cross_entropy, normalize

JOINT = [*[0] * 5, *[1] * 4, -1, *[2] * 5, *[3] * 5, *[0, 1, 4, 2] * 4]  # 3 and 4: one modality
SMALL = {
    "epochs": (1, 1), "iterations": 2, "identities": 3, "instances": 2, "subset_ratio": 1.0,
    "infrared_identities": 2, "keep": 4,
}  # fmt: skip


def begun(monkeypatch, stage: int = 2, **switches):
    """(method with its memories, network, batches) of an epoch, the joint clusters as above."""
    from vireid.methods.bmil import BMIL

    joint = torch.tensor(JOINT).numpy()
    monkeypatch.setattr(BMIL, "cluster_jointly", lambda self, pool, epoch: joint)
    return tiny.begun("bmil", stage - 1, **(SMALL | switches))


class Released:
    """The same steps by loops; ``order`` of views as it is written."""

    def __init__(self, method, net, order: str = "var"):
        self.net, self.order, self.moves = net, order, method.moves
        self.hybrid, self.split = method.memory == "hybrid", method.split_prototypes
        x = tiny.features(net)
        self.own = {m: self.bank(x[MODALITY == m], OWN[m]) for m in (V, R)}
        part = MODALITY if self.split else torch.zeros(36, dtype=torch.int64)
        pairs = sorted({(k, int(p)) for k, p in zip(JOINT, part, strict=True) if k >= 0})
        self.cluster = torch.tensor([k for k, _ in pairs])
        self.proxy = torch.tensor(
            [pairs.index((k, int(p))) if k >= 0 else -1 for k, p in zip(JOINT, part, strict=True)]
        )
        self.joint = self.bank(x, self.proxy)

    def bank(self, x, label) -> Bank:
        start = means(x, label)
        return Bank(torch.cat([start] * (1 + self.hybrid)), momentum=0.1, hybrid=self.hybrid)

    def calls(self, batch, second: bool) -> list[Call]:
        """The modality that is written first is called last."""
        found = []
        written = dict.fromkeys(R if view == "r" else V for view in self.order)
        for own in reversed(written):
            at = views(batch, own, self.order)
            if second:
                label = self.proxy[batch.rows[at]]
                found.append(Call(self.joint, at, label, self.global_loss(label)))
            else:
                label = own_labels(batch, own, at)
                loss = self.hinged(label) if self.hybrid else contrast(label)
                found.append(Call(self.own[own], at, label, loss))
        return found

    def hinged(self, label):
        def loss(score):
            mean, hard = score.chunk(2, dim=1)
            over = cross_entropy(mean, label) - 0.2
            return 0.5 * (cross_entropy(hard, label) + over * (over > 0))

        return loss

    def global_loss(self, label):
        def one(score):
            return self.multi_positive(score, label) if self.split else cross_entropy(score, label)

        def loss(score):
            banks = score.chunk(1 + self.hybrid, dim=1)
            return 0.5 * sum(one(bank) for bank in banks) / len(banks)

        return loss

    def multi_positive(self, score, label, keep: int = 4):
        total = 0
        for own, y in zip(score, label.tolist(), strict=True):
            positive = [j for j, k in enumerate(self.cluster) if k == self.cluster[y]]
            rest = sorted(set(range(len(own))) - set(positive), key=lambda j: -own[j].item())
            floor = own[positive + rest[: keep - len(positive)]].exp().sum().log()
            total = total + sum(floor - own[j] for j in positive) / len(positive)
        return total / len(score)

    def run(self, batches) -> list:
        optimiser, seen = torch.optim.SGD(self.net.parameters(), lr=0.05), []
        for pair in batches:
            for second, batch in enumerate(pair):
                optimiser.zero_grad()
                x = normalize(forward(self.net, batch))
                calls = self.calls(batch, bool(second))
                losses = step(x, calls, moves=self.moves)
                if batch.modality[calls[0].at[0]] == R:
                    losses = losses.flip(0)
                seen.append([losses, *gradients(self.net)])
                optimiser.step()
        banks = [*self.own.values(), *[self.joint] * (len(batches[0]) > 1)]
        return [*seen, [bank.rows for bank in banks]]


@pytest.fixture
def play(monkeypatch):
    def both(*, order: str = "var", stage: int = 2, **switches) -> tuple[list, list]:
        """(ours, by loops in the order) of two iterations."""
        method, net, batches = begun(monkeypatch, stage, **switches)
        plain = Released(method, copy.deepcopy(net), order)
        return tiny.ours(method, net, batches, stage - 1), plain.run(batches)

    return both


@pytest.mark.parametrize("moves", ["after", "during"])
@pytest.mark.parametrize("memory", ["hybrid", "single"])
@pytest.mark.parametrize(("stage", "split"), [(1, True), (2, True), (2, False)])
def test_two_iterations_are_the_released_ones(play, moves, memory, stage, split):
    mine, theirs = play(stage=stage, moves=moves, memory=memory, split_prototypes=split)
    assert len(mine) == (5 if stage == 2 else 3)
    assert agree(mine, theirs)


def test_moving_during_the_backward_pass_is_another_gradient(play):
    after, during = (play(moves=m, split_prototypes=False)[0] for m in ("after", "during"))
    assert agree(after[:1], during[:1])  # one call a memory: nothing has moved before it
    assert not agree(after[1:2], during[1:2], to=1e-4)


@pytest.mark.parametrize("order", ["avr", "rva", "rav"])
@pytest.mark.parametrize("moves", ["after", "during"])
def test_the_write_order_is_the_settings(play, order, moves):
    switches = {"moves": moves, "memory": "single", "split_prototypes": False}
    mine, _ = play(write_order=order, **switches)
    assert not agree(mine, play(**switches)[1], to=1e-3)
    assert agree(mine, play(order=order, **switches)[1])


def test_what_is_written_last_owns_the_prototype(monkeypatch):
    """Momentum 0.1: nine tenths of a prototype are its last feature."""
    for order, last in {"var": 1, "avr": 0}.items():
        method, net, batches = begun(monkeypatch, 1, memory="single", write_order=order)
        tiny.ours(method, net, batches[:1], 0)
        batch = batches[0][0]
        x = normalize(forward(tiny.network(), batch)).detach()
        for y in range(5):
            at = [i for i in batch.of(V, last) if batch.label[i] == y]
            if at:
                assert float(method.memories[V].prototypes[y] @ x[at[-1]]) > 0.95


def test_a_hybrid_memory_does_not_see_the_order_of_views(play):
    first, second = (play(write_order=order)[0] for order in ("var", "avr"))
    assert agree(first, second)


def test_pictures_shown(monkeypatch):
    """Visible plain, the same augmented, then infrared; modalities drawn apart."""
    _, _, batches = begun(monkeypatch)
    for batch in [b for pair in batches for b in pair]:
        plain, second = batch.of(V, 0), batch.of(V, 1)
        assert plain.tolist() == list(range(6))  # 3 clusters x 2
        assert second.tolist() == list(range(6, 12))
        assert batch.of(R).tolist() == list(range(12, 16))  # 2 clusters x 2
        assert (batch.rows[plain] == batch.rows[second]).all()
