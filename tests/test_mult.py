"""MULT on a toy world: every equation written out, every association, and that no setting lies."""

import sys
import warnings
from dataclasses import fields
from itertools import combinations, pairwise

import numpy as np
import pytest
import torch
import toy
from torch.nn.functional import log_softmax, normalize, softmax

from vireid import association, methods
from vireid.clustering import NoClustersError, prototypes
from vireid.data.augment import RECIPES, Stream
from vireid.jaccard import jaccard_distance
from vireid.memory import Memory
from vireid.methods.base import Schedule
from vireid.methods.mult import draws
from vireid.methods.mult.labels import ASSOCIATIONS, SpaceLabels, associate, make_side
from vireid.methods.mult.pictures import Patched, linear_patches
from vireid.models import Output
from vireid.training import fit
from vireid.training.encode import shares
from vireid.types import Batch, Embeddings, Images, Modality, PseudoLabels

V, R = Modality
SMALL = {
    "epochs": (1, 2),
    "iterations": 2,
    "stage2_iterations": None,
    "bn_chunks": 1,
    "lr": 1e-3,
    "stage2_lr": 1e-3,
    "k1": 6,
    "k2": 2,
    "min_samples": 2,
    "identities": 4,
    "instances": 3,
    "strong_stage1": False,
}


def world(**changes):
    """The toy world, blurred until clusters split and some pictures are noise."""
    table = toy.images(people=7, per=7, **changes)
    noise = np.random.default_rng(1).normal(0, 38, (len(table), 16, 1, 1))
    return Images(
        np.clip(table.source + noise, 0, 255).astype(np.uint8),
        table.modality,
        table.camera,
        table.identity,
        size=table.size,
        name="blurred toy",
    )


def run(table=None, model=None, **switches):
    method = methods.build("mult", **(SMALL | switches))
    return fit(model or toy.net(), method, world() if table is None else table, seed=3)


def build(**switches):
    method = methods.build("mult", **(SMALL | switches))
    method.start(toy.net(), seed=3)
    return method


def features(table, seed=0):
    with torch.no_grad():
        rows = torch.as_tensor(table.source).float().mean(2).flatten(1)
        x = normalize(toy.net(seed).linear(rows))
    x = normalize(x - x.mean(0))
    return Embeddings(x, table.modality, table.camera, table.identity)


def losses(record):
    return [{k: v for k, v in row.items() if k.startswith("loss/")} for row in record.curves]


# ---- schedule and settings ----


def test_schedule_is_the_released_codes():
    schedule = methods.build("mult").schedule
    rates = [schedule.lr_at(e) for e in (0, 19, 20, 39, 40, 59, 60, 79, 80, 89)]
    factors = [1, 1, 0.1, 0.1, 0.1, 0.1, 0.01, 0.01, 0.001, 0.001]
    assert rates == pytest.approx([3.5e-4 * f for f in factors])
    assert (schedule.epochs, schedule.optimiser, schedule.weight_decay) == ((40, 50), "adam", 5e-4)
    assert [schedule.iterations_of(e) for e in (0, 39, 40, 89)] == [300, 300, 200, 200]
    assert methods.build("mult").steps == 40 * 300 + 50 * 200
    regdb = methods.build("mult", preset="official_regdb")
    assert (regdb.steps, regdb.eps) == (90 * 100, 0.3)
    assert [regdb.schedule.iterations_of(e) for e in (0, 40)] == [100, 100]


def test_defaults_are_the_released_codes():
    m = methods.build("mult")
    assert (m.k1, m.k2, m.eps, m.min_samples, m.temperature, m.momentum) == (
        30, 6, 0.6, 4, 0.05, 0.1)  # fmt: skip
    assert (m.identities, m.instances, m.lam, m.alpha, m.beta) == (12, 12, 25, 0.2, 0.7)
    assert (m.tol, m.max_rounds, m.transfer, m.affinity, m.prototypes, m.stop) == (
        1e-2, 20, "code", "vanilla", "mean", "code")  # fmt: skip
    assert (m.sharpen, m.detach_target, m.visible_weight) == (0.2, False, 1)
    assert (m.write_order, m.stage1_draw, m.camera_aware_sampling) == ("rav", "anew", False)
    paper = methods.build("mult", preset="paper")
    assert (paper.transfer, paper.affinity, paper.prototypes) == ("paper", "binary", "unit")
    assert paper.visible_weight == 0.5 and paper.max_rounds > 20
    assert (m.stop, paper.stop) == ("code", "converged")


def test_every_benchmark_has_its_presets():
    for word in ("official", "paper"):
        sysu, regdb, llcm = (
            methods.build("mult", preset=word + data).config() for data in ("", "_regdb", "_llcm")
        )
        assert llcm == sysu  # neither text nor code has LLCM
        changed = {k for k, v in sysu.items() if regdb[k] != v}
        assert changed == {"eps", "iterations", "stage2_iterations"}
        assert sysu["bn_chunks"] == regdb["bn_chunks"] == 2  # two cards


def test_the_network_is_resnet_50_without_non_local_blocks():
    from vireid import models
    from vireid.experiment import network_of

    for data in ("sysu", "regdb", "llcm"):
        name, options, _ = network_of(data, method="mult")
        assert (name, options) == ("agw", {"non_local": False})
    model = models.build(name, **options)
    # ResNet-50 without classifier, a second stem, gain and (still) shift of the neck
    assert sum(p.numel() for p in model.parameters()) == 23_508_032 + 9_536 + 2 * 2048


def test_every_setting_has_a_source():
    m = methods.build("mult")
    known = {f.name for part in (m, m.schedule) for f in fields(part)} - {"schedule"}
    assert set(m.sources) == known | {"network", "weights", "select"}
    assert all(m.sources.values())


