"""Landscapes of several networks beside one another, all on one scale: so they can be compared."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from plotly.graph_objects import Figure

from dashboard.canvas import Canvas
from dashboard.landscape.plane import centre, contours, heat, holes, plane_axes
from dashboard.loss_scale import LossScale, loss_scale
from dashboard.theme import Palette, Scheme, palette, safe, template
from diagnostics.loss_landscape import Landscape

GAP = 0.08  # between two planes, as a share of the width
HEIGHT = 560


def landscapes_abreast(landscapes: Mapping[str, Landscape], scheme: Scheme = "light") -> Figure:
    """One plane for each name, from the left; the losses share their colours and contours."""
    shown, colours = list(landscapes.values()), palette(scheme)
    if not shown or any(each.loss.ndim != 2 for each in shown):
        raise ValueError("landscapes over a plane are drawn abreast, and at least one of them")
    scale = loss_scale(shown[0].scale, *(each.loss for each in shown))
    figure = Canvas(
        data=[
            trace
            for n, each in enumerate(shown, start=1)
            for trace in _traces(each, scale, colours, n)
        ]
    )
    figure.update_layout(
        template=template(scheme),
        height=HEIGHT,
        margin={"l": 12, "r": 12, "t": 96, "b": 12},
        showlegend=False,
        coloraxis=scale.bar("loss", len=0.5, y=1.1),
        annotations=[_heading(n, landscapes) for n in range(len(shown))],
    )
    figure.update_layout(_axes(shown))
    return figure


def _traces(
    landscape: Landscape, scale: LossScale, colours: Palette, place: int
) -> list[dict[str, Any]]:
    where = {"xaxis": _id("x", place), "yaxis": _id("y", place)}
    return [
        heat(landscape, landscape.loss, scale, **where),
        contours(landscape, landscape.loss, scale, **where),
        *holes(landscape, landscape.loss, colours, **where),
        centre(landscape, **where),
    ]


def _axes(shown: list[Landscape]) -> dict[str, Any]:
    axes: dict[str, Any] = {}
    for n, landscape in enumerate(shown, start=1):
        x, y = plane_axes(landscape)
        x_name, y_name = _id("x", n), _id("y", n)
        if "scaleanchor" in y:
            y |= {"scaleanchor": x_name}
        axes[_axis("x", n)] = x | {"domain": _domain(n - 1, len(shown)), "anchor": y_name}
        axes[_axis("y", n)] = y | {"anchor": x_name, "constrain": "domain"}
    return axes


def _domain(n: int, many: int) -> list[float]:
    """Of the n-th of so many columns."""
    width = (1 - GAP * (many - 1)) / many
    return [n * (width + GAP), n * (width + GAP) + width]


def _heading(n: int, landscapes: Mapping[str, Landscape]) -> dict[str, Any]:
    name, landscape = list(landscapes.items())[n]
    place = {"x": _domain(n, len(landscapes))[0], "xref": "paper", "xanchor": "left"}
    above = {"y": 1, "yref": "paper", "yanchor": "bottom"}
    text = f"<b>{safe(name)}</b>" + ("" if landscape.finished else " (unfinished)")
    return place | above | {"text": text, "showarrow": False}


def _id(axis: str, place: int) -> str:
    return axis if place == 1 else f"{axis}{place}"


def _axis(axis: str, place: int) -> str:
    return f"{axis}axis" if place == 1 else f"{axis}axis{place}"
