"""Which charts there are, each on axes of its own."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from dashboard.chart import Chart
from dashboard.dropout.charts import (
    enough_chart,
    histogram_chart,
    look_at,
    rate_charts,
    share_charts,
    unsure_charts,
)
from dashboard.theme import LIGHT
from diagnostics.active.mc_dropout import PlacedDropout
from diagnostics.mc_dropout import McDropout
from tests.dashboard.dropout.ensembles import classes, on_a_line, over_a_plane, values


def unsure(found: PlacedDropout | McDropout) -> list[Chart]:
    placed = PlacedDropout(found, None) if isinstance(found, McDropout) else found
    return unsure_charts(look_at(placed, 0, LIGHT))


def axes(charts: list[Chart]) -> list[str]:
    return [chart.part.axis for chart in charts]


def test_what_is_unsure_is_first_and_maps_before_it() -> None:
    assert axes(unsure(values())) == [""]
    assert axes(unsure(classes())) == ["", "4"]
    assert axes(unsure(classes(examples=5))) == [""]
    assert axes(unsure(over_a_plane(values()))) == ["", "7", "5"]
    assert axes(unsure(over_a_plane(classes()))) == ["", "7", "5", "4"]


def test_every_trace_is_on_its_charts_axes() -> None:
    for chart in unsure(over_a_plane(classes())):
        assert {trace["yaxis"] for trace in chart.traces} == {f"y{chart.part.axis}"}


def test_each_map_has_a_scale_of_its_own() -> None:
    one, other, _ = unsure(over_a_plane(values()))
    assert (one.traces[0]["coloraxis"], other.traces[0]["coloraxis"]) == ("coloraxis", "coloraxis2")
    assert set(one.layout) == {"coloraxis", "annotations"}
    assert other.layout["coloraxis2"]["cmax"] == other.traces[0]["z"].max()
    assert other.layout["annotations"][0]["text"] == "mean of the draws"


def test_the_draws_of_a_place_are_those_of_the_plane_where_there_is_one() -> None:
    plane = over_a_plane(values(draws=30))
    assert plane.plane
    steps: dict[str, Any] = histogram_chart(look_at(plane, 0, LIGHT), 17).traces[0]
    draws = plane.plane.ensemble.kept[:, 17, 0]
    assert steps["x"][[0, -1]].tolist() == [draws.min(), draws.max()]
    line = on_a_line(values(draws=30))
    steps = histogram_chart(look_at(line, 0, LIGHT), 17).traces[0]
    draws = line.ensemble.kept[:, 17, 0]
    assert steps["x"][[0, -1]].tolist() == [draws.min(), draws.max()]


def test_what_was_not_asked_has_no_chart() -> None:
    assert share_charts(values(), LIGHT) == rate_charts(values(), LIGHT) == []
    assert len(share_charts(values(each=True), LIGHT)) == 1
    assert axes(rate_charts(values(rates=(0.1,)), LIGHT)) == ["8"]
    assert axes(rate_charts(classes(rates=(0.1,)), LIGHT)) == ["8", "9"]


def test_without_a_spread_the_scale_is_whole_and_has_few_ticks() -> None:
    silent = enough_chart(classes(never=("inner", "outer")), LIGHT).part.y
    assert (silent["type"], silent["range"], silent["dtick"]) == ("log", [-2, 0], 1)
    assert "range" not in enough_chart(classes(), LIGHT).part.y


def test_fewer_draws_leave_the_examples_where_they_were() -> None:
    look = look_at(PlacedDropout(values(draws=60), None), 0, LIGHT)
    assert look.band
    fewer = look_at(PlacedDropout(values(draws=10), None), 0, LIGHT)
    assert fewer.band
    assert not np.array_equal(fewer.band.order, look.band.order)
    seen = replace(look, placed=fewer.placed)
    mean = next(t for t in unsure_charts(seen)[0].traces if t["name"] == "mean of the draws")
    exact = fewer.placed.ensemble.uncertainty.mean.value[look.band.order, 0]
    np.testing.assert_array_equal(mean["y"], exact)
