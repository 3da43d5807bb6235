"""Predictions and progress: kept on this machine, shown beside what was measured, forgotten."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from vireid import checks, plots, progress, widgets


@pytest.fixture(autouse=True)
def student(tmp_path, monkeypatch):
    monkeypatch.setenv("VIREID_STUDENT", str(tmp_path))


@pytest.fixture
def shown(monkeypatch):
    """What is displayed, as (data, metadata)."""
    seen = []
    monkeypatch.setattr(
        "IPython.display.display", lambda data, raw, metadata: seen.append((data, metadata))
    )
    return seen


def test_a_guess_is_kept_and_shown_beside_the_measured_value(shown):
    one = widgets.predict("04-own", "Own-modality neighbours?", low=0, high=100)
    assert one.guess is None and "no guess" in one.told.value
    one.slider.value = 40
    assert progress.load()["guesses"] == {}, "a slider that moves is no guess yet"
    one.button.click()
    assert progress.load()["guesses"] == {"04-own": 40} and "40" in one.told.value
    assert widgets.predict("04-own", "?", low=0, high=100).slider.value == 40
    one.reveal(93.2)
    assert progress.load()["measured"] == {"04-own": 93.2}
    one.show()
    (data, _), (still, _) = shown
    assert "Measured: 93.2 %; your guess was 40 %" in data["text/plain"]
    assert "image/png" in still and "40" not in still["text/plain"], "stills give nothing away"


@pytest.mark.parametrize("mode", ["page", "lecture"])
@pytest.mark.parametrize("guess", [None, 40])
def test_no_mark_of_the_legend_is_cut(shown, mode, guess):
    if guess is not None:
        progress.keep("guesses", "04-own", guess)
    plots.mode(mode)
    try:
        widgets.predict("04-own", "?").reveal(93.2)
    finally:
        plots.mode("page")
    with Image.open(io.BytesIO(base64.b64decode(shown[0][0]["image/png"]))) as picture:
        pixels = np.array(picture.convert("L"))
    for edge in (pixels[-2:], pixels[:2], pixels[:, :2], pixels[:, -2:]):
        assert (edge > 250).all()


def test_without_a_guess_nothing_is_kept(shown):
    widgets.predict("04-own", "?").reveal(7)
    assert "no guess was kept" in shown[0][0]["text/plain"]
    assert progress.load()["measured"] == {}
    with pytest.raises(ValueError, match="low=3"):
        widgets.predict("x", "?", low=3, high=3)


def test_the_line_stretches_to_a_measured_value_outside():
    _, ax = plots.canvas()
    plots.prediction((0, 1), ax, guess=0.5, measured=2)
    assert ax.get_xlim()[1] > 2
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["measured: 2", "your guess: 0.5"]


def test_progress_counts_and_forgets_only_when_sure():
    names = checks.exercises()
    progress.keep("exercises", "00-chance", "right")
    progress.keep("exercises", "00-given", "wrong")
    progress.keep("guesses", "00-rank1", 12)
    panel = widgets.Progress(names)
    assert panel.counts()["00"] == (1, 1, len(checks.exercises("00")))
    assert sum(of for _, _, of in panel.counts().values()) == len(names)
    assert "1 of" in panel.draw()[1] and "not yet" in panel.guesses.value
    assert panel.reset.disabled
    panel.sure.value = True
    assert not panel.reset.disabled
    panel.reset.click()
    assert panel.counts()["00"][:2] == (0, 0) and panel.reset.disabled
    assert progress.load()["guesses"] == {}


def test_a_guess_that_cannot_be_kept_says_why(shown, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way of a folder")
    monkeypatch.setenv("VIREID_STUDENT", str(tmp_path / "file/student"))
    one = widgets.predict("04-own", "Own-modality neighbours?")
    one.keep()
    assert "not kept: " in one.told.value and "file/student" in one.told.value
    monkeypatch.setattr(type(one), "guess", 40.0)
    one.reveal(93.2)
    told = shown[0][0]["text/plain"]
    assert "93.2" in told and "not kept: " in told
