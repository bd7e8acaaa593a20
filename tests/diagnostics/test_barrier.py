import numpy as np
import pytest

from diagnostics.barrier import barrier


def test_a_barrier_is_over_the_line_between_the_ends():
    t = np.linspace(0, 1, 5)
    assert barrier(t, np.array([1.0, 2, 5, 3, 3])) == 3
    assert barrier(t, 1 + 2 * t) == pytest.approx(0)
    assert barrier(t, np.array([1.0, np.nan, 1, 1, 1])) == np.inf


@pytest.mark.parametrize("hole", [np.nan, np.inf])
def test_an_end_without_a_loss_is_a_barrier_without_end(hole):
    t = np.linspace(0, 1, 3)
    assert barrier(t, np.array([hole, 1, 2])) == barrier(t, np.array([1, 2, hole])) == np.inf
