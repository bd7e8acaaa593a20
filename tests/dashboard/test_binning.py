"""Bins are equal, never empty, and hide no extreme."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from dashboard.binning import Bins, StepAxis, equal_bins, largest, rounded, short, step_axis


def test_even_steps_keep_one_bin_each() -> None:
    bins = equal_bins(np.arange(0.0, 50.0, 10.0), most=400)
    assert (bins.start, bins.width) == (0, 10)
    assert bins.members == ((0, 1), (1, 2), (2, 3), (3, 4), (4, 5))


def grown(places: Any, most: int, first: int) -> list[Bins]:
    """The bins of a run after each of its records."""
    return [equal_bins(places[:many], most) for many in range(first, len(places) + 1)]


EVERY_TEN = np.arange(1.0, 20_000.0, 10.0)
UNEVEN = np.cumsum(np.random.default_rng(0).choice([10, 10, 20, 30], 2000)).astype(float)
DECADES = np.log10(np.arange(1, 2001))


@pytest.mark.parametrize("places", [EVERY_TEN, UNEVEN, DECADES])
def test_a_run_that_grows_changes_its_last_bin_and_appends(places: Any) -> None:
    found = grown(places, most=100, first=200)
    moved = 0
    for before, now in pairwise(found):
        if before.width != now.width:
            moved += 1
            assert now.width == 2 * before.width
            continue
        assert now.start == before.start
        assert now.members[: len(before.members) - 1] == before.members[:-1]
    assert moved <= 5
    assert all(50 <= len(each.members) <= 100 for each in found)


@pytest.mark.parametrize(("places", "unit"), [(EVERY_TEN, 10), (UNEVEN, 10), (DECADES, 1)])
def test_a_bin_is_a_power_of_two_wide(places: Any, unit: float) -> None:
    for each in grown(places, most=100, first=1990):
        assert np.log2(each.width / unit) == round(np.log2(each.width / unit))


def test_records_out_of_order_still_have_their_bins() -> None:
    bins = equal_bins(np.array([1.0, 2.0, 3.0, 3.0, 4.0]), most=10)
    assert (bins.start, bins.width, len(bins.members)) == (1, 1, 4)


def test_every_record_is_in_a_bin_and_no_bin_is_empty() -> None:
    places = np.sort(np.random.default_rng(0).uniform(0, 100, 1000))
    bins = equal_bins(places, most=300)
    seen = {record for start, stop in bins.members for record in range(start, stop)}
    assert seen == set(range(1000))
    assert all(start < stop for start, stop in bins.members)


def test_an_empty_bin_shows_the_nearest_record() -> None:
    bins = equal_bins(np.array([0.0, 1.0, 9.0, 10.0]), most=11)
    assert bins.members[3] == (1, 2)
    assert bins.members[7] == (2, 3)


def test_infinity_wins_and_nan_loses() -> None:
    values = np.array([[1.0, np.nan], [np.inf, np.nan], [5.0, 2.0], [np.nan, np.nan]])
    found, records = largest(values, equal_bins(np.array([0.0, 0.1, 0.2, 9.0]), most=2))
    np.testing.assert_array_equal(found, [[np.inf, 2.0], [np.nan, np.nan]])
    assert records[0].tolist() == [1, 2]


def test_three_digits_fill_half_the_bytes() -> None:
    values = np.array([-3.14159, 0.0123456, np.nan, np.inf, 0.0])
    found = rounded(values)
    np.testing.assert_allclose(found, values, rtol=5e-4)
    np.testing.assert_array_equal(found, found.astype(np.float16))
    assert rounded(np.array([1e9]))[0] == np.inf


def test_step_zero_has_a_place_on_a_log_axis() -> None:
    axis = step_axis(np.array([0, 1, 2, 4, 8, 16, 1000]))
    assert axis == StepAxis(log=True, shift=1)
    assert axis.ticks(1000)[1] == ["0", "1", "10", "100", "1k"]


@pytest.mark.parametrize("steps", [[5], [0, 1], list(range(0, 1000, 7))])
def test_even_steps_stay_linear(steps: list[int]) -> None:
    assert not step_axis(np.array(steps)).log


def test_short_steps() -> None:
    assert [short(step) for step in (0, 999, 1000, 2500, 3_000_000)] == [
        "0",
        "999",
        "1k",
        "2500",
        "3M",
    ]
