"""The one training loop: ``fit`` labels, then learns; a method fills in three hooks.

    for each epoch:   features -> method.relabel -> for each batch: method.losses -> optimiser step

Identities never reach a method (but for oracle rows); they only enter the curves.
"""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from tqdm.auto import tqdm

from vireid.curves import label_curves, neighbour_curves
from vireid.features import extract, pick_device
from vireid.methods.base import Method
from vireid.models import Output
from vireid.runs import Run, versions, write_atomically
from vireid.test_set import TestSet
from vireid.types import Batch, Images

PRECISION = {False: "float32", True: "bfloat16"}  # of the network's steps, by ``fit``'s amp


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
    on_epoch: Callable[[dict], None] | None = None,
    on_step: Callable[[int, int], None] | None = None,
    test: TestSet | None = None,
    evaluate_every: int = 0,
    select: str = "last",
    amp: bool = False,
    progress: bool = False,
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
    resume : go on from ``out``'s checkpoint; the result equals that of an uninterrupted run
    on_epoch : called with each epoch's row of the curves
    on_step : called with (steps done, steps in all) before each batch; may raise to cancel
    test : query and galleries to score before training, every ``evaluate_every`` epochs and at the
        end
    select : "last" network, or "best_test" by rank-1 on ``test`` (what released code does; it uses
        the test set to choose, and the record says so)
    amp : run the network's training steps in bfloat16 where torch's autocast does so; weights,
        losses and the features that are clustered and scored stay in float32

    Returns
    -------
    run record with curves, config and results

    Raises ValueError for wrong arguments or a checkpoint of another configuration,
    FloatingPointError for a loss that is not finite, NoClustersError when everything is noise.
    """
    if select not in ("last", "best_test"):
        raise ValueError(f"select={select!r}; known: last, best_test")
    if select == "best_test" and (test is None or not evaluate_every):
        raise ValueError("select='best_test' needs test= and evaluate_every= >= 1")
    if len(set(images.modality.tolist())) < 2:
        raise ValueError(f"{images.name or 'images'}: training needs visible and infrared pictures")
    total = sum(method.schedule.epochs) if epochs is None else epochs
    if not 0 <= total <= sum(method.schedule.epochs):
        raise ValueError(
            f"epochs={epochs}: this method's schedule has {sum(method.schedule.epochs)}; give at "
            "most that, or build the method with epochs=(stage 1, stage 2)"
        )
    session = _Session(model, method, images, seed=seed, device=pick_device(device), amp=amp)
    run = session.begin(out, resume, select)
    if test is not None and not run.curves:
        run.before = session.test(test)
    first = len(run.curves)
    whole, done = (method.schedule.iterations_before(epoch) for epoch in (total, first))
    bar = tqdm(total=whole, initial=done, disable=not progress, unit="it")
    began = time.perf_counter()
    with bar, torch.random.fork_rng(devices=[]):
        for epoch in range(first, total):
            row = session.train_epoch(epoch, bar, on_step, total)
            if test is not None and evaluate_every and (epoch + 1) % evaluate_every == 0:
                row |= session.test(test)
            run.curves.append(row)
            run.steps += row["steps"]
            run.seconds += time.perf_counter() - began
            began = time.perf_counter()
            session.keep(run, out, select)
            if on_epoch:
                on_epoch(row)
            bar.set_postfix_str(_brief(row))
    session.finish(run, out, select, test)
    return run


class _Session:
    """Everything of one ``fit`` that lives longer than an epoch."""

    def __init__(self, model, method: Method, images: Images, *, seed: int, device, amp: bool):
        self.model, self.method, self.images = model.to(device), method, images
        self.seed, self.device, self.amp = seed, device, amp
        self.recipe = None
        self.stage, self.optimiser, self.best = 0, None, None
        method.start(model, seed)

    def begin(self, out, resume: bool, select: str) -> Run:
        """A new record, or the one of the checkpoint with everything put back."""
        m, images = self.method, self.images
        run = Run(
            method=m.name,
            config=m.config(),
            seed=self.seed,
            data={"name": images.name, "fingerprint": images.fingerprint, "images": len(images)},
            model={
                "class": type(self.model).__name__,
                "parameters": sum(p.numel() for p in self.model.parameters()),
                "steps in": PRECISION[self.amp],
            },
            unsupervised=m.unsupervised,
            select=select,
            versions=versions(),
        )
        checkpoint = None if out is None else Path(out) / "checkpoint.pt"
        if resume and checkpoint is not None and checkpoint.exists():
            return self.restore(torch.load(checkpoint, weights_only=True), run, out)
        return run

    def restore(self, saved: dict, fresh: Run, out) -> Run:
        """Network, optimiser, method and record as they were after the checkpoint's epoch."""
        run = Run.load(Path(out) / "run.json")
        told = {w: [getattr(r, w) for r in (run, fresh)] for w in ("config", "seed", "data")}
        told["precision"] = [r.model.get("steps in", PRECISION[False]) for r in (run, fresh)]
        for what, (old, new) in told.items():
            if old != new:
                raise ValueError(
                    f"{out} holds a run with another {what}: {old} there, {new} now; "
                    "train into another folder or pass resume=False"
                )
        epoch = saved["epoch"]
        run.curves = run.curves[: epoch + 1]
        run.steps = sum(row["steps"] for row in run.curves)
        self.model.load_state_dict(saved["model"])
        self.enter_stage(self.method.schedule.stage_of(epoch)[0])
        self.optimiser.load_state_dict(saved["optimiser"])
        self.method.load_state(saved["method"])
        self.best = saved["best"]
        return run

    def enter_stage(self, stage: int) -> None:
        """Each stage starts with a fresh optimiser."""
        if stage != self.stage:
            self.stage = stage
            self.optimiser = self.method.schedule.make_optimiser(self.model.parameters())

    def train_epoch(self, epoch: int, bar, on_step, total: int) -> dict:
        """Label, then learn; returns the epoch's row of the curves."""
        schedule = self.method.schedule
        stage, _ = schedule.stage_of(epoch)
        self.enter_stage(stage)
        rate = schedule.lr_at(epoch)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        torch.manual_seed(np.random.default_rng([self.seed, epoch, 7]).integers(2**62))
        bar.set_description(f"epoch {epoch + 1}/{total}, stage {stage}: features, clusters")
        train = extract(self.model, self.images, device=self.device)
        labels = self.method.relabel(
            train if not self.method.unsupervised else train.blind(), epoch
        )
        row = {"epoch": epoch, "stage": stage, "lr": rate, "steps": 0}
        row |= label_curves(labels, train)
        self.recipe = self.method.augmentation(epoch)
        sums: dict[str, float] = {}
        self.model.train()
        bar.set_description(f"epoch {epoch + 1}/{total}, stage {stage}: learning")
        for i, (batch, pictures) in enumerate(self.load(self.method.batches(labels, epoch), epoch)):
            if on_step:
                on_step(schedule.iterations_before(epoch) + i, schedule.iterations_before(total))
            for terms in self.method.losses(batch, self.encoder(pictures), epoch):
                self.step(terms, epoch, i)
                row["steps"] += 1
                for name, value in terms.items():
                    sums[name] = sums.get(name, 0.0) + float(value.detach())
            bar.update()
        return row | {f"loss/{name}": value / (i + 1) for name, value in sums.items()}

    def step(self, terms: dict[str, torch.Tensor], epoch: int, i: int) -> None:
        """One optimiser step on the sum of the terms."""
        loss = sum(terms.values())
        if not torch.isfinite(loss):
            values = ", ".join(f"{k} {float(v):g}" for k, v in terms.items())
            raise FloatingPointError(
                f"epoch {epoch}, iteration {i}: the loss is not finite ({values}); lower the "
                "learning rate or look at the features of this epoch"
            )
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self.optimiser.step()

    def load(self, batches, epoch: int) -> Iterator[tuple]:
        """(batch or tuple of batches, {id(batch): pictures}), the next one prepared meanwhile."""
        generator = torch.Generator().manual_seed(
            int(np.random.default_rng([self.seed, epoch, 8]).integers(2**62))
        )
        batches = iter(batches)

        def prepare():
            batch = next(batches, None)
            if batch is None:
                return None
            parts = batch if isinstance(batch, tuple) else (batch,)
            return batch, {id(part): self.pictures(part, generator) for part in parts}

        with ThreadPoolExecutor(1) as pool:
            coming = pool.submit(prepare)
            while (ready := coming.result()) is not None:
                coming = pool.submit(prepare)
                yield ready

    def pictures(self, batch: Batch, generator: torch.Generator) -> torch.Tensor:
        """(b, 3, h, w) augmented pictures of a batch."""
        pictures = np.stack([self.images.resized(i) for i in batch.rows])
        return self.recipe.batch(
            pictures, modality=batch.modality, view=batch.view, generator=generator
        )

    def encoder(self, pictures: dict[int, torch.Tensor]) -> Callable[[Batch], Output]:
        """What a method calls to see its batch through the network."""

        def encode(batch: Batch, at: torch.Tensor | slice = slice(None)) -> Output:
            modality = torch.as_tensor(batch.modality)[at].to(self.device)
            given = pictures[id(batch)][at].to(self.device)
            if not self.amp:
                return self.model(given, modality)
            with torch.autocast(self.device.type, torch.bfloat16):
                out = self.model(given, modality)
            return Output(*(part if part is None else part.float() for part in out))

        return encode

    def test(self, test: TestSet) -> dict:
        """Retrieval scores of the network as it is now."""
        return test.score(*test.embed(self.model, device=self.device))

    def keep(self, run: Run, out, select: str) -> None:
        """Remember the best epoch; write record and checkpoint, each atomically."""
        row = run.curves[-1]
        if select == "best_test" and "rank1" in row:
            if self.best is None or row["rank1"] > self.best["rank1"]:
                model = {k: v.detach().cpu().clone() for k, v in self.model.state_dict().items()}
                self.best = {"rank1": row["rank1"], "epoch": row["epoch"], "model": model}
        if out is not None:
            saved = {
                "epoch": row["epoch"],
                "model": self.model.state_dict(),
                "optimiser": self.optimiser.state_dict(),
                "method": self.method.state(),
                "best": self.best,
            }
            run.save(Path(out) / "run.json")
            write_atomically(Path(out) / "checkpoint.pt", lambda file: torch.save(saved, file))

    def finish(self, run: Run, out, select: str, test: TestSet | None) -> None:
        """Choose the network, score it, look at its clusters' material once more, write it all."""
        from vireid.models import save

        run.selected_epoch = run.curves[-1]["epoch"] if run.curves else None
        if select == "best_test" and self.best is not None:
            self.model.load_state_dict(self.best["model"])
            run.selected_epoch = self.best["epoch"]
        train = extract(self.model, self.images, device=self.device)
        run.result = neighbour_curves(train)
        if test is not None:
            run.result |= self.test(test)
        if out is not None:  # the network last: where it lies, the run is finished
            run.save(Path(out) / "run.json")
            save(self.model, Path(out) / "model.safetensors")


def _brief(row: dict) -> str:
    """The progress bar's tail."""
    shown = {
        "rank-1": row.get("rank1"),
        "clusters": row.get("global/clusters", row.get("visible/clusters")),
    }
    return ", ".join(f"{k} {v:.3g}" for k, v in shown.items() if v is not None)
