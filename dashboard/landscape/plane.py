"""The loss over a plane seen from above: colours, contours, and the way of training."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dashboard.loss_scale import LossScale, compact
from dashboard.theme import Palette, safe
from diagnostics.loss_landscape import Landscape
from diagnostics.trajectory import Trajectory

Floats = NDArray[np.float64]
Trace = dict[str, Any]

ALIKE = 0.1  # cosine, and relative difference of lengths, below which angles look as they are
LINES = 14  # contours
INK, PAPER = "black", "white"  # on top of the colours, which are the same in both schemes


def plane_traces(landscape: Landscape, scale: LossScale, colours: Palette) -> list[Trace]:
    """Everything that lies on the plane, from the bottom up."""
    traces = [
        heat(landscape, landscape.loss, scale),
        contours(landscape, landscape.loss, scale),
        *holes(landscape, landscape.loss, colours),
        *_evaluated(landscape),
    ]
    if landscape.trajectory is not None:
        traces += way(landscape.trajectory, colours)
    return [*traces, centre(landscape)]


def heat(landscape: Landscape, values: Floats, scale: LossScale, **place: Any) -> Trace:
    """A cell for each node."""
    told, template = _hover(landscape, values)
    return {
        "type": "heatmap",
        **_nodes(landscape),
        "z": scale.place(values),
        "customdata": told,
        "coloraxis": "coloraxis",
        "hoverongaps": False,
        "hovertemplate": template,
    } | place


def contours(landscape: Landscape, values: Floats, scale: LossScale, **place: Any) -> Trace:
    """Lines of equal loss, equally far apart on the scale that is drawn."""
    step = (scale.high - scale.low) / LINES
    return {
        "type": "contour",
        **_nodes(landscape),
        "z": scale.place(values),
        "contours": {
            "coloring": "none",
            "start": scale.low + step / 2,
            "end": scale.high,
            "size": step,
        },
        "line": {"width": 0.7, "color": "rgba(255,255,255,0.45)", "smoothing": 0.6},
        "hoverinfo": "skip",
        "showlegend": False,
    } | place


def holes(landscape: Landscape, values: Floats, colours: Palette, **place: Any) -> list[Trace]:
    """Where the loss has no value, in a colour that no loss has."""
    kinds = ((np.isnan(values), "NaN"), (np.isinf(values), "infinity"))
    return [
        {
            "type": "heatmap",
            **_nodes(landscape),
            "z": np.where(cells, np.float32(1), np.float32(np.nan)),
            "colorscale": [[0, colours.nonfinite], [1, colours.nonfinite]],
            "showscale": False,
            "hoverongaps": False,
            "hovertemplate": f"x %{{x:.3g}}, y %{{y:.3g}}<br>the loss is {word}<extra></extra>",
        }
        | place
        for cells, word in kinds
        if cells.any()
    ]


def centre(landscape: Landscape, **place: Any) -> Trace:
    """The weights that the plane was cut around."""
    return {
        "type": "scatter",
        "x": [0.0],
        "y": [0.0],
        "mode": "markers",
        "marker": {
            "symbol": "cross",
            "size": 11,
            "color": PAPER,
            "line": {"width": 1.5, "color": INK},
        },
        "hovertemplate": f"centre<br>loss {landscape.centre_loss:.4g}<extra></extra>",
    } | place


def way(trajectory: Trajectory, colours: Palette, **place: Any) -> list[Trace]:
    """The snapshots in their order; the further one lies off the plane, the larger its dot."""
    x, y = trajectory.coordinates.T
    line = {"type": "scatter", "x": x, "y": y, "mode": "lines", "hoverinfo": "skip"}
    told = np.stack(
        [trajectory.steps, trajectory.loss, trajectory.slice_loss, trajectory.distance], axis=1
    )
    dots = {
        "type": "scatter",
        "x": x,
        "y": y,
        "mode": "markers",
        "marker": {
            "size": dot_sizes(trajectory),
            "color": colours.chosen,
            "opacity": 1,
            "line": {"width": 1, "color": PAPER},
        },
        "customdata": told,
        "hovertemplate": (
            "step %{customdata[0]:,d}<br>its own loss %{customdata[1]:.4g}<br>"
            "the plane's there %{customdata[2]:.4g}<br>"
            "%{customdata[3]:.3g} off the plane<extra></extra>"
        ),
    }
    halo = line | {"line": {"width": 4, "color": PAPER}, "opacity": 0.7}
    return [
        halo | place,
        line | {"line": {"width": 1.8, "color": colours.chosen}} | place,
        dots | place,
    ]


def dot_sizes(trajectory: Trajectory) -> Floats:
    """From 6 pixels on the plane to 16 for the furthest."""
    furthest = float(np.max(trajectory.distance, initial=0.0))
    return 6 + 10 * (trajectory.distance / furthest if furthest else trajectory.distance)


def plane_axes(landscape: Landscape) -> tuple[dict[str, Any], dict[str, Any]]:
    """Both axes; angles and circles are drawn as such only where they are ones."""
    sides: list[dict[str, Any]] = [
        {"range": _edges(axis), "title": {"text": safe(name)}, "constrain": "domain"}
        for axis, name in zip(landscape.axes, landscape.directions, strict=True)
    ]
    x, y = (side | {"showgrid": False} for side in sides)
    return x, y | ({"scaleanchor": "x", "scaleratio": 1} if undistorted(landscape) else {})


def short_titles(landscape: Landscape) -> dict[str, dict[str, Any]]:
    """The axes' titles where there is little room; the caption has the names whole."""
    return {
        axis: {"title": {"text": safe(name.partition(" (")[0])}}
        for axis, name in zip(("xaxis", "yaxis"), landscape.directions, strict=False)
    }


