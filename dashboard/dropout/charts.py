"""The charts of the picture: traces on axes of their own, with a legend or a scale of colours."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from dashboard.arrangement import Layout, Part
from dashboard.chart import Chart, Trace, chart, titled
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

TOP, LOW, BAR = 330, 230, 36  # pixels: of a row, and of a bar with its name


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
        x, y = (titled(f"{which} input") | {"showgrid": False} for which in ("first", "second"))
        part = Part(axis, TOP, x, y, colours=scale)
        made = chart([map_trace(plane, shown, scale), *points], part)
        own = {scale: scale_of(shown), "annotations": [title_of(shown, axis)]}
        charts.append(replace(made, layout=own))
    return charts


def _band(look: Look, axis: str, height: int) -> Chart:
    band, line = band_of(look.placed, look.output, look.band), look.placed.line
    traces = band_traces(band, look.colours, f"{line.whose} data" if line else "target")
    several = outputs_of(look.placed) > 1
    x, y = titled(band.title), titled(f"output {look.output + 1}" if several else "prediction")
    return chart(traces, Part(axis, height, x, y, legend="legend"))


def _entropies(doubt: Doubt, axis: str, height: int, colours: Palette) -> Chart:
    traces = entropy_traces(doubt, colours)
    x = titled("examples, from the most certain to the least")
    y = titled("entropy, nats") | {"rangemode": "tozero"}
    return chart(traces, Part(axis, height, x, y, legend="legend"))


def _tenths(doubt: Doubt, colours: Palette) -> list[Chart]:
    if not has_tenths(doubt):
        return []
    traces = tenth_traces(doubt, colours)
    x = titled("tenths, from the most certain to the least") | {"dtick": 1, "range": [0.5, 10.5]}
    y = titled("wrong") | {"tickformat": ".0%", "rangemode": "tozero"}
    return [chart(traces, Part("4", LOW, x, y, legend="legend2"))]


def histogram_chart(look: Look, example: int) -> Chart:
    """The draws of one example, or of one place of a plane."""
    plane = look.placed.plane
    found = plane.ensemble if plane else look.found
    if found.uncertainty.reading.classes:
        traces = class_traces(found, example, look.colours)
        x = titled("probability in a draw") | {"range": [0, 1], "tickformat": "~g"}
        y = titled("share of the draws") | {"tickformat": ".0%", "rangemode": "tozero"}
    else:
        traces = value_traces(found, example, look.output, look.colours)
        x, y = titled("prediction of a draw"), titled("density") | {"rangemode": "tozero"}
    return chart(traces, Part("6", LOW, x, y, legend="legend4"))


def enough_chart(found: McDropout, colours: Palette) -> Chart:
    """As the draws were made, the error of the spread."""
    traces = enough_traces(found.uncertainty, colours)
    x = titled("draws") | _log(traces, "x") | {"tickformat": ",d"}
    y = titled("relative error of the spread") | _log(traces, "y") | {"tickformat": "~%"}
    if found.uncertainty.needed is None:  # then there is one line, and no scale about it
        y |= {"range": [-2, 0], "dtick": 1}
    made = chart(traces, Part("2", LOW, x, y, legend="legend3"))
    return replace(made, layout={"annotations": enough_mark(found.uncertainty, colours)})


def share_charts(found: McDropout, colours: Palette) -> list[Chart]:
    """Of each dropout alone, where that was asked."""
    shares = shares_of(found)
    if not shares:
        return []
    rows = len(drawn(shares))
    x = titled("each dropout alone, of the spread of all") | {"tickformat": ".0%"}
    y = {"visible": False, "range": [rows - 0.5, -0.75]}
    return [chart(share_traces(shares, colours), Part("3", max(LOW, BAR * rows), x, y))]


def rate_charts(found: McDropout, colours: Palette) -> list[Chart]:
    """What other rates would do, where they were asked."""
    if found.sweep is None:
        return []
    charts, x = [], titled("rate that every dropout is set to") | {"tickformat": "~g"}
    both = (spread_traces(found, colours), likelihood_traces(found, colours))
    for traces, axis, legend in zip(both, ("8", "9"), ("legend5", "legend6"), strict=True):
        if traces:
            y = titled(_swept(found) if axis == "8" else "mean log likelihood, nats")
            charts.append(chart(traces, Part(axis, LOW, x, y, legend=legend)))
    return charts


def _swept(found: McDropout) -> str:
    classes = found.uncertainty.reading.classes
    return "mutual information, nats" if classes else "variance over the draws"


def _log(traces: list[Trace], axis: str) -> Layout:
    return log_axis(np.concatenate([trace[axis] for trace in traces]), log=True)
