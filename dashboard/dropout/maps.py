"""How unsure the network is over the plane of its two inputs, with the data on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dashboard.dropout.band import SPREAD
from dashboard.dropout.doubt import BETWEEN, TOTAL
from dashboard.loss_scale import LossScale
from diagnostics.active.plane import Plane

Floats = NDArray[np.float64]
Trace = dict[str, Any]
Layout = dict[str, Any]

MOST_POINTS = 1000
BRIGHT, BLACK = "#fdfdfd", "#101418"  # on either page alike, as the colours that they lie on are
WITHOUT = "#9aa3ad"  # a class
FILLS = (BRIGHT, BLACK, "#ff7ac6", "#54d48a", "#8fd3ff", "#ff6b5e")
SHARES = (SPREAD, "sd, total with noise", "mean of the draws")


@dataclass(frozen=True)
class Map:
    """One number at every crossing of the grid."""

    title: str
    values: Floats  # [row, column]


def maps_of(plane: Plane, output: int) -> tuple[Map, Map]:
    """How far the draws disagree; and the doubt in all, or what is predicted."""
    of = plane.ensemble.uncertainty
    if of.reading.classes:
        assert of.total is not None
        spread = Map(f"{BETWEEN}, nats", _rows(plane, of.epistemic.value, 0))
        return spread, Map(f"{TOTAL}, nats", _rows(plane, of.total.value, 0))
    own, total, mean = SHARES
    spread = Map(f"{own}, sd", np.sqrt(_rows(plane, of.epistemic.value, output)))
    if of.total is not None:
        return spread, Map(total, np.sqrt(_rows(plane, of.total.value, output)))
    return spread, Map(mean, _rows(plane, of.mean.value, output))


def _rows(plane: Plane, values: Floats, output: int) -> Floats:
    """Of one output; of classes there is one number a place."""
    of_each = values.reshape(len(plane.up) * len(plane.across), -1)[:, output]
    return np.asarray(of_each.reshape(len(plane.up), len(plane.across)), np.float64)


def map_trace(plane: Plane, shown: Map, colours: str) -> Trace:
    return {
        "type": "heatmap",
        "x": plane.across,
        "y": plane.up,
        "z": _finite(shown.values),
        "zsmooth": "best",
        "coloraxis": colours,
        "name": shown.title,
        "hovertemplate": "%{x:.3g}, %{y:.3g}: %{z:.3g}<extra></extra>",
    }


def _finite(values: Floats) -> Floats:
    return np.where(np.isfinite(values), values, np.nan)


def scale_of(shown: Map) -> Layout:
    """The same for fewer draws, so that they can be compared; spreads begin at nought.

    Without a title of its own: where a scale has one, plotly moves every title of the picture.
    """
    known = shown.values[np.isfinite(shown.values)]
    low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 1.0)
    low = low if shown.title == SHARES[-1] else 0.0
    return LossScale(False, low, high if high > low else low + 1.0).bar("")


def title_of(shown: Map, axis: str) -> Layout:
    """Above the map's scale."""
    place = {"xref": f"x{axis} domain", "yref": f"y{axis} domain", "x": 0, "y": 1}
    corner = {"xanchor": "left", "yanchor": "bottom", "yshift": 28, "showarrow": False}
    return {"text": shown.title, "font": {"size": 12}} | place | corner


def point_traces(plane: Plane, output: int) -> list[Trace]:
    """The data: classes by their colours, values as they are."""
    count = len(plane.known)
    some = np.linspace(0, count - 1, min(MOST_POINTS, count)).round().astype(np.int64)
    places, targets = plane.known[some], plane.targets[some]
    aimed = targets[:, output] if output < targets.shape[1] else np.full(len(some), np.nan)
    if not plane.ensemble.uncertainty.reading.classes:
        return [_points(places, BRIGHT, plane, "%{customdata[0]:.4g}", aimed)]
    aimed = np.where(aimed < 0, np.nan, aimed)  # that is none to be met
    known = np.unique(aimed[np.isfinite(aimed)])
    traces = [_points(places[~np.isfinite(aimed)], WITHOUT, plane, "no class")]
    for place, of_class in enumerate(known):
        told = f"class {of_class:g}"
        traces.append(_points(places[aimed == of_class], FILLS[place % len(FILLS)], plane, told))
    return [trace for trace in traces if len(trace["x"])]


def _points(
    places: Floats, fill: str, plane: Plane, told: str, targets: Floats | None = None
) -> Trace:
    ring = {"width": 1, "color": BRIGHT if fill == BLACK else BLACK}
    trace: Trace = {
        "type": "scatter",
        "mode": "markers",
        "x": places[:, 0],
        "y": places[:, 1],
        "marker": {"size": 6, "color": fill, "line": ring},
        "name": f"{plane.whose} data",
        "hovertemplate": f"%{{x:.3g}}, %{{y:.3g}}<br>{told}<extra></extra>",
    }
    if targets is not None:
        trace["customdata"] = _finite(targets)[:, None]
    return trace
