from __future__ import annotations

import math

import numpy as np
import pytest

from diagnostics.signs.learning import chance, learning
from tests.diagnostics.written import written

CROSS_ENTROPY = (1, "loss", {"kind": "CrossEntropyLoss", "settings": {}})


def test_begin_end_and_best_are_medians(tmp_path):
    losses = [4.0, 100.0, 3.0, *[2.0] * 40, 0.001, *[1.0] * 10]
    told = learning(written(tmp_path, scalars={"loss": losses, "val_accuracy": [0.2, 0.7]}))
    assert told is not None
    assert (told.begin, told.end, told.best, told.score) == (4.0, 1.0, 1.0, 0.7)
    assert told.left == 0.25
    assert told.finite
    assert told.is_bounded
    assert not told.is_lost


def test_a_loss_that_is_far_above_its_beginning_is_lost(tmp_path):
    told = learning(written(tmp_path, scalars={"loss": [1.0] * 10 + [2.0] * 10}))
    assert told is not None
    assert told.is_lost


def test_of_a_loss_below_zero_shares_make_no_sense(tmp_path):
    told = learning(written(tmp_path, scalars={"loss": np.linspace(1.0, -9.0, 50)}))
    assert told is not None
    assert not told.is_bounded
    assert math.isnan(told.left)
    assert not told.is_lost


def test_the_end_must_be_finite(tmp_path):
    early = [math.nan, *[1.0] * 30]
    told = learning(written(tmp_path / "a", scalars={"loss": early}))
    assert told is not None
    assert told.finite
    late = learning(written(tmp_path / "b", scalars={"loss": early[::-1]}))
    assert late is not None
    assert not late.finite
    assert late.is_lost


def test_too_few_values_tell_nothing(tmp_path):
    assert learning(written(tmp_path / "a", scalars={"loss": [1.0] * 5})) is None
    assert learning(written(tmp_path / "b")) is None


def test_chance_is_the_entropy_of_the_classes_asked_for(tmp_path):
    table = [[[75, 1, 1], [25, 1, 1], [0, 98, 0]]]
    arrays = {"answers/classes": ("[class, (asked, answered, right)]", [1], table)}
    seen = {"batches/classes_seen": [2.0]}
    run = written(tmp_path / "a", arrays=arrays, scalars=seen, events=[CROSS_ENTROPY])
    assert chance(run) == pytest.approx(-0.75 * math.log(0.75) - 0.25 * math.log(0.25))
    weighted = (1, "loss", {"kind": "CrossEntropyLoss", "settings": {"weighted": True}})
    run = written(tmp_path / "b", arrays=arrays, scalars=seen, events=[weighted])
    assert chance(run) == pytest.approx(math.log(2))


def test_chance_of_numbers_is_their_variance(tmp_path):
    squares = (1, "loss", {"kind": "MSELoss", "settings": {}})
    spread = {"batches/target_std": [1.0, 2.0, 3.0]}
    assert chance(written(tmp_path / "a", scalars=spread, events=[squares])) == 4.0
    assert math.isnan(chance(written(tmp_path / "b", scalars=spread)))


def test_what_costs_nothing_by_chance_is_not_known(tmp_path):
    run = written(tmp_path, scalars={"batches/classes_seen": [1.0]}, events=[CROSS_ENTROPY])
    assert math.isnan(chance(run))


def test_what_is_left_is_of_the_less_of_beginning_and_chance(tmp_path):
    seen = {"batches/classes_seen": [math.e**2], "loss": [40.0] * 10 + [1.0] * 10}
    told = learning(written(tmp_path, scalars=seen, events=[CROSS_ENTROPY]))
    assert told is not None
    assert told.left == pytest.approx(1 / 2)
