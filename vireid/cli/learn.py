"""``vireid train``, ``compare``, ``sweep`` and ``evaluate``."""

import argparse
import json
import sys
from pathlib import Path

from vireid.cli import records
from vireid.cli.options import (
    data_options,
    experiment_options,
    fitting,
    prepare,
    value_lists,
)
from vireid.declared import switches

UNDEFINED = "undefined: a picture equals the mean of its modality, as a single one does"
TRAIN_HELP = """\
Train a network without using any identity, score it, and keep a record that the notebooks read.

  vireid train --method bmil --data synthvi --preset small --seed 1
  vireid train --method bmil --data m3svd --root PATH/TO/CROPS --seed 1
  vireid train --method bmil --data sysu --root SYSU-MM01 --select best_test --evaluate-every 2
  vireid train --method bmil --data synthvi --row M2 --set k1=20 --set eps=0.5
  vireid train --method my_method:Mine --data synthvi      a class in my_method.py of this folder

A run that was stopped goes on where it was when the same command is given again with --resume; its
first line says after which epoch, or that there is no checkpoint and the run starts.
"""
REPLAY_HELP = """\
Train a run again from its record alone, on as many threads, and compare every curve. Ends with 0
when all numbers are the same, else with 1, saying which curve differs and what is not the same.

  vireid replay runs/bmil-synthvi-small-seed1-0123abcd
"""
COMPARE_HELP = """\
Train rows of a method's ablation over several seeds and print the table with its spread. Rows of a
seed share a stage 1 where all settings that it reads are equal. Finished runs are kept and skipped:
stop and repeat the command at will.

  vireid compare --method bmil --data synthvi --preset small \\
      --rows prolonged M2 M3+MIRL oracle --seeds 1 2 3 --out runs/ladder
"""
SWEEP_HELP = """\
Train a method at several values of its hyperparameters, one at a time or (--crossed) two together,
over several seeds; print the table and draw it to OUT/sweep.png. The setting one starts from is
always one of the points. Finished cells are kept and skipped: stop and repeat the command at will.

  vireid sweep --method mcf --data synthvi --preset small --seeds 1 2 3 --out runs/sweep \\
      --over beta=0.1,0.3,0.5,0.9,1 --over "delta=(0.6,0.4),(0.5,0.5)"

Cells of a seed share a stage 1 where all settings that it reads are equal; --whole trains each from
the start (usual for mcf).
"""


def add(command) -> None:
    """Put these commands on the command line; ``command`` makes a parser."""
    _add_train(command)
    _add_replay(command)
    compare = command("compare", _compare, COMPARE_HELP, "train ablation rows over seeds")
    compare.add_argument("--rows", nargs="+", required=True, metavar="ROW")
    _many_runs(compare, "e.g. data/runs/x")
    _add_sweep(command)
    _add_evaluate(command)


def _add_train(command) -> None:
    train = command("train", _train, TRAIN_HELP, "train one method on one data set")
    train.set_defaults(ranks=True)
    experiment_options(train)
    train.add_argument("--row", help="row of the paper's ablation, or a control")
    train.add_argument("--seed", type=int, default=0, help="of training (default 0)")
    train.add_argument("--out", type=Path, help="folder of the run (default runs/...)")
    train.add_argument("--resume", action="store_true", help="go on from the last checkpoint")
    train.add_argument("--overwrite", action="store_true", help="replace a run that is there")
    train.add_argument(
        "--keep-labels", action="store_true", help="write each epoch's pseudo-labels to OUT/labels"
    )
    train.add_argument(
        "--labels", type=Path, metavar="FILE", help="begin with these clusters (vireid import)"
    )
    train.add_argument(
        "--labels-epochs", type=int, metavar="N", help="... for N epochs (default 1)"
    )


def _add_replay(command) -> None:
    again = command("replay", _replay, REPLAY_HELP, "train a recorded run again and compare")
    again.add_argument("record", type=Path, help="a run's folder, or its run.json")
    again.add_argument("--root", type=Path, help="folder of the data set (else VIREID_DATA)")
    again.add_argument("--weights", help="starting weights, where the record names a file")
    again.add_argument("--device", default="auto")


