"""``vireid export`` and ``vireid import``: pass a run's findings on, or take others'."""

from pathlib import Path

from vireid.cli.options import absence_options, prepare, table_options

EXPORT_HELP = """\
Write what a finished run has found, without pictures: record, network and features (safetensors),
pseudo-labels (CSV; of every epoch if it was trained with --keep-labels, else made again from its
network). Features can be traced back to people: pass them on only where the data set allows it.

  vireid export runs/mult-synthvi-small-seed1-0123abcd
  vireid export runs/mult-sysu-seed1-4567cdef --root SYSU-MM01 --out mult-stage1
"""
IMPORT_HELP = """\
Read features or pseudo-labels of other codes for a data set's training pictures; write labels.csv
(and features.safetensors) that vireid train --labels takes. Nothing that is read runs code.

  vireid import mult-stage1 --data sysu --root SYSU-MM01 --out taken           an export of vireid
  vireid import pseudo/ --data sysu --root SYSU-MM01 --out taken   names LABEL_cCAMERA_NAME.jpg
  vireid import list.txt --data regdb --root RegDB --out taken     lines: PATH LABEL
  vireid import rgb.npy ir.npy --data llcm --root LLCM --out taken features (n, d), labels (n,)

  vireid train --method bmil --data sysu --root SYSU-MM01 --set "epochs=(0, 50)" \\
      --weights mult-stage1/model.safetensors --labels taken/labels.csv
"""


def add(command) -> None:
    """Put these commands on the command line; ``command`` makes a parser."""
    out = command("export", _export, EXPORT_HELP, "pass on a run's features, labels and network")
    out.add_argument("folder", type=Path, metavar="RUN", help="a finished run's folder")
    out.add_argument("--out", type=Path, metavar="FOLDER", help="default: RUN/export")
    out.add_argument("--root", type=Path, help="folder of the data set (else VIREID_DATA)")
    out.add_argument("--device", default="auto")

    taken = command("import", _import, IMPORT_HELP, "take features or labels of another code")
    taken.add_argument("source", nargs="+", type=Path, help="see above")
    table_options(taken)
    absence_options(taken)
    taken.set_defaults(network=None, network_set=[], weights="none", size=None)  # none is used
    taken.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="to write")


def _export(a) -> None:
    from vireid.exchange import export_run

    out = export_run(a.folder, a.out, root=a.root, device=a.device, progress=True)
    print(f"{out}/: {', '.join(sorted(p.name for p in out.iterdir()))} (about.json says what)")


def _import(a) -> None:
    from vireid.exchange import import_dump

    for what, path in import_dump(a.source, prepare(a), a.out).items():
        print(f"{what}: {path}")
