"""Signal and gradient through the layers, at the first record and the last, and their funnels."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from plotly.graph_objects import Figure

from dashboard.arrangement import Part, arranged
from dashboard.canvas import Canvas
from dashboard.chart import all_traces, chart
from dashboard.panel import Panel
from dashboard.theme import Palette, Scheme, palette, safe, template
from dashboard.wording import count
from diagnostics.signal_depth import SignalDepth, signal_depth

Floats = NDArray[np.float64]
Trace = dict[str, Any]

REACH = 3.0  # standard deviations: how far the funnel goes to either side
MOST_LABELS = 24
LABEL_LENGTH = 12  # slanted, they have only so much room
MOST_TOLD = 4
LEAST, LARGEST = 1e-300, 1e300  # what a logarithmic axis can hold
CLEAR = 0.1  # in the logarithm: closer to the funnel counts as inside, of a sample's own noise


def draw(depth: SignalDepth, scheme: Scheme = "light") -> Figure:
    """Forward on the left, back on the right."""
    colours = palette(scheme)
    there = (depth.forward, depth.forward_theory, depth.forward_sd)
    charts = [chart(_traces(depth, *there, colours), _part(depth, "", "rms of outputs", there))]
    if depth.gradient:
        back = (depth.backward, depth.backward_theory, depth.backward_sd)
        title = f"rms gradient of {depth.gradient}"
        charts.append(chart(_traces(depth, *back, colours), _part(depth, "2", title, back)))
    figure = Canvas(data=all_traces(charts))
    figure.update_layout(arranged([[one.part for one in charts]], headline=False))
    figure.update_layout(template=template(scheme), uirevision=safe(depth.run), hovermode="x")
    figure.update_layout({"margin.l": 12, "margin.r": 12, "margin.b": 70})
    return figure


def caption(depth: SignalDepth) -> str:
    """What the funnel is, and which layers started outside of it."""
    about = (
        "Every layer with a weight matrix, input at the left, before any function follows; a "
        f"hollow dot at the first record (step {depth.steps[0]:,}), a full one at the last "
        f"(step {depth.steps[1]:,})."
    )
    parts = [about]
    known = _known(depth)
    if not known.any():
        return f"{about} No theory: what feeds these layers was not recorded, or not known."
    names = sorted({name for name in depth.schemes if name})
    parts.append(
        f"Dashed: what weights drawn as {' or '.join(names)} asks would give on from the layer "
        f"before; shaded: {REACH:.0f} standard deviations, from draw to draw of such weights."
    )
    parts.append(_outside(depth, known))
    if not known.all():
        parts.append("Where what feeds a layer is not known, the line starts anew from it.")
    if depth.gradient == "weights":
        parts.append("Gradients of outputs were not recorded; those of the weights have no theory.")
    return " ".join(parts)


def _known(depth: SignalDepth) -> NDArray[np.bool_]:
    return np.asarray(depth.forward_sd > 0)


def outside(depth: SignalDepth) -> Floats:
    """How far each layer's first output lies beyond its funnel, as a logarithm; 0 inside."""
    with np.errstate(divide="ignore", invalid="ignore"):
        away = np.log(depth.forward[0] / depth.forward_theory)
    beyond = np.abs(away) - REACH * depth.forward_sd - CLEAR
    return np.where(_known(depth) & (beyond > 0), away, 0.0)


def _outside(depth: SignalDepth, known: NDArray[np.bool_]) -> str:
    away = outside(depth)
    many = int((away != 0).sum())
    if not many:
        return f"At the first record all {known.sum()} that it speaks of lie inside."
    worst = np.argsort(-np.abs(away))[: min(many, MOST_TOLD)]
    told = ", ".join(f"'{depth.layers[place]}' {_times(away[place])}" for place in worst)
    more = f", and {many - MOST_TOLD} more" if many > MOST_TOLD else ""
    return f"At the first record {count(many, 'layer')} of {known.sum()} outside: {told}{more}."


def _times(away: float) -> str:
    """A factor in words."""
    factor = np.exp(min(abs(away), 600))
    return f"{factor:.3g} times {'above' if away > 0 else 'below'}"


