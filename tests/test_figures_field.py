"""The field's published numbers: where they come from, and the figure that places them by year."""

from itertools import pairwise

import pytest

from vireid import papers
from vireid.figures import field
from vireid.plots.base import INK


def value(**where) -> float:
    (row,) = papers.paper_table(**where)
    return row["value"]


def test_years_of_venues():
    years = {v: papers.year_of(v) for v in ("CVPR-23", "AAAI'25", "NeurIPS'24", "T-CSVT-23")}
    assert list(years.values()) == [2023, 2025, 2024, 2023]
    assert papers.year_of("Ours") is papers.year_of("-") is papers.year_of("") is None
    assert papers.year_of("Ours + TIP-21") == 2021


def test_every_number_has_a_source_and_a_place():
    rows = papers.paper_table()
    assert all(row["source"] and row["paper"] and row["table"] for row in rows)
    keys = ("paper", "table", "setting", "method", "dataset", "mode", "metric", "note")
    places = [tuple(row[key] for key in keys) for row in rows]
    assert len(set(places)) == len(places)


def test_later_papers_quote_the_four_as_these_say_it():
    """What SMC's and PoSeD's texts say of their tables, computed from the rows that were read."""
    smc = {"paper": "SMC", "table": "Table 2", "dataset": "SYSU-MM01", "mode": "all"}
    fall = {
        name: value(method=name, metric="mAP", note="alpha=0.25", **smc)
        - value(method=name, metric="mAP", note="alpha=1.0", **smc)
        for name in ("SMC", "MCL", "DLM")
    }
    assert {k: round(v, 2) for k, v in fall.items()} == {"SMC": 9.99, "MCL": 12.29, "DLM": 24.22}
    llcm = {"paper": "SMC", "table": "Table 3", "mode": "visible_to_infrared", "metric": "rank1"}
    assert value(method="SMC", **llcm) - value(method="LVLM-AAM", **llcm) == pytest.approx(7.95)
    posed = {"paper": "PoSeD", "table": "Table 2", "metric": "rank1"}
    for mode, gain in (("visible_to_infrared", 7.3), ("infrared_to_visible", 5.9)):
        ours, pgm = (value(method=m, mode=mode, **posed) for m in ("PoSeD", "PGM"))
        assert ours - pgm == pytest.approx(gain)


@pytest.mark.parametrize("where", field.PANELS.values(), ids=list(field.PANELS))
def test_each_method_stands_once_at_its_own_papers_number(where):
    found = field.points(**where)
    names = [point.name for point in found]
    assert len(set(names)) == len(names) >= 20
    by = {point.name: point for point in found}
    for name in field.OWN:
        assert by[name].kind == "paper"
        assert by[name].value == value(
            paper=name, method=name, setting="unsupervised", metric="rank1", **where
        )
    assert {n for n in names if by[n].kind == "here"} == {"ADCA", "PGM", "N-ULC"}
    assert by["ADCA"].year == 2022 and by["PoSeD"].year == by["SMC"].year == 2026
    assert [p.year for p in found] == sorted(p.year for p in found)


def test_the_figure_names_every_method_and_no_name_covers_another():
    figure = field.field()
    for ax, where in zip(figure.axes, field.PANELS.values(), strict=True):
        found = field.points(**where)
        told = {text.get_text(): text.get_position() for text in ax.texts}
        assert set(told) == {f"{p.name} {p.value:g}" for p in found}
        assert {text.get_color() for text in ax.texts} == {INK}, "a light colour is hard to read"
        low, high = ax.get_ylim()
        values = [p.value for p in found]
        least = field.GAP * (max(values) - min(values))
        for year in {p.year for p in found}:
            heights = sorted(told[f"{p.name} {p.value:g}"][1] for p in found if p.year == year)
            gaps = [b - a for a, b in pairwise(heights)]
            assert all(gap >= 0.999 * least for gap in gaps)
            assert low < heights[0] and heights[-1] < high
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels == ["best so far", *(look[0] for look in field.LOOKS.values())]


def test_names_move_no_further_than_they_must():
    assert field.spread([1.0, 5.0, 9.0], 2.0) == [1.0, 5.0, 9.0]
    assert field.spread([5.0, 5.0], 2.0) == [4.0, 6.0]
    moved = field.spread([1.0, 5.0, 5.0, 7.0], 2.0)
    assert moved == pytest.approx([1.0, 11 / 3, 17 / 3, 23 / 3])
    assert field.spread([], 1.0) == []
