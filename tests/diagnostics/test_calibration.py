from dataclasses import replace

import numpy as np
import pytest
from scipy import stats
from scipy.optimize import minimize_scalar
from scipy.special import gammaln, log_softmax, softmax

from diagnostics.calibration import by_class, calibration, reliability, sum_of_hits, temperature
from diagnostics.scoring import bin_edges, placed
from diagnostics.store import load, save
from probes.folder import FathomError

BINNINGS = ["equal mass", "equal width"]


def hits(chances, random):
    return (random.random(len(chances)) < chances).astype(float)


def de_moivre(count, chance):
    """The mean deviation of a binomial share, in closed form."""
    above = np.floor(count * chance) + 1
    choose = gammaln(count + 1) - gammaln(above + 1) - gammaln(count - above + 1)
    power = above * np.log(chance) + (count - above + 1) * np.log1p(-chance)
    return 2 * above * np.exp(choose + power) / count


def drawn_labels(chances, random):
    labels = (random.random((len(chances), 1)) > chances.cumsum(1)).sum(1)
    return np.minimum(labels, chances.shape[1] - 1)


@pytest.mark.parametrize("binning", BINNINGS)
@pytest.mark.parametrize("bins", [1, 10, 15])
def test_constant_confidence_is_off_by_its_distance_from_accuracy(binning, bins):
    right = np.repeat([1.0, 0.0], [60, 40])
    assert reliability(np.full(100, 0.9), right, bins, binning).ece == pytest.approx(0.3)


def test_every_value_of_a_small_case_by_hand():
    sure = np.array([0.55, 0.65, 0.65, 0.95, 1.0])
    right = np.array([0.0, 1, 0, 1, 1])
    found = reliability(sure, right, 10, "equal width")
    assert found.edges == pytest.approx(np.arange(11) / 10)
    assert found.count.tolist() == [0, 0, 0, 0, 0, 1, 2, 0, 0, 2]
    assert found.confidence[[5, 6, 9]] == pytest.approx([0.55, 0.65, 0.975])
    assert found.accuracy[[5, 6, 9]] == pytest.approx([0, 0.5, 1])
    assert np.isnan(found.accuracy[[0, 7]]).all()
    assert np.isnan(found.low[0])
    assert found.ece == pytest.approx((0.55 + 2 * 0.15 + 2 * 0.025) / 5)
    assert (found.low[9], found.high[9]) == pytest.approx((0.025**0.5, 1))


def test_a_confidence_of_exactly_one_is_in_the_last_bin():
    """In a bin of its own its gap could not cancel that of its neighbours."""
    right = np.array([1.0, 1, 0, 1])
    found = reliability(np.array([0.95, 0.95, 1.0, 1.0]), right, 10, "equal width")
    assert found.count[-1] == 4
    assert found.ece == pytest.approx(abs(0.975 - 0.75))


@pytest.mark.parametrize("chance", [0.03, 0.5, 0.8, 0.999])
@pytest.mark.parametrize("count", [1, 7, 250])
def test_the_floor_of_one_confidence_is_de_moivres(count, chance):
    found = reliability(np.full(count, chance), np.ones(count))
    assert found.floor == pytest.approx(de_moivre(count, chance), rel=1e-9)
    spread = chance * (1 - chance) / count - de_moivre(count, chance) ** 2
    assert found.floor_spread == pytest.approx(np.sqrt(spread), rel=1e-6)


def test_the_floor_of_fifteen_bins_of_fifty():
    levels = (np.arange(15) + 0.5) / 15
    found = reliability(np.repeat(levels, 50), np.ones(750))
    assert found.floor == pytest.approx(de_moivre(50, levels).mean(), rel=1e-9)
    assert found.floor == pytest.approx(0.044586, abs=5e-7)


