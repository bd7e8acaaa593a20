from __future__ import annotations

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view

from diagnostics.signs.spikes import APART, FAR, SEVERAL, WINDOW, spikes
from tests.diagnostics.written import written


def noisy(length=200):
    return 2.0 + 0.05 * np.random.default_rng(0).standard_normal(length)


def test_a_jump_is_found_where_it_is_and_as_high_as_it_is(tmp_path):
    losses = noisy()
    losses[120] = 12.0
    found = spikes(written(tmp_path, scalars={"loss": losses}))
    assert found is not None
    assert found.steps.tolist() == [121]
    before, begin = np.median(losses[80:120]), np.median(losses[:3])
    assert found.heights == pytest.approx([(12 - before) / begin], rel=1e-4)


def test_two_jumps_at_once_are_one(tmp_path):
    losses = noisy()
    losses[[100, 100 + APART, 100 + 3 * APART]] = 12.0
    found = spikes(written(tmp_path, scalars={"loss": losses}))
    assert found is not None
    assert found.steps.tolist() == [101, 101 + 3 * APART]


def test_noise_and_a_rise_by_degrees_are_no_jumps(tmp_path):
    for name, losses in {"noise": noisy(), "rise": noisy() * np.linspace(1, 8, 200)}.items():
        found = spikes(written(tmp_path / name, scalars={"loss": losses}))
        assert found is not None
        assert len(found.steps) == 0


def test_too_few_values_tell_nothing(tmp_path):
    assert spikes(written(tmp_path, scalars={"loss": noisy(WINDOW)})) is None


@pytest.mark.parametrize("seed", range(12))
def test_it_is_what_every_window_says(tmp_path, seed):
    drawn = np.random.default_rng(seed)
    losses = drawn.lognormal(0, (0.3, 1.0, 2.0)[seed % 3], 400) - seed % 2
    for value in (np.nan, np.inf, -np.inf)[: seed % 4]:
        losses[drawn.integers(10, 400, 5)] = value
    losses = losses.astype(np.float32).astype(float)
    jumps = []
    for place, window in enumerate(sliding_window_view(losses, WINDOW)[:-1], start=WINDOW):
        if np.isnan(window).any():
            continue
        with np.errstate(invalid="ignore"):
            middle = np.median(window)
            spread = np.median(np.abs(window - middle))
        if losses[place] > max(SEVERAL * abs(middle), middle + FAR * spread):
            jumps.append(place)
    apart = [n for n, before in zip(jumps, [-99, *jumps], strict=False) if n - before > APART]
    found = spikes(written(tmp_path, scalars={"loss": losses}))
    assert found is not None
    assert found.steps.tolist() == [place + 1 for place in apart]
