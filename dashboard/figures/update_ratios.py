"""How far weights move in a step: layer by step, the median beside its healthy band, the rate."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from plotly.graph_objects import Figure

from dashboard.arrangement import Part, arranged, merged
from dashboard.canvas import Canvas
from dashboard.chart import all_traces, chart
from dashboard.decimation import extremes
from dashboard.heat_scale import POWER
from dashboard.panel import Panel
from dashboard.step_cursor import cursor
from dashboard.step_heat import (
    StepGrid,
    Trace,
    cells,
    colour_bar,
    height,
    is_binned,
    layer_axis,
    step_grid,
)
from dashboard.theme import Palette, Scheme, palette, safe, template
from dashboard.wording import layers as listed
from diagnostics.update_ratios import UpdateRatios, update_ratios

Floats = NDArray[np.float64]

BOTTOM, TOP = -7.0, 0.0  # decades that have a colour of their own
LOWEST = -9.0  # of the median's axis, in decades: below, nothing moves
MOST_COLUMNS = 500  # of a line; each shows its least and its largest value
_MINUS = "\N{MINUS SIGN}"


def draw(ratios: UpdateRatios, step: int | None = None, scheme: Scheme = "light") -> Figure:
    """From the top: heat map, median, rate; the same steps below one another."""
    colours, grid = palette(scheme), step_grid(ratios.steps, len(ratios.names))
    charts = [
        chart(_heat(ratios, grid, colours), _heat_part(ratios, grid)),
        chart(_median(ratios, grid, colours), _median_part(ratios, grid)),
    ]
    if np.isfinite(ratios.rate).any():
        charts.append(chart([_rate(ratios, grid, colours)], _rate_part(ratios, grid)))
    layout = arranged([[one.part] for one in charts], headline=False)
    suffixes = [one.part.axis for one in charts]
    layout = merged(layout, cursor(grid.axis, step, colours, suffixes))
    layout = merged(layout, {"meta": {"layers": True}, "margin": {"l": 12, "r": 12}})
    layout |= {"coloraxis": _scale(ratios, colours, layout["coloraxis"]), "showlegend": False}
    layout |= {"template": template(scheme), "uirevision": safe(ratios.run), "hovermode": "closest"}
    return Canvas(data=all_traces(charts), layout=layout)


def caption(ratios: UpdateRatios) -> str:
    """What a healthy picture looks like, and who is farthest from it."""
    about = (
        "Root mean square of a step's update over that of the weights; input at the top, output "
        f"at the bottom. The medians of healthy trainings lie between {ratios.low:.0e} and "
        f"{ratios.high:.0e} (the band), a little higher in the first steps."
    )
    parts = [about]
    last = ratios.ratio[-max(1, len(ratios.steps) // 10) :]
    usual = np.array([_usual(column) for column in last.T])
    still = np.flatnonzero(usual == 0)
    far, slow = usual > 5 * ratios.high, (usual < 0.2 * ratios.low) & (usual > 0)
    parts += _told("Fast at the end", ratios, np.flatnonzero(far)[np.argsort(-usual[far])])
    parts += _told("Slow at the end", ratios, np.flatnonzero(slow)[np.argsort(usual[slow])])
    parts += _told("Not moving at the end", ratios, still)
    if is_binned(step_grid(ratios.steps, len(ratios.names))):
        parts.append("Where a cell covers several records it shows the one farthest from the band.")
    if not np.isfinite(ratios.ratio).all():
        parts.append("Blank: nothing to move, or no number.")
    return " ".join(parts)


def _usual(column: Floats) -> float:
    """Its median; NaN where it holds no number."""
    known = column[np.isfinite(column)]
    return float(np.median(known)) if len(known) else float("nan")


def _told(what: str, ratios: UpdateRatios, places: NDArray[np.intp]) -> list[str]:
    names = tuple(ratios.names[place] for place in places)
    return [f"{what}: {listed(names)}."] if names else []


def _heat(ratios: UpdateRatios, grid: StepGrid, colours: Palette) -> list[Trace]:
    """A cell shows what is farthest from the middle of the band; nothing at all is farther."""
    with np.errstate(divide="ignore"):
        away = np.abs(np.log10(ratios.ratio) - np.log10(ratios.low * ratios.high) / 2)
    shown = cells(grid, _rows(ratios.names), ratios.ratio, away)
    with np.errstate(divide="ignore"):
        trace = shown.painted(np.log10(shown.values), f"update / weight {POWER}")
    still = shown.marked(shown.values == 0, colours.hint, "did not move")
    return [trace | {"coloraxis": "coloraxis"}, *still]


def _scale(ratios: UpdateRatios, colours: Palette, placed: dict[str, Any]) -> dict[str, Any]:
    """Blue below the band, orange above, quiet inside."""
    low, high = ((np.log10(each) - BOTTOM) / (TOP - BOTTOM) for each in (ratios.low, ratios.high))
    stops = [[0, colours.hint], [low, colours.grid], [high, colours.grid], [1, colours.chosen]]
    ticks = [BOTTOM, np.log10(ratios.low), np.log10(ratios.high), TOP]
    written = [f"{10**tick:.0e}".replace("-0", _MINUS).replace("+0", "") for tick in ticks]
    bar = colour_bar("update / weight", ticks, ticktext=written)
    colorbar = bar | placed["colorbar"]
    return {"cmin": BOTTOM, "cmax": TOP, "colorscale": stops, "colorbar": colorbar}


def _median(ratios: UpdateRatios, grid: StepGrid, colours: Palette) -> list[dict[str, Any]]:
    places = grid.places()
    band = {
        "type": "scatter",
        "mode": "lines",
        "x": [places[0], places[-1], places[-1], places[0]],
        "y": [ratios.low, ratios.low, ratios.high, ratios.high],
        "fill": "toself",
        "fillcolor": colours.band,
        "line": {"width": 0},
        "hoverinfo": "skip",
        "name": "healthy",
    }
    line = _line(ratios, grid, ratios.median)
    line |= {"name": "median", "line": {"color": colours.accent, "width": 2}}
    return [band, line | {"hovertemplate": "step %{customdata:,d}<br>%{y:.2e}<extra></extra>"}]


def _rate(ratios: UpdateRatios, grid: StepGrid, colours: Palette) -> Trace:
    line = _line(ratios, grid, ratios.rate)
    line |= {"name": "rate", "line": {"color": colours.dimmed, "width": 2}}
    return line | {"hovertemplate": "step %{customdata:,d}<br>rate %{y:.3g}<extra></extra>"}


def _line(ratios: UpdateRatios, grid: StepGrid, values: Floats) -> Trace:
    """Of a long one the least and the largest of each column."""
    shown = np.where(values > 0, values, np.nan)  # zero has no logarithm
    steps, shown = extremes(ratios.steps, shown, MOST_COLUMNS)
    return {
        "type": "scatter",
        "mode": "lines" if len(steps) > 1 else "markers",
        "x": grid.axis.place(steps),
        "y": shown,
        "customdata": steps,
    }


def _heat_part(ratios: UpdateRatios, grid: StepGrid) -> Part:
    rows, x = _rows(ratios.names), grid.layout("")
    return Part("", height(len(rows)), x, layer_axis(rows), colours="coloraxis")


def _rows(names: tuple[str, ...]) -> list[str]:
    """A layer's own name where one of its parameters is shown: the same as in other pictures."""
    layers = [name.rpartition(".")[0] for name in names]
    return [
        layer if layer and layers.count(layer) == 1 else name
        for name, layer in zip(names, layers, strict=True)
    ]


