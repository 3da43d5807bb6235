"""What one ``fit`` holds while it runs: network, optimiser, method, the best network so far."""

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from vireid import sharding
from vireid.curves import label_curves, neighbour_curves
from vireid.data import label_table
from vireid.data.loading import loaded
from vireid.features import extract, pick_device
from vireid.methods.base import Method
from vireid.retrieval_task import RetrievalTask
from vireid.runs import Run, refuse_another, versions
from vireid.training import checkpoint
from vireid.training.checkpoint import NETWORK, RECORD, label_file
from vireid.training.encode import encoder
from vireid.training.parallel import check_agreement, check_ranks, share_network, sum_gradients
from vireid.training.remembered import recall, remember
from vireid.training.stop import Stop
from vireid.types import Embeddings, Images

BATCH = 64  # pictures that are described at once
MOST_THREADS = 8  # that make pictures, unless told otherwise


class Session:
    """Everything of one ``fit`` that lives longer than an epoch."""

    def __init__(
        self, model, method: Method, images: Images, *,
        seed: int, device, amp: bool, told: dict, workers: int | None = None,
    ):  # fmt: skip
        self.device = pick_device(device)
        self.model, self.method, self.images = model.to(self.device), method, images
        self.seed, self.amp, self.identity = seed, amp, told
        self.recipe, self.stop = None, Stop(None)
        self.keep_labels, self.labels, self.replaces = False, {}, False
        self.workers = picture_threads(self.device) if workers is None else workers
        self.stage, self.optimiser, self.best = 0, None, None
        check_ranks(method.bn_chunks)
        share_network(self.model, weights=True)
        method.start(model, seed)

    def begin(self, out, resume: bool, overwrite: bool, about: dict) -> Run:
        """A new record, or the one of the checkpoint with everything put back."""
        run = self.record(about)
        if out is None:
            return run
        if resume and (saved := checkpoint.load(out)):
            return self.restore(saved, run, out)
        sharding.together(lambda: is_first() and checkpoint.check_room(out, overwrite=overwrite))
        self.replaces = True
        return run

    def record(self, about: dict) -> Run:
        """A new record; ``about`` is what only the caller knows."""
        m, images, told = self.method, self.images, self.identity
        return Run(
            method=m.name,
            config=m.config(),
            seed=self.seed,
            data={"name": images.name, "fingerprint": images.fingerprint, "images": len(images)},
            model={
                "class": type(self.model).__name__,
                "parameters": sum(p.numel() for p in self.model.parameters()),
                "steps in": told["precision"],
                **about.get("model", {}),
            },
            unsupervised=m.unsupervised,
            select=told["select"],
            select_by=told.get("select_by", "rank1"),
            versions=versions(),
            identity=told,
            **{k: v for k, v in about.items() if k != "model"},
        )

    def restore(self, saved: dict, fresh: Run, out) -> Run:
        """Network, optimiser, method and record as they were after the checkpoint's epoch."""
        run = Run.parse(saved["run"], f"the checkpoint in {out}")
        refuse_another(run, fresh.identity, out)
        epoch = saved["epoch"]
        self.model.load_state_dict(saved["model"])
        self.enter_stage(self.method.schedule.stage_of(epoch)[0])
        self.optimiser.load_state_dict(saved["optimiser"])
        self.method.load_state(saved["method"])
        self.best = saved["best"]
        return run

    def enter_stage(self, stage: int, run: Run | None = None) -> None:
        """Each stage starts with a fresh optimiser, stage 2 from the network chosen of stage 1."""
        if stage == self.stage:
            return
        if self.stage == 1 and self.best is not None:
            self.model.load_state_dict(self.best["model"])
            run.stage1_epoch, self.best = self.best["epoch"], None
        self.stage = stage
        self.optimiser = self.method.schedule.make_optimiser(self.model.parameters())

    def train_epoch(self, epoch: int, run: Run, bar, on_step, total: int) -> dict:
        """Label, then learn; returns the epoch's row of the curves."""
        stage, _ = self.method.schedule.stage_of(epoch)
        self.enter_stage(stage, run)
        rate = self.method.schedule.lr_at(epoch)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        torch.manual_seed(np.random.default_rng([self.seed, epoch, 7]).integers(2**62))
        head = f"epoch {epoch + 1}/{total}, stage {stage}"
        bar.set_description(f"{head}: features, clusters")
        train, labels = self.label(epoch, first=not run.curves)
        row = {"epoch": epoch, "stage": stage, "lr": rate, "steps": 0}
        row |= label_curves(labels, train)
        self.recipe = self.method.augmentation(epoch)
        bar.set_description(f"{head}: learning")
        return row | self.learn(labels, epoch, bar, on_step, total)

    def label(self, epoch: int, *, first: bool) -> tuple[Embeddings, dict]:
        """(features with identities, for the curves; labels by label space) of an epoch."""
        train = self.describe(first=first, looks=self.method.looks(epoch))
        seen = train.blind() if self.method.unsupervised else train
        labels = self.method.relabel(seen, epoch)
        check_agreement(
            f"the labels of epoch {epoch}", [torch.as_tensor(v.label) for v in labels.values()]
        )
        self.labels = labels
        return train, labels

    def learn(self, labels: dict, epoch: int, bar, on_step, total: int) -> dict:
        """All steps of an epoch; returns their number and the mean of each loss."""
        before = self.method.schedule.iterations_before
        steps, sums = 0, {}
        self.model.train()
        for i, (batch, pictures) in enumerate(self.load(self.method.batches(labels, epoch), epoch)):
            self.stop.check(epoch, i)
            if on_step:
                on_step(before(epoch) + i, before(total))
            encode = encoder(
                self.model, pictures, chunks=self.method.bn_chunks, device=self.device, amp=self.amp
            )
            for terms in self.method.losses(batch, encode, epoch):
                self.step(terms, epoch, i)
                steps += 1
                for name, value in terms.items():
                    sums[name] = sums.get(name, 0.0) + float(value.detach())
            bar.update()
        return {"steps": steps} | {f"loss/{name}": v / (i + 1) for name, v in sums.items()}

    def step(self, terms: dict[str, torch.Tensor], epoch: int, i: int) -> None:
        """One optimiser step on the sum of the terms."""
        _check_terms(terms, type(self.method).__name__)
        loss = sum(terms.values())
        if not torch.isfinite(loss):
            values = ", ".join(f"{k} {float(v):g}" for k, v in terms.items())
            raise FloatingPointError(
                f"epoch {epoch}, iteration {i}: the loss is not finite ({values}); lower the "
                "learning rate or look at the features of this epoch"
            )
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        sum_gradients(self.model)
        self.optimiser.step()
        share_network(self.model)  # batch norm's statistics are the first rank's

    def load(self, batches, epoch: int) -> Iterator[tuple]:
        """(batch or tuple of batches, {id(batch): pictures}), the next one prepared meanwhile."""
        generator = torch.Generator().manual_seed(
            int(np.random.default_rng([self.seed, epoch, 8]).integers(2**62))
        )
        return loaded(batches, self.images, self.recipe, generator=generator, workers=self.workers)

    def describe(self, *, first: bool = False, looks: tuple[str, ...] = ()) -> Embeddings:
        """Features of the training pictures, by all ranks where there is work for each.

        ``first``: of the network that the run begins with, which may be known.
        """
        if first and not looks and (known := recall(self.model, self.images)):
            return known.features
        many = len(self.images) > BATCH * (sharding.place()[1] - 1)
        by = sharding.extract if many else extract
        return by(self.model, self.images, batch=BATCH, device=self.device, looks=looks)

    def test(self, test: RetrievalTask, *, first: bool = False) -> dict:
        """Retrieval scores of the network as it is now; ``first`` as for ``describe``."""
        if first and (known := recall(self.model, self.images, test)):
            return dict(known.scores)
        return test.score(*test.embed(self.model, device=self.device))

    def keep(self, run: Run, out) -> None:
        """Remember the best epoch; write checkpoint and record, each whole or not at all."""
        row, by = run.curves[-1], run.select_by
        if run.select == "best_test" and by in row:
            if self.best is None or row[by] > self.best["score"]:
                model = {k: v.detach().cpu().clone() for k, v in self.model.state_dict().items()}
                self.best = {"score": row[by], "epoch": row["epoch"], "model": model}
        if out is not None and is_first():
            self.replace(out)
            if self.keep_labels:
                label_table.save(label_file(out, row["epoch"]), self.labels, self.images)
            saved = {
                "epoch": row["epoch"],
                "model": self.model.state_dict(),
                "optimiser": self.optimiser.state_dict(),
                "method": self.method.state(),
                "best": self.best,
            }
            checkpoint.save(out, saved, run)

    def replace(self, out) -> None:
        """Delete the run whose place this one takes, now that there is something to keep."""
        if self.replaces:
            checkpoint.clear(out)
        self.replaces = False

    def finish(self, run: Run, out, test: RetrievalTask | None) -> None:
        """Choose the network, score it, look at its clusters' material once more, write it all."""
        from vireid.models import save

        run.selected_epoch = run.curves[-1]["epoch"] if run.curves else None
        if self.best is not None:
            self.model.load_state_dict(self.best["model"])
            run.selected_epoch = self.best["epoch"]
        train = self.describe()
        run.result = neighbour_curves(train)
        scores = {} if test is None else self.test(test)
        run.result |= scores
        remember(self.model, self.images, test, train, scores)
        if out is not None and is_first():  # the network last: where it lies, the run is finished
            self.replace(out)
            run.save(Path(out) / RECORD)
            save(self.model, Path(out) / NETWORK)


def _check_terms(terms, name: str) -> None:
    """ValueError unless a step's loss terms are numbers by name."""
    fit = isinstance(terms, dict) and terms
    if not (fit and all(torch.is_tensor(v) and v.ndim == 0 for v in terms.values())):
        raise ValueError(
            f"{name}.losses gives {type(terms).__name__} for a step; yield a dictionary of name "
            'and loss, each a tensor of one number, e.g. yield {"contrast": loss.mean()}'
        )


def precision(amp: bool, device: torch.device) -> str:
    """What the network's steps are computed in, by ``fit``'s amp.

    "tf32" is float32 whose convolutions a GPU rounds to ten bits, as torch lets it by default
    (``torch.backends.cudnn.allow_tf32``).
    """
    if amp:
        return "bfloat16"
    rounded = device.type == "cuda" and torch.backends.cudnn.allow_tf32
    return "tf32" if rounded else "float32"


def picture_threads(device: torch.device) -> int:
    """Threads that make pictures by default: one where the network needs the cores itself."""
    return 1 if device.type == "cpu" else min(MOST_THREADS, os.cpu_count() or 1)


def is_first() -> bool:
    """Whether this is the rank that writes."""
    return sharding.place()[0] == 0
