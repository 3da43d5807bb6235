"""Weights of any network to and from files, with errors that say what does not fit."""

from pathlib import Path

import torch
from torch import Tensor, nn

from vireid import files
from vireid.files.write import put
from vireid.paths import COMMITTED

SYNTHVI = COMMITTED / "weights" / "synthvi_small.safetensors"
NAMED = ("synthvi", "imagenet", "lup")
LISTED = 6  # names per list in an error
WRAPPED = ("state_dict", "model", "net", "teacher")  # how training scripts wrap a state
WEIGHTS = "weights"
GIVE = "Give a file that holds the network's state_dict"


def save(
    model: nn.Module, path: str | Path, *, half: bool = False, about: dict[str, str] | None = None
) -> None:
    """See ``vireid.models.save``."""
    from safetensors.torch import save as serialised

    state = {k: v.detach().cpu().contiguous() for k, v in model.state_dict().items()}
    if half:
        state = {k: v.half() if v.is_floating_point() else v for k, v in state.items()}
    put(path, serialised(state, {"network": type(model).__name__, **(about or {})}))


def load_weights(model: nn.Module, path: str | Path) -> nn.Module:
    """See ``vireid.models.load_weights``."""
    state = _named(model, path) if str(path) in NAMED else read(path)
    fresh = ()  # prefixes that a foreign backbone cannot fill
    if hasattr(model, "from_torchvision") and (renamed := model.from_torchvision(state)):
        state, fresh = renamed, model.fresh
    state = _both_stems(state, model)
    expected = model.state_dict()
    # old files lack the counters of batch normalisation, which nothing here reads
    needed = [k for k in expected if not (k.startswith(fresh) or k.endswith("batches_tracked"))]
    _check(
        path,
        missing=[k for k in needed if k not in state],
        unexpected=[k for k in state if k not in expected],
        shapes=[
            f"{k} is {tuple(v.shape)}, the network has {tuple(expected[k].shape)}"
            for k, v in state.items()
            if k in expected and v.shape != expected[k].shape
        ],
    )
    model.load_state_dict(state, strict=False)
    return model


def read(path: str | Path) -> dict[str, Tensor]:
    """Tensors by name from a file of weights; see ``files.tensors`` for what can be read.

    States that training scripts wrapped in "net", "model", "state_dict" or "teacher", and names
    with "module." before them, are unwrapped.
    """
    state = files.tensors(path)
    for _ in range(len(WRAPPED)):
        state = next((state[k] for k in WRAPPED if isinstance(state.get(k), dict)), state)
    found = {k: v for k, v in state.items() if isinstance(k, str) and isinstance(v, Tensor)}
    if not found:
        held = ", ".join(map(str, list(state)[:LISTED])) or "nothing"
        raise files.BrokenFile(WEIGHTS, f"it holds no tensors by name but {held}", path, GIVE)
    bad = [k for k, v in found.items() if v.is_floating_point() and not v.isfinite().all()]
    if bad:
        raise files.BrokenFile(WEIGHTS, f"NaN or infinite numbers in {_listed(bad)}", path, GIVE)
    while all(k.startswith("module.") for k in found):  # once for each DataParallel around it
        found = {k.removeprefix("module."): v for k, v in found.items()}
    return {k.removeprefix("module."): v for k, v in found.items()}


def fetch(weights) -> dict[str, Tensor]:
    """State of one of torchvision's weights, from its cache or over the network."""
    try:
        return weights.get_state_dict(progress=False, check_hash=True, weights_only=True)
    except (OSError, RuntimeError) as error:
        name = weights.url.rpartition("/")[2]
        raise FileNotFoundError(
            f"{name} is not in torchvision's cache and could not be fetched ({error}). Without a "
            f"network: fetch {weights.url} on another machine, then copy it into "
            f"{Path(torch.hub.get_dir()) / 'checkpoints'} or pass weights='path/to/{name}'"
        ) from error


def _named(model: nn.Module, name: str) -> dict[str, Tensor]:
    kind = type(model).__name__
    if name == "synthvi":
        if kind != "Small":
            raise ValueError(
                f"weights='synthvi' belong to the network 'small', not to {kind}; "
                "give --weights imagenet, none, or a file (weights=)"
            )
        if not SYNTHVI.is_file():
            raise FileNotFoundError(
                f"no weights at {SYNTHVI}; restore the file from the repository or train it anew "
                "with the command in data/weights/README.md"
            )
        return read(SYNTHVI)
    if not hasattr(model, name):
        known = [n for n in ("imagenet", "lup") if hasattr(model, n)] or ["synthvi"]
        word = {"imagenet": "ImageNet", "lup": "LUPerson"}[name]
        raise ValueError(f"there are no {word} weights for {kind}; known: weights='{known[0]}'")
    return getattr(model, name)()


def _both_stems(state: dict[str, Tensor], model: nn.Module) -> dict[str, Tensor]:
    """Copy ``stems.shared.*`` into both stems where the network has two."""
    one = "stems.shared."
    if any(k.startswith(one) for k in model.state_dict()):
        return state
    copies = {
        f"stems.{side}.{k.removeprefix(one)}": v
        for k, v in state.items()
        if k.startswith(one)
        for side in ("visible", "infrared")
    }
    return {k: v for k, v in state.items() if not k.startswith(one)} | copies


def _check(path, **problems: list[str]) -> None:
    if not any(problems.values()):
        return
    lists = [f"{len(names)} {word}: {_listed(names)}" for word, names in problems.items() if names]
    raise ValueError(
        f"weights {path} do not fit this network. {'; '.join(lists)}. Build the network with the "
        "options that the file was trained with, or give another file"
    )


def _listed(names: list[str]) -> str:
    return f"{', '.join(names[:LISTED])}{', ...' * (len(names) > LISTED)}"
