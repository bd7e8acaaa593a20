"""The curve of averaging, and where it leads."""

from __future__ import annotations

import numpy as np

from dashboard.ensembles.gain import LIMIT, gain_traces, is_known
from dashboard.theme import palette
from diagnostics.ensemble import gain

COLOURS = palette("light")


def test_of_independent_noises_the_error_falls_as_one_over_their_number() -> None:
    missed = np.random.default_rng(0).standard_normal((6, 100000))
    band, limit, mean = gain_traces(gain(missed), COLOURS)
    np.testing.assert_allclose(mean["y"], 1 / np.arange(1, 7), atol=0.015)
    np.testing.assert_allclose(limit["y"], 0, atol=0.01)
    assert limit["name"] == LIMIT
    assert limit["x"].tolist() == [1, 6]
    half = (band["y"][:6] - band["y"][6:][::-1]) / 2
    np.testing.assert_allclose(half[0], np.sqrt(2 / 6 / 100000), rtol=0.05)  # of a chi square


def test_one_example_has_no_error_and_so_no_band() -> None:
    names = [trace.get("name") for trace in gain_traces(gain(np.ones((3, 1))), COLOURS)]
    assert names == [LIMIT, "of their mean"]


def test_an_error_that_is_not_finite_is_not_known() -> None:
    assert is_known(gain(np.ones((3, 4))))
    assert not is_known(gain(np.full((3, 4), np.nan)))
    assert not is_known(None)
