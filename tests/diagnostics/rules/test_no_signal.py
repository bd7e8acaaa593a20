from __future__ import annotations

import pytest

from diagnostics.finding import Finding, NotEnough
from diagnostics.rules.no_signal import no_signal
from tests.diagnostics.told import ONES, SQUARES, asked
from tests.diagnostics.written import written


def judge(path, validation, losses=ONES, *events):
    scalars = {"loss": losses, "val_loss": validation, **SQUARES}
    given = {name: told for name, told in scalars.items() if told}
    return no_signal(written(path, scalars=given, events=events or [asked()]))


def test_it_is_named_in_its_cause(clinic):
    assert clinic.folded("labels_shuffled", "no_signal").disease == "label_noise"


def test_validation_that_never_beats_a_guess_is_found(tmp_path):
    finding = judge(tmp_path, [1.3, 1.02, 0.99, 1.1])
    assert isinstance(finding, Finding)
    assert (finding.severity, finding.steps) == ("warning", (1, 4))
    assert finding.evidence[0].value == pytest.approx(0.99)


def test_once_better_than_a_guess_is_a_signal(tmp_path):
    assert judge(tmp_path, [1.3, 0.6, 1.5, 2.0]) is None


def test_few_validations_or_an_unknown_chance_are_not_enough(tmp_path):
    assert isinstance(judge(tmp_path / "a", [1.0] * 3), NotEnough)
    assert isinstance(judge(tmp_path / "b", [1.0] * 4, []), NotEnough)
    assert isinstance(judge(tmp_path / "c", [1.0] * 4, ONES, asked("HuberLoss")), NotEnough)
