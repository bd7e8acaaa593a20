"""The few kinds of mark that pictures of scores are made of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from diagnostics.weight_space import Floats

Trace = dict[str, Any]
Layout = dict[str, Any]


def line(x: Any, y: Any, name: str, **style: Any) -> Trace:
    """A line; what is not finite leaves a gap."""
    found: Floats = np.asarray(y, np.float64)
    return {
        "type": "scatter",
        "mode": "lines",
        "x": np.asarray(x, np.float64),
        "y": np.where(np.isfinite(found), found, np.nan),
        "name": name,
        "line": {"width": 2} | style,
    }


def area(x: Any, low: Any, high: Any, name: str, **style: Any) -> Trace:
    """Between two lines, wherever both are known."""
    places, under, over = (np.asarray(each, np.float64) for each in (x, low, high))
    there = np.isfinite(under) & np.isfinite(over)
    places, under, over = places[there], under[there], over[there]
    return {
        "type": "scatter",
        "mode": "lines",
        "x": np.concatenate([places, places[::-1]]),
        "y": np.concatenate([over, under[::-1]]),
        "fill": "toself",
        "line": {"width": 0, "color": style["fillcolor"]},
        "hoverinfo": "skip",
        "name": name,
    } | style


def histogram(edges: Floats, count: Any, name: str, colour: str) -> Trace:
    """A bar over each bin, as wide as the bin is."""
    return {
        "type": "bar",
        "x": (edges[:-1] + edges[1:]) / 2,
        "width": np.diff(edges),
        "y": np.asarray(count),
        "customdata": np.stack([edges[:-1], edges[1:]], 1),
        "hovertemplate": "%{customdata[0]:.3g} to %{customdata[1]:.3g}: %{y:,d}",
        "marker": {"color": colour, "opacity": 0.75, "line": {"width": 0}},
        "name": name,
    }


def whiskers(value: Floats, low: Floats, high: Floats, colour: str) -> Layout:
    """The interval around each value, which may be longer to one side."""
    above, below = np.nan_to_num(high - value), np.nan_to_num(value - low)
    return {
        "type": "data",
        "symmetric": False,
        "array": above,
        "arrayminus": below,
        "color": colour,
        "thickness": 1.2,
        "width": 3,
    }


def titled(text: str, **more: Any) -> Layout:
    return {"title": {"text": text, "standoff": 8}} | more


def on(axis: str, *traces: Trace, legend: str = "") -> list[Trace]:
    """On axes of their own; named in a legend or nowhere."""
    place = {"xaxis": f"x{axis}", "yaxis": f"y{axis}"}
    named = {"legend": legend} if legend else {"showlegend": False}
    return [trace | place | named for trace in traces]


def headline(text: str, colour: str) -> Layout:
    """What the picture says, in a few words above it."""
    place = {"x": 0, "xref": "container", "xanchor": "left", "y": 1, "yref": "container"}
    place |= {"yanchor": "top", "pad": {"t": 8, "l": 8}}
    return {"text": f"<b>{text}</b>", "font": {"size": 13, "color": colour}} | place


def column(heights: Mapping[str, int], gap: int) -> tuple[int, dict[str, list[float]]]:
    """Pixels that parts above one another take together, and each one's share of these."""
    whole = sum(heights.values()) + gap * (len(heights) - 1)
    start, found = 0, {}
    for name, height in heights.items():
        found[name] = [max(0.0, 1 - (start + height) / whole), 1 - start / whole]
        start += height + gap
    return whole, found
