"""Rows of several tensors are as if all their elements had been looked at as one."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from diagnostics.layer_rows import layer_rows, unsound
from tests.diagnostics.written import layer, tensor, written

LSTM = [
    tensor("lstm.weight_ih", "matrix", "4x2", "LSTM"),
    tensor("lstm.weight_hh", "matrix", "4x4", "LSTM"),
    tensor("lstm.bias_ih", "bias", "4", "LSTM"),
]
HEAD = [*layer("head", "3x4"), tensor("head.bias", "bias", "3")]
LONE = [tensor("shift.bias", "bias", "5", "Shift")]


def test_weights_stand_for_a_layer_and_biases_only_where_there_is_nothing_else() -> None:
    rows = layer_rows([*LSTM, HEAD[0], HEAD[2], *LONE, tensor("none.weight", "matrix", "0x3")])
    assert rows.layers == ("lstm", "head", "shift")
    assert rows.names == ["lstm.weight_ih", "lstm.weight_hh", "head.weight", "shift.bias"]
    assert rows.starts.tolist() == [0, 2, 3]


def test_the_rms_is_that_of_all_elements_together(tmp_path: Path) -> None:
    draws = np.random.default_rng(0)
    first, second = draws.normal(1, 2, 8), draws.normal(-3, 0.5, 16)
    told = {
        name: {"mean": values.mean(), "std": values.std()}
        for name, values in (("lstm.weight_ih", first), ("lstm.weight_hh", second))
    }
    run = written(tmp_path, [*LSTM, *HEAD], {"weights": {**told, "head.weight": {"std": 2.0}}})
    found = layer_rows([*LSTM, HEAD[0]]).rms(run, "weights")
    whole = np.sqrt(np.mean(np.concatenate([first, second]) ** 2))
    np.testing.assert_allclose(found, np.tile([whole, 2.0], (10, 1)), rtol=1e-6)


def test_a_tensor_without_rows_counts_for_nothing(tmp_path: Path) -> None:
    run = written(tmp_path, [*LSTM, *HEAD], {"weights": {"lstm.weight_hh": {"std": 3.0}}})
    found = layer_rows([*LSTM, HEAD[0]]).rms(run, "weights")
    np.testing.assert_allclose(found[:, 0], 3.0)
    assert np.isnan(found[:, 1]).all()


def test_one_bad_element_makes_a_layer_unsound(tmp_path: Path) -> None:
    bad = {"nan": [0, 1, 0], "posinf": [0, 0, 0], "neginf": [0, 0, 2]}
    tensors = {"lstm.weight_ih": {}, "lstm.weight_hh": {k: np.array(v) for k, v in bad.items()}}
    run = written(tmp_path, LSTM, {"weights": tensors}, steps=(1, 2, 3))
    assert layer_rows(LSTM).unsound(run, "weights")[:, 0].tolist() == [False, True, True]
    assert unsound(run, "weights", ["lstm.weight_hh"])[:, 0].tolist() == [0, 1, 2]
