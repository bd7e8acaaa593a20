import numpy as np
import pytest
import torch
from torch import nn

from diagnostics.learned_function import learned_function
from diagnostics.spectral_bias import SpectralBias, spectral_bias
from diagnostics.store import load, save
from probes.folder import FathomError
from tests.diagnostics.descents import (
    GRID,
    OCTAVES,
    RATE,
    N,
    designed,
    features,
    steps_to,
    target,
)
from tests.diagnostics.test_store import assert_same

SCALES = {"low first": 1 / OCTAVES, "high first": OCTAVES / 32, "no bias": np.full(6, 0.5)}
NINE_TENTHS = {
    "low first": [4, 20, 81, 327, 1309, 5239],
    "high first": [5239, 1309, 327, 81, 20, 4],
    "no bias": [20] * 6,
}


@pytest.mark.parametrize("amplitudes", [1.0, OCTAVES / 32, 1 / OCTAVES], ids=["1", "k", "1/k"])
@pytest.mark.parametrize("kind", SCALES)
def test_designed_models_are_learnt_at_the_steps_they_must_whatever_the_amplitudes(
    kind, amplitudes
):
    found = spectral_bias(designed(SCALES[kind], amplitudes=amplitudes))
    half, most = found.reached
    assert found.frequencies.tolist() == OCTAVES.tolist()
    np.testing.assert_array_equal(most.step, NINE_TENTHS[kind])
    np.testing.assert_array_equal(most.step, steps_to(0.9, SCALES[kind]))
    np.testing.assert_array_equal(half.step, steps_to(0.5, SCALES[kind]))
    assert found.verdict == kind
    assert not half.lost.any()
    exponents = {"low first": 2, "high first": -2, "no bias": 0}
    assert found.order.exponent == pytest.approx(exponents[kind], abs=0.25)


def test_each_mode_goes_as_gradient_descent_must():
    """S1: what is left of a mode is (1 - rate eigenvalue)^t."""
    scale = 1 / OCTAVES
    found = spectral_bias(designed(scale, steps=400))
    left = (1 - RATE * scale**2 / 2) ** np.arange(401)[:, None]
    np.testing.assert_allclose(found.ratio, 1 - left, atol=1e-12)
    np.testing.assert_allclose(found.error, left, atol=1e-12)
    np.testing.assert_allclose(found.magnitude, 1 - left, atol=1e-12)


def trained(optimizer, steps=100):
    """torch's own descent on nn.MSELoss, in float64: predictions [step, example, output]."""
    inputs, wanted = torch.tensor(features(OCTAVES, 1 / OCTAVES)), torch.tensor(target())
    model = nn.Linear(12, 1, bias=False, dtype=torch.float64)
    nn.init.zeros_(model.weight)
    step, values = optimizer(model.parameters()), []
    for _ in range(steps + 1):
        step.zero_grad()
        prediction = model(inputs)
        values.append(prediction.detach().numpy().copy())
        nn.MSELoss()(prediction, wanted).backward()
        step.step()
    return learned_function(range(steps + 1), GRID[:, None], np.stack(values), target())


def test_mse_loss_learns_at_twice_the_rate():
    """S1b: its gradient has a factor 2 that half the mean square has not."""
    found = spectral_bias(trained(lambda p: torch.optim.SGD(p, 0.45)))
    left = (1 - 2 * 0.45 / (2 * OCTAVES**2)) ** np.arange(101)[:, None]
    np.testing.assert_allclose(found.error, left, atol=1e-12)
    other = (1 - 0.45 / (2 * OCTAVES**2)) ** np.arange(101)[:, None]
    assert np.abs(found.error - other).max() > 0.1


def test_heavy_ball_goes_by_its_recurrence():
    """S2: e(t+1) = (1 + b - rate eigenvalue) e(t) - b e(t-1), and it overshoots."""
    rate, momentum = 0.3, 0.8
    found = spectral_bias(trained(lambda p: torch.optim.SGD(p, rate, momentum=momentum)))
    left = [np.ones(6), np.ones(6)]
    for _ in range(100):
        left.append((1 + momentum - rate / OCTAVES**2) * left[-1] - momentum * left[-2])
    left = np.stack(left[1:])
    np.testing.assert_allclose(found.ratio, 1 - left, atol=1e-12)
    np.testing.assert_allclose(found.error, np.abs(left), atol=1e-12)
    assert found.ratio[:, 0].max() > 1.3


