from itertools import pairwise

import numpy as np
import pytest
from scipy import integrate, stats

from diagnostics.scoring import (
    bin_edges,
    brier,
    class_scores,
    clopper_pearson,
    draw_scores,
    gaussian_crps,
    gaussian_interval_score,
    gaussian_nll,
    gaussian_pinball,
    gaussian_scores,
    log_loss,
    placed,
    sample_crps,
    sample_energy,
    scored,
)
from diagnostics.store import load, save
from probes.folder import FathomError

RANDOM = np.random.default_rng
LEVELS = np.linspace(0.01, 0.99, 99)


def within(score, exact, errors=4.5):
    """As near to the truth as its own standard error says."""
    assert 0 < score.error < 0.1 * abs(exact) + 0.05
    assert abs(score.value - exact) < errors * score.error


def some_classes(count=2000, classes=4, seed=0):
    """Calibrated probabilities, and labels drawn from them."""
    random = RANDOM(seed)
    chances = random.dirichlet(np.ones(classes), count)
    labels = (random.random((count, 1)) > chances.cumsum(1)).sum(1)
    return chances, np.minimum(labels, classes - 1)


def named(scores):
    return {score.name: score for score in scores}


def test_crps_of_a_standard_normal_at_its_middle():
    crps = gaussian_crps(*np.array([[0.0], [1.0], [0.0]]))
    assert crps == pytest.approx((np.sqrt(2) - 1) / np.sqrt(np.pi), rel=1e-12)


@pytest.mark.parametrize(("mean", "sigma", "y"), [(0, 1, 1.7), (2, 0.3, 1.1), (-1, 5, 0)])
def test_crps_is_the_integral_that_defines_it(mean, sigma, y):
    def below(x):
        return stats.norm.cdf(x, mean, sigma) ** 2

    def above(x):
        return stats.norm.sf(x, mean, sigma) ** 2

    exact = integrate.quad(below, -60, y)[0] + integrate.quad(above, y, 60)[0]
    found = gaussian_crps(*np.array([[mean], [sigma], [y]], float))
    assert found == pytest.approx(exact, rel=1e-7)


@pytest.mark.parametrize("k", [0.5, 1, 2])
def test_scores_of_a_spread_k_times_too_wide(k):
    """E of the CRPS: with |N(0, 1 + k^2)| and |N(0, 2 k^2)| from its kernel form."""
    y, sigma = 3 * RANDOM(1).standard_normal(20_000), 3.0
    found = named(gaussian_scores(np.zeros(20_000), np.full(20_000, k * sigma), y).scores)
    nll = np.log(k * sigma) + 0.5 * np.log(2 * np.pi) + 1 / (2 * k**2)
    crps = sigma * (np.sqrt(2 / np.pi) * np.sqrt(1 + k**2) - k / np.sqrt(np.pi))
    within(found["NLL"], nll)
    within(found["CRPS"], crps)
    within(found["squared error"], sigma**2)


def test_a_calibrated_normal_has_the_entropy_and_sigma_over_root_pi():
    y = 2 * RANDOM(2).standard_normal(20_000)
    found = named(gaussian_scores(np.zeros(20_000), np.full(20_000, 2.0), y).scores)
    within(found["NLL"], 0.5 * np.log(2 * np.pi * np.e * 4))
    within(found["CRPS"], 2 / np.sqrt(np.pi))


def test_the_values_that_uncertainty_toolbox_tests_itself_with():
    mean, sigma, y = np.array([[1.0, 2, 3], [0.1, 0.5, 1], [1.5, 3, 2]])
    assert gaussian_nll(mean, sigma, y).mean() == pytest.approx(4.920361108686675, rel=1e-12)
    assert gaussian_crps(mean, sigma, y).mean() == pytest.approx(0.59080610693, rel=1e-9)
    pinball = gaussian_pinball(mean, sigma, y, LEVELS).mean()
    assert pinball == pytest.approx(0.29801437323836477, rel=1e-12)
    interval = gaussian_interval_score(mean, sigma, y, LEVELS).mean()
    assert interval == pytest.approx(3.20755700861995, rel=1e-12)


def test_crps_is_twice_the_pinball_loss_over_all_levels():
    mean, sigma, y = np.array([[1.0, 2, 3], [0.1, 0.5, 1], [1.5, 3, 2]])
    levels = (np.arange(20_000) + 0.5) / 20_000
    both = 2 * gaussian_pinball(mean, sigma, y, levels), gaussian_crps(mean, sigma, y)
    assert both[0] == pytest.approx(both[1], rel=1e-4)


