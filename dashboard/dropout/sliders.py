"""Two sliders below the first chart: with how many draws it is seen, and at which place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from dashboard.arrangement import FROM_TOP, below
from dashboard.chart import Chart, Trace, all_traces
from dashboard.dropout.charts import Look, histogram_chart, unsure_charts
from dashboard.dropout.ladder import stops
from dashboard.dropout.moves import moves
from dashboard.dropout.spots import Spots, cursor, spots_of_band, spots_of_doubt, spots_of_plane
from dashboard.dropout.views import seen_by
from dashboard.step_slider import played, step_slider, stop
from dashboard.theme import safe

Slider = dict[str, Any]


def sliders_of(look: Look, charts: Sequence[Chart], spots: Spots | None) -> list[Slider]:
    """That of the places first, which is played; below that of the draws, if there is one."""
    if spots is None:
        return []
    draws = draws_slider(look, charts)
    places = []
    if spots.several:
        places = [spots_slider(look, spots, charts, len(draws))]
    return [*places, *draws]


def draws_slider(look: Look, charts: Sequence[Chart]) -> list[Slider]:
    """Over the charts at the head of the figure; none where there is nothing to choose."""
    numbers = stops(look.found)
    if len(numbers) < 2:
        return []
    fewer = [replace(look, placed=seen_by(look.placed, number)) for number in numbers[:-1]]
    drawings = [all_traces(unsure_charts(each)) for each in fewer]
    changes = moves([*drawings, all_traces(charts)], 0)
    made = [
        stop(number, data, {}, traces)
        for number, (data, traces) in zip(numbers, changes, strict=True)
    ]
    room = below(charts[0].part, 0)
    slider = step_slider(made, len(made) - 1, look.colours, prefix="draws: ", room=room)
    return [slider | FROM_TOP]


def spots_of(look: Look) -> Spots | None:
    """None where nothing spreads."""
    placed = look.placed
    if placed.plane:
        return spots_of_plane(placed.plane, look.output)
    if look.band:
        return spots_of_band(look.band, "input" if placed.line else "example")
    return spots_of_doubt(look.doubt) if look.doubt else None


def spots_slider(look: Look, spots: Spots, charts: Sequence[Chart], place: int) -> Slider:
    """Over the histogram, whose traces follow on the charts', and the mark on the first of them."""
    start = len(all_traces(charts))
    drawings = [histogram_chart(look, int(example)).traces for example in spots.examples]
    made = [
        stop(n, data, {"shapes": marks(look, spots, n)}, traces) | {"label": safe(spots.labels[n])}
        for n, (data, traces) in enumerate(moves(drawings, start))
    ]
    room, prefix = below(charts[0].part, place), f"draws at {spots.what} "
    slider = step_slider(made, spots.first, look.colours, prefix=prefix, room=room)
    return played(slider) | FROM_TOP


def marks(look: Look, spots: Spots, spot: int) -> list[Any]:
    """Where the place is, on one chart or on both maps."""
    return cursor(spots, spot, ("", "7") if look.placed.plane else ("",), look.colours)


def clickable(chart: Chart, spots: Spots) -> Chart:
    """A click on a place of the first chart goes to the spot next to it."""
    return replace(chart, traces=[_clickable(trace, spots) for trace in chart.traces])


def _clickable(trace: Trace, spots: Spots) -> Trace:
    """A report, and the app, read the last number of what is clicked on."""
    if trace["type"] == "heatmap":
        rows = spots.nearest.reshape(trace["z"].shape)
        return trace | {"customdata": [[[int(spot)] for spot in row] for row in rows]}
    if trace["mode"] == "lines" and len(trace["x"]) == len(spots.nearest):
        return trace | {"customdata": spots.nearest[:, None]}
    if trace["mode"] == "markers" and "symbol" not in trace["marker"]:  # crosses come and go
        near = spots.next_to(np.asarray(trace["x"]), np.asarray(trace["y"]))
        told = trace.get("customdata", np.empty((len(near), 0)))
        return trace | {"customdata": np.column_stack([told, near])}
    return trace
