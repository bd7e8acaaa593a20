"""Published behaviour, on a network that takes seconds: what ReLU and tanh do beyond the data."""

import numpy as np
import pytest
import torch

from diagnostics.active.mc_dropout import PlacedDropout
from diagnostics.store import load, saved
from examples.dropout_regression import (
    LAYERS,
    Experiment,
    InUnits,
    analyse,
    carbon_dioxide,
    spread_of,
    told,
    train,
)

TINY = Experiment(64, 700)


def test_the_band_of_relu_widens_beyond_the_data_and_that_of_tanh_does_not(tmp_path):
    spread = {}
    for tanh in (False, True):
        run = train(tmp_path / str(tanh), TINY, tanh=tanh)
        found = analyse(run, draws=100)
        spread[tanh] = spread_of(found)
        text = told(found, tanh=tanh)
        assert f"{spread[tanh].inside:.2f}" in text
        assert f"{spread[tanh].ratio:.1f} times as wide" in text
        assert ("saturates" in text) is tanh
        assert len(found.ensemble.dropouts) == LAYERS
        assert all(each.alone is not None for each in found.ensemble.dropouts)
        (key,) = saved(run.path, PlacedDropout)
        assert spread_of(load(run.path, PlacedDropout, key)) == spread[tanh]
        off = found.ensemble.plain[:, 0] - np.interp(found.line.places, *_data())
        assert np.abs(off[_inside(found)]).mean() < 6  # ppm, of 55: it has learnt
    assert spread[False].ratio > 2
    assert spread[True].ratio < 1.4
    assert spread[False].after > 2 * spread[False].inside


def _data():
    return [each[:, 0].double().numpy() for each in carbon_dioxide()]


def _inside(found):
    return (found.line.places > 1959) & (found.line.places < 2001)


def test_the_data_are_the_months_of_mauna_loa():
    years, ppm = _data()
    assert len(years) == 521
    assert years[[0, -1]] == pytest.approx([1958 + 2.5 / 12, 2001 + 11.5 / 12], abs=1e-3)
    assert (np.diff(years) > 0.08).all()
    rise = np.polyfit(years, ppm, 1)[0]
    assert rise == pytest.approx(1.31, abs=0.05)  # ppm a year
    rest = ppm - np.polyval(np.polyfit(years - 1980, ppm, 3), years - 1980)
    month = np.round((years % 1) * 12 + 0.5).astype(int)
    seasons = [rest[month == n].mean() for n in range(1, 13)]
    assert (np.argmax(seasons), np.argmin(seasons)) in {(4, 8), (4, 9)}  # May; September, October


def test_the_network_is_the_same_in_other_units():
    x, y = torch.linspace(1950, 2000, 11)[:, None], torch.linspace(300, 400, 11)[:, None]
    torch.testing.assert_close(InUnits(torch.nn.Identity(), x, y)(x), y)
