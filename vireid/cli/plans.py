"""``vireid plan`` and ``vireid reproduce``: see what a paper's experiment is, then run it."""

import argparse
import json
from pathlib import Path

from vireid.cli.options import METHOD

PLAN_HELP = """\
Print everything that would run, each value with its source and what it changes. Needs neither
pictures nor a GPU.

  vireid plan --method dmdl --data sysu
  vireid plan --method mcf --data regdb --preset paper --row R5
  vireid plan --method bmil --data synthvi --data-preset small
"""
REPRODUCE_HELP = """\
Run what a published table needs: SYSU-MM01 all and indoor search from one network, RegDB's ten
splits in both directions, LLCM's two directions, rows of an ablation. Finished parts are kept and
skipped: stop and repeat the command at will. Cells that have not run say so; published numbers
stand beside ours.

  vireid reproduce --method dmdl --data sysu --root SYSU-MM01
  vireid reproduce --method mult --data sysu --root SYSU-MM01 --table "Table 2"
  vireid reproduce --method dmdl --data regdb --show       only what there is already
"""
REHEARSE_HELP = """\
Draw synthetic people in a benchmark's official layout, then do on them what one does the day its
pictures arrive: check, plan, train, be killed, resume, score in every mode, fill a row of the
published table. Says what each step took and what to expect of the whole benchmark.

  vireid rehearse --data sysu --out rehearsal
  vireid rehearse --data sysu --method mult --scale 1 --out rehearsal --set "epochs=(1, 1)"
"""
# A walk of some minutes on two cores; --set changes any of it.
SHORT = ("epochs=(2, 1)", "iterations=3", "stage2_iterations=3", "k1=4", "k2=2", "eps=0.9",
         "min_samples=2", "identities=3", "instances=4")  # fmt: skip


def add(command) -> None:
    """Put these commands on the command line; ``command`` makes a parser."""
    plan = command("plan", _plan, PLAN_HELP, "print everything that would run")
    _what(plan)
    plan.add_argument("--data-preset", help="synthvi: tiny (default), small, full")
    plan.add_argument("--row", help="row of the paper's ablation, or a control")
    plan.add_argument("--json", action="store_true", help="as JSON")
    _add_reproduce(command)
    _add_rehearse(command)


def _add_reproduce(command) -> None:
    parser = command("reproduce", _reproduce, REPRODUCE_HELP, "run what a published table needs")
    _what(parser)
    parser.add_argument("--table", default="Table 1", help='"Table 1" (default), "Table 2", ...')
    parser.add_argument("--rows", nargs="+", metavar="ROW", help="some rows of the table only")
    parser.add_argument("--splits", nargs="+", type=int, help="regdb: some of the ten only")
    parser.add_argument("--root", type=Path, help="folder of the data set (else VIREID_DATA)")
    parser.add_argument("--data-preset", help="synthvi: tiny, small, full")
    parser.add_argument("--seed", type=int, default=0, help="of training (default 0)")
    parser.add_argument("--out", type=Path, default=Path("runs/reproduce"), help="folder of runs")
    parser.add_argument(
        "--select", default="best_test", choices=["last", "best_test"],
        help="network that is scored (default best_test, as in most released codes)",
    )  # fmt: skip
    parser.add_argument(
        "--select-by", choices=["rank1", "mAP"],
        help="score for best_test (default rank1; DMDL, ADCA, PGM and N-ULC take mAP)",
    )  # fmt: skip
    parser.add_argument("--evaluate-every", type=int, default=1, metavar="EPOCHS")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--amp", action="store_true", help="network steps in bfloat16")
    parser.add_argument(
        "--set", dest="switches", action="append", default=[], metavar="FIELD=VALUE"
    )
    parser.add_argument("--weights", default="default", help="starting weights; none = random")
    parser.add_argument("--size", nargs=2, type=int, metavar=("HEIGHT", "WIDTH"))
    parser.add_argument("--show", action="store_true", help="print the table, train nothing")


def _add_rehearse(command) -> None:
    walk = command(
        "rehearse", _rehearse, REHEARSE_HELP, "try everything before the pictures arrive"
    )
    walk.add_argument("--data", default="sysu", choices=["sysu", "regdb", "llcm"])
    walk.add_argument("--method", default="dmdl", help="a name of the method table")
    walk.add_argument("--scale", type=float, default=0.02, help="share of the official numbers")
    walk.add_argument("--size", nargs=2, type=int, default=(64, 32), metavar=("HEIGHT", "WIDTH"))
    walk.add_argument(
        "--weights", default="none",
        help="file or name of starting weights, best those of the day; none = random (default)",
    )  # fmt: skip
    walk.add_argument("--out", type=Path, required=True, help="folder of the tree and the runs")
    walk.add_argument(
        "--set", dest="switches", action="append", default=[], metavar="FIELD=VALUE",
        help=f"on top of the short setting: {' '.join(SHORT)}",
    )  # fmt: skip


def _what(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--method", default="bmil", help=METHOD)
    parser.add_argument("--data", default="sysu", help="sysu (default), regdb, llcm, synthvi, ...")
    parser.add_argument(
        "--preset",
        "--method-preset",
        dest="preset",
        default="official",
        help="of the method: official (released code; default), paper (the text), ...; the data's "
        "is --data-preset",
    )


def _plan(a) -> None:
    from vireid.experiment import plan

    made = plan(a.method, a.data, preset=a.preset, row=a.row, data_preset=a.data_preset)
    print(json.dumps(made.to_dict(), indent=1) if a.json else made)


def _rehearse(a) -> None:
    from vireid.rehearse import rehearse, report

    walk = {"data": a.data, "method": a.method, "scale": a.scale, "out": a.out}
    steps = rehearse(**walk, size=tuple(a.size), weights=a.weights, switches=[*SHORT, *a.switches])
    print("", report(steps, **walk), sep="\n")


def _reproduce(a) -> None:
    from vireid.cli.options import check_alone, check_needed
    from vireid.declared import switches
    from vireid.experiment.reproduce import Reproduction

    check_needed(a)
    check_alone(a, "show", ("rows", "splits"))
    by = {"select_by": "mAP"} if a.select_by == "mAP" else {}  # parts kept before say none
    job = Reproduction(
        method=a.method, data=a.data, preset=a.preset, table=a.table, root=a.root, out=a.out,
        seed=a.seed, data_preset=a.data_preset, switches=switches(a.switches),
        fitting={"select": a.select, "evaluate_every": a.evaluate_every, "amp": a.amp,
                 "device": a.device} | by,
        given={"weights": a.weights, "size": a.size},
    )  # fmt: skip
    job.check()
    if not a.show:
        job.run(rows=a.rows, splits=a.splits, progress=True)
    print(job.shown())
