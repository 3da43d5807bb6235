"""A data set with everything a method needs to be trained and scored on it."""

from dataclasses import dataclass, field, replace
from pathlib import Path

import torch

from vireid import data, methods, models
from vireid.arguments import check_seed
from vireid.models.weights import SYNTHVI
from vireid.paths import CHECKOUT, data_root
from vireid.retrieval_task import RetrievalTask, retrieval_task
from vireid.types import Images, Modality

# data set -> (network, its weights, preset of methods, protocol, gallery trials)
DEFAULTS = {
    "synthvi": ("small", "synthvi", "light", "sysu", 10),
    "m3svd": ("squeezenet", "imagenet", "m3svd", "regdb", 1),
    "files": ("squeezenet", "imagenet", "m3svd", "llcm", 1),
    "sysu": ("agw", "imagenet", "official", "sysu", 10),
    "regdb": ("agw", "imagenet", "official_regdb", "regdb", 1),
    "llcm": ("agw", "imagenet", "official_llcm", "llcm", 10),
    "vcm": ("agw", "imagenet", "official", "vcm", 1),
    "buptcampus": ("agw", "imagenet", "official", "regdb", 1),
}


SIZES = ("tiny", "small", "full")  # of SynthVI: one data set on paper, three in size
OWN_FORM = {(word, data) for word in ("official", "paper") for data in ("regdb", "llcm")}
REGIONS = {"regdb": 6}  # class tokens of the ViT where they are not 4
# what a network wants beyond its name: (options, picture size or None for the data set's own)
TORCHVISION = {  # of networks that may begin with weights of another convention than "imagenet"
    "squeezenet": {"convention": "torchvision"},
    "regions_squeezenet": {"trunk_options": {"convention": "torchvision"}},
}
WANTS = {"vit": ({"attention": "pre_last_block", "residual": True}, (384, 128))}


