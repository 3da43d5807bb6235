"""The dress rehearsal: real networks learn on a benchmark's tree, and the whole walk ends well."""

import pytest

from vireid import experiment
from vireid.data.rehearsal import draw_tree
from vireid.rehearse import rehearse, report
from vireid.training import fit

SMALL = {
    "epochs": (2, 1), "iterations": 4, "k1": 6, "k2": 2, "eps": 0.7, "min_samples": 2,
    "identities": 4, "instances": 4,
}  # fmt: skip
NETWORKS = {"dmdl": "agw", "bmil": "agw", "mult": "agw", "mcf": "vit"}


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    return draw_tree(tmp_path_factory.mktemp("rehearsal") / "SYSU-MM01", "sysu", scale=0.01)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", NETWORKS)
def test_the_real_network_learns_on_small_pictures(tree, name):
    ready = experiment.prepare(
        "sysu", root=tree, method=name, weights="none", size=(64, 32), trials=1
    )
    assert ready.network == NETWORKS[name]
    whole = {"subset_ratio": 1.0} if name == "bmil" else {}  # half of so few form no clusters
    method = experiment.setting(ready, name, switches=SMALL | whole)
    record = fit(ready.model(0), method, ready.train, seed=0, test=ready.test)
    first, second = (row["loss/visible contrast"] for row in record.curves[:2])
    assert second < first
    assert record.result["mAP"] > record.before["mAP"]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_whole_walk(tmp_path, monkeypatch):
    monkeypatch.setenv("TQDM_DISABLE", "1")
    quick = [
        "epochs=(1, 1)", "iterations=2", "k1=4", "k2=2", "eps=0.9", "min_samples=2",
        "identities=2", "instances=2", "bn_chunks=1",
    ]  # fmt: skip
    told = []
    options = {"method": "dmdl", "scale": 0.005, "out": tmp_path}
    steps = rehearse("regdb", **options, size=(64, 32), switches=quick, say=told.append)
    titles = [step.title for step in steps]
    assert titles[3:5] == ["train, killed", "train, resumed"]
    assert [step.status for step in steps if step.title == "train, killed"] == [-9]
    assert {"evaluate visible_to_infrared", "evaluate infrared_to_visible"} <= set(titles)
    assert "1 of 10" in steps[-1].output and "not run" not in steps[-1].output
    assert len(told) == len(steps)
    text = report(steps, data="regdb", **options)
    assert "synthetic people" in text and "estimates" in text
