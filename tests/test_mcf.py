"""MCF on a toy world: its schedule, its phases, its memories, and that no setting lies."""

import math
import warnings
from dataclasses import fields, replace

import numpy as np
import pytest
import torch
import toy
from torch.nn.functional import normalize

from vireid import methods
from vireid.clustering import NoClustersError
from vireid.methods import mcf
from vireid.methods.base import Schedule
from vireid.models.vit import RegionViT
from vireid.training import fit
from vireid.types import Embeddings, Modality

SMALL = {
    "epochs": (1, 2),
    "iterations": 2,
    "lr": 1e-3,
    "stage2_lr": 1e-3,
    "k1": 6,
    "k2": 2,
    "min_samples": 2,
    "identities": 3,
    "instances": 2,
    "joint_k1": 10,
    "joint_k2": 4,
    "classifier": "light",
    "rho": 0.3,
    "bn_chunks": 1,
    "diversity": 1.0,
    "combine": "alternate",
    "reduction": "pair",
}


def run(preset="paper", row=None, table=None, **switches):
    method = methods.build("mcf", preset=preset, row=row, **(SMALL | switches))
    return method, fit(toy.region_net(), method, toy.images() if table is None else table, seed=3)


def losses(record):
    return [{k: v for k, v in row.items() if k.startswith("loss/")} for row in record.curves]


# ---- schedule ----


def test_steps_of_the_rate():
    schedule = methods.build("mcf", preset="paper").schedule
    rates = [schedule.lr_at(e) for e in (0, 20, 40, 50, 70, 90)]
    assert rates == pytest.approx([3.5e-4, 3.5e-5, 3.5e-6, 3.5e-5, 3.5e-6, 3.5e-7])
    assert (schedule.epochs, schedule.iterations, schedule.optimiser) == ((50, 50), 200, "sgd")
    (group,) = schedule.make_optimiser([torch.nn.Parameter(torch.zeros(1))]).param_groups
    assert (group["momentum"], group["weight_decay"]) == (0.9, 5e-4)


def test_cosine_of_the_released_code():
    schedule = methods.build("mcf").schedule
    assert schedule.lr_at(0) == 3.5e-4 and schedule.lr_at(50) == 3.5e-5
    assert schedule.lr_at(25) == pytest.approx((3.5e-4 + 1e-6) / 2)
    assert schedule.lr_at(99) == pytest.approx(
        1e-7 + (3.5e-5 - 1e-7) * (1 + math.cos(math.pi * 0.98)) / 2
    )


def test_paper_is_mcf_by_its_text():
    m = methods.build("mcf", preset="paper")
    assert (m.vra_weight, m.vrnl_weight, m.um_weight, m.delta) == (0.4, 0.5, 0.03, (0.6, 0.4))
    assert (m.identity_weight, m.alpha, m.beta, m.max_matches) == (0.1, 1.0, 0.1, 3)
    assert (m.k1, m.k2, m.joint_k1, m.joint_k2, m.eps, m.min_samples) == (30, 6, 40, 32, 0.6, 4)
    assert (m.temperature, m.momentum, m.shared_momentum, m.rho) == (0.05, 0.2, 0.8, 0.9)
    assert (m.identities, m.infrared_identities, m.instances) == (4, None, 16)
    assert (m.combine, m.reduction, m.um_sides, m.diversity) == ("sum", "query", "both", 0)
    assert m.pa_cbam and m.maal and m.bn_chunks == 4 and m.lr_floor is None
    regdb = methods.build("mcf", preset="paper_regdb")
    assert (regdb.joint_k1, regdb.joint_k2, regdb.eps) == (38, 18, 0.6)
    assert (regdb.schedule.epochs, regdb.schedule.iterations) == ((50, 50), 100)


