"""Counting what networks cost, against counts made by hand."""

import pytest
import torch

from vireid.models import NETWORKS, build
from vireid.models.cost import SIZES, cost_table, multiply_adds, parameters, pictures_per_second


def test_vit_counts_are_the_specifications():
    """18.98 GMAC = 37.96 GFLOP at 2 FLOP per multiply-add; counted without computing anything."""
    with torch.device("meta"):
        model = build("vit")
    assert parameters(model) == 91_675_776
    gmac = multiply_adds(model, (384, 128)) / 1e9
    assert gmac == pytest.approx(18.98, abs=5e-3) and 2 * gmac == pytest.approx(37.96, abs=5e-3)
    assert model.training


def test_count_of_one_convolution_by_hand():
    class One(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = torch.nn.Conv2d(3, 5, 3, padding=1)

        def forward(self, pictures, modality):
            return self.conv(pictures)

    assert parameters(One()) == 5 * (27 + 1)
    assert multiply_adds(One(), (8, 4)) == 8 * 4 * 5 * 27


def test_speed_leaves_the_network_alone():
    model = build("small", width=8, dim=8)
    before = {k: v.clone() for k, v in model.state_dict().items()}
    speed = pictures_per_second(model.eval(), (32, 16), batch=4, train=True, seconds=0.0)
    assert speed > 0 and not model.training
    assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())
    assert all(p.grad is None for p in model.parameters())
    with pytest.raises(ValueError, match="batch=2"):
        pictures_per_second(model, (32, 16), batch=2)


def test_every_network_has_a_size_and_one_row():
    assert set(SIZES) == set(NETWORKS)
    table = cost_table(("small", "regions_small"), size=(64, 32), batch=4, seconds=0.0)
    assert table["network"].tolist() == ["small", "regions_small", "vit (paper)"]
    assert (table["gflop"][:2] == 2 * table["gmac"][:2]).all()
    assert table["gflop"][2] == 31.6 and table["parameters"][2] == 91.5e6
    assert (table[["forward", "training"]][:2] > 0).all().all()
    assert "2 FLOP" in table.attrs["convention"]


def test_counts_alone_need_no_time():
    table = cost_table(seconds=None)
    assert table["network"].tolist() == [*NETWORKS, "vit (paper)"]
    assert "forward" not in table and "measured" not in table.attrs
    timed = cost_table(("small",), batch=4, seconds=0.0)
    same = ["parameters", "gmac", "feature", "height"]
    assert (timed.loc[0, same] == table[table["network"] == "small"].iloc[0][same]).all()
