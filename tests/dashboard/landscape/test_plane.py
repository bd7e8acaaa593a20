"""The plane: every node in its place, holes in their colour, the way in its own."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dashboard.landscape.plane import (
    contours,
    dot_sizes,
    has_logarithm,
    heat,
    holes,
    inside,
    plane_axes,
    plane_traces,
    short_titles,
    undistorted,
    without_undershoot,
)
from dashboard.loss_scale import loss_scale
from dashboard.theme import palette
from tests.dashboard.around import make_landscape, make_line, make_trajectory
from tests.dashboard.samples import HOSTILE

LIGHT = palette("light")


def test_a_cell_stands_for_the_node_in_its_middle() -> None:
    landscape = make_landscape()
    trace = heat(landscape, landscape.loss, loss_scale("log", landscape.loss))
    assert trace["x0"] + 10 * trace["dx"] == pytest.approx(1)
    row, column = 7, 2
    assert trace["z"][row, column] == pytest.approx(np.log10(landscape.loss[row, column]))
    assert trace["customdata"][row, column].tolist() == pytest.approx(
        [landscape.loss[row, column], 0.004, 0.01]
    )


def test_the_hover_leaves_out_what_is_not_known() -> None:
    landscape = make_landscape(
        evaluated=np.ones((11, 11), bool), rise_error=np.full((11, 11), np.nan)
    )
    told = heat(landscape, landscape.loss, loss_scale("log", landscape.loss))["hovertemplate"]
    assert "interpolation" not in told
    assert "±" not in told


def test_errors_of_the_loss_are_told_of_no_other_quantity() -> None:
    landscape = make_landscape()
    assert landscape.accuracy is not None
    trace = heat(landscape, landscape.accuracy, loss_scale("linear", landscape.accuracy))
    assert "interpolation" not in trace["hovertemplate"]
    assert "±" not in trace["hovertemplate"]
    np.testing.assert_allclose(trace["customdata"][..., 0], landscape.accuracy, rtol=1e-6)


def test_what_is_not_finished_tells_no_error() -> None:
    unknown = np.where(make_landscape().evaluated, 0.0, np.nan)
    landscape = make_landscape(finished=False, interpolation_error=unknown)
    trace = heat(landscape, landscape.loss, loss_scale("log", landscape.loss))
    assert "not finished" in trace["hovertemplate"]
    assert "interpolation" not in trace["hovertemplate"]
    assert np.isfinite(trace["customdata"]).all()


def test_nan_and_infinity_are_told_apart_and_nowhere_else() -> None:
    landscape = make_landscape()
    landscape.loss[0, 0], landscape.loss[3, 4] = np.nan, np.inf
    nan, infinity = holes(landscape, landscape.loss, LIGHT)
    assert np.argwhere(~np.isnan(nan["z"])).tolist() == [[0, 0]]
    assert np.argwhere(~np.isnan(infinity["z"])).tolist() == [[3, 4]]
    assert nan["colorscale"][0][1] == LIGHT.nonfinite
    assert "infinity" in infinity["hovertemplate"]


def test_contours_are_equally_far_apart_within_the_range() -> None:
    landscape = make_landscape()
    scale = loss_scale("log", landscape.loss)
    levels = contours(landscape, landscape.loss, scale)["contours"]
    assert scale.low < levels["start"] < levels["start"] + 13 * levels["size"] < scale.high


def test_dots_mark_the_nodes_that_were_evaluated_unless_all_were() -> None:
    landscape = make_landscape()
    scale = loss_scale("log", landscape.loss)
    (dots,) = [
        trace
        for trace in plane_traces(landscape, scale, LIGHT)
        if trace.get("marker", {}).get("opacity") == 0.5
    ]
    assert len(dots["x"]) == landscape.evaluated.sum()
    assert (dots["x"][0], dots["y"][0]) == (-1, -1)
    exact = replace(landscape, evaluated=np.ones((11, 11), bool))
    assert len(plane_traces(exact, scale, LIGHT)) == len(plane_traces(landscape, scale, LIGHT)) - 1


def test_the_further_off_the_plane_the_larger_the_dot() -> None:
    assert dot_sizes(make_trajectory()).tolist() == [16, 8.5, 6]
    assert dot_sizes(make_trajectory(distance=np.zeros(3))).tolist() == [6, 6, 6]


def test_angles_are_drawn_only_where_they_are_right() -> None:
    x, y = plane_axes(make_landscape())
    assert y["scaleanchor"] == "x"
    askew = make_landscape(cosines=np.array([[1.0, 0.4], [0.4, 1.0]]))
    longer = make_landscape(lengths=np.array([25.0, 50.0]))
    for other in (askew, longer):
        assert not undistorted(other)
        assert "scaleanchor" not in plane_axes(other)[1]
    assert x["range"] == pytest.approx([-1.1, 1.1])


def test_which_snapshots_are_in_the_picture() -> None:
    landscape = make_landscape()
    assert landscape.trajectory
    assert inside(landscape, landscape.trajectory).tolist() == [False, True, True]


def test_interpolation_does_not_reach_below_what_was_evaluated() -> None:
    landscape = make_landscape()
    landscape.loss[0, 1] = -3.0  # interpolated
    clipped = without_undershoot(landscape)
    assert clipped.loss[0, 1] == landscape.loss[landscape.evaluated].min()
    assert has_logarithm(landscape)
    landscape.loss[0, 0] = -3.0  # evaluated: the loss is indeed negative
    assert without_undershoot(landscape).loss[0, 1] == -3.0
    assert not has_logarithm(landscape)


def test_names_of_directions_are_text() -> None:
    x, _ = plane_axes(make_landscape(directions=(HOSTILE, "b")))
    assert "<img" not in x["title"]["text"]


def test_short_names_where_there_is_little_room() -> None:
    told = short_titles(make_landscape(directions=("random 0 (filter-normalised)", HOSTILE)))
    assert told["xaxis"]["title"]["text"] == "random 0"
    assert "<img" not in told["yaxis"]["title"]["text"]
    assert [*short_titles(make_line())] == ["xaxis"]
