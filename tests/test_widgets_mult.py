"""Scenes, their outcomes, and the panels of associations and label transfer."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch
from test_widgets import html
from toy import charts_of

from vireid import association, methods, widgets
from vireid.bench.panels import ANSWER
from vireid.retrieval_task import retrieval_task as make_task
from vireid.types import Embeddings, Images, Modality
from vireid.widgets import scene as scenes

MANY = 2 * ANSWER  # a panel of eight associations or of thirty rings


@cache
def cloud(people: int = 6, per: int = 6, gap: float = 0.3) -> Embeddings:
    """People as directions, their infrared images shifted by one vector."""
    rng = np.random.default_rng(0)
    identity = np.tile(np.repeat(np.arange(people), per), 2)
    modality = np.repeat([0, 1], people * per)
    x = 2 * rng.normal(size=(people, 16))[identity] + 0.5 * rng.normal(size=(len(identity), 16))
    x += gap * (1 - 2 * modality)[:, None] * rng.normal(size=16)
    rows = torch.nn.functional.normalize(torch.as_tensor(x, dtype=torch.float32))
    return Embeddings(rows, modality, modality, identity)


def setting(**switches):
    return methods.build("mult", preset="tiny", k1=6, k2=2, otla_steps=100, **switches)


def true_scene() -> widgets.Scene:
    return widgets.Scene(cloud(), cloud().identity.numpy())


def test_own_clusters_are_the_people_where_they_stand_apart():
    label = widgets.own_clusters(cloud(), setting())
    found = widgets.Scene(cloud(), label)
    for own in Modality:
        assert found.of(own).max() == 5
        assert sorted(found.people(own)) == list(range(6))


def test_scene_asks_for_truth_lengths_and_clusters():
    features = cloud()
    with pytest.raises(ValueError, match="no identity"):
        widgets.Scene(features.blind(), np.zeros(72, int))
    unknown = replace(features, identity=torch.where(features.identity == 2, -1, features.identity))
    with pytest.raises(ValueError, match=r"12 images are of unknown people \(-1\)"):
        widgets.Scene(unknown, true_scene().label)
    with pytest.raises(ValueError, match="71"):
        widgets.Scene(features, np.zeros(71, int))
    with pytest.raises(ValueError, match="no infrared cluster"):
        widgets.Scene(features, np.where(features.modality == 0, 0, -1))


def test_people_may_be_nobody_known():
    features = replace(cloud(), identity=torch.where(cloud().identity == 2, -7, cloud().identity))
    scene = widgets.Scene(features, true_scene().label)
    assert scene.people(Modality.VISIBLE).tolist() == [0, 1, -7, 3, 4, 5]


def test_dials_at_rest_change_nothing():
    calm = widgets.disturbed(true_scene())
    torch.testing.assert_close(calm.features.x, cloud().x)
    np.testing.assert_array_equal(calm.label, true_scene().label)


def test_each_dial_does_what_it_says():
    given = true_scene()
    closed = widgets.disturbed(given, gap=0.0)
    means = [
        [closed.features.of(m).x[closed.of(m) == k].mean(0) for k in range(6)] for m in Modality
    ]
    before = [
        [given.features.of(m).x[given.of(m) == k].mean(0) for k in range(6)] for m in Modality
    ]
    for i, (v, r) in enumerate(zip(*means, strict=True)):
        assert (v - r).norm() < 0.3 * (before[0][i] - before[1][i]).norm()
    fewer = widgets.disturbed(given, missing=2, seed=1)
    lost = set(fewer.people(Modality.VISIBLE)) - set(fewer.people(Modality.INFRARED))
    assert len(lost) == 2 and fewer.of(Modality.INFRARED).max() == 3
    cut = widgets.disturbed(given, split=3)
    assert np.bincount(cut.of(Modality.VISIBLE)).tolist().count(3) == 6
    assert np.bincount(np.bincount(cut.people(Modality.VISIBLE))).tolist() == [0, 3, 3]
    shaken = widgets.disturbed(given, noise=1.0)
    assert 0.5 < float((shaken.features.x * given.features.x).sum(1).mean()) < 0.95
    with pytest.raises(ValueError, match="missing=6 of 6"):
        widgets.disturbed(given, missing=6)
    with pytest.raises(ValueError, match="split=7, but 6"):
        widgets.disturbed(given, split=7)


def test_everybody_is_found_where_there_is_no_gap():
    found = widgets.outcomes(widgets.disturbed(true_scene(), gap=0.0), setting())
    assert tuple(found) == widgets.scene.NAMES and len(found) == 8
    for name, one in found.items():
        assert one.precision == one.recall == 1, name
        np.testing.assert_allclose(one.back, np.eye(6), err_msg=name)
        np.testing.assert_allclose(one.forth, np.eye(6) * (name != "otla"), err_msg=name)
        assert np.isnan(one.lone)


def test_outcomes_are_what_the_association_says():
    torn = widgets.disturbed(true_scene(), split=2, missing=1, seed=3)
    found = widgets.outcomes(torn, setting())
    visible, infrared = (torn.side(own).prototypes for own in Modality)
    for name in ("hungarian", "pgm", "bccm"):
        v2r, r2v = getattr(association, name)(visible, infrared)
        for share, partner in ((found[name].forth, v2r), (found[name].back, r2v)):
            partner = partner.numpy()
            assert (share.sum(1) == (partner >= 0)).all()
            assert (share.argmax(1)[partner >= 0] == partner[partner >= 0]).all()
    mask = association.mbccm(visible, infrared).numpy()
    np.testing.assert_array_equal(found["mbccm"].forth > 0, mask)
    np.testing.assert_allclose(found["mbccm"].forth.sum(1), 1)


def test_only_one_to_one_leaves_lone_people_alone():
    found = widgets.outcomes(widgets.disturbed(true_scene(), gap=0.0, missing=3), setting())
    assert found["hungarian"].lone == 0 and found["hungarian"].precision == 1
    for name in ("pgm", "bccm", "mbccm", "sinkhorn", "dotla", "mult"):
        assert found[name].lone == 1 and found[name].precision < 1
    assert found["dotla"].precision < found["pgm"].precision  # balanced mass pushes others out


def test_associations_panel_follows_its_dials():
    clusters = {"people": true_scene().label}
    panel = widgets.associations(cloud(), clusters, setting(), start="hungarian")
    alt, picture = html(panel.picture)
    assert alt.startswith("Links by hungarian: 6 visible, 6 infrared clusters.")
    panel.controls["missing"].value = 2
    later = html(panel.picture)
    assert "6 visible, 4 infrared" in later[0] and later[1] != picture
    panel.controls["association"].value = "mult"
    assert html(panel.picture)[0].startswith("Links by mult")
    gaps = np.linspace(0.05, 0.95, 9)
    assert charts_of(lambda i: setattr(panel.controls["gap"], "value", gaps[i])) < MANY


@pytest.mark.parametrize("own", Modality)
@pytest.mark.parametrize("switches", [{}, {"affinity": "binary"}, {"prototypes": "unit"}])
def test_problem_is_the_one_that_mult_solves(own, switches):
    method = setting(**switches)
    given = widgets.disturbed(true_scene(), noise=1.0)
    of = widgets.problem(given, method, own)
    y, r, _ = association.label_transfer(*of.arguments, alpha=method.alpha)
    sides = [given.side(m) for m in Modality]
    whole = association.mult(
        *(s.x for s in sides), *(s.cluster for s in sides), k1=6, k2=2, beta=0,
        rule=method.affinity, prototypes=method.prototypes,
    )  # fmt: skip
    names = ("visible_in_v", "infrared_in_v") if own == 0 else ("infrared_in_r", "visible_in_r")
    for ours, name in zip((y, r), names, strict=True):
        torch.testing.assert_close(ours, getattr(whole, name))


def test_rounds_begin_with_what_is_given_and_right_counts_people():
    of = widgets.problem(widgets.disturbed(true_scene(), gap=0.0), setting())
    played = of.rounds(3, alpha=0.2)
    assert len(played) == 4 and played[0][0] is of.y0 and np.isnan(played[0][2])
    assert of.right(*played[0][:2]) == (1, 1)
    assert of.right(of.y0.flip(1), of.r0) == (0, 1)


def test_few_keeps_people_with_enough_images():
    some = widgets.few(true_scene(), people=3, images=2, skip=1)
    assert some.features.identity.tolist() == [1, 1, 2, 2, 3, 3] * 2
    assert some.label.tolist() == [0, 0, 1, 1, 2, 2] * 2
    everybody = widgets.few(true_scene(), people=6, images=2, skip=1)  # none can be spared
    assert set(everybody.features.identity.tolist()) == set(range(6))
    with pytest.raises(ValueError, match="only 6 people have 2 images"):
        widgets.few(true_scene(), people=7, images=2, skip=1)
    with pytest.raises(ValueError, match="only 0 people have 7 images"):
        widgets.few(true_scene(), people=1, images=7)


def test_transfer_panel_steps_rounds_and_changes_space():
    group = widgets.few(widgets.disturbed(true_scene(), noise=4.0), people=4, images=3)
    panel = widgets.transfer(group, setting(), gap=0.9)
    alt, before = html(panel.picture)
    assert "round 0: " in alt and "12 visible and 12 infrared images" in alt
    panel.controls["round"].value = 3
    alt, after = html(panel.picture)
    assert "round 3:" in alt and before != after
    panel.controls["space"].value = "infrared"
    assert "Soft labels in infrared clusters" in html(panel.picture)[0]
    panel.controls["space"].value = "visible"
    panel.controls["alpha"].value = 0.0
    panel.controls["round"].value = 20
    assert "25% of the infrared images are right" in html(panel.picture)[0]  # collapse
    assert charts_of(lambda i: setattr(panel.controls["round"], "value", 5 + i)) < MANY


def test_affinity_panel_follows_lam():
    panel = widgets.affinity_pictures(true_scene(), setting())

    def across() -> int:
        return int(html(panel.picture)[0].split("across ")[1].split("%")[0])

    sharp = across()
    panel.controls["lam"].value = 1.0
    assert across() < sharp


def test_reranked_with_eta_one_is_plain_ranking_over_trials():
    features = cloud()
    pixels = np.arange(72, dtype=np.uint8)[:, None, None, None] * np.ones((1, 4, 2, 3), np.uint8)
    modality, identity = features.modality.numpy(), features.identity.numpy()
    table = Images(pixels, modality, 1 + modality, identity, (4, 2))
    visible = np.flatnonzero(table.modality == 0)
    test = make_task(
        table.rows(table.modality == 1), [table.rows(visible[i::2]) for i in (0, 1)], "regdb"
    )
    sides = (
        features.rows(features.modality == 1),
        features.rows(np.concatenate([visible[0::2], visible[1::2]])),
    )
    plain = test.score(*sides)
    found = test.score_reranked(*sides, k=3, eta=1.0)
    assert found == {key: pytest.approx(plain[key]) for key in found} and len(found) > 6
    assert test.score_reranked(*sides, k=3)["mAP"] >= plain["mAP"]


def test_scene_names_are_the_methods_associations():
    assert set(scenes.NAMES) | {"oracle"} == set(methods.kind("mult").switches["association"])
    assert replace(setting(), association="pgm").association == "pgm"
