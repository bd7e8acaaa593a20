"""The surface: heights in logarithms, ticks in losses, snapshots at their own loss."""

from __future__ import annotations

import numpy as np
import pytest

from dashboard.landscape.surface import LIFT, surface_scene, surface_traces
from dashboard.loss_scale import loss_scale
from dashboard.theme import palette
from tests.dashboard.around import make_landscape, make_trajectory

LIGHT = palette("light")


def test_heights_and_hover() -> None:
    landscape = make_landscape()
    scale = loss_scale("log", landscape.loss)
    surface = surface_traces(landscape, scale, LIGHT)[0]
    assert surface["z"][3, 8] == pytest.approx(np.log10(landscape.loss[3, 8]))
    assert surface["customdata"][3, 8] == pytest.approx(landscape.loss[3, 8])


def test_a_snapshot_stands_at_its_own_loss_and_a_thread_leads_to_the_planes() -> None:
    landscape = make_landscape()
    scale = loss_scale("log", landscape.loss)
    threads, dots = surface_traces(landscape, scale, LIGHT)[1:3]
    lift = LIFT * (scale.high - scale.low)
    assert dots["z"][1] - lift == pytest.approx(np.log10(0.5))
    assert threads["z"][4] - lift == pytest.approx(np.log10(0.51))
    assert np.isnan(dots["x"][0])  # beyond the picture


def test_holes_are_dots_of_their_colour() -> None:
    landscape = make_landscape(trajectory=None)
    landscape.loss[2, 5] = np.inf
    scale = loss_scale("log", landscape.loss)
    _, dots, _ = surface_traces(landscape, scale, LIGHT)
    assert (dots["x"], dots["y"]) == (landscape.axes[0][5], landscape.axes[1][2])
    assert dots["marker"]["color"] == LIGHT.nonfinite


def test_the_box_ends_where_the_plane_does() -> None:
    landscape = make_landscape()
    scene = surface_scene(landscape, loss_scale("log", landscape.loss), LIGHT)
    assert scene["xaxis"]["range"] == [-1, 1]
    assert "1" in scene["zaxis"]["ticktext"]


def test_ticks_reach_a_snapshots_own_loss_far_below_the_plane() -> None:
    way = make_trajectory(loss=np.array([1e-3, 2e-3, 0.0]))
    landscape = make_landscape(trajectory=way)
    scale = loss_scale("log", landscape.loss)
    lowest = min(surface_scene(landscape, scale, palette("light"))["zaxis"]["tickvals"])
    assert -3.01 < lowest < -2
    assert min(scale.ticks()[0]) > lowest
