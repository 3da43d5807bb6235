"""The dress rehearsal: the whole walk, killed on its way, ends well."""

import pytest

from vireid.data.rehearsal import draw_tree
from vireid.rehearse import rehearse, report, tree_in

QUICK = [
    "epochs=(1, 1)", "iterations=2", "k1=4", "k2=2", "eps=0.9", "min_samples=2", "identities=2",
    "instances=2", "bn_chunks=1",
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_whole_walk(tmp_path, monkeypatch):
    monkeypatch.setenv("TQDM_DISABLE", "1")
    told, options = [], {"method": "dmdl", "scale": 0.005, "out": tmp_path}
    steps = rehearse("regdb", **options, size=(32, 16), switches=QUICK, say=told.append)
    ended = {step.title: step.status for step in steps}
    assert ended == {
        "draw the tree": 0,
        "check it": 1,  # not all official counts are there
        "read the plan": 0,
        "train, killed": -9,
        "train, resumed": 0,
        "evaluate visible_to_infrared": 0,
        "evaluate infrared_to_visible": 0,
        "a row of the table": 0,
    }
    said = {step.title: step.output for step in steps}
    assert "people drawn by vireid" in said["check it"]
    assert "going on after epoch 1 of 2" in said["train, resumed"]
    assert "mAP" in said["evaluate visible_to_infrared"]
    table = said["a row of the table"]
    assert table.count("1 of 10") == 2 and "not run" not in table
    assert len(told) == len(steps)
    text = report(steps, data="regdb", **options)
    assert "synthetic people" in text and "estimates" in text
    with pytest.raises(ValueError, match="holds a rehearsal already"):
        rehearse("regdb", **options)


def test_only_the_same_tree_is_used_again(tmp_path):
    draw_tree(tmp_path / "tree", "regdb", scale=0.005)
    assert tree_in(tmp_path / "tree", "regdb", 0.005) is None
    for data, scale in (("regdb", 0.01), ("sysu", 0.005)):
        with pytest.raises(ValueError, match=f"no whole tree of {data} at scale={scale}.*delete"):
            tree_in(tmp_path / "tree", data, scale)
