"""Runs survive: kills, signals, damaged files, full disks, a second process. By hand more kills:

python tests/survive.py 20
"""

import errno
import os
import resource
import shutil
import signal
import threading
import warnings
from pathlib import Path

import pytest
import survive
import torch
import toy

from vireid import files, methods, models
from vireid.cli import boundary
from vireid.data import packs
from vireid.files.write import put, write_atomically
from vireid.runs import Run
from vireid.training import checkpoint, fit
from vireid.training.stop import Stopped
from vireid.types import Embeddings

KILLS = 2  # of each method


@pytest.mark.parametrize("name", methods.TABLE)
def test_killed_runs_end_as_undisturbed_ones(name, tmp_path):
    print(f"{survive.kill_often(name, KILLS, tmp_path)} kills of {name} survived")


def asked(number: int, after: int):
    """An ``on_step`` that sends a signal to this process at a step."""

    def on_step(done: int, total: int) -> None:
        if done == after:
            os.kill(os.getpid(), number)

    return on_step


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_a_run_at_its_next_step(tmp_path, capsys, number, status):
    whole = survive.train("dcl", tmp_path / "whole")
    usual = signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL
    mine = signal.signal(number, usual)  # a job in the background ignores Ctrl-C

    def run():
        survive.train("dcl", tmp_path / "run", on_step=asked(number, after=4))

    try:
        assert boundary.guarded(run, "vireid train") == status
        assert signal.getsignal(number) is usual, "a run gives the signals back"
    finally:
        signal.signal(number, mine)
    said = capsys.readouterr().err
    assert said.endswith(
        f"vireid: stopped by {signal.Signals(number).name} in epoch 3, step 2 ({tmp_path / 'run'})."
        " Give the same command again (train: --resume) to go on after epoch 2.\n"
    )
    again = survive.train("dcl", tmp_path / "run")
    assert again.curves == whole.curves


def test_others_handlers_and_threads_are_left_alone(tmp_path):
    mine = signal.signal(signal.SIGTERM, lambda *_: None)
    try:
        survive.train("dcl", tmp_path / "run", on_step=asked(signal.SIGTERM, after=1))
        thread = threading.Thread(target=survive.train, args=("dcl", tmp_path / "thread"))
        thread.start()
        thread.join()
        assert (tmp_path / "thread/model.safetensors").exists()
    finally:
        signal.signal(signal.SIGTERM, mine)


def test_stopping_without_a_folder_says_that_nothing_is_kept():
    method = methods.build("dcl", **(survive.SHARED | {"epochs": (1, 0)}))
    with pytest.raises(Stopped, match="Nothing is kept"):
        fit(toy.net(), method, toy.images(), seed=0, on_step=asked(signal.SIGTERM, after=0))


# ---- Damaged and foreign files in a run's folder


