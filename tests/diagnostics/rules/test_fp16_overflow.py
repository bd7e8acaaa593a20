from __future__ import annotations

import pytest

from diagnostics.finding import Finding
from diagnostics.rules.fp16_overflow import LIMITS, fp16_overflow
from tests.diagnostics.black_boxes import forward_report, half_report, recording, reported
from tests.diagnostics.written import tensor, written


def skipped(*steps):
    return [(step, "skipped", "float16 gradients overflowed") for step in steps]


def test_an_infinity_in_float16_is_found_with_its_layer(tmp_path):
    report = half_report()
    finding = fp16_overflow(reported(tmp_path, report))
    assert isinstance(finding, Finding)
    assert (finding.disease, finding.severity) == ("fp16_overflow", "error")
    assert (finding.symptom, finding.layers) == (report.summary, ("2",))
    assert finding.evidence[0].value == report.counts["posinf"] + report.counts["neginf"] > 0


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_the_same_in_float32_is_not_float16s(tmp_path, value):
    assert fp16_overflow(reported(tmp_path, forward_report(value=value))) is None


def test_steps_left_out_without_end_are_found(tmp_path):
    streak = range(30, 31 + int(LIMITS["in_a_row"]))
    finding = fp16_overflow(recording(tmp_path, events=skipped(*streak), steps=100))
    assert isinstance(finding, Finding)
    assert finding.severity == "warning"
    assert finding.steps == (streak[0], streak[-1])
    assert f"up to {len(streak)} in a row" in finding.symptom
    assert {e.name for e in finding.evidence} == {
        "steps left out in a row",
        "share of steps left out",
    }


def test_steps_left_out_again_and_again_are_found(tmp_path):
    finding = fp16_overflow(
        recording(tmp_path, events=skipped(*range(30, 100, 10)), steps=100, losses=[1.0] * 100)
    )
    (share,) = finding.evidence
    assert share.value == pytest.approx(7 / 80)


@pytest.mark.parametrize("steps", [(), (1, 2, 3, 4, 5, 6), (70,)])
def test_what_a_scaler_does_by_itself_passes(tmp_path, steps):
    assert fp16_overflow(recording(tmp_path, events=skipped(*steps), steps=100)) is None


def nan_first(path, dtype, **others):
    """In what a layer of this type gives; its own infinity lies inside it, and is not seen."""
    report = {"where": "forward", "module": "1", "kind": "NaN", "summary": "NaN first in '1'"}
    counts = {"counts": {"count": 128, "nan": 128}}
    net = [tensor("0", "output", "16x8"), tensor("1", "output", "16x8", dtype=dtype)]
    events = [(5, "black_box", report | counts | others)]
    return fp16_overflow(written(path, net, {"activations": {}}, events=events))


def test_nan_first_in_a_float16_layer_comes_of_an_infinity_inside_it(tmp_path):
    finding = nan_first(tmp_path, "float16")
    assert isinstance(finding, Finding)
    assert (finding.layers, finding.steps) == (("1",), (5, 5))
    assert finding.confidence == 0.8


@pytest.mark.parametrize(
    ("dtype", "others"),
    [
        ("float32", {}),
        ("bfloat16", {}),
        ("float16", {"module": "0"}),
        ("float16", {"where": "loss"}),
    ],
    ids=["float32", "bfloat16", "another layer", "the loss"],
)
def test_nan_elsewhere_is_not_float16s(tmp_path, dtype, others):
    assert nan_first(tmp_path, dtype, **others) is None
