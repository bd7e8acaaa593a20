from __future__ import annotations

from diagnostics.finding import Finding, NotEnough
from diagnostics.rules.eval_mode_missing import eval_mode_missing
from tests.diagnostics.told import modes
from tests.diagnostics.written import written

DROPS = {"2": {"type": "Dropout", "p": 0.3}}


def judge(path, shares, settings=DROPS):
    return eval_mode_missing(
        written(path, scalars={"validation/training": shares}, events=[modes(settings)])
    )


def test_a_validation_with_dropout_on_is_found(clinic):
    finding = clinic.named("train_left_on_dropout", "eval_mode_missing")
    assert finding.severity == "error"
    assert finding.evidence[0].value == 1.0
    assert finding.layers


def test_the_modules_that_go_by_the_mode_are_named(tmp_path):
    finding = judge(tmp_path, [1.0, 1.0, 0.0])
    assert isinstance(finding, Finding)
    assert (finding.layers, finding.steps) == (("2",), (1, 3))


def test_a_single_odd_pass_is_not_the_validation(tmp_path):
    assert judge(tmp_path, [1.0, 0.0, 0.0]) is None


def test_a_model_that_does_not_go_by_the_mode_may_be_in_any(tmp_path):
    still = {"2": {"type": "Dropout", "p": 0.0}, "3": {"type": "LayerNorm", "eps": 1e-5}}
    assert judge(tmp_path / "a", [1.0] * 3, still) is None
    norm = {"3": {"type": "BatchNorm1d", "statistics": "moving"}}
    assert isinstance(judge(tmp_path / "b", [1.0] * 3, norm), Finding)


def test_without_a_validation_nothing_can_be_said(tmp_path):
    assert isinstance(eval_mode_missing(written(tmp_path)), NotEnough)
