"""A run that begins where the last one ended does not measure that network again."""

from dataclasses import replace

import toy

from vireid import methods
from vireid.training import fit, session

SMALL = {
    "iterations": 2, "k1": 6, "k2": 2, "eps": 0.7, "min_samples": 2, "identities": 3,
    "instances": 2, "lr": 1e-3,
}  # fmt: skip


def train(model, table, test, epochs):
    method = methods.build("dcl", epochs=epochs, **SMALL)
    return fit(model, method, table, seed=0, test=test)


def counted(monkeypatch) -> list:
    calls, real = [], session.sharding.extract

    def extract(model, images, **options):
        calls.append(len(images))
        return real(model, images, **options)

    monkeypatch.setattr(session.sharding, "extract", extract)
    return calls


def test_the_next_run_begins_with_what_is_known(monkeypatch):
    table = toy.images()
    test, model, calls = toy.test_of(table), toy.net(), counted(monkeypatch)
    first = train(model, table, test, (1, 0))
    assert len(calls) == 2  # before the epoch and at the end
    begin = {k: v.clone() for k, v in model.state_dict().items()}
    second = train(model, table, test, (1, 0))
    assert len(calls) == 3 and second.before["rank1"] == first.result["rank1"]
    other = toy.net()
    other.load_state_dict(begin)
    table = toy.images()  # equal, but another table: everything is measured
    fresh = train(other, table, toy.test_of(table), (1, 0))
    assert len(calls) == 5
    assert fresh.before == second.before and fresh.result == second.result
    assert fresh.curves == second.curves


def test_another_network_or_another_test_is_measured(monkeypatch):
    table = toy.images()
    test, calls = toy.test_of(table), counted(monkeypatch)
    model = toy.net()
    train(model, table, test, (1, 0))
    model.load_state_dict(toy.net(5).state_dict())
    other = test.score(*test.embed(model, device="cpu"))
    assert train(model, table, test, (1, 0)).before == other and len(calls) == 4
    wrong = (table.identity + (table.modality == 1)) % 6
    swapped = toy.test_of(replace(table, identity=wrong))
    worse = swapped.score(*swapped.embed(model, device="cpu"))
    assert train(model, table, swapped, (1, 0)).before == worse
    assert worse["rank1"] < test.score(*test.embed(model, device="cpu"))["rank1"]
