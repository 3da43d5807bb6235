"""``squeezenet``: a two-stream SqueezeNet 1.1, ImageNet features that train on a laptop."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vireid.data.augment import MEAN, STD
from vireid.models import Output
from vireid.models.parts import BNNeck, GeM, Stems, check_input

CAFFE_MEAN = torch.tensor([104.0, 117.0, 123.0], device="cpu")  # of blue, green, red in [0, 255]
OWN = 3  # convolution, ReLU and max pooling: the layers that each modality has for itself


class Convert(nn.Module):
    """From our normalised RGB to what the weights were trained on; saved with the weights.

    Parameters
    ----------
    convention : "caffe", BGR in [0, 255] minus (104, 117, 123); "torchvision", as we have it
    """

    def __init__(self, convention: str):
        super().__init__()
        if convention not in ("caffe", "torchvision"):
            raise ValueError(f"convention={convention!r}; known: caffe, torchvision")
        matrix, shift = torch.eye(3), torch.zeros(3)
        if convention == "caffe":
            matrix = torch.diag(255 * STD).flip(0)  # row 0 makes blue out of channel 2
            shift = 255 * MEAN.flip(0) - CAFFE_MEAN
        self.register_buffer("matrix", matrix[:, :, None, None])
        self.register_buffer("shift", shift)

    def forward(self, x: Tensor) -> Tensor:
        """(b, 3, h, w) -> the same shape."""
        return F.conv2d(x, self.matrix, self.shift)


class SqueezeNet(nn.Module):
    """SqueezeNet 1.1 with its first convolution per modality, GeM (p = 3) and BN neck; 512-d.

    Parameters
    ----------
    convention : input of the ImageNet weights to be loaded: "caffe" (DeepScale's original ones, as
        in ``squeezenet1_1_imagenet.npz``) or "torchvision" (``weights="imagenet"``)

    0.73 M parameters. Source: Iandola et al. 2016, SqueezeNet (arXiv 1602.07360), version 1.1.
    """

    dim = 512
    fresh = ("convert.", "neck.")  # what no ImageNet backbone has

    def __init__(self, *, convention: str = "caffe"):
        super().__init__()
        from torchvision.models import squeezenet1_1

        self.convention = convention
        self.convert = Convert(convention)
        self.stems = Stems(lambda: squeezenet1_1().features[:OWN])
        self.shared = squeezenet1_1().features[OWN:]
        self.pool, self.neck = GeM(), BNNeck(self.dim)

    def forward(self, pictures: Tensor, modality: Tensor) -> Output:
        """(b, 3, h, w) normalised pictures and (b,) modalities -> features (b, 512)."""
        return Output(self.neck(self.pool(self.maps(pictures, modality))))

    def maps(self, pictures: Tensor, modality: Tensor) -> Tensor:
        """The last feature maps, (b, 512, about h / 16, about w / 16), entries >= 0."""
        check_input(pictures, modality)
        return self.shared(self.stems(self.convert(pictures), modality))

    def from_torchvision(self, state: dict[str, Tensor]) -> dict[str, Tensor] | None:
        """A SqueezeNet 1.1 checkpoint in our names, without classifier; None for other files."""
        if "features.0.weight" not in state:
            return None
        ours = {}
        for name, value in state.items():
            if name.startswith("features."):
                _, i, rest = name.split(".", 2)
                ours[f"{'stems.' * (int(i) < OWN)}shared.{i}.{rest}"] = value
        return ours

    def imagenet(self) -> dict[str, Tensor]:
        """ImageNet weights through torchvision's cache; only for its convention."""
        from torchvision.models import SqueezeNet1_1_Weights

        from vireid.models.weights import fetch

        if self.convention != "torchvision":
            raise ValueError(
                "weights='imagenet' are torchvision's: build with convention='torchvision', or "
                "give the path of squeezenet1_1_imagenet.npz for the Caffe ones"
            )
        return fetch(SqueezeNet1_1_Weights.IMAGENET1K_V1)
