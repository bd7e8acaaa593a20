"""Losses, score and learning rate over the steps, and what happened when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from plotly.graph_objects import Figure

from dashboard.arrangement import Part, arranged, merged
from dashboard.binning import StepAxis
from dashboard.canvas import Canvas
from dashboard.chart import Chart, all_traces, chart
from dashboard.decimation import Span, extremes, sampled
from dashboard.first_seen import Seen
from dashboard.loss_events import MARKS, MARKS_AXIS, events, lifted
from dashboard.loss_findings import findings
from dashboard.loss_scale import compact, log_axis
from dashboard.panel import Panel
from dashboard.step_cursor import cursor
from dashboard.theme import Palette, Scheme, palette, safe, template
from dashboard.wording import count, number
from diagnostics.loss_curve import KINDS, Kind, LossCurve, loss_curve
from diagnostics.smoothing import smoothed_ema

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Trace = dict[str, Any]

MOST_COLUMNS = 500  # of a curve; each shows its least and its largest value
MOST_DOTS = 200  # of a curve
WIDE_SPAN = 20.0  # largest over least loss from which on decades are the better axis
FAR = 3.0  # times the usual losses: what jumps farther leaves an axis of decades
LINEAR = StepAxis(log=False, shift=0)


@dataclass(frozen=True)
class View:
    """How somebody wants the losses drawn."""

    scheme: Scheme = "light"
    smooth: float = 0.0  # weight of the past in an exponential mean; 0: a running median
    scale: str | None = None  # "linear" or "log"; None: as fits the losses
    span: Span | None = None  # the steps to be drawn in detail
    told: Sequence[Seen] = ()  # what the doctor has found, if that is known yet

    @property
    def colours(self) -> Palette:
        return palette(self.scheme)


def draw(  # noqa: PLR0913  (each a wish of its own)
    curve: LossCurve,
    step: int | None = None,
    scheme: Scheme = "light",
    *,
    smooth: float = 0.0,
    scale: str | None = None,
    span: Span | None = None,
    told: Sequence[Seen] = (),
) -> Figure:
    """From the top: losses with what happened, score, rate; the same steps below one another."""
    view = View(scheme, smooth, scale, span, told)
    charts = _charts(curve, view)
    layout = arranged([[one.part] for one in charts], headline=False)
    suffixes = [one.part.axis for one in charts]
    layout = merged(layout, cursor(LINEAR, step, view.colours, suffixes))
    layout = merged(layout, {"margin": {"l": 12, "r": 12}, f"yaxis{MARKS}": MARKS_AXIS})
    layout |= {"template": template(scheme), "uirevision": safe(curve.run), "hovermode": "closest"}
    return Canvas(data=[lifted(trace) for trace in all_traces(charts)], layout=layout)


def _charts(curve: LossCurve, view: View) -> list[Chart]:
    found = findings(view.told, _range(curve), view.colours)
    top = [*_losses(curve, view), *events(curve, view.colours), *found]
    rows = [(top, 260, "loss", _loss_axis(curve, view))]
    if np.isfinite(curve.score).any():
        rows.append((_score(curve, view), 90, safe(curve.score_name), {}))
    if np.isfinite(curve.rate).any():
        rows.append((_rate(curve, view), 70, "rate", _rate_axis(curve.rate)))
    return [
        chart(traces, _part(curve, place, len(rows), (room, title, axis)))
        for place, (traces, room, title, axis) in enumerate(rows, start=1)
    ]


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
        parts.append("Each column of the faint line shows its least and its largest loss.")
    return " ".join(parts)


def _fallen(curve: LossCurve) -> str:
    known = curve.smooth[np.isfinite(curve.smooth)]
    name = f"'{curve.training_name}'"
    if not len(known):
        return f"{name} was never a number."
    told = f"The running median of {name} went from {number(known[0])} to {number(known[-1])}"
    if len(curve.validation):
        told += f", '{curve.validation_name}' ended at {number(float(curve.validation[-1]))}"
    return f"{told}."


def _when(curve: LossCurve, kind: Kind) -> str:
    steps = [s for s, k in zip(curve.happened.tolist(), curve.kinds, strict=True) if k == kind]
    if len(steps) > 1:
        return f"{count(len(steps), 'time')}, first at step {steps[0]:,}"
    return f"step {steps[0]:,}"


def _losses(curve: LossCurve, view: View) -> list[Trace]:
    return [*_training(curve, view), *_validation(curve, view), *_guessed(curve, view.colours)]


def _training(curve: LossCurve, view: View) -> list[Trace]:
    """As logged, faint; over it what is left when the noise is taken out."""
    if not len(curve.steps):
        return []
    name, colour = safe(curve.training_name), view.colours.accent
    raw = _line(*_drawn(curve.steps, curve.training, view), f"{name}, as logged", colour)
    faint = {"opacity": 0.35, "line": {"color": colour, "width": 1}}
    return [raw | faint, _line(*_strong(curve, view), colour)]


def _strong(curve: LossCurve, view: View) -> tuple[Integers, NDArray[Any], str]:
    """Without its noise, to seven digits. A median hardly changes within a column; a mean may."""
    name = safe(curve.training_name)
    if view.smooth:
        mean = smoothed_ema(curve.training, view.smooth)
        steps, values = _drawn(curve.steps, mean, view)
        return steps, compact(values), f"{name}, smoothed {view.smooth:g}"
    steps, values = sampled(curve.steps, curve.smooth, MOST_COLUMNS, view.span)
    return steps, compact(values), f"{name}, running median"


def _validation(curve: LossCurve, view: View) -> list[Trace]:
    if not len(curve.validation):
        return []
    colour = view.colours.chosen
    shown = _drawn(curve.validation_steps, curve.validation, view)
    return [_dotted(_line(*shown, safe(curve.validation_name), colour))]


def _guessed(curve: LossCurve, colours: Palette) -> list[Trace]:
    if not np.isfinite(curve.chance):
        return []
    level = _line(np.array(_range(curve)), np.full(2, curve.chance), "chance", colours.fit)
    return [level | {"line": {"color": colours.fit, "width": 1.5, "dash": "dot"}}]


def _score(curve: LossCurve, view: View) -> list[Trace]:
    shown = _drawn(curve.score_steps, curve.score, view)
    return [_dotted(_line(*shown, safe(curve.score_name), view.colours.good))]


def _rate(curve: LossCurve, view: View) -> list[Trace]:
    colour = view.colours.dimmed
    rates = np.where(curve.rate > 0, curve.rate, np.nan)
    line = _line(*_drawn(curve.steps, rates, view), "rate", colour)
    return [line | {"line": {"color": colour, "width": 2, "shape": "hv"}}]


def _drawn(steps: Integers, values: Floats, view: View) -> tuple[Integers, Floats]:
    return extremes(steps, values, MOST_COLUMNS, view.span)


def _dotted(line: Trace) -> Trace:
    """With a dot at each value, where they are few enough to be told apart."""
    few = len(line["x"]) <= MOST_DOTS
    return line | ({"mode": "lines+markers", "marker": {"size": 5}} if few else {})


def _line(steps: Integers, values: NDArray[Any], name: str, colour: str) -> Trace:
    return {
        "type": "scatter",
        "mode": "lines" if len(steps) > 1 else "markers",
        "x": steps,
        "y": values,
        "name": name,
        "line": {"color": colour, "width": 2},
        "hovertemplate": "step %{x:,d}<br>%{y:.4g}<extra></extra>",
    }


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


def _loss_axis(curve: LossCurve, view: View) -> dict[str, Any]:
    """Decades where the loss spans several, unless somebody wants it otherwise."""
    values = _usual(curve)
    fits = _spans_decades(values)
    log = fits if view.scale is None else view.scale == "log"
    axis = log_axis(values[values > 0] if log else values, log=log)
    if log != fits or not len(beyond(curve)):
        return axis
    low, high = _edges(curve)
    return axis | {"range": np.log10([low, high]).tolist() if log else [low, high]}


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
