"""Coverage by level against its closed form, and the truth's place in its forecast."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom, norm

from dashboard.scores.intervals import at_level, curve_traces, pit_traces
from dashboard.theme import palette
from tests.dashboard.scores.samples import regression

COLOURS = palette("light")


@pytest.mark.parametrize("k", [0.5, 1.0, 2.0])
def test_intervals_k_times_too_wide_hold_what_normal_ones_do(k: float) -> None:
    """2 Phi(k z) - 1, within the band that is drawn around what was seen."""
    found = regression(k, examples=4000)
    chance, _, band, own, one = curve_traces(found.curve, COLOURS)
    exact = 2 * norm.cdf(k * norm.ppf((1 + own["x"]) / 2)) - 1
    count = len(own["x"])
    high, low = band["y"][:count], band["y"][count:][::-1]
    assert ((low <= exact) & (exact <= high)).mean() > 0.8
    np.testing.assert_allclose(own["y"], exact, atol=0.035)
    assert one["y"][0] == found.curve.observed[at_level(found.curve)]
    assert one["x"][0] == pytest.approx(0.9)
    assert f"hold {one['y'][0]:.1%}" in one["text"][1]
    edges = binom.ppf(0.975, 4000, own["x"]) / 4000
    np.testing.assert_allclose(chance["y"][:count], edges)


@pytest.mark.parametrize(("k", "corner"), [(0.1, (0.02, 0.95)), (3.0, (0.98, 0.05))])
def test_the_words_are_in_the_corner_that_the_curve_is_far_from(
    k: float, corner: tuple[float, float]
) -> None:
    *_, own, one = curve_traces(regression(k).curve, COLOURS)
    assert (one["x"][1], one["y"][1]) == corner
    beside = np.abs(own["x"] - corner[0]) < 0.4
    assert np.abs(own["y"][beside] - corner[1]).min() > 0.2


def test_bars_are_where_the_truth_lies_and_those_outside_the_band_stand_out() -> None:
    found = regression(0.5, examples=2000)
    bars, band, even = pit_traces(found.pit, COLOURS)
    y = np.random.default_rng(0).standard_normal(2000)
    places = norm.cdf(y / 0.5)
    np.testing.assert_array_equal(bars["y"], np.histogram(places, 20, (0, 1))[0])
    assert even["y"].tolist() == [100, 100]
    low, high = band["y"].min(), band["y"].max()
    assert (low, high) == tuple(binom.ppf([0.025, 0.975], 2000, 1 / 20))
    outside = (bars["y"] < low) | (bars["y"] > high)
    assert [c == COLOURS.chosen for c in bars["marker"]["color"]] == outside.tolist()
    assert outside[[0, -1]].all()


def test_the_nearest_level_is_told() -> None:
    curve = regression().curve
    assert curve.level[at_level(curve, 0.5)] == pytest.approx(0.5)
