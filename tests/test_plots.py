"""Figures: what they draw equals what they are given; same input, same bytes; errors teach."""

import csv
import io
import re
from dataclasses import replace
from itertools import combinations
from types import SimpleNamespace

import matplotlib
import numpy as np
import pytest
from matplotlib.colors import same_color, to_rgb
from matplotlib.patches import Rectangle
from PIL import Image

from vireid import papers, plots
from vireid.plots import base, maps
from vireid.types import Images, Modality


def world(people: int = 4, shots: int = 3, gap: float = 0.6, seed: int = 0):
    """A table of flat-coloured pictures, and features with a gap between the modalities."""
    rng = np.random.default_rng(seed)
    identity = np.repeat(np.arange(people), 2 * shots)
    modality = np.tile(np.repeat([0, 1], shots), people)
    pixels = np.zeros((len(identity), 32, 16, 3), np.uint8)
    pixels += rng.integers(30, 220, (people, 3)).astype(np.uint8)[identity][:, None, None]
    pixels[modality == 1] = pixels[modality == 1].mean(axis=-1, keepdims=True).astype(np.uint8)
    x = rng.normal(size=(people, 32))[identity] + 0.5 * rng.normal(size=(len(identity), 32))
    x[:, 0] += np.where(modality == 0, 10 * gap, -10 * gap)
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    images = Images(pixels, modality, modality + 1, identity, (32, 16), "blocks")
    return images, x.astype(np.float32)


def axes():
    return plots.canvas()[1]


def test_modalities_differ_in_colour_shape_and_line():
    for look in (plots.MODALITY_COLOUR, plots.MODALITY_MARKER, plots.MODALITY_LINE):
        assert look[Modality.VISIBLE] != look[Modality.INFRARED]
    assert plots.MODALITY_COLOUR[Modality.VISIBLE] == "#0072B2"
    assert plots.MODALITY_COLOUR[Modality.INFRARED] == "#D55E00"
    assert not set(plots.MODALITY_COLOUR.values()) & set(base.COLOURS)


def test_drawing_leaves_matplotlib_alone():
    images, x = world()
    before = dict(matplotlib.rcParams)
    figure, ax = plots.canvas()
    plots.embedding_map(plots.project(x, "pca"), images.modality, ax)
    plots.png(figure)
    assert dict(matplotlib.rcParams) == before


def test_same_figure_same_bytes():
    def picture() -> bytes:
        images, _ = world()
        figure, ax = plots.canvas()
        plots.contact_sheet(images, ax)
        return base.smaller(plots.png(figure))

    assert picture() == picture()
    assert b"matplotlib" not in picture() and b"tIME" not in picture()


def test_output_carries_picture_and_alt_text():
    figure, _ = plots.canvas()
    data, metadata = base.bundle(figure, "An empty figure.")
    assert set(data) == {"image/png", "text/plain"}
    assert data["text/plain"] == metadata["image/png"]["alt"] == "An empty figure."
    with pytest.raises(ValueError, match="alt is empty"):
        base.bundle(figure, " ")


def test_histogram_heights_are_shares_of_each_modality():
    values = np.array([0.1, 0.1, 0.1, 0.9, 0.9, 0.1])
    ax = plots.histogram(
        values, axes(), xlabel="v", modality=[0, 0, 0, 0, 1, 1], bins=[0, 0.5, 1], reference=0.5
    )
    heights = [p.get_data().values.tolist() for p in ax.patches if p.get_fill()]
    assert heights == [[0.75, 0.25], [0.5, 0.5]]
    texts = [t.get_text() for t in ax.get_legend().get_texts()]
    assert texts == ["visible (n = 4)", "infrared (n = 2)", "chance 0.50"]
    assert ax.get_xlabel() == "v" and ax.get_ylabel() == "share of images"
    with pytest.raises(ValueError, match="modality has 1 entries and values 6"):
        plots.histogram(values, axes(), xlabel="v", modality=[0])