def _median_part(ratios: UpdateRatios, grid: StepGrid) -> Part:
    known = ratios.median[ratios.median > 0]
    ends = np.log10([*known, ratios.low, ratios.high])
    span = [max(LOWEST, float(ends.min()) - 0.3), float(ends.max()) + 0.3]
    y = _titled("median") | {"type": "log", "range": span, "tickformat": ".0e", "nticks": 5}
    is_last = not np.isfinite(ratios.rate).any()
    return Part("2", 150, grid.layout("step" if is_last else "") | {"matches": "x"}, y)


def _rate_part(ratios: UpdateRatios, grid: StepGrid) -> Part:
    """From zero up, or in decades where it falls that far."""
    known = ratios.rate[ratios.rate > 0]
    falls = bool(len(known) and known.min() < 0.05 * known.max())
    scale = {"type": "log", "tickformat": ".0e"} if falls else {"rangemode": "tozero"}
    y = _titled("rate") | scale | {"nticks": 4}
    return Part("3", 80, grid.layout() | {"matches": "x"}, y)


def _titled(title: str) -> dict[str, Any]:
    return {"title": {"text": title, "standoff": 8}, "automargin": True}


PANEL = Panel(
    name="update_ratios",
    chapter="layers",
    title="Update ratios",
    question="Do the weights move neither too little nor too much?",
    analyse=update_ratios,
    draw=draw,
    caption=caption,
)
