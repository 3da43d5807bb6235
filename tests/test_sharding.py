"""Two gloo ranks give what one process gives, and one rank's bad input ends them all."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from vireid import features, models, sharding
from vireid.neighbours import nearest
from vireid.types import Images

RANKS = """
import json, sys
import torch
import MODULE as here
from vireid import sharding

with sharding.ranks(patience=60) as (rank, size):
    found = here.CASES[sys.argv[1]](rank, size)
    torch.save(found, f"{sys.argv[2]}/{rank}.pt")
"""
N, K = 61, 9


def launch(case: str, out: Path, size: int = 2, *, module: str = "test_sharding") -> list:
    """What each of the ranks that torchrun starts makes of a case."""
    script = out / "ranks.py"
    script.write_text(RANKS.replace("MODULE", module))
    run = [sys.executable, "-m", "torch.distributed.run", f"--nproc-per-node={size}"]
    run += ["--standalone", "--local-addr=127.0.0.1", str(script), case, str(out)]
    paths = [str(Path(__file__).parent), str(Path(sharding.__file__).parents[1])]
    pinned = {
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": os.pathsep.join(paths),
        "GLOO_SOCKET_IFNAME": "lo",
    }
    done = subprocess.run(
        run, env={**os.environ, **pinned}, capture_output=True, text=True, timeout=150, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return [torch.load(out / f"{rank}.pt", weights_only=False) for rank in range(size)]


def table() -> torch.Tensor:
    """Features with equal rows, on both ranks, so that ties must fall by number."""
    x = torch.randn(N, 24, generator=torch.Generator().manual_seed(0))
    x[40], x[60], x[5] = x[3], x[3], x[50]
    return x


def pictures() -> Images:
    rng = np.random.default_rng(0)
    return Images(
        source=rng.integers(0, 256, (11, 32, 16, 3), dtype=np.uint8),
        modality=rng.integers(0, 2, 11),
        camera=rng.integers(1, 7, 11),
        identity=rng.integers(0, 3, 11),
        size=(32, 16),
        name="toy",
    )


def network():
    torch.manual_seed(0)
    return models.build("small", width=8, dim=16)


def everything(rank, size) -> dict:
    own = sharding.share(N)
    index, similarity = sharding.nearest(table()[own], K)
    all_of_them = sharding.extract(network(), pictures(), batch=3, device="cpu")
    mine = sharding.extract(network(), pictures(), batch=3, device="cpu", gather=False)
    return {
        "lists": [sharding.gathered(t) for t in (index, similarity)],
        "rows": (own.start, len(index)),
        "features": all_of_them,
        "mine": mine,
        "double": sharding.nearest(table()[own].double(), K)[1],
    }


def errors(rank, size) -> dict:
    x = table()[sharding.share(N)]
    broken, wide = x.clone(), torch.ones(4, 24 + rank)
    broken[2 * rank, 0] = float("nan") if rank else 1
    tasks = {
        "few pictures": lambda: sharding.extract(network(), pictures(), device="cpu"),
        "few rows": lambda: sharding.share(1),
        "no rows": lambda: sharding.nearest(x[: 0 if rank else 5], 3),
        "nan": lambda: sharding.nearest(broken, 3),
        "width": lambda: sharding.nearest(wide, 3),
        "features": lambda: sharding.extract(
            network() if rank == 0 else Nothing(), pictures(), batch=3, device="cpu"
        ),
    }
    said = {}
    for name, task in tasks.items():
        try:
            task()
        except ValueError as error:
            said[name] = str(error)
    return said


class Nothing(torch.nn.Module):
    """A network that has diverged."""

    def forward(self, pictures, modality):
        return models.Output(torch.full((len(pictures), 16), torch.nan))


CASES = {"everything": everything, "errors": errors}


def test_two_ranks_equal_one_process(tmp_path):
    first, second = launch("everything", tmp_path)
    assert (first["rows"], second["rows"]) == ((0, 30), (30, 31))
    expected = nearest(table(), K, backend="torch")
    double = nearest(table().double(), K, backend="torch")[1]
    described = features.extract(network(), pictures(), batch=3, device="cpu")
    for found in (first, second):
        for ours, one in zip(found["lists"], expected, strict=True):
            assert torch.equal(ours, one)
        assert torch.equal(found["features"].x, described.x)
        assert torch.equal(found["features"].camera, described.camera)
    assert torch.equal(torch.cat([first["double"], second["double"]]), double)
    assert torch.equal(torch.cat([first["mine"].x, second["mine"].x]), described.x)
    assert torch.equal(second["mine"].identity, described.identity[6:])


def test_a_rank_with_bad_input_ends_all_ranks(tmp_path):
    first, second = launch("errors", tmp_path)
    assert first == second, json.dumps([first, second], indent=1)
    assert "are 1 for 2 ranks" in first["few pictures"] and "lower batch" in first["few pictures"]
    assert "are 1 for 2 ranks" in first["few rows"] and "lower batch" not in first["few rows"]
    assert first["no rows"].startswith("rank 1: x has shape (0, 24)")
    assert first["nan"].startswith("rank 1: row 2 (1 in all) of x hold NaN")
    assert "different width" in first["width"] and "(24, 'torch.float32')" in first["width"]
    assert first["features"].startswith("rank 1: rows from 6: 3 features are not finite")


def test_without_torchrun_there_is_one_rank(monkeypatch):
    monkeypatch.delenv("RANK", raising=False)
    with sharding.ranks() as place:
        assert place == (0, 1)
        assert sharding.share(N) == slice(0, N)
        for ours, one in zip(
            sharding.nearest(table(), K), nearest(table(), K, backend="torch"), strict=True
        ):
            assert torch.equal(ours, one)
        found = sharding.extract(network(), pictures(), batch=3, device="cpu").x
        assert torch.equal(found, features.extract(network(), pictures(), batch=3, device="cpu").x)
        with pytest.warns(UserWarning, match="only 61 images"):
            assert sharding.nearest(table(), 99)[0].shape == (N, N)
        with pytest.raises(ValueError, match="batch=0"):
            sharding.extract(network(), pictures(), batch=0)


@pytest.mark.parametrize(("n", "unit"), [(7, 1), (64, 8), (61, 8), (3, 1)])
def test_shares_cover_all_rows_once(n, unit, monkeypatch):
    parts = []
    for rank in range(3):
        monkeypatch.setattr(sharding, "place", lambda rank=rank: (rank, 3))
        parts.append(range(n)[sharding.share(n, unit=unit)])
    assert [i for part in parts for i in part] == list(range(n))
    assert all(part.start % unit == 0 and len(part) for part in parts)
    assert max(map(len, parts)) - min(map(len, parts)) <= 2 * unit
