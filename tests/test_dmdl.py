"""DMDL: the spec's sections 1 to 8 as a method, its switches one by one, and broken input."""

from dataclasses import fields, replace

import numpy as np
import pytest
import torch
import toy
from test_association import COSINES, with_cosines
from torch.nn.functional import normalize, one_hot

from vireid import losses, methods, models
from vireid.arguments import LabelError
from vireid.clustering import NoClustersError, prototypes
from vireid.data.augment import RECIPES, Stream
from vireid.data.pseudo_colour import pseudo_colour, version_tables
from vireid.data.sampler import draw_aligned
from vireid.memory import Memory
from vireid.methods import dmdl
from vireid.methods.base import Schedule
from vireid.methods.dmdl import terms
from vireid.methods.dmdl.camera import camera_prototypes, camera_similarity
from vireid.methods.dmdl.parts import PartialMemory
from vireid.models import Output, load_weights
from vireid.training import fit
from vireid.types import Embeddings, Modality

VISIBLE, INFRARED = Modality.VISIBLE, Modality.INFRARED
F64 = torch.float64
SMALL = {
    "epochs": (2, 3),
    "iterations": 2,
    "lr": 3e-3,
    "k1": 6,
    "k2": 2,
    "alternate_k1": 4,
    "min_samples": 2,
    "identities": 3,
    "instances": 2,
    "triplet_starts": (0, 1, 1),
    "triplet_starts_2": (1, 2),
    "warmup": 1,
    "stage1_refine_start": 1,
    "aligned_phase_start": 2,
}


def rows(*values):
    return torch.tensor(values, dtype=F64)


# A world of features: 4 people, given clusters, a network that looks its features up


class Lookup(torch.nn.Module):
    """Features of every image in either view are its parameters."""

    def __init__(self, x):
        super().__init__()
        noise = torch.randn(2, *x.shape, dtype=F64, generator=torch.Generator().manual_seed(5))
        self.views = torch.nn.Parameter(3 * x + 0.5 * noise)

    def encode(self, batch, at=slice(None)):
        return Output(self.views[torch.as_tensor(batch.view)[at], torch.as_tensor(batch.rows)[at]])


def world(seed=0):
    """5 visible and 4 infrared images of each of 4 people; infrared features are shifted."""
    generator = torch.Generator().manual_seed(seed)
    people = torch.randn(4, 8, dtype=F64, generator=generator)
    identity = torch.cat([torch.arange(4).repeat_interleave(5), torch.arange(4).repeat(4)])
    modality = torch.tensor([0] * 20 + [1] * 16)
    x = people[identity] + 0.3 * torch.randn(36, 8, dtype=F64, generator=generator)
    x[modality == 1, 0] += 0.5
    return Embeddings(normalize(x), modality, torch.arange(36) % 2, identity)


# person 0 is two visible clusters (0 and 4), infrared clusters are numbered otherwise
FOUND = {
    VISIBLE: np.array([0, 0, 4, 4, -1, *[1] * 5, *[2] * 5, *[3] * 5]),
    INFRARED: np.array([*[2, 0, 3, 1] * 3, 2, 0, -1, 1]),
}


def made(found=None, train=None, **switches):
    """A method (preset official unless said otherwise) whose clusters are given."""
    settings = {"identities": 3, "instances": 2} | switches
    method = methods.build("dmdl", **settings)
    method.start(Lookup((train or world()).x), seed=0)
    given = found or FOUND
    method.cluster_own = lambda x, own, epoch: given[own].copy()
    return method


def step(method, epoch, train=None):
    """(labels, batch, terms, parts) of an epoch's first step, before the memories move."""
    labels = method.relabel(train or world(), epoch)
    batch = next(iter(method.batches(labels, epoch)))
    found = next(method.losses(batch, method.model.encode, epoch))
    x = method.model.encode(batch).x
    return labels, batch, found, {own: method.part(batch, x, own) for own in Modality}


def total(found):
    return float(sum(found.values()).detach())


# Section 1: schedules


def weight_of(method, stage, e):
    method.certainty = None
    x = torch.randn(6, 3, generator=torch.Generator().manual_seed(0))
    part = terms.Part(x=x, label=torch.tensor([0, 0, 1, 1, 2, 2]), certainty=None, views=1)
    found = terms.triplet_terms(method, dict.fromkeys(Modality, part), stage, e)
    plain = float(losses.batch_hard_triplet(x, part.label))
    return float(found.get("visible triplet", 0)) / plain, "joint triplet" in found


@pytest.mark.parametrize(
    ("stage", "epochs", "weights"),
    [
        (1, (0, 15, 16, 25, 26, 35, 36, 49), (0, 0, 0.25, 0.25, 0.5, 0.5, 1, 1)),
        (2, (0, 10, 11, 20, 21, 49), (0, 0, 0.5, 0.5, 1, 1)),
    ],
)
def test_t1_4_triplet_weight(stage, epochs, weights):
    found = [weight_of(made(), stage, e)[0] for e in epochs]
    assert found == pytest.approx(weights)


def test_t1_4_rate():
    rates = [made().schedule.lr_at(e) for e in (19, 20, 39, 40, 50, 70)]
    assert rates == pytest.approx([3.5e-4, 3.5e-5, 3.5e-5, 3.5e-6, 3.5e-4, 3.5e-5])


def test_triplet_weight_of_regdb_of_shorter_stages_and_fixed():
    regdb = made(preset="official_regdb")
    assert [weight_of(regdb, 1, e)[0] for e in (15, 29)] == pytest.approx([0, 0.5])
    assert [weight_of(regdb, 2, e)[1] for e in (24, 25, 29)] == [False, True, True]
    light = made(preset="light")
    assert [weight_of(light, 1, e)[0] for e in range(6)] == pytest.approx(
        [0, 0, 0.25, 0.25, 0.5, 1]
    )
    late = made(triplet_starts_2=(60, 70))
    assert [weight_of(late, 2, e)[0] for e in (39, 40)] == pytest.approx([0, 1])
    fixed = made(row="triplet-0.25")
    assert [weight_of(fixed, s, e) for s, e in ((1, 0), (2, 0), (2, 45))] == [
        (pytest.approx(0.25), joint) for joint in (False, False, True)
    ]


# Section 2: iMCA


def test_t2_1_both_directions():
    v, r = map(torch.as_tensor, with_cosines(COSINES))
    train = Embeddings(torch.cat([v, r]), [0, 0, 0, 1, 1], [0] * 5)
    method = made({VISIBLE: np.arange(3), INFRARED: np.arange(2)}, train)
    even = method.relabel(train, 50)["global"]
    assert even.label.tolist() == [0, 0, 1, 0, 1] and even.clusters == 2
    assert method.space is INFRARED
    odd = method.relabel(train, 51)["global"]
    assert odd.label.tolist() == [0, 1, 2, 0, 1] and odd.clusters == 3
    assert method.space is VISIBLE
    assert method.memories[VISIBLE].ids.tolist() == [0, 1, 2]
    assert method.memories[INFRARED].ids.tolist() == [0, 1]


@pytest.mark.parametrize("epoch", [50, 51])
def test_t2_2_a_permutation_is_recovered(epoch):
    x, shuffle = normalize(torch.randn(5, 7, dtype=F64)), np.array([3, 0, 4, 1, 2])
    train = Embeddings(torch.cat([x, x[shuffle]]), [0] * 5 + [1] * 5, [0] * 10)
    method = made({VISIBLE: np.arange(5), INFRARED: np.arange(5)}, train)
    label = method.relabel(train, epoch)["global"].label
    assert (label[:5][shuffle] == label[5:]).all() and len(set(label)) == 5


