"""What a network costs: parameters, multiply-adds of one picture, pictures per second.

Convention: one multiply-add counts once (GMAC); a FLOP count is twice that. Convolutions and
matrix products are counted, attention's two included; norms, pooling and elementwise work are not.
"""

import copy
import time
from statistics import median

import torch
from torch import Tensor, nn

# (height, width) that a network is made for, in pixels
SIZES = {
    "agw": (288, 144),
    "regions": (128, 64),
    "regions_small": (96, 48),
    "regions_squeezenet": (128, 64),
    "small": (96, 48),
    "squeezenet": (128, 64),
    "vit": (384, 128),
}
PAPER = {"network": "vit (paper)", "height": 384, "width": 128, "parameters": 91.5e6, "gflop": 31.6}


def parameters(model: nn.Module) -> int:
    """Numbers in all parameters, frozen ones included; running statistics are no parameters."""
    return sum(p.numel() for p in model.parameters())


@torch.no_grad()
def multiply_adds(model: nn.Module, size: tuple[int, int]) -> int:
    """Multiply-adds of one visible picture of ``size`` (height, width) in evaluation mode."""
    from torch.utils.flop_counter import FlopCounterMode

    mode = model.training
    with FlopCounterMode(display=False) as counter:
        model.eval()(*_batch(model, size, 1))
    model.train(mode)
    return counter.get_total_flops() // 2


def activation_bytes(model: nn.Module, size: tuple[int, int], *, batch: int = 4) -> float:
    """Bytes of memory a picture that a training step holds at its peak, float32; counted, not run.

    What is kept for the backward pass; where the network computes blocks again (``recompute``), the
    blocks' inputs, and the insides of the largest block while it is computed again. Parameters,
    their gradients and the optimiser's numbers come on top, once for all pictures.
    """
    model = copy.deepcopy(model).to("meta").train()
    pictures, modality = _batch(model, size, batch)
    again = model.recompute if hasattr(model, "recompute") else False
    parts, inside = [], [0]
    if again:
        model.recompute = False
        parts = [(model.stems, (pictures, modality))]
        x = model.stems(pictures, modality)
        for block in model.blocks():
            parts.append((block, (x,)))
            x = block(x)
        inside = [_saved(part, given) for part, given in parts]
    whole = _saved(model, (pictures, modality))
    inputs = sum(given[0].nbytes for _, given in parts)
    return (whole - sum(inside) + inputs + max(inside)) / batch


def _saved(part: nn.Module, given: tuple) -> int:
    """Bytes of the tensors that autograd keeps of ``part(*given)``, without parameters."""
    own = {t.untyped_storage()._cdata for t in (*part.parameters(), *part.buffers(), *given)}
    kept = {}

    def keep(tensor: Tensor) -> Tensor:
        kept[tensor.untyped_storage()._cdata] = tensor
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        part(*given)
    return sum(t.untyped_storage().nbytes() for cdata, t in kept.items() if cdata not in own)


def pictures_per_second(
    model: nn.Module,
    size: tuple[int, int],
    *,
    batch: int = 16,
    train: bool = False,
    seconds: float = 1.0,
) -> float:
    """Median speed of batches, half visible and half infrared, on the model's device.

    Parameters
    ----------
    size : (height, width) in pixels
    batch : pictures per batch, at least 4
    train : forward and backward in training mode, instead of forward in evaluation mode; the
        network is left as it was
    seconds : how long to measure, after one batch to warm up; at least three batches
    """
    if batch < 4:
        raise ValueError(f"batch={batch}; give at least 4: batch norms need two of each modality")
    given, mode, times = _batch(model, size, batch), model.training, []
    before = {name: value.clone() for name, value in model.named_buffers()}
    model.train(train)
    while len(times) < 4 or sum(times[1:]) < seconds:
        began = time.perf_counter()
        _step(model, given, train)
        times.append(time.perf_counter() - began)
    model.train(mode)
    for name, value in model.named_buffers():
        value.copy_(before[name])
    return batch / median(times[1:])


def _step(model: nn.Module, given: tuple[Tensor, Tensor], train: bool) -> None:
    """One forward (and backward) pass, waited for."""
    with torch.set_grad_enabled(train):
        x = model(*given).x
        if train:
            weights = [p for p in model.parameters() if p.requires_grad]
            torch.autograd.grad(x.square().mean(), weights, allow_unused=True)
    if x.device.type != "cpu":
        torch.accelerator.synchronize()


def cost_table(
    networks: tuple[str, ...] | None = None,
    *,
    size: tuple[int, int] | None = None,
    device: str = "cpu",
    batch: int = 16,
    seconds: float | None = 1.0,
):
    """One row per network, as a pandas table; the paper's own row last.

    Parameters
    ----------
    networks : names of ``vireid.models.NETWORKS``; None = all
    size : (height, width) for all of them; None = each network's own size (a ViT has no other)
    device, batch, seconds : of the speed measurement; seconds=None leaves it out, and then nothing
        is computed, only counted

    Columns: network, height, width, feature (numbers), parameters, gmac, gflop (= 2 gmac), ``step``
    (MB of memory a picture in a training step) and ``recompute`` (the same where the network has
    that option), and unless left out pictures per second ``forward`` and ``training`` (forward
    and backward).
    """
    import pandas as pd

    from vireid.models import NETWORKS, build

    if batch < 2 or (seconds is not None and not 0 <= seconds < float("inf")):
        raise ValueError(f"batch={batch}, seconds={seconds}: give at least 2 pictures, 0 s or more")
    rows = []
    for name in networks or NETWORKS:
        model = build(name).to("meta" if seconds is None else device)
        own = SIZES[name] if size is None or name == "vit" else size
        gmac = multiply_adds(model, own) / 1e9
        row = {"network": name, "height": own[0], "width": own[1], "feature": model.dim}
        row |= {"parameters": parameters(model), "gmac": gmac, "gflop": 2 * gmac}
        row["step"] = activation_bytes(model, own) / 1e6
        if hasattr(model, "recompute"):
            again = build(name, recompute=True)
            row["recompute"] = activation_bytes(again, own) / 1e6
        for column, train in (
            (("forward", False), ("training", True)) if seconds is not None else ()
        ):
            row[column] = pictures_per_second(model, own, batch=batch, train=train, seconds=seconds)
        rows.append(row)
    table = pd.DataFrame([*rows, PAPER])
    table.attrs["convention"] = "1 multiply-add = 1 MAC = 2 FLOP; convolutions and matrix products"
    if seconds is not None:
        table.attrs["measured"] = f"batch {batch} on {device}, {torch.get_num_threads()} threads"
    return table


def _batch(model: nn.Module, size: tuple[int, int], n: int) -> tuple[Tensor, Tensor]:
    """Noise pictures, modalities alternating, beside the model."""
    device = next(model.parameters()).device
    pictures = torch.randn(n, 3, *size, generator=torch.Generator().manual_seed(0))
    modality = torch.arange(n) % 2
    if device.type == "meta":  # a network without numbers can still be counted
        return pictures.to(device), modality
    return pictures.to(device), modality.to(device)
