"""Losses, parts and shares of noise, against the closed form."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dashboard.stopping_traces import (
    MOST_POINTS,
    axis_of,
    curves_of,
    has_noise,
    loss_traces,
    part_traces,
    share_traces,
)
from dashboard.theme import palette, safe
from diagnostics.early_stopping import Curve, EarlyStopping
from tests.dashboard.samples import HOSTILE
from tests.dashboard.stoppings import BEST, LAST, left, make_stopping

COLOURS = palette("light")


@pytest.fixture(scope="module")
def stopping() -> EarlyStopping:
    return make_stopping()


def test_both_losses_are_drawn_and_the_least_of_what_was_not_seen_is_marked(
    stopping: EarlyStopping,
) -> None:
    seen, unseen, least = loss_traces(stopping, COLOURS)
    np.testing.assert_allclose(seen["y"], 1 / (1 + seen["customdata"]))
    np.testing.assert_allclose(unseen["y"], 0.1 + ((unseen["customdata"] - BEST) / LAST) ** 2)
    np.testing.assert_allclose(10 ** unseen["x"] - 1, unseen["customdata"], atol=1e-9)
    assert least["customdata"].tolist() == [BEST]
    assert least["y"].tolist() == [0.1]
    assert (unseen["line"]["color"], least["marker"]["color"]) == (COLOURS.accent, COLOURS.chosen)


def test_of_long_curves_some_points_are_drawn_the_least_among_them(
    stopping: EarlyStopping,
) -> None:
    steps = np.arange(1, 100_001)
    values = np.ones(len(steps))
    values[77_776] = 0.5
    long = replace(stopping, validation=Curve(HOSTILE, steps, values))
    _, unseen, least = loss_traces(long, COLOURS)
    assert len(unseen["x"]) <= MOST_POINTS + 1
    assert 0.5 in unseen["y"]
    assert least["customdata"].tolist() == [77_777]
    assert unseen["name"] == safe(HOSTILE)


def test_without_a_loss_it_is_the_distance_to_the_clean_target(stopping: EarlyStopping) -> None:
    alone = replace(stopping, training=None, validation=None)
    (curve,) = curves_of(alone)
    np.testing.assert_array_equal(curve.values, stopping.clean_error)
    assert axis_of(alone).shift == 1
    assert [each.name for each in curves_of(stopping)] == ["loss", "val_loss"]


def test_each_mode_goes_from_what_the_best_step_keeps_to_what_the_last_has(
    stopping: EarlyStopping,
) -> None:
    line, last, best = part_traces(stopping, COLOURS)
    assert best["x"].tolist() == [1, 2, 8]
    kept = [1 - left(BEST, mode) for mode in (0, 1, 3)]
    at_last = [1 - left(LAST, mode) for mode in (0, 1, 3)]
    np.testing.assert_allclose(best["y"], kept, atol=1e-9)
    np.testing.assert_allclose(last["y"], at_last, atol=1e-9)
    table = line["y"].reshape(3, 3)
    np.testing.assert_allclose(table[:, 0], kept, atol=1e-9)
    np.testing.assert_allclose(table[:, 1], at_last, atol=1e-9)
    assert np.isnan(table[:, 2]).all()


def test_the_noise_is_fitted_as_its_own_mode_is(stopping: EarlyStopping) -> None:
    _, noise = share_traces(stopping, COLOURS)
    np.testing.assert_allclose(noise["y"], 1 - left(np.arange(LAST + 1), 3), atol=1e-9)
    assert (noise["name"], noise["xaxis"]) == ("noise fitted", "x3")
    assert has_noise(stopping)
    assert not has_noise(make_stopping(noisy=False))
