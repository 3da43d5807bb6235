"""``vit``: the two-stream ViT whose N class tokens are N regions; weights for it from one token."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn

from vireid.models import Output
from vireid.models.attention import PACBAM
from vireid.models.parts import BNNeck, Stems
from vireid.models.regions import attends, check_place, stem_of

LUP = "vit_base_ics_cfs_lup.pth"  # ViT-B/16 with this stem, ICS on LUPerson


class IBN(nn.Module):
    """Instance normalisation of the first half of the channels, batch normalisation of the others.

    Source: Pan et al. 2018, IBN-Net (arXiv 1807.09441).
    """

    def __init__(self, channels: int):
        super().__init__()
        self.half = channels // 2
        self.IN = nn.InstanceNorm2d(self.half, affine=True)
        self.BN = nn.BatchNorm2d(channels - self.half)

    def forward(self, x: Tensor) -> Tensor:
        """(b, c, h, w) -> the same shape."""
        return torch.cat([self.IN(x[:, : self.half]), self.BN(x[:, self.half :])], 1)


def convolutional_stem(width: int, *, hidden: int = 64) -> nn.Sequential:
    """Patches of 16 x 16 by four convolutions: (b, 3, h, w) -> (b, width, h / 16, w / 16).

    Source: TransReID-SSL, Luo et al. 2021 (arXiv 2111.12084), IBN-based convolution stem.
    """
    conv = partial(nn.Conv2d, hidden, hidden, 3, padding=1, bias=False)
    return nn.Sequential(
        nn.Conv2d(3, hidden, 7, 2, padding=3, bias=False), IBN(hidden), nn.ReLU(inplace=True),
        conv(), IBN(hidden), nn.ReLU(inplace=True),
        conv(), nn.BatchNorm2d(hidden), nn.ReLU(inplace=True),
        nn.Conv2d(hidden, width, 8, 8),
    )  # fmt: skip


class RegionViT(nn.Module):
    """Two-stream ViT with ``regions`` class tokens on timm's blocks; 91,675,776 parameters.

    Parameters
    ----------
    regions : class tokens N; the feature has N * width numbers. 4 for SYSU-MM01, 6 for RegDB
    size : (height, width) of pictures in pixels, multiples of 16; other pictures are an error
    width, depth, heads : of the transformer; 768, 12, 12 is ViT-B
    drop_path : stochastic depth of the last block, rising linearly from 0
    attention : PA-CBAM on the patches: "pre_last_block", "patch_embed" (behind the stem) or None.
        With "pre_last_block" the class tokens pass by and read the refined patches in the last
        block. The buffer ``attend`` turns it off and on later, and is saved with the weights
    parts, reduction, residual : of PA-CBAM; parts None = regions

    Tokens differ by their position embeddings only until training parts them.
    Raises ValueError for sizes that are no multiple of 16, fewer than one region, unknown
    attention.
    Source: TokenMatcher (tokens), TransReID-SSL (stem). Differs: TokenMatcher's code also keeps an
    unused copy of the last block; where PA-CBAM sits is lost in the paper.
    """

    PLACES = ("pre_last_block", "patch_embed")
    fresh = ("neck.", "attention.", "attend", "stems.")  # what a one-token checkpoint may lack

    def __init__(  # noqa: PLR0913
        self,
        *,
        regions: int = 4,
        size: tuple[int, int] = (384, 128),
        width: int = 768,
        depth: int = 12,
        heads: int = 12,
        drop_path: float = 0.3,
        attention: str | None = None,
        parts: int | None = None,
        reduction: int = 16,
        residual: bool = False,
    ):
        from timm.models.vision_transformer import Block, init_weights_vit_timm

        super().__init__()
        if regions < 1:
            raise ValueError(f"regions={regions}: a ViT needs at least 1 class token")
        if size[0] % 16 or size[1] % 16 or min(size) < 16:
            raise ValueError(f"size={tuple(size)}: height and width must be multiples of 16")
        check_place(attention, self.PLACES)
        self.regions, self.size, self.dim = regions, tuple(size), regions * width
        self.grid = size[0] // 16, size[1] // 16
        self.place = attention
        self.register_buffer("attend", torch.tensor(True))
        self.stems = Stems(partial(convolutional_stem, width))
        self.cls_token = nn.Parameter(torch.empty(1, regions, width))
        self.pos_embed = nn.Parameter(torch.empty(1, regions + self.grid[0] * self.grid[1], width))
        norm = partial(nn.LayerNorm, eps=1e-6)
        rates = [drop_path * i / max(depth - 1, 1) for i in range(depth)]
        self.blocks = nn.ModuleList(
            Block(width, heads, qkv_bias=True, drop_path=rate, norm_layer=norm) for rate in rates
        )
        self.blocks.apply(init_weights_vit_timm)
        for parameter in (self.cls_token, self.pos_embed):
            nn.init.trunc_normal_(parameter, std=0.02)
        self.norm, self.neck = norm(width), BNNeck(self.dim)  # per channel: one neck is N necks
        if attention:
            parts = regions if parts is None else parts
            self.attention = PACBAM(width, parts=parts, reduction=reduction, residual=residual)

    def forward(self, pictures: Tensor, modality: Tensor) -> Output:
        """(b, 3, *size) pictures, (b,) modalities 0, 1, 2 -> features (b, regions * width)."""
        if tuple(pictures.shape[2:]) != self.size:
            raise ValueError(
                f"pictures are {tuple(pictures.shape[2:])} pixels, this ViT reads {self.size}; "
                "resize them or build it with size=..."
            )
        patches, channel = self.stems(pictures, stem_of(modality)), None  # (b, width, gh, gw)
        place = self.place if attends(self.attend) else None
        if place == "patch_embed":
            patches, channel, _ = self.attention(patches)
        x = patches.flatten(2).transpose(1, 2)  # (b, gh gw, width)
        x = torch.cat([self.cls_token.expand(len(x), -1, -1), x], 1) + self.pos_embed
        for i, block in enumerate(self.blocks):
            if place == "pre_last_block" and i == len(self.blocks) - 1:
                x, channel = self._attend(x)
            x = block(x)
        tokens = self.norm(x[:, : self.regions])
        return Output(self.neck(tokens.flatten(1)), tokens, channel)

    def _attend(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """PA-CBAM on the patches of (b, regions + gh gw, width); class tokens stay as they are."""
        tokens, patches = x[:, : self.regions], x[:, self.regions :]
        refined, channel, _ = self.attention(patches.transpose(1, 2).unflatten(2, self.grid))
        return torch.cat([tokens, refined.flatten(2).transpose(1, 2)], 1), channel

    def from_torchvision(self, state: Mapping[str, Tensor]) -> dict[str, Tensor] | None:
        """A one-token ViT's weights (timm's names) for this network; None for a file of its own."""
        names = set(map(_bare, state))
        return (
            None if "cls_token" not in names or "neck.weight" in names else one_token(state, self)
        )

    def lup(self) -> dict[str, Tensor]:
        """What MCF's ancestor starts from: ViT-B/16 trained on LUPerson, from torch's cache.

        FileNotFoundError says where the file is to be had: there is no way to fetch it by machine.
        Source: TokenMatcher (its scripts, ``-pp``), TransReID-SSL, Luo et al. 2021 (2111.12084).
        """
        from vireid.models.weights import read

        file = Path(torch.hub.get_dir()) / "checkpoints" / LUP
        if not file.is_file():
            raise FileNotFoundError(
                f"{LUP} is not in {file.parent}: the ViT of MCF and TokenMatcher starts from it "
                "(ViT-B/16 + ICS, pre-trained on LUPerson). Fetch it by hand from the models of "
                f"github.com/damo-cv/TransReID-SSL, then copy it there or give --weights FILE; "
                "--weights none starts from random weights, which is another experiment"
            )
        return read(file)


def one_token(
    state: Mapping[str, Tensor], model: RegionViT, *, grid: tuple[int, int] | None = None
) -> dict[str, Tensor]:
    """Turn a one-token ViT checkpoint in timm's names into weights for a region ViT.

    The class token is copied to all regions; the patch part of the position embedding is resized
    bilinearly, while class positions keep the model's random start, so that tokens can part. A
    convolution stem (TransReID-SSL's ``patch_embed.conv`` and ``patch_embed.proj``) goes to both
    stems; a plain 16 x 16 patch embedding and the classifier head have no place and are left out.

    Parameters
    ----------
    state : weights of the checkpoint; a "module." or "backbone." prefix is taken off
    grid : (rows, columns) of its patches; None = square, or twice as high as wide

    Returns weights for ``model.load_state_dict(..., strict=False)``.
    Raises ValueError when the grid does not fit or any weights have another shape.
    Source: TokenMatcher's released code (broadcast and resize).
    """
    state = {_bare(k): v for k, v in state.items()}
    for needed in ("cls_token", "pos_embed"):
        if needed not in state:
            raise ValueError(f"state has no {needed!r}; is this a ViT in timm's names?")
    wanted = model.state_dict()
    one, width = tuple(state["cls_token"].shape), wanted["cls_token"].shape[2]
    if one != (1, 1, width):
        raise ValueError(
            f"checkpoint cls_token is {one}; one token for this model is (1, 1, {width})"
        )
    found = {k: v for k, v in state.items() if k.startswith(("blocks.", "norm."))}
    found["cls_token"] = state["cls_token"].expand_as(wanted["cls_token"])
    patches = _resize(state["pos_embed"][:, 1:], grid, model.grid)
    found["pos_embed"] = torch.cat([wanted["pos_embed"][:, : model.regions].cpu(), patches], 1)
    if "patch_embed.conv.0.weight" in state:
        for k, v in state.items():
            name = k.replace("patch_embed.proj.", "patch_embed.conv.9.")
            if name.startswith("patch_embed.conv."):
                for side in ("visible", "infrared"):
                    found[name.replace("patch_embed.conv", f"stems.{side}")] = v
    for k, v in found.items():
        if k not in wanted or wanted[k].shape != v.shape:
            here = tuple(wanted[k].shape) if k in wanted else "nothing"
            raise ValueError(f"checkpoint {k} is {tuple(v.shape)}, the model has {here} there")
    return found


def _bare(name: str) -> str:
    """A weight's name without what training scripts put before it."""
    return name.removeprefix("module.").removeprefix("backbone.")


def _resize(patches: Tensor, old: tuple[int, int] | None, new: tuple[int, int]) -> Tensor:
    """Bilinear resize of a patch position embedding: (1, old cells, d) -> (1, new cells, d)."""
    n = patches.shape[1]
    if old is None:
        guesses = [(k * round((n / k) ** 0.5), round((n / k) ** 0.5)) for k in (1, 2)]
        old = next((g for g in guesses if g[0] * g[1] == n), (0, 0))
    if old[0] * old[1] != n:
        raise ValueError(
            f"grid={old} does not hold the checkpoint's {n} patches; give grid=(rows, columns)"
        )
    cells = patches.transpose(1, 2).unflatten(2, old)  # (1, d, rows, columns)
    cells = nn.functional.interpolate(cells, size=new, mode="bilinear", align_corners=False)
    return cells.flatten(2).transpose(1, 2)
