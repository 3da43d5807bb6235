"""``vireid data``: check, make or look at data."""

import argparse
from functools import partial
from pathlib import Path

from vireid.cli.options import subcommand

DATA_HELP = """\
  vireid data check PATH            what is found there, what is missing, what to do; --deep
                                    opens every picture
  vireid data template FOLDER       an example of --data files, your own pictures
  vireid data m3svd CLONE --out D   cut people from a clone of the public M3SVD repository
  vireid data synthvi-weights       train the synthetic world's starting weights again
  vireid data sheet OUT.png         a contact sheet of synthetic people
"""


def add(command) -> None:
    """Put ``data`` and its own commands on the command line; ``command`` makes a parser."""
    commands = command("data", None, DATA_HELP, "check, make or look at data").add_subparsers(
        required=True, metavar="WHAT"
    )
    make = partial(_part, commands)
    check = make("check", _data_check, "what is at PATH, what is missing, what to do", "SYSU-MM01")
    check.add_argument("path", type=Path, help="folder of a data set, or one that has some")
    check.add_argument("--deep", action="store_true", help="look at every picture, not at a sample")
    example = make("template", _data_template, "an example of your own pictures", "mine")
    example.add_argument("folder", type=Path, help="that does not exist yet")
    told = "cut people from a clone of the M3SVD repository"
    cut = make("m3svd", _data_m3svd, told, "M3SVD --out M3SVD-Persons")
    cut.add_argument("clone", type=Path, help="folder of the clone")
    cut.add_argument("--out", type=Path, required=True, help="folder of the people")
    weights = make(
        "synthvi-weights",
        _data_weights,
        "train SynthVI's starting weights",
        "--out mine.safetensors",
    )
    weights.add_argument("--out", type=Path, help="default: data/weights/synthvi_small.safetensors")
    weights.add_argument("--seed", type=int, default=0, help="of people and training (default 0)")
    weights.add_argument("--steps", type=int, help="of the optimiser (default: as the kept ones)")
    sheet = make("sheet", _data_sheet, "a contact sheet of synthetic people", "people.png")
    sheet.add_argument("out", type=Path, help="PNG file")
    sheet.add_argument("--preset", default="small", help="tiny, small (default), full")
    sheet.add_argument("--people", type=int, default=6, help="how many (default 6)")


def _part(commands, name: str, run, words: str, example: str) -> argparse.ArgumentParser:
    text = f"{words[0].upper()}{words[1:]}.\n\n  vireid data {name} {example}"
    return subcommand(commands, name, run, text, words)


def _data_check(a) -> int:
    from vireid.data import check

    report = check.report(a.path, deep=a.deep)
    print(report.text)
    return 0 if report.ok else 1


def _data_template(a) -> None:
    from vireid.data.template import template

    print(f"{template(a.folder)} is ready. Next: vireid data check {a.folder}")


def _data_m3svd(a) -> None:
    from vireid.data import m3svd_cut

    m3svd_cut.cut(a.clone, a.out)


def _data_weights(a) -> None:
    from vireid.data import pretrain
    from vireid.paths import WORK

    pretrain.main(
        a.out or WORK / "data/weights/synthvi_small.safetensors", seed=a.seed, steps=a.steps
    )


def _data_sheet(a) -> None:
    from vireid import figures, plots
    from vireid.files.write import put

    put(a.out, plots.png(figures.people_sheet(a.preset, a.people)))
