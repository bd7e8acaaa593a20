"""Other tools' scores of the same predictions: theirs where they are right, else the truth."""

import numpy as np
import pytest
import torch
from scipy.special import softmax

from diagnostics.calibration import reliability, temperature
from diagnostics.coverage import coverage
from diagnostics.scoring import (
    gaussian_crps,
    gaussian_interval_score,
    gaussian_nll,
    gaussian_pinball,
    sample_crps,
)
from diagnostics.selective import told_apart

torch.set_num_threads(1)

LEVELS = np.linspace(0.01, 0.99, 99)


def regression(count=400, k=0.6, seed=0):
    random = np.random.default_rng(seed)
    mean, sigma = random.normal(size=count), random.uniform(0.5, 3, count)
    return mean, k * sigma, mean + sigma * random.standard_normal(count)


def confidences(count=750, seed=1):
    """In none of the peers' ties: all different, none exactly 1."""
    random = np.random.default_rng(seed)
    sure = random.uniform(0.3, 1, count)
    return sure, (random.random(count) < sure - 0.1).astype(float)


def test_scores_of_normals_are_those_of_uncertainty_toolbox():
    peer = pytest.importorskip("uncertainty_toolbox.metrics_scoring_rule")
    data = regression()
    pairs = {
        "NLL": (gaussian_nll(*data), peer.nll_gaussian(*data)),
        "CRPS": (gaussian_crps(*data), peer.crps_gaussian(*data)),
        "pinball": (gaussian_pinball(*data, LEVELS), peer.check_score(*data)),
        "interval": (gaussian_interval_score(*data, LEVELS), peer.interval_score(*data)),
    }
    for name, (ours, theirs) in pairs.items():
        assert ours.mean() == pytest.approx(theirs, rel=1e-12), name


def test_coverage_is_that_of_uncertainty_toolbox():
    peer = pytest.importorskip("uncertainty_toolbox.metrics_calibration")
    data = regression()
    levels, observed = peer.get_proportion_lists_vectorized(*data)
    found = coverage(*data, levels=levels)
    away = found.curve.observed - levels
    assert found.curve.observed == pytest.approx(observed, abs=1e-12)
    mace = peer.mean_absolute_calibration_error(*data)
    rmsce = peer.root_mean_squared_calibration_error(*data)
    assert np.abs(away).mean() == pytest.approx(mace, rel=1e-12)
    assert np.sqrt((away**2).mean()) == pytest.approx(rmsce, rel=1e-12)
    assert found.sharpness.value == pytest.approx(peer.sharpness(data[1]), rel=1e-12)


def test_the_area_is_the_limit_of_uncertainty_toolboxs_grid():
    """Its 100 levels cut the stair's corners: of one example the exact area is known."""
    peer = pytest.importorskip("uncertainty_toolbox.metrics_calibration")
    data = regression()
    exact = coverage(*data).area.value
    grid = [peer.miscalibration_area(*data, num_bins=bins) for bins in (100, 20_001)]
    assert exact == pytest.approx(grid[1], rel=1e-4)
    assert abs(exact - grid[1]) < abs(grid[0] - grid[1])
    one = np.array([[0.0], [1.0], [0.6744897501960817]])  # held by half of all intervals
    assert coverage(*one).area.value == pytest.approx(0.25, rel=1e-12)
    assert peer.miscalibration_area(*one) != pytest.approx(0.25, rel=1e-5)


def top_label_error(sure, right, bins):
    peer = pytest.importorskip("torchmetrics.functional.classification")
    chances, truth = torch.from_numpy(sure), torch.from_numpy(right).long()
    return peer.binary_calibration_error(chances, truth, n_bins=bins, norm="l1").item()


def test_ece_is_that_of_torchmetrics():
    sure, right = confidences()
    ours = reliability(sure, right, 15, "equal width").ece
    assert ours == pytest.approx(top_label_error(sure, right, 15), rel=1e-6)


def test_a_confidence_of_one_has_no_bin_of_its_own_unlike_torchmetrics():
    sure, right = np.array([0.95, 0.95, 1, 1]), np.array([1.0, 1, 0, 1])
    ours = reliability(sure, right, 10, "equal width").ece
    assert ours == pytest.approx(abs(0.975 - 0.75))
    assert top_label_error(sure, right, 10) == pytest.approx((0.05 + 0.5) / 2)


def test_auroc_is_that_of_torchmetrics_ties_and_all():
    peer = pytest.importorskip("torchmetrics.functional.classification")
    random = np.random.default_rng(2)
    own, other = random.integers(9, size=80) / 9, random.integers(2, 11, size=50) / 11
    scores = torch.from_numpy(np.concatenate([own, other]))
    theirs = peer.binary_auroc(scores, torch.arange(130) >= 80)
    assert told_apart(own, other).auroc.value == pytest.approx(theirs.item(), rel=1e-6)


def test_crps_of_draws_is_fair_unlike_that_of_torchmetrics():
    """Of few draws theirs is too large by 1 + 1/T, on average over calibrated forecasts."""
    peer = pytest.importorskip("torchmetrics.functional.regression")
    draws, y = np.split(np.random.default_rng(3).normal(size=(6, 40_000)), [5])
    ours = sample_crps(draws, y[0])
    theirs = peer.continuous_ranked_probability_score(
        torch.from_numpy(draws.T), torch.from_numpy(y[0])
    )
    apart = np.abs(draws[:, None] - draws).mean((0, 1))
    assert theirs.item() == pytest.approx((np.abs(draws - y).mean(0) - apart / 2).mean(), rel=1e-6)
    error = ours.std() / np.sqrt(40_000)
    assert abs(ours.mean() - 1 / np.sqrt(np.pi)) < 4.5 * error
    assert abs(theirs.item() - 1.2 / np.sqrt(np.pi)) < 4.5 * error


@pytest.mark.parametrize("binning", ["equal mass", "equal width"])
def test_ece_is_that_of_netcal(binning):
    peer = pytest.importorskip("netcal.metrics")
    sure, right = confidences()
    theirs = peer.ECE(15, equal_intervals=binning == "equal width").measure(sure, right)
    assert reliability(sure, right, 15, binning).ece == pytest.approx(theirs, rel=1e-9)


def test_a_confidence_of_one_is_where_netcal_has_it():
    peer = pytest.importorskip("netcal.metrics")
    sure, right = np.array([0.95, 0.95, 1, 1]), np.array([1.0, 1, 0, 1])
    ours = reliability(sure, right, 10, "equal width").ece
    assert ours == pytest.approx(peer.ECE(10).measure(sure, right), rel=1e-9)


@pytest.mark.filterwarnings("ignore:independent is deprecated:DeprecationWarning")
def test_the_temperature_is_that_of_netcal():
    """It takes probabilities: their logarithms are logits up to what does not matter."""
    peer = pytest.importorskip("netcal.scaling")
    random = np.random.default_rng(4)
    logits = random.normal(0, 2, (1000, 4))
    labels = (random.random((1000, 1)) > softmax(logits, 1).cumsum(1)).sum(1)
    theirs = peer.TemperatureScaling().fit(softmax(2 * logits, 1), labels)
    ours = temperature(2 * logits, labels)
    assert ours.value == pytest.approx(1 / theirs.temperature[0], rel=1e-3)
