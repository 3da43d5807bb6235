"""Networks with one stem per modality. All share one call: ``model(pictures, modality) -> Output``.

Pictures are float (b, 3, h, w), RGB normalised with ImageNet's mean and deviation, always.
"""

from importlib import import_module
from inspect import signature
from pathlib import Path
from typing import NamedTuple

import torch

from vireid import declared

NETWORKS = {  # name -> class, imported when it is built: torchvision takes its time
    "agw": "vireid.models.resnet.AGW",
    "regions": "vireid.models.regions.RegionNet",
    "regions_small": "vireid.models.regions.SmallRegions",
    "regions_squeezenet": "vireid.models.regions.SqueezeRegions",
    "small": "vireid.models.small.Small",
    "squeezenet": "vireid.models.squeezenet.SqueezeNet",
    "vit": "vireid.models.vit.RegionViT",
}


class Output(NamedTuple):
    """What a network says about a batch.

    Parameters
    ----------
    x : (b, d) feature behind the BN neck, not normalised
    tokens : (b, regions, d / regions) before the neck, for region models, else None
    attention : (b, channels) channel weights in [0, 1] of PA-CBAM, else None
    """

    x: torch.Tensor
    tokens: torch.Tensor | None = None
    attention: torch.Tensor | None = None


def build(name: str, *, weights: str | Path | None = None, **options) -> torch.nn.Module:
    """A network by name, with random or given weights.

    Parameters
    ----------
    name : "agw" (ResNet-50, 2048-d), "small" (residual, for SynthVI), "squeezenet" (1.1, 512-d);
        with a feature per region: "vit" (ViT-B/16), "regions" (ResNet-18 or -50), "regions_small"
        and "regions_squeezenet" (on those networks' layers, with PA-CBAM)
    weights : None for random ones; a file (.safetensors, .pth, .npz); "imagenet"
        (through torchvision); "synthvi" (small: the file that comes with the workbook); "lup" (vit:
        what its sources start from, see ``RegionViT.lup``)
    options : the network's own arguments, e.g. ``width=64`` or ``stem="shared"``

    The result has ``dim``, the width of its features. Raises ValueError for an unknown name or
    option and for weights that do not fit, FileNotFoundError for weights that are not there.
    Random weights come from torch's global generator: seed it before, or load a file.
    """
    if name not in NETWORKS:
        raise ValueError(f"no network is called {name!r}; known: {', '.join(NETWORKS)}")
    module, _, kind = NETWORKS[name].rpartition(".")
    make = getattr(import_module(module), kind)
    known = list(signature(make).parameters)
    if unknown := sorted(set(options) - set(known)):
        raise ValueError(f"{name} has no option {', '.join(unknown)}; known: {', '.join(known)}")
    model = make(**declared.arguments(make, options))
    return model if weights is None else load_weights(model, weights)


def save(
    model: torch.nn.Module,
    path: str | Path,
    *,
    half: bool = False,
    about: dict[str, str] | None = None,
) -> None:
    """Write weights and running statistics as safetensors; ``half`` stores floats in 16 bits.

    ``about`` are short texts kept in the file's head.
    """
    from vireid.models.weights import save

    save(model, path, half=half, about=about)


def load_weights(model: torch.nn.Module, path: str | Path) -> torch.nn.Module:
    """Fill a network from a file or named weights ("synthvi", "imagenet", "lup") and return it.

    Checkpoints of one stem are copied into both. A backbone in torchvision's names is taken too:
    its classifier is left out; neck and non-local blocks, which it lacks, keep their start.
    Raises ValueError that lists what is missing, unexpected or of another shape, and what to do.
    """
    from vireid.models.weights import load_weights

    return load_weights(model, path)
