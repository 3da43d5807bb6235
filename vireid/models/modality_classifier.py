"""The opponent of MAAL: guesses from a feature which of three modalities its picture has."""

import itertools

from torch import Tensor, nn

THREE = 3  # visible 0, infrared 1, channel-augmented 2
WIDTHS = {
    "official": (1024, 512, 256, 128, 64, 32, 16, 8),
    "light": (256, 64),
}


class ModalityClassifier(nn.Module):
    """Linear, BN, ReLU for each width, then three logits: visible, infrared, channel-augmented.

    Parameters
    ----------
    dim : width of the feature (not normalised)
    widths : "official" (eight layers, 1024 down to 8), "light" (256, 64), or a tuple of widths

    Raises ValueError for an unknown name, a width below 1, or features of another width.
    Source: PCAL's released code. Differs: there these are kernel-3 convolutions over a sequence of
    length 1, of which only the centre tap ever meets data; linear layers are the same function.
    """

    def __init__(self, dim: int, *, widths: str | tuple[int, ...] = "official"):
        super().__init__()
        if isinstance(widths, str):
            if widths not in WIDTHS:
                raise ValueError(f"widths={widths!r}; known: {', '.join(WIDTHS)}, or a tuple")
            widths = WIDTHS[widths]
        sizes = (dim, *widths)
        if min(sizes) < 1:
            raise ValueError(f"dim={dim}, widths={widths}: every width must be at least 1")
        layers = [
            layer
            for a, b in itertools.pairwise(sizes)
            for layer in (nn.Linear(a, b), nn.BatchNorm1d(b), nn.ReLU())
        ]
        self.dim = dim
        self.layers = nn.Sequential(*layers, nn.Linear(sizes[-1], THREE))

    def forward(self, x: Tensor) -> Tensor:
        """(b, dim) -> (b, 3) logits."""
        if x.ndim != 2 or x.shape[1] != self.dim:
            raise ValueError(f"x has shape {tuple(x.shape)}; this classifier reads (b, {self.dim})")
        return self.layers(x)
