"""DMDL's flow, two steps of every kind of epoch, against plain loops in the released order.

The loops are written from what the released trainers do, one sample after the other, and use
nothing of the library but its batches and its certainty of labels: losses, gradients and every
memory have to agree.
"""

from functools import cache
from itertools import groupby, islice

import numpy as np
import pytest
import torch
from plain import discrepancy, triplet
from torch.nn.functional import normalize

from vireid import methods
from vireid.models import Output
from vireid.types import Embeddings, Modality

V, R = Modality.VISIBLE, Modality.INFRARED
TAU, MU, DELTA, LAMBDA = 0.05, 0.2, 0.2, 0.5
IDENTITY = torch.cat([torch.arange(4).repeat_interleave(5), torch.arange(4).repeat(4)])
MODALITY = torch.tensor([0] * 20 + [1] * 16)
# person 0 is two visible clusters (0 and 4), infrared clusters are numbered otherwise; -1 outlier
FOUND = {
    V: [0, 0, 4, 4, -1, *[1] * 5, *[2] * 5, *[3] * 5],
    R: [*[2, 0, 3, 1] * 3, 2, 0, -1, 1],
}


# A network and its pictures: two views of 36 images


def pictures() -> torch.Tensor:
    """(2, 36, 10) random numbers around those of each person."""
    dice = torch.Generator().manual_seed(1)
    person = torch.randn(4, 10, generator=dice, dtype=torch.float64)
    noise = torch.randn(2, 36, 10, generator=dice, dtype=torch.float64)
    return person[IDENTITY] + 0.4 * noise + 0.5 * MODALITY[:, None]


def network() -> torch.nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        layers = (torch.nn.Linear(10, 16), torch.nn.Tanh(), torch.nn.Linear(16, 8))
        return torch.nn.Sequential(*layers).double()


PICTURES = pictures()


def features(net, batch) -> torch.Tensor:
    return net(PICTURES[torch.as_tensor(batch.view), torch.as_tensor(batch.rows)])


# The released flow in plain loops


def unit(row):
    return row / row.norm()


def means(x, label, clusters) -> dict:
    """Label -> unit mean of its images, for the labels there are."""
    rows = {k: [f for f, y in zip(x, label, strict=True) if y == k] for k in range(clusters)}
    return {k: unit(sum(own) / len(own)) for k, own in rows.items() if own}


def table(bank: dict) -> torch.Tensor:
    """Rows of a memory by ascending label."""
    return torch.stack([bank[k] for k in sorted(bank)])


def renamed(source: dict, target: dict) -> dict:
    """Each source cluster -> the target cluster it is most like."""
    return {i: max(target, key=lambda j: float(f @ target[j])) for i, f in source.items()}