def test_modality_ratio_marks_chance_without_the_image_itself():
    ax = plots.modality_ratio([1, 1, 0.5, 1], [0, 0, 0, 1], axes(), k=2)
    dotted = sorted(line.get_xdata()[0] for line in ax.lines if len(line.get_xdata()) == 2)
    assert dotted == pytest.approx([0, 2 / 3])
    bins = [p.get_data() for p in ax.patches if p.get_fill()]
    assert bins[0].values.tolist() == pytest.approx([0, 1 / 3, 2 / 3])  # ratios 0, 1/2, 1
    assert bins[1].values.tolist() == [0, 0, 1]
    with pytest.raises(ValueError, match="ratio has 1 NaN or infinite"):
        plots.modality_ratio([1, np.nan, 0.5, 1], [0, 0, 0, 1], axes(), k=2)
    with pytest.raises(ValueError, match="values has 1 NaN or infinite"):
        plots.histogram([1, np.nan, 0.5], axes(), xlabel="v", bins=[0, 1, 2])


def test_distances_split_by_crossing_and_mark_medians():
    ax = plots.distances([0.0, 0.2, 0.4, 1.0], [False, False, False, True], axes(), bins=5)
    same, cross = (p.get_data().values for p in ax.patches if p.get_fill())
    assert same.tolist() == pytest.approx([1 / 3, 1 / 3, 1 / 3, 0, 0])
    assert cross.tolist() == [0, 0, 0, 0, 1]
    medians = [line.get_xdata()[0] for line in ax.lines if len(line.get_xdata()) == 2]
    assert medians == [0.2, 1.0]
    with pytest.raises(ValueError, match="distance has 1 NaN"):
        plots.distances([0.1, np.nan], [True, False], axes())
    with pytest.raises(ValueError, match="distance is empty"):
        plots.distances([], [], axes())
    ax = plots.distances([0.3] * 4, [True, False, True, False], axes())
    assert ax.get_xlim()[0] < 0.3 < ax.get_xlim()[1]


def test_encoding_bars_are_the_nonzero_weights_in_order():
    ax = plots.encoding([0, 0.2, 0.5, 0, 0.3], [0, 0, 1, 1, 0], axes())
    bars = sorted((p.get_x() + p.get_width() / 2, p.get_height()) for p in ax.patches)
    assert [h for _, h in bars] == pytest.approx([0.5, 0.3, 0.2])
    assert same_color(
        next(p for p in ax.patches if p.get_height() == 0.5).get_facecolor(), "#D55E00"
    )
    assert {t.get_text() for t in ax.get_legend().get_texts()} == {"visible 50%", "infrared 50%"}


def test_contact_sheet_frames_by_modality_and_counts():
    images, _ = world()
    ax = plots.contact_sheet(images, axes(), rows=[0, 1, 3], columns=2)
    frames = [p for p in ax.patches if isinstance(p, Rectangle)]
    colours = [p.get_edgecolor()[:3] for p in frames]
    assert colours == [to_rgb("#0072B2")] * 2 + [to_rgb("#D55E00")]
    assert [p.get_linestyle() for p in frames] == ["-", "-", "--"]
    assert ax.get_title("left") == "2 visible, 1 infrared"
    with pytest.raises(ValueError, match="rows is empty"):
        plots.contact_sheet(images, axes(), rows=[])


def test_pictures_of_any_size_come_to_the_same_height():
    images, _ = world()
    assert plots.thumbnail(images, 0, 96).shape == (96, 48, 3)
    assert plots.thumbnail(images, 0, 50).shape == (50, 25, 3)
    assert (plots.thumbnail(images, 0, 96) == images.picture(0)[0, 0]).all()


def test_retrieval_sheet_marks_right_and_wrong():
    images, _ = world(people=3, shots=2)
    query, gallery = images.of(Modality.INFRARED), images.of(Modality.VISIBLE)
    order = np.array([[0, 1, 2], [2, 0, 1], [2, 3, 0], [0, 2, 3], [4, 5, 0], [0, 4, 5]])
    ax = plots.retrieval_sheet(query, gallery, order, axes(), rows=[0, 1], answers=3)
    marks = [t.get_text() for t in ax.texts]
    assert marks == ["person 0", "1 ✓", "2 ✓", "3 ✗", "person 0", "1 ✗", "2 ✓", "3 ✓"]
    assert "first answer right in 1 of 2" in ax.get_title("left")
    assert sum(p.get_linewidth() == 2.6 for p in ax.patches) == 4  # right answers alone are framed
    with pytest.raises(ValueError, match="identity is None"):
        plots.retrieval_sheet(query.blind(), gallery, order, axes())
    with pytest.raises(ValueError, match="order has shape"):
        plots.retrieval_sheet(query, gallery, order, axes(), answers=4)


