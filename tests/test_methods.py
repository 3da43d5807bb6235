"""The method table, BMIL's blocks and proxies, and that no setting lies."""

from dataclasses import replace

import numpy as np
import pytest
import torch
import toy

from vireid import methods
from vireid.clustering import NoClustersError, split_proxies
from vireid.features import extract
from vireid.methods.controls import CONTROLS
from vireid.methods.dcl import subset_blocks
from vireid.training import fit
from vireid.types import Embeddings, Modality

SMALL = {
    "epochs": (1, 1),
    "iterations": 3,
    "k1": 6,
    "k2": 2,
    "eps": 0.6,
    "min_samples": 2,
    "identities": 3,
    "instances": 2,
    "lr": 1e-3,
    "subset_ratio": 1.0,
    "recipe": "pgm",
    "bn_chunks": 1,
}


def run(name="bmil", **switches):
    method = methods.build(name, **(SMALL | switches))
    return fit(toy.net(), method, toy.images(), seed=3)


@pytest.mark.parametrize("name", methods.TABLE)
def test_every_preset_and_row_builds(name):
    cls = methods.kind(name)
    for preset in cls.presets:
        for row in [None, *cls.rows]:
            method = methods.build(name, preset=preset, row=row)
            assert method.name == name
            assert method.steps > 0


TWO_STAGES = [name for name in methods.TABLE if name != "dcl"]  # which is a stage 1


@pytest.mark.parametrize("name", TWO_STAGES)
def test_every_method_has_the_three_controls(name):
    cls, whole = methods.kind(name), methods.build(name, preset="light")
    assert set(CONTROLS) <= set(cls.rows)
    ours = {row: methods.build(name, preset="light", row=row) for row in CONTROLS}
    assert [m.unsupervised for m in ours.values()] == [True, True, False]
    assert ours["prolonged"].steps == whole.steps
    assert [m.centring for m in ours.values()] == [False, True, False]
    if "centring" in cls.later:  # an older record of the same setting stays the same
        assert "centring" not in whole.config() and ours["centred"].config()["centring"]


@pytest.mark.parametrize("name", [n for n in TWO_STAGES if n != "mcf"])
def test_controls_do_what_they_say(name):
    found = {}
    switches = {k: v for k, v in SMALL.items() if k not in ("subset_ratio", "recipe")}
    for row in CONTROLS:
        method = methods.build(name, preset="tiny", row=row, **switches)
        found[row] = fit(toy.net(), method, toy.images(), seed=3).curves[-1]
    within = {"visible contrast", "infrared contrast", "visible triplet", "infrared triplet"}
    assert {k[5:] for k in found["prolonged"] if k.startswith("loss/")} <= within
    assert "global/ari" not in found["prolonged"]
    assert found["oracle"]["global/cross_precision"] == 1
    assert "global/cross_precision" in found["centred"]


def test_unknown_names_list_the_known():
    with pytest.raises(ValueError, match="bmil"):
        methods.build("nonsense")
    with pytest.raises(ValueError, match="official"):
        methods.build("bmil", preset="nonsense")
    with pytest.raises(ValueError, match="M6"):
        methods.build("bmil", row="M9")
    with pytest.raises(ValueError, match=r"no switch epss; known: .*eps"):
        methods.build("bmil", epss=0.5)
    with pytest.raises(ValueError, match="global_clusters"):
        methods.build("bmil", global_clusters="nonsense")


def test_defaults_follow_the_released_code():
    method = methods.build("bmil")
    assert (method.k1, method.k2, method.eps, method.min_samples) == (30, 6, 0.6, 4)
    assert (method.temperature, method.momentum, method.hinge, method.keep) == (0.05, 0.1, 0.2, 50)
    assert (method.identities, method.instances, method.subset_ratio) == (8, 16, 0.5)
    schedule = method.schedule
    assert (schedule.epochs, schedule.iterations, schedule.lr) == ((50, 50), 200, 3.5e-4)
    rates = [schedule.lr_at(e) for e in (19, 20, 39, 40, 50, 69, 70)]
    assert rates == pytest.approx([3.5e-4, 3.5e-5, 3.5e-5, 3.5e-6, 3.5e-4, 3.5e-4, 3.5e-5])


