"""The loss over a plane as a surface to turn around, with the way of training on it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dashboard.landscape.plane import dot_sizes, inside
from dashboard.loss_scale import LossScale, compact, loss_scale
from dashboard.theme import Palette
from diagnostics.loss_landscape import Landscape
from diagnostics.trajectory import Trajectory

Floats = NDArray[np.float64]
Trace = dict[str, Any]

NARROW_SCENE = {"camera": {"eye": {"x": 1.5, "y": -1.85, "z": 1.75}}}  # from further away
LIFT = 0.015  # of the height: what lies on the surface would flicker through it


def surface_traces(landscape: Landscape, scale: LossScale, colours: Palette) -> list[Trace]:
    """The surface, its holes, the centre, and the snapshots at their own loss."""
    traces = [_surface(landscape, scale), *_holes(landscape, scale, colours)]
    if landscape.trajectory is not None:
        traces += _way(landscape, landscape.trajectory, scale, colours)
    return [*traces, _centre(landscape, scale)]


def surface_scene(landscape: Landscape, scale: LossScale, colours: Palette) -> dict[str, Any]:
    """Three axes; the height's ticks are losses."""
    values, labels = _heights(landscape, scale).ticks()
    plain = {
        "backgroundcolor": colours.card,
        "gridcolor": colours.border,
        "linecolor": colours.border,
        "zeroline": False,
        "showspikes": False,
        "tickfont": {"size": 11, "color": colours.dimmed},
    }
    x, y = (
        plain | {"title": {"text": name}, "range": [float(axis[0]), float(axis[-1])]}
        for name, axis in zip("xy", landscape.axes, strict=True)
    )
    return {
        "xaxis": x,
        "yaxis": y,
        "zaxis": plain | {"title": {"text": "loss"}, "tickvals": values, "ticktext": labels},
        "aspectmode": "manual",
        "aspectratio": {"x": 1.2, "y": 1.2, "z": 0.75},
        "camera": {
            "eye": {"x": 1.1, "y": -1.35, "z": 1.3},
            "center": {"x": 0, "y": 0, "z": -0.12},
        },
        "dragmode": "turntable",
    }


def _heights(landscape: Landscape, scale: LossScale) -> LossScale:
    """Of all that stands here: snapshots' own losses may be far above or below the plane's."""
    way = landscape.trajectory
    if way is None:
        return scale
    own = way.loss[inside(landscape, way)]
    own = own[own > 0] if scale.log else own
    return loss_scale("log" if scale.log else "linear", landscape.loss, own)


def _surface(landscape: Landscape, scale: LossScale) -> Trace:
    x, y = landscape.axes
    heights = scale.place(landscape.loss)
    step = (scale.high - scale.low) / 14
    lines = {
        "show": True,
        "start": scale.low + step / 2,
        "end": scale.high,
        "size": step,
        "color": "#a3a8ae",
        "width": 1,
        "highlight": False,
    }
    still = {"highlight": False}
    return {
        "type": "surface",
        "x": x,
        "y": y,
        "z": heights,
        "customdata": compact(landscape.loss),
        "coloraxis": "coloraxis",
        "contours": {"z": lines, "x": still, "y": still},
        "lighting": {"ambient": 0.75, "diffuse": 0.6, "specular": 0.05, "roughness": 0.9},
        "hovertemplate": "x %{x:.3g}, y %{y:.3g}<br>loss %{customdata:.4g}<extra></extra>",
    }


def _holes(landscape: Landscape, scale: LossScale, colours: Palette) -> list[Trace]:
    """Where the loss has no value: dots at the top, since there is no height for them."""
    rows, columns = np.nonzero(~np.isfinite(landscape.loss))
    if not len(rows):
        return []
    return [
        {
            "type": "scatter3d",
            "mode": "markers",
            "x": landscape.axes[0][columns],
            "y": landscape.axes[1][rows],
            "z": np.full(len(rows), scale.high),
            "marker": {"size": 3, "color": colours.nonfinite, "symbol": "square"},
            "hovertemplate": "x %{x:.3g}, y %{y:.3g}<br>NaN or infinity<extra></extra>",
            "showlegend": False,
        }
    ]


def _way(
    landscape: Landscape, trajectory: Trajectory, scale: LossScale, colours: Palette
) -> list[Trace]:
    """Dots at the snapshots' own loss; threads lead to the surface, which shows another."""
    within = inside(landscape, trajectory)[:, None]
    x, y = np.where(within, trajectory.coordinates, np.nan).T
    lift = np.float64(LIFT * (scale.high - scale.low))
    own, shadow = (scale.place(each) for each in (trajectory.loss, trajectory.slice_loss))
    gap = np.full(len(x), np.nan)
    threads = {
        "type": "scatter3d",
        "mode": "lines",
        "x": np.stack([x, x, gap], axis=1).ravel(),
        "y": np.stack([y, y, gap], axis=1).ravel(),
        "z": np.stack([own, shadow, gap], axis=1).ravel() + lift,
        "line": {"width": 2, "color": colours.dimmed},
        "hoverinfo": "skip",
        "showlegend": False,
    }
    told = np.stack([trajectory.steps, trajectory.loss, trajectory.slice_loss], axis=1)
    dots = {
        "type": "scatter3d",
        "mode": "lines+markers",
        "x": x,
        "y": y,
        "z": own + lift,
        "customdata": told,
        "line": {"width": 4, "color": colours.chosen},
        "marker": {"size": dot_sizes(trajectory) * 0.55, "color": colours.chosen},
        "hovertemplate": (
            "step %{customdata[0]:,d}<br>its own loss %{customdata[1]:.4g}<br>"
            "the plane's there %{customdata[2]:.4g}<extra></extra>"
        ),
        "showlegend": False,
    }
    return [threads, dots]


def _centre(landscape: Landscape, scale: LossScale) -> Trace:
    return {
        "type": "scatter3d",
        "mode": "markers",
        "x": [0.0],
        "y": [0.0],
        "z": scale.place(np.array([landscape.centre_loss])),
        "marker": {
            "symbol": "cross",
            "size": 5,
            "color": "white",
            "line": {"width": 1, "color": "black"},
        },
        "hovertemplate": f"centre<br>loss {landscape.centre_loss:.4g}<extra></extra>",
        "showlegend": False,
    }
