"""Pictures by name: the embedded world, free real people, your own, and the benchmarks.

``load`` is the one door. Each data set lives in its own module and is imported when asked for.
"""

from importlib import import_module
from inspect import signature
from pathlib import Path

from vireid.data.absence import absent
from vireid.paths import data_root
from vireid.types import Images

__all__ = ["NAMES", "SPLITS", "absent", "load"]

_MODULES = {
    "synthvi": "vireid.data.synthvi",
    "m3svd": "vireid.data.m3svd",
    "files": "vireid.data.own",
    "sysu": "vireid.data.benchmarks.sysu",
    "regdb": "vireid.data.benchmarks.regdb",
    "llcm": "vireid.data.benchmarks.llcm",
    "vcm": "vireid.data.tracklets.vcm",
    "buptcampus": "vireid.data.tracklets.buptcampus",
}
NAMES = tuple(_MODULES)
SPLITS = ("train", "query", "gallery")


def load(
    name: str,
    *,
    root: str | Path | None = None,
    preset: str | None = None,
    split: str = "train",
    trial: int | None = None,
    **more,
) -> Images:
    """Load one split of a data set as a table of pictures; nothing is decoded yet.

    Parameters
    ----------
    name : "synthvi", "m3svd", "files" (your own pictures), "sysu", "regdb", "llcm",
        "vcm" or "buptcampus"
    root : folder of the data set, or of several of them; default: the environment's VIREID_DATA,
        else ``data/``. SynthVI is drawn, not read, and ignores it.
    preset : how the data set is used; each module documents its own. sysu: "all" | "indoor";
        regdb and llcm: "visible_to_infrared" | "infrared_to_visible" (query to gallery);
        files, vcm and buptcampus: "infrared_to_visible" | "visible_to_infrared";
        m3svd: "halves" | "alternate" | "all" | "unseen"; synthvi: "tiny" | "small" | "full".
        None takes the first of these.
    split : "train" (both modalities), "query" or "gallery"
    trial : number of the gallery draw, 0..9; in RegDB the train/test split, 1..10. None takes the
        first: 0, but 1 in RegDB, where 0 is an error like any split that does not exist.
    more : options of one data set, e.g. ``shots=10`` (sysu), ``llcm_official_v2i=True`` (llcm),
        ``frames=8`` (vcm, buptcampus), ``tracklets="unmatched"`` (m3svd),
        ``seed=3``, ``modality_gap=0.3``, ``visible_only=0.5``, ``shots=(12, 4)`` (synthvi)

    Raises
    ------
    ValueError : an unknown name, preset, split, trial or option, or a malformed line of a split
        file (file and line are named)
    FileNotFoundError : a folder, split file or listed picture that is not there
    """
    for value, known, argument in ((name, NAMES, "name"), (split, SPLITS, "split")):
        if value not in known:
            raise ValueError(f"{argument}={value!r} is unknown; known: {', '.join(known)}")
    loader = import_module(_MODULES[name]).load
    options = {"preset": preset, "trial": trial} | more
    options = {key: value for key, value in options.items() if value is not None}
    known = options_of(name) | {"split"}
    if unknown := set(options) - known:
        raise ValueError(
            f"data set {name!r} has no option {', '.join(sorted(unknown))}; "
            f"it has: {', '.join(sorted(known))}"
        )
    if "root" in signature(loader).parameters:
        options["root"] = data_root(root)
    return loader(split=split, **options)


def options_of(name: str) -> set[str]:
    """Names of the options that ``load`` takes for a data set, beside split and root."""
    return set(signature(import_module(_MODULES[name]).load).parameters) - {"root", "split"}
