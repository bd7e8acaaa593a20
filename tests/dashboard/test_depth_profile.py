"""The profile at one step: dots, fit, band, and what has no place on the axis."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dashboard.binning import step_axis
from dashboard.depth_profile import Profile, profile_of, size_axis, size_edges
from dashboard.theme import LIGHT
from tests.dashboard.samples import make_flow


def profile(flow: Any, record: int = 0) -> Profile:
    return profile_of(flow, record, step_axis(flow.steps), size_edges(flow.rms))


def test_the_fit_runs_through_a_pure_decay() -> None:
    flow = make_flow(rate=0.3)
    assert profile(flow).fit == pytest.approx(flow.rms[0], rel=1e-3)


def test_the_line_runs_through_the_middle_of_the_profile_and_the_band_turns_about_it() -> None:
    flow = make_flow(depth=5, rate=0.5)
    flow.rms[0, 0] *= 3
    found, back = profile(flow), 2.0 - np.arange(5)
    middle = np.exp(np.log(flow.rms[0]).mean())
    assert found.fit == pytest.approx(middle * flow.decay[0] ** back, rel=1e-3)
    assert found.band[:5] == pytest.approx(middle * flow.decay_low[0] ** back, rel=1e-3)
    assert found.band[:4:-1] == pytest.approx(middle * flow.decay_high[0] ** back, rel=1e-3)


def test_an_interval_too_wide_to_tell_is_not_drawn() -> None:
    rates = np.full(10, 0.5)
    found = profile(make_flow(decay_low=rates / 10, decay_high=rates * 10))
    assert set(found.band) == {None}


def test_without_an_interval_there_is_no_band() -> None:
    found = profile(make_flow(decay_high=np.full(10, np.inf)))
    assert set(found.band) == {None}
    assert None not in found.fit


def test_without_a_last_gradient_there_is_no_fit() -> None:
    flow = make_flow()
    flow.rms[0, -1] = np.nan
    assert set(profile(flow).fit) == {None}


def test_a_fit_beyond_all_numbers_stays_a_number() -> None:
    assert max(profile(make_flow(decay=np.full(10, 1e200))).fit) == 1e300


def test_each_layer_is_shown_once_as_what_it_is() -> None:
    flow = make_flow(depth=5, in_profile=np.array([True, False, True, True, True]))
    flow.rms[0, 2:] = np.inf, 0, np.nan
    found = profile(flow)
    lines = (found.counted, found.others, found.nonfinite, found.zero)
    shown = [[value is not None for value in line] for line in lines]
    assert np.argwhere(shown).tolist() == [[0, 0], [1, 1], [2, 2], [3, 3]]


def test_what_has_no_size_lies_inside_the_axis() -> None:
    flow = make_flow(depth=3)
    flow.rms[0, :2] = np.inf, 0
    found, (low, high) = profile(flow), size_edges(flow.rms)
    assert low < found.zero[1] < found.counted[2] < found.nonfinite[0] < high


def test_the_axis_holds_every_finite_size_and_is_that_of_its_edges() -> None:
    sizes = np.array([[1e-6, 0, np.inf], [1e-2, np.nan, 1e3]])
    low, high = size_edges(sizes)
    assert low < 1e-6
    assert high > 1e3
    assert size_axis((low, high))["range"] == pytest.approx([np.log10(low), np.log10(high)])


@pytest.mark.parametrize("sizes", [[[np.nan, np.inf, 0.0]], [[1e-320, 1e308]]])
def test_the_axis_is_finite_whatever_was_recorded(sizes: Any) -> None:
    low, high = size_edges(np.array(sizes))
    assert 0 < low < high < np.inf


def test_what_changes_is_in_the_order_of_the_traces() -> None:
    flow = make_flow()
    found = profile(flow)
    traces = found.traces(flow, LIGHT)
    assert [trace["x"] for trace in traces] == found.changes()["x"]
    assert len(traces) == Profile.TRACES


def test_the_cursor_stands_at_the_step() -> None:
    flow = make_flow([1, 10, 100, 1000, 10_000])
    cursor = profile(flow, 2).cursor(LIGHT)
    assert (cursor["x0"], cursor["x1"]) == pytest.approx((2, 2))


def test_the_words_leave_out_what_is_not_known() -> None:
    nothing = np.full(10, np.nan)
    flow = make_flow(decay_low=nothing, decay_high=nothing, first_to_last=nothing)
    assert profile(flow).words(flow, LIGHT)["text"].endswith("</b> a layer<br>towards the input")


def test_the_fit_of_very_many_layers_has_few_corners() -> None:
    flow = make_flow(depth=200, rate=0.97)
    found = profile(flow)
    assert len(found.fit) <= 24
    assert (found.fit[0], found.fit[-1]) == pytest.approx(
        (flow.rms[0, 0], flow.rms[0, -1]), rel=1e-3
    )
    traces = found.traces(flow, LIGHT)
    assert [len(traces[place]["x"]) for place in (0, 1)] == [
        len(traces[0]["y"]),
        len(traces[1]["y"]),
    ]
    inner = dict(zip(traces[1]["y"], traces[1]["x"], strict=True))
    corner = inner["block.16.linear"]
    assert corner == pytest.approx(flow.rms[0, 16], rel=1e-3)
