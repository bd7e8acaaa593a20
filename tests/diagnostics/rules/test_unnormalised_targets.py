from __future__ import annotations

import numpy as np
import pytest

from diagnostics.finding import Finding, NotEnough
from diagnostics.rules.unnormalised_targets import unnormalised_targets
from tests.diagnostics.written import LEARNT, STUCK, written


def judge(path, rms, losses=STUCK):
    scalars = {"batches/target_rms": rms} | ({"loss": losses} if losses else {})
    return unnormalised_targets(written(path, scalars=scalars))


def test_prices_in_their_own_units_are_found(clinic):
    finding = clinic.named("raw_prices", "unnormalised_targets")
    assert finding.severity == "error"


def test_the_rms_is_the_median_batchs(tmp_path):
    finding = judge(tmp_path, [90.0, 100.0, 1e6])
    assert isinstance(finding, Finding)
    assert finding.evidence[0].value == pytest.approx(100.0)
    assert finding.steps == (1, 3)


def test_a_training_that_is_lost_is_told_of(tmp_path):
    finding = judge(tmp_path, [100.0], [1.0] * 20 + [np.inf] * 20)
    assert isinstance(finding, Finding)
    assert "is lost" in finding.symptom


def test_standardised_targets_and_trainings_that_learn_pass(tmp_path):
    assert judge(tmp_path / "standard", [1.0] * 3) is None
    assert judge(tmp_path / "learns", [100.0] * 3, LEARNT) is None


def test_classes_or_no_losses_are_not_enough(tmp_path):
    assert isinstance(unnormalised_targets(written(tmp_path / "a")), NotEnough)
    assert isinstance(judge(tmp_path / "b", [100.0], []), NotEnough)