def test_weights_by_epoch():
    m = methods.build("mult", row="3")
    own = {"visible contrast": 1.0, "infrared contrast": 1.0}
    assert m.loss_weights(39) == own
    assert m.loss_weights(40) == own | {"cross memory": 1.0, "shared memory": 1.0}
    paper = methods.build("mult", preset="paper", row="4")
    assert paper.loss_weights(89) == own | {"visible contrast": 0.5, "oclr": 1.0}
    assert paper.loss_weights(0)["visible contrast"] == 0.5
    assert set(methods.build("mult", row="1").loss_weights(89)) == set(own)


def test_rows_of_the_tables():
    table2 = {"1": "", "2": "c", "3": "ic", "4": "o", "5": "io", "6": "co", "7": "ico"}
    for row, on in table2.items():
        m = methods.build("mult", row=row)
        assert (m.im, m.cm, m.oclr) == ("i" in on, "c" in on, "o" in on)
        assert m.association == "mult"
    for name in ASSOCIATIONS:
        for row, oclr in ((name, False), (f"{name}+oclr", True)):
            m = methods.build("mult", row=row)
            assert (m.association, m.im, m.cm, m.oclr) == (name, True, True, oclr)
    assert all(values[0] == getattr(m.__class__(), k) for k, values in m.switches.items())


def test_resumed_and_split_runs_begin_stage_2_in_visible_space():
    for epochs in ((1, 3), (0, 3)):
        m = build(epochs=epochs)
        spaces = []
        for epoch in range(epochs[0], sum(epochs)):
            m.relabel(features(world()).blind(), epoch)
            spaces.append(m.space)
        assert spaces == [V, R, V]


# ---- stage 1 ----


def encoder(x):
    return lambda batch: Output(x)


def ce(x, y, bank, tau=0.05):
    """Batch mean of -sum_k y_k log softmax(x bank / tau)_k, sums written out."""
    total = 0.0
    for f, target in zip(normalize(x), y, strict=True):
        log_p = log_softmax(torch.stack([f @ p / tau for p in bank]), 0)
        total -= sum(float(t) * p for t, p in zip(target, log_p, strict=True))
    return total / len(x)


def sce(source, target, tau=0.05):
    """OCLR of (features, bank) source and target, as printed under eq. 19."""
    p, t = (normalize(x) @ bank.T / tau for x, bank in (source, target))
    return -(softmax(5 * t, 1) * log_softmax(p, 1)).sum() / len(p)


@pytest.mark.parametrize("weight", [1.0, 0.5])
def test_stage_1_adds_three_streams(weight):
    m, train = build(visible_weight=weight), features(world())
    labels = m.relabel(train.blind(), 0)
    batch = next(iter(m.batches(labels, 0)))
    x = torch.randn(len(batch), 12, generator=torch.Generator().manual_seed(1))
    banks = {own: m.memories[own].prototypes for own in Modality}
    (terms,) = [dict(t) for t in m.losses(batch, encoder(x), 0)]
    one = {own: torch.eye(len(banks[own])) for own in Modality}
    v, a, r = (
        ce(x[at], one[own][batch.label[at]], banks[own])
        for own, at in ((V, batch.of(V, 0)), (V, batch.of(V, 1)), (R, batch.of(R)))
    )
    assert terms["visible contrast"] == pytest.approx(float(weight * (v + a)), rel=1e-4)
    assert terms["infrared contrast"] == pytest.approx(float(r), rel=1e-4)
    assert not torch.equal(m.memories[V].prototypes, banks[V])  # what follows the yield was run


def test_row_1_goes_on_with_dual_contrastive_learning():
    shared = {k: v for k, v in SMALL.items() if k not in ("strong_stage1", "stage2_lr")}
    shared |= {"camera_aware_sampling": False, "recipe": "adca"}
    shared |= {"infrared_identities": None, "bn_chunks": 1}  # ADCA's, not MULT's
    dcl = fit(toy.net(), methods.build("dcl", **shared), world(), seed=3)
    mine = run(row="1", visible_weight=0.5, stage1_draw="turns", write_order="var")
    for ours, theirs in zip(losses(mine), losses(dcl), strict=True):
        assert ours == pytest.approx(theirs, rel=1e-3)  # two views in one mean, or in two
    fewer = run(row="1", stage2_iterations=1)
    more = run(row="1", stage2_iterations=3)
    assert [row["steps"] for row in fewer.curves] == [2, 1, 1]
    assert [row["steps"] for row in more.curves] == [2, 3, 3]


# ---- stage 2: the equations ----


def made_up(space=V, **switches):
    """A method in stage 2 with random soft labels, random memories and a batch of 5 + 5 + 4."""
    g = torch.Generator().manual_seed(7)
    m = build(**switches)
    m.crossing, m.space = True, space
    size = {V: 4, R: 3}
    soft = {own: torch.rand(9, k, generator=g).softmax(1) for own, k in size.items()}
    m.labels = {own: SpaceLabels.of(9, [(np.arange(9), soft[own])]) for own in Modality}

    def bank(k):
        return Memory(torch.randn(k, 12, generator=g), momentum=0.1)

    m.memories = {own: bank(k) for own, k in size.items()}
    m.shared, m.crossed = bank(size[space]), bank(size[space])
    rows, view = np.r_[0:5, 0:5, 5:9], np.r_[[0] * 5, [1] * 5, [0] * 4]
    batch = Batch(rows=rows, view=view, modality=np.r_[[0] * 10, [1] * 4], label=torch.zeros(14))
    x = torch.randn(14, 12, generator=g, requires_grad=True)
    return m, batch, x, soft


