"""The one loop: deterministic, resumable, loud when something is wrong."""

import json
from unittest.mock import Mock

import numpy as np
import pytest
import torch
import toy

from vireid import methods
from vireid.clustering import NoClustersError
from vireid.runs import Run, load_all, table
from vireid.training import fit
from vireid.training.session import Session

SETTINGS = {
    "epochs": (2, 2),
    "iterations": 3,
    "k1": 6,
    "k2": 2,
    "min_samples": 2,
    "identities": 3,
    "instances": 2,
}


OF = {  # what differs by method
    "bmil": {"subset_ratio": 1.0},
    "dmdl": {"warmup": 0, "stage1_refine_start": 1, "aligned_phase_start": 1, "alternate_k1": 4},
}


def train(model=None, *, name="bmil", seed=0, switches=None, **options):
    method = methods.build(name, **(SETTINGS | OF.get(name, {}) | (switches or {})))
    return fit(model or toy.net(), method, toy.images(), seed=seed, **options)


def weights(model):
    return torch.cat([p.detach().flatten() for p in model.parameters()])


def test_same_seed_same_run_other_seed_other_run():
    a, b, c = toy.net(), toy.net(), toy.net()
    first, second = train(a), train(b)
    train(c, seed=1)
    assert torch.equal(weights(a), weights(b))
    assert first.curves == second.curves
    assert not torch.equal(weights(a), weights(c))


def test_global_random_state_is_left_alone():
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    train()
    assert torch.equal(before, torch.random.get_rng_state())


@pytest.mark.parametrize(
    ("seed", "words"),
    [
        (-1, "from 0 to"),
        (2**63, "from 0 to"),
        (1.5, "whole number"),
        ("one", "whole number"),
        (True, "whole number"),
        (torch.tensor(1.5), "whole number"),
    ],
)
def test_a_seed_that_is_none_is_named(seed, words):
    with pytest.raises(ValueError, match=words):
        train(seed=seed)


def test_numpys_seeds_and_counts(tmp_path):
    record = train(seed=np.int64(1), out=tmp_path, epochs=1)
    assert Run.load(tmp_path / "run.json").seed == record.seed == 1
    with pytest.raises(ValueError, match="evaluate_every=-1: every how many epochs"):
        train(test=toy.test_of(toy.images()), evaluate_every=-1)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"evaluate_every": 1.5}, r"evaluate_every=1\.5; give a whole number of epochs"),
        ({"evaluate_every": "1"}, "evaluate_every='1'; give a whole number"),
        ({"epochs": "2"}, "epochs='2'; give a whole number"),
        ({"epochs": 1.5}, r"epochs=1\.5; give a whole number"),
        ({"labels": np.zeros(72, int)}, r"labels: ndarray; give GivenLabels\(label\)"),
        ({"resume": True, "overwrite": True}, "resume and overwrite: .*--resume or --overwrite"),
    ],
)
def test_arguments_that_are_none_are_named(tmp_path, given, words):
    with pytest.raises(ValueError, match=words):
        train(out=tmp_path, **given)
    assert not list(tmp_path.iterdir())


class Killed(Exception):
    pass


@pytest.mark.parametrize("name", OF)
@pytest.mark.parametrize("when", [2, 3])
def test_a_killed_run_resumes_with_the_same_numbers(tmp_path, when, name):
    whole = toy.net()
    expected = train(whole, name=name, out=tmp_path / "whole")

    def kill(row):
        if row["epoch"] == when - 1:
            raise Killed

    with pytest.raises(Killed):
        train(name=name, out=tmp_path / "cut", on_epoch=kill)
    again = toy.net()
    found = train(again, name=name, out=tmp_path / "cut", resume=True)
    assert found.curves == expected.curves
    assert found.steps == expected.steps
    assert torch.equal(weights(again), weights(whole))


def test_a_run_that_was_to_be_resumed_says_where_it_begins(tmp_path, capsys):
    train(out=tmp_path, resume=True, epochs=1, progress=True)
    assert f"{tmp_path}: no checkpoint here to resume; starting with" in capsys.readouterr().err
    train(out=tmp_path, resume=True, epochs=1, progress=True)
    assert f"{tmp_path}: going on after epoch 1 of 1\n" in capsys.readouterr().err


def test_resume_refuses_another_configuration(tmp_path):
    train(out=tmp_path)
    with pytest.raises(ValueError, match="another k1"):
        train(out=tmp_path, resume=True, switches={"k1": 5})
    with pytest.raises(ValueError, match="another seed"):
        train(out=tmp_path, resume=True, seed=4)