@pytest.mark.parametrize("epoch", [50, 51])
@pytest.mark.parametrize("seed", range(5))
def test_t2_3_and_t2_4_label_space_is_whole_and_outliers_stay(epoch, seed):
    train = world(seed)
    method = made(train=train)
    label = method.relabel(train, epoch)["global"].label
    whole = method.memories[method.space].ids.tolist()
    assert whole == list(range(int(label.max()) + 1)) == list(range(4 if epoch == 50 else 5))
    assert set(method.memories[method.space.other].ids.tolist()) <= set(whole)
    assert np.flatnonzero(label < 0).tolist() == [4, 34]


def test_multi_matches_merge_and_unmatched_clusters_keep_one_modality():
    method = made()
    even = method.relabel(world(), 50)["global"].label
    assert len(set(even[[0, 2, 20]])) == 1  # both halves of person 0, and his infrared cluster
    method.relabel(world(), 51)
    assert len(method.memories[VISIBLE]) == 5 and len(method.memories[INFRARED]) == 4


def test_t2_6_and_t3_4_merged_prototypes_are_means_of_images():
    merged = PartialMemory(
        rows((1, 0), (1, 0), (1, 0), (0, 1)), torch.full((4,), 2), clusters=3, momentum=0.2
    )
    expected = rows((0.948683, 0.316228))
    torch.testing.assert_close(merged.prototypes, expected, atol=1e-6, rtol=0)
    assert merged.ids.tolist() == [2]
    train = Embeddings(rows((1, 0), (1, 0), (1, 0), (0, 1)), [0, 0, 0, 1], [0] * 4)
    method = made({VISIBLE: np.zeros(3, int), INFRARED: np.zeros(1, int)}, train)
    method.relabel(train, 50)
    torch.testing.assert_close(method.shared.prototypes, expected, atol=1e-6, rtol=0)


def test_matching_by_clusters_or_images():
    def unified(matching, e):
        return made(matching=matching).relabel(world(), 50 + e)["global"].label.tolist()

    found = {kind: [unified(kind, e) for e in range(5)] for kind in ("cluster", "sample")}
    assert found["cluster"][0][4] == -1
    assert found["sample"][0][4] == found["sample"][0][3]  # an outlier gains its neighbour's label
    assert [unified("regdb_mix", e) for e in range(5)] == found["cluster"][:2] + found["sample"][2:]


def test_shorter_lists_for_the_renamed_modality_in_stage_2():
    method = made()
    lists = {e: [method.k1_of(own, e) for own in Modality] for e in (0, 1, 50, 51)}
    assert lists == {0: [30, 30], 1: [30, 30], 50: [15, 30], 51: [30, 15]}
    assert made(alternate_k1=None).k1_of(VISIBLE, 50) == 30
    assert made(preset="official_llcm").k1_of(INFRARED, 50) == 25


# Section 3: the shared memory and the likelihood


def likelihood(method, x, label):
    """What a row without CAI and L_in is told of visible features."""
    part = terms.Part(x=x, label=label, certainty=None, views=1)
    found = terms.stage2_terms(method, {}, {VISIBLE: part}, {VISIBLE: label})
    return found["visible likelihood"]


def test_t3_1_to_t3_3_likelihood():
    method = made(row="1", temperature=0.5)
    method.shared = Memory(rows((1, 0), (0, 1)), momentum=0.2)
    f, one, zero = rows((0.6, 0.8)), torch.tensor([1]), torch.tensor([0])
    assert float(likelihood(method, f, one)) == pytest.approx(0.513015, abs=1e-6)  # T3.2
    assert float(likelihood(method, f, zero)) == pytest.approx(0.913015, abs=1e-6)
    method.shared = Memory(rows((0, 1), (1, 0)), momentum=0.2)
    assert float(likelihood(method, f, zero)) == pytest.approx(0.513015, abs=1e-6)  # T3.3
    train = world().rows(range(20))
    label = torch.as_tensor(FOUND[VISIBLE])
    method.shared = Memory(prototypes(train.x, label), momentum=0.2)  # T3.1: visible images only
    own = Memory(prototypes(train.x[label >= 0], label[label >= 0]), momentum=0.2)
    kept = (train.x[label >= 0], label[label >= 0])
    expected = losses.cluster_contrast(*kept, own.prototypes, temperature=0.5)
    torch.testing.assert_close(likelihood(method, *kept), expected)


@pytest.mark.parametrize(
    ("row", "weight"), [("1", 1.0), ("6", 1.0), ("1-controlled", 0.5), ("6-controlled", 0.5)]
)
def test_rows_without_cai_ask_the_shared_memory(row, weight):
    """The paper's rows by it alone; the controlled ones beside L_in, as rows 2 and 7 have CAI."""
    method = made(row=row)
    _, _, found, parts = step(method, 56)
    target = terms.targets(method, parts, 2)
    for own, part in parts.items():
        expected = weight * losses.cluster_contrast(
            part.x, target[own], method.shared.prototypes, temperature=0.05
        )
        torch.testing.assert_close(found[f"{own.word} likelihood"], expected)
        assert (f"{own.word} contrast" in found) is row.endswith("controlled")
    assert all(t.ndim == (1 if row[0] == "1" else 2) for t in target.values())


# Section 4: CAI


def test_prior_counts_labelled_images_after_propagation():
    method = made()
    method.relabel(world(), 50)
    assert method.share.tolist() == pytest.approx([19 / 34, 15 / 34])
    sample = made(matching="sample")
    label = sample.relabel(world(), 50)["global"].label
    assert sample.share[0] == pytest.approx((label[:20] >= 0).sum() / (label >= 0).sum())
    uniform = made(prior="uniform")
    uniform.relabel(world(), 50)
    assert uniform.share.tolist() == [0.5, 0.5]


@pytest.mark.parametrize("epoch", [50, 51])
def test_cai_asks_both_memories_about_both_views(epoch):
    method = made(refine=False)
    _, _, found, parts = step(method, epoch)
    for own, part in parts.items():
        f = normalize(part.x)
        mixture = 0
        for m in Modality:
            ids, bank = method.memories[m].bank
            p = torch.zeros(len(f), len(method.shared), dtype=F64)
            p[:, ids] = (f @ bank.T / 0.05).softmax(1)
            mixture = mixture + method.share[m] * p
        expected = -mixture.gather(1, part.label[:, None]).log().mean()
        torch.testing.assert_close(found[f"{own.word} cai"], 0.5 * expected)
        assert part.views == 2 and len(part.x) == 12


@pytest.mark.parametrize("semi_cross", [True, False])
@pytest.mark.parametrize("epoch", [50, 51])
def test_who_moves_which_memory(epoch, semi_cross):
    method = made(semi_cross=semi_cross)
    labels = method.relabel(world(), epoch)
    batch = next(iter(method.batches(labels, epoch)))
    expected = {
        own: Memory(memory.prototypes, momentum=0.2) for own, memory in method.memories.items()
    }
    running = method.losses(batch, method.model.encode, epoch)
    next(running)
    x = method.model.encode(batch).x.detach()
    for own in Modality:  # visible batch first
        at = batch.of(own)
        for bank in Modality:
            if bank is own or (semi_cross and bank is method.space):
                place = method.memories[bank].local(batch.label[at])
                expected[bank].update(x[at], place)
    with pytest.raises(StopIteration):
        next(running)
    for own in Modality:
        torch.testing.assert_close(method.memories[own].prototypes, expected[own].prototypes)


