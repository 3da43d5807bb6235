"""``vireid evidence``: the plan of all runs, what is kept of it, and the page of results."""

from pathlib import Path

from vireid.cli.options import count

SHOWN = 5  # records of another identity that are named one by one
HELP = """\
Train what the store of run records lacks, by the plan in data/evidence.toml; says first how many
CPU minutes that will take. Stop it and call it again at will.

  vireid evidence --show                      what is kept, what is missing, how long it would take
  vireid evidence --only synthvi_small_mult --seeds 1 2
  vireid evidence --page docs/results.md      write the page from what is kept, train nothing
"""


def add(command) -> None:
    """Put this command on the command line; ``command`` makes a parser."""
    made = command("evidence", _evidence, HELP, "train and show the store of run records")
    made.add_argument("--plan", type=Path, help="plan file (default data/evidence.toml)")
    made.add_argument("--records", type=Path, help="folder of the store (default data/runs)")
    made.add_argument("--only", nargs="+", metavar="STUDY", help="these studies")
    made.add_argument("--rows", nargs="+", metavar="ROW", help="these rows")
    made.add_argument("--seeds", nargs="+", type=int, help="these seeds")
    made.add_argument("--out", type=Path, default=Path("runs/evidence"), help="folder of the runs")
    made.add_argument("--root", type=Path, help="folder of the real data set (else VIREID_DATA)")
    made.add_argument("--jobs", type=count, default=1, help="trainings side by side (default 1)")
    made.add_argument(
        "--replace", action="store_true", help="train records of another identity anew"
    )
    made.add_argument("--show", action="store_true", help="train nothing")
    made.add_argument("--page", type=Path, metavar="FILE", help="write the page, train nothing")


def _evidence(a) -> None:
    from vireid import evidence
    from vireid.files.write import put
    from vireid.paths import INSTALLED

    plan, store = evidence.read(a.plan or evidence.PLAN), a.records or evidence.STORE
    if (a.show or a.page) and not store.is_dir():
        raise ValueError(f"--records {store}: there is no such folder")
    if a.page:
        put(a.page, evidence.page(plan, store))
        return
    cells = _chosen(plan.cells, a)
    known = evidence.states(cells, store)
    print(evidence.coverage(known).to_string())
    print(f"about {evidence.minutes(known):.0f} CPU minutes to go")
    others = [s for s in known if s.verdict == evidence.ANOTHER]
    for s in others[:SHOWN]:
        print(f"not the plan's: {s.cell} ({s.why})")
    if len(others) > SHOWN:
        print(f"... and {len(others) - SHOWN} more")
    if not a.show:
        if INSTALLED and a.records is None:
            raise ValueError(
                "--records: vireid is installed without a checkout; give a folder of your own for "
                "the records"
            )
        given = {"out": a.out, "store": store, "jobs": a.jobs, "root": a.root}
        evidence.make(cells, replace=a.replace, progress=True, **given)


def _chosen(cells: list, a) -> list:
    """The cells that --only, --rows and --seeds leave; ValueError for one that leaves none."""
    kinds = {
        "only": (a.only, lambda c: c.study.name),
        "rows": (a.rows, lambda c: c.label),
        "seeds": (a.seeds, lambda c: c.seed),
    }
    for flag, (wanted, of) in kinds.items():
        known = dict.fromkeys(of(cell) for cell in cells)
        if unknown := [w for w in wanted or () if w not in known]:
            told = ", ".join(map(str, known))
            raise ValueError(f"--{flag} {' '.join(map(str, unknown))}: not in the plan; {told}")
        cells = [cell for cell in cells if not wanted or of(cell) in wanted]
    return cells