@pytest.mark.parametrize("space", [V, R])
@pytest.mark.parametrize("weight", [1.0, 0.5])
def test_losses_are_the_papers(space, weight):
    """Eq. 14-17 and 19 for both kinds of epoch, each term as the specification lists it."""
    m, batch, x, soft = made_up(space, visible_weight=weight)
    v, a, r = x[:5], x[5:10], x[10:]
    own_v, own_r = m.memories[V].prototypes, m.memories[R].prototypes
    crossed, shared, w = m.crossed.prototypes, m.shared.prototypes, weight
    found = {k: float(t.detach()) for k, t in next(m.losses(batch, encoder(x), 1)).items()}
    y_v, y_r = soft[V][:5], soft[R][5:]
    expected = {
        "visible contrast": w * (ce(v, y_v, own_v) + ce(a, y_v, own_v)),
        "infrared contrast": ce(r, y_r, own_r),
    }
    if space is V:
        into = soft[V][5:]  # infrared images in visible clusters
        expected |= {
            "cross memory": ce(r, into, crossed),
            "shared memory": w * (ce(v, y_v, shared) + ce(a, y_v, shared)) + ce(r, into, shared),
            "oclr": w * sce((v, shared), (a, own_v))
            + w * sce((a, shared), (v, own_v))
            + sce((r, shared), (r, crossed))
            + w * sce((v, shared), (a, crossed))
            + w * sce((a, shared), (v, crossed))
            + sce((r, shared), (r, own_v)),
        }
    else:
        into = soft[R][:5]  # visible images in infrared clusters
        expected |= {
            "cross memory": w * (ce(v, into, crossed) + ce(a, into, crossed)),
            "shared memory": w * (ce(v, into, shared) + ce(a, into, shared)) + ce(r, y_r, shared),
            "oclr": w * sce((v, shared), (a, crossed))
            + w * sce((a, shared), (v, crossed))
            + sce((r, shared), (r, own_r))
            + w * sce((v, shared), (a, own_r))
            + w * sce((a, shared), (v, own_r))
            + sce((r, shared), (r, crossed)),
        }
    assert found == pytest.approx({k: float(t.detach()) for k, t in expected.items()}, rel=1e-4)


def test_switches_take_away_their_terms_and_nothing_else():
    whole = {"visible contrast", "infrared contrast", "cross memory", "shared memory", "oclr"}
    off = {"im": "cross memory", "cm": "shared memory", "oclr": "oclr"}
    m, batch, x, _ = made_up()
    full = next(m.losses(batch, encoder(x), 1))
    assert set(full) == whole
    for switch, name in off.items():
        m, batch, x, _ = made_up(**{switch: False})
        left = next(m.losses(batch, encoder(x), 1))
        assert set(left) == whole - {name}
        assert all(torch.equal(left[k], full[k]) for k in left)


def test_detaching_stops_the_gradient_through_targets_only():
    gradients, values = [], []
    for detach in (False, True):
        m, batch, x, _ = made_up(detach_target=detach)
        m.im = m.cm = False
        loss = next(m.losses(batch, encoder(x), 1))["oclr"]
        loss.backward()
        gradients.append(x.grad.clone())
        values.append(float(loss.detach()))
    assert values[0] == values[1]
    assert not torch.allclose(*gradients)
    # by hand: targets as constants
    y = x.detach().clone().requires_grad_()
    m.detach_target, fixed = False, x.detach()
    total, parts = 0, {0: (slice(0, 5), slice(5, 10)), 1: (slice(5, 10), slice(0, 5))}
    parts[2] = (slice(10, 14), slice(10, 14))
    for at, other in parts.values():
        for bank in (m.memories[V], m.crossed):
            total = total + sce((y[at], m.shared.prototypes), (fixed[other], bank.prototypes))
    total.backward()
    assert torch.allclose(y.grad, gradients[1], atol=1e-5)


@pytest.mark.parametrize("space", [V, R])
@pytest.mark.parametrize("switches", [{}, {"im": False, "cm": False}, {"oclr": False}])
def test_memories_move_after_the_step_by_hard_labels(space, switches):
    m, batch, x, soft = made_up(space, **switches)
    banks = {"v": m.memories[V], "r": m.memories[R], "crossed": m.crossed, "shared": m.shared}
    before = {k: bank.prototypes.clone() for k, bank in banks.items()}
    hard = {own: soft[own].argmax(1) for own in Modality}
    f = normalize(x.detach())
    v, a, r = map(list, (range(5), range(5, 10), range(10, 14)))  # the last one weighs most
    seen = {"v": (V, a + v), "r": (R, r), "shared": (space, r + a + v)}
    seen["crossed"] = (space, r if space is V else a + v)
    steps = m.losses(batch, encoder(x), 1)
    next(steps)
    assert all(torch.equal(banks[k].prototypes, before[k]) for k in banks)
    assert next(steps, None) is None
    for name, (labels, positions) in seen.items():
        expected = before[name].clone()
        for i in positions:  # one sample after the other
            k = hard[labels][batch.rows[i]]
            expected[k] = normalize(0.1 * expected[k] + 0.9 * f[i], dim=0)
        assert torch.allclose(banks[name].prototypes, expected, atol=1e-6), name


def test_images_without_a_label_enter_no_contrast():
    m, batch, x, soft = made_up()
    m.labels[V] = SpaceLabels.of(9, [(np.arange(7), soft[V][:7])])  # rows 7, 8 have none
    assert m.labels[V].hard.tolist()[7:] == [-1, -1]
    found = next(m.losses(batch, encoder(x), 1))
    r, into = x[10:12].detach(), soft[V][5:7]
    assert float(found["cross memory"].detach()) == pytest.approx(
        float(ce(r, into, m.crossed.prototypes)), rel=1e-4
    )
    m.labels[V] = SpaceLabels.of(9, [(np.arange(5), soft[V][:5])])
    found = next(m.losses(batch, encoder(x), 1))
    assert float(found["cross memory"]) == 0
    assert all(torch.isfinite(t) for t in found.values())


