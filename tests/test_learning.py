"""The benchmarks' own networks learn from a tree of the rehearsal: losses fall, scores rise.

A start from random weights is none (``docs/log.md``), so each network is first trained for some
seconds on other synthetic people, visible and grey, as ImageNet would do it in days. The score is
mAP of both halves of the tree: of the people it learns from, without their names, and of as many
others. In so few steps either alone moves by chance: of BMIL's others it rises on one processor and
falls by 2 points on another, with the same code. Of the gain a part is batch norm's, which meets
the tree's pictures for the first time.
"""

from dataclasses import replace
from functools import cache

import pytest
import torch
from safetensors.torch import save_file

from vireid import experiment
from vireid.data import pretrain
from vireid.data.rehearsal import draw_tree
from vireid.evaluation import evaluate
from vireid.features import extract
from vireid.training import fit
from vireid.types import Modality

SEED, PIXELS = 2, (64, 32)
COMMON = {
    "iterations": 5, "stage2_iterations": 5, "k1": 8, "k2": 2, "eps": 0.6, "min_samples": 2,
    "identities": 4, "instances": 4, "bn_chunks": 1,
}  # fmt: skip
SHORT = {
    "dmdl": {"epochs": (2, 3)},
    "bmil": {"epochs": (2, 3)},
    "mult": {
        "epochs": (3, 7),
        "iterations": 10,
        "stage2_iterations": 10,
        "lr": 2e-4,
        "milestones": (),
    },
    "mcf": {"epochs": (3, 3), "iterations": 8, "stage2_iterations": 8, "lr": 3.5e-4},
}
SMALL_VIT = {"width": 192, "depth": 6, "heads": 3, "drop_path": 0.0}
PEOPLE = pretrain.Setting(people=60, shots=6, worlds=2, size=PIXELS, identities=8, instances=4)
STARTS = {
    "agw": (
        replace(PEOPLE, steps=20),
        {"non_local": False, "zero_init": True},
        {"stems.visible.": ""},
    ),
    "vit": (
        replace(PEOPLE, people=48, identities=6, steps=150, lr=1e-3),
        {"regions": 1, "size": PIXELS, **SMALL_VIT},
        {"stems.visible.9.": "patch_embed.proj.", "stems.visible.": "patch_embed.conv."},
    ),
}  # network -> how it is trained, its options, and its names -> the checkpoints' of its kind


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    usual = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(usual)


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    folder = tmp_path_factory.mktemp("learning") / "RegDB"
    return draw_tree(folder, "regdb", scale=0.05, seed=SEED, size=PIXELS)


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """Network -> a checkpoint as a user has one: one stem, one token, no neck."""
    folder = tmp_path_factory.mktemp("weights")

    @cache
    def of(network: str):
        setting, options, names = STARTS[network]
        model = pretrain.train(
            setting, seed=SEED, checkpoint=folder / "unfinished.pt", progress=False,
            name=network, **options,
        )  # fmt: skip
        state = {}
        for name, value in model.state_dict().items():
            if not name.startswith(("neck.", "stems.infrared.", "attend")):
                own = next((prefix for prefix in names if name.startswith(prefix)), "")
                state[names.get(own, "") + name.removeprefix(own)] = value.contiguous()
        save_file(state, folder / f"{network}.safetensors")
        return folder / f"{network}.safetensors"

    return of


def across(model, table):
    """Scores of a table's infrared pictures asking its visible ones."""
    x = extract(model, table, device="cpu")
    query, gallery = x.of(Modality.INFRARED), x.of(Modality.VISIBLE)
    ends = (query.identity, gallery.identity, query.camera, gallery.camera)
    return evaluate(query.x @ gallery.x.T, *ends, protocol="regdb")


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", SHORT)
def test_the_real_network_learns(tree, weights, name):
    network = "vit" if name == "mcf" else "agw"
    ready = experiment.prepare(
        "regdb", root=tree, method=name, weights=weights(network), size=PIXELS, trials=1,
        network_options=SMALL_VIT if name == "mcf" else None,
    )  # fmt: skip
    assert ready.network == network
    method = experiment.setting(ready, name, switches=COMMON | SHORT[name])
    model = ready.model(SEED)
    if name == "mcf":
        model.attend.fill_(method.pa_cbam)  # as the training starts
    before = across(model, ready.train)
    record = fit(model, method, ready.train, seed=SEED, test=ready.test)
    first, last = (
        sum(row[f"loss/{own} contrast"] for own in ("visible", "infrared"))
        for row in (record.curves[0], record.curves[-1])
    )
    assert last < first
    told = before, across(model, ready.train)
    own, other = [x.mAP for x in told], [record.before["mAP"], record.result["mAP"]]
    assert own[1] + other[1] > own[0] + other[0]
