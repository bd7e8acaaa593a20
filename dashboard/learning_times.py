"""How the time to learn goes with frequency, as plotly traces, axes and a verdict in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dashboard.loss_scale import log_axis
from dashboard.theme import Palette
from diagnostics.learning_order import Order, Reached
from diagnostics.spectral_bias import SpectralBias

Floats = NDArray[np.float64]
Trace = dict[str, Any]

EARLIEST = 0.5  # where a logarithm puts step 0
FEW = 8  # frequencies that are all named on the axis
VERDICTS = {
    "low first": "Low frequencies first",
    "high first": "High frequencies first",
    "no bias": "No order: all alike",
    "cannot tell": "An order cannot be told",
}


@dataclass(frozen=True)
class Level:
    """A part of each frequency, when it was reached, and how that is marked."""

    found: Reached
    name: str
    marker: Trace
    trace: Trace  # all but its places

    @property
    def there(self) -> NDArray[np.bool_]:
        """Which frequencies got there."""
        return np.isfinite(self.found.between)


def levels(bias: SpectralBias, colours: Palette) -> tuple[Level, ...]:
    """A half and nine tenths, in every picture alike."""
    half, most = bias.reached
    return (
        _level(bias, half, "half learnt", {"color": colours.chosen, "symbol": "circle"}),
        _level(bias, most, "90 % learnt", {"color": colours.accent, "symbol": "diamond"}),
    )


def _level(bias: SpectralBias, found: Reached, name: str, marker: Trace) -> Level:
    there = np.isfinite(found.between)
    trace = {
        "type": "scatter",
        "mode": "markers",
        "name": name,
        "legendgroup": name,
        "text": [_when(found, int(at)) for at in np.flatnonzero(there)],
        "customdata": bias.frequencies[there],
        "hovertemplate": f"k = %{{customdata:~g}}<br>{name} %{{text}}<extra></extra>",
    }
    return Level(found, name, marker | {"size": 8}, trace)


def _when(found: Reached, at: int) -> str:
    """Between which records."""
    if np.isnan(found.before[at]):
        return f"at the first record, step {found.step[at]:,.0f}"
    return f"after step {found.before[at]:,.0f}, by step {found.step[at]:,.0f}"


def time_traces(bias: SpectralBias, colours: Palette) -> list[Trace]:
    """The trend, each level's times, and what was not learnt yet."""
    marks = [_times(bias, level) for level in levels(bias, colours)]
    return [*_trend(bias, colours), *marks, *_not_yet(bias, colours)]


def predicted_traces(bias: SpectralBias, colours: Palette) -> list[Trace]:
    """The times that the kernel predicts, if it does: a thin dashed line for each level."""
    if bias.predicted is None or bias.predicted.refused:
        return []
    traces = []
    for level, found in zip(levels(bias, colours), bias.predicted.reached, strict=True):
        order = np.argsort(bias.frequencies)  # a line goes from left to right
        there = order[np.isfinite(found.between[order])]
        name = f"{level.name}, predicted"
        traces.append(
            {
                "type": "scatter",
                "mode": "lines+markers",  # a lone time is no line
                "marker": {"color": level.marker["color"], "symbol": "circle-open", "size": 5},
                "name": name,
                "legendgroup": name,
                "x": bias.frequencies[there],
                "y": np.maximum(found.between[there], EARLIEST),
                "customdata": np.stack([bias.frequencies[there], found.between[there]], 1),
                "line": {"color": level.marker["color"], "width": 1.5, "dash": "dash"},
                "hovertemplate": (
                    f"k = %{{customdata[0]:~g}}<br>{name} at step %{{customdata[1]:,.1f}}"
                    "<extra></extra>"
                ),
            }
        )
    return traces


def _times(bias: SpectralBias, level: Level) -> Trace:
    return level.trace | {
        "x": bias.frequencies[level.there],
        "y": np.maximum(level.found.between[level.there], EARLIEST),
        "error_y": _bars(level) | {"color": level.marker["color"], "thickness": 1.2, "width": 3},
        "marker": level.marker,
        "showlegend": False,
    }