@dataclass(frozen=True)
class Experiment:
    """A data set with everything a method needs to be trained and scored on it.

    ``options`` are those of ``data.load`` beside the preset. ``missing`` tells whose visible and
    whose infrared training pictures were taken away: modality -> identities.
    ``test`` is None where nobody knows who the people are: such pictures train, without scores.
    """

    name: str
    preset: str | None
    train: Images
    test: RetrievalTask | None
    network: str
    weights: str | Path | None
    method_preset: str
    network_options: dict = field(default_factory=dict)
    options: dict = field(default_factory=dict)
    missing: dict[str, list[int]] = field(default_factory=dict)

    def model(self, seed: int = 0) -> torch.nn.Module:
        """The network at its starting weights; new layers are drawn with ``seed``."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(check_seed(seed))
            return models.build(self.network, weights=self.weights, **self.network_options)

    def knows(self, split: str = "train") -> bool:
        """Whether everybody on the pictures of "train", or of "test", is known; says so where not.

        Notebooks ask it before whatever needs the truth.
        """
        if split not in ("train", "test"):
            raise ValueError(f"split={split!r}: ask about train or test")
        if split == "test":
            known = self.test is not None
        else:
            known = self.train.identity is not None and bool((self.train.identity != -1).all())
        if not known:
            print(f"Left out: it is not known who is on the {split} pictures of {self.train.name}.")
        return known


def prepare(  # noqa: PLR0913
    name: str,
    *,
    preset: str | None = None,
    root: Path | None = None,
    network: str | None = None,
    weights: str | Path | None = "default",
    trials: int | None = None,
    method: str | None = None,
    method_preset: str | None = None,
    network_options: dict | None = None,
    size: tuple[int, int] | None = None,
    **options,
) -> Experiment:
    """Load training and test tables of a data set and choose what usually goes with it.

    The network is the data set's usual one, or what ``method`` trains in its place, or ``network``;
    ``network_options`` are changes to its usual ones. ``method_preset`` is the method's setting, by
    default the one that is named after the data set. ``size`` (height, width) takes the place of
    the usual picture size; ``weights`` "none" starts from random ones. ``absent`` and
    ``absent_side`` take training people's pictures of a modality away (``data.absent``), whose is
    drawn by ``absent_seed``. All other
    ``options`` go to ``data.load`` (for SynthVI: ``seed``, a world with other identities).
    """
    if name not in DEFAULTS:
        raise ValueError(f"data set {name!r} is unknown; known: {', '.join(DEFAULTS)}")
    if size is not None and min(size) < 1:
        raise ValueError(f"size={tuple(size)}: height and width of a picture are at least 1")
    if trials is not None and trials < 1:
        raise ValueError(f"trials={trials}: score at least one draw of the gallery")
    preset = SIZES[0] if name == "synthvi" and preset is None else preset
    usual = usual_setting(name, preset)
    network, chosen, wanted = network_of(name, method=method, network=network)
    if size and network == "vit":  # its places are learnt for one size
        chosen = chosen | {"size": tuple(size)}
    asked = dict(options)
    train, missing, test = _tables(
        name, size or wanted, trials, preset=preset, root=root, **options
    )
    if weights in ("default", "none"):
        weights = None if weights == "none" else usual_weights(network, DEFAULTS[name][1], root)
    if weights == "imagenet":
        chosen = chosen | TORCHVISION.get(network, {})
    return Experiment(
        name=name,
        preset=preset,
        train=train,
        test=test,
        network=network,
        weights=weights,
        method_preset=usual if method_preset in (None, "official") else method_preset,
        network_options=chosen | (network_options or {}),
        options=asked,
        missing=missing,
    )


def _tables(
    name: str,
    size,
    trials: int | None,
    *,
    absent: float = 0,
    absent_side: str = "both",
    absent_seed: int = 0,
    **options,
) -> tuple[Images, dict, RetrievalTask | None]:
    """Training table, who is missing there, and test or None; pictures at ``size`` if given."""
    protocol, usual_trials = DEFAULTS[name][3:]
    _check(name, options, usual_trials)
    first = options.pop("trial", 1 if name == "regdb" else 0)

    def load(split: str, trial: int = first) -> Images:
        table = data.load(name, split=split, trial=trial, **options)
        return replace(table, size=tuple(size)) if size else table

    galleries = [load("gallery", first + t) for t in range(trials or usual_trials)]
    query = load("query")
    unknown = any(table.identity is None for table in (query, *galleries))
    train, missing = load("train"), {}
    if absent:
        drawn = {"side": absent_side, "seed": absent_seed}
        lost = data.absence.absentees(train, absent, **drawn)
        missing = {own.word: sorted(p for p in lost if lost[p] == own) for own in Modality}
        train = data.absent(train, absent, **drawn)
    return train, missing, None if unknown else retrieval_task(query, galleries, protocol)


def _check(name: str, options: dict, trials: int) -> None:
    """ValueError for options of ``data.load`` that an experiment cannot have."""
    if options.get("llcm_official_v2i"):
        raise ValueError(
            "llcm_official_v2i draws a new query set per trial: load and score each trial by "
            "itself with data.load and evaluation.evaluate"
        )
    if "trial" in options and trials > 1:
        raise ValueError(
            f"trial={options['trial']}: {name} has one training set, and all its {trials} "
            "gallery draws are scored anyway; leave trial (--trial) out. It is for regdb's splits"
        )


def network_of(
    data_set: str, *, method: str | None = None, network: str | None = None
) -> tuple[str, dict, tuple[int, int] | None]:
    """(network, its options, picture size or None for the data set's own) of a data set.

    The usual network, or what ``method`` trains in its place; another ``network`` has the options
    that the method gives that one, if any.
    """
    usual = DEFAULTS[data_set][0]
    instead = methods.kind(method).networks if method else {}
    name, options = instead.get(usual, (usual, {}))
    if network not in (None, name):
        name, options = network, dict(instead.values()).get(network, {})
    wanted, size = WANTS.get(name, ({}, None))
    if name == "vit" and data_set in REGIONS:
        wanted = wanted | {"regions": REGIONS[data_set]}
    return name, wanted | options, size


def preset_for(experiment: Experiment, name: str) -> str:
    """The method's preset for the experiment; ValueError, with the known ones, when it has none."""
    return preset_of(name, experiment.name, experiment.method_preset)


def preset_of(
    method: str, data_set: str, preset: str = "official", data_preset: str | None = None
) -> str:
    """The method's preset that a word means for a data set.

    "official" is the setting made for the data set (and for the size of SynthVI that
    ``data_preset`` names); "paper" its own form ("paper_regdb") on the benchmarks; any other name
    of the method's table means itself. Raises ValueError, with the known ones, when there is none:
    nothing falls back in silence.
    """
    known = methods.kind(method).presets
    usual = usual_setting(data_set, data_preset) if data_set in DEFAULTS else preset
    if preset == "official" and usual in known:
        return usual
    wanted = f"{preset}_{data_set}" if (preset, data_set) in OWN_FORM else preset
    if wanted not in known:
        raise ValueError(
            f"{method} has no preset {wanted!r} for {data_set}; choose one of "
            f"{', '.join(known)} (--method-preset, method_preset=)"
        )
    return wanted


def usual_setting(data_set: str, data_preset: str | None = None) -> str:
    """Name of the methods' setting that usually goes with a data set; tiny SynthVI has its own."""
    tiny = (data_set, data_preset) == ("synthvi", "tiny")
    return "tiny" if tiny else DEFAULTS[data_set][2]


def size_of(data_set: str, data_preset: str | None) -> str | None:
    """SynthVI's size by name, "tiny" by default as in training; None for all other data sets.

    Raises ValueError for an unknown size, and for a preset where a plan does not depend on one.
    """
    if data_set != "synthvi":
        if data_preset is not None:
            raise ValueError(
                f"data_preset={data_preset!r}: a plan on {data_set} is the same for all of its "
                "presets; leave it out (it is for synthvi: tiny, small, full)"
            )
        return None
    if data_preset not in (None, *SIZES):
        raise ValueError(f"data_preset={data_preset!r}; SynthVI has {', '.join(SIZES)}")
    return data_preset or SIZES[0]


def usual_weights(network: str, usual: str, root: Path | None = None) -> str | Path:
    """ImageNet SqueezeNet weights lie beside the pictures or in ../shared, others have a name."""
    if network == "vit":
        return "lup"
    if network.endswith("small"):
        return SYNTHVI
    if not network.endswith("squeezenet"):
        return usual
    file = Path("imagenet_squeezenet/squeezenet1_1_imagenet.npz")
    places = [data_root(root), data_root(root).parent, CHECKOUT.parent / "shared/realdata"]
    return next((place / file for place in places if (place / file).exists()), usual)
