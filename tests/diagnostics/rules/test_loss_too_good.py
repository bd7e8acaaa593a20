from __future__ import annotations

import pytest

from diagnostics import examine
from diagnostics.finding import Finding, NotEnough
from diagnostics.rules.loss_too_good import loss_too_good
from tests.diagnostics.told import SQUARES, asked
from tests.diagnostics.written import LEARNT, written


def run(path, validation):
    scalars = {"loss": LEARNT, "val_loss": validation, **SQUARES}
    given = {name: told for name, told in scalars.items() if told}
    return written(path, scalars=given, events=[asked()])


def test_a_loss_beyond_doubt_is_a_hint(tmp_path):
    told = examine(run(tmp_path, [1.0, 3e-5, 2e-5]))
    assert not told.findings
    (finding,) = [hint for hint in told.hints if hint.disease == "loss_too_good"]
    assert finding.evidence[0].value == pytest.approx(2e-5)
    assert finding.steps == (2, 3)


@pytest.mark.parametrize("validation", [[1.0, 1e-3], [1.0, -2.0]], ids=["good", "no such loss"])
def test_plausible_losses_pass(tmp_path, validation):
    assert loss_too_good(run(tmp_path, validation)) is None


def test_a_training_told_of_its_answers_is_at_most_hinted_at(tmp_path):
    finding = loss_too_good(run(tmp_path, [1e-6]))
    assert isinstance(finding, Finding)
    assert finding.severity == "hint"


def test_without_validation_or_known_chance_nothing_can_be_said(tmp_path):
    assert isinstance(loss_too_good(run(tmp_path / "a", [])), NotEnough)
    told = written(tmp_path / "b", scalars={"loss": LEARNT, "val_loss": [1e-9]})
    assert isinstance(loss_too_good(told), NotEnough)
