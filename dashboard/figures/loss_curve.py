"""Losses, score and learning rate over the steps, and what happened when."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from plotly.graph_objects import Figure

from dashboard.arrangement import Part, arranged, merged
from dashboard.binning import StepAxis, equal_bins
from dashboard.canvas import Canvas
from dashboard.chart import all_traces, chart
from dashboard.loss_scale import log_axis
from dashboard.panel import Panel
from dashboard.step_cursor import cursor
from dashboard.theme import Palette, Scheme, palette, safe, template
from dashboard.wording import count, number
from diagnostics.loss_curve import KINDS, Kind, LossCurve, loss_curve

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Trace = dict[str, Any]

MOST_COLUMNS = 500  # of a curve; each shows its least and its largest value
WIDE_SPAN = 20.0  # largest over least loss from which on decades are the better axis
MARKS = 9  # the axis of what happened, over that of the losses
_MARKS_AXIS = {"overlaying": "y", "range": [0, 1], "visible": False, "fixedrange": True}
_STEM: Trace = {"type": "constant", "symmetric": False, "value": 0, "valueminus": 1} | {
    "thickness": 1,
    "width": 0,
}
FAR = 3.0  # times the usual losses: what jumps farther leaves an axis of decades
LINEAR = StepAxis(log=False, shift=0)
SYMBOLS: dict[Kind, str] = {
    "not finite": "x-thin",
    "skipped": "line-ns",
    "exception": "x",
    "resumed": "triangle-right",
    "jump": "triangle-up",
    "best": "star",
    "rate change": "diamond",
}


def draw(curve: LossCurve, step: int | None = None, scheme: Scheme = "light") -> Figure:
    """From the top: losses with what happened, score, rate; the same steps below one another."""
    colours = palette(scheme)
    top = [*_losses(curve, colours), *_happenings(curve, colours)]
    rows = [(top, 260, "loss", _loss_axis(curve))]
    if np.isfinite(curve.score).any():
        rows.append((_score(curve, colours), 90, safe(curve.score_name), {}))
    if np.isfinite(curve.rate).any():
        rows.append((_rate(curve, colours), 70, "rate", _rate_axis(curve.rate)))
    charts = [
        chart(traces, _part(curve, place, len(rows), (room, title, axis)))
        for place, (traces, room, title, axis) in enumerate(rows, start=1)
    ]
    layout = arranged([[one.part] for one in charts], headline=False)
    suffixes = [one.part.axis for one in charts]
    figure = Canvas(data=[_lifted(trace) for trace in all_traces(charts)])
    figure.update_layout(merged(layout, cursor(LINEAR, step, colours, suffixes)))
    figure.update_layout(template=template(scheme), uirevision=safe(curve.run), hovermode="closest")
    figure.update_layout({"margin.l": 12, "margin.r": 12, f"yaxis{MARKS}": _MARKS_AXIS})
    return figure


def caption(curve: LossCurve) -> str:
    """How far the loss fell, what chance costs, and what happened."""
    parts = [_fallen(curve)] if len(curve.steps) else []
    if np.isfinite(curve.chance):
        parts.append(
            f"Dotted: what the best constant answer costs, {number(curve.chance)}; a model that "
            "knows nothing of its inputs gets there."
        )
    known = [kind for kind in KINDS if kind in curve.kinds]
    if known:
        told = (f"{kind} ({_when(curve, kind)})" for kind in known)
        parts.append(f"What happened: {', '.join(told)}.")
    away = beyond(curve)
    if len(away):
        ends = dict.fromkeys(number(float(f(curve.training[away]))) for f in (np.min, np.max))
        parts.append(
            f"Beyond the axis: {count(len(away), 'logged value')} ({' to '.join(ends)}), first at "
            f"step {curve.steps[away[0]]:,}."
        )
    if len(curve.steps) > 2 * MOST_COLUMNS:
        parts.append("The faint line shows the least and the largest loss of each column.")
    return " ".join(parts)


def _fallen(curve: LossCurve) -> str:
    known = curve.smooth[np.isfinite(curve.smooth)]
    name = f"'{curve.training_name}'"
    if not len(known):
        return f"{name} was never a number."
    told = f"{name} went from {number(known[0])} to {number(known[-1])}"
    if len(curve.validation):
        told += f", '{curve.validation_name}' ended at {number(float(curve.validation[-1]))}"
    return f"{told}; the strong line is a running median."


def _when(curve: LossCurve, kind: Kind) -> str:
    steps = [s for s, k in zip(curve.happened.tolist(), curve.kinds, strict=True) if k == kind]
    if len(steps) > 1:
        return f"{count(len(steps), 'time')}, first at step {steps[0]:,}"
    return f"step {steps[0]:,}"


def _losses(curve: LossCurve, colours: Palette) -> list[Trace]:
    traces = []
    if len(curve.steps):
        name = safe(curve.training_name)
        steps, values = extremes(curve.steps, curve.training)
        raw = _line(steps, values, f"{name}, as logged", colours.accent)
        strong = _line(*extremes(curve.steps, curve.smooth), name, colours.accent)
        traces += [raw | {"opacity": 0.35} | _thin(colours.accent), strong]
    if len(curve.validation):
        steps, values = extremes(curve.validation_steps, curve.validation)
        line = _line(steps, values, safe(curve.validation_name), colours.chosen)
        traces.append(line | {"mode": "lines+markers", "marker": {"size": 5}})
    if np.isfinite(curve.chance):
        ends = np.array(_range(curve))
        dotted = _line(ends, np.full(2, curve.chance), "chance", colours.fit)
        traces.append(dotted | {"line": {"color": colours.fit, "width": 1.5, "dash": "dot"}})
    return traces


def _thin(colour: str) -> Trace:
    return {"line": {"color": colour, "width": 1}}


def _score(curve: LossCurve, colours: Palette) -> list[Trace]:
    steps, values = extremes(curve.score_steps, curve.score)
    line = _line(steps, values, safe(curve.score_name), colours.good)
    return [line | {"mode": "lines+markers", "marker": {"size": 5}}]


def _rate(curve: LossCurve, colours: Palette) -> list[Trace]:
    steps, values = extremes(curve.steps, np.where(curve.rate > 0, curve.rate, np.nan))
    line = _line(steps, values, "rate", colours.dimmed)
    return [line | {"line": {"color": colours.dimmed, "width": 2, "shape": "hv"}}]


def _lifted(trace: Trace) -> Trace:
    """What happened stands at the top of the losses, whatever their scale."""
    return trace | {"yaxis": f"y{MARKS}"} if trace["name"] in KINDS and "text" in trace else trace


def _happenings(curve: LossCurve, colours: Palette) -> list[Trace]:
    """A line down through the curves, and at its top for each kind a sign of its own."""
    bad = ("not finite", "exception", "jump", "skipped")
    traces = []
    for kind in (kind for kind in KINDS if kind in curve.kinds):
        here = [place for place, each in enumerate(curve.kinds) if each == kind]
        colour = colours.error if kind in bad else colours.fit
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": kind,
                "x": curve.happened[here],
                "y": [1] * len(here),
                "text": [safe(curve.words[place]) for place in here],
                "customdata": curve.happened[here],
                "marker": {
                    "symbol": SYMBOLS[kind],
                    "size": 10,
                    "color": colour,
                    "line": {"color": colour, "width": 2 if "thin" in SYMBOLS[kind] else 1},
                },
                "error_y": _STEM | {"color": colour},
                "cliponaxis": False,
                "hovertemplate": "step %{x:,d}<br>%{text}<extra></extra>",
            }
        )
    return traces


def _line(steps: Integers, values: Floats, name: str, colour: str) -> Trace:
    return {
        "type": "scatter",
        "mode": "lines" if len(steps) > 1 else "markers",
        "x": steps,
        "y": values,
        "customdata": steps,
        "name": name,
        "line": {"color": colour, "width": 2},
        "hovertemplate": "step %{customdata:,d}<br>%{y:.4g}<extra></extra>",
    }


def extremes(steps: Integers, values: Floats) -> tuple[Integers, Floats]:
    """A long curve by the least and the largest value of each column; a gap stays one."""
    shown = np.where(np.isfinite(values), values, np.nan)
    if len(steps) <= 2 * MOST_COLUMNS:
        return steps, shown
    kept = [
        _ends(shown, *member) for member in equal_bins(steps.astype(float), MOST_COLUMNS).members
    ]
    records = np.unique(np.concatenate(kept))
    return steps[records], shown[records]


def _ends(values: Floats, start: int, stop: int) -> list[int]:
    part = values[start:stop]
    if np.isnan(part).all():
        return [start]
    return [start + int(np.nanargmin(part)), start + int(np.nanargmax(part))]


def _part(curve: LossCurve, place: int, rows: int, told: tuple[int, str, dict[str, Any]]) -> Part:
    room, title, axis = told
    is_last = place == rows
    x = {
        "range": _range(curve),
        "tickformat": "~s",
        "nticks": 7,
        "title": {"text": "step" if is_last else "", "standoff": 20},
    }
    x |= {} if place == 1 else {"matches": "x"}
    y = {"title": {"text": title, "standoff": 8}, "automargin": True, "nticks": 6} | axis
    legend = "legend" if place == 1 else ""
    return Part("" if place == 1 else str(place), room, x, y, legend=legend)


def _range(curve: LossCurve) -> list[float]:
    ends = np.concatenate([curve.steps, curve.validation_steps, curve.score_steps, curve.happened])
    low, high = float(ends.min()), float(ends.max())
    margin = 0.01 * max(1.0, high - low)
    return [low - margin, high + margin]


def _loss_axis(curve: LossCurve) -> dict[str, Any]:
    """Decades where the loss spans several."""
    values = _usual(curve)
    axis = log_axis(values, log=_spans_decades(values))
    if not len(beyond(curve)):
        return axis
    low, high = _edges(curve)
    logarithmic = axis["type"] == "log"
    return axis | {"range": np.log10([low, high]).tolist() if logarithmic else [low, high]}


def _spans_decades(values: Floats) -> bool:
    return bool(len(values) and values.min() > 0 and values.max() > WIDE_SPAN * values.min())


def _usual(curve: LossCurve) -> Floats:
    """What the axis must hold."""
    known = [each[np.isfinite(each)] for each in (curve.smooth, curve.validation)]
    return np.concatenate([*known, [curve.chance] if np.isfinite(curve.chance) else []])


def _edges(curve: LossCurve) -> tuple[float, float]:
    """Of an axis that a lone jump does not press flat."""
    values = _usual(curve)
    low, high = float(values.min()), float(values.max())
    if _spans_decades(values):
        return low / FAR, high * FAR
    margin = (high - low) or 0.1 * abs(high) or 1.0
    return low - margin, high + margin


def beyond(curve: LossCurve) -> Integers:
    """Which of the logged losses would press the rest flat, if the axis held them."""
    if not len(_usual(curve)):
        return np.empty(0, np.int64)
    low, high = _edges(curve)
    with np.errstate(invalid="ignore"):
        away = (curve.training < low) | (curve.training > high)
    return np.flatnonzero(away & np.isfinite(curve.training))


def _rate_axis(rates: Floats) -> dict[str, Any]:
    known = rates[rates > 0]
    if len(known) and np.median(known) < 0.05 * known.max():
        return {"type": "log", "tickformat": ".0e", "nticks": 4}
    return {"rangemode": "tozero", "nticks": 4}


PANEL = Panel(
    name="loss_curve",
    chapter="overview",
    title="Loss curve",
    question="Does it learn, and what happened when it stopped?",
    analyse=loss_curve,
    draw=draw,
    caption=caption,
    place=0,
)
