import numpy as np
import pytest

from diagnostics.curvature_history import edge_of
from diagnostics.descent import Descent, left_after
from diagnostics.descent import stable_limit as limit_of

HOW = {
    "plain": {},
    "heavy ball": {"momentum": 0.9},
    "Nesterov": {"momentum": 0.8, "nesterov": True},
}


@pytest.mark.parametrize("how", HOW)
def test_the_recurrence_is_that_of_the_steps_one_by_one(how):
    """Heavy ball: x(t+1) = (1 + β - lr·c)·x(t) - β·x(t-1)."""
    beta, curvatures, rate = 0.9, np.array([0.0, 0.3, 4.0, 19.0]), 0.15
    found = left_after(curvatures, Descent(rate, beta), np.arange(200))
    now = 1 - rate * curvatures
    before, expected = np.ones(4), [np.ones(4), now]
    for _ in range(198):
        before, now = now, (1 + beta - rate * curvatures) * now - beta * before
        expected.append(now)
    assert found == pytest.approx(np.array(expected), abs=1e-12)


@pytest.mark.parametrize("how", HOW)
def test_up_to_the_limit_it_is_stable(how):
    for share, stable in ((0.999, True), (1.001, False)):
        rate = share * limit_of(3.0, Descent(0.1, **HOW[how]))
        left = left_after(np.array([3.0]), Descent(rate, **HOW[how]), np.array([0, 40_000]))
        assert bool(abs(left[-1, 0]) < 0.1) is stable
    settings = {"lr": np.array([rate])} | {n: np.array([v]) for n, v in HOW[how].items()}
    if how != "plain":
        settings |= {"dampening": np.zeros(1)}
    assert 0.999 * edge_of("SGD", settings).edge[0] == pytest.approx(3.0 * 0.999 / 1.001)


def test_far_beyond_the_limit_nothing_is_said_aloud():
    left = left_after(np.array([1.0, 100.0]), Descent(0.5), np.array([10**6]))
    assert left[0, 0] == 0
    assert not abs(left[0, 1]) < 1e300


@pytest.mark.parametrize("how", HOW)
def test_what_is_seen_late_was_already_on_its_way(how):
    curvatures, rates = np.array([0.5, 3.0]), np.linspace(0.2, 0.1, 40)
    descent = Descent(rates, **HOW[how])
    whole = left_after(curvatures, descent, np.arange(41))
    late = left_after(curvatures, descent, np.arange(31), before=10)
    assert late == pytest.approx(whole[10:] / whole[10], rel=1e-9)
