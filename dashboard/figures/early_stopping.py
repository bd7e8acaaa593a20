"""Early stopping as a filter: the best step, what of each mode is learnt there, and the noise."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from plotly.graph_objects import Figure

from dashboard.about import conditions
from dashboard.binning import short
from dashboard.canvas import Canvas
from dashboard.loss_scale import log_axis
from dashboard.named_numbers import Named
from dashboard.panel import StoredPanel
from dashboard.stopping_traces import (
    axis_of,
    curves_of,
    has_noise,
    loss_traces,
    part_traces,
    share_traces,
)
from dashboard.stored import Stored
from dashboard.theme import Palette, Scheme, palette, safe, template
from dashboard.wording import number
from diagnostics.early_stopping import EarlyStopping

Floats = NDArray[np.float64]
Trace = dict[str, Any]

FEW = 10  # modes that are all named on the axis
FOLLOWED = (-0.3, 1.5)  # parts learnt that are drawn


def draw(stopping: EarlyStopping, *, scheme: Scheme = "light") -> Figure:
    """Losses above; below them the parts at the best step and at the last, and the noise."""
    colours = palette(scheme)
    traces = [*loss_traces(stopping, colours), *part_traces(stopping, colours)]
    if has_noise(stopping):
        traces += share_traces(stopping, colours)
    figure = Canvas(data=traces)
    figure.update_layout(_layout(stopping, scheme))
    return figure


def _layout(stopping: EarlyStopping, scheme: Scheme) -> dict[str, Any]:
    colours, noisy = palette(scheme), has_noise(stopping)
    losses = np.concatenate([curve.values for curve in curves_of(stopping)])
    layout: dict[str, Any] = {
        "template": template(scheme),
        "uirevision": safe(stopping.run),
        "height": 680,
        "margin": {"l": 12, "r": 12, "t": 56, "b": 12},
        "hovermode": "closest",
        "legend": {"orientation": "h", "x": 0, "y": 1.01, "yanchor": "bottom"},
        "xaxis": _steps(stopping) | {"matches": "x3"} if noisy else _steps(stopping),
        "yaxis": log_axis(losses, log=True) | _titled("loss") | {"domain": [0.56, 1]},
        "xaxis2": _places(stopping) | {"domain": [0, 0.44 if noisy else 1], "anchor": "y2"},
        "yaxis2": _titled("part learnt") | _share_axis(stopping.kept, stopping.kept_last),
        "shapes": _best_lines(stopping, colours),
        "annotations": [_above("Learnt of each " + stopping.modes, "2", colours)],
        "meta": {"narrow": _NARROW if noisy else _NARROW_ALONE},
    }
    if not noisy:
        return layout
    layout["yaxis3"] = _titled("part fitted") | _share_axis(stopping.signal, stopping.noise)
    layout["yaxis3"]["anchor"] = "x3"
    layout["xaxis3"] = _steps(stopping) | {"domain": [0.56, 1], "anchor": "y3"}
    layout["annotations"].append(_above("Signal and noise in the predictions", "3", colours))
    return layout


_NARROW: dict[str, Any] = {
    "height": 980,
    "margin": {"t": 110},
    "yaxis": {"domain": [0.73, 1]},
    "xaxis2": {"domain": [0, 1]},
    "yaxis2": {"domain": [0.36, 0.6]},
    "xaxis3": {"domain": [0, 1]},
    "yaxis3": {"domain": [0, 0.23]},
}


_NARROW_ALONE: dict[str, Any] = {
    "height": 700,
    "margin": {"t": 110},
    "yaxis": {"domain": [0.6, 1]},
    "yaxis2": {"domain": [0, 0.4]},
}


def _titled(text: str) -> dict[str, Any]:
    return {"title": {"text": text, "standoff": 8}}


def _steps(stopping: EarlyStopping) -> dict[str, Any]:
    axis, last = axis_of(stopping), int(stopping.steps[-1])
    places, labels = axis.ticks(last)
    return _titled("step") | {"tickvals": places, "ticktext": labels, "showgrid": False}


def _places(stopping: EarlyStopping) -> dict[str, Any]:
    """Few modes are all named."""
    places = stopping.frequencies
    kind: dict[str, Any] = {"type": "log"} if places[-1] > 2 * places[0] else {"type": "linear"}
    if len(places) <= FEW:
        kind |= {"tickvals": places, "ticktext": [f"{place:g}" for place in places]}
    else:
        ticks = [m * 10**power for power in range(4) for m in (1, 2, 5)]
        kind |= {"tickvals": ticks, "ticktext": [short(tick) for tick in ticks]}
    title = "frequency k" if stopping.modes == "frequency" else "kernel mode, the fastest first"
    return _titled(title) | kind | {"showgrid": False}


def _share_axis(*shares: Floats) -> dict[str, Any]:
    """From none to all, and beyond where a share goes there; what runs away is left out."""
    values = np.concatenate(shares)
    inside = np.append(values[np.isfinite(values)].clip(*FOLLOWED), [0.0, 1.0])
    ends = [float(inside.min()) - 0.05, float(inside.max()) + 0.05]
    return {"domain": [0, 0.36], "anchor": "x2", "tickformat": ".0%", "range": ends}


def _best_lines(stopping: EarlyStopping, colours: Palette) -> list[Trace]:
    """The record that stands for the best step, wherever there are steps."""
    place = float(axis_of(stopping).place(np.array([stopping.best]))[0])
    line = {"type": "line", "x0": place, "x1": place, "y0": 0, "y1": 1}
    line |= {"line": {"color": colours.chosen, "width": 1, "dash": "dot"}}
    axes = ("", "3") if has_noise(stopping) else ("",)
    return [line | {"xref": f"x{n}", "yref": f"y{n} domain"} for n in axes]


def _above(text: str, axis: str, colours: Palette) -> dict[str, Any]:
    place = {"xref": f"x{axis} domain", "yref": f"y{axis} domain", "x": 0, "y": 1}
    corner = {"xanchor": "left", "yanchor": "bottom", "yshift": 6, "showarrow": False}
    return {"text": text, **place, **corner, "font": {"size": 12, "color": colours.ink}}


def caption(stopping: EarlyStopping) -> str:
    """Which step is the best and by what; what stopping there keeps, and what it spares."""
    parts = [
        f"Best is step {stopping.best:,} of {stopping.steps[-1]:,}, by {stopping.by}.",
        _after(stopping),
        _spared(stopping),
    ]
    about = [conditions(stopping.about)] if stopping.about else []
    return " ".join([*(part for part in parts if part), *about])


def _after(stopping: EarlyStopping) -> str:
    """How both losses went on."""
    if stopping.best == stopping.steps[-1]:
        return "That is the last record: stopping earlier would have kept less."
    told = []
    for curve in curves_of(stopping):
        at = int(np.abs(curve.steps - stopping.best).argmin())
        first, last = (_written(float(curve.values[n])) for n in (at, -1))
        told.append(f"{curve.name} went from {first} to {last}")
    return f"After it {', '.join(told)}."


def _spared(stopping: EarlyStopping) -> str:
    if not has_noise(stopping):
        return "What of the target is noise is not known." if not stopping.clean else ""
    last = stopping.noise[-1]
    later = f" and {last:.0%} by the last" if np.isfinite(last) else ""
    return (
        f"Of the noise {stopping.noise_at_best:.0%} was fitted by the best step{later}; clean is "
        f"taken from {stopping.clean}."
    )


def _written(loss: float) -> str:
    return number(loss) if np.isfinite(loss) else "NaN or infinity"


def numbers(stopping: EarlyStopping) -> tuple[Named, ...]:
    """The noise at both steps, and each mode's two parts."""
    noise = Named(
        "noise fitted",
        stopping.noise_at_best,
        f"share of it in the predictions at the best step; {stopping.noise[-1]:.3g} at the last",
    )
    rows = zip(stopping.frequencies, stopping.kept, stopping.kept_last, stopping.ridge, strict=True)
    return (
        *([noise] if has_noise(stopping) else []),
        *(_of(stopping.modes, *row) for row in rows),
    )


def _of(what: str, place: float, kept: float, last: float, ridge: float) -> Named:
    told = f"part learnt at the best step; {last:.3g} at the last"
    if np.isfinite(ridge) and ridge > 0:
        told += f"; a ridge of {number(ridge)} of its eigenvalue keeps as much"
    return Named(f"k = {place:g}" if what == "frequency" else f"mode {place:g}", float(kept), told)


def _label(stopping: EarlyStopping) -> str:
    return f"step {stopping.best:,}, by {stopping.by}"


STORED = Stored(EarlyStopping, "early-stopping", _label)
PANEL = StoredPanel(
    name="early_stopping",
    chapter="generalisation",
    title="Early stopping",
    question="What had the network learnt at its best step, and what did the later ones fit?",
    analyse=STORED.newest,
    draw=draw,
    caption=caption,
    stored=STORED,
    numbers=numbers,
)
