"""MULT's released training step in plain loops: stage 1, visible and infrared epochs.

The released code moves a memory inside the backward pass, hence in the reverse order of its calls;
run on the same numbers its step gives these gradients to 1e-14 and these memories exactly.
"""

import numpy as np
import pytest
import torch
from torch.nn.functional import log_softmax, normalize, softmax

from vireid import methods
from vireid.models import Output
from vireid.types import Batch, Embeddings, Modality

V, R = Modality
TAU = 0.05
N, WIDTH, DIM = 24, 9, 6  # images (half of either modality), numbers of a picture, features
STAGE1, V_EPOCH, R_EPOCH = 0, 1, 2

# What the released step asks, in its order: (memory, view). A memory's name tells whose clusters
# its rows are and what it is for; asking moves it, by the view's label in that space.
CALLS = {
    STAGE1: [("v", "v"), ("v", "a"), ("r", "r")],
    V_EPOCH: [
        ("v", "v"), ("v", "a"), ("crossed", "r"), ("r", "r"),
        ("shared", "v"), ("shared", "a"), ("shared", "r"),
    ],
    R_EPOCH: [
        ("crossed", "v"), ("crossed", "a"), ("r", "r"), ("v", "v"), ("v", "a"),
        ("shared", "v"), ("shared", "a"), ("shared", "r"),
    ],
}  # fmt: skip
# asked after these, without moving anything
HELD = {
    STAGE1: [],
    V_EPOCH: [("crossed", "v"), ("crossed", "a"), ("v", "r")],
    R_EPOCH: [("r", "v"), ("r", "a"), ("crossed", "r")],
}
# (view that learns, view that teaches, memory that teaches); the learner is asked in "shared"
OCLR = {
    STAGE1: [],
    V_EPOCH: [
        ("v", "a", "v"), ("a", "v", "v"), ("r", "r", "crossed"),
        ("v", "a", "crossed"), ("a", "v", "crossed"), ("r", "r", "v"),
    ],
    R_EPOCH: [
        ("v", "a", "crossed"), ("a", "v", "crossed"), ("r", "r", "r"),
        ("v", "a", "r"), ("a", "v", "r"), ("r", "r", "crossed"),
    ],
}  # fmt: skip


class Net(torch.nn.Module):
    """A stem per modality, then one layer and a BN neck, in double precision."""

    def __init__(self):
        super().__init__()
        g = torch.Generator().manual_seed(1)
        self.stem = torch.nn.Parameter(torch.randn(2, WIDTH, DIM, generator=g).double() / 3)
        self.neck = torch.nn.BatchNorm1d(DIM).double()

    def forward(self, pictures, modality):
        return Output(self.neck((pictures[:, None] @ self.stem[modality])[:, 0]))


def pictures(batch: Batch):
    """A row of numbers for each picture of a batch; the second view is another one."""
    g = torch.Generator().manual_seed(2)
    every = torch.randn(2, N, WIDTH, generator=g).double()
    return every[torch.as_tensor(batch.view), torch.as_tensor(batch.rows)]