# people 0 and 2 are in both modalities, 1 is visible only, 3 infrared only
LONELY = [i for i in range(36) if world().identity[i] not in ((3, 1)[i >= 20],)]


@pytest.mark.parametrize("moves", ["after", "during"])
@pytest.mark.parametrize("epoch", [50, 51])
def test_the_truth_moves_no_row_that_a_memory_lacks(epoch, moves):
    train = world().rows(LONELY)
    own = {m: train.identity[train.modality == m].numpy() for m in Modality}
    found = {m: np.unique(label, return_inverse=True)[1] for m, label in own.items()}
    method = made(found, train, matching="oracle", moves=moves, identities=4)
    with pytest.warns(UserWarning, match="only 3 clusters"):
        labels = method.relabel(train, epoch)
        batch = next(iter(method.batches(labels, epoch)))
    before = {m: memory.prototypes for m, memory in method.memories.items()}
    expected = {m: Memory(before[m], momentum=0.2) for m in Modality}
    x = method.model.encode(batch).x.detach()
    for letter in "varp":
        at = dict(method.written(batch))[letter]
        side = Modality(int(batch.modality[at[0]]))
        for bank in {side, method.space}:
            place = method.memories[bank].place[batch.label[at]]
            expected[bank].update(x[at][place >= 0], place[place >= 0])
    for found_terms in method.losses(batch, method.model.encode, epoch):
        sum(found_terms.values()).backward()
    lacking = set(batch.label.tolist()) - set(method.memories[method.space].ids.tolist())
    assert len(lacking) == 1, "somebody whom the label space's memory lacks was shown"
    for m, memory in method.memories.items():
        torch.testing.assert_close(memory.prototypes, expected[m].prototypes)
        assert (memory.prototypes - before[m]).norm(dim=1).min() > 1e-6


def test_an_oracle_trains_on_people_of_one_modality():
    table = toy.images(people=8)
    lone = np.where(table.modality == VISIBLE, table.identity == 5, table.identity == 2)
    for moves in ("after", "during"):
        method = methods.build("dmdl", row="oracle", **(SMALL | {"moves": moves}))
        record = fit(toy.net(), method, table.rows(~lone), seed=0)
        assert [row["stage"] for row in record.curves] == [1, 1, 2, 2, 2]


# Section 6.2: labels


def test_certainty_is_asked_once_an_epoch_after_the_warm_up():
    method = made(gmm_include_noise=False)
    method.relabel(world(), 54)
    assert method.certainty is None  # e = 4: one-hot targets
    train = world()
    label = torch.as_tensor(method.relabel(train, 55)["global"].label)
    loss = losses.label_loss(
        train.x[label >= 0], label[label >= 0], method.shared.prototypes, temperature=0.05
    )
    expected = losses.label_certainty(loss, groups=label[label >= 0])
    torch.testing.assert_close(method.certainty[label >= 0], expected)
    method.relabel(world(), 0)
    assert method.certainty is None
    assert made(warmup=0).relabel(world(), 50) and made(refine=False).warmup == 5
    hard = made(refine=False)
    hard.relabel(world(), 55)
    assert hard.certainty is None


@pytest.mark.parametrize("scope", ["cluster", "global"])
@pytest.mark.parametrize("kind", ["neg_prob", "ce"])
@pytest.mark.parametrize("noise", [False, True])
def test_certainty_switches(scope, kind, noise):
    method = made(certainty_scope=scope, certainty_loss=kind, gmm_include_noise=noise)
    train = world()
    label = torch.as_tensor(method.relabel(train, 60)["global"].label)
    kept, clusters = label >= 0, len(method.shared)
    used = torch.ones_like(kept) if noise else kept
    guess = torch.where(kept, label, clusters - 1)[used]
    loss = losses.label_loss(
        train.x[used], guess, method.shared.prototypes, temperature=0.05, kind=kind
    )
    groups = torch.where(kept, label, clusters)[used] if scope == "cluster" else None
    expected = losses.label_certainty(loss, groups=groups)[kept[used]]
    torch.testing.assert_close(method.certainty[kept], expected)
    assert (method.certainty[~kept] == 0).all()


@pytest.mark.parametrize("exchange", [True, False])
@pytest.mark.parametrize("topk", [None, 2])
def test_targets_are_eq_8(exchange, topk):
    method = made(exchange=exchange, predict_topk=topk)
    _, batch, _, parts = step(method, 56)
    for own, target in terms.targets(method, parts, 2).items():
        part, n = parts[own], len(parts[own].x) // 2
        logits = normalize(part.x) @ method.shared.prototypes.T / 0.05
        if topk:
            lowest = logits.topk(topk, dim=1).values[:, -1:]
            logits = logits.masked_fill(logits < lowest, -torch.inf)
        p = logits.softmax(1)
        told = torch.cat([p[n:], p[:n]]) if exchange else p
        w = method.certainty[batch.rows[batch.of(own)]][:, None]
        expected = w * one_hot(part.label, p.shape[1]) + (1 - w) * told
        torch.testing.assert_close(target, expected.detach())
        assert not target.requires_grad


def test_t6_8_sure_labels_are_hard_labels():
    method = made()
    labels = method.relabel(world(), 56)
    batch = next(iter(method.batches(labels, 56)))
    method.certainty = torch.ones(36)
    soft = next(method.losses(batch, method.model.encode, 56))
    method.certainty = None
    hard = next(method.losses(batch, method.model.encode, 56))
    assert soft.keys() == hard.keys()
    for name in soft:
        torch.testing.assert_close(soft[name], hard[name])


@pytest.mark.parametrize(
    ("switches", "epoch"),
    [
        ({}, 56),
        ({}, 50),
        ({"delta": 0.6}, 50),
        ({"adaptive": False, "momentum": 0.4}, 56),
        ({"refine": False, "momentum": 0.4}, 56),
    ],
)
def test_the_shared_memory_moves_infrared_first(switches, epoch):
    method = made(**switches)
    labels = method.relabel(world(), epoch)
    batch = next(iter(method.batches(labels, epoch)))
    bank = method.shared.prototypes.clone()
    running = method.losses(batch, method.model.encode, epoch)
    next(running)
    x = method.model.encode(batch).x.detach()
    parts = {own: method.part(batch, x, own) for own in Modality}
    target = terms.targets(method, parts, 2)
    for own in (INFRARED, VISIBLE):
        for i, (f, y) in enumerate(zip(parts[own].x, parts[own].label.tolist(), strict=True)):
            if not (method.refine and method.adaptive):
                mu = method.momentum
            elif epoch == 50:
                mu = method.delta
            else:
                mu = method.delta / max(float(target[own][i, y]), method.delta)
            bank[y] = normalize(mu * bank[y] + (1 - mu) * normalize(f, dim=0), dim=0)
    list(running)
    torch.testing.assert_close(method.shared.prototypes, bank)


def test_one_view_is_told_its_own_prediction():
    method = made(data="none")
    _, batch, found, parts = step(method, 56)
    assert set(batch.view[batch.modality == INFRARED]) == {0}
    assert "visible alignment" in found and "infrared alignment" not in found
    p = losses.shared_prediction(
        parts[INFRARED].x, method.shared.prototypes, temperature=0.05, keep=10
    )
    w = method.certainty[batch.rows[batch.of(INFRARED)]][:, None]
    expected = w * one_hot(parts[INFRARED].label, p.shape[1]) + (1 - w) * p
    torch.testing.assert_close(terms.targets(method, parts, 2)[INFRARED], expected)


# Sections 6.1, 6.3 and 7: pictures, alignment, the total


