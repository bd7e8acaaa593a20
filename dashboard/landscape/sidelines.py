"""Beside the plane: what it does not show of the training, or two cuts through its centre."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dashboard.binning import step_axis
from dashboard.landscape.ribbon import ribbon
from dashboard.loss_scale import log_axis
from dashboard.theme import Palette
from diagnostics.loss_landscape import Landscape
from diagnostics.trajectory import Trajectory

Floats = NDArray[np.float64]
Trace = dict[str, Any]
Axes = dict[str, dict[str, Any]]

UPPER, LOWER = {"xaxis": "x2", "yaxis": "y2"}, {"xaxis": "x3", "yaxis": "y3"}


def side_traces(landscape: Landscape, colours: Palette) -> list[Trace]:
    """Two small charts, one above the other."""
    if landscape.trajectory is not None:
        return _beside(landscape.trajectory, colours)
    return _cuts(landscape, colours)


def side_axes(landscape: Landscape, *, log: bool) -> Axes:
    """Their axes; where they stand is the layout's business."""
    way = landscape.trajectory
    drawn = landscape.loss if way is None else np.concatenate([way.loss, way.slice_loss])
    loss = log_axis(drawn, log=log)
    if way is None:
        titles = [f"along {axis}, through the centre" for axis in "xy"]
        shared = {"yaxis2": _titled("loss") | loss, "yaxis3": _titled("loss") | loss}
        return {"xaxis2": _titled(titles[0]), "xaxis3": _titled(titles[1])} | shared
    steps = _step_axis(way)
    return {
        "xaxis2": steps,
        "xaxis3": steps,
        "yaxis2": _titled("loss") | loss,
        "yaxis3": _titled("distance off the plane") | {"rangemode": "tozero"},
    }


def _titled(text: str) -> dict[str, Any]:
    return {"title": {"text": text, "standoff": 14}}


def _step_axis(trajectory: Trajectory) -> dict[str, Any]:
    axis = step_axis(trajectory.steps)
    ticks: dict[str, Any] = {"tickformat": "~s"}
    if axis.log:
        values, labels = axis.ticks(int(trajectory.steps.max()))
        ticks = {"tickvals": values, "ticktext": labels}
    return _titled("step") | ticks


def _beside(trajectory: Trajectory, colours: Palette) -> list[Trace]:
    """Each snapshot's own loss, the plane's in its place, and how far from each other they lie."""
    order = np.argsort(trajectory.steps)
    places = step_axis(trajectory.steps[order]).place(trajectory.steps[order])
    told = trajectory.steps[order]

    def line(values: Floats, name: str, where: dict[str, str], **rest: Any) -> Trace:
        return (
            {
                "type": "scatter",
                "mode": "lines+markers",
                "x": places,
                "y": values[order],
                "customdata": told,
                "name": name,
                "hovertemplate": f"step %{{customdata:,d}}<br>{name} %{{y:.4g}}<extra></extra>",
            }
            | where
            | rest
        )

    own = {"color": colours.chosen}
    shadow = {"color": colours.accent}
    return [
        line(trajectory.slice_loss, "the plane's", UPPER, line=shadow | {"dash": "dot"}),
        line(trajectory.loss, "its own", UPPER, line=own, marker={"size": 5}),
        line(trajectory.distance, "off the plane", LOWER, line=own, showlegend=False),
    ]


def _cuts(landscape: Landscape, colours: Palette) -> list[Trace]:
    """Along either axis, where the centre is a node."""
    traces: list[Trace] = []
    for axis, where in ((0, UPPER), (1, LOWER)):
        across = np.flatnonzero(np.abs(landscape.axes[1 - axis]) < 1e-9)
        if not len(across):
            continue
        row = int(across[0])
        loss, error = (
            each[row] if axis == 0 else each[:, row]
            for each in (landscape.loss, landscape.rise_error)
        )
        traces += ribbon(landscape.axes[axis], loss, error, colours.band, **where)
        traces.append(_cut(landscape.axes[axis], loss, "xy"[axis], colours) | where)
    return traces


def _cut(axis: Floats, loss: Floats, name: str, colours: Palette) -> Trace:
    return {
        "type": "scatter",
        "mode": "lines",
        "x": axis,
        "y": np.where(np.isfinite(loss), loss, np.nan),
        "line": {"color": colours.accent, "width": 2},
        "showlegend": False,
        "hovertemplate": f"{name} %{{x:.3g}}<br>loss %{{y:.4g}}<extra></extra>",
    }
