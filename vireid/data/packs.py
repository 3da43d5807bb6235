"""Feature packs: embeddings with cameras and identities but without pictures.

A pack is one safetensors file: numbers and a short text, nothing that runs code when opened. Share
one only where the data set's agreement allows it: features can be traced back to people.
"""

import json
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save as serialised

from vireid import files
from vireid.files.write import put
from vireid.types import Embeddings

FORMAT = "vireid feature pack 1"
WANTED = "feature pack"


def save(path: Path, embeddings: Embeddings, *, about: dict[str, str] | None = None) -> Path:
    """Write embeddings as a feature pack; the file appears whole or not at all.

    Parameters
    ----------
    path : file to write, usually ``*.safetensors``
    embeddings : x (n, d) float, finite; blind ones make a pack without identities
    about : short texts kept with the numbers: network, data set, licence, ...

    Raises ValueError for NaN, infinite or integer features and for an unknown modality.
    """
    path = Path(path)
    tensors = {"x": embeddings.x, "modality": embeddings.modality, "camera": embeddings.camera}
    if embeddings.identity is not None:
        tensors["identity"] = embeddings.identity
    _validate(tensors, "embeddings")
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    return put(path, serialised(tensors, {"format": FORMAT, "about": json.dumps(about or {})}))


def load(path: Path) -> Embeddings:
    """Read a feature pack onto the CPU.

    Raises FileNotFoundError without the file, and ValueError naming it when it is no pack, is cut
    short, or holds shapes or numbers that no embeddings have.
    """
    tensors, _ = _read(Path(path))
    return Embeddings(**tensors)


def about(path: Path) -> dict[str, str]:
    """The texts that were saved with a pack."""
    return _read(Path(path))[1]


def _read(path: Path) -> tuple[dict[str, torch.Tensor], dict[str, str]]:
    files.expect(path, ("safetensors",), WANTED, "packs.save writes one.")
    with files.reading(path, WANTED), safe_open(path, framework="pt") as file:
        metadata = file.metadata() or {}
        tensors = {name: file.get_tensor(name) for name in file.keys()}
        about = json.loads(metadata.get("about", "{}"))
    if metadata.get("format") != FORMAT:
        raise ValueError(
            f"{path} says format {metadata.get('format')!r}; expected {FORMAT!r}. Weights and "
            "other safetensors files are no feature packs."
        )
    if not isinstance(about, dict):
        raise ValueError(f"{path}: its texts are {type(about).__name__}; expected names and texts")
    _validate(tensors, str(path))
    return tensors, about


def _validate(tensors: dict[str, torch.Tensor], where: str) -> None:
    """Raise ValueError unless these are x (n, d) float and n numbers each for the rest."""
    needed, allowed = {"x", "modality", "camera"}, {"x", "modality", "camera", "identity"}
    if not needed <= set(tensors) <= allowed:
        raise ValueError(f"{where} holds {sorted(tensors)}; a pack holds {sorted(allowed)}")
    x = tensors["x"]
    if x.ndim != 2 or not x.is_floating_point():
        raise ValueError(f"{where}: x is {x.dtype} {tuple(x.shape)}; expected (n, d) floats")
    if not torch.isfinite(x).all():
        raise ValueError(f"{where}: x holds NaN or infinite numbers; extract the features again")
    for name in set(tensors) - {"x"}:
        if tensors[name].dtype != torch.int64 or tensors[name].shape != (len(x),):
            raise ValueError(
                f"{where}: {name} is {tensors[name].dtype} {tuple(tensors[name].shape)}; "
                f"expected {len(x)} whole numbers (int64)"
            )
    if not torch.isin(tensors["modality"], torch.tensor([0, 1], device=x.device)).all():
        raise ValueError(f"{where}: modality must be 0 (visible) or 1 (infrared)")
