"""Two ranks train as one process does with ``bn_chunks=2``; one rank's failure ends both."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import toy
from test_sharding import launch

from vireid.methods import build
from vireid.training import fit, parallel
from vireid.training.checkpoint import load

SMALL = {"epochs": (2, 1), "iterations": 3, "k1": 6, "k2": 2, "min_samples": 2, "eps": 0.7}
SMALL |= {"identities": 3, "instances": 4, "bn_chunks": 2, "lr": 1e-3}
METHODS = {"dcl": {}, "bmil": {"moves": "during"}}


def trained(name: str, **options) -> dict:
    """Curves, labels of every epoch, memories and network of a tiny run."""
    method, labels = build(name, **SMALL, **METHODS[name]), []
    usual = method.relabel

    def relabel(train, epoch):
        found = usual(train, epoch)
        labels.append({k: torch.as_tensor(v.label) for k, v in found.items()})
        return found

    method.relabel = relabel
    model = toy.net()
    run = fit(model, method, toy.images(), seed=0, device="cpu", **options)
    return {
        "curves": run.curves,
        "labels": labels,
        "memories": method.state(),
        "network": model.state_dict(),
    }


def both_methods(rank, size) -> dict:
    return {name: trained(name) for name in METHODS}


def stopped_and_resumed(rank, size) -> dict:
    out = Path(sys.argv[2]) / "run"
    trained("dcl", out=out, epochs=1)
    return trained("dcl", out=out, resume=True)


def refusals(rank, size) -> dict:
    said = {}
    out = Path(sys.argv[2]) / "run"
    tasks = {
        "parts": lambda: fit(
            toy.net(), build("dcl", **SMALL | {"bn_chunks": 1}), toy.images(), seed=0, device="cpu"
        ),
        "disagree": lambda: parallel.check_agreement("the labels", [torch.tensor([rank])]),
        "held": lambda: [trained("dcl", out=out, epochs=0), trained("dcl", out=out)],
    }
    for name, task in tasks.items():
        try:
            task()
        except (ValueError, RuntimeError) as error:
            said[name] = str(error)
    return said


CASES = {f.__name__: f for f in (both_methods, stopped_and_resumed, refusals)}


def same(a: dict, b: dict, within: float) -> None:
    """Two runs have the same labels, and losses, memories and networks within a bound."""
    assert len(a["labels"]) and len(a["curves"]) == len(b["curves"])
    for x, y in zip(a["labels"][-len(b["labels"]) :], b["labels"], strict=True):
        assert x.keys() == y.keys() and all(torch.equal(x[k], y[k]) for k in x)
    for x, y in zip(a["curves"], b["curves"], strict=True):
        losses = {k: v for k, v in x.items() if k.startswith("loss/")}
        assert losses == pytest.approx({k: y[k] for k in losses}, abs=within)
    leaves = [torch.utils._pytree.tree_leaves(r["memories"]) for r in (a, b)]
    for x, y in zip(*leaves, strict=True):
        assert torch.allclose(x, y, atol=within) if torch.is_tensor(x) else x == y
    for name, x in a["network"].items():
        assert torch.allclose(x, b["network"][name], atol=10 * within), name


def test_two_ranks_train_as_one_process_in_two_parts(tmp_path):
    ranks = launch("both_methods", tmp_path, module="test_parallel")
    for name in METHODS:
        one, (first, second) = trained(name), (found[name] for found in ranks)
        same(one, first, 1e-5)
        same(first, second, 0.0)  # to the last bit


def test_ranks_go_on_where_they_were_stopped(tmp_path):
    ranks = launch("stopped_and_resumed", tmp_path, module="test_parallel")
    same(trained("dcl"), ranks[0], 1e-5)
    same(ranks[0], ranks[1], 0.0)
    assert load(tmp_path / "run")["epoch"] == 2


def test_what_ranks_cannot_do_is_said_on_all(tmp_path):
    for said in launch("refusals", tmp_path, module="test_parallel"):
        assert "bn_chunks=1 with 2 ranks" in said["parts"]
        assert "ranks disagree about the labels" in said["disagree"]
        assert "rank 0: " in said["held"] and "holds a run already" in said["held"]


def torchrun(*words) -> subprocess.CompletedProcess:
    """A command of ``vireid`` on two ranks, on the CPU."""
    call = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node=2"]
    call += ["--standalone", "--local-addr=127.0.0.1", "-m", "vireid", *map(str, words)]
    return subprocess.run(
        [*call, "--device", "cpu"],
        env={**os.environ, "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"},
        capture_output=True, text=True, timeout=200, check=False,
    )  # fmt: skip


def test_one_ranks_failure_ends_the_command(tmp_path):
    (tmp_path / "run.json").write_text("{}")
    done = torchrun("train", "--method", "dcl", "--preset", "tiny", "--out", tmp_path)
    assert done.returncode != 0 and "holds a run already" in done.stderr


def test_a_command_that_works_in_one_process_refuses_several(tmp_path):
    words = ["--method", "dcl", "--preset", "tiny", "--rows", "base", "--seeds", "1"]
    done = torchrun("compare", *words, "--out", tmp_path / "runs")
    assert done.returncode != 0
    assert "torchrun started 2 processes of vireid compare; only vireid train" in done.stderr
    assert not (tmp_path / "runs").exists()
