"""No input to ``plots.project`` ends the process: each case runs in one child, which must live."""

import subprocess
import sys

import pytest

CASES = """
import sys, warnings
import numpy as np
from vireid.plots import project
warnings.simplefilter("ignore")
rng = np.random.default_rng(0)
two = np.repeat(rng.normal(size=(2, 16)), 20, axis=0)
cases = {
    "ones": np.ones((30, 16)),
    "almost ones": 1 + 1e-9 * rng.normal(size=(30, 16)),
    "two places": two,
    "nine places": np.repeat(rng.normal(size=(9, 16)), 7, axis=0),
    "a line": np.arange(1, 41)[:, None] * np.ones((1, 8)),
    "one feature": rng.normal(size=(30, 1)) + 3,
    "four rows": rng.normal(size=(4, 5)),
    "nine rows": rng.normal(size=(9, 5)),
    "tiny numbers": 1e-30 * rng.normal(size=(40, 6)),
    "huge numbers": 1e30 * rng.normal(size=(40, 6)),
    "one far away": np.vstack([rng.normal(size=(40, 6)), np.full((1, 6), 1e6)]),
    "zeros": np.zeros((30, 16)),
    "one zero row": np.vstack([rng.normal(size=(40, 6)), np.zeros((1, 6))]),
    "integers": rng.integers(1, 3, (50, 3)),
    "NaN": np.full((30, 4), np.nan),
    "three rows": np.ones((3, 4)),
    "no features": np.ones((30, 0)),
    "flat": np.ones(30),
}
for name, x in cases.items():
    try:
        points = project(x, sys.argv[1], cache=False)
        assert points.shape == (len(x), 2) and np.isfinite(points).all(), (name, points)
        assert points.dtype == np.float32
        print("ok", name)
    except ValueError as error:
        assert any(w in str(error) for w in ("NaN", "at least 4 rows", "are zero")), (name, error)
        print("refused", name)
print("alive")
"""


@pytest.mark.parametrize("method", ["pca", "tsne", "umap"])
def test_odd_tables_are_drawn_or_refused(method):
    done = subprocess.run(
        [sys.executable, "-c", CASES, method], capture_output=True, text=True, timeout=200
    )
    assert done.returncode == 0, done.stderr[-2000:]
    said = done.stdout.splitlines()
    assert said[-1] == "alive"
    refused = {line.removeprefix("refused ") for line in said if line.startswith("refused")}
    zeros = {"zeros", "one zero row"} if method == "umap" else set()
    assert refused - zeros == {"NaN", "three rows", "no features", "flat"}