NETWORKS = {  # method -> (options of AGW, parameters) as its released code builds it
    "dcl": ({"non_local": False}, 23_521_664),
    "adca": ({"non_local": False}, 23_521_664),
    "bmil": ({"inner": 1}, 23_550_351),
    "pgm": ({"inner": 1}, 23_550_351),
    "nulc": ({"non_local": False}, 23_521_664),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_the_network_is_the_released_one(name):
    from vireid import models

    options, parameters = NETWORKS[name]
    assert methods.kind(name).networks["agw"] == ("agw", options)
    with torch.device("meta"):
        model = models.build("agw", **options)
    assert sum(p.numel() for p in model.parameters()) == parameters


def batch_of(method) -> tuple:
    """(visible, infrared) pictures of a batch, without second views."""
    infrared = method.infrared_identities or method.identities
    return method.identities * method.instances, infrared * method.instances


def test_presets_of_stage_1_are_adcas():
    code, regdb = (methods.build("dcl", preset=p) for p in ("official", "official_regdb"))
    assert batch_of(code) == batch_of(regdb) == (128, 256)
    assert (code.bn_chunks, code.recipe, code.eps, code.schedule.iterations) == (
        4,
        "adca",
        0.6,
        200,
    )
    assert (regdb.eps, regdb.schedule.iterations) == (0.3, 100)
    assert methods.build("dcl", preset="official_llcm").config() == code.config()


def test_presets_of_bmil():
    code, regdb = (methods.build("bmil", preset=p) for p in ("official", "official_regdb"))
    assert (batch_of(code), batch_of(regdb)) == ((128, 128), (64, 128))
    assert code.bn_chunks == regdb.bn_chunks == 2
    assert (regdb.eps, regdb.schedule.iterations, regdb.subset_ratio) == (0.3, 100, 1)
    jitter = [[m.augmentation(e).infrared.jitter for e in (0, 50)] for m in (code, regdb)]
    assert jitter == [[0.5, 0], [0, 0]]
    assert all(code.augmentation(e).visible_second.jitter == 0.5 for e in (0, 50))
    paper, other = (methods.build("bmil", preset=p) for p in ("paper", "paper_regdb"))
    assert (paper.memory, paper.lqe_per_modality, paper.schedule.lr) == ("single", 3, 3.5e-3)
    assert not paper.camera_aware_sampling and not other.camera_aware_sampling
    assert (paper.subset_ratio, other.subset_ratio, other.eps) == (0.5, 1, 0.3)


def test_rows_of_bmils_table_2():
    """M1: 100 epochs within the modalities; M1 to M3 see all visible pictures in stage 1, too."""
    ours = {row: methods.build("bmil", row=row) for row in ("M1", "M2", "M3", "M4", "M5", "M6")}
    told = {row: (m.global_clusters, m.split_prototypes, m.subset_ratio) for row, m in ours.items()}
    assert told.pop("M1")[::2] == ("none", 1)
    assert told == {
        "M2": ("vanilla", False, 1),
        "M3": ("modality", False, 1),
        "M4": ("modality", False, 0.5),
        "M5": ("vanilla", True, 0.5),
        "M6": ("modality", True, 0.5),
    }
    assert ours["M1"].steps == 100 * 200
    assert ours["M6"].steps == (50 + 2 * 50) * 200
    stage1 = {row: m.stage1_config() for row, m in ours.items()}
    assert stage1["M1"] == stage1["M2"] == stage1["M3"] != stage1["M4"]
    assert stage1["M4"] == stage1["M5"] == stage1["M6"]


def test_views_of_one_call_stand_side_by_side():
    with pytest.raises(ValueError, match=r"write_order='vra': .*side by side"):
        methods.build("bmil", write_order="vra")


@pytest.mark.parametrize("name", ["dcl", "bmil"])
def test_every_setting_has_a_source(name):
    from dataclasses import fields

    from vireid.methods.base import Schedule

    cls = methods.kind(name)
    known = {f.name for c in (cls, Schedule) for f in fields(c)} - {"schedule"}
    assert set(cls.sources) == known
    assert all(cls.sources.values())


def test_a_stage_2_iteration_is_two_steps():
    for row, steps in {"M6": 9, "M1": 6, "prolonged": 9}.items():
        method = methods.build("bmil", row=row, **(SMALL | {"subset_ratio": 1.0}))
        record = fit(toy.net(), method, toy.images(), seed=0)
        assert record.steps == method.steps == steps


def test_identities_reach_the_oracle_only():
    seen = []
    for row in (None, "oracle"):
        method = methods.build("bmil", row=row, **SMALL)
        inner = method.relabel

        def spy(train, epoch, inner=inner):
            seen.append(train.identity is None)
            return inner(train, epoch)

        method.relabel = spy
        record = fit(toy.net(), method, toy.images(), seed=0)
        assert record.unsupervised is (row is None)
    assert seen == [True, True, False, False]


def test_an_oracle_needs_identities():
    method = methods.build("bmil", row="oracle", **SMALL)
    with pytest.raises(ValueError, match=r"is given the true identities .* have none"):
        fit(toy.net(), method, toy.images().blind(), seed=0)


@pytest.mark.parametrize("name, switches", [("bmil", {"subset_ratio": 1.0}), ("dmdl", {})])
def test_the_oracle_gives_nobody_a_label_for_being_unknown(name, switches):
    images = toy.images()
    identity = np.where(images.identity < 2, -1, images.identity)
    switches |= {"epochs": (0, 1), "k1": 6, "k2": 2, "min_samples": 2}
    method = methods.build(name, row="oracle", **switches)
    model = toy.net()
    method.start(model, 0)
    seen = extract(model, replace(images, identity=identity))
    label = method.relabel(seen, 0)["global"].label
    assert (label[identity < 0] == -1).all()
    assert len(set(label[identity >= 0])) == 4 and label.max() == 3


def test_oracle_labels_are_the_truth():
    record = run(global_clusters="oracle")
    assert record.curves[-1]["global/ari"] == 1
    assert record.curves[-1]["global/cross_recall"] == 1


CHANGES = {
    "k1": 3,
    "k2": 1,
    "eps": 0.2,
    "temperature": 0.2,
    "momentum": 0.8,
    "memory": "single",
    "hinge": 3.0,
    "identities": 2,
    "instances": 3,
    "infrared_identities": 2,
    "camera_aware_sampling": False,
    "subset_ratio": 0.5,
    "global_clusters": "vanilla",
    "split_prototypes": False,
    "lqe_per_modality": 1,
    "keep": 2,
    "global_eps": 0.1,
    "centring": True,
    "recipe": "adca",
    "stage2_recipe": "adca",
    "epochs": (2, 1),
    "iterations": 2,
    "stage2_iterations": 1,
    "lr": 1e-2,
    "weight_decay": 0.5,
    "optimiser": "sgd",
    "bn_chunks": 2,
    "votes": ("edges",),
}
SINGLE = {"write_order": "avr", "moves": "during"}  # of a memory that moves sample by sample


@pytest.fixture(scope="module")
def plain():
    return fingerprint(run())


def fingerprint(record) -> list:
    return [
        {k: v for k, v in row.items() if k.startswith("loss") or "clusters" in k or "share" in k}
        for row in record.curves
    ] + [record.result]


@pytest.mark.parametrize("name", CHANGES)
def test_no_setting_lies(name, plain):
    changed = fingerprint(run(**{name: CHANGES[name]}))
    assert changed != plain
    if name in methods.kind("bmil").stage2_fields:
        assert changed[0] == plain[0]


@pytest.mark.parametrize("name", SINGLE)
def test_no_setting_of_single_memories_lies(name):
    single = {"memory": "single", "split_prototypes": False, "subset_ratio": 1.0}
    assert fingerprint(run(**single, **{name: SINGLE[name]})) != fingerprint(run(**single))


def test_min_samples_is_obeyed():
    with pytest.raises(NoClustersError, match="min_samples=7"):  # a person has 6 pictures
        run(min_samples=7)


def test_every_field_is_tried():
    from dataclasses import fields

    from vireid.methods.base import Schedule

    known = {f.name for cls in (methods.kind("bmil"), Schedule) for f in fields(cls)}
    untried = {"schedule", "milestones", "decay", "min_samples"}
    assert known - set(CHANGES) - set(SINGLE) == untried


def test_subset_blocks_are_disjoint_halves():
    rows = np.arange(10, 31)
    first, second = subset_blocks(rows, 0.5, np.random.default_rng(0))
    assert len(first) == len(second) == 10
    assert not set(first) & set(second)
    assert set(first) | set(second) <= set(rows)
    assert all((block == rows).all() for block in subset_blocks(rows, 1, np.random.default_rng(0)))
    with pytest.raises(ValueError, match="subset_ratio"):
        methods.build("bmil", subset_ratio=0.7)


def test_outside_block_0_nobody_has_a_visible_label():
    method = methods.build("bmil", **(SMALL | {"subset_ratio": 0.5}))
    method.start(toy.net(), seed=1)
    table = toy.images(per=8)
    x = torch.nn.functional.normalize(torch.as_tensor(table.source).float().flatten(1) - 100)
    labels = method.relabel(Embeddings(x, table.modality, table.camera), epoch=1)
    outside = np.setdiff1d(np.arange(len(table)), method.blocks[0])
    assert (labels["visible"].label[outside] == -1).all()
    visible = np.flatnonzero(table.modality == Modality.VISIBLE)
    not_global = np.setdiff1d(visible, method.blocks[1])
    assert (labels["global"].label[not_global] == -1).all()
    for found in labels.values():
        assert set(found.label[found.kept]) == set(range(found.clusters))


@pytest.mark.parametrize("ratio", [0.01, 0.06])
def test_a_subset_without_room_for_two_clusters_names_its_setting(ratio):
    size = int(ratio * 36)  # a block of 3 may be two clusters, of 2 not
    said = rf"subset_ratio={ratio}.* {size} of 36 visible images, .* need 3 \(min_samples=2\)"
    with pytest.raises(ValueError, match=said):
        run(subset_ratio=ratio)


def test_parts_of_one_picture_name_their_setting():
    said = "bn_chunks=12: a part of a batch of 18 pictures holds one picture, .* fewer parts"
    with pytest.raises(ValueError, match=said):
        run(bn_chunks=12)
    assert run(bn_chunks=6).curves


def test_what_else_a_network_refuses_is_not_put_down_to_parts():
    class Fussy(toy.Net):
        def forward(self, pictures, modality):
            if self.training and len(pictures) == 1:
                raise ValueError("no single pictures here")
            return super().forward(pictures, modality)

    with pytest.raises(ValueError, match=r"^no single pictures here"):
        fit(Fussy(), methods.build("bmil", **(SMALL | {"bn_chunks": 12})), toy.images(), seed=3)


def test_proxies_split_clusters_by_modality():
    label = np.array([0, 0, 1, -1, 0, 1, 2])
    modality = np.array([0, 1, 0, 0, 1, 0, 1])
    proxy, cluster = split_proxies(label, modality)
    assert proxy.tolist() == [0, 1, 2, -1, 1, 2, 3]
    assert cluster.tolist() == [0, 0, 1, 2]
    one, clusters = split_proxies(label, np.zeros(7, int))
    assert one.tolist() == label.tolist()
    assert clusters.tolist() == [0, 1, 2]


def test_all_noise_is_an_error_that_says_what_to_do():
    with pytest.raises(NoClustersError, match=r"visible images noise .*larger eps"):
        run(eps=1e-6, min_samples=30)
