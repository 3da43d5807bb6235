"""A run to pass on: its record, its network, its features, its labels per epoch; no pictures."""

import json
from pathlib import Path

import torch

from vireid import files, methods, models
from vireid.data import label_table, packs
from vireid.exchange.dumps import FEATURES, pictures
from vireid.experiment.replay import check_source, source_of
from vireid.features import extract
from vireid.files.write import put
from vireid.identity import digest
from vireid.runs import ABOUT, Run
from vireid.training import checkpoint
from vireid.training.checkpoint import CHECKPOINT, LABELS, NETWORK, RECORD
from vireid.types import Embeddings, Images, PseudoLabels

FORMAT = "vireid export 1"
KEPT = "kept while it was trained, one table an epoch"
AGAIN = (
    "not kept by the run (vireid train --keep-labels): made again from the network that came out, "
    "by the last epoch's rules: not the labels that it learnt from"
)


def export_run(
    folder: str | Path,
    out: str | Path | None = None,
    *,
    root: Path | None = None,
    device: str = "auto",
    progress: bool = False,
) -> Path:
    """Write a finished run's record, network, features and labels to a folder of its own.

    Parameters
    ----------
    folder : of the run, with ``run.json`` and ``model.safetensors``
    out : folder to write (default ``export`` in the run's)
    root : folder of the pictures, for data sets that are read

    Features are those of the training pictures, without identities. Labels that the run did not
    keep are made again from its network, and ``about.json`` says so. An export that ``out`` holds
    already is replaced. Raises FileNotFoundError for a run that is not finished, ValueError for
    other pictures than the run's, and when ``out`` is the folder of a run, this one or another.
    """
    folder = Path(folder)
    out = folder / "export" if out is None else Path(out)
    _refuse_a_run(out, folder)
    run = Run.load(files.present(folder / RECORD, "run record", "Give a run's folder."))
    network = files.present(folder / NETWORK, "network", "Finish the run: vireid train --resume.")
    check_source(run, "exported")
    ready = source_of(run, root=root, weights=network)
    if run.data["fingerprint"] != ready.train.fingerprint:
        raise ValueError(
            f"{folder} was trained on other pictures ({run.data['fingerprint']}; here "
            f"{ready.train.fingerprint}); give their folder with --root"
        )
    model = ready.model(run.seed)
    looks = methods.again(run.method, run.config).looks(len(run.curves) - 1)
    train = extract(model, ready.train, device=device, progress=progress, looks=looks)
    told = {"run": digest(run.identity), "method": run.method} | pictures(ready.train)
    packs.save(out / FEATURES, train.blind(), about=told)
    models.save(model, out / NETWORK, about={"run": told["run"]})
    how = _labels(folder, out, run, model, train, ready.train)
    put(out / ABOUT, json.dumps({"format": FORMAT, **told, "labels": how}, indent=1) + "\n")
    run.save(out / RECORD)  # last: a record without about.json is a run's
    return out


def _refuse_a_run(out: Path, folder: Path) -> None:
    """ValueError when ``out`` is the run's own folder or another run's."""
    try:
        exported = files.json_object(out / ABOUT, "description").get("format") == FORMAT
    except (FileNotFoundError, files.BrokenFile):
        exported = False
    trained = (out / CHECKPOINT).exists() or ((out / RECORD).exists() and not exported)
    if trained or out.resolve() == folder.resolve():
        raise ValueError(
            f"out={out} is the folder of a run, whose record, network and labels an export would "
            "replace; give another folder (--out)"
        )


def _labels(
    folder: Path, out: Path, run: Run, model: torch.nn.Module, train: Embeddings, images: Images
) -> str:
    """Write the label tables; returns what they are."""
    kept = sorted((folder / LABELS).glob("epoch*.csv"))
    tables = {table.name: label_table.load(table, images) for table in kept}
    if not kept:
        tables["again.csv"] = labels_of(run, model, train, checkpoint.load(folder))
    for table in (out / LABELS).glob("*.csv"):  # of an export before
        table.unlink()
    for name, found in tables.items():
        label_table.save(out / LABELS / name, found, images)
    return KEPT if kept else AGAIN


def labels_of(
    run: Run, model: torch.nn.Module, train: Embeddings, saved: dict | None
) -> dict[str, PseudoLabels]:
    """What the run's method makes of features (n, d), with the settings of its last epoch.

    ``saved`` is the run's checkpoint, for methods that carry more than the network.
    """
    method = methods.again(run.method, run.config)
    method.start(model, run.seed)
    if saved is not None:
        method.load_state(saved["method"])
    return method.relabel(train.blind() if method.unsupervised else train, len(run.curves) - 1)
