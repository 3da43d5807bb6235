"""One linear layer on top of frozen features: small enough to watch a loss at work.

Rows are pictures in three modalities: visible 0, infrared 1, and channel-augmented visible 2.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from vireid.clustering import prototypes
from vireid.data.augment import to_input
from vireid.data.channels import channel_exchange
from vireid.features import evaluating
from vireid.losses import Adversary, cluster_contrast, merging
from vireid.models.modality_classifier import ModalityClassifier
from vireid.types import Embeddings, Images, Modality

AUGMENTED = 2


@dataclass(frozen=True)
class ThreeModalities:
    """A table's raw features, visible pictures twice: as they are, and channel-exchanged.

    Parameters
    ----------
    x : (n, D) features behind the neck, not normalised
    modality : (n,) 0 visible, 1 infrared, 2 channel-augmented; row : (n,) of the table
    """

    x: Tensor
    modality: Tensor
    row: Tensor


def three_modalities(model, images: Images, *, seed: int = 0) -> ThreeModalities:
    """Features of a table in three modalities; ``seed`` draws the channel of augmented copies."""
    device = next(model.parameters()).device
    modality = torch.as_tensor(images.modality)
    visible = torch.nonzero(modality == Modality.VISIBLE).flatten()
    pictures = to_input(np.stack([images.resized(i) for i in range(len(images))]))
    exchanged = channel_exchange(pictures[visible], generator=torch.Generator().manual_seed(seed))
    of = torch.cat([modality, modality[visible]])
    with evaluating(model), torch.no_grad():
        x = torch.cat(
            [
                model(p.to(device), m.to(device)).x.cpu()
                for p, m in zip(
                    torch.cat([pictures, exchanged]).split(64), of.split(64), strict=True
                )
            ]
        )
    modality = torch.cat([modality, torch.full_like(visible, AUGMENTED)])
    return ThreeModalities(x, modality, torch.cat([torch.arange(len(images)), visible]))


@dataclass(frozen=True)
class Trained:
    """A layer and how the features behind it moved.

    Parameters
    ----------
    layer : the trained layer; steps : (s,) at which it was looked at
    x : (s, n, D) features then; accuracy : (s,) of the modality classifier over all rows then, or
        empty when there was none
    scale : mean length of the features at the start
    """

    layer: nn.Linear
    steps: list[int]
    x: Tensor
    accuracy: list[float]
    scale: float

    def __call__(self, features: Embeddings) -> Embeddings:
        """Unit features of a table, ``features.extract``'s, as they are behind the layer."""
        with torch.no_grad():
            x = normalize(self.layer(self.scale * features.x))
        return Embeddings(x, features.modality, features.camera, features.identity)


class Hold:
    """Contrast of every row with the prototypes of its own modality, as they were at the start.

    Parameters
    ----------
    table : ``three_modalities``; label : (images,) clusters, each modality's own, -1 outlier
    """

    def __init__(self, table: ThreeModalities, label, *, temperature: float = 0.05):
        self.label = torch.as_tensor(label)[table.row]
        self.side = (table.modality == Modality.INFRARED).long()
        self.temperature = temperature
        plain = table.modality != AUGMENTED
        self.bank = [
            prototypes(normalize(table.x[at]), self.label[at])
            for at in (plain & (self.side == m) for m in (0, 1))
        ]

    def __call__(self, y: Tensor, rows: Tensor) -> Tensor:
        """Sum of both sides' contrast of features y (b, D) of these rows."""
        found = y.new_zeros(())
        for side, bank in enumerate(self.bank):
            at = (self.side[rows] == side) & (self.label[rows] >= 0)
            if at.any():
                label = self.label[rows][at]
                found += cluster_contrast(y[at], label, bank, temperature=self.temperature)
        return found


