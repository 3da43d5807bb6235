"""Region networks of convolutions: N stripes of a trunk's map, each its own slice of the feature.

Modality 2, channel-augmented visible pictures, goes through the visible stem.
"""

from collections import OrderedDict
from collections.abc import Mapping
from functools import partial

import torch
from torch import Tensor, nn

from vireid.models import Output
from vireid.models.attention import PACBAM
from vireid.models.parts import BNNeck, Stems


def stem_of(modality: Tensor) -> Tensor:
    """Stem of each picture: infrared (1) its own, visible (0) and augmented (2) the visible one.

    Raises ValueError for other numbers.
    """
    if ((modality < 0) | (modality > 2)).any():
        raise ValueError(
            f"modality holds {sorted(set(modality.tolist()))}; 0 visible, 1 infrared and 2 "
            "channel-augmented exist"
        )
    return (modality == 1).long()


class RegionNet(nn.Module):
    """Convolutional network whose map is cut into ``regions`` stripes, each its own feature slice.

    The defaults are the light CPU preset, for pictures of 128 x 64 pixels.

    Parameters
    ----------
    trunk : "resnet18", "resnet50" (ImageNet-style stems, last stride 1: the map is 1/16 of the
        picture), "small" (SynthVI's network, 1/8) or "squeezenet" (1/16); it takes the weights of
        the plain network of that name
    regions : stripes N; they share a row where N does not divide the map's rows
    dim : width of one region's feature; 128 for the demo, 256 to 768 otherwise
    attention : "feature_map" puts PA-CBAM on the trunk's map; None leaves it out. The buffer
        ``attend`` turns it off and on later, and is saved with the weights
    parts, reduction, residual : of PA-CBAM; parts None = regions
    trunk_options : passed to the small and squeezenet trunks

    Source: multi-module framework, without the transformer. Differs: wholly our own light variant.
    """

    PLACES = ("feature_map",)
    fresh = ("project.", "neck.", "attention.", "attend", "convert.")  # no backbone's file has it

    def __init__(
        self,
        *,
        trunk: str = "resnet18",
        regions: int = 4,
        dim: int = 128,
        attention: str | None = None,
        parts: int | None = None,
        reduction: int = 16,
        residual: bool = False,
        trunk_options: Mapping | None = None,
    ):
        super().__init__()
        if regions < 1 or dim < 1:
            raise ValueError(f"regions={regions}, dim={dim}: both must be at least 1")
        check_place(attention, self.PLACES)
        body, channels = make_trunk(trunk, dict(trunk_options or {}))
        self.stems, self.shared = body.stems, body.shared
        self.convert = getattr(body, "convert", nn.Identity())
        self.convention = getattr(body, "convention", None)  # of a SqueezeNet's input
        self.trunk, self.regions, self.dim = trunk, regions, regions * dim
        self.project = nn.ModuleList(nn.Linear(channels, dim, bias=False) for _ in range(regions))
        self.neck = BNNeck(self.dim)
        self.attention = None
        self.register_buffer("attend", torch.tensor(True))
        if attention:
            parts = regions if parts is None else parts
            self.attention = PACBAM(channels, parts=parts, reduction=reduction, residual=residual)

    def maps(self, pictures: Tensor, modality: Tensor) -> Tensor:
        """The trunk's last feature maps, (b, c, h', w'), entries >= 0."""
        pictures = pictures.contiguous(memory_format=torch.channels_last)
        return self.shared(self.stems(self.convert(pictures), stem_of(modality)))

    def forward(self, pictures: Tensor, modality: Tensor) -> Output:
        """(b, 3, h, w) pictures, (b,) modalities 0, 1, 2 -> features (b, regions * dim)."""
        x, channel = self.maps(pictures, modality), None
        if x.shape[2] < self.regions:
            raise ValueError(
                f"regions={self.regions} is more than the {x.shape[2]} rows of the map of pictures "
                f"{tuple(pictures.shape[2:])}; use fewer regions or higher pictures"
            )
        if self.attention is not None and attends(self.attend):
            x, channel, _ = self.attention(x)
        pooled = stripe_pool(x, self.regions)  # (b, regions, c)
        tokens = torch.stack([f(p) for f, p in zip(self.project, pooled.unbind(1), strict=True)], 1)
        return Output(self.neck(tokens.flatten(1)), tokens, channel)

    def from_torchvision(self, state: Mapping[str, Tensor]) -> dict[str, Tensor] | None:
        """A backbone's file in our names, without its head; None for a file of this network."""
        if any(k.startswith("project.") for k in state):
            return None
        if self.trunk == "squeezenet":
            from vireid.models.squeezenet import SqueezeNet

            state = SqueezeNet.from_torchvision(self, state) or state
        if self.trunk.startswith("resnet"):
            stem = ("conv1.", "bn1.")
            state = {f"{'stems.' * k.startswith(stem)}shared.{k}": v for k, v in state.items()}
        body = ("stems.", "shared.", "convert.")
        return {k: v for k, v in state.items() if k.startswith(body) and ".fc." not in k}

    def imagenet(self) -> dict[str, Tensor]:
        """ImageNet weights of the trunk through torchvision's cache, in torchvision's names."""
        if self.trunk == "squeezenet":
            from vireid.models.squeezenet import SqueezeNet

            return SqueezeNet.imagenet(self)
        if self.trunk == "small":
            raise ValueError("there are no ImageNet weights for trunk='small'; take resnet18")
        from torchvision.models import get_model_weights

        from vireid.models.weights import fetch

        return fetch(get_model_weights(self.trunk).IMAGENET1K_V1)


