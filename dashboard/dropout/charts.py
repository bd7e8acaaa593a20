"""The charts of the picture: traces on axes of their own, with a legend or a scale of colours."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from dashboard.dropout.arrangement import Part
from dashboard.dropout.band import Band, band_of, band_traces, outputs_of
from dashboard.dropout.doubt import Doubt, doubt_of, entropy_traces, has_tenths, tenth_traces
from dashboard.dropout.enough import enough_mark, enough_traces
from dashboard.dropout.histogram import class_traces, value_traces
from dashboard.dropout.maps import map_trace, maps_of, point_traces, scale_of, title_of
from dashboard.dropout.rates import likelihood_traces, spread_traces
from dashboard.dropout.shares import drawn, share_traces, shares_of
from dashboard.loss_scale import log_axis
from dashboard.theme import Palette
from diagnostics.active.mc_dropout import PlacedDropout
from diagnostics.mc_dropout import McDropout

Trace = dict[str, Any]
Layout = dict[str, Any]

TOP, LOW, BAR = 330, 230, 36  # pixels: of a row, and of a bar with its name


@dataclass(frozen=True)
class Chart:
    """What is drawn on one pair of axes."""

    part: Part
    traces: list[Trace]
    layout: Layout = field(default_factory=dict)  # that it needs beyond its axes


@dataclass(frozen=True)
class Look:
    """What is looked at, in which colours."""

    placed: PlacedDropout
    output: int
    colours: Palette
    band: Band | None = None  # in whose order the examples stand
    doubt: Doubt | None = None  # the same of classes

    @property
    def found(self) -> McDropout:
        return self.placed.ensemble


def look_at(placed: PlacedDropout, output: int, colours: Palette) -> Look:
    if placed.ensemble.uncertainty.reading.classes:
        return Look(placed, output, colours, doubt=doubt_of(placed.ensemble))
    return Look(placed, output, colours, band_of(placed, output))


def _chart(traces: list[Trace], part: Part) -> Chart:
    """On its axes, and named in its legend or nowhere."""
    own: Trace = {"xaxis": f"x{part.axis}", "yaxis": f"y{part.axis}"}
    own |= {"legend": part.legend} if part.legend else {"showlegend": False}
    return Chart(part, [trace | own for trace in traces])


def _named(traces: list[Trace]) -> tuple[str, ...]:
    return tuple(trace["name"] for trace in traces if trace.get("showlegend", True))


def _titled(text: str) -> Layout:
    return {"title": {"text": text, "standoff": 8}}


def unsure_charts(look: Look) -> list[Chart]:
    """All that fewer draws change: maps of a plane, the examples, how many of them are wrong."""
    maps = map_charts(look)
    axis, height = ("5", LOW) if maps else ("", TOP)
    if look.band:
        return [*maps, _band(look, axis, height)]
    doubt = doubt_of(look.found, look.doubt)
    entropies = _entropies(doubt, axis, height, look.colours)
    return [*maps, entropies, *_tenths(doubt, look.colours)]


def map_charts(look: Look) -> list[Chart]:
    """Side by side, each with a scale of colours; none without a plane."""
    plane, charts = look.placed.plane, []
    if plane is None:
        return []
    for shown, axis in zip(maps_of(plane, look.output), ("", "7"), strict=True):
        scale = f"coloraxis{'2' if axis else ''}"
        points = point_traces(plane, look.output)
        x, y = (_titled(f"{which} input") | {"showgrid": False} for which in ("first", "second"))
        part = Part(axis, TOP, x, y, colours=scale)
        chart = _chart([map_trace(plane, shown, scale), *points], part)
        own = {scale: scale_of(shown), "annotations": [title_of(shown, axis)]}
        charts.append(replace(chart, layout=own))
    return charts


def _band(look: Look, axis: str, height: int) -> Chart:
    band, line = band_of(look.placed, look.output, look.band), look.placed.line
    traces = band_traces(band, look.colours, f"{line.whose} data" if line else "target")
    several = outputs_of(look.placed) > 1
    x, y = _titled(band.title), _titled(f"output {look.output + 1}" if several else "prediction")
    return _chart(traces, Part(axis, height, x, y, _named(traces), "legend"))


def _entropies(doubt: Doubt, axis: str, height: int, colours: Palette) -> Chart:
    traces = entropy_traces(doubt, colours)
    x = _titled("examples, from the most certain to the least")
    y = _titled("entropy, nats") | {"rangemode": "tozero"}
    return _chart(traces, Part(axis, height, x, y, _named(traces), "legend"))


def _tenths(doubt: Doubt, colours: Palette) -> list[Chart]:
    if not has_tenths(doubt):
        return []
    traces = tenth_traces(doubt, colours)
    x = _titled("tenths, from the most certain to the least") | {"dtick": 1, "range": [0.5, 10.5]}
    y = _titled("wrong") | {"tickformat": ".0%", "rangemode": "tozero"}
    return [_chart(traces, Part("4", LOW, x, y, _named(traces), "legend2"))]


def histogram_chart(look: Look, example: int) -> Chart:
    """The draws of one example, or of one place of a plane."""
    plane = look.placed.plane
    found = plane.ensemble if plane else look.found
    if found.uncertainty.reading.classes:
        traces = class_traces(found, example, look.colours)
        x = _titled("probability in a draw") | {"range": [0, 1], "tickformat": "~g"}
        y = _titled("share of the draws") | {"tickformat": ".0%", "rangemode": "tozero"}
    else:
        traces = value_traces(found, example, look.output, look.colours)
        x, y = _titled("prediction of a draw"), _titled("density") | {"rangemode": "tozero"}
    return _chart(traces, Part("6", LOW, x, y, _named(traces), "legend4"))


def enough_chart(found: McDropout, colours: Palette) -> Chart:
    """As the draws were made, the error of the spread."""
    traces = enough_traces(found.uncertainty, colours)
    x = _titled("draws") | _log(traces, "x") | {"tickformat": ",d"}
    y = _titled("relative error of the spread") | _log(traces, "y") | {"tickformat": "~%"}
    if found.uncertainty.needed is None:  # then there is one line, and no scale about it
        y |= {"range": [-2, 0], "dtick": 1}
    chart = _chart(traces, Part("2", LOW, x, y, _named(traces), "legend3"))
    return replace(chart, layout={"annotations": enough_mark(found.uncertainty, colours)})


def share_charts(found: McDropout, colours: Palette) -> list[Chart]:
    """Of each dropout alone, where that was asked."""
    shares = shares_of(found)
    if not shares:
        return []
    rows = len(drawn(shares))
    x = _titled("each dropout alone, of the spread of all") | {"tickformat": ".0%"}
    y = {"visible": False, "range": [rows - 0.5, -0.75]}
    return [_chart(share_traces(shares, colours), Part("3", max(LOW, BAR * rows), x, y))]


def rate_charts(found: McDropout, colours: Palette) -> list[Chart]:
    """What other rates would do, where they were asked."""
    if found.sweep is None:
        return []
    charts, x = [], _titled("rate that every dropout is set to") | {"tickformat": "~g"}
    both = (spread_traces(found, colours), likelihood_traces(found, colours))
    for traces, axis, legend in zip(both, ("8", "9"), ("legend5", "legend6"), strict=True):
        if traces:
            y = _titled(_swept(found) if axis == "8" else "mean log likelihood, nats")
            charts.append(_chart(traces, Part(axis, LOW, x, y, _named(traces), legend)))
    return charts


def _swept(found: McDropout) -> str:
    classes = found.uncertainty.reading.classes
    return "mutual information, nats" if classes else "variance over the draws"


def _log(traces: list[Trace], axis: str) -> Layout:
    return log_axis(np.concatenate([trace[axis] for trace in traces]), log=True)
