from __future__ import annotations

import numpy as np
import pytest

from diagnostics.signs.dive import FEW, dives
from diagnostics.signs.learning import learning
from tests.diagnostics.written import written


def dive(tmp_path, losses):
    progress = learning(written(tmp_path, scalars={"loss": losses}))
    assert progress is not None
    return dives(progress)


def test_a_straight_fall_keeps_its_pace(tmp_path):
    found = dive(tmp_path, np.linspace(1.0, -9.0, 401))
    assert found is not None
    assert found.pace == pytest.approx(1.0, abs=0.1)


def test_depth_is_in_units_of_the_beginning(tmp_path):
    """1 - 10 t³: flat at first, so that there is no noise; its last quarter falls 1.95 times."""
    found = dive(tmp_path, 1 - 10 * np.linspace(0, 1, 2001) ** 3)
    assert found is not None
    assert found.depth == pytest.approx(10 * 0.95**3 - 1, rel=0.02)  # the last tenth's median
    assert found.pace == pytest.approx((1 - 0.75**3) / (0.75**3 - 0.5**3), rel=0.1)


def test_noise_about_zero_is_no_depth(tmp_path):
    noise = np.random.default_rng(0).standard_normal(400)
    found = dive(tmp_path, noise - np.linspace(0, 2, 400))
    assert found is not None
    assert found.depth < 0.5


def test_a_fall_that_ends_slows_down(tmp_path):
    found = dive(tmp_path, 2 * np.exp(-np.linspace(0, 8, 400)) - 1)
    assert found is not None
    assert found.pace == pytest.approx(np.exp(-2), rel=0.3)


def test_a_loss_above_zero_does_not_dive(tmp_path):
    assert dive(tmp_path, np.linspace(9.0, 0.1, 100)) is None


def test_one_that_rises_again_does_not_dive(tmp_path):
    fall, rise = np.linspace(1.0, -5.0, 60), np.linspace(-5.0, -2.0, 40)
    assert dive(tmp_path, [*fall, *rise]) is None


def test_too_few_values_tell_nothing(tmp_path):
    assert dive(tmp_path, np.linspace(1.0, -9.0, FEW - 1)) is None
