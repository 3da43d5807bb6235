"""The built wheel outside the checkout: a fresh environment, an empty folder, no network.

The heavy packages are borrowed from the environment that runs the tests; this package is not.
"""

import json
import os
import re
import subprocess
import sys
import sysconfig
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest

import vireid
from vireid import papers, runs

ROOT = Path(__file__).resolve().parents[1]
SHARE = "vireid/_share/"
SHORT = ("epochs=(1,0)", "iterations=2")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(out)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (made,) = out.glob("*.whl")
    return made


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """A command runner in an environment that knows vireid from the wheel alone."""
    home, empty = tmp_path_factory.mktemp("environment"), tmp_path_factory.mktemp("empty")
    venv.create(home, with_pip=False)
    python = home / "bin/python"
    site = home / f"lib/python3.{sys.version_info.minor}/site-packages"
    borrowed = {sysconfig.get_paths()[kind] for kind in ("purelib", "platlib")}
    (site / "borrowed.pth").write_text("".join(f"{path}\n" for path in sorted(borrowed)))
    options = ["install", "--quiet", "--no-deps", "--no-index", str(wheel)]
    subprocess.run([sys.executable, "-m", "pip", "--python", str(python), *options], check=True)
    own = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "VIREID"))}
    own |= {"VIREID_WORKBOOK": str(empty / "book"), "VIREID_CACHE": str(empty / "cache")}

    def run(*words: str, status: int = 0) -> str:
        done = subprocess.run(
            [python, *words], cwd=empty, env=own, capture_output=True, text=True, check=False
        )
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout + done.stderr

    run.folder = empty
    return run


def command(installed, *words: str, **options) -> str:
    return installed("-m", "vireid", *words, **options)


def test_the_wheel_brings_every_committed_table_and_nothing_of_people(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    listed = subprocess.run(
        ["git", "ls-files", "-z", "data", "docs", "notebooks/*.py"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if listed.returncode:
        pytest.skip("not a git checkout")
    wanted = {n for n in listed.stdout.split("\0") if n and (ROOT / n).exists()}
    wanted -= {"notebooks/conftest.py"}
    brought = {n.removeprefix(SHARE) for n in names if n.startswith(SHARE)}
    assert brought == wanted, "tell only-include of pyproject.toml what else lies in data/"
    assert wheel.stat().st_size < 8e6


def test_the_version_is_one(installed):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["version"] == vireid.__version__
    assert command(installed, "--version") == f"vireid {vireid.__version__}\n"


def test_it_is_the_wheel_that_answers(installed):
    told = installed("-c", "import vireid.paths as p; print(p.INSTALLED, p.COMMITTED, p.WORK)")
    assert told.startswith("True") and str(ROOT) not in told and told.endswith(" .\n")


def test_plan_and_check_outside_the_checkout(installed):
    assert "official" in command(installed, "plan", "--method", "dmdl", "--data", "sysu")
    command(installed, "data", "template", "mine")
    assert "mine" in command(installed, "data", "check", "mine")
    missing = command(installed, "train", "--data", "sysu", status=2)
    assert "no SYSU-MM01 in data:" in missing and "_share" not in missing


def test_a_training_and_its_record(installed):
    short = [word for pair in SHORT for word in ("--set", pair)]
    told = command(installed, "train", "--method", "dcl", "--out", "run", *short)
    assert "kept in run/" in told
    record = json.loads((installed.folder / "run/run.json").read_text())
    assert record["model"]["weights"] == "synthvi_small.safetensors" and record["steps"] == 2


def test_committed_records_and_numbers_are_read(installed):
    code = "from vireid import runs, papers; print(len(runs.ladders()), len(papers.paper_table()))"
    ladders, numbers = map(int, installed("-c", code).split())
    assert ladders == len(runs.ladders()) and numbers == len(papers.paper_table())
    assert "CPU minutes to go" in command(installed, "evidence", "--show")
    assert "a folder of your own" in command(installed, "evidence", status=2)
    drawn = command(installed, "figures", "--only", "scaling")
    assert "drew scaling.png" in drawn and (installed.folder / "figures/scaling.png").exists()


def test_the_working_copy_has_all_notebooks(installed):
    assert "working copy" in command(installed, "lab", "--help")
    first = installed("-c", "from vireid import student_copy; print(student_copy.make()[0])")
    made = sorted(p.stem for p in Path(first.strip()).parent.glob("*.ipynb"))
    assert made == sorted(p.stem for p in (ROOT / "notebooks").glob("[0-9]*.py"))
    made = (installed.folder / "book/README.md").read_text().splitlines()
    own = (ROOT / "README.md").read_text().splitlines()  # its links lead elsewhere
    assert [line for line in made if line[:1] == "#"] == [line for line in own if line[:1] == "#"]
    assert "leave --here out" in command(installed, "lab", "--here", status=2)


def test_a_notebook_runs_and_leaves_its_copy_in_the_current_folder(installed):
    told = command(installed, "workbook", "--only", "01")
    assert re.search(r"^01_two_modalities\b", told, re.MULTILINE) and "FAILED" not in told
    assert (installed.folder / "build/workbook/01_two_modalities.ipynb").exists()
    assert "no checkout" in command(installed, "workbook", "--in-place", status=2)


@pytest.mark.parametrize("name", ["jupytext", "nbclient", "nbformat", "jupyterlab"])
def test_a_missing_extra_is_named(installed, name):
    code = f"import sys; sys.modules[{name!r}] = None; import vireid.cli as c; "
    if name == "jupyterlab":  # looked for, not imported
        code = (
            "import importlib.util as u; find = u.find_spec; "
            "u.find_spec = lambda n, *a: None if n == 'jupyterlab' else find(n, *a); "
            "import vireid.cli as c; "
        )
    words = ["lab"] if name == "jupyterlab" else ["workbook", "--only", "00"]
    told = installed("-c", f"{code}raise SystemExit(c.main({words}))", status=2)
    assert f"{name} is not installed" in told and 'pip install "vireid[lab]"' in told
