import numpy as np
import pytest
from scipy.special import softmax
from scipy.stats import norm

from diagnostics.calibration import Calibration
from diagnostics.coverage import Coverage
from diagnostics.quality import (
    ClassForecast,
    ValueForecast,
    forecast_by_draws,
    forecast_once,
    quality,
)
from diagnostics.scoring import Scoring
from diagnostics.selective import Selective
from diagnostics.store import load, saved
from diagnostics.uncertainty import Reading, uncertainty
from diagnostics.weight_space import About
from probes.folder import FathomError

ABOUT = About("run", 3, "40 examples", 40, 0, 1, "none", "float32", "key")
DRAWS = np.random.default_rng(0).standard_normal((20, 40, 3))
LABELS = np.random.default_rng(1).integers(3, size=40)
NOISY = DRAWS[0] + np.eye(3)[LABELS]  # logits that know something of the labels


def once(outputs="logits", values=DRAWS[0], **more):
    return forecast_once(values, Reading(outputs, **more))


def test_classes_by_hand():
    chances = np.array([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8]])
    found = quality(ClassForecast(chances, None, "said"), [0, 1, 1], about=ABOUT)
    nll, brier = found.scoring.scores
    assert nll.value == pytest.approx(-np.log([0.9, 0.4, 0.8]).mean())
    assert brier.value == pytest.approx(2 * np.mean([0.1**2, 0.6**2, 0.2**2]))
    assert found.calibration.accuracy == pytest.approx(2 / 3)
    assert found.selective.risk_coverage.risk == pytest.approx([0, 0, 1 / 3])
    assert found.coverage is None
    assert found.calibration.temperature is None


def test_either_uncertainty_of_classes():
    chances = np.array([[0.5, 0.5, 0.0], [0.6, 0.2, 0.2]])
    forecast = ClassForecast(chances, None, "")
    entropies = [np.log(2), -0.6 * np.log(0.6) - 0.4 * np.log(0.2)]
    assert forecast.doubt("entropy") == pytest.approx(entropies)
    assert forecast.doubt("confidence") == pytest.approx([0.5, 0.4])
    targets = [2, 0]  # the first is wrong: the less sure by confidence, and the surer by entropy
    for wanted, risk in (("entropy", 1), ("confidence", 0)):
        found = quality(forecast, targets, about=ABOUT, doubt=wanted).selective
        assert found.risk_coverage.risk[0] == risk
    assert found.doubt == "1 - probability of the likeliest class"
    assert "likeliest class is wrong" in found.loss


def test_values_by_hand():
    """Of a standard normal forecast and truths at its quartiles."""
    forecast = ValueForecast(np.zeros(3), np.array([1.0, 1, 2]), "said")
    found = quality(forecast, norm.ppf([0.25, 0.5, 0.75]), about=ABOUT)
    at_half = found.coverage.curve.observed[49]
    assert at_half == 1  # quartiles are the ends of the interval of a half
    assert found.selective.risk_coverage.random_aurc.value == pytest.approx(
        2 / 3 * norm.ppf(0.75) ** 2
    )
    assert found.calibration is None


def test_one_standard_deviation_for_all_is_no_order():
    found = quality(ValueForecast(np.zeros(3), np.full(3, 0.5), ""), np.ones(3))
    assert found.selective is None
    assert [type(each) for each in found.parts] == [Scoring, Coverage]


def test_every_part_says_what_it_is_of_and_is_stored(tmp_path):
    found = quality(once(), LABELS, about=ABOUT)
    paths = found.save(tmp_path, "key")
    names = ["scoring-key.h5", "calibration-key.h5", "selective-key.h5"]
    assert [path.name for path in paths] == names
    for kind in (Scoring, Calibration, Selective):
        assert saved(tmp_path, kind) == ("key",)
        assert load(tmp_path, kind, "key").about.data.startswith("40 examples; predicted once")
    assert load(tmp_path, Selective, "key").doubt == "predictive entropy"


