"""The main job on real input: a short run of BMIL on M3SVD-Persons from real ImageNet weights.

Skipped with a message where the pictures are not beside the checkout; nothing of them is kept.
"""

from pathlib import Path

import pytest

from vireid import experiment

REAL = Path(__file__).resolve().parents[1].parent / "shared/realdata"


@pytest.mark.real
@pytest.mark.slow
def test_bmil_runs_on_real_people(tmp_path):
    if not (REAL / "m3svd_persons").exists():
        pytest.skip("no real pictures beside the checkout (../shared/realdata/m3svd_persons)")
    ready = experiment.prepare("m3svd", root=REAL)
    assert ready.network == "squeezenet"
    assert str(ready.weights).endswith(".npz")
    assert (len(ready.train), len(ready.test.query)) == (636, 320)
    short = {"epochs": (1, 1), "iterations": 4}
    _, run = experiment.train(ready, "bmil", seed=0, switches=short, out=tmp_path / "run")
    assert run.unsupervised
    assert run.steps == 12
    for row in run.curves:  # people within one modality are easy: ImageNet features do find them
        assert row["visible/ari"] > 0.7
        assert row["infrared/ari"] > 0.7
    assert run.curves[-1]["global/clusters"] > 10
    # twelve steps teach nothing about the other modality; the bias they start from is there to see
    assert run.result["own_share_k"] > 0.7
    assert 0 < run.result["mAP"] < 1
    kept = {path.suffix for path in (tmp_path / "run").iterdir()}
    assert kept == {".json", ".pt", ".safetensors"}  # and no picture