def _add_sweep(command) -> None:
    sweep = command("sweep", _sweep, SWEEP_HELP, "train over values of hyperparameters")
    sweep.add_argument(
        "--over", action="append", required=True, metavar="FIELD=V1,V2", help="values to try"
    )
    sweep.add_argument("--crossed", action="store_true", help="every pair of values of two fields")
    sweep.add_argument("--row", help="row of the paper's ablation to start from")
    sweep.add_argument(
        "--metric", default="rank1", choices=["rank1", "mAP", "mINP"], help="drawn (default rank1)"
    )
    _many_runs(sweep, "e.g. data/sweeps/x")


def _add_evaluate(command) -> None:
    text = (
        "Score a trained network: vireid evaluate --data synthvi --preset small "
        "--weights runs/.../model.safetensors. The network is the one that the run's record tells; "
        "so are world, split and preset, unless given. "
        "For m3svd, where each person is in one scene, it also tells how often the best answer is "
        "from the right scene, and rank-1 within it."
    )
    evaluate = command("evaluate", _evaluate, text, "score a trained network on query and gallery")
    evaluate.set_defaults(as_trained=True)
    data_options(evaluate)
    evaluate.add_argument(
        "--distances",
        type=Path,
        metavar="FILE",
        help="also write the training pairs' across the gap",
    )
    evaluate.add_argument("--rerank", action="store_true", help="by CMRR: all queries together")


def _many_runs(parser, example: str) -> None:
    experiment_options(parser)
    parser.add_argument(
        "--whole",
        action=argparse.BooleanOptionalAction,
        help="every run from the start, no common stage 1 (default: as the method's rows need it)",
    )
    parser.add_argument("--seeds", nargs="+", type=int, default=[1, 2, 3])
    parser.add_argument("--out", type=Path, required=True, help="folder of all runs")
    parser.add_argument("--records", type=Path, help=f"copy the small records here, {example}")


def _train(a) -> None:
    from vireid import experiment, sharding

    with sharding.ranks() as (rank, size):
        ready, chosen = prepare(a), switches(a.switches)
        usual = experiment.setting(ready, a.method, row=a.row, switches=chosen).bn_chunks
        if usual % size:  # every rank has whole parts of a batch
            chosen["bn_chunks"] = size
        given = _given(a, ready.train)
        out = a.out or _folder(a, ready, chosen, given)
        options = fitting(a) | {"progress": rank == 0}
        options |= {"labels": given, "keep_labels": a.keep_labels}
        _, run = experiment.train(
            ready, a.method, seed=a.seed, row=a.row, switches=chosen, out=out, resume=a.resume,
            overwrite=a.overwrite, **options,
        )  # fmt: skip
    if rank == 0:
        print(run.summary())
        print(f"kept in {out}/: run.json, model.safetensors")


def _given(a, images):
    """The labels of --labels, or None."""
    from vireid.data import label_table
    from vireid.training import GivenLabels

    if a.labels is None:
        return None
    found = label_table.load(a.labels, images)
    return GivenLabels.of_spaces(
        found, images.modality, epochs=1 if a.labels_epochs is None else a.labels_epochs
    )


def _folder(a, ready, chosen: dict, given) -> Path:
    """Where a run goes by default: its name, and 8 digits of all that can change its result."""
    from vireid import experiment, methods
    from vireid.identity import digest

    method = experiment.setting(ready, a.method, row=a.row, switches=chosen)
    fit_with = {k: v for k, v in fitting(a).items() if k != "progress"}
    told = experiment.identity_of(
        ready, method, ready.model(a.seed), seed=a.seed, labels=given, **fit_with
    )
    name, tail = methods.file_name(a.method), digest(told)[:8]
    parts = [name, a.row, a.data, ready.preset, f"seed{a.seed}", tail]
    return Path("runs") / "-".join(filter(None, parts))


