from __future__ import annotations

import pytest

from diagnostics.finding import Finding, NotEnough
from diagnostics.rules.wrong_loss import wrong_loss
from tests.diagnostics.told import asked
from tests.diagnostics.written import LEARNT, STUCK, written

CHOICE = {"mean": 0.5, "rms": 0.5**0.5, "min": 0.0, "max": 1.0}  # zeros and ones, half and half
NUMBERS = {"mean": 0.0, "rms": 1.0, "min": -2.0, "max": 2.0}


def judge(path, *, targets=CHOICE, losses=STUCK, score=None, largest=1.0, **told):
    scalars = {f"batches/target_{name}": [value] for name, value in targets.items()}
    scalars |= {"loss": losses, "answers/max": [largest]}
    scalars |= {} if score is None else {"val_accuracy": [score]}
    given = {name: values for name, values in scalars.items() if values}
    return wrong_loss(written(path, scalars=given, events=[asked(**told)]))


@pytest.mark.parametrize("name", ["mse_on_sigmoid", "one_logit_cross_entropy", "broadcast_squares"])
def test_losses_that_do_not_fit_are_found(clinic, name):
    assert clinic.named(name, "wrong_loss").severity == "error"


@pytest.mark.parametrize(
    ("told", "evidence"),
    [
        ({"broadcast": True}, "shapes that differ"),
        ({"kind": "CrossEntropyLoss", "outputs": 1}, "classes"),
        ({"kind": "NLLLoss"}, "largest answer"),
        ({"output": "Sigmoid"}, "share of the loss left"),
        ({"kind": "L1Loss", "output": "Softmax"}, "share of the loss left"),
    ],
    ids=str,
)
def test_each_misfit_has_its_evidence(tmp_path, told, evidence):
    finding = judge(tmp_path, **told)
    assert isinstance(finding, Finding)
    assert [e.name for e in finding.evidence] == [evidence]
    assert finding.steps[0] == 1


def test_what_is_left_is_of_the_targets_variance(tmp_path):
    finding = judge(tmp_path, output="Sigmoid", losses=[0.3] * 40)
    assert isinstance(finding, Finding)
    assert finding.evidence[0].value == pytest.approx(0.3 / 0.25)


@pytest.mark.parametrize(
    "told",
    [
        {"output": "Sigmoid", "losses": LEARNT},
        {"output": "Sigmoid", "score": 0.95},
        {"targets": NUMBERS},
        {"kind": "NLLLoss", "largest": -0.1},
        {"kind": "NLLLoss", "on": ""},
        {"kind": "CrossEntropyLoss", "outputs": 3},
    ],
    ids=["learns", "serves", "numbers", "logarithms", "not on the answer", "several classes"],
)
def test_losses_that_fit_or_serve_pass(tmp_path, told):
    assert judge(tmp_path, **told) is None


def test_without_loss_or_targets_nothing_can_be_said(tmp_path):
    assert isinstance(wrong_loss(written(tmp_path / "a")), NotEnough)
    assert isinstance(judge(tmp_path / "b", targets={}), NotEnough)
