"""Figures of MCF: drawn from records, absent without them."""

import pytest

from vireid import figures, plots
from vireid.figures import mcf
from vireid.runs import Run


def record(rank1: float, seed: int, row: str | None = None, **config) -> Run:
    scores = {"rank1": rank1, "mAP": rank1, "mINP": rank1}
    return Run(
        "mcf", config, seed, row=row, data={"name": "toy"}, result=scores, identity={"seed": seed}
    )


@pytest.fixture
def shelf(tmp_path, monkeypatch):
    """A folder in the place of the committed records."""
    monkeypatch.setattr("vireid.runs.COMMITTED", tmp_path)
    return tmp_path


def test_without_records_there_is_no_figure(shelf):
    assert mcf.mcf_ladder() is None and mcf.mcf_sweep() is None


def test_ladder_has_a_bar_per_row_and_the_papers_number(shelf):
    for seed in (1, 2):
        for row, rank1 in (("R7", 0.5), ("R1", 0.3), ("oracle", 0.9), ("stage1", 0.2)):
            run = record(rank1 + seed / 100, seed, None if row == "stage1" else row)
            run.save(shelf / f"runs/{mcf.NAME}/seed{seed}/{row}.json")
    ax = mcf.mcf_ladder().axes[0]
    names = [label.get_text() for label in ax.get_yticklabels()]
    shown = ["phase 1", "baseline (R1)", "MCF, everything (R7)", "oracle (true identities)"]
    assert names == shown
    assert [bar.get_width() for bar in ax.patches] == pytest.approx([21.5, 31.5, 51.5, 91.5])
    diamond = next(line for line in ax.lines if line.get_marker() == "D")
    assert (list(diamond.get_xdata()), list(diamond.get_ydata())) == ([66.2], [2])


def test_weights_that_were_turned_have_a_panel_each(shelf):
    usual = {field: 0.1 for field, _ in mcf.WEIGHTS.values()}
    for name, changed in (("R7", {}), ("beta-0.5", {"beta": 0.5})):
        record(0.4, 1, **usual | changed).save(shelf / f"runs/{mcf.NAME}/seed1/{name}.json")
    (panel,) = mcf.mcf_sweep().axes
    assert panel.get_xlabel().startswith("beta (modality game)")
    assert list(panel.lines[0].get_xdata()) == [0.1, 0.5]
    (told,) = [item.shows for item in figures.DRAWINGS if item.name == "mcf_sweep"]
    assert "compare within a panel only" in told


def test_they_are_among_the_figures_and_can_be_drawn_alone(shelf, tmp_path):
    record(0.4, 1, "R1").save(shelf / f"runs/{mcf.NAME}/seed1/R1.json")
    assert {"mcf_ladder", "mcf_sweep"} <= {item.name for item in figures.DRAWINGS}
    (path,) = figures.draw_all(tmp_path / "out", ["mcf_ladder", "mcf_sweep"])
    assert path.name == "mcf_ladder.png" and path.read_bytes()[:4] == b"\x89PNG"
    assert plots.png(mcf.mcf_ladder()) == path.read_bytes()
