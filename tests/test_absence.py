"""Training people who lose one modality: who, which side, and what is left."""

import argparse
from dataclasses import replace

import numpy as np
import pytest

from vireid import cli, data, experiment
from vireid.cli import boundary
from vireid.cli.options import experiment_options, prepare
from vireid.data.absence import absentees
from vireid.evidence import Study
from vireid.experiment.train import source
from vireid.types import Images, Modality


@pytest.fixture(scope="module")
def train():
    return data.load("synthvi", preset="tiny")


def seen(images, person):
    return set(images.modality[images.identity == person].tolist())


@pytest.mark.parametrize(
    ("side", "counts"), [("both", (4, 4)), ("visible", (8, 0)), ("infrared", (0, 8))]
)
def test_people_lose_one_side(train, side, counts):
    lost = absentees(train, 0.4, side=side, seed=3)
    left = data.absent(train, 0.4, side=side, seed=3)
    assert tuple(sum(m == own for m in lost.values()) for own in Modality) == counts
    for person in np.unique(train.identity):
        assert seen(left, person) == {0, 1} - {lost.get(int(person))}
    kept = [lost.get(i) != m for i, m in zip(train.identity, train.modality, strict=True)]
    assert np.array_equal(left.source, train.source[kept])
    assert left.name == f"{train.name}, 0.4 absent ({side}, seed 3)"
    assert left.fingerprint != train.fingerprint


def test_the_seed_draws_and_shares_are_nested(train):
    a, b = (list(absentees(train, share, seed=1).items()) for share in (0.2, 0.5))
    assert len(a) == 4 and a == b[:4]
    assert dict(b) != absentees(train, 0.5, seed=2)
    assert data.absent(train, 0, seed=1) is train


def test_people_without_a_partner_or_a_name_lose_nothing():
    table = Images(
        np.zeros((5, 2, 2, 3), np.uint8), [0, 1, 0, 1, 1], [1] * 5, [4, 4, 5, -1, -7], (2, 2)
    )
    assert set(absentees(table, 1)) == {4}


def test_bad_input(train):
    for share in (-0.1, 1.1, float("nan")):
        with pytest.raises(ValueError, match=f"share={share}"):
            data.absent(train, share)
    with pytest.raises(ValueError, match="side='left' is unknown; known: both, visible, infrared"):
        data.absent(train, 0.5, side="left")
    with pytest.raises(ValueError, match=r"share=0.01 of the people .* is nobody; give 0 or"):
        data.absent(train, 0.01)
    for seed in (None, -1, 0.5):
        with pytest.raises(ValueError, match=f"seed={seed}; give a whole number"):
            data.absent(train, 0.5, seed=seed)
    with pytest.raises(ValueError, match="leaves no visible picture"):
        data.absent(train, 1, side="visible")
    with pytest.raises(ValueError, match="has no identities"):
        data.absent(train.blind(), 0.5)


def test_training_commands_take_it():
    """The training table alone loses pictures; the test stays as it is."""
    parser = argparse.ArgumentParser()
    experiment_options(parser)
    whole = experiment.prepare("synthvi")
    some = prepare(parser.parse_args(["--absent", "0.5", "--absent-side", "infrared"]))
    assert len(some.train.of(Modality.VISIBLE)) == len(whole.train.of(Modality.VISIBLE))
    assert 2 * len(some.train.of(Modality.INFRARED)) == len(whole.train.of(Modality.INFRARED))
    assert some.test.fingerprint == whole.test.fingerprint and "0.5 absent" in some.train.name
    assert some.missing["visible"] == [] and len(some.missing["infrared"]) == 10
    assert source(some)["missing"] == some.missing and "missing" not in source(whole)
    lost = absentees(whole.train, 0.5, side="infrared", seed=0)
    assert some.missing["infrared"] == sorted(lost)


def test_a_seed_below_0_is_no_bug_of_ours(capsys):
    words = ["train", "--data", "synthvi", "--absent", "0.5", "--absent-seed", "-1"]
    assert cli.main(words) == boundary.USER
    assert "seed=-1; give a whole number from 0" in capsys.readouterr().err


def test_who_is_missing_is_drawn_by_a_seed(monkeypatch):
    """SynthVI's seed draws other people; where people stay, other ones are missing."""
    asked = argparse.ArgumentParser()
    experiment_options(asked)
    given = asked.parse_args(["--absent", "0.5"])
    people = [prepare(given, seed=seed).options for seed in (None, 3)]
    assert [told.get("absent_seed") for told in people] == [None, None]
    told = asked.parse_args(["--absent", "0.5", "--absent-seed", "7"])
    drawn, usual = prepare(told, seed=3), prepare(given, seed=3)
    monkeypatch.setattr(experiment, "prepare", lambda name, **options: options)
    real = ["--data", "m3svd", "--absent", "0.5"]
    assert prepare(asked.parse_args(real), seed=3)["absent_seed"] == 3
    asked.add_argument("--seed", type=int)  # of `vireid train`, which prepares before it trains
    assert prepare(asked.parse_args([*real, "--seed", "4"]))["absent_seed"] == 4
    assert drawn.options["absent_seed"] == 7 and drawn.missing != usual.missing
    study = {"name": "x", "method": "dcl", "method_preset": "tiny", "seeds": [3], "minutes": 1}
    half = Study(data="m3svd", options={"absent": 0.5}, **study)
    assert half.drawn(3) == {"absent": 0.5, "absent_seed": 3}
    assert replace(half, options={}).drawn(3) == {}
    assert replace(half, data="synthvi").drawn(3) == {"absent": 0.5, "seed": 3}


def test_a_share_is_a_number_and_nobody_is_nobody():
    images = data.load("synthvi", preset="tiny")
    for odd in ("0.5", None):
        with pytest.raises(ValueError, match="share="):
            data.absent(images, odd)
    everybody = data.absent(images, 1.0)
    with pytest.raises(ValueError, match="nobody is seen in both"):
        data.absent(everybody, 1.0)
