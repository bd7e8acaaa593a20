from __future__ import annotations

import math

import pytest

from diagnostics.signs.inputs import inputs
from tests.diagnostics.written import layer, written

TOLD = {
    "batches/input_rms": [1.0, 3.0, 100.0],
    "batches/input_min": [-7.0, -1.0, -2.0],
    "batches/input_max": [2.0, 5.0, 6.0],
    "batches/column_spread": [4.0, math.nan, 8.0],
    "batches/constant_columns": [0.5, 0.25, 0.1],
}


def test_batches_are_summed_up(tmp_path):
    seen = inputs(written(tmp_path, scalars=TOLD))
    assert seen is not None
    assert (seen.rms, seen.largest, seen.spread, seen.constant) == (3.0, 7.0, 6.0, 0.1)
    assert (seen.first, seen.last) == (1, 3)
    assert not seen.normalised


def test_a_normalisation_that_comes_first_is_seen(tmp_path):
    norm = layer("norm", "8", "BatchNorm1d")
    tensors = [*norm, *layer("a", "4x8")]
    first = inputs(written(tmp_path / "a", tensors, scalars=TOLD))
    later = inputs(written(tmp_path / "b", [*layer("a", "4x8"), *norm], scalars=TOLD))
    assert first is not None
    assert first.normalised
    assert later is not None
    assert not later.normalised


def test_what_was_not_looked_at_tells_nothing(tmp_path):
    seen = inputs(written(tmp_path, scalars={"batches/input_rms": [2.0]}))
    assert seen is not None
    assert math.isnan(seen.spread)
    assert seen.constant == 0.0


@pytest.mark.parametrize(("places", "constant"), [(0.05, 0.1), (0.9, 0.9), (1.0, 0.1)])
def test_places_of_a_picture_count_but_not_rows_that_are_all_the_same(tmp_path, places, constant):
    told = {"batches/constant_places": [0.0, places]}
    seen = inputs(written(tmp_path, scalars=TOLD | told))
    assert seen is not None
    assert seen.constant == pytest.approx(constant)


def test_token_ids_have_no_scale(tmp_path):
    assert inputs(written(tmp_path, scalars={"batches/size": [8.0]})) is None
