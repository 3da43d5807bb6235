"""Gains in pairs, and the evidence's figures from its store."""

import pytest
from matplotlib.colors import to_rgb
from test_evidence import run

from vireid import evidence, figures, plots
from vireid.evidence.plan import Evidence, Study
from vireid.evidence.store import KEPT, State


def test_gains_are_in_pairs_and_a_lone_seed_is_called_so():
    scores = {"base": {1: 30.0, 2: 40.0}, "ours": {1: 35.0, 2: 44.0, 3: 90.0}, "once": {2: 50.0}}
    _, ax = plots.canvas()
    plots.gains(scores, ax, base="base")
    told = [text.get_text() for text in ax.texts]
    assert told == ["+4.5 ± 0.7 (n = 2)", "one seed only"]
    dots = [x for line in ax.lines if line.get_marker() == "o" and len(x := line.get_xdata())]
    assert [list(x) for x in dots] == [[5.0, 4.0], [10.0]]
    assert [t.get_text() for t in ax.get_yticklabels()] == ["ours", "once"]
    bars = {bar.get_width(): bar.get_hatch() for bar in ax.patches}
    assert bars == {4.5: None, 10.0: "///"}
    _, ax = plots.canvas()
    plots.gains(scores | {"never": {}}, ax, base="base", places=["base", "ours", "never"])
    told = [text.get_text() for text in ax.texts]
    assert told == ["what gains are over", "+4.5 ± 0.7 (n = 2)", "no pairs"]
    _, ax = plots.canvas()
    plots.gains(scores, ax, base="base", controls=["ours"])
    grey, green = (bar.get_edgecolor() for bar in ax.patches)
    handles = dict(zip(*reversed(ax.get_legend_handles_labels()), strict=True))
    assert to_rgb(handles["methods"].get_color()) == green[:3]
    assert grey != green and to_rgb(handles["controls and parts"].get_color()) == grey[:3]
    with pytest.raises(ValueError, match=r"base='stage 1' has no scores; .*ours"):
        plots.gains(scores, ax, base="stage 1")


@pytest.fixture
def store(monkeypatch):
    """A store with two rows on equal terms and one row in two orders."""
    rows = {("s", "base"): [0.3, 0.4], ("s", "7"): [0.5, 0.5], ("o", "7"): [0.6, 0.7]}
    equal = [{"title": "Base", "study": "s", "row": "base", "role": "base"},
             {"title": "MULT", "study": "s", "row": "7"}]  # fmt: skip
    states = []
    for (name, label), values in rows.items():
        study = Study(name=name, data="d", method="mult", method_preset="light", seeds=[1, 2],
                      minutes=1, rows=[label])  # fmt: skip
        cells = Evidence([study], [], []).cells
        states += [State(c, KEPT, run(c.seed, v)) for c, v in zip(cells, values, strict=True)]
    order = {"method": "MULT", "released": "s", "other": "o", "rows": ["3", "7"],
             "word": "v, a, r"}  # fmt: skip
    monkeypatch.setattr(evidence, "read", lambda: Evidence([], equal, [], [order]))
    monkeypatch.setattr(evidence, "states", lambda cells: states)


def test_figures_read_the_store(store):
    (ax,) = figures.evidence.equal_terms().axes
    assert [text.get_text() for text in ax.texts] == ["+15.0 ± 7.1 (n = 2)"]
    (ax,) = figures.evidence.written_last().axes
    assert [label.get_text() for label in ax.get_yticklabels()] == ["MULT, row 7: v, a, r"]
    assert [text.get_text() for text in ax.texts] == ["+15.0 ± 7.1 (n = 2)"]
    gained = evidence.order_gains(evidence.read(), evidence.found(evidence.states([])))
    assert {name: [*map(round, v.values())] for name, v in gained.items()} == {
        "MULT, row 7: v, a, r": [10, 20]
    }, "row 3 has no records"


def test_without_records_there_is_no_figure(monkeypatch):
    monkeypatch.setattr(evidence, "states", lambda cells: [])
    assert figures.evidence.equal_terms() is None and figures.evidence.written_last() is None