def test_alignment_of_views_or_of_modalities():
    _, batch, found, _ = step(made(), 56)
    method = made(row="mmd")
    _, _, across, _ = step(method, 56)
    x = method.model.encode(batch).x
    for own in Modality:
        views = [x[batch.of(own, view)] for view in (0, 1)]
        torch.testing.assert_close(found[f"{own.word} alignment"], losses.feature_alignment(*views))
    views = [x[batch.of(own, 0)] for own in Modality]
    torch.testing.assert_close(across["modality alignment"], losses.feature_alignment(*views))
    assert set(across) - set(found) == {"modality alignment"}
    _, _, biased, _ = step(made(estimator="biased"), 56)
    assert total(biased) != total(found)


def test_modalities_of_unequal_batches_can_be_aligned():
    found = FOUND | {INFRARED: np.array([0, 1, 0, 1] * 4)}
    method = made(found, row="mmd", stage1_cbt=True)
    with pytest.warns(UserWarning, match="only 2 clusters"):
        _, batch, across, _ = step(method, 0)
    assert len(batch.of(VISIBLE)) > len(batch.of(INFRARED))
    assert across["modality alignment"].isfinite()


def test_augmentation_follows_stage_and_switches():
    def streams(epoch, **switches):
        recipe = made(**switches).augmentation(epoch)
        return recipe.visible_second, recipe.infrared_second

    usual = RECIPES["dmdl"]
    full = (usual.visible_second, Stream(pseudo_colour=True))
    assert streams(0) == streams(99) == full == (usual.visible_second, usual.infrared_second)
    jittered = (usual.visible_second, Stream(jitter=0.5))  # channel exchange stays
    assert streams(50, row="random-aug") == streams(0, data="random") == jittered
    assert streams(0, row="random-aug") == full, "stage 1 is plain: one infrared view"
    sampled = streams(50, preset="paper")[1]
    assert sampled == Stream(pseudo_colour=True, colour_maps="sampled")
    regdb = made(preset="official_regdb")
    areas = [regdb.augmentation(e).erasing_area for e in (0, 30)]
    assert areas == [(0.02, 0.5), (0.02, 0.6)]
    paper = made(preset="paper").augmentation(50)
    assert (paper.erasing, paper.erasing_area) == ("constant", (0.02, 0.4))


def test_sampled_colour_maps_mix_whole_versions():
    tables = version_tables()
    assert tables.shape == (3, 4, 256) and tables[:, 0, 0].tolist() == [0, 0, 127]  # dark jet
    ramp, dice = np.arange(256, dtype=np.uint8)[None], torch.Generator().manual_seed(0)
    painted = {pseudo_colour(ramp, maps="sampled", generator=dice).tobytes() for _ in range(900)}
    assert len(painted) == 64
    one = pseudo_colour(ramp, maps="sampled", options=(0, 1, 2))
    assert all((one[0, :, c] == tables[c, c]).all() for c in range(3))
    with pytest.raises(ValueError, match="known: official, sampled"):
        pseudo_colour(ramp, maps="none")


def test_t7_1_without_lambdas_the_in_modality_term_is_all():
    method = made(cai_weight=0, alignment_weight=0)
    for e in (0, 10):
        _, _, found, parts = step(method, 50 + e)
        assert set(found) == {"visible contrast", "infrared contrast"}
        expected = 0
        for own, part in parts.items():
            memory = method.memories[own]
            places = [memory.ids.tolist().index(y) for y in part.label.tolist()]
            logits = normalize(part.x) @ memory.prototypes.T / 0.05
            expected -= logits.log_softmax(1)[range(len(places)), places].mean()
        assert total(found) == pytest.approx(float(expected.detach()))
    assert total(step(method, 61)[2]) > total(
        step(made(cai_weight=0, alignment="none", triplet=0), 61)[2]
    )


@pytest.mark.parametrize("name", ["cai_weight", "alignment_weight", "triplet"])
def test_t7_2_linear_in_each_lambda(name):
    values = [total(step(made(**{name: v}), 56)[2]) for v in (0.0, 1.0, 3.0)]
    assert values[1] != values[0]
    assert values[2] - values[0] == pytest.approx(3 * (values[1] - values[0]))


def test_t7_3_paper_turns_off_what_only_the_code_has():
    for preset in ("paper", "paper_regdb", "paper_llcm"):
        paper = methods.build("dmdl", preset=preset)
        assert (paper.identities, paper.instances) == (16, 16)
        assert paper.schedule.epochs == (50, 50)
        assert (paper.certainty_loss, paper.certainty_scope) == ("ce", "global")
        assert (paper.matching, paper.colour_maps, paper.erasing) == (
            "cluster", "sampled", "constant")  # fmt: skip
        assert paper.in_modality_term
        for name in ("alternate_k1", "predict_topk", "aligned_phase_start"):
            assert getattr(paper, name) is None
        for name in ("semi_cross", "stage1_cbt", "camera_aware_sampling", "gmm_include_noise"):
            assert getattr(paper, name) is False
        assert (paper.warmup, paper.bn_chunks) == (0, 1)
        assert not any(paper.aligned(2, e) for e in range(50))


def test_defaults_are_the_released_code_s():
    m = methods.build("dmdl")
    assert (m.k1, m.k2, m.eps, m.min_samples, m.alternate_k1) == (30, 6, 0.6, 4, 15)
    assert (m.temperature, m.momentum, m.delta, m.triplet_margin) == (0.05, 0.2, 0.2, 0.3)
    assert (m.cai_weight, m.alignment_weight, m.warmup) == (0.5, 1, 5)
    assert (m.predict_topk, m.stage1_topk, m.stage1_refine_start) == (10, 3, 30)
    assert (m.identities, m.instances, m.aligned_phase_start) == (8, 16, 40)
    assert (m.matching, m.certainty_loss, m.certainty_scope) == ("cluster", "neg_prob", "cluster")
    assert m.gmm_include_noise and m.bn_chunks == 4
    assert (m.camera_temperature, m.camera_eps) == (0.05, 0.55)
    schedule = m.schedule
    assert (schedule.epochs, schedule.iterations, schedule.weight_decay) == ((50, 50), 200, 5e-4)
    regdb = methods.build("dmdl", preset="official_regdb")
    assert (regdb.eps, regdb.matching, regdb.certainty_scope) == (0.3, "regdb_mix", "global")
    assert (regdb.schedule.epochs, regdb.schedule.iterations) == ((30, 30), 100)
    assert (regdb.aligned_phase_start, regdb.alternate_k1, regdb.bn_chunks) == (25, None, 4)
    llcm = methods.build("dmdl", preset="official_llcm")
    assert (llcm.k1, llcm.k2, llcm.alternate_k1, llcm.eps, llcm.bn_chunks) == (25, 6, 15, 0.6, 4)


def test_the_network_is_the_released_one():
    """Parameters that take part in the released ``agw_one``, counted by running it."""
    name, options = methods.kind("dmdl").networks["agw"]
    network = models.build(name, **options)
    assert sum(p.numel() for p in network.parameters()) == 30_870_592


TICKS = {"1": "", "2": "c", "3": "cd", "4": "cdl", "5": "cdf", "6": "dlf", "7": "cdlf"}


