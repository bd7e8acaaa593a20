"""Other tools' scores of the same predictions: theirs where they are right, else the truth."""

import numpy as np
import pytest
import torch
from scipy.special import ndtri, softmax

from diagnostics.calibration import reliability, temperature
from diagnostics.coverage import coverage
from diagnostics.scoring import (
    brier,
    gaussian_crps,
    gaussian_interval_score,
    gaussian_nll,
    gaussian_pinball,
    log_loss,
    sample_crps,
)
from diagnostics.selective import told_apart

torch.set_num_threads(1)

LEVELS = np.linspace(0.01, 0.99, 99)
SURE = np.array([0.95, 0.95, 1, 1])


def regression(count=400, k=0.6, seed=0):
    random = np.random.default_rng(seed)
    mean, sigma = random.normal(size=count), random.uniform(0.5, 3, count)
    return mean, k * sigma, mean + sigma * random.standard_normal(count)


def confidences(count=750, seed=1):
    """In none of the peers' ties: all different, none exactly 1."""
    random = np.random.default_rng(seed)
    sure = random.uniform(0.3, 1, count)
    return sure, (random.random(count) < sure - 0.1).astype(float)


def ties():
    """Few values, some of both kinds."""
    random = np.random.default_rng(2)
    return random.integers(9, size=80) / 9, random.integers(2, 11, size=50) / 11


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


@pytest.mark.parametrize("bins", [10, 100, 1000])
def test_the_area_of_uncertainty_toolbox_is_that_of_its_grid(bins):
    """It joins levels by lines: where the stair has its one step, a line leans across it.

    The truth is 1/4; a grid without a level at the step gives less by the share 1 / (levels - 1).
    """
    peer = pytest.importorskip("uncertainty_toolbox.metrics_calibration")
    one = np.array([[0.0], [1.0], [0.6744897501960817]])
    theirs = peer.miscalibration_area(*one, num_bins=bins)
    assert theirs == pytest.approx(0.25 * (1 - 1 / (bins - 1)), rel=1e-12)
    assert coverage(*one).area.value == pytest.approx(0.25, rel=1e-12)


def classes(count=300, many=4, seed=6):
    random = np.random.default_rng(seed)
    chances = random.dirichlet(np.ones(many), count)
    labels = (random.random((count, 1)) > chances.cumsum(1)).sum(1)
    return chances, np.minimum(labels, many - 1)


def test_scores_of_classes_are_those_of_scikit_learn():
    peer = pytest.importorskip("sklearn.metrics")
    chances, labels = classes()
    theirs = peer.brier_score_loss(labels, chances, labels=range(4), scale_by_half=False)
    assert brier(chances, labels).mean() == pytest.approx(theirs, rel=1e-12)
    theirs = peer.log_loss(labels, chances, labels=range(4))
    assert log_loss(chances, labels).mean() == pytest.approx(theirs, rel=1e-12)


def test_brier_of_two_classes_is_twice_that_of_scikit_learn():
    """Of two classes it tells half the sum, of more the whole, unless it is told."""
    peer = pytest.importorskip("sklearn.metrics")
    chances, labels = classes(many=2)
    theirs = peer.brier_score_loss(labels, chances[:, 1])
    assert brier(chances, labels).mean() == pytest.approx(2 * theirs, rel=1e-12)


def test_what_was_held_impossible_costs_no_finite_loss_unlike_in_scikit_learn():
    """It takes a 0 for 2.2e-16, the distance from 1 to the next float64."""
    peer = pytest.importorskip("sklearn.metrics")
    chances, labels = np.array([[1, 0], [0.5, 0.5]]), np.array([1, 0])
    least = -np.log([np.finfo(np.float64).eps, 0.5]).mean()  # 18.4, of a loss without end
    assert peer.log_loss(labels, chances) == pytest.approx(least, rel=1e-12)
    assert log_loss(chances, labels).mean() == np.inf


def test_auroc_is_that_of_scikit_learn_ties_and_all():
    peer = pytest.importorskip("sklearn.metrics")
    own, other = ties()
    theirs = peer.roc_auc_score(np.arange(130) >= 80, np.concatenate([own, other]))
    assert told_apart(own, other).auroc.value == pytest.approx(theirs, rel=1e-12)


@pytest.mark.parametrize(
    ("binning", "theirs"), [("equal mass", "quantile"), ("equal width", "uniform")]
)
def test_the_diagram_is_that_of_scikit_learn(binning, theirs):
    """But for its empty bins, which it leaves out."""
    peer = pytest.importorskip("sklearn.calibration")
    sure, right = confidences()
    accuracy, mean = peer.calibration_curve(right, sure, n_bins=15, strategy=theirs)
    ours = reliability(sure, right, 15, binning)
    held = ours.count > 0
    assert ours.accuracy[held] == pytest.approx(accuracy, rel=1e-12)
    assert ours.confidence[held] == pytest.approx(mean, rel=1e-12)


def test_pinball_is_that_of_scikit_learn():
    peer = pytest.importorskip("sklearn.metrics")
    mean, sigma, y = regression()
    theirs = [
        peer.mean_pinball_loss(y, mean + sigma * ndtri(level), alpha=level) for level in LEVELS
    ]
    ours = gaussian_pinball(mean, sigma, y, LEVELS).mean()
    assert ours == pytest.approx(np.mean(theirs), rel=1e-12)


def top_label_error(sure, right, bins):
    peer = pytest.importorskip("torchmetrics.functional.classification")
    chances, truth = torch.from_numpy(sure), torch.from_numpy(right).long()
    return peer.binary_calibration_error(chances, truth, n_bins=bins, norm="l1").item()


def test_ece_is_that_of_torchmetrics():
    sure, right = confidences()
    ours = reliability(sure, right, 15, "equal width").ece
    assert ours == pytest.approx(top_label_error(sure, right, 15), rel=1e-12)


def test_a_confidence_of_one_has_no_bin_of_its_own_unlike_torchmetrics():
    sure, right = SURE, np.array([1.0, 1, 0, 1])
    ours = reliability(sure, right, 10, "equal width").ece
    assert ours == pytest.approx(abs(0.975 - 0.75), rel=1e-12)
    assert top_label_error(sure, right, 10) == pytest.approx((0.05 + 0.5) / 2)


def test_auroc_is_that_of_torchmetrics_ties_and_all():
    peer = pytest.importorskip("torchmetrics.functional.classification")
    own, other = ties()
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
    assert reliability(sure, right, 15, binning).ece == pytest.approx(theirs, rel=1e-12)


def test_a_confidence_of_one_is_where_netcal_has_it():
    peer = pytest.importorskip("netcal.metrics")
    sure, right = SURE, np.array([1.0, 1, 0, 1])
    ours = reliability(sure, right, 10, "equal width").ece
    assert ours == pytest.approx(peer.ECE(10).measure(sure, right), rel=1e-12)


def test_equal_confidences_can_be_binned_unlike_by_netcal():
    """Half of them alike: two of its four edges of equal mass are the same."""
    peer = pytest.importorskip("netcal.metrics")
    sure, right = np.array([0.6, 0.7, 0.9, 0.9, 0.9, 0.9]), np.array([1.0, 0, 1, 1, 1, 0])
    with pytest.raises(ValueError, match="edge difference"):
        peer.ECE(4, equal_intervals=False).measure(sure, right)
    ours = reliability(sure, right, 4, "equal mass")
    assert ours.count.tolist() == [2, 4]
    assert ours.ece == pytest.approx((2 * 0.15 + 4 * 0.15) / 6, rel=1e-12)


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