def play(
    table: ThreeModalities,
    hold: Hold,
    *,
    beta: float,
    opponent: tuple[int, ...] | str = "light",
    steps: int = 300,
    warmup: int = 30,
    lr: float = 5e-4,
    seed: int = 0,
) -> Trained:
    """MAAL between a layer and a modality classifier, 32 pictures of each modality a step.

    Parameters
    ----------
    beta : weight of looking augmented beside ``hold``; 0 = only the classifier plays
    opponent : widths of the ``ModalityClassifier``; () = a straight cut
    steps, warmup : of both players, after steps in which only the classifier learns
    lr : of the layer's SGD; seed : of both players' batches and of the classifier
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        adversary = Adversary(ModalityClassifier(table.x.shape[1], widths=opponent))

    def loss(y: Tensor, rows: Tensor, step: int) -> Tensor | None:
        adversary.learn(y, table.modality[rows])
        if step < warmup:
            return None
        fooled = beta * adversary.fool(y, table.modality[rows]) if beta else 0.0
        return hold(y, rows) + fooled

    def accuracy(y: Tensor) -> float:
        return adversary.accuracy(y, table.modality)

    return _train(table, loss, steps=warmup + steps, lr=lr, seed=seed, look=accuracy)


def merge(
    table: ThreeModalities,
    hold: Hold,
    groups: dict[Modality, list],
    *,
    weight: float,
    steps: int = 100,
    turn: int = 10,
    lr: float = 5e-4,
    seed: int = 0,
) -> Trained:
    """UM on a layer: clusters of a group are drawn together in turns of ``turn`` steps.

    Parameters
    ----------
    groups : modality -> groups of clusters, of ``losses.merge_groups``
    weight : of both sides' ``merging`` beside ``hold``; 0 = only ``hold``
    """

    def loss(y: Tensor, rows: Tensor, step: int) -> Tensor:
        found = hold(y, rows)
        for side in Modality if weight else ():
            at = (hold.side[rows] == side) & (hold.label[rows] >= 0)
            found = found + weight * merging(
                y[at], hold.label[rows][at], groups[side], hold.bank[side],
                epoch=step // turn, temperature=hold.temperature,
            )  # fmt: skip
        return found

    return _train(table, loss, steps=steps, lr=lr, seed=seed)


def prototype_cosines(table: ThreeModalities, hold: Hold, x: Tensor) -> dict[Modality, np.ndarray]:
    """(K, K) cosines of each modality's cluster prototypes, for features x (n, D) of the table.

    Augmented copies do not count. Source: ours, to see what ``merge`` moves.
    """
    found = {}
    for side in Modality:
        at = table.modality == side
        bank = prototypes(normalize(x[at]), hold.label[at])
        found[side] = (bank @ bank.T).numpy()
    return found


def _train(
    table: ThreeModalities,
    loss: Callable,
    *,
    steps: int,
    lr: float,
    seed: int,
    look: Callable | None = None,
    batch: int = 32,
    every: int = 10,
) -> Trained:
    """SGD on a layer that starts as the identity; ``loss`` may be None for a step without one."""
    layer = nn.Linear(*[table.x.shape[1]] * 2)
    nn.init.eye_(layer.weight)
    nn.init.zeros_(layer.bias)
    optimiser = torch.optim.SGD(layer.parameters(), lr=lr, momentum=0.9)
    generator = torch.Generator().manual_seed(seed)
    parts = [
        torch.nonzero(table.modality == modality).flatten() for modality in table.modality.unique()
    ]
    seen, features, accuracy = [], [], []
    for step in range(steps + 1):
        if step % every == 0 or step == steps:
            with torch.no_grad():
                y = layer(table.x)
            seen.append(step)
            features.append(y)
            accuracy += [look(y)] if look else []
        if step == steps:
            break
        rows = torch.cat(
            [part[torch.randint(len(part), (batch,), generator=generator)] for part in parts]
        )
        if (found := loss(layer(table.x[rows]), rows, step)) is not None:
            optimiser.zero_grad()
            found.backward()
            optimiser.step()
    scale = float(table.x.norm(dim=1).mean())
    return Trained(layer, seen, torch.stack(features), accuracy, scale)
