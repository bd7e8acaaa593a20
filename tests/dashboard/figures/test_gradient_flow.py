"""The heat map, the profile and the slider, as data."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from dashboard.figures.gradient_flow import MOST_STOPS, PANEL, caption, draw
from dashboard.step_heat import MOST_BINS, MOST_CELLS
from tests.dashboard.samples import HOSTILE, make_flow


def heat_maps(figure: Any) -> list[Any]:
    return [trace for trace in figure.data if trace.type == "heatmap"]


def test_a_cell_for_each_layer_and_step_in_log10() -> None:
    (heat,) = heat_maps(draw(make_flow(range(0, 100, 10), depth=6, rate=0.1)))
    assert heat.z.shape == (6, 10)
    np.testing.assert_allclose(heat.z[:, 0], [-7, -6, -5, -4, -3, -2], atol=1e-5)


def test_bins_are_equal_and_given_as_start_and_width() -> None:
    (heat,) = heat_maps(draw(make_flow(range(0, 100, 10))))
    assert (heat.x, heat.x0, heat.dx) == (None, 0, 10)


def test_many_steps_are_binned_and_a_lone_spike_survives() -> None:
    flow = make_flow(range(20_000), depth=3)
    flow.rms[12_345, 1] = 50.0
    (heat,) = heat_maps(draw(flow))
    assert MOST_BINS / 2 <= heat.z.shape[1] <= MOST_BINS
    row, bin_ = np.unravel_index(np.nanargmax(heat.z), heat.z.shape)
    assert row == 1
    assert heat.z[row, bin_] == pytest.approx(np.log10(50), rel=1e-3)
    assert abs(heat.x0 + bin_ * heat.dx - 12_345) <= heat.dx / 2


def test_many_layers_get_fewer_bins() -> None:
    (heat,) = heat_maps(draw(make_flow(range(2000), depth=400, rate=0.99)))
    assert heat.z.size <= MOST_CELLS


def test_log_spaced_steps_get_a_log_axis_with_honest_ticks() -> None:
    steps = np.unique(np.geomspace(1, 10_000, 60).astype(int))
    figure = draw(make_flow(steps))
    ticks = dict(zip(figure.layout.xaxis.ticktext, figure.layout.xaxis.tickvals, strict=True))
    assert ticks == {"1": 0, "10": 1, "100": 2, "1k": 3, "10k": 4}
    (heat,) = heat_maps(figure)
    assert heat.x0 - heat.dx / 2 == 0


def test_input_at_the_top() -> None:
    axis = draw(make_flow(depth=3)).layout.yaxis
    assert axis.categoryarray[0] == "block.0.linear"
    assert axis.range[0] > axis.range[1]


@pytest.mark.parametrize("value", [np.inf, np.nan])
def test_what_is_no_number_has_its_own_colour(value: float) -> None:
    flow = make_flow(range(5000))
    flow.rms[4321, 2] = value
    if np.isnan(value):
        flow.rms[:, 2] = value
    figure = draw(flow)
    _, signal = heat_maps(figure)
    assert np.nansum(signal.z[2]) >= 1
    assert np.isnan(signal.z[[0, 1, 3, 4, 5]]).all()
    assert ("infinity" in signal.hovertemplate) == np.isinf(value)


def test_a_zero_gradient_is_drawn() -> None:
    flow = make_flow()
    flow.rms[-1, 0] = 0.0
    figure = draw(flow)
    sizes, zero = heat_maps(figure)
    assert np.argwhere(np.isnan(sizes.z)).tolist() == [[0, 9]]
    assert np.argwhere(zero.z == 1).tolist() == [[0, 9]]
    assert "exactly 0" in zero.hovertemplate
    assert figure.data[5].x[0] is not None


def test_slider_has_first_last_and_chosen_step() -> None:
    slider = draw(make_flow(range(1000)), step=333).layout.sliders[0]
    values = [int(stop.value) for stop in slider.steps]
    assert len(values) <= MOST_STOPS
    assert values[0] == 0
    assert values[-1] == 999
    assert values[slider.active] == 333


def test_a_stop_changes_profile_line_and_words() -> None:
    flow = make_flow(range(3))
    flow.rms[1] *= 7
    figure = draw(flow)
    traces, layout, places = figure.layout.sliders[0].steps[1].args
    assert list(places) == list(range(6))
    assert traces["x"][2] == pytest.approx(flow.rms[1], rel=1e-3)
    assert layout["shapes"][0]["x0"] == 1
    assert "\N{MULTIPLICATION SIGN}0.5" in layout["annotations"][0]["text"]


def test_fit_runs_from_the_last_layer_to_the_first() -> None:
    flow = make_flow(rate=0.3)
    fit, band = (draw(flow).data[place].x for place in (1, 0))
    assert fit == pytest.approx(flow.rms[-1], rel=1e-3)
    assert len(band) == 12


def test_the_words_say_decay_interval_and_ratio() -> None:
    text = draw(make_flow(rate=0.21)).layout.annotations[0].text
    assert "\N{MULTIPLICATION SIGN}0.21" in text
    assert "95% CI 0.17\N{EN DASH}0.25" in text
    assert "first/last 0.00041" in text


@pytest.mark.parametrize("decay", [np.nan, np.inf, 0.0])
def test_no_fit_where_there_is_none(decay: float) -> None:
    figure = draw(make_flow(decay=np.full(10, decay)))
    assert figure.layout.annotations[0].text == "no mean factor at this step"
    assert set(figure.data[1].x) == {None}


def test_layers_without_a_matrix_are_hollow() -> None:
    counts = np.array([True, False, True, True, True, True])
    figure = draw(make_flow(in_profile=counts))
    assert figure.data[2].x[1] is None
    assert figure.data[3].x[1] is not None
    assert figure.data[3].marker.symbol == "circle-open"


def test_hostile_names_are_text() -> None:
    names = (HOSTILE, "1", "2", "x" * 300, "", "ü\x1b[31m")
    figure = draw(make_flow(layers=names))
    written = figure.to_json()
    assert "<img" not in written
    assert "%{x}</b>" not in written
    assert all(len(label) < 200 for label in figure.layout.yaxis.ticktext)


@pytest.mark.parametrize(
    "flow",
    [
        make_flow([7]),
        make_flow([0, 1]),
        make_flow(depth=1),
        make_flow(depth=0),
        make_flow(rms=np.full((10, 6), np.nan)),
        make_flow(rms=np.full((10, 6), np.inf)),
        make_flow(rms=np.zeros((10, 6))),
        make_flow(rms=np.full((10, 6), 1e300)),
    ],
    ids=["one step", "two steps", "one layer", "no layer", "nan", "inf", "zero", "huge"],
)
def test_draws_whatever_was_recorded(flow: Any) -> None:
    written = draw(flow, scheme="dark").to_json()
    json.loads(written, parse_constant=pytest.fail)  # JSON knows no NaN and no Infinity
    assert caption(flow)


def test_two_hundred_layers_stay_readable() -> None:
    axis = draw(make_flow(depth=200, rate=0.99)).layout.yaxis
    assert len(axis.ticktext) <= 40


def test_caption_names_what_has_no_gradient() -> None:
    flow = make_flow(frozen=("a.weight",), unused=tuple(f"b{n}" for n in range(20)))
    assert "Frozen (do not require a gradient): a.weight." in caption(flow)
    assert "b7 and 12 more" in caption(flow)


def test_the_panel_is_whole() -> None:
    assert PANEL.name == "gradient_flow"
    assert PANEL.takes("step")
    assert PANEL.takes("scheme")


def test_the_profiles_of_many_layers_travel_in_few_stops() -> None:
    figure = draw(make_flow(range(5000), depth=200, rate=0.99), step=2600)
    stops = [int(stop.value) for stop in figure.layout.sliders[0].steps]
    assert (stops[0], stops[-1]) == (0, 4999)
    assert len(stops) <= 13
    assert 2600 in stops
    assert len(figure.to_json()) < 450_000


def test_others_learn_where_its_steps_and_layers_are() -> None:
    meta = draw(make_flow(range(0, 100, 10))).layout.meta
    assert (meta["steps"], meta["axes"]) == ({"log": False, "shift": 1}, [""])
    assert meta["layers"]
