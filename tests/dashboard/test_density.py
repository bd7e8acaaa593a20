"""Sticks keep the whole weight, and the smooth line its share."""

from __future__ import annotations

import numpy as np

from dashboard.density import WIDTH, floor_of, smoothed, sticks
from tests.dashboard.around import make_curvature


def test_the_sticks_of_all_probes_weigh_one_together() -> None:
    curvature = make_curvature()
    x, heights = sticks(curvature.nodes, curvature.density)
    assert np.all(np.diff(x) >= 0)
    assert np.isclose(heights.sum(), 1)
    assert np.isclose(heights[x == 8.0].sum(), 0.1)


def test_the_line_over_a_lone_stick_is_as_high_as_the_stick() -> None:
    nodes, density = np.array([[0.0, 10.0]]), np.array([[0.75, 0.25]])
    places, line = smoothed(nodes, density)
    at_ten = np.abs(places - 10).argmin()
    assert np.isclose(line[at_ten], 0.25, rtol=0.1)
    between = np.abs(places - 5).argmin()
    assert line[between] < 1e-30
    assert WIDTH < 0.05


def test_a_spectrum_of_one_value_is_drawn() -> None:
    places, line = smoothed(np.full((2, 3), 4.0), np.full((2, 3), 1 / 3))
    assert np.ptp(places) > 0
    assert np.isclose(line.max(), 1, rtol=1e-3)


def test_the_floor_lies_below_what_counts_and_not_at_numerical_dust() -> None:
    assert floor_of(np.array([0.5, 0.01])) < 0.01
    assert floor_of(np.array([0.5, 1e-33])) > 1e-9