def test_records_far_apart_bracket_the_exact_steps():
    """Sixteen records a decade: the exact step lies between the two records that are told."""
    whole = designed(1 / OCTAVES, 5700)
    some = np.unique(np.round(10 ** (np.arange(0, 3.76, 1 / 16))).astype(int))
    found = spectral_bias(
        learned_function(some, GRID[:, None], whole.values[some], whole.target)
    ).reached[1]
    exact = np.log(0.1) / np.log(1 - RATE / (2 * OCTAVES**2))
    assert ((found.before < exact) & (exact <= found.step)).all()
    assert np.abs(found.between / exact - 1).max() < 0.02


def test_a_quarter_of_phase_is_not_learnt_though_its_magnitude_is():
    values = np.stack([np.zeros((N, 1)), target(OCTAVES[:1]), target(OCTAVES[:1])])
    values[1] = np.roll(values[1], N // 4, axis=0)
    found = spectral_bias(learned_function([0, 1, 2], GRID, values, target(OCTAVES[:1])))
    np.testing.assert_allclose(found.magnitude[:, 0], [0, 1, 1], atol=1e-12)
    np.testing.assert_allclose(found.ratio[:, 0], [0, 0, 1], atol=1e-12)
    np.testing.assert_allclose(found.error[:, 0], [1, 2**0.5, 0], atol=1e-9)
    assert found.half.step[0] == 2


def test_frequencies_that_the_target_lacks_or_noise_hides_are_not_told():
    rng, sigma = np.random.default_rng(0), 0.5
    amplitudes = np.array([1, 1, 0, 0.05, 0, 0])
    whole = designed(1 / OCTAVES, 50, amplitudes=amplitudes)
    noisy = whole.target + sigma * rng.normal(size=whole.target.shape)
    learned = learned_function(whole.steps, GRID, whole.values, noisy)
    for noise in (None, sigma):
        found = spectral_bias(learned, OCTAVES, noise=noise)
        assert found.told.tolist() == [True, True, False, False, False, False]
        np.testing.assert_allclose(found.noise, 2 * sigma / N**0.5, rtol=0.15)
        assert np.isnan(found.ratio[:, ~found.told]).all()
        assert np.isnan(found.half.step[~found.told]).all()
        assert found.order.told == 2
    clear = spectral_bias(whole, OCTAVES)
    assert clear.told.tolist() == [True, True, False, True, False, False]


def test_noise_alone_is_told_as_a_frequency_once_in_thousands():
    rng = np.random.default_rng(0)
    told = 0
    for _ in range(40):
        learned = learned_function([0], GRID, np.zeros((1, N, 1)), rng.normal(size=(N, 1)))
        told += spectral_bias(learned, np.arange(1.0, 101), noise=1.0).told.sum()
    assert told <= 5  # of 4,000, at e^-9 each, one half is expected


def test_on_uneven_places_the_modes_are_those_of_the_grid():
    """A descent that is diagonal in the waves, seen at other places of the circle."""
    places = np.random.default_rng(0).uniform(size=80)
    scale, steps = 1 / OCTAVES, np.arange(0, 400, 20)
    left = (1 - RATE * scale**2 / 2) ** steps[:, None]
    waves = np.cos(2 * np.pi * np.outer(places, OCTAVES) + 0.7)
    values = ((1 - left)[:, None] * waves).sum(-1)
    learned = learned_function(steps, places, values, waves.sum(1))
    with pytest.raises(FathomError, match="period=…"):
        spectral_bias(learned, OCTAVES)
    found = spectral_bias(learned, OCTAVES, period=1.0)
    assert "least squares" in found.how
    np.testing.assert_allclose(found.ratio, 1 - left, atol=1e-10)


def test_on_a_circle_of_two_features_waves_run_round_it():
    whole = designed(1 / OCTAVES, 100)
    turn = 2 * np.pi * GRID
    circle = 5 * np.stack([np.cos(turn), np.sin(turn)], 1)
    found = spectral_bias(learned_function(whole.steps, circle, whole.values, whole.target))
    assert "angle" in found.axis
    assert found.frequencies.tolist() == OCTAVES.tolist()
    np.testing.assert_allclose(found.ratio, spectral_bias(whole).ratio, atol=1e-9)
    some = np.flatnonzero(np.random.default_rng(0).random(N) < 0.5)  # uneven, and still one turn
    part = learned_function(whole.steps, circle[some], whole.values[:, some], whole.target[some])
    uneven = spectral_bias(part, OCTAVES)
    assert uneven.period == 1
    np.testing.assert_allclose(uneven.ratio, found.ratio, atol=1e-9)


@pytest.mark.parametrize("k", [1, 4, 16])
def test_the_whole_variation_goes_as_the_amplitude_does(k):
    """S9b: 4k for a sine; places in any order, outputs added."""
    sine, kept = np.sin(2 * np.pi * k * GRID), np.array([0.0, 0.3, 1.0])
    order = np.random.default_rng(0).permutation(N)
    both = np.stack([sine, 2 * sine], 1)[order]
    learned = learned_function([0, 1, 2], GRID[order], kept[:, None, None] * both, both)
    found = spectral_bias(learned)
    np.testing.assert_allclose(found.variation, 12 * k * kept, atol=1e-9)
    assert found.target_variation == pytest.approx(12 * k)


def test_a_training_that_ends_in_nan_is_told_up_to_there():
    whole = designed(1 / OCTAVES, 400)
    whole.values[300:] = np.nan
    whole.values[299] = np.inf
    found = spectral_bias(whole)
    assert found.half.step[:4].tolist() == steps_to(0.5, 1 / OCTAVES)[:4].tolist()
    assert np.isinf(found.half.step[4:]).all()
    assert (found.half.lost[:4] > 0).all()


def test_a_network_that_learns_nothing_cannot_be_told():
    whole = designed(np.zeros(6), 10)
    found = spectral_bias(whole)
    assert found.verdict == "cannot tell"
    assert "train longer" in found.why


def test_what_cannot_be_compared_is_refused():
    values = np.zeros((2, 10, 1))
    with pytest.raises(FathomError, match="give target="):
        spectral_bias(learned_function([0, 1], np.arange(10), values))
    pictures = np.random.default_rng(0).normal(size=(10, 4, 4))
    with pytest.raises(FathomError, match="16 features lie on no line"):
        spectral_bias(learned_function([0, 1], pictures, values, np.arange(10.0)))


def test_what_is_stored_comes_back(tmp_path):
    found = spectral_bias(designed(1 / OCTAVES, 30), [1.0, 2.0, 3.0])
    save(tmp_path, found)
    assert_same(load(tmp_path, SpectralBias), found)


@pytest.mark.parametrize("level", [0.0, 0.3, 1e5])
@pytest.mark.parametrize("count", [7, 64])
def test_a_constant_target_has_no_frequency_however_it_rounds(level, count):
    places = np.random.default_rng(0).random(count)
    for where in (places, np.arange(count) / count):
        learned = learned_function([0], where, np.zeros((1, count)), np.full(count, level))
        found = spectral_bias(learned, [1, 2, 3], period=1.0)
        assert not found.told.any()
        assert found.verdict == "cannot tell"


def test_as_many_waves_as_places_are_told_and_their_noise_is_not_known():
    places = np.arange(7) / 7
    wanted = np.sin(2 * np.pi * places) + np.sin(6 * np.pi * places + 1)
    found = spectral_bias(learned_function([0], places, wanted[None] / 2, wanted), [1, 2, 3])
    assert found.told.tolist() == [True, False, True]
    assert np.isnan(found.noise).all()
    assert found.ratio[0, [0, 2]] == pytest.approx(0.5)


def test_a_circle_has_no_period_of_0():
    turns = 2 * np.pi * np.arange(8) / 8
    circle = np.stack([np.cos(turns), np.sin(turns)], 1)
    learned = learned_function([0], circle, np.zeros((1, 8)), np.sin(turns))
    with pytest.raises(FathomError, match="period=0"):
        spectral_bias(learned, period=0.0)
