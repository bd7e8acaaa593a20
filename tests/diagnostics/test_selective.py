from dataclasses import fields, make_dataclass

import numpy as np
import pytest
from scipy import stats
from scipy.integrate import trapezoid

from diagnostics.selective import (
    REMAINING,
    REMAINING_NORMALISED,
    SUM_NORMALISED,
    Selective,
    by_uncertainty,
    risk_coverage,
    selective,
    told_apart,
)
from diagnostics.store import load, save
from probes.folder import FathomError

COUNT = 20_000


def near(score, exact, errors=4.5):
    assert 0 < score.error < 0.05
    assert abs(score.value - exact) < errors * score.error


def wrong_at(rate, count=COUNT, seed=0):
    return (np.random.default_rng(seed).random(count) < rate).astype(float)


@pytest.mark.parametrize("rate", [0.05, 0.3, 0.8])
def test_aurc_of_a_perfect_and_of_an_empty_uncertainty(rate):
    """e + (1 - e) ln(1 - e), and e."""
    wrong = wrong_at(rate)
    noise = np.random.default_rng(1).random(COUNT)
    perfect, empty = risk_coverage(wrong + 0.1 * noise, wrong), risk_coverage(noise, wrong)
    near(perfect.aurc, rate + (1 - rate) * np.log(1 - rate))
    assert perfect.perfect_aurc.value == pytest.approx(perfect.aurc.value, rel=1e-12)
    near(empty.aurc, rate)
    near(empty.random_aurc, rate)
    assert perfect.gained.value == pytest.approx(1)
    near(empty.gained, 0)


def test_a_risk_coverage_curve_by_hand():
    found = risk_coverage(np.array([3.0, 1, 2, 4]), np.array([0.0, 0, 1, 1]))
    assert found.coverage.tolist() == [0.25, 0.5, 0.75, 1]
    assert found.risk == pytest.approx([0, 1 / 2, 1 / 3, 1 / 2])
    assert found.perfect == pytest.approx([0, 0, 1 / 3, 1 / 2])
    assert found.aurc.value == pytest.approx((1 / 2 + 1 / 3 + 1 / 2) / 4)
    assert found.perfect_aurc.value == pytest.approx((1 / 3 + 1 / 2) / 4)
    assert found.gained.value == pytest.approx((1 / 2 - 1 / 3) / (1 / 2 - 5 / 24))


def test_equal_uncertainties_give_the_mean_over_all_their_orders():
    random = np.random.default_rng(2)
    doubt, losses = random.integers(4, size=60).astype(float), random.random(60)
    orders = [risk_coverage(doubt + 0.1 * random.random(60), losses) for _ in range(4000)]
    found = risk_coverage(doubt, losses)
    areas = [each.aurc.value for each in orders]
    assert abs(np.mean(areas) - found.aurc.value) < 4.5 * np.std(areas) / np.sqrt(4000)
    risks = np.array([each.risk for each in orders])
    spread = risks.std(0) / np.sqrt(4000)
    assert (np.abs(risks.mean(0) - found.risk) < 5 * spread + 1e-12).all()
    shuffled = random.permutation(60)
    assert risk_coverage(doubt[shuffled], losses[shuffled]).aurc.error == pytest.approx(
        found.aurc.error
    )


def test_an_uncertainty_that_is_one_for_all_is_random():
    found = risk_coverage(np.ones(50), wrong_at(0.3, 50))
    assert found.risk == pytest.approx(np.full(50, found.random_aurc.value))
    assert found.gained.value == pytest.approx(0, abs=1e-12)


def some(seed, count=500):
    """Errors that grow with an uncertainty, not without fail."""
    random = np.random.default_rng(seed)
    doubt = random.gamma(2, size=count)
    return doubt, np.abs(doubt * random.standard_normal(count))


ESTIMATES = {
    "aurc": lambda found: found.risk_coverage.aurc,
    "perfect": lambda found: found.risk_coverage.perfect_aurc,
    "random": lambda found: found.risk_coverage.random_aurc,
    "gained": lambda found: found.risk_coverage.gained,
    "mean, normalised": lambda found: found.sparsification[0].ause,
    "mean": lambda found: found.sparsification[1].ause,
    "sum": lambda found: found.sparsification[2].ause,
    "AUROC": lambda found: found.strangers.auroc,
}


def test_every_error_is_the_estimates_spread_over_new_data():
    random = np.random.default_rng(3)
    strangers = (random.gamma(3, size=300) for _ in range(250))
    many = [selective(*some(n), strangers=next(strangers)) for n in range(250)]
    for name, of in ESTIMATES.items():
        spread = np.std([of(found).value for found in many])
        mean = np.mean([of(found).error for found in many])
        assert mean == pytest.approx(spread, rel=0.2), name


