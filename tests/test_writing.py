"""The panel of momentum and order: shares that sum to one, and the last view nearest."""

import pytest
import torch
from torch.nn.functional import normalize
from toy import charts_of

from vireid.bench.panels import ANSWER
from vireid.widgets import writing_order
from vireid.widgets.writing import ownership, written


def test_shares_are_those_of_the_recursion():
    shares = ownership("va", 0.5, 2)
    assert shares == pytest.approx({"old": 1 / 16, "v": 3 / 16, "a": 3 / 4})
    assert sum(ownership("rav", 0.3, 5).values()) == pytest.approx(1)


@pytest.fixture
def batch():
    dice = torch.Generator().manual_seed(0)
    bank = normalize(torch.randn(3, 8, generator=dice))
    label = torch.arange(3).repeat_interleave(2)
    views = {v: (normalize(bank[label] + torch.randn(6, 8, generator=dice)), label) for v in "var"}
    return bank, views


@pytest.mark.parametrize("order", ["var", "rav", "avr"])
def test_the_view_written_last_is_nearest(batch, order):
    cosine = written(*batch, order, 0.1)
    assert max(cosine, key=cosine.get) == order[-1]


def test_the_panel_answers_at_once(batch):
    panel = writing_order(*batch)

    def step(i):
        panel.controls["order"].value = ("rav", "avr")[i % 2]

    assert charts_of(step) < ANSWER


def test_the_panel_redraws_and_tells(batch):
    panel = writing_order(*batch)
    _, alt = panel.draw(**panel.values)
    assert "Momentum 0.1, written plain visible, then augmented visible, then infrared" in alt
    panel.controls["order"].value = "rav"
    assert panel.values["order"] == "rav"


def test_arrays_do_as_well_as_tensors(batch):
    bank, views = batch
    arrays = {v: (x.numpy(), label.numpy()) for v, (x, label) in views.items()}
    assert writing_order(bank.numpy(), arrays).picture.value == writing_order(*batch).picture.value