def test_memories_start_apart_at_the_clusters_prototypes():
    m, train = build(), features(world())
    for epoch, space in ((1, V), (2, R)):
        m.relabel(train.blind(), epoch)
        banks = [m.memories[V], m.memories[R], m.shared, m.crossed]
        assert len({bank.prototypes.data_ptr() for bank in banks}) == 4
        for bank in banks[2:]:
            assert torch.allclose(bank.prototypes, m.memories[space].prototypes, atol=1e-6)
        x = train.x[train.modality == V]
        label = m.cluster_own(x, V, epoch)
        assert (label < 0).any(), "the toy should hold noise"
        expected = prototypes(x, label)
        assert torch.allclose(m.memories[V].prototypes, expected, atol=1e-6)


# ---- labels ----


def sides_of(method, train, labels=None, graphs=None):
    """Both modalities with given labels (default: DBSCAN's), as ``relabel`` would make them."""
    found = {}
    for own in Modality:
        at = np.flatnonzero(train.modality.numpy() == own)
        if labels is None:
            spread = np.full(len(train), -1)
            spread[at] = method.cluster_own(train.x[at], own, 1)
        else:
            spread = labels
        found[own] = make_side(
            train, own, spread, drop_noise=method.noise == "drop", distance=(graphs or {}).get(own)
        )
    return found


def ready(**switches):
    m = build(**switches)
    m.modality, m.crossing, m.truth, m.graphs = world().modality, False, None, {}
    return m


def test_mult_is_the_rooms_label_transfer():
    m, train = build(), features(world()).blind()
    m.relabel(train, 1)
    v, r = train.of(V).x, train.of(R).x
    y = [m.cluster_own(x, own, 1) for x, own in ((v, V), (r, R))]
    found = association.mult(v, r, *map(torch.as_tensor, y), k1=6, k2=2)
    at = [np.flatnonzero(m.modality == own) for own in Modality]
    for space, intra, cross in (
        (V, found.visible_in_v, found.infrared_in_v),
        (R, found.infrared_in_r, found.visible_in_r),
    ):
        assert torch.allclose(m.labels[space].soft[at[space]], intra, atol=1e-6)
        assert torch.allclose(m.labels[space].soft[at[space.other]], cross, atol=1e-6)
        hard = m.labels[space].hard
        assert (hard == m.labels[space].soft.argmax(1).numpy()).all()
        assert hard.min() == 0  # noise included: everybody has a label


def test_dropped_noise_has_no_label_anywhere():
    for name in ("mult", "pgm", "dotla"):
        m, train = build(association=name, noise="drop"), features(world()).blind()
        m.relabel(train, 1)
        noise = np.zeros(len(train), bool)
        for own in Modality:
            at = np.flatnonzero(m.modality == own)
            noise[at] = m.cluster_own(train.x[at], own, 1) < 0
        assert noise.any()
        for space in Modality:
            assert (m.labels[space].hard[noise] == -1).all()
            assert (m.labels[space].soft[torch.as_tensor(noise)] == 0).all()
            assert (m.labels[space].hard[~noise] >= 0).mean() > 0.9


def test_assigned_noise_goes_to_its_nearest_prototype():
    m, train = ready(association="pgm"), features(world())
    side = sides_of(m, train)[V]
    noise = side.cluster < 0
    assert noise.any()
    cosine = side.x[noise] @ prototypes(side.x, side.cluster).T
    assert torch.equal(side.label[noise], cosine.argmax(1))
    assert torch.equal(side.label[~noise], side.cluster[~noise])
    labels = associate(m, sides_of(m, train), len(train), None)
    assert (labels[V].hard >= 0).all() and (labels[R].hard >= 0).all()
    assert (labels[V].hard[side.rows] == side.label.numpy()).all()


@pytest.mark.parametrize("name", ["hungarian", "pgm", "bccm", "sinkhorn"])
def test_matched_clusters_carry_their_images_over(name):
    m, train = ready(association=name), features(world())
    sides = sides_of(m, train)
    labels = associate(m, sides, len(train), None)
    match = {"sinkhorn": association.cluster_sinkhorn}.get(name) or getattr(association, name)
    v2r, r2v = match(sides[V].prototypes, sides[R].prototypes)
    for own, partner in ((V, v2r), (R, r2v)):
        side = sides[own]
        crossed = labels[own.other].hard[side.rows]
        assert (crossed == partner.numpy()[side.label.numpy()]).all()
        soft = labels[own].soft[side.rows]
        assert torch.equal(soft, torch.eye(side.clusters)[side.label])


def test_hungarian_leaves_the_larger_sides_rest_without_cross_label():
    x = torch.eye(4)[[0, 0, 1, 1, 2, 2, 0, 0, 1, 1]]  # three visible, two infrared people
    train = Embeddings(x, [0] * 6 + [1] * 4, [1] * 10)
    labels = np.array([0, 0, 1, 1, 2, 2, 0, 0, 1, 1])
    found = {}
    for name in ("hungarian", "pgm"):
        m = ready(association=name)
        found[name] = associate(m, sides_of(m, train, labels), 10, None)
    assert found["hungarian"][R].hard.tolist() == [0, 0, 1, 1, -1, -1, 0, 0, 1, 1]
    assert (found["pgm"][R].hard >= 0).all()
    assert found["hungarian"][V].hard.tolist() == [0, 0, 1, 1, 2, 2, 0, 0, 1, 1]
    m = ready(association="pgm", pgm_rounds=1)
    once = associate(m, sides_of(m, train, labels), 10, None)
    assert once[R].hard.tolist() == found["hungarian"][R].hard.tolist()


