"""Each histogram is one ridge: the first behind all others, with its shares above its own line."""

from __future__ import annotations

import numpy as np

from dashboard.ridges import LEAST, bins, ridges, size_axis_of, step_axis_of
from dashboard.theme import LIGHT
from tests.dashboard.histories import make_histograms


def test_the_first_stands_highest_and_is_painted_first() -> None:
    traces = ridges(make_histograms(4), LIGHT)
    assert [float(min(trace["y"])) for trace in traces] == [0, -1, -2, -3]
    assert len({trace["fillcolor"] for trace in traces}) == 4
    assert {trace["line"]["color"] for trace in traces} == {LIGHT.card}


def test_heights_are_shares_and_close_on_the_line() -> None:
    (trace,) = ridges(make_histograms(1), LIGHT)
    base, *heights, end = trace["y"].tolist()
    assert base == end == 0
    np.testing.assert_allclose(np.array(heights) / max(heights), [0, 0.5, 1, 0.5, 0])
    np.testing.assert_array_equal(trace["x"][1:-1], [-4.5, -3.5, -2.5, -1.5, -0.5])


def test_the_pointer_is_told_share_size_and_step() -> None:
    trace = ridges(make_histograms(4), LIGHT)[2]
    np.testing.assert_allclose(trace["customdata"][3], [0.5, 0.125, 30])
    assert trace["name"] == "zero 27%<br>below zero 50%"
    assert "%{fullData.name}" in trace["hovertemplate"]


def test_the_one_at_a_step_stands_out() -> None:
    traces = ridges(make_histograms(4), LIGHT, step=22)
    assert [trace["line"]["color"] == LIGHT.chosen for trace in traces] == [0, 1, 0, 0]


def test_a_lone_spike_shrinks_no_other_and_stays_in_the_picture() -> None:
    found = make_histograms(20)
    found.shares[0] = 0
    found.shares[0, 45] = 1.0
    traces = ridges(found, LIGHT)
    assert max(traces[10]["y"]) == max(ridges(make_histograms(20), LIGHT)[10]["y"])
    assert step_axis_of(found)["range"][1] > max(traces[0]["y"])


def test_only_bins_with_something_in_them_are_drawn() -> None:
    found = make_histograms(4)
    found.shares[1, 10] = LEAST / 2
    assert bins(found) == (43, 48)
    found.shares[:] = 0
    found.shares[2, 63] = LEAST / 9
    assert bins(found) == (62, 64)


def test_ticks_are_decades_or_powers_of_two() -> None:
    narrow = size_axis_of(make_histograms(4), "size")
    assert dict(zip(narrow["ticktext"], narrow["tickvals"], strict=True))["0.25"] == -2
    wide = make_histograms(4)
    wide.shares[:, 10] = 0.1
    axis = size_axis_of(wide, "size")
    sizes = [float(word.replace("\N{MINUS SIGN}", "-")) for word in axis["ticktext"]]
    np.testing.assert_allclose(axis["tickvals"], np.log2(sizes))
    assert len(sizes) > 3


def test_some_steps_are_named() -> None:
    axis = step_axis_of(make_histograms(24))
    assert len(axis["tickvals"]) <= 6
    assert (axis["ticktext"][0], axis["tickvals"][0]) == ("10", 0)
    assert (axis["ticktext"][-1], axis["tickvals"][-1]) == ("240", -23)


def test_as_a_run_grows_the_ridges_stay_where_they_are() -> None:
    before, after = (ridges(make_histograms(many), LIGHT) for many in (12, 13))
    for one, other in zip(before, after, strict=False):
        np.testing.assert_array_equal(one["y"], other["y"])
        assert one["hovertemplate"] == other["hovertemplate"]
