from __future__ import annotations

import numpy as np
import pytest
import torch

from probes.host_moments import HostReducer
from probes.moments import Reducer

SHAPES = [(3, 700), (1, 4096), (20, 1), (2, 10)]
ROWS = sum(rows for rows, _ in SHAPES)
SIZE = sum(rows * width for rows, width in SHAPES)
LIMITS = [(-1.0, 1.0) if row % 3 == 0 else None for row in range(ROWS)]
CPU = torch.device("cpu")


def both(values, limits=LIMITS):
    """By the host's reducer and by the accelerator's."""
    values = torch.from_numpy(values)
    return (
        HostReducer(SHAPES, limits)(values).numpy(),
        Reducer(SHAPES, limits, CPU)(values).numpy(),
    )


def any_bits(seed):
    """Every kind of float32, but for the signalling NaN, which no arithmetic gives."""
    bits = np.random.default_rng(seed).integers(0, 1 << 32, SIZE, np.uint32)
    values = bits.view(np.float32)
    values[np.isnan(values)] = np.nan
    return values


@pytest.mark.parametrize("seed", range(5))
def test_both_reducers_agree_on_any_bits(seed):
    host, accelerator = both(any_bits(seed))
    assert host[:, 1].sum() > 0
    np.testing.assert_allclose(host, accelerator, rtol=1e-6)


@pytest.mark.parametrize("scale", [1e-42, 1e-30, 1.0, 1e30])
@pytest.mark.parametrize("limits", [LIMITS, [None] * ROWS], ids=["limits", "none"])
def test_both_reducers_agree_where_all_is_finite(scale, limits):
    values = np.random.default_rng(7).normal(0.3, 1, SIZE) * scale
    host, accelerator = both(values.astype(np.float32), limits)
    np.testing.assert_allclose(host, accelerator, rtol=1e-6)


@pytest.mark.parametrize("row", [0, 3, 4, 23])
@pytest.mark.parametrize("value", [np.nan, -np.nan, np.inf, -np.inf])
def test_one_value_that_is_not_finite_is_told_of_its_row_alone(row, value):
    values = np.random.default_rng(8).normal(size=SIZE).astype(np.float32)
    clean, _ = both(values)
    starts = np.cumsum([0, *(width for rows, width in SHAPES for _ in range(rows))])
    values[starts[row]] = value
    host, accelerator = both(values)
    lost = [np.isnan(value), value == np.inf, value == -np.inf]
    assert host[row, 1:4].tolist() == lost
    np.testing.assert_allclose(host, accelerator, rtol=1e-6)
    others = np.arange(ROWS) != row
    np.testing.assert_array_equal(host[others], clean[others])


def test_what_was_reduced_stays_when_the_next_is():
    reducer = HostReducer(SHAPES, LIMITS)
    ones = reducer(torch.ones(SIZE))
    kept = ones.clone()
    reducer(torch.full((SIZE,), torch.nan))
    reducer(torch.randn(SIZE))
    assert torch.equal(ones.nan_to_num(-1), kept.nan_to_num(-1))


@pytest.mark.parametrize("seed", [None, 0])
def test_a_trainer_that_lets_numpy_raise_is_not_disturbed(seed):
    tiny = np.full(SIZE, 1e-40, np.float32)
    values = tiny if seed is None else any_bits(seed)
    usual, _ = both(values)
    with np.errstate(all="raise"):
        host = HostReducer(SHAPES, LIMITS)(torch.from_numpy(values)).numpy()
    np.testing.assert_array_equal(host, usual)
