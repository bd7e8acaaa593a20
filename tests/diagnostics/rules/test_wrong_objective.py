from __future__ import annotations

import numpy as np
import pytest

from diagnostics.finding import Finding, NotEnough
from diagnostics.rules.wrong_objective import wrong_objective
from tests.diagnostics.told import FALLING, ONES, asked, of_optimizer
from tests.diagnostics.written import LEARNT, layer, written

BACKWARDS = [0.9, 0.7, 0.5, 0.3, 0.2, 0.1]


def judge(path, losses=FALLING, *, score=(), kind="MSELoss", maximize=0.0):
    scalars = {"loss": list(losses), "val_accuracy": list(score)}
    given = {name: told for name, told in scalars.items() if told}
    given |= of_optimizer(lr=0.1, maximize=maximize)
    net, steps = layer("0", "2x2"), (1, 40)
    told = [asked(kind)]
    return wrong_objective(
        written(path, net, {"weights": {}}, steps=steps, scalars=given, events=told)
    )


def test_an_optimizer_that_maximises_is_found(clinic):
    finding = clinic.named("optimizer_maximises", "wrong_objective")
    assert finding.severity == "error"


def test_maximising_is_a_fact(tmp_path):
    finding = judge(tmp_path, maximize=1.0)
    assert isinstance(finding, Finding)
    assert "maximises" in finding.symptom
    assert finding.steps == (1, 40)


def test_a_loss_that_cannot_be_negative_and_is(tmp_path):
    finding = judge(tmp_path / "a", [-1.0] * 40)
    assert isinstance(finding, Finding)
    assert finding.evidence[0].value == -1.0
    assert judge(tmp_path / "b", [-1.0] * 40, kind="GaussianNLLLoss") is None


def test_a_loss_that_dives_far_below_zero(tmp_path):
    finding = judge(tmp_path, np.linspace(1.0, -200.0, 40), kind="")
    assert isinstance(finding, Finding)
    assert finding.evidence[0].value > 1


def test_a_score_that_falls_with_the_loss_is_less_sure(tmp_path):
    finding = judge(tmp_path, score=BACKWARDS)
    assert isinstance(finding, Finding)
    assert finding.severity == "warning"
    assert finding.evidence[0].value == pytest.approx((0.9 - 0.15) / 0.9)


@pytest.mark.parametrize(
    ("losses", "score"),
    [(LEARNT, BACKWARDS[::-1]), (ONES, BACKWARDS), (FALLING, BACKWARDS[:3]), (FALLING, ())],
    ids=["learns", "does not move", "few scores", "no score"],
)
def test_other_trainings_pass(tmp_path, losses, score):
    assert judge(tmp_path, losses, score=score) is None


def test_without_losses_nothing_can_be_said(tmp_path):
    assert isinstance(judge(tmp_path, []), NotEnough)
