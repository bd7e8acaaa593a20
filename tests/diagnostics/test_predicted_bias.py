from dataclasses import replace

import numpy as np
import pytest

from diagnostics.frequencies import modes
from diagnostics.kernel_modes import Descent, Learning
from diagnostics.predicted_bias import PredictedBias, predicted_bias, refused
from diagnostics.spectral_bias import spectral_bias
from diagnostics.store import load, save
from tests.diagnostics.bowl import ABOUT
from tests.diagnostics.descents import OCTAVES, RATE, N, designed, features
from tests.diagnostics.test_store import assert_same

SCALE, LAST = 1 / OCTAVES, 400


@pytest.fixture(scope="module")
def learned():
    return designed(SCALE, LAST)


def seen_of(learned, steps=slice(None), slower=1.0):
    """Its kernel is X Xᵀ for ever, and its loss half the mean of squares."""
    inputs = features(OCTAVES, SCALE)
    gram = inputs @ inputs.T / slower
    residuals = (learned.values - learned.target)[steps]
    at = learned.steps[steps]
    return Learning(ABOUT, at, residuals, gram, gram, 1 / N, "an example")


def waves_of(learned):
    return modes(learned.places, OCTAVES)


def test_a_linear_models_frequencies_are_predicted_exactly(learned):
    found = predicted_bias(learned, waves_of(learned), seen_of(learned), Descent(RATE))
    bias = spectral_bias(learned)
    assert (found.refused, found.departs, found.since) == ("", -1, 0)
    np.testing.assert_allclose(found.ratio, bias.ratio[found.steps], atol=1e-9)
    exact = 1 - (1 - RATE * SCALE**2 / 2) ** found.steps[:, None]
    np.testing.assert_allclose(found.ratio, exact, atol=1e-9)
    for told, expected in zip(found.reached, bias.reached, strict=True):
        there = np.isfinite(expected.step)
        np.testing.assert_array_equal(np.isfinite(told.between), there)
        np.testing.assert_allclose(told.between[there], expected.between[there], rtol=0.02)


def test_from_a_later_step_on_it_is_what_is_left_by_then(learned):
    late = slice(50, None)
    found = predicted_bias(learned, waves_of(learned), seen_of(learned, late), Descent(RATE))
    exact = 1 - (1 - RATE * SCALE**2 / 2) ** found.steps[:, None]
    assert (found.since, found.steps[0]) == (50, 50)
    np.testing.assert_allclose(found.ratio, exact, atol=1e-9)


def test_several_outputs_are_rows_of_their_own(learned):
    twice = np.concatenate([learned.values, 2 * learned.values], 2)
    both = replace(learned, values=twice, target=twice[-1] + 0.1)
    seen = seen_of(learned)
    gram = np.kron(seen.kernel, np.eye(2))
    residuals = (both.values - both.target).reshape(LAST + 1, -1, 1)
    of_all = replace(seen, residuals=residuals, kernel=gram, last_kernel=gram)
    of_one = replace(seen, residuals=both.values - both.target)
    first, second = (
        predicted_bias(both, waves_of(learned), each, Descent(RATE)) for each in (of_all, of_one)
    )
    np.testing.assert_allclose(first.ratio, second.ratio, atol=1e-9)


def test_where_it_departs_is_told(learned):
    """A kernel that is too slow for the slow ones: it is right for a while."""
    inputs = features(OCTAVES, SCALE * np.array([1, 1, 0.4, 0.4, 0.4, 0.4]))
    seen = replace(seen_of(learned), kernel=inputs @ inputs.T)
    near = predicted_bias(learned, waves_of(learned), seen, Descent(RATE))
    assert near.refused == ""
    assert near.departs > 0
    assert near.departs > near.reached[0].between[0]


REFUSED = {
    "no rate": ("no rate", 1.0, None),
    "the run had Adam": (Descent(RATE, instead_of="Adam"), 1.0, None),
    "not one of squares": (Descent(RATE), 1.0, np.nan),
    "off by more than a tenth": (Descent(RATE), 50.0, None),
}


@pytest.mark.parametrize("told", REFUSED)
def test_what_would_be_no_forecast_is_refused(learned, told):
    descent, slower, factor = REFUSED[told]
    seen = seen_of(learned, slower=slower)
    seen = seen if factor is None else replace(seen, factor=factor)
    found = predicted_bias(learned, waves_of(learned), seen, descent)
    assert told in found.refused
    assert found.reached == ()


def test_it_is_stored_and_read_as_it_was(tmp_path, learned):
    found = predicted_bias(learned, waves_of(learned), seen_of(learned), Descent(RATE))
    for key, each in (("one", found), ("none", refused("why", 3))):
        save(tmp_path, each, key)
        assert_same(load(tmp_path, PredictedBias, key), each)


def test_beyond_the_stable_rate_it_is_the_rate_that_is_said_to_be_wrong(learned):
    found = predicted_bias(learned, waves_of(learned), seen_of(learned), Descent(4.4))
    assert "descent diverges from a rate of 4 on" in found.refused
    assert "trained on" not in found.refused


def test_a_kernel_that_moved_is_said_to_have(learned):
    seen = seen_of(learned, slower=50.0)
    moved = replace(seen, last_kernel=50 * seen.kernel)
    found = predicted_bias(learned, waves_of(learned), moved, Descent(RATE))
    assert "did not stay as it was, and has changed by 4900%" in found.refused
    assert "trained on" not in found.refused


def test_what_was_there_from_the_start_is_not_foreseen(learned):
    """From the third step on the fastest is there already: its time is no reason to believe."""
    late = slice(15, None)
    seen = seen_of(learned, late, slower=50.0)
    found = predicted_bias(learned, waves_of(learned), seen, Descent(RATE))
    assert spectral_bias(learned).ratio[15, 0] > 0.5
    assert "off by more than a tenth" in found.refused


def test_frequencies_that_the_target_has_not_have_no_times(learned):
    waves = modes(learned.places, [*OCTAVES, 5.0])
    told = np.array([True] * len(OCTAVES) + [False])
    found = predicted_bias(learned, waves, seen_of(learned), Descent(RATE), told=told)
    assert found.refused == ""
    assert np.isnan(found.reached[0].between[-1])
    assert np.isfinite(found.reached[0].between[0])
    assert np.isnan(found.ratio[:, -1]).all()


def test_a_prediction_may_run_away_for_long(learned):
    """To infinity and beyond, without a word from numpy."""
    seen = seen_of(learned)
    far = replace(seen, kernel=1e9 * seen.kernel)
    found = predicted_bias(learned, waves_of(learned), far, Descent(RATE))
    assert found.refused
