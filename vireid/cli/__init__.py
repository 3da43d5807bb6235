"""``vireid COMMAND``: plan, train, compare, evaluate, reproduce, data, lab, site and more."""

import argparse
import os
import sys
from functools import partial
from pathlib import Path

import vireid
from vireid.cli import data, evidence, exchange, lab, learn, pages, plans
from vireid.cli.boundary import USER, guarded
from vireid.cli.options import subcommand
from vireid.declared import switches

__all__ = ["main", "parser", "switches"]


def main(argv: list[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    words, top = sys.argv[1:] if argv is None else argv, parser()
    if "" in words:
        top.error("an argument is empty (an unset variable of the shell?); fill it or leave it out")
    arguments = top.parse_args(words)

    def run() -> int | None:
        _check_ranks(arguments)
        return arguments.run(arguments)

    return guarded(run, arguments.command)


def _check_ranks(arguments) -> None:
    """ValueError where torchrun started several processes of a command that works in one."""
    ranks = int(os.environ.get("WORLD_SIZE", 1)) if "RANK" in os.environ else 1
    if ranks > 1 and not arguments.ranks:
        raise ValueError(
            f"torchrun started {ranks} processes of {arguments.command}; only vireid train works "
            "in several. Start it without torchrun, or train one row as torchrun "
            f"--nproc_per_node {ranks} -m vireid train --row ROW"
        )


class _Parser(argparse.ArgumentParser):
    """Says what is wrong with a command in one line, as every other error here."""

    def parse_known_args(self, args=None, namespace=None):
        """None is unknown: argparse would hand a command's on, to be refused by the whole line."""
        found, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self.error(f"unrecognized arguments: {' '.join(unknown)}")
        return found, unknown

    def error(self, message: str):
        self.exit(USER, f"vireid: {' '.join(message.split())} ({self.prog}). See {self.prog} -h.\n")


def parser() -> argparse.ArgumentParser:
    """The whole command line."""
    top = _Parser(prog="vireid", description=__doc__)
    top.add_argument("--version", action="version", version=f"vireid {vireid.__version__}")
    commands = top.add_subparsers(required=True, metavar="COMMAND")
    command = partial(subcommand, commands)
    learn.add(command)
    plans.add(command)
    evidence.add(command)
    exchange.add(command)
    data.add(command)
    _add_measures(command)
    _add_workbook(command)
    lab.add(command)
    pages.add(command)
    return top


def _add_measures(command) -> None:
    bench = command(
        "bench",
        _bench,
        "Time the numerical core, pictures and panels against plain code.\n\n"
        "  vireid bench --quick\n"
        "  vireid bench --only panel",
        "time the numerical core",
    )
    bench.add_argument("--quick", action="store_true", help="under a minute")
    bench.add_argument("--out", type=Path, help="write the table here, too")
    bench.add_argument(
        "--only", default="", metavar="WORDS", help='of a part\'s name, e.g. "two threads"'
    )

    cost = command(
        "cost",
        _cost,
        "Parameters, multiply-adds of one picture and pictures per second of every network.\n"
        "One multiply-add is 1 MAC = 2 FLOP; convolutions and matrix products are counted.\n\n"
        "  vireid cost --networks agw vit --batch 32",
        "what each network costs, measured on this machine",
    )
    cost.add_argument("--networks", nargs="+", metavar="NAME", help="default: all")
    cost.add_argument("--device", default="cpu", help="cpu (default), cuda, ...")
    cost.add_argument("--batch", type=int, default=16, help="pictures at a time (default 16)")
    cost.add_argument(
        "--seconds", type=float, default=1.0, help="to measure each speed for (default 1)"
    )


def _add_workbook(command) -> None:
    figures = command(
        "figures",
        _figures,
        "Draw every figure again.\n\n"
        "  vireid figures --only bmil_ladder equal_terms\n"
        "  vireid figures --data m3svd --root M3SVD-Persons --out build/m3svd",
        "draw every figure again",
    )
    figures.add_argument("--out", type=Path, help="folder (default figures/)")
    figures.add_argument("--only", nargs="+", metavar="NAME", help="names of figures")
    figures.add_argument("--data", help="of another data set's pictures and records, e.g. m3svd")
    figures.add_argument("--preset", help="... and its preset")
    figures.add_argument("--root", type=Path, help="folder of that data set (else VIREID_DATA)")

    workbook = command(
        "workbook",
        _workbook,
        "Run all notebooks top to bottom; executed copies go to build/workbook.\n\n"
        "  vireid workbook --only 04 05\n"
        "  vireid workbook --data m3svd --root M3SVD-Persons",
        "run the whole walk-through",
    )
    workbook.add_argument("--in-place", action="store_true", help="refresh the committed notebooks")
    workbook.add_argument("--only", nargs="+", default=[], metavar="NN", help="e.g. 04 05")
    workbook.add_argument("--data", help="turn the notebooks to another data set, e.g. m3svd")
    workbook.add_argument("--preset", help="... and its preset")
    workbook.add_argument("--root", type=Path, help="folder of that data set (else VIREID_DATA)")


def _bench(a) -> int:
    import subprocess

    from vireid import bench

    try:
        bench.main(quick=a.quick, out=a.out, only=a.only)
    except subprocess.CalledProcessError as error:  # its process has said why
        return error.returncode
    return 0


def _cost(a) -> None:
    from vireid.features import pick_device
    from vireid.models.cost import cost_table

    table = cost_table(
        a.networks, device=str(pick_device(a.device)), batch=a.batch, seconds=a.seconds
    )
    print(table.round(3).to_string(index=False, na_rep=""))
    for note in table.attrs.values():
        print(note)


def _figures(a) -> None:
    from vireid import figures

    figures.draw_all(a.out, a.only, a.data, preset=a.preset, root=a.root)


def _workbook(a) -> None:
    from vireid import workbook

    workbook.run(in_place=a.in_place, only=a.only, data=a.data, preset=a.preset, root=a.root)
