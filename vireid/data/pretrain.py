"""Starting weights for the small network: supervised, on other synthetic people, visible only.

They stand where ImageNet weights stand for real pictures: a general idea of clothes and bodies, no
identity, camera or infrared picture of the benchmark. Every picture is turned grey with its own
random channel weights, so that neither stem begins with an opinion about colour.
"""

import math
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from vireid import files, models
from vireid.data.augment import Recipe, Stream
from vireid.data.synthvi.scm import World
from vireid.data.synthvi.world import PRESETS, WORLD_VERSION, pictures
from vireid.files.write import put, tensor_bytes
from vireid.losses import batch_hard_triplet
from vireid.types import Images, Modality

PEOPLE = 9_000_000  # seeds from here on are for pre-training alone
ROOMS = 900  # and so are worlds (rooms and sensors)
KEEP_EVERY = 200  # steps between checkpoints
AUGMENT = Recipe(visible=Stream(), erasing_area=(0.02, 0.25))


@dataclass(frozen=True, kw_only=True)
class Setting:
    """How the weights are trained; the defaults made the committed file.

    Parameters
    ----------
    people, shots : identities and pictures of each; they live in ``worlds`` worlds of 4 cameras
    size : (height, width) of the pictures
    identities, instances : of a batch
    steps, lr : of AdamW, warmed up over 5 % of the steps, then down to 0 along a cosine
    scale : of the cosine classifier; margin : of the batch-hard triplet loss
    """

    people: int = 1000
    shots: int = 8
    worlds: int = 5
    size: tuple[int, int] = PRESETS["small"].size
    identities: int = 24
    instances: int = 4
    steps: int = 3000
    lr: float = 2e-3
    weight_decay: float = 1e-3
    scale: float = 16.0
    margin: float = 0.3


def main(out: Path, seed: int = 0, steps: int | None = None) -> None:
    """Train the weights and write ``out`` (safetensors, 16 bits); repeat the command to go on.

    A checkpoint lies beside ``out`` until the file is finished. The same seed gives the same
    weights on one machine and torch version.
    """
    setting = Setting() if steps is None else Setting(steps=steps)
    began = time.process_time()
    model = train(setting, seed=seed, checkpoint=Path(out).with_suffix(".unfinished.pt"))
    models.save(model, out, half=True)
    print(f"wrote {out}: {Path(out).stat().st_size / 1e6:.2f} MB, ", end="")
    print(f"{(time.process_time() - began) / 60:.1f} CPU minutes since start")


def train(
    setting: Setting, *, seed: int, checkpoint: Path, progress: bool = True, **network
) -> nn.Module:
    """The trained network; both stems are equal.

    ``network`` : arguments of ``models.build`` for another network with a stem for each modality
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = models.build(**{"name": "small"} | network)
        head = nn.Parameter(torch.randn(setting.people, model.dim))
    table = people(setting, seed)
    rows_of = np.arange(len(table)).reshape(setting.people, setting.shots)
    optimiser = torch.optim.AdamW(
        [*model.parameters(), head], lr=setting.lr, weight_decay=setting.weight_decay
    )
    first = _resume(checkpoint, setting, seed, (model, head, optimiser))
    model.train()
    for step in range(first, setting.steps):
        rng = np.random.default_rng([seed, step])
        chosen = rng.choice(setting.people, setting.identities, replace=False)
        rows = np.concatenate([rng.permutation(rows_of[i])[: setting.instances] for i in chosen])
        label = torch.as_tensor(np.repeat(chosen, setting.instances))
        for group in optimiser.param_groups:
            group["lr"] = setting.lr * _rate(step / setting.steps)
        losses = _losses(model, head, _grey_batch(table, rows, rng), label, setting)
        optimiser.zero_grad(set_to_none=True)
        sum(losses).backward()
        optimiser.step()
        if progress and (step + 1) % 50 == 0:
            print(f"step {step + 1}/{setting.steps}: ", end="")
            print("classes {:.3f}, triplet {:.3f}".format(*(x.item() for x in losses)), flush=True)
        if (step + 1) % KEEP_EVERY == 0:
            _keep(checkpoint, step + 1, setting, seed, (model, head, optimiser))
    model.stems.infrared.load_state_dict(model.stems.visible.state_dict())
    checkpoint.unlink(missing_ok=True)
    return model


def people(setting: Setting, seed: int) -> Images:
    """Visible pictures of the pre-training identities 0..people-1, by identity."""
    tables = []
    for place, identities in enumerate(np.array_split(np.arange(setting.people), setting.worlds)):
        preset = replace(PRESETS["small"], world=World(seed=ROOMS + place), size=setting.size)
        numbers = range(int(identities[0]), int(identities[-1]) + 1)
        tables.append(pictures(preset, PEOPLE + seed, numbers, [Modality.VISIBLE], setting.shots))
    source, camera, identity = (
        np.concatenate([getattr(t, name) for t in tables])
        for name in ("source", "camera", "identity")
    )
    return Images(source, np.zeros(len(source)), camera, identity, tables[0].size)


def _rate(t: float) -> float:
    """Learning rate at share t of the training, relative to its highest."""
    return min(1.0, t / 0.05 + 0.02) * 0.5 * (1 + math.cos(math.pi * t))


def _grey_batch(table: Images, rows: np.ndarray, rng: np.random.Generator) -> torch.Tensor:
    """(b, 3, h, w) augmented pictures, grey by random channel weights."""
    weight = rng.dirichlet((1.0, 1.0, 1.0), len(rows))  # (b, 3)
    grey = np.einsum("bhwc,bc->bhw", table.source[rows], weight)
    grey = np.repeat(np.round(grey).astype(np.uint8)[..., None], 3, axis=3)
    generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
    zeros = np.zeros(len(rows), int)
    return AUGMENT.batch(grey, modality=zeros, view=zeros, generator=generator)


def _losses(model, head, x: torch.Tensor, label: torch.Tensor, setting: Setting):
    """Cosine softmax over all people, and the batch-hard triplet loss on unit features."""
    feature = F.normalize(model(x, torch.zeros(len(x), dtype=torch.long)).x)
    logits = setting.scale * feature @ F.normalize(head).T  # (b, people)
    classes = F.cross_entropy(logits, label, label_smoothing=0.1)
    return classes, batch_hard_triplet(feature, label, margin=setting.margin)


def _keep(path: Path, step: int, setting: Setting, seed: int, parts) -> None:
    model, head, optimiser = parts
    saved = {
        "step": step,
        "setting": asdict(setting) | {"seed": seed, "world": WORLD_VERSION},
        "model": model.state_dict(),
        "head": head.data,
        "optimiser": optimiser.state_dict(),
    }
    put(path, tensor_bytes(saved))


def _resume(path: Path, setting: Setting, seed: int, parts) -> int:
    """Put a checkpoint of the same setting back; the step to go on from, 0 without one."""
    if not path.exists():
        return 0
    saved = files.tensors(path, "checkpoint")
    if saved.get("setting") != asdict(setting) | {"seed": seed, "world": WORLD_VERSION}:
        raise ValueError(f"{path} belongs to another setting; delete it to start anew")
    model, head, optimiser = parts
    model.load_state_dict(saved["model"])
    head.data.copy_(saved["head"])
    optimiser.load_state_dict(saved["optimiser"])
    return saved["step"]
