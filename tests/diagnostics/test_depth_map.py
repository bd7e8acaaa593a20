"""Each quantity against its definition; what was not recorded, or says nothing, is not offered."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from torch import nn

from diagnostics.depth_map import DepthMap, depth_map
from diagnostics.run import FathomError, Run
from diagnostics.store import load, save
from tests.diagnostics.written import layer, tensor, written
from tests.trainings import deep, record

TENSORS = [
    *layer("a", "4x4"),
    *layer("b", "4x2", "Tanh"),
    tensor("a.weight:exp_avg", "state", "4x4"),
]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, DepthMap]:
    path = record(tmp_path_factory.mktemp("d") / "run", deep(nn.ReLU, depth=3), steps=12)
    run = Run(path)
    return run, depth_map(run)


def test_a_real_recording_offers_every_quantity_it_has(recorded: tuple[Run, DepthMap]) -> None:
    names = [each.name for each in recorded[1].quantities]
    assert names[:3] == ["output std", "output mean", "output max"]
    assert {"zeros", "output gradient", "gradient", "weight", "update ratio"} <= set(names)
    assert "not finite" not in names  # there was none
    assert "saturated" not in names  # no function has two limits
    for each in recorded[1].quantities:
        assert each.values.shape == (len(each.steps), len(each.layers))
        assert each.about


def test_rows_are_in_the_order_of_the_forward_pass(recorded: tuple[Run, DepthMap]) -> None:
    assert recorded[1].quantity("output std").layers == tuple(str(n) for n in range(7))
    assert recorded[1].quantity("gradient").layers == ("0", "2", "4", "6")


def test_what_the_weights_are_is_what_was_recorded(recorded: tuple[Run, DepthMap]) -> None:
    run, found = recorded
    weight = found.quantity("weight").values[:, 0]
    mean, std = (run.column("weights", kind, ["0.weight"])[:, 0] for kind in ("mean", "std"))
    np.testing.assert_allclose(weight, np.sqrt(mean**2 + std**2), rtol=1e-6)
    norm = run.column("gradients", "norm", ["0.weight"])[:, 0]
    np.testing.assert_allclose(found.quantity("gradient").values[:, 0], norm / 16, rtol=1e-6)


def series(**outputs: object) -> dict[str, object]:
    told = {"mean": -0.5, "std": 2.0, "min": -7.0, "max": 3.0, "zeros": 25.0}
    return {
        "activations": {"a": {**told, **outputs}, "b": {"low": 10.0, "high": 30.0}},
        "weights": {"a.weight": {"mean": 3.0, "std": 4.0}, "b.weight": {"mean": 0.0, "std": 0.0}},
        "updates": {"a.weight": {"mean": 0.0, "std": 0.05}, "b.weight": {}},
        "optimizer_state": {"a.weight:exp_avg": {"mean": 0.3, "std": 0.4}},
    }


def test_each_quantity_by_its_definition(tmp_path: Path) -> None:
    found = depth_map(written(tmp_path, TENSORS, series()))  # type: ignore[arg-type]
    first = {each.name: each.values[0, 0] for each in found.quantities}
    assert first == pytest.approx(
        {
            "output std": 2.0,
            "output mean": -0.5,
            "output max": 7.0,
            "zeros": 0.25,
            "saturated": 0.4,
            "weight": 5.0,
            "update ratio": 0.01,
            "exp_avg": 0.5,
        }
    )
    assert np.isnan(found.quantity("update ratio").values[:, 1]).all()  # nothing to move
    assert found.quantity("saturated").layers == ("b",)


def test_what_held_a_nan_is_infinite_and_counted(tmp_path: Path) -> None:
    bad = series(nan=np.array([0, 0, 3]), posinf=np.array([0, 2, 0]))
    run = written(tmp_path, TENSORS, bad, steps=(1, 2, 3))  # type: ignore[arg-type]
    found = depth_map(run)
    assert np.isinf(found.quantity("output std").values[:, 0]).tolist() == [False, True, True]
    assert found.quantity("not finite").values[:, 0].tolist() == [0, 2, 3]
    assert not np.isinf(found.quantity("weight").values).any()


def test_a_layer_that_comes_late_is_not_there_before(tmp_path: Path) -> None:
    late = series(count=np.array([0, 100.0]), std=np.array([np.nan, 2.0]))
    run = written(tmp_path, TENSORS, late, steps=(1, 2))  # type: ignore[arg-type]
    assert np.isnan(depth_map(run).quantity("output std").values[:, 0]).tolist() == [True, False]


def test_it_round_trips(recorded: tuple[Run, DepthMap]) -> None:
    run, found = recorded
    save(run.path, found)
    kept = load(run.path, DepthMap)
    assert [each.name for each in kept.quantities] == [each.name for each in found.quantities]
    np.testing.assert_array_equal(kept.quantities[0].values, found.quantities[0].values)


def test_says_what_there_is(tmp_path: Path, recorded: tuple[Run, DepthMap]) -> None:
    with pytest.raises(FathomError, match=r"no quantity 'colour' .*output std, output mean"):
        recorded[1].quantity("colour")
    with pytest.raises(FathomError, match=r"no layer was looked at.*probes\.Activations"):
        depth_map(written(tmp_path, TENSORS))
