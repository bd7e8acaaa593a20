"""Each class's own loss in a chart of its own, all on one scale: planes, or lines."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dashboard.landscape.panes import axis_id, columns_for, heading, outer_ticks, placed
from dashboard.landscape.plane import centre, contours, heat, holes, plane_axes, way
from dashboard.loss_scale import LossScale, log_axis, loss_scale
from dashboard.theme import Palette, safe
from diagnostics.loss_landscape import Landscape

Floats = NDArray[np.float64]
Trace = dict[str, Any]

NARROW = 2  # columns
ROOM = 100  # pixels above and below the charts


def class_traces(landscape: Landscape, wanted: str, colours: Palette) -> list[Trace]:
    """A plane for each class, or a line before that of all classes together."""
    traces: list[Trace] = []
    scale = _scale(landscape, wanted)
    for place, losses in enumerate(_class_loss(landscape), start=1):
        where = {"xaxis": axis_id("x", place), "yaxis": axis_id("y", place)}
        if landscape.loss.ndim == 2:
            traces += _plane(landscape, losses, scale, colours, where)
        else:
            traces += _lines(landscape, losses, colours, where)
    return traces


def class_layout(landscape: Landscape, wanted: str, colours: Palette) -> dict[str, Any]:
    """Few columns where there is little room."""
    many, plane = len(landscape.classes), landscape.loss.ndim == 2
    columns = columns_for(many)
    narrow = {**_panes(many, NARROW), "height": _height(many, NARROW, 300)}
    layout: dict[str, Any] = {
        "height": _height(many, columns, 900 if plane else 700),
        "annotations": [
            heading(n, f"class {safe(name)}", colours)
            for n, name in enumerate(landscape.classes, start=1)
        ],
    }
    if plane:
        layout["coloraxis"] = _scale(landscape, wanted).bar("loss", len=0.44)
        narrow["coloraxis"] = {"colorbar": {"len": 1}}
    for name, box in _panes(many, columns).items():
        axis = _plane_axis(landscape, name) if plane else _line_axis(landscape, name, wanted)
        anchored = {"scaleanchor": box["anchor"]} if "scaleanchor" in axis else {}
        layout[name] = axis | anchored | box
    return layout | {"meta": {"narrow": narrow}}


def _class_loss(landscape: Landscape) -> Floats:
    assert landscape.class_loss is not None
    return landscape.class_loss


def _scale(landscape: Landscape, wanted: str) -> LossScale:
    return loss_scale(wanted, _class_loss(landscape))


def _panes(many: int, columns: int) -> dict[str, dict[str, Any]]:
    ticks = outer_ticks(many, columns)
    return {name: box | ticks[name] for name, box in placed(many, columns).items()}


def _height(many: int, columns: int, width: int) -> int:
    """So that each chart is about as high as it is wide."""
    return round(-(-many // columns) * (width / columns + 20)) + ROOM


def _plane(
    landscape: Landscape, losses: Floats, scale: LossScale, colours: Palette, where: dict[str, str]
) -> list[Trace]:
    traces = [
        heat(landscape, losses, scale, **where),
        contours(landscape, losses, scale, **where),
        *holes(landscape, losses, colours, **where),
    ]
    if landscape.trajectory is not None:
        traces += way(landscape.trajectory, colours, **where)[:2]
    middle = centre(landscape, **where)
    small = middle["marker"] | {"size": 7, "line": {"width": 1, "color": "black"}}
    return [*traces, middle | {"marker": small, "hoverinfo": "skip", "hovertemplate": None}]


def _lines(
    landscape: Landscape, losses: Floats, colours: Palette, where: dict[str, str]
) -> list[Trace]:
    def line(values: Floats, name: str, **look: Any) -> Trace:
        return {
            "type": "scatter",
            "mode": "lines",
            "x": landscape.axes[0],
            "y": np.where(np.isfinite(values), values, np.nan),
            "line": look,
            "hovertemplate": f"%{{x:.3g}}<br>{name} %{{y:.4g}}<extra></extra>",
        } | where

    return [
        line(landscape.loss, "all classes", color=colours.dimmed, width=1.5, dash="dot"),
        line(losses, "loss", color=colours.accent, width=2),
    ]


def _plane_axis(landscape: Landscape, name: str) -> dict[str, Any]:
    x, y = plane_axes(landscape)
    return (x if name.startswith("x") else y) | {"title": None}


def _line_axis(landscape: Landscape, name: str, wanted: str) -> dict[str, Any]:
    if name.startswith("x"):
        (axis,) = landscape.axes
        return {"range": [float(axis[0]), float(axis[-1])]}
    both = np.concatenate([_class_loss(landscape).ravel(), landscape.loss])
    shared = {} if name == "yaxis" else {"matches": "y"}
    return log_axis(both, log=wanted == "log") | shared
