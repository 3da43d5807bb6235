"""Plans: everything that would run, with the values that do run."""

import subprocess
import sys
from dataclasses import fields

import pytest
import torch
import toy

from vireid import methods
from vireid.experiment import estimate, plan
from vireid.experiment.plan import described, runs_of
from vireid.experiment.setup import preset_of
from vireid.training import fit

NAMED = ("dmdl", "bmil", "mult", "mcf")


@pytest.mark.parametrize("data", ["sysu", "regdb", "llcm"])
@pytest.mark.parametrize("name", NAMED)
def test_every_paper_has_a_plan_on_every_benchmark(name, data):
    made = plan(name, data)
    told = made.to_dict()
    assert told["plan"] == {"method": name, "data": data, "preset": made.preset, "row": None}
    assert told["settings"]["bn_chunks"] == made.method.bn_chunks
    assert told["schedule"]["optimiser steps"] == f"{made.method.steps:,}"
    assert told["network"]["trained parameters"] == f"{made.parameters:,}"
    assert told["test"]["networks to train"] == (10 if data == "regdb" else 1)
    for line in str(made).splitlines():
        assert "<" not in line, "an object instead of a value"
    assert len(made.lines) > 50
    assert made.table().loc[("settings", "k1"), "value"] == made.method.k1


@pytest.mark.parametrize("data", ["m3svd", "files"])
def test_a_plan_is_the_first_thing_that_a_process_does(data):
    """Networks are counted without memory; what is loaded meanwhile must not be without it, too."""
    words = [sys.executable, "-m", "vireid", "plan", "--method", "bmil", "--data", data]
    told = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    assert "trained parameters" in told


def test_every_setting_is_in_the_plan_with_its_words():
    for name in NAMED:
        made = plan(name, "sysu")
        lines = {line.name: line for line in made.lines if line.part == "settings"}
        assert set(lines) == {f.name for f in fields(made.method)} - {"schedule"}
        assert not [n for n, line in lines.items() if not line.changes], "no docstring says them"


def test_the_model_is_the_one_that_is_counted():
    made = plan("dmdl", "sysu")
    model = made.model()
    assert made.parameters == sum(p.numel() for p in model.parameters() if p.requires_grad)
    assert hasattr(model.stems, "shared")


def test_a_plan_says_what_its_preset_is():
    assert "TokenMatcher's released code for SYSU-MM01, not MCF" in str(plan("mcf", "sysu"))
    assert "ours: the paper's settings" in str(plan("mcf", "llcm", preset="paper"))


@pytest.mark.parametrize("name", ["bmil", "mult", "mcf", "adca", "pgm", "nulc"])
def test_a_setting_that_no_source_has_is_called_ours(name):
    made = plan(name, "llcm")
    assert "ours: " in made.method.notes[made.preset]


def test_a_plan_on_synthvi_says_which_size_it_is_of():
    tiny, small = plan("bmil", "synthvi"), plan("bmil", "synthvi", data_preset="small")
    assert (tiny.preset, small.preset) == ("tiny", "light")
    assert str(small).startswith("BMIL on synthvi small, preset light")
    for made, size, pictures in ((tiny, "64 x 32", 160), (small, "96 x 48", 1920)):
        told = made.to_dict()
        assert told["network"]["picture size"] == size
        words = f"{pictures:,} visible, {pictures:,} infrared"
        assert told["pictures"]["training pictures"] == words
        assert made.data_preset == told["plan"]["data preset"]
    with pytest.raises(ValueError, match="data_preset='big'; SynthVI has tiny, small, full"):
        plan("bmil", "synthvi", data_preset="big")
    with pytest.raises(ValueError, match="data_preset='indoor': a plan on sysu is the same for"):
        plan("bmil", "sysu", data_preset="indoor")


def test_what_is_switched_off_is_not_counted():
    without, with_it = plan("mcf", "sysu"), plan("mcf", "sysu", preset="paper")
    assert without.parameters == 91_675_776 - 3072  # the neck's shift does not learn
    assert with_it.parameters == 91_860_217 - 3072
    assert without.off == "184,441 more are switched off" and with_it.off == ""


