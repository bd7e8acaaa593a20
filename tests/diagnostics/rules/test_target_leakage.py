from __future__ import annotations

import pytest

from diagnostics.finding import Finding, NotEnough
from diagnostics.rules.target_leakage import target_leakage
from tests.diagnostics.written import written


def judge(path, shift, change):
    events = [(3, "foresight", {"shift": shift, "change": change})]
    return target_leakage(written(path, events=events))


def test_a_model_that_sees_what_comes_next_is_found(clinic):
    finding = clinic.named("backward_reader_sees_answer", "target_leakage")
    assert finding.severity == "error"


def test_the_change_is_told_with_its_step(tmp_path):
    finding = judge(tmp_path, 1, 0.4)
    assert isinstance(finding, Finding)
    assert (finding.evidence[0].value, finding.steps) == (0.4, (3, 3))
    assert "mask" in finding.cause


def test_targets_that_are_the_very_inputs_are_a_leak_without_any_change(tmp_path):
    finding = judge(tmp_path, 0, 0.0)
    assert isinstance(finding, Finding)
    assert "not shifted" in finding.cause


def test_an_autoencoder_is_to_predict_what_it_was_given(tmp_path):
    assert judge(tmp_path, 0, 0.4) is None


@pytest.mark.parametrize("change", [0.0, 1e-6])
def test_a_mask_that_works_passes(tmp_path, change):
    assert judge(tmp_path, 1, change) is None


def test_other_tasks_cannot_be_judged(tmp_path):
    assert isinstance(target_leakage(written(tmp_path)), NotEnough)
