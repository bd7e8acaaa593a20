from __future__ import annotations

import numpy as np
import pytest

from diagnostics.finding import Finding, NotEnough
from diagnostics.rules.unshuffled_data import unshuffled_data
from tests.diagnostics.written import written


def judge(path, size=32, **batches):
    told = {"size": [float(size)] * 10, **batches}
    scalars = {f"batches/{name}": list(values) for name, values in told.items()}
    return unshuffled_data(written(path, scalars=scalars))


@pytest.mark.parametrize("name", ["sorted_not_shuffled", "houses_by_price"])
def test_sorted_data_are_found(clinic, name):
    finding = clinic.named(name, "unshuffled_data")
    assert finding.severity == "error"


def test_classes_in_a_batch_are_measured_by_what_chance_gives(tmp_path):
    """Of 10 classes, 32 rows miss each with a chance of 0.9 ** 32."""
    finding = judge(tmp_path, classes=[2.0] * 10, classes_seen=[10.0] * 10)
    assert isinstance(finding, Finding)
    assert finding.evidence[0].value == pytest.approx(2 / (10 * (1 - 0.9**32)))
    assert finding.steps == (1, 10)


def test_mixed_batches_pass_even_small_ones(tmp_path):
    assert judge(tmp_path / "a", classes=[10.0] * 10, classes_seen=[10.0] * 10) is None
    small = judge(tmp_path / "b", size=2, classes=[2.0] * 10, classes_seen=[10.0] * 10)
    assert small is None
    alone = judge(tmp_path / "c", size=1, classes=[1.0] * 10, classes_seen=[10.0] * 10)
    assert alone is None


def test_the_variance_of_numbers_lies_inside_mixed_batches(tmp_path):
    means = np.linspace(-2.0, 2.0, 10)
    finding = judge(tmp_path / "a", target_mean=means, target_std=[0.5] * 10)
    assert isinstance(finding, Finding)
    assert finding.evidence[0].value == pytest.approx(0.25 / (0.25 + means.var()))
    assert judge(tmp_path / "b", target_mean=0.1 * means, target_std=[1.0] * 10) is None


def test_too_little_is_not_enough(tmp_path):
    assert isinstance(judge(tmp_path / "a"), NotEnough)
    assert isinstance(judge(tmp_path / "b", classes=[1.0] * 10, classes_seen=[1.0] * 10), NotEnough)
    means = np.linspace(-2.0, 2.0, 10)
    few = judge(tmp_path / "c", size=2, target_mean=means, target_std=[0.1] * 10)
    assert isinstance(few, NotEnough)
