"""A function of two inputs at one record, beside its target, as plotly traces and axes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dashboard.function_line import OUTPUTS, edges, written
from dashboard.loss_scale import LossScale
from dashboard.theme import Palette
from diagnostics.learned_function import LearnedFunction

Floats = NDArray[np.float64]
Trace = dict[str, Any]

MOST_DOTS = 1000  # of examples that lie on no grid


def plane_traces(
    learned: LearnedFunction, output: int, record: int, colours: Palette
) -> list[Trace]:
    """The function, which a slider changes; then its target, in the same colours."""
    shown = [_trace(learned, "network", learned.values[record, :, output], colours)]
    if learned.has_target:
        target = _trace(learned, "target", learned.target[:, output], colours)
        shown.append(target | {"xaxis": "x3", "yaxis": "y3"})
    return shown


def plane_change(learned: LearnedFunction, output: int, record: int) -> dict[str, Any]:
    """What of the first trace is otherwise at another record."""
    values = learned.values[record, :, output]
    if is_grid(learned.inputs):
        return {"z": [_rows(learned.inputs, values)]}
    return {"marker.color": [written(values[_some(learned.inputs)])]}


def plane_layout(learned: LearnedFunction, output: int) -> dict[str, Any]:
    """One scale of colours for all records; on a narrow page the target goes below."""
    low, high = edges(learned, output)
    across = {"title": {"text": "first input", "standoff": 20}, "showgrid": False}
    up = {"title": {"text": "second input", "standoff": 8}, "showgrid": False}
    layout: dict[str, Any] = {
        "height": 600,
        "coloraxis": LossScale(False, low, high).bar(OUTPUTS[learned.outputs], len=0.4),
        "xaxis": across,
        "yaxis": up | {"domain": [0.38, 1]},
    }
    if not learned.has_target:
        return layout
    layout["xaxis"] = across | {"domain": [0, 0.47]}
    layout |= {
        "xaxis3": across | {"domain": [0.53, 1], "anchor": "y3", "matches": "x"},
        "yaxis3": {"domain": [0.38, 1], "anchor": "x3", "matches": "y", "showgrid": False},
        "annotations": [_named("network", ""), _named("target", "3")],
        "meta": {"narrow": _NARROW},
    }
    return layout


_NARROW: dict[str, Any] = {
    "height": 880,
    "coloraxis": {"colorbar": {"len": 0.72}},
    "xaxis": {"domain": [0, 1]},
    "yaxis": {"domain": [0.7, 1]},
    "xaxis3": {"domain": [0, 1]},
    "yaxis3": {"domain": [0.3, 0.6]},
    "yaxis2": {"domain": [0, 0.16]},
}


def _named(name: str, axis: str) -> dict[str, Any]:
    """Above its picture, at its right end, where no scale of colours is."""
    place = {"xref": f"x{axis} domain", "yref": f"y{axis} domain", "x": 1, "y": 1}
    corner = {"xanchor": "right", "yanchor": "bottom", "showarrow": False}
    return {"text": name, **place, **corner, "font": {"size": 12}}


def _trace(learned: LearnedFunction, name: str, values: Floats, colours: Palette) -> Trace:
    told = f"{name} at %{{x:.4g}}, %{{y:.4g}}<br>"
    if is_grid(learned.inputs):
        return {
            "type": "heatmap",
            "x": np.unique(learned.inputs[:, 0]),
            "y": np.unique(learned.inputs[:, 1]),
            "z": _rows(learned.inputs, values),
            "coloraxis": "coloraxis",
            "hovertemplate": told + "%{z:.4g}<extra></extra>",
        }
    some = _some(learned.inputs)
    ring = {"width": 1, "color": colours.dimmed}  # one end of the scale is as dark as a dark page
    colour = {"color": written(values[some]), "coloraxis": "coloraxis", "size": 7, "line": ring}
    return {
        "type": "scatter",
        "mode": "markers",
        "x": learned.inputs[some, 0],
        "y": learned.inputs[some, 1],
        "marker": colour,
        "showlegend": False,
        "hovertemplate": told + "%{marker.color:.4g}<extra></extra>",
    }


def is_grid(inputs: Floats) -> bool:
    """Is there one example wherever a column crosses a row?"""
    columns, rows = (len(np.unique(inputs[:, n])) for n in (0, 1))
    return columns * rows == len(inputs) == len(np.unique(inputs, axis=0))


def _rows(inputs: Floats, values: Floats) -> list[list[float | None]]:
    """From the lowest second input up, each from the lowest first input on."""
    order = np.lexsort(inputs.T)
    columns = len(np.unique(inputs[:, 0]))
    return [written(row) for row in values[order].reshape(-1, columns)]


def _some(inputs: Floats) -> NDArray[np.int64]:
    """Of very many examples every so-many-th."""
    return np.unique(np.linspace(0, len(inputs) - 1, MOST_DOTS).astype(int))
