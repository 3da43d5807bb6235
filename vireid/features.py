"""A network and pictures in, features out: unit rows, in the table's order."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from tqdm.auto import tqdm

from vireid.data.augment import to_input
from vireid.data.looks import seen
from vireid.types import Embeddings, Images

DECODERS = 4  # threads that read and resize files ahead of the network


def pick_device(device: str | torch.device = "auto") -> torch.device:
    """The device of a name; "auto" is the accelerator if there is one, else the CPU.

    Raises ValueError for a name that is none, and for a device that this machine does not have.
    """
    accelerator = torch.accelerator.current_accelerator(check_available=True)
    here = torch.device("cpu") if accelerator is None else accelerator
    if device == "auto":
        return here
    try:
        wanted = torch.device(device)
    except (RuntimeError, TypeError) as error:
        raise ValueError(f"device={device!r} is no device; use auto, cpu or cuda") from error
    there = torch.accelerator.device_count() if wanted.type == here.type else 0
    if wanted.type != "cpu" and not (wanted.index or 0) < there:
        raise ValueError(
            f"device={str(wanted)!r} is not on this machine, which has cpu"
            f"{f' and {there} {here.type}' if there else ''}; use device='auto' or 'cpu'"
        )
    return wanted


def extract(
    model: torch.nn.Module,
    images: Images,
    *,
    flip: bool = True,
    batch: int = 64,
    device: str | torch.device = "auto",
    progress: bool = False,
    looks: tuple[str, ...] = (),
) -> Embeddings:
    r"""Features of a table of pictures, each through the stem of its own modality.

    .. math:: f = \operatorname{norm}\big(\tfrac12(g(x) + g(\operatorname{flip} x))\big)

    with g the network's unit feature in evaluation mode.

    Parameters
    ----------
    model : network of ``vireid.models``; moved to ``device``; its mode is put back afterwards
    images : n pictures, resized to ``images.size``
    flip : average with the mirrored picture
    batch : pictures per forward pass
    device : "auto" for an accelerator if there is one
    progress : show a bar
    looks : describe the pictures in these ones of ``data.looks.FIXED``, too

    Returns
    -------
    Embeddings on the CPU: (n, d) unit rows; row i describes picture i

    Raises ValueError when there are no pictures or when a feature is not finite or zero (its row
    is named), OSError for a picture that cannot be read.
    Source: Ye et al. 2021, AGW (arXiv 2001.04193): unit BN-neck features, averaged over the flip.
    Differs: DMDL's code clusters SYSU and LLCM on the average itself (norm <= 1); ours is unit.
    """
    if not len(images):
        raise ValueError(f"{images.name or 'images'}: no pictures to describe")
    if batch < 1:
        raise ValueError(f"batch={batch}; give at least 1 picture per forward pass")
    device = pick_device(device)
    found = {look: [] for look in ("plain", *looks)}
    bar = tqdm(total=len(images), desc="features", unit="picture", disable=not progress)
    with evaluating(model.to(device)), torch.no_grad(), bar:
        for rows, pictures in _batches(images, batch):
            modality = torch.as_tensor(images.modality[rows], device=device)
            for look, parts in found.items():
                x = to_input(seen(pictures, look)).to(device)
                f = _unit(model(x, modality).x, rows)
                if flip:
                    f = _unit(f + _unit(model(x.flip(-1), modality).x, rows), rows)
                parts.append(f.cpu())
            bar.update(len(rows))
    x = {look: torch.cat(parts) for look, parts in found.items()}
    return Embeddings(x.pop("plain"), images.modality, images.camera, images.identity, x)


class Described:
    """Features of tables that share files, by one network: each picture is described once.

    Parameters
    ----------
    model, options : as for ``extract``, without ``looks``

    Call it with a table: ``described(images)`` is ``extract(model, images)`` but for rounding, for
    pictures go through the network in other batches. Raises ValueError for pictures in memory,
    which have no name to be known by, and whatever ``extract`` raises.
    """

    def __init__(self, model: torch.nn.Module, **options):
        self.model, self.options = model, options
        self._known: dict[tuple, Tensor] = {}  # path, height, width

    def __call__(self, images: Images) -> Embeddings:
        """(n, d) unit rows of a table of files."""
        if isinstance(images.source, np.ndarray):
            raise ValueError(f"{images.name or 'images'}: pictures in memory; use extract")
        keys = [(path, *images.size) for path in images.source]
        if new := [i for i, key in enumerate(keys) if key not in self._known]:
            found = extract(self.model, images.rows(new), **self.options).x
            self._known.update(zip([keys[i] for i in new], found, strict=True))
        x = torch.stack([self._known[key] for key in keys])
        return Embeddings(x, images.modality, images.camera, images.identity)


@contextmanager
def evaluating(model: torch.nn.Module) -> Iterator[None]:
    """Evaluation mode inside, every part's own mode again outside."""
    modes = [(part, part.training) for part in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for part, training in modes:
            part.training = training


def _batches(images: Images, batch: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """(row numbers, pictures uint8 (b, h, w, 3)); files are read one batch ahead, by threads."""
    chunks = np.split(np.arange(len(images)), range(batch, len(images), batch))
    if isinstance(images.source, np.ndarray):
        yield from ((rows, np.stack([images.resized(i) for i in rows])) for rows in chunks)
        return
    with ThreadPoolExecutor(DECODERS) as pool:
        coming = [pool.submit(images.resized, i) for i in chunks[0]]
        for rows, following in zip(chunks, [*chunks[1:], []], strict=True):
            ready, coming = coming, [pool.submit(images.resized, i) for i in following]
            yield rows, np.stack([picture.result() for picture in ready])


def _unit(x: Tensor, rows: np.ndarray) -> Tensor:
    """Rows of norm 1; ValueError naming the rows that cannot have it."""
    norm = x.norm(dim=1)
    bad = ~torch.isfinite(norm) | (norm == 0)
    if bad.any():
        named = rows[bad.cpu().numpy()].tolist()
        kind = "zero" if torch.isfinite(norm).all() else "not finite"
        raise ValueError(
            f"{len(named)} features are {kind}, first in rows {named[:5]}: the network has "
            "diverged or its weights are broken; lower the learning rate or load other weights"
        )
    return F.normalize(x)