# RegionNet on SynthVI's own network and on the ImageNet SqueezeNet, with PA-CBAM
SmallRegions = partial(RegionNet, trunk="small", dim=64, attention="feature_map")
SqueezeRegions = partial(RegionNet, trunk="squeezenet", attention="feature_map")


def stripe_pool(x: Tensor, regions: int, *, p: float = 3.0) -> Tensor:
    """Generalised mean (as ``GeM``) of each stripe: (b, c, h, w) -> (b, regions, c).

    Stripes are blocks of rows by the adaptive-pooling rule, equal where regions divides h.
    """
    mean = nn.functional.adaptive_avg_pool2d(x.pow(p), (regions, 1))
    return (mean + 1e-12).pow(1 / p).squeeze(3).transpose(1, 2)


def make_trunk(name: str, options: dict) -> tuple[nn.Module, int]:
    """A network with ``stems`` and ``shared`` layers, and the number of channels they end in."""
    if name in ("small", "squeezenet"):
        from vireid.models import build

        body = build(name, **options)
        return body, body.dim
    if name not in ("resnet18", "resnet50"):
        raise ValueError(f"trunk={name!r}; known: resnet18, resnet50, small, squeezenet")
    import torchvision

    make = getattr(torchvision.models, name)
    net, body = make(), nn.Module()
    last = net.layer4[0]
    for conv in (last.conv1, last.conv2, last.downsample[0]):
        conv.stride = (1, 1)  # finer stripes: the last stage keeps its resolution
    body.stems = Stems(lambda: _named(make(), "conv1", "bn1", "relu", "maxpool"))
    body.shared = _named(net, "layer1", "layer2", "layer3", "layer4")
    return body, net.fc.in_features


def _named(net: nn.Module, *names: str) -> nn.Sequential:
    """Some children of a network in a row, under their own names."""
    return nn.Sequential(OrderedDict((name, getattr(net, name)) for name in names))


def attends(switch: Tensor) -> bool:
    """The value of a network's buffer ``attend``; True on the meta device, without values."""
    return switch.is_meta or bool(switch)


def check_place(attention: str | None, places: tuple[str, ...]) -> None:
    """Raise ValueError unless PA-CBAM can sit there."""
    if attention is not None and attention not in places:
        raise ValueError(f"attention={attention!r}; known here: {', '.join(places)}, or None")