def _replay(a) -> int:
    from vireid.experiment import replay

    found = replay(a.record, root=a.root, weights=a.weights, device=a.device, progress=True)
    print(found)
    return 0 if found.same else 1


def _scored(a, **options):
    """As ``prepare``; ValueError, before anything is trained, where nobody knows the people."""
    ready = prepare(a, **options)
    if ready.test is None:
        of = "query or gallery" if ready.train.identity is not None else ready.train.name
        raise ValueError(f"{of} has no identities; scores need them (data/README.md)")
    return ready


def _over_seeds(a, train, rows) -> dict:
    """Name -> records by seed of ``train(experiment, seed, options)``, copied to --records.

    ``rows(experiment)`` are what is trained, for a look at records that are there before.
    """
    if len(set(a.seeds)) < len(a.seeds):
        raise ValueError(f"--seeds {' '.join(map(str, a.seeds))}: give every seed once")
    kept = {s: a.records / f"seed{s}" for s in a.seeds} if a.records else {}
    for seed, folder in kept.items():
        if any(folder.glob("*.json")):
            ready = _scored(a, seed=seed)
            records.refuse_others(folder, ready, a, seed, rows(ready))
    found = {}
    for seed in a.seeds:
        options = {"out": a.out / f"seed{seed}", "switches": switches(a.switches)}
        options |= {"whole": a.whole} | fitting(a)
        runs = train(_scored(a, seed=seed), seed, options)
        for name, run in runs.items():
            found.setdefault(name, []).append(run)
        if a.records:
            records.keep(kept[seed], runs)
    return found


def _compare(a) -> None:
    from vireid import experiment
    from vireid.runs import table

    def train(ready, seed, options):
        return experiment.compare(ready, a.method, a.rows, seed=seed, **options)

    print(table(_over_seeds(a, train, lambda ready: a.rows)).to_string())


def _sweep(a) -> None:
    from vireid import plots, sweep
    from vireid.files.write import put
    from vireid.runs import table

    over = value_lists(a.over)
    more = {"row": a.row, "crossed": a.crossed}

    def train(ready, seed, options):
        return sweep.sweep(ready, a.method, over, seed=seed, **more, **options)

    def rows(ready):
        given = {"switches": switches(a.switches), "whole": a.whole}
        return sweep.rows(ready, a.method, over, **more, **given)

    found = _over_seeds(a, train, rows)
    print(table(found, base=sweep.BASE).to_string())
    picture = a.out / "sweep.png"
    put(picture, plots.png(sweep.figure(found, metric=a.metric)))
    print(f"drew {picture}")


def _evaluate(a) -> None:
    from vireid.curves import check_crossing, crossing_quantiles

    ready = _scored(a)
    if a.distances:  # before anything is encoded
        check_crossing(ready.train)
    told = f"network {ready.network}, weights: {ready.weights or 'random numbers'}"
    if a.weights == "default":
        told += " (nothing trained here; --weights RUN/model.safetensors scores a trained network)"
    print(told, file=sys.stderr)
    model = ready.model()
    score = ready.test.score_reranked if a.rerank else ready.test.score
    found = ready.test.embed(model, device=a.device, progress=True)
    scores = score(*found)
    if ready.name == "m3svd" and not a.rerank:
        scores |= _scenes(*found)
    for name, value in scores.items():
        told = value if name == "trials" else UNDEFINED if value is None else f"{value:.4f}"
        print(f"{name:22s} {told}")
    if a.distances:
        from vireid.features import extract
        from vireid.files.write import put

        found = crossing_quantiles(extract(model, ready.train, device=a.device, progress=True))
        put(a.distances, json.dumps(found) + "\n")


def _scenes(query, gallery) -> dict[str, float]:
    """Whether M3SVD's best answers are the person or the place: each person is in one scene."""
    from vireid.data.m3svd import scene
    from vireid.evaluation import scene_scores

    ends = (query.identity, gallery.identity, scene(query.camera), scene(gallery.camera))
    return scene_scores(query.x @ gallery.x.T, *ends)
