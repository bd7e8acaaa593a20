import math

import numpy as np
import pytest

from diagnostics.mode_times import even_steps, leading_modes, mode_times


def test_steps_lie_evenly_on_a_log_scale_with_both_ends():
    for first, last in ((0, 1), (3, 3), (1, 10_000)):
        steps = even_steps(first, last)
        assert (steps[0], steps[-1]) == (first, last)
        assert (np.diff(steps) > 0).all()
    since = even_steps(7, 100_007) - 7 + 1
    late = since[since > 200]
    assert np.diff(np.log(late)) == pytest.approx(math.log(1e5) / 239, rel=0.06)


def test_leading_modes_hold_most_of_what_is_to_be_learnt():
    share = np.array([0.1, 0.0, 0.4, 0.2, 0.3])
    assert leading_modes(share, resolved=4, most=2).tolist() == [2, 3]  # the last is rounding
    assert leading_modes(share, resolved=2).tolist() == [0]


def test_times_are_those_of_the_curves():
    """(1 - rate)^t is a half first at the ceiling of log ½ / log(1 - rate)."""
    rates, steps, grid = np.array([0.3, 0.02, 1e-4]), np.arange(0, 101, 10), even_steps(0, 100)
    learnt, expected = (1 - (1 - rates) ** at[:, None] for at in (steps, grid))
    found = mode_times(steps, learnt, np.array([0, 2]), grid, expected)
    exact = np.log(0.5) / np.log(1 - rates)
    assert found.predicted.step[0] == math.ceil(exact[0])
    assert found.predicted.between[1] == pytest.approx(exact[1], rel=0.01)
    assert found.measured.before[1] < exact[1] < found.measured.step[1]
    assert np.isinf(found.measured.step[2])
    assert np.isinf(found.predicted.step[2])
    np.testing.assert_array_equal(found.expected, expected[:, [0, 2]])
