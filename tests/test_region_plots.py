"""Pictures of attention, of regional neighbours, of a matching, of three modalities."""

from dataclasses import replace

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from toy import images

from vireid import plots
from vireid.plots.attention import overlay
from vireid.plots.modalities import LOOKS
from vireid.plots.regions import FADE, in_stripe
from vireid.widgets.matching import moves

SPEC = np.array([[0.9, 0.1, 0.2], [0.8, 0.3, 0.1], [0.7, 0.6, 0.2], [0.65, 0.2, 0.4]])


def edges(ax) -> list:
    """Colours of the frames in a sheet."""
    return [tuple(np.round(patch.get_edgecolor()[:3], 3)) for patch in ax.patches]


# attention


def test_overlay_is_blue_where_the_weight_is_low_and_yellow_where_it_is_high():
    white = np.full((8, 4, 3), 255, dtype=np.uint8)
    seen = overlay(white, np.array([[0.2], [0.8]]), (0.2, 0.8)).astype(int)
    assert seen.shape == white.shape
    assert seen[0, 0, 2] > seen[0, 0, 0] and seen[-1, 0, 0] > seen[-1, 0, 2]
    flat = overlay(white, np.array([[0.5]]), (0.5, 0.5))
    assert (flat == flat[0, 0]).all()
    dark = overlay(np.zeros_like(white), np.array([[0.2], [0.8]]), (0.2, 0.8))
    assert dark.sum() < seen.sum()


def test_attention_sheet_shows_each_picture_twice_and_tells_the_limits():
    table = images()
    maps = np.linspace(0.25, 0.75, len(table))[:, None, None, None] * np.ones((1, 1, 4, 2))
    _, ax = plots.canvas()
    plots.attention_sheet(table, maps, ax, rows=[0, 1, 40], title="three")
    assert len(ax.patches) == 6
    assert ax.texts[0].get_text() == "place weights: dark blue 0.25, yellow 0.75"
    with pytest.raises(ValueError, match=rf"give {len(table)} maps"):
        plots.attention_sheet(table, maps[1:], ax, rows=[0])


def test_channels_stand_in_the_given_order():
    _, ax = plots.canvas()
    plots.channel_weights({"visible": [0.1, 0.9, 0.5]}, ax, order=[1, 2, 0])
    assert list(ax.lines[0].get_ydata()) == [0.9, 0.5, 0.1]
    with pytest.raises(ValueError, match=r"weights\['all'\] has shape \(2,\)"):
        plots.channel_weights({"all": [0.1, 0.2]}, ax, order=[0, 1, 2])


# regions


def test_a_stripe_keeps_its_ink_and_the_others_fade():
    picture = np.full((9, 2, 3), 55, dtype=np.uint8)
    parts = [in_stripe(picture, r, 3) for r in range(3)]
    assert (parts[1][3:6] == 55).all() and (parts[1][:3] == round(255 - FADE * 200)).all()
    kept = sum((part == 55).all((1, 2)).astype(int) for part in parts)
    assert (kept == 1).all()


def test_frames_say_who_is_close_enough_and_who_is_the_same_person():
    table = images(people=2, per=2)  # rows 0, 1 are person 0, rows 2, 3 person 1, all visible
    similarity = np.full((2, len(table)), -np.inf)
    similarity[:, 1:4] = [[0.9, 0.8, 0.1], [0.7, 0.2, 0.6]]
    chosen = similarity > 0.5
    _, ax = plots.canvas()
    plots.region_neighbours(table, 0, similarity, chosen, ax, agreed=[1])
    green, grey = tuple(np.round(to_rgb(plots.PALETTE[2]), 3)), (0.6, 0.6, 0.6)
    assert edges(ax).count(green) == 3 and edges(ax).count(grey) == 2
    texts = [t.get_text() for t in ax.texts]
    assert texts.count("0.90 ✓") == 1 and "0.10" in texts and "1.60 ✓" in texts
    with pytest.raises(ValueError, match="both are"):
        plots.region_neighbours(table, 0, similarity[:, 1:], chosen, ax, agreed=[])


def test_unknown_people_are_not_the_same_person():
    table = images(people=2, per=2)
    table = replace(table, identity=np.full(len(table), -1))
    similarity = np.full((1, len(table)), 0.9)
    _, ax = plots.canvas()
    plots.region_neighbours(table, 0, similarity, similarity > 0.5, ax, agreed=[1])
    assert not any("✓" in t.get_text() for t in ax.texts)
    assert tuple(np.round(to_rgb(plots.PALETTE[2]), 3)) not in edges(ax)


def test_agreed_pictures_that_do_not_fit_are_counted():
    table = images(people=2, per=3)
    similarity = np.where(table.modality == 0, 0.5, -np.inf)[None]
    _, ax = plots.canvas()
    plots.region_neighbours(
        table, 0, similarity, similarity > 0, ax, agreed=range(6), columns=4, title="all"
    )
    assert ax.get_title(loc="left") == "all (2 more agreed)"


# matching


def test_board_shows_every_kind_of_move_and_rings_the_last():
    _, ax = plots.canvas()
    plots.matching_board(SPEC, moves(SPEC), ax, rows="visible", columns="infrared")
    marks = {line.get_label(): list(zip(*line.get_data(), strict=True)) for line in ax.lines}
    assert marks["match, pass A"] == [(0, 0), (0, 1), (0, 2), (2, 3)]
    assert marks["refused: full"] == [(0, 3)]
    assert marks["extra match, pass B"] == [(1, 2)]
    assert ax.lines[-1].get_marker() == "o" and list(ax.lines[-1].get_xdata()) == [1]
    assert [t.get_text() for t in ax.texts][:3] == ["0.90", "0.10", "0.20"]


def test_board_before_the_first_move_is_bare():
    _, ax = plots.canvas()
    plots.matching_board(np.random.default_rng(0).random((20, 12)), [], ax, rows="v", columns="r")
    assert not ax.lines and not ax.texts and ax.get_legend() is None


# modalities


def test_three_lights_have_a_mean_each():
    points = np.array([[0.0, 0], [2, 2], [5, 1], [4, 0], [6, 0]])
    _, ax = plots.canvas()
    plots.three_modalities(points, [0, 0, 1, 2, 2], ax, limits=((-1, 7), (-2, 3)))
    means = [line.get_xydata()[0].tolist() for line in ax.lines[1::2]]
    assert means == [[1, 1], [5, 1], [5, 0]]
    assert [line.get_marker() for line in ax.lines[1::2]] == [look[2] for look in LOOKS.values()]
    assert ax.get_xlim() == (-1, 7)
    with pytest.raises(ValueError, match=r"give \(n, 2\)"):
        plots.three_modalities(points, [0, 1], ax)