def test_neighbours_show_rank_and_same_person():
    images, _ = world()
    ax = plots.neighbours(images, 0, [1, 3, 6], axes(), columns=2)
    assert [t.get_text() for t in ax.texts] == ["this image", "1 ✓", "2 ✓", "3"]
    ax = plots.neighbours(images.blind(), 0, [1], axes(), captions=["near"])
    assert [t.get_text() for t in ax.texts] == ["this image", "near"]


def test_unknown_people_are_not_one_person():
    images, x = world()
    identity = np.where(images.identity == 3, 3, -1)  # 18 pictures of unknown people, 6 of person 3
    images = replace(images, identity=identity)
    ax = plots.neighbours(images, 0, [1, 18], axes())
    assert [t.get_text() for t in ax.texts] == ["this image", "1", "2"]
    ax = plots.neighbours(images, 18, [19, 0], axes())
    assert [t.get_text() for t in ax.texts] == ["this image", "1 ✓", "2"]
    ax = plots.embedding_map(plots.project(x, "pca"), images.modality, axes(), identity=identity)
    assert [t.get_text() for t in ax.texts] == ["3", "3"] and len(ax.lines) == 6
    order = np.tile([0, 9], (len(images), 1))
    ax = plots.retrieval_sheet(images, images, order, axes(), rows=[1], answers=2)
    assert [t.get_text() for t in ax.texts][1:] == ["1 ✗", "2 ✗"]


def test_pca_is_the_same_for_mirrored_eigenvectors_and_keeps_distances():
    _, x = world()
    points = plots.project(x, "pca")
    u, s, _ = np.linalg.svd(x - x.mean(axis=0), full_matrices=False)
    np.testing.assert_allclose(np.abs(points), np.abs(u[:, :2] * s[:2]), atol=1e-5)
    np.testing.assert_array_equal(points, plots.project(x.copy(), "pca"))


@pytest.mark.parametrize("method", ["tsne", "umap"])
def test_layouts_are_repeatable_cached_and_keep_neighbours_together(method, tmp_path, monkeypatch):
    monkeypatch.setenv("VIREID_CACHE", str(tmp_path))
    images, x = world(people=3, shots=8, gap=0)
    points = plots.project(x, method, around=5)
    assert points.shape == (48, 2) and len(list(tmp_path.rglob("*.npy"))) == 1
    np.testing.assert_array_equal(points, plots.project(x, method, around=5, cache=False))
    plots.project(x, method, around=5)  # read back, not computed again
    assert len(list(tmp_path.rglob("*.npy"))) == 1
    gap = np.linalg.norm(points[:, None] - points[None], axis=-1)
    np.fill_diagonal(gap, np.inf)
    assert (images.identity[gap.argmin(axis=1)] == images.identity).mean() > 0.9


def test_cache_is_read_by_content(tmp_path, monkeypatch):
    monkeypatch.setenv("VIREID_CACHE", str(tmp_path))
    monkeypatch.setattr(
        maps, "_tsne", lambda x, seed, around: np.full((len(x), 2), seed, np.float32)
    )
    _, x = world()
    assert plots.project(x, "tsne", seed=1)[0, 0] == 1
    assert plots.project(x, "tsne", seed=2)[0, 0] == 2  # another seed is another map
    monkeypatch.setattr(maps, "_tsne", lambda x, seed, around: np.full((len(x), 2), -1, np.float32))
    assert plots.project(x, "tsne", seed=1)[0, 0] == 1
    assert plots.project(x + 1, "tsne", seed=1)[0, 0] == -1  # other features too


def test_project_refuses_bad_features():
    _, x = world()
    with pytest.raises(ValueError, match="known: pca, tsne, umap"):
        plots.project(x, "mds")
    with pytest.raises(ValueError, match="at least 4 rows"):
        plots.project(x[:3], "pca")
    x[2, 0] = np.nan
    with pytest.raises(ValueError, match=r"rows \[2\]"):
        plots.project(x, "pca")


