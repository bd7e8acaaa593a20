from __future__ import annotations

import numpy as np
import pytest

from probes.merging import merged, needed
from probes.recording import STATISTICS
from tests.ranks import counted

AT = {name: n for n, name in enumerate(STATISTICS)}


def looks(parts):
    """Parts as [look, row]: what each look saw of each tensor."""
    rows = [[counted(values) for values in look] for look in parts]
    return (np.array([[pair[n] for pair in look] for look in rows]) for n in (0, 1))


def merge(parts):
    with np.errstate(all="raise"):
        return merged(*looks(parts))


def cut(rng, values, into):
    return np.split(values, np.sort(rng.integers(0, len(values) + 1, into - 1)))


@pytest.mark.parametrize("into", [1, 2, 3, 17])
@pytest.mark.parametrize("centre", [0.0, 300.0, -1e30])
def test_parts_give_what_the_whole_gives(into, centre):
    rng = np.random.default_rng(into)
    wholes = [rng.normal(centre, 1 + abs(centre) / 100, 1000) for _ in range(5)]
    wholes += [np.tanh(rng.normal(0, 2, 400)), np.zeros(7), np.float32([1e-30, -3e-30, 0])]
    statistics, histogram = merge(zip(*(cut(rng, whole, into) for whole in wholes), strict=True))
    for n, whole in enumerate(wholes):
        expected, bins = counted(whole)
        assert statistics[n] == pytest.approx(expected, rel=1e-5, nan_ok=True)
        exact = [AT[name] for name in STATISTICS if name not in ("mean", "std", "norm")]
        np.testing.assert_array_equal(statistics[n, exact], expected[exact])
        np.testing.assert_array_equal(histogram[n], bins)


def test_the_spread_between_the_parts_counts():
    statistics, _ = merge([[[1.0, 1.0, 1.0]], [[4.0]]])
    assert statistics[0, AT["mean"]] == 1.75
    assert statistics[0, AT["std"]] == pytest.approx(np.std([1, 1, 1, 4]))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_counted_and_stays_out_of_the_moments(bad):
    one, other = [1.0, bad, 3.0], [bad, bad]
    statistics, _ = merge([[one], [other]])
    expected, _ = counted(one + other)
    assert statistics[0] == pytest.approx(expected, nan_ok=True)
    assert statistics[0, AT["mean"]] == 2
    assert not np.isfinite(statistics[0, AT["norm"]])


def test_without_a_finite_element_there_are_no_moments():
    statistics, histogram = merge([[[np.nan]], [[np.inf]]])
    found = dict(zip(STATISTICS, statistics[0].tolist(), strict=True))
    assert (found["count"], found["nan"], found["posinf"], found["zeros"]) == (2, 1, 1, 0)
    assert np.isnan([found[name] for name in ("mean", "std", "min", "max")]).all()
    assert not histogram.any()


def test_a_look_that_saw_nothing_adds_nothing():
    rows, bins = looks([[[1.0, -2.0]], [[]], [[3.0]]])
    statistics, histogram = merged(rows, bins)
    assert statistics[0] == pytest.approx(counted([1.0, -2.0, 3.0])[0])
    rows[1] = np.nan  # no row at all
    np.testing.assert_array_equal(merged(rows, bins)[0], statistics)
    np.testing.assert_array_equal(merged(rows, bins)[1], histogram)


def test_where_nobody_looked_nothing_is_known():
    statistics, histogram = merge([[[]], [[]]])
    assert statistics[0, 0] == 0
    assert np.isnan(statistics[0, 1:]).all()
    assert not histogram.any()


@pytest.mark.parametrize("name", ["low", "high", "norm"])
def test_what_one_look_does_not_know_their_sum_does_not_know(name):
    rows, bins = looks([[[1.0]], [[2.0]]])
    rows[1, 0, AT[name]] = np.nan
    found = merged(rows, bins)[0][0]
    assert np.isnan(found[AT[name]])
    assert np.isfinite(np.delete(found, AT[name])).all()


def test_one_look_stays_as_it_is():
    rows, bins = looks([[[1.5, -2.5, np.nan], [], [0.0]]])
    statistics, histogram = merged(rows, bins)
    np.testing.assert_array_equal(statistics, rows[0])
    np.testing.assert_array_equal(histogram, bins[0])
    assert (statistics.dtype, histogram.dtype) == (np.float32, np.uint16)


def test_full_bins_stay_full():
    rows, bins = looks([[[1.0]], [[1.0]]])
    bins[:, 0, 5] = 40_000, 30_000
    bins[:, 0, 6] = 40_000, 25_535
    assert merged(rows, bins)[1][0, 5:7].tolist() == [65_535, 65_535]


def test_a_norm_beyond_the_largest_number_is_infinite():
    rows, bins = looks([[[1.0]], [[1.0]]])
    rows[:, 0, AT["norm"]] = 3e38
    with np.errstate(all="raise"):
        assert merged(rows, bins)[0][0, AT["norm"]] == np.inf


@pytest.mark.parametrize("statistic", STATISTICS)
def test_what_a_statistic_needs_is_enough_for_it(statistic):
    rows, bins = looks([[[1.0, np.inf, -4.0]], [[2.0, np.nan]]])
    others = [AT[name] for name in STATISTICS if name not in needed(statistic)]
    known, expected = rows.copy(), merged(rows, bins)[0]
    known[:, :, others] = np.nan
    with np.errstate(all="raise"):
        found = merged(known, np.zeros((2, 1, 0), np.uint16))[0]
    np.testing.assert_array_equal(found[0, AT[statistic]], expected[0, AT[statistic]])