def test_mbccm_draws_partners_within_the_mask_anew_each_epoch():
    # spec's example: everyone at least as close as an assigned partner is a partner too
    m = ready(association="mbccm")
    x = normalize(torch.randn(40, 3, generator=torch.Generator().manual_seed(2)))
    train = Embeddings(x, np.repeat([0, 1], 20), np.ones(40))
    labels = np.tile(np.repeat(np.arange(5), 4), 2)
    sides = sides_of(m, train, labels)
    mask = association.mbccm(sides[V].prototypes, sides[R].prototypes).numpy()
    assert mask.sum() > 5
    drawn = []
    for epoch in range(6):
        found = associate(m, sides, 40, m.rng(epoch, 3))
        partner = found[R].hard[:20].reshape(5, 4)
        assert (partner == partner[:, :1]).all()
        assert mask[np.arange(5), partner[:, 0]].all()
        back = found[V].hard[20:].reshape(5, 4)[:, 0]
        assert mask[back, np.arange(5)].all()
        drawn.append((tuple(partner[:, 0]), tuple(back)))
    assert len(set(drawn)) > 1
    again = associate(m, sides, 40, m.rng(0, 3))
    assert tuple(again[R].hard[:20:4]) == drawn[0][0]


def test_transport_labels_are_the_rooms():
    train = features(world()).blind()
    m = ready(association="dotla")
    sides = sides_of(m, train)
    v, r = sides[V], sides[R]
    in_r, in_v = association.dotla(v.x, r.x, v.cluster, r.cluster)
    found = associate(m, sides, len(train), None)
    assert (found[R].hard[v.rows] == in_r.numpy()).all()
    assert (found[V].hard[r.rows] == in_v.numpy()).all()
    m = ready(association="otla")
    p = softmax(r.x @ v.prototypes.T / 0.05, 1)
    label, _ = association.otla(p, max_steps=500)
    found = associate(m, sides, len(train), None)
    assert (found[V].hard[r.rows] == label.numpy()).all()
    assert (found[R].hard[v.rows] == -1).all()
    assert (found[R].hard[r.rows] >= 0).all()


def test_otla_takes_the_visible_space_in_every_epoch():
    m, train = build(association="otla"), features(world()).blind()
    for epoch in (1, 2):
        labels = m.relabel(train, epoch)
        assert m.space is V and "infrared space" not in labels
        for batch in m.batches(labels, epoch):
            assert (m.labels[V].hard[batch.rows] == batch.label.numpy()).all()


def test_oracle_labels_are_the_truth_and_lonely_people_have_no_partner():
    table = world()
    identity = table.identity * 10
    infrared = table.modality == R
    identity[infrared & (table.identity == 2)] = 77  # somebody else: seen in one modality only
    identity[0] = -1  # nobody knows
    train = Embeddings(features(table).x, table.modality, table.camera, identity)
    m = build(association="oracle")
    labels = m.relabel(train, 1)
    known = identity >= 0
    visible = np.unique(identity[~infrared & known])
    expected = [list(visible).index(i) if i in visible else -1 for i in identity]
    assert labels["visible space"].label.tolist() == expected
    assert (labels["visible space"].label[identity == 77] == -1).all()
    assert (labels["infrared space"].label[~infrared & (table.identity == 2)] == -1).all()
    assert labels["visible"].label[0] == -1
    assert all((batch.rows != 0).all() for batch in m.batches(labels, 1))
    assert not m.unsupervised
    assert methods.build("mult", row="1", association="oracle").unsupervised


def test_curves_hold_both_spaces():
    record = run()
    for row in record.curves[1:]:
        for space in ("visible space", "infrared space", "global"):
            assert {f"{space}/cross_precision", f"{space}/cross_recall"} <= set(row)
        assert {"visible/precision", "infrared/recall"} <= set(row)
        assert "visible/cross_precision" not in row
        assert row["visible/outliers"] == 0
    for space, row in zip((V, R), record.curves[1:], strict=True):
        assert row["global/cross_ari"] == row[f"{space.word} space/cross_ari"]
    assert record.curves[0]["visible/outliers"] > 0


# ---- sampling ----


def labelled(v_labels, r_labels, **switches):
    """A method whose hard labels are given: two rows of (visible in it, infrared in it)."""
    m = build(**switches)
    m.crossing, m.modality = True, np.repeat([0, 1], [len(v_labels[0]), len(v_labels[1])])
    spaces = {V: np.concatenate(v_labels), R: np.concatenate([r_labels[1], r_labels[0]])}
    n = len(m.modality)
    m.labels = {s: SpaceLabels(torch.zeros(n, 1), hard) for s, hard in spaces.items()}
    return m


def test_half_of_a_batch_comes_from_each_space():
    rng = np.random.default_rng(0)
    many = {"identities": 12, "instances": 4, "iterations": 5}
    v = (rng.permutation(np.repeat(np.arange(8), 5)), rng.permutation(np.repeat(np.arange(8), 3)))
    r = (rng.permutation(np.repeat(np.arange(7), [4] * 6 + [0])), np.repeat(np.arange(8), 5))
    m = labelled(v, r, **many)
    hard = {s: m.labels[s].hard for s in Modality}
    batches = list(m.batches({}, 1))
    assert len(batches) == 5
    for batch in batches:
        assert len(batch) == 3 * 48
        rows, label = batch.rows.reshape(3, 12, 4), batch.label.numpy().reshape(3, 12, 4)
        assert (rows[0] == rows[1]).all() and (label[0] == label[2]).all()
        assert (m.modality[rows[0]] == V).all() and (m.modality[rows[2]] == R).all()
        assert (batch.view.reshape(3, -1) == [[0], [1], [0]]).all()
        for half, space in ((slice(0, 6), V), (slice(6, 12), R)):
            for stream in (0, 2):
                assert (hard[space][rows[stream, half]] == label[stream, half]).all()
        classes = label[0, :, 0]
        assert len(set(classes[:6])) == 6  # without replacement
        for group in rows[0, :6]:
            assert len(set(group)) == 4  # 5 images for 4 places
    assert len({tuple(b.label.tolist()) for b in batches}) == 5


