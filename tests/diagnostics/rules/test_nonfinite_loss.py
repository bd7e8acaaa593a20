from __future__ import annotations

import pytest

import probes
from diagnostics.finding import Finding, NotEnough
from diagnostics.rules.nonfinite_loss import nonfinite_loss
from tests.diagnostics.black_boxes import (
    forward_report,
    half_report,
    input_report,
    recording,
    reported,
)


def test_the_black_boxes_place_step_and_rows_are_the_evidence(tmp_path):
    report = forward_report()
    finding = nonfinite_loss(reported(tmp_path, report, losses=[1.0, 0.9, float("nan")]))
    assert isinstance(finding, Finding)
    assert (finding.disease, finding.severity) == ("nonfinite_loss", "error")
    assert finding.symptom == report.summary
    assert (finding.layers, finding.steps[0]) == (("2",), 3)
    assert "forward pass 1 of 1" in finding.cause
    assert all(e.passes == "above" and e.value > e.threshold for e in finding.evidence)


@pytest.mark.parametrize("report", [input_report, half_report])
def test_it_gives_way_where_the_cause_is_known(tmp_path, report):
    assert nonfinite_loss(reported(tmp_path, report(), losses=[float("nan")])) is None


@pytest.mark.parametrize("value", ["nan", "inf", "-inf"])
def test_a_logged_loss_is_enough(tmp_path, value):
    finding = nonfinite_loss(recording(tmp_path, losses=[1.0, float(value), 0.5]))
    assert isinstance(finding, Finding)
    assert finding.steps == (2, 2)
    assert "'train_loss' is not finite from step 2 on: 1 of 3 logged values" in finding.symptom


def test_a_recorded_gradient_is_enough(tmp_path):
    finding = nonfinite_loss(recording(tmp_path, probes=[probes.Gradients()], spoil=2))
    assert isinstance(finding, Finding)
    assert finding.steps == (2, 2)
    assert finding.evidence[0].value == 1


def test_a_step_that_the_scaler_left_out_is_no_trouble(tmp_path):
    skipped = [(2, "skipped", "float16 gradients overflowed")]
    run = recording(tmp_path, probes=[probes.Gradients()], spoil=2, events=skipped)
    assert nonfinite_loss(run) is None


def test_an_exception_is_another_matter(tmp_path):
    event = (3, "black_box", '{"where": "exception", "kind": "ValueError"}')
    assert nonfinite_loss(recording(tmp_path, events=[event], losses=[1.0])) is None


def test_healthy_runs_pass_and_silent_ones_are_not_judged(tmp_path):
    assert nonfinite_loss(recording(tmp_path / "a", losses=[1.0, 0.5])) is None
    assert nonfinite_loss(recording(tmp_path / "b", probes=[probes.Gradients()])) is None
    assert isinstance(nonfinite_loss(recording(tmp_path / "c")), NotEnough)