@pytest.mark.parametrize(
    ("definition", "exact"),
    [(REMAINING_NORMALISED, 1 / 2), (REMAINING, 1 / 4), (SUM_NORMALISED, 1 / 6)],
)
def test_three_definitions_give_an_empty_uncertainty_three_areas(definition, exact):
    """Errors uniform in [0, 1]."""
    random = np.random.default_rng(4)
    found = selective(random.random(COUNT), random.random(COUNT)).sparsification
    (one,) = [each for each in found if each.definition == definition]
    near(one.ause, exact)
    assert np.abs(one.left - one.random)[:-20].max() < 0.1  # the last few are few
    assert trapezoid(one.left - one.perfect, one.removed) == pytest.approx(exact, abs=0.02)


def test_a_sparsification_curve_by_hand():
    """Errors 3, 2, 1, removed in this order: 1, .75, .5 of the mean are left."""
    normalised, plain, total = selective([30.0, 20, 10], [3.0, 2, 1]).sparsification
    assert normalised.removed == pytest.approx([0, 1 / 3, 2 / 3])
    assert normalised.left == pytest.approx([1, 0.75, 0.5])
    assert plain.left == pytest.approx([2, 1.5, 1])
    assert total.left == pytest.approx([1, 1 / 2, 1 / 6])
    for each in (normalised, plain, total):
        assert each.left == pytest.approx(each.perfect)
        assert each.ause.value == pytest.approx(0, abs=1e-12)
    assert plain.random == pytest.approx([2, 2, 2])
    assert total.random == pytest.approx([1, 2 / 3, 1 / 3])


def test_areas_are_the_means_of_the_curves():
    for one in selective(*some(5, 80)).sparsification:
        assert len(one.left) == 80
        assert one.ause.value == pytest.approx((one.left - one.perfect).mean(), rel=1e-12)


def test_long_curves_are_thinned_and_their_areas_are_not():
    found = selective(*some(6, 30_000)).risk_coverage
    assert len(found.risk) == 500
    assert (found.coverage[0], found.coverage[-1]) == (1 / 30_000, 1)
    assert found.aurc.value == pytest.approx(trapezoid(found.risk, found.coverage), rel=0.01)


def test_deciles_hold_the_mean_loss_of_their_examples():
    doubt, losses = some(7, 1000)
    found = by_uncertainty(doubt, losses)
    order = losses[np.argsort(doubt)].reshape(10, 100)
    assert found.count.tolist() == [100] * 10
    assert found.loss == pytest.approx(order.mean(1))
    half = 1.96 * stats.sem(order, axis=1)
    assert found.low == pytest.approx(order.mean(1) - half)
    assert found.high == pytest.approx(order.mean(1) + half)
    assert found.uncertainty == pytest.approx(np.sort(doubt).reshape(10, 100).mean(1))


def test_a_group_of_one_has_no_interval():
    found = by_uncertainty(np.array([1.0, 2, 2]), np.array([1.0, 2, 4]))
    assert found.loss.tolist() == [1, 3]
    assert np.isnan([found.low[0], found.high[0]]).all()
    assert found.high[1] == pytest.approx(3 + 1.96)


def test_a_group_without_a_mistake_may_make_one_yet():
    found = by_uncertainty(np.arange(60.0), np.repeat([0.0, 1.0], 30), 2)
    assert found.loss.tolist() == [0, 1]
    assert (found.low[0], found.high[0]) == pytest.approx((0, 1 - 0.025 ** (1 / 30)))


def test_the_error_of_a_risk_is_that_of_a_mean():
    losses = np.random.default_rng(12).random(40)
    found = risk_coverage(np.arange(40.0), losses)
    exact = [stats.sem(losses[:count]) for count in range(2, 41)]
    assert found.error[1:] == pytest.approx(exact)
    assert np.isnan(found.error[0])
    assert risk_coverage(np.ones(40), losses).error[-1] == pytest.approx(exact[-1])


def test_strangers_wholly_apart_leave_no_error_to_tell():
    found = told_apart(np.arange(20.0), np.arange(20.0) + 50)
    assert found.auroc.value == 1
    assert np.isnan(found.auroc.error)
    assert found.fpr95 == found.fpr95_interval[0] == 0
    assert 0.1 < found.fpr95_interval[1] <= 1


@pytest.mark.parametrize("shift", [0, 1, 2.5])
def test_strangers_are_told_apart_as_well_as_normals_are(shift):
    """AUROC Phi(d / sqrt 2); FPR95 Phi(1.645 - d)."""
    random = np.random.default_rng(8)
    found = told_apart(random.normal(size=4000), random.normal(size=6000) + shift)
    near(found.auroc, stats.norm.cdf(shift / np.sqrt(2)))
    low, high = found.fpr95_interval
    assert low < stats.norm.cdf(stats.norm.ppf(0.95) - shift) < high < low + 0.1
    assert low < found.fpr95 < high
    assert (found.own.sum(), found.other.sum()) == (4000, 6000)
    assert len(found.edges) == len(found.own) + 1


