"""MCF: channel augmentation as a third modality, and four modules that work on one another.

Phase 1 clusters each modality and plays MAAL against a modality classifier, with PA-CBAM in the
network. Phase 2 matches clusters greedily (VRA), learns from regional neighbours (VRNL) and merges
clusters that share a partner (UM). ``sides`` holds an epoch's clusters, ``links`` what crosses the
gap, ``terms`` the weighted losses.
"""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from vireid.clustering import NoClustersError
from vireid.data import sampler
from vireid.data.augment import RECIPES, Recipe
from vireid.losses import Adversary
from vireid.memory import Memory
from vireid.methods.given import GivenLabels
from vireid.methods.mcf import terms
from vireid.methods.mcf.links import Links, joint_label, link
from vireid.methods.mcf.settings import Settings
from vireid.methods.mcf.sides import cluster_similarity, make_sides
from vireid.models.modality_classifier import ModalityClassifier
from vireid.types import Batch, Embeddings, Modality, PseudoLabels

AUGMENTED = 2  # modality number of channel-augmented visible pictures, in MAAL


class AllNoiseError(NoClustersError, RuntimeError):
    """Neither modality has clusters to learn from."""


@dataclass(kw_only=True)
class MCF(Settings):
    """Multi-module collaborative framework with channel augmentation as a third modality.

    Networks without regions count as one region. Raises ValueError for settings out of range and,
    when training starts, for ``pa_cbam`` with a network that holds none and for more
    ``min_regions`` than a network has.
    Source: multi-module framework; where its equations are lost, its ancestors TokenMatcher, PCAL
    and CALR. Differs: memories start from unit features. An epoch's features hold no augmented
    pictures: with ca_memory="shared" there is no memory of theirs, and with "own" it starts at the
    visible prototypes. A modality with a single cluster, whose loss would be 0, is left out with a
    warning, and so are VRA and UM of that epoch; two such modalities end the training. Colour
    jitter follows the crop. In phase 2 the classifier's rate starts afresh.
    """

    name = "mcf"
    title = "MCF"
    source = "multi-module collaborative framework"
    networks = {
        "small": ("regions_small", {}),
        "squeezenet": ("regions_squeezenet", {}),
        "agw": ("vit", {}),
    }

    @property
    def carries(self) -> bool:
        """The modality classifier of phase 1 plays on in phase 2."""
        return self.maal

    @property
    def unsupervised(self) -> bool:
        """False for the oracle row, which is given the true identities."""
        return self.clustering != "oracle"

    def start(self, model: torch.nn.Module, seed: int) -> None:
        """Switch the network's PA-CBAM; make the modality classifier and its optimiser."""
        super().start(model, seed)
        if self.pa_cbam and getattr(model, "attention", None) is None:
            raise ValueError(
                f"pa_cbam=True, but this {type(model).__name__} holds no PA-CBAM; take a region "
                "network (regions_small, regions_squeezenet, vit with attention) or pa_cbam=False"
            )
        if hasattr(model, "attend"):
            model.attend.fill_(self.pa_cbam)
        self.regions = getattr(model, "regions", 1)
        if self.vrnl and (self.min_regions or 1) > self.regions:
            raise ValueError(
                f"min_regions={self.min_regions}, but this {type(model).__name__} has "
                f"{self.regions} region(s); give from 1 to that, or None for all"
            )
        self.device = next(model.parameters()).device
        if self.maal:
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(seed)
                opponent = ModalityClassifier(model.dim, widths=self.classifier).to(self.device)
            self.adversary = Adversary(opponent, alpha=self.alpha, lr=self.classifier_lr)

    def check_given(self, labels: GivenLabels, modality: np.ndarray) -> None:
        """One labelled modality is enough; true partners need clusters by true identities."""
        labels.check(modality, sides=1)
        first, second = self.schedule.epochs
        if not self.unsupervised and second and labels.epochs > first:
            raise ValueError(
                f"labels for {labels.epochs} epochs reach into stage 2, which pairs true "
                f"identities (clustering='oracle'); give them for the {first} of stage 1 at most"
            )

    def unused(self, model: torch.nn.Module) -> list[torch.nn.Parameter]:
        """PA-CBAM's, when it is off."""
        attention = getattr(model, "attention", None)
        return [] if self.pa_cbam or attention is None else list(attention.parameters())

    def augmentation(self, epoch: int) -> Recipe:
        """The recipe of the epoch's stage."""
        stage, _ = self.schedule.stage_of(epoch)
        changed = stage == 2 and self.stage2_recipe
        return RECIPES[self.stage2_recipe] if changed else super().augmentation(epoch)

    def relabel(self, train: Embeddings, epoch: int) -> dict[str, PseudoLabels]:
        """Cluster both modalities and start their memories; in stage 2 also link them."""
        self.modality, self.camera = train.modality.numpy(), train.camera.numpy()
        stage, within = self.schedule.stage_of(epoch)
        momentum = self.stage2_momentum if stage == 2 and self.stage2_momentum else self.momentum
        self.sides = make_sides(self, train, self.device, momentum=momentum, epoch=epoch)
        self.place = torch.empty(len(train), dtype=torch.int64)  # row of the table -> of its side
        for side in self.sides.values():
            self.place[side.rows] = torch.arange(len(side.rows))
        self.check_clusters(epoch)
        self.augmented = None
        if self.ca_memory == "own" and (visible := self.sides[Modality.VISIBLE].memory):
            self.augmented = Memory(visible.prototypes, momentum=momentum, moves=self.moves)
        self.links = Links()
        if stage == 2:
            similarity = cluster_similarity(self, train, self.sides)
            self.links = link(self, self.sides, similarity, epoch=within, regions=self.regions)
        return self.pseudo_labels(len(train))

    def check_clusters(self, epoch: int) -> None:
        """Note which modalities can be learnt; AllNoiseError when none can, a warning for one."""
        self.learnt = [own for own in Modality if self.sides[own].memory]
        if not self.learnt:
            raise AllNoiseError(
                f"epoch {epoch}: neither modality has two clusters (eps={self.eps}, k1={self.k1}, "
                f"min_samples={self.min_samples}). {'. '.join(self.why_few(m) for m in Modality)}"
            )
        for own in Modality:
            if own not in self.learnt:
                warnings.warn(
                    f"epoch {epoch}: {own.word} images have fewer than two clusters and are "
                    f"skipped (eps={self.eps}). {self.why_few(own)}",
                    stacklevel=2,
                )

    def why_few(self, own: Modality) -> str:
        """Why a modality has fewer than two clusters, and what to do."""
        return f"{own.word}: {sampler.few_clusters(self.sides[own].label.cpu())}"

    def pseudo_labels(self, n: int) -> dict[str, PseudoLabels]:
        """Labels per modality, and once clusters are matched, all in the infrared label space."""
        labels = {}
        for own, side in self.sides.items():
            spread = np.full(n, -1)
            spread[side.rows] = side.label.cpu()
            labels[own.word] = PseudoLabels(spread)
        if self.links.cross:
            labels["global"] = PseudoLabels(joint_label(self.sides, self.links, n))
        return labels

    def batches(self, labels: dict[str, PseudoLabels], epoch: int) -> Iterator[Batch]:
        """Visible pictures twice (plain and channel-exchanged), infrared once."""
        stage, _ = self.schedule.stage_of(epoch)
        rng = self.rng(epoch, 2)
        identities = (self.identities, self.infrared_identities or self.identities)
        draws = [
            sampler.draw(
                labels[own.word].label,
                self.camera,
                identities=identities[own],
                instances=self.instances,
                iterations=self.schedule.iterations_of(epoch),
                camera_aware=self.camera_aware_sampling and stage == 1,
                rng=np.random.default_rng(rng.integers(2**63)),
            )
            for own in self.learnt
        ]
        label = sum(labels[own.word].label + 1 for own in Modality) - 1  # a row has one of the two
        for drawn in zip(*draws, strict=True):
            visible = [r for r in drawn if self.modality[r[0]] == Modality.VISIBLE]
            infrared = [r for r in drawn if self.modality[r[0]] == Modality.INFRARED]
            rows = np.concatenate([*visible, *visible, *infrared])
            view = np.zeros(len(rows), dtype=np.int64)
            plain = sum(map(len, visible))
            view[plain : 2 * plain] = 1
            modality = self.modality[rows]
            yield Batch(rows=rows, view=view, modality=modality, label=torch.as_tensor(label[rows]))

    def losses(self, batch: Batch, encode, epoch: int):
        """The classifier's step, then one step of the network on all terms; then the memories."""
        stage, within = self.schedule.stage_of(epoch)
        out = encode(batch)
        parts = {own: self.part(batch, out, own) for own in self.learnt}
        written = terms.calls(self, parts, self.sides, self.links, self.augmented, within)
        found = terms.contrast_terms(self, written, self.links, within)
        found |= terms.attention_terms(self, parts)
        if self.maal:
            found |= self.game(batch, out.x, epoch)
        if stage == 2:
            found |= terms.neighbour_terms(self, parts, self.sides, self.links)
        yield found
        for call in written:
            call.memory.update(call.x, call.label)

    def loss_weights(self, epoch: int) -> dict[str, float]:
        """Of the terms that ``losses`` yields in an epoch, with a network of regions."""
        stage, within = self.schedule.stage_of(epoch)
        found = {f"{own.word} contrast": 1.0 for own in Modality}
        if self.ca_memory == "own":
            found["augmented contrast"] = 1.0
        found |= {"diversity": self.diversity}
        found |= {"identity": self.identity_weight if self.pa_cbam else 0.0}
        if self.maal and epoch >= self.maal_warmup:
            found["augmented look"] = self.beta
        if stage == 2:
            if self.vra:
                found |= {f"{own.word} cross": self.vra_weight for own in Modality}
            found["neighbours"] = self.vrnl_weight if self.vrnl else 0.0
            found["merging"] = terms.um_weight(self, within) if self.um else 0.0
        return {name: weight for name, weight in found.items() if weight}

    def part(self, batch: Batch, out, own: Modality) -> terms.Part:
        """One modality's rows of a batch and of the network's answer."""
        at = torch.cat([at for _, at in self.written(batch, own)])
        device, place = out.x.device, self.place[batch.rows[at]]
        cross = self.links.cross.get(own)
        return terms.Part(
            x=out.x[at],
            tokens=None if out.tokens is None else out.tokens[at],
            attention=None if out.attention is None else out.attention[at],
            label=batch.label[at].to(device),
            place=place,
            cross=None if cross is None else cross[place.to(cross.device)].to(device),
            augmented=torch.as_tensor(batch.view[at] == 1, device=device),
        )

    def game(self, batch: Batch, x: torch.Tensor, epoch: int) -> dict[str, torch.Tensor]:
        """MAAL: the classifier learns first; then the network is told to look augmented."""
        second = (batch.view == 1) & (batch.modality == Modality.VISIBLE)
        modality = torch.as_tensor(np.where(second, AUGMENTED, batch.modality), device=x.device)
        self.adversary.epoch(self.schedule.stage_of(epoch)[1])
        self.adversary.learn(x, modality)
        if epoch < self.maal_warmup:
            return {}
        return {"augmented look": self.beta * self.adversary.fool(x, modality)}

    def state(self) -> dict:
        """The modality classifier and its optimiser."""
        return self.adversary.state() if self.maal else {}

    def load_state(self, state: dict) -> None:
        """Take back what ``state`` gave."""
        if self.maal:
            self.adversary.load_state(state)
