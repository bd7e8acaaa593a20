import numpy as np
import pytest
from scipy.stats import linregress, spearmanr

from diagnostics.learning_order import learning_order, reached, verdict_of

STEPS = np.array([1, 2, 4, 8, 16])


def at(times, before=None):
    """A record of these times, from 100 steps before each; infinity: never."""
    times = np.asarray(times, float)
    before = times - 100 if before is None else np.asarray(before, float)
    found = reached(np.array([0, 1]), np.tile([[0.0], [1.0]], len(times)), 0.5)
    before = np.where(np.isfinite(times), before, np.nan)
    lost = np.zeros(len(times))
    return type(found)(0.5, times, before, np.where(np.isfinite(times), times, np.inf), lost)


def curve(*values):
    return np.array(values)[:, None]


def test_a_level_is_reached_at_the_first_record_there_and_between_it_and_the_one_before():
    found = reached(STEPS, curve(0.0, 0.2, 0.6, 0.8, 1.2), 0.5)
    assert (found.step[0], found.before[0], found.lost[0]) == (4, 2, 0)
    assert found.between[0] == pytest.approx(2 + 2 * (0.5 - 0.2) / 0.4)


def test_a_level_that_is_met_exactly_is_reached():
    found = reached(STEPS, curve(0.0, 0.5, 0.6, 0.8, 1.2), 0.5)
    assert (found.step[0], found.between[0]) == (2, 2)


def test_what_was_lost_again_is_told():
    found = reached(STEPS, curve(0.0, 0.6, 0.4, 0.8, 0.1), 0.5)
    assert (found.step[0], found.lost[0]) == (2, pytest.approx(2 / 3))


def test_at_the_first_record_there_is_none_before():
    found = reached(STEPS, curve(0.9, 0.9, 0.9, 0.9, 0.9), 0.5)
    assert (found.step[0], found.between[0]) == (1, 1)
    assert np.isnan(found.before[0])


def test_never_and_unknown_are_not_the_same():
    found = reached(STEPS, np.stack([np.full(5, 0.1), np.full(5, np.nan)], 1), 0.5)
    assert found.step[0] == np.inf
    assert np.isnan(found.step[1])
    assert np.isnan(found.lost).all()


def test_what_ends_in_nan_counts_as_lost():
    found = reached(STEPS, curve(0.0, 0.6, 0.7, np.nan, np.nan), 0.5)
    assert (found.step[0], found.lost[0]) == (2, pytest.approx(2 / 3))


# First iterations with half of k = 5, 10, …, 50 learnt, of Rahaman et al.'s experiment 1.
EQUAL = [200, 500, 4500, 3500, 7000, 7500, 7500, 18200, 10800, np.inf]
RISING = [500, 2000, 3500, 4900, 6800, 10800, 15900, np.inf, np.inf, np.inf]


@pytest.mark.parametrize(("times", "rho"), [(EQUAL, 0.973), (RISING, 0.988)])
def test_spearman_of_the_reference_results(times, rho):
    k = np.arange(5.0, 55, 5)
    order = learning_order(k, at(times))
    finite = np.where(np.isfinite(times), times, 1e9)
    assert order.spearman == pytest.approx(rho, abs=5e-4)
    assert order.spearman == pytest.approx(spearmanr(k, finite).statistic)
    assert order.low <= order.spearman <= order.high
    assert order.low > 0.8
    assert not order.counted
    assert order.chance < 1e-3
    assert verdict_of(order, at(times))[0] == "low first"


@pytest.mark.parametrize("n", [3, 4, 5, 6])
def test_a_perfect_order_has_the_chance_of_two_in_all_orders(n):
    k = np.arange(1.0, n + 1)
    order = learning_order(k, at(1000 * k))
    assert order.counted
    assert order.chance == pytest.approx(2 / np.prod(k))
    verdict = "low first" if n >= 5 else "cannot tell"
    assert verdict_of(order, at(1000 * k))[0] == verdict
    assert verdict_of(learning_order(k, at(1000 * k[::-1])), at(1000 * k[::-1]))[0] == (
        "high first" if n >= 5 else "cannot tell"
    )