@pytest.mark.parametrize("count", [200, 1000, 10_000])
def test_the_floor_is_about_its_normal_limit(count):
    sure = np.random.default_rng(0).uniform(0.5, 1, count)
    place = placed(sure, bin_edges(sure, 15))
    spread = np.sqrt(np.bincount(place, sure * (1 - sure)))
    limit = np.sqrt(2 / np.pi) * spread.sum() / count
    assert reliability(sure, sure > 0.7).floor == pytest.approx(limit, rel=3 / np.sqrt(count / 15))


@pytest.mark.parametrize("binning", BINNINGS)
def test_calibrated_models_show_the_floor_with_its_spread(binning):
    random = np.random.default_rng(1)
    sure = random.uniform(0.5, 1, 600) ** 0.5
    place = placed(sure, bin_edges(sure, 15, binning))
    eces = [np.abs(np.bincount(place, hits(sure, random) - sure)).sum() / 600 for _ in range(4000)]
    found = reliability(sure, hits(sure, random), 15, binning)
    assert abs(np.mean(eces) - found.floor) < 4.5 * found.floor_spread / np.sqrt(4000)
    assert np.std(eces) == pytest.approx(found.floor_spread, rel=4.5 / np.sqrt(8000))


@pytest.mark.parametrize("count", [1, 2, 30, 256, 900])
def test_the_sum_of_unequal_chances_is_their_convolution(count):
    """Up to 256 different ones exactly; of more, neighbours are taken together."""
    chances = np.random.default_rng(2).beta(2, 0.7, count)
    exact = np.ones(1)
    for chance in chances:
        exact = np.convolve(exact, [1 - chance, chance])
    counts, density = sum_of_hits(chances)
    assert exact[counts].sum() == pytest.approx(1, abs=1e-12)
    assert density == pytest.approx(exact[counts], abs=1e-12 if count <= 256 else 1e-5)


def test_the_sum_of_equal_chances_is_binomial_and_of_sure_ones_certain():
    counts, density = sum_of_hits(np.full(4000, 0.5))
    assert density == pytest.approx(stats.binom.pmf(counts, 4000, 0.5), abs=1e-12)
    counts, density = sum_of_hits(np.array([0.0, 1.0, 1.0]))
    assert density[counts == 2] == pytest.approx(1)


def test_a_calibrated_model_is_called_uncalibrated_as_often_as_is_said():
    random = np.random.default_rng(3)
    sure = random.uniform(0.3, 1, 150)
    chances = [reliability(sure, hits(sure, random)).chance for _ in range(400)]
    assert abs(np.mean(np.array(chances) < 0.1) - 0.1) < 4.5 * np.sqrt(0.09 / 400)
    assert abs(np.mean(chances) - 0.5) < 4.5 * np.sqrt(1 / 12 / 400)


def test_an_overconfident_model_shows_what_no_calibrated_one_does():
    sure = np.random.default_rng(4).uniform(0.6, 1, 2000)
    found = reliability(sure, hits(sure - 0.1, np.random.default_rng(5)))
    assert found.chance == pytest.approx(1 / 1001)
    assert found.interval[0] > 0.05


WRONG_BY = {
    "nothing": lambda sure: sure,
    "little": lambda sure: sure - 0.03,
    "much": lambda sure: sure - 0.1,
    "the surest": lambda sure: np.where(sure > 0.95, 0.6, sure),
    "both ways": lambda sure: sure + np.where(sure > 0.8, -0.15, 0.1),
}


@pytest.mark.parametrize("wrong", WRONG_BY)
def test_the_interval_holds_what_endless_examples_would_show(wrong):
    """Misses in 150 trials: 95 % leaves 7.5; the plain bootstrap's would miss every calibrated."""
    random, misses, squares = np.random.default_rng(6), 0, []
    for _ in range(150):
        sure = 0.5 + 0.5 * random.beta(2, 1, 500)
        chances = WRONG_BY[wrong](sure)
        found = reliability(sure, hits(chances, random), 10)
        gaps = np.bincount(placed(sure, found.edges), sure - chances)
        true = np.abs(gaps).sum() / 500
        misses += not found.interval[0] <= true <= found.interval[1]
        squares.append(found.squared - (gaps**2 / found.count).sum() / 500)
    assert misses <= stats.binom.ppf(0.9999, 150, 0.05)
    assert abs(np.mean(squares)) < 4.5 * np.std(squares) / np.sqrt(150)


