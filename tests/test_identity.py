"""What makes a run this run: everything that can change its result, and nothing else."""

from dataclasses import replace

import pytest
import torch
import toy

from vireid import experiment, methods
from vireid.identity import differences, digest, identity, weights_digest
from vireid.paths import COMMITTED
from vireid.training import precision

CPU = torch.device("cpu")


def told(model=None, table=None, *, seed=0, switches=None, test="usual", **fitting):
    method = methods.build("bmil", **(switches or {}))
    table = toy.images() if table is None else table
    test = toy.test_of(toy.images()) if test == "usual" else test
    return identity(
        model or toy.net(), method, table, seed=seed, device=CPU, test=test,
        **{"select": "last", "precision": "float32"} | fitting,
    )  # fmt: skip


def another_truth():
    table = toy.images()
    return replace(table, identity=table.identity[::-1].copy())


CHANGES = {
    "settings": {"switches": {"k1": 20}},
    "seed": {"seed": 1},
    "pictures": {"table": toy.images(seed=1)},
    "truth": {"table": another_truth()},
    "weights": {"model": toy.net(1)},
    "select": {"select": "best_test", "select_by": "mAP", "evaluate_every": 1},
    "precision": {"precision": "bfloat16"},
    "no test": {"test": None},
    "another gallery": {
        "test": replace(toy.test_of(toy.images()), trials=(toy.np.arange(3),)),
    },
}


@pytest.mark.parametrize("options", [{"residual": True}, {"heads": 2}])
def test_options_of_a_network_are_in_it(options):
    usual = told(network={"name": "vit", "options": {}})
    assert digest(told(network={"name": "vit", "options": options})) != digest(usual)
    assert told(network={"name": "vit", "options": {"recompute": True}}) == usual


def test_twice_the_same_is_the_same():
    assert told() == told()
    assert digest(told()) == digest(told())
    assert differences(told(), told()) == {}


@pytest.mark.parametrize("name", CHANGES)
def test_whatever_can_change_the_result_is_in_it(name):
    changed = told(**CHANGES[name])
    assert digest(changed) != digest(told())
    assert differences(told(), changed)


def test_threads_and_versions_are_in_it():
    usual, threads = told(), torch.get_num_threads()
    torch.set_num_threads(threads + 1)
    try:
        assert differences(usual, told()) == {"threads": (threads, threads + 1)}
    finally:
        torch.set_num_threads(threads)
    newer = usual | {"versions": usual["versions"] | {"vireid": "9"}}
    assert list(differences(usual, newer)) == ["vireid"]


def test_another_code_is_noted_and_refuses_nothing():
    usual = told()
    edited = usual | {"code": "0" * 12}
    assert differences(usual, edited) == {}
    assert digest(usual) == digest(edited)
    assert digest(usual, loose=True) != digest(edited, loose=True)


def test_weights_count_by_content_and_name():
    model = toy.net()
    first = weights_digest(model)
    assert first == weights_digest(toy.net())
    with torch.no_grad():
        model.neck.running_mean[0] += 1e-6
    assert weights_digest(model) != first


@pytest.mark.parametrize("name", ["bmil", "mcf"])
def test_a_run_is_replayed_from_its_record_alone(tmp_path, name, capsys):
    from vireid import cli

    quick = ["--set", "epochs=(1, 1)", "--set", "iterations=2", "--evaluate-every", "1"]
    folder = ["--out", str(tmp_path / "run")]
    data = ["--data", "synthvi", "--world", "3", "--seed", "5"]
    assert cli.main(["train", "--method", name, *data, *quick, *folder]) == 0
    assert cli.main(["replay", str(tmp_path / "run")]) == 0
    assert "2 epochs trained again: the same, bit for bit" in capsys.readouterr().out
    other = ["--weights", str(tmp_path / "run" / "model.safetensors")]
    assert cli.main(["replay", str(tmp_path / "run"), *other]) == 2
    assert "began from other weights" in capsys.readouterr().err
    record = tmp_path / "run" / "run.json"
    record.write_text(record.read_text().replace('"lr":0.001', '"lr":0.002'))
    assert cli.main(["replay", str(record)]) == 1
    assert "NOT the same" in capsys.readouterr().out


def test_an_old_record_cannot_be_replayed():
    from vireid.experiment import replay
    from vireid.runs import Run

    with pytest.raises(ValueError, match="does not tell what it was made from"):
        replay(Run(method="bmil", config={}, seed=1))


def test_a_gpu_that_rounds_its_convolutions_says_so(monkeypatch):
    cpu, gpu = torch.device("cpu"), torch.device("cuda")
    for rounded, there in ((True, "tf32"), (False, "float32")):
        monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", rounded)
        assert precision(False, gpu) == there and precision(False, cpu) == "float32"
        assert precision(True, gpu) == precision(True, cpu) == "bfloat16"


def test_two_parts_that_differ_in_one_name_are_both_told():
    kept = {"data": {"name": "a"}, "network": {"name": "agw"}}
    now = {"data": {"name": "b"}, "network": {"name": "vit"}}
    assert differences(kept, now) == {"name": ("a", "b"), "network name": ("agw", "vit")}


def test_a_row_of_compare_is_replayed_from_its_stage_1(tmp_path):
    record = COMMITTED / "runs/synthvi_small_dmdl/seed1/1.json"
    with pytest.raises(ValueError, match=r"began from stage1/model\.safetensors.*--weights"):
        experiment.replay(record)
