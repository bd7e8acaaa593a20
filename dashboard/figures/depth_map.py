"""Any quantity of the layers as a heat map: layer by step, one at a time."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from plotly.graph_objects import Figure

from dashboard.arrangement import Part, arranged, merged
from dashboard.canvas import Canvas
from dashboard.heat_scale import Coloured, counts, marks, shares, sizes, with_signs
from dashboard.panel import Panel
from dashboard.step_cursor import cursor
from dashboard.step_heat import Cells, cells, height, is_binned, layer_axis, step_grid
from dashboard.theme import Palette, Scheme, palette, safe, template
from diagnostics.depth_map import DepthMap, Quantity, depth_map


def draw(
    found: DepthMap,
    step: int | None = None,
    scheme: Scheme = "light",
    *,
    scale: str | None = None,
    view: str = "",
) -> Figure:
    """One heat map; `view` names the quantity, `scale` may ask for decades or not."""
    colours, quantity = palette(scheme), found.quantity(view)
    shown = _cells(quantity)
    coloured = _coloured(quantity, shown, colours, scale)
    part = Part("", height(len(quantity.layers)), shown.grid.layout(), layer_axis(quantity.layers))
    layout = arranged([[_with_bar(part)]], headline=False)
    layout = merged(layout, {"coloraxis": coloured.axis})
    layout = merged(layout, cursor(shown.grid.axis, step, colours))
    layout = merged(layout, {"coloraxis": {"colorbar": {"title": {"text": safe(quantity.about)}}}})
    layout = merged(layout, {"meta": {"axes": [""], "layers": True}})
    layout |= {"template": template(scheme), "uirevision": safe(found.run), "hovermode": "closest"}
    layout["margin"] |= {"l": 12, "r": 12}
    return Canvas(data=[*coloured.traces, *marks(shown, colours)], layout=layout)


def _with_bar(part: Part) -> Part:
    return Part(part.axis, part.height, part.x, part.y, colours="coloraxis")


def _cells(quantity: Quantity) -> Cells:
    """The largest of several records; of what has a sign, that farthest from nothing."""
    grid = step_grid(quantity.steps, len(quantity.layers))
    values = quantity.values
    return cells(
        grid, quantity.layers, values, np.abs(values) if quantity.kind == "signed" else values
    )


def _coloured(quantity: Quantity, shown: Cells, colours: Palette, scale: str | None) -> Coloured:
    if quantity.kind == "share":
        return shares(shown, colours)
    if quantity.kind == "count":
        return counts(shown, colours)
    if quantity.kind == "signed":
        return with_signs(shown, colours, scale)
    return sizes(shown, scale)


def caption(found: DepthMap) -> str:
    """How to read it."""
    first = found.quantities[0]
    parts = [
        "Input at the top, output at the bottom; one row a layer, in the order of the forward pass."
    ]
    if any(np.isinf(each.values).any() for each in found.quantities):
        parts.append("Magenta: a NaN or an infinity.")
    if any(np.isnan(each.values).any() for each in found.quantities):
        parts.append("Grey: not recorded there.")
    if is_binned(step_grid(first.steps, len(first.layers))):
        parts.append("Where a cell covers several records it shows the one farthest from zero.")
    return " ".join(parts)


def choices(found: DepthMap) -> Mapping[str, tuple[str, ...]]:
    """Every quantity there is."""
    return {"view": tuple(each.name for each in found.quantities)}


PANEL = Panel(
    name="depth_map",
    chapter="layers",
    title="Depth by step",
    question="Where in the network, and when, does something change?",
    analyse=depth_map,
    draw=draw,
    caption=caption,
    choices=choices,
    place=2,
)
