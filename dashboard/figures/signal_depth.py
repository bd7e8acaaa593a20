"""Signal and gradient through the layers, at the first record and the last, and their funnels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from plotly.graph_objects import Figure

from dashboard.arrangement import FROM_TOP, SLIDER, Part, arranged, below, merged
from dashboard.canvas import Canvas
from dashboard.chart import all_traces, chart
from dashboard.panel import Panel
from dashboard.step_slider import step_slider, stop
from dashboard.theme import Palette, Scheme, palette, safe, template
from dashboard.wording import count
from diagnostics.signal_depth import SignalDepth, signal_depth

Floats = NDArray[np.float64]
Trace = dict[str, Any]

MOVED = "moved"  # the traces of the slider's step
REACH = 3.0  # standard deviations: how far the funnel goes to either side
MOST_LABELS = 24
LABEL_LENGTH = 12  # slanted, they have only so much room
MOST_TOLD = 4
LEAST, LARGEST = 1e-300, 1e300  # what a logarithmic axis can hold
CLEAR = 0.1  # in the logarithm: closer to the funnel counts as inside, of a sample's own noise


def draw(depth: SignalDepth, step: int | None = None, scheme: Scheme = "light") -> Figure:
    """Forward on the left, back on the right; the slider moves both to another step."""
    colours = palette(scheme)
    wanted = depth.steps[1] if step is None else step
    record = int(np.abs(depth.looks - wanted).argmin())
    charts = [
        chart(_traces(depth, way, record, colours), _part(depth, way)) for way in _ways(depth)
    ]
    traces = all_traces(charts)
    several = len(depth.looks) > 1
    layout = arranged([[one.part for one in charts]], headline=False, sliders=int(several))
    layout = merged(layout, {"margin": {"l": 12, "r": 12}, "meta": _META})
    if several:
        layout = merged(layout, _room(layout, len(charts)))
        layout |= {"sliders": [_slider(depth, traces, record, charts[0].part, colours)]}
    layout |= {"template": template(scheme), "uirevision": safe(depth.run), "hovermode": "x"}
    return Canvas(data=traces, layout=layout)


def _room(layout: dict[str, Any], charts: int) -> dict[str, Any]:
    """For a slider below the only row there is: between two rows it has some."""

    def taller(told: dict[str, Any]) -> dict[str, Any]:
        margin = {"b": told["margin"]["b"] + SLIDER}
        return {"height": told["height"] + SLIDER, "margin": margin}

    narrow = taller(layout["meta"]["narrow"]) if charts == 1 else {}
    return taller(layout) | {"meta": {"narrow": narrow}}


_META = {"steps": {"log": False, "shift": 0}, "axes": []}  # no axis is one of steps


@dataclass(frozen=True)
class _Way:
    """Forward, or back."""

    axis: str
    title: str
    first: Floats  # [layer]
    at: Floats  # [look, layer]
    theory: Floats  # [layer]
    sd: Floats  # [layer]


def _ways(depth: SignalDepth) -> list[_Way]:
    there = (depth.forward[0], depth.forward_at, depth.forward_theory, depth.forward_sd)
    back = (depth.backward[0], depth.backward_at, depth.backward_theory, depth.backward_sd)
    ways = [_Way("", "rms of outputs", *there)]
    return (
        [*ways, _Way("2", f"rms gradient of {depth.gradient}", *back)] if depth.gradient else ways
    )


def _slider(
    depth: SignalDepth, traces: list[Trace], record: int, part: Part, colours: Palette
) -> dict[str, Any]:
    """Moves the full dots; the hollow ones stay at the first record."""
    places = [n for n, trace in enumerate(traces) if trace.get("legendgroup") == MOVED]
    stops = [
        stop(
            int(step),
            {
                "y": [_brief(way.at[look]) for way in _ways(depth)],
                "name": [f"step {step:,}"] * len(places),
            },
            {},
            places,
        )
        for look, step in enumerate(depth.looks.tolist())
    ]
    slider = step_slider(stops, record, colours, prefix="step ", room=below(part, 0))
    return slider | FROM_TOP


def caption(depth: SignalDepth) -> str:
    """What the funnel is, and which layers started outside of it."""
    about = (
        "Every layer with a weight matrix, input at the left, before any function follows; a "
        f"hollow dot at the first record (step {depth.steps[0]:,}), a full one at the step of the "
        f"slider, of {depth.steps[1]:,}."
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


def _traces(depth: SignalDepth, way: _Way, record: int, colours: Palette) -> list[Trace]:
    traces = _funnel(depth, way.theory, way.sd, colours) if (way.sd > 0).any() else []
    if len(depth.looks) > 1:
        full = {"symbol": "circle", "size": 7}
        name = f"step {depth.looks[record]:,}"
        line = _line(depth, way.at[record], name, colours.chosen)
        traces.append(line | {"marker": full, "legendgroup": MOVED})
    hollow = {"symbol": "circle-open", "size": 8, "line": {"width": 2}}
    first = _line(depth, way.first, f"step {depth.steps[0]:,}", colours.accent)
    return [*traces, first | {"marker": hollow}]


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


def _brief(values: Floats) -> list[float | None]:
    """Four digits: there is one such list for each stop of the slider."""
    shown = (float(f"{value:.4g}") for value in _positive(values))
    return [value if np.isfinite(value) else None for value in shown]


def _positive(values: Floats) -> Floats:
    """What a logarithmic axis can show."""
    return np.where((values > LEAST) & (values < LARGEST), values, np.nan)


def _part(depth: SignalDepth, way: _Way) -> Part:
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
    room = np.exp(REACH * way.sd)
    held = [way.first, way.at.ravel(), way.theory * room, way.theory / room]
    y = {"title": {"text": way.title, "standoff": 8}, "automargin": True}
    y |= _decades(np.concatenate(held))
    return Part(way.axis, 300, x, y, legend=f"legend{way.axis}")


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