def test_map_draws_every_image_with_its_modalitys_mark():
    images, x = world()
    points = plots.project(x, "pca")
    ax = plots.embedding_map(points, images.modality, axes(), axis="PCA")
    drawn = [c.get_offsets() for c in ax.collections]
    np.testing.assert_allclose(drawn[0], points[images.modality == 0])
    np.testing.assert_allclose(drawn[1], points[images.modality == 1])
    ax = plots.embedding_map(points, images.modality, axes(), identity=images.identity, people=2)
    assert sorted(t.get_text() for t in ax.texts) == ["0", "0", "1", "1"]


def test_numbers_of_people_in_one_place_do_not_cover_each_other():
    points = np.tile([[0.0, 0], [0, 0.01], [0.01, 0], [5, 5]], (3, 1))
    identity, modality = np.tile([10, 11, 12, 13], 3), np.repeat([0, 1, 1], 4)
    figure, ax = plots.canvas(width=4, height=4)
    plots.embedding_map(points, modality, ax, identity=identity)
    figure.draw_without_rendering()
    boxes = [text.get_window_extent() for text in ax.texts]
    assert len(boxes) == 8
    for one, other in combinations(boxes, 2):
        assert not one.overlaps(other)
    near = maps.apart([[0, 0], [0, 0], [40, 0]])
    assert (
        near[2].tolist() == [40, 0]
        and near.tolist() == maps.apart([[0, 0], [0, 0], [40, 0]]).tolist()
    )


def test_prototypes_join_the_two_of_one_cluster():
    points = np.array([[0, 0], [0, 1], [4, 0], [4, 1], [9, 9]], float)
    proxies = np.array([[0, 0.5], [4, 0.5]])
    ax = plots.prototypes(
        points, [0, 0, 1, 1, 0], [0, 0, 0, 0, -1], proxies, [0, 0], axes(), proxy_modality=[0, 1]
    )
    thick = [line for line in ax.lines if line.get_linewidth() == 1.4]
    assert len(thick) == 1 and thick[0].get_xdata().tolist() == [0, 4]
    assert sum(len(c.get_offsets()) for c in ax.collections) == 4 + 2  # the outlier is left out


def test_curves_average_seeds_and_skip_what_was_not_measured():
    ax = plots.curve({"a": [[1, None, 3], [3, None, 5]]}, axes(), ylabel="rank-1 (%)", stage2=1)
    line = ax.lines[0]
    assert line.get_xdata().tolist() == [0, 2] and line.get_ydata().tolist() == [2, 4]
    assert ax.get_legend().get_texts()[0].get_text() == "a (2 seeds)"
    with pytest.raises(ValueError, match="no value of mAP"):
        plots.curve({"a": [[None, None]]}, axes(), ylabel="mAP")


def test_bars_show_mean_spread_seeds_and_the_papers_number():
    ax = plots.bars({"M1": [10, 20], "M6": [40]}, axes(), paper={"M6": 67.1})
    assert [p.get_width() for p in ax.patches] == [15, 40]
    texts = [t.get_text().strip() for t in ax.texts]
    assert texts == ["15.0 ± 7.1 (n = 2)", "40.0 (n = 1)"]
    assert "ours: mean ± sample sd" in [t.get_text() for t in ax.get_legend().get_texts()]
    alone = plots.bars({"M6": [40]}, axes()).get_legend().get_texts()
    assert not [t for t in alone if "sd" in t.get_text()], "one seed has none"
    diamond = next(line for line in ax.lines if line.get_marker() == "D")
    assert diamond.get_xdata() == [67.1] and diamond.get_ydata() == [1]
    with pytest.raises(ValueError, match="is empty"):
        plots.bars({"M1": []}, axes())
    with pytest.raises(ValueError, match="scores is empty; give a name"):
        plots.bars({}, axes())