def test_official_is_tokenmatcher():
    m = methods.build("mcf")
    assert not m.pa_cbam and not m.maal and m.bn_chunks == 4 and m.diversity == 1
    assert (m.max_matches, m.um_sides, m.delta) == (2, "larger", (1.0, 1.0))
    assert (m.identities, m.infrared_identities, m.um_weight_late) == (4, 8, 0.12)
    assert (m.combine, m.reduction, m.lr_floor) == ("alternate", "pair", (1e-6, 1e-7))
    assert (m.recipe, m.stage2_recipe) == ("mcf", "mcf_jittered")
    regdb = methods.build("mcf", preset="official_regdb")
    assert (regdb.eps, regdb.vrnl_weight, regdb.um_weight) == (0.2, 0.1, 0.01)
    assert (regdb.momentum, regdb.stage2_momentum, regdb.um_weight_late) == (0.8, 0.2, None)
    assert (regdb.schedule.epochs, regdb.schedule.lr, regdb.recipe) == (
        (35, 35), 3.5e-5, "mcf_jittered"
    )  # fmt: skip


def test_presets_say_what_they_are_and_settings_where_they_come_from():
    cls = methods.kind("mcf")
    assert set(cls.notes) == set(cls.presets)
    assert all(cls.notes[f"{name}_llcm"].startswith("ours") for name in ("paper", "official"))
    assert cls.presets["official_llcm"]["local_eps"] == 0.5  # camera numbers are not SYSU's
    known = {f.name for kind in (cls, Schedule) for f in fields(kind)} - {"schedule"}
    assert set(cls.sources) == known


def test_merging_weighs_more_late():
    m = methods.build("mcf")
    assert [mcf.terms.um_weight(m, e) for e in (0, 35, 36, 49)] == [0.03, 0.03, 0.12, 0.12]
    assert mcf.terms.um_weight(methods.build("mcf", preset="paper"), 49) == 0.03


def test_rows_share_a_stage_1_only_where_it_reads_the_same():
    def first(row, **switches):
        return methods.build("mcf", preset="paper", row=row, **switches).stage1_config()

    assert first("R1") == first("R3") == first("R4") != first("R2")
    assert first("R1", stage2_lr=1e-6, centring=True, joint_k1=7) == first("R1")
    assert first("R1", clustering="joint", centring=True) != first("R1", clustering="joint")
    assert first("R5") == first("R6") != first("R7")
    assert methods.build("mcf", preset="paper", row="R5").carries  # its classifier plays on
    floors = [first("R1", lr_floor=(1e-6, floor)) for floor in (1e-7, 1e-8)]
    assert floors[0] == floors[1] != first("R1", lr_floor=(1e-5, 1e-7))


# ---- phases ----

PHASE_1 = {"visible contrast", "infrared contrast", "diversity", "identity", "augmented look"}
CROSS = {"visible cross", "infrared cross"}


def test_phase_1_matches_nothing(monkeypatch):
    def forbidden(*_, **__):
        raise AssertionError("phase 1 asked for a matching")

    for name in ("greedy_regions", "neighbour_sets", "merge_groups"):
        monkeypatch.setattr(f"vireid.methods.mcf.links.{name}", forbidden)
    _, record = run(epochs=(2, 0))
    for row in losses(record):
        assert set(row) == {f"loss/{t}" for t in PHASE_1}
    with pytest.raises(AssertionError, match="asked for"):
        run()


def test_phase_2_adds_its_three_modules():
    _, record = run()
    first, second, _ = losses(record)
    assert {k.removeprefix("loss/") for k in first} == PHASE_1
    assert {k.removeprefix("loss/") for k in second} == PHASE_1 | CROSS | {"neighbours", "merging"}
    assert "global/clusters" in record.curves[1] and "global/clusters" not in record.curves[0]


@pytest.mark.parametrize(
    ("row", "first", "second"),
    [
        ("R1", set(), set()),
        ("R2", {"identity"}, set()),
        ("R3", set(), {"merging"}),
        ("R4", set(), {"neighbours"}),
        ("R5", {"augmented look"}, CROSS),
        ("R6", {"augmented look"}, CROSS | {"neighbours"}),
        ("R7", {"identity", "augmented look"}, CROSS | {"neighbours", "merging"}),
        ("prolonged", {"identity", "augmented look"}, set()),
    ],
)
def test_ablation_rows_have_their_terms(row, first, second):
    _, record = run(row=row, epochs=(1, 1))
    base = {"visible contrast", "infrared contrast", "diversity"}
    names = [{k.removeprefix("loss/") for k in epoch} for epoch in losses(record)]
    assert names == [base | first, base | first | second]


