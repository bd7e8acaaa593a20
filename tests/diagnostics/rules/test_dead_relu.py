from __future__ import annotations

import numpy as np
import pytest
from torch import nn

from diagnostics import Run
from diagnostics.finding import Finding, NotEnough
from diagnostics.rules.dead_relu import dead_relu
from tests.diagnostics.written import LEARNT, STUCK, layer, tensor, written
from tests.trainings import mlp, record

NET = [*layer("0", "20x8"), tensor("1", "output", "16x20", "ReLU"), *layer("2", "3x20")]
ABOUT = "[unit, (times it fired, times looked at)]"


def judge(path, dead, losses=STUCK, *, zeros=50.0, nan=0.0, steps=(4, 8), more=None):
    """Of 20 units so many at each look; zeros of 100 elements of the rectifier."""
    fired = np.array([[0.0] * n + [30.0] * (20 - n) for n in dead])
    counts = np.stack([fired, np.full_like(fired, 64)], 2)
    series = {"activations": {"0": {}, "1": {"zeros": zeros, "nan": nan}, "2": {}}}
    arrays = {"firing/1": (ABOUT, steps, counts)} if len(dead) else {}
    scalars = {"loss": losses, **(more or {})}
    return dead_relu(written(path, NET, series, arrays=arrays, scalars=scalars))


def test_units_with_biases_far_below_zero_are_found(tmp_path):
    model = mlp(depth=2)
    nn.init.constant_(model[0].bias, -50.0)
    finding = dead_relu(Run(record(tmp_path / "run", model, steps=12)))
    assert isinstance(finding, Finding)
    assert (finding.disease, finding.severity) == ("dead_relu", "error")
    assert finding.layers[0] == "1"
    assert finding.steps[0] == 1
    assert finding.evidence[0].value == 1.0


def test_an_ordinary_net_passes(tmp_path):
    assert dead_relu(Run(record(tmp_path / "run", mlp(), steps=12))) is None


def test_units_are_counted_not_zeros(tmp_path):
    finding = judge(tmp_path / "a", [2, 16])
    assert isinstance(finding, Finding)
    assert finding.evidence[0].value == pytest.approx(0.8)
    assert finding.steps == (8, 8)
    assert judge(tmp_path / "b", [2, 2], zeros=95.0) is None


def test_a_silent_layer_is_told_from_the_record_on_that_silenced_it(tmp_path):
    finding = judge(tmp_path, [2, 20], zeros=[50.0] * 2 + [100.0] * 8)
    assert isinstance(finding, Finding)
    assert finding.steps[0] == 3


def test_what_is_no_number_any_more_is_not_dead(tmp_path):
    assert judge(tmp_path, [2, 20], nan=[0.0] * 6 + [5.0] * 4) is None


def test_batches_of_one_class_leave_it_open(tmp_path):
    batches = {"size": 16.0, "label_entropy": 0.0, "classes_seen": 5.0}
    more = {f"batches/{name}": [value] * 10 for name, value in batches.items()}
    assert isinstance(judge(tmp_path / "a", [2, 16], more=more), NotEnough)
    mixed = more | {"batches/label_entropy": [0.9] * 10}
    assert isinstance(judge(tmp_path / "b", [2, 16], more=mixed), Finding)


def test_units_that_come_back_are_none(tmp_path):
    assert judge(tmp_path, [18, 2]) is None


def test_where_the_training_goes_well_it_is_a_hint_or_nothing(tmp_path):
    assert judge(tmp_path / "a", [2, 16], LEARNT) is None
    finding = judge(tmp_path / "b", [2, 20], LEARNT)
    assert isinstance(finding, Finding)
    assert finding.severity == "hint"


def test_no_outputs_are_not_enough(tmp_path):
    assert isinstance(dead_relu(written(tmp_path)), NotEnough)