def test_of_random_orders_one_in_twenty_is_called_a_bias():
    rng, k, calls = np.random.default_rng(0), np.arange(1.0, 7), 0
    for _ in range(200):
        times = 1000 * rng.permutation(6) + 1000
        calls += verdict_of(learning_order(k, at(times)), at(times))[0] != "cannot tell"
    # Of 720 orders those of a chance up to .05 are called: their share is under .05
    assert calls <= 200 * 0.05 + 4 * np.sqrt(200 * 0.05 * 0.95)


@pytest.mark.parametrize("power", [2.0, 0.5, -1.0])
def test_the_exponent_of_k_is_that_of_a_line_through_the_logarithms(power):
    rng, k = np.random.default_rng(0), np.arange(1.0, 11)
    times = 1e4 * k**power * np.exp(0.1 * rng.normal(size=10))
    order = learning_order(k, at(times))
    expected = linregress(np.log(k), np.log(times))
    assert order.exponent == pytest.approx(expected.slope)
    assert order.exponent_error == pytest.approx(expected.stderr)
    assert abs(order.exponent - power) < 4 * order.exponent_error
    times[[2, 7]] = np.inf  # what was never learnt is not on the line
    there = np.isfinite(times)
    expected = linregress(np.log(k[there]), np.log(times[there]))
    assert learning_order(k, at(times)).exponent == pytest.approx(expected.slope)


def test_the_same_time_for_all_is_no_bias_where_records_are_close():
    k, times = np.arange(1.0, 7), np.full(6, 20.0)
    found = at(times, times - 1)
    assert np.isnan(learning_order(k, found).spearman)
    assert verdict_of(learning_order(k, found), found)[0] == "no bias"
    apart = at(times, times / 4)
    verdict, why = verdict_of(learning_order(k, apart), apart)
    assert verdict == "cannot tell"
    assert "record more often" in why


def test_times_that_hardly_differ_and_in_no_order_are_no_bias():
    k, times = np.arange(1.0, 9), np.array([1010, 1000, 1020, 990, 1000, 1015, 995, 1005])
    found = at(times)
    verdict, why = verdict_of(learning_order(k, found), found)
    assert verdict == "no bias"
    assert "k^-0.00" in why


@pytest.mark.parametrize(
    ("times", "why"),
    [
        ([100], "the target has 1 frequency to compare"),
        ([100, 200], "2 frequencies"),
        ([np.inf] * 6, "train longer"),
        ([900, 100, 4000, 30, 70, 500], "too near to chance"),
    ],
)
def test_what_cannot_be_told_is_said(times, why):
    k = np.arange(1.0, len(times) + 1)
    verdict, said = verdict_of(learning_order(k, at(times)), at(times))
    assert verdict == "cannot tell"
    assert why in said


def test_what_was_learnt_before_the_first_record_cannot_be_told():
    found = at(np.full(6, 100.0), np.full(6, np.nan))
    verdict, why = verdict_of(learning_order(np.arange(1.0, 7), found), found)
    assert verdict == "cannot tell"
    assert "before the first record" in why


def test_frequencies_that_the_target_lacks_are_left_out():
    k = np.arange(1.0, 8)
    times = 1000 * k
    times[3] = np.nan
    order = learning_order(k, at(times))
    assert (order.told, order.learnt, order.spearman) == (6, 6, 1)


def test_the_interval_holds_what_records_leave_open():
    """Times that may lie anywhere between two far records: all orders stay possible."""
    k, times = np.arange(1.0, 7), np.array([1000.0, 1001, 1002, 1003, 1004, 1005])
    wide = learning_order(k, at(times, np.zeros(6)))
    assert (wide.spearman, wide.low < 0 < wide.high) == (1, True)
    close = learning_order(k, at(times, times - 0.5))
    assert close.low == close.high == 1


def test_times_from_before_the_first_record_have_no_exponent():
    k = np.array([1.0, 2, 4, 8])
    found = learning_order(k, reached(np.array([100, 200]), np.ones((2, 4)), 0.5))
    assert np.isnan([found.exponent, found.exponent_error]).all()
    ratio = (np.arange(6)[:, None] > np.array([-1, 1, 2, 4])).astype(float)  # 1 at once
    steps = 2 ** np.arange(6)
    late = reached(steps, ratio, 1.0)
    assert learning_order(k, late).exponent == pytest.approx(
        np.polyfit(np.log(k[1:]), np.log(late.step[1:]), 1)[0]
    )