def test_auroc_is_the_share_of_pairs_and_ties_are_halves():
    random = np.random.default_rng(9)
    own, other = (random.integers(6, size=n).astype(float) for n in (40, 70))
    pairs = np.sign(np.subtract.outer(other, own)).mean() / 2 + 0.5
    assert told_apart(own, other).auroc.value == pytest.approx(pairs)
    test = stats.mannwhitneyu(other, own)
    assert told_apart(own, other).auroc.value == pytest.approx(test.statistic / 2800)


def test_the_threshold_keeps_95_of_100_and_fpr_counts_what_it_lets_in():
    found = told_apart(np.arange(100.0), np.array([50, 94, 94.5, 200]))
    assert (found.threshold, found.fpr95) == (94, 0.5)


def test_the_interval_of_fpr_misses_seldom():
    random, misses = np.random.default_rng(10), 0
    exact = stats.norm.cdf(stats.norm.ppf(0.95) - 1.5)
    for _ in range(300):
        found = told_apart(random.normal(size=80), random.normal(size=50) + 1.5)
        misses += not found.fpr95_interval[0] <= exact <= found.fpr95_interval[1]
    assert misses <= stats.binom.ppf(0.9999, 300, 0.05)


@pytest.mark.parametrize("strangers", [None, [1.0, 2.0, 9.0]])
def test_a_result_is_stored_whole(tmp_path, strangers):
    found = selective(*some(11, 30), strangers=strangers)
    save(tmp_path, found)
    assert (found.strangers is None) == (strangers is None)
    assert repr(load(tmp_path, type(found))) == repr(found)


def test_without_losses_nothing_can_be_gained():
    found = selective([1.0, 2, 3], np.zeros(3))
    assert found.risk_coverage.aurc.value == 0
    assert np.isnan(found.risk_coverage.gained.value)
    assert [np.isnan(each.ause.value) for each in found.sparsification] == [True, False, True]


def test_one_example_has_values_and_no_errors():
    found = selective([1.0], [2.0], strangers=[3.0])
    assert (found.risk_coverage.aurc.value, found.strangers.auroc.value) == (2, 1)
    assert np.isnan([found.risk_coverage.aurc.error, found.strangers.auroc.error]).all()


def test_what_has_no_order_is_refused():
    with pytest.raises(FathomError, match="uncertainty holds 1 of 2 numbers"):
        selective([np.nan, 1], [0, 1])
    with pytest.raises(FathomError, match=r"loss has shape \(3,\), the predictions \(2,\)"):
        selective([1, 2], [0, 1, 0])
    with pytest.raises(FathomError, match="loss goes down to -1; give errors' sizes"):
        selective([1, 2], [0, -1])
    with pytest.raises(FathomError, match="strangers has shape"):
        selective([1, 2], [0, 1], strangers=[])


@pytest.mark.parametrize("count", [2, 10, 33, 100])
@pytest.mark.parametrize("loss", [0.3, 1.0])
def test_of_losses_that_are_all_alike_nothing_can_be_gained(loss, count):
    doubt = np.random.default_rng(0).random(count)
    found = selective(doubt, np.full(count, loss)).risk_coverage
    assert np.isnan([found.gained.value, found.gained.error]).all()


@pytest.mark.parametrize("around", [0.1, 1e8, 1e17, -1e-300])
@pytest.mark.parametrize("steps", [0, 1, 5])
def test_uncertainties_next_to_one_another_have_a_histogram(around, steps):
    near = around + steps * np.spacing(around)
    found = selective([around, around], [0, 1], strangers=[near, near, near]).strangers
    assert (np.diff(found.edges) > 0).all()
    assert (found.own.sum(), found.other.sum()) == (2, 3)
    assert found.auroc.value == (1 if near > around else 0 if near < around else 0.5)


def test_names_are_kept_and_a_file_from_before_they_were_still_loads(tmp_path):
    named = selective([1.0, 2, 3], [0, 1, 1], names=("doubt", "misses"))
    assert (named.doubt, named.loss) == ("doubt", "misses")
    save(tmp_path, named)
    assert load(tmp_path, Selective).loss == "misses"
    early = make_dataclass("Selective", [f.name for f in fields(Selective)][:-2], frozen=True)
    early.__module__ = Selective.__module__
    save(tmp_path, early(*(getattr(named, f.name) for f in fields(early))), "early")
    found = load(tmp_path, Selective, "early")
    assert (found.doubt, found.loss) == ("", "")
    assert found.risk_coverage.aurc == named.risk_coverage.aurc
