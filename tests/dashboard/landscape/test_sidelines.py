"""Beside the plane: the training where it is known, else two cuts."""

from __future__ import annotations

import numpy as np

from dashboard.landscape.sidelines import side_axes, side_traces
from dashboard.theme import palette
from tests.dashboard.around import make_landscape, make_trajectory

LIGHT = palette("light")


def test_own_loss_beside_the_planes_and_the_distance_in_order_of_steps() -> None:
    shuffled = make_trajectory(steps=np.array([300, 0, 100]), loss=np.array([0.12, 2.0, 0.5]))
    shadow, own, distance = side_traces(make_landscape(trajectory=shuffled), LIGHT)
    assert own["customdata"].tolist() == [0, 100, 300]
    assert own["y"].tolist() == [2.0, 0.5, 0.12]
    assert shadow["name"] == "the plane's"
    assert distance["yaxis"] == "y3"


def test_without_snapshots_two_cuts_through_the_centre() -> None:
    landscape = make_landscape(trajectory=None)
    lines = [t for t in side_traces(landscape, LIGHT) if "fill" not in t]
    np.testing.assert_allclose(lines[0]["y"], landscape.loss[5])
    np.testing.assert_allclose(lines[1]["y"], landscape.loss[:, 5])


def test_no_cut_where_the_centre_is_no_node() -> None:
    assert side_traces(make_landscape(10, trajectory=None), LIGHT) == []


def test_axes() -> None:
    assert side_axes(make_landscape(), log=True)["yaxis2"]["type"] == "log"
    assert side_axes(make_landscape(), log=True)["yaxis3"]["rangemode"] == "tozero"
    cuts = side_axes(make_landscape(trajectory=None), log=False)
    assert "along x" in cuts["xaxis2"]["title"]["text"]
    assert cuts["yaxis2"]["type"] == "linear"


def test_the_axis_is_that_of_the_losses_drawn_not_of_the_plane() -> None:
    way = make_trajectory(loss=np.array([1e-4, 1.0, 1e4]))
    assert side_axes(make_landscape(trajectory=way), log=True)["yaxis2"]["dtick"] == 1
    zero = make_trajectory(loss=np.array([0.0, 1.0, 2.0]))
    assert side_axes(make_landscape(trajectory=zero), log=True)["yaxis2"]["type"] == "linear"
