from __future__ import annotations

import json

import pytest

from diagnostics.finding import Finding, NotEnough
from diagnostics.rules.unstable_loss import unstable_loss
from tests.diagnostics.written import layer, written


def judge(path, where, **others):
    box = {"where": where, "summary": f"step 7: in {where}", "counts": {"count": 1, "nan": 1}}
    told = [(7, "black_box", box | others)]
    return unstable_loss(written(path, layer("0", "2x2"), {"weights": {}}, events=told))


def test_a_logarithm_of_nought_is_found(clinic):
    finding = clinic.named("log_of_softmax", "unstable_loss")
    assert finding.severity == "error"
    assert "logits" in finding.remedy


def test_the_black_box_is_told(tmp_path):
    finding = judge(tmp_path, "loss")
    assert isinstance(finding, Finding)
    assert finding.symptom == json.loads('"step 7: in loss"')
    assert finding.steps[0] == 7
    assert finding.evidence[0].value == 1


@pytest.mark.parametrize("where", ["inputs", "weights", "forward", "exception"])
def test_other_places_are_others(tmp_path, where):
    assert judge(tmp_path, where) is None


def test_a_step_that_a_scaler_left_out_is_no_trouble(tmp_path):
    assert judge(tmp_path, "loss", skipped=1) is None


def test_a_training_without_a_report_passes_and_nothing_is_not_enough(tmp_path):
    assert unstable_loss(written(tmp_path / "a", layer("0", "2x2"), {"weights": {}})) is None
    assert isinstance(unstable_loss(written(tmp_path / "b")), NotEnough)
