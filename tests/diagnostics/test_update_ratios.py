"""Ratios against what the optimizer did, and what is said where they are not recorded."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from diagnostics.run import FathomError
from diagnostics.store import load, save
from diagnostics.update_ratios import HIGH, LOW, UpdateRatios, update_ratios
from tests.diagnostics.written import layer, written

TENSORS = [*layer("a", "4x4"), *layer("b", "4x4")]


def rms(sizes: list[float]) -> dict[str, object]:
    return {"mean": 0.0, "std": np.array(sizes)}


def test_update_over_weight_their_median_and_the_rate(tmp_path: Path) -> None:
    series = {
        "weights": {"a.weight": rms([1.0, 2.0]), "b.weight": rms([4.0, 0.0])},
        "updates": {"a.weight": rms([0.1, 0.002]), "b.weight": rms([0.0, 0.5])},
    }
    run = written(tmp_path, TENSORS, series, steps=(1, 2), scalars={"optimizer/0/lr": [0.5, 0.25]})
    found = update_ratios(run)
    assert found.names == ("a.weight", "b.weight")
    np.testing.assert_allclose(found.ratio, [[0.1, 0.0], [0.001, np.nan]], rtol=1e-6)
    np.testing.assert_allclose(found.median, [0.05, 0.001], rtol=1e-6)
    np.testing.assert_allclose(found.rate, [0.5, 0.25])
    assert (found.low, found.high) == (LOW, HIGH)
    save(run.path, found)
    np.testing.assert_array_equal(load(run.path, UpdateRatios).ratio, found.ratio)


def test_says_which_probe_is_missing(tmp_path: Path) -> None:
    run = written(tmp_path, TENSORS, {"weights": {"a.weight": {}}})
    with pytest.raises(FathomError, match=r"no series 'updates'.*add probes\.Updates\(\)"):
        update_ratios(run)


def test_a_model_without_matrices_has_none(tmp_path: Path) -> None:
    bias = [t for t in TENSORS if t.role == "output"][:1]
    run = written(tmp_path, bias, {"weights": {"a": {}}, "updates": {"a": {}}})
    with pytest.raises(FathomError, match="no weight matrix"):
        update_ratios(run)