def test_zero_weights_make_phase_2_phase_1():
    """With weights 0 and without shared memories, stage 2 is stage 1 gone on with."""
    zero = {"vra": False, "vrnl_weight": 0.0, "um_weight": 0.0, "camera_aware_sampling": False}
    none = {"vra": False, "vrnl": False, "um": False, "camera_aware_sampling": False}
    # merging moves the modality's memory at its targets even when it weighs nothing
    records = [run(**zero, max_matches=1)[1], run(**none)[1]]
    for a, b in zip(*map(losses, records), strict=True):
        for name in b:
            assert a[name] == pytest.approx(b[name], rel=1e-6)


def test_the_same_seed_is_the_same_run():
    a, b = (losses(run()[1]) for _ in range(2))
    assert a == b
    assert a[0]["loss/visible contrast"] > 0


def test_resumed_is_uninterrupted(tmp_path):
    def build():
        return methods.build("mcf", preset="paper", **SMALL)

    whole = fit(toy.region_net(), build(), toy.images(), seed=3)
    fit(toy.region_net(), build(), toy.images(), seed=3, epochs=2, out=tmp_path)
    rest = fit(toy.region_net(), build(), toy.images(), seed=3, out=tmp_path, resume=True)
    for a, b in zip(losses(whole), losses(rest), strict=True):
        assert a == pytest.approx(b)


@pytest.mark.parametrize("preset", ["official", "paper"])
def test_a_small_vit_learns_with_either_source(preset):
    table = replace(toy.images(), size=(32, 16))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = RegionViT(
            regions=3, size=(32, 16), width=24, depth=2, heads=4, attention="pre_last_block",
            parts=2, reduction=4, residual=True,
        )  # fmt: skip
    changes = SMALL | {"epochs": (1, 1), "bn_chunks": 2, "infrared_identities": 3}
    method = methods.build("mcf", preset=preset, **changes | {"eps": 0.8})
    first, second = fit(model, method, table, seed=0).curves
    told = [{k for k in row if k.startswith("loss/")} for row in (first, second)]
    assert told == [{f"loss/{name}" for name in method.loss_weights(e)} for e in (0, 1)]
    assert all(math.isfinite(row[k]) for row in (first, second) for k in row if "loss/" in k)


# ---- one step, looked at closely ----


def begun(epoch=1, table=None, **switches):
    """A method after relabelling random-ish but clusterable features, its labels and the table."""
    method = methods.build("mcf", preset="paper", **(SMALL | switches))
    method.start(toy.region_net(), seed=1)
    table = toy.images() if table is None else table
    x = normalize(torch.as_tensor(table.source).float().mean(2).flatten(1) - 100)[:, :12]
    features = Embeddings(normalize(x), table.modality, table.camera)
    return method, method.relabel(features, epoch), features


def answer(features):
    def encode(batch):
        x = features.x[batch.rows].clone().requires_grad_()
        return toy.Output(x, x.unflatten(1, (3, 4)), None)

    return encode


def step(method, labels, features, epoch=1):
    batch = next(iter(method.batches(labels, epoch)))
    inner = method.losses(batch, answer(features), epoch)
    terms = next(inner)
    return batch, terms, inner


def test_batches_hold_three_modalities():
    method, labels, _ = begun(infrared_identities=2)
    batch = next(iter(method.batches(labels, 1)))
    sizes = [len(batch.of(m, v)) for m, v in ((0, 0), (0, 1), (1, 0), (1, 1))]
    assert sizes == [6, 6, 4, 0]
    plain, second = batch.of(Modality.VISIBLE, 0), batch.of(Modality.VISIBLE, 1)
    assert (batch.rows[plain] == batch.rows[second]).all()
    assert [letter for letter, _ in method.written(batch)] == ["v", "a", "r"]
    assert plain.tolist() == list(range(6)) and second.tolist() == list(range(6, 12))
    own = np.where(batch.modality == 0, labels["visible"].label[batch.rows],
                   labels["infrared"].label[batch.rows])  # fmt: skip
    assert (batch.label.numpy() == own).all()