def test_two_cards_see_plain_and_augmented_pictures_apart():
    """The plain view with the visible space's infrared images, the augmented with the others."""
    labels = (np.repeat(np.arange(9), 4),) * 2
    m = labelled(labels, labels, identities=4, instances=3)
    batch = next(iter(m.batches({}, 1)))
    first, second = (part.numpy() for part in shares(batch.modality, 2))
    for part, view, half in ((first, 0, slice(0, 6)), (second, 1, slice(6, 12))):
        visible = part[batch.modality[part] == V]
        assert len(visible) == 12 and (batch.view[visible] == view).all()
        infrared = part[batch.modality[part] == R]
        assert (batch.label[infrared] == batch.label[24:][half]).all()


def test_a_class_of_at_most_k_images_is_drawn_with_replacement():
    v = (np.repeat([0, 1], 4), np.repeat([0, 1], 4))
    m = labelled(v, v[::-1], identities=4, instances=4, iterations=40)
    groups = [b.rows.reshape(3, 4, 4)[0] for b in m.batches({}, 1)]
    distinct = [len(set(g)) for batch in groups for g in batch]
    assert min(distinct) < 4  # four images, four places, and yet one twice
    m = labelled(v, v[::-1], identities=4, instances=3, iterations=40)
    groups = [b.rows.reshape(3, 4, 3)[0] for b in m.batches({}, 1)]
    assert all(len(set(g)) == 3 for batch in groups for g in batch)


def test_few_shared_labels_warn_and_none_is_an_error():
    v = (np.array([0, 0, 1, 1, 2, 2]), np.array([0, 0, 1, 1, 5, 5]))  # 2 and 5 live on one side
    nothing = (np.full(6, -1), np.arange(6) % 2)
    m = labelled(v, nothing[::-1], identities=6)
    with pytest.warns(UserWarning, match="only 2 labels of visible space"):
        batch = next(iter(m.batches({}, 1)))
    assert set(batch.label.tolist()) <= {0, 1} and len(batch) == 3 * 6 * 3
    m = labelled((nothing[1], nothing[0]), nothing, identities=6)
    m.labels[R].hard[:] = -1
    with pytest.raises(NoClustersError, match=r"association='mult'.*larger eps"):
        m.batches({}, 1)


def test_odd_batches_give_the_infrared_space_one_more():
    labels = (np.repeat(np.arange(9), 2),) * 2
    m = labelled(labels, labels, identities=9)
    assert draws.parts_of({V: 9, R: 9}, m, 1) == {V: 4, R: 5}
    with pytest.warns(UserWarning, match="no label of infrared space has images of both"):
        assert draws.parts_of({V: 9, R: 0}, m, 1) == {V: 9}


def test_stage_1_draws_its_clusters_anew_for_each_batch():
    m = build(identities=3, instances=4, iterations=40)
    m.crossing = False
    clusters = {V: np.repeat(np.arange(7), 5), R: np.r_[np.repeat(np.arange(5), 6), -1, -1]}
    space = [np.r_[clusters[V], np.full(32, -1)], np.r_[np.full(35, -1), clusters[R]]]
    labels = {own.word: PseudoLabels(space[own]) for own in Modality}
    batches = list(m.batches(labels, 0))
    assert len(batches) == 40
    for batch in batches:
        rows = batch.rows.reshape(3, 3, 4)
        assert (rows[0] == rows[1]).all() and (rows[:2] < 35).all() and (rows[2] >= 35).all()
        assert (batch.view.reshape(3, -1) == [[0], [1], [0]]).all()
        for view, own in ((0, V), (2, R)):
            label = space[own][rows[view]]
            assert (label == label[:, :1]).all() and len(set(label[:, 0])) == 3
            assert all(len(set(group)) == 4 for group in rows[view])  # without replacement
        drawn = np.concatenate([space[V][rows[0]].ravel(), space[R][rows[2]].ravel()])
        assert (batch.label.numpy()[12:] == drawn).all()
    pairs = {tuple(sorted(set(b.label[:12].tolist()))) for b in batches}
    assert len(pairs) > 15  # of 35; in turns two batches in a row have no cluster twice
    repeats = [
        set(a.label[:12].tolist()) & set(b.label[:12].tolist()) for a, b in pairwise(batches)
    ]
    assert sum(map(bool, repeats)) > 20
    few = build(identities=6, instances=4, iterations=1)
    few.crossing = False
    with pytest.warns(UserWarning, match="5 infrared clusters, batches want 6"):
        (batch,) = few.batches(labels, 0)
    assert len(batch) == 2 * 24 + 20


# ---- whole runs ----


@pytest.fixture(scope="module")
def plain():
    return fingerprint(run())


def fingerprint(record) -> list:
    return [losses(record), record.result]


@pytest.mark.parametrize("name", ASSOCIATIONS)
@pytest.mark.parametrize("oclr", [True, False])
def test_every_association_trains(name, oclr):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # transport that did not converge
        record = run(association=name, oclr=oclr)
    assert record.unsupervised is (name != "oracle")
    for row in losses(record)[1:]:
        assert ("loss/oclr" in row) is oclr
        assert all(np.isfinite(v) and v > 0 for v in row.values())
    if name == "oracle":
        assert record.curves[-1]["global/ari"] == 1
        assert record.curves[-1]["global/cross_recall"] == 1


def test_associations_differ_in_their_labels():
    found = {}
    for name in ASSOCIATIONS:
        m, train = build(association=name), features(world())
        m.relabel(train, 1)
        found[name] = tuple(m.labels[V].hard.tolist() + m.labels[R].hard.tolist())
    same = [(a, b) for a, b in combinations(found, 2) if found[a] == found[b]]
    assert not same


