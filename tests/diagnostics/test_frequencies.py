import math

import numpy as np
import pytest

from diagnostics.frequencies import (
    amplitudes,
    even_gap,
    magnitude_ratio,
    modes,
    projection_ratio,
    relative_error,
    strongest,
    sums,
    total_variation,
)
from probes.folder import FathomError

N = 256
GRID = np.arange(N) / N


def wave(k, places=GRID, phase=0.0, period=1.0):
    """[example, output]"""
    return np.cos(2 * np.pi * k * places / period + phase)[:, None]


def test_a_wave_of_amplitude_a_has_half_of_it_and_the_fft_agrees():
    rng = np.random.default_rng(0)
    values = rng.normal(size=(3, N, 2))
    k = np.array([1.0, 7.0, 127.0])
    found = modes(GRID, k).coefficients(values)
    expected = np.fft.fft(values, axis=1)[:, k.astype(int)] / N
    np.testing.assert_allclose(found, expected, atol=1e-15)
    assert amplitudes(modes(GRID, [5]).coefficients(3 * wave(5, phase=1.0))) == pytest.approx(3)


@pytest.mark.parametrize("start", [0.0, -3.0, 17.5])
@pytest.mark.parametrize("period", [1.0, 2 * np.pi, 10.0])
def test_a_shift_a_scale_or_an_order_of_the_grid_change_no_ratio(start, period):
    order = np.random.default_rng(1).permutation(N)
    places = (start + GRID * period)[order]
    found = modes(places, [3, 9])
    assert found.kind == "grid"
    assert found.period == pytest.approx(period)
    wanted = wave(3, places, 0.3, period) + wave(9, places, 1.3, period)
    have = 0.25 * wave(3, places, 0.3, period) + 0.5 * wave(9, places, 1.3, period)
    ratio = projection_ratio(found.coefficients(have), found.coefficients(wanted))
    np.testing.assert_allclose(ratio, [0.25, 0.5], atol=1e-12)


@pytest.mark.parametrize(
    ("phase", "ratio", "error"), [(0, 1, 0), (np.pi / 2, 0, math.sqrt(2)), (np.pi, -1, 2)]
)
def test_magnitude_is_blind_to_phase_and_the_others_are_not(phase, ratio, error):
    found = modes(GRID, [11])
    have, wanted = (found.coefficients(wave(11, phase=p)) for p in (phase, 0.0))
    assert magnitude_ratio(have, wanted) == pytest.approx(1, abs=1e-9)
    assert projection_ratio(have, wanted) == pytest.approx(ratio, abs=1e-9)
    assert relative_error(have, wanted) == pytest.approx(error, abs=1e-7)


def test_several_outputs_are_one_vector():
    found = modes(GRID, [4])
    wanted = np.hstack([3 * wave(4), 4 * wave(4, phase=1.0)])
    have = np.hstack([3 * wave(4), 0 * wave(4)])
    have, wanted = found.coefficients(have), found.coefficients(wanted)
    assert projection_ratio(have, wanted) == pytest.approx(9 / 25)
    assert relative_error(have, wanted) == pytest.approx(4 / 5)
    assert magnitude_ratio(have, wanted) == pytest.approx(3 / 5)


def test_a_grid_that_repeats_its_first_point_leaks_where_it_is_summed_and_not_where_it_is_fitted():
    places = np.linspace(0, 1, N)
    values = np.sin(2 * np.pi * 7 * places)[:, None]
    naive = 2 * np.abs(np.fft.fft(values[:, 0])) / N
    assert naive[[7, 8, 12]] == pytest.approx([0.997, 0.030, 0.007], abs=5e-4)
    found = modes(places, [6, 7, 8, 12])
    assert found.kind == "fit"
    assert found.period == pytest.approx(1)
    assert "the last one repeats the first" in found.how
    np.testing.assert_allclose(amplitudes(found.coefficients(values)), [0, 1, 0, 0], atol=1e-12)
    assert strongest(places, values).tolist() == [7]


def test_the_same_points_without_a_whole_span_are_a_grid_of_their_own():
    found = modes(np.linspace(0, 3.7, 200), [2])
    assert found.kind == "grid"
    assert found.period == pytest.approx(3.7 * 200 / 199)


def test_a_wave_beyond_half_of_the_points_looks_like_its_alias():
    found = modes(GRID, [20, 30])
    np.testing.assert_allclose(found.alias, [N - 20, N - 30])
    seen = amplitudes(found.coefficients(wave(N - 20)))
    np.testing.assert_allclose(seen, [1, 0], atol=1e-9)
    with pytest.raises(FathomError, match=r"k = 236 cannot be told from k = 20 on 256 points"):
        modes(GRID, [N - 20])
    with pytest.raises(FathomError, match="below 128"):
        modes(GRID, [128])


def test_waves_that_are_not_whole_are_fitted():
    found = modes(GRID, [2.5, 7.3])
    assert found.kind == "fit"
    assert "whole waves" in found.how
    values = 2.0 + 3 * wave(2.5, phase=0.4) + wave(7.3, phase=2)
    np.testing.assert_allclose(amplitudes(found.coefficients(values)), [3, 1], atol=1e-10)


def test_uneven_places_are_fitted_and_want_a_period():
    places = np.sort(np.random.default_rng(0).uniform(size=60))
    with pytest.raises(FathomError, match="period=…"):
        modes(places, [3])
    found = modes(places, [3, 5], period=1.0)
    assert found.kind == "fit"
    values = 1 + 2 * wave(3, places, 1.0) - wave(5, places)
    expected = np.array([[np.exp(1j)], [-0.5]])  # as 1/N sum f exp(-2 pi i k x) on a grid
    np.testing.assert_allclose(found.coefficients(values), expected, atol=1e-12)


