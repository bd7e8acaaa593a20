from __future__ import annotations

import numpy as np
import pytest

from diagnostics import Run
from diagnostics.signs.movement import movement, rate, setting
from tests.diagnostics.written import tensor, written
from tests.trainings import record

TENSORS = [
    tensor("a.weight", "matrix", "4x4", trainable=True),
    tensor("a.bias", "bias", "4", trainable=True),
    tensor("frozen.weight", "matrix", "4x4", trainable=False),
]


def test_a_ratio_is_of_rms(tmp_path):
    series = {
        "weights": {"a.weight": {"mean": 3.0, "std": 4.0}, "a.bias": {}, "frozen.weight": {}},
        "updates": {"a.weight": {"mean": 0.6, "std": 0.8}, "a.bias": {}},
    }
    found = movement(written(tmp_path, TENSORS, series))
    assert found is not None
    assert found.names == ("a.weight",)
    assert found.ratio == pytest.approx(np.full((10, 1), 0.2))
    assert np.isnan(found.rate).all()


def test_weights_of_zero_have_no_ratio(tmp_path):
    series = {"weights": {"a.weight": {"std": 0.0}}, "updates": {"a.weight": {}}}
    found = movement(written(tmp_path, TENSORS, series))
    assert found is not None
    assert np.isnan(found.ratio).all()


def test_a_rate_holds_until_the_next(tmp_path):
    run = written(tmp_path, scalars={"optimizer/0/lr": [0.1, 0.2]})
    assert rate(run, np.array([0, 1, 2, 9])).tolist() == pytest.approx(
        [np.nan, 0.1, 0.2, 0.2], nan_ok=True
    )


def test_settings_are_first_and_last_of_each_group(tmp_path):
    told = {"optimizer/0/eps": [1e-8], "optimizer/1/eps": [1e-4, 1e-2], "optimizer/1/lr": [1.0]}
    assert setting(written(tmp_path, scalars=told), "eps") == {"0": (1e-8, 1e-8), "1": (1e-4, 1e-2)}


def test_without_updates_there_is_none(tmp_path):
    assert movement(written(tmp_path, TENSORS, {"weights": {"a.weight": {}}})) is None


def test_a_first_step_is_rate_times_gradient(tmp_path):
    run = Run(record(tmp_path / "run", steps=4, rate=0.1))
    found = movement(run)
    assert found is not None
    assert found.rate.tolist() == pytest.approx([0.1] * len(found.steps))
    sizes = np.array([run.parameters[name].size for name in found.names])
    norms = run.column("gradients", "norm", list(found.names)) / np.sqrt(sizes)
    assert found.update[0] == pytest.approx(0.1 * norms[0], rel=1e-3)  # momentum begins at zero