def test_memories_move_after_the_step_only():
    method, labels, features = begun()
    banks = [m.prototypes for m in method.links.shared.values()]
    own = [s.memory.prototypes for s in method.sides.values()]
    _, _, inner = step(method, labels, features)
    assert all(
        torch.equal(a, m.prototypes)
        for a, m in zip(banks, method.links.shared.values(), strict=True)
    )
    assert next(inner, None) is None  # the code behind the yield runs
    moved = [m.prototypes for m in method.links.shared.values()]
    assert all((a - b).abs().max() > 1e-4 for a, b in zip(banks, moved, strict=True))
    for modality, before in zip(Modality, own, strict=True):
        merging = any(len(g) > 1 for g in method.links.groups[modality])
        after = method.sides[modality].memory.prototypes
        assert merging or torch.equal(before, after)


def test_shared_memories_pool_partners():
    method, _, _features = begun()
    for own in Modality:
        side, other = method.sides[own], method.sides[own.other]
        for k in range(len(side.memory)):
            pool = torch.cat([side.x[side.label == k], other.x[method.links.cross[own.other] == k]])
            phi = method.links.shared[own].prototypes[k]
            torch.testing.assert_close(phi, normalize(pool.mean(0), dim=0))


def test_labels_of_all_images_in_one_space():
    method, labels, _ = begun()
    joint = labels["global"].label
    infrared = method.sides[Modality.INFRARED]
    assert (joint[infrared.rows] == infrared.label.numpy()).all()
    visible = method.sides[Modality.VISIBLE]
    assert (joint[visible.rows] == method.links.cross[Modality.VISIBLE].numpy()).all()


def test_even_and_odd_epochs_cross_in_turn():
    assert set(begun(epoch=1)[0].links.sets) == {"vv", "rr", "vr"}
    assert set(begun(epoch=2)[0].links.sets) == {"vv", "rr", "rv"}
    assert set(begun(combine="sum")[0].links.sets) == {"vv", "rr", "vr", "rv"}


def test_augmented_pictures_with_a_memory_of_their_own():
    method, labels, features = begun(ca_memory="own", vra=False)
    _, terms, inner = step(method, labels, features)
    assert "augmented contrast" in terms
    before = method.augmented.prototypes
    next(inner, None)
    assert (method.augmented.prototypes - before).abs().max() > 1e-5


def test_joint_clusters_are_split_by_modality():
    method, labels, _ = begun(clustering="joint", eps=0.9)
    for own in Modality:
        label = labels[own.word].label
        assert (label[method.modality != own] == -1).all()
        assert set(label[label >= 0]) == set(range(labels[own.word].clusters))


def test_oracle_pairs_people_with_themselves():
    _, record = run(row="oracle")
    assert not record.unsupervised
    assert record.curves[-1]["global/ari"] == 1 and record.curves[-1]["global/cross_recall"] == 1


# ---- no setting lies ----

CHANGES = {
    "k1": 3,
    "k2": 1,
    "eps": 1e-3,
    "min_samples": 6,
    "clustering": "joint",
    "temperature": 0.2,
    "momentum": 0.8,
    "shared_momentum": 0.1,
    "own_last": False,
    "write_order": "avr",
    "moves": "during",
    "bn_chunks": 2,
    "ca_memory": "own",
    "identities": 2,
    "infrared_identities": 2,
    "instances": 3,
    "camera_aware_sampling": False,
    "pa_cbam": False,
    "identity_weight": 0.0,
    "identity_mode": "difference",
    "diversity": 0.0,
    "maal": False,
    "alpha": 0.1,
    "beta": 1.0,
    "maal_warmup": 1,
    "classifier": "official",
    "classifier_lr": 0.1,
    "vra": False,
    "vra_weight": 0.1,
    "vrnl": False,
    "vrnl_weight": 0.1,
    "rho": 0.9,
    "min_regions": 1,
    "combine": "sum",
    "reduction": "query",
    "camera_filter": False,
    "local_eps": 1e-6,
    "um": False,
    "recipe": "adca",
    "stage2_recipe": "adca",
    "epochs": (2, 1),
    "iterations": 3,
    "stage2_iterations": 1,
    "lr": 1e-2,
    "weight_decay": 0.5,
    "optimiser": "adamw",
    "stage2_lr": 1e-2,
    "lr_floor": (0.0, 0.0),
}
JOINT = {"joint_k1": 4, "joint_k2": 1, "centring": True}  # with joint clustering
MERGING = {  # with shared partners
    "max_matches": 1,
    "um_weight": 3.0,
    "delta": (1.0, 0.0),
}
ELSEWHERE = {"schedule", "milestones", "decay", "um_weight_late", "um_group", "um_sides"} | {
    "stage2_momentum"
}


