"""Channel operators: make one picture out of a visible picture's channels.

They act on normalised tensors, after erasing, (b, 3, h, w) or (3, h, w), and return new ones.
"""

import torch
from torch import Generator, Tensor

LUMA = torch.tensor([0.2989, 0.5870, 0.1140])
GREY, KEEP = 3, 4  # outcomes beside 0, 1, 2 = copy that channel into all three


def channel_exchange(
    x: Tensor,
    channel: int | None = None,
    grey: bool = False,
    *,
    generator: Generator | None = None,
) -> Tensor:
    """Copy one channel into all three; one draw per picture, or ``channel`` for all of them.

    With ``grey`` a fourth, equally likely outcome is 0.2989 R + 0.5870 G + 0.1140 B.
    Source: Ye et al. 2021, Channel Augmented Joint Learning (ICCV), random channel exchange.
    """
    n = _count(x)
    if channel is None:
        outcome = torch.randint(4 if grey else 3, (n,), generator=generator)
    elif channel in (0, 1, 2):
        outcome = torch.full((n,), channel)
    else:
        raise ValueError(f"channel={channel}; give 0, 1, 2 or None for a draw")
    return _apply(x, outcome)


def channel_adapt_grey(x: Tensor, *, generator: Generator | None = None) -> Tensor:
    """Copy channel 0, 1 or 2 (1/4 each), grey (1/8) or leave the picture as it is (1/8).

    Source: Ye et al. 2021 (ICCV), adaptive grey with parameter 0.5 in the released code.
    """
    outcomes = torch.tensor([0, 0, 1, 1, 2, 2, GREY, KEEP])
    return _apply(x, outcomes[torch.randint(8, (_count(x),), generator=generator)])


def channel_adapt(x: Tensor, *, generator: Generator | None = None) -> Tensor:
    """Copy channel 0, 1 or 2 (1/4 each) or leave the picture as it is (1/4).

    Source: Ye et al. 2021 (ICCV), released code.
    """
    outcomes = torch.tensor([0, 1, 2, KEEP])
    return _apply(x, outcomes[torch.randint(4, (_count(x),), generator=generator)])


def _count(x: Tensor) -> int:
    if x.ndim not in (3, 4) or x.shape[-3] != 3:
        raise ValueError(f"x has shape {tuple(x.shape)}; give (b, 3, h, w) or (3, h, w)")
    return 1 if x.ndim == 3 else len(x)


def _apply(x: Tensor, outcome: Tensor) -> Tensor:
    result = x.clone()
    single = x.ndim == 3
    for source, target, o in zip(
        x[None] if single else x, result[None] if single else result, outcome.tolist(), strict=True
    ):
        if o == GREY:
            target[:] = torch.tensordot(LUMA.to(source), source, dims=1)
        elif o != KEEP:
            target[:] = source[o]
    return result
