"""The dress rehearsal: the whole walk ends well, and the benchmarks' own networks train.

Random weights are no start to learn from in seconds: how high a network scores then hangs on its
batch norm, whose statistics are still 0 and 1 (``docs/log.md``). So what is asked here is whether
both stages train all of the network that the plan names.
"""

import pytest
import torch

from vireid import experiment
from vireid.data.rehearsal import draw_tree
from vireid.rehearse import check_asked, moves, rehearse, report, tree_in
from vireid.training import fit

ONE_STEP = {
    "epochs": (1, 1), "iterations": 1, "stage2_iterations": 1, "k1": 6, "k2": 2, "eps": 0.7,
    "min_samples": 2, "identities": 2, "instances": 2, "bn_chunks": 1, "lr": 1e-3,
}  # fmt: skip
QUICK = [f"{name}={value}" for name, value in ONE_STEP.items()]
NETWORKS = {"dmdl": "agw", "bmil": "agw", "mult": "agw", "mcf": "vit"}


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_whole_walk(tmp_path, monkeypatch):
    monkeypatch.setenv("TQDM_DISABLE", "1")
    told, options = [], {"method": "dmdl", "scale": 0.02, "out": tmp_path}
    steps = rehearse("regdb", **options, size=(32, 16), switches=QUICK, say=told.append)
    ended = {step.title: step.status for step in steps}
    assert ended == {
        "draw the tree": 0,
        "check it": 1,  # drawn people are never the benchmark
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


def test_every_training_of_the_walk_starts_from_the_given_weights(tmp_path):
    walk = {move.title: move.arguments for move in moves(
        "regdb", out=tmp_path, method="dmdl", weights="resnet50.pth"
    )}  # fmt: skip
    for title in ("train, killed", "train, resumed", "a row of the table"):
        arguments = walk[title]
        assert arguments[arguments.index("--weights") + 1] == "resnet50.pth"
    own = walk["evaluate visible_to_infrared"]
    assert own[own.index("--weights") + 1] == str(tmp_path / "run" / "model.safetensors")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"method": "nobody"}, "method 'nobody' is unknown"),
        ({"size": (0, 16)}, r"size=\(0, 16\): height and width of a picture are at least 1"),
        ({"method": "mcf", "size": (60, 30)}, r"size=\(60, 30\): .*multiples of 16"),
        ({"switches": ["epochs"]}, "--set epochs: write FIELD=VALUE"),
        ({"switches": ["nothing=3"]}, "dmdl has no switch nothing"),
        ({"switches": ["k1=many"]}, "k1='many': give a whole number"),
    ],
)
def test_what_cannot_train_is_told_before_the_tree(tmp_path, options, said):
    with pytest.raises(ValueError, match=said):
        rehearse("regdb", out=tmp_path / "out", scale=0.005, **options)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("method", NETWORKS)
def test_what_can_train_is_asked_nothing_more(method):
    """Values as the command line reads them, quoted words and hexadecimal numbers too."""
    more = ["k1=0x4", "memory='single'"] if method == "bmil" else []
    check_asked("regdb", method=method, size=(64, 32), switches=[*QUICK, *more])


def test_only_the_same_tree_is_used_again(tmp_path):
    draw_tree(tmp_path / "tree", "regdb", scale=0.005)
    assert tree_in(tmp_path / "tree", "regdb", 0.005) is None
    for data, scale in (("regdb", 0.01), ("sysu", 0.005)):
        with pytest.raises(ValueError, match=f"no whole tree of {data} at scale={scale}.*delete"):
            tree_in(tmp_path / "tree", data, scale)


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    return draw_tree(tmp_path_factory.mktemp("rehearsal") / "RegDB", "regdb", scale=0.02)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", NETWORKS)
def test_the_real_network_trains_in_both_stages(tree, name):
    ready = experiment.prepare(
        "regdb", root=tree, method=name, weights="none", size=(64, 32), trials=1
    )
    assert ready.network == NETWORKS[name]
    method = experiment.setting(ready, name, switches=ONE_STEP)
    model = ready.model(0)
    before = {k: v.detach().clone() for k, v in model.named_parameters()}
    record = fit(model, method, ready.train, seed=0)
    assert [row["stage"] for row in record.curves] == [1, 2]
    for row in record.curves:
        losses = {k.removeprefix("loss/"): v for k, v in row.items() if k.startswith("loss/")}
        assert losses.keys() == method.loss_weights(row["epoch"]).keys()
    off = set(map(id, method.unused(model)))
    moved = {k: not torch.equal(v, before[k]) for k, v in model.named_parameters() if v.ndim > 1}
    expected = {k: id(v) not in off for k, v in model.named_parameters() if v.ndim > 1}
    assert moved == expected
