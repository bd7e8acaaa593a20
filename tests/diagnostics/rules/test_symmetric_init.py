from __future__ import annotations

import pytest
from torch import nn

from diagnostics import Run
from diagnostics.finding import Finding, NotEnough
from diagnostics.rules.symmetric_init import symmetric_init
from tests.diagnostics.written import LEARNT, STUCK, layer, tensor, written
from tests.trainings import deep, mlp, record

NET = [*layer("0", "8x8"), *layer("2", "3x8")]


def judge(path, shares, losses=STUCK, steps=(1, 64), **others):
    arrays = {"distinct": ("[parameter: 0.weight, 2.weight]", steps, shares)}
    return symmetric_init(written(path, NET, arrays=arrays, scalars={"loss": losses}, **others))


def test_constant_weights_are_found(tmp_path):
    model = mlp(depth=2)
    for linear in (model[0], model[3]):
        nn.init.constant_(linear.weight, 0.1)
        nn.init.zeros_(linear.bias)
    for n in (2, 5):
        model[n].p = 0.0
    finding = symmetric_init(Run(record(tmp_path / "run", model, steps=12)))
    assert isinstance(finding, Finding)
    assert (finding.disease, finding.severity) == ("symmetric_init", "error")
    assert finding.layers == ("0",)  # the random head parts the units of the other one
    assert finding.steps[0] == 1
    assert finding.evidence[0].value == pytest.approx(1 / 16)


def test_weights_of_zero_are_found_without_the_shares(tmp_path):
    zero = {"0.weight": {"min": 0.0, "max": 0.0}, "2.weight": {"min": -1.0, "max": 1.0}}
    finding = symmetric_init(written(tmp_path, NET, {"weights": zero}, scalars={"loss": STUCK}))
    assert isinstance(finding, Finding)
    assert finding.layers == ("0",)
    assert finding.evidence[0].value == 1 / 8


def test_random_weights_pass(tmp_path):
    assert symmetric_init(Run(record(tmp_path / "run", deep(nn.ReLU, depth=2), steps=4))) is None


def test_copies_that_part_are_none(tmp_path):
    assert judge(tmp_path, [[0.1, 1.0], [1.0, 1.0]]) is None


def test_a_single_look_is_enough_where_the_training_goes_badly(tmp_path):
    assert isinstance(judge(tmp_path / "a", [[0.1, 1.0]], steps=[1]), Finding)
    assert judge(tmp_path / "b", [[0.1, 1.0]], LEARNT, steps=[1]) is None


def test_copies_that_stay_are_found_however_the_training_goes(tmp_path):
    assert isinstance(judge(tmp_path, [[0.1, 1.0], [0.1, 1.0]], LEARNT), Finding)


def test_what_is_frozen_on_purpose_is_let_be(tmp_path):
    frozen = [tensor("0.weight", "matrix", "8x8", trainable=False), *layer("2", "3x8")]
    arrays = {"distinct": ("[parameter: 0.weight, 2.weight]", (1, 64), [[0.1, 1.0]] * 2)}
    assert symmetric_init(written(tmp_path, frozen, arrays=arrays)) is None


def test_nan_is_like_nan_and_no_copy(tmp_path):
    series = {"weights": {"0.weight": {"nan": 64.0}, "2.weight": {}}}
    assert judge(tmp_path, [[0.1, 1.0]] * 2, series=series) is None


def test_no_weights_are_not_enough(tmp_path):
    assert isinstance(symmetric_init(written(tmp_path)), NotEnough)
