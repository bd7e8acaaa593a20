from __future__ import annotations

import numpy as np
import pytest

from diagnostics.signs.running import drifts
from tests.diagnostics.written import written

ABOUT = "(mean, variance)"


def test_the_last_quarter_counts(tmp_path):
    rows = np.zeros((12, 2))
    rows[-3:] = [[0.5, -2.0], [0.7, 3.0], [9.0, -1.0]]
    steps = np.arange(10, 130, 10)
    (found,) = drifts(written(tmp_path, arrays={"running/net.1": (ABOUT, steps, rows)}))
    assert (found.module, found.step) == ("net.1", 100)
    assert (found.mean, found.variance) == pytest.approx((0.7, 2.0))


def test_two_looks_at_least(tmp_path):
    rows = [[5.0, 5.0], [1.0, 1.0], [3.0, 0.0]]
    (found,) = drifts(written(tmp_path, arrays={"running/a": (ABOUT, [1, 5, 9], rows)}))
    assert (found.step, found.mean, found.variance) == (5, 2.0, 0.5)


def test_other_arrays_are_none(tmp_path):
    assert drifts(written(tmp_path, arrays={"firing/a": (ABOUT, [1], [[1.0, 1.0]])})) == ()