CHANGES = {
    "recipe": "pgm",
    "strong_stage1": True,
    "k1": 4,
    "k2": 1,
    "eps": 0.45,
    "min_samples": 3,
    "temperature": 0.2,
    "momentum": 0.8,
    "identities": 6,
    "instances": 2,
    "stage1_draw": "turns",
    "bn_chunks": 2,
    "moves": "during",
    "write_order": "var",
    "association": "pgm",
    "im": False,
    "cm": False,
    "oclr": False,
    "sharpen": 1.0,
    "detach_target": True,
    "noise": "drop",
    "centring": True,
    "alpha": 0.9,
    "beta": 0.0,
    "lam": 1.0,
    "affinity": "binary",
    "transfer": "paper",
    "tol": 0.5,
    "max_rounds": 40,
    "stop": "converged",
    "prototypes": "unit",
    "visible_weight": 0.5,
    "stage2_lr": 1e-2,
    "stage2_iterations": 1,
    "epochs": (2, 1),
    "iterations": 3,
    "lr": 1e-2,
    "weight_decay": 0.5,
    "optimiser": "sgd",
    "milestones": (1,),
}
TOGETHER = {"max_rounds": {"tol": 0.0}}  # what a setting needs to be felt
ELSEWHERE = {  # not felt under association="mult"
    "pgm_rounds": {"association": "pgm", "pgm_rounds": 1},
    "otla_steps": {"association": "otla", "otla_steps": 1},
    "reg": {"association": "sinkhorn", "reg": 0.01},
}


@pytest.mark.parametrize("name", CHANGES)
def test_no_setting_lies(name, plain):
    needed = TOGETHER.get(name, {})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        reference = fingerprint(run(**needed)) if needed else plain
        assert fingerprint(run(**needed, **{name: CHANGES[name]})) != reference


@pytest.mark.parametrize("name", ELSEWHERE)
def test_settings_of_other_associations_do_not_lie(name):
    found = []
    for switches in (ELSEWHERE[name], {"association": ELSEWHERE[name]["association"]}):
        m = ready(**switches)
        train = features(world(gap=90))
        identity, modality = train.identity.numpy(), train.modality.numpy()
        labels = np.minimum(identity, np.array([4, 1])[modality])  # five visible, two infrared
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            labels_ = associate(m, sides_of(m, train, labels), len(train), m.rng(1))
        found.append([labels_[s].hard.tolist() for s in Modality])
    assert found[0] != found[1]


def test_every_field_is_tried():
    known = {f.name for cls in (methods.kind("mult"), Schedule) for f in fields(cls)}
    assert known - set(CHANGES) - set(ELSEWHERE) == {"schedule", "decay"}
    assert run(milestones=(1,), epochs=(2, 1)).curves[1]["lr"] == pytest.approx(1e-4)
    assert run(milestones=(1,), epochs=(2, 1), decay=0.5).curves[1]["lr"] == pytest.approx(5e-4)


def stage1(**switches):
    return fingerprint(run(**switches, epochs=(2, 0)))


@pytest.fixture(scope="module")
def plain_stage1():
    return stage1()


def test_what_stage_2_alone_reads_changes_nothing_before_it(plain_stage1):
    cls = methods.kind("mult")
    changes = CHANGES | {name: switches[name] for name, switches in ELSEWHERE.items()}
    late = {name: changes[name] for name in cls.stage2_fields}
    assert all(getattr(cls(), name) != value for name, value in late.items())
    assert stage1(**late) == plain_stage1


@pytest.mark.parametrize(
    "name",
    sorted(set(CHANGES) - methods.kind("mult").stage2_fields - {"epochs", "stage2_iterations"}),
)
def test_stage_1_reads_all_other_settings(name, plain_stage1):
    assert stage1(**{name: CHANGES[name]}) != plain_stage1


class Killed(Exception):
    pass


@pytest.mark.parametrize("name", ["mult", "mbccm"])
@pytest.mark.parametrize("when", [1, 2])
def test_a_killed_run_resumes_with_the_same_numbers(tmp_path, name, when):
    def train(model, **options):
        method = methods.build("mult", **(SMALL | {"association": name}))
        return fit(model, method, world(), seed=5, **options)

    def kill(row):
        if row["epoch"] == when - 1:
            raise Killed

    whole, again = toy.net(), toy.net()
    expected = train(whole)
    with pytest.raises(Killed):
        train(toy.net(), out=tmp_path, on_epoch=kill)
    found = train(again, out=tmp_path, resume=True)
    assert found.curves == expected.curves
    assert found.steps == expected.steps == 6
    for a, b in zip(whole.parameters(), again.parameters(), strict=True):
        assert torch.equal(a, b)


def test_identities_reach_the_oracle_only():
    seen = []
    for name in ("mult", "oracle"):
        method = methods.build("mult", **(SMALL | {"association": name}))
        inner = method.relabel

        def spy(train, epoch, inner=inner):
            seen.append(train.identity is None)
            return inner(train, epoch)

        method.relabel = spy
        fit(toy.net(), method, toy.images(), seed=0, epochs=2)
    assert seen == [True, True, False, False]


def test_progress_counts_the_batches_of_both_stages():
    seen = []
    method = methods.build("mult", **(SMALL | {"iterations": 3, "stage2_iterations": 1}))
    record = fit(toy.net(), method, toy.images(), seed=0, on_step=lambda i, n: seen.append((i, n)))
    assert seen == [(i, 5) for i in range(5)]
    assert method.steps == record.steps == 5


def test_swapped_modalities_swap_the_labels():
    """MULT knows no first modality: exchanging them exchanges the spaces."""
    train = features(world()).blind()
    swapped = Embeddings(train.x, 1 - train.modality, train.camera)
    found = []
    for one in (train, swapped):
        m = build()
        m.relabel(one, 1)
        found.append(m.labels)
    for own in Modality:
        assert torch.allclose(found[0][own].soft, found[1][own.other].soft, atol=1e-3)
        assert (found[0][own].hard == found[1][own.other].hard).mean() > 0.98


# ---- bad input ----


