from __future__ import annotations

import numpy as np
import pytest

from diagnostics.signs.losses import losses, smoothed
from tests.diagnostics.written import written


def names(tmp_path, *logged):
    run = written(tmp_path, scalars={name: [1.0, 2.0] for name in logged})
    told = losses(run)
    found = (told.training, told.validation, told.score)
    return tuple(scalar.name if scalar else None for scalar in found)


@pytest.mark.parametrize(
    ("logged", "told"),
    [
        (["loss", "val_loss", "val_accuracy"], ("loss", "val_loss", "val_accuracy")),
        (["train/loss", "eval/loss", "eval/f1"], ("train/loss", "eval/loss", "eval/f1")),
        (["Loss/train", "Loss/test"], ("Loss/train", "Loss/test")),
        (["valid_nll", "objective"], ("objective", "valid_nll", None)[:2]),
        (["accuracy", "lr"], (None, None)),
        (["kl_loss", "loss"], ("loss", None)),
        (["generator_loss"], ("generator_loss", None)),
        (["floss"], ("floss", None)),
    ],
)
def test_names_tell(tmp_path, logged, told):
    assert names(tmp_path, *logged)[: len(told)] == told


def test_a_score_of_training_is_not_held_out(tmp_path):
    assert names(tmp_path, "loss", "train_accuracy")[2] is None


def test_of_several_the_one_logged_most_often_counts(tmp_path):
    run = written(tmp_path, scalars={"a_loss": [1.0], "b_loss": [1.0] * 9, "c_loss": [1.0] * 9})
    told = losses(run).training
    assert told is not None
    assert told.name == "b_loss"


def test_own_scalars_are_no_losses(tmp_path):
    assert names(tmp_path, "optimizer/0/loss") == (None, None, None)


def test_smoothing_leaves_no_trace_of_a_jump_and_keeps_a_step():
    values = np.array([1.0, 1, 1, 99, 1, 1, 5, 5, 5])
    assert smoothed(values, 4).tolist() == [1, 1, 1, 1, 1, 5, 5, 5, 5]
