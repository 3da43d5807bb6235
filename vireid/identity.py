"""What makes a run this run and no other: everything that can change its result.

Training, resuming, comparing, the cache of notebooks and the command line's folder names all ask
here.
"""

import hashlib
import json
import sys
from functools import cache
from importlib.metadata import version
from pathlib import Path
from types import ModuleType

import numpy as np
import torch

from vireid.types import Images

# Code that decides what a training gives; a change of a plot trains nothing again.
CODE = (
    "association",
    "data",
    "evaluation",
    "files",
    "jaccard",
    "losses",
    "methods",
    "models",
    "neighbours",
    "training",
)
FILES = (
    "arguments",
    "bias",
    "clustering",
    "curves",
    "features",
    "memory",
    "pairs",
    "retrieval_task",
    "sharding",
    "types",
)
# Version of what all trainings give: raise it when a change outside the methods moves numbers.
NUMBERS = 1
MACHINE = ("device", "threads", "versions")  # what the last digits depend on, and no setting
LOOSE = ("code",)  # recorded, and a reason to train again for the cache, but never to refuse a run


def identity(
    model: torch.nn.Module,
    method,
    images: Images,
    *,
    seed: int,
    device: torch.device,
    test=None,
    network: dict | None = None,
    **fitting,
) -> dict:
    """All that decides a run, as plain values that JSON gives back unchanged.

    Parameters
    ----------
    model : the network at its starting weights; its class, options and weights enter by content
    method : from ``methods.build``; all its settings enter
    images : training table, by fingerprint and order
    test : ``RetrievalTask``, queries and every trial's gallery, or None
    network : its name and options, where they are known; what changes no number is left out
    fitting : what else ``training.fit`` was told, e.g. ``select``, ``precision``
    """
    found = {
        "method": method.name,
        "settings": method.config(),
        "numbers": numbers_of(method),
        "seed": seed,
        "data": {
            "name": images.name,
            "images": len(images),
            "fingerprint": images.fingerprint,
            "size": list(images.size),
            "truth": None if images.identity is None else rows_digest(images.identity),
        },
        "test": None if test is None else test.fingerprint,
        "network": {
            "class": type(model).__name__,
            "weights": weights_digest(model),
            **{k: v for k, v in _numbers(network or {}).items()},
        },
        "device": device.type,
        "threads": torch.get_num_threads(),
        "versions": {"vireid": version("vireid"), "torch": torch.__version__},
        "code": code_of(method),
        **own_code(method),
        **fitting,
    }
    return json.loads(json.dumps(found))


def numbers_of(method) -> list[int]:
    """Version of what a method's (or its class's) training gives: of all, and its own."""
    return [NUMBERS, method.numbers]


def _numbers(network: dict) -> dict:
    """Name and options of a network without those that change no number."""
    options = {k: v for k, v in network.get("options", {}).items() if k != "recompute"}
    return {"name": network.get("name"), **options} if network else {}


def differences(kept: dict, now: dict, *, anywhere: bool = False) -> dict[str, tuple]:
    """What differs between two identities, settings one by one: name -> (kept, now).

    ``anywhere``: the machine may be another.
    """
    found, aside = {}, LOOSE + MACHINE * anywhere
    for name in [n for n in {**kept, **now} if n not in aside]:
        old, new = kept.get(name), now.get(name)
        if isinstance(old, dict) and isinstance(new, dict):
            other = [k for k in {**old, **new} if old.get(k) != new.get(k)]
            found |= {f"{name} {k}" if k in found else k: (old.get(k), new.get(k)) for k in other}
        elif old != new:
            found[name] = (old, new)
    return found


def digest(found: dict, *, loose: bool = False) -> str:
    """12 hex digits of an identity; ``loose`` lets everything in, also the code."""
    kept = {k: v for k, v in found.items() if loose or k not in LOOSE}
    return hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()[:12]


def weights_digest(model: torch.nn.Module) -> str:
    """12 hex digits of all weights and running statistics, with their names."""
    found = hashlib.sha256()
    for name, value in model.state_dict().items():
        found.update(f"{name} {tuple(value.shape)} {value.dtype}".encode())
        found.update(value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
    return found.hexdigest()[:12]


def rows_digest(*rows) -> str:
    """12 hex digits of rows of whole numbers."""
    found = hashlib.sha256()
    for row in rows:
        found.update(np.ascontiguousarray(row, np.int64).tobytes() + b";")
    return found.hexdigest()[:12]


def code_of(method) -> str:
    """12 hex digits of the package's code, and of a method's own where it lives elsewhere."""
    own = own_code(method)
    return _digest_of([code_digest(), *own.values()]) if own else code_digest()


def own_code(method) -> dict[str, str]:
    """``{"own code": 12 hex digits}`` of a method from outside the package; empty for its own.

    No ``numbers`` tell when such code changes. A module counts with its whole file, and so do those
    beside it that it uses; one without a file, a notebook, with the class's functions.
    """
    told, files = [], set()
    for cls in type(method).__mro__:
        if cls.__module__.partition(".")[0] in ("vireid", "builtins"):
            continue
        if file := _file(cls.__module__):
            _used(cls.__module__, file.parent, files)
        else:
            functions = (f for f in vars(cls).values() if hasattr(f, "__code__"))
            told += [_told(f.__code__) for f in functions]
    told += [file.read_text("utf-8") for file in sorted(files)]
    return {"own code": _digest_of(told)} if told else {}


def _used(module: str, folder: Path, files: set[Path]) -> None:
    """Add the files of a module and of all in its folder that it uses, one by way of another."""
    file = _file(module)
    if file is None or folder not in file.parents or file in files:
        return
    files.add(file)
    for value in [*vars(sys.modules[module]).values()]:
        name = value.__name__ if isinstance(value, ModuleType) else getattr(value, "__module__", "")
        _used(str(name), folder, files)


def _file(module: str) -> Path | None:
    file = getattr(sys.modules.get(module), "__file__", None)
    return Path(file).resolve() if file else None


def _digest_of(texts: list[str]) -> str:
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()[:12]


def _told(code) -> str:
    """Instructions, names and constants of a function, without places in memory."""
    constants = [_told(c) if hasattr(c, "co_code") else repr(c) for c in code.co_consts]
    return f"{code.co_name} {code.co_code.hex()} {code.co_names} {constants}"


@cache
def code_digest() -> str:
    """12 hex digits of the package's code that decides a training."""
    package = Path(__file__).parent
    files = [package / f"{name}.py" for name in FILES]
    for room in CODE:
        files += sorted((package / room).rglob("*.py"))
    found = hashlib.sha256()
    for file in files:
        found.update(file.read_bytes())
    return found.hexdigest()[:12]