@pytest.mark.parametrize("count", [2, 5, 18])
def test_the_fair_crps_of_few_draws_is_that_of_endless_ones(count):
    """The usual one is a factor 1 + 1/T too large."""
    draws = RANDOM(3).standard_normal((count, 40_000))
    y = RANDOM(4).standard_normal(40_000)
    exact = 1 / np.sqrt(np.pi)
    within(scored("fair", sample_crps(draws, y)), exact)
    pairs = np.abs(draws[:, None] - draws).mean((0, 1)) if count < 18 else None
    if pairs is not None:
        usual = np.abs(draws - y).mean(0) - pairs / 2
        within(scored("usual", usual), exact * (1 + 1 / count))


def test_the_sorted_form_of_the_fair_crps_is_the_pairwise_one():
    draws, y = RANDOM(5).gamma(2, size=(7, 30)), RANDOM(6).gamma(2, size=30)
    apart = np.abs(draws[:, None] - draws).sum((0, 1)) / (2 * 7 * 6)
    assert sample_crps(draws, y) == pytest.approx(np.abs(draws - y).mean(0) - apart, rel=1e-12)


def test_the_energy_score_of_one_output_is_its_crps():
    draws, y = RANDOM(7).normal(size=(9, 40, 1)), RANDOM(8).normal(size=(40, 1))
    assert sample_energy(draws, y) == pytest.approx(sample_crps(draws, y)[:, 0], rel=1e-12)


def test_the_energy_score_of_normal_draws_in_three_dimensions():
    """E|N(0, s^2 I_3)| = s sqrt(8 / pi); calibrated: E|X - Y| - E|X - X'| / 2."""
    draws, y = RANDOM(9).normal(size=(6, 8000, 3)), RANDOM(10).normal(size=(8000, 3))
    found = named(draw_scores(draws, y).scores)
    within(found["energy"], np.sqrt(2) * np.sqrt(8 / np.pi) / 2)
    within(found["CRPS"], 1 / np.sqrt(np.pi))


def test_brier_and_log_loss_of_probabilities_known_to_be_right():
    """Each example's expected loss is its forecast's own spread and entropy."""
    chances, labels = some_classes(20_000)
    found = named(class_scores(chances, labels).scores)
    within(found["Brier"], (1 - (chances**2).sum(1)).mean())
    within(found["NLL"], -(chances * np.log(chances)).sum(1).mean())


def test_brier_and_log_loss_by_hand():
    chances, labels = np.array([[0.7, 0.2, 0.1], [0.0, 0.5, 0.5]]), np.array([0, 2])
    assert brier(chances, labels) == pytest.approx([0.14, 0.5])
    assert log_loss(chances, labels) == pytest.approx([-np.log(0.7), np.log(2)])


def test_a_truth_held_impossible_costs_without_end():
    scores = named(class_scores([[0.0, 1.0], [0.5, 0.5]], [0, 1]).scores)
    assert scores["NLL"].value == np.inf
    assert np.isnan(scores["NLL"].error)
    assert scores["Brier"].value == pytest.approx((2 + 0.5) / 2)


@pytest.mark.parametrize("bins", [1, 7, 15, 5000])
def test_murphys_parts_add_up_whatever_the_bins(bins):
    chances, labels = some_classes()
    found = class_scores(chances, labels, bins)
    parts = {name: score.value for name, score in named(found.parts).items()}
    whole = parts["reliability"] - parts["resolution"] + parts["uncertainty"] + parts["within"]
    assert whole == pytest.approx(named(found.scores)["Brier"].value, abs=1e-12)
    shares = np.bincount(labels) / len(labels)
    assert parts["uncertainty"] == pytest.approx(1 - (shares**2).sum(), rel=1e-12)


def test_murphys_identity_has_three_parts_where_forecasts_are_few():
    """Three different forecasts in as many bins: by hand, and nothing is left within them."""
    levels, labels = np.repeat([0.2, 0.5, 0.9], [30, 50, 20]), np.zeros(100, int)
    labels[[*range(12), *range(30, 50), *range(80, 99)]] = 1
    parts = named(class_scores(np.stack([1 - levels, levels], 1), labels, 100).parts)
    share, rate, base = np.array([0.3, 0.5, 0.2]), np.array([0.4, 0.4, 0.95]), 0.51
    gap = np.array([0.2, 0.5, 0.9]) - rate
    assert parts["reliability"].value == pytest.approx(2 * (share @ gap**2))
    assert parts["resolution"].value == pytest.approx(2 * (share @ (rate - base) ** 2))
    assert parts["uncertainty"].value == pytest.approx(2 * base * (1 - base))
    assert parts["within"].value == pytest.approx(0, abs=1e-12)


