"""The one training loop: ``fit`` labels, then learns; a method fills in three hooks.

    for each epoch:   features -> method.relabel -> for each batch: method.losses -> optimiser step

Identities never reach a method (but for oracle rows); they only enter the curves.
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from tqdm.auto import tqdm

from vireid.arguments import check_seed, check_whole
from vireid.features import pick_device
from vireid.identity import identity
from vireid.methods.base import Method
from vireid.methods.given import GivenLabels
from vireid.retrieval_task import RetrievalTask
from vireid.runs import Run
from vireid.training.checkpoint import check_space, held
from vireid.training.session import Session, is_first, precision
from vireid.training.stop import stoppable
from vireid.types import Images

__all__ = [
    "SELECT",
    "SELECT_BY",
    "GivenLabels",
    "check_choice",
    "chosen_by",
    "fit",
    "given_by",
    "precision",
]
SELECT, SELECT_BY = ("last", "best_test"), ("rank1", "mAP")


def fit(  # noqa: PLR0913
    model: torch.nn.Module,
    method: Method,
    images: Images,
    *,
    seed: int,
    epochs: int | None = None,
    device: str = "auto",
    out: str | Path | None = None,
    resume: bool = False,
    overwrite: bool = False,
    on_epoch: Callable[[dict], None] | None = None,
    on_step: Callable[[int, int], None] | None = None,
    test: RetrievalTask | None = None,
    evaluate_every: int = 0,
    select: str = "last",
    select_by: str = "rank1",
    about: dict | None = None,
    amp: bool = False,
    workers: int | None = None,
    progress: bool = False,
    labels: GivenLabels | None = None,
    keep_labels: bool = False,
) -> Run:
    """Train a network without identities.

    Parameters
    ----------
    model : network of ``vireid.models``; trained in place
    method : from ``vireid.methods.build``
    images : training table of both modalities; its identities, if any, are used for curves alone
    seed : of sampling, augmentation and dropout; the same seed gives the same run on one machine
    epochs : stop after this many epochs in all; None = the method's schedule
    out : folder for ``run.json``, ``checkpoint.pt`` and ``model.safetensors``; None = keep nothing
    resume : go on from ``out``'s checkpoint; the result equals that of an uninterrupted run. Where
        there is none yet the run starts; ``progress`` says which
    overwrite : replace a run that ``out`` holds already
    on_epoch : called with each epoch's row of the curves
    on_step : called with (steps done, steps in all) before each batch; may raise to cancel
    test : query and galleries to score before training, every ``evaluate_every`` epochs and at the
        end
    select : "last" network, or "best_test": of each stage the best on ``test``, so that stage 2
        starts from the best of stage 1 (what released codes do; it uses the test set to choose, and
        the record says so)
    select_by : score that the best is chosen by, "rank1" or "mAP"
    about : what the record shall say besides, fields of ``Run``
    amp : run the network's training steps in bfloat16 where torch's autocast does so; weights,
        losses and the features that are clustered and scored stay in float32
    workers : threads that read and augment pictures; the result does not depend on them. None = 1
        on the CPU, else as many as there are cores, at most 8
    labels : clusters within each modality for the first epochs, made by somebody else
    keep_labels : also write each epoch's pseudo-labels to ``out``/labels

    Returns
    -------
    run record with curves, config and results

    The sums of a network's steps depend on the processor and on torch's number of threads: bit for
    bit the same is a run on the same one at the same number (``torch.set_num_threads``), which is
    part of its identity; the record names the processor. A GPU repeats no
    run bit for bit: some of its backward passes add in any order.

    Raises ValueError for wrong arguments, a checkpoint of another run (``vireid.identity``) or one
    that would be overwritten,
    FloatingPointError for a loss that is not finite, NoClustersError when everything is noise,
    RuntimeError when another process trains in ``out``, OSError when its disk is full or read-only
    (what was kept before stays whole). Ctrl-C and SIGTERM raise ``Stopped``, a KeyboardInterrupt,
    at the next step; ``resume`` then goes on after the last whole epoch.
    """
    seed = check_seed(seed)
    evaluate_every = check_whole(evaluate_every, "evaluate_every", of=" of epochs")
    if resume and overwrite:
        raise ValueError(
            "resume and overwrite: one goes on with a run, the other replaces it; give --resume or "
            "--overwrite"
        )
    check_choice(select, select_by, evaluate_every, tested=test is not None)
    if len(set(images.modality.tolist())) < 2:
        raise ValueError(f"{images.name or 'images'}: training needs visible and infrared pictures")
    _check_labels(labels, method, images, keep=keep_labels, out=out)
    if not method.unsupervised and images.identity is None:
        raise ValueError(
            f"{method.name} as it is set is given the true identities (an oracle), and these "
            f"{len(images)} pictures have none; take another row"
        )
    method.given = labels
    total = _total(method, epochs)
    where = pick_device(device)
    told = identity(
        model, method, images, seed=seed, device=where, test=test,
        precision=precision(amp, where), network=(about or {}).get("model"), **given_by(labels),
        **chosen_by(select, select_by, evaluate_every),
    )  # fmt: skip
    with held(out if is_first() else None), stoppable(out) as stop:
        session = Session(
            model, method, images, seed=seed, device=device, amp=amp, told=told, workers=workers
        )
        session.stop, session.keep_labels = stop, keep_labels
        run = session.begin(out, resume, overwrite, about or {})
        if progress and resume:
            _tell_where(run, out, total)
        if out is not None:
            check_space(out, model, best=select == "best_test", tell=progress)
        _epochs(
            session, run, total, test=test, evaluate_every=evaluate_every, out=out,
            on_epoch=on_epoch, on_step=on_step, progress=progress,
        )  # fmt: skip
        session.finish(run, out, test)
        stop.check(total, 0)
    return run


def _check_labels(labels, method: Method, images: Images, *, keep: bool, out) -> None:
    """ValueError for labels that do not fit, and for labels to keep without a folder."""
    if labels is not None:
        if not isinstance(labels, GivenLabels):
            raise ValueError(
                f"labels: {type(labels).__name__}; give GivenLabels(label), one number a picture"
            )
        if len(labels.label) != len(images):
            raise ValueError(f"labels: {len(labels.label)} for {len(images)} training pictures")
        method.check_given(labels, images.modality)
    if keep and out is None:
        raise ValueError("keep_labels=True: give a folder (out=) to keep them in")


def _total(method: Method, epochs: int | None) -> int:
    """Epochs in all: the schedule's, or ``epochs`` of them; ValueError for more than there are."""
    known = sum(method.schedule.epochs)
    epochs = None if epochs is None else check_whole(epochs, "epochs", of=" of epochs")
    if epochs is not None and not 0 <= epochs <= known:
        raise ValueError(
            f"epochs={epochs}: this method's schedule has {known}; give at "
            "most that, or build the method with epochs=(stage 1, stage 2)"
        )
    return known if epochs is None else epochs


