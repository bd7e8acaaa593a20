"""Between two minima: the loss on the straight line, and on a curve that was looked for."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from plotly.graph_objects import Figure

from dashboard.about import centre, conditions, label
from dashboard.canvas import Canvas
from dashboard.loss_scale import log_axis
from dashboard.named_numbers import Named
from dashboard.panel import StoredPanel
from dashboard.stored import Stored
from dashboard.theme import Palette, Scheme, palette, safe, template
from diagnostics.mode_connectivity import ModeConnectivity

Floats = NDArray[np.float64]
Trace = dict[str, Any]


def draw(modes: ModeConnectivity, *, scheme: Scheme = "light") -> Figure:
    """Both ways on the left, the search for the curve on the right."""
    colours = palette(scheme)
    figure = Canvas(data=_traces(modes, colours))
    figure.update_layout(_layout(modes, scheme))
    return figure


def _traces(modes: ModeConnectivity, colours: Palette) -> list[Trace]:
    steps = np.arange(1, len(modes.training) + 1)
    search = {"xaxis": "x2", "yaxis": "y2", "showlegend": False}
    return [
        _line(modes.t, modes.line, "straight line", colours.chosen),
        _line(modes.t, modes.curve, "curve found", colours.accent),
        _line(steps, modes.training, "at places drawn", colours.dimmed)
        | {"opacity": 0.35}
        | search,
        _line(*_calmed(modes.training), "running mean", colours.accent) | search,
    ]


def _calmed(training: Floats) -> tuple[Floats, Floats]:
    """Each step draws its places at random: only the mean of many says whether it has settled."""
    window = max(1, len(training) // 8)
    means = np.convolve(training, np.full(window, 1 / window), "valid")
    return (np.arange(len(means)) + (window + 1) / 2).astype(np.float64), means.astype(np.float64)


def _line(x: Any, y: Any, name: str, colour: str) -> Trace:
    return {
        "type": "scatter",
        "mode": "lines",
        "x": x,
        "y": np.where(np.isfinite(y), y, np.nan),
        "name": name,
        "line": {"color": colour, "width": 2},
        "hovertemplate": f"{name}<br>%{{x:.3g}}: %{{y:.4g}}<extra></extra>",
    }


def _layout(modes: ModeConnectivity, scheme: Scheme) -> dict[str, Any]:
    both = np.concatenate([modes.line, modes.curve])
    return {
        "template": template(scheme),
        "uirevision": safe(modes.about.run),
        "height": 380,
        "margin": {"l": 12, "r": 12, "t": 40, "b": 12},
        "hovermode": "closest",
        "legend": {"orientation": "h", "x": 0, "y": 1, "yanchor": "bottom"},
        "xaxis": {
            "domain": [0, 0.62],
            "title": {"text": "the way from one to the other", "standoff": 10},
            "range": [0, 1],
        },
        "yaxis": {"title": {"text": "loss", "standoff": 8}} | log_axis(both, log=True),
        "xaxis2": {"domain": [0.72, 1], "anchor": "y2"}
        | {"title": {"text": "step of the search", "standoff": 10}},
        "yaxis2": {"anchor": "x2", "title": {"text": "mean loss of the curve", "standoff": 8}}
        | log_axis(modes.training, log=True),
        "meta": {
            "narrow": {
                "height": 620,
                "xaxis": {"domain": [0, 1]},
                "yaxis": {"domain": [0.48, 1]},
                "xaxis2": {"domain": [0, 1]},
                "yaxis2": {"domain": [0, 0.34]},
            }
        },
    }


def caption(modes: ModeConnectivity) -> str:
    """What lies between, and what a curve that was not found does not prove."""
    found = (
        "The curve stays low: the two are connected."
        if modes.connected
        else "No curve of low loss was found, which does not prove that there is none."
    )
    return (
        f"From {centre(modes.about)} (0) to {modes.other} (1). The straight line rises by "
        f"{modes.line_barrier:.3g} above the line between its ends' losses, the curve by "
        f"{modes.curve_barrier:.3g}. {found} Distance {modes.distance:.3g}; the curve is "
        f"{modes.bend:.2f} times as long. {conditions(modes.about)}"
    )


def numbers(modes: ModeConnectivity) -> tuple[Named, ...]:
    """Barriers and lengths."""
    above = "the highest rise above the straight line between the ends' losses"
    return (
        Named("barrier of the line", modes.line_barrier, above),
        Named("barrier of the curve", modes.curve_barrier, above),
        Named("distance", modes.distance, "between the two"),
        Named("bend", modes.bend, "the curve's length over the distance"),
    )


def _label(modes: ModeConnectivity) -> str:
    return f"{label(modes.about)} to {modes.other}"


PANEL = StoredPanel(
    name="mode_connectivity",
    chapter="landscape",
    title="Between two minima",
    question="Is there a way of low loss from one minimum to the other?",
    analyse=(STORED := Stored(ModeConnectivity, "connectivity OTHER_RUN", _label)).newest,
    draw=draw,
    caption=caption,
    stored=STORED,
    numbers=numbers,
)
