from __future__ import annotations

import numpy as np
import pytest

from diagnostics.finding import Finding, NotEnough
from diagnostics.rules.fp16_underflow import fp16_underflow
from probes.recording import BINS, LOWEST_OCTAVE
from tests.diagnostics.written import LEARNT, STUCK, tensor, written

FAINT = [(-24, 40), (-22, 20)]  # octave, elements: near the least number of float16
PLAIN = [(-12, 40), (-8, 20)]


def gradients(zeros, octaves):
    bins = np.zeros(BINS)
    for octave, count in octaves:
        bins[octave - LOWEST_OCTAVE] = count
    return {"zeros": zeros, "histogram": bins}


def judge(path, zeros, octaves=FAINT, losses=STUCK, dtype="float16", **others):
    net = [tensor(str(n), "output", "16x8", dtype=dtype) for n in range(3)]
    series = {"activation_gradients": {t.name: gradients(zeros, octaves) for t in net}}
    return fp16_underflow(written(path, net, series, scalars={"loss": losses}, **others))


def test_gradients_that_flush_to_zero_are_found(tmp_path):
    finding = judge(tmp_path, 40.0)
    assert isinstance(finding, Finding)
    assert (finding.disease, finding.severity) == ("fp16_underflow", "error")
    assert finding.steps == (1, 10)
    zeros, faint = finding.evidence
    assert zeros.value == pytest.approx(0.4)
    assert faint.value == 1.0


def test_gradients_that_are_gone_altogether_are_found(tmp_path):
    assert isinstance(judge(tmp_path, 100.0, []), Finding)


@pytest.mark.parametrize(
    ("zeros", "octaves", "dtype"),
    [
        (40.0, PLAIN, "float16"),
        (5.0, FAINT, "float16"),
        (40.0, [*FAINT, (-30, 5)], "float16"),
        (40.0, FAINT, "bfloat16"),
    ],
    ids=["a rectifier's zeros", "few zeros", "scaled", "another type"],
)
def test_what_does_not_underflow_passes(tmp_path, zeros, octaves, dtype):
    assert judge(tmp_path, zeros, octaves, dtype=dtype) is None


def test_at_the_start_of_a_good_training_it_is_a_warning_and_at_its_end_a_hint(tmp_path):
    early = judge(tmp_path / "a", [40.0] * 5 + [0.0] * 5, losses=LEARNT)
    late = judge(tmp_path / "b", [0.0] * 5 + [40.0] * 5, losses=LEARNT)
    assert isinstance(early, Finding)
    assert isinstance(late, Finding)
    assert (early.severity, late.severity) == ("warning", "hint")
    assert late.steps == (6, 10)


def test_few_records_are_not_enough(tmp_path):
    net = [tensor("0", "output", "16x8", dtype="float16")]
    rows = {"0": {"zeros": 40.0}}
    series = {"activation_gradients": rows}
    assert isinstance(fp16_underflow(written(tmp_path / "a", net, series, steps=[1])), NotEnough)
    assert isinstance(fp16_underflow(written(tmp_path / "b", net)), NotEnough)
