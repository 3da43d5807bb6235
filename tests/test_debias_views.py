"""Bias-free training in sight: gallery, certainty, refined labels, momentum, alignment; figures."""

import base64
import re
from itertools import pairwise

import numpy as np
import pytest
import torch
from toy import charts_of

from vireid import figures, plots, widgets
from vireid.bench.panels import ANSWER
from vireid.data.augment import RECIPES
from vireid.data.pseudo_colour import TABLES
from vireid.features import extract
from vireid.figures import dmdl, records
from vireid.losses import label_certainty
from vireid.runs import Run
from vireid.types import Images
from vireid.widgets.alignment import SHIFTS, confident_walk, discrepancy, two_clouds
from vireid.widgets.augmentations import MAPS, OPTIONS, shown


def html(picture) -> tuple[str, bytes]:
    alt, data = re.search(r'alt="(.*?)" src="data:image/png;base64,(.*?)"', picture.value).groups()
    return alt, base64.b64decode(data)


def images(n: int = 16) -> Images:
    rng = np.random.default_rng(0)
    modality = np.tile([0, 1], n // 2)
    pixels = rng.integers(0, 255, (n, 64, 32, 3), dtype=np.uint8)
    pixels[modality == 1] = pixels[modality == 1][..., :1]
    return Images(pixels, modality, modality + 1, np.repeat(np.arange(n // 4), 4), (64, 32))


def test_the_gallery_frames_the_painting_of_the_chosen_tables():
    assert len(set(MAPS)) == 8
    assert len(OPTIONS) == len(TABLES) and all(len(w) == TABLES.shape[1] for w in OPTIONS.values())
    for words, tables in zip(OPTIONS.values(), TABLES, strict=True):
        same = [(table == np.arange(256)).all() for table in tables]
        assert [word == "as it is" for word in words] == same  # the name says what the table does
    panel = widgets.augmentations(images())
    alt, before = html(panel.picture)
    assert alt.startswith(
        "Infrared picture 1 with its 8 pseudo-colours; framed: as it is, INFERNO green"
    )
    panel.controls["third"].value = 1
    alt, after = html(panel.picture)
    assert "JET red" in alt and before != after

    def step(i):
        panel.controls["picture"].value = i + 1

    assert charts_of(step) < ANSWER


def test_a_picture_comes_back_from_the_networks_input():
    table = images()
    x = RECIPES["plain"].view(table.picture(0), modality=0, generator=torch.Generator())
    assert (shown(x) == table.picture(0)).all()


def test_view_features_of_the_plain_view_are_the_extracted_ones():
    from vireid import models

    table, model = images(), models.build("small", weights="synthvi")
    found = widgets.view_features(model, table, RECIPES["plain"], view=0, batch=5)
    torch.testing.assert_close(found, extract(model, table, flip=False, device="cpu").x)
    with pytest.raises(ValueError, match="no view 1"):
        widgets.view_features(model, table, RECIPES["plain"], view=1)


def test_a_label_is_right_for_the_person_of_most_of_its_pictures():
    label = [0, 0, 0, 1, 1, -1]
    assert widgets.right_labels(label, [5, 5, 6, 6, 6, 6]).tolist() == [1, 1, 0, 1, 1, 0]
    with pytest.raises(ValueError, match=r"unknown people \(-1\)"):
        widgets.right_labels(label, [5, 5, -1, 6, 6, 6])


def fitted():
    """Two labels at right angles; of label 0 one picture is a stranger's, near label 1."""
    x = plots.points([0, 2, 4, -3, 80, 90, 92, 88, 94, 200]).astype(np.float32)
    label = np.array([0, 0, 0, 0, 0, 1, 1, 1, 1, -1])
    person = np.array([0, 0, 0, 0, 1, 1, 1, 1, 1, 2])
    bank = torch.as_tensor(plots.points([0, 90])).float()
    return widgets.Certainties(x, label, bank, person, temperature=0.2)


def test_certainty_finds_the_odd_one_out():
    table = fitted()
    assert table.rows.tolist() == list(range(9)) and table.right.sum() == 8
    for kind in ("neg_prob", "ce"):
        again = label_certainty(table.loss[kind], groups=table.label)
        torch.testing.assert_close(table.certainty[kind, "cluster"], again)
        assert table.separation(kind, "global") == 1.0
        assert table.certainty[kind, "global"][4] < 0.01
    unknown = widgets.Certainties(
        plots.points([0, 90]).astype(np.float32), [0, 1], torch.eye(2), None
    )
    assert np.isnan(unknown.separation("ce", "global"))


def test_certainty_panel_follows_its_choices_fast_enough():
    panel = widgets.certainties(fitted())
    alt, before = html(panel.picture)
    assert "5 labels (cluster 0)" in alt
    panel.controls["scope"].value = "global"
    alt, after = html(panel.picture)
    assert "9 labels (all labels, one mixture)" in alt and "right above wrong: 100%" in alt
    assert before != after
    assert panel.controls["cluster"].disabled, "one mixture of all has no cluster to choose"
    panel.controls["scope"].value = "cluster"
    assert not panel.controls["cluster"].disabled
    with pytest.raises(ValueError, match="kind='foo' is unknown; known: "):
        widgets.certainties(fitted(), kind="foo")

    def step(i):
        panel.controls["kind"].value = ("ce", "neg_prob")[i % 2]

    assert charts_of(step) < ANSWER


def test_the_two_gaussians_are_those_of_the_certainty():
    ax = plots.canvas()[1]
    loss = np.array([0.0, 0.02, 0.01, 0.03, 0.9, 0.92, 0.95, 1.0])
    plots.trust(loss, [1, 1, 1, 1, 0, 0, 0, 0], ax, right=loss < 0.5)
    lines = {line.get_label(): line for line in ax.lines}
    for name, mean in (("trusted", 0.015), ("doubted", 0.9425)):
        x, y = lines[name].get_data()
        assert abs(x[np.argmax(y)] - mean) < 0.01
    ax = plots.canvas()[1]
    plots.trust([0.5, 0.6], [1, 1], ax)  # nobody is doubted: one Gaussian
    assert "doubted" not in {line.get_label() for line in ax.lines}


def refined_in(alt: str) -> float:
    return float(re.search(r"the refined label ([\d.]+);", alt).group(1))


def test_refined_labels_show_the_number_of_the_spec():
    """T6.5: w = .75, y = (1, 0), p of the other view (.3, .7), of the own view (.9, .1)."""
    table = images(8)
    views = [torch.tensor([[0.9, 0.1]] * 8), torch.tensor([[0.3, 0.7]] * 8)]
    panel = widgets.refined_labels(table, np.zeros(8, int), np.full(8, 0.75), views)
    alt, before = html(panel.picture)
    assert "the other view gives its label 0.30" in alt
    assert refined_in(alt) == pytest.approx(0.825, abs=0.0051)
    panel.controls["exchange"].value = False
    alt, after = html(panel.picture)
    assert "the same view gives its label 0.90" in alt and before != after
    assert refined_in(alt) == pytest.approx(0.975, abs=0.0051)

    def step(i):
        panel.controls["place"].value = i

    assert charts_of(step) < ANSWER


def test_momentum_is_the_rule_of_the_spec():
    """T6.6: lambda of 1, .5, .25, .2, .1."""
    ax = plots.canvas()[1]
    plots.momentum(ax, delta=0.2, marked={"a": 0.5})
    y, rule = next(line for line in ax.lines if line.get_label() == "delta = 0.2").get_data()
    np.testing.assert_allclose(np.interp([1, 0.5, 0.25, 0.2, 0.1], y, rule), [0.2, 0.4, 0.8, 1, 1])


def test_a_doubted_stranger_moves_the_prototype_less():
    walk = confident_walk(
        [[90.0]], [[True]], delta=0.2, confidence={False: 1.0, True: 0.25}
    )  # T6.6 at 0.25: (.9701, .2425)
    np.testing.assert_allclose(
        walk["by confidence"][1], np.rad2deg(np.arctan2(0.2425, 0.9701)), 1e-3
    )
    np.testing.assert_allclose(walk["fixed"][1], np.rad2deg(np.arctan2(0.9701, 0.2425)), 1e-3)
    panel = widgets.confidence_memory()
    alt, before = html(panel.picture)
    far = [int(v) for v in re.search(r"fixed (\d+)°, by confidence (\d+)°", alt).groups()]
    assert far[1] < far[0]
    panel.controls["doubt"].value = 0.95
    assert html(panel.picture)[1] != before

    def step(i):
        panel.controls["strangers"].value = 0.05 * i

    assert charts_of(step) < ANSWER


def test_alignment_panel_points_the_clouds_at_each_other():
    _, steps = discrepancy(two_clouds(3.0, 1.0), "official")
    assert steps[0, :, 0].mean() > 0 > steps[1, :, 0].mean()
    values = [discrepancy(two_clouds(s, 1.0), "biased")[0] for s in SHIFTS[::4]]
    assert all(a < b for a, b in pairwise(values)) and min(values) >= 0
    panel = widgets.alignment_toy()
    before = html(panel.picture)[1]
    panel.controls["shift"].value = 4.0
    assert html(panel.picture)[1] != before

    def step(i):
        panel.controls["shift"].value = SHIFTS[i]

    assert charts_of(step) < ANSWER


def test_cosines_are_shares_of_each_kind_of_pair():
    ax = plots.canvas()[1]
    plots.cosines(np.array([0.5, 0.6]), np.array([0.1, 0.2, 0.3]), ax)
    for patch in (p for p in ax.patches if p.get_fill()):
        np.testing.assert_allclose(patch.get_data().values.sum(), 1)


def test_cosines_beyond_one_by_rounding_are_drawn_and_others_refused():
    ax = plots.canvas()[1]
    plots.cosines(np.full(10, 1.0000001), np.array([0.1, -1.0000001]), ax)
    drawn = [p.get_data().values for p in ax.patches if p.get_fill()]
    assert [values.sum() for values in drawn] == [1, 1] and drawn[0][-1] == 1
    for positive, negative, told in (
        ([], [], "positive and negative are empty"),
        ([0.1], [np.nan], "negative has 1 NaN"),
        ([0.1], [1.5], "negative holds 1.5 in size"),
    ):
        with pytest.raises(ValueError, match=told):
            plots.cosines(positive, negative, plots.canvas()[1])
    ax = plots.canvas()[1]
    plots.cosines([], [0.1, 0.3], ax)
    assert ax.get_legend().get_texts()[0].get_text() == "one person (n = 0)"
    assert [line.get_xdata()[0] for line in ax.lines if len(line.get_xdata())] == [0.2]


def record(row: str, seed: int, **config) -> Run:
    curves = [{"epoch": e, "global/homogeneity": 0.5 + e / 10, "global/ari": e / 10}
              for e in range(3)]  # fmt: skip
    return Run(
        method="dmdl", row=row, seed=seed, config=config, curves=curves,
        result={"rank1": 0.5 + seed / 10, "mAP": 0.4}, identity={"seed": seed},
    )  # fmt: skip


DRAWN = ("dmdl_ladder", "label_homogeneity", "dmdl_variants", "dmdl_lambdas", "dmdl_triplets")


def test_figures_are_listed_and_wait_for_their_records(monkeypatch):
    assert {*DRAWN, "debiasing_maps"} <= {item.name for item in figures.DRAWINGS}
    monkeypatch.setattr(records, "ladders", dict)
    assert [getattr(dmdl, name)() for name in DRAWN] == [None] * len(DRAWN)


def test_figures_draw_the_records_there_are(monkeypatch):
    usual = {"cai_weight": 0.5, "alignment_weight": 1.0}
    rows = {r: [record(r, s, **usual) for s in (1, 2)] for r in ("1", "7", "mmd", "triplet-1")}
    rows["lambda1-0.0"] = [record("lambda1-0.0", 1, cai_weight=0.0, alignment_weight=1.0)]
    monkeypatch.setattr(records, "ladders", lambda: {dmdl.LADDER: rows})
    bars = dmdl.dmdl_ladder().axes[0]
    names = [t.get_text() for t in bars.get_yticklabels()]
    assert names == ["1 baseline", "7 all (DMDL)"]
    np.testing.assert_allclose([p.get_width() for p in bars.patches], 65)
    diamonds = next(x for x in bars.lines if x.get_label().startswith("paper"))
    assert list(diamonds.get_xdata()) == [56.26, 65.9]
    lines = dmdl.label_homogeneity().axes[0].lines
    np.testing.assert_allclose(lines[0].get_ydata(), [0.5, 0.6, 0.7])
    assert [t.get_text() for t in dmdl.dmdl_variants().axes[0].get_yticklabels()] == [
        "DMDL", "MMD of the modalities",
    ]  # fmt: skip
    (sweep,) = dmdl.dmdl_lambdas().axes  # lambda 2 has its usual value only: nothing to draw
    assert list(sweep.lines[0].get_xdata()) == [0.0, 0.5]
    np.testing.assert_allclose(sweep.lines[0].get_ydata(), [60, 60])  # of the seed that both have
    assert len(dmdl.dmdl_triplets().axes[0].patches) == 2
