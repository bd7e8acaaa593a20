from __future__ import annotations

import pytest
import torch
from torch import nn

from diagnostics.checks.answer import CannotAsk
from diagnostics.checks.inputs import inputs
from tests.diagnostics.checks.parts import diseases, labels, mlp, number_of, rows, setup


def asked(x, model=None):
    return inputs(setup(model or mlp(x.shape[1], 8, 4), batch=(x, labels(len(x)))))


def test_standard_inputs_are_fine():
    told = asked(rows(512))
    assert diseases(told) == []
    assert number_of(told, "rms") == pytest.approx(1.0, abs=0.03)


def test_a_single_nan_is_found_with_its_row():
    x = rows()
    x[5, 2] = float("nan")
    x[9, 1] = x[9, 2] = float("inf")
    told = asked(x)
    assert diseases(told) == ["nan_inputs"]
    assert "3 values in 2 of 64 rows" in told.findings[0].symptom


def test_further_batches_are_looked_at_too():
    x = rows()
    x[5, 2] = float("nan")
    told = inputs(setup(batches=((x, labels()),)))
    assert diseases(told) == ["nan_inputs"]


def test_columns_of_very_different_scale():
    x = rows()
    x[:, 3] *= 400
    assert diseases(asked(x)) == ["unnormalised_inputs"]


def test_pixels_of_0_to_255_unless_a_normalisation_comes_first():
    x = 128 + 60 * rows()
    assert diseases(asked(x)) == ["unnormalised_inputs"]
    assert diseases(asked(x, nn.Sequential(nn.BatchNorm1d(16), nn.Linear(16, 4)))) == []


def test_inputs_that_never_change():
    assert diseases(asked(torch.full((64, 16), 0.5))) == ["constant_inputs"]


def test_most_columns_dead_takes_many_rows():
    x = rows(512)
    x[:, 3:] = 0.0
    told = asked(x)
    assert diseases(told) == ["dead_features"]
    assert number_of(told, "constant") == 13 / 16
    assert diseases(asked(x[:64])) == []


def test_a_few_rows_far_outside():
    x = rows(256)
    x[7] += 400.0
    x[99] -= 900.0
    x /= x.std()
    told = asked(x)
    assert diseases(told) == ["data_outliers"]
    assert told.findings[0].symptom.startswith("2 of 256 rows")


def test_heavy_tails_are_no_outliers():
    assert diseases(asked(rows(4096).exp() / 3)) == []


def test_images_are_judged_by_channel():
    x = torch.randn(32, 3, 6, 6, generator=torch.Generator().manual_seed(0))
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(64, 4))
    x[:, :, 0, 0] = 0.0  # a corner without anything
    told = inputs(setup(model, batch=(x, labels(32))))
    assert diseases(told) == []
    assert number_of(told, "constant") == pytest.approx(1 / 36)


def test_words_are_no_numbers():
    model = nn.Sequential(nn.Embedding(9, 4), nn.Flatten(), nn.Linear(8, 4))
    with pytest.raises(CannotAsk, match="no input is a tensor of floating point"):
        inputs(setup(model, batch=(torch.randint(9, (64, 2)), labels())))
