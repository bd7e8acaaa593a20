from __future__ import annotations

import numpy as np
import pytest
from torch import nn

from diagnostics import Run
from diagnostics.finding import Finding, NotEnough
from diagnostics.rules.saturated_activations import saturated_activations
from tests.diagnostics.written import LEARNT, STUCK, layer, tensor, written
from tests.trainings import deep, record

NET = [*layer("0", "8x8"), tensor("1", "output", "16x8", "Tanh"), *layer("2", "3x8")]


def judge(path, flat, losses=STUCK, net=NET, steps=range(1, 11)):
    limits = {"low": np.multiply(flat, 40), "high": np.multiply(flat, 60)}
    rows = {t.name: limits if t.module == "1" else {} for t in net if t.role == "output"}
    series = {"activations": rows}
    return saturated_activations(written(path, net, series, steps=steps, scalars={"loss": losses}))


def test_a_net_with_large_weights_that_learns_nothing_is_found(tmp_path):
    run = Run(record(tmp_path / "run", deep(nn.Tanh, gain=20.0, depth=3), steps=12))
    finding = saturated_activations(run)
    assert isinstance(finding, Finding)
    assert (finding.disease, finding.severity) == ("saturated_activations", "error")
    assert set(finding.layers) == {"1", "3", "5"}
    assert finding.steps == (1, 12)
    assert all(e.passes == "above" and e.value > e.threshold for e in finding.evidence)


def test_the_share_is_that_of_both_ends(tmp_path):
    finding = judge(tmp_path, 0.9)
    assert isinstance(finding, Finding)
    assert finding.evidence[0].value == pytest.approx(0.9)
    assert "90%" in finding.symptom


def test_what_begins_late_is_dated_so(tmp_path):
    finding = judge(tmp_path, [0.1] * 5 + [0.9] * 5)
    assert isinstance(finding, Finding)
    assert finding.steps == (6, 10)


def test_it_is_a_hint_where_the_training_goes_well_and_nothing_once_it_is_over(tmp_path):
    finding = judge(tmp_path / "a", 0.9, LEARNT)
    assert isinstance(finding, Finding)
    assert finding.severity == "hint"
    assert judge(tmp_path / "b", [0.9] * 5 + [0.1] * 5, LEARNT) is None


@pytest.mark.parametrize(
    "net",
    [
        [*layer("0", "8x8"), *layer("2", "3x8"), tensor("1", "output", "16x3", "Sigmoid")],
        [*layer("0", "8x8"), tensor("1", "output", "16x8", "Softmax"), *layer("2", "3x8")],
    ],
    ids=["the answer's own", "a choice of weights"],
)
def test_functions_that_are_meant_to_be_at_their_limits_are_let_be(tmp_path, net):
    assert judge(tmp_path, 0.95, net=net) is None


def test_healthy_shares_pass(tmp_path):
    assert judge(tmp_path, 0.5) is None


def test_too_little_is_not_enough(tmp_path):
    assert isinstance(judge(tmp_path / "a", 0.9, steps=[1, 2]), NotEnough)
    assert isinstance(saturated_activations(written(tmp_path / "b")), NotEnough)