def test_the_interval_knows_that_a_model_that_was_always_right_may_err():
    random, misses = np.random.default_rng(16), 0
    for _ in range(200):
        sure = random.uniform(0.985, 1, 200)
        found = reliability(sure, hits(sure - 0.005, random), 5)
        misses += not found.interval[0] <= 0.005 <= found.interval[1]
    assert misses <= stats.binom.ppf(0.9999, 200, 0.05)
    unseen = stats.beta.ppf(0.975, 0.5, 20.5)
    surest = reliability(np.full(20, 0.999), np.ones(20))
    assert surest.interval == (0, pytest.approx(0.001 + unseen, rel=0.2))
    always = reliability(np.full(20, 0.9), np.ones(20))
    assert always.interval[0] == 0
    exact = 1 - stats.binom.pmf([17, 18, 19], 20, 0.9).sum()  # all right is 2 from what it expects
    assert always.chance == pytest.approx(exact, abs=4.5 * 0.014)


def test_the_error_is_the_spread_of_a_clear_ece_over_new_data():
    random = np.random.default_rng(7)
    sure = random.uniform(0.7, 1, 1000)
    found = [reliability(sure, hits(sure - 0.25, random), 5) for _ in range(100)]
    spread = np.std([each.ece for each in found])
    assert np.mean([each.error for each in found]) == pytest.approx(spread, rel=0.3)
    width = np.mean([each.interval[1] - each.interval[0] for each in found])
    assert width == pytest.approx(2 * 1.96 * spread, rel=0.3)
    squared = np.std([each.squared for each in found])
    assert np.mean([each.squared_error for each in found]) == pytest.approx(squared, rel=0.3)


def test_the_same_data_give_the_same_numbers():
    sure = np.random.default_rng(8).random(50)
    pair = [reliability(sure, sure > 0.4) for _ in range(2)]
    assert repr(pair[0]) == repr(pair[1])
    assert reliability(sure, sure > 0.4, seed=1).error != pair[0].error


def test_classes_are_judged_each_by_its_own_probability():
    """The third class is given twice its share, at the second one's cost."""
    random = np.random.default_rng(9)
    true = np.tile([0.5, 0.4, 0.1], (6000, 1))
    labels = drawn_labels(true, random)
    found = by_class(np.tile([0.5, 0.3, 0.2], (6000, 1)), labels)
    assert found.ece == pytest.approx([0, 0.1, 0.1], abs=4.5 * 0.007)
    assert found.expected == pytest.approx([0.5, 0.3, 0.2])
    assert found.share == pytest.approx(np.bincount(labels) / 6000)
    assert found.floor == pytest.approx(de_moivre(6000, np.array([0.5, 0.3, 0.2])), rel=1e-6)
    assert found.error == pytest.approx(np.sqrt(found.share * (1 - found.share) / 6000), rel=1e-3)


def test_a_temperature_that_was_put_in_is_found_within_its_error():
    random = np.random.default_rng(10)
    logits = random.normal(0, 1.5, (40_000, 5))
    labels = drawn_labels(softmax(logits, 1), random)
    found = temperature(3 * logits, labels)
    assert abs(found.value - 3) < 4.5 * found.error < 0.15
    assert found.scaled_nll < found.nll
    before = calibration(softmax(3 * logits, 1), labels, logits=3 * logits)
    after = calibration(softmax(3 * logits / found.value, 1), labels)
    assert before.temperature == found
    assert before.equal_mass.chance < 0.002
    assert before.confidence - before.accuracy > 0.1
    assert after.equal_mass.chance > 0.002


