"""Layers by steps of the gradient's size, and its profile over depth at one step."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from plotly.graph_objects import Figure

from dashboard.arrangement import merged
from dashboard.canvas import Canvas
from dashboard.depth_profile import Profile, profile_of, size_axis, size_edges
from dashboard.heat_scale import Coloured, marks, sizes
from dashboard.panel import Panel
from dashboard.step_cursor import cursor
from dashboard.step_heat import StepGrid, Trace, cells, is_binned, layer_axis, step_grid
from dashboard.step_slider import step_slider, stop
from dashboard.theme import Palette, Scheme, palette, safe, template
from diagnostics.few_records import few_records
from diagnostics.gradient_flow import GradientFlow, gradient_flow

MOST_STOPS = 40
MOST_DOTS = 2_000  # of all the slider's profiles: they all travel with the figure


def draw(flow: GradientFlow, step: int | None = None, scheme: Scheme = "light") -> Figure:
    """Heat map on the left, profile on the right; the slider chooses the profile's step."""
    colours, grid = palette(scheme), step_grid(flow.steps, len(flow.layers))
    chosen, edges = _nearest(flow.steps, step), size_edges(flow.rms)
    stops = _stops(flow, chosen)
    profiles = {stop: profile_of(flow, stop, grid.axis, edges) for stop in stops}
    heat = _heat(flow, grid, colours)
    layout = merged(_layout(flow, grid, profiles[chosen], scheme), {"xaxis2": size_axis(edges)})
    layout |= {"coloraxis": merged(heat.axis, _BAR), "meta": _meta(grid, colours)}
    layout |= {"sliders": [_slider(flow, profiles, chosen, colours)]}
    return Canvas(data=[*profiles[chosen].traces(flow, colours), *heat.traces], layout=layout)


_BAR = {
    "colorbar": {"x": 0.0, "y": 1.0, "len": 0.6, "ypad": 6, "title": {"text": "rms gradient"}},
}


def _meta(grid: StepGrid, colours: Palette) -> dict[str, Any]:
    """What other pictures of the page have to know to point at the same place."""
    bar: dict[str, Any] = {"tickvals": [], "ticktext": []}  # no room for words there
    few = {"coloraxis": {"colorbar": bar}}
    return {"layers": True, "narrow": few, **cursor(grid.axis, None, colours)["meta"]}


def caption(flow: GradientFlow) -> str:
    """What the picture shows, and which parameters it cannot show."""
    which = "weights and biases" if flow.parameters == "all" else f"{flow.parameters} gradients"
    state = f" ({flow.state})" if flow.state else ""
    parts = [f"Root mean square of the {which}{state}; input at the top, output at the bottom."]
    grid = step_grid(flow.steps, len(flow.layers))
    if grid.axis.log:
        parts.append("The step axis is logarithmic.")
    if is_binned(grid):
        parts.append("Where a cell covers several recorded steps it shows the largest.")
    if np.isinf(flow.rms).any():
        parts.append("Magenta: the gradient held NaN or infinity.")
    if np.isnan(flow.rms).any():
        parts.append("Grey: no gradient at that step.")
    if not flow.in_profile.all():
        parts.append("Hollow dots have no weight matrix and do not count for the fit.")
    parts += _silent("Frozen (do not require a gradient)", flow.frozen)
    parts += _silent("Unused (never got a gradient)", flow.unused)
    parts += _silent("Cancelled by the normalisation that follows", flow.cancelled)
    return " ".join(parts)


def _silent(why: str, names: tuple[str, ...], most: int = 8) -> list[str]:
    if not names:
        return []
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return [f"{why}: {', '.join(names[:most])}{more}."]


def _nearest(steps: NDArray[np.int64], step: int | None) -> int:
    """The record to show: the last, or the one nearest to a step."""
    return len(steps) - 1 if step is None else int(np.abs(steps - step).argmin())


def _stops(flow: GradientFlow, chosen: int) -> list[int]:
    """Records the slider offers: evenly spread, with the first, the last and the chosen."""
    most = int(np.clip(MOST_DOTS // max(1, len(flow.layers)), 4, MOST_STOPS - 1))
    return sorted({*few_records(len(flow.steps), most).tolist(), chosen})


def _heat(flow: GradientFlow, grid: StepGrid, colours: Palette) -> Coloured:
    shown = cells(grid, flow.layers, flow.rms, flow.rms)
    coloured = sizes(shown, "log")
    traces: list[Trace] = [*coloured.traces, *marks(shown, colours)]
    return Coloured([trace | {"xaxis": "x", "yaxis": "y"} for trace in traces], coloured.axis)


def _layout(flow: GradientFlow, grid: StepGrid, profile: Profile, scheme: Scheme) -> dict[str, Any]:
    rows = len(flow.layers)
    return {
        "template": template(scheme),
        "uirevision": safe(flow.run),
        "height": int(np.clip(24 * rows, 240, 620)) + 178,
        "margin": {"l": 12, "r": 12, "t": 72, "b": 12},
        "showlegend": False,
        "hovermode": "closest",
        "xaxis": grid.layout() | {"domain": [0, 0.6], "title": {"text": "step", "standoff": 24}},
        "xaxis2": {"domain": [0.65, 1], "anchor": "y"},
        "yaxis": layer_axis(flow.layers),
        "annotations": [profile.words(flow, palette(scheme))],
        "shapes": [profile.cursor(palette(scheme))],
    }


def _slider(
    flow: GradientFlow, profiles: dict[int, Profile], chosen: int, colours: Palette
) -> dict[str, Any]:
    """Each stop carries its profile: the figure needs nobody behind it."""
    stops = [
        stop(
            int(flow.steps[record]),
            profile.changes(),
            {
                "annotations": [profile.words(flow, colours)],
                "shapes": [profile.cursor(colours)],
            },
            list(range(Profile.TRACES)),
        )
        for record, profile in profiles.items()
    ]
    active = list(profiles).index(chosen)
    return step_slider(stops, active, colours, prefix="profile at step ", room=44)


PANEL = Panel(
    name="gradient_flow",
    chapter="layers",
    title="Gradient flow",
    question="Does the gradient reach the first layer?",
    analyse=gradient_flow,
    draw=draw,
    caption=caption,
    profiles=True,
)
