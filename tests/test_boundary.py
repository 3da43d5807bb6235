"""The command line's boundary: one line for what a user can cause, a traceback for a bug."""

import errno
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from vireid import cli, files
from vireid.cli import boundary
from vireid.clustering import NoClustersError
from vireid.features import pick_device
from vireid.neighbours import nearest

SHAPE = re.compile(r"vireid: .+ \(.+\)\. .+\.\n", re.S)


def told(capsys, run, command="vireid train"):
    """(exit status, what was said) of a run behind the boundary."""
    status = boundary.guarded(run, command)
    return status, capsys.readouterr().err


def raiser(error):
    def run():
        raise error

    return run


def full_disk():
    with Path("/dev/full").open("w") as file:
        file.write("x")


@pytest.mark.parametrize(
    ("run", "words"),
    [
        (raiser(OSError(errno.ENOSPC, "No space left on device", "/x/run.json")), "/x/run.json"),
        (full_disk, "Free some space"),
        (raiser(PermissionError(errno.EACCES, "Permission denied", "/x")), "folder of your own"),
        (raiser(OSError(errno.EROFS, "Read-only file system", "/x")), "another folder"),
        (lambda: Path("/nowhere/at all").open(), r"/nowhere/at all\). Look for a slip"),
        (lambda: Path("/").open(), "A folder stands where"),
        (raiser(MemoryError()), "not enough memory"),
        (lambda: np.empty(2**45), "not enough memory"),
        (lambda: torch.empty(2**55), "not enough memory"),
        (raiser(ModuleNotFoundError("x", name="av.video")), r"vireid\[video\]"),
        (raiser(ModuleNotFoundError("x", name="umap")), r"umap is not installed.*pip install"),
        (lambda: files.tensors("/nowhere/x.pth"), r"no weights at .*x\.pth"),
        (lambda: nearest(np.ones((3, 2)), -1), "k=-1"),
        (lambda: pick_device("gpu"), "device='gpu' is no device; use auto, cpu or cuda"),
        (lambda: cli.switches(["a"]), "write FIELD=VALUE"),
    ],
)
def test_what_a_user_can_cause_is_one_line(capsys, run, words):
    status, said = told(capsys, run)
    assert status == 2
    assert SHAPE.fullmatch(said) and said.count("\n") == 1, said
    assert re.search(words, said), said


@pytest.mark.parametrize(
    "run",
    [
        lambda: {}["key"],
        lambda: int("abc"),
        lambda: torch.ones(2) @ torch.ones(3),
        lambda: np.ones(2) + np.ones(3),
        raiser(ValueError("raised outside the package")),
        lambda: [][0],
        raiser(ModuleNotFoundError("x", name="vireid.nothing")),
    ],
)
def test_a_bug_keeps_its_traceback_and_says_where_to_report(capsys, run):
    status, said = told(capsys, run)
    assert status == 1
    assert said.startswith("Traceback (most recent call last)")
    last = said.splitlines()[-1]
    assert last.startswith("vireid: this is a bug of vireid: ") and boundary.REPORT in last


def test_stopping_says_how_to_go_on(capsys):
    assert told(capsys, raiser(KeyboardInterrupt()))[0] == 130
    _, said = told(capsys, raiser(KeyboardInterrupt()))
    assert SHAPE.fullmatch(said) and "--resume" in said
    _, said = told(capsys, raiser(KeyboardInterrupt()), "vireid compare")
    assert "same command again" in said


def test_the_environment_lets_every_error_through(monkeypatch):
    monkeypatch.setenv("VIREID_TRACEBACK", "1")
    with pytest.raises(NoClustersError):
        boundary.guarded(raiser(NoClustersError("none")), "vireid train")


def test_long_and_many_lined_texts_are_one_line(capsys):
    def run():
        files.text(Path("/nowhere/" + "x\n" * 100), "list", "look\nhere " * 300)

    _, said = told(capsys, run)
    assert said.count("\n") == 1 and len(said) < boundary.LONGEST + 20


@pytest.mark.parametrize(
    "arguments",
    [["trian"], ["train", "--seed", "x"], ["compare"], ["data", "check"], ["cost", "--batch", "a"]],
)
def test_a_mistyped_command_is_one_line(capsys, arguments):
    with pytest.raises(SystemExit) as stop:
        cli.main(arguments)
    assert stop.value.code == 2
    said = capsys.readouterr().err
    assert SHAPE.fullmatch(said) and said.count("\n") == 1 and "vireid" in said


@pytest.mark.parametrize(
    ("words", "command"),
    [
        ("plan --method bmil --data sysu --root X", "vireid plan"),
        ("data check X --deeep", "vireid data check"),
        ("--quiet plan", "vireid"),
    ],
)
def test_an_option_that_is_not_there_names_the_command(capsys, words, command):
    with pytest.raises(SystemExit):
        cli.main(words.split())
    assert f"({command}). See {command} -h." in capsys.readouterr().err


def test_a_reader_who_goes_away_ends_nothing_badly():
    code = (
        "import sys; from vireid.cli.boundary import guarded\n"
        "sys.exit(guarded(lambda: [print(i, flush=True) for i in range(10**6)] and 0, 'vireid x'))"
    )
    line = f'"{sys.executable}" -c "$CODE" | head -1; exit ${{PIPESTATUS[0]}}'
    done = subprocess.run(
        ["bash", "-c", line], env={"CODE": code, "PATH": "/usr/bin:/bin"}, capture_output=True
    )
    assert done.returncode == boundary.PIPE and done.stdout == b"0\n" and done.stderr == b""
