"""Training steps in bfloat16: near the float32 losses, recorded, never mixed with float32."""

import math

import pytest
import torch
import toy

from vireid import models
from vireid.methods import build
from vireid.training import fit

SETTINGS = {"epochs": (1, 1), "iterations": 3, "k1": 6, "k2": 2, "min_samples": 2}
SETTINGS |= {"identities": 3, "instances": 2, "optimiser": "sgd", "lr": 1e-3}
SETTINGS |= {"recipe": "pgm", "stage2_recipe": None}


def region_net():
    """MCF's own network with PA-CBAM, on the toy world's small pictures."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return models.build("regions_small", regions=2, trunk_options={"width": 8, "dim": 16})


def run(amp: bool, **options):
    method = build("mcf", preset="light", **SETTINGS | {"eps": 0.7})
    return fit(region_net(), method, toy.images(), seed=0, amp=amp, device="cpu", **options)


def test_losses_are_finite_and_near_float32():
    full, half = run(False), run(True)
    for a, b in zip(full.curves, half.curves, strict=True):
        losses = {k for k in a if k.startswith("loss/")}
        assert losses and losses == {k for k in b if k.startswith("loss/")}
        assert all(math.isfinite(b[k]) for k in losses)
    # the first epoch: afterwards two networks that differ a little are asked different questions
    first, same = full.curves[0], half.curves[0]
    losses = [k for k in first if k.startswith("loss/")]
    for k in losses:  # a ratio of small variances keeps fewer digits than a mean of logits
        rel = 0.05 if k == "loss/identity" else 0.03
        assert same[k] == pytest.approx(first[k], rel=rel), k
    assert [same[k] for k in losses] != [first[k] for k in losses], "not a single bit changed"


def test_the_record_says_it_and_weights_stay_in_float32(tmp_path):
    record = run(True, out=tmp_path)
    assert record.model["steps in"] == "bfloat16"
    assert run(False).model["steps in"] == "float32"
    model = region_net()
    models.load_weights(model, tmp_path / "model.safetensors")
    assert {p.dtype for p in model.parameters()} == {torch.float32}


def test_network_computes_in_bfloat16_and_the_method_sees_float32(monkeypatch):
    inside, outside = set(), set()
    model = region_net()
    model.project[0].register_forward_hook(lambda _, given, out: inside.add(out.dtype))
    method = build("mcf", preset="light", **SETTINGS | {"eps": 0.7})
    losses = method.losses

    def watched(batch, encode, epoch):
        def seen(*args):
            out = encode(*args)
            outside.update(part.dtype for part in out)
            return out

        return losses(batch, seen, epoch)

    monkeypatch.setattr(method, "losses", watched)
    fit(model, method, toy.images(), seed=0, amp=True, device="cpu")
    assert torch.bfloat16 in inside and outside == {torch.float32}


def test_resume_refuses_another_precision(tmp_path):
    run(True, out=tmp_path)
    with pytest.raises(ValueError, match=r"precision: bfloat16 there, float32 now"):
        run(False, out=tmp_path, resume=True)