def test_what_an_earlier_one_left_under_the_key_goes(tmp_path):
    quality(once(), LABELS).save(tmp_path, "key")
    quality(once(), LABELS).save(tmp_path, "other")
    quality(once("values", DRAWS[0][:, :1], noise=1.0), LABELS).save(tmp_path, "key")
    assert [saved(tmp_path, kind) for kind in (Calibration, Selective)] == [("other",), ("other",)]
    assert saved(tmp_path, Coverage) == ("key",)


def test_once_is_a_softmax_with_its_logits():
    found = once()
    np.testing.assert_allclose(found.probabilities, softmax(DRAWS[0], -1))
    np.testing.assert_array_equal(found.logits, DRAWS[0])
    hot, cold = (quality(once(values=f * NOISY), LABELS).calibration.temperature for f in (3, 1))
    assert hot.value == pytest.approx(3 * cold.value)


def test_the_nll_of_logits_is_finite_where_a_probability_has_become_nought():
    logits = np.array([[0.0, 2000.0], [3.0, 1.0]])
    nll, brier = quality(once(values=logits), [0, 0]).scoring.scores
    assert nll.name == "NLL"
    assert nll.value == pytest.approx((2000 + np.log1p(np.exp(-2))) / 2)
    assert brier.value == pytest.approx((2 + 2 * (1 / (1 + np.exp(2))) ** 2) / 2)


def test_a_class_that_is_ruled_out_has_minus_infinity_for_its_logit():
    logits = np.where(np.arange(3) == 2, -np.inf, DRAWS[0])
    found = quality(once(values=logits), LABELS % 2)
    assert found.calibration.temperature is None
    exact = softmax(DRAWS[0][:, :2], 1)[np.arange(40), LABELS % 2]
    assert found.scoring.scores[0].value == pytest.approx(-np.log(exact).mean())


def test_predictions_that_are_not_finite_are_said_to_be():
    values = np.where(np.arange(40)[:, None] < 3, np.nan, DRAWS[0])
    with pytest.raises(FathomError, match="9 of 120 predicted numbers are not finite"):
        once(values=values)
    with pytest.raises(FathomError, match="9 of 120 predicted numbers are not finite"):
        forecast_by_draws(uncertainty(np.stack([values] * 4), Reading()), 1)


def test_one_logit_is_two_classes():
    z = np.array([[0.0], [2.0]])
    found = once("one logit", z)
    np.testing.assert_allclose(found.probabilities[:, 1], 1 / (1 + np.exp(-z[:, 0])))
    np.testing.assert_allclose(softmax(found.logits, 1), found.probabilities)
    assert quality(found, np.array([[0.0], [1.0]])).calibration.accuracy == 1


def test_classes_on_another_axis_are_found_and_probabilities_have_no_logits():
    chances = softmax(DRAWS[0], -1)
    found = forecast_once(chances[:, None, :], Reading("probabilities", class_axis=2))
    np.testing.assert_allclose(found.probabilities, chances)
    assert found.logits is None


def test_draws_of_classes_have_the_mean_probability():
    found = forecast_by_draws(uncertainty(DRAWS, Reading("logits")))
    np.testing.assert_allclose(found.probabilities, softmax(DRAWS, -1).mean(0))
    assert found.how == "predicted by the mean of 20 draws"
    assert found.logits is None


def test_draws_of_values_have_their_spread_and_the_noise():
    draws = DRAWS[..., :1]
    bare = forecast_by_draws(uncertainty(draws, Reading()))
    noisy = forecast_by_draws(uncertainty(draws, Reading(noise=2.0)))
    variance = draws[..., 0].var(0, ddof=1)
    np.testing.assert_allclose(bare.sigma, np.sqrt(variance))
    np.testing.assert_allclose(noisy.sigma, np.sqrt(variance + 4))
    assert "noise is not known" in bare.how
    assert "noise is not known" not in noisy.how


def test_draws_that_are_all_the_same_have_no_spread():
    same = np.broadcast_to(DRAWS[:1, :, :1], (5, 40, 1))
    with pytest.raises(FathomError, match="all 5 masks are the same"):
        forecast_by_draws(uncertainty(same, Reading()), who="masks")