def test_a_run_is_not_overwritten_unasked(tmp_path):
    first = train(out=tmp_path)
    with pytest.raises(ValueError, match=r"holds a run already .*--resume.*--overwrite"):
        train(out=tmp_path, seed=4)
    assert Run.load(tmp_path / "run.json").curves == first.curves
    assert train(out=tmp_path, seed=4, overwrite=True).seed == 4


def test_tables_of_labels_are_a_run_that_is_not_overwritten_unasked(tmp_path):
    """They may be a colleague's export, given to this very training."""
    (tmp_path / "labels").mkdir()
    table, notes = (tmp_path / "labels" / name for name in ("epoch000.csv", "epoch_notes.csv"))
    for file in (table, notes):
        file.write_text("mine")
    with pytest.raises(ValueError, match=r"holds a run already \(labels.epoch000.csv\)"):
        train(out=tmp_path)
    assert table.read_text() == "mine"
    train(out=tmp_path, overwrite=True)
    assert not table.exists() and notes.read_text() == "mine"


def test_a_run_is_kept_until_the_one_in_its_place_has_a_checkpoint(tmp_path, monkeypatch):
    first = train(out=tmp_path)
    files = {p.name: p.read_bytes() for p in tmp_path.iterdir()}
    with pytest.raises(NoClustersError):
        train(out=tmp_path, overwrite=True, switches={"eps": 1e-6, "min_samples": 30})
    full = OSError(28, "the disk is full")
    monkeypatch.setattr("vireid.training.check_space", Mock(side_effect=full))
    with pytest.raises(OSError, match="full"):
        train(out=tmp_path, seed=4, overwrite=True)
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == files
    assert Run.load(tmp_path / "run.json").seed == first.seed


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"select": "best_test", "evaluate_every": 1}, "another select"),
        ({"amp": True}, "another precision"),
        ({"test": None}, "another test"),
        ({"model": toy.net(5)}, "another weights"),
    ],
)
def test_resume_refuses_whatever_changes_the_result(tmp_path, change, word):
    given = {"test": toy.test_of(toy.images()), "out": tmp_path}
    train(**given)
    with pytest.raises(ValueError, match=word):
        train(change.pop("model", None), **given | change, resume=True)


def test_the_last_epoch_of_a_stage_is_scored_to_choose_by():
    given = {"test": toy.test_of(toy.images()), "select": "best_test", "evaluate_every": 9}
    record = train(**given)
    assert [row.get("rank1") is not None for row in record.curves] == [False, True, False, True]
    assert (record.stage1_epoch, record.selected_epoch) == (1, 3)
    short = train(**given, epochs=1)
    assert short.curves[0]["rank1"] == short.result["rank1"], "the last of fewer epochs, too"


def test_stage_2_starts_from_the_best_network_of_stage_1(tmp_path):
    given = {"test": toy.test_of(toy.images()), "evaluate_every": 1, "switches": {"lr": 0.05}}
    model = toy.net()
    record = train(model, select="best_test", out=tmp_path, **given)
    ranks = [row["rank1"] for row in record.curves[:2]]
    assert record.stage1_epoch == ranks.index(max(ranks))


RANK1 = (0.6, 0.4, 0.5, 0.3)  # after each epoch: the first of either stage is its best


def chosen(monkeypatch, first: int = 0, **options):
    """A run of "best_test" that is scored as ``RANK1`` says, from epoch ``first`` on.

    Returns its network, and the weights after each epoch and as stage 2 began.
    """
    told, model, seen = iter([*RANK1[first:], 0.5]), toy.net(), {}
    monkeypatch.setattr(
        Session, "test", lambda self, test, first=False: {"rank1": 0.0 if first else next(told)}
    )

    def on_step(done, total):
        if done == 2 * SETTINGS["iterations"]:
            seen["stage 2"] = weights(model)

    def on_epoch(row):
        seen[row["epoch"]] = weights(model)
        if row["epoch"] == options.get("killed"):
            raise Killed

    given = {"test": toy.test_of(toy.images()), "evaluate_every": 1, "select": "best_test"}
    given |= {k: v for k, v in options.items() if k != "killed"}
    train(model, on_step=on_step, on_epoch=on_epoch, **given)
    return model, seen


