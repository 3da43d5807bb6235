"""From names to a run: which network, weights, settings and test belong to a data set.

``prepare`` gathers them, ``train`` runs one method, ``compare`` runs rows of an ablation from one
common stage 1, over seeds, resumable run by run.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import torch

from vireid import data, methods, models
from vireid.models.weights import SYNTHVI
from vireid.paths import CHECKOUT, data_root
from vireid.runs import Run
from vireid.test_set import TestSet, test_set
from vireid.training import PRECISION, fit
from vireid.types import Images

# data set -> (network, its weights, preset of methods, protocol, gallery trials)
DEFAULTS = {
    "synthvi": ("small", "synthvi", "light", "sysu", 10),
    "m3svd": ("squeezenet", "imagenet", "m3svd", "regdb", 1),
    "sysu": ("agw", "imagenet", "official", "sysu", 10),
    "regdb": ("agw", "imagenet", "official_regdb", "regdb", 1),
    "llcm": ("agw", "imagenet", "official_llcm", "llcm", 10),
}


REGIONS = {"regdb": 6}  # class tokens of the ViT where they are not 4
# what a network wants beyond its name: (options, picture size or None for the data set's own)
WANTS = {"vit": ({"attention": "pre_last_block", "residual": True}, (384, 128))}


@dataclass(frozen=True)
class Experiment:
    """A data set with everything a method needs to be trained and scored on it."""

    name: str
    preset: str | None
    train: Images
    test: TestSet
    network: str
    weights: str | Path | None
    method_preset: str

    def model(self, seed: int = 0) -> torch.nn.Module:
        """The network at its starting weights; new layers are drawn with ``seed``."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            options, _ = WANTS.get(self.network, ({}, None))
            if self.network == "vit" and self.name in REGIONS:
                options = options | {"regions": REGIONS[self.name]}
            return models.build(self.network, weights=self.weights, **options)


def prepare(
    name: str,
    *,
    preset: str | None = None,
    root: Path | None = None,
    network: str | None = None,
    weights: str | Path | None = "default",
    trials: int | None = None,
    method: str | None = None,
    **options,
) -> Experiment:
    """Load training and test tables of a data set and choose what usually goes with it.

    The network is the data set's usual one, or what ``method`` needs in its place, or ``network``.
    ``options`` go to ``data.load`` (for SynthVI: ``seed``, a world with other identities).
    """
    if name not in DEFAULTS:
        raise ValueError(f"data set {name!r} is unknown; known: {', '.join(DEFAULTS)}")
    if options.get("llcm_official_v2i"):
        raise ValueError(
            "llcm_official_v2i draws a new query set per trial: load and score each trial by "
            "itself with data.load and evaluation.evaluate"
        )
    usual, usual_weights, settings, protocol, usual_trials = DEFAULTS[name]
    if name == "synthvi" and preset in (None, "tiny"):
        preset, settings = "tiny", "tiny"

    instead = methods.kind(method).networks if method else {}
    network = network or instead.get(usual, usual)
    _, size = WANTS.get(network, ({}, None))

    def load(split: str, trial: int = 0) -> Images:
        table = data.load(name, root=root, preset=preset, split=split, trial=trial, **options)
        return replace(table, size=size) if size else table

    first = options.pop("trial", 1 if name == "regdb" else 0)
    galleries = [load("gallery", first + t) for t in range(trials or usual_trials)]
    if weights == "default":
        weights = _usual_weights(network, usual_weights, root)
    return Experiment(
        name=name,
        preset=preset,
        train=load("train", first),
        test=test_set(load("query", first), galleries, protocol),
        network=network,
        weights=weights,
        method_preset=settings,
    )


def _usual_weights(network: str, usual: str, root: Path | None) -> str | Path | None:
    """ImageNet SqueezeNet weights lie beside the pictures or in ../shared, others have a name.

    The ViT starts from random weights unless a checkpoint is given: none can be had by name.
    """
    if network == "vit":
        return None
    if network.endswith("small"):
        return SYNTHVI
    if not network.endswith("squeezenet"):
        return usual
    file = Path("imagenet_squeezenet/squeezenet1_1_imagenet.npz")
    places = [data_root(root), data_root(root).parent, CHECKOUT.parent / "shared/realdata"]
    return next((place / file for place in places if (place / file).exists()), usual)


