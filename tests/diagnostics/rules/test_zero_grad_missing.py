from __future__ import annotations

import pytest

from diagnostics.finding import Finding, NotEnough
from diagnostics.rules.zero_grad_missing import zero_grad_missing
from tests.diagnostics.written import written


def judge(path, kept):
    return zero_grad_missing(written(path, scalars={"gradients/kept": kept}))


def test_gradients_that_are_never_cleared_are_found(clinic):
    finding = clinic.named("no_zero_grad_sgd", "zero_grad_missing")
    assert finding.severity == "error"
    assert finding.evidence[0].value == 1.0


def test_the_share_is_of_the_steps_that_were_watched(tmp_path):
    finding = judge(tmp_path, [1.0, 1.0, 1.0, 0.0])
    assert isinstance(finding, Finding)
    assert finding.evidence[0].value == pytest.approx(0.75)
    assert (finding.steps, finding.confidence) == ((1, 4), 1.0)


@pytest.mark.parametrize("kept", [[0.0] * 6, [1.0, 0.0] * 3], ids=["cleared", "accumulated"])
def test_gradients_that_are_cleared_often_enough_pass(tmp_path, kept):
    assert judge(tmp_path, kept) is None


def test_few_or_no_steps_watched_are_not_enough(tmp_path):
    assert isinstance(judge(tmp_path / "a", [1.0]), NotEnough)
    assert isinstance(zero_grad_missing(written(tmp_path / "b")), NotEnough)
