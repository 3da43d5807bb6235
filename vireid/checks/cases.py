"""What functions are tried on: random tables and the edges, drawn from a seeded generator."""

import torch
from torch import Generator, Tensor
from torch.nn.functional import normalize


def units(rng: Generator, n: int, d: int = 5) -> Tensor:
    """(n, d) random unit rows."""
    return normalize(torch.randn(n, d, generator=rng, dtype=torch.float64))


def labels(rng: Generator, n: int, k: int) -> Tensor:
    """(n,) whole numbers 0..k-1; the first k rows have one each, so that none is missing."""
    more = torch.randint(k, (max(n - k, 0),), generator=rng)
    return torch.cat([torch.arange(min(n, k)), more])


def soft(rng: Generator, n: int, k: int) -> Tensor:
    """(n, k) random distributions."""
    return (3 * torch.randn(n, k, generator=rng, dtype=torch.float64)).softmax(1)


def numbers(rng: Generator, *shape: int) -> Tensor:
    """Uniform numbers in [0, 1)."""
    return torch.rand(*shape, generator=rng, dtype=torch.float64)