def undistorted(landscape: Landscape) -> bool:
    """Whether the directions are at right angles and of equal length, nearly enough to the eye."""
    longer, shorter = landscape.lengths.max(), landscape.lengths.min()
    return bool(abs(landscape.cosines[0, 1]) < ALIKE and longer - shorter < ALIKE * longer)


def has_logarithm(landscape: Landscape) -> bool:
    """Whether every loss that was evaluated is above zero."""
    return bool((landscape.loss[landscape.evaluated] > 0).all())


def without_undershoot(landscape: Landscape) -> Landscape:
    """No interpolated loss below the lowest evaluated one, where a logarithm would tear a hole."""
    known, held_out = landscape.evaluated, landscape.held_out_loss
    return replace(
        landscape,
        loss=_not_below(landscape.loss, known),
        held_out_loss=None if held_out is None else _not_below(held_out, known),
    )


def _not_below(losses: Floats, known: NDArray[np.bool_]) -> Floats:
    evaluated = losses[known & np.isfinite(losses)]
    if not evaluated.size or evaluated.min() <= 0:
        return losses
    clipped: Floats = np.maximum(losses, evaluated.min())
    return clipped


def inside(landscape: Landscape, way: Trajectory) -> NDArray[np.bool_]:
    """Which snapshots lie within the picture's edges: [snapshot]."""
    low, high = np.array([_edges(axis) for axis in landscape.axes]).T
    return np.asarray(((way.coordinates >= low) & (way.coordinates <= high)).all(axis=1))


def _nodes(landscape: Landscape) -> Trace:
    x, y = landscape.axes
    return {"x0": x[0], "dx": x[1] - x[0], "y0": y[0], "dy": y[1] - y[0]}


def _edges(axis: Floats) -> list[float]:
    """Half a cell beyond the outermost nodes."""
    half = (axis[1] - axis[0]) / 2
    return [float(axis[0] - half), float(axis[-1] + half)]


def _evaluated(landscape: Landscape) -> list[Trace]:
    """Small dots at the nodes that were evaluated, where others were not."""
    if landscape.evaluated.all():
        return []
    rows, columns = np.nonzero(landscape.evaluated)
    return [
        {
            "type": "scatter",
            "x": landscape.axes[0][columns],
            "y": landscape.axes[1][rows],
            "mode": "markers",
            "marker": {"size": 2, "color": PAPER, "opacity": 0.5},
            "hoverinfo": "skip",
        }
    ]


def _hover(landscape: Landscape, values: Floats) -> tuple[NDArray[np.float32], str]:
    """What a cell tells: its value, and of the loss itself how it is known."""
    told, lines = [values], ["x %{x:.3g}, y %{y:.3g}", "<b>%{customdata[0]:.4g}</b>"]
    between = np.where(landscape.evaluated, 0.0, landscape.interpolation_error)
    errors = (
        (between, "interpolation: %{{customdata[{}]:.2%}} of the range"),
        (landscape.rise_error, "rise above the centre ± %{{customdata[{}]:.2g}}"),
    )
    for error, words in errors if values is landscape.loss and landscape.finished else ():
        if (error > 0).any():
            lines.append(words.format(len(told)))
            told.append(error)
    if not landscape.finished:
        lines.append("not finished: known so far")
    return compact(np.stack(told, axis=-1)), "<br>".join(lines) + "<extra></extra>"