def test_a_temperature_is_the_one_of_the_least_nll():
    random = np.random.default_rng(11)
    logits, labels = random.normal(size=(50, 3)) * 40, random.integers(3, size=50)

    def nll(temperature):
        return -log_softmax(logits / temperature, 1)[np.arange(50), labels].mean()

    labels[:30] = logits[:30].argmax(1)
    best = minimize_scalar(nll, (1, 100), method="brent", options={"xtol": 1e-10})
    found = temperature(logits, labels)
    assert found.value == pytest.approx(best.x, rel=1e-6)
    assert (found.scaled_nll, found.nll) == pytest.approx((best.fun, nll(1)))


@pytest.mark.parametrize("factor", [0.01, 1, 100])
def test_logits_times_a_factor_have_that_factor_in_their_temperature(factor):
    random = np.random.default_rng(15)
    logits = random.normal(0, 2, (300, 3))
    labels = drawn_labels(softmax(logits, 1), random)
    found, plain = temperature(factor * logits, labels), temperature(logits, labels)
    assert found.value == pytest.approx(factor * plain.value, rel=1e-6)
    assert found.error == pytest.approx(factor * plain.error, rel=1e-6)


def test_the_error_of_a_temperature_is_its_spread_even_if_it_is_not_all_that_is_wrong():
    random = np.random.default_rng(12)

    def one():
        logits = random.normal(0, 6, (400, 4))
        labels = drawn_labels(softmax(logits, 1), random)
        noise = random.random(400) < 0.1  # of the labels, more or less
        return temperature(logits, np.where(noise, random.integers(4, size=400), labels))

    found = [one() for _ in range(300)]
    spread = np.std([each.value for each in found])
    assert np.mean([each.error for each in found]) == pytest.approx(spread, rel=0.2)


def test_there_is_no_temperature_of_a_model_that_is_always_right_or_worse_than_chance():
    logits = np.random.default_rng(13).normal(size=(20, 3))
    assert temperature(logits, logits.argmax(1)) is None
    assert temperature(logits, logits.argmin(1)) is None
    assert temperature(np.zeros((20, 3)), logits.argmin(1)) is None


def test_a_calibration_tells_what_it_is_of(tmp_path):
    random = np.random.default_rng(14)
    logits = random.normal(0, 2, (300, 4))
    chances = softmax(logits, 1)
    labels = drawn_labels(chances, random)
    found = calibration(chances, labels, logits=logits, bins=12)
    right = chances.argmax(1) == labels
    assert (found.examples, found.accuracy) == (300, pytest.approx(right.mean()))
    exact = stats.binomtest(int(right.sum()), 300).proportion_ci(method="exact")
    assert found.accuracy_interval == pytest.approx(exact)
    assert found.equal_mass.count.tolist() == [25] * 12
    assert found.equal_width.count.sum() == 300
    assert found.equal_width.edges == pytest.approx(np.linspace(0, 1, 13))
    save(tmp_path, found)
    assert repr(load(tmp_path, type(found))) == repr(found)
    save(tmp_path, replace(found, temperature=None))
    assert load(tmp_path, type(found)).temperature is None


def test_logits_of_another_shape_are_refused():
    with pytest.raises(FathomError, match=r"labels have shape \(2,\), predictions 3 examples"):
        calibration([[0.5, 0.5]] * 2, [0, 1], logits=np.zeros((3, 2)))
    with pytest.raises(FathomError, match="logits holds 1 of 4 numbers"):
        calibration([[0.5, 0.5]] * 2, [0, 1], logits=[[0, np.inf], [1, 0]])


def test_one_example_tells_of_no_spread():
    found = calibration([[0.9, 0.1]], [1])
    assert np.isnan(found.equal_mass.squared)
    assert found.classes.error == pytest.approx([0.9, 0.9])  # and not 0


def test_errors_of_classes_hold_in_bins_of_two():
    random, chance = np.random.default_rng(5), np.linspace(0.6, 0.95, 30)
    labels = (random.random((2000, 30)) < 0.9).astype(np.int64)
    drawn = [by_class(np.stack([chance, 1 - chance], 1), each) for each in labels]
    ece, error = np.array([(each.ece[0], each.error[0]) for each in drawn]).T
    assert np.sqrt((error**2).mean()) >= ece.std()
