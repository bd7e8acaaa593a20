from __future__ import annotations

import pytest

from diagnostics.finding import Finding, NotEnough
from diagnostics.rules.dead_features import dead_features
from tests.diagnostics.told import FALLING
from tests.diagnostics.written import LEARNT, STUCK, written


def judge(path, constant, losses=STUCK):
    batches = {"input_rms": [1.0], "constant_columns": [constant]}
    scalars = {f"batches/{name}": told for name, told in batches.items()}
    return dead_features(written(path, scalars=scalars | ({"loss": losses} if losses else {})))


def test_a_selection_that_leaves_too_little_is_found(clinic):
    finding = clinic.named("selection_leaves_two_columns", "dead_features")
    assert finding.severity == "warning"
    assert 0.5 < finding.evidence[0].value < 1


def test_the_share_is_the_recordings(tmp_path):
    finding = judge(tmp_path, 0.75, FALLING)
    assert isinstance(finding, Finding)
    assert [e.value for e in finding.evidence] == pytest.approx([0.75, 0.25 / 0.98])


def test_borders_and_trainings_that_get_on_pass(tmp_path):
    assert judge(tmp_path / "borders", 0.3) is None
    assert judge(tmp_path / "learns", 0.75, LEARNT) is None


def test_nothing_that_varies_is_another_disease(tmp_path):
    assert judge(tmp_path, 1.0) is None


def test_without_columns_or_losses_nothing_can_be_said(tmp_path):
    assert isinstance(dead_features(written(tmp_path / "a")), NotEnough)
    assert isinstance(judge(tmp_path / "b", 0.75, []), NotEnough)
