"""``vireid train | evaluate | compare | data | bench | figures | workbook | lab``."""

import argparse
import ast
import os
import sys
from pathlib import Path

TRAIN_HELP = """\
Train a network without using any identity, score it, and keep a record that the notebooks read.

  vireid train --method bmil --data synthvi --preset small --seed 1
  vireid train --method bmil --data m3svd --root PATH/TO/CROPS --seed 1
  vireid train --method bmil --data sysu --root SYSU-MM01 --select best_test --evaluate-every 2
  vireid train --method bmil --data synthvi --row M2 --set k1=20 --set eps=0.5

A run that was stopped goes on where it was when the same command is given again with --resume.
"""
COMPARE_HELP = """\
Train rows of a method's ablation from one common stage 1, over several seeds, and print the table
with its spread. Finished runs are kept and skipped: stop and repeat the command at will.

  vireid compare --method bmil --data synthvi --preset small \\
      --rows prolonged M2 M3+MIRL oracle --seeds 1 2 3 --out runs/ladder
"""
DATA_HELP = """\
  vireid data check PATH            what is found there, what is missing, what to do
  vireid data m3svd CLONE --out D   cut people from a clone of the public M3SVD repository
  vireid data synthvi-weights       train the synthetic world's starting weights again
  vireid data sheet OUT.png         a contact sheet of synthetic people
"""


