from __future__ import annotations

import pytest

from diagnostics.finding import Finding, NotEnough
from diagnostics.rules.wrong_gradient import wrong_gradient
from tests.diagnostics.written import layer, written


def fact(module, error, slope=1.0):
    told = {"module": module, "function": "MyFn at my.py:7", "error": error, "slope": slope}
    return 2, "backward", {**told, "derivative": slope * (1 + error)}


def judge(path, *facts):
    return wrong_gradient(written(path, layer("0", "2x2"), {"gradients": {}}, events=facts))


def test_a_backward_that_is_no_derivative_is_found(clinic):
    finding = clinic.named("wrong_backward_matrix", "wrong_gradient")
    assert finding.severity == "error"
    assert len(finding.layers) == 1


def test_the_worst_is_named(tmp_path):
    finding = judge(tmp_path, fact("a", 0.1), fact("b", 0.7), fact("c", 1e-4))
    assert isinstance(finding, Finding)
    assert (finding.layers, finding.steps) == (("b",), (2, 2))
    assert finding.evidence[0].value == pytest.approx(0.7)
    assert "MyFn at my.py:7" in finding.symptom


def test_right_ones_and_estimators_through_a_step_pass(tmp_path):
    assert judge(tmp_path / "right", fact("a", 1e-4)) is None
    assert judge(tmp_path / "estimator", fact("a", 1.0, slope=0.0)) is None


def test_a_model_without_such_functions_passes_and_nothing_is_not_enough(tmp_path):
    assert judge(tmp_path / "a") is None
    assert isinstance(wrong_gradient(written(tmp_path / "b")), NotEnough)