class Epoch:
    """Memories of one epoch and its steps, by loops.

    Parameters
    ----------
    x : (36, 8) unit features of all images
    stage, e : 1 or 2, epoch within it
    """

    def __init__(self, x, *, stage: int, e: int, certainty):
        self.stage, self.e, self.certainty = stage, e, certainty
        self.even = e % 2 == 0
        label = {m: list(FOUND[m]) for m in (V, R)}
        own_x = {V: x[:20], R: x[20:]}
        bank = {m: means(own_x[m], label[m], max(label[m]) + 1) for m in (V, R)}
        self.clusters = {m: len(bank[m]) for m in (V, R)}
        if stage == 2:
            moved, space = (V, R) if self.even else (R, V)
            name = renamed(bank[moved], bank[space]) | {-1: -1}
            label[moved] = [name[y] for y in label[moved]]
            k = len(bank[space])
            self.space, self.clusters = space, {V: k, R: k}
            bank = {m: means(own_x[m], label[m], k) for m in (V, R)}
            self.shared = means(x, label[V] + label[R], k)
            counts = {m: sum(y >= 0 for y in label[m]) for m in (V, R)}
            self.prior = {m: counts[m] / sum(counts.values()) for m in (V, R)}
        self.bank, self.label = bank, label

    def calls(self, order: str) -> list:
        """(modality, views, memory) of every write of stage ``stage``, first to last."""
        found = []
        for m, letters in groupby(order, lambda letter: V if letter in "va" else R):
            views = [int(letter in "ap") for letter in letters]
            space = m if self.stage == 1 else self.space
            found += [(m, views, b) for b in (R, V) if b in (m, space)]
        return found

    def predictions(self, f, bank: dict, keep: int):
        """Softmax over the ``keep`` most similar clusters, 0 elsewhere; f (b, d)."""
        p = []
        for row in f.detach():
            z = [float(row @ bank[k]) / TAU for k in sorted(bank)]
            best = sorted(z)[-keep:]
            p.append([np.exp(v) / np.exp(best).sum() if v >= best[0] else 0.0 for v in z])
        return torch.tensor(p, dtype=torch.float64)

    def targets(self, f, label, rows, m):
        """(b, K): hard, or refined with the prediction about the other view."""
        hard = torch.zeros(len(label), self.clusters[m], dtype=torch.float64)
        hard[range(len(label)), label] = 1
        if self.e < (30 if self.stage == 1 else 5):
            assert self.certainty is None
            return hard
        bank, keep = (self.bank[m], 3) if self.stage == 1 else (self.shared, 10)
        p, n = self.predictions(f, bank, keep), len(label) // 2
        w = self.certainty[rows][:, None].double()
        return w * hard + (1 - w) * torch.cat([p[n:], p[:n]])

    def step(self, net, batch, *, moves: str, order: str = "varp", shared_order: str = "rpva"):
        """Loss terms and, left in the network, gradients; moves the memories."""
        x = features(net, batch)
        at = {m: np.flatnonzero(batch.modality == m) for m in (V, R)}
        for m in (V, R):  # plain pictures, then the same images augmented
            n = len(at[m]) // 2
            assert batch.view[at[m]].tolist() == [0] * n + [1] * n
            assert (batch.rows[at[m]][:n] == batch.rows[at[m]][n:]).all()
        label = {m: batch.label[at[m]].tolist() for m in (V, R)}
        raw = {m: x[at[m]] for m in (V, R)}
        f = {m: torch.stack([unit(row) for row in raw[m]]) for m in (V, R)}
        target = {m: self.targets(f[m], label[m], batch.rows[at[m]], m) for m in (V, R)}
        if self.stage == 2:
            self.move_shared(f, label, target, shared_order)
        held = {m: dict(self.bank[m]) for m in (V, R)}
        asked = [(m, b) for m in (V, R) for b in (V, R) if self.stage == 2 or m is b]
        z = {(m, b): (f[m] @ table(held[b]).T / TAU).detach() for m, b in asked}
        for leaf in z.values():
            leaf.requires_grad_()
        by_memory = {}
        for m in (V, R):
            by_memory |= self.contrasts(m, z, label[m], target[m])
        sum(by_memory.values()).backward()
        through = self.walk(z, f, label, held, moves=moves, order=order)
        others = self.others(raw, label)
        (through + sum(others.values())).backward()
        return {name: float(v.detach()) for name, v in (by_memory | others).items()}

    def contrasts(self, m, z, label, target) -> dict:
        """The terms that ask memories about modality m."""
        if self.stage == 1:
            return {f"{m.word} contrast": -(target * z[m, m].log_softmax(1)).sum(1).mean()}
        within = across = 0
        for i, y in enumerate(label):
            ids = {b: sorted(self.bank[b]) for b in (V, R)}
            within = within - z[m, m][i].log_softmax(0)[ids[m].index(y)]
            for k in range(self.clusters[m]):
                p = sum(
                    self.prior[b] * z[m, b][i].softmax(0)[ids[b].index(k)]
                    for b in (V, R)
                    if k in ids[b]
                )
                across = across - target[i, k] * p.log()
        n = len(label)
        return {f"{m.word} contrast": within / n, f"{m.word} cai": LAMBDA * across / n}

    def walk(self, z, f, label, held, *, moves: str, order: str):
        """What flows back through the logits, as a scalar to differentiate; moves the memories."""
        gone = {key: torch.zeros(len(v), dtype=bool) for key, v in z.items()}
        flow = {m: torch.zeros_like(f[m]) for m in (V, R)}
        for m, views, b in self.calls(order):
            n = len(f[m]) // 2
            rows = [i for view in views for i in range(view * n, view * n + n)]
            now = table(self.bank[b] if moves == "during" else held[b])
            flow[m][rows] += z[m, b].grad[rows] @ now / TAU
            gone[m, b][rows] = True
            for i in rows:
                y = label[m][i]
                self.bank[b][y] = unit(MU * self.bank[b][y] + (1 - MU) * f[m][i].detach())
        for (m, b), done in gone.items():  # memories that are asked and not written
            flow[m][~done] += z[m, b].grad[~done] @ table(held[b]) / TAU
        return sum((f[m] * flow[m]).sum() for m in (V, R))

    def move_shared(self, f, label, target, order: str) -> None:
        """Doubtful labels move their prototype less."""
        for letter in order:
            m = V if letter in "va" else R
            n = len(f[m]) // 2
            for i in range(n) if letter in "vr" else range(n, 2 * n):
                y = label[m][i]
                mu = DELTA / max(float(target[m][i, y]), DELTA)
                self.shared[y] = unit(mu * self.shared[y] + (1 - mu) * f[m][i].detach())

    def others(self, raw, label) -> dict:
        """Alignment of views and triplets, on features of any length."""
        found = {f"{m.word} alignment": discrepancy(*raw[m].chunk(2)) for m in (V, R)}
        aligned = self.stage == 2 and self.e >= 40
        steps = ((16, 0.25), (26, 0.5), (36, 1)) if self.stage == 1 else ((11, 0.5), (21, 1))
        weight = max((w for start, w in steps if self.e >= start), default=0)
        groups = {f"{m.word} triplet": (raw[m], label[m]) for m in (V, R)}
        if aligned:
            groups["joint triplet"] = (torch.cat([raw[V], raw[R]]), label[V] + label[R])
        if weight:
            found |= {name: weight * triplet(*group) for name, group in groups.items()}
        return found