@pytest.mark.parametrize("frequencies", [[3, 3.0001], [*range(1, 40)]])
def test_frequencies_that_the_places_cannot_tell_apart_are_refused(frequencies):
    places = np.random.default_rng(0).uniform(size=60)
    with pytest.raises(FathomError, match="cannot be told apart on 60 places"):
        modes(places, frequencies, period=1.0)


def test_float32_places_are_as_even_as_they_were():
    even = np.arange(200) / 200
    found = modes(even.astype(np.float32).astype(np.float64), np.arange(1, 100))
    assert found.kind == "grid"
    seen = amplitudes(found.coefficients(wave(90, even)))
    assert np.delete(seen, 89).max() < 1e-10


@pytest.mark.parametrize("kind", ["grid", "fit", "sums"])
def test_noise_is_as_large_as_told(kind):
    """S7: E|f^|² = sigma²/n of sums and on a grid; of a fit what its own map makes of noise."""
    rng, n, draws, sigma = np.random.default_rng(0), 200, 4000, 0.7
    places = rng.normal(size=n) if kind != "grid" else np.arange(n) / n
    k = np.array([2.0, 5.0, 9.0])
    found = sums(places, k, 1.0) if kind == "sums" else modes(places, k, 1.0)
    assert found.kind == kind
    noise = sigma * rng.normal(size=(draws, n, 1))
    power = (np.abs(found.coefficients(noise)) ** 2).mean(0)[:, 0]
    floor = found.noise(sigma**2)
    if kind != "fit":
        np.testing.assert_allclose(floor, sigma**2 / n, rtol=0.03)
    # |.|² is at most as wide as a chi-squared of one degree of freedom
    assert np.all(np.abs(power / floor - 1) < 4.5 * math.sqrt(2 / draws))


def test_what_is_left_of_the_target_is_its_noise():
    rng = np.random.default_rng(0)
    values = np.hstack([wave(3), 2 * wave(8)]) + rng.normal(size=(N, 2)) * [0.3, 0.4]
    found = modes(GRID, [3, 8])
    free = N - 5
    expected, wide = 0.25, math.sqrt(2 * (0.3**4 + 0.4**4) / free)
    assert abs(found.unexplained(values) - expected) < 4 * wide
    assert modes(GRID, [3, 8]).unexplained(wave(3) + wave(8)) < 1e-25
    assert sums(GRID, [3, 8], 1.0).unexplained(wave(3)) == pytest.approx(0.5)


def test_the_frequencies_of_a_target_are_found_beside_noise():
    noise = 0.1 * np.random.default_rng(0).normal(size=(N, 1))
    values = wave(5) + 0.5 * wave(40, phase=1) + 0.3 * wave(100) + noise
    assert strongest(GRID, values).tolist() == [5, 40, 100]
    assert strongest(GRID, wave(7) + 4).tolist() == [7]
    assert strongest(np.sort(np.random.default_rng(0).uniform(size=60)), wave(3), 1.0).tolist() == [
        *range(1, 16)
    ]
    with pytest.raises(FathomError, match="no frequency stands out"):
        strongest(GRID, np.ones((N, 1)))


@pytest.mark.parametrize("k", [1, 4, 16])
def test_total_variation_of_a_sine_is_four_for_each_wave(k):
    sine = np.sin(2 * np.pi * k * GRID)
    assert total_variation(sine, closed=True) == pytest.approx(4 * k)
    assert total_variation(np.stack([sine, 2 * sine]), closed=True) == pytest.approx([4 * k, 8 * k])
    assert total_variation(sine) == pytest.approx(4 * k - abs(sine[-1]))


def test_gaps():
    assert even_gap(np.array([3.0, 1.0, 2.0])) == 1
    assert math.isnan(even_gap(np.array([0.0, 1.0, 2.5])))
    assert math.isnan(even_gap(np.zeros(5)))
    for places in (np.zeros((3, 2)), np.array([0.0, np.nan, 1.0]), np.arange(2.0)):
        with pytest.raises(FathomError, match="three finite places"):
            even_gap(places)


@pytest.mark.parametrize("frequencies", [[], [0.0], [-1.0], [np.nan], [[1.0]]])
def test_frequencies_are_above_zero(frequencies):
    with pytest.raises(FathomError, match="above 0"):
        modes(GRID, frequencies)


def test_a_frequency_is_named_once():
    with pytest.raises(FathomError, match="named twice"):
        modes(GRID, [3, 3])


@pytest.mark.parametrize("period", [0.0, -1.0, np.nan, np.inf])
def test_a_period_is_a_length(period):
    for asked in (modes, sums):
        with pytest.raises(FathomError, match="it is the length over which k = 1 is one wave"):
            asked(GRID, [1.0], period)
    with pytest.raises(FathomError, match="it is the length over which k = 1 is one wave"):
        strongest(GRID, wave(3)[:, None], period)


def test_an_infinite_frequency_is_none():
    with pytest.raises(FathomError, match="each above 0"):
        modes(GRID, [1.0, np.inf])


def test_as_many_waves_as_places_leave_no_noise_to_tell():
    places = np.arange(7) / 7
    assert np.isnan(modes(places, [1, 2, 3]).unexplained(np.arange(7.0)[:, None] ** 2))
    assert modes(places, [1, 2]).unexplained(np.arange(7.0)[:, None] ** 2) > 0
