"""Prototype memories: one unit row per cluster, moved by a visible ``update()`` after a step.

A memory is a constant for gradients and a loss never writes to one. ``update`` puts a new tensor in
the place of the old, so losses of the running step keep the bank they were computed with. A memory
with ``moves="during"`` is the exception that the released codes of this field make: it moves inside
the backward pass, see ``Moving``.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import normalize

from vireid.arguments import TINY, check_labels, check_momentum, check_rows, unit_rows

MOVES = ("after", "during")


class Memory:
    r"""One bank of prototypes.

    .. math:: \phi_y \leftarrow \operatorname{norm}(\mu \phi_y + (1 - \mu) f)

    Parameters
    ----------
    prototypes : (K, d), normalised inside and copied; the memory lives where they do
    momentum : mu in (0, 1], the weight of the *old* prototype
    rule : "sequential": sample by sample in batch order, so the last one seen weighs most;
        "mean": once per label, with the average of the label's samples;
        "hard": once per label, with the sample least similar to the prototype
    moves : "after" the optimiser's step, by ``update``; "during" the backward pass, as the released
        codes do, where ``seen_by`` says so and ``update`` does nothing

    Attributes: ``prototypes`` (K, d) unit rows, ``momentum``, ``rule``, ``moves``.
    Raises ValueError for a wrong momentum, rule or moves and for NaN, infinite or zero prototypes.
    Source: Dai et al. 2022, Cluster Contrast (arXiv 2103.11568). Differs: released codes of this
    field move the bank inside autograd's backward pass; here that is ``moves="during"``.
    """

    def __init__(
        self,
        prototypes: Tensor,
        *,
        momentum: float,
        rule: str = "sequential",
        moves: str = "after",
    ):
        if rule not in RULES:
            raise ValueError(f"rule={rule!r}; known: {', '.join(RULES)}")
        self.prototypes = _bank(prototypes)
        self.momentum, self.rule = float(check_momentum(momentum)), rule
        self.moves = check_moves(moves)

    def __len__(self) -> int:
        return len(self.prototypes)

    def seen_by(self, label: Tensor) -> "Tensor | Moving":
        """What a loss compares features with pseudo-labels (b,) with, -1 for those that move none.

        The prototypes; with ``moves="during"`` a bank that moves once their gradient is known.
        """
        return self.prototypes if self.moves == "after" else Moving(self, label)

    def update(self, x: Tensor, label: Tensor, *, momentum: Tensor | float | None = None) -> None:
        """``move`` after a step; nothing is left to do where the memory moved during it."""
        if self.moves == "after":
            self.move(x, label, momentum=momentum)

    @torch.no_grad()
    def move(self, x: Tensor, label: Tensor, *, momentum: Tensor | float | None = None) -> None:
        """Move the prototypes of the labels in a batch towards its features, now.

        Parameters
        ----------
        x : (b, d) features, detached and normalised inside; b = 0 changes nothing
        label : (b,) row of the memory each feature belongs to, 0..K-1
        momentum : for this call only; a number, or (b,) one per sample (sequential rule only)

        All other rows stay bit-identical, and after an error every row does.
        Raises ValueError (LabelError for labels) naming the argument.
        """
        x, label = _samples(self.prototypes, x, label)
        momentum = check_momentum(self.momentum if momentum is None else momentum).to(x)
        if momentum.ndim and (self.rule != "sequential" or momentum.shape != label.shape):
            raise ValueError(
                f"momentum of shape {tuple(momentum.shape)} for {len(x)} samples and rule="
                f"{self.rule!r}; a momentum per sample needs one each and the sequential rule"
            )
        if len(x):
            self.prototypes = RULES[self.rule](self.prototypes.clone(), x, label, momentum)


@dataclass(frozen=True)
class Moving:
    """A memory as the released codes hold it: it moves while gradients flow back through it.

    Logits are made with the prototypes as they are. In the backward pass, which runs through the
    calls of a step from the last to the first, their gradient is taken through the prototypes as
    they are *then*, moved by the later calls; after that the memory moves by this call's features.

    Parameters
    ----------
    memory : the memory
    label : (b,) its row for each feature, -1 for features that move nothing
    """

    memory: "Memory | _Half"
    label: Tensor

    def __len__(self) -> int:
        return len(self.memory)

    @property
    def shape(self) -> torch.Size:
        """(K, d), as of the prototypes."""
        return self.memory.prototypes.shape

    def similarity(self, x: Tensor) -> Tensor:
        """Cosines (b, K) of unit rows x (b, d) with the prototypes."""
        return _Through.apply(x, self)


class _Through(torch.autograd.Function):
    """x P^T whose backward pass moves P."""

    @staticmethod
    def forward(ctx, x: Tensor, bank: Moving) -> Tensor:
        ctx.bank = bank
        ctx.save_for_backward(x)
        return x @ bank.memory.prototypes.to(x).T

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, None]:
        (x,), bank = ctx.saved_tensors, ctx.bank
        through = gradient @ bank.memory.prototypes.to(gradient)
        label = torch.as_tensor(bank.label, device=x.device)
        bank.memory.move(x[label >= 0], label[label >= 0])
        return through, None


class HybridMemory:
    """A mean and a hard bank over the same clusters, both starting at the same prototypes.

    Per label of a batch the mean bank moves by the average of its samples, the hard bank by the
    sample least similar to the *mean* prototype as it was before the update. Neither sees the order
    of the samples.

    Parameters
    ----------
    prototypes : (K, d), normalised inside and copied
    momentum : mu in (0, 1], the weight of the old prototype
    moves : as of ``Memory``

    Attributes: ``mean`` and ``hard``, (K, d) unit rows each, ``momentum`` and ``moves``.
    Source: BMIL, released code (option CMhybrid). Differs: the paper writes one bank.
    """

    def __init__(self, prototypes: Tensor, *, momentum: float, moves: str = "after"):
        self.mean = _bank(prototypes)
        self.hard = self.mean.clone()
        self.momentum, self.moves = float(check_momentum(momentum)), check_moves(moves)

    def __len__(self) -> int:
        return len(self.mean)

    def seen_by(self, label: Tensor) -> "tuple[Tensor, Tensor] | tuple[Moving, Moving]":
        """(mean, hard) for a loss, as ``Memory.seen_by``; to be used in this order.

        The hard bank, used last, so moves first: by the mean prototypes before they move.
        """
        if self.moves == "after":
            return self.mean, self.hard
        return Moving(_Half(self, "mean"), label), Moving(_Half(self, "hard"), label)

    def update(self, x: Tensor, label: Tensor) -> None:
        """``move`` both banks after a step; nothing is left to do where they moved during it."""
        if self.moves == "after":
            self.move(x, label)

    @torch.no_grad()
    def move(self, x: Tensor, label: Tensor, *, banks: tuple[str, ...] = ("mean", "hard")) -> None:
        """Move both banks, or one, now; arguments and errors as in ``Memory.move``."""
        x, label = _samples(self.mean, x, label)
        if not len(x):
            return
        present, member = _members(label)
        towards = {
            "mean": lambda: _average(x, member),
            "hard": lambda: _hardest(self.mean, x, label, member),
        }
        moved = {
            bank: _move(getattr(self, bank).clone(), present, towards[bank](), self.momentum)
            for bank in banks
        }
        vars(self).update(moved)


@dataclass(frozen=True)
class _Half:
    """One bank of a hybrid memory, by name, in the form that ``Moving`` wants."""

    whole: HybridMemory
    bank: str

    def __len__(self) -> int:
        return len(self.whole)

    @property
    def prototypes(self) -> Tensor:
        return getattr(self.whole, self.bank)

    def move(self, x: Tensor, label: Tensor) -> None:
        self.whole.move(x, label, banks=(self.bank,))


def _sequential(bank: Tensor, x: Tensor, label: Tensor, momentum: Tensor) -> Tensor:
    """Exactly one sample after the other, yet vectorised: turn t moves the t-th sample of every
    label at once, because different labels do not see each other.
    """
    momentum = momentum.expand(len(x))
    order = label.argsort(stable=True)
    _, count = label[order].unique_consecutive(return_counts=True)
    turn = torch.empty_like(label)
    place = torch.arange(len(label), device=x.device)
    turn[order] = place - (count.cumsum(0) - count).repeat_interleave(count)
    for t in range(int(count.max())):
        now = turn == t
        _move(bank, label[now], x[now], momentum[now, None])
    return bank


def _mean(bank: Tensor, x: Tensor, label: Tensor, momentum: Tensor) -> Tensor:
    present, member = _members(label)
    return _move(bank, present, _average(x, member), momentum)


def _hard(bank: Tensor, x: Tensor, label: Tensor, momentum: Tensor) -> Tensor:
    present, member = _members(label)
    return _move(bank, present, _hardest(bank, x, label, member), momentum)


RULES: dict[str, Callable] = {"sequential": _sequential, "mean": _mean, "hard": _hard}


def _members(label: Tensor) -> tuple[Tensor, Tensor]:
    """Labels present (l,), and who has which (l, b) bool."""
    present = label.unique()
    return present, present[:, None] == label[None]


def _average(x: Tensor, member: Tensor) -> Tensor:
    """(l, d) mean of each label's samples, not renormalised."""
    member = member.to(x.dtype)
    return member @ x / member.sum(1, keepdim=True)


