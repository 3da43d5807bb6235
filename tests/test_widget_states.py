"""Whatever state the controls of a widget are put in, it draws and tells, within their ranges."""

import inspect
import re
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import ipywidgets as W
import numpy as np
import pytest
import torch
from torch.nn.functional import normalize

from vireid import widgets

spec = spec_from_file_location("shelf", Path(__file__).parent / "browser/shelf.py")
SHELF = module_from_spec(spec)
spec.loader.exec_module(SHELF)
CASES = 12  # random states of each widget, beside the two ends of every control


def batch():
    dice = torch.Generator().manual_seed(0)
    bank, label = normalize(torch.randn(3, 8, generator=dice)), torch.arange(3).repeat_interleave(2)
    return bank, {v: (bank[label] + torch.randn(6, 8, generator=dice), label) for v in "var"}


MAKE = {
    "multi_positive_toy": widgets.multi_positive_toy,
    "memory_walk": widgets.memory_walk,
    "alignment_toy": widgets.alignment_toy,
    "confidence_memory": widgets.confidence_memory,
    "cai_limits": widgets.cai_limits,
    "twins": lambda: widgets.twins(people=2),
    "writing_order": lambda: widgets.writing_order(*batch()),
}


def ends(control: W.Widget) -> list:
    """The first and last value that a control can take."""
    if hasattr(control, "options"):
        values = [v[1] if isinstance(v, tuple) else v for v in control.options]
        return [values[0], values[-1]]
    if isinstance(control, (W.Checkbox, W.ToggleButton)):
        return [False, True]
    return [control.min, control.max]


def anything(control: W.Widget, dice: np.random.Generator):
    """A value of a control, drawn; beyond the range too, which the control must hold back."""
    if hasattr(control, "options"):
        values = [v[1] if isinstance(v, tuple) else v for v in control.options]
        return values[dice.integers(len(values))]
    if isinstance(control, (W.Checkbox, W.ToggleButton)):
        return bool(dice.integers(2))
    span = control.max - control.min
    drawn = dice.uniform(control.min - span, control.max + span)
    return round(drawn) if isinstance(control.min, int) else drawn


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", MAKE)
def test_every_state_draws_and_tells(name):
    panel, dice = MAKE[name](), np.random.default_rng(3)
    states = [{k: end(c) for k, c in panel.controls.items()} for end in (
        lambda c: ends(c)[0], lambda c: ends(c)[1],
    )]  # fmt: skip
    states += [{k: anything(c, dice) for k, c in panel.controls.items()} for _ in range(CASES)]
    for state in states:
        for key, value in state.items():
            panel.controls[key].value = value
        for control in panel.controls.values():
            if hasattr(control, "max"):
                assert control.min <= control.value <= control.max
        assert "<img" in panel.picture.value and 'role="alert"' not in panel.picture.value
        assert "nan" not in panel.picture.value.partition('src="')[0].lower()


@pytest.mark.filterwarnings("ignore:list width")  # the shelf's table is small
@pytest.mark.parametrize("name", sorted(SHELF.WIDGETS.keys() - {"embedding_map"}))  # jscatter's
def test_nothing_is_drawn_beyond_the_pictures_edge(name):
    panel = SHELF.WIDGETS[name][0]()
    figure, _ = panel.draw(**panel.values)
    figure.draw_without_rendering()
    whole, reach = figure.bbox_inches, figure.get_tightbbox()
    assert whole.padded(0.05).contains(reach.x0, reach.y0)
    assert whole.padded(0.05).contains(reach.x1, reach.y1)


def test_every_widget_stands_on_the_browsers_shelf():
    """A browser presses all that ``tests/browser/shelf.py`` makes: a new widget belongs there."""
    kinds = (widgets.Panel, widgets.EmbeddingMap, widgets.Prediction, widgets.Ablations)
    made = {
        name
        for name in widgets.__all__
        if inspect.signature(getattr(widgets, name)).return_annotation in kinds
    }
    shelf = (Path(__file__).parent / "browser/shelf.py").read_text("utf-8")
    assert len(made) > 25
    assert made <= set(re.findall(r'^    "(\w+)": ', shelf, re.M))
