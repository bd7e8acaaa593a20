from __future__ import annotations

import numpy as np
import pytest

from diagnostics.finding import Finding, NotEnough
from diagnostics.rules.val_shift import val_shift
from tests.diagnostics.written import written

ABOUT = "[column, (count, mean, std, min, max)]"


def moments(count, mean, std, columns=10):
    rows = np.broadcast_arrays(count, mean, std, -3.0, 3.0, np.zeros(columns))[:5]
    return np.stack(rows, 1)[None]


def judge(path, mean=0.0, std=1.0, count=500.0):
    told = {
        "training": ([1], moments(500.0, 0.0, 1.0)),
        "validation": ([5], moments(count, mean, std)),
    }
    tracks = {f"columns/{name}": (ABOUT, *track) for name, track in told.items()}
    return val_shift(written(path, arrays=tracks))


def test_validation_from_elsewhere_is_found(clinic):
    finding = clinic.named("validation_from_elsewhere", "val_shift")
    assert finding.severity == "error"


@pytest.mark.parametrize(("mean", "std"), [(1.0, 1.0), (-1.0, 1.0), (0.0, 3.0), (0.0, 0.3)])
def test_columns_that_moved_or_changed_their_width_are_counted(tmp_path, mean, std):
    half = np.arange(10) < 5
    finding = judge(tmp_path, np.where(half, mean, 0.0), np.where(half, std, 1.0))
    assert isinstance(finding, Finding)
    assert finding.evidence[0].value == pytest.approx(0.5)
    assert finding.steps[0] == 5


def test_a_random_split_passes(tmp_path):
    drawn = np.random.default_rng(0).normal(size=(500, 10))
    assert judge(tmp_path, drawn.mean(0), drawn.std(0)) is None


def test_a_column_or_two_may_be_odd(tmp_path):
    assert judge(tmp_path, np.where(np.arange(10) < 2, 3.0, 0.0)) is None


def test_of_few_rows_chance_explains_it(tmp_path):
    assert judge(tmp_path, 1.0, count=8.0) is None


def test_without_a_validation_nothing_can_be_said(tmp_path):
    assert isinstance(val_shift(written(tmp_path)), NotEnough)
