"""Figures of associations and of label transfer: what they draw equals what they are given."""

import numpy as np
import pytest

from vireid import plots
from vireid.plots import links, spread
from vireid.types import Modality


def axes():
    return plots.canvas()[1]


def lines_of(ax) -> dict[str, np.ndarray]:
    """Kind of link -> its ends (links, 2, 2) as drawn."""
    return {
        c.get_label(): np.array(c.get_segments()) for c in ax.collections if c.get_label()[0] != "_"
    }


def test_a_link_is_right_wrong_or_has_nobody_to_find():
    kind = plots.link_kinds([1, 2, 9], [2, 1, 7])
    words = [[links.KINDS[k] for k in row] for row in kind]
    assert words[0] == ["wrong", "right", "nobody to find"]
    assert words[1] == ["right", "wrong", "nobody to find"]
    assert words[2] == ["nobody to find"] * 3


def test_bipartite_draws_right_links_level_and_leaves_out_thin_ones():
    forth = np.array([[1, 0], [0.95, 0.05]])
    back = np.array([[0.5, 0.5], [0, 1.0]])
    ax = plots.bipartite([4, 8], [4, 8], forth, back, axes())
    drawn = lines_of(ax)
    assert len(drawn["right"]) == 2 and len(drawn["wrong"]) == 1  # 0.05 one way, but 1.0 back
    assert (drawn["right"][:, 0, 1] == drawn["right"][:, 1, 1]).all()
    assert (drawn["wrong"][:, 0, 1] != drawn["wrong"][:, 1, 1]).all()
    width = {c.get_label(): c.get_linewidths() for c in ax.collections if c.get_label() in drawn}
    assert max(width["right"]) > max(width["wrong"])
    thin = plots.bipartite([4, 8], [4, 8], np.eye(2) * 0.05, np.eye(2) * 0.05, axes())
    assert not any(map(len, lines_of(thin).values()))


def test_bipartite_keeps_a_persons_clusters_together_and_lone_ones_opposite_nobody():
    ax = plots.bipartite([5, 3, 5, 7], [7, 5], np.zeros((4, 2)), np.zeros((2, 4)), axes())
    left, right = (c.get_offsets() for c in ax.collections[-2:])
    assert left[:, 1].tolist() == [1, 0, 2, 3]  # 3, then both of 5, then 7
    assert right[:, 1].tolist() == [3, 1.5]
    with pytest.raises(ValueError, match=r"forth is \(2, 4\)"):
        plots.bipartite([5, 3, 5, 7], [7, 5], np.zeros((2, 4)), np.zeros((2, 4)), axes())


def test_kinds_of_links_differ_in_line_as_well_as_colour():
    colours, styles = zip(*links.KIND_LOOK.values(), strict=True)
    assert len(set(colours)) == len(set(styles)) == 3
    assert not set(colours) & set(plots.MODALITY_COLOUR.values())


def test_pair_scores_stand_at_their_per_cent():
    scores = {"a": (0.5, 0.25), "b": (float("nan"), 0.0)}
    ax = plots.pair_scores(scores, axes(), before={"a": (0.1, 0.2)}, chosen="b")
    drawn = {line.get_label(): line.get_xdata() for line in ax.lines if line.get_label()[0] != "_"}
    assert drawn["precision"][0] == 50 and np.isnan(drawn["precision"][1])
    assert drawn["recall"].tolist() == [25, 0] and drawn["recall before"].tolist() == [20]
    assert [t.get_text() for t in ax.get_yticklabels()] == ["a", "▶ b"]


def graph(labels, **options):
    people = {m: np.array([1, 2]) for m in Modality}
    within = {m: np.eye(2) + 0.2 for m in Modality}
    arguments = (
        dict(zip(Modality, labels, strict=True)),
        people,
        within,
        np.array([[1, 0.0], [1, 1]]),
    )
    return plots.label_graph(*arguments, axes(), **options)


