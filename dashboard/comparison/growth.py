"""How two runs grow apart: the largest distance over the steps, and each layer's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dashboard.arrangement import Part, arranged, merged
from dashboard.binning import StepAxis, equal_bins, largest, step_axis
from dashboard.canvas import Canvas
from dashboard.chart import all_traces, chart
from dashboard.decimation import kept
from dashboard.run_colours import run_colour, run_dash
from dashboard.step_heat import colour_bar, height, layer_axis, shortened
from dashboard.theme import Palette, Scheme, palette, safe, template
from diagnostics.parting import ROUNDING, Parting

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Trace = dict[str, Any]

FLOOR, TOP = -9.0, 1.5  # decades that are drawn; what is the same lies below, infinity at the top
SAME = FLOOR - 1  # where "the same" is written
MOST_COLUMNS, MOST_CELLS = 320, 27_000
TICKS = (-8, -6, -4, -2, 0)


def draw(partings: Mapping[int, Parting], scheme: Scheme = "light") -> Canvas:
    """The first run against others, by their places; below, by layer, against one of these.

    A place is that of the comparison: it gives a run its colour.
    """
    colours, found = palette(scheme), list(partings.values())
    first = _telling(partings)
    axis = step_axis(np.unique(np.concatenate([each.steps for each in found])))
    end = max(int(each.steps[-1]) for each in found)
    lines = [_line(each, axis, (place, scheme)) for place, each in partings.items()]
    top = chart([*lines, *_limits(first.rtol, axis, end, colours)], _growth_part(axis, end))
    charts = [top]
    if len(first.layers):
        charts.append(chart([_map(first, axis)], _map_part(first, axis, end)))
    layout = arranged([[one.part] for one in charts], headline=False)
    return Canvas(data=all_traces(charts), layout=merged(layout, _look(first, scheme, colours)))


def caption(partings: Mapping[int, Parting]) -> str:
    """What the distance is."""
    first = _telling(partings)
    return (
        f"How far each run is from {first.runs[0]}. The distance of a tensor is the largest "
        "difference of its recorded mean, deviation, least and largest value, in units of its root "
        "mean square; of its norm, in units of the norm. Dotted: "
        f"{ROUNDING:g}, what rounding makes of a step, and {first.rtol:g}, from where on it counts "
        "as apart. Of tensors above 4,096 elements only what both runs looked at is compared. "
        f"Below, {first.runs[1]} against {first.runs[0]}, by layer."
    )


def _telling(partings: Mapping[int, Parting]) -> Parting:
    """The first that has anything to show by layer."""
    found = list(partings.values())
    return next((each for each in found if not each.is_identical), found[0])


def decades(distance: Floats) -> Floats:
    """Where a distance lies: none at all below the rest, infinity at the top."""
    with np.errstate(divide="ignore"):
        places = np.log10(distance)
    found = np.clip(places, FLOOR, TOP)
    return np.where(distance == 0, SAME, np.where(np.isnan(distance), np.nan, found))


def _look(found: Parting, scheme: Scheme, colours: Palette) -> Trace:
    title = safe(f"{shortened(found.runs[1])}, layer by layer")
    bar = colour_bar(title, [SAME, *TICKS], ticktext=_labels())
    scale = {"cmin": SAME, "cmax": TOP, "colorscale": _scale(colours), "colorbar": bar}
    return {
        "template": template(scheme),
        "hovermode": "closest",
        "margin": {"l": 12, "r": 12},
        "coloraxis": scale,
    }


def _line(found: Parting, axis: StepAxis, look: tuple[int, Scheme]) -> Trace:
    place, scheme = look
    known = ~np.isnan(found.growth)
    steps, values = found.steps[known], decades(found.growth[known])
    places: Any = axis.place(steps)
    records = kept(places, values, MOST_COLUMNS)
    return {
        "type": "scatter",
        "mode": "lines" if len(steps) > 1 else "markers",
        "x": places[records],
        "y": values[records],
        "customdata": np.stack([found.growth[known][records], steps[records]], axis=-1),
        "name": safe(found.runs[1]),
        "line": {"color": run_colour(place, scheme), "width": 2, "dash": run_dash(place)},
        "marker": {"size": 8, "color": run_colour(place, scheme)},
        "hovertemplate": "step %{customdata[1]:,d}<br>%{customdata[0]:.2g} of the size",
    }


def _limits(rtol: float, axis: StepAxis, end: int, colours: Palette) -> list[Trace]:
    """Two levels to read the curves by."""
    ends = axis.place(np.array([1 - axis.shift, end]))
    told = {"rounding": ROUNDING, "apart": rtol}
    return [
        {
            "type": "scatter",
            "mode": "lines+text",
            "x": ends,
            "y": [float(np.log10(level))] * 2,
            "name": name,
            "text": ["", name],
            "textposition": "top left",
            "textfont": {"size": 11, "color": colours.dimmed},
            "line": {"color": colours.dimmed, "width": 1.2, "dash": "dot"},
            "hoverinfo": "skip",
            "showlegend": False,
        }
        for name, level in told.items()
        if level > 0
    ]


def _steps(axis: StepAxis, end: int, title: str) -> Trace:
    low, high = axis.place(np.array([1 - axis.shift, end])).tolist()
    margin = 0.01 * max(high - low, 0.1)
    shared: Trace = {"title": {"text": title, "standoff": 18}, "showgrid": False}
    shared |= {"range": [low - margin, high + margin]}
    if not axis.log:
        return shared | {"tickformat": "~s", "nticks": 7}
    values, labels = axis.ticks(end)
    return shared | {"tickvals": values, "ticktext": labels}


def _growth_part(axis: StepAxis, end: int) -> Part:
    y = {
        "title": {"text": "largest distance", "standoff": 8},
        "range": [SAME - 0.4, TOP + 0.2],
        "tickvals": [SAME, *TICKS],
        "ticktext": _labels(),
        "automargin": True,
    }
    return Part("", 230, _steps(axis, end, ""), y, legend="legend")


def _map(found: Parting, axis: StepAxis) -> Trace:
    """A cell shows the largest distance of its records."""
    columns = max(2, min(MOST_COLUMNS, MOST_CELLS // len(found.layers)))
    bins = equal_bins(axis.place(found.steps), columns)
    values, records = largest(found.distance, bins)  # [bin, layer]
    return {
        "type": "heatmap",
        "x0": bins.start,
        "dx": bins.width,
        "y": [safe(layer) for layer in found.layers],
        "z": decades(values).T.astype(np.float32),
        "customdata": found.steps[records.T],
        "coloraxis": "coloraxis",
        "hoverongaps": False,
        "hovertemplate": "%{y}<br>step %{customdata:,d}<br>10<sup>%{z:.1f}</sup> of the size"
        "<extra></extra>",
        "name": "layers",
    }


def _scale(colours: Palette) -> list[list[Any]]:
    """What is the same is as pale as the page; from there on the more apart the brighter."""
    start = (FLOOR - SAME) / (TOP - SAME)
    steps = ("#00204c", "#213d6b", "#555b6c", "#7b7a77", "#a59c74", "#d3c064", "#ffe945")
    apart = [[start + (1 - start) * n / (len(steps) - 1), colour] for n, colour in enumerate(steps)]
    return [[0.0, colours.sunken], [start * 0.9, colours.sunken], *apart]


def _labels() -> list[str]:
    return ["same", *(f"10<sup>{power}</sup>" if power else "1" for power in TICKS)]


def _map_part(found: Parting, axis: StepAxis, end: int) -> Part:
    x = _steps(axis, end, "step") | {"matches": "x"}
    y = layer_axis(found.layers) | {"showgrid": False}
    return Part("2", height(len(found.layers)), x, y, colours="coloraxis")