@pytest.mark.parametrize(("row", "ticks"), TICKS.items())
def test_rows_of_table_3(row, ticks):
    method = made(row=row)
    changed = {k for k, v in method.config().items() if v != made().config()[k]}
    likelihood = set() if "c" in ticks else {"cai", "in_modality_term", "cai_weight"}
    assert likelihood < changed <= likelihood | {"data", "refine", "alignment", "stage1_cbt"}
    _, _, found, parts = step(method, 60)
    kinds = {"contrast", "cai"} if "c" in ticks else {"likelihood"}
    kinds |= {"alignment"} if "f" in ticks else set()
    assert {name.split()[1] for name in found} == kinds
    assert (parts[INFRARED].views == 2) is ("d" in ticks) and parts[VISIBLE].views == 2
    assert (method.certainty is not None) is ("l" in ticks)
    _, _, first, parts = step(method, 0)  # the paper's stage 1 is plain
    assert set(first) == {"visible contrast", "infrared contrast"}
    assert parts[INFRARED].views == 1


def test_every_variant_of_the_figures_is_one_factor():
    full = methods.build("dmdl", row="7").config()
    assert full == methods.build("dmdl", stage1_cbt=False).config()
    for row, changed in {
        "7-released": {"stage1_cbt": True},
        "6-controlled": {"cai": False},
        "random-aug": {"data": "random"},
        "no-exchange": {"exchange": False},
        "no-adaptive": {"adaptive": False},
        "mmd": {"alignment": "modalities"},
        "camera": {"camera_clustering": True},
        "lambda1-0.25": {"cai_weight": 0.25},
        "lambda2-1.5": {"alignment_weight": 1.5},
    }.items():
        assert methods.build("dmdl", row=row).config() == full | changed
    base = methods.build("dmdl", row="1").config()
    assert methods.build("dmdl", row="triplet-1").config() == base | {"triplet": 1.0}
    controlled = methods.build("dmdl", row="1-controlled").config()
    assert controlled == methods.build("dmdl", row="2").config() | {"cai": False}


def test_stage_1_refines_late_with_its_own_memory():
    method = made(gmm_include_noise=False)
    method.relabel(world(), 29)
    assert method.certainty is None
    train = world()
    method.relabel(train, 30)
    for own in Modality:
        at = train.modality == own
        label = torch.as_tensor(FOUND[own])
        bank = method.memories[own].prototypes
        loss = losses.label_loss(train.x[at][label >= 0], label[label >= 0], bank, temperature=0.05)
        expected = losses.label_certainty(loss, groups=label[label >= 0])
        torch.testing.assert_close(method.certainty[at][label >= 0], expected)
    _, _, found, parts = step(method, 30)
    target = terms.targets(method, parts, 1)
    assert all(((t > 0).sum(1) <= 4).all() for t in target.values())  # the label and the best 3
    part, bank = parts[VISIBLE], method.memories[VISIBLE].prototypes
    soft = losses.cluster_contrast(part.x, target[VISIBLE], bank, temperature=0.05)
    torch.testing.assert_close(found["visible contrast"], soft)
    hard = losses.cluster_contrast(part.x, part.label, bank, temperature=0.05)
    assert not torch.isclose(soft, hard)
    plain = made(stage1_cbt=False)
    _, batch, found, _ = step(plain, 40)
    assert plain.certainty is None and len(batch) == 18
    assert {name.split()[1] for name in found} == {"contrast", "triplet"}


# Final phase


def test_the_aligned_phase_shows_the_same_clusters_and_joins_the_triplets():
    method = made()
    for epoch, aligned in ((89, False), (90, True), (91, True)):
        labels = method.relabel(world(), epoch)
        space, other = method.space, method.space.other
        known, followed = set(method.memories[other].ids.tolist()), []
        for batch in method.batches(labels, epoch):
            shown = {own: set(batch.label[batch.of(own)].tolist()) for own in Modality}
            followed.append(shown[space] & known <= shown[other])
            assert len(shown[space]) == 3 and len(shown[other]) >= 2
        assert all(followed) is aligned and len(followed) == 200
        _, batch, found, _ = step(method, epoch)
        assert ("joint triplet" in found) is aligned
    x = method.model.encode(batch).x
    expected = losses.batch_hard_triplet(x, batch.label)
    torch.testing.assert_close(found["joint triplet"], expected)


ALIGNED = (
    np.array([0, 0, 1, 1, 2, 2, 3, 3, 4, 4, *[-1] * 8]),
    np.array([*[-1] * 10, 1, 1, 2, 2, 3, 3, 4, 4]),
)


def test_a_stand_in_is_any_cluster_of_its_side():
    visible, infrared = ALIGNED
    options = {"identities": 2, "instances": 1, "iterations": 2, "camera_aware": False}
    seen = []
    for seed in range(60):
        for v, r in draw_aligned(ALIGNED, None, rng=np.random.default_rng(seed), **options):
            shown, other = visible[v].tolist(), infrared[r].tolist()
            seen += [(other[i], other[i] in shown) for i in range(2) if shown[i] == 0]
    assert {k for k, _ in seen} == {1, 2, 3, 4}
    assert any(twice for _, twice in seen), "also one that the batch shows already"


def test_aligned_draws():
    visible, infrared = ALIGNED
    options = {"identities": 2, "instances": 2, "camera_aware": False}
    draws = list(
        draw_aligned(
            [visible, infrared], None, iterations=7, rng=np.random.default_rng(3), **options
        )
    )
    assert len(draws) == 7
    for i, (v, r) in enumerate(draws):
        shown, other = visible[v][::2], infrared[r][::2]
        assert (visible[v].reshape(2, 2) == shown[:, None]).all()
        assert all(a == b or a == 0 for a, b in zip(shown, other, strict=True))
        assert all((v == again).all() for again in (draws[i % 2][0],))  # 5 ids: 2 batches, replayed
        assert (r == draws[i % 2][1]).all()
    with pytest.warns(UserWarning, match="only 5 clusters for batches of 8"):
        (first,) = draw_aligned(
            [visible, infrared],
            None,
            identities=8,
            instances=1,
            iterations=1,
            camera_aware=False,
            rng=np.random.default_rng(0),
        )
    assert sorted(visible[first[0]]) == [0, 1, 2, 3, 4]
    alone = np.where(infrared == 1, 1, -1)
    with pytest.raises(ValueError, match=r"1 cluster\(s\) in 18 images"):
        draw_aligned([visible, alone], None, iterations=1, rng=np.random.default_rng(), **options)


# Batch normalisation in parts (section 1.1)


def test_four_parts_are_normalised_apart_and_the_first_moves_the_statistics():
    table = pictures()
    method = methods.build("dmdl", **(SMALL | {"bn_chunks": 2, "instances": 4}))
    net, plain = toy.net(), toy.net()
    method.start(net, seed=0)
    rng = np.random.default_rng(0)
    pixels = torch.as_tensor(rng.normal(size=(40, 3, 16, 8))).float()
    modality = torch.tensor([0] * 16 + [1] * 24)
    batch = toy_batch(modality)

    from vireid.training.encode import encoder

    found = encoder(net, {id(batch): pixels}, chunks=2, device=torch.device("cpu"))(batch).x
    parts = [torch.arange(8).tolist() + list(range(16, 28)), [*range(8, 16), *range(28, 40)]]
    expected = torch.empty_like(found)
    expected[parts[0]] = plain(pixels[parts[0]], modality[parts[0]]).x
    moved = plain.neck.running_mean.clone()
    expected[parts[1]] = plain(pixels[parts[1]], modality[parts[1]]).x
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(net.neck.running_mean, moved)
    assert net.neck.momentum == plain.neck.momentum == 0.1
    record = fit(toy.net(), method, table, seed=0)
    assert record.steps == method.steps


def toy_batch(modality):
    from vireid.types import Batch

    n = len(modality)
    return Batch(rows=np.arange(n), view=np.zeros(n), modality=modality, label=torch.zeros(n))


