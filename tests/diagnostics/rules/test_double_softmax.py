from __future__ import annotations

import pytest

from diagnostics.finding import Finding, NotEnough
from diagnostics.rules.double_softmax import double_softmax
from tests.diagnostics.told import asked
from tests.diagnostics.written import written


def judge(path, share, kind="CrossEntropyLoss", on="answer"):
    scalars = {"answers/rows_sum_to_one": share}
    return double_softmax(written(path, scalars=scalars, events=[asked(kind, on=on)]))


def test_probabilities_under_a_cross_entropy_are_found(clinic):
    finding = clinic.named("double_softmax", "double_softmax")
    assert finding.severity == "error"
    assert finding.evidence[0].value == 1.0
    assert finding.steps[0] == 1


def test_a_single_odd_batch_decides_nothing(tmp_path):
    assert isinstance(judge(tmp_path / "a", [0.0, 1.0, 1.0]), Finding)
    assert judge(tmp_path / "b", [1.0, 0.0, 0.0]) is None


@pytest.mark.parametrize(
    "asked_for", [{"kind": "NLLLoss"}, {"kind": "MSELoss"}, {"on": ""}], ids=str
)
def test_probabilities_given_to_another_loss_or_by_another_way_pass(tmp_path, asked_for):
    assert judge(tmp_path, [1.0] * 3, **asked_for) is None


def test_without_answers_or_loss_nothing_can_be_said(tmp_path):
    assert isinstance(double_softmax(written(tmp_path / "a", events=[asked()])), NotEnough)
    told = written(tmp_path / "b", scalars={"answers/rows_sum_to_one": [1.0]})
    assert isinstance(double_softmax(told), NotEnough)
