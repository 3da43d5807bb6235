"""The person or the place: hand numbers, and M3SVD's scenes."""

import numpy as np
import pytest
from layouts import PROTOCOL

from vireid import data
from vireid.cli import main
from vireid.data.m3svd import scene
from vireid.evaluation import scene_scores

SIMILARITY = np.array([
    [0.9, 0.8, 0.1, 0.0],  # person 1, scene 0: right scene, and the right person
    [0.7, 0.6, 0.9, 0.1],  # person 2, scene 0: best is of scene 1; within it person 1 wins
    [0.9, 0.1, 0.3, 0.2],  # person 3, scene 1: best is of scene 0; within it the right one
])  # fmt: skip


def test_person_and_place_by_hand():
    found = scene_scores(SIMILARITY, [1, 2, 3], [1, 2, 3, 4], [0, 0, 1], [0, 0, 1, 1])
    assert found == {
        "right_scene": pytest.approx(1 / 3),
        "rank1_in_scene": pytest.approx(2 / 3),
        "chance_in_scene": pytest.approx(1 / 2),
    }
    alone = scene_scores(SIMILARITY, [1, 2, 9], [1, 2, 3, 4], [0, 0, 1], [0, 0, 1, 1])
    assert alone["right_scene"] == alone["rank1_in_scene"] == 1 / 2, (
        "a query without its person in its scene counts nowhere"
    )


def test_what_cannot_be_scored_is_named():
    with pytest.raises(ValueError, match="no query's person"):
        scene_scores(SIMILARITY, [7, 8, 9], [1, 2, 3, 4], [0, 0, 1], [0, 0, 1, 1])
    with pytest.raises(ValueError, match="one a picture"):
        scene_scores(SIMILARITY, [1, 2, 3], [1, 2, 3, 4], [0, 1], [0, 0, 1, 1])


REAL = PROTOCOL.parent


@pytest.mark.real
@pytest.mark.skipif(not (REAL / "m3svd_persons").is_dir(), reason=f"needs the crops of {REAL}")
def test_each_real_person_is_in_one_scene_and_the_command_tells(capsys):
    train = data.load("m3svd", root=REAL)
    for person in set(train.identity):
        assert len(set(scene(train.camera[train.identity == person]))) == 1
    assert main(["evaluate", "--data", "m3svd", "--root", str(REAL), "--weights", "none"]) == 0
    told = dict(line.split() for line in capsys.readouterr().out.splitlines())
    assert 0 < float(told["chance_in_scene"]) < 1 and 0 < float(told["right_scene"]) < 1