def test_examples_whose_draws_are_all_the_same_are_counted_but_strangers_may_be_so():
    some = np.where(np.arange(40) < 7, DRAWS[0, :, 0], DRAWS[..., 0])
    still = forecast_by_draws(uncertainty(some, Reading()))
    with pytest.raises(FathomError, match=r"7 of 40 examples .* standard deviation of 0"):
        quality(still, LABELS)
    own = forecast_by_draws(uncertainty(DRAWS[..., 0], Reading()))
    found = quality(own, LABELS, strangers=still).selective.strangers
    assert found.edges[0] == 0


def test_a_network_may_give_its_own_variance():
    given = np.stack([np.arange(4.0), np.log([1.0, 4, 9, 16])], 1)
    found = once("mean, log variance", given)
    np.testing.assert_allclose(found.sigma, [1, 2, 3, 4])
    np.testing.assert_allclose(found.mean, np.arange(4))
    assert "own variance" in found.how
    assert "standard deviation 0.5 for all" in once("values", given[:, :1], noise=0.5).how


def test_one_prediction_alone_has_no_uncertainty():
    with pytest.raises(FathomError, match=r"standard deviation of the targets' noise .*draws"):
        once("values", DRAWS[0][:, :1])


def test_one_of_several_outputs_with_its_own_targets():
    truth = DRAWS[1]
    forecast = forecast_once(DRAWS[0], Reading(noise=1.0), 2)
    found = quality(forecast, truth).scoring.scores[2].value
    assert found == pytest.approx(((DRAWS[0] - truth)[:, 1] ** 2).mean())
    assert quality(forecast, truth[:, 1]).scoring.scores[2].value == found
    for output, told in ((None, "3 predicted values"), (4, "no output=4.*from 1 to 3")):
        with pytest.raises(FathomError, match=told):
            forecast_once(DRAWS[0], Reading(noise=1.0), output)


def test_strangers_are_told_apart_by_the_same_uncertainty():
    random = np.random.default_rng(3)
    sure = once(values=8 * np.eye(3)[LABELS] + random.random((40, 3)))
    unsure = once(values=0.1 * random.random((25, 3)))
    found = quality(sure, LABELS, strangers=unsure).selective.strangers
    assert found.auroc.value == 1
    assert (found.own.sum(), found.other.sum()) == (40, 25)
    own = ValueForecast(np.zeros(3), np.array([1.0, 2, 3]), "")
    other = ValueForecast(np.zeros(2), np.array([2.5, 0.5]), "")
    assert quality(own, np.ones(3), strangers=other).selective.strangers.auroc.value == (2 + 0) / 6


def test_examples_without_a_class_are_left_out():
    some = np.where(np.arange(40) < 10, -100, LABELS)
    found = quality(once(), some)
    assert found.calibration.examples == 30
    alone = quality(once(values=DRAWS[0][10:]), LABELS[10:])
    assert found.calibration.equal_mass.ece == alone.calibration.equal_mass.ece
    assert found.scoring.scores == alone.scoring.scores


@pytest.mark.parametrize(
    ("targets", "told"),
    [
        (np.zeros((40, 3)), r"shape \[40, 3\] are no classes of 40"),
        (LABELS + 0.5, 'number of no class.*outputs="values"'),
        (np.full(40, -1), "none of the 40 examples"),
    ],
)
def test_targets_that_are_no_classes_are_refused(targets, told):
    with pytest.raises(FathomError, match=told):
        quality(once(), targets)


def test_targets_of_another_number_are_refused():
    with pytest.raises(FathomError, match=r"\[3\] do not fit 40 forecasts"):
        quality(once("values", DRAWS[0][:, :1], noise=1.0), np.zeros(3))


def test_several_classes_an_example_are_refused():
    with pytest.raises(FathomError, match="more than one class an example"):
        once("logits", DRAWS[0].reshape(10, 3, 4))