def test_label_graph_writes_the_largest_label_and_crosses_wrong_ones():
    sure, torn = np.array([[1.0, 0], [0, 1]]), np.array([[0.4, 0.6], [0.3, 0.7]])
    ax = graph((sure, torn), clusters=[1, 2], title="round 3")
    numbers = [t.get_text() for t in ax.texts if t.get_text() in "01"]
    assert numbers == ["0", "1", "1", "1"]
    crosses = [line for line in ax.lines if line.get_marker() == "x"]
    assert [line.get_ydata().tolist() for line in crosses] == [[], [0]]
    rings = [c for c in ax.collections if len(c.get_facecolors()) and c.get_zorder() == 3]
    assert [len(c.get_paths()) for c in rings] == [2, 4]  # a ring of one label is one arc
    with pytest.raises(ValueError, match="9 columns"):
        graph((np.eye(2, 9), np.eye(2, 9)))


def test_label_graph_draws_an_edge_per_affinity_that_counts():
    ax = graph((np.eye(2), np.eye(2)))
    edges = [c.get_segments() for c in ax.collections if hasattr(c, "get_segments")]
    assert [len(found) for found in edges] == [3, 1, 1]  # across, within visible, within infrared
    (left,), (right,) = edges[1:]
    assert left[:, 0].max() < 0 and right[:, 0].min() > spread.REACH  # arcs stand outside
    np.testing.assert_allclose(left[[0, -1], 1], [0, 1], atol=1e-9)


def test_affinities_are_sorted_by_person_and_say_how_much_is_right():
    s = np.array([[0, 2.0], [1, 3], [0, 0]])
    ax = plots.affinities(s, [9, 1, 1], [1, 9], axes(), words=("visible", "infrared"), title="x")
    shown = ax.images[0].get_array() ** 2
    np.testing.assert_allclose(shown, [[1 / 3, 1], [0, 0], [0, 1]])
    assert ax.get_title(loc="left") == "x: 62% on the right person"  # (2 / 2 + 1 / 4) / 2
    assert plots.right_share(s, [9, 1, 1], [1, 9]) == 0.625
    assert np.isnan(plots.right_share(np.zeros((1, 2)), [1], [1, 2]))
    with pytest.raises(ValueError, match=r"\(3, 2\) for 2 rows"):
        plots.affinities(s, [9, 1], [1, 9], axes(), words=("visible", "infrared"))
    words = {"words": ("visible", "infrared"), "title": "x"}
    ax = plots.affinities(np.zeros((2, 2)), [1, 9], [1, 9], axes(), **words)
    assert ax.get_title(loc="left") == "x: no row has any affinity"
    for shape in ((0, 2), (2, 0)):
        with pytest.raises(ValueError, match="s is empty"):
            plots.affinities(np.zeros(shape), *map(range, shape), axes(), **words)


def test_pair_densities_have_area_one_and_say_what_they_share():
    ax = plots.pair_densities(
        [0.1, 0.1, 1.9, 1.9], [1.9] * 8, axes(), xlabel="d", bins=4, span=(0, 2)
    )
    filled = [p.get_data() for p in ax.patches if p.get_fill()]
    for data in filled:
        assert (data.values * np.diff(data.edges)).sum() == pytest.approx(1)
    assert "50% in common" in ax.get_title(loc="left")
    assert [t.get_text() for t in ax.get_legend().get_texts()] == [
        "one person (n = 4)",
        "two people (n = 8)",
    ]


def test_pair_densities_of_equal_numbers_and_of_none():
    ax = plots.pair_densities([0.2], [0.2, 0.2], axes(), xlabel="d")
    assert ax.get_title(loc="left").endswith("100% in common")
    for same, different, told in (
        ([], [0.1, 0.2], "same is empty"),
        ([0.1], [], "different is empty"),
        ([np.nan, 0.2], [0.2], "same has 1 NaN"),
        ([0.2], [-1.0, 7.0], r"no distance of different lies in span=\(0, 2\)"),
    ):
        with pytest.raises(ValueError, match=told):
            plots.pair_densities(same, different, axes(), xlabel="d", span=(0, 2))


def test_one_side_without_clusters_is_drawn_without_links():
    ax = plots.bipartite([1, 2], [], np.zeros((2, 0)), np.zeros((0, 2)), axes())
    assert not sum(len(ends) for ends in lines_of(ax).values() if ends.ndim == 3)
    assert sorted(t.get_text() for t in ax.texts) == ["1", "2"]
    with pytest.raises(ValueError, match="people_visible and people_infrared are empty"):
        plots.bipartite([], [], np.zeros((0, 0)), np.zeros((0, 0)), axes())


def test_rings_fit_between_neighbours():
    assert spread.HOLE < spread.RADIUS < spread.RIM < 0.5
