import numpy as np
import pytest
from scipy import stats
from scipy.integrate import quad

from diagnostics.coverage import LEVELS, area_floor, coverage, dispersion, miscalibration_area
from diagnostics.store import load, save
from probes.folder import FathomError

FACTORS = [0.25, 0.5, 2, 4]
COUNT = 20_000


def spread_wrong_by(k, count=COUNT, seed=0, **options):
    """Truths around a mean, with every sigma k times what it should be."""
    random = np.random.default_rng(seed)
    mean, sigma = random.normal(size=count), random.uniform(0.5, 3, count)
    return coverage(mean, k * sigma, mean + sigma * random.standard_normal(count), **options)


@pytest.mark.parametrize("k", [1, *FACTORS])
def test_intervals_hold_what_normal_ones_k_times_too_wide_do(k):
    curve = spread_wrong_by(k).curve
    exact = 2 * stats.norm.cdf(k * stats.norm.ppf((1 + LEVELS) / 2)) - 1
    error = np.sqrt(exact * (1 - exact) / COUNT)
    assert (np.abs(curve.observed - exact) < 4.5 * error + 1 / COUNT).all()
    assert ((curve.low < exact) & (exact < curve.high)).mean() > 0.8
    inside = (curve.calibrated_low <= curve.observed) & (curve.observed <= curve.calibrated_high)
    assert inside.mean() > 0.8 if k == 1 else inside.mean() < 0.05


@pytest.mark.parametrize("k", FACTORS)
def test_the_area_is_that_of_the_closed_form(k):
    area = spread_wrong_by(k).area
    exact = 2 / np.pi * np.arctan(k) - 0.5
    assert abs(area.value - abs(exact)) < 4.5 * area.error < 0.01
    assert abs(area.signed - exact) < 4.5 * area.signed_error


def test_the_area_is_the_integral_of_the_distance():
    held = np.sort(np.random.default_rng(1).beta(2, 1, 9))
    steps = [0, *held, 1]

    def away(level):
        return abs(np.mean(held <= level) - level)

    exact = sum(quad(away, a, b, points=[(a + b) / 2])[0] for a, b in zip(steps, steps[1:]))  # noqa: B905, RUF007
    assert miscalibration_area(held).value == pytest.approx(exact, rel=1e-6)


@pytest.mark.parametrize("count", [1, 2, 10, 300])
def test_a_calibrated_model_shows_the_areas_floor(count):
    random = np.random.default_rng(2)
    areas = [miscalibration_area(np.sort(random.random(count))).value for _ in range(4000)]
    assert abs(np.mean(areas) - area_floor(count)) < 4.5 * np.std(areas) / np.sqrt(4000)


def test_the_floor_in_its_limits():
    """One example: the mean of (u^2 + (1 - u)^2) / 2. Many: a Brownian bridge's mean size."""
    assert area_floor(1) == pytest.approx(1 / 3)
    assert area_floor(10_000) == pytest.approx(np.sqrt(np.pi / 32) / 100, rel=1e-5)
    assert area_floor(40_000) == pytest.approx(np.sqrt(np.pi / 32) / 200, rel=1e-12)


@pytest.mark.parametrize("count", [2, 3, 8])
def test_the_areas_floor_is_the_integral_of_mean_deviations(count):
    hits = np.arange(count + 1)

    def deviation(level):
        return stats.binom.pmf(hits, count, level) @ np.abs(hits / count - level)

    parts = [quad(deviation, n / count, (n + 1) / count)[0] for n in range(count)]
    assert area_floor(count) == pytest.approx(sum(parts), rel=1e-9)


def test_the_areas_error_by_hand():
    """The stair is over the diagonal from .1 to .5 and from .6 on: influences .7 and .4."""
    area = miscalibration_area(np.array([0.1, 0.6]))
    assert area.error == pytest.approx(0.3 / 2)


def test_the_error_of_sharpness_is_its_spread_over_new_data():
    random = np.random.default_rng(9)
    found = [coverage(*np.stack([y, random.gamma(3, size=200), y])).sharpness
             for y in np.zeros((300, 200))]  # fmt: skip
    spread = np.std([each.value for each in found])
    assert np.mean([each.error for each in found]) == pytest.approx(spread, rel=0.15)


def test_the_areas_error_is_its_spread_over_new_data():
    found = [spread_wrong_by(0.6, 400, seed).area for seed in range(300)]
    for value, error in (("value", "error"), ("signed", "signed_error")):
        spread = np.std([getattr(area, value) for area in found])
        assert np.mean([getattr(area, error) for area in found]) == pytest.approx(spread, rel=0.2)
    calibrated = [spread_wrong_by(1, 400, seed).area for seed in range(300)]
    ratio = np.mean([area.error for area in calibrated]) / np.std(
        [area.value for area in calibrated]
    )
    assert 1 < ratio < 1.6  # at most: sizes spread less than what they are the sizes of