def test_the_errors_of_murphys_parts_are_their_spread_over_new_data():
    def drawn(seed):
        chances, labels = some_classes(1500, 3, seed)
        return class_scores(chances**2 / (chances**2).sum(1, keepdims=True), labels).parts

    many = [drawn(seed) for seed in range(120)]
    values, errors = (np.array([[getattr(part, name) for part in parts] for parts in many])
                      for name in ("value", "error"))  # fmt: skip
    assert errors.mean(0) / values.std(0) == pytest.approx(1, abs=0.3)


def test_bins_of_equal_mass_hold_equally_many():
    values = RANDOM(0).random(750)
    edges = bin_edges(values, 15)
    assert np.bincount(placed(values, edges)).tolist() == [50] * 15
    assert (edges[0], edges[-1]) == (values.min(), values.max())


def test_equal_values_are_not_parted_and_no_bin_is_empty():
    values = np.array([0.2] * 5 + [0.5] * 60 + [1.0] * 35)
    edges = bin_edges(values, 10)
    assert np.bincount(placed(values, edges)).tolist() == [5, 60, 35]
    assert np.bincount(placed(np.full(9, 0.3), bin_edges(np.full(9, 0.3), 10))).tolist() == [9]


def test_the_upper_end_is_in_the_last_bin_of_equal_width():
    edges = bin_edges(np.zeros(1), 10, "equal width")
    assert placed(np.array([0.0, 0.1, 0.95, 1.0]), edges).tolist() == [0, 1, 9, 9]


@pytest.mark.parametrize("count", [1, 6, 40])
def test_an_exact_interval_misses_no_share_more_often_than_it_says(count):
    hits = np.arange(count + 1)
    low, high = clopper_pearson(hits, count)
    for share in np.linspace(0.02, 0.98, 33):
        chance = stats.binom.pmf(hits, count, share)
        assert chance[share < low].sum() <= 0.025 + 1e-12
        assert chance[share > high].sum() <= 0.025 + 1e-12
    assert all(a < b for a, b in pairwise(low))


def test_a_result_is_stored_whole(tmp_path):
    chances, labels = some_classes(50)
    found = class_scores(chances, labels)
    save(tmp_path, found)
    assert load(tmp_path, type(found)) == found


WRONG = {
    "rows that do not sum to one": ([[0.5, 0.4], [0.5, 0.5]], [0, 1], "row 0 sums to 0.9"),
    "logits": ([[3.0, -2.0], [0.5, 0.5]], [0, 1], "its least is -2; give a softmax"),
    "a NaN": ([[np.nan, 1.0], [0.5, 0.5]], [0, 1], "probabilities holds 1 of 4 numbers"),
    "one column": ([[1.0], [1.0]], [0, 1], "of two classes give both"),
    "no axis of classes": ([0.5, 0.5], [0, 1], r"shape \(2,\); give \[example, class\]"),
    "nothing": (np.zeros((0, 2)), [], "not empty"),
    "too few labels": ([[0.5, 0.5], [0.5, 0.5]], [0], r"shape \(1,\), predictions 2 examples"),
    "labels that are no numbers of classes": ([[0.5, 0.5]], [0.5], "of type float64"),
    "a class that is not there": ([[0.5, 0.5]], [2], "run from 2 to 2, classes from 0 to 1"),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_is_no_forecast_is_refused(what):
    chances, labels, told = WRONG[what]
    with pytest.raises(FathomError, match=told):
        class_scores(chances, labels)


def test_what_is_no_regression_is_refused():
    with pytest.raises(FathomError, match="sigma goes down to 0; every"):
        gaussian_scores([0.0, 1], [1.0, 0], [0.0, 1])
    with pytest.raises(FathomError, match=r"y has shape \(3,\), the predictions \(2,\)"):
        gaussian_scores([0.0, 1], [1.0, 1], [0.0, 1, 2])
    with pytest.raises(FathomError, match="1 draw has no spread"):
        draw_scores([[0.0, 1]], [0.0, 1])
    with pytest.raises(FathomError, match=r"draws has shape \(3,\); give \[draw, example\]"):
        draw_scores([0.0, 1, 2], [0.0, 1])
    with pytest.raises(FathomError, match="bins=0: give at least 1"):
        bin_edges(np.ones(3), 0)


def test_one_example_has_a_score_and_no_error():
    (nll, _) = class_scores([[0.25, 0.75]], [1]).scores
    assert nll.value == pytest.approx(-np.log(0.75))
    assert np.isnan(nll.error)
