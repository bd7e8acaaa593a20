from __future__ import annotations

import pytest

from diagnostics.finding import Finding, NotEnough
from diagnostics.rules.output_range_mismatch import output_range_mismatch
from tests.diagnostics.told import asked
from tests.diagnostics.written import written


def judge(path, shares, output="Tanh"):
    scalars = {"answers/out_of_reach": shares}
    return output_range_mismatch(written(path, scalars=scalars, events=[asked(output=output)]))


def test_targets_below_a_rectifier_are_found(clinic):
    finding = clinic.named("relu_output_regression", "output_range_mismatch")
    assert finding.severity == "error"
    assert "ReLU" in finding.symptom


def test_the_share_is_the_mean_over_the_batches(tmp_path):
    finding = judge(tmp_path, [0.2, 0.4, 0.6])
    assert isinstance(finding, Finding)
    assert finding.evidence[0].value == pytest.approx(0.4)
    assert finding.steps == (1, 3)


def test_a_few_targets_at_the_edge_pass(tmp_path):
    assert judge(tmp_path, [0.05, 0.0, 0.02]) is None


def test_where_nothing_limits_the_answer_nothing_can_be_said(tmp_path):
    assert isinstance(output_range_mismatch(written(tmp_path, events=[asked()])), NotEnough)
