"""Dead and saturated units: layer by step, and the worst layers over time."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from plotly.graph_objects import Figure

from dashboard.arrangement import Part, arranged, merged
from dashboard.canvas import Canvas
from dashboard.chart import Chart, all_traces, chart
from dashboard.decimation import extremes
from dashboard.panel import Panel
from dashboard.step_cursor import cursor
from dashboard.step_heat import (
    StepGrid,
    cells,
    colour_bar,
    height,
    is_binned,
    layer_axis,
    shortened,
    step_grid,
)
from dashboard.theme import Palette, Scheme, palette, safe, template
from diagnostics.activation_health import ActivationHealth, activation_health

Floats = NDArray[np.float64]

DEAD, SATURATED = "dead units", "saturated outputs"
MOST_LINES = 5  # the worst layers over time
MOST_TOLD = 4  # and in words
MOST_COLUMNS = 500  # of a line; each shows its least and its largest value
DASHES = ("solid", "dash", "dot", "dashdot", "longdash")


def draw(health: ActivationHealth, step: int | None = None, scheme: Scheme = "light") -> Figure:
    """What there is of dead and of saturated: the heat map, beside it its worst layers."""
    colours = palette(scheme)
    kinds = _kinds(health)
    grid = step_grid(health.steps, max(len(names) for _, names, _ in kinds))
    rows = [_row(grid, kind, place, colours) for place, kind in enumerate(kinds)]
    charts = [one for row in rows for one in row]
    layout = arranged([[one.part for one in row] for row in rows], headline=False)
    suffixes = [one.part.axis for one in charts]
    for extra in (*(one.layout for one in charts), cursor(grid.axis, step, colours, suffixes)):
        layout = merged(layout, extra)
    layout = merged(layout, {"meta": {"layers": True}, "margin": {"l": 12, "r": 12}})
    layout |= {"template": template(scheme), "uirevision": safe(health.run), "hovermode": "closest"}
    return Canvas(data=all_traces(charts), layout=layout)


def caption(health: ActivationHealth) -> str:
    """The worst layers first, in words."""
    parts = ["Input at the top, output at the bottom."]
    for title, names, values in _kinds(health):
        parts.append(f"{title.capitalize()}: {_worst_told(names, values)}.")
    if health.rectifiers:
        parts.append(_counted(health))
    if is_binned(step_grid(health.steps, len(health.rectifiers) + len(health.bounded))):
        parts.append("Where a cell covers several records it shows the largest share.")
    return " ".join(parts)


def _counted(health: ActivationHealth) -> str:
    if not len(health.looks):
        return "Units were not counted: only layers that gave nothing but zeros show."
    steps = ", ".join(f"{step:,}" for step in health.looks[:3].tolist())
    more = ", …" if len(health.looks) > 3 else ""
    return (
        "A unit is dead that gave zero for every example of many records; each such count "
        f"(step {steps}{more}) holds until the next."
    )


Kind = tuple[str, tuple[str, ...], Floats]  # title, layers, shares


def _kinds(health: ActivationHealth) -> list[Kind]:
    kinds = [(DEAD, health.rectifiers, health.dead)]
    kinds.append((SATURATED, health.bounded, health.saturated))
    return [kind for kind in kinds if kind[1]]


def _worst(values: Floats) -> NDArray[np.intp]:
    """Layers, those first whose share is largest at the end, then over time."""
    last = values[-max(1, len(values) // 10) :]
    ends = np.nan_to_num(last, nan=-1.0).mean(0)
    return np.lexsort((-np.nan_to_num(values).max(0), -ends))


def _worst_told(names: tuple[str, ...], values: Floats) -> str:
    shares = {place: _last(values[:, place]) for place in _worst(values).tolist()}
    bad = {place: share for place, share in shares.items() if share >= 0.005}
    if not bad:
        return "none at the end"
    told = [f"'{names[place]}' {share:.0%}" for place, share in list(bad.items())[:MOST_TOLD]]
    more = f" and {len(bad) - MOST_TOLD} more layers" if len(bad) > MOST_TOLD else ""
    return f"at the end {', '.join(told)}{more}"


def _last(column: Floats) -> float:
    known = column[np.isfinite(column)]
    return float(known[-1]) if len(known) else 0.0


def _row(grid: StepGrid, kind: Kind, place: int, colours: Palette) -> list[Chart]:
    title, names, values = kind
    left, right = str(2 * place + 1) if place else "", str(2 * place + 2)
    scale = f"coloraxis{place + 1 if place else ''}"
    shown = cells(grid, names, values, values)
    heat = shown.painted(shown.values, f"{title} %{{z:.1%}}")
    rows = height(len(names))
    part = Part(left, rows, grid.layout(), layer_axis(names), colours=scale)
    one = chart([heat | {"coloraxis": scale}], part)
    return [
        Chart(one.part, one.traces, {scale: _scale(title, colours)}),
        _lines(grid, kind, _lines_part(grid, rows, right, place), colours),
    ]


def _lines_part(grid: StepGrid, rows: int, axis: str, place: int) -> Part:
    legend = f"legend{place + 1 if place else ''}"
    return Part(axis, max(rows, 150), grid.layout(), _SHARE, legend=legend)


_SHARE: dict[str, Any] = {
    "range": [-0.02, 1.02],
    "tickformat": ".0%",
    "nticks": 5,
    "automargin": True,
}


def _scale(title: str, colours: Palette) -> dict[str, Any]:
    """From none, quiet, to all."""
    return {
        "cmin": 0,
        "cmax": 1,
        "colorscale": [[0, colours.grid], [1, colours.chosen]],
        "colorbar": colour_bar(title, [0, 0.5, 1], tickformat=".0%"),
    }


def _lines(grid: StepGrid, kind: Kind, part: Part, colours: Palette) -> Chart:
    """The worst layers over time; never more points than a screen has columns."""
    _, names, values = kind
    traces = []
    hues = (colours.chosen, colours.accent, colours.good, colours.fit, colours.warning)
    for rank, place in enumerate(_worst(values)[:MOST_LINES].tolist()):
        steps, shares = extremes(grid.steps, values[:, place], MOST_COLUMNS)
        traces.append(
            {
                "type": "scatter",
                "mode": "lines" if len(steps) > 1 else "markers",
                "x": grid.axis.place(steps),
                "y": shares,
                "customdata": steps,
                "name": safe(shortened(names[place])),
                "line": {"width": 2, "dash": DASHES[rank], "color": hues[rank], "shape": "hv"},
                "hovertemplate": "step %{customdata:,d}<br>%{y:.1%}<extra></extra>",
            }
        )
    return chart(traces, part)


PANEL = Panel(
    name="activation_health",
    chapter="layers",
    title="Activation health",
    question="Which units are dead, and which outputs sit on the flat ends of their function?",
    analyse=activation_health,
    draw=draw,
    caption=caption,
)
