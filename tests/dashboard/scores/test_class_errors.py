"""Each class's error beside chance's; of many classes the worst."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from dashboard.scores.class_errors import MOST, class_traces, rows
from dashboard.theme import palette
from diagnostics.calibration import ClassReliability
from tests.dashboard.scores.samples import classifier


def made(count: int) -> ClassReliability:
    share, errors = np.full(count, 1 / count), np.linspace(0.3, 0.01, count)
    floor, spread = np.full(count, 0.05), np.full(count, 0.01)
    return ClassReliability(errors, errors / 10, floor, spread, share, share)


def test_the_worst_above_their_floor_in_their_own_order() -> None:
    kept = rows(made(30))
    assert kept.classes.tolist() == list(range(MOST))
    assert kept.of == 30
    high_floor = replace(made(30), floor=np.where(np.arange(30) == 0, 0.9, 0.05))
    assert rows(high_floor).classes.tolist() == list(range(1, MOST + 1))
    assert rows(made(3)).classes.tolist() == [0, 1, 2]


def test_points_are_the_errors_and_bars_what_chance_shows() -> None:
    found = classifier(3.0).classes
    chance, own = class_traces(found, rows(found), palette("light"))
    np.testing.assert_array_equal(own["x"], found.ece)
    np.testing.assert_array_equal(own["error_x"]["array"], found.error)
    np.testing.assert_allclose(chance["base"] + chance["x"], found.floor + 2 * found.floor_spread)
    np.testing.assert_allclose(chance["base"], found.floor - 2 * found.floor_spread)
    np.testing.assert_allclose(own["customdata"][:, 2].sum(), 1)


def test_a_bar_never_begins_below_nought() -> None:
    wide = replace(made(3), floor_spread=np.full(3, 0.1))
    assert (class_traces(wide, rows(wide), palette("light"))[0]["base"] == 0).all()