def in_training(epoch: int, **switches):
    """A method after ``relabel`` of an epoch, everything in double precision."""
    small = {"epochs": (1, 2), "iterations": 2, "stage2_iterations": 2, "bn_chunks": 1}
    small |= {"identities": 2, "instances": 3, "k1": 4, "k2": 1, "min_samples": 1, "eps": 0.7}
    m = methods.build("mult", **small | switches)
    m.start(torch.nn.Linear(1, 1).double(), seed=4)
    g = torch.Generator().manual_seed(3)
    person = torch.randn(4, DIM, generator=g)[torch.arange(N) % 4]
    x = normalize(person + 0.4 * torch.randn(N, DIM, generator=g))
    table = Embeddings(x, np.repeat([0, 1], N // 2), np.ones(N, int))
    labels = m.relabel(table, epoch)
    for memory in memories(m).values():
        memory.prototypes = memory.prototypes.double()
    return m, list(m.batches(labels, epoch))


def memories(m) -> dict:
    """Every memory of an epoch by its name above."""
    found = {"v": m.memories[V], "r": m.memories[R]}
    return found | ({"crossed": m.crossed, "shared": m.shared} if m.crossing else {})


def ours(epoch: int, **switches):
    """Losses, gradients and memories of two of our iterations."""
    m, batches = in_training(epoch, **switches)
    net, told = Net(), []
    optimiser = torch.optim.SGD(net.parameters(), lr=0.05)

    def encode(batch):
        return net(pictures(batch), torch.as_tensor(batch.modality))

    for batch in batches:
        for terms in m.losses(batch, encode, epoch):
            optimiser.zero_grad()
            loss = sum(terms.values())
            loss.backward()
            optimiser.step()
        told.append([loss.detach(), *(p.grad.clone() for p in net.parameters())])
        told[-1] += [memory.prototypes.clone() for memory in memories(m).values()]
    return told


def theirs(epoch: int, moves: str):
    """The same by plain loops, in the released order."""
    m, batches = in_training(epoch)
    net, told = Net(), []
    banks = {name: memory.prototypes.clone() for name, memory in memories(m).items()}
    space = {"v": V, "r": R} | dict.fromkeys(("crossed", "shared"), V if epoch == V_EPOCH else R)
    for batch in batches:
        for p in net.parameters():
            p.grad = None
        x = net(pictures(batch), torch.as_tensor(batch.modality)).x
        at = {"v": batch.of(V, 0), "a": batch.of(V, 1), "r": batch.of(R, 0)}
        loss, gradient = step(epoch, x.detach(), at, batch, m.labels, banks, space, moves)
        x.backward(gradient)
        with torch.no_grad():
            for p in net.parameters():
                p -= 0.05 * p.grad
        told.append([loss, *(p.grad for p in net.parameters())])
        told[-1] += [bank.clone() for bank in banks.values()]
    return told


def step(epoch, x, at, batch, labels, banks, space, moves):
    """(loss, its gradient by the features); moves the banks."""
    f = {view: normalize(x[rows]) for view, rows in at.items()}
    asked = CALLS[epoch] + HELD[epoch]
    logits = {
        (bank, view): (f[view] @ banks[bank].T / TAU).requires_grad_() for bank, view in asked
    }
    before = {name: bank.clone() for name, bank in banks.items()}
    loss = sum(
        soft_contrast(logits[bank, view], labels[space[bank]].soft[batch.rows[at[view]]])
        for bank, view in CALLS[epoch]
    )
    for learner, teacher, bank in OCLR[epoch]:
        loss = loss + oclr(logits["shared", learner], logits[bank, teacher])
    loss.backward()
    through = {view: torch.zeros_like(rows) for view, rows in f.items()}
    for bank, view in reversed(asked):
        held = moves == "after" or (bank, view) in HELD[epoch]
        through[view] += logits[bank, view].grad @ (before if held else banks)[bank] / TAU
        if (bank, view) in CALLS[epoch]:
            hard = labels[space[bank]].hard[batch.rows[at[view]]]
            for y, row in zip(hard, f[view], strict=True):  # one sample after the other
                banks[bank][y] = normalize(0.1 * banks[bank][y] + 0.9 * row, dim=0)
    return loss.detach(), past_the_norm(x, at, through)


def soft_contrast(logits, soft):
    """Mean over images of -sum_k y_k log p_k."""
    total = 0.0
    for row, y in zip(logits, soft, strict=True):
        log_p = log_softmax(row, 0)
        total = total - sum(float(t) * p for t, p in zip(y, log_p, strict=True))
    return total / len(logits)


def oclr(learner, teacher):
    """Mean cross entropy under the teacher's prediction at a fifth of the temperature."""
    total = 0.0
    for p, t in zip(learner, teacher, strict=True):
        total = total - (softmax(5 * t, 0) * log_softmax(p, 0)).sum()
    return total / len(learner)


def past_the_norm(x, at, through):
    """Gradient by x from the one by x / |x|: what points along x is lost."""
    gradient = torch.zeros_like(x)
    for view, rows in at.items():
        for i, g in zip(rows.tolist(), through[view], strict=True):
            unit = x[i] / x[i].norm()
            gradient[i] = (g - (g @ unit) * unit) / x[i].norm()
    return gradient


@pytest.mark.parametrize("moves", ["after", "during"])
@pytest.mark.parametrize("epoch", [STAGE1, V_EPOCH, R_EPOCH])
def test_two_iterations_are_the_released_ones(epoch, moves):
    for found, expected in zip(ours(epoch, moves=moves), theirs(epoch, moves), strict=True):
        for a, b in zip(found, expected, strict=True):
            assert torch.allclose(a, b, rtol=0, atol=1e-6)


@pytest.mark.parametrize("epoch", [STAGE1, V_EPOCH, R_EPOCH])
def test_gradients_differ_where_memories_move_during_the_backward_pass(epoch):
    """As much as the released code's do: where a memory is asked more than once."""
    (held, *_), (moved, *_) = (theirs(epoch, moves) for moves in ("after", "during"))
    gap = (held[1] - moved[1]).norm() / held[1].norm()
    assert gap > 0.1
    assert held[0] == moved[0]  # the first step's loss does not


@pytest.mark.parametrize("moves", ["after", "during"])
@pytest.mark.parametrize("epoch", [STAGE1, V_EPOCH, R_EPOCH])
def test_the_order_of_writes_is_the_settings(epoch, moves):
    """A memory that one view alone is written into, infrared, does not feel it; the others do."""
    names = list(memories(in_training(epoch)[0]))
    released, other = (
        ours(epoch, moves=moves, write_order=order)[0][-len(names) :] for order in ("rav", "var")
    )
    for name, a, b in zip(names, released, other, strict=True):
        views = {view for bank, view in CALLS[epoch] if bank == name}
        apart = (a - b).norm(dim=1).max()
        assert apart > 0.1 if len(views) > 1 else apart < 1e-12