def fingerprint(record):
    return losses(record), record.result, [r.get("visible/clusters") for r in record.curves]


@pytest.fixture(scope="module")
def plain():
    return fingerprint(run()[1])


@pytest.mark.parametrize("name", CHANGES)
def test_no_setting_lies(name, plain):
    changed = fingerprint(run(**{name: CHANGES[name]})[1])
    assert changed != plain
    if name in methods.kind("mcf").stage2_fields:
        assert changed[0][0] == plain[0][0], "stage 1 reads it"


def test_every_field_is_tried():
    known = {f.name for cls in (methods.kind("mcf"), Schedule) for f in fields(cls)}
    engine = {"bn_chunks", "moves", "write_order"}
    assert known - set(CHANGES) - engine == ELSEWHERE | set(JOINT) | set(MERGING)


def test_clusters_are_matched_by_centred_features_where_that_is_asked_for():
    """Two clusters a modality; infrared is shifted towards the other visible one's direction."""
    corners = torch.eye(3, dtype=torch.float64)
    x = corners[[0, 0, 1, 1] * 2] + 0.1 * torch.arange(24, dtype=torch.float64).reshape(8, 3) / 24
    x[4:] += 3 * corners[2]
    train = Embeddings(normalize(x), [0] * 4 + [1] * 4, [1] * 8, [0, 0, 1, 1] * 2)
    label = torch.tensor([0, 0, 1, 1])
    found = {}
    for centring in (False, True):
        method = methods.build("mcf", **(SMALL | {"centring": centring}))
        parts = {
            own: mcf.sides.Side(
                np.flatnonzero(train.modality == own), train.of(own).x, train.of(own).camera,
                label, object(),
            )
            for own in Modality
        }  # fmt: skip
        found[centring] = mcf.sides.cluster_similarity(method, train, parts)
    means = [train.of(own).x.mean(0) for own in Modality]
    apart = [normalize(train.of(own).x - mean) for own, mean in zip(Modality, means, strict=True)]
    banks = [
        [torch.stack([normalize(part[label == k].mean(0), dim=0) for k in (0, 1)]) for part in side]
        for side in (apart, [train.of(own).x for own in Modality])
    ]
    for centring, (visible, infrared) in zip((True, False), banks, strict=True):
        torch.testing.assert_close(found[centring], (visible @ infrared.T).exp())
    assert not torch.allclose(found[True], found[False])


@pytest.mark.parametrize("name", JOINT)
def test_joint_settings_matter(name):
    a, b = (run(clustering="joint", **s)[1] for s in ({}, {name: JOINT[name]}))
    assert fingerprint(a) != fingerprint(b)


@pytest.mark.filterwarnings("ignore:.*stay unmatched")
@pytest.mark.parametrize("name", MERGING)
def test_merging_settings_matter_where_clusters_share_partners(name):
    table = toy.images(people=8)
    table = table.rows((table.modality == Modality.VISIBLE) | (table.identity < 4))
    a, b = (run(table=table, epochs=(0, 2), **s)[1] for s in ({}, {name: MERGING[name]}))
    assert losses(a) != losses(b)


def test_group_rule_reaches_the_groups(monkeypatch):
    seen = []
    monkeypatch.setattr(
        "vireid.methods.mcf.links.merge_groups",
        lambda *_, group: seen.append(group) or ([], []),
    )
    begun(um_group="linked")
    assert seen == ["linked"]


