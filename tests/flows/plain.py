"""Released training steps in plain loops: what the flows' tests hold the methods against.

The released codes of this field keep a memory inside an autograd function. In the forward pass each
call makes logits; in the backward pass, which meets the calls from the last to the first, the
gradient goes through the prototypes as they are by then, and afterwards they move. ``step`` plays
that by hand, without autograd behind the logits, and holds the prototypes still where told to.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy


@dataclass
class Bank:
    """One released memory: rows (K, d), or 2K where a hard bank lies under the mean one."""

    rows: Tensor
    momentum: float
    hybrid: bool = False

    def write(self, x: Tensor, label: Tensor) -> None:
        """Move by the features of one call."""
        (self._hybrid if self.hybrid else self._one_by_one)(x, label.tolist())

    def _one_by_one(self, x, label) -> None:
        for feature, y in zip(x, label, strict=True):
            self._move(y, feature)

    def _hybrid(self, x, label) -> None:
        below = len(self.rows) // 2
        for y in sorted(set(label)):
            own = [feature for feature, other in zip(x, label, strict=True) if other == y]
            cosine = [float(feature @ self.rows[y]) for feature in own]
            self._move(y, sum(own) / len(own))
            self._move(y + below, own[cosine.index(min(cosine))])

    def _move(self, y: int, towards: Tensor) -> None:
        row = self.momentum * self.rows[y] + (1 - self.momentum) * towards
        self.rows[y] = row / row.norm()


@dataclass
class Call:
    """One use of a memory: which features, their rows in it, and a loss of the logits (b, K)."""

    bank: Bank
    at: Tensor
    label: Tensor
    loss: Callable[[Tensor], Tensor]


def step(x: Tensor, calls: list[Call], *, moves: str, temperature: float = 0.05) -> Tensor:
    """Backward through unit features x (b, d) and the writes of all calls; returns the losses."""
    seen = []
    for call in calls:
        score = (x.detach()[call.at] @ call.bank.rows.T / temperature).requires_grad_()
        loss = call.loss(score)
        loss.backward()
        seen.append((call, score.grad, loss.detach()))
    gradient = torch.zeros_like(x)
    for call, of_score, _ in reversed(seen):
        gradient[call.at] += of_score @ call.bank.rows / temperature
        if moves == "during":
            call.bank.write(x.detach()[call.at], call.label)
    if moves == "after":
        for call, _, _ in reversed(seen):
            call.bank.write(x.detach()[call.at], call.label)
    x.backward(gradient)
    return torch.stack([loss for _, _, loss in seen])


def means(x: Tensor, label) -> Tensor:
    """Unit mean features (K, d) of the labels 0..K-1."""
    label = torch.as_tensor(label)
    rows = [sum(x[label == y]) / int((label == y).sum()) for y in range(int(label.max()) + 1)]
    return torch.stack([row / row.norm() for row in rows])


def contrast(label: Tensor, weight: float = 1.0) -> Callable[[Tensor], Tensor]:
    """Weighted mean cross entropy of logits with their labels."""
    return lambda score: weight * cross_entropy(score, label)


def triplet(x: Tensor, label: list[int], margin: float = 0.3) -> Tensor:
    """Batch-hard triplet loss of features of any length."""
    total = 0
    for i, a in enumerate(label):
        d = [((x[i] - other) ** 2).sum().clamp(min=1e-12).sqrt() for other in x]
        far = max(v for v, b in zip(d, label, strict=True) if b == a)
        near = min(v for v, b in zip(d, label, strict=True) if b != a)
        total = total + torch.clamp(margin + far - near, min=0)
    return total / len(label)


def discrepancy(x: Tensor, y: Tensor) -> Tensor:
    """DMDL's alignment of two views (b, d): MMD with five kernels, equal rows left out inside."""
    z, b = torch.cat([x, y]), len(x)
    square = [[((p - q) ** 2).sum() for q in z] for p in z]
    width = sum(float(v.detach()) for row in square for v in row) / (4 * b * b - 2 * b) / 4
    k = [[sum(torch.exp(-v / (width * 2**u)) for u in range(5)) for v in row] for row in square]
    inside = [(p, q) for p in range(2 * b) for q in range(2 * b) if p != q and (p < b) == (q < b)]
    cross = [(p, q) for p in range(b) for q in range(b, 2 * b)]
    return sum(k[p][q] for p, q in inside) / (b * b - b) - 2 * sum(k[p][q] for p, q in cross) / b**2