def _tell_where(run: Run, out, total: int) -> None:
    """Say where a run that was to be resumed begins: it may be the first epoch."""
    if done := len(run.curves):
        told = f"going on after epoch {done} of {total}"
    else:
        told = "no checkpoint here to resume; starting with the first epoch"
    if is_first():
        print(f"{out}: {told}", file=sys.stderr, flush=True)


def _epochs(  # noqa: PLR0913
    session: Session,
    run: Run,
    total: int,
    *,
    test,
    evaluate_every,
    out,
    on_epoch,
    on_step,
    progress,
) -> None:
    """Train from where the record ends; see ``fit``."""
    method = session.method
    if test is not None and not run.curves:
        run.before = session.test(test, first=True)
    first = len(run.curves)
    whole, done = (method.schedule.iterations_before(epoch) for epoch in (total, first))
    bar = tqdm(total=whole, initial=done, disable=not progress, unit="it")
    began, worked = time.perf_counter(), time.process_time()
    with bar, torch.random.fork_rng(devices=[]):
        for epoch in range(first, total):
            row = session.train_epoch(epoch, run, bar, on_step, total)
            if test is not None and _due(run, method, epoch, evaluate_every, total):
                row |= session.test(test)
            run.curves.append(row)
            run.steps += row["steps"]
            spent = time.perf_counter() - began, time.process_time() - worked
            run.seconds, run.cpu_seconds = run.seconds + spent[0], run.cpu_seconds + spent[1]
            began, worked = time.perf_counter(), time.process_time()
            session.keep(run, out)
            if on_epoch:
                on_epoch(row)
            bar.set_postfix_str(_brief(row))


def _due(run: Run, method: Method, epoch: int, every: int, total: int) -> bool:
    """Whether an epoch is scored: every so many of a stage; to choose by, the last ones too."""
    stage, e = method.schedule.stage_of(epoch)
    ends = e + 1 == method.schedule.epochs[stage - 1] or epoch + 1 == total
    return bool(every) and ((e + 1) % every == 0 or (run.select == "best_test" and ends))


def chosen_by(
    select: str = "last", select_by: str = "rank1", evaluate_every: int = 0
) -> dict[str, str | int]:
    """What of the choice of the network can change a result, as ``vireid.identity`` takes it."""
    if select == "last":
        return {"select": select}
    return {"select": select, "select_by": select_by, "evaluate_every": evaluate_every}


def given_by(labels: GivenLabels | None) -> dict[str, str]:
    """What given labels add to an identity: nothing where there are none."""
    return {} if labels is None else {"labels": labels.digest}


def check_choice(
    select: str = "last", select_by: str = "rank1", evaluate_every: int = 0, *, tested: bool = True
) -> None:
    """ValueError for a choice of the network that cannot be made; ``tested``: there is a test."""
    for name, given, known in (("select", select, SELECT), ("select_by", select_by, SELECT_BY)):
        if given not in known:
            raise ValueError(f"{name}={given!r}; known: {', '.join(known)}")
    if select == "best_test" and not (tested and evaluate_every):
        raise ValueError(
            "select='best_test' needs scores to choose by: give --evaluate-every 1 "
            "(evaluate_every=1 and test=)"
        )
    if evaluate_every < 0:
        raise ValueError(f"evaluate_every={evaluate_every}: every how many epochs, 0 for never")


def _brief(row: dict) -> str:
    """The progress bar's tail."""
    shown = {
        "rank-1": row.get("rank1"),
        "clusters": row.get("global/clusters", row.get("visible/clusters")),
    }
    return ", ".join(f"{k} {v:.3g}" for k, v in shown.items() if v is not None)
