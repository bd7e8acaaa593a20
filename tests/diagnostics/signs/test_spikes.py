from __future__ import annotations

import numpy as np
import pytest

from diagnostics.signs.spikes import APART, WINDOW, spikes
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
