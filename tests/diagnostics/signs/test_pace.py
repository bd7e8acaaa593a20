from __future__ import annotations

import numpy as np
import pytest

from diagnostics.signs.pace import EARLY, pace
from tests.diagnostics.written import tensor, written

NAMES = ("a.weight", "b.weight", "c.weight")
TENSORS = [tensor(name, "matrix", "4x4", trainable=True) for name in NAMES]


def paced(tmp_path, updates, weights=(2.0, 2.0, 2.0)):
    series = {
        "weights": {name: {"std": w} for name, w in zip(NAMES, weights, strict=True)},
        "updates": {name: {"std": u} for name, u in zip(NAMES, updates, strict=True)},
    }
    return pace(written(tmp_path, TENSORS, series, steps=range(1, 41)))


def test_it_is_the_median_over_layers(tmp_path):
    found = paced(tmp_path, (0.02, 0.2, 20.0))
    assert found is not None
    assert found.ratio == pytest.approx(np.full(40, 0.1))
    assert (found.early, found.middle, found.late) == pytest.approx((0.1, 0.1, 0.1))
    assert found.shrunk == 1.0


def test_early_middle_and_late_are_parts_of_the_steps(tmp_path):
    falling = np.linspace(4.0, 0.1, 40)
    found = paced(tmp_path, (falling, falling, falling))
    assert found is not None
    assert found.early == pytest.approx(falling[:EARLY].max() / 2)
    assert found.middle == pytest.approx(np.median(falling[10:30]) / 2)
    assert found.late == pytest.approx(np.median(falling[30:]) / 2)


def test_weights_that_are_gone_have_no_ratio_and_do_not_count_for_the_size(tmp_path):
    gone = np.where(np.arange(40) < 20, np.linspace(4.0, 1.0, 40), 0.0)
    found = paced(tmp_path, (1.0, 1.0, 1.0), (gone, gone, gone))
    assert found is not None
    assert np.isnan(found.ratio[20:]).all()
    assert np.isnan(found.late)
    assert found.shrunk == pytest.approx(gone[19] / gone[0])


def test_two_records_are_too_few(tmp_path):
    series = {kind: {"a.weight": {}} for kind in ("weights", "updates")}
    assert pace(written(tmp_path / "few", TENSORS[:1], series, steps=[1, 2])) is None
    assert pace(written(tmp_path / "none")) is None
