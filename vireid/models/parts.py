"""What networks are built of: one stem per modality, GeM pooling, BN neck, non-local block."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from vireid.types import Modality


def check_input(pictures: Tensor, modality: Tensor) -> None:
    """Raise ValueError unless pictures are (b, 3, h, w) and modality (b,) of 0 and 1."""
    if pictures.ndim != 4 or pictures.shape[1] != 3:
        raise ValueError(
            f"pictures have shape {tuple(pictures.shape)}; give (b, 3, height, width), "
            "as made by vireid.data.augment.to_input"
        )
    if modality.shape != (len(pictures),):
        raise ValueError(
            f"modality has shape {tuple(modality.shape)} for {len(pictures)} pictures; "
            "give one number per picture: 0 visible, 1 infrared"
        )
    if ((modality != 0) & (modality != 1)).any():
        raise ValueError(
            f"modality holds {sorted(set(modality.tolist()))}; only 0 visible and 1 infrared exist"
        )


class Stems(nn.Module):
    """First layers, one set per modality (or one shared set), applied to a mixed batch.

    Parameters
    ----------
    make : builds one stem; called once per modality
    shared : one stem for both modalities
    """

    def __init__(self, make: Callable[[], nn.Module], *, shared: bool = False):
        super().__init__()
        self.is_shared = shared
        if shared:
            self.shared = make()
        else:
            self.visible, self.infrared = make(), make()

    def forward(self, pictures: Tensor, modality: Tensor) -> Tensor:
        """Each row through its modality's stem: (b, 3, h, w) -> (b, c, h', w'), row order kept."""
        check_input(pictures, modality)
        # channels last: a fifth faster on CPU cores, same numbers
        pictures = pictures.contiguous(memory_format=torch.channels_last)
        if self.is_shared:
            return self.shared(pictures)
        infrared = modality.bool()
        if infrared.all():
            return self.infrared(pictures)
        if not infrared.any():
            return self.visible(pictures)
        rows = [(modality == m).nonzero().squeeze(1) for m in Modality]
        parts = [self.visible(pictures[rows[0]]), self.infrared(pictures[rows[1]])]
        back = torch.cat(rows).argsort()
        return torch.cat(parts)[back]


class GeM(nn.Module):
    r"""Generalised mean over all places, between average (p = 1) and maximum (p -> infinity).

    .. math:: g_c = \big(\tfrac1{hw}\sum_{uv} x_{cuv}^p + 10^{-12}\big)^{1/p}

    (b, c, h, w), entries >= 0 -> (b, c). p stays fixed.
    Source: Radenovic et al. 2019, Fine-tuning CNN Image Retrieval (arXiv 1711.02512), GeM pooling.
    """

    def __init__(self, p: float = 3.0):
        super().__init__()
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        """(b, c, h, w) -> (b, c)."""
        return (x.pow(self.p).mean((2, 3)) + 1e-12).pow(1 / self.p)


class BNNeck(nn.BatchNorm1d):
    """Batch normalisation of the pooled feature, shift frozen at 0, scale drawn from N(1, 0.01).

    (b, d) -> (b, d). The frozen shift keeps features centred, so that cosine is meaningful.
    Source: Luo et al. 2019, Bag of Tricks (arXiv 1903.07071), BNNeck.
    """

    def __init__(self, dim: int):
        super().__init__(dim)
        nn.init.normal_(self.weight, 1.0, 0.01)
        nn.init.zeros_(self.bias)
        self.bias.requires_grad_(False)


class NonLocal(nn.Module):
    r"""Every place looks at every other; starts as the identity.

    .. math:: z = x + \mathrm{BN}\big(W\,\tfrac1N\,\theta(x)\phi(x)^\top g(x)\big)

    Dot-product form without softmax, N = number of places; the output BN's scale and shift start
    at 0. (b, c, h, w) -> (b, c, h, w); theta, phi and g have ``inner`` channels.
    Source: Wang et al. 2018, Non-local Neural Networks (arXiv 1711.07971), dot-product version.
    """

    def __init__(self, channels: int, *, inner: int):
        super().__init__()
        self.theta, self.phi, self.g = (nn.Conv2d(channels, inner, 1) for _ in range(3))
        self.out = nn.Sequential(nn.Conv2d(inner, channels, 1), nn.BatchNorm2d(channels))
        nn.init.zeros_(self.out[1].weight)
        nn.init.zeros_(self.out[1].bias)

    def forward(self, x: Tensor) -> Tensor:
        """(b, c, h, w) -> the same shape."""
        b, _, h, w = x.shape
        theta, phi, g = (f(x).flatten(2) for f in (self.theta, self.phi, self.g))  # (b, inner, n)
        n = h * w
        g, theta = g.transpose(1, 2), theta.transpose(1, 2)  # (b, n, inner)
        # theta phi g, the smaller product first: n x n or inner x inner numbers, the same sum
        if n < g.shape[2]:
            y = (theta @ phi / n) @ g  # (b, n, inner)
        else:
            y = theta @ (phi @ g / n)
        y = y.transpose(1, 2)  # (b, inner, n)
        return x + self.out(y.reshape(b, -1, h, w))
