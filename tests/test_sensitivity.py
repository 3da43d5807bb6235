"""SynthVI's dials: what they turn, what they leave, and that they are on record."""

import numpy as np
import pytest

from vireid.cli import parser
from vireid.cli.options import prepare
from vireid.data.synthvi import load
from vireid.experiment.train import source
from vireid.types import Modality


def changed(one, two) -> np.ndarray:
    """(n,) whether a picture differs."""
    return (one.source != two.source).any(axis=(1, 2, 3))


def test_modality_gap_changes_infrared_pictures_alone():
    rest, wide = load("tiny"), load("tiny", modality_gap=0.9)
    other = changed(rest, wide)
    assert other[rest.modality == Modality.INFRARED].all()
    assert not other[rest.modality == Modality.VISIBLE].any()
    assert wide.name == "synthvi tiny train, modality_gap 0.9"
    queries = (load("tiny", "query", modality_gap=gap) for gap in (None, 0.9))
    assert changed(*queries).all()
    assert load("tiny", modality_gap=None).fingerprint == rest.fingerprint


def test_visible_only_takes_cues_from_the_infrared_pictures_of_a_share_of_the_people():
    rest = load("tiny")
    people = []
    for share in (0.0, 0.5, 1.0):
        other = changed(rest, load("tiny", visible_only=share))
        assert not other[rest.modality == Modality.VISIBLE].any()
        people.append(set(rest.identity[other].tolist()))
    assert not people[0] and people[0] < people[1] < people[2]
    assert 5 <= len(people[1]) <= 15 and len(people[2]) >= 15  # some have neither pattern nor bag


def test_shots_of_a_training_person():
    table, rest = load("tiny", shots=[8, 2]), load("tiny")
    assert [len(table.of(m)) for m in Modality] == [8 * 20, 2 * 20]
    assert not changed(table.of(Modality.VISIBLE), rest.of(Modality.VISIBLE)).any()
    kept = rest.rows([i for i in range(len(rest)) if rest.modality[i] == 0 or i % 16 < 10])
    assert table.fingerprint == kept.fingerprint
    assert len(load("tiny", "query", shots=(8, 2))) == len(load("tiny", "query"))


@pytest.mark.parametrize(
    "bad", [{"modality_gap": 2.0}, {"visible_only": -0.1}, {"shots": (3,)}, {"shots": (0, 3)}]
)
def test_values_outside(bad):
    with pytest.raises(ValueError, match=next(iter(bad))):
        load("tiny", **bad)


def test_the_command_line_turns_them_and_the_record_tells():
    words = "train --data synthvi --world-set modality_gap=0.3 --world-set shots=(8,4) --absent 0.5"
    ready = prepare(parser().parse_args(words.split()))
    assert len(ready.train) < 20 * 12
    told = source(ready)["options"]
    assert told == {"modality_gap": 0.3, "shots": (8, 4), "absent": 0.5, "absent_side": "both"}
    with pytest.raises(ValueError, match="no option gap"):
        prepare(parser().parse_args("train --data synthvi --world-set gap=0.3".split()))
