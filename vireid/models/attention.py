"""PA-CBAM: which channels (PI-CA, part by part) and which places (M-SA, three scales) count.

Both gates multiply a feature map by numbers in [0, 1]; nothing here knows an identity. The
regulariser that asks one identity to weigh its channels alike is a loss:
``vireid.losses.identity_consistency``.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn


class Attended(NamedTuple):
    """A feature map behind PA-CBAM, and the two gates that were applied to it.

    Parameters
    ----------
    x : (b, c, h, w) refined map
    channel : (b, c) channel weights in [0, 1]
    spatial : (b, 1, h, w) place weights in [0, 1]
    """

    x: Tensor
    channel: Tensor
    spatial: Tensor


class PartChannelAttention(nn.Module):
    r"""PI-CA: weigh channels after looking at each of ``parts`` horizontal parts separately.

    .. math:: M_c = \sigma\big(g(F_{avg}) + g(F_{max})\big), \quad g(z) = W_1 \mathrm{ReLU}(W_0 z)

    F_avg and F_max hold all channels of part 0, then of part 1, ...: (b, parts * c). With one part
    this is CBAM's channel gate. Neighbouring parts share a row when ``parts`` does not divide the
    height.
    Source: multi-module framework (PI-CA); CBAM, Woo et al. 2018, eq. 2. Differs: the paper's
    number of parts and reduction are lost; we take the number of regions and CBAM's 16.
    """

    def __init__(self, channels: int, *, parts: int = 4, reduction: int = 16):
        super().__init__()
        if parts < 1:
            raise ValueError(f"parts={parts}: cut the map into at least 1 part")
        if not 1 <= reduction <= channels or channels % reduction:
            raise ValueError(f"reduction={reduction} must divide channels={channels}")
        self.parts = parts
        self.mlp = nn.Sequential(
            nn.Linear(parts * channels, channels // reduction, bias=False),
            nn.ReLU(),
            nn.Linear(channels // reduction, channels, bias=False),
        )

    def descriptors(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Average and maximum of each channel over each part: two (b, parts * c), part-major."""
        if x.ndim != 4:
            raise ValueError(f"x has shape {tuple(x.shape)}; a feature map is (b, channels, h, w)")
        if x.shape[2] < self.parts:
            raise ValueError(
                f"parts={self.parts} is more than the map's {x.shape[2]} rows; use fewer"
            )
        size = (self.parts, 1)
        pooled = (
            nn.functional.adaptive_avg_pool2d(x, size),
            nn.functional.adaptive_max_pool2d(x, size),
        )
        return tuple(
            p.squeeze(3).transpose(1, 2).flatten(1) for p in pooled
        )  # (b, c, k, 1) -> (b, k c)

    def forward(self, x: Tensor) -> Tensor:
        """(b, c, h, w) -> channel weights (b, c)."""
        average, maximum = self.descriptors(x)
        return torch.sigmoid(self.mlp(average) + self.mlp(maximum))


class MultiScaleSpatialAttention(nn.Module):
    r"""M-SA: weigh places by what windows of 1, 3 and 7 cells see; 121 weights.

    .. math:: M_s = \sigma\big(w * [f^{1}(S); f^{3}(S); f^{7}(S)]\big), \quad
              S = [\operatorname{mean}_C F; \max_C F]

    Source: multi-module framework (M-SA); CBAM, eq. 3, is the single 7 x 7 window.
    """

    def __init__(self):
        super().__init__()
        self.scales = nn.ModuleList(
            nn.Conv2d(2, 1, kernel, padding=kernel // 2, bias=False) for kernel in (1, 3, 7)
        )
        self.fuse = nn.Conv2d(3, 1, 1, bias=False)

    @staticmethod
    def summary(x: Tensor) -> Tensor:
        """Mean and maximum over channels: (b, c, h, w) -> (b, 2, h, w)."""
        return torch.stack([x.mean(1), x.amax(1)], 1)

    def forward(self, x: Tensor) -> Tensor:
        """(b, c, h, w) -> place weights (b, 1, h, w)."""
        seen = self.summary(x)
        return torch.sigmoid(self.fuse(torch.cat([scale(seen) for scale in self.scales], 1)))


class PACBAM(nn.Module):
    r"""Part-aware CBAM: channel gate, then place gate, :math:`F'' = M_s \odot (M_c \odot F)`.

    Parameters
    ----------
    channels : channels c of the map
    parts : horizontal parts the channel gate looks at
    reduction : c / reduction is the width of its hidden layer; must divide c
    residual : return F + F'' instead of F''. Fresh gates are about 1/2 each, so without it they cut
        a pre-trained map to a quarter; use True when inserting into pre-trained layers.

    Raises ValueError for a map that is not 4-D or has fewer rows than parts.
    Source: multi-module framework, PA-CBAM. Differs: ``residual`` is ours.
    """

    def __init__(
        self, channels: int, *, parts: int = 4, reduction: int = 16, residual: bool = False
    ):
        super().__init__()
        self.channel = PartChannelAttention(channels, parts=parts, reduction=reduction)
        self.spatial = MultiScaleSpatialAttention()
        self.residual = residual

    def forward(self, x: Tensor) -> Attended:
        """(b, c, h, w) -> the refined map and both gates."""
        channel = self.channel(x)
        weighed = x * channel[:, :, None, None]
        spatial = self.spatial(weighed)
        refined = weighed * spatial
        return Attended(x + refined if self.residual else refined, channel, spatial)


@torch.no_grad()
def attention_maps(model: nn.Module, pictures: Tensor, modality: Tensor) -> Attended:
    """What the PA-CBAM inside a network does to these pictures: refined map and both gates.

    Raises ValueError when the network holds none, or has it turned off. The network runs as it is
    (call ``eval()`` before).
    """
    inside = [module for module in model.modules() if isinstance(module, PACBAM)]
    if not inside:
        raise ValueError(
            f"model: this {type(model).__name__} has no PA-CBAM; build it with attention"
        )
    caught = []
    hook = inside[0].register_forward_hook(lambda module, given, result: caught.append(result))
    try:
        model(pictures, modality)
    finally:
        hook.remove()
    if not caught:
        raise ValueError("model: its PA-CBAM is turned off; model.attend.fill_(True) turns it on")
    return caught[0]
