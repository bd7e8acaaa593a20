"""Dead and saturated units of recordings whose shares are known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from diagnostics.activation_health import ActivationHealth, activation_health
from diagnostics.run import FathomError
from diagnostics.store import load, save
from tests.diagnostics.written import tensor, written

RELU = tensor("1", "output", "16x4", "ReLU")
TANH = tensor("3", "output", "16x4", "Tanh")
LINEAR = tensor("0", "output", "16x4", "Linear")
COUNTS = [  # [look, unit, (fired, looked at)]
    [[3, 16], [0, 16], [5, 16], [1, 16]],
    [[0, 16], [0, 16], [0, 16], [2, 16]],
]
FIRED = {"firing/1": ("", (3, 6), COUNTS)}


def test_units_that_never_fired_from_their_count_on(tmp_path: Path) -> None:
    zeros = np.array([50.0] * 8 + [100.0, 50.0])  # at step 9 nothing but zeros
    series = {"activations": {"0": {}, "1": {"zeros": zeros}}}
    found = activation_health(written(tmp_path, [LINEAR, RELU], series, arrays=FIRED))
    assert (found.rectifiers, found.bounded) == (("1",), ())
    expected = [np.nan] * 2 + [0.25] * 3 + [0.75] * 3 + [1.0, 0.75]
    np.testing.assert_allclose(found.dead[:, 0], expected)
    assert found.looks.tolist() == [3, 6]


def test_outputs_near_either_limit_count(tmp_path: Path) -> None:
    low = np.linspace(0, 90, 10)
    series = {"activations": {"3": {"low": low, "high": np.full(10, 10.0)}}}
    run = written(tmp_path, [TANH], series)
    found = activation_health(run)
    np.testing.assert_allclose(found.saturated[:, 0], (low + 10) / 100, rtol=1e-6)
    save(run.path, found)
    np.testing.assert_array_equal(load(run.path, ActivationHealth).saturated, found.saturated)


def test_says_why_there_is_nothing_to_see(tmp_path: Path) -> None:
    run = written(tmp_path, [LINEAR], {"activations": {"0": {}}})
    with pytest.raises(FathomError, match=r"no module is a rectifier.*\(Linear\)"):
        activation_health(run)


def test_says_which_probe_is_missing(tmp_path: Path) -> None:
    run = written(tmp_path, [LINEAR], {"weights": {"0": {}}})
    with pytest.raises(FathomError, match=r"it has: weights.*probes\.Activations\(\)"):
        activation_health(run)