@pytest.mark.parametrize(
    "switches",
    [
        {"association": "iMCA"},
        {"noise": "keep"},
        {"affinity": "cosine"},
        {"transfer": "both"},
        {"stop": "never"},
        {"prototypes": "median"},
        {"alpha": -0.1},
        {"alpha": 1.1},
        {"beta": 1.5},
        {"beta": float("nan")},
        {"temperature": 0.0},
        {"lam": -25.0},
        {"sharpen": 0.0},
        {"reg": 0.0},
        {"visible_weight": 0.0},
        {"tol": -1.0},
        {"max_rounds": 0},
        {"otla_steps": 0},
        {"pgm_rounds": 0},
        {"stage2_iterations": 0},
        {"stage2_lr": 0.0},
        {"identities": 1},
        {"instances": 0},
    ],
)
def test_settings_out_of_range_are_named(switches):
    (name,) = switches
    with pytest.raises(ValueError, match=name):
        methods.build("mult", **switches)


def test_what_mult_cannot_do_is_no_switch():
    others = {"memory": "hybrid", "hinge": 0.1, "subset_ratio": 0.5}
    for name, value in (others | {"camera_aware_sampling": True}).items():
        with pytest.raises(ValueError, match=f"no switch {name}; known: .*association"):
            methods.build("mult", **{name: value})


def test_all_noise_is_an_error_that_says_what_to_do():
    with pytest.raises(NoClustersError, match=r"visible images noise .*larger eps"):
        run(epochs=(0, 1), eps=1e-6, min_samples=30)


def test_broken_features_are_named():
    m, train = build(), features(world())
    bad = train.x.clone()
    bad[3] = float("nan")
    with pytest.raises(ValueError, match="NaN"):
        m.relabel(Embeddings(bad, train.modality, train.camera), 1)
    bad[3] = 0
    with pytest.raises(ValueError, match="zero"):
        m.relabel(Embeddings(bad, train.modality, train.camera), 1)


def test_fewer_visible_than_infrared_clusters_is_no_case_of_its_own():
    x = torch.eye(5)[[0, 0, 1, 1, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4]]
    train = Embeddings(x, [0] * 4 + [1] * 10, [1] * 14)
    labels = np.array([0, 0, 1, 1, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4])
    for name in ("pgm", "bccm", "mbccm"):
        m = ready(association=name)
        found = associate(m, sides_of(m, train, labels), 14, m.rng(1))
        assert (found[V].hard >= 0).all() and (found[R].hard >= 0).all()


@pytest.mark.parametrize("name", ["mult", "pgm", "dotla", "otla"])
def test_one_visible_cluster_still_trains(name):
    table = toy.images(people=3, per=6)
    keep = (table.modality == R) | (table.identity == 0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # one cluster only; labels drawn with replacement
        record = run(table.rows(keep), epochs=(0, 2), association=name, eps=0.5)
    assert record.curves[0]["visible space/clusters"] == 1
    assert all(np.isfinite(v) for row in losses(record) for v in row.values())


# ---- pictures ----


def test_stage_1_is_augmented_more_strongly():
    m = methods.build("mult")
    first, second = m.augmentation(0), m.augmentation(40)
    assert second == RECIPES["adca"]
    assert first.visible == Patched()
    assert first.visible_second == Stream(jitter=0.5, channels="exchange")
    assert first.infrared == Stream(jitter=0.5, channels="adapt_grey")
    assert (first.erasing_probability, second.erasing_probability) == (0.9, 0.5)
    assert methods.build("mult", preset="light").augmentation(0) == RECIPES["pgm"]


def test_linear_patches_scale_boxes_down_to_darkness():
    picture = np.random.default_rng(0).integers(60, 255, (32, 16, 3)).astype(np.uint8)
    before = picture.copy()
    g = torch.Generator().manual_seed(0)
    changed = [linear_patches(picture, probability=1, generator=g) for _ in range(20)]
    assert (picture == before).all()
    for q in changed:
        assert q.dtype == np.uint8 and q.shape == picture.shape
        assert (q == 0).any()  # some pixel went dark, in one channel at least
        assert not (q == picture).all()
    again = linear_patches(picture, probability=1, generator=torch.Generator().manual_seed(0))
    assert (again == changed[0]).all()
    assert linear_patches(picture, probability=0, generator=g) is picture
    black = np.zeros((8, 8, 3), np.uint8)
    assert linear_patches(black, probability=1, generator=g) is black
    red = picture * np.array([1, 0, 0], np.uint8)
    assert (linear_patches(red, probability=1, generator=g)[..., 1:] == 0).all()


def test_patched_pictures_are_about_nine_of_ten():
    picture = np.full((16, 8, 3), 200, np.uint8)
    g = torch.Generator().manual_seed(0)
    changed = [linear_patches(picture, generator=g) is not picture for _ in range(400)]
    assert 0.84 < np.mean(changed) < 0.96


def test_affinity_graphs_are_computed_once(monkeypatch):
    seen = []

    def count(x, **options):
        seen.append(options.get("eps"))
        return jaccard_distance(x, **options)

    for module in ("methods.mult", "methods.dcl", "association.mult"):
        monkeypatch.setattr(sys.modules[f"vireid.{module}"], "jaccard_distance", count)
    m, train = build(), features(world()).blind()
    m.relabel(train, 1)
    assert seen == [None, None]  # one per modality, whole
    assert not m.graphs
    seen.clear()
    build(affinity="binary").relabel(train, 1)
    assert seen == [0.6, 0.6, None, None]  # DBSCAN's, then the binary ones
    seen.clear()
    m.relabel(train, 0)
    assert seen == [0.6, 0.6]  # stage 1 needs pairs within eps only


def test_the_ablation_widget_offers_the_switches():
    from vireid.widgets import ablation

    panel = ablation([], "mult")
    assert panel.name_of("", panel.changes()) == "7"
    panel.switches["oclr"].value = False
    assert panel.name_of("", panel.changes()) == "3"
    panel.switches["association"].value = "pgm"
    assert panel.name_of("", panel.changes()) == "pgm"
