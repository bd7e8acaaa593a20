from __future__ import annotations

import numpy as np
import pytest

from diagnostics.finding import Finding, NotEnough
from diagnostics.rules.params_not_in_optimizer import params_not_in_optimizer
from tests.diagnostics.told import modes, of_optimizer
from tests.diagnostics.written import layer, written

NET = [*layer("0", "10x10"), *layer("1", "30x10")]
MOVES = {"std": np.linspace(1.0, 2.0, 10)}


def judge(path, second, *events, norm=1.0):
    """Of two layers the first moves; the second has three quarters of the weights."""
    weights = {"0.weight": MOVES, "1.weight": second}
    series = {"weights": weights, "gradients": {"0.weight": {}, "1.weight": {"norm": norm}}}
    told = written(path, NET, series, scalars=of_optimizer(lr=0.1), events=events)
    return params_not_in_optimizer(told)


def test_an_optimizer_of_another_model_is_found(clinic):
    finding = clinic.named("encoder_not_in_optimizer", "params_not_in_optimizer")
    assert finding.severity == "error"
    assert finding.confidence == 1.0


def test_what_nobody_holds_is_named(tmp_path):
    finding = judge(tmp_path, {}, modes(held={"": True, "1": False}))
    assert isinstance(finding, Finding)
    assert finding.layers == ("1",)
    assert finding.evidence[0].value == pytest.approx(0.75)
    assert (finding.steps, finding.confidence) == ((1, 10), 1.0)


def test_without_that_fact_stillness_tells_less_surely(tmp_path):
    finding = judge(tmp_path, {})
    assert isinstance(finding, Finding)
    assert finding.layers == ("1",)
    assert finding.confidence == pytest.approx(0.9)


def test_what_an_optimizer_holds_may_stand_still(tmp_path):
    """For another reason, which another rule tells."""
    assert judge(tmp_path, {}, modes()) is None


def test_what_moves_or_gets_no_gradient_passes(tmp_path):
    assert judge(tmp_path / "moves", MOVES) is None
    assert judge(tmp_path / "none", {}, norm=0.0) is None


def test_without_weights_nothing_can_be_said(tmp_path):
    assert isinstance(params_not_in_optimizer(written(tmp_path, NET)), NotEnough)
