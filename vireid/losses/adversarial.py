"""MAAL: a classifier learns to tell three modalities apart, the network learns to look augmented.

Channel-augmented pictures are the bridge: visible and infrared features are both told to pass for
them.
"""

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.functional import cross_entropy

from vireid.arguments import check_rows, tensor_of

AUGMENTED = 2


def maal(logits: Tensor, modality: Tensor) -> tuple[Tensor, Tensor]:
    r"""Both sides' losses: telling each modality apart, and passing for the augmented one; nats.

    .. math:: L_{mod} = \sum_m \operatorname{mean}_{i \in B_m} CE(D(f_i), m), \quad
              L_{ca} = \sum_m \operatorname{mean}_{i \in B_m} CE(D(f_i), c)

    Parameters
    ----------
    logits : (b, 3) of a ``ModalityClassifier``
    modality : (b,) 0 visible, 1 infrared, 2 channel-augmented

    Returns (L_mod, L_ca), each a sum of up to three means; a modality that is absent adds nothing.
    Raises ValueError for NaN, wrong shapes or modalities.
    Source: multi-module framework (MAAL), after PCAL's released code.
    """
    modality = tensor_of(modality, device=logits.device)
    if logits.ndim != 2 or logits.shape[1] != 3 or modality.shape != logits.shape[:1]:
        raise ValueError(
            f"logits {tuple(logits.shape)} and modality {tuple(modality.shape)}: (b, 3) and (b,)"
        )
    if modality.is_floating_point() or modality.dtype == torch.bool:
        raise ValueError(f"modality is {modality.dtype}; give whole numbers 0, 1 and 2")
    logits, modality = check_rows(logits, "logits"), modality.long()
    if len(modality) and not 0 <= int(modality.min()) <= int(modality.max()) <= AUGMENTED:
        raise ValueError(f"modality holds {modality.unique().tolist()}; 0, 1 and 2 exist")
    share = 1 / modality.bincount(minlength=3).clamp_min(1).to(logits.dtype)
    weight = share[modality]  # a row's part in its modality's mean
    own = cross_entropy(logits, modality, reduction="none")
    bridge = cross_entropy(logits, torch.full_like(modality, AUGMENTED), reduction="none")
    return (weight * own).sum(), (weight * bridge).sum()


class Adversary:
    """The classifier with its own optimiser; ``learn`` and ``fool`` are the two halves of a turn.

    Call ``learn`` once per iteration, then add ``beta * fool`` to the network's loss.

    Parameters
    ----------
    classifier : a ``ModalityClassifier``, trained here and nowhere else
    alpha : weight of L_mod in the classifier's step
    lr : of SGD with Nesterov momentum 0.9 and weight decay 5e-4; times 0.1 every ``decay_every``
        epochs

    Raises ValueError for a negative alpha or a learning rate that is not positive.
    Source: multi-module framework (MAAL, alpha = 1, beta = 0.1); PCAL's released code for the
    optimiser.
    """

    def __init__(
        self, classifier: nn.Module, *, alpha: float = 1.0, lr: float = 0.01, decay_every: int = 20
    ):
        if alpha < 0 or lr <= 0 or decay_every < 1:
            raise ValueError(f"alpha={alpha}, lr={lr}, decay_every={decay_every}: too small")
        self.classifier, self.alpha, self.lr, self.decay_every = classifier, alpha, lr, decay_every
        self.optimiser = torch.optim.SGD(
            classifier.parameters(), lr=lr, momentum=0.9, nesterov=True, weight_decay=5e-4
        )

    def epoch(self, epoch: int) -> None:
        """Set the learning rate of an epoch counted from 0."""
        for group in self.optimiser.param_groups:
            group["lr"] = self.lr * 0.1 ** (epoch // self.decay_every)

    def learn(self, x: Tensor, modality: Tensor) -> Tensor:
        """One classifier step on alpha * L_mod; x (b, dim) is detached here. Returns L_mod."""
        self.classifier.train()
        mod, _ = maal(self.classifier(x.detach()), modality)
        self.optimiser.zero_grad()
        (self.alpha * mod).backward()
        self.optimiser.step()
        return mod.detach()

    def fool(self, x: Tensor, modality: Tensor) -> Tensor:
        """L_ca of x under the classifier as it now is; gradients reach x and never the classifier.

        The classifier's running statistics are copies too, so it is left exactly as it was.
        """
        frozen = {name: p.detach() for name, p in self.classifier.named_parameters()}
        frozen |= {name: b.clone() for name, b in self.classifier.named_buffers()}
        self.classifier.train()
        return maal(functional_call(self.classifier, frozen, (x,)), modality)[1]

    @torch.no_grad()
    def accuracy(self, x: Tensor, modality: Tensor) -> float:
        """Share of rows whose modality the classifier (in evaluation mode) names rightly."""
        guess = self.classifier.eval()(x).argmax(1)
        return float((guess == tensor_of(modality, device=x.device)).float().mean())

    def state(self) -> dict:
        """Classifier and optimiser, for a checkpoint."""
        return {
            "classifier": self.classifier.state_dict(),
            "optimiser": self.optimiser.state_dict(),
        }

    def load_state(self, state: dict) -> None:
        """Take back what ``state`` gave."""
        self.classifier.load_state_dict(state["classifier"])
        self.optimiser.load_state_dict(state["optimiser"])