def test_bars_of_losses_and_of_small_numbers_can_be_read():
    ax = plots.bars({"worse": [-3.0, -5.0], "better": [2.0]}, axes(), xlabel="gain (%)")
    low, high = ax.get_xlim()
    assert low < -5 and high > 2 and [p.get_width() for p in ax.patches] == [-4, 2]
    for top, least in ((0.4, 3), (12, 3), (39, 3), (41, 3), (98, 6)):
        ax = plots.bars({"a": [top]}, axes())
        seen = [tick for tick in ax.get_xticks() if 0 <= tick <= min(100, ax.get_xlim()[1])]
        assert len(seen) >= least, (top, seen)
    ax = plots.bars({"a": [60.0]}, axes())
    assert ax.get_xlim() == (0, 90) and ax.get_xticks().tolist() == [0, 20, 40, 60, 80, 100]


def test_bars_without_any_score_say_so_in_every_line():
    ax = plots.bars({"a": [40.0, np.nan, 60.0], "b": [np.nan]}, axes(), without="undefined")
    assert [t.get_text().strip() for t in ax.texts] == ["50.0 ± 14.1 (n = 2)", "undefined"]
    with pytest.raises(ValueError, match=r"'b'.* all NaN"):
        plots.bars({"a": [1.0], "b": [np.nan]}, axes())
    ax = plots.bars({"a": [], "b": []}, axes(), without="not measured")
    assert [t.get_text().strip() for t in ax.texts] == ["not measured"] * 2
    assert ax.get_legend() is None and not len(ax.get_xticks())
    plots.bars({"a": [0.0, 0.0]}, axes())


def test_shifts_point_from_one_value_to_another():
    ax = plots.shifts({"ties": (12.5, 100), "nothing": (50, 50)}, axes(), xlabel="rank-1 (%)")
    assert [t.get_text() for t in ax.texts if t.get_text()] == ["+87.5", "+0.0"]
    assert [line.get_xdata()[0] for line in ax.lines] == [12.5, 50]


def test_cmc_and_roc_axes_are_per_cent():
    ax = plots.cmc({"a": [0.25, 0.5, 1.0]}, axes(), upto=2)
    assert ax.lines[0].get_ydata().tolist() == [25, 50]
    record = SimpleNamespace(fpr=[0, 0.5, 1], tpr=[0, 0.9, 1], auc=0.7)
    ax = plots.roc({"a": record}, axes())
    assert ax.lines[0].get_ydata().tolist() == [0, 90, 100]
    assert "%" in ax.get_xlabel() and "%" in ax.get_ylabel()


def test_paper_table_holds_the_ablation_of_bmil():
    rows = plots.paper_table(paper="BMIL", setting="ablation", mode="all", metric="rank1")
    assert {r["method"]: r["value"] for r in rows} == {
        "M1": 39.5, "M2": 54.9, "M3": 64.9, "M4": 64.8, "M5": 61.1, "M6": 67.1,
    }  # fmt: skip
    with pytest.raises(ValueError, match="no column"):
        plots.paper_table(metrics="rank1")