def _bars(level: Level) -> Trace:
    """From the last record below the level to the first above it."""
    found, there = level.found, level.there
    step, before, between = found.step[there], found.before[there], found.between[there]
    first = np.isnan(before)
    below = np.where(first, 0.0, between - np.maximum(before, EARLIEST))
    return {"array": step - between, "arrayminus": below.clip(0), "symmetric": False}


def _not_yet(bias: SpectralBias, colours: Palette) -> list[Trace]:
    """Where the last step is: it takes longer than that."""
    late = np.isinf(bias.half.step)
    if not late.any():
        return []
    marker = {"symbol": "triangle-up-open", "size": 11, "color": colours.chosen}
    trace = {
        "type": "scatter",
        "mode": "markers",
        "name": "not by the last step",
        "x": bias.frequencies[late],
        "y": np.full(int(late.sum()), float(bias.steps[-1])),
        "marker": marker | {"line": {"width": 2, "color": colours.chosen}},
        "hovertemplate": "k = %{x:~g}<br>not half learnt by step %{y:,d}<extra></extra>",
    }
    return [trace]


def _trend(bias: SpectralBias, colours: Palette) -> list[Trace]:
    """The power law through the halves' times: it passes through their mean."""
    exponent, times = bias.order.exponent, bias.half.between
    there = np.isfinite(times)
    if not np.isfinite(exponent):
        return []
    x, y = np.log(bias.frequencies[there]), np.log(np.maximum(times[there], EARLIEST))
    ends = np.array([x.min(), x.max()])
    line = {
        "type": "scatter",
        "mode": "lines",
        "x": np.exp(ends),
        "y": np.exp(y.mean() + exponent * (ends - x.mean())),
        "line": {"color": colours.fit, "width": 1.5, "dash": "dash"},
        "showlegend": False,
        "hoverinfo": "skip",
    }
    return [line]


def time_axes(bias: SpectralBias) -> tuple[dict[str, Any], dict[str, Any]]:
    """Of frequencies and of steps, both logarithmic; few frequencies are all named."""
    k = bias.frequencies[bias.told] if bias.told.any() else bias.frequencies
    named = {"tickvals": k, "ticktext": [f"{each:g}" for each in k]}
    across = {"type": "log", **named} if len(k) <= FEW else log_axis(k, log=True)
    found = np.concatenate([each.between for each in bias.reached])
    late = np.isinf(bias.half.step).any() or not np.isfinite(found).any()
    last = [float(bias.steps[-1])] if late else []
    times = np.maximum(np.append(found[np.isfinite(found)], last), EARLIEST)
    up = log_axis(times, log=True) | {"tickformat": ","}
    return (
        across | {"title": {"text": "frequency k", "standoff": 10}},
        up | {"title": {"text": "step", "standoff": 8}},
    )


def verdict_words(bias: SpectralBias, colours: Palette) -> dict[str, Any]:
    """Above the times: the verdict, and what it rests on."""
    return {
        "text": "<br>".join([f"<b>{VERDICTS[bias.verdict]}</b>", *_reasons(bias.order)]),
        "x": 0,
        "xref": "x2 domain",
        "xanchor": "left",
        "y": 1,
        "yref": "y2 domain",
        "yanchor": "bottom",
        "yshift": 10,
        "align": "left",
        "showarrow": False,
        "font": {"size": 12, "color": colours.ink},
    }


def _reasons(order: Order) -> list[str]:
    growth = f"times go with k^{order.exponent:.2f} ± {order.exponent_error:.2g}"
    return [spearman_words(order), *([growth] if np.isfinite(order.exponent_error) else [])]


def spearman_words(order: Order) -> str:
    """With its interval, where there are enough frequencies for one."""
    if np.isnan(order.spearman):
        return "Spearman not told"
    if np.isnan(order.low):
        return f"Spearman {order.spearman:.2f}"
    return f"Spearman {order.spearman:.2f} (95 %: {order.low:.2f} to {order.high:.2f})"