def half(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def one_bit_each(path: Path) -> None:
    """A bit of each of many bytes: between tensors lie some that mean nothing."""
    content = bytearray(path.read_bytes())
    for at in range(len(content) // 2, len(content) // 2 + 300):
        content[at] ^= 1
    path.write_bytes(bytes(content))


def emptied(path: Path) -> None:
    path.write_bytes(b"")


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    return folder, survive.train("dcl", folder)


@pytest.mark.parametrize("damage", [half, one_bit_each, emptied])
def test_a_damaged_checkpoint_falls_back_to_the_one_before(tmp_path, finished, damage):
    for name in ("checkpoint.pt", "checkpoint.before.pt"):
        (tmp_path / name).write_bytes((finished[0] / name).read_bytes())
    damage(tmp_path / "checkpoint.pt")
    with pytest.warns(UserWarning, match=r"checkpoint\.pt.*Going on from checkpoint\.before\.pt"):
        saved = checkpoint.load(tmp_path)
    assert saved["epoch"] == 2 and checkpoint.load(tmp_path)["epoch"] == 2
    assert survive.train("dcl", tmp_path).curves == finished[1].curves
    damage(tmp_path / "checkpoint.pt")
    damage(tmp_path / "checkpoint.before.pt")
    with (
        pytest.raises(files.BrokenFile, match=r"checkpoint\.before\.pt"),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")
        survive.train("dcl", tmp_path)


def test_the_record_is_in_the_checkpoint(tmp_path, finished):
    """A lost or damaged run.json costs nothing."""
    survive.train("dcl", tmp_path, epochs=2)
    (tmp_path / "model.safetensors").unlink()
    (tmp_path / "run.json").write_text("{")
    assert survive.train("dcl", tmp_path).curves == finished[1].curves
    assert Run.load(tmp_path / "run.json").curves == finished[1].curves


def test_what_a_kill_left_half_written_is_cleared(tmp_path):
    (tmp_path / ".checkpoint.pt.123.part").write_bytes(b"half")
    survive.train("dcl", tmp_path)
    assert not list(tmp_path.glob(".*"))


# ---- One process a folder


def test_two_processes_cannot_share_a_folder(tmp_path):
    stops = {"on_epoch": lambda row: os.kill(os.getpid(), signal.SIGSTOP)}
    number = survive.child("bmil", tmp_path, **stops)
    assert os.WIFSTOPPED(os.waitpid(number, os.WUNTRACED)[1])
    try:
        with pytest.raises(RuntimeError, match=r"another process is training .*Wait until"):
            survive.train("bmil", tmp_path)
    finally:
        os.kill(number, signal.SIGKILL)
        os.waitpid(number, 0)
    survive.train("bmil", tmp_path)  # the lock died with its holder


# ---- Disks


@pytest.fixture
def small_limit():
    """No file may grow beyond 20 kB: a disk that fills up, without being root."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    signal.signal(signal.SIGXFSZ, ignored)


LARGE = torch.zeros(10_000)
WRITERS = {
    "bytes": lambda path: put(path, bytes(40_000)),
    "checkpoint": lambda path: put(path, files.write.tensor_bytes({"a": LARGE})),
    "network": lambda path: models.save(models.build("small"), path),
    "pack": lambda path: packs.save(
        path, Embeddings(LARGE.view(-1, 10), torch.zeros(1000), torch.zeros(1000))
    ),
    "record": lambda path: Run("x" * 30_000, {}, 0).save(path),
    "by name": lambda path: write_atomically(path, lambda part: part.write_bytes(bytes(40_000))),
}


@pytest.mark.parametrize("writer", WRITERS)
def test_a_full_disk_is_named_and_leaves_the_file_before(tmp_path, writer, small_limit):
    path = tmp_path / "file"
    path.write_bytes(b"before")
    with pytest.raises(OSError, match="cannot write") as error:
        WRITERS[writer](path)
    assert error.value.filename == str(path) and error.value.errno == errno.EFBIG
    assert "another folder" in boundary.explain(error.value, "vireid train")
    assert [p.name for p in tmp_path.iterdir()] == ["file"] and path.read_bytes() == b"before"


def test_a_disk_that_fills_up_in_a_run_loses_nothing(tmp_path, finished):
    """The second checkpoint does not fit any more; the first goes on elsewhere on the disk."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    def fills(row):
        if row["epoch"] == 1:
            resource.setrlimit(resource.RLIMIT_FSIZE, (2_000, limits[1]))

    try:
        with pytest.raises(OSError, match=r"cannot write.*checkpoint\.pt"):
            survive.train("dcl", tmp_path, on_epoch=fills)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, ignored)
    assert checkpoint.load(tmp_path)["epoch"] == 1
    assert survive.train("dcl", tmp_path).curves == finished[1].curves


def test_a_disk_without_room_is_told_before_the_run(tmp_path, monkeypatch, capsys):
    class Full:
        free = 10_000

    monkeypatch.setattr(checkpoint.shutil, "disk_usage", lambda _: Full)
    with pytest.raises(OSError, match=r"MB at most, 0 MB are free") as error:
        survive.train("dcl", tmp_path)
    assert error.value.errno == errno.ENOSPC and not list(tmp_path.iterdir())
    Full.free = 10**12
    survive.train("dcl", tmp_path, progress=True)
    assert "MB at most, 1,000,000 MB are free" in capsys.readouterr().err


def test_what_a_killed_run_has_written_counts_as_room(tmp_path, monkeypatch):
    """Going on writes over it."""
    free = shutil.disk_usage(tmp_path)._replace(free=2**20)
    monkeypatch.setattr(checkpoint.shutil, "disk_usage", lambda _: free)
    with pytest.raises(OSError, match="MB are free"):
        checkpoint.check_space(tmp_path, toy.net(), best=False, tell=False)
    (tmp_path / checkpoint.BEFORE).write_bytes(bytes(2**22))
    checkpoint.check_space(tmp_path, toy.net(), best=False, tell=False)


def test_a_folder_that_takes_nothing_is_told_before_the_run(tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(checkpoint, "put", refuse)  # root may write everywhere
    with pytest.raises(OSError, match="Read-only"):
        survive.train("dcl", tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(OSError) as error:
        survive.train("dcl", tmp_path / "file" / "run")
    assert "file stands where" in boundary.explain(error.value, "vireid train")


def test_a_folder_lost_meanwhile_is_made_again(tmp_path, finished):
    import shutil

    def lose(row):
        if row["epoch"] == 0:
            shutil.rmtree(tmp_path / "run")

    assert survive.train("dcl", tmp_path / "run", on_epoch=lose).curves == finished[1].curves
    assert checkpoint.load(tmp_path / "run")["epoch"] == 3


def test_no_home_is_told_with_the_way_out(monkeypatch):
    from vireid.paths import cache_folder

    for name in ("VIREID_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)

    def homeless():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", homeless)
    with pytest.raises(RuntimeError, match=r"no home folder .*Set VIREID_CACHE"):
        cache_folder()
    monkeypatch.setenv("VIREID_CACHE", "/somewhere")
    assert cache_folder() == Path("/somewhere")
