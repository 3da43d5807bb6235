"""Channel operators: make one picture out of a visible picture's channels.

They act on normalised tensors, after erasing, (b, 3, h, w) or (3, h, w), and return new ones.
"""

import torch
from torch import Generator, Tensor

LUMA = torch.tensor([0.2989, 0.5870, 0.1140])
GREY, KEEP = 3, 4  # outcomes beside 0, 1, 2 = copy that channel into all three
OUTCOMES = {  # of each operator, equally likely
    "exchange": (0, 1, 2),
    "exchange_grey": (0, 1, 2, GREY),
    "adapt_grey": (0, 0, 1, 1, 2, 2, GREY, KEEP),
    "adapt": (0, 1, 2, KEEP),
}


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
        outcome = outcomes("exchange_grey" if grey else "exchange", n, generator)
    elif channel in (0, 1, 2):
        outcome = [channel] * n
    else:
        raise ValueError(f"channel={channel}; give 0, 1, 2 or None for a draw")
    return _apply(x, outcome)


def channel_adapt_grey(x: Tensor, *, generator: Generator | None = None) -> Tensor:
    """Copy channel 0, 1 or 2 (1/4 each), grey (1/8) or leave the picture as it is (1/8).

    Source: Ye et al. 2021 (ICCV), adaptive grey with parameter 0.5 in the released code.
    """
    return _apply(x, outcomes("adapt_grey", _count(x), generator))


def channel_adapt(x: Tensor, *, generator: Generator | None = None) -> Tensor:
    """Copy channel 0, 1 or 2 (1/4 each) or leave the picture as it is (1/4).

    Source: Ye et al. 2021 (ICCV), released code.
    """
    return _apply(x, outcomes("adapt", _count(x), generator))


def _count(x: Tensor) -> int:
    if x.ndim not in (3, 4) or x.shape[-3] != 3:
        raise ValueError(f"x has shape {tuple(x.shape)}; give (b, 3, h, w) or (3, h, w)")
    return 1 if x.ndim == 3 else len(x)


def outcomes(operator: str, n: int, generator: Generator | None) -> list[int]:
    """What an operator of ``OUTCOMES`` does to each of n pictures, drawn at once."""
    equally_likely = OUTCOMES[operator]
    drawn = torch.randint(len(equally_likely), (n,), generator=generator)
    return [equally_likely[i] for i in drawn.tolist()]


def apply_outcome(x: Tensor, outcome: int) -> None:
    """Change one picture (3, h, w) in place: copy a channel or the grey of all into all three."""
    if outcome == GREY:
        x[:] = torch.tensordot(LUMA.to(x), x, dims=1)
    elif outcome != KEEP:
        x[:] = x[outcome].clone()


def _apply(x: Tensor, outcome: list[int]) -> Tensor:
    result = x.clone()
    for picture, o in zip(result[None] if x.ndim == 3 else result, outcome, strict=True):
        apply_outcome(picture, o)
    return result
