"""Networks that notebooks start from: the same whether just trained or read back."""

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from filelock import FileLock
from toy import images, net, test_of

from vireid import methods, warm_start
from vireid.experiment import Experiment
from vireid.features import extract

SMALL = {
    "epochs": (1, 1), "iterations": 2, "k1": 6, "k2": 2, "eps": 0.7, "min_samples": 2,
    "identities": 3, "instances": 2, "lr": 1e-3, "subset_ratio": 1.0,
}  # fmt: skip


@pytest.fixture
def world(tmp_path, monkeypatch):
    """A toy experiment with a cache of its own."""
    monkeypatch.setenv("VIREID_CACHE", str(tmp_path))
    monkeypatch.setitem(methods.kind("bmil").presets, "toy", SMALL)
    monkeypatch.setattr(Experiment, "model", lambda self, seed=0: net(seed))
    table = images()
    return Experiment("toy", None, table, test_of(table), "toy", None, "toy")


def count_trainings(monkeypatch) -> list:
    calls, real = [], warm_start.train

    def counted(*args, **options):
        calls.append(options["row"])
        return real(*args, **options)

    monkeypatch.setattr(warm_start, "train", counted)
    return calls


def same(a, b) -> bool:
    return all(torch.equal(x, y) for x, y in zip(a.values(), b.values(), strict=True))


def test_second_call_reads_what_the_first_trained(world, monkeypatch):
    calls = count_trainings(monkeypatch)
    model, run = warm_start.stage_one(world, seed=3)
    again, kept = warm_start.stage_one(world, seed=3)
    assert calls == [None] and kept == run
    assert same(model.state_dict(), again.state_dict())
    assert not same(model.state_dict(), net(3).state_dict())
    assert torch.equal(extract(model, world.train).x, extract(again, world.train).x)


def test_a_row_goes_on_from_stage_one(world, monkeypatch):
    calls = count_trainings(monkeypatch)
    run = warm_start.trained(world, "M2", seed=3)[1]
    assert calls == [None, "M2"]
    assert run.row == "M2" and [row["stage"] for row in run.curves] == [2]
    before = warm_start.stage_one(world, seed=3)[1]
    assert run.before["rank1"] == before.result["rank1"] and len(calls) == 2


def test_everything_that_decides_a_run_is_in_its_name(world):
    settings = methods.build("bmil", preset="toy")
    model = net(0)
    keys = {warm_start._key(world, model, settings, 0, "cpu")}
    keys.add(warm_start._key(world, model, settings, 1, "cpu"))
    keys.add(warm_start._key(world, net(1), settings, 0, "cpu"))
    keys.add(warm_start._key(world, model, methods.build("bmil", preset="toy", eps=0.6), 0, "cpu"))
    fields = {name: getattr(world, name) for name in world.__dataclass_fields__}
    other = SimpleNamespace(**fields | {"train": images(seed=1)})
    keys.add(warm_start._key(other, model, settings, 0, "cpu"))
    assert len(keys) == 5
    assert warm_start._key(world, net(0), settings, 0, "cpu") in keys


def test_threads_are_put_back():
    threads = torch.get_num_threads()
    with pytest.raises(RuntimeError, match="inside"), warm_start.one_thread():
        assert torch.get_num_threads() == 1
        raise RuntimeError("inside")
    assert torch.get_num_threads() == threads


def test_real_pictures_are_trained_shortly_and_the_environment_has_the_say(world, monkeypatch):
    usual = SimpleNamespace(schedule=methods.build("bmil", preset="m3svd").schedule)
    short = {"epochs": (3, 3), "iterations": 10, "stage2_iterations": None}
    assert warm_start.length(world, usual) == short
    assert warm_start.length(SimpleNamespace(name="synthvi"), usual) == {}
    monkeypatch.setenv("VIREID_LESSON", "1 9 2")
    asked = warm_start.length(SimpleNamespace(name="synthvi"), usual)
    assert asked == short | {"epochs": (1, 6), "iterations": 2}
    monkeypatch.setenv("VIREID_LESSON", "full")
    assert warm_start.length(world, usual) == {}
    monkeypatch.setenv("VIREID_LESSON", "3 3")
    with pytest.raises(ValueError, match="VIREID_LESSON='3 3': write full, or three numbers"):
        warm_start.length(world, usual)


def test_two_cells_that_want_one_run_at_once_train_it_once(world, monkeypatch):
    calls = count_trainings(monkeypatch)
    with ThreadPoolExecutor(2) as pool:
        both = list(pool.map(lambda _: warm_start.stage_one(world, seed=3), range(2)))
    assert len(calls) == 1 and both[0][1] == both[1][1]


def test_one_caller_at_a_time_has_the_generator(world, monkeypatch):
    """Two trainings draw the weights that each draws alone."""
    alone = [warm_start.stage_one(world, seed=seed)[0].state_dict() for seed in (3, 4)]
    monkeypatch.setenv("VIREID_CACHE", os.environ["VIREID_CACHE"] + "/another")
    inside, real = [], warm_start.train

    def watched(*args, **options):
        inside.append(True)
        time.sleep(0.05)  # long enough for the other to come in, were it let in
        assert len(inside) == 1
        found = real(*args, **options)
        inside.clear()
        return found

    monkeypatch.setattr(warm_start, "train", watched)
    with ThreadPoolExecutor(2) as pool:
        beside = list(pool.map(lambda s: warm_start.stage_one(world, seed=s)[0], (3, 4)))
    assert all(same(a, b.state_dict()) for a, b in zip(alone, beside, strict=True))


def test_who_finds_another_process_at_the_run_waits_and_reads(world, monkeypatch, tmp_path):
    kept = warm_start.stage_one(world, seed=3)[1]
    (folder,) = (path for path in (tmp_path / "runs").iterdir() if path.is_dir())
    folder.rename(tmp_path / "aside")
    calls, asked = count_trainings(monkeypatch), threading.Event()

    class Asked(FileLock):
        def acquire(self, *args, **options):
            asked.set()
            return super().acquire(*args, **options)

    monkeypatch.setattr(warm_start, "FileLock", Asked)
    with ThreadPoolExecutor(1) as pool:
        with FileLock(f"{folder}.lock"):  # as another process has it
            found = pool.submit(warm_start.stage_one, world, seed=3)
            assert asked.wait(60)
            (tmp_path / "aside").rename(folder)
        assert found.result()[1] == kept and not calls


def test_whether_people_are_known_is_said_where_not(world, capsys):
    assert world.knows() and world.knows("test") and not capsys.readouterr().out
    some = replace(world.train, identity=np.where(np.arange(len(world.train)) == 3, -1, 7))
    for nobody in (world.train.blind(), some):
        assert not replace(world, train=nobody).knows("train")
        assert "not known who is on the train pictures" in capsys.readouterr().out
    assert not replace(world, test=None).knows("test")
    with pytest.raises(ValueError, match="train or test"):
        world.knows("gallery")