# Ours beside it


def play(epoch: int, orders: dict[str, str] | None = None, *, steps: int = 2, **switches):
    """(method, loops, rows) after ``steps`` steps; a row: (terms, gradients) of both."""
    orders = orders or {}
    moves = switches.get("moves", "after")
    method = methods.build("dmdl", identities=3, instances=2, **orders, **switches)
    nets = network(), network()
    method.start(nets[0], seed=0)
    method.cluster_own = lambda x, own, epoch: np.array(FOUND[own])
    train = Embeddings(normalize(nets[0](PICTURES[0]).detach()), MODALITY, torch.arange(36) % 2)
    labels = method.relabel(train, epoch)
    stage, e = method.schedule.stage_of(epoch)
    loops = Epoch(train.x, stage=stage, e=e, certainty=method.certainty)
    if stage == 2:
        assert labels["global"].label.tolist() == loops.label[V] + loops.label[R]
    optimisers = [method.schedule.make_optimiser(net.parameters()) for net in nets]
    rows = []
    plain_orders = {"order" if k == "write_order" else k: v for k, v in orders.items()}
    for batch in islice(method.batches(labels, epoch), steps):
        for optimiser in optimisers:
            optimiser.zero_grad()
        running = method.losses(batch, lambda b: Output(features(nets[0], b)), epoch)
        found = next(running)
        sum(found.values()).backward()
        expected = loops.step(nets[1], batch, moves=moves, **plain_orders)
        gradients = [[p.grad.clone() for p in net.parameters()] for net in nets]
        rows.append((({k: float(v.detach()) for k, v in found.items()}, expected), gradients))
        for optimiser in optimisers:
            optimiser.step()
        assert next(running, None) is None
    return method, loops, rows


def banks(method, loops) -> list:
    """(ours, by loops) of every memory."""
    found = [(method.memories[m].prototypes, table(loops.bank[m])) for m in (V, R)]
    if loops.stage == 2:
        found.append((method.shared.prototypes, table(loops.shared)))
    return found


def close(ours, plain):
    torch.testing.assert_close(ours, plain, atol=1e-6, rtol=1e-6)


def compare(method, loops, rows) -> None:
    """Terms, gradients and memories, to 1e-6."""
    for (found, expected), gradients in rows:
        assert found == pytest.approx(expected, abs=1e-6)
        for ours, plain in zip(*gradients, strict=True):
            close(ours, plain)
    for ours, plain in banks(method, loops):
        close(ours, plain)


EPOCHS = (0, 36, 50, 51, 55, 56, 71, 90, 91)  # 0-based in the run of 50 + 50 epochs


@pytest.mark.parametrize("moves", ["after", "during"])
@pytest.mark.parametrize("epoch", EPOCHS)
def test_two_steps_are_the_released_ones(epoch, moves):
    compare(*play(epoch, moves=moves))


def test_the_released_order_of_writes():
    loops = Epoch(normalize(network()(PICTURES[0]).detach()), stage=2, e=0, certainty=None)
    assert loops.calls("varp") == [(V, [0, 1], R), (V, [0, 1], V), (R, [0, 1], R)]
    loops = Epoch(normalize(network()(PICTURES[0]).detach()), stage=2, e=1, certainty=None)
    assert loops.calls("varp") == [(V, [0, 1], V), (R, [0, 1], R), (R, [0, 1], V)]
    method = methods.build("dmdl")
    assert (method.write_order, method.shared_order) == ("varp", "rpva")


ORDERS = [
    {"write_order": "prav", "shared_order": "avpr"},
    {"write_order": "apvr", "shared_order": "apvr"},
]


@pytest.mark.parametrize("moves", ["after", "during"])
@pytest.mark.parametrize("orders", ORDERS)
@pytest.mark.parametrize("epoch", [56, 57])
def test_another_order_is_obeyed_and_leaves_other_memories(epoch, orders, moves):
    method, loops, rows = play(epoch, orders, steps=1, moves=moves)
    compare(method, loops, rows)
    usual = banks(*released(epoch, moves)[:2])
    for (found, _), (otherwise, _) in zip(usual, banks(method, loops), strict=True):
        assert float((found - otherwise).abs().max()) > 1e-3


@pytest.mark.parametrize("epoch", [56, 57])
def test_where_a_memory_is_asked_twice_moving_it_meanwhile_changes_the_gradient(epoch):
    gradients = [released(epoch, moves)[2][0][1][0] for moves in ("after", "during")]
    held, moved = (torch.cat([g.flatten() for g in found]) for found in gradients)
    assert 0.01 < float((moved - held).norm() / held.norm())


@cache
def released(epoch: int, moves: str):
    """``play`` in the released order, one step."""
    return play(epoch, steps=1, moves=moves)
