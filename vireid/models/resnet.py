"""``agw``: the two-stream ResNet-50 with non-local blocks that nearly every method here trains."""

from collections import OrderedDict
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from vireid.models import Output
from vireid.models.parts import BNNeck, GeM, NonLocal, Stems
from vireid.models.recompute import recomputed

LAYERS = ("layer1", "layer2", "layer3", "layer4")
NON_LOCAL = {"layer2": (2, 3), "layer3": (3, 4, 5)}  # after these blocks


class AGW(nn.Module):
    """ResNet-50 with last stride 1, non-local blocks, GeM (p = 3) and BN neck; 2048-d features.

    Parameters
    ----------
    stem : "split", one stem (first convolution to max pooling) per modality, as ADCA, PGM, BMIL;
        "shared", one for both, as DMDL
    non_local : with the five non-local blocks
    inner : channels inside them; None = half of the block's
    zero_init : begin with residual branches that add nothing, their last batch norm scaling by 0
        (torchvision's ``zero_init_residual``): random weights then learn faster
    recompute : keep only what goes into the stems and the 16 blocks, and compute their insides
        again in the backward pass: a quarter of the memory, a third more arithmetic, same gradients

    Source: Ye et al. 2021, Deep Learning for Person Re-Identification (arXiv 2001.04193), AGW.
    Differs: the released code divides the reduction by itself and so has ``inner=1``.
    """

    dim = 2048
    fresh = ("non_local.", "neck.")  # what no ImageNet backbone has

    def __init__(
        self,
        *,
        stem: str = "split",
        non_local: bool = True,
        inner: int | None = None,
        zero_init: bool = False,
        recompute: bool = False,
    ):
        super().__init__()
        from torchvision.models import resnet50

        if stem not in ("split", "shared"):
            raise ValueError(f"stem={stem!r}; known: split, shared")
        if inner is not None and inner < 1:
            raise ValueError(f"inner={inner}; give at least 1 channel, or None for half")
        body = resnet50(zero_init_residual=zero_init)
        for name in LAYERS:
            setattr(self, name, getattr(body, name))
        self.layer4[0].conv2.stride = self.layer4[0].downsample[0].stride = (1, 1)
        self.stems = Stems(_stem, shared=stem == "shared")
        self.non_local = nn.ModuleDict()
        for name, blocks in NON_LOCAL.items() if non_local else ():
            channels = getattr(self, name)[-1].conv3.out_channels
            for i in blocks:
                self.non_local[f"{name}_{i}"] = NonLocal(channels, inner=inner or channels // 2)
        self.pool, self.neck = GeM(), BNNeck(self.dim)
        self.recompute = recompute

    def forward(self, pictures: Tensor, modality: Tensor) -> Output:
        """(b, 3, h, w) normalised pictures and (b,) modalities -> features (b, 2048)."""
        run = recomputed if self.recompute and torch.is_grad_enabled() else _directly
        x = run(self.stems, pictures, modality)
        for part in self.blocks():
            x = run(part, x)
        return Output(self.neck(self.pool(x)))

    def blocks(self) -> Iterator[nn.Module]:
        """The 16 residual blocks in order, each with the non-local block behind it."""
        for name in LAYERS:
            for i, block in enumerate(getattr(self, name)):
                after = f"{name}_{i}"
                inside = [self.non_local[after]] if after in self.non_local else []
                yield nn.Sequential(block, *inside)

    def from_torchvision(self, state: dict[str, Tensor]) -> dict[str, Tensor] | None:
        """A ResNet-50 checkpoint in our names, without its classifier; None for other files."""
        if "conv1.weight" not in state:
            return None
        return {
            f"stems.shared.{k}" if k.startswith(("conv1.", "bn1.")) else k: v
            for k, v in state.items()
            if not k.startswith("fc.")
        }

    def imagenet(self) -> dict[str, Tensor]:
        """ImageNet weights through torchvision's cache, in torchvision's names."""
        from torchvision.models import ResNet50_Weights

        from vireid.models.weights import fetch

        return fetch(ResNet50_Weights.IMAGENET1K_V1)


def _directly(part: nn.Module, *given: Tensor) -> Tensor:
    return part(*given)


def _stem() -> nn.Sequential:
    """Another first convolution to max pooling of ResNet, randomly initialised as torchvision's."""
    conv = nn.Conv2d(3, 64, 7, 2, padding=3, bias=False)
    nn.init.kaiming_normal_(conv.weight, mode="fan_out", nonlinearity="relu")
    parts = [("conv1", conv), ("bn1", nn.BatchNorm2d(64))]
    parts += [("relu", nn.ReLU(inplace=True)), ("maxpool", nn.MaxPool2d(3, 2, padding=1))]
    return nn.Sequential(OrderedDict(parts))
