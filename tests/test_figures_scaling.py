"""The scaling figure: all measured points, log axes, nothing without a full run."""

import json

import pytest

from vireid.figures import DRAWINGS, scaling

SIZES = (1000, 2000, 5000, 10_000, 17_083, 34_167)


@pytest.fixture
def numbers(tmp_path, monkeypatch):
    """Growth as the benchmark writes it: a quadratic reference, left out at the largest size."""
    rows = [
        {
            "n": n, "cpu_ours": 4e-4 * n, "memory_ours": 2e-5 * n - 0.02,
            **({"cpu_plain": 1e-7 * n**2, "memory_plain": 1e-8 * n**2} if n < 34_000 else {}),
        }
        for n in SIZES
    ]  # fmt: skip
    path = tmp_path / "benchmarks.json"
    path.write_text(json.dumps({"parts": [], "scaling": rows, "machine": "a box"}))
    monkeypatch.setattr(scaling, "NUMBERS", path)


def test_every_measured_point_is_drawn(numbers):
    figure = scaling.scaling()
    time, memory = figure.axes
    for ax, ours, plain in ((time, 6, 5), (memory, 5, 5)):  # 0 GB at N = 1000 has no logarithm
        assert ax.get_xscale() == ax.get_yscale() == "log"
        points = {line.get_label(): line.get_xydata() for line in ax.lines}
        assert len(points["vireid"]) == ours and len(points["straightforward reference"]) == plain
        assert points["goal"][0][0] == 34_167
        assert [text.get_text() for text in ax.get_xticklabels()][:2] == ["1,000", "2,000"]
    assert time.lines[1].get_ydata()[-1] == pytest.approx(4e-4 * 34_167)
    assert "13.7" in [text.get_text() for text in time.texts]
    assert time.get_ylabel() == "CPU time (s)" and "(GB)" in memory.get_ylabel()


def test_without_a_full_run_there_is_no_figure(tmp_path, monkeypatch):
    monkeypatch.setattr(scaling, "NUMBERS", tmp_path / "none.json")
    assert scaling.scaling() is None


def test_it_is_the_last_of_the_page():
    assert DRAWINGS[-1].name == "scaling" and "34,167" in DRAWINGS[-1].shows


def test_the_caption_says_why_small_sizes_are_no_measure():
    told = DRAWINGS[-1].shows
    assert "Below some 5,000 images" in told and "one-time costs" in told
