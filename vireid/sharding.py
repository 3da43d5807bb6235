"""Beyond one process: features and neighbours over several ranks, each rank its rows.

A script that is started as ``torchrun --nproc-per-node 4 script.py`` runs once a rank; inside
``with ranks():`` all of them call the same functions in the same order. Started without torchrun,
the same script is a single rank.

    with sharding.ranks():
        train = sharding.extract(model, images, gather=False)  # this rank's rows
        index, similarity = sharding.nearest(train.x, 30)  # their neighbours among all rows
        index = sharding.gathered(index)  # everyone's, on every rank
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import torch
import torch.distributed as dist
from torch import Tensor

from vireid import features
from vireid.neighbours import plain
from vireid.neighbours.sources import clamp, unit_rows
from vireid.types import Embeddings, Images

__all__ = ["exchanged", "extract", "gathered", "nearest", "place", "ranks", "share", "together"]


@contextmanager
def ranks(*, patience: float = 600) -> Iterator[tuple[int, int]]:
    """Join the ranks that torchrun started; (number of this one, how many there are).

    CPU tensors travel by gloo, those of a GPU (each rank takes its own) by NCCL. ``patience``:
    seconds after which a rank that hears nothing from the others gives up with an error.
    """
    if "RANK" not in os.environ:
        yield 0, 1
        return
    backend = "gloo"
    if torch.cuda.is_available():
        backend = "cpu:gloo,cuda:nccl"
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    dist.init_process_group(backend, timeout=timedelta(seconds=patience))
    try:
        yield dist.get_rank(), dist.get_world_size()
    finally:
        dist.destroy_process_group()


def share(n: int, *, unit: int = 1) -> slice:
    """Which of n rows are this rank's: whole units (batches), parts differ by one unit at most.

    Raises ValueError when there are fewer units than ranks.
    """
    rank, size = place()
    units = -(-n // unit)
    if units < size:
        raise ValueError(
            f"{n} rows in units of {unit} are {units} for {size} ranks: some would have nothing to "
            f"do; start at most {max(units, 1)} ranks" + (", or lower batch" if unit > 1 else "")
        )
    first, last = (units * r // size for r in (rank, rank + 1))
    return slice(first * unit, min(last * unit, n))


def extract(
    model: torch.nn.Module, images: Images, *, batch: int = 64, gather: bool = True, **options
) -> Embeddings:
    """``features.extract`` with every rank describing its share of the pictures.

    Parameters
    ----------
    model, images : the same on all ranks
    batch : as in ``features.extract``; ranks take whole batches, so every batch is the one that a
        single process would see, and features are the same to the last bit on equal machines
    gather : every rank ends with all rows; False leaves it with its own, ``share(n, unit=batch)``
    options : further ones of ``features.extract``

    Raises what ``features.extract`` raises, on all ranks, and ValueError for more ranks than
    batches.
    """
    if batch < 1:
        raise ValueError(f"batch={batch}; give at least 1 picture per forward pass")
    part = share(len(images), unit=batch)
    rows = torch.arange(len(images))[part].numpy()
    own = together(
        lambda: features.extract(model, images.rows(rows), batch=batch, **options),
        f"rows from {part.start}: ",
    )
    if not gather:
        return own
    looks = {name: gathered(x) for name, x in own.looks.items()}
    return Embeddings(gathered(own.x), images.modality, images.camera, images.identity, looks)


def nearest(x, k: int) -> tuple[Tensor, Tensor]:
    """The k nearest of this rank's rows among the rows of all ranks, by cosine, oneself first.

    Parameters
    ----------
    x : (m, d) this rank's features, on the CPU or its GPU; the table (n, d) is the ranks' parts one
        below the other
    k : how many, oneself counted; more than n is clamped with a warning

    Returns
    -------
    index (m, k) int64 into the whole table, similarity (m, k): the lists that
    ``neighbours.nearest(table, k, backend="torch")`` has for these rows. Ties fall by index.

    Each rank holds its own rows and one other part at a time. Raises ValueError on all ranks when
    one has no rows, rows with NaN, infinity or zeros, or other columns than the rest.
    """
    x = together(lambda: unit_rows(x).contiguous())
    shapes = exchanged((x.shape[1], str(x.dtype)))
    if len(set(shapes)) > 1:
        raise ValueError(f"ranks hold rows of different width or kind: {shapes}")
    sizes = exchanged(len(x))
    rank = place()[0]
    k, starts = clamp(k, sum(sizes)), [sum(sizes[:r]) for r in range(len(sizes))]
    mine = torch.arange(len(x), device=x.device)
    lists = mine.new_empty(len(x), 0), x.new_empty(len(x), 0)
    for source, part in enumerate(_parts(x)):
        at = mine if source == rank else None
        found, score = plain.search(x, part, min(k, len(part)), at=at)
        lists = [torch.cat(p, 1) for p in zip(lists, (found + starts[source], score), strict=True)]
        lists = _best(*lists, k, itself=mine + starts[rank])
    return tuple(lists)


def _best(index, value, k: int, *, itself) -> list[Tensor]:
    """The first k of lists (m, .), oneself first.

    Entries of one value stand by index: parts come in order, and a stable sort keeps it.
    """
    rank = value.masked_fill(index == itself[:, None], torch.inf)
    order = rank.sort(dim=1, descending=True, stable=True).indices[:, :k]
    return [index.gather(1, order), value.gather(1, order)]


def gathered(x: Tensor) -> Tensor:
    """The tensors of all ranks, one below the other, on every rank; they may differ in rows."""
    return torch.cat(list(_parts(x.contiguous())))


def _parts(x: Tensor) -> Iterator[Tensor]:
    """Every rank's tensor in turn; one at a time is in memory beside one's own."""
    for source, size in enumerate(exchanged(len(x))):
        part = x if source == place()[0] else x.new_empty(size, *x.shape[1:])
        if dist.is_initialized():
            dist.broadcast(part, source)
        yield part


def place() -> tuple[int, int]:
    """Number of this rank, and how many there are."""
    return (dist.get_rank(), dist.get_world_size()) if dist.is_initialized() else (0, 1)


def exchanged(value) -> list:
    """What every rank has for a small value."""
    values = [value] * place()[1]
    if dist.is_initialized():
        dist.all_gather_object(values, value)
    return values


def together(work: Callable, where: str = ""):
    """The result of work(), or one rank's error on all ranks: the others would wait for it."""
    result, problem = None, None
    try:
        result = work()
    except (ValueError, OSError) as error:
        problem = (OSError if isinstance(error, OSError) else ValueError, f"{where}{error}")
        if place()[1] == 1:
            raise
    for rank, found in enumerate(exchanged(problem)):
        if found:
            kind, words = found
            raise kind(f"rank {rank}: {words}")
    return result
