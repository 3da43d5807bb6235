"""Real servers and a real browser: JupyterLab and Voila on a copy of the notebooks, Chromium."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import nbformat
import pytest
from install import find

from vireid import workbook

# A map small enough to be drawn in seconds, in the form in which notebooks use it.
MAP = """
import numpy as np
from vireid import data, plots, widgets
images = data.load("synthvi", preset="tiny").rows(range(48))
x = np.stack([images.resized(i).mean(axis=2).ravel() for i in range(len(images))])
widgets.embedding_map(images, plots.project(x, "pca"), axis="PCA").show()
"""

# The ablation lab of notebook 13; what it trains live is a few steps of the tiny world.
ABLATION = """
from vireid import methods, runs, widgets
methods.kind("bmil").presets["tiny"] |= {"epochs": (1, 1), "iterations": 16}
widgets.ablations(runs.load_all()).show()
"""

# A prediction and an exercise, as every notebook has them.
LEARN = """
from vireid import checks, widgets
widgets.predict("99-demo", "How many of a hundred?").show()
checks.check("00-given", "b")
"""


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args):
    """The system's Chromium instead of a download; software WebGL for the embedding map."""
    path = find()
    if path is None:
        pytest.skip("no Chromium or Chrome: python tests/browser/install.py says what to do")
    quiet = ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
    quiet += ["--no-first-run", "--disable-quic", "--enable-unsafe-swiftshader"]
    root = ["--no-sandbox"] if os.name == "posix" and os.geteuid() == 0 else []
    return {**browser_type_launch_args, "executable_path": path, "args": quiet + root}


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args):
    """A window large enough that widgets stand side by side."""
    return {**browser_context_args, "viewport": {"width": 1500, "height": 1100}}


@pytest.fixture(scope="session")
def folder(tmp_path_factory) -> Path:
    """A notebook made from its script, a small map, an ablation widget; servers may write here."""
    folder = tmp_path_factory.mktemp("notebooks")
    for script in workbook.scripts(["01"]):
        text = workbook.dump(workbook.read(script))
        (folder / f"{script.stem}.ipynb").write_text(text)
    for name, code in {"map": MAP, "ablation": ABLATION, "learn": LEARN}.items():
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code.strip())])
        (folder / f"{name}.ipynb").write_text(workbook.dump(workbook.clean(notebook)))
    return folder


def _serve(command: list[str], folder: Path, ready: str):
    """Start a server in its own process group, yield when ``ready`` answers, end the group."""
    port = _free_port()
    log = (folder / f"{command[0]}.log").open("w")
    environment = {**os.environ, "JUPYTER_PLATFORM_DIRS": "1", "OMP_NUM_THREADS": "1"}
    environment["VIREID_STUDENT"] = str(folder / "student")
    server = subprocess.Popen(
        [sys.executable, "-m", *(part.format(port=port) for part in command)],
        cwd=folder, env=environment, stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
    )  # fmt: skip
    try:
        url = f"http://127.0.0.1:{port}"
        _wait(f"{url}{ready}", server, Path(log.name))
        yield url
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        try:
            server.wait(15)
        except subprocess.TimeoutExpired:
            os.killpg(server.pid, signal.SIGKILL)
        log.close()


def _free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def _wait(url: str, server: subprocess.Popen, log: Path, seconds: float = 300) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end and server.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.3)
    raise RuntimeError(f"{url} did not answer; the server said:\n{log.read_text()[-3000:]}")


@pytest.fixture(scope="session")
def lab(folder):
    """Address of a JupyterLab whose application object tests may ask."""
    command = [
        "jupyterlab", "--no-browser", "--port={port}", "--ServerApp.port_retries=0",
        "--IdentityProvider.token=", "--LabApp.expose_app_in_browser=True",
        *(["--allow-root"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []),
    ]  # fmt: skip
    yield from _serve(command, folder, "/lab")


@pytest.fixture(scope="session")
def lecture(folder):
    """Address of ``vireid lecture`` with notebook 01."""
    command = ["vireid", "lecture", "01", "--out", str(folder / "lecture")]
    yield from _serve([*command, "--no-browser", "--port={port}"], folder, "/")


@pytest.fixture(scope="session")
def voila(folder):
    """Address of a Voila that shows the notebooks as pages."""
    yield from _serve(["voila", ".", "--no-browser", "--port={port}"], folder, "/")
