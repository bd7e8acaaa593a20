from __future__ import annotations

import pytest

from diagnostics.finding import Finding, NotEnough
from diagnostics.rules.train_val_leakage import train_val_leakage
from tests.diagnostics.written import written


def judge(path, seen, known=(500.0, 800.0, 1000.0), **others):
    scalars = {"validation/seen": seen, "validation/known": list(known)}
    scalars |= {f"batches/{name}": told for name, told in others.items()}
    return train_val_leakage(written(path, scalars=scalars))


def test_validation_rows_that_were_trained_on_are_found(clinic):
    finding = clinic.named("val_leaked_from_train", "train_val_leakage")
    assert finding.severity == "error"


def test_the_largest_share_counts_and_is_dated(tmp_path):
    finding = judge(tmp_path, [0.0, 0.3, 0.25])
    assert isinstance(finding, Finding)
    assert finding.evidence[0].value == pytest.approx(0.3)
    assert finding.steps == (2, 3)
    assert "1,000" in finding.symptom


def test_a_clean_split_passes(tmp_path):
    assert judge(tmp_path, [0.0, 0.01, 0.02]) is None


@pytest.mark.parametrize("name", ["duplicates", "repeats"])
def test_rows_that_are_alike_anyway_are_no_leak(tmp_path, name):
    assert judge(tmp_path, [0.3, 0.3, 0.3], **{name: [0.2] * 4}) is None


def test_few_training_rows_or_no_validation_are_not_enough(tmp_path):
    assert isinstance(judge(tmp_path / "a", [0.9] * 3, [10.0] * 3), NotEnough)
    assert isinstance(train_val_leakage(written(tmp_path / "b")), NotEnough)
