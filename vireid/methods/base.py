"""What every method is: a dataclass of hyperparameters with three hooks for ``training.fit``.

A method never sees an identity, never touches the optimiser and never evaluates itself. Per epoch:
``relabel`` turns features into pseudo-labels (and rebuilds memories), ``batches`` says which
pictures to show, ``losses`` yields the named terms of one optimiser step at a time.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import ClassVar

import numpy as np
import torch

from vireid.data import augment
from vireid.models import Output
from vireid.types import Batch, Embeddings, PseudoLabels

Encode = Callable[..., Output]  # encode(batch), or encode(batch, at) for some of its positions


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """Epochs, steps and learning rate of the two stages; each stage starts a fresh optimiser.

    Parameters
    ----------
    epochs : (stage 1, stage 2)
    iterations : batches per epoch
    stage2_iterations : batches per epoch of stage 2; None = as many
    lr : learning rate at the start of each stage
    milestones : epochs (counted within a stage) at which the rate is multiplied by ``decay``
    optimiser : "adam", "adamw" or "sgd" (momentum 0.9)
    """

    epochs: tuple[int, int] = (50, 50)
    iterations: int = 200
    stage2_iterations: int | None = None
    lr: float = 3.5e-4
    milestones: tuple[int, ...] = (20, 40)
    decay: float = 0.1
    weight_decay: float = 5e-4
    optimiser: str = "adam"

    def __post_init__(self):
        if len(self.epochs) != 2 or min(self.epochs) < 0 or sum(self.epochs) == 0:
            raise ValueError(f"epochs={self.epochs}: give (stage 1, stage 2), at least one in all")
        if self.iterations < 1 or self.lr <= 0:
            raise ValueError(f"iterations={self.iterations}, lr={self.lr}: both must be positive")
        if self.stage2_iterations is not None and self.stage2_iterations < 1:
            raise ValueError(
                f"stage2_iterations={self.stage2_iterations}: give a whole number >= 1, or None"
            )
        if self.optimiser not in ("adam", "adamw", "sgd"):
            raise ValueError(f"optimiser={self.optimiser!r}; known: adam, adamw, sgd")

    def stage_of(self, epoch: int) -> tuple[int, int]:
        """(stage 1 or 2, epoch within that stage) of a 0-based epoch of the whole run."""
        if not 0 <= epoch < sum(self.epochs):
            raise ValueError(f"epoch {epoch} is outside this run of {self.epochs} epochs")
        first = self.epochs[0]
        return (1, epoch) if epoch < first else (2, epoch - first)

    def lr_at(self, epoch: int) -> float:
        """Learning rate of a 0-based epoch of the whole run."""
        _, e = self.stage_of(epoch)
        return self.lr * self.decay ** sum(e >= m for m in self.milestones)

    def iterations_of(self, epoch: int) -> int:
        """Batches in a 0-based epoch of the whole run."""
        stage, _ = self.stage_of(epoch)
        return self.iterations if stage == 1 else self.stage2_iterations or self.iterations

    def iterations_before(self, epoch: int) -> int:
        """Batches in all epochs before this one."""
        return sum(self.iterations_of(e) for e in range(epoch))

    def make_optimiser(self, parameters) -> torch.optim.Optimizer:
        """A fresh optimiser at the stage's starting rate."""
        if self.optimiser == "sgd":
            return torch.optim.SGD(
                parameters, lr=self.lr, momentum=0.9, weight_decay=self.weight_decay
            )
        kind = torch.optim.Adam if self.optimiser == "adam" else torch.optim.AdamW
        return kind(parameters, lr=self.lr, weight_decay=self.weight_decay)


@dataclass(kw_only=True)
class Method:
    """Base of all methods; see the module's head for the life of one epoch.

    Class attributes: ``name`` in the method table, ``title`` for legends, ``source`` the paper,
    ``presets`` whole settings (by data set or by paper/code), ``rows`` the paper's ablation rows as
    changes to a preset, ``switches`` the fields an ablation widget offers, each with its values,
    ``networks`` what this method needs in the place of a data set's usual network,
    ``one_stage1`` whether rows and switches change nothing before stage 2, so that one stage 1 does
    for all of them.
    """

    schedule: Schedule = field(default_factory=Schedule)
    recipe: str = "pgm"  # augmentation, a name of data.augment's recipes

    name: ClassVar[str] = ""
    title: ClassVar[str] = ""
    source: ClassVar[str] = ""
    presets: ClassVar[dict[str, dict]] = {"official": {}}
    rows: ClassVar[dict[str, dict]] = {}
    switches: ClassVar[dict[str, tuple]] = {}
    networks: ClassVar[dict[str, str]] = {}
    one_stage1: ClassVar[bool] = True
    published: ClassVar[dict[str, str]] = {}  # row -> its name in data/papers.csv, where it differs

    def check_fields(self, choices: Mapping[str, Sequence], ranges: Iterable[tuple] = ()) -> None:
        """ValueError naming the first field that is none of its choices or outside its range.

        Parameters
        ----------
        choices : field -> what it may be
        ranges : (fields with blanks between, what fits, what to do otherwise); None always fits
        """
        for name, known in choices.items():
            if (value := getattr(self, name)) not in known:
                raise ValueError(f"{name}={value!r}; known: {', '.join(map(str, known))}")
        for names, fits, words in ranges:
            for name in names.split():
                if (value := getattr(self, name)) is not None and not fits(value):
                    raise ValueError(f"{name}={value}: {words}")

    @property
    def unsupervised(self) -> bool:
        """False only for upper bounds that are given the true identities."""
        return True

    @property
    def steps(self) -> int:
        """Optimiser steps of the whole run."""
        return self.schedule.iterations_before(sum(self.schedule.epochs))

    def start(self, model: torch.nn.Module, seed: int) -> None:
        """Called once before the first epoch, and on resume; extra modules are made here."""
        self.seed = seed

    def rng(self, epoch: int, stream: int = 0) -> np.random.Generator:
        """The epoch's own random numbers: the same whether or not the run was resumed."""
        return np.random.default_rng([self.seed, epoch, stream])

    def augmentation(self, epoch: int) -> augment.Recipe:
        """How this epoch's pictures are augmented."""
        return augment.RECIPES[self.recipe]

    def relabel(self, train: Embeddings, epoch: int) -> dict[str, PseudoLabels]:
        """Pseudo-labels per label space from this epoch's features; memories are rebuilt here."""
        raise NotImplementedError

    def batches(
        self, labels: dict[str, PseudoLabels], epoch: int
    ) -> Iterable[Batch | tuple[Batch, ...]]:
        """``schedule.iterations`` batches (or tuples of batches) of this epoch."""
        raise NotImplementedError

    def losses(self, batch, encode: Encode, epoch: int) -> Iterator[dict[str, torch.Tensor]]:
        """Yield the named loss terms of one optimiser step; what follows a yield runs after it."""
        raise NotImplementedError

    def state(self) -> dict[str, torch.Tensor]:
        """Tensors beyond the network that a resumed run needs (memories are rebuilt, so: none)."""
        return {}

    def load_state(self, state: dict[str, torch.Tensor]) -> None:
        """Take back what ``state`` gave."""

    def config(self) -> dict:
        """All hyperparameters, flat, as plain values for the run record."""
        flat = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "schedule"}
        flat |= {f.name: getattr(self.schedule, f.name) for f in fields(self.schedule)}
        return {k: list(v) if isinstance(v, tuple) else v for k, v in flat.items()}
