"""A dump made ready for a training here: ``labels.csv`` and ``features.safetensors``."""

from collections.abc import Sequence
from pathlib import Path

from vireid.data import label_table, packs
from vireid.exchange.dumps import FEATURES, pictures, read_dump
from vireid.experiment import Experiment, setting
from vireid.types import Embeddings, PseudoLabels

TABLE = "labels.csv"


def import_dump(
    sources: Sequence[str | Path], experiment: Experiment, out: str | Path
) -> dict[str, Path]:
    """Read a dump (``read_dump``) for an experiment's training pictures; write what it holds.

    A dump of features alone is clustered within each modality, as stage 1 (``dcl``) does it with
    the data set's settings. Returns "labels" and "features" -> the file written. Raises ValueError
    for a folder that holds either already, and what ``read_dump`` and the clustering raise, before
    anything is written.
    """
    images, out = experiment.train, Path(out)
    if held := [name for name in (TABLE, FEATURES) if (out / name).exists()]:
        raise ValueError(
            f"{out} holds {' and '.join(held)} already, of an import or export before; give "
            "another folder (--out), or delete what it holds"
        )
    found = read_dump(sources, images)
    labels = clustered(experiment, found.features) if found.labels is None else found.labels
    written = {}
    if found.features is not None:
        written["features"] = packs.save(out / FEATURES, found.features, about=pictures(images))
    return written | {"labels": label_table.save(out / TABLE, labels, images)}


def clustered(experiment: Experiment, features: Embeddings) -> dict[str, PseudoLabels]:
    """Clusters within each modality of features (n, d), found as stage 1 finds them."""
    method = setting(experiment, "dcl")
    method.start(None, 0)
    return method.relabel(features.blind(), 0)