def test_merging_memories_have_a_momentum_of_their_own():
    for epoch, momentum in ((0, 0.2), (1, 0.9)):
        method, _, _ = begun(epoch=epoch, stage2_momentum=0.9)
        assert {side.memory.momentum for side in method.sides.values()} == {momentum}


@pytest.mark.filterwarnings("ignore:.*stay unmatched")
@pytest.mark.parametrize("few", Modality)
def test_the_side_with_fewer_clusters_rests(few):
    table = toy.images(people=8)
    table = table.rows((table.modality == few.other) | (table.identity < 4))
    groups = {
        sides: begun(um_sides=sides, table=table)[0].links.groups for sides in ("both", "larger")
    }
    assert set(groups["both"]) == set(Modality)
    assert groups["larger"] == {few.other: groups["both"][few.other]}


# ---- bad input ----


def test_settings_out_of_range():
    wrong = {
        "rho": 0.0,
        "max_matches": 0,
        "temperature": 0.0,
        "beta": -1.0,
        "um_weight": -0.1,
        "delta": (0.0, 0.0),
        "clustering": "both",
        "ca_memory": "none",
        "stage2_lr": 0.0,
    }
    for name, value in wrong.items():
        with pytest.raises(ValueError, match=name):
            methods.build("mcf", **{name: value})


def test_a_network_without_attention_is_told():
    with pytest.raises(ValueError, match=r"Net holds no PA-CBAM.*pa_cbam=False"):
        methods.build("mcf", preset="paper").start(toy.net(), seed=0)
    method = methods.build("mcf", preset="paper", **(SMALL | {"pa_cbam": False}))
    record = fit(toy.net(), method, toy.images(), seed=0)  # one region, no tokens
    assert "loss/neighbours" in record.curves[-1] and "loss/diversity" not in record.curves[-1]


def test_more_regions_than_the_network_has_are_refused_before_training():
    for model, row, least, has in ((toy.region_net(), None, 4, 3), (toy.net(), "R4", 2, 1)):
        method = methods.build("mcf", row=row, **(SMALL | {"min_regions": least}))
        said = rf"min_regions={least}, but this \w*Net has {has} region\(s\); give from 1 to that"
        seen = []
        with pytest.raises(ValueError, match=said):
            fit(model, method, toy.images(), seed=0, on_epoch=seen.append)
        assert not seen, "an epoch was trained"
    for unread in ({"vrnl": False, "min_regions": 4}, {"min_regions": 3}):
        methods.build("mcf", **(SMALL | unread)).start(toy.region_net(), seed=0)


def test_all_noise_is_an_error():
    for kind in (RuntimeError, NoClustersError):
        with pytest.raises(kind, match=r"neither modality has two clusters .*raise eps"):
            run(eps=1e-6, min_samples=30)


def test_one_modality_without_clusters_is_skipped(monkeypatch):
    real = mcf.sides.cluster

    def blind_in_infrared(settings, train):
        visible, infrared = real(settings, train)
        return [visible, np.full_like(infrared, -1)]

    monkeypatch.setattr(mcf.sides, "cluster", blind_in_infrared)
    with pytest.warns(UserWarning, match="infrared images have fewer than two clusters"):
        _, record = run()
    for row in losses(record):
        assert "loss/visible contrast" in row and "loss/infrared contrast" not in row
        assert not {"loss/merging", "loss/visible cross"} & set(row)
    assert "loss/neighbours" in record.curves[-1]  # visible images still learn from neighbours


def test_nothing_warns_on_good_input():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run(max_matches=6)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("combine", "product"),
        ("reduction", "mean"),
        ("um_group", "all"),
        ("identity_mode", "sum"),
        ("min_regions", 0),
        ("shared_momentum", 1.5),
        ("stage2_momentum", 0),
        ("um_sides", "smaller"),
        ("stage2_recipe", "pastel"),
        ("local_eps", 0),
        ("um_weight_late", -1),
        ("diversity", -1),
        ("identities", 1),
        ("lr_floor", (1e-6,)),
        ("delta", (1.0,)),
        ("classifier", "heavy"),
    ],
)
def test_wrong_settings_are_refused_before_anything_is_trained(field, value):
    with pytest.raises(ValueError, match=f"{field}="):
        methods.build("mcf", **{field: value})
