"""Figures of MULT's records: right rows, right published numbers, nothing without records."""

import json

import numpy as np
import pytest

from vireid.figures import DRAWINGS, mult, records
from vireid.runs import Run, ladders


def record(row: str, seed: int, rank1: float) -> Run:
    curves = [
        {
            "epoch": e, "visible/precision": 0.8, "infrared/precision": 0.6,
            "visible space/cross_precision": 0.2 + 0.1 * e, "visible space/cross_recall": 0.3,
            "visible space/lone": 0.5 + 0.1 * e,
            **({} if row.startswith("otla") else {"infrared space/cross_precision": 0.4,
                                                  "infrared space/lone": 0.3}),
        }
        for e in range(3)
    ]  # fmt: skip
    result = {"rank1": rank1, "mAP": rank1, "mINP": rank1}
    told = {"data": {"name": "toy"}, "result": result, "curves": curves, "identity": {"seed": seed}}
    return Run("mult", {}, seed, row=row, **told)


@pytest.fixture
def shelf(tmp_path, monkeypatch):
    """Write records of some rows; ``ladders()`` then finds these and no others."""

    def fill(*rows: str, ladder: str = mult.LADDER) -> None:
        for number, row in enumerate(rows):
            for seed in (1, 2):
                path = tmp_path / ladder / f"seed{seed}" / f"{row}.json"
                record(row, seed, 0.1 * (number + 1) + 0.01 * seed).save(path)

    monkeypatch.setattr(records, "ladders", lambda: ladders(tmp_path))
    return fill


def test_without_records_there_is_no_figure(shelf):
    assert mult.mult_ladder() is mult.association_ladder() is mult.pair_quality() is None
    assert mult.lone_people() is None


def test_distances_are_those_of_all_seeds(tmp_path, monkeypatch):
    monkeypatch.setattr(mult, "COMMITTED", tmp_path)
    assert mult.crossing_distances() is None
    for seed in (1, 2):
        folder = tmp_path / "distances" / mult.LADDER / f"seed{seed}"
        folder.mkdir(parents=True)
        for row in ("stage1", "3", "7"):
            kept = {"n": [10 * seed, 7], "same": [0.1 * seed, 0.5], "different": [1.0, 1.5]}
            (folder / f"{row}.json").write_text(json.dumps(kept))
    same, _, counts = mult.distances("7")
    assert same.tolist() == [0.1, 0.5, 0.2, 0.5] and counts == (30, 14)
    figure = mult.crossing_distances()
    assert "one person (n = 30)" in figure.axes[0].get_legend_handles_labels()[1]
    assert "0% in common" in figure.axes[0].get_title(loc="left")


def test_all_are_on_the_index():
    names = {item.name for item in DRAWINGS}
    assert names >= {"mult_ladder", "association_ladder", "pair_quality", "crossing_distances"}
    assert "lone_people" in names


def bars_of(ax) -> dict[str, float]:
    """Name beside a bar -> its length; names without one are left out."""
    names = [t.get_text() for t in ax.get_yticklabels()]
    return {names[round(p.get_y() + p.get_height() / 2)]: p.get_width() for p in ax.patches}


def test_ladder_of_losses_shows_its_rows_beside_the_papers(shelf):
    shelf("7", "1", "pgm")
    (ax,) = mult.mult_ladder().axes
    assert bars_of(ax) == {
        "1 baseline (DCL)": pytest.approx(21.5), "7 IM + CM + OCLR": pytest.approx(11.5)
    }  # fmt: skip
    diamonds = next(line for line in ax.lines if line.get_marker() == "D")
    assert diamonds.get_xdata().tolist() == [41.76, 65.03]


def test_ladder_of_associations_takes_rows_3_and_7_for_mult(shelf):
    shelf("3", "pgm", "hungarian+oclr", "oracle+oclr")
    without, having = mult.association_ladder().axes
    assert bars_of(without) == {"PGM matching": pytest.approx(21.5), "MULT": pytest.approx(11.5)}
    assert list(bars_of(having)) == ["Hungarian", "true identities"]
    assert without.get_xlim() == having.get_xlim()


def test_published_numbers_are_the_papers():
    assert mult.published2()["4 OCLR"] == 51.88 and len(mult.published2()) == 7
    assert mult.published3(oclr=False) == {
        "none (baseline)": 41.76, "PGM matching": 48.3, "BCCM": 53.8, "DOTLA": 59.27, "MULT": 61.48
    }  # fmt: skip
    assert mult.published3(oclr=True)["DOTLA"] == 61.74


def test_pair_quality_averages_over_the_spaces_there_are(shelf):
    shelf("otla+oclr", "dotla+oclr", "oracle+oclr")
    within, across, found = mult.pair_quality().axes
    lines = {line.get_label(): line.get_ydata() for line in across.lines}
    np.testing.assert_allclose(lines["OTLA (2 seeds)"], [20, 30, 40])
    np.testing.assert_allclose(lines["DOTLA (2 seeds)"], [30, 35, 40])
    assert set(lines) == {"OTLA (2 seeds)", "DOTLA (2 seeds)"}
    assert within.lines[0].get_ydata().tolist() == [70] * 3
    assert found.lines[0].get_ydata().tolist() == [30] * 3


def test_lone_people_after_the_last_epoch(shelf):
    shelf("1", "otla", "dotla", "dotla+oclr", ladder=mult.LONE)
    visible, infrared, right = mult.lone_people().axes
    assert bars_of(visible) == {"OTLA": pytest.approx(70), "DOTLA": pytest.approx(70)}
    assert bars_of(infrared) == {"DOTLA": pytest.approx(30)}, "OTLA has no infrared space"
    assert [t.get_text() for t in infrared.texts if "space" in t.get_text()] == [
        "  has no such space"
    ]
    assert [[t.get_text() for t in ax.get_yticklabels()] for ax in (visible, infrared)] == [
        ["OTLA", "DOTLA"]
    ] * 2, "rows of both panels line up"
    assert bars_of(right) == {"OTLA": pytest.approx(40), "DOTLA": pytest.approx(40)}


def test_numbers_of_lone_people_stay_in_their_panel(shelf, monkeypatch):
    shares = {label: {"cluster Sinkhorn": [100.0] * 3, "MULT": [99.8, 100, 88]} for label in "abc"}
    monkeypatch.setattr(mult, "lone_shares", lambda: shares)
    figure = mult.lone_people()
    figure.draw_without_rendering()
    for ax in figure.axes:
        right = ax.get_window_extent().x1
        assert all(text.get_window_extent().x1 < right for text in ax.texts)


def test_quality_is_nan_where_nothing_was_measured():
    run = record("1", 1, 0.5)
    run.curves[1].clear()
    assert np.isnan(mult.quality(run, mult.INTRA)[1]) and mult.quality(run, mult.INTRA)[0] == 70
