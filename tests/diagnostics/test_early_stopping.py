from dataclasses import replace

import numpy as np
import pytest

from diagnostics.early_stopping import CARRIED, GIVEN, EarlyStopping, early_stopping
from diagnostics.kernel_modes import Learning, kernel_modes
from diagnostics.learned_function import learned_function
from diagnostics.run import Scalar
from diagnostics.spectral_bias import spectral_bias
from diagnostics.store import load, save
from probes.folder import FathomError
from tests.diagnostics.bowl import ABOUT
from tests.diagnostics.descents import GRID, OCTAVES, RATE, N, descent, designed, features, target
from tests.diagnostics.test_store import assert_same

SCALE = 1 / OCTAVES


def logged(steps, values):
    steps = np.asarray(steps)
    return Scalar("val_loss", steps, np.asarray(values, float), np.zeros(len(steps)))


def test_what_is_kept_is_what_a_ridge_of_each_mode_keeps():
    """S3b: alpha = eigenvalue r^t / (1 - r^t), r = 1 - rate eigenvalue; exact."""
    learned = designed(SCALE, 400)
    best = 50
    validation = logged([0, best, 400], [3.0, 1.0, 2.0])
    found = early_stopping(learned, spectral_bias(learned), validation)
    eigenvalues = SCALE**2 / 2
    left = (1 - RATE * eigenvalues) ** best
    assert found.best == best
    assert "val_loss" in found.by
    np.testing.assert_allclose(found.kept, 1 - left, atol=1e-12)
    alpha = eigenvalues * left / (1 - left)
    np.testing.assert_allclose(found.ridge * eigenvalues, alpha, atol=1e-12)
    # and ridge regression with these penalties gives the same predictions, computed outright
    inputs = features(OCTAVES, SCALE)
    gram = inputs.T @ inputs / N
    weights = np.linalg.solve(gram + np.diag(np.tile(alpha, 2)), inputs.T @ target() / N)
    np.testing.assert_allclose(learned.values[best], inputs @ weights, atol=1e-12)


def test_gradient_flow_is_never_worse_than_1_69_times_ridge():
    """S3 (Ali, Kolter, Tibshirani 2019): risk of the flow at t over that of ridge at 1/t.

    Noise along each eigenvector in turn, of both signs: their mean is the expectation, exactly.
    """
    inputs, clean, sigma = features(OCTAVES, SCALE), target(amplitudes=3 * SCALE), 0.6
    u, s, _ = np.linalg.svd(inputs / N**0.5, full_matrices=False)
    eigenvalues = s**2
    noise = sigma * N**0.5 * np.hstack([u, -u])
    noisy = clean + noise
    times = np.unique(np.geomspace(1, 1e5, 60).astype(int))
    kept = 1 - np.exp(-times[:, None] * eigenvalues)
    flow = np.einsum("ne,te,er->tnr", u, kept, u.T @ noisy)
    learned = learned_function(times, GRID, flow, noisy)
    found = early_stopping(
        learned, spectral_bias(learned, OCTAVES), clean=np.broadcast_to(clean, noisy.shape)
    )
    # the mean over 2 x 12 draws is of noise in one of 12 directions each: a twelfth of all noise
    shrunk = eigenvalues / (eigenvalues + 1 / times[:, None])
    size = (u.T @ clean)[:, 0] ** 2 / N
    risk = lambda part: ((1 - part) ** 2 * size).sum(1) + sigma**2 * (part**2).mean(1)  # noqa: E731
    np.testing.assert_allclose(found.clean_error, risk(kept), rtol=1e-9)
    whole = lambda part: ((1 - part) ** 2 * size).sum(1) + sigma**2 / N * (part**2).sum(1)  # noqa: E731
    for ratio in (found.clean_error / risk(shrunk), whole(kept) / whole(shrunk)):
        assert 1.05 < ratio.max() <= 1.6862
    assert found.best == times[found.clean_error.argmin()]
    assert 1 < found.best < times[-1]