# Section 8: the camera variant


def test_t8_1_every_camera_s_block_is_a_distribution():
    x, camera = world().x[:20], np.arange(20) % 2
    banks = [normalize(torch.randn(k, 8, dtype=F64)) for k in (3, 1, 2)]
    s = camera_similarity(x, banks)
    assert s.shape == (20, 6) and (s >= 0).all()
    torch.testing.assert_close(s.sum(1), torch.full((20,), 3.0, dtype=F64))
    for block in s.split([3, 1, 2], dim=1):
        torch.testing.assert_close(block.sum(1), torch.ones(20, dtype=F64))
    found = camera_prototypes(x, camera, eps=0.7, k1=5, k2=2, min_samples=2)
    assert len(found) == 2 and all(len(bank) >= 1 for bank in found)


def test_t8_2_number():
    s = camera_similarity(rows((1, 0)), [rows((1, 0), (0, 1)), rows((0, 1))], temperature=1)
    torch.testing.assert_close(s, rows((0.731059, 0.268941, 1)), atol=1e-6, rtol=0)


def test_t8_3_a_constant_on_one_camera_s_logits_changes_nothing():
    angle = torch.rand(6, 1, dtype=F64) * 6
    x = torch.cat([0.6 * angle.cos(), 0.6 * angle.sin(), torch.full_like(angle, 0.8)], 1)
    banks = [torch.randn(3, 3, dtype=F64), torch.randn(2, 3, dtype=F64)]
    raised = [banks[0] + rows((0, 0, 1)), banks[1]]  # every logit of camera 1 by 0.8 / tau
    torch.testing.assert_close(camera_similarity(x, raised), camera_similarity(x, banks))


def test_t8_4_cold_blocks_are_one_hot():
    x, banks = world().x, [world(1).x[:3], world(2).x[:4]]
    s = camera_similarity(x, banks, temperature=1e-6)
    for block, bank in zip(s.split([3, 4], dim=1), banks, strict=True):
        expected = one_hot((x @ bank.T).argmax(1), len(bank)).to(F64)
        torch.testing.assert_close(block, expected)


def test_t8_5_one_cluster_in_one_camera_says_nothing_and_warns():
    with pytest.warns(UserWarning, match="one cluster, so all images look alike"):
        s = camera_similarity(world().x, [rows((1,) * 8)])
    assert (s == 1).all()


def test_camera_variant_clusters_the_similarity_and_keeps_the_features():
    train = world()
    method = methods.build("dmdl", **(SMALL | {"camera_clustering": True, "camera_eps": 0.7}))
    method.start(Lookup(train.x), seed=0)
    labels = method.relabel(train, 2)
    s = camera_similarity(
        train.x[:20],
        camera_prototypes(train.x[:20], train.camera[:20], eps=0.7, k1=4, k2=2, min_samples=2),
    )
    from vireid.clustering import dbscan
    from vireid.jaccard import jaccard_distance

    expected = dbscan(
        jaccard_distance(s, k1=4, k2=2, eps=0.6, normalise=False), eps=0.6, min_samples=2
    )
    assert labels["visible"].label[:20].tolist() == expected.tolist()
    assert method.shared.prototypes.shape[1] == 8


# Section 7: end to end


def pictures(people=5, visible=6, infrared=5):
    """The toy world in grey infrared, with fewer infrared pictures."""
    table = toy.images(people=people, per=visible)
    pixels = table.source.copy()
    grey = pixels[table.modality == 1].mean(-1, keepdims=True).astype(np.uint8)
    pixels[table.modality == 1] = grey
    last = np.arange(len(table)) % visible >= infrared
    return replace(table, source=pixels).rows(~((table.modality == 1) & last))


def run(net=None, images=None, **switches):
    method = methods.build("dmdl", **(SMALL | switches))
    return fit(net or toy.net(), method, images or pictures(), seed=3)


def test_t7_4_toy_end_to_end():
    table = pictures()
    same_terms = {"warmup": 0, "aligned_phase_start": None, "triplet": 0.5, "erasing": "none"}
    size = {"epochs": (1, 4), "iterations": 8, "identities": 4, "instances": 4}
    method = methods.build("dmdl", **(SMALL | same_terms | size))
    record = fit(toy.net(), method, table, seed=0, test=toy.test_of(table))
    assert record.unsupervised
    second = record.curves[1:]
    for row in second:  # iMCA recovers who is who in both directions
        assert row["global/cross_precision"] == 1
    assert second[-1]["global/ari"] == 1
    assert record.result["rank1"] == 1
    for name in ("visible cai", "infrared cai", "visible contrast", "infrared contrast"):
        assert second[-1][f"loss/{name}"] < 0.7 * second[0][f"loss/{name}"]


def test_t7_5_same_seed_same_run():
    first, second = toy.net(), toy.net()
    assert run(first).curves == run(second).curves
    assert all(torch.equal(*p) for p in zip(first.parameters(), second.parameters(), strict=True))


def fingerprint(record) -> list:
    return [
        {k: v for k, v in row.items() if k.startswith("loss") or "clusters" in k or "share" in k}
        for row in record.curves
    ] + [record.result]


CAMERA = {"camera_clustering": True, "min_samples": 2}
CHANGES = {  # field -> another value, and what must be set for it to matter
    "recipe": ("adca", {}),
    "k1": (4, {}),
    "k2": (1, {}),
    "eps": (0.2, {}),
    "min_samples": (3, {"eps": 0.4}),
    "temperature": (0.2, {}),
    "momentum": (0.8, {}),
    "identities": (2, {}),
    "instances": (3, {}),
    "camera_aware_sampling": (False, {}),
    "alternate_k1": (2, {"eps": 0.2}),
    "camera_clustering": (True, {}),
    "camera_temperature": (1.0, CAMERA),
    "camera_eps": (0.9, CAMERA),
    "bn_chunks": (2, {}),
    "moves": ("during", {}),
    "write_order": ("prav", {}),
    "shared_order": ("vrap", {}),
    "matching": ("sample", {"eps": 0.2}),
    "in_modality_term": (False, {}),
    "cai": (False, {}),
    "cai_weight": (1.0, {}),
    "prior": ("uniform", {}),
    "semi_cross": (False, {}),
    "triplet": (0.7, {}),
    "triplet_starts": (1, 2, 2),
    "triplet_starts_2": (2, 2),
    "triplet_margin": (2.0, {}),
    "data": ("random", {}),
    "colour_maps": ("sampled", {}),
    "erasing": ("constant", {}),
    "erasing_max": (0.1, 0.3),
    "refine": (False, {}),
    "exchange": (False, {}),
    "adaptive": (False, {"momentum": 0.6}),
    "delta": (0.6, {}),
    "certainty_loss": ("ce", {}),
    "certainty_scope": ("global", {}),
    "gmm_include_noise": (False, {"eps": 0.2, "certainty_scope": "global"}),
    "warmup": (2, {}),
    "predict_topk": (1, {}),
    "alignment": ("modalities", {}),
    "alignment_weight": (0.3, {}),
    "estimator": ("biased", {}),
    "stage1_cbt": (False, {}),
    "stage1_refine_start": (None, {}),
    "stage1_topk": (1, {}),
    "stage1_alignment_weight": (0.3, {}),
    "aligned_phase_start": (None, {}),
    "epochs": (1, 3),
    "iterations": (1, {}),
    "stage2_iterations": (1, {}),
    "lr": (1e-2, {}),
    "milestones": (1,),
    "decay": (0.5, {"milestones": (1,)}),
    "weight_decay": (0.5, {}),
    "optimiser": ("sgd", {}),
}
LATE = {  # read in stage 1, but two epochs of this world do not show it
    "k2", "eps", "min_samples", "camera_clustering", "camera_temperature", "gmm_include_noise",
}  # fmt: skip
PLAIN_RUNS = {}


