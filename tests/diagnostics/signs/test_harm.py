from __future__ import annotations

import numpy as np
import pytest

from diagnostics.signs.harm import harm, optimizers
from tests.diagnostics.written import LEARNT, STUCK, written


def test_the_share_of_the_loss_that_is_left_tells(tmp_path):
    well = harm(written(tmp_path / "a", scalars={"loss": LEARNT}))
    badly = harm(written(tmp_path / "b", scalars={"loss": STUCK}))
    assert (well.is_known, well.is_harm) == (True, False)
    assert (badly.is_known, badly.is_harm) == (True, True)
    assert badly.left == 1.0


def test_the_worse_of_training_and_validation_counts(tmp_path):
    some = list(np.geomspace(1.0, 0.05, 40))
    told = harm(written(tmp_path, scalars={"loss": some, "val_loss": [1.0, 0.9, 0.8, 0.8, 0.8]}))
    assert told.training < 0.1
    assert told.validation == pytest.approx(0.8)
    assert told.is_harm


def test_what_is_learnt_by_heart_suffers_from_something_else(tmp_path):
    told = harm(written(tmp_path, scalars={"loss": LEARNT, "val_loss": [1.0, 0.8, 0.8, 0.8]}))
    assert told.left == pytest.approx(0.8)
    assert not told.is_harm


def test_a_loss_that_is_no_number_is_lost(tmp_path):
    told = harm(written(tmp_path, scalars={"loss": [1.0] * 20 + [float("nan")] * 10}))
    assert told.lost
    assert told.is_harm


def test_without_a_loss_it_is_not_known(tmp_path):
    told = harm(written(tmp_path))
    assert not told.is_known
    assert not told.is_harm
    assert np.isnan(told.left)


def test_in_a_game_no_loss_need_fall(tmp_path):
    game = {"optimizer/0.0/lr": [1.0], "optimizer/1.0/lr": [1.0], "optimizer/1.1/lr": [1.0]}
    run = written(tmp_path, scalars={"loss": STUCK, "val_loss": [1.0] * 5, **game})
    assert optimizers(run) == 2
    assert not harm(run).is_known
    assert harm(run).is_fine
    assert harm(run).is_fine


def test_groups_of_one_optimizer_are_one(tmp_path):
    run = written(tmp_path, scalars={"optimizer/0/lr": [1.0], "optimizer/1/lr": [1.0]})
    assert optimizers(run) == 1
    assert optimizers(written(tmp_path / "b")) == 0