def test_paper_table_is_complete_and_numeric():
    with (papers.COMMITTED / "papers.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    own = [r for r in rows if r["paper"] in ("BMIL", "DMDL", "MULT", "MCF")]
    assert len(own) == 1018 and len(rows) == 1262
    assert {r["paper"] for r in rows} == {"BMIL", "DMDL", "MULT", "MCF", "SMC", "PoSeD"}
    assert all(0 <= float(r["value"]) <= 100 for r in rows)


def test_names_of_one_modality_have_its_colour_and_lines_of_their_own():
    from vireid.plots.looks import looks

    names = ["visible, within", "infrared, within", "visible, joint", "infrared, joint", "M2"]
    look = looks(names)
    for own in Modality:
        first, second = (look[name] for name in names if name.startswith(own.word))
        assert first[0] == second[0] == plots.MODALITY_COLOUR[own]
        assert first[1:] == looks([own.word])[own.word][1:]
        assert first[1] != second[1] and first[2] != second[2]
    assert len({look[name][1:] for name in names[:4]}) == 4


def test_a_name_looks_the_same_in_every_figure():
    from vireid.plots.looks import looks

    alone, among = looks(["M3+MIRL"]), looks(["other", "M2", "▶ M3+MIRL (3 seeds)", "third"])
    assert alone["M3+MIRL"] == among["▶ M3+MIRL (3 seeds)"] != among["M2"]
    many = looks(["M2", *map(str, range(7))])
    assert len({colour for colour, *_ in many.values()}) == 8 == len(many)
    assert len(set(looks(map(str, range(30))).values())) == 30
    both = looks(["BMIL", "MULT"])
    assert both["BMIL"] == looks(["BMIL"])["BMIL"] != both["MULT"]
    assert looks(["infrared ARI"])["infrared ARI"][0] == plots.MODALITY_COLOUR[1]


def test_the_map_has_every_box_frames_where_one_is_and_names_real_notebooks():
    from vireid import workbook
    from vireid.plots.pipeline import BOXES, PAPERS

    figure = plots.pipeline_map("memory")
    (ax,) = figure.axes
    texts = [t.get_text() for t in ax.texts]
    assert all(box.name in texts for box in BOXES)
    assert [p.get_linewidth() > 2 for p in ax.patches].count(True) == 1
    assert {paper for box in BOXES for paper in box.changes} == set(PAPERS)
    framed = {box.name: [] for box in BOXES}
    for path in workbook.scripts():
        here = re.search(r"pipeline_map\(([^)]*)\)", path.read_text("utf-8"))[1]
        for name in re.findall(r'"(\w+)"', here):
            framed[name].append(path.stem[:2])
    assert {box.name: box.notebooks.split(", ") for box in BOXES} == framed
    with pytest.raises(ValueError, match="neighbours"):
        plots.pipeline_map("nonsense")


@pytest.fixture
def page():
    yield
    plots.mode("page")


def test_lecture_mode_enlarges_once_and_page_is_as_before(page, monkeypatch):
    def drawn():
        figure, ax = plots.canvas(width=3, height=2)
        base.dress(ax, title="a title", xlabel="x")
        return figure

    plain = base.png(drawn())
    monkeypatch.setenv("VIREID_MODE", "lecture")
    plots.mode("page")  # what is set by hand goes first
    assert base.png(drawn()) == plain and plots.mode() == "page"
    plots.mode("lecture")
    figure = drawn()
    before = figure.axes[0].title.get_fontsize(), figure.axes[0].spines["left"].get_linewidth()
    first = base.png(figure)
    assert base.png(figure) == first, "a second picture is not enlarged again"
    after = figure.axes[0].title.get_fontsize(), figure.axes[0].spines["left"].get_linewidth()
    assert first[16:20] != plain[16:20] and all(b > a for a, b in zip(before, after, strict=True))
    with pytest.raises(ValueError, match="page, lecture"):
        plots.mode("cinema")


def test_in_a_lecture_a_picture_grows_to_what_reaches_beyond_it(page):
    """Margins are fixed for the page; enlarged words are not cut off."""

    def size(title: str) -> tuple[int, int]:
        margins = {"left": 0.15, "right": 0.9, "bottom": 0.2, "top": 0.8}
        figure, ax = plots.canvas(width=4, height=2, margins=margins)
        base.dress(ax, title=title)
        with Image.open(io.BytesIO(base.png(figure))) as picture:
            return picture.size

    long = "a title that fits the page, and in a lecture no longer"
    assert size("short") == size(long) == (400, 200)
    plots.mode("lecture")
    assert size("short") == (600, 300)
    assert size(long)[0] > 600


def test_in_a_lecture_nothing_runs_into_anything(page):
    """The larger x label leaves the legend alone, words at the bars stay on their axes."""
    seeds = {"oracle": [29.0, 63.0, 71.0], "prolonged": [14.0, 15.0, 18.0]}
    paired = {name: dict(enumerate(scores)) for name, scores in seeds.items()}
    for mode in ("page", "lecture"):
        plots.mode(mode)
        figure, (left, right) = plots.canvas(columns=2, width=9.6, height=2.8)
        plots.bars(seeds, left)
        plots.gains(paired, right, base="prolonged")
        base.png(figure)
        figure.draw_without_rendering()  # at the dots per inch that extents are told in
        for ax in (left, right):
            legend = ax.get_legend().get_window_extent()
            assert legend.y1 <= ax.xaxis.label.get_window_extent().y0, mode
            for word in ax.texts:
                assert word.get_window_extent().x1 <= ax.get_window_extent().x1, word.get_text()
