"""Training pictures, made ahead of the network by threads: read, resized, augmented."""

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
from torch import Generator, Tensor

from vireid.data.augment import Recipe, blank
from vireid.types import Batch, Images

AHEAD = 2  # batches in the making while the network learns from one


def loaded(
    batches, images: Images, recipe: Recipe, *, generator: Generator, workers: int = 1
) -> Iterator[tuple[Batch | tuple[Batch, ...], dict[int, Tensor]]]:
    """Batches (or tuples of them) with their pictures, the next ones prepared meanwhile.

    Parameters
    ----------
    batches : iterable of ``Batch`` or of tuples of them
    workers : threads that make pictures; reading, resizing and augmenting let go of Python's lock.
        The result does not depend on their number: one thread makes all draws in one order

    Yields (batch, {id(batch): (b, 3, h, w) network input}); what is shown twice is read once.
    Raises ValueError for workers < 1, OSError for a picture that cannot be read.
    """
    if workers < 1:
        raise ValueError(f"workers={workers}; give at least 1 thread that makes pictures")
    batches = iter(batches)

    def begin():
        batch = next(batches, None)
        if batch is None:
            return None
        parts = batch if isinstance(batch, tuple) else (batch,)
        return batch, {id(part): _begin(part, images, recipe, generator, pool) for part in parts}

    with ThreadPoolExecutor(1) as dice, ThreadPoolExecutor(workers) as pool:
        coming = deque(dice.submit(begin) for _ in range(AHEAD))
        try:
            while (ready := coming.popleft().result()) is not None:
                coming.append(dice.submit(begin))
                batch, parts = ready
                yield batch, {key: _finished(*part) for key, part in parts.items()}
        finally:
            for threads in (dice, pool):
                threads.shutdown(cancel_futures=True)


def _begin(batch: Batch, images: Images, recipe: Recipe, generator, pool):
    """Room for a batch's pictures, and the jobs that fill it, one for each row of the table."""
    views = recipe.draw(images.size, modality=batch.modality, view=batch.view, generator=generator)
    x = blank(len(views), images.size)

    def make(row: int, at: np.ndarray) -> None:
        picture = images.resized(row)
        for i in at:
            views[i].show(picture, x[i])

    rows, group = np.unique(batch.rows, return_inverse=True)
    return x, [pool.submit(make, row, np.flatnonzero(group == g)) for g, row in enumerate(rows)]


def _finished(x: Tensor, jobs: list[Future]) -> Tensor:
    for job in jobs:
        job.result()
    return x
