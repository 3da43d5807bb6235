"""Pictures and sliders of notebooks 04 to 06: what they compute, what they draw, how fast."""

import numpy as np
import pytest
import torch
from toy import charts_of

from vireid import bias, plots, widgets
from vireid.bench.panels import ANSWER
from vireid.curves import crossing_quantiles, label_curves
from vireid.losses import cluster_contrast, multi_positive
from vireid.memory import HybridMemory, Memory
from vireid.types import Embeddings, PseudoLabels
from vireid.widgets.bias import ratios
from vireid.widgets.circle import contrasts, toy, walk


def features(n: int = 60, gap: float = 1.0) -> Embeddings:
    rng = np.random.default_rng(0)
    modality = np.arange(n) % 2
    x = rng.normal(size=(n, 8))
    x[:, 0] += gap * (2 * modality - 1)
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    return Embeddings(torch.as_tensor(x), modality, modality, np.arange(n) // 6)


def bars_of(ax):
    return [[patch.get_height() for patch in group] for group in ax.containers]


def test_composition_counts_and_sorts_by_balance():
    label = np.array([0, 0, 0, 1, 1, 1, 1, 2, 2, -1])
    modality = np.array([0, 0, 0, 0, 0, 1, 1, 1, 1, 0])
    ax = plots.composition(label, modality, plots.canvas()[1])
    up, down = bars_of(ax)
    assert up == [2, 3, 0] and down == [-2, 0, -2]
    assert ax.get_title(loc="left") == "3 clusters, 1 of both modalities, 1 outliers"
    ax = plots.composition([0, 5, 5, -1], [0, 1, 0, 1], plots.canvas()[1])
    assert ax.get_title(loc="left") == "2 clusters, 1 of both modalities, 1 outliers"
    assert bars_of(ax) == [[1, 1], [-1, 0]]
    with pytest.raises(ValueError, match="outliers only"):
        plots.composition(np.full(4, -1), np.zeros(4), plots.canvas()[1])


def test_heat_writes_every_number_and_marks_the_unknown():
    values = np.array([[0.0, 0.5], [np.nan, 1.0]])
    rows, columns = ("k1", (4, 8)), ("eps", (0.3, 0.6))
    ax = plots.heat(values, plots.canvas()[1], rows=rows, columns=columns, chosen=(8, 0.6))
    assert [t.get_text() for t in ax.texts] == ["0", "50", "–", "100"]
    assert ax.get_xlabel() == "eps" and ax.get_ylabel() == "k1"
    np.testing.assert_allclose(ax.lines[0].get_xdata().mean(), 1, atol=0.2)
    with pytest.raises(ValueError, match="2 rows and 3 columns"):
        plots.heat(values, plots.canvas()[1], rows=rows, columns=("eps", (1, 2, 3)))


def test_shared_legend_replaces_those_of_the_axes():
    figure, axes = plots.canvas(2)
    plots.curve({"a": [[1, 2]], "b": [[2, 1]]}, axes[0], ylabel="y")
    plots.curve({"a": [[3, 4]]}, axes[1], ylabel="y", reference={"top": 4})
    plots.share_legend(figure)
    assert all(ax.get_legend() is None for ax in axes)
    (shared,) = figure.legends
    assert [text.get_text() for text in shared.get_texts()] == ["a", "b", "top: 4"]


def test_a_name_means_one_line_in_all_panels_with_one_legend():
    panels = {"a": {0: [1.0], 1: [2.0]}, "b": {0: [2.0], 1: [1.0]}}, {"b": {0: [3.0], 1: [4.0]}}
    figure, axes = plots.canvas(2)
    for ax, found in zip(axes, panels, strict=True):
        plots.dial(found, ax, xlabel="x", ylabel="y", names=["a", "b"])
    plots.share_legend(figure)
    assert axes[0].lines[1].get_color() == axes[1].lines[0].get_color()
    figure, axes = plots.canvas(2)
    for ax, found in zip(axes, panels, strict=True):
        plots.dial(found, ax, xlabel="x", ylabel="y")
    with pytest.raises(ValueError, match="'b' has two colours"):
        plots.share_legend(figure)


def test_pull_is_minus_the_derivative_along_the_circle():
    bank = plots.points([60.0, 120.0, 250.0])

    def loss(x, prototypes):
        return cluster_contrast(x, torch.tensor([1]), prototypes, temperature=0.3)

    for angle in (20.0, 85.0, 200.0):
        ahead, behind = (
            float(loss(torch.as_tensor(plots.points([angle + h])), torch.as_tensor(bank)))
            for h in (1e-3, -1e-3)
        )
        slope = (ahead - behind) / np.deg2rad(2e-3)
        (turn,) = plots.pull(plots.points([angle]), bank, loss)
        assert turn == pytest.approx(-slope, rel=1e-4)
        assert (turn > 0) == (angle != 200.0)  # towards its prototype


def test_toy_cluster_lies_where_the_sliders_say():
    x, modality, mixed, split, kind, cluster = toy(60, 0.8)
    degrees = np.rad2deg(np.arctan2(x[:, 1], x[:, 0]))
    assert degrees[modality == 0].mean() == pytest.approx(60)
    assert degrees[modality == 1].mean() == pytest.approx(120)
    np.testing.assert_allclose(split[(cluster == 0) & (kind == 0)], plots.points([60]))
    towards = mixed[0] @ split[:2].T
    assert towards[0] > towards[1]  # nearer the larger half
    np.testing.assert_allclose(toy(60, 0.5)[2][0], plots.points([90])[0], atol=1e-12)
    with pytest.raises(ValueError, match="visible_share=1"):
        toy(60, 1)


def test_contrasts_are_the_librarys_losses():
    x, _, mixed, split, _, cluster = toy(40, 0.6)
    found = contrasts(cluster, 0.1)
    row, of = torch.as_tensor(x[:1]), torch.zeros(1, dtype=torch.long)
    plain = cluster_contrast(row, of, torch.as_tensor(mixed), temperature=0.1)
    both = multi_positive(
        row, of, torch.as_tensor(split), torch.as_tensor(cluster), temperature=0.1
    )
    assert torch.equal(found["one prototype"](row, torch.as_tensor(mixed)), plain)
    assert torch.equal(found["split"](row, torch.as_tensor(split)), both)


def test_far_light_pulls_with_split_prototypes_only():
    """What notebook 06 says of the picture: one prototype satisfies a majority, it rests."""
    x, modality, mixed, split, _, cluster = toy(60, 0.8)
    losses = contrasts(cluster, 0.05)
    one = np.abs(plots.pull(x, mixed, losses["one prototype"]))
    two = np.abs(plots.pull(x, split, losses["split"]))
    assert one[modality == 0].mean() < 0.1 < 1 < two[modality == 0].mean()


def test_walk_is_what_the_memories_do():
    samples = [np.array([10.0, 50.0]), np.array([30.0])]
    found = walk(samples, momentum=0.3)
    single = Memory(torch.as_tensor(plots.points([0.0])), momentum=0.3)
    hybrid = HybridMemory(torch.as_tensor(plots.points([0.0])), momentum=0.3)
    for angles in samples:
        for memory in (single, hybrid):
            memory.update(torch.as_tensor(plots.points(angles)), torch.zeros(len(angles)).long())
    ends = {name: plots.points([angles[-1]]) for name, angles in found.items()}
    np.testing.assert_allclose(ends["image by image"], single.prototypes, atol=1e-9)
    np.testing.assert_allclose(ends["mean bank"], hybrid.mean, atol=1e-9)
    np.testing.assert_allclose(ends["hard bank"], hybrid.hard, atol=1e-9)
    assert all(angles[0] == 0 and len(angles) == 3 for angles in found.values())


def test_ratios_agree_with_the_measure():
    table = features()
    for k, ratio in ratios(table, (3, 9, 20)).items():
        assert ratio.k == k
        torch.testing.assert_close(ratio.own, bias.neighbour_modality_ratio(table, k=k).own)


@pytest.mark.parametrize(
    ("make", "control", "values"),
    [
        (lambda: widgets.neighbour_ratio(features()), "k", (2, 10, 30, 40, 4)),
        (widgets.multi_positive_toy, "gap", (0, 20, 40, 80, 100)),
        (widgets.memory_walk, "momentum", (0.05, 0.5, 0.9, 0.2, 0.99)),
    ],
)
def test_sliders_redraw_fast_enough(make, control, values):
    panel = make()
    seen = {panel.picture.value}

    def step(i):
        panel.controls[control].value = values[i]
        seen.add(panel.picture.value)

    assert charts_of(step, len(values)) < ANSWER
    assert len(seen) == len(values) + 1


def test_one_sided_people_make_links_wrong_and_are_told_apart():
    # people 0 and 1 in both modalities; infrared tracks -7 and -8 belong to nobody; -1 is unknown
    identity = torch.tensor([0, 0, 1, 1, 0, 0, 1, 1, -7, -8, -1])
    modality = torch.tensor([0] * 4 + [1] * 7)
    x = torch.nn.functional.normalize(torch.randn(11, 5, generator=torch.manual_seed(0)), dim=1)
    train = Embeddings(x, modality, torch.zeros(11, dtype=torch.int64), identity)
    label = np.array([0, 0, 1, 1, 0, 0, 1, 1, 0, -1, 0])
    row = label_curves({"global": PseudoLabels(label)}, train)
    assert row["global/ari"] == 1 and row["global/cross_recall"] == 1
    assert row["global/cross_precision"] == 8 / 10  # two visible images share a label with -7
    assert row["global/lone"] == 1 / 2
    assert row["k"] == 2
    none = label_curves({"global": PseudoLabels(label[:8])}, train.rows(torch.arange(8)))
    assert none["global/cross_precision"] == 1 and "global/lone" not in none


def test_nobody_named_is_no_reason_to_stop():
    train = features(24)
    nobody = Embeddings(train.x, train.modality, train.camera, -1 - train.identity)
    row = label_curves({"global": PseudoLabels(train.identity.numpy())}, nobody)
    assert "own_share_30" in row and "own_share_k" not in row


def test_an_outlier_is_a_miss_across_the_gap():
    """Three pictures of a person in either modality, nine pairs: an outlier misses three of them.

    The recall of 33 of 36 pairs; left out, the outlier would leave a recall of 1.
    """
    train = features(24)
    label = train.identity.numpy().copy()
    label[0] = -1
    row = label_curves({"global": PseudoLabels(label)}, train)
    assert row["global/cross_recall"] == pytest.approx(33 / 36)
    assert row["global/recall"] == 1, "within a space outliers are left out"


def test_quantiles_across_the_gap_stand_for_all_pairs():
    rng = np.random.default_rng(0)
    identity, modality = np.repeat(np.arange(8), 6), np.tile([0, 0, 0, 1, 1, 1], 8)
    x = rng.normal(size=(8, 5))[identity] + 0.3 * rng.normal(size=(48, 5))
    x = torch.nn.functional.normalize(torch.as_tensor(x), dim=1)
    camera = torch.zeros(48, dtype=torch.int64)
    train = Embeddings(x, torch.as_tensor(modality), camera, torch.as_tensor(identity))
    found = crossing_quantiles(train, count=9)
    true = ((x[:, None] - x[None]) ** 2).sum(2).numpy()
    mine = (identity[:, None] == identity) & (modality[:, None] < modality)
    assert found["n"][0] == mine.sum() == 72
    at = (np.arange(9) + 0.5) / 9
    np.testing.assert_allclose(found["same"], np.quantile(true[mine], at), atol=1e-3)
    assert np.median(found["different"]) > np.median(found["same"])
    with pytest.raises(ValueError, match="blind"):
        crossing_quantiles(train.blind())


@pytest.mark.parametrize(
    ("identity", "said"),
    [
        ([1, 2, 3, 4], "none of 4 known training people is seen in both modalities, so no pair"),
        ([1, 2, -1, -1], "none of 2 known training people is seen in both modalities"),
        ([-1, -1, -1, -1], "none of 0 known training people"),
        ([1, -1, 1, -1], "only one training person is known, so no pair is of two"),
    ],
)
def test_without_a_pair_that_crosses_there_are_no_distances(identity, said):
    train = Embeddings(torch.eye(4), [0, 0, 1, 1], [1, 1, 2, 2], identity)
    with pytest.raises(ValueError, match=said):
        crossing_quantiles(train)
    whole = Embeddings(torch.eye(4), [0, 0, 1, 1], [1, 1, 2, 2], [1, 2, 1, 3])
    assert crossing_quantiles(whole, count=3)["n"] == [1, 3]


def test_pairs_that_chance_did_not_draw_are_named(monkeypatch):
    """One person in both modalities among many: of the pairs drawn none may cross."""
    train = Embeddings(torch.eye(4), [0, 0, 0, 1], [1, 1, 1, 2], [1, 1, 2, 1])
    drawn = bias.PairDistances(np.zeros(1), np.array([False]), np.array([[0, 1]]))
    monkeypatch.setattr("vireid.bias.pair_distances", lambda *args, **options: drawn)
    with pytest.raises(ValueError, match=r"none of 1 pairs drawn crosses the gap \(same person\)"):
        crossing_quantiles(train)
