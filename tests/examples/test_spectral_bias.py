"""Published behaviour, on the networks that take seconds."""

import numpy as np
import pytest

from diagnostics.learned_function import LearnedFunction
from diagnostics.spectral_bias import SpectralBias
from diagnostics.store import load
from examples.spectral_bias import REDUCED, analyse, sines, told, train
from tests.diagnostics.test_store import assert_same


@pytest.mark.parametrize(("seed", "rising"), [(0, False), (1, True)])
def test_low_frequencies_are_learnt_first_whatever_their_amplitude(tmp_path, seed, rising):
    run = train(tmp_path / "run", REDUCED, seed, rising=rising)
    found = analyse(run)
    assert found.frequencies.tolist() == list(REDUCED.frequencies)
    expected = [0.2, 0.4, 0.6, 0.8, 1] if rising else [1] * 5
    np.testing.assert_allclose(found.amplitude, expected, rtol=1e-5)
    assert found.order.spearman >= 0.9
    assert found.verdict in ("low first", "cannot tell")  # of five, the latter where two swap
    assert 1.5 * found.half.step[0] < found.half.step[-1]
    assert_same(load(run.path, SpectralBias), found)
    assert load(run.path, LearnedFunction).steps.tolist() == found.steps.tolist()
    text = told(found)
    assert text.count("\n") == 6
    assert f"{found.verdict}: Spearman" in text


def test_the_target_is_the_sum_that_is_told():
    x, y = sines(REDUCED, 3, rising=False)
    assert len(x) == 128
    spectrum = np.abs(np.fft.fft(y[:, 0].numpy())) / 64
    np.testing.assert_allclose(spectrum[list(REDUCED.frequencies)], 1, rtol=1e-5)
    assert (y**2).mean().item() == pytest.approx(2.5, rel=1e-5)
