"""``vireid data``: check, make or look at data."""

from pathlib import Path

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
    check = commands.add_parser("check", help="what is at PATH, what is missing, what to do")
    check.add_argument("path", type=Path)
    check.add_argument("--deep", action="store_true", help="look at every picture, not at a sample")
    check.set_defaults(run=_data_check)
    example = commands.add_parser("template", help="an example of your own pictures")
    example.add_argument("folder", type=Path)
    example.set_defaults(run=_data_template)
    cut = commands.add_parser("m3svd", help="cut people from a clone of the M3SVD repository")
    cut.add_argument("clone", type=Path)
    cut.add_argument("--out", type=Path, required=True)
    cut.set_defaults(run=_data_m3svd)
    weights = commands.add_parser("synthvi-weights", help="train SynthVI's starting weights")
    weights.add_argument("--out", type=Path, help="default: data/weights/synthvi_small.safetensors")
    weights.add_argument("--seed", type=int, default=0)
    weights.add_argument("--steps", type=int)
    weights.set_defaults(run=_data_weights)
    sheet = commands.add_parser("sheet", help="a contact sheet of synthetic people")
    sheet.add_argument("out", type=Path)
    sheet.add_argument("--preset", default="small")
    sheet.add_argument("--people", type=int, default=6)
    sheet.set_defaults(run=_data_sheet)
    for made in commands.choices.values():
        made.set_defaults(command=made.prog)


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