def test_the_noise_that_later_steps_fit_is_told_from_the_signal():
    """Signal in slow modes, noise in fast ones, or the other way: both go as they must."""
    steps, place = np.arange(401), 120
    left = (1 - RATE * SCALE**2 / 2) ** steps[:, None]
    clean = target(amplitudes=np.array([1, 0, 0, 0, 0, 0]))
    noise = target(amplitudes=np.array([0, 0, 0, 0.5, 0, 0]))
    values = descent(features(OCTAVES, SCALE), clean + noise, 400)
    learned = learned_function(steps, GRID, values, clean + noise)
    bias = spectral_bias(learned)
    found = early_stopping(learned, bias, logged([place], [1.0]), clean)
    np.testing.assert_allclose(found.signal, 1 - left[:, 0], atol=1e-12)
    np.testing.assert_allclose(found.noise, 1 - left[:, 3], atol=1e-12)
    error = left[:, 0] ** 2 / 2 + (1 - left[:, 3]) ** 2 / 8
    np.testing.assert_allclose(found.clean_error, error, atol=1e-12)
    assert found.noise_at_best == pytest.approx(1 - left[place, 3])
    alone = early_stopping(learned, bias, clean=clean)
    assert alone.best == error.argmin()
    assert 0 < alone.best < 400
    assert alone.by == "distance to the clean target"
    assert alone.noise_at_best < 0.2 < alone.noise[-1]
    np.testing.assert_array_equal(alone.kept, bias.ratio[alone.best])
    np.testing.assert_array_equal(alone.kept_last, bias.ratio[-1])


def test_a_clean_target_has_no_noise_to_fit():
    learned = designed(SCALE, 20)
    found = early_stopping(learned, spectral_bias(learned), clean=learned.target)
    assert np.isnan(found.noise).all()
    assert found.best == 20
    assert (np.diff(found.signal) > 0).all()


def test_without_a_clean_target_its_parts_are_not_known():
    learned = designed(SCALE, 20)
    found = early_stopping(learned, spectral_bias(learned), logged([3, 7], [np.nan, 2.0]))
    assert found.best == 7
    for part in (found.signal, found.noise, found.clean_error):
        assert np.isnan(part).all()


def test_noise_is_what_the_frequencies_of_the_target_leave_of_it():
    """Where nobody knows the clean target: named frequencies carry it, and the rest is noise."""
    steps, place = np.arange(401), 120
    clean = 2 + target(amplitudes=np.array([1, 1, 0, 0, 0, 0]))
    noise = target(amplitudes=np.array([0, 0, 0, 0.5, 0, 0]))
    inputs = np.hstack([features(OCTAVES, SCALE), np.ones((N, 1))])
    learned = learned_function(steps, GRID, descent(inputs, clean + noise, 400), clean + noise)
    bias = spectral_bias(learned, [1, 2])
    found = early_stopping(learned, bias, logged([place], [1.0]))
    told = early_stopping(learned, bias, logged([place], [1.0]), clean)
    assert (found.clean, told.clean) == (CARRIED, GIVEN)
    np.testing.assert_allclose(found.noise, told.noise, atol=1e-9)
    np.testing.assert_allclose(found.noise, 1 - (1 - RATE * SCALE[3] ** 2 / 2) ** steps, atol=1e-9)
    np.testing.assert_allclose(found.clean_error, told.clean_error, atol=1e-9)
    with pytest.raises(FathomError, match="no step is known"):
        early_stopping(learned, bias)  # such a guess does not say which step is the best


