"""Widgets without a browser: controls change the picture, fast; stills carry alt text."""

import base64
import re
from dataclasses import replace

import ipywidgets as W
import numpy as np
import pytest
import torch
from scipy import sparse
from toy import charts_of

from vireid import plots, widgets
from vireid.bench.panels import ANSWER
from vireid.data.augment import RECIPES
from vireid.types import Embeddings, Images, Modality
from vireid.widgets.augmentations import view_features
from vireid.widgets.clusters import Clusterings


def world(n: int = 40):
    """A table of pictures and features in which neighbours are known."""
    rng = np.random.default_rng(0)
    identity, modality = np.repeat(np.arange(n // 8), 8), np.tile([0, 0, 0, 0, 1, 1, 1, 1], n // 8)
    pixels = rng.integers(0, 255, (n, 32, 16, 3), dtype=np.uint8)
    x = rng.normal(size=(n // 8, 16))[identity] + 0.3 * rng.normal(size=(n, 16))
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    return Images(pixels, modality, modality, identity, (32, 16)), x.astype(np.float32)


def html(picture) -> tuple[str, bytes]:
    """(alt text, PNG) of what a picture widget shows."""
    alt, data = re.search(r'alt="(.*?)" src="data:image/png;base64,(.*?)"', picture.value).groups()
    return alt, base64.b64decode(data)


def test_panel_redraws_and_carries_alt_text():
    def draw(size):
        figure, ax = plots.canvas(width=size, height=1)
        ax.plot([0, size])
        return figure, f'size "{size}"'

    panel = widgets.Panel(draw, {"size": W.IntSlider(2, 1, 9)})
    first = html(panel.picture)
    panel.controls["size"].value = 3
    second = html(panel.picture)
    assert first[1] != second[1] and first[1].startswith(b"\x89PNG")
    assert second[0] == "size &quot;3&quot;"


def test_panel_shows_an_error_and_raises_it():
    def draw(size):
        if size > 2:
            raise ValueError("too <large>")
        return plots.canvas()[0], "fine"

    panel = widgets.Panel(draw, {"size": W.IntSlider(1, 1, 9)})
    with pytest.raises(ValueError, match="too <large>"):
        panel.controls["size"].value = 5
    assert 'role="alert"' in panel.picture.value and "too &lt;large&gt;" in panel.picture.value


def test_show_is_one_output_with_widget_picture_and_text(monkeypatch):
    shown = []
    monkeypatch.setattr(
        "IPython.display.display", lambda data, raw, metadata: shown.append((data, metadata))
    )
    widgets.show(W.IntSlider(), plots.canvas()[0], "a still")
    ((data, metadata),) = shown
    assert set(data) == {
        "application/vnd.jupyter.widget-view+json", "image/png", "text/plain",
    }  # fmt: skip
    assert data["text/plain"] == metadata["image/png"]["alt"] == "a still"


def test_view_sorts_by_distance_and_leaves_out_oneself_and_strangers():
    distance = np.array([[0, 0.5, 0.2, 1], [0.5, 0, 0.5, 1], [0.2, 0.5, 0, 1], [1, 1, 1, 0.0]])
    seen = widgets.view(sparse.csr_array(np.where(distance < 1, distance + 1e-9, 0)), 2)
    assert seen.nearest.tolist() == [[2, 1], [0, 2], [0, 1], [-1, -1]]
    dense = widgets.view(distance, 3)
    assert dense.nearest.tolist() == [[2, 1, 3], [0, 2, 3], [0, 1, 3], [0, 1, 2]]
    np.testing.assert_allclose(dense.distance[0], [0.2, 0.5, 1])


def test_view_keeps_stored_zeros():
    table = sparse.csr_array((np.zeros(4), ([0, 0, 1, 1], [0, 1, 0, 1])), shape=(3, 3))
    assert widgets.view(table, 1).nearest.tolist() == [[1], [0], [-1]]


def test_views_hold_the_right_neighbours():
    images, x = world()
    seen = widgets.views(x, ("cosine", "vanilla"), k=5, k1=6, k2=2, modality=images.modality)
    similarity = x @ x.T
    np.fill_diagonal(similarity, -1)
    assert (seen["cosine"].nearest[:, 0] == similarity.argmax(axis=1)).all()
    np.testing.assert_allclose(seen["cosine"].distance[:, 0], 1 - similarity.max(axis=1), atol=1e-6)
    for name in seen:
        np.testing.assert_allclose(seen[name].weights.sum(axis=1), 1, atol=1e-5)


def test_explorer_follows_slider_and_rule_fast_enough():
    images, x = world()
    seen = widgets.views(x, ("cosine", "vanilla"), k=16, k1=6, k2=2, modality=images.modality)
    panel = widgets.explorer(images, seen, start=3)
    assert html(panel.picture)[0].startswith("Image 3 (visible) and its 16 nearest by cosine:")

    def step(i):
        panel.controls["image"].value = 10 + i

    assert charts_of(step, 9) < ANSWER
    panel.controls["rule"].value = "vanilla"
    assert "nearest by vanilla" in html(panel.picture)[0]
    with pytest.raises(ValueError, match="of 40 images and images has 39"):
        widgets.explorer(images.rows(range(39)), seen)


def test_explorer_alt_text_counts_modality_and_person():
    images, x = world()
    seen = widgets.views(x, ("cosine",), k=7)
    found = seen["cosine"].nearest[0]
    kin = int((images.modality[found] == 0).sum())
    same = int((images.identity[found] == images.identity[0]).sum())
    alt, _ = html(widgets.explorer(images, seen).picture)
    assert f"{kin} of 7 neighbours are visible too" in alt
    assert f"{same} show the same person" in alt


def partly_known(images: Images) -> Images:
    """The same pictures, all but those of persons 0 and 1 of unknown people."""
    return replace(images, identity=np.where(images.identity < 2, images.identity, -1))


def test_the_explorer_takes_unknown_people_for_nobody():
    images, x = world()
    images, seen = partly_known(images), widgets.views(x, ("cosine",), k=7)
    alt, _ = html(widgets.explorer(images, seen, start=39).picture)
    assert "Image 39 " in alt and "same person" not in alt
    alt, _ = html(widgets.explorer(images, seen, start=3).picture)
    same = int((images.identity[seen["cosine"].nearest[3]] == 0).sum())
    assert same and f"{same} show the same person" in alt


def test_the_map_counts_unknown_people_as_nobody():
    images, x = world()
    chart = widgets.embedding_map(partly_known(images), plots.project(x, "pca"))
    for rows, told in {
        (0, 8, 16, 24, 25): "2 people, 3 pictures of unknown people.",
        (0, 1, 39): "1 person, 1 picture of unknown people.",
        (38, 39): "0 people, 2 pictures of unknown people.",
        (0, 8): "; 2 people.",
    }.items():
        chart.select(rows)
        assert told in html(chart.picture)[0]
    assert "person 1" in chart.scatter.told[8] and "person" not in chart.scatter.told[16]


def test_clusters_with_unknown_people_are_shown_without_an_agreement():
    images, distance = blobs()
    images = partly_known(images)
    found = Clusterings(images, distance)
    assert found.ari is None and max(found.clusters) == 4
    with pytest.raises(ValueError, match=r"unknown \(-1\) for some"):
        _ = found.best
    alt, _ = html(widgets.clusters(images, distance, eps=0.1, cluster=0).picture)
    assert "ARI" not in alt and "10 images, 2 people" in alt
    alt, _ = html(widgets.clusters(images, distance, eps=0.1, cluster=3).picture)
    assert "10 images, 0 people, 10 pictures of unknown people" in alt
    known, _ = html(widgets.clusters(blobs()[0], distance, eps=0.1).picture)
    assert "ARI" in known


def test_start_beyond_the_last_picture_is_the_last_one():
    images, x = world()
    points = plots.project(x, "pca")
    chart = widgets.embedding_map(images, points, start=99, around=3)
    assert chart.slider.value == chart.selection[0] == 39
    seen = widgets.views(x, ("cosine",), k=3)
    assert "Image 39 " in html(widgets.explorer(images, seen, start=99).picture)[0]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: widgets.twins(people=0), "give 1 person or more"),
        (lambda: widgets.twins(last=0), "give 1 person or more"),
        (lambda: outliers_only(), "all 40 images are outliers"),
        (lambda: two_images(), "2 images have no 2 neighbours; give a smaller k in ks"),
    ],
    ids=["no people", "no slider", "outliers", "two images"],
)
def test_nothing_to_show_is_said(make, words):
    with pytest.raises(ValueError, match=words):
        make()


def outliers_only():
    images, x = world()
    banks = [(torch.arange(2), torch.eye(2, 16))] * 2
    return widgets.two_memories(images, x, np.full(len(x), -1), banks, prior=[0.5, 0.5])


def two_images():
    images, x = world()
    return widgets.neighbour_ratio(Embeddings(x[[0, 4]], *[images.modality[[0, 4]]] * 2))


def test_map_shows_the_selection_of_slider_and_lasso():
    images, x = world()
    points = plots.project(x, "pca")
    chart = widgets.embedding_map(images, points, axis="PCA", around=5)
    gap = np.linalg.norm(points - points[7], axis=1)

    def step(i):
        chart.slider.value = 7 if i == 8 else i + 1

    assert charts_of(step, 9) < ANSWER
    assert chart.selection.tolist() == np.argsort(gap, kind="stable")[:5].tolist()
    chart.scatter.selection = [0, 4, 9]  # what a lasso sends
    assert chart.selection.tolist() == [0, 4, 9]
    visible = int((images.modality[[0, 4, 9]] == Modality.VISIBLE).sum())
    told = f"3 selected: {visible} visible, {3 - visible} infrared; 2 people"
    assert told in html(chart.picture)[0]
    chart.scatter.selection = []
    assert "draw a lasso" in chart.picture.value
    with pytest.raises(ValueError, match="for 40 images"):
        widgets.embedding_map(images, points[:5])


def blobs(identity: bool = True):
    """Two modalities' pictures of one table, and distances that make one big cluster or four."""
    images, _ = world(40)
    place = np.repeat([0.0, 0.3, 0.6, 0.9], 10) + np.tile(np.linspace(0, 0.05, 10), 4)
    return (images if identity else images.blind()), np.abs(place[:, None] - place)


def test_the_cluster_slider_ends_where_the_clusters_do():
    images, distance = blobs()
    panel = widgets.clusters(images, distance, eps=0.1, cluster=3)
    alt, _ = html(panel.picture)
    assert "eps 0.1: 4 clusters" in alt and "cluster 3: 10 images" in alt
    panel.controls["eps"].value = 0.4
    alt, _ = html(panel.picture)
    which = panel.controls["cluster"]
    assert (which.value, which.max) == (0, 0) and "cluster 0: 40 images" in alt
    assert "(24 shown)" in alt, "a sheet has room for as many"


def test_no_radius_is_best_where_nothing_is_known():
    images, distance = blobs(identity=False)
    with pytest.raises(ValueError, match="identities are hidden"):
        _ = Clusterings(images, distance).best
    images, _ = blobs()
    with pytest.raises(ValueError, match="no radius gives two clusters"):
        _ = Clusterings(images, np.ones((40, 40))).best


def test_values_to_begin_with_are_checked_by_name():
    images, _ = blobs()
    visible = images.of(Modality.VISIBLE)
    eye = np.eye(3)
    for call, words in {
        lambda: widgets.sinkhorn_steps(eye, eye, lam=11.5): "lam=11.5 is unknown; known",
        lambda: widgets.greedy_steps(eye, max_matches=0): "max_matches=0; give 1 or more",
        lambda: widgets.augmentations(visible): "no infrared picture",
    }.items():
        with pytest.raises(ValueError, match=words):
            call()


def test_a_network_is_left_as_it_was_when_a_recipe_lacks_a_view():
    images, _ = blobs()
    network = torch.nn.Linear(1, 1)
    with pytest.raises(ValueError, match="no view"):
        view_features(network, images, RECIPES["pgm"], view=7)
    assert network.training


def test_plots_say_what_is_wrong_with_their_points_and_scores():
    _, ax = plots.canvas()
    with pytest.raises(ValueError, match=r"points has shape \(4, 8\); give \(n, 2\)"):
        plots.embedding_map(np.zeros((4, 8)), [0, 0, 1, 1], ax)
    with pytest.raises(ValueError, match="identity"):
        plots.embedding_map(np.zeros((4, 2)), [0, 0, 1, 1], ax, identity=[0, 1])
    with pytest.raises(ValueError, match=r"names with some: b$"):
        plots.gains_over("a", {"a": {}, "b": {1: 2.0}})
    plots.prediction((0, 100), ax, guess=150, measured=50, unit="%")
    assert ax.get_xlim()[1] > 150, "a guess that was kept is drawn wherever it lies"


def test_bins_of_a_modality_ratio_hold_as_many_values_each():
    for k in (7, 32, 33, 40, 60, 80, 200):
        _, ax = plots.canvas()
        plots.modality_ratio(np.arange(k + 1) / k, np.zeros(k + 1, int), ax, k=k)
        heights = ax.patches[0].get_data().values
        assert len(heights) <= 33 and np.ptp(heights[:-1]) < 1e-9, k


def test_map_draws_a_bounded_sheet_and_gives_thumbnails():
    images, x = world()
    chart = widgets.embedding_map(images, plots.project(x, "pca"), largest=6)
    chart.select(np.arange(40))
    assert "40 selected (6 shown)" in html(chart.picture)[0]
    modality = images.modality[chart.shown()]
    assert len(modality) == 6 and (modality == 0).sum() == 3, "both modalities are among the shown"
    urls = chart.scatter.pictures
    assert len(urls) == 40 and all(u.startswith("data:image/jpeg;base64,") for u in urls)
    figure, alt = chart.still()
    assert "40 images" in alt and len(figure.axes) == 2


def test_the_live_map_marks_each_modality_as_all_pictures_do():
    images, x = world()
    live = widgets.embedding_map(images, plots.project(x, "pca"), labels=np.arange(40) - 1).scatter
    assert [k["marker"] for k in live.kinds] == ["o", "^"]
    assert [k["word"] for k in live.kinds] == ["visible (n = 20)", "infrared (n = 20)"]
    assert "circles are visible" in live.label
    assert live.told[0] == "image 0, visible, camera 0, person 0, outlier"
    assert live.told[5].endswith("cluster 4")
    places = np.array(live.points)
    assert places.min() >= -1e-9 and places.max() <= 1 + 1e-9


def test_twins_change_with_the_gap_fast_enough():
    panel = widgets.twins(people=4)
    first = html(panel.picture)[1]
    panel.controls["style_gap"].value = 0
    assert html(panel.picture)[1] != first

    def step(i):
        panel.controls["modality_gap"].value = i / 10

    assert charts_of(step, 9) < ANSWER