def trained(**switches):
    """(record, settings that stage 1 reads), trained once for equal switches."""
    key = repr(sorted(switches.items()))
    if key not in PLAIN_RUNS:
        read = methods.build("dmdl", **(SMALL | switches)).stage1_config()
        PLAIN_RUNS[key] = run(**switches), read
    return PLAIN_RUNS[key]


def first_stage(record) -> list:
    return fingerprint(replace(record, curves=record.curves[:2], result={}))


@pytest.mark.filterwarnings("ignore:.*one cluster")
@pytest.mark.parametrize("name", CHANGES)
def test_no_setting_lies_and_what_stage_1_does_not_read_changes_nothing_there(name):
    change = CHANGES[name]
    value, context = change if isinstance(change[-1], dict) else (change, {})
    (usual, read), (other, otherwise) = trained(**context), trained(**context | {name: value})
    assert fingerprint(other) != fingerprint(usual)
    if name not in ("epochs", "stage2_iterations"):
        assert (read == otherwise) is (name in methods.kind("dmdl").stage2_fields)
        assert (first_stage(usual) == first_stage(other)) is (read == otherwise or name in LATE)


UNREAD = {  # field -> another value, and what keeps stage 1 from reading it
    "data": ("none", {"stage1_cbt": False}),
    "alignment": ("none", {"stage1_cbt": False}),
    "refine": (False, {"stage1_cbt": False}),
    "exchange": (False, {"stage1_cbt": False}),
    "certainty_loss": ("ce", {"refine": False}),
    "certainty_scope": ("global", {"stage1_refine_start": None}),
    "gmm_include_noise": (False, {"refine": False}),
    "stage1_topk": (1, {"refine": False}),
    "stage1_refine_start": (0, {"refine": False}),
    "estimator": ("biased", {"alignment": "none"}),
    "stage1_alignment_weight": (0.2, {"alignment": "none"}),
    "colour_maps": ("sampled", {"data": "random"}),
    "triplet_starts": ((0, 0, 0), {"triplet": 0.5}),
    "camera_temperature": (1.0, {}),
    "erasing_max": ((0.3, 0.1), {"erasing_max": (0.3, 0.4)}),
}


@pytest.mark.parametrize("name", UNREAD)
def test_rows_share_a_stage_1_that_does_not_read_what_they_change(name):
    value, context = UNREAD[name]
    short = context | {"epochs": (2, 0)}
    (usual, read), (other, otherwise) = trained(**short), trained(**short | {name: value})
    assert read == otherwise
    assert fingerprint(usual) == fingerprint(other)


def test_all_rows_of_table_3_and_of_the_figures_share_the_plain_stage_1():
    kind = methods.kind("dmdl")
    for preset in ("light", "tiny", "m3svd", "official", "paper"):
        common = methods.build("dmdl", preset=preset, stage1_cbt=False).stage1_config()
        apart = [
            row
            for row in kind.rows
            if methods.build("dmdl", preset=preset, row=row).stage1_config() != common
        ]
        assert apart == ["camera", "triplet-0", "triplet-0.25", "triplet-1", "7-released"]


def test_every_field_is_tried():
    known = {f.name for cls in (methods.kind("dmdl"), Schedule) for f in fields(cls)}
    assert known - set(CHANGES) == {"schedule", "centring"}  # of which the next test is
    assert known - {"schedule"} == set(methods.kind("dmdl").sources)
    for absent in ("memory", "hinge", "subset_ratio"):
        with pytest.raises(ValueError, match=f"no switch {absent}"):
            methods.build("dmdl", **{absent: 1})


def test_centring_reaches_the_matching(monkeypatch):
    means, usual = [], dmdl.imca_labels

    def spy(x, *more, **options):
        means.append(float(x.mean(0).norm()))
        return usual(x, *more, **options)

    monkeypatch.setattr(dmdl, "imca_labels", spy)
    run(centring=True), run()
    half = len(means) // 2
    assert half and max(means[:half]) < 0.5 * min(means[half:])


# Section 11: bad input


def test_only_noise_says_modality_and_what_to_do():
    method = methods.build("dmdl", **(SMALL | {"eps": 1e-6, "min_samples": 9}))
    method.start(toy.net(), seed=0)
    train = world()
    says = r"epoch 2: .*all 20 visible images noise \(eps=1e-06, k1=4, min_samples=9\).*larger eps"
    with pytest.raises(NoClustersError, match=says):
        method.relabel(train, 2)
    with pytest.raises(NoClustersError, match=r"all 16 infrared images noise .*k1=6"):
        method.cluster_own(train.x[20:], INFRARED, 2)
    with pytest.raises(NoClustersError, match=r"no visible image has a label .*matching='sample'"):
        near_noise = FOUND | {INFRARED: np.array([*[-1] * 15, 0])}
        train = world()
        train.x[35] = -train.x[:20].mean(0)
        made(near_noise, matching="sample").relabel(train, 50)


def test_an_empty_modality_or_fewer_images_than_needed():
    method = methods.build("dmdl", **SMALL)
    method.start(toy.net(), seed=0)
    with pytest.raises(ValueError, match="epoch 0: there are no infrared images"):
        method.relabel(world().rows(range(20)), 0)
    with pytest.raises(NoClustersError, match="all 1 infrared images"):
        with pytest.warns(UserWarning, match="only 1 images"):
            method.relabel(world().rows(range(21)), 0)
    short = methods.build("dmdl", **(SMALL | {"k1": 30, "eps": 0.9}))
    short.start(toy.net(), seed=0)
    with pytest.warns(UserWarning, match="only 16 images to choose from: using 16"):
        short.relabel(world(), 0)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 0.0])
def test_features_without_direction_are_counted_before_clustering(value):
    train = world()
    train.x[[22, 25]] = value
    with pytest.raises(ValueError, match=r"epoch 3: 2 of 16 infrared features .*first image 2"):
        made().relabel(train, 3)


def test_nan_never_reaches_a_memory():
    method = made()
    labels = method.relabel(world(), 50)
    batch = next(iter(method.batches(labels, 50)))
    before = [method.shared.prototypes, *(m.prototypes for m in method.memories.values())]
    with torch.no_grad():
        method.model.views[:, batch.rows[0]] = float("nan")
    with pytest.raises(ValueError, match="NaN or infinities in 2 of 12 rows, first in row 0"):
        next(method.losses(batch, method.model.encode, 50))
    after = [method.shared.prototypes, *(m.prototypes for m in method.memories.values())]
    assert all(a is b for a, b in zip(before, after, strict=True))
    with pytest.raises(ValueError, match="NaN"):
        method.update_memories(batch, method.model.encode(batch).x, 2)
    assert method.memories[INFRARED].prototypes.isfinite().all()


def test_labels_that_a_memory_lacks():
    method = made()
    method.relabel(world(), 51)
    memory = method.memories[INFRARED]
    missing = sorted(set(range(5)) - set(memory.ids.tolist()))
    with pytest.raises(LabelError, match=rf"label: \[{missing[0]}\] are not in"):
        memory.local(torch.tensor(missing))
    with pytest.raises(LabelError, match="not in this modality's memory"):
        memory.update(world().x[:1], torch.tensor(missing))
    with pytest.raises(IndexError):
        memory.local(torch.tensor([5]))
    method.memories = {VISIBLE: memory, INFRARED: memory}
    under = [torch.zeros(36, len(memory), dtype=F64)] * 2
    with pytest.raises(ValueError, match=r"neither memory|soft labels|expected|reaches"):
        terms.causal(method, under, torch.full((36,), missing[0]))