def test_a_kernels_modes_are_filtered_as_well():
    """At the steps that both have; of rounding nothing is told."""
    learned = designed(SCALE, 40)
    values, shapes = np.array([4.0, 1.0, 0.0]), np.arange(0, 41, 10)
    residuals = np.ones((5, 3, 1)) * ((1 - 0.1 * values) ** shapes[:, None])[..., None]
    gram = np.diag(values)
    modes = kernel_modes(Learning(ABOUT, shapes, residuals, gram, gram, 1.0, "an example"))
    found = early_stopping(learned, modes, logged([12], [1.0]))
    assert (found.modes, found.frequencies.tolist()) == ("kernel mode", [1, 2])
    assert (found.best, found.steps.tolist()) == (10, shapes.tolist())
    np.testing.assert_allclose(found.kept, 1 - (1 - 0.1 * values[:2]) ** 10)
    assert found.clean == ""
    late = replace(modes, steps=shapes + 1000)
    with pytest.raises(FathomError, match="1000 to 1040"):
        early_stopping(learned, late, logged([12], [1.0]))


def test_both_losses_are_kept_beside_it():
    learned = designed(SCALE, 20)
    unseen = logged([3], [1])
    seen = Scalar("loss", np.array([1, 2]), np.array([3.0, 4.0]), np.zeros(2))
    found = early_stopping(learned, spectral_bias(learned), unseen, training=seen)
    assert (found.training.name, found.training.values.tolist()) == ("loss", [3, 4])
    assert (found.validation.name, found.validation.steps.tolist()) == ("val_loss", [3])
    assert early_stopping(learned, spectral_bias(learned), unseen).training is None


def test_a_training_that_ends_in_nan_still_has_its_best_step():
    learned = designed(SCALE, 20)
    learned.values[15:] = np.nan
    found = early_stopping(learned, spectral_bias(learned), clean=learned.target)
    assert found.best == 14
    assert np.isfinite(found.signal[:15]).all()


def test_what_cannot_be_judged_is_refused():
    learned = designed(SCALE, 20)
    bias = spectral_bias(learned)
    with pytest.raises(FathomError, match="val_loss"):
        early_stopping(learned, bias)
    with pytest.raises(FathomError, match="no finite value"):
        early_stopping(learned, bias, logged([1], [np.nan]))
    with pytest.raises(FathomError, match=r"\[3, 1\] is not one of 256"):
        early_stopping(learned, bias, clean=np.zeros((3, 1)))
    with pytest.raises(FathomError, match="same predictions"):
        early_stopping(designed(SCALE, 10), bias, clean=learned.target)


def test_what_is_stored_comes_back(tmp_path):
    learned = designed(SCALE, 20)
    found = early_stopping(learned, spectral_bias(learned), clean=0.9 * learned.target)
    save(tmp_path, found)
    assert_same(load(tmp_path, EarlyStopping), found)


def test_the_best_record_is_one_that_can_be_seen():
    """Training ended in NaN, and the validation loss was least just before."""
    learned = designed(SCALE, 100)
    broken = learned.values.copy()
    broken[50:] = np.nan
    learned = replace(learned, values=broken)
    found = early_stopping(learned, spectral_bias(learned), logged([0, 52, 100], [3.0, 1.0, 2.0]))
    assert found.best == 49
    assert np.isfinite(found.kept).all()
    nothing = replace(learned, values=np.full_like(broken, np.nan))
    with pytest.raises(FathomError, match="no prediction is finite"):
        early_stopping(nothing, spectral_bias(nothing), logged([0], [1.0]))


def test_modes_that_hold_next_to_nothing_are_left_out():
    """What is learnt of them is mostly what other modes leave."""
    residuals = np.array([[3.0, 1e-3, 1.0], [1.0, 0.5, 0.5]])[..., None]
    gram = np.diag([3.0, 2.0, 1.0])
    modes = kernel_modes(Learning(ABOUT, np.array([0, 1]), residuals, gram, gram, 1.0, "a row"))
    wanted = np.zeros((3, 1))
    learned = learned_function([0, 1], np.arange(3.0)[:, None], residuals, wanted)
    found = early_stopping(learned, modes, logged([0, 1], [2.0, 1.0]))
    assert found.frequencies.tolist() == [1, 3]
    np.testing.assert_allclose(found.kept, [2 / 3, 0.5])
