"""Against closed forms, and against every mask of a small network."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import softmax

from diagnostics import uncertainty as module
from diagnostics.uncertainty import (
    Estimate,
    Reading,
    average_apart,
    averaged,
    joint_covariance,
    members,
    terms,
    uncertainty,
    variation_ratio,
    worth_keeping,
)
from probes.folder import FathomError
from tests.diagnostics.masked import masked, relu, within

LOGITS = Reading("logits")


def entropy(p):
    return -(p * np.log(p)).sum(-1)


def test_dropout_before_a_linear_layer_has_the_covariance_of_the_closed_form():
    net = masked(examples=1, out=3, p=(0.0, 0.4))
    draws = net.draws(20000, masks="shared").values
    hidden = (net.x @ net.first.T)[0]
    exact = 0.4 / 0.6 * net.second @ np.diag(hidden**2) @ net.second.T
    found = joint_covariance(draws)
    assert within(found, exact)
    assert found.error.max() < 0.05 * np.diag(exact).max()
    np.testing.assert_allclose(uncertainty(draws).epistemic.value[0], np.diag(found.value))
    np.testing.assert_allclose(uncertainty(draws).epistemic.error[0], np.diag(found.error))


def test_two_dropouts_add_up_by_the_law_of_total_variance():
    net = masked(p=(0.2, 0.3))
    inner, outer = 0.2 / 0.8, 0.3 / 0.7
    exact = []
    for x in net.x:
        s, mu, w = inner * net.first @ np.diag(x**2) @ net.first.T, net.first @ x, net.second[0]
        exact.append([w @ s @ w + outer * (w**2 * (mu**2 + np.diag(s))).sum()])
    found = uncertainty(net.draws(20000).values)
    assert within(found.epistemic, exact)
    assert within(found.mean, net.of())


def test_values_through_any_network_are_those_of_all_its_masks():
    net = masked(squash=relu, outer=np.tanh)
    each, chances = net.counted()
    mean = np.tensordot(chances, each, 1)
    found = uncertainty(net.draws(20000).values)
    assert within(found.mean, mean)
    assert within(found.epistemic, np.tensordot(chances, (each - mean) ** 2, 1))
    assert found.aleatoric is None
    assert found.total is None
    assert found.variation is None


def test_classes_through_any_network_are_those_of_all_its_masks():
    net = masked(out=3, squash=relu, p=(0.0, 0.5))
    each, chances = net.counted()
    p = softmax(each, -1)
    mean, own = np.tensordot(chances, p, 1), np.tensordot(chances, entropy(p), 1)
    votes = np.tensordot(chances, p.argmax(-1)[..., None] == np.arange(3), 1)
    found = uncertainty(net.draws(20000).values, LOGITS)
    assert within(found.mean, mean)
    assert within(found.total, entropy(mean))
    assert within(found.aleatoric, own)
    assert within(found.epistemic, entropy(mean) - own)
    assert within(found.variation, 1 - votes.max(-1))
    assert (found.epistemic.error < 0.05 * found.epistemic.value).all()


def test_mutual_information_of_few_draws_is_not_too_small():
    net = masked(examples=1, out=3, squash=relu, p=(0.0, 0.5))
    each, chances = net.counted()
    p = softmax(each, -1)[:, 0]
    exact = entropy(chances @ p) - chances @ entropy(p)
    random = np.random.default_rng(3)
    picked = each[random.choice(len(each), (10, 6000), p=chances)][:, :, 0]  # [draw, repeat, class]
    found = uncertainty(picked, LOGITS).epistemic.value
    error = found.std(ddof=1) / np.sqrt(len(found))
    assert abs(found.mean() - exact) < 4.5 * error
    assert abs(found.mean() * 0.9 - exact) > 10 * error  # what it would be uncorrected
    assert abs(found.mean() * 0.9 / exact - 0.9) < 4.5 * error / exact


@pytest.mark.parametrize("count", [3, 10, 100])
def test_the_squared_error_of_a_variance_is_unbiased_for_gaussian_draws(count):
    draws = np.random.default_rng(count).standard_normal((count, 40000))
    squared = uncertainty(draws).epistemic.error ** 2
    error = squared.std(ddof=1) / np.sqrt(len(squared))
    assert abs(squared.mean() - 2 / (count - 1)) < 4.5 * error


def test_the_error_of_a_variance_is_that_of_the_fourth_moment():
    count, draws = 1000, np.random.default_rng(1).exponential(size=(1000, 2000))
    exact = np.sqrt((9 - (count - 3) / (count - 1)) / count)
    found = uncertainty(draws).epistemic
    z = (found.value - 1) / exact
    assert abs(z.std() - 1) < 4.5 / np.sqrt(2 * len(z))
    squared = found.error**2
    assert abs(squared.mean() - exact**2) < 4.5 * squared.std() / np.sqrt(len(squared))


def test_total_variance_is_that_of_the_mixture():
    random = np.random.default_rng(2)
    mean, variance = random.standard_normal((2, 7, 5, 3))
    variance = variance**2
    found = uncertainty(np.concatenate([mean, variance], -1), Reading("mean, variance"))
    mixture = (variance + mean**2).mean(0) - mean.mean(0) ** 2
    np.testing.assert_allclose(found.total.value, found.aleatoric.value + found.epistemic.value)
    np.testing.assert_allclose(
        found.aleatoric.value + found.epistemic.value * 6 / 7, mixture, rtol=1e-12
    )
    logs = np.concatenate([mean, np.log(variance)], -1)
    other = uncertainty(logs, Reading("mean, log variance"))
    np.testing.assert_allclose(other.total.value, found.total.value, rtol=1e-12)


def test_a_known_level_of_noise_is_added_without_error():
    draws = np.random.default_rng(0).standard_normal((50, 4))
    found = uncertainty(draws, Reading(noise=3.0))
    np.testing.assert_array_equal(found.aleatoric.value, 9.0)
    np.testing.assert_array_equal(found.aleatoric.error, 0.0)
    np.testing.assert_allclose(found.total.value, 9 + draws.var(0, ddof=1))
    np.testing.assert_allclose(found.total.error, found.epistemic.error)


def test_errors_are_as_large_as_the_scatter_between_repeats():
    net = masked(examples=1, out=3, squash=relu, p=(0.0, 0.5))
    each, chances = net.counted()
    random = np.random.default_rng(5)
    picked = each[random.choice(len(each), (300, 1500), p=chances)][:, :, 0]
    found = uncertainty(picked, LOGITS)
    for name in ("epistemic", "aleatoric", "total"):
        estimate = getattr(found, name)
        told, seen = np.sqrt((estimate.error**2).mean()), estimate.value.std(ddof=1)
        assert abs(seen / told - 1) < 4.5 / np.sqrt(2 * 1500), name


def test_an_average_over_examples_knows_that_masks_are_shared():
    draws = np.random.default_rng(7).standard_normal((200, 1))
    alone, copied = average_apart(draws, Reading()), average_apart(draws.repeat(9, 1), Reading())
    np.testing.assert_allclose(copied.error, alone.error)
    apart = average_apart(np.random.default_rng(8).standard_normal((200, 100)), Reading())
    assert within(apart, 1.0)
    assert apart.error < 0.2 * alone.error


def test_gaussian_draws_are_enough_at_about_two_hundred():
    draws = np.random.default_rng(4).standard_normal((100, 20000))
    found = uncertainty(draws)
    # 1 / sqrt(2 (T - 1)) = 5 % at 201; the median of estimates from 100 draws is a little lower
    assert 170 < found.needed < 205
    assert found.more == found.needed - 100
    assert 0.062 < found.relative < 0.0711 < found.worst


def test_growth_ends_with_all_draws_and_its_funnel_narrows():
    draws = np.random.default_rng(6).standard_normal((1000, 3))
    growth = uncertainty(draws).growth
    assert growth.draws[0] == 4
    assert growth.draws[-1] == 1000
    assert (np.diff(growth.draws) > 0).all()
    assert within(growth.epistemic, 1.0, most=6)  # of few draws errors are rough
    whole = average_apart(draws, Reading())
    assert growth.epistemic.value[-1] == whole.value
    assert growth.epistemic.error[-1] == whole.error < 0.2 * growth.epistemic.error[0]
    assert uncertainty(draws).average == whole
    for size, value in zip(growth.draws, growth.epistemic.value, strict=True):
        np.testing.assert_allclose(value, draws[:size].var(0, ddof=1).mean())


def test_blocks_of_examples_give_what_the_whole_gives(monkeypatch):
    draws = np.random.default_rng(0).standard_normal((30, 11, 4)).astype(np.float32)
    whole = uncertainty(draws, LOGITS)
    monkeypatch.setattr(module, "AT_ONCE", 400)  # three examples
    parts = uncertainty(draws, LOGITS)
    for name in ("mean", "epistemic", "aleatoric", "total", "variation"):
        np.testing.assert_array_equal(getattr(parts, name).value, getattr(whole, name).value)
        np.testing.assert_array_equal(getattr(parts, name).error, getattr(whole, name).error)
    np.testing.assert_allclose(parts.growth.epistemic.value, whole.growth.epistemic.value)


def test_every_way_to_say_classes_says_the_same():
    logits = np.random.default_rng(0).standard_normal((30, 5, 2))
    by_logits = uncertainty(logits, LOGITS)
    one = uncertainty(logits[..., 1] - logits[..., 0], Reading("one logit"))
    done = uncertainty(softmax(logits, -1), Reading("probabilities"))
    last = uncertainty(logits[:, :, None], Reading("logits", class_axis=2))
    for other in (one, done):
        np.testing.assert_allclose(other.epistemic.value, by_logits.epistemic.value)
        np.testing.assert_allclose(other.mean.value, by_logits.mean.value)
    np.testing.assert_allclose(last.epistemic.value[:, 0], by_logits.epistemic.value)


def test_classes_of_sequences_are_on_the_second_axis_as_losses_have_them():
    logits = np.random.default_rng(0).standard_normal((6, 5, 3, 7))  # [draw, example, class, place]
    found = uncertainty(logits, LOGITS)
    assert found.epistemic.value.shape == (5, 7)
    assert found.mean.value.shape == (5, 7, 3)
    last = uncertainty(np.moveaxis(logits, 2, 3), Reading("logits", class_axis=-1))
    np.testing.assert_array_equal(last.epistemic.value, found.epistemic.value)


def test_certain_classes_are_certain_and_opposed_ones_share_one_bit():
    sure = np.tile([1000.0, 0.0], (4, 1, 1))
    found = uncertainty(sure, LOGITS)
    assert (found.epistemic.value, found.total.value) == (0, 0)
    opposed = np.array([[[0.0, 800.0]], [[800.0, 0.0]]] * 50)
    found = uncertainty(opposed, LOGITS)
    np.testing.assert_allclose(found.epistemic.value, np.log(2) * 100 / 99)
    assert found.aleatoric.value == 0
    np.testing.assert_allclose(found.variation.value, 0.5)


def test_unanimous_draws_do_not_prove_that_none_would_differ():
    found = variation_ratio(np.tile([0.9, 0.1], (100, 1, 1)))
    assert found.value == 0
    assert 0.005 < found.error < 0.02  # three in 99.7 % cases: 3 %


def test_a_shared_mask_moves_examples_together_and_others_do_not():
    net = masked(p=(0.0, 0.4))
    hidden = net.x @ net.first.T
    exact = 0.4 / 0.6 * (hidden * net.second[0] ** 2) @ hidden.T
    shared = joint_covariance(net.draws(8000, masks="shared").values)
    assert within(shared, exact)
    independent = joint_covariance(net.draws(8000).values)
    assert within(independent, np.diag(np.diag(exact)))
    assert not within(shared, np.diag(np.diag(exact)))


def test_what_cannot_be_told_is_not_a_number():
    found = uncertainty(np.array([[1.0], [2.0]]))
    assert found.epistemic.value == 0.5
    assert np.isnan(found.epistemic.error).all()
    assert np.isnan(found.relative)
    assert found.needed is None
    assert found.more is None
    still = uncertainty(np.full((20, 3), 0.1))  # whose sum is rounded
    assert (still.epistemic.value == 0).all()
    assert still.needed is None
    broken = uncertainty(np.array([[[1.0, 2.0]], [[np.inf, 1.0]], [[0.0, 1.0]]]), LOGITS)
    assert np.isnan(broken.epistemic.value).all()
    assert np.isnan(averaged(np.ones((1, 2))).error).all()
    assert np.isnan(joint_covariance(np.ones((2, 2))).error).all()


def test_a_prefix_of_kept_draws_is_what_so_few_draws_give():
    net = masked()
    kept = worth_keeping(net.draws(50).values)
    assert len(kept) == 50
    few = uncertainty(net.draws(20).values)
    np.testing.assert_array_equal(uncertainty(kept[:20]).epistemic.value, few.epistemic.value)


def test_of_large_draws_the_first_few_are_kept(monkeypatch):
    draws = np.arange(400.0).reshape(40, 10)
    monkeypatch.setattr(module, "KEPT_BYTES", draws.nbytes)
    assert worth_keeping(draws) is draws
    monkeypatch.setattr(module, "KEPT_BYTES", draws.nbytes - 1)
    np.testing.assert_array_equal(worth_keeping(draws), draws[:32])


@pytest.mark.parametrize(
    ("shape", "reading", "told"),
    [
        ((4,), Reading(), "are no draws"),
        ((1, 4), Reading(), "are no draws"),
        ((5, 0), Reading(), "are no draws"),
        ((5, 4), LOGITS, "no classes on axis 1"),
        ((5, 4, 1), LOGITS, "one logit"),
        ((5, 4, 3), Reading("logits", class_axis=0), "no classes on axis 0"),
        ((5, 4, 3), Reading("logits", class_axis=2), "no classes on axis 2"),
        ((5, 4, 3), Reading("probabilities", class_axis=-2), "no classes on axis -2"),
        ((5, 4, 3), Reading("mean, variance"), "two halves"),
        ((5, 4), Reading("classes"), "there are: values; mean, variance"),
        ((5, 4), Reading(noise=0.0), "noise=0.0"),
    ],
)
def test_draws_that_cannot_be_read_so_are_refused_in_words(shape, reading, told):
    with pytest.raises(FathomError, match=told):
        uncertainty(np.zeros(shape), reading)


def test_a_negative_variance_is_refused():
    with pytest.raises(FathomError, match="log variance"):
        uncertainty(np.full((3, 2, 2), -1.0), Reading("mean, variance"))


def test_terms_average_to_the_measures():
    draws = np.random.default_rng(0).standard_normal((20, 4, 3))
    of, found = terms(draws, LOGITS), uncertainty(draws, LOGITS)
    assert isinstance(found.total, Estimate)
    np.testing.assert_allclose((of.own + of.apart).mean(0), found.total.value)
    np.testing.assert_allclose(members(draws, LOGITS).sum(-1), 1)


def test_a_lone_probability_is_not_to_be_read_as_a_logit():
    lone = np.full((3, 4, 1), 0.5)
    with pytest.raises(FathomError, match=r"as \(1 - p, p\)") as caught:
        uncertainty(lone, Reading("probabilities"))
    assert "one logit" not in str(caught.value)
    with pytest.raises(FathomError, match="one logit"):
        uncertainty(lone, Reading("logits"))
