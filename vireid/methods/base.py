"""What every method is: a dataclass of hyperparameters with three hooks for ``training.fit``.

A method never sees an identity, never touches the optimiser and never evaluates itself. Per epoch:
``relabel`` turns features into pseudo-labels (and rebuilds memories), ``batches`` says which
pictures to show, ``losses`` yields the named terms of one optimiser step at a time.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, fields
from typing import ClassVar

import numpy as np
import torch

from vireid.data import augment
from vireid.declared import check
from vireid.memory import MOVES
from vireid.methods.given import GivenLabels
from vireid.models import Output
from vireid.types import Batch, Embeddings, Modality, PseudoLabels

VIEWS = {  # letter -> (modality, view): plain and augmented visible, infrared plain and coloured
    "v": (Modality.VISIBLE, 0),
    "a": (Modality.VISIBLE, 1),
    "r": (Modality.INFRARED, 0),
    "p": (Modality.INFRARED, 1),
}
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

    choices: ClassVar[dict[str, tuple]] = {"optimiser": ("adam", "adamw", "sgd")}
    ranges: ClassVar[tuple] = (
        (
            "epochs",
            lambda v: min(v) >= 0 and sum(v) > 0,
            "give (stage 1, stage 2), at least one in all",
        ),
        ("iterations stage2_iterations", lambda v: v >= 1, "give a whole number >= 1"),
        ("lr", lambda v: v > 0, "the learning rate must be positive"),
        ("milestones", lambda v: min(v, default=0) >= 0, "epochs of a stage count from 0"),
        ("decay", lambda v: 0 < v <= 1, "give a factor in (0, 1]"),
        ("weight_decay", lambda v: v >= 0, "give a number >= 0; 0 is off"),
    )

    def __post_init__(self):
        check(self)

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
    ``networks`` what it trains in the place of a data set's usual network: name and options,
    ``stage2_fields`` the settings that nothing reads before stage 2, ``choices``, ``ranges`` and
    ``relations`` what fields may be, alone and together (see ``vireid.declared``), ``numbers`` the
    version of what its training gives: raise it with every change that moves a number
    (tests/test_numbers.py notices),
    ``words`` what its rows are, ``later`` fields that came after records had been kept: while at
    their default ``config`` leaves them out, and the runs stay the same ones. A class outside the
    package is named "module:Class", so that its records find it again.

    Parameters
    ----------
    schedule : epochs, steps and rates
    recipe : augmentation, a name of ``data.augment.RECIPES``
    bn_chunks : parts of a batch that batch norm sees each by itself, as the released runs on so
        many cards did. A part is a consecutive share of either modality; running statistics move
        with the first. The training loop does it
    moves : when memories move: "after" the optimiser's step, or "during" the backward pass, as the
        released codes do (see ``memory.Moving``)
    write_order : views in the order in which they are written into a memory; the last one weighs
        most. v plain visible, a augmented visible, r infrared, p pseudo-coloured infrared
    """

    schedule: Schedule = field(default_factory=Schedule)
    recipe: str = "pgm"
    bn_chunks: int = 1
    moves: str = "after"
    write_order: str = "var"

    name: ClassVar[str] = ""
    numbers: ClassVar[int] = 1
    title: ClassVar[str] = ""
    source: ClassVar[str] = ""
    presets: ClassVar[dict[str, dict]] = {"official": {}}
    notes: ClassVar[dict[str, str]] = {}  # preset -> what it is, where the name does not say it
    rows: ClassVar[dict[str, dict]] = {}
    switches: ClassVar[dict[str, tuple]] = {}
    networks: ClassVar[dict[str, tuple[str, dict]]] = {}
    stage2_fields: ClassVar[frozenset[str]] = frozenset()
    views: ClassVar[str] = "var"  # letters of ``write_order``
    choices: ClassVar[dict[str, tuple]] = {"moves": MOVES, "recipe": tuple(augment.RECIPES)}
    ranges: ClassVar[tuple] = (("bn_chunks", lambda v: v >= 1, "give a whole number >= 1"),)
    relations: ClassVar[tuple] = ()
    given: ClassVar[GivenLabels | None] = None  # by ``fit(labels=...)``, on the instance
    published: ClassVar[dict[str, str]] = {}  # row -> its name in data/papers.csv, where it differs
    words: ClassVar[dict[str, str]] = {}
    later: ClassVar[frozenset[str]] = frozenset()

    def __init_subclass__(cls, **options):
        super().__init_subclass__(**options)
        if cls.__module__.partition(".")[0] != "vireid":
            cls.name = f"{cls.__module__}:{cls.__qualname__}"
            cls.title = vars(cls).get("title", cls.__name__)

    def __post_init__(self):
        check(self)
        for name in ("write_order", "shared_order"):
            order = getattr(self, name, self.views)
            if sorted(order) != sorted(self.views):
                raise ValueError(f"{name}={order!r}: give each of {', '.join(self.views)} once")

    def stage1_config(self) -> dict:
        """The settings that stage 1 reads; two runs with equal ones may share their stage 1."""
        config = {k: v for k, v in self.config().items() if k not in self.stage2_fields}
        return config | {"epochs": [self.schedule.epochs[0], 0], "stage2_iterations": None}

    def written(
        self, batch: Batch, own: Modality | None = None, *, order: str | None = None
    ) -> list[tuple[str, torch.Tensor]]:
        """(view's letter, its positions in the batch) in the order of writing.

        ``own`` keeps the views of one modality; ``order`` takes the place of ``write_order``.
        """
        letters = self.write_order if order is None else order
        views = [(letter, *VIEWS[letter]) for letter in letters]
        found = [(letter, batch.of(m, v)) for letter, m, v in views if own in (None, m)]
        return [(letter, at) for letter, at in found if len(at)]

    def looks(self, epoch: int) -> tuple[str, ...]:
        """Looks of ``data.looks``, beside "plain", of which ``relabel`` wants features."""
        return ()

    @property
    def carries(self) -> bool:
        """Whether stage 2 goes on with more of stage 1 than the network (modules in ``state``)."""
        return False

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

    def unused(self, model: torch.nn.Module) -> list[torch.nn.Parameter]:
        """Parameters of the network that this setting switches off: no step moves them."""
        return []

    def rng(self, epoch: int, stream: int = 0) -> np.random.Generator:
        """The epoch's own random numbers: the same whether or not the run was resumed."""
        return np.random.default_rng([self.seed, epoch, stream])

    def check_given(self, labels: GivenLabels, modality: np.ndarray) -> None:
        """ValueError naming ``labels`` for those that this method cannot begin with."""
        labels.check(modality)

    def handed(self, rows: np.ndarray, epoch: int) -> np.ndarray | None:
        """Given labels (len(rows),) of a modality's pictures in an epoch; None: cluster them."""
        told = self.given is not None and epoch < self.given.epochs
        return self.given.of(rows) if told else None

    def loss_weights(self, epoch: int) -> dict[str, float]:
        """Name -> weight of the loss terms that ``losses`` yields in an epoch of the whole run."""
        raise _missing(self, "loss_weights")

    def augmentation(self, epoch: int) -> augment.Recipe:
        """How this epoch's pictures are augmented."""
        return augment.RECIPES[self.recipe]

    def relabel(self, train: Embeddings, epoch: int) -> dict[str, PseudoLabels]:
        """Pseudo-labels per label space from this epoch's features; memories are rebuilt here."""
        raise _missing(self, "relabel")

    def batches(
        self, labels: dict[str, PseudoLabels], epoch: int
    ) -> Iterable[Batch | tuple[Batch, ...]]:
        """``schedule.iterations`` batches (or tuples of batches) of this epoch."""
        raise _missing(self, "batches")

    def losses(self, batch, encode: Encode, epoch: int) -> Iterator[dict[str, torch.Tensor]]:
        """Yield the named loss terms of one optimiser step; what follows a yield runs after it."""
        raise _missing(self, "losses")

    def state(self) -> dict[str, torch.Tensor]:
        """Tensors beyond the network that a resumed run needs (memories are rebuilt, so: none)."""
        return {}

    def load_state(self, state: dict[str, torch.Tensor]) -> None:
        """Take back what ``state`` gave."""

    def config(self) -> dict:
        """All hyperparameters, flat, as plain values for the run record."""
        flat = {
            f.name: getattr(self, f.name)
            for f in fields(self)
            if f.name != "schedule"
            and not (f.name in self.later and getattr(self, f.name) == f.default)
        }
        flat |= {f.name: getattr(self.schedule, f.name) for f in fields(self.schedule)}
        return {k: list(v) if isinstance(v, tuple) else v for k, v in flat.items()}


def _missing(method: Method, hook: str) -> NotImplementedError:
    return NotImplementedError(
        f"{type(method).__name__} has no {hook}: write it, or let the class inherit from a method "
        "that has it, e.g. vireid.methods.bmil.BMIL"
    )
