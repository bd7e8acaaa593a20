from __future__ import annotations

import pytest
from torch import nn

from diagnostics import Run
from diagnostics.finding import Finding, NotEnough
from diagnostics.rules.missing_nonlinearity import missing_nonlinearity
from tests.diagnostics.written import LEARNT, STUCK, layer, tensor, written
from tests.trainings import record

NET = [*layer("0", "16x8"), tensor("1", "output", "16x16", "Dropout"), *layer("2", "16x16")]
NET += [*layer("3", "3x16")]
BARE = {"1": "0", "2": "1", "3": "2"}


def judge(path, wires=BARE, losses=STUCK, net=NET):
    events = [(1, "wiring", wires)]
    return missing_nonlinearity(written(path, net, scalars={"loss": losses}, events=events))


def test_a_stack_of_linear_layers_is_found(tmp_path):
    model = nn.Sequential(nn.Linear(8, 16), nn.BatchNorm1d(16), nn.Linear(16, 16), nn.Linear(16, 3))
    finding = missing_nonlinearity(Run(record(tmp_path / "run", model, steps=8)))
    assert isinstance(finding, Finding)
    assert (finding.disease, finding.severity) == ("missing_nonlinearity", "error")
    assert finding.layers == ("0", "2", "3")
    assert finding.evidence[0].value == 1.0


def test_a_function_between_them_is_enough(tmp_path):
    model = nn.Sequential(
        nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 16), nn.Tanh(), nn.Linear(16, 3)
    )
    assert missing_nonlinearity(Run(record(tmp_path / "run", model, steps=8))) is None


def test_dropout_is_seen_through(tmp_path):
    finding = judge(tmp_path)
    assert isinstance(finding, Finding)
    assert "'0' goes straight into '2'" in finding.symptom


def test_functions_by_hand_leave_no_wire(tmp_path):
    assert judge(tmp_path, {"1": "0"}) is None


def test_a_training_that_goes_well_is_let_be(tmp_path):
    assert judge(tmp_path, losses=LEARNT) is None


@pytest.mark.parametrize(
    "net",
    [
        [*layer("0", "2x8"), *layer("2", "16x2")],
        [*layer("0", "8x3x3x3", "Conv2d"), *layer("2", "8x1x3x3", "Conv2d")],
    ],
    ids=["a factorisation", "by groups"],
)
def test_what_is_meant_is_let_be(tmp_path, net):
    assert judge(tmp_path, {"2": "0"}, net=net) is None


def test_no_wires_are_not_enough(tmp_path):
    assert isinstance(missing_nonlinearity(written(tmp_path, NET)), NotEnough)