def test_estimates_say_that_they_are():
    for line in plan("dmdl", "sysu").lines:
        if line.part == "estimates" and str(line.value).startswith("about"):
            assert line.source.startswith("estimate")


def test_pgms_regdb_script_lowers_its_rate_every_ten_epochs():
    rates = [plan("pgm", "regdb").method.schedule.lr_at(e) for e in (0, 10, 20, 30)]
    assert rates == pytest.approx([3.5e-4, 3.5e-5, 3.5e-6, 3.5e-4])


def test_words_for_presets():
    assert preset_of("dmdl", "sysu") == "official"
    assert preset_of("dmdl", "regdb") == "official_regdb"
    assert preset_of("dmdl", "regdb", "paper") == "paper_regdb"
    assert preset_of("bmil", "synthvi") == "light"
    assert preset_of("bmil", "synthvi", data_preset="tiny") == "tiny"
    with pytest.raises(ValueError, match=r"no preset 'paper' for m3svd; choose one of official"):
        preset_of("dcl", "m3svd", "paper")
    with pytest.raises(ValueError, match="no plan; known: sysu"):
        plan("dmdl", "market")
    with pytest.raises(ValueError, match="row 'R9'"):
        plan("mcf", "sysu", row="R9")


def test_epochs_with_equal_values_stand_together():
    assert runs_of(["1", "1"]) == "1"
    assert runs_of(["0", "0", "0.5", "1", "1"]) == "0 (0-1), 0.5 (2), 1 (3-4)"


def test_docstrings_describe_fields_of_a_list():
    words = described(methods.kind("dcl"))
    assert words["k1"] == words["eps"] == "Jaccard neighbourhoods and DBSCAN of one modality"
    assert words["bn_chunks"].startswith("parts of a batch")


SMALL = {
    "iterations": 1, "k1": 6, "k2": 2, "eps": 0.7, "min_samples": 2, "identities": 3,
    "instances": 2, "lr": 1e-4,
}  # fmt: skip
MORE = {
    "dcl": ({"epochs": (1, 0)}, {}),
    "bmil": ({}, {"row": "M1"}, {"row": "prolonged"}),
    "mult": ({}, {"row": "1"}, {"row": "3"}),
    "dmdl": (
        {"epochs": (2, 3), "triplet_starts": (1, 2, 3), "aligned_phase_start": 2},
        {"row": "1", "triplet_starts_2": (0, 1)},
        {"alignment": "modalities"},
    ),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("name", "more"), [(n, m) for n, all_ in MORE.items() for m in all_])
def test_a_plan_names_the_losses_that_run(name, more):
    method = methods.build(name, **SMALL | {"epochs": (1, 2)} | more)
    record = fit(toy.net(), method, toy.images(), seed=0)
    for row in record.curves:
        yielded = {k.removeprefix("loss/") for k in row if k.startswith("loss/")}
        assert yielded == set(method.loss_weights(row["epoch"]))


@pytest.mark.parametrize("preset", ["official", "paper"])
def test_a_plan_names_the_losses_of_mcf(preset):
    from vireid import models

    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = models.build("regions_small", regions=2, trunk_options={"width": 8, "dim": 16})
    small = SMALL | {"epochs": (1, 2), "classifier": "light"}
    method = methods.build("mcf", preset=preset, **small)
    for row in fit(model, method, toy.images(), seed=0).curves:
        yielded = {k.removeprefix("loss/") for k in row if k.startswith("loss/")}
        assert yielded == set(method.loss_weights(row["epoch"]))


@pytest.mark.parametrize(
    ("hours", "words"),
    [
        (0.001, "1 minute"), (0.03, "2 minutes"), (0.99, "59 minutes"), (1.2, "1 hour"),
        (47, "47 hours"), (48, "2 days"),
    ],
)  # fmt: skip
def test_times_are_told_as_people_say_them(hours, words):
    assert estimate._words(hours) == words
