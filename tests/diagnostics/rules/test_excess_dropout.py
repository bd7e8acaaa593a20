from __future__ import annotations

import pytest

from diagnostics.finding import Finding, NotEnough
from diagnostics.rules.excess_dropout import excess_dropout
from tests.diagnostics.told import ONES, modes
from tests.diagnostics.written import LEARNT, written


def judge(path, *drops, losses=ONES, validation=(1.0, 0.5)):
    settings = {str(n): {"type": "Dropout", "p": p} for n, p in enumerate(drops)}
    scalars = {"loss": losses, "val_loss": list(validation)}
    given = {name: told for name, told in scalars.items() if len(told)}
    return excess_dropout(written(path, scalars=given, events=[modes(settings)]))


def test_dropout_that_leaves_too_little_is_found(clinic):
    finding = clinic.named("dropout_too_strong", "excess_dropout")
    assert finding.severity == "warning"
    assert finding.layers


def test_the_strongest_comes_first(tmp_path):
    finding = judge(tmp_path, 0.1, 0.6, 0.8)
    assert isinstance(finding, Finding)
    assert finding.layers == ("2", "1")
    assert [e.value for e in finding.evidence] == pytest.approx([0.8, 2.0])


def test_a_half_is_usual(tmp_path):
    assert judge(tmp_path, 0.5, 0.5, 0.5) is None


def test_what_costs_training_nothing_is_let_be(tmp_path):
    assert judge(tmp_path / "learns", 0.8, losses=LEARNT, validation=(1.0, 1e-4)) is None
    assert judge(tmp_path / "alike", 0.8, validation=(1.0, 0.95)) is None


def test_without_modes_or_losses_nothing_can_be_said(tmp_path):
    assert isinstance(excess_dropout(written(tmp_path / "a")), NotEnough)
    assert isinstance(judge(tmp_path / "b", 0.8, validation=()), NotEnough)
    assert isinstance(judge(tmp_path / "c", 0.8, losses=()), NotEnough)
