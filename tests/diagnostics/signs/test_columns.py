from __future__ import annotations

import numpy as np
import pytest

from diagnostics.signs.columns import columns, reach
from tests.diagnostics.written import written

ABOUT = "[column, (count, mean, std, min, max)]"


def moments(x):
    return np.stack([np.full(x.shape[1], len(x)), x.mean(0), x.std(0), x.min(0), x.max(0)], 1)


def both(tmp_path, training, validation, steps=(3, 7)):
    arrays = {
        "columns/training": (ABOUT, [1], [moments(training)]),
        "columns/validation": (ABOUT, steps, [moments(validation)] * len(steps)),
    }
    return columns(written(tmp_path, arrays=arrays))


def test_shift_and_scale_are_in_units_of_training(tmp_path):
    x = np.random.default_rng(0).normal(0.0, 2.0, (400, 2))
    found = both(tmp_path, x, 3 * x + [1.0, 0.0])
    assert found is not None
    mean, std = x.mean(0), x.std(0)
    assert found.shift == pytest.approx((2 * mean + [1.0, 0.0]) / std, rel=1e-3)
    assert found.scale == pytest.approx([np.log(3)] * 2, rel=1e-4)
    assert found.error == pytest.approx([np.sqrt(2 / 400)] * 2)
    assert found.step == 3


def test_columns_that_never_vary_or_have_outliers_are_left_out(tmp_path):
    x = np.random.default_rng(0).normal(size=(400, 3))
    x[:, 1], x[0, 2] = 5.0, 1000.0
    found = both(tmp_path, x, x)
    assert found is not None
    assert found.shift == pytest.approx([0.0])


def test_different_columns_are_not_compared(tmp_path):
    x = np.random.default_rng(0).normal(size=(50, 3))
    assert both(tmp_path, x, x[:, :2]) is None


def test_both_must_have_been_seen(tmp_path):
    assert columns(written(tmp_path)) is None


def test_reach_is_to_the_farther_side():
    rows = np.array([[10, 1.0, 2.0, -9.0, 3.0], [10, 0.0, 1.0, -1.0, 4.0]])
    assert reach(rows).tolist() == [5.0, 4.0]