@pytest.mark.parametrize(
    ("switches", "says"),
    [
        ({"temperature": 0}, "temperature=0: give a number > 0"),
        ({"camera_temperature": -1}, "camera_temperature=-1"),
        ({"momentum": 0}, r"momentum=0: give a number in \(0, 1\]"),
        ({"delta": 1.5}, r"delta=1\.5"),
        ({"cai_weight": -1}, "cai_weight=-1: give a number >= 0"),
        ({"alignment_weight": -0.1}, "alignment_weight"),
        ({"triplet": -0.1}, "triplet"),
        ({"triplet_margin": float("nan")}, "triplet_margin=nan"),
        ({"triplet_starts": (3, 2, 1)}, "3 ascending epochs"),
        ({"triplet_starts_2": (3,)}, "2 ascending epochs"),
        ({"predict_topk": 0}, "predict_topk=0"),
        ({"stage1_topk": 0}, "stage1_topk=0"),
        ({"bn_chunks": 0}, "bn_chunks=0"),
        ({"warmup": -1}, "warmup=-1"),
        ({"matching": "both"}, "matching='both'; known: .*regdb_mix"),
        ({"prior": "equal"}, "prior='equal'"),
        ({"data": True}, "data=True; known"),
        ({"certainty_loss": "mse"}, "certainty_loss"),
        ({"certainty_scope": "all"}, "certainty_scope"),
        ({"alignment": "both"}, "alignment='both'"),
        ({"estimator": "plain"}, "estimator"),
        ({"erasing": "black"}, "erasing"),
        ({"erasing_max": (-1, -1)}, r"erasing_max=\(-1\.0, -1\.0\).*from 0\.02 .*erasing='none'"),
        ({"erasing_max": (0.0, 0.4)}, r"erasing_max=\(0\.0, 0\.4\)"),
        ({"erasing_max": (0.4, 0.01)}, r"erasing_max=\(0\.4, 0\.01\)"),
        ({"erasing_max": (0.4, 1.0)}, r"erasing_max=\(0\.4, 1\.0\).*to below 1"),
        ({"in_modality_term": False, "cai_weight": 0}, "leave stage 2 without labels"),
    ],
)
def test_settings_out_of_range(switches, says):
    with pytest.raises(ValueError, match=says):
        methods.build("dmdl", **switches)


def test_more_clusters_asked_for_than_there_are_is_no_error():
    method = made(predict_topk=100, stage1_topk=100)
    assert terms.targets(method, step(method, 56)[3], 2)[VISIBLE].shape[1] == 4


def test_few_clusters_shrink_batches_and_one_is_an_error():
    method = made(FOUND, identities=8)
    labels = method.relabel(world(), 50)
    with pytest.warns(UserWarning, match="only 4 clusters for batches of 8"):
        batch = next(iter(method.batches(labels, 50)))
    assert len(batch) == 2 * 2 * 8
    single = {VISIBLE: np.zeros(20, int), INFRARED: np.zeros(16, int)}
    for epoch in (0, 50, 90):
        method = made(single)
        with pytest.raises(ValueError, match=r"1 cluster\(s\) in 36 images: a batch needs two"):
            next(iter(method.batches(method.relabel(world(), epoch), epoch)))


def near_one():
    """Features whose 4 visible clusters are all nearest to the same one of 4 infrared ones."""
    visible, infrared = torch.eye(8, dtype=F64).split(4)
    visible = visible + 0.6 * infrared[0] + 0.2 * infrared
    centres = visible.repeat_interleave(5, 0), infrared.repeat(4, 1)
    own = {VISIBLE: np.arange(4).repeat(5), INFRARED: np.tile(np.arange(4), 4)}
    modality = torch.tensor([0] * 20 + [1] * 16)
    return Embeddings(normalize(torch.cat(centres)), modality, torch.arange(36) % 2), own


@pytest.mark.parametrize(
    ("matching", "e", "says"),
    [
        ("cluster", 0, r"='cluster' gave all 4 visible clusters one partner.*matching='sample' or"),
        ("regdb_mix", 0, "='regdb_mix' gave all 4 visible clusters one partner.*'sample' or"),
        ("sample", 0, "='sample' gave all visible images one label.*matching='cluster' or"),
        ("regdb_mix", 2, "='regdb_mix' gave all visible images one label.*matching='cluster' or"),
    ],
)
def test_matching_that_merges_all_says_what_to_do(matching, e, says):
    train, own = near_one()
    with pytest.raises(NoClustersError, match=f"epoch {e} of stage 2: matching{says} centring"):
        made(own, train, matching=matching).relabel(train, 50 + e)
    assert made(own, train, matching=matching, centring=True).relabel(train, 50 + e)


def test_one_label_is_put_down_to_its_cause():
    train, own = near_one()
    swallowed = own | {INFRARED: np.zeros(16, int)}  # all visible clusters have one partner then
    says = r"epoch 0 of stage 2: infrared images; 1 cluster\(s\) in 36 images.*lower eps"
    with pytest.raises(NoClustersError, match=says):
        made(swallowed, train).relabel(train, 50)
    seen = replace(train, identity=torch.where(torch.arange(36) < 20, 7, torch.arange(36) % 4))
    says = "epoch 0 of stage 2: visible images have one known identity in all"
    with pytest.raises(NoClustersError, match=says):
        made(own, train, matching="oracle").relabel(seen, 50)


def test_cameras_without_clusters():
    x = world().x[:20]
    camera = np.repeat([1, 2], [19, 1])
    with pytest.warns(UserWarning, match=r"camera 2 has no clusters among its 1 images"):
        banks = camera_prototypes(x, camera, eps=0.7, k1=5, k2=2, min_samples=2)
    assert len(banks) == 1
    with pytest.raises(
        NoClustersError, match=r"none of 2 cameras has clusters .*larger camera_eps"
    ):
        with pytest.warns(UserWarning, match="has no clusters"):
            camera_prototypes(x, camera, eps=1e-6, k1=5, k2=2, min_samples=5)
    with pytest.raises(ValueError, match="camera: none given for 20 images"):
        camera_prototypes(x, None)
    with pytest.raises(ValueError, match="camera: 3 given for 20"):
        camera_prototypes(x, camera[:3])
    with pytest.raises(ValueError, match="camera: 1 of 20 are missing"):
        camera_prototypes(x, np.where(camera == 2, -1, camera))
    with pytest.raises(ValueError, match="banks: none given"):
        camera_similarity(x, [])


def test_a_stage_1_file_of_another_network_is_refused(tmp_path):
    from safetensors.torch import save_file

    save_file(
        {"linear.weight": torch.zeros(3, 3), "other": torch.zeros(1)}, tmp_path / "m.safetensors"
    )
    with pytest.raises(ValueError, match=r"(?s)linear\.weight.*other|other.*linear\.weight"):
        load_weights(toy.net(), tmp_path / "m.safetensors")
    with pytest.raises(FileNotFoundError):
        load_weights(toy.net(), tmp_path / "nothing.safetensors")


def test_epochs_and_stages_outside_the_run():
    method = made()
    for call in (method.augmentation, lambda e: method.relabel(world(), e)):
        for epoch in (-1, 100):
            with pytest.raises(ValueError, match=f"epoch {epoch} is outside"):
                call(epoch)
