from __future__ import annotations

import numpy as np
import pytest

from diagnostics.finding import Finding, NotEnough
from diagnostics.rules.preprocessing_mismatch import preprocessing_mismatch
from tests.diagnostics.written import written

ABOUT = "[column, (count, mean, std, min, max)]"


def moments(mean, std, columns=10):
    rows = np.zeros((1, columns, 5))
    rows[0] = np.stack(np.broadcast_arrays(500.0, mean, std, -3.0, 3.0, np.zeros(columns))[:5], 1)
    return rows


def judge(path, mean=0.0, std=1.0):
    arrays = {"training": ([1], moments(0.0, 1.0)), "validation": ([5], moments(mean, std))}
    tracks = {f"columns/{name}": (ABOUT, *told) for name, told in arrays.items()}
    return preprocessing_mismatch(written(path, arrays=tracks))


def test_validation_in_other_units_is_found(clinic):
    finding = clinic.named("validation_scaled_twice", "preprocessing_mismatch")
    assert finding.severity == "error"
    assert finding.evidence[0].value > 0.8


@pytest.mark.parametrize("factor", [255.0, 1 / 255])
def test_wider_or_narrower_by_the_same_factor(tmp_path, factor):
    finding = judge(tmp_path, std=factor)
    assert isinstance(finding, Finding)
    assert finding.evidence[0].value == 1.0
    assert f"{factor:.3g} times" in finding.symptom
    assert finding.steps[0] == 5


def test_another_sample_passes(tmp_path):
    assert judge(tmp_path / "alike", 0.05, 1.1) is None
    few = np.array([4.0] * 3 + [1.0] * 7)
    assert judge(tmp_path / "a few columns", std=few) is None


def test_without_a_validation_nothing_can_be_said(tmp_path):
    assert isinstance(preprocessing_mismatch(written(tmp_path)), NotEnough)