def _hardest(bank: Tensor, x: Tensor, label: Tensor, member: Tensor) -> Tensor:
    """(l, d) sample of each label with the smallest cosine to its prototype; ties: the first."""
    cosine = (x * bank[label]).sum(1).expand(member.shape)  # (l, b)
    return x[cosine.masked_fill(~member, torch.inf).argmin(1)]


def _move(bank: Tensor, rows: Tensor, new: Tensor, momentum: Tensor | float) -> Tensor:
    """The bank, its given (distinct) rows moved in place towards new (l, d)."""
    mix = momentum * bank[rows] + (1 - momentum) * new
    if (cancelled := mix.norm(dim=1) < TINY).any():
        raise ValueError(
            f"x: the feature of label {int(rows[cancelled][0])} is opposite to its prototype and "
            "with momentum 0.5 cancels it; nothing was written, use another momentum"
        )
    bank[rows] = normalize(mix)
    return bank


def _bank(prototypes: Tensor) -> Tensor:
    """Checked, normalised, detached copy."""
    prototypes = check_rows(prototypes, "prototypes").detach()
    if zero := int((prototypes.norm(dim=1) < TINY).sum()):
        raise ValueError(f"prototypes: {zero} of {len(prototypes)} rows are zero; drop them")
    return normalize(prototypes).clone()


def _samples(bank: Tensor, x: Tensor, label: Tensor) -> tuple[Tensor, Tensor]:
    """Checked unit features in the bank's number format and place, and their labels."""
    x = unit_rows(x, "x").detach().to(bank)
    if x.shape[1] != bank.shape[1]:
        raise ValueError(f"x has shape {tuple(x.shape)}, the memory {tuple(bank.shape)}")
    return x, check_labels(label, len(x), len(bank), "label").to(bank.device)


def check_moves(moves: str) -> str:
    """``moves``, or ValueError when memories move at no such time."""
    if moves not in MOVES:
        raise ValueError(f"moves={moves!r}; known: {', '.join(MOVES)}")
    return moves
