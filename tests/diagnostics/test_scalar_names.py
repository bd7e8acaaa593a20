from __future__ import annotations

import pytest

from diagnostics.scalar_names import is_score, named


@pytest.mark.parametrize(
    ("logged", "training", "validation", "score"),
    [
        (["loss", "val_loss", "val_acc"], ("loss",), ("val_loss",), ("val_acc",)),
        (["train/loss", "aux_loss"], ("train/loss",), (), ()),
        (["kl_loss", "nll", "lr"], ("kl_loss", "nll"), (), ()),
        (["test/f1", "eval_mse"], (), ("eval_mse",), ("test/f1",)),
        (["accuracy", "grad_norm"], (), (), ()),
        ([], (), (), ()),
    ],
)
def test_names_say_what_a_number_is(logged, training, validation, score):
    found = named(logged)
    assert (found.training, found.validation, found.score) == (training, validation, score)


@pytest.mark.parametrize(
    ("name", "more_is_better"),
    [
        *(("val_acc", True), ("accuracy", True), ("eval/F1", True), ("reward", True)),
        *(("loss", False), ("val_loss", False), ("lr", False), ("score_loss", False), ("", False)),
    ],
)
def test_more_of_a_score_is_better(name, more_is_better):
    assert is_score(name) is more_is_better
