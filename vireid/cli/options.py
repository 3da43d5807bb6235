"""Options that several commands share, and what they mean: switches, the data set, the network."""

import argparse
import sys
from dataclasses import replace
from pathlib import Path

from vireid.declared import switches

SIDES = ("both", "visible", "infrared")  # as ``data.absence``, which imports torch
METHOD = "a name of the method table (default bmil), or module:Class for one of your own"
DIALS = ("modality_gap", "visible_only", "shots")  # of SynthVI
FITTING = ("evaluate_every", "select", "select_by", "amp", "workers")  # go on to ``training.fit``


def subcommand(commands, name: str, run, text: str, summary: str) -> argparse.ArgumentParser:
    """The parser of a command among ``commands``: what runs, its help, its line in the list."""
    made = commands.add_parser(
        name,
        help=summary,
        description=text,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.set_defaults(run=run, command=made.prog, ranks=False)
    return made


def data_options(parser: argparse.ArgumentParser) -> None:
    """Which pictures, which network."""
    table_options(parser)
    _network_options(parser)


def table_options(parser: argparse.ArgumentParser) -> None:
    """Which pictures."""
    parser.add_argument(
        "--data", default="synthvi", help="synthvi (default), m3svd, files, sysu, ..."
    )
    parser.add_argument(
        "--preset",
        "--data-preset",
        dest="preset",
        metavar="NAME",
        help="of the data: synthvi: tiny, small, full; sysu: all, indoor; ...",
    )
    parser.add_argument("--root", type=Path, help="folder of the data set (else VIREID_DATA)")
    parser.add_argument("--world", type=int, help="synthvi: seed of other identities")
    parser.add_argument(
        "--world-set",
        action="append",
        default=[],
        metavar="OPTION=VALUE",
        help="synthvi: turn the world, e.g. modality_gap=0.3, visible_only=0.5, shots=(12,4)",
    )
    parser.add_argument("--trial", type=int, help="regdb: split 1..10; m3svd, preset unseen: 0..2")
    parser.add_argument(
        "--tracklets",
        choices=["unmatched", "all"],
        help="m3svd: add infrared people without partner",
    )


def _network_options(parser: argparse.ArgumentParser) -> None:
    """Which network, and where it works."""
    parser.add_argument("--network", help="agw, small, squeezenet, ... (default: by data set)")
    parser.add_argument(
        "--network-set",
        action="append",
        default=[],
        metavar="OPTION=VALUE",
        help="change one option of the network, e.g. stem=shared; an unknown one lists the known",
    )
    parser.add_argument(
        "--weights", default="default", help="file or name of starting weights; none = random"
    )
    parser.add_argument(
        "--size", nargs=2, type=int, metavar=("HEIGHT", "WIDTH"), help="of pictures, in pixels"
    )
    parser.add_argument("--device", default="auto")


def experiment_options(parser: argparse.ArgumentParser) -> None:
    """What all training commands take."""
    parser.add_argument("--method", default="bmil", help=METHOD)
    parser.add_argument(
        "--method-preset",
        metavar="NAME",
        help="a whole setting of the method: official, paper, ... (default: by data set)",
    )
    data_options(parser)
    parser.add_argument(
        "--set",
        dest="switches",
        action="append",
        default=[],
        metavar="FIELD=VALUE",
        help="change one hyperparameter; an unknown one lists the known",
    )
    absence_options(parser)
    _choice_options(parser)
    _machine_options(parser)


def absence_options(parser: argparse.ArgumentParser) -> None:
    """Who is missing from the training table on one side."""
    parser.add_argument(
        "--absent",
        type=float,
        default=0.0,
        metavar="SHARE",
        help="of the training people who lose one modality (data.absent)",
    )
    parser.add_argument("--absent-side", choices=SIDES, help="which one (default both: in turn)")
    parser.add_argument(
        "--absent-seed",
        type=int,
        metavar="SEED",
        help="of the draw (default: the training's; 0 on SynthVI, whose people are drawn anew)",
    )


def _choice_options(parser: argparse.ArgumentParser) -> None:
    """How often a network is scored, and which epoch's is kept."""
    parser.add_argument("--evaluate-every", type=int, default=0, metavar="EPOCHS")
    parser.add_argument(
        "--select",
        default="last",
        choices=["last", "best_test"],
        help="last network, or of each stage the best on the test set, as released codes do",
    )
    parser.add_argument(
        "--select-by", choices=["rank1", "mAP"], help="score for best_test (default rank1)"
    )


def count(text: str) -> int:
    """A whole number of at least 1, for argparse."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r}; give a whole number >= 1")
    return int(text)


def _machine_options(parser: argparse.ArgumentParser) -> None:
    """What changes speed and room, beside the device."""
    parser.add_argument(
        "--workers",
        type=count,
        help="threads that read and augment pictures (default: by device)",
    )
    parser.add_argument(
        "--cache",
        type=Path,
        metavar="FOLDER",
        help="keep decoded training pictures here, outside the repository; its size is said first",
    )
    parser.add_argument("--amp", action="store_true", help="network steps in bfloat16, for GPUs")


def prepare(a, *, seed: int | None = None):
    """The ``Experiment`` of parsed options; SynthVI gets new people for each ``seed`` given."""
    from vireid import experiment
    from vireid.data.decoded import decoded

    check_needed(a)
    world = seed if a.world is None and a.data == "synthvi" else a.world
    given = {"seed": world, "trial": a.trial, "tracklets": a.tracklets}
    if getattr(a, "absent", 0):
        usual = None if a.data == "synthvi" else getattr(a, "seed", seed)
        drawn = usual if a.absent_seed is None else a.absent_seed
        side = a.absent_side or "both"
        given |= {"absent": a.absent, "absent_side": side, "absent_seed": drawn or None}
    options = {k: v for k, v in given.items() if v is not None} | _turned(a)
    for name in ("preset", "root", "network", "weights", "method", "method_preset", "size"):
        options[name] = getattr(a, name, None)
    if getattr(a, "as_trained", False):
        options = _as_trained(a, options)
    options |= recorded_network(a.weights, a.size) if a.network is None else {}
    changed = switches(a.network_set, flag="--network-set")
    options["network_options"] = options.get("network_options", {}) | changed
    ready = experiment.prepare(a.data, **options)
    if getattr(a, "cache", None) is None:
        return ready
    return replace(ready, train=decoded(ready.train, a.cache, workers=a.workers or 1))


def _turned(a) -> dict:
    """What ``--world-set`` turns; ValueError for what is no dial of SynthVI."""
    found = switches(a.world_set, flag="--world-set")
    if other := sorted(set(found) - set(DIALS)):
        raise ValueError(
            f"--world-set {other[0]}: no dial of the world; known: {', '.join(DIALS)} (other "
            "options have flags of their own: --help)"
        )
    if found and a.data != "synthvi":
        raise ValueError(f"--world-set turns SynthVI, not {a.data}; leave it out")
    return found


def check_needed(a) -> None:
    """ValueError for an option that changes nothing without another one."""
    chosen = getattr(a, "select", None) == "best_test"
    for option, other, there in (
        ("absent_side", "--absent SHARE", getattr(a, "absent", 0)),
        ("absent_seed", "--absent SHARE", getattr(a, "absent", 0)),
        ("labels_epochs", "--labels FILE", getattr(a, "labels", None)),
        ("select_by", "--select best_test", chosen),
    ):
        if getattr(a, option, None) is not None and not there:
            flag = "--" + option.replace("_", "-")
            raise ValueError(f"{flag} changes nothing without {other}; give both or neither")


def check_alone(a, flag: str, others: tuple[str, ...]) -> None:
    """ValueError for one of the options ``others`` beside ``flag``, with which it does nothing."""
    for other in others:
        if getattr(a, flag) and getattr(a, other):
            raise ValueError(f"--{other} changes nothing with --{flag}; leave one of them out")


def _as_trained(a, given: dict) -> dict:
    """Options with the world, split and preset of the run whose weights are scored, if not given.

    Another one that was given may hold people that the run has learnt from, and is told.
    """
    run = recorded(a.weights)
    if run is None or run.source.get("data") != a.data:
        return given
    kept = {  # who was missing decides about training pairs alone
        k: v for k, v in run.source["options"].items() if a.distances or not k.startswith("absent")
    }
    kept = {k: tuple(v) if isinstance(v, list) else v for k, v in kept.items()}
    kept |= {"preset": run.source["preset"]}
    whose = {"seed", "trial"} | ({"preset"} if a.data == "synthvi" else set())  # people they are
    other = [k for k in kept if k in whose and given.get(k) not in (None, kept[k])]
    for name in other:
        print(
            f"{a.weights} was trained with {name}={kept[name]!r}, and is scored with "
            f"{given[name]!r}: it may have learnt from people of this test",
            file=sys.stderr,
        )
    return kept | {k: v for k, v in given.items() if v is not None or k not in kept}


def recorded(weights: str):
    """The record beside a run's weights, or None where there is none."""
    from vireid.runs import Run

    if Path(weights).name != "model.safetensors":
        return None
    record = Path(weights).with_name("run.json")
    return Run.load(record) if record.exists() else None


def recorded_network(weights: str, size=None) -> dict:
    """What the record beside a run's weights tells of the network, if there is one.

    Its name, its options and, unless ``size`` is given, the size of its pictures. A run of
    ``training.fit`` on a table of one's own tells no name.
    """
    run = recorded(weights)
    if run is None or "name" not in run.model:
        return {}
    size = {"size": run.source["size"]} if run.source and size is None else {}
    told = {"network": run.model["name"], "network_options": run.model.get("options", {})}
    return told | size


def fitting(a) -> dict:
    """The parsed options that go to ``training.fit``."""
    chosen = {name: getattr(a, name) for name in (*FITTING, "device")}
    return chosen | {"select_by": a.select_by or "rank1", "progress": True}


def value_lists(pairs: list[str]) -> dict[str, list]:
    """``["beta=0.1,0.3", "delta=(0.6,0.4),(0.5,0.5)"]`` as a dict of lists of values."""
    found = {}
    for pair in pairs:
        ((name, value),) = switches([pair], flag="--over").items()
        if isinstance(value, str):
            value = value.split(",")
        found.setdefault(name, []).extend(value if isinstance(value, (tuple, list)) else [value])
    return found
