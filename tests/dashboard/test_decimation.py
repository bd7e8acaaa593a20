"""Few points, every extreme, and no end moves while a curve grows."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from dashboard.decimation import extremes, sampled

COLUMNS = 100


def walk(length: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.random.default_rng(3).normal(size=length).cumsum()


def test_the_least_and_the_largest_of_any_stretch_are_kept() -> None:
    steps, values = np.arange(0, 50_000, 5), walk(10_000)
    at, shown = extremes(steps, values, COLUMNS)
    assert len(at) <= 2 * COLUMNS + 2
    np.testing.assert_array_equal(shown, values[at // 5])
    assert (at[0], at[-1]) == (0, 49_995)
    width = 512 * 5  # the first power of two of which there are no more than the columns …
    edges = np.arange(-2.5, 50_000, width / 4)  # … and those that fit: 128 records
    for start, stop in pairwise(edges):
        here, kept = (each[(each >= start) & (each < stop)] for each in (steps, at))
        if len(here):
            inside = values[here // 5]
            assert {inside.min(), inside.max()} <= set(values[kept // 5].tolist())


def test_a_gap_stays_one_however_short() -> None:
    values = walk(10_000)
    values[5_000:6_000], values[2_000], values[3_000] = np.nan, np.inf, np.nan
    at, shown = extremes(np.arange(10_000), values, COLUMNS)
    assert np.isnan(shown[(at >= 5_000) & (at < 6_000)]).all()
    for lone in (2_000, 3_000):
        assert np.isnan(shown[at == lone]).all()
        assert (at == lone).sum() == 1
    assert np.isfinite(shown[(at > 3_000) & (at < 5_000)]).all()


def test_nothing_but_gaps_is_a_gap() -> None:
    at, shown = extremes(np.arange(1_000), np.full(1_000, np.nan), COLUMNS)
    assert np.isnan(shown).all()
    assert (at[0], at[-1]) == (0, 999)


def test_few_records_are_all_there() -> None:
    steps, values = np.array([3, 9, 12]), np.array([1.0, np.inf, 2.0])
    at, shown = extremes(steps, values, COLUMNS)
    np.testing.assert_array_equal(at, steps)
    np.testing.assert_array_equal(shown, [1.0, np.nan, 2.0])
    assert [len(each) for each in extremes(steps[:0], values[:0], COLUMNS)] == [0, 0]


def test_a_curve_that_grows_changes_at_its_end() -> None:
    steps, values = np.arange(10_000), walk(10_000)
    kept = [extremes(steps[:many], values[:many], COLUMNS)[0] for many in range(9_000, 9_100, 7)]
    for before, now in pairwise(kept):
        common = min(len(before), len(now)) - 4
        np.testing.assert_array_equal(before[:common], now[:common])


def test_within_a_span_all_is_as_fine_as_if_it_were_alone() -> None:
    steps, values = np.arange(100_000), walk(100_000)
    at, _ = extremes(steps, values, COLUMNS, span=(40_000.0, 40_150.5))
    inside = at[(at >= 40_000) & (at <= 40_150)]
    np.testing.assert_array_equal(inside, np.arange(40_000, 40_151))
    assert {39_999, 40_151} <= set(at.tolist())  # the line comes in and goes out
    assert len(at) <= 151 + 2 + 2 * COLUMNS + 2


def test_a_span_beyond_the_curve_changes_nothing_of_it() -> None:
    steps, values = np.arange(10_000), walk(10_000)
    for span in ((-500.0, -3.0), (20_000.0, 30_000.0)):
        at, _ = extremes(steps, values, COLUMNS, span)
        assert set(extremes(steps, values, COLUMNS)[0].tolist()) <= set(at.tolist())


def test_a_smooth_curve_needs_one_value_a_column() -> None:
    steps = np.arange(10_000)
    values = np.sin(steps / 1_500)
    values[4_000:4_500], values[7_000] = np.nan, np.nan
    at, shown = sampled(steps, values, COLUMNS)
    assert COLUMNS / 2 <= len(at) <= COLUMNS + 6
    np.testing.assert_array_equal(shown, values[at])
    assert np.isnan(shown[at == 7_000]).all()
    assert np.isnan(shown[(at >= 4_000) & (at < 4_500)]).all()
    there = np.isfinite(shown)
    straight = np.interp(steps, at[there], shown[there])
    assert np.nanmax(np.abs(straight - values)) < 0.01
    within, _ = sampled(steps, values, COLUMNS, span=(100, 150))
    np.testing.assert_array_equal(within[(within >= 100) & (within <= 150)], np.arange(100, 151))
