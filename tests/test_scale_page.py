"""The numbers of docs/scale.md are what its formulas say, and its script runs."""

import re
from pathlib import Path

import pytest

PAGE = (Path(__file__).resolve().parents[1] / "docs/scale.md").read_text()
SIZES = (34_167, 10**6, 10**8)
D, K = 2048, 30
UNITS = {
    **{f"{p}B": 1000.0**e for p, e in zip("MGTP", range(2, 6), strict=True)},
    **{f"{p}FLOP": 1000.0**e for p, e in zip("TPE", range(4, 7), strict=True)},
    **{"ms": 1e-3, "s": 1, "min": 60, "h": 3600, "days": 86400, "years": 365.25 * 86400},
}
FORMULAS = {
    "features, float32": lambda n: 4 * n * D,
    "describing the pictures": lambda n: 29e9 * n,
    "exact neighbours | 2": lambda n: 2 * n * n * D,
    "lists of neighbours": lambda n: 12 * K * n,
    "encodings |": lambda n: 75 * 8 * n,
    "graph of pairs": lambda n: 60 * 8 * n,
    "dense distances": lambda n: 4 * n * n,
    "MULT's plan": lambda n: 4 * (2 * n / 3) * (n / 3),
    "describing | one core": lambda n: 29e9 * n / 145e9,
    "describing | one H200": lambda n: 29e9 * n / 160e12,
    "exact neighbours | one core, float32": lambda n: 2 * n * n * D / 205e9,
    "exact neighbours | one core, bfloat16": lambda n: n * n * D / 387e9,
    "exact neighbours | 64 cores": lambda n: 2 * n * n * D / 64 / 205e9,
    "exact neighbours | one H200": lambda n: 2 * n * n * D / 50e12,
    "exact neighbours | 64 H200": lambda n: 2 * n * n * D / 64 / 50e12,
    "sending all features": lambda n: 4 * n * D / 1.25e9,
    "encodings, distances": lambda n: 38e-6 * n,
    '`backend="faiss-ivf"`': lambda n: 4 * D * n / 16 * n / 26e9,
    "codes of 64 bytes": lambda n: n * (24_000 * 64 + 128 * 4 * D) / 26e9,
}


@pytest.mark.parametrize("start", FORMULAS)
def test_every_number_follows_from_its_formula(start):
    (line,) = (line for line in PAGE.splitlines() if line.startswith(f"| {start}"))
    cells = [cell.strip() for cell in line.strip("|").split("|")][-3:]
    for cell, n in zip(cells, SIZES, strict=True):
        number, unit = re.fullmatch(r"([\d.]+) (\w+)", cell).groups()
        assert float(number) * UNITS[unit] == pytest.approx(FORMULAS[start](n), rel=0.11), cell


def test_every_row_has_a_formula():
    rows = [line for line in PAGE.splitlines() if re.match(r"\| .*\d (?!M )\w+ \|$", line)]
    assert len(rows) == len(FORMULAS)


def test_the_script_runs_as_a_single_rank(monkeypatch):
    monkeypatch.delenv("RANK", raising=False)
    script = re.search(r"```python\n(.*?)```", PAGE, re.S)[1].replace('"small"', '"tiny"')
    found = {}
    exec(script, found)
    assert found["index"].shape == (len(found["world"].train), K)
    assert (found["index"][:, 0] == found["index"].new_tensor(range(len(found["index"])))).all()


def test_settings_the_page_names():
    from vireid.neighbours import BACKENDS, peers, tiles

    assert "faiss-ivf" in BACKENDS and "bfloat16" in BACKENDS
    assert peers.VISITED == 16 and tiles.TILE == 1024
