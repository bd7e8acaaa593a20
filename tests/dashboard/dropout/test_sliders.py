"""What each stop of a slider changes is what the analysis says there."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.special import entr, softmax

from dashboard.arrangement import below
from dashboard.chart import all_traces
from dashboard.dropout.charts import Look, look_at, unsure_charts
from dashboard.dropout.sliders import (
    clickable,
    draws_slider,
    sliders_of,
    spots_of,
    spots_slider,
)
from dashboard.theme import LIGHT
from diagnostics.active.mc_dropout import PlacedDropout
from tests.dashboard.dropout.ensembles import classes, on_a_line, over_a_plane, values


def look(placed: PlacedDropout) -> Look:
    return look_at(placed, 0, LIGHT)


def stops(of: Look) -> dict[str, Any]:
    (slider,) = draws_slider(of, unsure_charts(of))
    return {each["label"]: each["args"] for each in slider["steps"]}


def changed(of: Look, args: list[Any], name: str, chart: int = 0) -> dict[str, Any]:
    """All that a stop gives the trace of a name."""
    traces = all_traces(unsure_charts(of))
    at = next(n for n, trace in enumerate(traces) if trace.get("name") == name)
    data, _, places = args
    return {key: each[places.index(at)] for key, each in data.items()}


@pytest.mark.parametrize("draws", [3, 10, 50])
def test_the_band_is_that_of_the_first_draws_on_a_line(draws: int) -> None:
    of = look(on_a_line(values(draws=60, masks="shared")))
    args = stops(of)[str(draws)]
    few = of.found.kept[:draws, ::-1, 0].astype(float)
    mean = changed(of, args, "mean of the draws")["y"]
    np.testing.assert_allclose(mean, few.mean(0), rtol=1e-4, atol=1e-6)
    outline = np.array(changed(of, args, "± 2 sd, dropout-ensemble spread")["y"])
    width = (outline[:40] - outline[40:][::-1]) / 4
    np.testing.assert_allclose(width, few.std(0, ddof=1), atol=1e-3)


def test_as_many_functions_are_drawn_as_draws_are_seen() -> None:
    of = look(on_a_line(values(draws=60, masks="shared")))
    for label, args in stops(of).items():
        data, _, places = args
        names = [all_traces(unsure_charts(of))[place]["name"] for place in places]
        groups = [y for y, name in zip(data["y"], names, strict=True) if name == "32 draws"]
        gaps = sum(sum(value is None for value in group) for group in groups)
        assert gaps == min(int(label), 32) - min(int(label), 3)  # the first three are never hidden


def test_the_last_stop_is_the_figure_as_it_is_drawn() -> None:
    of = look(on_a_line(values(draws=60, masks="shared")))
    drawn = next(t for t in all_traces(unsure_charts(of)) if t["name"] == "mean of the draws")
    last = changed(of, stops(of)["60"], "mean of the draws")["y"]
    np.testing.assert_allclose(last, drawn["y"], rtol=1e-4)


def test_of_classes_entropies_are_of_the_first_draws_in_the_order_of_all() -> None:
    of = look(PlacedDropout(classes(draws=60), None))
    assert of.doubt
    between = changed(of, stops(of)["20"], "dropout-ensemble spread")["y"]
    p = softmax(of.found.kept[:20].astype(float), -1)[:, of.doubt.order]
    exact = 20 / 19 * (entr(p.mean(0)).sum(-1) - entr(p).sum(-1).mean(0))
    np.testing.assert_allclose(between, exact, rtol=1e-3, atol=1e-6)


def test_maps_are_of_the_first_draws_too() -> None:
    of = look(over_a_plane(values(draws=60)))
    plane = of.placed.plane
    assert plane
    z = changed(of, stops(of)["5"], "dropout-ensemble spread, sd")["z"]
    few = plane.ensemble.kept[:5, :, 0].astype(float).std(0, ddof=1)
    np.testing.assert_allclose(np.ravel(z), few, rtol=1e-3)


def test_three_draws_leave_nothing_to_choose() -> None:
    of = look(PlacedDropout(values(draws=3), None))
    assert draws_slider(of, unsure_charts(of)) == []


def test_the_slider_of_places_stands_right_below_where_there_is_no_other() -> None:
    of = look(PlacedDropout(values(draws=3), None))
    (slider,) = sliders_of(of, charts := unsure_charts(of), spots_of(of))
    assert slider["pad"]["t"] == below(charts[0].part, 0)
    more = look(PlacedDropout(values(draws=4), None))
    places, draws = sliders_of(more, charts, spots_of(more))
    assert draws["pad"]["t"] == below(charts[0].part, 0)
    assert places["pad"]["t"] == below(charts[0].part, 1)


def test_a_single_example_is_no_place_to_choose() -> None:
    of = look(PlacedDropout(values(draws=4, examples=1), None))
    (slider,) = sliders_of(of, unsure_charts(of), spots_of(of))
    assert slider["currentvalue"]["prefix"] == "draws: "


def test_each_place_shows_its_own_draws_and_where_it_is() -> None:
    of = look(on_a_line(values(draws=60)))
    spots = spots_of(of)
    assert spots
    charts = unsure_charts(of)
    slider = spots_slider(of, spots, charts, 1)
    assert slider["active"] == spots.first
    for n, each in enumerate(slider["steps"]):
        data, layout, places = each["args"]
        draws = of.found.kept[:, spots.examples[n], 0]
        ends = [data["x"][places.index(len(all_traces(charts)))][end] for end in (0, -1)]
        np.testing.assert_allclose(ends, [draws.min(), draws.max()], rtol=1e-4)
        assert layout["shapes"][0]["x0"] == spots.x[n]
        assert each["value"] == str(n)


@pytest.mark.parametrize("plane", [False, True])
def test_a_click_on_a_place_is_told_by_the_number_of_its_spot(plane: bool) -> None:
    of = look(over_a_plane(values()) if plane else on_a_line(values()))
    spots = spots_of(of)
    assert spots
    marked = [t for t in clickable(unsure_charts(of)[0], spots).traces if "customdata" in t]
    told = np.array(marked[0]["customdata"])
    assert told.shape[-1] == 1
    np.testing.assert_array_equal(told.ravel(), spots.nearest)
    data = marked[-1]  # lie above, and are clicked on as well
    assert data["mode"] == "markers"
    for x, y, told in zip(data["x"], data["y"], data["customdata"], strict=True):
        away = (spots.x - x) ** 2 + (0 if spots.y is None else (16 / 12 * (spots.y - y)) ** 2)
        assert away[int(told[-1])] == away.min()


def test_all_stops_together_stay_small_and_are_json() -> None:
    of = look(on_a_line(values(draws=200, examples=201, masks="shared", noise=0.2)))
    spots = spots_of(of)
    assert spots
    charts = unsure_charts(of)
    sliders = sliders_of(of, charts, spots)
    written = json.dumps(sliders, allow_nan=False)
    assert len(written) < 300_000


def test_draws_that_are_kept_in_part_are_seen_in_part_and_all_of_them_at_the_end() -> None:
    found = values(draws=60)
    of = look(PlacedDropout(replace(found, kept=found.kept[:32]), None))
    assert list(stops(of)) == ["3", "5", "10", "20", "32", "60"]