def main(argv: list[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    arguments = parser().parse_args(argv)
    try:
        return arguments.run(arguments) or 0
    except (ValueError, OSError, RuntimeError) as error:
        if os.environ.get("VIREID_TRACEBACK"):
            raise
        print(f"vireid: {error}", file=sys.stderr)
        print("(VIREID_TRACEBACK=1 shows where)", file=sys.stderr)
        return 2


def parser() -> argparse.ArgumentParser:
    """The whole command line."""
    top = argparse.ArgumentParser(prog="vireid", description=__doc__)
    commands = top.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, run, text: str, summary: str) -> argparse.ArgumentParser:
        made = commands.add_parser(
            name,
            help=summary,
            description=text,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        made.set_defaults(run=run)
        return made

    train = command("train", _train, TRAIN_HELP, "train one method on one data set")
    _experiment_options(train)
    train.add_argument("--row", help="row of the paper's ablation, or a control")
    train.add_argument("--seed", type=int, default=0, help="of training (default 0)")
    train.add_argument("--out", type=Path, help="folder of the run (default runs/...)")
    train.add_argument("--resume", action="store_true", help="go on from the last checkpoint")

    compare = command("compare", _compare, COMPARE_HELP, "train ablation rows over seeds")
    _experiment_options(compare)
    compare.add_argument("--rows", nargs="+", required=True, metavar="ROW")
    compare.add_argument("--whole", action="store_true", help="no common stage 1")
    compare.add_argument("--seeds", nargs="+", type=int, default=[1, 2, 3])
    compare.add_argument("--out", type=Path, required=True, help="folder of all runs")
    compare.add_argument(
        "--records", type=Path, help="copy the small records here, e.g. data/runs/x"
    )

    evaluate = command(
        "evaluate",
        _evaluate,
        "Score a trained network: vireid evaluate --data synthvi --preset small "
        "--weights runs/.../model.safetensors",
        "score a trained network on query and gallery",
    )
    _data_options(evaluate)

    data = command("data", None, DATA_HELP, "check, make or look at data")
    _data_commands(data)

    bench = command(
        "bench", _bench, "Time the numerical core against plain code.", "time the numerical core"
    )
    bench.add_argument("--quick", action="store_true", help="under a minute")
    bench.add_argument("--out", type=Path, help="write the table here, too")

    figures = command("figures", _figures, "Draw every figure again.", "draw every figure again")
    figures.add_argument("--out", type=Path, help="folder (default figures/)")
    figures.add_argument("--only", nargs="+", metavar="NAME", help="names of figures")

    workbook = command(
        "workbook",
        _workbook,
        "Run all notebooks top to bottom; executed copies go to build/workbook.",
        "run the whole walk-through",
    )
    workbook.add_argument("--in-place", action="store_true", help="refresh the committed notebooks")
    workbook.add_argument("--only", nargs="+", default=[], metavar="NN", help="e.g. 04 05")
    workbook.add_argument("--data", help="turn the notebooks to another data set, e.g. m3svd")
    workbook.add_argument("--preset", help="... and its preset")

    lab = command("lab", _lab, "Open JupyterLab on the first notebook.", "open JupyterLab")
    lab.add_argument("rest", nargs=argparse.REMAINDER, help="passed on to jupyter lab")
    return top


def _data_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", default="synthvi", help="synthvi (default), m3svd, sysu, ...")
    parser.add_argument("--preset", help="synthvi: tiny, small, full; sysu: all, indoor; ...")
    parser.add_argument("--root", type=Path, help="folder of the data set (else VIREID_DATA)")
    parser.add_argument("--world", type=int, help="synthvi: seed of other identities")
    parser.add_argument("--trial", type=int, help="regdb: split 1..10; m3svd, preset unseen: 0..2")
    parser.add_argument("--network", help="agw, small, squeezenet, ... (default: by data set)")
    parser.add_argument("--weights", default="default", help="file or name of starting weights")
    parser.add_argument("--device", default="auto")


def _experiment_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--method", default="bmil", help="a name of the method table")
    _data_options(parser)
    parser.add_argument(
        "--set",
        dest="switches",
        action="append",
        default=[],
        metavar="FIELD=VALUE",
        help="change one hyperparameter; an unknown one lists the known",
    )
    parser.add_argument("--evaluate-every", type=int, default=0, metavar="EPOCHS")
    parser.add_argument("--select", default="last", choices=["last", "best_test"])


def _data_commands(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(required=True, metavar="WHAT")
    check = commands.add_parser("check", help="what is at PATH, what is missing, what to do")
    check.add_argument("path", type=Path)
    check.set_defaults(run=_data_check)
    cut = commands.add_parser("m3svd", help="cut people from a clone of the M3SVD repository")
    cut.add_argument("clone", type=Path)
    cut.add_argument("--out", type=Path, required=True)
    cut.set_defaults(run=_data_m3svd)
    weights = commands.add_parser("synthvi-weights", help="train SynthVI's starting weights")
    weights.add_argument("--out", type=Path, help="default: the committed file")
    weights.add_argument("--seed", type=int, default=0)
    weights.add_argument("--steps", type=int)
    weights.set_defaults(run=_data_weights)
    sheet = commands.add_parser("sheet", help="a contact sheet of synthetic people")
    sheet.add_argument("out", type=Path)
    sheet.add_argument("--preset", default="small")
    sheet.add_argument("--people", type=int, default=6)
    sheet.set_defaults(run=_data_sheet)


def switches(pairs: list[str]) -> dict:
    """``["k1=20", "memory=single"]`` as a dict; values are read as Python where they are."""
    found = {}
    for pair in pairs:
        name, sign, value = pair.partition("=")
        if not sign:
            raise ValueError(f"--set {pair}: write FIELD=VALUE, e.g. --set k1=20")
        try:
            found[name] = ast.literal_eval(value)
        except (ValueError, SyntaxError):
            found[name] = value
    return found


def _prepare(a):
    from vireid import experiment

    given = {"seed": a.world, "trial": a.trial}
    options = {k: v for k, v in given.items() if v is not None}
    for name in ("preset", "root", "network", "weights", "method"):
        options[name] = getattr(a, name, None)
    return experiment.prepare(a.data, **options)


def _train(a) -> None:
    from vireid import experiment

    ready = _prepare(a)
    name = "-".join(filter(None, [a.method, a.row, a.data, ready.preset, f"seed{a.seed}"]))
    out = a.out or Path("runs") / name
    _, run = experiment.train(
        ready,
        a.method,
        seed=a.seed,
        row=a.row,
        switches=switches(a.switches),
        out=out,
        resume=a.resume,
        device=a.device,
        evaluate_every=a.evaluate_every,
        select=a.select,
        progress=True,
    )
    print(run.summary())
    print(f"kept in {out}/: run.json, model.safetensors")


def _compare(a) -> None:
    from vireid import experiment
    from vireid.runs import table

    found = {}
    for seed in a.seeds:
        if a.data == "synthvi" and a.world is None:
            ready = _prepare(argparse.Namespace(**vars(a) | {"world": seed}))
        else:
            ready = _prepare(a)
        for row, run in experiment.compare(
            ready,
            a.method,
            a.rows,
            seed=seed,
            out=a.out / f"seed{seed}",
            switches=switches(a.switches),
            whole=a.whole,
            device=a.device,
            evaluate_every=a.evaluate_every,
            select=a.select,
            progress=True,
        ).items():
            found.setdefault(row, []).append(run)
            if a.records:
                run.save(a.records / f"seed{seed}" / f"{row}.json")
    print(table(found).to_string())


def _evaluate(a) -> None:
    ready = _prepare(a)
    scores = ready.test.score(*ready.test.embed(ready.model(), device=a.device, progress=True))
    for name, value in scores.items():
        print(f"{name:22s} {value:.4f}" if name != "trials" else f"{name:22s} {value}")


def _data_check(a) -> int:
    from vireid.data import check

    report = check.report(a.path)
    print(report.text)
    return 0 if report.ok else 1


def _data_m3svd(a) -> None:
    from vireid.data import m3svd_cut

    m3svd_cut.cut(a.clone, a.out)


def _data_weights(a) -> None:
    from vireid.data import pretrain
    from vireid.paths import COMMITTED

    pretrain.main(
        a.out or COMMITTED / "weights/synthvi_small.safetensors", seed=a.seed, steps=a.steps
    )


def _data_sheet(a) -> None:
    from vireid import figures, plots

    a.out.write_bytes(plots.png(figures.people_sheet(a.preset, a.people)))


def _bench(a) -> None:
    from vireid import bench

    bench.main(quick=a.quick, out=a.out)


def _figures(a) -> None:
    from vireid import figures

    figures.draw_all(a.out, a.only)


def _workbook(a) -> None:
    from vireid import workbook

    workbook.run(in_place=a.in_place, only=a.only, data=a.data, preset=a.preset)


def _lab(a) -> int:
    import subprocess

    from vireid.paths import CHECKOUT

    first = CHECKOUT / "notebooks/00_start_here.ipynb"
    return subprocess.call([sys.executable, "-m", "jupyterlab", str(first), *a.rest])
