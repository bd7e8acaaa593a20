"""The same plane four times: loss and accuracy, on the data and on held-out data, to compare."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dashboard.landscape.panes import axis_id, heading, outer_ticks, placed
from dashboard.landscape.plane import centre, contours, heat, holes, plane_axes, way
from dashboard.loss_scale import COLOURS, LossScale, loss_scale
from dashboard.theme import Palette
from diagnostics.loss_landscape import Landscape

Floats = NDArray[np.float64]
Trace = dict[str, Any]

COLUMNS = 2
ROW, NARROW_ROW = 430, 200  # pixels


def multiples(landscape: Landscape) -> list[tuple[str, Floats]]:
    """What can be shown beside the loss, each under its name."""
    told = (
        ("loss", landscape.loss),
        ("held-out loss", landscape.held_out_loss),
        ("accuracy", landscape.accuracy),
        ("held-out accuracy", landscape.held_out_accuracy),
    )
    return [(name, values) for name, values in told if values is not None]


def multiple_traces(landscape: Landscape, wanted: str, colours: Palette) -> list[Trace]:
    """A heat map each; losses share their colours, and so do accuracies."""
    scale, unit = _scale(landscape, wanted), LossScale(False, 0.0, 1.0)
    traces: list[Trace] = []
    for place, (name, values) in enumerate(multiples(landscape), start=1):
        where = {"xaxis": axis_id("x", place), "yaxis": axis_id("y", place)}
        own = unit if "accuracy" in name else scale
        axis = {"coloraxis": "coloraxis2"} if own is unit else {}
        traces.append(heat(landscape, values, own, **where, **axis))
        traces += holes(landscape, values, colours, **where) if own is scale else []
        traces.append(contours(landscape, values, own, **where))
        if landscape.trajectory is not None:
            traces += way(landscape.trajectory, colours, **where)[:2]
        traces.append(centre(landscape, **where) | {"hoverinfo": "skip", "hovertemplate": None})
    return traces


def multiple_layout(landscape: Landscape, wanted: str, colours: Palette) -> dict[str, Any]:
    """Two columns; losses to the left of what compares with them."""
    shown = multiples(landscape)
    rows = -(-len(shown) // COLUMNS)
    narrow = outer_ticks(len(shown), COLUMNS) | {  # two accuracies need no bar: from 0, dark, to 1
        "height": NARROW_ROW * rows + 90,
        "coloraxis": {"colorbar": {"len": 1}},
        "coloraxis2": {"showscale": False},
    }
    return {
        **_axes(landscape, len(shown)),
        "height": ROW * rows + 90,
        "coloraxis": _scale(landscape, wanted).bar("loss", len=0.44),
        "coloraxis2": _accuracy_bar(),
        "annotations": [heading(n, name, colours) for n, (name, _) in enumerate(shown, start=1)],
        "meta": {"narrow": narrow},
    }


def _scale(landscape: Landscape, wanted: str) -> LossScale:
    """Held-out losses are on the same colours, so that they compare."""
    return loss_scale(wanted, landscape.loss, landscape.held_out_loss)


def _axes(landscape: Landscape, many: int) -> dict[str, Any]:
    axes: dict[str, Any] = {}
    x, y = (axis | {"title": None} for axis in plane_axes(landscape))
    for name, box in placed(many, COLUMNS).items():
        axes[name] = (x if name.startswith("x") else y) | box
        if "scaleanchor" in axes[name]:
            axes[name] |= {"scaleanchor": box["anchor"]}
    return axes


def _accuracy_bar() -> dict[str, Any]:
    place = LossScale(False, 0.0, 1.0).bar("accuracy", x=1.0, xanchor="right", len=0.44)
    return place | {"colorscale": COLOURS}
