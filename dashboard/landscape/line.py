"""The loss along one direction, with what is known of its error; accuracy below it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dashboard.landscape.plane import short_titles
from dashboard.landscape.ribbon import ribbon
from dashboard.loss_scale import log_axis
from dashboard.theme import Palette, safe
from diagnostics.loss_landscape import Landscape

Floats = NDArray[np.float64]
Trace = dict[str, Any]


def line_traces(landscape: Landscape, colours: Palette) -> list[Trace]:
    """The outer ribbon is the error of each loss, the inner that of its rise from the centre."""
    (axis,) = landscape.axes
    lines = [
        *ribbon(axis, landscape.loss, landscape.error, colours.band),
        *ribbon(axis, landscape.loss, landscape.rise_error, colours.band),
        _line(axis, landscape.loss, "loss", colours.accent),
        *_evaluated(landscape, colours),
    ]
    if landscape.held_out_loss is not None:
        lines.append(_line(axis, landscape.held_out_loss, "held-out loss", colours.chosen, "dash"))
    shares = (
        (landscape.accuracy, "accuracy", colours.accent, "solid"),
        (landscape.held_out_accuracy, "held-out accuracy", colours.chosen, "dash"),
    )
    below = [
        _line(axis, values, name, colour, dash) | {"yaxis": "y2", "showlegend": False}
        for values, name, colour, dash in shares
        if values is not None
    ]
    return [*lines, *_holes(landscape, colours), *below]


def line_layout(landscape: Landscape, colours: Palette, *, log: bool) -> dict[str, Any]:
    """One chart, or two over one another that share the direction."""
    both = landscape.accuracy is not None or landscape.held_out_accuracy is not None
    (axis,) = landscape.axes
    unseen = landscape.held_out_loss
    drawn = landscape.loss if unseen is None else np.concatenate([landscape.loss, unseen])
    return {
        "height": 520 if both else 400,
        "xaxis": {
            "title": {"text": safe(landscape.directions[0])},
            "range": [float(axis[0]), float(axis[-1])],
            "anchor": "y2" if both else "y",
        },
        "yaxis": {
            "domain": [0.36 if both else 0, 1],
            "title": {"text": "loss", "standoff": 6},
            **log_axis(drawn, log=log),
        },
        "yaxis2": {
            "domain": [0, 0.28],
            "title": {"text": "accuracy", "standoff": 6},
            "tickformat": ".0%",
            "visible": both,
        },
        "shapes": [_centre(colours)],
        "showlegend": landscape.held_out_loss is not None,
        "hovermode": "x unified",
        "meta": {"narrow": short_titles(landscape)},
    }


def _line(axis: Floats, values: Floats, name: str, colour: str, dash: str = "solid") -> Trace:
    return {
        "type": "scatter",
        "mode": "lines",
        "x": axis,
        "y": np.where(np.isfinite(values), values, np.nan),
        "name": name,
        "line": {"color": colour, "width": 2, "dash": dash},
        "hovertemplate": "%{y:.4g}",
    }


def _evaluated(landscape: Landscape, colours: Palette) -> list[Trace]:
    known = landscape.evaluated & np.isfinite(landscape.loss)
    return [
        {
            "type": "scatter",
            "mode": "markers",
            "x": landscape.axes[0][known],
            "y": landscape.loss[known],
            "marker": {"size": 4, "color": colours.accent},
            "hoverinfo": "skip",
            "showlegend": False,
        }
    ]


def _holes(landscape: Landscape, colours: Palette) -> list[Trace]:
    """Where the loss has no value: crosses at the height of the highest that has one."""
    holes = ~np.isfinite(landscape.loss)
    if not holes.any():
        return []
    top = float(np.max(landscape.loss[~holes], initial=landscape.centre_loss))
    return [
        {
            "type": "scatter",
            "mode": "markers",
            "x": landscape.axes[0][holes],
            "y": np.full(int(holes.sum()), top),
            "name": "NaN or infinity",
            "marker": {
                "symbol": "x-thin",
                "size": 9,
                "line": {"width": 2, "color": colours.nonfinite},
            },
            "hovertemplate": "NaN or infinity",
            "showlegend": False,
        }
    ]


def _centre(colours: Palette) -> dict[str, Any]:
    return {
        "type": "line",
        "x0": 0,
        "x1": 0,
        "y0": 0,
        "y1": 1,
        "yref": "paper",
        "line": {"color": colours.dimmed, "width": 1, "dash": "dot"},
    }