@pytest.mark.parametrize("k", FACTORS)
def test_pit_is_as_far_from_uniform_as_the_closed_form(k):
    """The largest of |Phi(k x) - Phi(x)|; .16134 for half the spread."""
    found = spread_wrong_by(k).pit
    z = np.sqrt(2 * np.log(1 / k) / (1 - k**2))
    exact = abs(stats.norm.cdf(k * z) - stats.norm.cdf(z))
    if k == 0.5:
        assert exact == pytest.approx(0.16134, abs=5e-6)
    assert found.ks == pytest.approx(exact, abs=4.5 * 0.5 / np.sqrt(COUNT))
    assert found.ks_chance < 1e-6
    edges = stats.norm.ppf(found.edges)
    expected = COUNT * np.diff(stats.norm.cdf(k * edges))
    assert (np.abs(found.count - expected) < 4.5 * np.sqrt(expected) + 1).all()


def test_pit_of_a_calibrated_model_is_uniform_and_agrees_with_scipy():
    random = np.random.default_rng(3)
    y = random.standard_normal(500)
    found = coverage(np.zeros(500), np.ones(500), y).pit
    theirs = stats.kstest(y, "norm")
    assert (found.ks, found.ks_chance) == pytest.approx((theirs.statistic, theirs.pvalue))
    inside = (found.calibrated_low <= found.count) & (found.count <= found.calibrated_high)
    assert inside.sum() >= 16
    assert (found.calibrated_low, found.calibrated_high) == (16, 35)


@pytest.mark.parametrize("k", [1, *FACTORS])
def test_sigma_times_the_dispersion_factor_is_right_again(k):
    found = spread_wrong_by(k).dispersion
    assert abs(found.factor - 1 / k) < 4.5 * found.error < 0.05 / k
    low, high = found.at_level_interval
    assert low < found.at_level < high < 1.05 * low
    assert low * 0.98 < 1 / k < high * 1.02


def test_the_factor_of_the_least_nll_is_found():
    random = np.random.default_rng(4)
    z = random.standard_t(4, 300)
    factors = np.linspace(0.5, 3, 2501)
    nll = np.log(factors) + (z**2).mean() / (2 * factors**2)
    assert dispersion(z).factor == pytest.approx(factors[nll.argmin()], abs=1e-3)


def test_the_factor_at_a_level_makes_its_intervals_hold_their_share():
    """Of heavy tails no one factor serves every level."""
    z = np.random.default_rng(5).standard_t(3, 1000)
    found = dispersion(z, 0.9)
    scaled = np.abs(z / found.at_level) <= stats.norm.ppf(0.95) * (1 + 1e-12)
    assert scaled.mean() == 0.9
    assert found.at_level < found.factor


@pytest.mark.parametrize("count", [3, 15, 60, 200])
def test_the_interval_at_a_level_misses_seldom(count):
    random, misses = np.random.default_rng(6), 0
    for _ in range(400):
        low, high = dispersion(random.standard_normal(count)).at_level_interval
        misses += not low <= 1 <= high
    assert misses <= stats.binom.ppf(0.9999, 400, 0.05)
    assert (high == np.inf) == (count < 36)  # 0.9^35 > 2.5 %: the largest may be too small


def test_the_factors_error_is_its_spread_over_new_data():
    random = np.random.default_rng(7)
    found = [dispersion(random.standard_normal(400)) for _ in range(400)]
    spread = np.std([each.factor for each in found])
    assert spread == pytest.approx(1 / np.sqrt(800), rel=0.15)
    assert np.mean([each.error for each in found]) == pytest.approx(spread, rel=0.15)


def test_a_wrong_mean_is_told_as_bias():
    random = np.random.default_rng(8)
    found = coverage(np.zeros(900), np.full(900, 2.0), 2 * random.standard_normal(900) + 0.5)
    assert abs(found.bias.value - 0.25) < 4.5 * found.bias.error
    assert found.bias.error == pytest.approx(1 / 30, rel=0.1)


def test_the_values_that_uncertainty_toolbox_tests_itself_with():
    """On its own grid of 100 levels."""
    mean, sigma, y = [1, 2, 3], [0.1, 0.5, 1], [1.5, 3, 2]
    found = coverage(mean, sigma, y, levels=np.linspace(0, 1, 100))
    assert found.sharpness.value == pytest.approx(0.648074069840786, rel=1e-12)
    away = found.curve.observed - found.curve.level
    assert np.sqrt((away**2).mean()) == pytest.approx(0.4165757476562379, rel=1e-12)
    assert np.abs(away).mean() == pytest.approx(0.3733333333, rel=1e-9)
    assert found.area.value == pytest.approx(0.37710437710437716, abs=0.01)


def test_a_result_is_stored_whole(tmp_path):
    found = spread_wrong_by(2, 10)
    save(tmp_path, found)
    assert found.dispersion.at_level_interval[1] == np.inf
    assert repr(load(tmp_path, type(found))) == repr(found)


def test_what_cannot_be_covered_is_refused():
    with pytest.raises(FathomError, match="y holds 1 of 2 numbers that are not finite"):
        coverage([0.0, 1], [1.0, 1], [0.0, np.nan])
    with pytest.raises(FathomError, match=r"mean has shape \(2, 1\); give \[example\]"):
        coverage([[0.0], [1]], [1.0, 1], [0.0, 1])
    with pytest.raises(FathomError, match="give shares from 0 to 1"):
        coverage([0.0], [1.0], [0.0], levels=[90])


def test_a_perfect_mean_leaves_no_spread():
    found = coverage([0.0, 1], [1.0, 1], [0.0, 1], levels=[0.0])
    assert found.curve.observed == 1  # an interval's ends are in it
    assert (found.dispersion.factor, found.area.value) == (0, 0.5)