def test_the_best_network_begins_stage_2_and_is_the_result(monkeypatch):
    model, seen = chosen(monkeypatch)
    assert torch.equal(seen["stage 2"], seen[0]) and not torch.equal(seen[0], seen[1])
    assert torch.equal(weights(model), seen[2]) and not torch.equal(seen[2], seen[3])


@pytest.mark.parametrize("killed", [1, 2])
def test_a_killed_run_remembers_its_best_network(tmp_path, monkeypatch, killed):
    whole, _ = chosen(monkeypatch)
    with pytest.raises(Killed):
        chosen(monkeypatch, killed=killed, out=tmp_path)
    again, _ = chosen(monkeypatch, first=killed + 1, out=tmp_path, resume=True)
    assert torch.equal(weights(again), weights(whole))


class Dropping(toy.Net):
    """The toy network, some of whose features are left out by chance in every step."""

    def forward(self, pictures, modality):
        out = super().forward(pictures, modality)
        return out._replace(x=torch.nn.functional.dropout(out.x, 0.3, self.training))


def test_chance_in_the_network_is_the_seeds_and_the_epochs(tmp_path):
    """A run that goes on draws what the whole run drew, whatever was drawn before."""

    def made():
        model = Dropping()
        model.load_state_dict(toy.net().state_dict())
        return model

    whole, again = made(), made()
    expected = train(whole)
    train(made(), out=tmp_path, epochs=2)
    torch.manual_seed(9)
    assert train(again, out=tmp_path, resume=True).curves == expected.curves
    assert torch.equal(weights(again), weights(whole))


def test_training_learns_and_scores_are_recorded():
    table_ = toy.images()
    record = train(test=toy.test_of(table_), evaluate_every=2, switches={"lr": 3e-3})
    assert [row.get("rank1") is not None for row in record.curves] == [False, True, False, True]
    assert 0 <= record.before["rank1"] <= 1
    assert record.result["rank1"] == record.curves[-1]["rank1"]
    assert {"mAP", "mINP", "rank1_centred", "own_share_k"} <= set(record.result)
    assert record.selected_epoch == 3
    assert record.select == "last"


def test_best_test_is_chosen_and_said():
    record = train(test=toy.test_of(toy.images()), evaluate_every=1, select="best_test")
    ranks = [row["rank1"] for row in record.curves]
    assert record.stage1_epoch == ranks[:2].index(max(ranks[:2]))
    assert record.selected_epoch == 2 + ranks[2:].index(max(ranks[2:]))
    assert record.result["rank1"] == pytest.approx(max(ranks[2:]))
    with pytest.raises(ValueError, match="known: rank1, mAP"):
        train(test=toy.test_of(toy.images()), select_by="mINP")
    with pytest.raises(ValueError, match="evaluate_every"):
        train(select="best_test")
    with pytest.raises(ValueError, match="known: last"):
        train(select="first")


def test_non_finite_loss_stops_the_run_and_names_the_epoch():
    with pytest.raises((FloatingPointError, ValueError), match=r"finite|NaN|nan"):
        train(switches={"lr": 1e30, "optimiser": "sgd"})


def test_one_modality_is_refused():
    visible = toy.images()
    with pytest.raises(ValueError, match="visible and infrared"):
        fit(
            toy.net(),
            methods.build("dcl", **SETTINGS | {"epochs": (1, 0)}),
            visible.rows(visible.modality == 0),
            seed=0,
        )


def test_on_step_can_cancel():
    seen = []

    def stop(done, total):
        seen.append((done, total))
        if done == 4:
            raise Killed

    with pytest.raises(Killed):
        train(on_step=stop)
    assert seen[-1] == (4, 12)


def test_record_round_trip_and_table(tmp_path):
    scored = [train(seed=s, test=toy.test_of(toy.images()), out=tmp_path / f"s{s}") for s in (0, 1)]
    loaded = Run.load(tmp_path / "s0/run.json")
    assert loaded.result == scored[0].result
    assert loaded.versions["torch"] == torch.__version__.split("+")[0]
    assert len(load_all(tmp_path)) == 2
    shown = table({"a": scored, "b": scored})
    assert shown.loc["b", "rank1 gain by seed"] == "+0.0 +0.0"
    assert shown.loc["a", "seeds"] == 2
    (tmp_path / "broken.json").write_text(json.dumps({"format": 99}))
    with pytest.raises(ValueError, match=r"broken\.json"):
        load_all(tmp_path)