def train(
    experiment: Experiment,
    name: str,
    *,
    seed: int,
    row: str | None = None,
    model: torch.nn.Module | None = None,
    switches: dict | None = None,
    **options,
) -> tuple[torch.nn.Module, Run]:
    """Train one method; ``options`` go to ``fit``. Returns the network and the record."""
    switches = dict(switches or {})
    preset = switches.pop("preset", preset_for(experiment, name))
    method = methods.build(name, preset=preset, row=row, **switches)
    model = experiment.model(seed) if model is None else model
    run = fit(model, method, experiment.train, seed=seed, test=experiment.test, **options)
    run.row, run.preset = row, preset
    run.model |= {"name": experiment.network, "weights": Path(str(experiment.weights)).name}
    if options.get("out"):
        run.save(Path(options["out"]) / "run.json")
    return model, run


def compare(
    experiment: Experiment,
    name: str,
    rows: list[str] | dict[str, dict],
    *,
    seed: int,
    out: Path,
    switches: dict | None = None,
    whole: bool | None = None,
    **options,
) -> dict[str, Run]:
    """Train ablation rows of a two-stage method, from one common stage 1 unless ``whole``.

    ``rows`` are names in the method's table, or a dict: any name -> what it changes, fields and
    "row" for a row of the table. ``whole`` trains every row from the start, as rows that differ in
    stage 1 already want it; None = as the method says (``one_stage1``). Every finished run is kept
    under ``out/<row>/``; calling again goes on where it stopped. Returns row -> record, with
    "stage1" first unless ``whole``.
    Raises ValueError when a kept run is of other settings, seed, precision or pictures, and when
    rows that share stage 1 want other numbers of epochs there.
    """
    switches = {"preset": preset_for(experiment, name)} | (switches or {})
    whole = not methods.kind(name).one_stage1 if whole is None else whole
    shared, _ = methods.build(name, **switches).schedule.epochs
    common = out / "stage1" / "model.safetensors"
    if not isinstance(rows, dict):
        rows = {label: {"row": label} for label in rows if label != "stage1"}
    found = {}
    for label in rows if whole else ["stage1", *rows]:
        folder, begins, goes_on = out / label, whole or label not in rows, label in rows
        own = switches | rows.get(label, {})
        row = own.pop("row", None)
        first, second = methods.build(name, row=row, **own).schedule.epochs
        if first != shared and not whole:
            raise ValueError(f"{label} changes the epochs of the common stage 1; use whole=True")
        own["epochs"] = (first if begins else 0, second if goes_on else 0)
        if (folder / "model.safetensors").exists():
            config = methods.build(name, row=row, **own).config()
            kept = {"seed": seed, "precision": PRECISION[options.get("amp", False)]}
            found[label] = _finished(folder, config, experiment.train.fingerprint, **kept)
            continue
        model = experiment.model(seed)
        if not begins:
            models.load_weights(model, common)
        _, found[label] = train(
            experiment,
            name,
            seed=seed,
            row=row,
            model=model,
            switches=own,
            out=folder,
            resume=True,
            **options,
        )
    return found


def _finished(folder: Path, config: dict, fingerprint: str, *, seed: int, precision: str) -> Run:
    """A kept run; ValueError when it is of other settings, seed, precision or pictures."""
    run = Run.load(folder / "run.json")
    other = [k for k, v in config.items() if run.config.get(k, v) != v]
    other += ["seed"] * (run.seed != seed)
    other += ["precision"] * (run.model.get("steps in", PRECISION[False]) != precision)
    other += ["pictures"] * (run.data["fingerprint"] != fingerprint)
    if other:
        raise ValueError(
            f"{folder} holds a finished run with another {', '.join(other)}; compare into another "
            "folder, or delete this one to train it again"
        )
    return run


def preset_for(experiment: Experiment, name: str) -> str:
    """The method's preset for the data set, or "official" where it has none of its own."""
    usual = experiment.method_preset
    return usual if usual in methods.kind(name).presets else "official"
