"""A function along a line at one record, over its target, as plotly traces and axes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dashboard.theme import Palette, safe
from diagnostics.learned_function import LearnedFunction

Floats = NDArray[np.float64]
Trace = dict[str, Any]

MOST_POINTS = 1000  # of a curve: no page is wider
DOTS = 48  # points up to which each is marked
OUTPUTS = {"outputs": "output", "probabilities": "probability"}
BEYOND = 0.6  # how far outside of its target a function is followed, as a share of the span


def line_traces(
    learned: LearnedFunction, output: int, record: int, colours: Palette
) -> list[Trace]:
    """The function, which a slider changes; then its target."""
    target = {"color": colours.dimmed, "width": 2, "dash": "dot"}
    shown = [_trace(learned, "network", {"color": colours.chosen, "width": 2})]
    shown[0] |= {"y": written(learned.values[record, _shown(learned), output])}
    if learned.has_target:
        wanted = {"y": written(learned.target[_shown(learned), output])}
        shown.append(_trace(learned, "target", target) | wanted)
    return shown


def line_change(learned: LearnedFunction, output: int, record: int) -> dict[str, Any]:
    """What of the first trace is otherwise at another record."""
    return {"y": [written(learned.values[record, _shown(learned), output])]}


def line_layout(learned: LearnedFunction, output: int) -> dict[str, Any]:
    """The same at every record, so that they can be compared."""
    low, high = edges(learned, output)
    title = {"text": OUTPUTS[learned.outputs], "standoff": 8}
    return {
        "height": 560,
        "xaxis": {"title": {"text": safe(learned.axis), "standoff": 10}, "showgrid": False},
        "yaxis": {"domain": [0.36, 1], "title": title, "range": [low, high]},
    }


def _trace(learned: LearnedFunction, name: str, line: Trace) -> Trace:
    shown = _shown(learned)
    return {
        "type": "scatter",
        "mode": "lines+markers" if len(shown) <= DOTS else "lines",
        "x": written(learned.places[shown]),
        "name": name,
        "line": line,
        "marker": {"size": 5},
        "hovertemplate": f"{name}<br>%{{x:.4g}}: %{{y:.4g}}<extra></extra>",
    }


def _shown(learned: LearnedFunction) -> NDArray[np.int64]:
    """Examples from left to right; of very many, some."""
    order = np.argsort(learned.places, kind="stable")
    found: NDArray[np.int64] = order[
        np.unique(np.linspace(0, len(order) - 1, MOST_POINTS, dtype=int))
    ]
    return found


def edges(learned: LearnedFunction, output: int) -> tuple[float, float]:
    """Around the target, and around the function where that does not run away."""
    values = learned.values[..., output]
    finite = values[np.isfinite(values)]
    if learned.has_target:
        known = learned.target[:, output]
    else:
        known = np.quantile(finite, [0.01, 0.99]) if finite.size else np.array([0.0, 1.0])
    span = float(np.ptp(known)) or max(abs(float(known.max())), 1.0)
    least, most = known.min() - BEYOND * span, known.max() + BEYOND * span
    inside = np.append(finite.clip(least, most), known)
    return float(inside.min() - 0.05 * span), float(inside.max() + 0.05 * span)


def written(values: Floats) -> list[float | None]:
    """In five digits, as each stop of a slider carries its own; what is no number is a gap."""
    return [float(f"{value:.5g}") if np.isfinite(value) else None for value in values]
