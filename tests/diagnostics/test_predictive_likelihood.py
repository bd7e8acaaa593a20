"""Against scipy's densities, all masks of a small network, and the known bias."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import softmax
from scipy.stats import norm

from diagnostics.predictive_likelihood import (
    log_likelihoods,
    log_probabilities,
    mean_of_known,
    predictive_likelihood,
)
from diagnostics.uncertainty import Reading
from probes.folder import FathomError
from tests.diagnostics.masked import masked, relu, within

LOGITS = Reading("logits")


def test_it_is_the_logarithm_of_the_mean_density():
    random = np.random.default_rng(0)
    draws, targets = random.standard_normal((8, 5, 1)), random.standard_normal(5)
    found = predictive_likelihood(draws, targets, Reading(noise=0.7))
    density = norm.pdf(targets[:, None], draws, 0.7)
    np.testing.assert_allclose(found.log.value, np.log(density.mean(0)))
    np.testing.assert_allclose(found.mean.value, np.log(density.mean(0)).mean())
    np.testing.assert_allclose(found.single, np.log(density).mean())
    assert found.single < found.mean.value  # Jensen


def test_a_predicted_variance_is_each_draws_own():
    random = np.random.default_rng(1)
    draws, targets = random.standard_normal((8, 5, 2)), random.standard_normal((5, 1))
    found = log_likelihoods(draws, targets, Reading("mean, log variance"))
    exact = norm.logpdf(targets, draws[..., :1], np.exp(draws[..., 1:] / 2))
    np.testing.assert_allclose(found, exact)


def test_of_classes_it_is_that_of_all_masks():
    net = masked(out=3, squash=relu, p=(0.0, 0.5))
    each, chances = net.counted()
    targets = np.array([0, 1, 2, 0, 1])
    exact = np.log(np.tensordot(chances, softmax(each, -1), 1)[np.arange(5), targets])
    found = predictive_likelihood(net.draws(20000).values, targets, LOGITS)
    assert within(found.log, exact)
    assert within(found.mean, exact.mean())
    assert found.log.error.max() < 0.02


def test_few_draws_are_low_by_the_bias_that_is_told():
    count, repeats, noise = 100, 40000, 0.2
    draws = np.random.default_rng(2).standard_normal((count, repeats))
    found = predictive_likelihood(draws, np.zeros(repeats), Reading(noise=noise))
    low = found.log.value - norm.logpdf(0, 0, np.hypot(1, noise))
    error = low.std(ddof=1) / np.sqrt(repeats)
    square = norm.pdf(0, 0, np.sqrt(1 + noise**2 / 2)) / (2 * noise * np.sqrt(np.pi))
    told = -(square / norm.pdf(0, 0, np.hypot(1, noise)) ** 2 - 1) / (2 * count)  # -Var w / 2T E²
    assert low.mean() < -10 * error
    assert abs(low.mean() - told) < 4.5 * error + 0.1 * abs(told)  # the next order in 1 / T
    assert abs(found.mean_bias - told) < 0.1 * abs(told)


def test_hopeless_targets_do_not_underflow():
    logits = np.zeros((4, 1, 2))
    logits[..., 1] = -2000.0 - np.arange(4)[:, None]
    found = predictive_likelihood(logits, np.array([1]), LOGITS)
    exact = -2000 + np.log(np.exp(-np.arange(4.0)).mean())
    np.testing.assert_allclose(found.log.value, exact)


def test_every_way_to_say_classes_says_the_same():
    logits = np.random.default_rng(3).standard_normal((6, 4, 2))
    logs = log_probabilities(logits, LOGITS)
    one = log_probabilities(logits[..., 1] - logits[..., 0], Reading("one logit"))
    done = log_probabilities(softmax(logits, -1), Reading("probabilities"))
    np.testing.assert_allclose(one, logs)
    np.testing.assert_allclose(done, logs)


def test_targets_not_to_be_met_count_for_nothing():
    logits = np.random.default_rng(4).standard_normal((6, 4, 3, 2))  # places last
    targets = np.array([[0, -100], [1, 2], [-100, -100], [2, 1]])
    found = predictive_likelihood(logits, targets, LOGITS)
    np.testing.assert_array_equal(np.isnan(found.log.value), targets < 0)
    np.testing.assert_allclose(found.mean.value, np.nanmean(found.log.value))
    assert np.isfinite(found.mean.error)
    none = predictive_likelihood(logits, np.full((4, 2), -100), LOGITS)
    assert np.isnan(none.mean.value)
    assert np.isnan(none.mean_bias)


@pytest.mark.parametrize("together", [True, False])
def test_the_error_of_the_mean_is_that_between_repeats(together):
    random = np.random.default_rng(5)
    draws = random.standard_normal((200, 400, 3))
    draws = draws[..., :1].repeat(3, 2) if together else draws
    targets = np.array([0.0, 0.1, -0.1])
    reading = Reading(noise=1.0)
    found = [predictive_likelihood(draws[:, n], targets, reading).mean for n in range(400)]
    told = np.sqrt(np.mean([each.error**2 for each in found]))
    seen = np.std([each.value for each in found], ddof=1)
    assert abs(seen / told - 1) < 4.5 / np.sqrt(800)


@pytest.mark.parametrize(
    ("draws", "targets", "reading", "told"),
    [
        (np.zeros((3, 4)), np.zeros(4), Reading(), "needs the noise"),
        (np.zeros((3, 4)), np.zeros(5), Reading(noise=1.0), "do not fit"),
        (np.zeros((3, 4, 2)), np.full(4, 2), LOGITS, "class 2 is not among the 2"),
    ],
)
def test_what_cannot_be_scored_is_refused_in_words(draws, targets, reading, told):
    with pytest.raises(FathomError, match=told):
        predictive_likelihood(draws, targets, reading)


def test_a_mean_of_nothing_known_is_not_known():
    assert np.isnan(mean_of_known(np.array([np.nan])))
    assert mean_of_known(np.array([np.nan, 2.0])) == 2