def _traces(
    depth: SignalDepth, measured: Floats, theory: Floats, sd: Floats, colours: Palette
) -> list[Trace]:
    traces = []
    if (sd > 0).any():
        traces += _funnel(depth, theory, sd, colours)
    names = [f"step {step:,}" for step in depth.steps]
    if depth.steps[0] < depth.steps[1]:
        last = {"symbol": "circle", "size": 7}
        traces.append(_line(depth, measured[1], names[1], colours.chosen) | {"marker": last})
    first = {"symbol": "circle-open", "size": 8, "line": {"width": 2}}
    traces.append(_line(depth, measured[0], names[0], colours.accent) | {"marker": first})
    return traces


def _line(depth: SignalDepth, values: Floats, name: str, colour: str) -> Trace:
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "x": [safe(layer) for layer in depth.layers],
        "y": _positive(values),
        "name": name,
        "line": {"color": colour, "width": 2},
        "connectgaps": False,
        "hovertemplate": "%{y:.3g}",
    }


def _funnel(depth: SignalDepth, theory: Floats, sd: Floats, colours: Palette) -> list[Trace]:
    """The band once round, and the line in its middle."""
    layers = [safe(layer) for layer in depth.layers]
    known = np.isfinite(theory) & (theory > 0)
    x = [layer for layer, there in zip(layers, known, strict=True) if there]
    low, high = (theory[known] * np.exp(side * REACH * sd[known]) for side in (-1, 1))
    band = {
        "type": "scatter",
        "mode": "lines",
        "x": x + x[::-1],
        "y": _positive(np.concatenate([high, low[::-1]])),
        "fill": "toself",
        "fillcolor": colours.band,
        "line": {"width": 0},
        "hoverinfo": "skip",
        "name": f"±{REACH:.0f} sd",
    }
    line = _line(depth, theory, "theory", colours.fit) | {"mode": "lines"}
    return [band, line | {"line": {"color": colours.fit, "width": 1.5, "dash": "dash"}}]


def _positive(values: Floats) -> Floats:
    """What a logarithmic axis can show."""
    return np.where((values > LEAST) & (values < LARGEST), values, np.nan)


def _part(depth: SignalDepth, axis: str, title: str, told: tuple[Floats, Floats, Floats]) -> Part:
    measured, theory, sd = told
    stride = max(1, -(-len(depth.layers) // MOST_LABELS))
    layers = [safe(layer) for layer in depth.layers]
    x = {
        "type": "category",
        "categoryorder": "array",
        "categoryarray": layers,
        "tickvals": layers[::stride],
        "ticktext": [safe(_ending(layer)) for layer in depth.layers[::stride]],
        "tickangle": -45 if max(map(len, depth.layers)) > 3 else 0,
        "automargin": True,
        "showgrid": False,
    }
    y = {"title": {"text": title, "standoff": 8}, "automargin": True} | _decades(
        np.concatenate([measured.ravel(), theory * np.exp(REACH * sd), theory / np.exp(REACH * sd)])
    )
    return Part(axis, 300, x, y, legend=f"legend{axis}")


def _ending(name: str) -> str:
    """The end of a long name: it tells layers apart."""
    return name if len(name) <= LABEL_LENGTH else f"…{name[1 - LABEL_LENGTH :]}"


def _decades(values: Floats) -> dict[str, Any]:
    """At least one of them: small differences are not to look like large ones."""
    known = _positive(values)
    known = known[np.isfinite(known)]
    if not len(known):
        return {"type": "log"}
    low, high = np.log10([known.min(), known.max()])
    room = max(0.1, (1.2 - (high - low)) / 2)
    span = [float(low - room), float(high + room)]
    stride = max(1, round((span[1] - span[0]) / 6))
    fine: dict[str, Any] = {"tickformat": "~g", "dtick": "D2"}
    coarse = {"tickformat": ".0e", "dtick": stride}
    return {"type": "log", "range": span} | (fine if high - low < 1.5 else coarse)


PANEL = Panel(
    name="signal_depth",
    chapter="layers",
    title="Signal through depth",
    question="Do signals and gradients keep their size from layer to layer?",
    analyse=signal_depth,
    draw=draw,
    caption=caption,
)
